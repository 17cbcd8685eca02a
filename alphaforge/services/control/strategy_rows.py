"""Strategies as rows: state, profit, round trips, timing, indicators.

Round trips are counted as they close, never all over again; percentiles are read once a second.
Must never call a strategy: its attributes are looked at, and what they raise is not our business.
"""

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, cast

import msgspec

from alphaforge.client.records import StrategyRow
from alphaforge.engine.core import Engine
from alphaforge.engine.indicators import (
    ADX,
    ATR,
    EMA,
    MACD,
    OBV,
    RSI,
    SMA,
    VWAP,
    WMA,
    Bollinger,
    Donchian,
    Indicator,
    Stochastic,
)
from alphaforge.engine.interruption import own_frames
from alphaforge.engine.strategies import Runner
from alphaforge.engine.strategy import Strategy
from alphaforge.model.numbers import EXACT, ZERO, plain
from alphaforge.services.control.curve import Standing
from alphaforge.services.control.host import Host
from alphaforge.services.control.order_rows import OrderRows

_INDICATORS: Final = (
    ADX,
    ATR,
    EMA,
    MACD,
    OBV,
    RSI,
    SMA,
    VWAP,
    WMA,
    Bollinger,
    Donchian,
    Stochastic,
)
_FURTHER: Final[Mapping[type, tuple[str, ...]]] = {
    ADX: ("plus_di", "minus_di"),
    MACD: ("signal", "histogram"),
    Bollinger: ("upper", "lower"),
    Donchian: ("upper", "lower"),
    Stochastic: ("d",),
}
"""What an indicator tells beside its `value`."""


class _Trips:
    """Closed round trips of a strategy."""

    __slots__ = ("count", "won")

    def __init__(self) -> None:
        self.count = 0
        self.won = 0


class _Result(msgspec.Struct):
    """What a strategy's positions add up to, in the reporting currency."""

    realized: Decimal = ZERO
    unrealized: Decimal = ZERO
    fees: Decimal = ZERO
    fills: int = 0

    @property
    def net(self) -> Decimal:
        return EXACT.subtract(EXACT.add(self.realized, self.unrealized), self.fees)


class StrategyRows:
    """Makes the rows of all strategies of a run."""

    def __init__(self, host: Host, orders: OrderRows, standing: Standing) -> None:
        self._host = host
        self._orders = orders
        self._standing = standing
        self._trips: dict[str, _Trips] = {}
        self._trips_read = 0
        self._timing: dict[str, tuple[float | None, float | None]] = {}
        self._errors: dict[str, tuple[Exception, str]] = {}
        self._files = {each.name: each.path for each in host.run.strategies}

    def read_timing(self) -> None:
        """Read the percentiles of callbacks: costs some 100 us a strategy, so once a second."""
        for name, runner in self._host.engine.strategies.runners.items():
            meter = runner.timing.meter
            has_any = meter.count > 0
            self._timing[name] = (
                meter.percentile(50) / 1000 if has_any else None,
                meter.percentile(99) / 1000 if has_any else None,
            )

    def rows(self) -> Iterator[tuple[str, StrategyRow]]:
        """Every strategy's row, in command-line order."""
        self._count_trips()
        results = _results(self._host.engine)
        for name, runner in tuple(self._host.engine.strategies.runners.items()):
            yield name, self._row(runner, results.get(name) or _Result())

    def _row(self, runner: Runner, result: _Result) -> StrategyRow:
        name, engine = runner.name, self._host.engine
        trips = self._trips.get(name)
        p50, p99 = self._timing.get(name, (None, None))
        return StrategyRow(
            name=name,
            file=self._files.get(name, ""),
            doc=doc_of(type(runner.strategy)),
            state=runner.state.value,
            symbols=symbols_of(engine, runner),
            parameters=self._parameters(runner),
            realized_pnl=plain(result.realized),
            unrealized_pnl=plain(result.unrealized),
            fees=plain(result.fees),
            net_pnl=plain(result.net),
            day_pnl=plain(self._standing.day_result(name, result.net)),
            currency=engine.valuation.reporting_currency,
            orders=self._orders.submitted.get(name, 0),
            orders_open=len(runner.desk.working),
            fills=result.fills,
            trades=trips.count if trips is not None else 0,
            win_rate_pct=trips.won / trips.count * 100.0 if trips is not None else None,
            starts=runner.starts,
            callback_us_p50=p50,
            callback_us_p99=p99,
            indicators=indicator_values(runner.strategy),
            error=self._error(runner),
        )

    def _count_trips(self) -> None:
        closed = self._host.engine.portfolio.closed_positions
        for at in range(self._trips_read, len(closed)):
            trip = closed[at]
            trips = self._trips.setdefault(trip.strategy, _Trips())
            trips.count += 1
            trips.won += trip.net_pnl > 0
        self._trips_read = len(closed)

    def _parameters(self, runner: Runner) -> dict[str, str]:
        """As they are now: a strategy may have started anew with others."""
        known: Mapping[str, object] = self._host.run.parameters.get(runner.name, {})
        own: Mapping[str, object] = vars(runner.strategy)
        names = list(known)
        return {name: parameter_text(own.get(name, known[name])) for name in names}

    def _error(self, runner: Runner) -> str:
        error = runner.error
        if error is None:
            return ""
        known = self._errors.get(runner.name)
        if known is None or known[0] is not error:
            known = self._errors[runner.name] = (error, own_frames(error))
        return known[1]


def _results(engine: Engine) -> dict[str, _Result]:
    """What each strategy's positions add up to; a currency without a price is left out."""
    results: dict[str, _Result] = {}
    for position in engine.portfolio.positions.values():
        result = results.setdefault(position.strategy, _Result())
        result.fills += position.fills
        rate = engine.valuation.rate(position.instrument.settle)
        if rate is None:
            continue
        gain = EXACT.add(position.realized_pnl, position.funding)
        result.realized = EXACT.add(result.realized, EXACT.multiply(gain, rate))
        result.fees = EXACT.add(result.fees, EXACT.multiply(position.fees, rate))
        mark = engine.markets.mark(position.symbol) if position.quantity else None
        if mark is not None:
            open_gain = EXACT.multiply(position.unrealized_pnl(mark), rate)
            result.unrealized = EXACT.add(result.unrealized, open_gain)
    return results


def symbols_of(engine: Engine, runner: Runner) -> tuple[str, ...]:
    """Symbols that a strategy holds, works or subscribed to, in the engine's order."""
    worked = {order.symbol for order in runner.desk.working.values()}
    heard = _heard_by(engine, runner)
    held = {
        symbol
        for (strategy, symbol), position in engine.portfolio.positions.items()
        if strategy == runner.name and position.quantity
    }
    wanted = worked | heard | held
    return tuple(symbol for symbol in engine.markets.states if symbol in wanted)


def _heard_by(engine: Engine, runner: Runner) -> set[str]:
    owners = engine.strategies.owners
    found: set[str] = set()
    for symbol, state in engine.markets.states.items():
        streams = (state.trade_listeners, state.quote_listeners, state.book_listeners)
        for listeners in (*streams, *state.bar_listeners.values()):
            if any(owners.get(each) is runner for each in listeners):
                found.add(symbol)
    return found


def bar_kinds_of(engine: Engine, runner: Runner) -> list[tuple[str, str]]:
    """(symbol, kind) of every bar that a strategy subscribed to."""
    owners = engine.strategies.owners
    return [
        (symbol, kind)
        for symbol, state in engine.markets.states.items()
        for kind, listeners in state.bar_listeners.items()
        if any(owners.get(each) is runner for each in listeners)
    ]


def indicator_values(strategy: Strategy) -> dict[str, float | None]:
    """Every indicator that a strategy keeps as an attribute, by its name; None until ready.

    Further outputs follow after a dot: `bands`, `bands.upper`, `bands.lower`.
    """
    values: dict[str, float | None] = {}
    attributes: Mapping[str, object] = vars(strategy)
    for name, value in attributes.items():
        if isinstance(value, _INDICATORS):
            values[name] = _output(value, "value")
            for output in _FURTHER.get(type(value), ()):
                values[f"{name}.{output}"] = _output(value, output)
    return values


def _output(indicator: Indicator, name: str) -> float | None:
    if not indicator.ready:
        return None
    value: object = getattr(indicator, name)
    return float(value) if isinstance(value, float | int) and math.isfinite(value) else None


def parameter_text(value: object) -> str:
    """A parameter as `--set` takes it: lists by commas, `true`, `none`.

    Of what is none of these the name of its type: no code of a strategy is run for it.
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return ",".join(map(parameter_text, cast("Iterable[object]", value)))
    return type(value).__name__


def doc_of(cls: type) -> str:
    """The first line of a strategy's own docstring; empty without one."""
    text = inspect.cleandoc(cls.__doc__ or "")
    return text.split("\n", maxsplit=1)[0]
