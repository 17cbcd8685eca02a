"""What a venue's streams have brought and nobody has taken in yet, in the order it arrived.

Nothing about orders and no trade is ever dropped. When whoever reads falls behind, a quote that a
newer one has overtaken is, and book changes are put together. Must never block who puts in.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from alphaforge.model.market import BookDelta, BookSnapshot, Quote
from alphaforge.venues.base import VenueHealth, VenueMessage

LONG = 256
"""So many messages waiting, and overtaken ones are dropped."""


class Outbox:
    """One venue's queue, with one reader."""

    def __init__(self, health: VenueHealth) -> None:
        self._health = health
        self._slots: deque[list[VenueMessage | None]] = deque()
        self._quotes: dict[str, list[VenueMessage | None]] = {}
        self._books: dict[str, int] = {}
        self._put_off: dict[str, Callable[[], None]] = {}
        self._arrived = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._slots)

    def put(self, message: VenueMessage) -> None:
        """Add a message; not after `close`."""
        if self._closed:
            return
        slot: list[VenueMessage | None] = [message]
        if isinstance(message, Quote):
            self._overtake(message.symbol, slot)
        elif isinstance(message, BookDelta | BookSnapshot):
            self._books[message.symbol] = self._books.get(message.symbol, 0) + 1
        self._slots.append(slot)
        self._arrived.set()

    def puts_off(self, symbol: str, later: Callable[[], None]) -> bool:
        """Whether a book's change is to wait: `later` is called when its last one was taken."""
        if len(self._slots) < LONG or not self._books.get(symbol):
            return False
        if symbol in self._put_off:
            self._health.conflated += 1
        self._put_off[symbol] = later
        return True

    def close(self) -> None:
        """Let the reader go once it has read what is there."""
        self._closed = True
        self._arrived.set()

    async def read(self) -> AsyncIterator[VenueMessage]:
        """Everything, as it comes, until `close`."""
        while True:
            while self._slots:
                message = self._take()
                if message is not None:
                    yield message
            if self._closed:
                return
            self._arrived.clear()
            await self._arrived.wait()

    def _overtake(self, symbol: str, slot: list[VenueMessage | None]) -> None:
        before = self._quotes.get(symbol)
        if before is not None and before[0] is not None and len(self._slots) >= LONG:
            before[0] = None
            self._health.conflated += 1
        self._quotes[symbol] = slot

    def _take(self) -> VenueMessage | None:
        slot = self._slots.popleft()
        message, slot[0] = slot[0], None
        if isinstance(message, BookDelta | BookSnapshot):
            self._books[message.symbol] -= 1
            if not self._books[message.symbol] and message.symbol in self._put_off:
                self._put_off.pop(message.symbol)()
        return message
