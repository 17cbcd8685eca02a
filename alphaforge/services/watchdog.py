"""Interrupts a strategy's callback that does not return, so that the others go on.

A look at the main thread's stack every now and then costs the engine nothing. Raises only while
the user's own code runs: never inside the engine, also not where the user called it. What can not
be interrupted (one long call of C code) ends by itself, and is interrupted then. Must never judge
a strategy by anything but the time that one call takes.
"""

import _thread
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import alphaforge
from alphaforge.engine.core import Engine
from alphaforge.engine.interruption import HungCallbackError
from alphaforge.engine.strategies import StrategyManager
from alphaforge.services import alarm
from alphaforge.services.clock import SystemClock

_LOOK_SECONDS: Final = 0.05
_LOOKS: Final = 4
"""Looks within the time a callback has, at least."""

_NS: Final = 1_000_000_000
_PACKAGE: Final = f"{Path(alphaforge.__file__).parent}/"
_CALLERS: Final = frozenset(
    {Engine.process.__code__, StrategyManager.call.__code__, StrategyManager.dispatch.__code__}
)
"""Where the engine calls strategies."""


@contextmanager
def watch(engine: Engine, seconds: float) -> Generator[None]:
    """Stop each strategy of an engine whose callback takes longer than so many seconds.

    0 watches nothing, and so does any thread but the main one: signals are handled there alone.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    watchdog = _Watchdog(engine, seconds)
    alarm.start(watchdog.look, watchdog.period)
    try:
        yield
    finally:
        alarm.end(watchdog.look)


class _Watchdog:
    """What it knows of the call that runs.

    Attributes:
        period: Seconds between two looks.
    """

    def __init__(self, engine: Engine, seconds: float) -> None:
        self.period = min(_LOOK_SECONDS, seconds / _LOOKS)
        self._engine = engine
        self._seconds = seconds
        self._clock = SystemClock()
        self._looked, self._used = self._clock.steady_ns(), time.thread_time_ns()
        self._sequence = -1
        self._callback: FrameType | None = None
        self._spent = 0
        self._interruptions = 0

    def look(self, frame: FrameType | None) -> None:
        """Count the time of the call that runs; interrupt it if that is too much."""
        passed, uncounted = self._passed()
        callback, is_users = _running(frame)
        if callback is None or callback is not self._callback or self._is_next_event():
            self._sequence, self._callback = self._engine.sequence, callback
            self._spent = uncounted
            self._interruptions = 0
        else:
            self._spent += passed
        if callback is not None and is_users and self._spent >= self._seconds * _NS:
            self._interrupt()

    def _is_next_event(self) -> bool:
        return self._engine.sequence != self._sequence

    def _passed(self) -> tuple[int, int]:
        """Time since the last look, ns, and how much of it was spent without a chance to look.

        Time in which the process did not run (it was stopped, the machine was busy) is nobody's: a
        look that comes late counts by the processor time used. A look is late because C code ran,
        and that was called by whatever runs now.
        """
        now, used = self._clock.steady_ns(), time.thread_time_ns()
        period = int(self.period * _NS)
        passed = min(now - self._looked, max(period, used - self._used))
        self._looked, self._used = now, used
        return passed, max(passed - 2 * period, 0)

    def _interrupt(self) -> None:
        """Raise; where the callback swallowed that before, go on raising until it is left.

        The next exception then comes at the first chance after this one: in the handler that
        swallows it, or behind it, outside of the `try`.
        """
        self._interruptions += 1
        error = HungCallbackError(self._seconds)
        if self._interruptions == 1:
            raise error
        alarm.due_now(self.look)
        _ALARM.ring  # noqa: B018  # see _Signal
        raise error


class _Signal(int):
    """A signal that is raised by looking at an attribute.

    Python looks for signals after each call. Here nothing may be looked for before the `raise`
    that follows, and looking an attribute up is the one way to run something without a call.
    """

    ring = property(_thread.interrupt_main)


_ALARM: Final = _Signal(signal.SIGALRM)


def _running(frame: FrameType | None) -> tuple[FrameType | None, bool]:
    """The frame of the callback that runs, and whether only the user's code is above it."""
    above: FrameType | None = None
    is_users = True
    while frame is not None and frame.f_code not in _CALLERS:
        is_users = is_users and _is_users(frame)
        above, frame = frame, frame.f_back
    if frame is None or above is None or not _is_users(above):
        return None, False
    return above, is_users


def _is_users(frame: FrameType) -> bool:
    return not frame.f_code.co_filename.startswith(_PACKAGE)
