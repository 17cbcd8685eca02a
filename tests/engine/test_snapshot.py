"""A snapshot brings back everything that decides what comes next, or nothing at all."""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from math import isnan, nan
from typing import Any

import msgspec
import pytest

from alphaforge import Order, Strategy, Trade
from alphaforge.engine import snapshot
from alphaforge.engine.build import simulate
from alphaforge.engine.claims import ClaimBook
from alphaforge.engine.core import Engine
from alphaforge.engine.data import DataEngine
from alphaforge.engine.desk import Desk, Shared
from alphaforge.engine.emulation import Emulation
from alphaforge.engine.execution import ExecutionEngine, SavedOrder
from alphaforge.engine.markets import SymbolState, VenueClock
from alphaforge.engine.portfolio import Portfolio, PortfolioState
from alphaforge.engine.risk.gate import RiskGate
from alphaforge.engine.saved_strategies import StrategyState
from alphaforge.engine.strategies import Runner, RunState
from alphaforge.engine.timers import Timers
from alphaforge.engine.working import WorkingOrder
from alphaforge.errors import InternalError
from alphaforge.indicators import EMA
from alphaforge.model.commands import BeginEpoch, StartSession, StopStrategy
from alphaforge.model.enums import OrderSide
from tests.engine.wire_driving import (
    INSTRUMENTS,
    PERPETUAL,
    SECOND,
    SETTINGS,
    SPOT,
    START,
    Life,
    engine_with,
)

SYMBOL = PERPETUAL.symbol


class Keeper(Strategy):
    """Keeps what a test gives it."""

    things: dict[str, Any]

    def __init__(self) -> None:
        self.started = 0

    def on_start(self) -> None:
        self.started += 1
        self.subscribe_trades(SYMBOL)

    def on_trade(self, trade: Trade) -> None:
        self.order = self.buy(SYMBOL, "1", limit=90)


def started(make: Callable[[], Strategy] = Keeper) -> tuple[Engine, Any]:
    """A wire engine with one strategy that has started, and the strategy."""
    engine = engine_with({"one": make})
    for event in (BeginEpoch(1, START), StartSession(START)):
        engine.process(event)
    return engine, engine.strategies.runners["one"].strategy


def tick(engine: Engine, price: float = 100.0) -> None:
    engine.process(Trade(SYMBOL, engine.timers.now + SECOND, price, 1.0))


def brought_back(engine: Engine, make: Callable[[], Strategy] = Keeper) -> tuple[Engine, Any]:
    """A new engine restored from a snapshot of this one, and its strategy."""
    new = engine_with({"one": make})
    snapshot.restore(new, snapshot.take(engine))
    return new, new.strategies.runners["one"].strategy


@pytest.mark.parametrize(
    "value",
    [
        1,
        -(1 << 200),
        1.5,
        float("inf"),
        "text",
        b"\x00\xff",
        None,
        True,
        Decimal("1.500"),
        (1, (2, "x")),
        frozenset({1, 2}),
        {3, 4},
        [1.0, 2.0],
        [1, [2, {"a": (3,)}]],
        {"a": 1, 2: "b", ("t", 1): Decimal(3)},
        OrderSide.BUY,
        SPOT,
        Trade(SYMBOL, 1, 2.0, 3.0, OrderSide.SELL, "t1", 4),
    ],
    ids=repr,
)
def test_a_plain_value_comes_back_equal_and_of_the_same_type(value: Any) -> None:
    engine, strategy = started()
    strategy.kept = value
    _, back = brought_back(engine)
    assert back.kept == value
    assert type(back.kept) is type(value)


def test_not_a_number_comes_back_as_that() -> None:
    engine, strategy = started()
    strategy.kept = [nan, Decimal("NaN")]
    _, back = brought_back(engine)
    assert isnan(back.kept[0])
    assert back.kept[1].is_nan()


def test_containers_keep_their_rules() -> None:
    engine, strategy = started()
    strategy.window = deque([1.0, 2.0], maxlen=2)
    strategy.counts = defaultdict(list, {"a": [1]})
    _, back = brought_back(engine)
    back.window.append(3.0)
    back.counts["b"].append(2)
    assert list(back.window) == [2.0, 3.0]
    assert back.counts == {"a": [1], "b": [2]}


def test_what_was_one_object_is_one_again() -> None:
    engine, strategy = started()
    strategy.average = EMA(3)
    strategy.all = [strategy.average]
    strategy.loop: list[Any] = []
    strategy.loop.append(strategy.loop)
    _, back = brought_back(engine)
    back.average.update(5.0)
    assert back.all[0] is back.average
    assert back.loop[0] is back.loop


def test_a_seeded_generator_goes_on_where_it_was() -> None:
    engine, strategy = started()
    strategy.dice = random.Random(7)
    strategy.dice.gauss(0, 1)
    _, back = brought_back(engine)
    assert [back.dice.gauss(0, 1) for _ in range(3)] == [
        strategy.dice.gauss(0, 1) for _ in range(3)
    ]


def test_an_order_comes_back_as_the_live_handle() -> None:
    engine, strategy = started()
    tick(engine)
    strategy.by_id = {strategy.order.order_id: strategy.order}
    strategy.held = strategy.position(SYMBOL)
    new, back = brought_back(engine)
    order = new.execution.orders["o-000001"].life.order
    assert back.order is order
    assert back.by_id["o-000001"] is order
    assert back.orders() == [order]
    assert back.held is new.portfolio.positions["one", SYMBOL]


def test_a_handle_of_an_order_that_was_denied_comes_back_too() -> None:
    engine, strategy = started()
    denied = Order.market(SYMBOL, OrderSide.BUY, "x")
    strategy.pair = [denied, denied]
    _, back = brought_back(engine)
    assert back.pair[0] is back.pair[1]
    assert back.pair[0].quantity.is_nan()


def test_a_strategy_comes_back_without_being_started() -> None:
    engine, _ = started()
    new, back = brought_back(engine)
    assert back.started == 1
    tick(engine)
    tick(new)
    assert list(new.execution.orders) == list(engine.execution.orders) == ["o-000001"]


def test_an_attribute_made_by_the_constructor_and_deleted_since_stays_deleted() -> None:
    engine, strategy = started()
    del strategy.started
    _, back = brought_back(engine)
    assert not hasattr(back, "started")


@pytest.mark.parametrize(
    ("value", "kind"),
    [(lambda: 1, "function"), (Counter(), "Counter"), ([[open]], "builtin"), (object(), "object")],
)
def test_what_cannot_be_saved_is_refused_by_strategy_and_attribute(value: Any, kind: str) -> None:
    engine, strategy = started()
    strategy.model = value
    with pytest.raises(snapshot.SnapshotRefusedError) as caught:
        snapshot.take(engine)
    assert "strategy one" in str(caught.value)
    assert "self.model" in str(caught.value)
    assert kind in str(caught.value)
    assert "on_save" in caught.value.remedy


def test_tuples_too_deep_are_refused_and_lists_never_are() -> None:
    engine, strategy = started()
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    strategy.lists = deep
    _, back = brought_back(engine)
    for _ in range(5_000):
        (back.lists,) = back.lists
    assert back.lists == []
    strategy.tuples = ()
    for _ in range(5_000):
        strategy.tuples = (strategy.tuples,)
    with pytest.raises(snapshot.SnapshotRefusedError, match=r"self\.tuples"):
        snapshot.take(engine)


class Slotted(Keeper):
    """Keeps things in slots, one of them private."""

    __slots__ = ("__hidden", "open")

    def keep(self, value: int) -> None:
        self.__hidden = self.open = value

    @property
    def kept(self) -> tuple[int, int]:
        return self.__hidden, self.open


def test_what_is_kept_in_slots_is_saved_too() -> None:
    engine, strategy = started(Slotted)
    strategy.keep(5)
    assert brought_back(engine, Slotted)[1].kept == (5, 5)


def test_what_a_stopped_strategy_keeps_does_not_matter() -> None:
    engine, strategy = started()
    strategy.model = object()
    engine.process(StopStrategy("one", START))
    new, _ = brought_back(engine)
    assert new.strategies.runners["one"].state is RunState.STOPPED


class Own(Keeper):
    """Says itself what it must remember."""

    order_in_save = False
    broken = False

    def on_save(self) -> dict[str, Any]:
        if self.order_in_save:
            self.buy(SYMBOL, 1)
        return {"value": 5, "held": str(self.position(SYMBOL).quantity)}

    def on_load(self, state: dict[str, Any]) -> None:
        self.loaded = state
        if self.broken:
            raise KeyError("gone")


def test_a_strategy_that_saves_itself_is_loaded_and_nothing_else_is_kept() -> None:
    engine, strategy = started(Own)
    strategy.model = object()
    _, back = brought_back(engine, Own)
    assert back.loaded == {"value": 5, "held": "0"}
    assert back.started == 0


def test_ordering_while_saving_is_refused_and_leaves_no_trace() -> None:
    engine, strategy = started(Own)
    strategy.order_in_save = True
    with pytest.raises(snapshot.SnapshotRefusedError, match="on_save"):
        snapshot.take(engine)
    assert engine.execution.record == []
    assert engine.shared.requests == []
    assert engine.execution.numbers.taken == 0
    strategy.order_in_save = False
    tick(engine)
    assert list(engine.execution.orders) == ["o-000001"]


def test_a_load_that_raises_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = started(Own)
    payload = snapshot.take(engine)
    monkeypatch.setattr(Own, "broken", True)
    with pytest.raises(snapshot.SnapshotRefusedError, match=r"on_load.*strategy one.*gone"):
        snapshot.restore(engine_with({"one": Own}), payload)


class HalfOwn(Keeper):
    """Wrote `on_save` and forgot `on_load`."""

    def on_save(self) -> dict[str, Any]:
        return {}


def test_with_only_one_of_the_two_callbacks_the_attributes_are_kept() -> None:
    engine, strategy = started(HalfOwn)
    strategy.kept = 5
    assert brought_back(engine, HalfOwn)[1].kept == 5


def test_a_snapshot_for_other_strategies_instruments_or_code_is_refused() -> None:
    payload = snapshot.take(started()[0])
    with pytest.raises(snapshot.SnapshotError, match="other strategies"):
        snapshot.restore(engine_with({"two": Keeper}), payload)
    other = Engine(SETTINGS, {SYMBOL: PERPETUAL})
    other.register("one", Keeper)
    with pytest.raises(snapshot.SnapshotError, match="other instruments"):
        snapshot.restore(other, payload)
    head = msgspec.msgpack.decode(payload, type=snapshot.Snapshot)
    head.layout += 1
    with pytest.raises(snapshot.SnapshotError, match="another version"):
        snapshot.restore(engine_with({"one": Keeper}), msgspec.msgpack.encode(head))


@pytest.mark.parametrize("length", [0, 1, 20, 200])
def test_a_torn_snapshot_is_refused(length: int) -> None:
    payload = snapshot.take(started()[0])
    with pytest.raises(snapshot.SnapshotError):
        snapshot.restore(engine_with({"one": Keeper}), payload[:length])


def test_neither_a_simulated_engine_nor_one_within_an_event_has_a_snapshot() -> None:
    with pytest.raises(InternalError):
        snapshot.take(simulate(SETTINGS, INSTRUMENTS))
    engine, strategy = started()
    strategy.buy(SYMBOL, 1)
    with pytest.raises(InternalError):
        snapshot.take(engine)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_held_back_for_orders_is_the_same_again(seed: int) -> None:
    life = Life(seed).run(200)
    new = engine_with(life.strategies)
    snapshot.restore(new, snapshot.take(life.engine))
    held, again = life.engine.execution.exposure, new.execution.exposure
    assert held.open_orders == again.open_orders > 0
    assert held.funds == again.funds
    for symbol in INSTRUMENTS:
        assert held.buying(symbol) == again.buying(symbol)
        assert held.selling(symbol) == again.selling(symbol)


def test_taking_a_snapshot_changes_nothing() -> None:
    calm, watched = Life(11), Life(11)
    calm.run(150)
    for _ in range(150):
        watched.run(1)
        snapshot.take(watched.engine)
    assert [step for _, _, step in calm.rows] == [step for _, _, step in watched.rows]


def names(thing: object) -> set[str]:
    """Every attribute kept on an object."""
    slots = {
        name for kind in type(thing).__mro__ for name in kind.__dict__.get("__slots__", ())
    } - {"__dict__", "__weakref__"}
    return slots | set(getattr(thing, "__dict__", {}))


DERIVED = {
    Engine: "timers markets venue data execution shared strategies portfolio valuation _dispatch "
    "_requests _record _states _handlers _matcher",
    ExecutionEngine: "settings markets timers venue portfolio valuation exposure gate brackets "
    "listener doubtful record mixed latency claims emulation",
    Emulation: "event _orders _markets _timers",
    ClaimBook: "strategies _orders _tag _account",
    RiskGate: "settings _markets _portfolio _valuation _exposure _limited _account _plain",
    Portfolio: "account start_cash reporting_currency",
    Timers: "next_due",
    Runner: "timing _make _shared _manager desk strategy on_order on_fill on_position",
    Desk: "_shared _execution _runner _name historical",
    Shared: "data execution requests",
    SymbolState: "instrument clock resting mark_price mark_value",
    VenueClock: "",
    DataEngine: "markets on_due _states _native_bars _meter_from _trade_handlers _quote_handlers "
    "_bar_handlers",
}
"""What follows from the settings, from other parts, or is always the same between two events."""

SAVED = {
    Engine: "sequence",
    ExecutionEngine: "numbers counts orders closed",
    ClaimBook: "state",
    Emulation: "held waiting _numbered _watched",
    RiskGate: "state reason",
    Portfolio: "cash positions closed_positions fees_by_currency _net",
    Timers: "now _heap _registered",
    Runner: "name state starts error timers parameters source",
    Desk: "working past",
    Shared: "history signals_made",
    SymbolState: " ".join(
        (*snapshot.SCALARS, *snapshot.BUILT, "symbol trade_ids trade_listeners quote_listeners")
    )
    + " book_listeners bar_listeners",
    VenueClock: "venue ts next_end builders",
    DataEngine: "rejected quotes",
}


def test_nothing_that_an_engine_remembers_is_forgotten() -> None:
    engine = Life(3).run(50).engine
    runner = engine.strategies.runners["busy"]
    state = engine.markets.states[SYMBOL]
    parts = (
        engine,
        engine.execution,
        engine.execution.claims,
        engine.execution.emulation,
        engine.execution.gate,
        engine.portfolio,
        engine.timers,
        engine.data,
        runner,
        runner.desk,
        state,
        state.clock,
    )
    for part in parts:
        kind = type(part)
        assert names(part) == {*SAVED[kind].split(), *DERIVED[kind].split()}, kind.__name__
    known = {*SAVED[Shared].split(), *DERIVED[Shared].split()}
    assert set(Shared.__struct_fields__) == known
    assert set(WorkingOrder.__struct_fields__) == {
        *("instrument", "position", "reservation"),
        *(name for name in SavedOrder.__struct_fields__ if name != "reserved"),
    }
    assert len(PortfolioState.__struct_fields__) == len(SAVED[Portfolio].split())
    assert {"state", "starts", "timers", "past"} <= set(StrategyState.__struct_fields__)
