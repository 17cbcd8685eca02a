"""`python -m tests.simulation`: many seeds, one seed, or one seed made small."""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, islice
from pathlib import Path

from msgspec.structs import replace

from tests.simulation.disk import Template, working_folder
from tests.simulation.report import Totals, lines_of, one_line
from tests.simulation.shrink import Shrinker, about_its_order
from tests.simulation.world import Options, Verdict, run_seed

MOST_LINES = 100
"""Lines of a shrunk seed's trace that are shown."""

CHUNK = 10
"""Seeds a worker takes at once."""


def run_chunk(seeds: list[int], options: Options | None = None) -> list[Verdict]:
    """Live some seeds in this process, on a folder of their own."""
    folder = working_folder()
    try:
        template = Template(folder)
        return [run_seed(seed, template, options) for seed in seeds]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def chunks(start: int, count: int) -> Iterator[list[int]]:
    """The seeds from `start` on, in portions."""
    seeds = iter(range(start, start + count))
    while portion := list(islice(seeds, CHUNK)):
        yield portion


def run_many(
    start: int, count: int, jobs: int, options: Options, *, quiet: bool
) -> tuple[Totals, float]:
    """Live many seeds; failing ones are shown as they come."""
    run = partial(run_chunk, options=options)
    totals, began = Totals(), time.perf_counter()
    with ProcessPoolExecutor(jobs) as pool:
        for verdict in chain.from_iterable(pool.map(run, chunks(start, count))):
            totals.add(verdict)
            if not quiet:
                show_progress(totals, verdict)
    return totals, time.perf_counter() - began


def show_progress(totals: Totals, verdict: Verdict) -> None:
    """Say it at once when something is wrong, and now and then how far it is."""
    if verdict.violation:
        print(one_line(verdict), flush=True)
    if totals.seeds % 500 == 0:
        print(f"{totals.seeds} seeds, {len(totals.violations)} violations", flush=True)


def run_one(seed: int, folder: Path, options: Options) -> Verdict:
    """Live one seed and tell all of it."""
    verdict = run_seed(seed, Template(folder), replace(options, keep_trace=True))
    print("\n".join(verdict.trace))
    print("\n".join(lines_of({"faults": dict(verdict.faults), "counts": dict(verdict.counts)})))
    print(one_line(verdict) if verdict.violation else f"seed {seed}: no violation")
    return verdict


def shrink_one(seed: int, folder: Path, options: Options) -> Verdict | None:
    """Make one failing seed small and tell what is left."""
    shrinker = Shrinker(seed, Template(folder), print, options)
    verdict = shrinker.shrink()
    if verdict is None:
        print(f"seed {seed} does not fail")
        return None
    for each in verdict.struck:
        print(f"{each.at:9.4f}  {each.kind} {each.ordinal} {each.note}")
    print("--- what became of the order")
    lines = about_its_order(verdict)
    cut = ["..."] if len(lines) > MOST_LINES else []
    print("\n".join([*lines[: MOST_LINES - 20], *cut, *lines[-20:]] if cut else lines))
    print(one_line(verdict))
    return verdict


def main() -> int:
    """0 if nothing was wrong, 1 if something was."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first one")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--seed", type=int, help="this one only, told in full")
    parser.add_argument("--shrink", type=int, help="make this failing one small")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--without", default="", help="kinds of faults to leave out, with commas")
    chosen = parser.parse_args()
    options = Options(without=frozenset(filter(None, chosen.without.split(","))))
    if chosen.seed is not None or chosen.shrink is not None:
        folder = working_folder()
        try:
            if chosen.seed is not None:
                return int(bool(run_one(chosen.seed, folder, options).violation))
            return int(shrink_one(chosen.shrink, folder, options) is not None)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    totals, seconds = run_many(chosen.start, chosen.seeds, chosen.jobs, options, quiet=chosen.json)
    figures = totals.figures(seconds, chosen.jobs)
    print(json.dumps(figures) if chosen.json else "\n".join(lines_of(figures)))
    return int(bool(totals.violations))


if __name__ == "__main__":
    sys.exit(main())
