"""How well a run did: an equity curve, and the ratios drawn from it and from its round trips.

Statistics describe and decide nothing, so float is allowed here; `net_pnl`, `final_equity` and
`fees` stay Decimal. What is undefined is None, never 0, NaN or infinity. Must never feed a
trading decision, read a clock, or take a sample by itself: whoever runs the engine does.
"""

from array import array
from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import fsum, sqrt
from typing import Final

import msgspec

from alphaforge.engine.portfolio import ClosedPosition
from alphaforge.model.numbers import EXACT, ZERO

DAY_NS: Final = 86_400_000_000_000
"""A UTC day in nanoseconds; UTC days have no leap seconds in epoch time."""

PERIODS_PER_YEAR: Final = 365
"""Days a year by which daily ratios are annualised: a market that never closes."""

_FEWEST_RETURNS: Final = 2
"""With fewer there is no spread to speak of."""

_NOISE: Final = 1e-14
"""A spread of returns below this is the rounding of equal returns, not risk."""


class EquityCurve:
    """Equity over time in two columns, without the start.

    Attributes:
        start: Equity before the first sample, in the reporting currency.
        ts_start: When the run began, ns UTC; until `begin`, the time of the first sample.
        ts: Times of the samples, ns UTC, ascending.
        equity: Equity at these times, as the nearest float.
    """

    __slots__ = ("_begun", "equity", "start", "ts", "ts_start")

    def __init__(self, start: Decimal) -> None:
        self.start = start
        self.ts_start = 0
        self.ts = array("q")
        self.equity = array("d")
        self._begun = False

    def __len__(self) -> int:
        return len(self.ts)

    def begin(self, ts: int) -> None:
        """Say when the run began, before the first sample; the first call counts."""
        if not self._begun:
            self.ts_start = ts
            self._begun = True

    def append(self, ts: int, equity: Decimal) -> None:
        """Add a sample, no earlier than the one before; several may share a time."""
        if not self.ts and not self._begun:
            self.ts_start = ts
        self.ts.append(ts)
        self.equity.append(float(equity))

    def daily(self) -> list[float]:
        """The last sample of each UTC day that has one, oldest first.

        A sample at midnight closes the day that ends (a day is `(00:00, 24:00]`): the bar from
        23:59 to 24:00 belongs to its day, and one day of bars is one day. What is sampled in the
        instant the run began belongs to the day that begins.
        """
        first_day = self.ts_start // DAY_NS if self._begun else None
        closes: list[float] = []
        current: int | None = None
        for ts, equity in zip(self.ts, self.equity, strict=True):
            day = (ts - 1) // DAY_NS
            if first_day is not None and day < first_day:
                day = first_day
            if day == current:
                closes[-1] = equity
            else:
                closes.append(equity)
                current = day
        return closes


class PerformanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """The statistics of `backtest --json`; every None means undefined.

    Attributes:
        trades: Round trips closed: flat to flat, or up to a reversal.
        win_rate_pct: See `win_rate_pct`.
        fees: Paid, reporting currency.
        net_pnl: `final_equity` − start equity.
        final_equity: At the last sample, open positions marked at the last price.
        return_pct: See `change_pct`.
        max_drawdown_pct: See `max_drawdown_pct`.
        sharpe: See `sharpe`, of UTC-day returns.
        sortino: See `sortino`, of UTC-day returns.
        profit_factor: See `profit_factor`.
        exposure_pct: Share of the run's time in which any position was open, in percent.
        buy_and_hold_pct: `change_pct` of the first to the last price of the first symbol.
    """

    trades: int
    win_rate_pct: float | None
    fees: Decimal
    net_pnl: Decimal
    final_equity: Decimal
    return_pct: float | None
    max_drawdown_pct: float | None
    sharpe: float | None
    sortino: float | None
    profit_factor: float | None
    exposure_pct: float | None
    buy_and_hold_pct: float | None


class PerformanceMonitor:
    """Gathers samples while a run goes on and reports at its end.

    Its owner calls `begin` with the time of the first event, `sample` after each fill and each
    closed bar (tick runs: each minute), and once more at the end of the run: positions change
    only by fills, so time in the market is then exact.

    Attributes:
        curve: The samples so far.
        final_equity: The last sample, exact; the start equity before the first.
    """

    __slots__ = ("_held_ns", "_in_market", "_periods_per_year", "curve", "final_equity")

    def __init__(self, start_equity: Decimal, periods_per_year: int = PERIODS_PER_YEAR) -> None:
        self.curve = EquityCurve(start_equity)
        self.final_equity = start_equity
        self._periods_per_year = periods_per_year
        self._held_ns = 0
        self._in_market = False

    def begin(self, ts: int) -> None:
        """Say when the run began, ns UTC: its first event's time; the first call counts."""
        self.curve.begin(ts)

    def sample(self, ts: int, equity: Decimal, in_market: bool) -> None:
        """Take the account's equity at `ts`, and whether any position is open after it."""
        curve = self.curve
        if self._in_market:
            self._held_ns += ts - curve.ts[-1]
        self._in_market = in_market
        self.final_equity = equity
        curve.append(ts, equity)

    def report(
        self,
        trades: Sequence[ClosedPosition],
        fees: Decimal,
        first_price: float | None,
        last_price: float | None,
    ) -> PerformanceReport:
        """Sum up; `trades` and `fees` are in the reporting currency, a missing price is 0 or None.

        Reading changes nothing: it may be asked again while the run goes on.
        """
        curve = self.curve
        start = float(curve.start)
        returns = daily_returns(curve)
        nets = [trade.net_pnl for trade in trades]
        return PerformanceReport(
            trades=len(nets),
            win_rate_pct=win_rate_pct(nets),
            fees=fees,
            net_pnl=EXACT.subtract(self.final_equity, curve.start),
            final_equity=self.final_equity,
            return_pct=change_pct(start, float(self.final_equity)),
            max_drawdown_pct=max_drawdown_pct(start, curve.equity),
            sharpe=sharpe(returns, self._periods_per_year),
            sortino=sortino(returns, self._periods_per_year),
            profit_factor=profit_factor(nets),
            exposure_pct=self._exposure_pct(),
            buy_and_hold_pct=change_pct(first_price or 0.0, last_price) if last_price else None,
        )

    def _exposure_pct(self) -> float | None:
        curve = self.curve
        span = curve.ts[-1] - curve.ts_start if curve.ts else 0
        return 100.0 * self._held_ns / span if span > 0 else None


def change_pct(first: float, last: float) -> float | None:
    """`(last ÷ first − 1) × 100`; None where `first` is not above zero."""
    return (last / first - 1.0) * 100.0 if first > 0.0 else None


def drawdowns(start: float, equity: Iterable[float]) -> list[float]:
    """How far each sample lies below the highest equity up to it, the start included.

    A fraction of that peak, 0.0 at a new one: `1 − equity ÷ max(start, equity so far)` (the
    underwater curve of Magdon-Ismail and Atiya, "Maximum Drawdown", Risk 17/10, 2004). More than
    1 once equity is below zero. `start` must be above zero.
    """
    peak = start
    depths: list[float] = []
    for value in equity:
        peak = max(peak, value)
        depths.append((peak - value) / peak)
    return depths


def max_drawdown_pct(start: float, equity: Iterable[float]) -> float | None:
    """The deepest of `drawdowns` in percent, not negative; None where `start` is not above zero."""
    if start <= 0.0:
        return None
    return 100.0 * max(drawdowns(start, equity), default=0.0)


def daily_returns(curve: EquityCurve) -> list[float] | None:
    """Simple returns from UTC day to UTC day, the first from the start equity.

    `r_i = e_i ÷ e_(i−1) − 1` with `e_i` by `EquityCurve.daily` and `e_0` the start; a day
    without a sample is left out, not counted as 0. None where an `e_(i−1)` is not above zero.
    """
    before = float(curve.start)
    returns: list[float] = []
    for equity in curve.daily():
        if before <= 0.0:
            return None
        returns.append(equity / before - 1.0)
        before = equity
    return returns


def sharpe(
    returns: Sequence[float] | None, periods_per_year: float = PERIODS_PER_YEAR
) -> float | None:
    """Mean ÷ standard deviation (ddof 1) × √periods_per_year, at a risk-free rate of 0.

    The ex-post ratio of Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21/1, 1994,
    annualised as for independent returns. None for fewer than two returns, or all equal.
    """
    if returns is None or len(returns) < _FEWEST_RETURNS:
        return None
    mean = fsum(returns) / len(returns)
    deviation = sqrt(fsum((value - mean) ** 2 for value in returns) / (len(returns) - 1))
    return mean / deviation * sqrt(periods_per_year) if deviation > _NOISE else None


def sortino(
    returns: Sequence[float] | None, periods_per_year: float = PERIODS_PER_YEAR
) -> float | None:
    """Mean ÷ downside deviation × √periods_per_year, against a target return of 0.

    The downside deviation is `√(Σ min(r, 0)² ÷ n)` over all n returns, gains counted as 0
    (Sortino and Price, "Performance Measurement in a Downside Risk Framework", Journal of
    Investing 3/3, 1994). None for fewer than two returns, or without a loss.
    """
    if returns is None or len(returns) < _FEWEST_RETURNS:
        return None
    downside = sqrt(fsum(value * value for value in returns if value < 0.0) / len(returns))
    mean = fsum(returns) / len(returns)
    return mean / downside * sqrt(periods_per_year) if downside > _NOISE else None


def win_rate_pct(nets: Sequence[Decimal]) -> float | None:
    """Share of round trips whose net profit is more than zero, in percent; None without any.

    A trip that ends at exactly zero is no win and counts as a trip.
    """
    if not nets:
        return None
    return 100.0 * sum(net > 0 for net in nets) / len(nets)


def profit_factor(nets: Iterable[Decimal]) -> float | None:
    """Sum of the winning round trips ÷ |sum of the losing ones|, each net of its fees.

    0.0 where nothing was won; None without a loss, where it has no bound.
    """
    won = lost = ZERO
    for net in nets:
        if net > 0:
            won = EXACT.add(won, net)
        else:
            lost = EXACT.subtract(lost, net)
    return float(EXACT.divide(won, lost)) if lost else None
