"""Where a process can be killed: named points in production code, armed from outside.

`AF_CRASH=<name>:<n>` kills the process by SIGKILL to itself at the n-th pass of that point. The
package knows nothing of it: the process under test wraps the functions of this table before it
begins. Must never change what a function does when it does not kill.
"""

import importlib
import inspect
import itertools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

Phase = Literal["begin", "recover", "start", "live", "stop"]
"""When a point is passed: by the first process of a run, by one that takes a run up, by both, while
trading (passes count once the session is certain), while stopping in order."""

Edge = Literal["before", "after", "during", "half", "inside"]

VARIABLE = "AF_CRASH"
DURING_SECONDS = 0.0004
"""How long after the beginning of a call `during` kills: in the midst of SQLite's own work."""


class Point(NamedTuple):
    """One place.

    Attributes:
        target: Module and attribute, `alphaforge.services.door:Door.put`.
        most: Greatest pass that is drawn.
        only: Counts only calls with an argument of this class, or of this method for `half`.
    """

    name: str
    phase: Phase
    target: str
    edge: Edge
    most: int = 1
    only: str = ""


class Trap:
    """Counts passes and kills at the n-th.

    Attributes:
        armed: Passes count.
    """

    def __init__(self, point: Point, at: int) -> None:
        self.point = point
        self.armed = point.phase != "live"
        self._at = at
        self._passes = itertools.count(1)

    def passes(self) -> None:
        """Here is the point."""
        if self.armed and next(self._passes) == self._at:
            kill(self.point.name)

    def counts(self, arguments: tuple[Any, ...]) -> bool:
        """Whether a call with these arguments is one of the point's."""
        only = self.point.only
        return not only or any(type(each).__name__ == only for each in arguments)


def kill(name: str) -> None:
    """Say where, and die as by SIGKILL from outside."""
    os.write(1, f'{{"killed": "{name}"}}\n'.encode())
    os.kill(os.getpid(), signal.SIGKILL)


def install(armed: str) -> Trap | None:
    """Wrap the function of `<name>:<n>`; None for an empty text."""
    if not armed:
        return None
    name, _, number = armed.rpartition(":")
    point = POINTS[name]
    trap = Trap(point, int(number))
    module_name, _, path = point.target.partition(":")
    owner: Any = importlib.import_module(module_name)
    *holders, attribute = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    setattr(owner, attribute, _WRAPPERS[point.edge](trap, getattr(owner, attribute)))
    return trap


def _before(trap: Trap, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **named: Any) -> Any:
        if trap.counts(args):
            trap.passes()
        return function(*args, **named)

    return wrapped


def after(trap: Trap, function: Callable[..., Any]) -> Callable[..., Any]:
    """Pass once the function has done its work; that of a coroutine is done at its end."""
    if inspect.iscoroutinefunction(function):

        async def awaited(*args: Any, **named: Any) -> Any:
            result = await function(*args, **named)
            if trap.counts(args):
                trap.passes()
            return result

        return awaited

    def wrapped(*args: Any, **named: Any) -> Any:
        result = function(*args, **named)
        if trap.counts(args):
            trap.passes()
        return result

    return wrapped


def _inside(trap: Trap, function: Callable[..., Any]) -> Callable[..., Any]:
    """Between two items of what is iterated."""

    def wrapped(*args: Any, **named: Any) -> Any:
        for item in function(*args, **named):
            trap.passes()
            yield item

    return wrapped


def _during(trap: Trap, function: Callable[..., Any]) -> Callable[..., Any]:
    def killed_soon() -> None:
        threading.Event().wait(DURING_SECONDS)
        trap.passes()

    def wrapped(*args: Any, **named: Any) -> Any:
        if trap.armed:
            threading.Thread(target=killed_soon, daemon=True).start()
        return function(*args, **named)

    return wrapped


def _half(trap: Trap, function: Callable[..., Any]) -> Callable[..., Any]:
    """Half of a frame is written to the socket, and no more."""
    from tests.fake_venue.wire import line

    def wrapped(venue: Any, request: Any) -> Any:
        writer = venue._writer
        if request.method != trap.point.only or writer is None or writer.is_closing():
            function(venue, request)
            return
        frame = line(request)
        writer.write(frame[: len(frame) // 2])
        trap.passes()
        writer.write(frame[len(frame) // 2 :])

    return wrapped


_WRAPPERS: dict[Edge, Callable[[Trap, Callable[..., Any]], Callable[..., Any]]] = {
    "before": _before,
    "after": after,
    "during": _during,
    "half": _half,
    "inside": _inside,
}

_ENGINE = "alphaforge.engine.core:Engine"
_DOOR = "alphaforge.services.door:Door"
_JOURNAL = "alphaforge.services.run_journal:RunJournal"
_GATEWAY = "alphaforge.services.gateway:OrderGateway"
_SESSION = "alphaforge.services.wire_session:_Session"
_WIRE = "alphaforge.services.wire_session"
_LINK = "alphaforge.services.venue_link:VenueLink"
_BACK = "alphaforge.services.recovering"
_RECOVERY = "alphaforge.engine.recovery:_Recovery"
_RECONCILER = "alphaforge.services.reconcile:Reconciler"
_INQUIRY = "alphaforge.services.inquiry:Inquiry"
_THREAD = "alphaforge.services.writer_thread:WriterThread"
_WRITER = "alphaforge.store.writer:Writer"
_BATCH = "alphaforge.store.batch"
_VENUE = "tests.fake_venue.client:SocketVenue"
_LEASE = "alphaforge.services.lease_file:LeaseFile"
_SNAPSHOTS = "alphaforge.services.snapshots"
_OPENING = "alphaforge.services.opening"

_TABLE = (
    # The life of a decision, from an event to the wire
    Point("event before the engine", "live", f"{_DOOR}.put", "before", 120),
    Point("event decided, not journaled", "live", f"{_JOURNAL}.input", "before", 120),
    Point("event journaled, not handed on", "live", f"{_GATEWAY}.take", "before", 60),
    Point("event handed on", "live", f"{_GATEWAY}.take", "after", 60),
    Point("event whole", "live", f"{_DOOR}.put", "after", 120),
    Point("market decided, not journaled", "live", f"{_JOURNAL}.market", "before", 36),
    Point("market journaled", "live", f"{_JOURNAL}.market", "after", 36),
    Point("intent before its commit", "live", f"{_JOURNAL}.commit", "before", 60),
    Point("intent committed, not sent", "live", f"{_THREAD}.commit", "after", 40),
    Point("request about to go", "live", f"{_GATEWAY}._carry", "before", 60),
    Point("request allowed", "live", f"{_GATEWAY}._why_not", "after", 60),
    Point("order about to be written", "live", f"{_VENUE}.submit", "before", 45),
    Point("order answered, answer not taken in", "live", f"{_VENUE}.submit", "after", 45),
    Point("modify about to be written", "live", f"{_VENUE}.modify", "before", 4),
    Point("modify answered, answer not taken in", "live", f"{_VENUE}.modify", "after", 3),
    Point("cancel about to be written", "live", f"{_VENUE}.cancel", "before", 6),
    Point("cancel answered, answer not taken in", "live", f"{_VENUE}.cancel", "after", 6),
    Point("order half written", "live", f"{_VENUE}._write", "half", 45, "submit"),
    Point("modify half written", "live", f"{_VENUE}._write", "half", 4, "modify"),
    Point("cancel half written", "live", f"{_VENUE}._write", "half", 6, "cancel"),
    Point("between two writes", "live", f"{_VENUE}._write", "after", 75),
    Point("answer taken in", "live", f"{_GATEWAY}._try", "after", 60),
    Point("outcome known, not told", "live", f"{_GATEWAY}._tell", "before", 3),
    Point("outcome told", "live", f"{_GATEWAY}._tell", "after", 3),
    Point("frame read, not handed on", "live", f"{_VENUE}._take", "before", 180),
    Point("fill received, not booked", "live", f"{_RECONCILER}.claim", "before", 24, "FillReport"),
    Point("fill booked", "live", f"{_RECONCILER}.claim", "after", 24, "FillReport"),
    Point("order report received", "live", f"{_LINK}._take", "before", 60, "OrderStatusReport"),
    # The writer's thread
    Point("flush asked for", "live", f"{_THREAD}._flush_for_waiting", "before", 45),
    Point("encoded, not written", "live", f"{_WRITER}._encode_pending", "after", 60),
    Point("between two statements", "live", f"{_BATCH}:_execute", "before", 180),
    Point("statement done, others wait", "live", f"{_BATCH}:_execute", "after", 180),
    Point("all written, not committed", "live", f"{_BATCH}:Batch.write", "after", 60),
    Point("amid a commit", "live", f"{_WRITER}.flush", "during", 60),
    Point("committed, thread not told", "live", f"{_WRITER}.flush", "after", 60),
    Point("committed, loop not told", "live", f"{_THREAD}._tell", "before", 45),
    Point("committed, nobody woken", "live", f"{_THREAD}._answer", "before", 45),
    Point("log before its move", "live", f"{_WRITER}.checkpoint", "before", 2),
    Point("amid the log's move", "live", f"{_WRITER}.checkpoint", "during", 2),
    Point("log moved", "live", f"{_WRITER}.checkpoint", "after", 2),
    Point("snapshot before", "live", f"{_SNAPSHOTS}:take", "before", 2),
    Point("snapshot taken, not kept", "live", f"{_JOURNAL}.snapshot", "before", 2),
    Point("snapshot written, old ones there", "live", f"{_BATCH}:_prune_snapshots", "before"),
    Point("snapshot written, old ones gone", "live", f"{_BATCH}:_prune_snapshots", "after"),
    # Taking a run up
    Point("lease locked, epoch old", "start", f"{_LEASE}.lock", "after"),
    Point("epoch written, file not cut", "start", "os:ftruncate", "before"),
    Point("epoch written, not on disk", "start", "os:fsync", "before"),
    Point("epoch on disk, folder not", "start", "os:fsync", "after"),
    Point("lease held, store closed", "start", f"{_THREAD}.open", "before"),
    Point("store about to be prepared", "start", "alphaforge.store.database:prepare", "before"),
    Point("store open", "start", f"{_THREAD}.open", "after"),
    Point("run looked for", "recover", f"{_WRITER}.find_resumable", "after"),
    Point("run marked as running", "recover", f"{_WRITER}.resume_run", "after"),
    Point("snapshot read", "recover", f"{_WRITER}.latest_snapshot", "after"),
    Point("snapshot restored", "recover", f"{_BACK}:restore", "after"),
    Point("amid the tail read", "recover", "alphaforge.store.tail:read_tail", "inside", 40),
    Point("tail read, not folded", "recover", f"{_BACK}:recover", "before"),
    Point("amid the fold", "recover", f"{_RECOVERY}.settle", "after", 12),
    Point("folded", "recover", f"{_BACK}:recover", "after"),
    Point("come back, not connected", "recover", f"{_WIRE}:connect", "before"),
    Point("connected", "start", f"{_WIRE}:connect", "after"),
    Point("account about to be read", "begin", f"{_OPENING}:read_account", "before"),
    Point("account read, no run", "begin", f"{_OPENING}:read_account", "after"),
    Point("run about to be written", "begin", f"{_WRITER}.begin_run", "before"),
    Point("run written, not begun", "begin", f"{_WRITER}.begin_run", "after"),
    Point("epoch not in the journal", "start", f"{_DOOR}.put", "before", 1, "BeginEpoch"),
    Point("epoch in the journal's line", "start", f"{_DOOR}.put", "after", 1, "BeginEpoch"),
    Point("epoch on its way to disk", "start", f"{_WRITER}.flush_to_disk", "during"),
    Point("epoch in the journal", "start", f"{_WRITER}.flush_to_disk", "after"),
    Point("everything doubted", "recover", f"{_RECONCILER}.restarted", "after"),
    Point("trades not asked for", "start", f"{_INQUIRY}.fetch_trades", "before"),
    Point("amid the trades booked", "recover", f"{_JOURNAL}.input", "after", 3, "FillReport"),
    Point("trades booked", "start", f"{_INQUIRY}.fetch_trades", "after"),
    Point("open orders taken in", "start", f"{_INQUIRY}.fetch_open_orders", "after"),
    Point("amid the look-ups", "recover", f"{_INQUIRY}.ask_about", "after"),
    Point("look-ups done", "start", f"{_INQUIRY}.ask_about_unlisted", "after"),
    Point("buffer not released", "start", f"{_RECONCILER}._release", "before"),
    Point("buffer released", "start", f"{_RECONCILER}._release", "after"),
    Point("books compared", "start", f"{_RECONCILER}._differences", "after"),
    Point("certain, not reported", "start", f"{_RECONCILER}._report", "before"),
    Point("reported", "start", f"{_RECONCILER}._report", "after"),
    Point("strategies not started", "start", f"{_SESSION}._start", "before"),
    Point("strategies started", "start", f"{_SESSION}._start", "after"),
    Point("absence not told", "live", f"{_JOURNAL}.input", "before", 1, "AbsenceProved"),
    Point("absence told", "live", f"{_JOURNAL}.input", "after", 1, "AbsenceProved"),
    # Stopping in order
    Point("stop not taken in", "stop", f"{_DOOR}.put", "before", 1, "StopSession"),
    Point("stop taken in", "stop", f"{_DOOR}.put", "after", 1, "StopSession"),
    Point("last answers there", "stop", f"{_SESSION}._last_answers", "after"),
    Point("end not written", "stop", f"{_WRITER}.finish_run", "before"),
    Point("end written", "stop", f"{_WRITER}.finish_run", "after"),
    Point("venue closed", "stop", f"{_VENUE}.close", "after"),
    Point("store not closed", "stop", f"{_WRITER}.close", "before"),
    Point("store closed", "stop", f"{_THREAD}.close", "after"),
)

POINTS = {point.name: point for point in _TABLE}
"""By name; every one is a different moment."""


def of_phases(*phases: Phase) -> list[Point]:
    """The points of some phases, in the order of the table."""
    return [point for point in _TABLE if point.phase in phases]
