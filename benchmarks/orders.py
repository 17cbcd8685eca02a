"""Rows of the order path: a market order on every tick, from the callback to the Step.

Submit, gate (all limits on, cash counted), accept, fill, portfolio, report to the strategy: the
rate in processor time, and in a pass of its own the wall time of each `Engine.process` call.
"""

from functools import partial
from time import perf_counter_ns

from alphaforge.engine.core import Engine
from alphaforge.model.market import Trade
from alphaforge.model.settings import RiskSettings
from benchmarks.harness import Harness, Row, Work, collection_paused, percentile
from benchmarks.market import RISK, SYMBOL, Ticks, check, feed_trades, start_engine, ticks
from benchmarks.strategies import EveryTick

ORDERS = 200_000
BEST_OF = 5
LATENCY_BEST_OF = 3


def run(harness: Harness) -> dict[str, Row]:
    """Measure `orders` and `orders_p99_us`."""
    columns = ticks(harness.size(ORDERS))
    best_of = harness.tries(BEST_OF)
    prepares = [partial(_prepare, columns, risk) for risk in (RISK, RiskSettings())]
    limited, free = (ns / len(columns.times) for ns in harness.best_ns_each(prepares, best_of))
    passes = [_latencies(columns) for _ in range(harness.tries(LATENCY_BEST_OF))]
    p50, p99, longest = min(passes, key=lambda each: each[1])
    latency = {"p50_us": p50, "p99_us": p99, "max_us": longest}
    without = {"per_second_without_limits": round(1e9 / free)}
    return {
        "orders": Row(1e9 / limited, "orders/s", best_of, limited, without | latency),
        "orders_p99_us": Row(p99, "us", len(passes), p99 * 1_000, latency),
    }


def _prepare(columns: Ticks, risk: RiskSettings) -> Work:
    engine = start_engine([EveryTick], risk=risk)
    return partial(_feed, engine, columns)


def _feed(engine: Engine, columns: Ticks) -> None:
    feed_trades(engine, columns)
    check(engine, orders=len(columns.times))


def _latencies(columns: Ticks) -> tuple[float, float, float]:
    """(median, 99th percentile, longest) wall time of a tick that orders and fills, in µs."""
    engine = start_engine([EveryTick])
    spent: list[int] = []
    with collection_paused():
        process, clock, keep = engine.process, perf_counter_ns, spent.append
        for ts, price, size in zip(*columns, strict=True):
            trade = Trade(SYMBOL, ts, price, size, None, "", ts)
            started = clock()
            process(trade)
            keep(clock() - started)
    check(engine, orders=len(spent))
    return percentile(spent, 0.5) / 1_000, percentile(spent, 0.99) / 1_000, max(spent) / 1_000
