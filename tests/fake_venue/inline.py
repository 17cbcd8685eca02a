"""A venue that is an `Exchange` in this process: no latency, no faults, a clock that is given.

For tests of whoever talks to a venue. Nothing happens by itself: after the clock moved, `pump`
lets the exchange come up to it and the stream tell what that brought.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from operator import attrgetter

from alphaforge.errors import VenueUnavailableError
from alphaforge.model.claims import BalanceReport, FillReport, OrderStatusReport, PositionReport
from alphaforge.model.commands import Approved, CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar
from alphaforge.venues.base import Capabilities, StreamGap, VenueHealth, VenueMessage, Watch
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.terms import CAPABILITIES


class InlineVenue:
    """`clock` gives the exchange's time (ns), never less than before."""

    def __init__(
        self,
        exchange: Exchange,
        account: str,
        clock: Callable[[], int],
        *,
        name: str = "fake",
        capabilities: Capabilities = CAPABILITIES,
    ) -> None:
        self.name = name
        self.account = account
        self.capabilities = capabilities
        self.health = VenueHealth()
        self.exchange = exchange
        self._clock = clock
        self._open = False
        self._waiting: deque[VenueMessage] = deque()
        self._arrived = asyncio.Event()
        self._pushed = self._printed = 0

    def pump(self) -> None:
        """Bring the exchange up to the clock and the stream up to the exchange."""
        self.exchange.advance(self._clock())
        if not self._open:
            return
        pushed = self.exchange.pushes(self.account, self._pushed)
        printed = self.exchange.prints(self._printed)
        self._pushed += len(pushed)
        self._printed += len(printed)
        self._waiting += sorted([*pushed, *printed], key=attrgetter("ts"))
        self._arrived.set()

    def gap(self, reason: str) -> None:
        """Lose what was not read yet, and say so."""
        self.pump()
        self._waiting.clear()
        self._waiting.append(StreamGap(reason))

    async def connect(self) -> None:
        """See `Venue`; what happened before is not streamed."""
        self.exchange.advance(self._clock())
        self._pushed = len(self.exchange.pushes(self.account))
        self._printed = len(self.exchange.prints())
        self._open = True

    async def stream(self) -> AsyncIterator[VenueMessage]:
        """See `Venue`."""
        while self._open or self._waiting:
            while self._waiting:
                yield self._waiting.popleft()
            self._arrived.clear()
            if self._open:
                await self._arrived.wait()

    def watch(self, symbol: str, what: Watch) -> None:
        """See `Venue`: everything is streamed unasked."""

    async def bars(self, symbol: str, kind: str, count: int) -> Sequence[Bar]:
        """See `Venue`: it keeps none."""
        return []

    async def time(self) -> int:
        """See `Venue`."""
        return self._now()

    async def instruments(self) -> Sequence[Instrument]:
        """See `Venue`."""
        self._now()
        return self.exchange.instruments()

    async def submit(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        command = approved.command
        assert isinstance(command, SubmitOrder)
        return self._told(self.exchange.submit(self.account, command, self._now(), expires_at))

    async def modify(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        command = approved.command
        assert isinstance(command, ModifyOrder)
        return self._told(self.exchange.modify(self.account, command, self._now(), expires_at))

    async def cancel(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        command = approved.command
        assert isinstance(command, CancelOrder)
        return self._told(self.exchange.cancel(self.account, command, self._now(), expires_at))

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        """See `Venue`."""
        self._now()
        return self.exchange.order(self.account, symbol, client_order_id, venue_order_id)

    async def open_orders(self) -> Sequence[OrderStatusReport]:
        """See `Venue`."""
        self._now()
        return self.exchange.open_orders(self.account)

    async def trades(self, since: int) -> Sequence[FillReport]:
        """See `Venue`."""
        self._now()
        return self.exchange.trades(self.account, since)

    async def balances(self) -> Sequence[BalanceReport]:
        """See `Venue`."""
        self._now()
        return [BalanceReport(*one) for one in self.exchange.balances(self.account).items()]

    async def positions(self) -> Sequence[PositionReport]:
        """See `Venue`: spot only, so none."""
        self._now()
        return []

    async def close(self) -> None:
        """See `Venue`."""
        self._open = False
        self._arrived.set()

    def _now(self) -> int:
        if not self._open:
            raise VenueUnavailableError(f"{self.name} is not connected, so nothing was sent")
        self.pump()
        return self.exchange.now

    def _told(self, report: OrderStatusReport) -> OrderStatusReport:
        self.pump()
        return report
