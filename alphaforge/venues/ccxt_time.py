"""The venue's clock as far as we know it: asked now and then, carried on by a steady one.

Whether a request may still be sent, and when it ends, is counted in the venue's time. Must never
go back by itself.
"""

from collections.abc import Callable

from alphaforge.venues.base import NS_PER_SECOND, VenueHealth

OLD_SECONDS = 300.0
"""Clocks drift apart: after so long a new comparison counts, however slow it was."""

_NS_PER_MS = 1_000_000


class VenueClock:
    """Before the first `compare` it is the machine's own clock."""

    def __init__(
        self, steady: Callable[[], float], wall_ms: Callable[[], int], health: VenueHealth
    ) -> None:
        """`steady`: seconds that only grow; `wall_ms`: this machine's Unix time."""
        self._steady = steady
        self._wall_ms = wall_ms
        self._health = health
        self._at = steady()
        self._time = wall_ms() * _NS_PER_MS
        self._round_trip = 0.0

    def now(self) -> int:
        """The venue's time, ns UTC."""
        return self._time + int((self._steady() - self._at) * NS_PER_SECOND)

    @property
    def ahead_ms(self) -> int:
        """How far the venue's clock is ahead of this machine's."""
        return self.now() // _NS_PER_MS - self._wall_ms()

    @property
    def round_trip(self) -> float:
        """Of the last comparison, in seconds: it is known to half of that."""
        return self._round_trip

    def compare(self, venue_ms: int, asked: float) -> None:
        """The venue answered `venue_ms` to a question that left at `asked` (steady seconds).

        It read its clock somewhere between: the middle is taken.
        """
        now = self._steady()
        trip = now - asked
        read = venue_ms * _NS_PER_MS + int(trip / 2 * NS_PER_SECOND)
        is_old = now - self._at > OLD_SECONDS or not self._round_trip
        agrees = abs(read - self.now()) <= trip / 2 * NS_PER_SECOND
        if agrees and trip > self._round_trip and not is_old:
            return  # known better already: this answer was longer on its way
        self._round_trip, self._at, self._time = trip, now, read
        self._health.clock_ahead_ns = self.ahead_ms * _NS_PER_MS
