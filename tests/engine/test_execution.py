"""The order management: requests, what becomes of them over a wire and simulated, statistics."""

import contextlib
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alphaforge import DataEngine, ExecutionEngine, Order, OrderSide, Trade
from alphaforge.errors import UsageError
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import Liquidity, OrderStatus, PendingRequest
from alphaforge.model.events import OrderDenied, RequestDenied
from alphaforge.model.reports import (
    CancelRejected,
    DoubtResolved,
    ModifyRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderModified,
    OrderRejected,
    OutcomeUnknown,
    TradeBusted,
)
from alphaforge.model.settings import EngineSettings, SimulationSettings
from tests.engine.driving import SECOND, START, SYMBOL, Market, Puppet, limited, spending

PAGE = Path(__file__).resolve().parents[2] / "docs" / "example_bot.md"


# A script of one's own ----------------------------------------------------------------------------


def feed() -> Iterator[tuple[int, float]]:
    """Up, down and up again."""
    prices = [*range(100, 130), *range(130, 100, -1), *range(100, 120)]
    for number, price in enumerate(prices):
        yield START + number * SECOND, float(price)


def test_the_example_bot_runs_as_written() -> None:
    script = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert script is not None
    names: dict[str, Any] = {"feed": feed}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(script.group(1), names)
    lines = printed.getvalue().splitlines()
    assert len(lines) == 3
    statistics = names["execution"].statistics()
    assert statistics["orders_submitted"] == statistics["orders_filled"] == 3
    assert statistics["orders_denied"] == 0
    assert statistics["fill_rate"] == 1.0
    assert set(statistics) >= {"volume", "fees", "latency_us"}
    assert set(statistics["latency_us"]) == {"p50", "p99"}
    assert names["data"].statistics()["trades_processed"] == 80
    assert names["cache"].statistics()["total_operations"] == 80
    assert names["execution"].position(SYMBOL, "ma").quantity == Decimal("0.1")


def test_a_scripts_market_order_before_any_price_is_denied_with_a_reason() -> None:
    execution = ExecutionEngine()
    order = execution.submit(Order.market(SYMBOL, OrderSide.BUY, "0.1"))
    assert order.status is OrderStatus.DENIED
    assert "no market price" in order.reason
    assert execution.statistics()["orders_denied"] == 1


def test_every_way_to_make_an_order_works_in_a_script() -> None:
    data, execution = DataEngine(), ExecutionEngine()
    data.on_trade(execution.process_trade)
    buy = OrderSide.BUY

    def tick(number: int, price: float) -> None:
        data.process_trade(Trade(symbol=SYMBOL, ts=START + number, price=price, size=1.0))

    tick(0, 100)
    limit = execution.submit(Order.limit(SYMBOL, buy, 1, 99))
    stop = execution.submit(Order.stop(SYMBOL, buy, 1, 101))
    stop_limit = execution.submit(Order.stop_limit(SYMBOL, buy, 1, 102, 101))
    tick(1, 98)
    tick(2, 103)
    assert limit.average_price == 99
    assert stop.average_price == 103
    assert stop_limit.status is OrderStatus.TRIGGERED
    tick(3, 100)
    assert stop_limit.average_price == 101
    assert execution.position(SYMBOL).quantity == 3


def test_an_order_is_submitted_once() -> None:
    data, execution = DataEngine(), ExecutionEngine()
    data.on_trade(execution.process_trade)
    data.process_trade(Trade(symbol=SYMBOL, ts=START, price=100.0, size=1.0))
    order = execution.submit(Order.market(SYMBOL, OrderSide.BUY, 1))
    with pytest.raises(UsageError, match="o-000001"):
        execution.submit(order)
    assert execution.position(SYMBOL).quantity == 1


def test_an_order_never_submitted_cannot_be_canceled() -> None:
    execution = ExecutionEngine()
    execution.cancel(Order.market(SYMBOL, OrderSide.BUY, 1))
    assert isinstance(execution.events[-1], RequestDenied)


# Requests about orders ----------------------------------------------------------------------------


def test_ids_are_counted_in_call_order() -> None:
    market = Market()
    orders = market.ask(lambda s: [s.buy(SYMBOL, 1), s.sell(SYMBOL, 0), s.buy(SYMBOL, 1, limit=90)])
    assert [order.order_id for order in orders] == ["o-000001", "o-000002", "o-000003"]
    assert [order.venue_order_id for order in orders] == ["v-000001", "", "v-000002"]


@pytest.mark.parametrize("verb", ["cancel", "modify"])
@pytest.mark.parametrize("ended", ["filled", "canceled", "denied"])
def test_a_request_about_an_ended_order_is_denied_and_changes_nothing(
    verb: str, ended: str
) -> None:
    market = Market()
    quantity = 0 if ended == "denied" else 1
    limit = 90 if ended == "canceled" else None
    order = market.ask(lambda s: s.buy(SYMBOL, quantity, limit=limit))
    if ended == "canceled":
        market.ask(lambda s: s.cancel(order))
    status = order.status
    market.ask(lambda s: s.cancel(order) if verb == "cancel" else s.modify(order, quantity=2))
    (event,) = market.step.events
    assert isinstance(event, RequestDenied)
    assert status in event.reasons[0]
    assert order.status is status


def test_a_refused_modification_leaves_the_order_as_it_stood() -> None:
    market = Market(limited(max_order_quantity="3"))
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit=90))
    market.ask(lambda s: s.modify(order, quantity=4, limit=91))
    (event,) = market.step.events
    assert isinstance(event, RequestDenied)
    assert (order.quantity, order.limit_price, order.pending) == (1, 90, PendingRequest.NONE)


@pytest.mark.parametrize(
    "terms", [{"quantity": 0}, {"quantity": "nan"}, {"limit": -1}, {"stop": 95}, {"limit": "x"}]
)
def test_bad_new_terms_are_refused(terms: dict[str, Any]) -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit=90))
    market.ask(lambda s: s.modify(order, **terms))
    assert isinstance(market.step.events[0], RequestDenied)


def test_cancel_all_takes_the_own_orders_of_the_symbol() -> None:
    market = Market(strategies={"one": Puppet, "two": Puppet})
    mine = market.ask(
        lambda s: [s.buy(SYMBOL, 1, limit=90), s.buy(SYMBOL, 1, stop=110)], name="one"
    )
    other = market.ask(lambda s: s.buy(SYMBOL, 1, limit=90), name="two")
    market.ask(lambda s: s.cancel_all(SYMBOL), name="one")
    assert {order.status for order in mine} == {OrderStatus.CANCELED}
    assert other.status is OrderStatus.ACCEPTED


# Over a wire --------------------------------------------------------------------------------------


class Wire:
    """A venue that a test speaks for."""

    def __init__(self, **limits: Any) -> None:
        self.market = Market(limited(**limits), wire=True)
        self.trades = 0

    def ask(self, verb: Any) -> Any:
        return self.market.ask(verb)

    @property
    def told(self) -> list[Any]:
        return [approved.command for approved in self.market.step.outgoing]

    def say(self, report: type, order: Order, *args: Any) -> Any:
        self.market.now += 1
        now = self.market.now
        return self.market.process(report(order.order_id, *args, now, now))

    def fill(self, order: Order, quantity: int, trade_id: str = "", price: int = 100) -> Any:
        self.trades += 1
        return self.say(
            OrderFilled,
            order,
            "x-1",
            trade_id or f"x-{self.trades}",
            Decimal(quantity),
            Decimal(price),
            Decimal("0.1"),
            "USDT",
            Liquidity.TAKER,
        )

    @property
    def net(self) -> Decimal:
        return self.market.engine.portfolio.net(SYMBOL)

    @property
    def counts(self) -> dict[str, Any]:
        return self.market.engine.execution.statistics()


def sums_up(counts: dict[str, Any]) -> bool:
    """The law of the summary: submitted = filled + canceled + … + open."""
    ends = ("filled", "canceled", "expired", "rejected", "absent", "open")
    total = sum(counts[f"orders_{end}"] for end in ends)
    return counts["orders_submitted"] == total and counts["orders_open"] >= 0


def test_commands_leave_in_the_step_and_reports_come_back_through_the_door() -> None:
    wire = Wire()
    order = wire.ask(lambda s: s.buy(SYMBOL, 2, limit=90))
    (command,) = wire.told
    assert isinstance(command, SubmitOrder)
    assert command.quantity == 2
    wire.say(OrderAccepted, order, "x-1")
    wire.ask(lambda s: s.modify(order, quantity=3))
    assert order.pending is PendingRequest.MODIFY
    assert isinstance(wire.told[0], ModifyOrder)
    wire.say(OrderModified, order, 1, Decimal(3), None, None)
    assert (order.quantity, order.pending) == (3, PendingRequest.NONE)
    wire.ask(lambda s: s.cancel(order))
    assert order.pending is PendingRequest.CANCEL
    assert isinstance(wire.told[0], CancelOrder)
    wire.ask(lambda s: s.cancel(order))
    assert wire.told == [], "one cancel at a time"
    wire.say(CancelRejected, order, "too late")
    assert order.pending is PendingRequest.NONE
    wire.fill(order, 3)
    assert order.status is OrderStatus.FILLED
    assert sums_up(wire.counts)


def test_a_fill_after_the_cancel_is_booked() -> None:
    wire = Wire()
    order = wire.ask(lambda s: s.buy(SYMBOL, 2, limit=100))
    wire.ask(lambda s: s.cancel(order))
    wire.say(OrderCanceled, order, "")
    assert order.status is OrderStatus.CANCELED
    step = wire.fill(order, 1)
    assert [fill.quantity for fill in step.fills] == [1]
    assert (order.status, order.filled, wire.net) == (OrderStatus.CANCELED, 1, 1)
    wire.fill(order, 1)
    assert (order.status, wire.net) == (OrderStatus.FILLED, 2)
    assert sums_up(wire.counts)
    assert wire.counts["orders_filled"] == 1


def test_a_fill_before_the_acknowledgement_is_booked() -> None:
    wire = Wire()
    order = wire.ask(lambda s: s.buy(SYMBOL, 2))
    wire.fill(order, 2)
    wire.say(OrderAccepted, order, "x-1")
    assert (order.status, wire.net) == (OrderStatus.FILLED, 2)


def test_a_repeated_fill_is_booked_once() -> None:
    wire = Wire()
    order = wire.ask(lambda s: s.buy(SYMBOL, 2))
    wire.fill(order, 1, "same")
    step = wire.fill(order, 1, "same")
    assert step.fills == ()
    wire.fill(order, 1)
    assert not wire.fill(order, 1, "same").fills, "also once the order has ended"
    assert wire.net == 2


def test_a_fill_after_a_rejection_is_booked_and_in_doubt() -> None:
    wire = Wire()
    order = wire.ask(lambda s: s.buy(SYMBOL, 2))
    wire.say(OrderRejected, order, "no")
    step = wire.fill(order, 1)
    assert wire.net == 1
    assert order.in_doubt
    assert [alert.code for alert in step.alerts] == ["order-anomaly"]
    assert wire.counts["orders_in_doubt"] == 1
    assert wire.market.engine.execution.exposure.buying(SYMBOL) == 1


def test_an_overfill_is_booked_with_an_alert() -> None:
    wire = Wire()
    order = wire.ask(lambda s: s.buy(SYMBOL, 2))
    wire.fill(order, 2)
    step = wire.fill(order, 1)
    assert wire.net == 3
    assert "overfill" in step.alerts[0].message


def test_a_busted_trade_is_reversed_in_position_and_cash() -> None:
    wire = Wire()
    order = wire.ask(lambda s: s.buy(SYMBOL, 2))
    before = dict(wire.market.engine.portfolio.cash)
    wire.fill(order, 2, "bad")
    step = wire.say(TradeBusted, order, "bad")
    assert [(fill.side, fill.quantity) for fill in step.fills] == [(OrderSide.SELL, 2)]
    assert wire.net == 0
    cash = wire.market.engine.portfolio.cash
    assert all(cash[name] == before.get(name, 0) for name in cash)
    assert order.is_open, "what was taken back may fill again"
    assert sums_up(wire.counts)
    assert wire.market.engine.execution.exposure.buying(SYMBOL) == 2


def test_a_report_about_an_unknown_order_is_an_alert() -> None:
    wire = Wire()
    step = wire.say(OrderCanceled, Order.market(SYMBOL, OrderSide.BUY, 1), "")
    assert [alert.code for alert in step.alerts] == ["unknown-order"]


def test_a_cancel_without_outcome_may_be_asked_again() -> None:
    wire = Wire()
    order = wire.ask(lambda s: s.buy(SYMBOL, 2, limit=90))
    wire.say(OrderAccepted, order, "x-1")
    wire.ask(lambda s: s.cancel(order))
    now = wire.market.now
    wire.market.process(
        OutcomeUnknown(order.order_id, "timed out", now, now, PendingRequest.CANCEL)
    )
    assert order.in_doubt
    wire.ask(lambda s: s.cancel(order))
    assert isinstance(wire.told[0], CancelOrder)


def test_the_venues_answer_ends_a_doubt() -> None:
    wire = Wire()
    order = wire.ask(lambda s: s.buy(SYMBOL, 2, limit=90))
    wire.say(OutcomeUnknown, order, "timed out")
    assert (order.in_doubt, wire.counts["orders_in_doubt"]) == (True, 1)
    wire.say(DoubtResolved, order, Decimal(0))
    assert (order.in_doubt, order.status) == (False, OrderStatus.ACCEPTED)
    assert wire.ask(lambda s: s.buy(SYMBOL, 2, limit=90)).is_open


# Worst case ---------------------------------------------------------------------------------------


def test_a_modification_on_its_way_holds_the_larger_of_both_terms() -> None:
    wire = Wire()
    exposure = wire.market.engine.execution.exposure
    order = wire.ask(lambda s: s.buy(SYMBOL, 2, limit=90))
    wire.say(OrderAccepted, order, "x-1")
    wire.ask(lambda s: s.modify(order, quantity=5))
    assert exposure.buying(SYMBOL) == 5
    wire.fill(order, 1)
    assert exposure.buying(SYMBOL) == 4
    wire.ask(lambda s: s.modify(order, quantity=3))
    assert exposure.buying(SYMBOL) == 4
    wire.say(OrderModified, order, 1, Decimal(5), None, None)
    assert exposure.buying(SYMBOL) == 4
    wire.say(OrderModified, order, 2, Decimal(3), None, None)
    assert exposure.buying(SYMBOL) == 2
    wire.say(OrderCanceled, order, "")
    assert (exposure.buying(SYMBOL), exposure.open_orders) == (0, 0)


def test_fills_of_a_larger_quantity_may_come_before_the_word_of_it() -> None:
    wire = Wire()
    exposure = wire.market.engine.execution.exposure
    order = wire.ask(lambda s: s.buy(SYMBOL, 2, limit=90))
    wire.ask(lambda s: s.modify(order, quantity=5))
    wire.fill(order, 2)
    assert order.status is OrderStatus.FILLED
    assert (exposure.buying(SYMBOL), exposure.open_orders) == (3, 1)
    wire.say(OrderModified, order, 1, Decimal(5), None, None)
    assert (order.status, order.leaves) == (OrderStatus.PARTIALLY_FILLED, 3)
    assert (exposure.buying(SYMBOL), exposure.open_orders) == (3, 1)
    wire.fill(order, 3)
    assert (exposure.buying(SYMBOL), exposure.open_orders) == (0, 0)
    assert sums_up(wire.counts)


def test_a_filled_order_is_let_go_once_its_modification_is_refused() -> None:
    wire = Wire()
    exposure = wire.market.engine.execution.exposure
    order = wire.ask(lambda s: s.buy(SYMBOL, 2, limit=90))
    wire.ask(lambda s: s.modify(order, quantity=5))
    wire.fill(order, 2)
    wire.say(ModifyRejected, order, 1, "filled")
    assert (exposure.buying(SYMBOL), exposure.open_orders) == (0, 0)


def test_a_refused_modification_does_not_let_go_of_one_on_its_way() -> None:
    wire = Wire(max_order_quantity="6")
    exposure = wire.market.engine.execution.exposure
    order = wire.ask(lambda s: s.buy(SYMBOL, 2, limit=90))
    wire.ask(lambda s: s.modify(order, quantity=5))
    wire.ask(lambda s: s.modify(order, quantity=9))
    assert exposure.buying(SYMBOL) == 5
    wire.say(ModifyRejected, order, 1, "no")
    assert exposure.buying(SYMBOL) == 2


def test_a_reopened_order_is_counted_again() -> None:
    wire = Wire()
    exposure = wire.market.engine.execution.exposure
    order = wire.ask(lambda s: s.buy(SYMBOL, 2, limit=90))
    wire.say(OrderCanceled, order, "")
    assert exposure.open_orders == 0
    wire.say(DoubtResolved, order, Decimal(1))
    assert order.in_doubt
    assert (exposure.buying(SYMBOL), exposure.open_orders) == (2, 1)
    wire.fill(order, 1)
    assert not order.in_doubt
    assert (exposure.buying(SYMBOL), exposure.open_orders) == (0, 0)
    assert sums_up(wire.counts)


# Latency ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["cancel", "modify"])
def test_a_request_that_crosses_its_orders_fill_is_no_alarm(verb: str) -> None:
    settings = EngineSettings(
        account=spending(None).account, simulation=SimulationSettings(latency_ns=SECOND)
    )
    market = Market(settings)
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit=90))
    market.tick(100)
    assert order.status is OrderStatus.ACCEPTED
    market.ask(lambda s: s.cancel(order) if verb == "cancel" else s.modify(order, limit=91))
    assert order.pending is not PendingRequest.NONE
    market.now -= SECOND // 2
    market.tick(90)
    assert (order.status, order.pending) == (OrderStatus.FILLED, PendingRequest.NONE)
    market.tick(90)
    assert [alert for step in market.steps for alert in step.alerts] == []
    assert market.engine.execution.exposure.open_orders == 0


# Statistics ---------------------------------------------------------------------------------------


def test_the_counts_add_up_and_denied_orders_are_outside() -> None:
    market = Market(spending({"USDT": "1000"}))
    market.ask(
        lambda s: [
            s.buy(SYMBOL, 1),
            s.buy(SYMBOL, 0),
            s.buy(SYMBOL, 1, limit=90),
            s.buy(SYMBOL, 1, limit=90, tif="IOC"),
            s.buy(SYMBOL, 1, limit=110, post_only=True),
            s.buy(SYMBOL, 1, limit=80, expires=market.now + 2 * SECOND),
        ]
    )
    for _ in range(3):
        market.tick(100)
    counts = market.engine.execution.statistics()
    wanted = {
        "orders_submitted": 5,
        "orders_filled": 1,
        "orders_denied": 1,
        "orders_canceled": 1,
        "orders_rejected": 1,
        "orders_expired": 1,
        "orders_open": 1,
        "fills": 1,
    }
    assert {name: counts[name] for name in wanted} == wanted
    assert sums_up(counts)
    assert counts["volume"] == {"USDT": Decimal(100)}
    assert counts["fees"] == {"USDT": Decimal("0.1")}


def test_a_denial_is_an_event_with_the_terms_as_asked() -> None:
    market = Market()
    market.ask(lambda s: s.sell(SYMBOL, "0.0001", limit="nan"))
    (event,) = market.step.events
    assert isinstance(event, OrderDenied)
    assert event.terms.quantity == Decimal("0.0001")
    assert len(event.reasons) == 2
