"""Rows of the engine's one door: ticks and bars through `Engine.process`, strategies trading."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle

from alphaforge.engine.core import Engine
from alphaforge.engine.strategy import Strategy
from alphaforge.model.market import Trade
from benchmarks.harness import Harness, Row, Work
from benchmarks.market import (
    SYMBOL,
    Ticks,
    bars,
    check,
    feed_bars,
    feed_trades,
    filled,
    start_engine,
    ticks,
)
from benchmarks.strategies import BarCross, EmaCross, EmaCrossFourKinds

TICKS = 1_000_000
BARS = 100_000
STRATEGIES = 10
STRATEGIES_TICKS = 300_000
SYMBOLS = 100
SYMBOLS_TICKS = 1_000_000
BEST_OF = 5


def tick_ema(harness: Harness) -> dict[str, Row]:
    """Nanoseconds a tick with one strategy that trades on crossings of EMA 100 and 400."""
    columns = ticks(harness.size(TICKS))
    prepare = partial(_trades, [EmaCross], columns)
    return {"tick_ema": _ticks_row(harness, prepare, len(columns.times))}


def tick_ema_4bars(harness: Harness) -> dict[str, Row]:
    """The same with time, tick, volume and value bars built and delivered."""
    columns = ticks(harness.size(TICKS))
    prepare = partial(_trades, [EmaCrossFourKinds], columns)
    return {"tick_ema_4bars": _ticks_row(harness, prepare, len(columns.times))}


def strategies_10(harness: Harness) -> dict[str, Row]:
    """Ten such strategies on one symbol."""
    columns = ticks(harness.size(STRATEGIES_TICKS))
    prepare = partial(_trades, [EmaCross] * STRATEGIES, columns)
    return {"strategies_10": _ticks_row(harness, prepare, len(columns.times))}


def symbols_100(harness: Harness) -> dict[str, Row]:
    """A hundred symbols with such a strategy each, ticks in turns."""
    columns = ticks(harness.size(SYMBOLS_TICKS))
    prepare = partial(_many_symbols, columns)
    return {"symbols_100": _ticks_row(harness, prepare, len(columns.times))}


def bars_row(harness: Harness) -> dict[str, Row]:
    """Recorded bars a second, each as its open and the whole, EMA 10 and 40 trading."""
    rows, best_of = bars(harness.size(BARS)), harness.tries(BEST_OF)
    engines: list[Engine] = []

    def prepare() -> Work:
        engine = start_engine([BarCross], native_kinds={SYMBOL: "1m"})
        engines[:] = [engine]
        return partial(feed_bars, engine, rows)

    ns = harness.best_ns(prepare, best_of) / len(rows)
    check(engines[0])
    extra = {"orders": filled(engines[0])}
    return {"bars": Row(1e9 / ns, "bars/s", best_of, ns, extra)}


Prepared = tuple[Engine, Work]


def _trades(makers: Sequence[Callable[[], Strategy]], columns: Ticks) -> Prepared:
    engine = start_engine(makers)
    return engine, partial(feed_trades, engine, columns)


def _many_symbols(columns: Ticks) -> Prepared:
    symbols = [f"S{number:02d}/USDT" for number in range(SYMBOLS)]
    engine = start_engine([partial(_cross_of, symbol) for symbol in symbols], symbols)
    return engine, partial(_feed_in_turns, engine, columns, symbols)


def _cross_of(symbol: str) -> Strategy:
    strategy = EmaCross()
    strategy.symbol = symbol
    return strategy


def _feed_in_turns(engine: Engine, columns: Ticks, symbols: Sequence[str]) -> None:
    process = engine.process
    for symbol, ts, price, size in zip(cycle(symbols), *columns, strict=False):
        process(Trade(symbol, ts, price, size, None, "", ts))


def _ticks_row(harness: Harness, prepare: Callable[[], Prepared], count: int) -> Row:
    best_of = harness.tries(BEST_OF)
    engines: list[Engine] = []

    def keep() -> Work:
        engine, work = prepare()
        engines[:] = [engine]
        return work

    ns = harness.best_ns(keep, best_of) / count
    engine = engines[0]
    check(engine)
    extra = {
        "per_second": round(1e9 / ns),
        "orders": filled(engine),
        "bars": engine.data.bars_built,
    }
    return Row(ns, "ns/tick", best_of, ns, extra)
