"""Lets the market go on in small pieces, so that one which cannot keep up never holds up a client.

A recording played too fast is then slower than it was told to be, and the exchange still answers.
Must never let time stand still for a market that does keep up.
"""

from collections.abc import Callable
from typing import Protocol

PIECE_NS = 1_000_000
BUDGET_S = 0.02
"""Of the event loop's time, per turn."""

LOST_NS = 60_000_000_000
"""A market so far behind is told the time at once: it skips what it missed."""


class Happening(Protocol):
    """Something that goes on by itself: the other participants, faults at their time."""

    def play(self, now: int) -> None:
        """Do everything there is to do up to `now` (ns of the exchange's clock)."""
        ...


class MarketTime:
    """How far the market has come.

    Attributes:
        behind_ns: How far it is behind the exchange's clock.
    """

    def __init__(self, market: Happening, start_ns: int, seconds: Callable[[], float]) -> None:
        """`seconds` measures how long a turn takes: the event loop's own time."""
        self.behind_ns = 0
        self._market = market
        self._reached = start_ns
        self._seconds = seconds

    def play(self, now: int) -> None:
        """Go on towards `now` for one turn; at least one piece."""
        ends = self._seconds() + BUDGET_S
        while True:
            gap = now - self._reached
            is_jump = gap < 0 or gap > LOST_NS
            self._reached = now if is_jump else min(now, self._reached + PIECE_NS)
            self._market.play(self._reached)
            if self._reached == now or self._seconds() >= ends:
                break
        self.behind_ns = now - self._reached
