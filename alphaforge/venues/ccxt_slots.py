"""How many requests of one client are under way at once, and who comes next.

A venue that answers slowly fills every connection, and a pool of connections serves first who came
first: a cancel, or the question what became of an order, would stand behind every new order. So
requests wait here, the most urgent first, and each kind leaves room for others. Must never let
anybody in after its deadline.
"""

import asyncio
from collections import deque

from alphaforge.errors import VenueUnavailableError
from alphaforge.venues.ccxt_limiter import Priority

ROOM = {Priority.CANCEL: 1.0, Priority.ORDER: 0.65, Priority.QUERY: 0.85, Priority.DATA: 0.5}
"""The share of all places up to which a kind may fill them: what orders must not take is for
cancels, and for the questions without which doubts never end."""


class Slots:
    """The room of one client.

    Attributes:
        taken: Requests that are under way.
    """

    def __init__(self, most: int) -> None:
        self.taken = 0
        self._room = {kind: max(1, int(share * most)) for kind, share in ROOM.items()}
        self._waiting = {kind: deque[asyncio.Future[None]]() for kind in sorted(ROOM)}

    async def enter(self, priority: Priority, deadline: float) -> None:
        """Wait for room; whoever is in calls `leave` once.

        Raises `VenueUnavailableError` if there is none before `deadline` (the loop's seconds).
        """
        if not self._waiting[priority] and self.taken < self._room[priority]:
            self.taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.leave()  # its turn came in the moment in which it gave up
            turn.cancel()
            if isinstance(error, TimeoutError):
                message = f"the venue is slow: {self.taken} requests are under way already"
                raise VenueUnavailableError(message) from None
            raise

    def leave(self) -> None:
        """A request has ended."""
        self.taken -= 1
        for kind, waiting in self._waiting.items():
            while waiting and self.taken < self._room[kind]:
                turn = waiting.popleft()
                if not turn.done():
                    self.taken += 1
                    turn.set_result(None)
