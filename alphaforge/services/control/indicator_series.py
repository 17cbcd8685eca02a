"""What strategies' indicators said when their bars closed: the lines a chart draws over candles.

Looked at beside the engine, a tenth of a second late at most; a value stands until the next one.
Must never make up a value: before the first ready one there is none.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from alphaforge.engine.bars import parse_kind
from alphaforge.engine.core import Engine
from alphaforge.engine.strategies import Runner, RunState
from alphaforge.services.control.candles import SECOND, Candles
from alphaforge.services.control.strategy_rows import (
    bar_kinds_of,
    indicator_values,
    symbols_of,
)

KEEP: Final = 7_200
"""Samples of a strategy."""

_Values = tuple[float | None, ...]


class _Line:
    """The samples of one strategy since it was started."""

    __slots__ = ("interval", "names", "starts", "symbol", "ts", "values")

    def __init__(self, starts: int) -> None:
        self.starts = starts
        self.symbol = ""
        self.interval = 0
        self.names: tuple[str, ...] = ()
        self.ts: list[int] = []
        self.values: list[_Values] = []

    def add(self, ts: int, values: dict[str, float | None]) -> None:
        names = tuple(values)
        if names != self.names:
            self.names = names
            self.ts.clear()
            self.values.clear()
        self.ts.append(ts)
        self.values.append(tuple(values.values()))
        if len(self.ts) > KEEP + KEEP // 4:
            del self.ts[:-KEEP]
            del self.values[:-KEEP]


class IndicatorSeries:
    """The indicators of all strategies of a run."""

    def __init__(self, engine: Engine, candles: Candles) -> None:
        self._engine = engine
        self._candles = candles
        self._lines: dict[str, _Line] = {}

    def find_symbols(self) -> None:
        """See which symbol each strategy is about: one that has several is drawn over none."""
        for name, runner in self._engine.strategies.runners.items():
            line = self._line(name, runner)
            symbols = symbols_of(self._engine, runner)
            kinds = [parse_kind(kind) for _, kind in bar_kinds_of(self._engine, runner)]
            intervals = [each.interval_ns for each in kinds if each.interval_ns]
            if len(symbols) == 1:
                line.symbol = symbols[0]
                line.interval = min(intervals, default=SECOND)
            elif symbols:
                line.symbol = ""

    def _line(self, name: str, runner: Runner) -> _Line:
        line = self._lines.get(name)
        if line is None or line.starts != runner.starts:
            line = self._lines[name] = _Line(runner.starts)
        return line

    def sample(self) -> None:
        """Take a sample of each strategy whose bar has closed since the last one."""
        for name, runner in self._engine.strategies.runners.items():
            line = self._lines.get(name)
            if line is None or not line.symbol or runner.state is not RunState.RUNNING:
                continue
            market = self._candles.markets.get(line.symbol)
            now = market.clock.ts if market is not None else 0
            closed = now - now % line.interval
            if closed and (not line.ts or closed > line.ts[-1]):
                values = indicator_values(runner.strategy)
                if values:
                    line.add(closed, values)

    def along(self, symbol: str, ends: Sequence[int]) -> dict[str, tuple[float | None, ...]]:
        """`strategy.name` → the value that stood at each of some times (ns, ascending)."""
        series: dict[str, tuple[float | None, ...]] = {}
        for name, line in self._lines.items():
            if line.symbol != symbol or not line.ts:
                continue
            places = [bisect_right(line.ts, end) - 1 for end in ends]
            for column, indicator in enumerate(line.names):
                values = line.values
                series[f"{name}.{indicator}"] = tuple(
                    values[place][column] if place >= 0 else None for place in places
                )
        return series
