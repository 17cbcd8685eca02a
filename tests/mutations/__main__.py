"""`python -m tests.mutations`: break the order path in every listed way and count what is noticed.

`--resume FILE` keeps what was found, mutant by mutant, and runs again only what it does not answer.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import msgspec

from tests.mutations.mutant import Mutant
from tests.mutations.mutants import MUTANTS
from tests.mutations.report import caught_by, figures, table
from tests.mutations.running import Base, Control, Result, run_control, run_mutant


class Kept(msgspec.Struct):
    """What a resume file holds."""

    control: Control | None = None
    results: dict[str, Result] = {}


class Keeper:
    """Reads and writes a resume file; without one it only remembers."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.kept = Kept()
        if path is not None and path.exists():
            self.kept = msgspec.json.decode(path.read_bytes(), type=Kept)

    def keep(self, found: Result | Control) -> None:
        """Remember, at once."""
        if isinstance(found, Control):
            self.kept.control = found
        else:
            self.kept.results[found.mutant] = found
        if self._path is not None:
            self._path.write_bytes(msgspec.json.format(msgspec.json.encode(self.kept), indent=1))


def run(
    mutants: Sequence[Mutant], keeper: Keeper, base: Base, cap: int, jobs: int
) -> Iterator[Result]:
    """The results as they come; those that are known already first."""
    control = keeper.kept.control
    if control is None or control.package != base.package or control.seeds < cap:
        keeper.keep(control := run_control(base, cap))
    known = keeper.kept.results
    todo: list[Mutant] = []
    for mutant in mutants:
        if mutant.name in known and known[mutant.name].answers(base.package, mutant, cap):
            yield known[mutant.name]
        else:
            todo.append(mutant)
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(run_mutant, base, mutant, control, cap) for mutant in todo]
        for done in as_completed(running):
            keeper.keep(done.result())
            yield done.result()


def main() -> int:
    """1 if a mutant survived that should not have, or the package itself fails; else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--cap", type=int, default=500, help="seeds per mutant at most")
    parser.add_argument("--jobs", type=int, default=2, help="mutants side by side")
    parser.add_argument("--only", default="", help="names of mutants, with commas")
    parser.add_argument("--resume", type=Path, help="file that keeps what was found")
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    chosen = parser.parse_args()
    names = [each for each in chosen.only.split(",") if each]
    mutants = [each for each in MUTANTS if not names or each.name in names]
    keeper = Keeper(chosen.resume)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        base = Base(Path(folder))
        for result in run(mutants, keeper, base, chosen.cap, chosen.jobs):
            results.append(result)
            if not chosen.json:
                by = caught_by(result.violation) or "SURVIVED"
                print(f"{result.mutant}: {by} after {result.seeds} seeds", flush=True)
    told = figures(results)
    control = keeper.kept.control
    failing = control.failing if control is not None else {}
    if chosen.json:
        rows = [msgspec.to_builtins(each) for each in results]
        print(json.dumps({**told, "results": rows, "failing_unbroken": failing}))
    else:
        print("\n".join(["", *table(mutants, results), ""]))
        print("\n".join(f"{name}: {value}" for name, value in told.items()))
        print(f"seeds on which the unbroken package fails (left out): {failing or 'none'}")
    explained = {each.name for each in mutants if each.survives}
    missed = {each.mutant for each in results if each.caught_at is None} - explained
    return int(bool(failing or missed))


if __name__ == "__main__":
    sys.exit(main())
