"""A callback that did not come back: the exception it is ended with, and which call it was.

What such a callback did can not be repeated: where it was interrupted depends on the wall clock. So
the Step says which call it was and what it had left behind, and whoever repeats the run stops the
strategy at that call without making it. Must never interrupt anything itself: a watchdog does.
"""

import traceback
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from alphaforge.engine.desk import Shared
from alphaforge.engine.execution import ExecutionEngine
from alphaforge.model.events import Alert, Signal
from alphaforge.model.step import Step

HUNG: Final = "strategy-hung"
"""Code of the alert of a strategy that was stopped in a callback that did not return."""

_PACKAGE: Final = __file__.rpartition("engine/")[0]
_SUBJECT: Final = ("symbol", "kind", "ts", "order_id", "status", "filled", "trade_id", "quantity")


class HungCallbackError(BaseException):
    """Raised out of a callback that ran for too long; no `except Exception` of a user stops it.

    Attributes:
        seconds: How long it may take.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no return within {seconds:g} s")
        self.seconds = seconds


RAISED: Final = (Exception, SystemExit, HungCallbackError)
"""What a call of a strategy may end with; anything else is a stop of the whole process."""


class InterruptedCall(msgspec.Struct, frozen=True):
    """Which call of one event was interrupted, and what it had left by then.

    Attributes:
        call: The callback and what it was told of.
        at: Engine time, ns UTC.
        facts: How many order events, fills and the like the event had led to before it.
        alerts: How many alerts the event had led to, those the call left itself included.
        signals: The same of signals.
        numbered: Order numbers taken so far, its own included.
        signals_made: Signals of the engine so far, its own included.
    """

    call: str
    at: int
    facts: int
    alerts: int
    signals: int
    numbered: int
    signals_made: int


class RepeatedInterruptionError(HungCallbackError):
    """Raised in the place of a call that was interrupted in the run that is repeated.

    Attributes:
        alert: The one of then.
        was: Which call, and what it had left.
        step: What the whole event led to then.
    """

    def __init__(self, alert: Alert, was: InterruptedCall, step: Step) -> None:
        super().__init__(0.0)
        self.alert = alert
        self.was = was
        self.step = step

    def struck(
        self, callback: Callable[..., object], args: tuple[Any, ...], execution: ExecutionEngine
    ) -> bool:
        """Whether a call that is about to be made is the one that was interrupted then."""
        was = self.was
        return (was.call, was.at, was.facts) == (
            _told(callback, args),
            execution.now,
            _counted(execution.record)[0],
        )

    def repeat(self, shared: Shared) -> None:
        """Leave what the interrupted call had left, and count as far as was counted then."""
        execution, was = shared.execution, self.was
        _, alerts, signals = _counted(execution.record)
        for item in self.step.alerts[alerts : was.alerts]:
            execution.leave(item)
        for item in self.step.signals[signals : was.signals]:
            execution.leave(item)
        execution.numbers.taken = max(execution.numbers.taken, was.numbered)
        shared.signals_made = was.signals_made
        execution.leave(self.alert)


class Guard:
    """Stands for a bound callback while an event is repeated; equal to it, so that it is found.

    Its call is preceded by `check`, which raises where the call was interrupted.
    """

    def __init__(
        self,
        bound: Callable[..., object],
        check: Callable[..., None],
    ) -> None:
        self.bound = bound
        self.__name__ = name_of(bound)
        self._check = check

    def __call__(self, *args: Any) -> object:
        """Check, then call."""
        self._check(*args)
        return self.bound(*args)

    def __eq__(self, other: object) -> bool:
        return self.bound == (other.bound if isinstance(other, Guard) else other)

    def __hash__(self) -> int:
        return hash(self.bound)


def interruptions(step: Step) -> dict[str, RepeatedInterruptionError]:
    """The strategies that were stopped in a hung callback within a journaled Step, by name."""
    return {
        alert.strategy: RepeatedInterruptionError(alert, _read(alert), step)
        for alert in step.alerts
        if alert.code == HUNG
    }


def interrupted_call(
    callback: Callable[..., object], args: tuple[Any, ...], shared: Shared
) -> InterruptedCall:
    """Which call was interrupted just now."""
    execution = shared.execution
    return InterruptedCall(
        _told(callback, args),
        execution.now,
        *_counted(execution.record),
        execution.numbers.taken,
        shared.signals_made,
    )


def detail_of(frames: str, was: InterruptedCall) -> str:
    """The detail of an alert: the user's frames, and in the last line which call it was."""
    return f"{frames}\n{msgspec.json.encode(was).decode()}"


def _read(alert: Alert) -> InterruptedCall:
    return msgspec.json.decode(alert.detail.rpartition("\n")[2], type=InterruptedCall)


def name_of(callback: Callable[..., object]) -> str:
    """`on_bar`; of a callable without a name, its type's."""
    name: object = getattr(callback, "__name__", None)
    return name if isinstance(name, str) else type(callback).__name__


def _told(callback: Callable[..., object], args: tuple[Any, ...]) -> str:
    """A callback and what it was called about, in words that tell two calls apart."""
    subject = args[0] if args else ""
    if isinstance(subject, str):
        return f"{name_of(callback)}({subject!r})" if args else f"{name_of(callback)}()"
    facts = [str(getattr(subject, name)) for name in _SUBJECT if hasattr(subject, name)]
    return f"{name_of(callback)}({' '.join(facts)})"


def _counted(record: Iterable[object]) -> tuple[int, int, int]:
    """How many facts, alerts and signals are in a record; a callback itself adds no fact."""
    facts = alerts = signals = 0
    for item in record:
        if isinstance(item, Alert):
            alerts += 1
        elif isinstance(item, Signal):
            signals += 1
        else:
            facts += 1
    return facts, alerts, signals


def own_frames(error: BaseException) -> str:
    """A traceback without the program's frames: what the user wrote, file by file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
    shown = traceback.format_list(own or frames[-1:])
    return "".join([*shown, *traceback.format_exception_only(error)]).rstrip()
