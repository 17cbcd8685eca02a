"""Many strategies in one engine: register, start, stop, restart, and call them safely.

A callback that raises, or that a watchdog had to interrupt, stops its strategy, with an alert that
shows the user's own frames; its working orders are canceled and the others go on. Must never touch
a market or an order itself.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from typing import Any

from alphaforge.engine.desk import Desk, Shared
from alphaforge.engine.interruption import (
    HUNG,
    RAISED,
    Guard,
    HungCallbackError,
    RepeatedInterruptionError,
    detail_of,
    interrupted_call,
    interruptions,
    name_of,
    own_frames,
)
from alphaforge.engine.meter import Stopwatch
from alphaforge.engine.portfolio import Position
from alphaforge.engine.strategy import Strategy
from alphaforge.engine.timers import Action, Timers
from alphaforge.errors import UsageError
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.model.market import HistoryBars
from alphaforge.model.orders import Fill, Order
from alphaforge.model.step import Step


class RunState(StrEnum):
    """Where a strategy's run stands."""

    REGISTERED = "REGISTERED"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


class Runner:
    """One strategy in the engine: its object, its desk, and how it is doing.

    Attributes:
        starts: How often it was started.
        timers: Registration of each of its timers, by name.
        parameters, source: What it was last made of, as in `RestartStrategy`; empty = as
            registered.
    """

    def __init__(
        self, name: str, make: Callable[[], Strategy], shared: Shared, manager: "StrategyManager"
    ) -> None:
        self.name = name
        self.state = RunState.REGISTERED
        self.error: Exception | None = None
        self.timing = Stopwatch()
        self.starts = 0
        self.parameters = self.source = ""
        self._make = make
        self._shared = shared
        self._manager = manager
        self.timers: dict[str, int] = {}
        self.strategy = make()
        self._attach()

    def _attach(self) -> None:
        """Give the strategy object a fresh desk and look which callbacks it has."""
        self.desk = Desk(self._shared, self)
        self.strategy.join(self.desk)
        self.on_order = self._own("on_order")
        self.on_fill = self._own("on_fill")
        self.on_position = self._own("on_position")
        self._manager.hears_orders |= self.on_order is not None

    def renew(self) -> None:
        """Start over with a new strategy object."""
        self.unlisten()
        self.strategy = self._make()
        self.timers.clear()
        self._attach()

    def remake(self, make: Callable[[], Strategy], parameters: str, source: str) -> None:
        """Make its object another way from now on; it must not be running."""
        self._make, self.parameters, self.source = make, parameters, source
        self.renew()

    def _own(self, callback: str) -> Callable[..., object] | None:
        """The bound callback if the user wrote one: what was not overridden is never called."""
        own = getattr(type(self.strategy), callback) is not getattr(Strategy, callback)
        return getattr(self.strategy, callback) if own else None

    def listen(
        self, listeners: tuple[Callable[..., object], ...], callback: str
    ) -> tuple[Callable[..., object], ...]:
        """Add this strategy's callback to a tuple of listeners, once."""
        bound = getattr(self.strategy, callback)
        if self._own(callback) is None or bound in listeners:
            return listeners
        self._manager.owners[bound] = self
        return (*listeners, bound)

    def unlisten(self) -> None:
        """Take this strategy's callbacks out of every symbol."""
        for state in self._shared.data.markets.states.values():
            state.trade_listeners = self._without(state.trade_listeners)
            state.quote_listeners = self._without(state.quote_listeners)
            state.book_listeners = self._without(state.book_listeners)
            for kind, listeners in state.bar_listeners.items():
                state.bar_listeners[kind] = self._without(listeners)

    def _without(
        self, listeners: tuple[Callable[..., object], ...]
    ) -> tuple[Callable[..., object], ...]:
        owners = self._manager.owners
        return tuple(each for each in listeners if owners.get(each) is not self)

    def start_timer(self, name: str, every: int, now: int) -> None:
        """Start a repeating timer; setting the same name again changes nothing."""
        if name not in self.timers:
            tick = partial(self._tick, name, every, self.starts)
            self.timers[name] = self._manager.timers.schedule(now + every, tick)

    def timer_of(self, action: Action) -> tuple[str, int, int] | None:
        """Name, period (ns) and run of a timer of this strategy; None for another action."""
        if isinstance(action, partial) and action.func == self._tick:
            name, every, run = action.args
            return name, every, run
        return None

    def timer_action(self, name: str, every: int, run: int) -> Action:
        """What a timer of this strategy does when it is due."""
        return partial(self._tick, name, every, run)

    def _tick(self, name: str, every: int, run: int, due: int) -> None:
        if self.state is RunState.RUNNING and run == self.starts:
            self._manager.call(self, self.strategy.on_timer, name)
            again = partial(self._tick, name, every, run)
            self._manager.timers.schedule(due + every, again, self.timers[name])


class StrategyManager:
    """All strategies of an engine, in command-line order.

    Attributes:
        maker: Gives what makes a strategy of this name from parameters (JSON) and source (empty =
            the registered one); raises `AlphaForgeError`. None: no strategy can be changed.
    """

    maker: Callable[[str, str, str], Callable[[], Strategy]] | None = None

    def __init__(self, shared: Shared, timers: Timers) -> None:
        self.timers = timers
        self.runners: dict[str, Runner] = {}
        self.owners: dict[Callable[..., object], Runner] = {}
        self.hears_orders = False
        self._shared = shared
        self._requests = shared.requests
        self._repeated: dict[str, RepeatedInterruptionError] = {}
        shared.execution.listener = self

    def register(self, name: str, make: Callable[[], Strategy]) -> Runner:
        """Add a strategy by a unique name; `make` gives a fresh, configured object each start."""
        if name in self.runners:
            raise UsageError(f"two strategies are named `{name}`", remedy="name one differently")
        runner = self.runners[name] = Runner(name, make, self._shared, self)
        return runner

    def start(self, name: str) -> None:
        """Start a strategy; one that ran before starts anew, with nothing remembered."""
        runner = self.runners[name]
        if runner.state is RunState.RUNNING:
            return
        if runner.starts:
            runner.renew()
        runner.starts += 1
        runner.error = None
        runner.state = RunState.RUNNING
        self.call(runner, runner.strategy.on_start)

    def stop(self, name: str) -> None:
        """Run `on_stop`; from then on it is not called again."""
        runner = self.runners[name]
        if runner.state is RunState.RUNNING:
            self.call(runner, runner.strategy.on_stop)
            if runner.state is RunState.RUNNING:
                runner.state = RunState.STOPPED
            runner.unlisten()

    def call(self, runner: Runner, callback: Callable[..., object], *args: Any) -> None:
        """Call one callback of a strategy, timed; an exception stops the strategy."""
        started = runner.timing.start()
        try:
            callback(*args)
        except RAISED as error:
            self._failed(runner, error, callback, args)
        if started:
            runner.timing.stop(started)

    def dispatch(self, listeners: tuple[Callable[..., object], ...], event: object) -> None:
        """Call every listener with an event, in order; the hot way in."""
        for callback in listeners:
            try:
                callback(event)
            except RAISED as error:
                self.failed(callback, error, event)

    def dispatch_timed(self, listeners: tuple[Callable[..., object], ...], event: object) -> None:
        """The same, timing each strategy: used for one event in many."""
        for callback in listeners:
            self.call(self.owners[callback], callback, event)

    def history(self, event: HistoryBars) -> None:
        """Feed bars from before the run to each that asked for them; orders are denied."""
        state = self._shared.data.markets.find(event.symbol)
        listeners = state.bar_listeners.get(event.kind, ()) if state is not None else ()
        for callback in listeners:
            runner = self.owners[callback]
            asked = runner.desk.past.get((event.symbol, event.kind), 0)
            runner.desk.historical = True
            for bar in event.bars[-asked:] if asked else ():
                if runner.state is RunState.RUNNING:
                    self.call(runner, callback, bar)
            runner.desk.historical = False

    # What the execution engine tells ----------------------------------------------------------

    def adopted(self, order: Order) -> None:
        """Give a strategy an order of its own that a power cut made it forget."""
        runner = self.runners.get(order.strategy)
        if runner is not None:
            runner.desk.adopt(order)

    def order_changed(self, order: Order) -> None:
        """Tell an order's strategy that it changed."""
        runner = self.runners.get(order.strategy)
        if runner is None:
            return
        if not order.is_open:
            runner.desk.ended(order)
        elif order.parent_id:
            runner.desk.adopt(order)
        if runner.on_order is not None and runner.state is RunState.RUNNING:
            self.call(runner, runner.on_order, order)

    def filled(self, fill: Fill, order: Order, position: Position) -> None:
        """Tell an order's strategy of a fill: `on_fill`, then `on_order`, then `on_position`."""
        runner = self.runners.get(order.strategy)
        if runner is None:
            return
        if not order.is_open:
            runner.desk.working.pop(order.order_id, None)
        if runner.on_fill is not None and runner.state is RunState.RUNNING:
            self.call(runner, runner.on_fill, fill)
        if runner.on_order is not None and runner.state is RunState.RUNNING:
            self.call(runner, runner.on_order, order)
        if runner.on_position is not None and runner.state is RunState.RUNNING:
            self.call(runner, runner.on_position, position)

    def fail(self, name: str, error: Exception) -> None:
        """Stop a strategy for a reason from outside its callbacks."""
        self._end(self.runners[name], error)
        self._tell_failure(self.runners[name], error)

    def halt(self, name: str, error: Exception) -> None:
        """Never call a strategy again, and leave its orders alone: a recovery tells the rest."""
        runner = self.runners[name]
        runner.state = RunState.FAILED
        runner.error = error
        runner.unlisten()

    def failed(
        self,
        callback: Callable[..., object],
        error: Exception | SystemExit | HungCallbackError,
        event: object,
    ) -> None:
        """Stop the strategy whose callback raised when it was called with an event."""
        self._failed(self.owners[callback], error, callback, (event,))

    def _failed(
        self,
        runner: Runner,
        error: Exception | SystemExit | HungCallbackError,
        callback: Callable[..., object],
        args: tuple[Any, ...],
    ) -> None:
        """Stop a strategy that raised: what this callback asked for is dropped, its orders go."""
        if isinstance(error, RepeatedInterruptionError):
            self._end(runner, TimeoutError(error.alert.message))
            error.repeat(self._shared)
        elif isinstance(error, HungCallbackError):
            self._tell_hung(runner, error, callback, args)
        elif isinstance(error, SystemExit):  # a strategy ends itself by an error, not the engine
            raised = RuntimeError(f"it called sys.exit({error.code!r})")
            self._end(runner, raised.with_traceback(error.__traceback__))
            self._tell_failure(runner, raised)
        else:
            self._end(runner, error)
            self._tell_failure(runner, error)

    def _end(self, runner: Runner, error: Exception) -> None:
        """Never call a strategy again; its requests of this event are dropped, its orders go."""
        self._drop_requests(runner)
        runner.state = RunState.FAILED
        runner.error = error
        runner.unlisten()
        self._requests.append((self._shared.execution.cancel_all, (runner.name,)))

    def _tell_failure(self, runner: Runner, error: Exception) -> None:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        message = f"strategy {runner.name} was stopped: {what}"
        self._alert(runner, "strategy-error", message, own_frames(error))

    def _tell_hung(
        self,
        runner: Runner,
        error: HungCallbackError,
        callback: Callable[..., object],
        args: tuple[Any, ...],
    ) -> None:
        """Say which call was interrupted, well enough for a repetition to stop at the same one."""
        problem = f"{name_of(callback)} did not return within {error.seconds:g} s"
        self._end(runner, TimeoutError(problem).with_traceback(error.__traceback__))
        was = interrupted_call(callback, args, self._shared)
        message = f"strategy {runner.name} was stopped: {problem}"
        self._alert(runner, HUNG, message, detail_of(own_frames(error), was))

    def _alert(self, runner: Runner, code: str, message: str, detail: str) -> None:
        execution = self._shared.execution
        now, name = execution.now, runner.name
        execution.leave(Alert(AlertLevel.ERROR, code, message, now, strategy=name, detail=detail))

    @contextmanager
    def stop_instead_of(self, step: Step) -> Generator[None]:
        """Have the one event processed inside stop strategies where the journaled Step says so.

        A call that was interrupted then is not made now; what it had left is left again.
        """
        self._repeated = interruptions(step)
        if not self._repeated:
            yield
            return
        self.call = self._call_or_stop
        self._exchange(lambda bound: self._guarded(self.owners[bound], bound))
        try:
            yield
        finally:
            self._exchange(lambda guard: guard.bound if isinstance(guard, Guard) else guard)
            del self.call
            self._repeated = {}

    def _exchange(self, other: Callable[[Callable[..., object]], Callable[..., object]]) -> None:
        """Put another callable in the place of each that is called without `call`."""
        for state in self._shared.data.markets.states.values():
            state.trade_listeners = tuple(map(other, state.trade_listeners))
            state.quote_listeners = tuple(map(other, state.quote_listeners))
            state.book_listeners = tuple(map(other, state.book_listeners))

    def _call_or_stop(self, runner: Runner, callback: Callable[..., object], *args: Any) -> None:
        bound = callback.bound if isinstance(callback, Guard) else callback
        self.__class__.call(self, runner, self._guarded(runner, bound), *args)

    def _guarded(self, runner: Runner, bound: Callable[..., object]) -> Guard:
        return Guard(bound, partial(self._stop_before, runner, bound))

    def _stop_before(self, runner: Runner, callback: Callable[..., object], *args: Any) -> None:
        """Raise if this is the call that was interrupted then."""
        error = self._repeated.get(runner.name)
        if error is not None and error.struck(callback, args, self._shared.execution):
            raise error

    def _drop_requests(self, runner: Runner) -> None:
        """Put nothing in the place of its earlier requests: the queue is being walked."""
        for index, (_, args) in enumerate(self._requests):
            if args and getattr(args[0], "strategy", None) == runner.name:
                self._requests[index] = (_nothing, ())

    def statistics(self) -> dict[str, dict[str, Any]]:
        """State and sampled timing of each strategy."""
        return {
            name: {"state": runner.state.value, "starts": runner.starts}
            | {"callbacks": runner.timing.statistics()}
            for name, runner in self.runners.items()
        }


def _nothing() -> None:
    """What is left of a dropped request."""
