"""The exchange's clock: the one place of the sandbox that reads the machine's.

Matching, agents and candles are given `now` and never ask for it. Time goes on at the steady
clock's pace, so that a machine whose wall clock is set back does not turn the tape round; a skew
shows clients a wrong clock, which is a fault, and moves everything the exchange stamps.
"""

import time
from collections.abc import Callable

WAKE_NS = 1_000_000_000
"""How far the wall clock may run ahead of the steady one before it is believed: after a sleep."""


def _wall_ns() -> int:
    return time.time_ns()  # noqa: TID251 - the sandbox's one reader of the wall clock


def _steady_ns() -> int:
    return time.monotonic_ns()  # noqa: TID251 - as above


class ExchangeClock:
    """What time it is at the exchange.

    Attributes:
        skew_ns: Added to the true time; 0 unless a fault wants the clock wrong.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = _wall_ns, steady_ns: Callable[[], int] = _steady_ns
    ) -> None:
        self.skew_ns = 0
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._ahead = wall_ns() - steady_ns()

    def now(self) -> int:
        """Ns UTC as the exchange tells it; goes back only when the skew is made smaller."""
        return self.true_now() + self.skew_ns

    def true_now(self) -> int:
        """Ns UTC without the skew; never goes back."""
        steady = self._steady_ns()
        if self._wall_ns() - steady > self._ahead + WAKE_NS:
            self._ahead = self._wall_ns() - steady
        return steady + self._ahead
