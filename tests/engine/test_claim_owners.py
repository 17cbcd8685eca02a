"""Whose order a venue speaks of: ours by either id, one to be adopted, or nobody's business.

What is not ours is booked to `external`, and nothing is ever booked twice or to the wrong one.
"""

import pytest
from msgspec.structs import replace

from alphaforge.engine.claim_state import TOLD_AGAIN_NS
from alphaforge.engine.client_ids import client_order_id
from alphaforge.model.claims import BooksDiffer, VenueState, VenueStateChanged, VenueStatus
from alphaforge.model.commands import CancelOrder
from alphaforge.model.enums import OrderSide, OrderStatus, PendingRequest
from alphaforge.model.reports import AbsenceProved
from tests.engine.wire import SYMBOL, TAG, VENUE, Wire, busted, stands, traded

OPEN, FILLED, CANCELED = VenueStatus.OPEN, VenueStatus.FILLED, VenueStatus.CANCELED
REJECTED = VenueStatus.REJECTED
TS = 1_000


@pytest.fixture
def wire() -> Wire:
    return Wire()


# Whose order it is --------------------------------------------------------------------------------


def test_a_fill_by_venue_id_alone_waits_while_it_may_be_ours_and_is_then_booked_to_ours(
    wire: Wire,
):
    order = wire.buy()
    wire.put(traded(order, client_order_id=""))
    assert (wire.held(), wire.adopted()) == (0, [])
    wire.put(stands(order))
    assert (order.filled, wire.held("puppet"), wire.adopted()) == (4, 4, [])


def test_what_waited_is_adopted_once_it_cannot_be_ours_any_more(wire: Wire):
    order = wire.buy()
    wire.put(traded(venue_id="v9"), stands(order, venue_id="v1"))
    assert order.filled == 0
    (foreign,) = wire.adopted()
    assert (foreign.venue_order_id, foreign.filled, foreign.strategy) == ("v9", 4, "external")


def test_what_waited_for_an_order_that_proves_absent_is_adopted(wire: Wire):
    order = wire.buy()
    wire.put(traded(venue_id="v9"))
    assert not wire.adopted()
    wire.put(AbsenceProved(order.order_id, "proved", TS, 0))
    assert [each.venue_order_id for each in wire.adopted()] == ["v9"]


def test_a_claim_of_the_other_side_or_by_another_client_id_does_not_wait(wire: Wire):
    wire.buy()
    wire.put(
        traded(side=OrderSide.SELL, venue_id="v8"),
        traded(trade_id="t2", client_order_id="mine", venue_id="v9"),
    )
    assert [each.venue_order_id for each in wire.adopted()] == ["v8", "v9"]


def test_a_status_by_venue_id_alone_waits_too_unless_it_was_asked_for(wire: Wire):
    wire.buy()
    wire.put(stands(venue_id="v9"))
    assert not wire.adopted()
    wire.put(stands(venue_id="v9", asked_at=wire.now))
    assert [each.venue_order_id for each in wire.adopted()] == ["v9"]


def test_two_venue_ids_of_one_order_are_both_known(wire: Wire):
    order = wire.buy()
    wire.put(stands(order, venue_id="v1"), stands(order, venue_id="v2", ts=2_000))
    wire.put(
        traded(order, "t1", 1, venue_id="v1", client_order_id=""),
        traded(order, "t2", 2, venue_id="v2", client_order_id=""),
    )
    assert order.filled == 3
    assert not wire.adopted()


# Adoption -----------------------------------------------------------------------------------------


def test_a_foreign_order_is_adopted_once_and_counts_in_the_exposure(wire: Wire):
    wire.put(stands(venue_id="v9"), stands(venue_id="v9", ts=2_000), stands(venue_id="v9"))
    (foreign,) = wire.adopted()
    assert (foreign.strategy, foreign.quantity, foreign.limit_price) == ("external", 10, 100)
    assert wire.execution.exposure.buying(SYMBOL) == 10
    assert wire.codes().count("adopted") == 1


@pytest.mark.parametrize("by_trade_first", [True, False])
def test_listed_first_or_by_a_trade_first_it_is_the_same_order(by_trade_first: bool):
    wire = Wire()
    listing, trade = stands(venue_id="v9", filled=4), traded(venue_id="v9")
    wire.put(*((trade, listing) if by_trade_first else (listing, trade)))
    wire.put(replace(listing, asked_at=wire.now))
    (foreign,) = wire.adopted()
    assert (foreign.status, foreign.quantity, foreign.filled, foreign.in_doubt) == (
        OrderStatus.PARTIALLY_FILLED,
        10,
        4,
        False,
    )
    assert wire.held("external") == 4


@pytest.mark.parametrize("by_trade_first", [True, False])
def test_a_foreign_order_that_was_canceled_in_part_is_canceled(by_trade_first: bool):
    wire = Wire()
    end, trade = stands(status=CANCELED, venue_id="v9", filled=4), traded(venue_id="v9")
    wire.put(*((trade, end) if by_trade_first else (end, trade)))
    wire.put(replace(end, asked_at=wire.now))
    (foreign,) = wire.adopted()
    assert (foreign.status, foreign.filled, foreign.in_doubt) == (OrderStatus.CANCELED, 4, False)


def test_known_by_a_trade_only_its_terms_are_learnt_as_soon_as_the_venue_shows_them(wire: Wire):
    wire.put(traded(venue_id="v9"))
    (foreign,) = wire.adopted()
    assert (foreign.quantity, foreign.in_doubt) == (4, True)
    wire.put(stands(venue_id="v9", filled=4, quantity=50, limit_price=90))
    assert (foreign.is_open, foreign.quantity, foreign.limit_price) == (True, 50, 90)
    assert wire.execution.exposure.buying(SYMBOL) == 46
    wire.put(stands(venue_id="v9", filled=4, quantity=50, limit_price=90, asked_at=wire.now))
    assert not foreign.in_doubt


def test_a_modification_after_terms_of_somebody_else_still_counts_as_the_latest(wire: Wire):
    order = wire.buy()
    wire.put(stands(order), stands(order, quantity=20, ts=2_000, asked_at=wire.now))
    wire.modify(order, quantity=15)
    wire.put(stands(order, quantity=15, ts=3_000))
    assert (order.quantity, order.pending) == (15, PendingRequest.NONE)


def test_an_adopted_order_grows_with_its_trades(wire: Wire):
    wire.put(traded(venue_id="v9"), traded(trade_id="t2", quantity=5, venue_id="v9"))
    (foreign,) = wire.adopted()
    assert (foreign.filled, foreign.quantity) == (9, 9)
    assert "order-anomaly" not in wire.codes()


def test_an_order_that_ended_without_moving_anything_is_nobodys_business(wire: Wire):
    wire.put(stands(status=CANCELED, venue_id="v9"), stands(status=REJECTED, venue_id="v8"))
    assert not wire.adopted()
    assert not wire.alerts


def test_an_order_under_our_tag_whose_intent_is_lost_is_its_strategys():
    wire = Wire(("one", "two"))
    lost_id = client_order_id(TAG, 2, 2, "o-000009")
    wire.put(stands(client_order_id=lost_id, venue_id="v9"))
    (order,) = wire.adopted()
    assert (order.strategy, order.client_order_id) == ("two", lost_id)
    assert wire.ask(lambda bot: list(bot.orders()), name="two") == [order]
    wire.put(traded(client_order_id=lost_id, venue_id="v9"))
    assert wire.held("two") == 4


def test_an_order_under_another_runs_tag_is_external(wire: Wire):
    other = client_order_id("f" * 14, 1, 1, "o-000001")
    wire.put(stands(client_order_id=other, venue_id="v9"))
    assert [order.strategy for order in wire.adopted()] == ["external"]


def test_an_adopted_order_is_known_by_its_client_id_under_any_venue_id(wire: Wire):
    wire.put(
        stands(client_order_id="mine", venue_id="v8"),
        stands(client_order_id="mine", venue_id="v9", ts=2_000),
        traded(client_order_id="mine", venue_id="v9"),
    )
    (foreign,) = wire.adopted()
    assert foreign.filled == 4


def test_an_order_of_an_unknown_symbol_is_told_once_and_not_booked(wire: Wire):
    for number in range(3):
        wire.put(replace(traded(trade_id=f"t{number}", venue_id="v9"), symbol="DOGE/USDT"))
    assert not wire.adopted()
    assert wire.codes() == ["unknown-symbol"]
    wire.put(stands(venue_id="v10"))
    assert [order.order_id for order in wire.adopted()] == ["x-000001"]


def test_another_accounts_claims_are_told_once_and_not_booked(wire: Wire):
    order = wire.buy()
    wire.put(*[traded(order, account="other"), stands(order, account="other")] * 2)
    assert order.status is OrderStatus.SUBMITTED
    assert wire.held() == 0
    assert wire.codes() == ["foreign-account"]


def test_a_claim_that_does_not_name_an_account_is_ours(wire: Wire):
    order = wire.buy()
    wire.put(traded(order, account=""))
    assert order.filled == 4


# Before the run -----------------------------------------------------------------------------------


def test_a_trade_of_before_the_run_is_part_of_what_it_began_with():
    wire = Wire(ready=False)
    wire.claims.state.since[VENUE] = 5_000
    wire.put(traded(venue_id="v9", ts=4_999))
    assert wire.held() == 0
    assert not wire.adopted()
    wire.put(traded(trade_id="t2", venue_id="v9", ts=5_000))
    assert wire.held() == 4


def test_what_an_order_filled_before_the_run_is_no_part_of_it():
    wire = Wire(ready=False)
    wire.put(stands(venue_id="v9", filled=4))
    (foreign,) = wire.adopted()
    assert (foreign.quantity, foreign.filled, foreign.in_doubt) == (6, 0, False)
    wire.venue(VenueState.READY)
    wire.put(traded(venue_id="v9", quantity=6), stands(status=FILLED, venue_id="v9", filled=10))
    assert (foreign.status, foreign.filled, foreign.in_doubt) == (OrderStatus.FILLED, 6, False)


def test_an_order_found_later_has_all_its_fills_told(wire: Wire):
    wire.put(stands(venue_id="v9", filled=4))
    (foreign,) = wire.adopted()
    assert (foreign.quantity, foreign.in_doubt) == (10, True)
    wire.put(traded(venue_id="v9"))
    assert not foreign.in_doubt


@pytest.mark.parametrize("by_trade_first", [True, False])
def test_an_order_that_filled_before_the_run_and_since_is_certain(by_trade_first: bool):
    wire = Wire(ready=False)
    listing = stands(venue_id="v9", filled=4, ts=2_000)
    since = traded(venue_id="v9", quantity=1, ts=1_500)
    wire.put(*((since, listing) if by_trade_first else (listing, since)))
    wire.venue(VenueState.READY)
    wire.put(replace(listing, asked_at=wire.now))
    (foreign,) = wire.adopted()
    assert (foreign.filled, foreign.is_open, foreign.in_doubt) == (1, True, False)
    wire.put(
        traded(trade_id="t2", venue_id="v9", quantity=6, ts=3_000),
        stands(status=FILLED, venue_id="v9", filled=10, ts=3_000),
    )
    assert (foreign.status, foreign.filled, foreign.in_doubt) == (OrderStatus.FILLED, 7, False)
    assert "order-anomaly" not in wire.codes()


def test_of_an_order_known_by_a_trade_since_the_run_began_the_rest_filled_before_it():
    wire = Wire(ready=False)
    wire.put(traded(venue_id="v9", quantity=1), stands(venue_id="v9", filled=4, ts=2_000))
    (foreign,) = wire.adopted()
    assert (foreign.filled, foreign.leaves) == (1, 6)


# Busts --------------------------------------------------------------------------------------------


def test_a_trade_taken_back_is_reversed_with_its_fee(wire: Wire):
    before = wire.cash()
    order = wire.buy()
    wire.put(traded(order), busted())
    assert (order.filled, wire.held(), wire.cash()) == (0, 0, before)


def test_a_bust_told_again_takes_back_nothing_more(wire: Wire):
    order = wire.buy()
    wire.put(traded(order, "t1"), traded(order, "t2"), busted("t1"), busted("t1"))
    assert order.filled == wire.held() == 4


def test_a_bust_before_its_trade_takes_the_trade_back_when_it_comes(wire: Wire):
    before = wire.cash()
    order = wire.buy()
    wire.put(busted(), busted(), traded(order))
    assert (order.filled, wire.held(), wire.cash()) == (0, 0, before)
    assert not wire.claims.state.busted
    wire.put(traded(order))
    assert wire.held() == 0


def test_a_bust_of_the_other_side_is_another_trades(wire: Wire):
    order = wire.buy()
    wire.put(traded(order), busted(side=OrderSide.SELL))
    assert wire.held() == 4


def test_a_bust_of_another_account_is_not_ours(wire: Wire):
    order = wire.buy()
    wire.put(traded(order), replace(busted(), account="other"))
    assert wire.held() == 4


# Venues -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [VenueState.RECONCILING, VenueState.DOWN])
def test_nothing_new_leaves_while_the_venue_is_not_ready(wire: Wire, state: VenueState):
    order = wire.buy()
    wire.put(stands(order))
    wire.venue(state)
    denied = wire.buy()
    assert denied.status is OrderStatus.DENIED
    assert state in denied.reason
    wire.modify(order, quantity=12)
    assert order.pending is PendingRequest.NONE
    wire.cancel(order)
    assert isinstance(wire.outgoing[-1].command, CancelOrder)
    wire.venue(VenueState.READY)
    assert wire.sell().status is OrderStatus.SUBMITTED


def test_the_cursor_is_kept_and_a_word_without_one_does_not_move_it(wire: Wire):
    wire.venue(VenueState.READY, 7_000)
    wire.venue(VenueState.RECONCILING)
    assert wire.claims.state.cursors == {VENUE: 7_000}
    assert wire.claims.state.since == {VENUE: 1}


def test_a_difference_of_the_books_is_told_with_both_numbers(wire: Wire):
    wire.put(BooksDiffer(VENUE, "balance", "USDT", "10", "11", "a deposit", 0))
    (alert,) = wire.alerts
    assert alert.code == "books-differ"
    assert all(word in alert.message for word in ("USDT", "10", "11", "a deposit", VENUE))


def test_a_late_fill_of_an_order_that_ended_long_ago_is_booked_as_external(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("alphaforge.engine.order_table.KEEP_CLOSED", 1)
    first = wire.buy()
    wire.put(stands(first, CANCELED, venue_id="v1"))
    cursor = first.ts_last + 2 * TOLD_AGAIN_NS
    wire.put(VenueStateChanged(VENUE, VenueState.READY, "minute", 0, cursor))
    second = wire.buy()
    wire.put(stands(second, CANCELED, venue_id="v2"))
    wire.put(traded(second, "t2", venue_id="v2"), traded(first, "t1", venue_id="v1"))
    assert second.filled == 4
    # Forgotten, but its client id still says whose it was.
    (late,) = wire.adopted()
    assert (late.strategy, late.filled) == ("puppet", 4)
    assert wire.held() == 8


def test_a_trade_that_may_be_told_again_is_not_forgotten_however_many_orders_ended_since(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("alphaforge.engine.order_table.KEEP_CLOSED", 1)
    first = wire.buy()
    wire.put(
        traded(first, "t1", 10, venue_id="v1"), stands(first, FILLED, filled=10, venue_id="v1")
    )
    cursor = first.ts_last + TOLD_AGAIN_NS // 2
    wire.put(VenueStateChanged(VENUE, VenueState.READY, "minute", 0, cursor))
    for number in range(2, 5):
        order = wire.buy()
        wire.put(stands(order, CANCELED, venue_id=f"v{number}"))
    held = wire.held()
    wire.put(traded(first, "t1", 10, venue_id="v1"))
    wire.put(traded(trade_id="t1", quantity=10, venue_id="v1"))
    assert wire.held() == held == 10
    assert not wire.adopted()


def test_an_order_that_may_have_arrived_keeps_what_was_traded_since(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("alphaforge.engine.order_table.KEEP_CLOSED", 1)
    unsure = wire.sell()
    first = wire.buy()
    wire.put(traded(first, "t1", 10, venue_id="v1"))
    cursor = unsure.ts + 5 * TOLD_AGAIN_NS
    wire.put(VenueStateChanged(VENUE, VenueState.READY, "minute", 0, cursor))
    for number in range(2, 5):
        wire.put(stands(wire.buy(), CANCELED, venue_id=f"v{number}"))
    wire.put(traded(trade_id="t1", quantity=10, venue_id="v1"))
    assert wire.held() == 10


def test_the_account_is_the_sum_of_strategies_and_external(wire: Wire):
    wire.put(traded(wire.buy(), "t1", 4), traded(trade_id="t2", quantity=3, venue_id="v9"))
    assert wire.held("puppet") + wire.held("external") == wire.held() == 7
