"""The one way into an engine that trades over a wire: stamp, process, journal, hand on.

Whatever happens comes through `Door.put`: what a venue streams, answers to requests, timers, an
operator. Each event and what was decided on it are appended to the journal together, and what must
leave is handed on with its place there. Synchronous: an event is whole before the next begins.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from alphaforge.engine.core import Engine
from alphaforge.errors import InternalError
from alphaforge.model.commands import Approved
from alphaforge.model.market import MarketEvent
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.services.engine_time import EngineTime
from alphaforge.services.run_journal import RunJournal
from alphaforge.services.sampling import EquitySampler
from alphaforge.store.journal import InputEvent

Outgoing = Callable[[tuple[Approved, ...], int], None]
"""Takes what must leave and the journal place that must be committed first."""

Event = TypeVar("Event", bound=msgspec.Struct)


class Door:
    """Feeds one engine and keeps its journal.

    Attributes:
        outgoing: Who carries requests out; nobody at first.
        on_step: Who looks at every Step that is not empty.
        on_market: Who looks at every market event of a stream, once it is processed.
        sampler: Who samples equity; nobody at first.
    """

    def __init__(self, engine: Engine, journal: RunJournal, time: EngineTime) -> None:
        self.outgoing: Outgoing | None = None
        self.on_step: Callable[[Step], None] | None = None
        self.on_market: Callable[[MarketEvent], None] | None = None
        self.sampler: EquitySampler | None = None
        self._engine = engine
        self._journal = journal
        self._time = time

    @property
    def now(self) -> int:
        """Engine time of an event that would come now; never before the last one."""
        return max(self._time.now(), self._engine.timers.now)

    def put(self, event: InputEvent) -> Step:
        """Take one event in, stamped by its caller."""
        step = self._engine.process(event)
        self._journal.input(self._engine.sequence, event, step)
        return self._done(step)

    def market(self, event: MarketEvent) -> Step:
        """Take a market event of a stream in: stamped here, and recorded."""
        stamped = self.stamp(event)
        if self.sampler is not None and stamped.ts_local >= self.sampler.due:
            self.sampler.before(stamped)
        step = self._engine.process(stamped)
        self._journal.market(self._engine.sequence, stamped, step)
        if self.on_market is not None:
            self.on_market(stamped)
        return self._done(step)

    def stamp(self, event: Event) -> Event:
        """The event as it came in at this moment."""
        return msgspec.structs.replace(event, ts_local=self.now)

    def _done(self, step: Step) -> Step:
        if step is EMPTY_STEP:
            return step
        if self.sampler is not None:
            self.sampler.after(step)
        if step.outgoing:
            if self.outgoing is None:
                raise InternalError("an order was decided before anybody could carry it out")
            self.outgoing(step.outgoing, self._journal.place)
        if self.on_step is not None:
            self.on_step(step)
        return step
