"""What a venue has not, the engine holds until its trigger: visible, counted, sent once."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from alphaforge.engine.emulation import QUIET_NS, TRY_AGAIN_NS
from alphaforge.model.claims import VenueState, VenueStatus
from alphaforge.model.commands import CancelAll, CancelOrder, SetRiskState, StopSession, SubmitOrder
from alphaforge.model.enums import InstrumentKind, OrderStatus, OrderType, RiskState, TimeInForce
from alphaforge.model.market import Quote, Trade, VenueTime
from alphaforge.model.orders import Order
from alphaforge.model.reports import (
    AbsenceProved,
    OrderCanceled,
    OrderRejected,
    OutcomeUnknown,
    StateUnknown,
)
from tests.engine.driving import SECOND, SYMBOL
from tests.engine.wire import BTC, VENUE, Wire, stands, traded

STOPS = ("STOP_MARKET", "STOP_LIMIT", "TRAILING_STOP")
BARE = replace(BTC, unsupported=(*STOPS, "GTD"), emulated=STOPS)
PERPETUAL = replace(BARE, kind=InstrumentKind.LINEAR)


def wire(**settings: Any) -> Wire:
    return Wire(instrument=settings.pop("instrument", BARE), **settings)


def stop(on: Wire, side: str = "sell", price: float = 100.0, **terms: Any) -> Order:
    """A stop of 10, asked for while the market stands at 100."""
    quantity = terms.pop("quantity", 10)
    return on.ask(lambda bot: getattr(bot, side)(SYMBOL, quantity, **terms), price)


def sent(on: Wire) -> list[SubmitOrder]:
    return [each.command for each in on.outgoing if isinstance(each.command, SubmitOrder)]


def holding(quantity: str = "10", **settings: Any) -> Wire:
    """The strategy holds so much, bought over the wire."""
    on = wire(**settings)
    entry = on.ask(lambda bot: bot.buy(SYMBOL, quantity))
    on.put(stands(entry, VenueStatus.FILLED, filled=quantity), traded(entry, "t-0", quantity))
    return on


# Held -------------------------------------------------------------------------------------------


def test_a_held_stop_is_shown_and_nothing_leaves() -> None:
    on = wire()
    order = stop(on, stop=90)
    assert (order.status, order.emulated, order.is_held) == (OrderStatus.INITIALIZED, True, True)
    assert (order.leaves, order.trigger_price) == (10, 90)
    assert "held here" in order.reason
    assert sent(on) == []
    assert on.execution.working() == [order]


def test_a_stop_that_its_venue_has_is_sent_as_ever() -> None:
    on = wire(instrument=BTC)
    order = stop(on, stop=90)
    assert (order.status, order.emulated) == (OrderStatus.SUBMITTED, False)
    assert [each.order_type for each in sent(on)] == [OrderType.STOP_MARKET]


def test_a_held_order_counts_at_the_gate_as_a_working_one() -> None:
    on = wire()
    stop(on, stop=90)
    assert on.execution.exposure.selling(SYMBOL) == 10
    assert on.execution.exposure.open_orders == 1
    assert on.execution.exposure.reserved("BTC") == 10
    assert on.execution.counts.submitted == 1
    denied = stop(on, stop=80, quantity=95)
    assert denied.status is OrderStatus.DENIED
    assert "needs 95 BTC, 90 is free" in denied.reason


@pytest.mark.parametrize(
    ("side", "terms", "untouched", "reached"),
    [
        ("sell", {"stop": 90}, 90.1, 90.0),
        ("buy", {"stop": 110}, 109.9, 110.0),
        ("sell", {"stop": 90, "limit": 89}, 95.0, 85.0),
        ("buy", {"stop": 110, "limit": 111}, 105.0, 115.0),
    ],
)
def test_a_trade_at_the_trigger_sends_it_once(
    side: str, terms: dict[str, Any], untouched: float, reached: float
) -> None:
    on = wire()
    order = stop(on, side, **terms)
    on.tick(untouched)
    assert sent(on) == []
    on.tick(reached)
    on.tick(reached)
    [command] = sent(on)
    limit = terms.get("limit")
    assert command.order_type is (OrderType.LIMIT if limit else OrderType.MARKET)
    assert command.limit_price == limit
    assert (command.order_id, command.client_order_id) == (order.order_id, order.client_order_id)
    assert command.trigger_price is None
    assert order.status is OrderStatus.SUBMITTED
    assert order.order_type.value.startswith("STOP")


def test_a_trigger_that_is_reached_already_sends_it_at_once() -> None:
    on = wire()
    order = stop(on, stop=101)
    assert order.status is OrderStatus.SUBMITTED
    assert len(on.step.outgoing) == 1


@pytest.mark.parametrize(("trail", "trigger"), [(5, 115.0), ("5%", 114.0)])
def test_a_trailing_stop_follows_the_best_price_and_sends_a_market_order(
    trail: Any, trigger: float
) -> None:
    on = wire()
    order = stop(on, trail=trail)
    for price in (110, 120, trigger + 0.1):
        on.tick(price)
    assert sent(on) == []
    on.tick(trigger)
    assert [each.order_type for each in sent(on)] == [OrderType.MARKET]
    assert order.order_type is OrderType.TRAILING_STOP


def test_a_buying_trailing_stop_follows_the_lowest_price() -> None:
    on = wire()
    stop(on, "buy", trail=5)
    for price in (90, 94.9):
        on.tick(price)
    assert sent(on) == []
    on.tick(95)
    assert len(sent(on)) == 1


def test_quotes_wake_stops_only_where_no_trades_are_told() -> None:
    on = wire()
    stop(on, stop=90)
    on.process(Quote(SYMBOL, on.now, 80.0, 81.0))
    assert sent(on) == []
    quiet = wire()
    other = replace(BARE, symbol="ETH/USDT", base="ETH")
    quiet.engine.markets.add(other)
    quiet.process(Quote("ETH/USDT", quiet.now, 99.0, 100.0))
    quiet.ask(lambda bot: bot.buy("ETH/USDT", 1, stop=110))
    quiet.process(Quote("ETH/USDT", quiet.now, 108.0, 109.9))
    assert sent(quiet) == []
    quiet.process(Quote("ETH/USDT", quiet.now, 109.0, 110.0))
    assert len(sent(quiet)) == 1


# Requests ---------------------------------------------------------------------------------------


def test_a_cancel_of_a_held_order_takes_effect_at_once_and_nothing_leaves() -> None:
    on = wire()
    order = stop(on, stop=90)
    on.cancel(order)
    assert (order.status, order.leaves) == (OrderStatus.CANCELED, 0)
    assert on.outgoing == []
    assert on.execution.exposure.open_orders == 0
    on.tick(80)
    assert sent(on) == []
    assert on.execution.counts.canceled == 1


def test_cancel_all_ends_held_orders_too() -> None:
    on = wire()
    orders = [stop(on, stop=90), stop(on, trail=5)]
    on.process(CancelAll(on.now))
    assert [each.status for each in orders] == [OrderStatus.CANCELED] * 2
    assert on.outgoing == []


def test_a_held_order_takes_new_terms_at_once_even_where_its_venue_modifies_none() -> None:
    on = wire(instrument=replace(BARE, unsupported=(*BARE.unsupported, "MODIFY")))
    order = stop(on, stop=90)
    on.modify(order, stop=95, quantity=8)
    assert (order.trigger_price, order.quantity, order.leaves) == (95, 8, 8)
    assert on.execution.exposure.selling(SYMBOL) == 8
    on.tick(95.1)
    assert sent(on) == []
    on.tick(95)
    assert [each.quantity for each in sent(on)] == [8]


def test_a_new_trigger_that_is_reached_already_sends_it() -> None:
    on = wire()
    order = stop(on, stop=90)
    on.modify(order, stop=105)
    assert order.status is OrderStatus.SUBMITTED


def test_once_sent_its_terms_are_the_venues_again() -> None:
    on = wire(instrument=replace(BARE, unsupported=(*BARE.unsupported, "MODIFY")))
    order = stop(on, stop=90)
    on.tick(90)
    on.put(stands(order))
    on.modify(order, quantity=5)
    assert "cannot modify" in order.denial


def test_it_expires_here_by_the_time_of_the_engine() -> None:
    on = wire()
    order = stop(on, stop=90, expires=on.now + 10 * SECOND)
    on.now += 9 * SECOND
    on.process(VenueTime(VENUE, on.now, on.now))
    assert order.status is OrderStatus.EXPIRED
    on.tick(80)
    assert sent(on) == []


def test_a_stop_with_an_expiry_becomes_a_market_order_without_one() -> None:
    on = wire()
    stop(on, stop=90, expires=on.now + 60 * SECOND)
    on.tick(90)
    [command] = sent(on)
    assert (command.tif, command.expires) == (TimeInForce.GTC, 0)


def test_what_it_would_become_must_exist_at_the_venue() -> None:
    on = wire()
    timed = stop(on, stop=90, limit=89, expires=on.now + 60 * SECOND)
    assert timed.reason == f"{VENUE} has no GTD orders for {SYMBOL}"


# Reduce-only ------------------------------------------------------------------------------------


def test_a_reduce_only_stop_is_cut_to_the_position_when_it_leaves() -> None:
    on = holding()
    order = stop(on, stop=90, reduce_only=True)
    sold = on.ask(lambda bot: bot.sell(SYMBOL, 4))
    on.put(stands(sold, VenueStatus.FILLED, filled=4, venue_id="v2"), traded(sold, "t-1", 4))
    on.tick(90)
    assert sent(on)[-1].quantity == 6
    assert (order.quantity, order.leaves) == (6, 6)


def test_a_reduce_only_stop_without_a_position_ends_and_nothing_leaves() -> None:
    on = holding()
    order = stop(on, stop=90, reduce_only=True)
    sold = on.ask(lambda bot: bot.sell(SYMBOL, 10))
    on.put(stands(sold, VenueStatus.FILLED, filled=10, venue_id="v2"), traded(sold, "t-1", 10))
    before = len(sent(on))
    on.tick(90)
    assert order.status is OrderStatus.CANCELED
    assert "no BTC/USDT position" in order.reason
    assert len(sent(on)) == before


def test_two_stops_of_one_holding_never_sell_it_twice() -> None:
    on = holding()
    first, second = (stop(on, stop=price, reduce_only=True) for price in (90, 91))
    before = len(sent(on))
    on.tick(80)
    assert [each.quantity for each in sent(on)[before:]] == [10]
    on.put(stands(second, VenueStatus.FILLED, filled=10, venue_id="v2"), traded(second, "t-1", 10))
    assert (first.status, second.status) == (OrderStatus.CANCELED, OrderStatus.FILLED)
    assert on.held() == 0
    assert len(sent(on)) == before + 1


def test_two_stops_of_two_halves_leave_together() -> None:
    on = holding()
    for _ in range(2):
        stop(on, stop=90, quantity=5, reduce_only=True)
    before = len(sent(on))
    on.tick(80)
    assert [each.quantity for each in sent(on)[before:]] == [5, 5]


# Waiting ----------------------------------------------------------------------------------------


def test_a_trigger_reached_while_the_venue_is_away_waits_and_leaves_when_it_is_back() -> None:
    on = holding()
    order = stop(on, stop=90, reduce_only=True)
    before = len(sent(on))
    on.venue(VenueState.DOWN)
    on.tick(90)
    on.tick(95)
    assert len(sent(on)) == before
    assert order.is_held
    assert on.codes().count("trigger-waiting") == 1
    on.venue(VenueState.READY)
    assert [each.quantity for each in sent(on)[before:]] == [10]
    on.tick(80)
    assert len(sent(on)) == before + 1


def test_while_trading_is_halted_it_waits() -> None:
    on = holding()
    stop(on, stop=90, reduce_only=True)
    before = len(sent(on))
    on.process(SetRiskState(RiskState.HALTED, on.now, "a test"))
    on.tick(90)
    assert len(sent(on)) == before
    on.process(SetRiskState(RiskState.ACTIVE, on.now, "a test"))
    on.now += TRY_AGAIN_NS
    on.tick(95)
    assert len(sent(on)) == before + 1


def test_beside_an_order_in_doubt_it_waits_for_the_answer() -> None:
    on = holding()
    stop(on, stop=90, reduce_only=True)
    sold = on.ask(lambda bot: bot.sell(SYMBOL, 10))
    on.put(OutcomeUnknown(sold.order_id, "time-out", 0, 0))
    before = len(sent(on))
    on.tick(90)
    assert len(sent(on)) == before
    on.put(AbsenceProved(sold.order_id, "asked late", 0, 0))
    assert len(sent(on)) == before + 1


def test_a_waiting_one_can_be_canceled_and_then_never_leaves() -> None:
    on = holding()
    order = stop(on, stop=90, reduce_only=True)
    before = len(sent(on))
    on.venue(VenueState.DOWN)
    on.tick(90)
    on.cancel(order)
    on.venue(VenueState.READY)
    assert order.status is OrderStatus.CANCELED
    assert len(sent(on)) == before


# What is told -----------------------------------------------------------------------------------


def test_a_stop_that_its_venue_refuses_when_it_is_sent_is_told_to_a_person() -> None:
    on = holding()
    order = stop(on, stop=90, reduce_only=True)
    on.tick(90)
    on.put(OrderRejected(order.order_id, "insufficient", 0, 0))
    [alert] = [each for each in on.alerts if each.code == "unprotected"]
    assert "REJECTED with 0 of 10 filled: insufficient" in alert.message


def test_one_that_its_strategy_cancels_after_it_was_sent_is_no_alarm() -> None:
    on = holding()
    order = stop(on, stop=90, limit=89, reduce_only=True)
    on.tick(90)
    on.put(stands(order, venue_id="v2", limit_price=89))
    on.cancel(order)
    on.put(OrderCanceled(order.order_id, "", 0, 0))
    assert "unprotected" not in on.codes()


def test_a_market_that_tells_nothing_is_told_once_until_it_tells_again() -> None:
    on = wire()
    stop(on, stop=90)
    for _ in range(3):
        on.now += QUIET_NS
        on.process(VenueTime(VENUE, 1, on.now))
    assert on.codes().count("no-live-stream") == 1
    on.tick(100)
    for _ in range(3):
        on.now += QUIET_NS
        on.process(VenueTime(VENUE, 1, on.now))
    assert on.codes().count("no-live-stream") == 2


def test_nobody_watches_a_market_for_which_nothing_is_held() -> None:
    on = wire()
    on.cancel(stop(on, stop=90))
    for _ in range(3):
        on.now += QUIET_NS
        on.process(VenueTime(VENUE, 1, on.now))
    assert "no-live-stream" not in on.codes()


def test_the_end_of_the_session_names_what_protects_no_longer() -> None:
    on = wire()
    order = stop(on, stop=90)
    on.process(StopSession(on.now))
    [alert] = [each for each in on.alerts if each.code == "held-orders-end"]
    assert order.order_id in alert.message


# The venue's words ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [OutcomeUnknown, StateUnknown, AbsenceProved, OrderRejected])
def test_what_is_concluded_of_an_order_that_never_left_changes_nothing(kind: Any) -> None:
    on = wire()
    order = stop(on, stop=90)
    on.put(kind(order.order_id, "a mistake", 0, 0))
    assert order.is_held
    assert not order.in_doubt
    on.tick(90)
    assert len(sent(on)) == 1


def test_a_release_that_the_journal_lost_is_found_at_the_venue_and_not_made_again() -> None:
    on = holding()
    order = stop(on, stop=90, reduce_only=True)
    before = len(sent(on))
    on.put(
        stands(order, VenueStatus.FILLED, venue_id="v7", filled=10, limit_price=None),
        traded(order, "t-7", 10, venue_id="v7"),
    )
    assert order.status is OrderStatus.FILLED
    assert on.held() == 0
    on.tick(80)
    assert len(sent(on)) == before


def test_its_life_after_the_release_is_that_of_any_order() -> None:
    on = holding()
    order = stop(on, stop=90, reduce_only=True)
    on.tick(90)
    assert order.ts == on.now
    on.put(stands(order, venue_id="v2"), traded(order, "t-2", 10, venue_id="v2"))
    assert (order.status, order.filled) == (OrderStatus.FILLED, Decimal(10))
    assert on.execution.counts.open == 0
    assert on.execution.exposure.open_orders == 0


def test_on_a_perpetual_the_venue_itself_cuts_what_reduces() -> None:
    on = holding(instrument=PERPETUAL)
    for _ in range(2):
        stop(on, stop=90, reduce_only=True)
    before = len(sent(on))
    on.tick(80)
    released = sent(on)[before:]
    assert [(each.quantity, each.reduce_only) for each in released] == [(10, True)] * 2


def test_a_denied_modification_reaches_its_strategy_with_the_reason() -> None:
    on = wire(instrument=replace(BARE, unsupported=(*BARE.unsupported, "MODIFY")))
    order = on.buy(10, 90)
    on.put(stands(order))
    heard = len(on.strategy().heard)
    on.modify(order, limit=91)
    assert order.denial == f"{VENUE} cannot modify orders: cancel it and send another"
    assert on.strategy().heard[heard:] == [("on_order", OrderStatus.ACCEPTED)]
    assert order.limit_price == 90


def test_a_cancel_leaves_for_an_order_that_has_left() -> None:
    on = wire()
    order = stop(on, stop=90, limit=89)
    on.tick(90)
    on.put(stands(order, limit_price=89))
    on.cancel(order)
    assert isinstance(on.outgoing[-1].command, CancelOrder)
    assert order.is_open


def test_a_trade_of_another_symbol_wakes_nothing() -> None:
    on = wire()
    on.engine.markets.add(replace(BARE, symbol="ETH/USDT", base="ETH"))
    stop(on, stop=90)
    on.process(Trade("ETH/USDT", on.now, 1.0, 1.0))
    assert sent(on) == []
