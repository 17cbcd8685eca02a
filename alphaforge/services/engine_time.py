"""The time a wire engine lives in: a steady clock anchored once, corrected by the venue's.

The machine's wall clock is read once; from then on only the steady clock counts, so that a jump of
the wall clock moves nothing. Where it is further from the venue's clock than the venue allows, the
venue's is believed. Must never run backwards.
"""

from typing import Protocol


class SteadyClock(Protocol):
    """The two clocks of a machine; `services.clock.SystemClock` is one."""

    def wall_ns(self) -> int:
        """Now, ns UTC; may jump."""
        ...

    def steady_ns(self) -> int:
        """A time that only ever grows, ns."""
        ...


class EngineTime:
    """Now, in ns UTC, for everything that enters one engine."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._offset = clock.wall_ns() - clock.steady_ns()

    def now(self) -> int:
        """Engine time if an event came in at this moment."""
        return self._clock.steady_ns() + self._offset

    def compare(self, venue_now: int, asked: int, bound: int) -> int:
        """How far ours is ahead (ns) of a venue's clock; 0 if by no more than `bound`.

        The venue's was asked for at engine time `asked` and answered now.
        """
        answered = self.now()
        ahead = (asked + answered) // 2 - venue_now
        return 0 if abs(ahead) <= bound + (answered - asked) // 2 else ahead

    def follow(self, venue_now: int, asked: int, bound: int) -> int:
        """The same, and ours is put right by it."""
        ahead = self.compare(venue_now, asked, bound)
        self._offset -= ahead
        return ahead
