"""Feeds the engine: event by event through its one door, in turns too short to hold up the loop.

START HERE for the life of a tick: feed → `Pump.turn` → `Engine.process` → journal, equity samples.
The inner loop is synchronous and awaits nothing. Must never decide what comes next: the feed's
order is the order.
"""

from collections.abc import Callable
from typing import Final

from alphaforge.engine.core import Engine
from alphaforge.engine.timers import FAR
from alphaforge.model.market import MarketEvent
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.services.clock import Clock
from alphaforge.services.feed import Feed
from alphaforge.services.run_journal import RunJournal
from alphaforge.services.sampling import EquitySampler
from alphaforge.store.journal import InputEvent

TURN_NS: Final = 1_000_000
"""How long one turn may keep the loop, give or take one burst."""

_BURST: Final = 32
"""Events between two looks at the clock."""


class Pump:
    """Moves a feed's events into an engine and journals what comes of them.

    Attributes:
        ended: The feed has no event left.
        is_idle: It has none yet.
        next_ts: Engine time of the next event; that of the last one once the feed has ended.
        on_market: Who looks at market events once they are processed, in lists.
    """

    def __init__(
        self,
        engine: Engine,
        feed: Feed,
        journal: RunJournal,
        sampler: EquitySampler,
        on_step: Callable[[Step], bool],
    ) -> None:
        """`on_step` sees every Step that is not empty; False ends the turn."""
        self.ended = self.is_idle = False
        self.on_market: Callable[[list[MarketEvent]], None] | None = None
        self.next_ts = feed.start_ns
        self._engine = engine
        self._batches = feed.batches()
        self._journal = journal
        self._record = None if feed.recorded else journal.market
        self._sampler = sampler
        self._on_step = on_step
        self._batch: list[MarketEvent] = []
        self._at = 0

    def input(self, event: InputEvent) -> Step:
        """Put in an event that is no part of the feed: a command, bars from before the run."""
        step = self._engine.process(event)
        self._journal.input(self._engine.sequence, event)
        if step is not EMPTY_STEP:
            self._take(step)
        return step

    def turn(self, clock: Clock, until: int) -> None:
        """Feed events before engine time `until`, for about `TURN_NS`."""
        deadline = clock.steady_ns() + TURN_NS
        while not self.ended and self._burst(until) and clock.steady_ns() < deadline:
            pass

    def _burst(self, until: int) -> bool:
        """Feed some events; False when the next one must wait or there is none."""
        batch, at = self._batch, self._at
        if at >= len(batch):
            return self._next_batch()
        goes_on = self._feed(batch[at : at + _BURST], until)
        if self.on_market is not None and self._at > at:
            self.on_market(batch[at : self._at])
        return goes_on

    def _feed(self, events: list[MarketEvent], until: int) -> bool:
        at = self._at
        process, record, sampler = self._engine.process, self._record, self._sampler
        edge = min(until, sampler.due)
        for event in events:
            if event.ts_local >= edge:
                if event.ts_local >= until:
                    self.next_ts, self._at = event.ts_local, at
                    return False
                sampler.before(event)
                edge = min(until, sampler.due)
            at += 1
            step = process(event)
            if record is not None:
                record(self._engine.sequence, event)
            if step is not EMPTY_STEP and not self._take(step):
                self._at = at
                return False
        self._at = at
        return True

    def _next_batch(self) -> bool:
        batch = next(self._batches, None)
        self._at = 0
        self._batch = batch or []
        self.ended = batch is None
        self.is_idle = not batch
        return bool(batch)

    def _take(self, step: Step) -> bool:
        """Journal a Step and show it; whether to go on at once."""
        self._journal.step(step)
        self._sampler.after(step)
        return self._on_step(step)


UNTIL_THE_END: Final = FAR
"""For `Pump.turn`: every event there is."""
