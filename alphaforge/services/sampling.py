"""Samples of equity: at the start, at each fill and bar close (tick runs: each minute), at the end.

A sample is a mark of a moment, taken between events: before the event that passes the moment, so
that it shows the account as it stood then. Must never change what the engine does.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from alphaforge.engine.core import Engine
from alphaforge.engine.timers import FAR
from alphaforge.model.market import Bar, MarketEvent
from alphaforge.model.step import Step

MINUTE_NS = 60_000_000_000

Keep: TypeAlias = Callable[[int, int, tuple[Decimal, Decimal, Decimal]], object]
"""Takes a sample: sequence, engine time, (equity, cash, unrealized P&L)."""


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
        engine = self._engine
        account = engine.valuation.account()
        amounts = (account.equity, engine.valuation.cash_value(), account.unrealized_pnl)
        self._keep(engine.sequence, ts, amounts)
