"""Lives seed after seed of the simulator in this process and says how each ended, line by line.

Run in the folder of a mutant, whose package it must import and no other.
"""

import argparse
import faulthandler
import shutil
import sys
from pathlib import Path
from typing import Final

import msgspec

import alphaforge
from tests.simulation.disk import Template, working_folder
from tests.simulation.world import run_seed

CAUGHT: Final = 3
"""Exit code; 1 is that of an interpreter that gave up."""


class Life(msgspec.Struct, frozen=True):
    """How one seed ended.

    Attributes:
        violation: What was wrong; empty if nothing.
        wall: Seconds of real time.
    """

    seed: int
    violation: str
    wall: float


def live(seed: int, template: Template) -> Life:
    """Live one seed; what the simulator did not expect is a violation, too."""
    try:
        verdict = run_seed(seed, template)
    except Exception as error:  # noqa: BLE001 - whatever a mutant does to the simulator is noticed
        return Life(seed, f"the simulation ended: {type(error).__name__}: {error}", 0.0)
    return Life(seed, verdict.violation, verdict.wall)


def main() -> int:
    """`CAUGHT` as soon as something was wrong, unless asked to go on; 0 at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations.lives", description=__doc__)
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=100, help="how many")
    parser.add_argument("--skip", default="", help="seeds to leave out, with commas")
    parser.add_argument("--seconds", type=float, default=120.0, help="the most for one seed")
    parser.add_argument("--go-on", action="store_true", help="do not stop at a violation")
    chosen = parser.parse_args()
    here = Path.cwd() / "alphaforge" / "__init__.py"
    if Path(str(alphaforge.__file__)).resolve() != here.resolve():
        print(f"imported {alphaforge.__file__}, not {here}", file=sys.stderr)
        return 2
    skipped = {int(each) for each in chosen.skip.split(",") if each}
    folder = working_folder()
    try:
        template = Template(folder)
        for seed in range(chosen.start, chosen.start + chosen.count):
            if seed in skipped:
                continue
            faulthandler.dump_traceback_later(chosen.seconds, exit=True)
            life = live(seed, template)
            faulthandler.cancel_dump_traceback_later()
            print(msgspec.json.encode(life).decode(), flush=True)
            if life.violation and not chosen.go_on:
                return CAUGHT
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
