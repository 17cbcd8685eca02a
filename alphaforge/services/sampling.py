"""Samples of equity: at the start, at each fill and bar close (tick runs: each minute), at the end.

A sample is a mark of a moment, taken between events: before the event that passes the moment, so
that it shows the account as it stood then. Must never change what the engine does.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from alphaforge.engine.core import Engine
from alphaforge.engine.timers import FAR
from alphaforge.model.market import Bar, MarketEvent
from alphaforge.model.step import Step

MINUTE_NS = 60_000_000_000

_Amounts: TypeAlias = tuple[Decimal, Decimal, Decimal]

Keep: TypeAlias = Callable[[int, int, _Amounts], object]
"""Takes a sample: sequence, engine time, (equity, cash, unrealized P&L)."""


class _Still(NamedTuple):
    """Amounts that no price can move, and what tells that nothing was booked since."""

    fills: int
    cash: Decimal
    amounts: _Amounts


class EquitySampler:
    """Decides when to sample one engine's account.

    Attributes:
        due: Events of this engine time or later must be shown to `before`.
    """

    def __init__(self, engine: Engine, keep: Keep, *, on_bars: bool) -> None:
        """`on_bars`: the data are bars, and each close is a sample; else each minute is."""
        self.due = 0
        self._engine = engine
        self._keep = keep
        self._on_bars = on_bars
        self._started = False
        self._closed_at = 0
        self._minute = 0
        self._still: _Still | None = None

    def before(self, event: MarketEvent) -> None:
        """Take the samples that lie before an event whose time has reached `due`."""
        if not self._started:
            self._start(event.ts_local)
        if self._on_bars:
            self._at_bar_close(event)
            return
        if event.ts_local >= self._minute:
            if self._minute:
                self._take(self._minute)
            self._minute = event.ts_local - event.ts_local % MINUTE_NS + MINUTE_NS
        self.due = self._minute if self._started else 0

    def after(self, step: Step) -> None:
        """Take a sample if there was a fill."""
        if step.fills:
            self._take(step.ts)

    def finish(self) -> None:
        """Take the last sample, at the engine's time."""
        self.due = FAR
        self._take(self._engine.execution.now)

    def _start(self, ts: int) -> None:
        """The first sample: as soon as everything held at the start has a price."""
        if not self._engine.valuation.account().unpriced:
            self._started = True
            self._take(ts)

    def _at_bar_close(self, event: MarketEvent) -> None:
        """Bars of one time are one close, whatever the number of symbols."""
        is_bar = event.__class__ is Bar
        closed_at = self._closed_at
        if closed_at and (not is_bar or event.ts_local > closed_at):
            self._take(closed_at)
            self._closed_at = 0
        if is_bar:
            self._closed_at = event.ts_local

    def _take(self, ts: int) -> None:
        self._keep(self._engine.sequence, ts, self._amounts())

    def _amounts(self) -> _Amounts:
        """(equity, cash, unrealized P&L); read again only if they can have changed."""
        engine, still = self._engine, self._still
        fills, cash = engine.execution.counts.fills, engine.valuation.cash_value()
        # The same object, not an equal one: whatever books makes a new one.
        if still is not None and still.cash is cash and still.fills == fills:
            return still.amounts
        account = engine.valuation.account()
        amounts = (account.equity, cash, account.unrealized_pnl)
        self._still = _Still(fills, cash, amounts) if self._is_out_of_the_market() else None
        return amounts

    def _is_out_of_the_market(self) -> bool:
        """Nothing is held, owed or was ever earned in anything but the reporting currency."""
        portfolio, currency = self._engine.portfolio, self._engine.valuation.reporting_currency
        amounts = (portfolio.cash, portfolio.start_cash, portfolio.fees_by_currency)
        return not any(
            position.quantity or position.instrument.settle != currency
            for position in portfolio.positions.values()
        ) and not any(
            amount and name != currency for each in amounts for name, amount in each.items()
        )
