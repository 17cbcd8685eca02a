"""What listeners hear, and in which order."""

from msgspec.structs import replace

from alphaforge.sandbox.terms import (
    BalancesChanged,
    BookChanged,
    MarketChanged,
    OrderChanged,
    Print,
    TopChanged,
)
from tests.sandbox.exchange.desk import BUY, LISTING, SELL, SPOT, D, Desk


def kinds(told):
    return [
        each.change.value if isinstance(each, OrderChanged) else type(each).__name__
        for each in told
    ]


def test_a_trade_is_told_in_the_order_in_which_it_happened():
    desk = Desk()
    desk.place("bob", SELL, "1", "100")
    desk.told.clear()

    desk.place("ann", BUY, "2", "100")

    assert kinds(desk.told) == [
        "NEW",
        "BalancesChanged",
        "TRADE",
        "BalancesChanged",
        "TRADE",
        "BalancesChanged",
        "Print",
        "BookChanged",
        "TopChanged",
    ]


def test_an_order_event_is_a_copy_as_it_stood_then():
    desk = Desk()
    placed = desk.place("ann", BUY, "1", "99")

    desk.cancel(placed)

    first, last = (each.order for each in desk.told if isinstance(each, OrderChanged))
    assert (first.standing, last.standing) == ("OPEN", "CANCELED")


def test_a_cancel_carries_the_name_the_request_gave_itself():
    desk = Desk()
    placed = desk.place("ann", BUY, "1", "99")

    desk.exchange.cancel(
        "ann", SPOT, 5, client_order_id=placed.client_order_id, cancel_client_id="c1"
    )

    assert [each.cancel_client_id for each in desk.told if isinstance(each, OrderChanged)] == [
        "",
        "c1",
    ]


def test_one_book_change_per_call_names_each_level_once():
    desk = Desk()
    for price in ("100", "101"):
        desk.place("@maker", SELL, "1", price)
    desk.told.clear()

    desk.place("@maker", BUY, "3", "101")

    (change,) = [each for each in desk.told if isinstance(each, BookChanged)]
    assert change.asks == ((D(100), D(0)), (D(101), D(0)))
    assert change.bids == ((D(101), D(1)),)
    assert (change.first_id, change.last_id) == (3, 5)
    assert desk.exchange.depth(SPOT, 5).update_id == 5


def test_a_change_behind_the_best_prices_tells_no_top():
    desk = Desk()
    desk.place("@maker", BUY, "1", "99")
    desk.told.clear()

    desk.place("@maker", BUY, "1", "98")

    assert kinds(desk.told) == ["NEW", "BookChanged"]


def test_agents_balances_are_told_to_nobody():
    desk = Desk()
    desk.trade_at("100")

    assert not [each for each in desk.told if isinstance(each, BalancesChanged)]
    assert [each.quantity for each in desk.told if isinstance(each, Print)] == [D("0.1")]


def test_a_call_from_within_a_listener_is_told_afterwards():
    desk = Desk()
    heard = []

    def answer(told):
        heard.append(told)
        if isinstance(told, TopChanged) and told.bid and told.ask is None:
            desk.place("@maker", SELL, "1", "105")

    desk.exchange.listeners[:] = [answer]
    desk.place("ann", BUY, "1", "99")

    assert kinds(heard) == [
        "NEW",
        "BalancesChanged",
        "BookChanged",
        "TopChanged",
        "NEW",
        "BookChanged",
        "TopChanged",
    ]


def test_new_rules_are_told():
    desk = Desk()
    listing = replace(LISTING, taker_fee=D("0.002"))

    desk.exchange.set_listing(listing, 7)

    assert desk.told == [MarketChanged(listing=listing, ts=7)]
    assert desk.exchange.listings[SPOT] is listing


def test_the_tape_keeps_the_last_five_thousand():
    desk = Desk(replace(LISTING, min_value=D(0)))
    desk.exchange.listeners.clear()
    desk.place("@maker", SELL, "6", "100")

    for _ in range(5_001):
        desk.place("@maker", BUY, "0.001", "100")

    tape = desk.exchange.prints(SPOT)
    assert (len(tape), tape[0].trade_id, tape[-1].trade_id) == (5_000, 2, 5_001)


def test_agents_ended_orders_are_forgotten_others_are_kept():
    desk = Desk()
    mine = desk.place("ann", BUY, "1", "99")
    theirs = desk.place("@maker", SELL, "1", "99")

    assert desk.exchange.orders("ann", SPOT) == [mine]
    assert desk.exchange.orders("@maker", SPOT) == []
    assert theirs.filled == 1
