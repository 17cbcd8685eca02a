"""The market of the benchmarks: a seeded random walk, drawn before anything is timed.

A million trades in about three days, prices on a grid of 0.1 around 60,000, sizes from 0.001 to 1;
crossings of EMA 100 and 400 come about 3,150 times. Also makes the engines that trade it. Must
never draw inside a timed loop.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import numpy as np

from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine
from alphaforge.engine.strategies import RunState
from alphaforge.engine.strategy import Strategy
from alphaforge.model.commands import StartSession
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, BarOpen, Trade
from alphaforge.model.settings import AccountSettings, EngineSettings, RiskSettings

SEED = 7
SYMBOL = "BTC/USDT"
START_NS = 1_723_075_200_000_000_000
START_PRICE = 60_000.0
MEAN_GAP_NS = 259_200_000  # a million of them are three days
DRAWN_AT_ONCE = 16_384
TICKS_PER_BAR = 10
MINUTE_NS = 60_000_000_000

RISK = RiskSettings(
    max_order_quantity=Decimal(10),
    max_order_value=Decimal(1_000_000),
    max_position_value=Decimal(5_000_000),
    max_open_orders=1_000,
    price_collar_pct=Decimal(10),
)
"""Every limit of the gate on, none in the way."""


class Ticks(NamedTuple):
    """Columns of trades: times (ns), prices, sizes."""

    times: list[int]
    prices: list[float]
    sizes: list[float]


def draw(count: int) -> Iterator[Ticks]:
    """The walk in blocks, for whoever must not hold all of it."""
    rng = np.random.default_rng(SEED)
    ts, price = START_NS, START_PRICE
    for begun in range(0, count, DRAWN_AT_ONCE):
        gaps = rng.exponential(MEAN_GAP_NS, DRAWN_AT_ONCE).astype(np.int64)
        steps = rng.normal(0.0, 1.0, DRAWN_AT_ONCE)
        sizes = rng.integers(1, 1_001, DRAWN_AT_ONCE) / 1_000
        times, prices = ts + np.cumsum(gaps), price + np.cumsum(steps)
        ts, price = int(times[-1]), float(prices[-1])
        rows = min(DRAWN_AT_ONCE, count - begun)
        yield Ticks(
            times[:rows].tolist(), np.round(prices[:rows], 1).tolist(), sizes[:rows].tolist()
        )


@cache
def ticks(count: int) -> Ticks:
    """The first trades of the walk, drawn once."""
    columns = Ticks([], [], [])
    for block in draw(count):
        for whole, part in zip(columns, block, strict=True):
            whole.extend(part)  # type: ignore[arg-type]  # int to int, float to float, by place
    return columns


@cache
def bars(count: int) -> list[tuple[int, float, float, float, float, float]]:
    """(start ns, open, high, low, close, volume) of bars of ten ticks, put a minute apart."""
    _, prices, sizes = ticks(count * TICKS_PER_BAR)
    rows: list[tuple[int, float, float, float, float, float]] = []
    for number in range(count):
        inside = slice(number * TICKS_PER_BAR, (number + 1) * TICKS_PER_BAR)
        part, volume = prices[inside], round(sum(sizes[inside]), 3)
        ts = START_NS + number * MINUTE_NS
        rows.append((ts, part[0], max(part), min(part), part[-1], volume))
    return rows


def instrument(symbol: str = SYMBOL) -> Instrument:
    """A spot instrument with exchange-like rules."""
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        settle=quote,
        price_step=Decimal("0.1"),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
    )


def start_engine(
    makers: Sequence[Callable[[], Strategy]],
    symbols: Sequence[str] = (SYMBOL,),
    risk: RiskSettings = RISK,
    native_kinds: Mapping[str, str] | None = None,
) -> Engine:
    """A started engine with a simulated venue, cash that is counted, and these strategies."""
    cash = {"USDT": Decimal(100_000_000)}
    cash.update({symbol.partition("/")[0]: Decimal(100_000) for symbol in symbols})
    account = AccountSettings(cash=cash, reporting_currency="USDT")
    rules = {symbol: instrument(symbol) for symbol in symbols}
    engine = simulate(EngineSettings(account=account, risk=risk), rules, native_kinds)
    for number, make in enumerate(makers):
        engine.register(f"strategy-{number}", make)
    engine.process(StartSession(START_NS - 1))
    return engine


def feed_trades(engine: Engine, columns: Ticks, symbol: str = SYMBOL) -> None:
    """What a feed does: build each trade and put it in."""
    process = engine.process
    for ts, price, size in zip(*columns, strict=True):
        process(Trade(symbol, ts, price, size, None, "", ts))


def feed_bars(
    engine: Engine, rows: Sequence[tuple[int, float, float, float, float, float]]
) -> None:
    """Put each bar in as its open and, a minute later, the whole of it."""
    process = engine.process
    for ts, first, high, low, last, volume in rows:
        process(BarOpen(SYMBOL, ts, first, ts))
        end = ts + MINUTE_NS
        process(
            Bar(
                SYMBOL, "1m", end, ts, first, high, low, last, volume, TICKS_PER_BAR,
                False, True, end,
            )
        )  # fmt: skip


def filled(engine: Engine) -> int:
    """How many orders filled."""
    return engine.execution.counts.filled


def check(engine: Engine, *, orders: int = 0, resting: int = 0) -> None:
    """Refuse to report the speed of a strategy that broke, or of orders that did not work."""
    for name, runner in engine.strategies.runners.items():
        if runner.state is not RunState.RUNNING:
            raise RuntimeError(f"benchmark: {name} stopped: {runner.error!r}")
    counts, open_orders = engine.execution.counts, len(engine.execution.orders)
    if engine.data.rejected or counts.denied:
        raise RuntimeError(f"benchmark: rejected {engine.data.rejected}, orders {counts}")
    if counts.filled < orders or open_orders < resting:
        raise RuntimeError(f"benchmark: {orders} fills, {resting} open expected, orders {counts}")
