"""Spends a venue's request budget: cancels before orders before questions before market data.

A token bucket that refills evenly. Whoever is less urgent leaves a share of it to whoever is more,
so that a cancel finds room when all else has used the budget up. What the venue says of the budget
counts for more than our own sums. Must never send anything, nor let a request leave later than it
may.
"""

import asyncio
import heapq
from collections.abc import Callable
from enum import IntEnum

from alphaforge.errors import VenueUnavailableError
from alphaforge.venues.base import NS_PER_SECOND, VenueHealth

BURST_SECONDS = 10.0
"""What may be spent at once, in seconds of refill."""


class Priority(IntEnum):
    """Who goes first."""

    CANCEL = 0
    ORDER = 1
    QUERY = 2
    DATA = 3


KEPT = {Priority.CANCEL: 0.0, Priority.ORDER: 0.2, Priority.QUERY: 0.35, Priority.DATA: 0.5}
"""The share of the bucket that is left to the more urgent."""


class Limiter:
    """The budget of one account at one venue.

    Attributes:
        health: Where pauses and the used weight are written.
    """

    def __init__(
        self, per_second: float, clock: Callable[[], float], health: VenueHealth | None = None
    ) -> None:
        """`per_second`: weight that refills; `clock`: steady seconds, the loop's."""
        self.health = health or VenueHealth()
        self._rate = per_second
        self._size = per_second * BURST_SECONDS
        self._clock = clock
        self._tokens = self._size
        self._counted_at = clock()
        self._waiting: list[_Waiter] = []
        self._numbered = 0
        self._paused_until = 0.0
        self._banned_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def admit(self, weight: float, priority: Priority, deadline: float) -> None:
        """Wait until so much weight may be spent.

        Raises `VenueUnavailableError` if that is not so before `deadline` (steady seconds):
        nothing was spent, and nothing may be sent.
        """
        weight = min(weight, self._size)
        self._refill()
        ahead = self._waiting and self._waiting[0].priority <= priority
        if not ahead and self._wait_for(weight, priority) <= 0:
            self._tokens -= weight
            return
        self._numbered += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(priority, self._numbered, weight, future)
        heapq.heappush(self._waiting, waiter)
        self._serve()
        try:
            async with asyncio.timeout_at(deadline):
                await future
        except TimeoutError:
            message = f"the venue's request budget has no room for this in time: {self._why()}"
            raise VenueUnavailableError(message) from None
        finally:
            future.cancel()
            self._serve()

    def told(self, used: int, limit: int) -> None:
        """The venue says how much of its budget per minute is used."""
        self.health.used_weight, self.health.weight_limit = used, limit
        if limit > 0:
            self._refill()
            self._tokens = min(self._tokens, self._size * max(0.0, 1 - used / limit))

    def pause(self, seconds: float) -> None:
        """The venue said "too many requests": only cancels leave, out of their share."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)
        self._tokens = min(self._tokens, self._size * KEPT[Priority.ORDER])
        self._tell()

    def ban(self, seconds: float) -> None:
        """The venue has shut this address out: nothing leaves."""
        self._banned_until = max(self._banned_until, self._clock() + seconds)
        self._tell()

    def _tell(self) -> None:
        until = max(self._paused_until, self._banned_until)
        self.health.paused_until = int(until * NS_PER_SECOND)

    def _why(self) -> str:
        now = self._clock()
        if self._banned_until > now:
            return f"it shut us out for another {self._banned_until - now:.0f} s"
        if self._paused_until > now:
            return f"it asked to be left alone for another {self._paused_until - now:.0f} s"
        return f"{self._tokens:.0f} of {self._size:.0f} left, {self._rate:g} a second come back"

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now
        if self.health.paused_until and max(self._paused_until, self._banned_until) <= now:
            self.health.paused_until = 0

    def _wait_for(self, weight: float, priority: Priority) -> float:
        """Seconds until it may be spent, if nobody else spends."""
        until = self._banned_until
        if priority is not Priority.CANCEL:
            until = max(until, self._paused_until)
        # A weight above what its share ever holds passes when the bucket is full.
        needed = min(weight + KEPT[priority] * self._size, self._size)
        return max(until - self._clock(), (needed - self._tokens) / self._rate)

    def _serve(self) -> None:
        """Let in who may, the most urgent first, and come back for the next."""
        self._refill()
        while self._waiting:
            first = self._waiting[0]
            if not first.future.done():
                pause = self._wait_for(first.weight, first.priority)
                if pause > 0:
                    self._come_back(pause)
                    return
                self._tokens -= first.weight
                first.future.set_result(None)
            heapq.heappop(self._waiting)

    def _come_back(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # Never at once: a pause below the clock's resolution would spin.
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.001), self._serve)


class _Waiter:
    """One request that waits."""

    __slots__ = ("future", "number", "priority", "weight")

    def __init__(
        self, priority: Priority, number: int, weight: float, future: asyncio.Future[None]
    ) -> None:
        self.priority = priority
        self.number = number
        self.weight = weight
        self.future = future

    def __lt__(self, other: "_Waiter") -> bool:
        return (self.priority, self.number) < (other.priority, other.number)
