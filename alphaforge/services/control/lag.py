"""How late the engine's event loop is: a heartbeat that notes how late it woke.

Must cost nothing worth measuring itself: twenty notes a second.
"""

import asyncio
from collections import deque
from math import ceil
from typing import Final

from alphaforge.services.clock import Clock

BEAT_SECONDS: Final = 0.05
KEPT: Final = 1_200
"""Beats of a minute."""

_NS_PER_MS: Final = 1_000_000


class LoopLag:
    """Lateness of the loop over the last minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late: deque[int] = deque(maxlen=KEPT)

    async def run(self) -> None:
        """Beat until canceled."""
        pause = int(BEAT_SECONDS * 1_000 * _NS_PER_MS)
        while True:
            due = self._clock.steady_ns() + pause
            await asyncio.sleep(BEAT_SECONDS)
            self.note(self._clock.steady_ns() - due)

    def note(self, late_ns: int) -> None:
        """Take one lateness; waking early counts as 0."""
        self._late.append(max(late_ns, 0))

    def p99_ms(self) -> float | None:
        """The shortest lateness that 99 of 100 did not exceed; None before the first."""
        late = sorted(self._late)
        if not late:
            return None
        return late[ceil(len(late) * 0.99) - 1] / _NS_PER_MS
