"""Starts an engine as a process of its own, and waits until it answers or has failed.

It has its own session, no terminal, and a file for whatever it prints; it goes on when whoever
started it is gone. Must never trade: the engine does.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from alphaforge.cli.printing import talk
from alphaforge.errors import ExitCode, PartlyDoneError

if TYPE_CHECKING:
    from alphaforge.client.records import EngineRecord

START_SECONDS: Final = 90.0
"""A venue may take long to connect to."""

LOOK_SECONDS: Final = 0.05
SHOWN_LINES: Final = 15
_TAIL_BYTES: Final = 8_192
_OWN_FLAGS: Final = frozenset({"--detach", "--headless"})


class Started(NamedTuple):
    """What became of an engine that was started.

    Attributes:
        record: Where it answers; None if it ended before.
        code: Its exit code if it ended, else 0.
        output: The file it prints to.
    """

    record: "EngineRecord | None"
    code: int
    output: Path


def engine_arguments(arguments: Sequence[str]) -> list[str]:
    """The command line of the engine's own process: the one typed, without a terminal."""
    words = [word for word in arguments if word not in _OWN_FLAGS]
    return [*words, "--headless"]


def start_engine(arguments: Sequence[str], directory: Path) -> Started:
    """Start `alphaforge ARGUMENTS` in the background; its output goes below `directory`.

    Ctrl-C while it starts ends it. Raises `PartlyDoneError` if it lives and does not answer.
    """
    output, file = _output(directory)
    with os.fdopen(file, "wb") as sink:
        child = subprocess.Popen(  # noqa: S603 - our own program with the words that were typed
            [sys.executable, "-m", "alphaforge", *engine_arguments(arguments)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        record = asyncio.run(_answering(child))
    except KeyboardInterrupt:
        child.send_signal(signal.SIGTERM)
        child.wait()
        raise
    if record is not None:
        child.returncode = 0  # it is not ours to wait for any more: it outlives this process
        return Started(record, 0, _renamed(output, record.run_id))
    code = child.poll()
    if code is None:
        raise PartlyDoneError(
            f"the engine (pid {child.pid}) runs and has not answered after {START_SECONDS:g} s",
            remedy=f"look at what it says: {output}; end it: kill {child.pid}",
        )
    return Started(None, code if code >= 0 else ExitCode.FAILED, output)


def tell_failure(started: Started) -> int:
    """Show the last lines of an engine that ended before it answered; its exit code."""
    for line in _last_lines(started.output):
        talk(line)
    talk(f"the engine ended with exit code {started.code}; all it said: {started.output}")
    return started.code


def tell_started(record: "EngineRecord", *, as_json: bool) -> None:
    """Say where the engine is, and what to type next."""
    from alphaforge.cli.printing import print_json, print_table

    facts: dict[str, object] = {"run_id": record.run_id, "pid": record.pid, "log": record.log}
    if as_json:
        print_json({**facts, "socket": record.socket})
        return
    print_table(("engine", ""), list(facts.items()))
    talk("look at it: alphaforge attach, alphaforge status --watch, alphaforge logs -f")
    talk("end it: alphaforge stop")


def tell_left(record: "EngineRecord") -> None:
    """Say what becomes of an engine whose app was left."""
    from alphaforge.client.engines import running

    if any(each.run_id == record.run_id for each in running()):
        talk(f"run {record.run_id} goes on; look: alphaforge attach, end it: alphaforge stop")
    else:
        talk(f"run {record.run_id} has ended; see: alphaforge runs show {record.run_id}")


async def _answering(child: "subprocess.Popen[bytes]") -> "EngineRecord | None":
    """Its record once it answers; None if it has ended, or the time is over."""
    from alphaforge.client.engines import running

    waited = 0.0
    while waited < START_SECONDS and child.poll() is None:
        found = next((each for each in running() if each.pid == child.pid), None)
        if found is not None:
            return found
        await asyncio.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
    return None


def _output(directory: Path) -> tuple[Path, int]:
    """A new file for what the engine prints, its owner's alone."""
    folder = directory / "data" / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, name = tempfile.mkstemp(prefix="starting-", suffix=".out", dir=folder)
    return Path(name), file


def _renamed(output: Path, run_id: str) -> Path:
    """The same file under its run's name, now that there is one."""
    return output.replace(output.with_name(f"{run_id}.out"))


def _last_lines(path: Path) -> list[str]:
    with path.open("rb") as lines:
        lines.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        text = lines.read().decode("utf-8", "replace")
    return [
        "".join(each if each.isprintable() else " " for each in line)
        for line in text.splitlines()[-SHOWN_LINES:]
    ]
