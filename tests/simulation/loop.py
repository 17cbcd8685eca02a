"""An asyncio event loop in virtual time: nothing blocks, nothing is random but the seed.

When nothing is ready, time jumps to the next timer. Among ready callbacks the seed chooses, but
each task and each future keeps its own order. A callback belongs to the simulated process that
scheduled it (`PROCESS`, inherited through contexts): a killed process's callbacks are dropped where
they stand, without `finally`, as SIGKILL does; a stopped one's wait until it is continued.
It must never read a clock, open a socket or start a thread.
"""

import asyncio
import heapq
import random
from asyncio import AbstractEventLoop, Handle, base_events
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final

MOST_CALLBACKS_AT_ONCE: Final = 200_000
"""Callbacks without any time passing after which a loop is taken for one that runs away."""

TINY: Final = 1e-9


class LoopError(RuntimeError):
    """The simulated program can not go on: it waits for nothing, or never waits at all."""


class Process:
    """One incarnation of the simulated program: what is scheduled in it dies with it."""

    __slots__ = ("alive", "handlers", "held", "name", "stopped", "tasks")

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.stopped = False
        self.held: list[Handle] = []
        self.handlers: dict[int, tuple[Any, Context]] = {}
        self.tasks: list[asyncio.Task[Any]] = []

    def __repr__(self) -> str:
        state = "alive" if self.alive else "dead"
        return f"<Process {self.name} {state}>"


PROCESS: Final[ContextVar[Process | None]] = ContextVar("process", default=None)
"""Whose code runs; None is the world outside: network, disk, clock."""


def _group(handle: Handle) -> object:
    """What must keep its order: a task's steps, one future's callbacks, one object's methods."""
    owner = getattr(handle._callback, "__self__", None)
    return owner if owner is not None else handle._callback


class VirtualLoop(base_events.BaseEventLoop):
    """The loop; `time()` is virtual seconds from 0.

    Attributes:
        failures: What callbacks and tasks raised that nobody took.
        turns: Callbacks run so far.
    """

    _ready: Any
    _scheduled: Any
    _stopping: bool

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(f"loop-{seed}").random
        self._virtual = 0.0
        self._at_once = 0
        self.turns = 0
        self.failures: list[BaseException] = []
        self.trace: list[tuple[float, str]] | None = None
        self.set_exception_handler(self._keep_failure)

    def time(self) -> float:
        return self._virtual

    def now_ns(self) -> int:
        """Virtual time since the loop was made, ns."""
        return round(self._virtual * 1_000_000_000)

    def _write_to_self(self) -> None:
        return

    def _process_events(self, event_list: object) -> None:
        return

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        raise LoopError("a thread was asked for: the simulated program must have none")

    def _keep_failure(self, loop: AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.failures.append(error or LoopError(str(context.get("message"))))
        if error is not None and not isinstance(error, Exception):
            self.stop()  # a breach seen by the world outside: nothing after it counts

    def _run_once(self) -> None:
        ready = self._ready
        self._gather_due()
        while ready and not self._stopping:
            handle = self._pick()
            if handle._cancelled:
                continue
            process = handle._context.get(PROCESS)
            if process is not None and not self._may_run(process, handle):
                continue
            self._at_once += 1
            self.turns += 1
            if self._at_once > MOST_CALLBACKS_AT_ONCE:
                raise LoopError(f"{self._at_once:,} callbacks and no time passed")
            if self.trace is not None:
                self.trace.append((self._virtual, getattr(handle._callback, "__qualname__", "?")))
            handle._run()

    def _gather_due(self) -> None:
        """Move due timers to the ready ones; jump to the next one if there is nothing else."""
        scheduled, ready = self._scheduled, self._ready
        while scheduled and scheduled[0]._cancelled:
            self._forget(heapq.heappop(scheduled))
        if not ready and not self._stopping:
            if not scheduled:
                raise LoopError("everything waits and nothing will ever happen")
            when = scheduled[0]._when
            if when > self._virtual:
                self._virtual = when
                self._at_once = 0
        limit = self._virtual + TINY
        while scheduled and scheduled[0]._when <= limit:
            timer = heapq.heappop(scheduled)
            if timer._cancelled:
                self._forget(timer)
            else:
                timer._scheduled = False
                ready.append(timer)

    def _forget(self, timer: Any) -> None:
        self._timer_cancelled_count -= 1
        timer._scheduled = False

    _timer_cancelled_count: int

    def _pick(self) -> Handle:
        """Any ready callback of which no earlier one of the same task or future waits."""
        ready = self._ready
        count = len(ready)
        if count == 1:
            return ready.popleft()
        index = int(self._random() * count)
        if index:
            group = _group(ready[index])
            for earlier in range(index):
                if _group(ready[earlier]) is group:
                    index = earlier
                    break
        handle = ready[index]
        del ready[index]
        return handle

    def _may_run(self, process: Process, handle: Handle) -> bool:
        if process.alive and not process.stopped:
            return True
        if process.alive:
            process.held.append(handle)
        return False

    # Processes --------------------------------------------------------------------------------

    def add_signal_handler(self, sig: int, callback: Any, *args: Any) -> None:
        process = PROCESS.get()
        if args or process is None:
            raise NotImplementedError
        process.handlers[sig] = (callback, copy_context())

    def remove_signal_handler(self, sig: int) -> bool:
        process = PROCESS.get()
        return process is not None and process.handlers.pop(sig, None) is not None

    def signal(self, process: Process, sig: int) -> None:
        """Send a process a signal that it may listen for."""
        if process.alive and sig in process.handlers:
            callback, context = process.handlers[sig]
            self.call_soon(callback, context=context)

    def kill(self, process: Process) -> None:
        """SIGKILL: not one more instruction of it runs."""
        process.alive = False
        process.held.clear()

    def pause(self, process: Process) -> None:
        """SIGSTOP: what it would run waits."""
        process.stopped = True

    def resume(self, process: Process) -> None:
        """SIGCONT: everything that became due meanwhile is ready at once."""
        process.stopped = False
        self._ready.extend(process.held)
        process.held.clear()

    def spawn(self, process: Process, coroutine: Any) -> asyncio.Task[Any]:
        """Start a process's main task: what it schedules belongs to the process."""
        context = Context()
        context.run(PROCESS.set, process)
        return self.create_task(coroutine, context=context)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Keep a hold on every task of a process: the collector must not end one that is dead."""
        task = super().create_task(coro, **options)
        context = options.get("context")
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is not None:
            process.tasks.append(task)
        return task

    def bury(self, process: Process) -> None:
        """After the run: let go of a dead process's tasks without a word."""
        for task in process.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(BaseException):
                    task.get_coro().close()
        process.tasks.clear()

    def outside(self, delay: float, callback: Any, *args: Any) -> asyncio.TimerHandle:
        """Call something of the world later, whoever asks for it and whether he lives or not."""
        return self.call_at(self._virtual + delay, callback, *args, context=WORLD)


WORLD: Final = Context()
"""The context of the world outside: belongs to no process."""
