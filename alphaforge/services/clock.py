"""The wall clock, read here and nowhere else, and waiting by it.

Engine time never comes from here: it comes with events. This is for pacing, for how long a run
took, and for when it was started.
"""

import asyncio
import time
from contextlib import suppress
from typing import Protocol


class Clock(Protocol):
    """What a session needs to know of real time; tests give it one they move by hand."""

    def wall_ns(self) -> int:
        """Now, ns UTC; may jump."""
        ...

    def steady_ns(self) -> int:
        """A time that only ever grows, ns; only differences mean anything."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Wait until `event` is set or so many seconds have passed."""
        ...


class SystemClock:
    """The machine's own clock."""

    def wall_ns(self) -> int:
        """See `Clock`."""
        return time.time_ns()

    def steady_ns(self) -> int:
        """See `Clock`."""
        return time.monotonic_ns()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """See `Clock`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
