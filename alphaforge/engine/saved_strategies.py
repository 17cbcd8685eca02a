"""What a snapshot keeps of each strategy: its run, its own memory, and what it listens to.

A strategy that wrote both `on_save` and `on_load` says itself what it must remember; of any other,
every attribute is kept. Neither may trade meanwhile: a snapshot is no event and changes nothing.
"""

from typing import Any

import msgspec

from alphaforge.engine.desk import Desk, Shared
from alphaforge.engine.markets import SymbolState
from alphaforge.engine.saved_values import (
    Node,
    Reader,
    SnapshotError,
    SnapshotRefusedError,
    Writer,
    own_attributes,
)
from alphaforge.engine.strategies import Runner, RunState, StrategyManager
from alphaforge.engine.strategy import Strategy
from alphaforge.errors import AlphaForgeError, StrategyError, UsageError

STREAMS = ("trade", "quote", "book")
"""What a symbol has a tuple of listeners for, beside its bars; `on_` before it is the callback."""


class StrategyState(msgspec.Struct):
    """One strategy's run.

    Attributes:
        error: What it failed of, in words; empty if it did not.
        timers: Registration by timer name.
        past: Bars from before the run that it asked for: symbol, kind, count.
        working: Its orders that work, as handles.
        parameters, source: What it was made anew from while it ran; empty = as registered.
        told: What its `on_save` gave; its attributes otherwise. Nothing unless it is running.
    """

    name: str
    state: RunState
    starts: int
    error: str
    timers: dict[str, int]
    past: list[tuple[str, str, int]]
    working: list[Node]
    parameters: str = ""
    source: str = ""
    told: Node = None
    attributes: list[list[Node]] | None = None


class Listeners(msgspec.Struct):
    """Who listens to a symbol, in the order they are called: by stream, and by kind of bar."""

    streams: dict[str, list[str]]
    bars: dict[str, list[str]]


class _QuietDesk(Desk):
    """The desk during `on_save` and `on_load`: looking is free, asking for anything is refused."""

    def _refuse(self, *_: object) -> Any:
        raise UsageError(
            f"strategy {self._name} asked for something in `on_save` or `on_load`",
            remedy="only save and load there; order, subscribe and set timers in other callbacks",
        )

    order = _queue = modify = cancel = signal = _refuse  # pyright: ignore[reportAssignmentType] - each is refused, whatever it takes
    subscribe_trades = subscribe_quotes = subscribe_book = subscribe_bars = _refuse  # pyright: ignore[reportAssignmentType] - likewise
    timer = log = _refuse  # pyright: ignore[reportAssignmentType] - likewise


def save_strategy(runner: Runner, shared: Shared, writer: Writer) -> StrategyState:
    """A strategy between two events; raises SnapshotRefusedError where it cannot be saved."""
    saved = StrategyState(
        runner.name,
        runner.state,
        runner.starts,
        _in_words(runner.error),
        runner.timers,
        [(symbol, kind, count) for (symbol, kind), count in runner.desk.past.items()],
        [writer.node(order) for order in runner.desk.working.values()],
        runner.parameters,
        runner.source,
    )
    if runner.state is not RunState.RUNNING:
        return saved
    strategy, owner = runner.strategy, f"strategy {runner.name}"
    if _saves_itself(strategy):
        told = _quietly(runner, shared, "on_save")
        saved.told = writer.attributes(owner, [("on_save()", told)])[0][1]
    else:
        own = [each for each in own_attributes(strategy) if each[0] != "_desk"]
        saved.attributes = writer.attributes(owner, own)
    return saved


def load_strategy(runner: Runner, shared: Shared, saved: StrategyState, reader: Reader) -> None:
    """Bring a newly made strategy to where it was, without `on_start`."""
    runner.state, runner.starts = saved.state, saved.starts
    runner.error = StrategyError(saved.error) if saved.error else None
    runner.timers.update(saved.timers)
    runner.desk.past.update({(symbol, kind): count for symbol, kind, count in saved.past})
    for order in (reader.value(node) for node in saved.working):
        runner.desk.working[order.order_id] = order
    if runner.state is not RunState.RUNNING:
        return
    if saved.attributes is None:
        _quietly(runner, shared, "on_load", reader.value(saved.told))
        return
    strategy = runner.strategy
    values = {name: reader.value(node) for name, node in saved.attributes}
    for name, _ in own_attributes(strategy):
        if name != "_desk" and name not in values:
            delattr(strategy, name)
    for name, value in values.items():
        setattr(strategy, name, value)


def remake_as_saved(manager: StrategyManager, saved: StrategyState) -> None:
    """Make a strategy that was changed while it ran as it was then; else nothing.

    Raises SnapshotError where it cannot be made any more.
    """
    if not saved.parameters:
        return
    try:
        remake(manager, saved.name, saved.parameters, saved.source)
    except AlphaForgeError as error:
        raise SnapshotError(f"strategy {saved.name} cannot be made any more: {error}") from error


def remake(manager: StrategyManager, name: str, parameters: str, source: str) -> None:
    """Make a strategy that does not run from other parameters, or from another source.

    Raises `AlphaForgeError` where it cannot be made; it is then as it was.
    """
    if manager.maker is None:
        raise UsageError("strategies cannot be changed here", remedy="start another run")
    runner = manager.runners[name]
    source = source or runner.source
    runner.remake(manager.maker(name, parameters, source), parameters, source)


def _in_words(error: Exception | None) -> str:
    if error is None:
        return ""
    return str(error) if isinstance(error, StrategyError) else f"{type(error).__name__}: {error}"


def _saves_itself(strategy: Strategy) -> bool:
    kind = type(strategy)
    return kind.on_save is not Strategy.on_save and kind.on_load is not Strategy.on_load


def _quietly(runner: Runner, shared: Shared, callback: str, *args: Any) -> Any:
    """Call `on_save` or `on_load` at a desk that does nothing; an error is a refusal."""
    desk = _QuietDesk(shared, runner)
    desk.working = runner.desk.working
    strategy = runner.strategy
    strategy.join(desk)
    try:
        return getattr(strategy, callback)(*args)
    except (Exception, SystemExit) as error:
        raise SnapshotRefusedError(
            f"`{callback}` of strategy {runner.name} failed: {type(error).__name__}: {error}",
            remedy="correct it; until then every restart replays the run from its start",
        ) from error
    finally:
        strategy.join(runner.desk)


def save_listeners(state: SymbolState, manager: StrategyManager) -> Listeners:
    """Who listens to a symbol, by name."""
    owners = manager.owners
    return Listeners(
        {
            stream: [owners[each].name for each in getattr(state, f"{stream}_listeners")]
            for stream in STREAMS
        },
        {
            kind: [owners[each].name for each in listeners]
            for kind, listeners in state.bar_listeners.items()
        },
    )


def load_listeners(state: SymbolState, saved: Listeners, manager: StrategyManager) -> None:
    """Have the same strategies listen again, in the same order; none of their code runs."""
    for stream in STREAMS:
        listeners = getattr(state, f"{stream}_listeners")
        for name in saved.streams[stream]:
            listeners = manager.runners[name].listen(listeners, f"on_{stream}")
        setattr(state, f"{stream}_listeners", listeners)
    for kind, names in saved.bars.items():
        listeners = state.bar_listeners.get(kind, ())
        for name in names:
            listeners = manager.runners[name].listen(listeners, "on_bar")
        state.bar_listeners[kind] = listeners
