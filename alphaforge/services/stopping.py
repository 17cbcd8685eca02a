"""How a run is asked to stop: by its own end, by Ctrl-C or SIGTERM, or by a failure.

The first signal asks; the second ends the process at once (what was committed stays). If code of a
strategy keeps the loop from seeing the first one, that code is interrupted. Must do nothing itself
but ask.
"""

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from types import FrameType

from alphaforge.engine.core import Engine
from alphaforge.errors import ExitCode
from alphaforge.services import alarm
from alphaforge.services.pump import Pump

PATIENCE_SECONDS = 0.5
"""How long a callback may go on after Ctrl-C before it is interrupted."""


class Reason(StrEnum):
    """Why a run stops."""

    END = "end"
    ASKED = "asked"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class StuckError(BaseException):
    """Raised out of a callback that did not return after a stop was asked for."""


class StopRequest:
    """Whether a run shall stop, and why.

    Attributes:
        event: Set as soon as it shall.
        reason: The first reason given; None while it shall go on.
        who: Who asked, where somebody did by the control API.
        stuck: A callback was interrupted: the engine must not be called again.
        settled: The engine has stopped; only the commit is left.
    """

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.reason: Reason | None = None
        self.who = ""
        self.stuck = False
        self.settled = False

    def ask(self, reason: Reason, who: str = "") -> None:
        """Ask for the end; only the first reason counts."""
        if self.reason is None:
            self.reason, self.who = reason, who
        self.event.set()


_BUSY = frozenset({Engine.process.__code__, Pump.turn.__code__})
"""Where the loop's thread is while a strategy or a reader holds it."""


@contextmanager
def stop_on_signals(stop: StopRequest) -> Generator[None]:
    """Turn Ctrl-C and SIGTERM into a request, until the block ends; only in the main thread.

    Call it inside the running loop.
    """
    loop = asyncio.get_running_loop()

    def first(number: int, frame: FrameType | None) -> None:
        del number, frame
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, _second)
        alarm.start(interrupt, PATIENCE_SECONDS)
        loop.call_soon_threadsafe(stop.ask, Reason.INTERRUPTED)

    def interrupt(frame: FrameType | None) -> None:
        if not stop.settled and _is_busy(frame):
            alarm.end(interrupt)
            raise StuckError

    before = {number: signal.signal(number, first) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        alarm.end(interrupt)
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_busy(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in _BUSY:
            return True
        frame = frame.f_back
    return False


def _second(number: int, frame: FrameType | None) -> None:
    del number, frame
    os.write(2, b"\nstopped at once; what was committed is kept\n")
    os._exit(ExitCode.INTERRUPTED)
