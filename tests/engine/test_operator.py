"""What a person asks of a running engine is judged, booked and repeated like a strategy's."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from alphaforge.engine import snapshot
from alphaforge.engine.core import Engine
from alphaforge.engine.recovery import recover
from alphaforge.engine.strategies import RunState
from alphaforge.engine.strategy import Strategy
from alphaforge.errors import UsageError
from alphaforge.model.claims import VenueState, VenueStateChanged
from alphaforge.model.commands import (
    BeginEpoch,
    CancelAll,
    Flatten,
    OperatorCancel,
    OperatorModify,
    PlaceOrder,
    RestartStrategy,
    SetRiskState,
    StartSession,
    StartStrategy,
    StopStrategy,
)
from alphaforge.model.enums import OrderSide, OrderStatus, OrderType, RiskState
from alphaforge.model.events import OrderDenied, OrderSubmitted
from alphaforge.model.market import Trade
from alphaforge.model.orders import Order
from tests.engine.driving import SYMBOL, Market, limited, spending
from tests.engine.wire import Wire
from tests.engine.wire_driving import INSTRUMENTS, PERPETUAL, SECOND, SETTINGS, START, journaled

BUY, SELL = OrderSide.BUY, OrderSide.SELL
D = Decimal


def place(market: Market, order: Order) -> Any:
    """Have a person place an order; what became of it."""
    step = market.process(PlaceOrder(order, market.now, "a test"))
    return next(each for each in step.events if isinstance(each, OrderSubmitted | OrderDenied))


def test_a_persons_order_is_filled_and_counts_to_a_position_of_its_own() -> None:
    market = Market(spending({"USDT": "10000"}))
    market.tick(100)
    submitted = place(market, Order.market(SYMBOL, BUY, "2"))
    market.tick(101)
    assert submitted.terms.strategy == "manual"
    positions = market.engine.portfolio.positions
    assert positions["manual", SYMBOL].quantity == D(2)
    assert positions.get(("puppet", SYMBOL)) is None or not positions["puppet", SYMBOL].quantity
    assert market.strategy().heard == []


def test_a_persons_order_for_a_strategy_is_the_strategys_own() -> None:
    market = Market(spending({"USDT": "10000"}))
    market.tick(100)
    place(market, Order.limit(SYMBOL, BUY, "2", "90", strategy="puppet"))
    assert [order.limit_price for order in market.ask(lambda bot: bot.orders())] == [D(90)]
    market.tick(89)
    assert market.engine.portfolio.positions["puppet", SYMBOL].quantity == D(2)
    assert ("on_position", D(2)) in market.strategy().heard


def test_a_persons_order_meets_the_same_limits() -> None:
    market = Market(limited(max_order_quantity=1))
    market.tick(100)
    denied = place(market, Order.market(SYMBOL, BUY, "2"))
    assert isinstance(denied, OrderDenied)
    assert "max_order_quantity" in denied.reasons[0]


def test_what_was_asked_is_kept_as_it_was_asked() -> None:
    market = Market(spending({"USDT": "10000"}))
    market.tick(100)
    asked = Order.limit(SYMBOL, BUY, "2", "90")
    place(market, asked)
    assert (asked.order_id, asked.status) == ("", OrderStatus.INITIALIZED)


def test_a_person_cancels_and_modifies_what_works() -> None:
    wire = Wire()
    order = wire.buy(1, 90)
    step = wire.process(OperatorModify(order.order_id, wire.now, limit_price=D(91)))
    assert step.outgoing[0].command.limit_price == D(91)
    step = wire.process(OperatorCancel(order.order_id, wire.now))
    assert step.outgoing[0].command.order_id == order.order_id


@pytest.mark.parametrize("command", [OperatorCancel, OperatorModify])
def test_an_order_nobody_knows_is_answered_with_an_alert(command: Any) -> None:
    wire = Wire()
    step = wire.process(command("o-999999", wire.now))
    assert [alert.code for alert in step.alerts] == ["unknown-order"]
    assert step.outgoing == ()


def test_flatten_closes_every_position_once_and_leaves_dust_alone() -> None:
    wire = Wire(("one", "two", "dust"))
    portfolio, instrument = wire.engine.portfolio, wire.engine.markets.states[SYMBOL].instrument
    for name, quantity in (("one", "3"), ("two", "-2"), ("dust", "0.0005")):
        portfolio.position(name, instrument).quantity = D(quantity)
    first = wire.process(Flatten(wire.now))
    sent = [each.command for each in first.outgoing]
    assert [(each.strategy, each.side, each.quantity) for each in sent] == [
        ("one", SELL, D(3)),
        ("two", BUY, D(2)),
    ]
    assert all(each.reduce_only and each.order_type is OrderType.MARKET for each in sent)
    assert wire.process(Flatten(wire.now)).outgoing == (), "what closes already is enough"


def test_while_reducing_a_person_can_only_reduce() -> None:
    market = Market(spending({"USDT": "10000"}))
    market.tick(100)
    place(market, Order.market(SYMBOL, BUY, "2"))
    market.tick(100)
    market.process(SetRiskState(RiskState.REDUCING, market.now, "a pause", "a test"))
    assert isinstance(place(market, Order.market(SYMBOL, BUY, "1")), OrderDenied)
    market.process(Flatten(market.now))
    market.tick(100)
    assert market.engine.portfolio.net(SYMBOL) == 0


def test_after_a_power_cut_a_persons_order_is_a_persons_again() -> None:
    wire = Wire()
    place(wire, Order.limit(SYMBOL, BUY, "2", "90"))
    named = wire.outgoing[-1].command.client_order_id
    assert wire.claims.strategies == ["puppet"]
    from alphaforge.engine.client_ids import owner_of
    from tests.engine.wire import TAG

    assert owner_of(named, TAG, ["puppet"]) == "manual"


# Made anew ----------------------------------------------------------------------------------------


class Quoting(Strategy):
    """Keeps one buy order so far below the market."""

    below: int = 5

    def on_start(self) -> None:
        self.subscribe_trades(PERPETUAL.symbol)

    def on_trade(self, trade: Trade) -> None:
        if not self.orders():
            self.buy(PERPETUAL.symbol, "1", limit=trade.price - self.below)


def make(name: str, parameters: str, source: str) -> Callable[[], Strategy]:
    """What a run's own maker does, short: parameters are a number here, a source one word."""
    del name
    if source == "wrong":
        raise UsageError("no such source", remedy="another one")

    def quoting() -> Strategy:
        strategy = Quoting()
        strategy.below = int(parameters or 5)
        return strategy

    return quoting


def quoting_engine() -> Engine:
    engine = Engine(SETTINGS, INSTRUMENTS)
    engine.register("bot", make("bot", "", ""))
    engine.strategies.maker = make
    return engine


def trade(second: int) -> Trade:
    return Trade(PERPETUAL.symbol, START + second * SECOND, 100.0, 1.0)


def limits(engine: Engine) -> list[Decimal | None]:
    return [row.life.order.limit_price for row in engine.execution.orders.values()]


def run_to_restart(source: str = "") -> tuple[Engine, list[Any]]:
    """A run whose strategy was given another parameter while it ran, and its journal."""
    engine, rows = quoting_engine(), []
    events = (
        BeginEpoch(1, START),
        StartSession(START),
        trade(1),
        RestartStrategy("bot", "20", source, START + 2 * SECOND, "a test"),
        trade(3),
    )
    for event in events:
        step = engine.process(event)
        rows.append((engine.sequence, event, journaled(step)))
    return engine, rows


def test_a_strategy_made_anew_starts_over_with_its_new_parameters() -> None:
    engine, _ = run_to_restart()
    runner = engine.strategies.runners["bot"]
    assert (runner.starts, runner.state) == (2, RunState.RUNNING)
    assert limits(engine)[-1] == D(80)
    first = engine.execution.orders["o-000001"].life.order
    assert first.pending == "CANCEL", "what the old one had working goes"


def test_one_that_cannot_be_made_stays_stopped_and_says_why() -> None:
    engine, _ = run_to_restart("wrong")
    assert engine.strategies.runners["bot"].state is RunState.STOPPED
    assert engine.strategies.runners["bot"].parameters == ""


def test_a_recovery_makes_it_anew_at_the_same_event() -> None:
    engine, rows = run_to_restart()
    again = quoting_engine()
    recovered = recover(again, rows)
    assert recovered.differences == recovered.unexplained == ()
    assert limits(again) == limits(engine)


def test_a_snapshot_brings_back_the_one_that_was_made_anew() -> None:
    engine, _ = run_to_restart()
    again = quoting_engine()
    snapshot.restore(again, snapshot.take(engine))
    strategy: Any = again.strategies.runners["bot"].strategy
    assert strategy.below == 20
    assert again.process(trade(4)) == engine.process(trade(4))


def test_why_trading_was_halted_is_known_after_a_recovery_and_in_a_snapshot() -> None:
    engine, rows = run_to_restart()
    event = SetRiskState(RiskState.REDUCING, START + 4 * SECOND, "kill: a test")
    step = engine.process(event)
    rows.append((engine.sequence, event, journaled(step)))
    folded, restored = quoting_engine(), quoting_engine()
    recover(folded, rows)
    snapshot.restore(restored, snapshot.take(engine))
    for each in (folded, restored):
        gate = each.execution.gate
        assert (gate.state, gate.reason) == (RiskState.REDUCING, "kill: a test")


def test_a_recovery_repeats_every_command_of_a_person() -> None:
    engine = quoting_engine()
    at = [START + 10 * SECOND]
    symbol = PERPETUAL.symbol

    def then() -> int:
        at[0] += SECOND
        return at[0]

    low = Order.limit(symbol, BUY, "1", "50", strategy="manual")
    events: list[Any] = [
        BeginEpoch(1, START),
        VenueStateChanged(PERPETUAL.venue, VenueState.READY, "", START),
        StartSession(START),
        trade(1),
        PlaceOrder(low, then(), "x"),
        PlaceOrder(Order.market(symbol, BUY, "-1"), then(), "x"),
        OperatorModify("o-000002", then(), D(2), D(51), None, "x"),
        OperatorModify("o-999999", then(), D(2), None, None, "x"),
        OperatorCancel("o-000002", then(), "x"),
        RestartStrategy("bot", "20", "", then(), "x"),
        StopStrategy("bot", then(), "x"),
        StartStrategy("bot", then(), "x"),
        trade(40),
        SetRiskState(RiskState.REDUCING, then(), "why", "x"),
        PlaceOrder(low, then(), "x"),
        Flatten(then(), who="x"),
        CancelAll(then(), who="x"),
        SetRiskState(RiskState.HALTED, then(), "why", "x"),
        SetRiskState(RiskState.ACTIVE, then(), "by x", "x"),
    ]
    rows = []
    for event in events:
        step = engine.process(event)
        rows.append((engine.sequence, event, journaled(step)))
    again = quoting_engine()
    recovered = recover(again, rows)
    assert recovered.differences == recovered.unexplained == ()
    assert recovered.steps == sum(step is not None for _, _, step in rows)
    assert snapshot.take(again) == snapshot.take(engine)
