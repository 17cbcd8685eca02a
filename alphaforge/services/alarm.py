"""The one alarm of the main thread, SIGALRM, shared by all who look after a loop that may be stuck.

A listener is called in the main thread, between two instructions of whatever runs there, and may
raise: the exception then comes out of that place. Must never decide what is stuck.
"""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, NamedTuple, TypeAlias

from alphaforge.services.clock import SystemClock

Listener: TypeAlias = Callable[[FrameType | None], None]
"""Called with the frame that was running."""

_NS: Final = 1_000_000_000
_AT_ONCE: Final = 1e-6


class _Times:
    """When a listener is next called.

    Attributes:
        period: In seconds.
        due: Steady time, ns.
    """

    __slots__ = ("due", "period")

    def __init__(self, period: float) -> None:
        self.period = period
        self.due = _steady_ns() + int(period * _NS)


_steady_ns = SystemClock().steady_ns
_times: Final[dict[Listener, _Times]] = {}
_before: Final[list["_Before"]] = []


class _Before(NamedTuple):
    """Whose the alarm was: it is given back as if its time had gone on.

    Attributes:
        handler: As `signal.signal` gives and takes it.
        due: Steady time of its next ring, ns; 0 = none.
        period: Between two rings, in seconds; 0 = it rings once.
    """

    handler: Any
    due: int
    period: float


def start(listener: Listener, seconds: float) -> None:
    """Have a listener called every so many seconds; only in the main thread."""
    if not _before:
        delay, period = signal.getitimer(signal.ITIMER_REAL)
        due = _steady_ns() + int(delay * _NS) if delay else 0
        _before.append(_Before(signal.signal(signal.SIGALRM, _ring), due, period))
    _times[listener] = _Times(seconds)
    _set_timer()


def end(listener: Listener) -> None:
    """Call it no more; one that was not started is left alone."""
    _times.pop(listener, None)
    if _times:
        _set_timer()
    elif _before:
        signal.setitimer(signal.ITIMER_REAL, 0)
        before = _before.pop()
        signal.signal(signal.SIGALRM, before.handler)
        if before.due:
            delay = max((before.due - _steady_ns()) / _NS, _AT_ONCE)
            signal.setitimer(signal.ITIMER_REAL, delay, before.period)


def due_now(listener: Listener) -> None:
    """Have a listener called at the very next ring, before its time."""
    if listener in _times:
        _times[listener].due = 0


def _shortest() -> float:
    return min((times.period for times in _times.values()), default=0.0)


def _set_timer() -> None:
    shortest = _shortest()
    signal.setitimer(signal.ITIMER_REAL, shortest, shortest)


def _ring(number: int, frame: FrameType | None) -> None:
    del number
    now = _steady_ns()
    slack = int(_shortest() * _NS) // 2  # the timer is periodic, our times are not exactly
    for listener, times in tuple(_times.items()):
        if now >= times.due - slack:
            times.due = now + int(times.period * _NS)
            listener(frame)
