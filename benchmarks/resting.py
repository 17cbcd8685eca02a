"""Rows of resting orders: what a tick costs while 0, 1,000 or 10,000 limits rest out of reach.

Taken in turns, since it is their ratio that counts. One strategy keeps its two averages and trades
nothing; others, a thousand limits each, rest theirs before the timing starts and hear no tick.
"""

from functools import partial
from time import process_time_ns

from alphaforge.engine.core import Engine
from alphaforge.model.market import Trade
from alphaforge.model.settings import RiskSettings
from benchmarks.harness import Harness, Row, Work
from benchmarks.market import (
    START_NS,
    START_PRICE,
    SYMBOL,
    Ticks,
    check,
    feed_trades,
    start_engine,
    ticks,
)
from benchmarks.strategies import QuietEma, RestingGrid

TICKS = 300_000
COUNTS = (0, 1_000, 10_000)
BEST_OF = 7


def run(harness: Harness) -> dict[str, Row]:
    """Measure `resting_0`, `resting_1000` and `resting_10000`."""
    columns, best_of = ticks(harness.size(TICKS)), harness.tries(BEST_OF)
    submits: dict[int, int] = dict.fromkeys(COUNTS, 1 << 62)
    prepares = [partial(_prepare, columns, count, submits) for count in COUNTS]
    found = [ns / len(columns.times) for ns in harness.best_ns_each(prepares, best_of)]
    rows: dict[str, Row] = {}
    for count, ns in zip(COUNTS, found, strict=True):
        extra = {"ratio": round(ns / found[0], 3), "submit_ms": round(submits[count] / 1e6, 1)}
        rows[f"resting_{count}"] = Row(ns, "ns/tick", best_of, ns, extra)
    return rows


def _prepare(columns: Ticks, count: int, submits: dict[int, int]) -> Work:
    started = process_time_ns()
    engine = start_engine([QuietEma, *[RestingGrid] * (count // 1_000)], risk=RiskSettings())
    engine.process(Trade(SYMBOL, START_NS - 1, START_PRICE, 1.0, None, "", START_NS - 1))
    submits[count] = min(submits[count], process_time_ns() - started)
    return partial(_feed, engine, columns, count)


def _feed(engine: Engine, columns: Ticks, count: int) -> None:
    feed_trades(engine, columns)
    check(engine, resting=count)
