"""A venue's own words: whose order is meant, what is news in them, and what they never prove.

Races and rows as in reliability §2.3 and §2.5, each told by claims to an engine over a wire.
"""

from decimal import Decimal
from typing import Any

import pytest

from alphaforge.model.claims import VenueStatus
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import OrderStatus, PendingRequest
from alphaforge.model.reports import (
    AbsenceProved,
    CancelRejected,
    ModifyRejected,
    OrderRejected,
    OutcomeUnknown,
    StateUnknown,
)
from tests.engine.wire import SYMBOL, Wire, stands, traded

OPEN, FILLED, CANCELED = VenueStatus.OPEN, VenueStatus.FILLED, VenueStatus.CANCELED
EXPIRED, REJECTED = VenueStatus.EXPIRED, VenueStatus.REJECTED
TS = 1_000


@pytest.fixture
def wire() -> Wire:
    return Wire()


def lost(order_id: str, request: PendingRequest = PendingRequest.NONE) -> OutcomeUnknown:
    return OutcomeUnknown(order_id, "timed out", TS, 0, request)


# The good course ----------------------------------------------------------------------------------


def test_an_order_leaves_as_an_approved_command_with_its_client_id(wire: Wire):
    order = wire.buy()
    (approved,) = wire.outgoing
    assert isinstance(approved.command, SubmitOrder)
    assert approved.command.client_order_id == order.client_order_id != ""
    assert approved.ts == order.ts
    assert order.status is OrderStatus.SUBMITTED


def test_an_open_report_accepts_the_order_and_gives_it_the_venues_id(wire: Wire):
    order = wire.buy()
    wire.put(stands(order, venue_id="v7"))
    assert (order.status, order.venue_order_id) == (OrderStatus.ACCEPTED, "v7")


def test_cancel_and_modify_name_the_order_by_every_name_it_has(wire: Wire):
    order = wire.buy()
    wire.put(stands(order, venue_id="v7"))
    wire.modify(order, limit=99)
    wire.cancel(order)
    modify, cancel = (each.command for each in wire.outgoing[1:])
    assert isinstance(modify, ModifyOrder)
    assert isinstance(cancel, CancelOrder)
    names = (SYMBOL, order.client_order_id, "v7")
    assert (modify.symbol, modify.client_order_id, modify.venue_order_id) == names
    assert (cancel.symbol, cancel.client_order_id, cancel.venue_order_id) == names


def test_a_trade_is_booked_with_its_fee_to_strategy_and_account(wire: Wire):
    order = wire.buy()
    wire.put(traded(order, quantity=4, price=Decimal(99), fee=Decimal("0.5")))
    assert (order.status, order.filled, order.leaves) == (OrderStatus.PARTIALLY_FILLED, 4, 6)
    assert wire.held("puppet") == 4
    assert wire.cash() == Decimal(100_000) - 4 * 99 - Decimal("0.5")


def test_a_stop_that_woke_is_triggered(wire: Wire):
    order = wire.ask(lambda bot: bot.buy(SYMBOL, 10, stop=120))
    wire.put(stands(order, limit_price=None, triggered=True))
    assert order.status is OrderStatus.TRIGGERED


# Once and only once -------------------------------------------------------------------------------


def test_a_trade_told_again_by_another_channel_changes_nothing(wire: Wire):
    order = wire.buy()
    wire.put(traded(order), traded(order, client_order_id=""), traded(order, venue_id=""))
    assert order.filled == wire.held() == 4
    assert not wire.steps[-1].events
    assert not wire.alerts


def test_a_status_told_again_leaves_no_trace(wire: Wire):
    order = wire.buy()
    wire.put(stands(order), traded(order), stands(order, filled=4))
    before = len(wire.steps)
    wire.put(stands(order), stands(order, filled=4), stands(order))
    assert all(not step.events and not step.alerts for step in wire.steps[before:])


def test_a_trade_id_that_comes_again_with_other_numbers_is_named_and_booked_once(wire: Wire):
    order = wire.buy()
    wire.put(traded(order), traded(order, quantity=5))
    assert order.filled == wire.held() == 4
    assert "order-anomaly" in wire.codes()
    assert order.in_doubt


@pytest.mark.parametrize(
    "other", [{"price": Decimal(101)}, {"fee": Decimal(1)}, {"fee_currency": "BTC"}]
)
def test_a_trade_id_with_another_price_or_fee_is_other_numbers_too(
    wire: Wire, other: dict[str, Any]
):
    order = wire.buy()
    wire.put(traded(order), traded(order, **other))
    assert wire.held() == 4
    assert order.in_doubt


def test_one_trade_id_on_both_sides_is_two_trades(wire: Wire):
    bought, sold = wire.buy(), wire.sell()
    wire.put(traded(bought, "t1", 4), traded(sold, "t1", 4, venue_id="v2"))
    assert (bought.filled, sold.filled) == (4, 4)
    assert wire.held() == 0


# A time-out ---------------------------------------------------------------------------------------


def test_an_order_without_an_answer_is_in_doubt_and_its_strategy_is_told(wire: Wire):
    order = wire.buy()
    heard = len(wire.strategy().heard)
    wire.put(lost(order.order_id))
    assert order.in_doubt
    assert (order.status, order.leaves) == (OrderStatus.SUBMITTED, 10)
    assert len(wire.strategy().heard) == heard + 1


def test_an_order_in_doubt_keeps_its_exposure_and_its_funds(wire: Wire):
    wire.put(lost(wire.buy().order_id))
    assert wire.execution.exposure.buying(SYMBOL) == 10
    assert wire.execution.exposure.reserved("USDT") >= 1_000


def test_beside_an_order_in_doubt_the_same_side_is_denied_and_the_other_is_not(wire: Wire):
    wire.put(lost(wire.buy().order_id))
    again, other = wire.buy(), wire.sell()
    assert again.status is OrderStatus.DENIED
    assert "in doubt" in again.reason
    assert other.status is OrderStatus.SUBMITTED


def test_one_strategys_doubt_does_not_stop_another_strategy():
    wire = Wire(("one", "two"))
    wire.put(lost(wire.buy(name="one").order_id))
    assert wire.buy(name="two").status is OrderStatus.SUBMITTED


def test_being_found_ends_the_doubt(wire: Wire):
    order = wire.buy()
    wire.put(lost(order.order_id), stands(order))
    assert not order.in_doubt
    assert wire.buy().status is OrderStatus.SUBMITTED


def test_an_absent_order_gives_its_exposure_back(wire: Wire):
    order = wire.buy()
    wire.put(lost(order.order_id), AbsenceProved(order.order_id, "proved", TS, 0))
    assert (order.status, order.in_doubt, order.leaves) == (OrderStatus.ABSENT, False, 0)
    assert wire.execution.exposure.buying(SYMBOL) == 0
    assert wire.execution.exposure.reserved("USDT") == 0


# Fills and ends that cross ------------------------------------------------------------------------


def test_a_fill_before_the_ack_proves_acceptance_and_the_late_ack_is_no_news(wire: Wire):
    order = wire.buy()
    wire.put(traded(order), stands(order))
    assert order.status is OrderStatus.PARTIALLY_FILLED
    assert not wire.alerts


def test_fills_while_a_cancel_is_out_are_booked_and_stay(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.cancel(order)
    wire.put(traded(order))
    assert (order.pending, order.filled) == (PendingRequest.CANCEL, 4)
    wire.put(stands(order, CANCELED, filled=4))
    assert (order.status, order.filled, order.in_doubt) == (OrderStatus.CANCELED, 4, False)


def test_an_order_canceled_with_more_filled_than_we_hold_is_in_doubt_until_the_trades_come(
    wire: Wire,
):
    order = wire.buy()
    wire.put(stands(order), stands(order, CANCELED, filled=4, ts=2_000))
    assert order.status is OrderStatus.CANCELED
    assert order.in_doubt
    assert wire.execution.exposure.buying(SYMBOL) > 0
    wire.put(traded(order))
    assert not order.in_doubt
    assert wire.execution.exposure.buying(SYMBOL) == 0


def test_a_fill_after_the_cancel_is_booked(wire: Wire):
    order = wire.buy()
    wire.put(stands(order), stands(order, CANCELED, ts=2_000), traded(order))
    assert (order.status, order.filled, wire.held()) == (OrderStatus.CANCELED, 4, 4)


def test_an_order_filled_before_the_cancel_arrives_is_filled(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.cancel(order)
    wire.put(
        CancelRejected(order.order_id, "too late", TS, 0),
        StateUnknown(order.order_id, "the venue answered: too late", TS, 0),
        traded(order, quantity=10),
    )
    assert (order.status, order.pending) == (OrderStatus.FILLED, PendingRequest.NONE)
    wire.put(stands(order, FILLED, filled=10, asked_at=wire.now))
    assert not order.in_doubt


def test_a_filled_report_without_its_trades_is_in_doubt_until_they_come(wire: Wire):
    order = wire.buy()
    wire.put(stands(order, FILLED, filled=None))
    assert order.in_doubt
    assert order.filled == 0
    wire.put(traded(order, quantity=10))
    assert (order.status, order.in_doubt) == (OrderStatus.FILLED, False)


def test_more_than_was_ordered_is_booked_and_told(wire: Wire):
    order = wire.buy()
    wire.put(traded(order, "t1", 10), traded(order, "t2", 3))
    assert (order.status, order.filled, wire.held()) == (OrderStatus.FILLED, 13, 13)
    assert "order-anomaly" in wire.codes()


def test_a_fill_after_a_reject_is_booked_named_and_in_doubt(wire: Wire):
    order = wire.buy()
    wire.put(OrderRejected(order.order_id, "no", TS, 0), traded(order))
    assert (order.filled, order.in_doubt) == (4, True)
    assert "order-anomaly" in wire.codes()


def test_an_order_that_was_taken_and_then_refused_is_rejected(wire: Wire):
    order = wire.buy()
    wire.put(stands(order), stands(order, REJECTED, reason="too little in the book", ts=2_000))
    assert (order.status, order.is_open) == (OrderStatus.REJECTED, False)
    assert order.reason == "too little in the book"


def test_an_order_whose_time_is_over_is_expired(wire: Wire):
    order = wire.buy()
    wire.put(stands(order), stands(order, EXPIRED, ts=2_000))
    assert order.status is OrderStatus.EXPIRED


def test_a_late_open_report_brings_a_canceled_order_not_back(wire: Wire):
    order = wire.buy()
    wire.put(stands(order, CANCELED, ts=2_000), stands(order, ts=1_000))
    assert order.status is OrderStatus.CANCELED


def test_an_ack_after_absence_resurrects_the_order_and_a_person_is_told(wire: Wire):
    order = wire.buy()
    wire.put(AbsenceProved(order.order_id, "proved", TS, 0), stands(order))
    assert order.is_open
    assert order.in_doubt
    assert wire.execution.exposure.buying(SYMBOL) == 10
    assert "order-anomaly" in wire.codes()
    wire.put(stands(order, asked_at=wire.now))
    assert (order.status, order.in_doubt) == (OrderStatus.ACCEPTED, False)


def test_a_fill_after_absence_is_the_orders(wire: Wire):
    order = wire.buy()
    wire.put(AbsenceProved(order.order_id, "proved", TS, 0), traded(order))
    assert (order.filled, wire.held("puppet"), order.in_doubt) == (4, 4, True)
    assert not wire.adopted()


# Cancels ------------------------------------------------------------------------------------------


def test_a_cancel_refused_as_unknown_leaves_the_order_open_and_in_doubt(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.cancel(order)
    wire.put(
        CancelRejected(order.order_id, "unknown-order", TS, 0),
        StateUnknown(order.order_id, "the venue answered unknown-order", TS, 0),
    )
    assert (order.is_open, order.in_doubt, order.leaves) == (True, True, 10)


def test_an_order_asked_about_before_the_horizon_keeps_its_cancel(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.cancel(order)
    wire.put(stands(order, ts=2_000))
    assert order.pending is PendingRequest.CANCEL


def test_an_order_still_open_when_asked_after_the_horizon_has_lost_its_cancel(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.cancel(order)
    wire.put(lost(order.order_id, PendingRequest.CANCEL), stands(order, asked_at=wire.now))
    assert (order.status, order.pending, order.in_doubt) == (
        OrderStatus.ACCEPTED,
        PendingRequest.NONE,
        False,
    )


def test_nothing_is_asked_of_an_order_that_ended(wire: Wire):
    order = wire.buy()
    wire.put(stands(order, CANCELED))
    wire.cancel(order)
    assert len(wire.outgoing) == 1


# Modifications ------------------------------------------------------------------------------------


def test_a_modification_without_an_answer_is_known_by_the_terms_the_venue_shows(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.modify(order, quantity=12, limit=99)
    wire.put(lost(order.order_id, PendingRequest.MODIFY))
    assert order.in_doubt
    wire.put(stands(order, quantity=12, limit_price=99, ts=2_000))
    assert (order.quantity, order.limit_price) == (12, 99)
    assert (order.pending, order.in_doubt) == (PendingRequest.NONE, False)


def test_old_terms_shown_before_the_horizon_refute_nothing(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.modify(order, quantity=12)
    wire.put(lost(order.order_id, PendingRequest.MODIFY), stands(order, ts=2_000))
    assert order.pending is PendingRequest.MODIFY
    assert wire.execution.exposure.buying(SYMBOL) == 12


def test_old_terms_shown_after_the_horizon_refute_the_modification(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.modify(order, quantity=12)
    wire.put(lost(order.order_id, PendingRequest.MODIFY), stands(order, asked_at=wire.now))
    assert (order.quantity, order.pending, order.in_doubt) == (10, PendingRequest.NONE, False)
    assert wire.execution.exposure.buying(SYMBOL) == 10


def test_replaced_down_below_what_filled_the_order_is_filled_at_that(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.modify(order, quantity=3)
    wire.put(traded(order), stands(order, FILLED, quantity=4, filled=4, ts=2_000))
    assert (order.status, order.quantity, order.leaves) == (OrderStatus.FILLED, 4, 0)
    assert not order.in_doubt
    assert "order-anomaly" not in wire.codes()


def test_of_two_modifications_the_later_wins_whichever_is_shown_last(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.modify(order, quantity=12)
    wire.modify(order, quantity=14)
    wire.put(stands(order, quantity=14, ts=3_000), stands(order, quantity=12, ts=2_000))
    assert order.quantity == 14


def test_terms_of_an_earlier_time_than_those_shown_last_are_old(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.modify(order, quantity=12)
    wire.put(stands(order, quantity=12, ts=3_000))
    wire.put(stands(order, quantity=10, ts=2_000, asked_at=wire.now))
    assert order.quantity == 12


def test_terms_that_somebody_else_set_are_learnt_when_asked_for(wire: Wire):
    order = wire.buy()
    wire.put(stands(order), stands(order, quantity=20, limit_price=98, ts=2_000, asked_at=wire.now))
    assert (order.quantity, order.limit_price) == (20, 98)
    assert wire.execution.exposure.buying(SYMBOL) == 20


def test_a_modification_back_to_the_first_terms_that_is_refused_leaves_the_terms_between(
    wire: Wire,
):
    order = wire.buy()
    wire.put(stands(order))
    wire.modify(order, quantity=14)
    wire.modify(order, quantity=10)
    wire.put(
        stands(order, quantity=10, ts=1_500),  # of before both
        stands(order, quantity=14, ts=2_000),  # the first took effect
        ModifyRejected(order.order_id, 2, "throttled", TS, 0),
    )
    assert order.quantity == 14
    assert wire.execution.exposure.buying(SYMBOL) == 14
    wire.put(stands(order, quantity=14, ts=2_000, asked_at=wire.now))
    assert order.quantity == 14
    assert wire.execution.exposure.buying(SYMBOL) == 14


def test_of_two_modifications_that_a_report_shows_the_later_was_carried_out(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.modify(order, limit=99)
    wire.modify(order, limit=99, quantity=12)
    wire.put(stands(order, quantity=12, limit_price=99, ts=2_000))
    assert (order.quantity, order.limit_price) == (12, 99)


def test_terms_of_the_same_instant_are_believed_when_they_were_asked_for(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.modify(order, quantity=12)
    wire.put(stands(order, quantity=12, ts=2_000), stands(order, quantity=15, ts=2_000))
    assert order.quantity == 12
    wire.put(stands(order, quantity=15, ts=2_000, asked_at=wire.now))
    assert order.quantity == 15


def test_a_cancel_of_which_nothing_was_heard_is_refuted_in_the_same_way(wire: Wire):
    order = wire.buy()
    wire.put(stands(order))
    wire.cancel(order)
    wire.put(stands(order, asked_at=wire.now))
    assert order.pending is PendingRequest.NONE
    assert [type(event) for event in wire.steps[-1].events] == [CancelRejected]
