"""A wire engine's complete state between two events, as bytes, and back.

A snapshot saves time only: without one a run is folded from its start. So it is never guessed at:
one made by other code, for other instruments or for other strategies is refused as a whole, and so
is one that would leave out a part of a strategy's memory. What follows from the rest (reserved
funds, marks) is made anew. Must never keep anything that a run's events did not lead to.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from zlib import crc32

import msgspec

from alphaforge.engine.bars import BarBuilder
from alphaforge.engine.brackets import Bracket
from alphaforge.engine.claim_state import ClaimState
from alphaforge.engine.core import Engine
from alphaforge.engine.desk import HistoryRequest
from alphaforge.engine.emulation import EmulationState, SavedHeld, Waiting, Watched
from alphaforge.engine.execution import OrdersState, SavedOrder
from alphaforge.engine.lifecycle import OrderLife
from alphaforge.engine.markets import SymbolState
from alphaforge.engine.portfolio import PortfolioState, Position
from alphaforge.engine.saved_strategies import (
    Listeners,
    StrategyState,
    load_listeners,
    load_strategy,
    remake_as_saved,
    save_listeners,
    save_strategy,
)
from alphaforge.engine.saved_timers import TimerSaved, load_timers, save_timers
from alphaforge.engine.saved_values import (
    Node,
    Reader,
    SnapshotError,
    SnapshotRefusedError,
    Writer,
    layout,
    own_attributes,
)
from alphaforge.engine.strategies import StrategyManager
from alphaforge.errors import InternalError
from alphaforge.model.enums import RiskState
from alphaforge.model.instrument import Instrument, default_instrument
from alphaforge.model.orders import Order

__all__ = ["SnapshotError", "SnapshotRefusedError", "restore", "take"]

FORMAT: Final = 1
"""Grows with every change of what the parts below mean; other fields are noticed by themselves."""

SCALARS: Final = (
    "last",
    "first",
    "bid",
    "ask",
    "quoted",
    "traded",
    "on_bars",
    "native_kind",
    "trade_ts",
    "quote_ts",
    "book_ts",
    "bar_ts",
    "bar_open_ts",
    "opened",
    "trade_count",
    "low",
    "high",
    "ask_low",
    "ask_high",
    "bid_low",
    "bid_high",
)
"""Attributes of a symbol's state that are kept as they are."""

BUILT: Final = ("book", "builder", "quote_builder")
"""Its parts that are objects of their own; None where there are none."""


class SymbolSaved(msgspec.Struct):
    """One symbol's market."""

    symbol: str
    scalars: list[Any]
    trade_ids: dict[str, int]
    built: list[Node]
    listeners: Listeners


class ClockSaved(msgspec.Struct):
    """One venue's clock, with whose bars it closes: symbol, and whether they are of quotes."""

    venue: str
    ts: int
    next_end: int
    builders: list[tuple[str, bool]]


class BracketSaved(msgspec.Struct):
    """A bracket: the handles of its orders, and the ids under which it is found."""

    entry: Node
    profit: Node
    loss: Node
    closed: Decimal
    wanting: tuple[str, ...]
    found_by: list[str]


class Body(msgspec.Struct):
    """Everything that decides what the engine does next.

    Attributes:
        objects: What books, bars and strategies are made of and may share.
        others: Orders that are held by somebody, but neither work nor ended lately.
    """

    sequence: int
    now: int
    instruments: list[Instrument]
    risk_state: RiskState
    risk_reason: str
    registered: int
    timers: list[TimerSaved]
    portfolio: PortfolioState
    orders: OrdersState
    claims: ClaimState
    brackets: list[BracketSaved]
    clocks: list[ClockSaved]
    symbols: list[SymbolSaved]
    rejected: dict[str, int]
    quotes: int
    strategies: list[StrategyState]
    signals_made: int
    history: list[HistoryRequest]
    objects: list[list[Node]]
    others: list[Order]


class Snapshot(msgspec.Struct):
    """The body, and what must fit before it can be read."""

    format: int
    layout: int
    body: msgspec.Raw


def take(engine: Engine) -> bytes:
    """The state after the last event.

    Raises SnapshotRefusedError where a strategy cannot be saved, SnapshotError where something
    else cannot; the engine is then as it was, and a restart replays from an earlier one.
    """
    execution, shared = engine.execution, engine.shared
    if execution.claims is None or execution.record or shared.requests:
        raise InternalError("a snapshot was asked for within an event, or of a simulated venue")
    handles = _Handles(engine)
    writer = Writer(handles)
    manager = engine.strategies
    body = Body(
        sequence=engine.sequence,
        now=engine.timers.now,
        instruments=[state.instrument for state in engine.markets.states.values()],
        risk_state=execution.gate.state,
        risk_reason=execution.gate.reason,
        registered=engine.timers.registered,
        timers=save_timers(engine),
        portfolio=engine.portfolio.save(),
        orders=execution.save(),
        claims=execution.claims.state,
        brackets=_brackets(execution.brackets.by_order, writer),
        clocks=_clocks(engine),
        symbols=[_symbol(state, manager, writer) for state in engine.markets.states.values()],
        rejected=engine.data.rejected,
        quotes=engine.data.quotes,
        strategies=[save_strategy(each, shared, writer) for each in manager.runners.values()],
        signals_made=shared.signals_made,
        history=shared.history,
        objects=writer.objects,
        others=handles.others,
    )
    raw = msgspec.Raw(_encode(body))
    return _encode(Snapshot(FORMAT, LAYOUT, raw))


def restore(engine: Engine, payload: bytes) -> None:
    """Bring a new engine, made with the same settings and strategies, to where a snapshot was.

    No strategy's code runs but `on_load`. Raises SnapshotError for a payload that this code, these
    instruments or these strategies did not make; the engine is then of no use.
    """
    body = _read(payload)
    markets, execution, manager = engine.markets, engine.execution, engine.strategies
    if body.instruments != [state.instrument for state in markets.states.values()]:
        raise SnapshotError("the snapshot was made with other instruments")
    if [each.name for each in body.strategies] != list(manager.runners):
        raise SnapshotError("the snapshot was made with other strategies")
    if execution.claims is None or engine.sequence:
        raise InternalError("a snapshot was put into an engine that is not a new wire engine")
    engine.sequence = body.sequence
    engine.timers.now = body.now
    engine.portfolio.load(body.portfolio, execution.instrument)
    execution.gate.state, execution.gate.reason = body.risk_state, body.risk_reason
    execution.claims.state = body.claims
    execution.load(body.orders)
    handles = _Handles(engine, body.others)
    reader = Reader(body.objects, handles)
    execution.brackets.load(_load_brackets(body.brackets, reader))
    engine.data.rejected.update(body.rejected)
    engine.data.quotes = body.quotes
    for state, saved in zip(markets.states.values(), body.symbols, strict=True):
        _load_symbol(state, saved, reader)
    _load_clocks(engine, body.clocks)
    engine.shared.signals_made = body.signals_made
    engine.shared.history.extend(body.history)
    for runner, strategy in zip(manager.runners.values(), body.strategies, strict=True):
        remake_as_saved(manager, strategy)
        load_strategy(runner, engine.shared, strategy, reader)
    for state, saved in zip(markets.states.values(), body.symbols, strict=True):
        load_listeners(state, saved.listeners, manager)
    execution.load_held(body.orders)
    load_timers(engine, body.registered, body.timers)


def _read(payload: bytes) -> Body:
    try:
        snapshot = msgspec.msgpack.decode(payload, type=Snapshot)
        if (snapshot.format, snapshot.layout) != (FORMAT, LAYOUT):
            raise SnapshotError("the snapshot was made by another version of the program")
        return msgspec.msgpack.decode(snapshot.body, type=Body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotError(f"the snapshot cannot be read: {error}") from error


class _Handles:
    """Finds orders and positions again: those in the books by their keys, others by number."""

    def __init__(self, engine: Engine, others: list[Order] | None = None) -> None:
        self.others: list[Order] = others if others is not None else []
        self._orders = engine.execution.orders
        self._closed = engine.execution.closed
        self._positions = engine.portfolio.positions
        self._numbers: dict[int, int] = {}

    def name_of(self, handle: Order | Position) -> list[Node] | None:
        """What finds it again; None for a position that is not in the books."""
        if isinstance(handle, Position):
            key = (handle.strategy, handle.symbol)
            return [*key] if self._positions.get(key) is handle else None
        order_id = handle.order_id
        working = self._orders.get(order_id) or self._closed.get(order_id)
        if working is not None and working.life.order is handle:
            return [order_id]
        number = self._numbers.get(id(handle))
        if number is None:
            number = self._numbers[id(handle)] = len(self.others)
            self.others.append(handle)
        return [number]

    def find(self, name: list[Node]) -> Order | Position:
        """The object of that name."""
        if len(name) == 2:  # noqa: PLR2004 - a position's key: strategy and symbol
            return self._positions[name[0], name[1]]
        key = name[0]
        if isinstance(key, int):
            return self.others[key]
        return (self._orders.get(key) or self._closed[key]).life.order


def _brackets(by_order: dict[str, Bracket], writer: Writer) -> list[BracketSaved]:
    saved: dict[int, BracketSaved] = {}
    for order_id, bracket in by_order.items():
        row = saved.get(id(bracket))
        if row is None:
            parts = (bracket.entry, bracket.profit, bracket.loss)
            entry, profit, loss = (writer.node(each) for each in parts)
            closed, wanting = bracket.closed, bracket.wanting
            row = saved[id(bracket)] = BracketSaved(entry, profit, loss, closed, wanting, [])
        row.found_by.append(order_id)
    return list(saved.values())


def _load_brackets(saved: list[BracketSaved], reader: Reader) -> dict[str, Bracket]:
    by_order: dict[str, Bracket] = {}
    for row in saved:
        entry, profit, loss = (reader.value(each) for each in (row.entry, row.profit, row.loss))
        bracket = Bracket(entry, profit, loss, row.closed, row.wanting)
        by_order |= dict.fromkeys(row.found_by, bracket)
    return by_order


def _symbol(state: SymbolState, manager: StrategyManager, writer: Writer) -> SymbolSaved:
    built = [(name, getattr(state, name)) for name in BUILT]
    return SymbolSaved(
        state.symbol,
        [getattr(state, name) for name in SCALARS],
        state.trade_ids,
        [node for _, node in writer.attributes(f"symbol {state.symbol}", built)],
        save_listeners(state, manager),
    )


def _load_symbol(state: SymbolState, saved: SymbolSaved, reader: Reader) -> None:
    for name, value in zip(SCALARS, saved.scalars, strict=True):
        setattr(state, name, value)
    state.trade_ids = saved.trade_ids
    for name, node in zip(BUILT, saved.built, strict=True):
        setattr(state, name, reader.value(node))


def _clocks(engine: Engine) -> list[ClockSaved]:
    states = engine.markets.states
    return [
        ClockSaved(
            clock.venue,
            clock.ts,
            clock.next_end,
            [
                (builder.symbol, builder is states[builder.symbol].quote_builder)
                for builder in clock.builders
            ],
        )
        for clock in engine.markets.clocks.values()
    ]


def _load_clocks(engine: Engine, saved: list[ClockSaved]) -> None:
    states = engine.markets.states
    for row in saved:
        clock = engine.markets.clocks[row.venue]
        clock.ts, clock.next_end = row.ts, row.next_end
        for symbol, of_quotes in row.builders:
            state = states[symbol]
            builder = state.quote_builder if of_quotes else state.builder
            if builder is None:
                raise SnapshotError(f"the snapshot closes bars of {symbol} that it does not hold")
            clock.builders.append(builder)


_encode: Final[Callable[[object], bytes]] = msgspec.msgpack.Encoder().encode


def _layout() -> int:
    """A number of the fields of everything written: another one, and nothing is read."""
    builder = BarBuilder(default_instrument("A/B"))
    kinds = (
        Body,
        SymbolSaved,
        ClockSaved,
        TimerSaved,
        BracketSaved,
        StrategyState,
        Listeners,
        OrdersState,
        EmulationState,
        SavedHeld,
        Waiting,
        Watched,
        SavedOrder,
        OrderLife,
        Order,
        PortfolioState,
        Position,
        ClaimState,
        Instrument,
    )
    parts = [f"{kind.__name__} {kind.__struct_fields__}" for kind in kinds]
    parts.append(repr([name for name, _ in own_attributes(builder)]))
    return crc32("\n".join([*parts, *layout(), repr(SCALARS)]).encode())


LAYOUT: Final = _layout()
