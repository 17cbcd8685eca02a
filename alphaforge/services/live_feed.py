"""A venue's public streams as the feed of a paper run: live market, simulated orders.

What arrives waits in a queue that is never cut short; who pumps the engine takes it from there.
Must never send anything but questions about the market.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from alphaforge.engine.desk import HistoryRequest
from alphaforge.errors import VenueError
from alphaforge.model.claims import BustReport, FillReport, OrderStatusReport
from alphaforge.model.market import Bar, MarketEvent
from alphaforge.services.engine_time import EngineTime
from alphaforge.store.records import DataSource
from alphaforge.venues.base import StreamGap, Venue

_PRIVATE: Final = (OrderStatusReport, FillReport, BustReport)


class LiveFeed:
    """See `Feed`: one venue's stream, stamped as it arrives.

    Attributes:
        tell: Told of what a person should know: a lost connection, no history.
        venue_of: The venue of a symbol.
    """

    recorded = False
    sources: tuple[DataSource, ...] = ()
    symbols: tuple[tuple[str, ...], ...] = ()

    def __init__(
        self, venues: Mapping[str, Venue], time: EngineTime, venue_of: Callable[[str], str]
    ) -> None:
        """`venues` by name, each connected."""
        self.venue_of = venue_of
        self.start_ns = time.now()
        self.tell: Callable[[str], object] = str
        self._venues = venues
        self._time = time
        self._arrived: deque[MarketEvent] = deque()
        self._closed = False

    async def fill(self, venue: Venue) -> None:
        """Take in what one venue streams, until it ends."""
        async for message in venue.stream():
            if isinstance(message, StreamGap):
                self.tell(f"the market of {venue.name} was out of sight: {message.reason}")
            elif not isinstance(message, _PRIVATE):
                self._arrived.append(replace(message, ts_local=self._time.now()))
        self._closed = True

    def batches(self) -> Iterator[list[MarketEvent]]:
        """See `Feed`."""
        arrived = self._arrived
        while arrived or not self._closed:
            batch = list(arrived)
            arrived.clear()
            yield batch

    async def history(self, request: HistoryRequest) -> tuple[Bar, ...]:
        """See `Feed`; none where the venue does not answer."""
        venue = self._venues[self.venue_of(request.symbol)]
        try:
            return tuple(await venue.bars(request.symbol, request.kind, request.count))
        except VenueError as error:
            self.tell(f"no history of {request.symbol} {request.kind}: {error}")
            return ()

    def progress(self) -> float | None:
        """See `Feed`."""
        return None
