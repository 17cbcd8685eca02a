"""The machine's clocks in virtual time: the wall clock may jump, the steady one only grows.

Must never know the venue's clock: that is apart from ours by as much as the venue promises.
"""

import asyncio
from contextlib import suppress
from typing import Final

from tests.simulation.loop import VirtualLoop

START_NS: Final = 1_800_000_000_000_000_000
"""The wall clock's time at virtual 0."""

SECOND: Final = 1_000_000_000


class SimulatedClock:
    """What `services/clock.py` is in production.

    Attributes:
        jumped: How far the wall clock is from the truth, ns.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.jumped = 0

    def wall_ns(self) -> int:
        return START_NS + self._loop.now_ns() + self.jumped

    def steady_ns(self) -> int:
        return self._loop.now_ns() + SECOND

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
