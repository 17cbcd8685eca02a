"""`python -m tests.faults [--cells TEXT] [--network] [--jobs 2] [--markdown]`: the fault matrix.

Each job is a process that plays its share of the cells, a few at a time. Exit code 1 if a cell is
not what `expected.py` says. Must hold no cell.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.faults.cells import Result, play
from tests.faults.network import Figures, endure, name_of
from tests.faults.network import by_name as network_by_name
from tests.faults.network import markdown as network_markdown
from tests.faults.network import told as network_told
from tests.faults.report import by_name, faults_of, markdown, summed_up, told
from tests.venues.local import make_certificates

AT_ONCE = 4
"""Cells that one job plays at the same time: they mostly wait."""

_WORKER = "--worker"


def main() -> int:
    """Play what was asked for, and tell."""
    arguments = parsed()
    if arguments.worker is not None:
        asyncio.run(_work(arguments))
        return 0
    cells = {} if arguments.network else _collect(arguments, "--cells", arguments.cells, Result)
    network = {} if arguments.cells else _collect(arguments, "--network", arguments.only, Figures)
    played = [(cell, cells[cell.name]) for cell in by_name([]) if cell.name in cells]
    bad = any(faults_of(cell, result) for cell, result in played)
    bad |= any(figures.wrong for figures in network.values())
    missing = len(by_name(arguments.cells)) - len(cells) if not arguments.network else 0
    missing += len(network_by_name(arguments.only)) - len(network) if not arguments.cells else 0
    if arguments.markdown:
        sys.stdout.write(markdown(cells) + "\n\n" if cells else "")
        sys.stdout.write(network_markdown(network) + "\n" if network else "")
    else:
        sys.stdout.write("".join(told(*each) + "\n" for each in played))
        sys.stdout.write("".join(network_told(each) + "\n" for each in network.values()))
    if cells:
        sys.stderr.write(summed_up(cells) + "\n")
    if missing:
        sys.stderr.write(f"{missing} were not played: a worker died\n")
    return 1 if bad or missing else 0


def _collect(
    arguments: argparse.Namespace, what: str, names: Sequence[str], kind: type
) -> dict[str, object]:
    """Have the workers play; their results by name."""
    command = [sys.executable, "-m", "tests.faults", *([what] if what == "--network" else [])]
    option = "--only" if what == "--network" else "--cells"
    command += [each for name in names for each in (option, name)]
    jobs = [
        subprocess.Popen([*command, _WORKER, f"{job}/{arguments.jobs}"], stdout=subprocess.PIPE)
        for job in range(arguments.jobs)
    ]
    found: dict[str, object] = {}
    for job in jobs:
        said, _ = job.communicate()
        for line in said.splitlines():
            name, result = msgspec.json.decode(line, type=tuple[str, kind])
            found[name] = result
    return found


async def _work(arguments: argparse.Namespace) -> None:
    """One job's share: a line of JSON for each result."""
    number, jobs = (int(each) for each in arguments.worker.split("/"))
    gate = asyncio.Semaphore(AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="alphaforge-tls-") as folder:
        made = make_certificates(Path(folder))

        async def one(name: str, work: object) -> None:
            async with gate:
                result = await work(made)  # type: ignore[operator]  # a coroutine function
            sys.stdout.buffer.write(msgspec.json.encode((name, result)) + b"\n")
            sys.stdout.buffer.flush()

        if arguments.network:
            troubles = network_by_name(arguments.only)
            todo = [(name_of(each), lambda made, it=each: endure(it, made)) for each in troubles]
        else:
            cells = by_name(arguments.cells)
            todo = [(cell.name, lambda made, it=cell: play(it, made)) for cell in cells]
        async with asyncio.TaskGroup() as tasks:
            for name, work in todo[number::jobs]:
                tasks.create_task(one(name, work))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--cells", action="append", default=[], help="only those whose name holds this"
    )
    parser.add_argument("--network", action="store_true", help="only the network faults")
    parser.add_argument(
        "--only", action="append", default=[], help="of those, the ones whose name holds this"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--markdown", action="store_true", help="the tables of the docs")
    parser.add_argument(_WORKER, default=None, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
