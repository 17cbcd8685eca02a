"""`python -m benchmarks [--json] [--rows a,b] [--quick]`: measures the rows and shows them."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import (
    cache,
    control,
    intent,
    journal,
    memory,
    messages,
    orders,
    panels,
    recovery,
    resting,
    run_start,
    start,
    trading,
    tui,
    wire,
)
from benchmarks.goals import table
from benchmarks.harness import Harness, Row

SCHEMA = 1

Run = Callable[[Harness], dict[str, Row]]

RUNS: dict[Run, tuple[str, ...]] = {
    trading.tick_ema: ("tick_ema",),
    trading.tick_ema_4bars: ("tick_ema_4bars",),
    trading.bars_row: ("bars",),
    orders.run: ("orders", "orders_p99_us"),
    resting.run: ("resting_0", "resting_1000", "resting_10000"),
    trading.strategies_10: ("strategies_10",),
    trading.symbols_100: ("symbols_100",),
    cache.run: ("cache_mixed",),
    journal.run: ("journal_rows",),
    intent.run: (
        "intent_process_p50_us",
        "intent_process_p99_us",
        "intent_power_p50_us",
        "intent_power_p99_us",
    ),
    wire.run: wire.NAMES,
    messages.run: tuple(messages.KINDS),
    recovery.run: ("recovery_s",),
    run_start.run: ("run_start_s",),
    control.run: control.NAMES,
    panels.run: panels.NAMES,
    tui.run: tui.NAMES,
    start.help_ratio: ("help_ratio",),
    start.strategy_start_ms: ("strategy_start_ms",),
    memory.run: ("peak_mb",),
}
"""What measures which rows, in the order shown."""

NAMES = tuple(name for names in RUNS.values() for name in names)


def measure(harness: Harness, wanted: Sequence[str]) -> dict[str, Row]:
    """Measure the wanted rows; what measures one of a group measures all of it.

    The cache comes first: later, its entries would lie scattered between what the others left.
    """
    rows: dict[str, Row] = {}
    for run, names in sorted(RUNS.items(), key=lambda each: each[0] is not cache.run):
        if any(name in wanted for name in names):
            if sys.stderr.isatty():
                print(f"{', '.join(names)} ...", file=sys.stderr)
            rows |= run(harness)
    return {name: rows[name] for name in NAMES if name in wanted}


def as_json(rows: dict[str, Row], floor_ns: float) -> dict[str, Any]:
    """The document: see README.md."""
    return {
        "schema": SCHEMA,
        "floor_ns": round(floor_ns, 2),
        "rows": {
            name: {
                "value": _rounded(row.value),
                "unit": row.unit,
                "floors": (
                    None if row.ns_per_item is None else round(row.ns_per_item / floor_ns, 2)
                ),
                "best_of": row.best_of,
                **row.extra,
            }
            for name, row in rows.items()
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--rows", default="", help=f"some of {','.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs")
    given = parser.parse_args(arguments)
    wanted = given.rows.split(",") if given.rows else list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(NAMES)}")
    harness = Harness(quick=given.quick)
    harness.measure_floor()
    rows = measure(harness, wanted)
    if given.json:
        print(json.dumps(as_json(rows, harness.floor_ns), indent=2))
    else:
        print(table(rows, harness.floor_ns))


def _rounded(figure: float) -> float:
    """Whole numbers where the rest would be noise."""
    return round(figure) if figure >= 1_000 else round(figure, 3)


if __name__ == "__main__":
    main()
