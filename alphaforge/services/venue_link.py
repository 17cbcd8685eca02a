"""One venue of a session: its stream into the door, its gateway out of it, its reconciler.

A session has one of these for each venue; what happens to one holds back only its own
instruments. Must never know what another venue does.
"""

import asyncio
from collections.abc import Callable

from alphaforge.engine.core import Engine
from alphaforge.errors import InternalError
from alphaforge.model.claims import BustReport, FillReport, OrderStatusReport
from alphaforge.model.market import MarketEvent
from alphaforge.services.door import Door
from alphaforge.services.gateway import Lease, OrderGateway
from alphaforge.services.reconcile import Reconciler
from alphaforge.services.run_journal import RunJournal
from alphaforge.venues.base import StreamGap, Venue, VenueMessage, Watch

_CLAIMS = (OrderStatusReport, FillReport, BustReport)


class VenueLink:
    """Ties one venue to an engine's door.

    Attributes:
        gateway: None until `open`.
    """

    def __init__(
        self, venue: Venue, engine: Engine, door: Door, journal: RunJournal, run_id: str
    ) -> None:
        self.venue = venue
        self.gateway: OrderGateway | None = None
        self.reconciler = Reconciler(venue, engine, door, journal.reconciliation, run_id)
        self._engine = engine
        self._door = door
        self._journal = journal
        self._held: list[MarketEvent] | None = None
        self._watched: set[str] = set()

    def open(self, lease: Lease, tasks: asyncio.TaskGroup) -> None:
        """Make the gateway, whose requests `tasks` owns."""
        execution = self._engine.execution
        self.gateway = OrderGateway(
            self.venue, self._door, self._journal, lease, tasks, lambda: execution.gate.state
        )
        self.gateway.on_gap = self.reconciler.need

    async def run_stream(self, after: Callable[[], None]) -> None:
        """Take in everything the venue pushes, in its order; `after` is called for each.

        Raises `InternalError` when the stream ends: a session that is deaf must not go on.
        """
        async for message in self.venue.stream():
            self._take(message)
            after()
            if self._journal.is_full:
                await self._journal.drain()
        raise InternalError(f"the stream of {self.venue.name} ended while the run went on")

    def _take(self, message: VenueMessage) -> None:
        if isinstance(message, StreamGap):
            self.reconciler.need(message.reason)
        elif isinstance(message, _CLAIMS):
            self.reconciler.claim(message)
        elif self._held is not None:
            self._held.append(message)
        else:
            self._door.market(message)

    def hold_market(self) -> None:
        """Keep market events back: bars from before are being asked for."""
        self._held = []

    def release_market(self) -> None:
        """Let in what was kept back, in its order."""
        held, self._held = self._held or [], None
        for event in held:
            self._door.market(event)

    def watch_books(self) -> None:
        """Have the books that strategies listen to."""
        name = self.venue.name
        for symbol, state in self._engine.markets.states.items():
            if state.book_listeners and symbol not in self._watched:
                if state.instrument.venue == name:
                    self.venue.watch(symbol, Watch.BOOK)
                self._watched.add(symbol)
