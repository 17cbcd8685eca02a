"""Equity over the life of a run, thinned out, and what it was at midnight and at its best.

Looked at ten times a second at most and only where something happened. Must never be read by
anything that trades.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, TypeVar

from alphaforge.client.records import CurvePoint
from alphaforge.engine.core import Engine
from alphaforge.engine.valuation import Account
from alphaforge.model.numbers import EXACT, ZERO, plain
from alphaforge.store.export import iso_time

DAY_NS: Final = 86_400_000_000_000
MOST_POINTS: Final = 720
"""Points before every second one is dropped."""

FIRST_STEP_NS: Final = 1_000_000_000


Row = TypeVar("Row")


class Standing:
    """How the account stands against its own past.

    Attributes:
        points: The curve, oldest first.
        step_ns: Engine time between two points; doubles as the run gets longer.
    """

    def __init__(self) -> None:
        self.points: list[CurvePoint] = []
        self.step_ns = FIRST_STEP_NS
        self._day = 0
        self._at_midnight: Decimal | None = None
        self._strategies_at_midnight: dict[str, Decimal] = {}
        self._peak: Decimal | None = None
        self._next = 0

    def look(self, engine: Engine, now: int) -> Account:
        """The account at engine time `now`, noted unless something in it has no price yet."""
        account = engine.valuation.account()
        if account.unpriced or not now:
            return account
        self._peak = account.equity if self._peak is None else max(self._peak, account.equity)
        day = now // DAY_NS
        if day != self._day:
            if self._day:
                self._at_midnight = account.equity
                self._strategies_at_midnight = strategy_results(engine)
            self._day = day
        if now >= self._next:
            self._add(now, account, engine.valuation.cash_value())
        return account

    def _add(self, now: int, account: Account, cash: Decimal) -> None:
        equity, unrealized = plain(account.equity), plain(account.unrealized_pnl)
        self.points.append(
            CurvePoint(ts=iso_time(now), equity=equity, cash=plain(cash), unrealized_pnl=unrealized)
        )
        if len(self.points) > MOST_POINTS:
            self.points = self.points[::2]
            self.step_ns *= 2
        self._next = now - now % self.step_ns + self.step_ns

    def seed(self, points: Sequence[tuple[int, CurvePoint]], peak: Decimal) -> None:
        """Begin with the curve of before this process: (engine time, point), oldest first.

        `peak` is the highest equity so far. What strategies had at midnight is not in it: their
        day counts from now on.
        """
        first, last = points[0][0], points[-1][0]
        midnight = last - last % DAY_NS
        if first < midnight:
            today = next(point for ts, point in points if ts >= midnight)
            self._at_midnight = Decimal(today.equity)
        self.points = thinned([point for _, point in points], MOST_POINTS)
        while last - first > self.step_ns * MOST_POINTS:
            self.step_ns *= 2
        self._peak, self._day = peak, last // DAY_NS

    def day_pnl(self, account: Account) -> Decimal:
        """Equity now − equity at the last 00:00 UTC, or at the start."""
        start = self._at_midnight if self._at_midnight is not None else account.start_equity
        return EXACT.subtract(account.equity, start)

    def day_result(self, strategy: str, result: Decimal) -> Decimal:
        """The same of one strategy, whose result since the start is `result`."""
        return EXACT.subtract(result, self._strategies_at_midnight.get(strategy, ZERO))

    def drawdown_pct(self, account: Account) -> float:
        """How far equity is below its highest, in percent: 0 or negative."""
        peak = self._peak
        if peak is None or peak <= 0 or account.equity >= peak:
            return 0.0
        return float(EXACT.divide(EXACT.subtract(account.equity, peak), peak)) * 100.0


def thinned(rows: Sequence[Row], most: int) -> list[Row]:
    """Every second row, every fourth, …: so that at most so many are left, the first among them."""
    step = 1
    while len(rows) > most * step:
        step *= 2
    return [*rows[::step]]


def strategy_results(engine: Engine) -> dict[str, Decimal]:
    """Net profit of each strategy since its start, in the reporting currency."""
    results: dict[str, Decimal] = {}
    for position in engine.portfolio.positions.values():
        rate = engine.valuation.rate(position.instrument.settle)
        if rate is not None:
            gain = EXACT.add(position.realized_pnl, position.funding)
            mark = engine.markets.mark(position.symbol) if position.quantity else None
            if mark is not None:
                gain = EXACT.add(gain, position.unrealized_pnl(mark))
            net = EXACT.multiply(EXACT.subtract(gain, position.fees), rate)
            results[position.strategy] = EXACT.add(results.get(position.strategy, ZERO), net)
    return results
