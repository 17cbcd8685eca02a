"""Who trades with whom, at which price, and what becomes of the rest."""

import pytest

from alphaforge.sandbox.terms import Refusal, RefusedError, SelfTrade, Standing, Tif
from tests.sandbox.exchange.desk import BUY, SELL, SPOT, D, Desk, order


@pytest.fixture
def desk():
    return Desk()


def prices(desk):
    return [str(deal.price) for deal in desk.exchange.prints(SPOT)]


def test_a_limit_that_meets_nobody_rests_in_the_book(desk):
    placed = desk.place("ann", BUY, "1", "99.5")

    assert placed.standing is Standing.OPEN
    assert desk.exchange.depth(SPOT, 5).bids == ((D("99.5"), D(1)),)
    assert desk.exchange.top(SPOT) == ((D("99.5"), D(1)), None)


def test_a_taker_walks_the_levels_and_pays_each_makers_price(desk):
    for price in ("101", "100", "102"):
        desk.place("@maker", SELL, "1", price)

    taker = desk.place("ann", BUY, "2.5", "101.5")

    assert prices(desk) == ["100.00", "101.00"]
    assert (taker.filled, taker.leaves, taker.filled_value) == (D(2), D("0.5"), D(201))
    assert desk.exchange.top(SPOT) == ((D("101.5"), D("0.5")), (D(102), D(1)))
    assert desk.exchange.last(SPOT) == D(101)


def test_at_one_price_the_first_to_come_trades_first(desk):
    first = desk.place("ann", SELL, "1", "100")
    second = desk.place("bob", SELL, "1", "100")

    desk.place("@maker", BUY, "1.5", "100")

    assert (first.standing, second.filled) == (Standing.FILLED, D("0.5"))


def test_a_market_order_expires_what_nobody_trades(desk):
    desk.place("@maker", SELL, "1", "100")

    taker = desk.place("ann", BUY, "3")

    assert (taker.standing, taker.filled) == (Standing.EXPIRED, D(1))
    assert desk.changes(taker) == ["NEW", "TRADE", "EXPIRED"]
    assert desk.locked("ann", "USDT") == 0


def test_a_market_order_in_an_empty_book_is_refused(desk):
    with pytest.raises(RefusedError) as refused:
        desk.place("ann", BUY, "1")

    assert refused.value.refusal is Refusal.NO_LIQUIDITY
    assert desk.exchange.orders("ann", SPOT) == []


def test_an_order_by_value_buys_what_the_value_is_worth_floored_to_the_step(desk):
    desk.place("@maker", SELL, "1", "100")
    desk.place("@maker", SELL, "5", "150")

    taker = desk.place("ann", BUY, None, value="200")

    assert (taker.quantity, taker.filled_value) == (D("1.666"), D("199.9"))
    assert taker.standing is Standing.FILLED


def test_an_order_by_value_that_the_book_cannot_give_expires_with_what_it_got(desk):
    desk.place("@maker", BUY, "1", "100")

    taker = desk.place("ann", SELL, None, value="200")

    assert (taker.standing, taker.quantity, taker.filled) == (Standing.EXPIRED, D(1), D(1))


def test_an_order_by_value_less_than_one_step_is_refused(desk):
    desk.place("@maker", SELL, "1", "400")

    with pytest.raises(RefusedError) as refused:
        desk.place("ann", BUY, None, value="0.3")

    assert refused.value.refusal is Refusal.MIN_VALUE


def test_ioc_takes_what_is_there_and_never_rests(desk):
    desk.place("@maker", SELL, "1", "100")

    taker = desk.place("ann", BUY, "2", "100", tif=Tif.IOC)

    assert (taker.standing, taker.filled) == (Standing.EXPIRED, D(1))
    assert desk.exchange.depth(SPOT, 5).bids == ()


@pytest.mark.parametrize(
    ("asked", "standing"), [("2", Standing.FILLED), ("2.001", Standing.EXPIRED)]
)
def test_fok_fills_in_full_or_not_at_all(desk, asked, standing):
    desk.place("@maker", SELL, "1", "100")
    desk.place("@maker", SELL, "1", "101")

    taker = desk.place("ann", BUY, asked, "101", tif=Tif.FOK)

    assert taker.standing is standing
    assert taker.filled == (D(2) if standing is Standing.FILLED else 0)


def test_post_only_is_refused_when_it_would_take(desk):
    desk.place("@maker", SELL, "1", "100")

    with pytest.raises(RefusedError) as refused:
        desk.place("ann", BUY, "1", "100", post_only=True)

    assert refused.value.refusal is Refusal.WOULD_TAKE
    assert desk.place("ann", BUY, "1", "99.99", post_only=True).standing is Standing.OPEN


def test_an_iceberg_shows_its_part_and_queues_up_again_with_the_next(desk):
    iceberg = desk.place("ann", SELL, "3", "100", visible="1")
    other = desk.place("bob", SELL, "1", "100")
    assert desk.exchange.depth(SPOT, 1).asks == ((D(100), D(2)),)

    desk.place("@maker", BUY, "1.5", "100")
    assert (iceberg.filled, other.filled) == (D(1), D("0.5"))

    desk.place("@maker", BUY, "2.5", "100")
    assert (iceberg.standing, other.standing) == (Standing.FILLED, Standing.FILLED)
    assert desk.exchange.depth(SPOT, 1).asks == ()


@pytest.mark.parametrize(
    ("mode", "maker_ends", "taker_ends"),
    [
        (SelfTrade.EXPIRE_MAKER, Standing.EXPIRED_IN_MATCH, Standing.FILLED),
        (SelfTrade.EXPIRE_TAKER, Standing.OPEN, Standing.EXPIRED_IN_MATCH),
        (SelfTrade.EXPIRE_BOTH, Standing.EXPIRED_IN_MATCH, Standing.EXPIRED_IN_MATCH),
        (SelfTrade.NONE, Standing.FILLED, Standing.FILLED),
    ],
)
def test_self_trade_prevention_ends_whom_the_taker_says(desk, mode, maker_ends, taker_ends):
    own = desk.place("ann", SELL, "1", "100")
    desk.place("@maker", SELL, "1", "100")

    taker = desk.place("ann", BUY, "1", "100", self_trade=mode)

    assert (own.standing, taker.standing) == (maker_ends, taker_ends)


def test_a_market_order_that_only_clears_own_orders_expires(desk):
    own = desk.place("ann", SELL, "1", "100")

    taker = desk.place("ann", BUY, "1", self_trade=SelfTrade.EXPIRE_MAKER)

    assert (own.standing, taker.standing) == (Standing.EXPIRED_IN_MATCH, Standing.EXPIRED)


def test_fok_does_not_count_what_lies_behind_an_own_order(desk):
    desk.place("@maker", SELL, "2", "100", visible="1")
    desk.place("ann", SELL, "1", "100")

    taker = desk.place("ann", BUY, "2", "100", tif=Tif.FOK, self_trade=SelfTrade.EXPIRE_TAKER)

    assert (taker.standing, taker.filled) == (Standing.EXPIRED, 0)


def test_less_quantity_keeps_the_place_in_the_queue(desk):
    first, second = desk.place("ann", SELL, "2", "100"), desk.place("bob", SELL, "1", "100")

    desk.amend(first, quantity="1")
    desk.place("@maker", BUY, "1", "100")

    assert (first.standing, second.filled) == (Standing.FILLED, 0)


@pytest.mark.parametrize("terms", [{"quantity": "3"}, {"limit_price": "100.01"}])
def test_any_other_change_goes_to_the_end_of_the_queue(desk, terms):
    first, second = desk.place("ann", SELL, "2", "100"), desk.place("bob", SELL, "1", "100")

    desk.amend(first, **terms)
    desk.place("@maker", BUY, "1", "100")

    assert (first.filled, second.standing) == (0, Standing.FILLED)


def test_an_order_amended_to_the_other_sides_price_trades_at_once(desk):
    placed = desk.place("ann", BUY, "2", "99")
    desk.place("@maker", SELL, "1", "100")

    desk.amend(placed, limit_price="100")

    assert (placed.filled, placed.order_id) == (D(1), 1)
    assert desk.changes(placed) == ["NEW", "REPLACED", "TRADE"]
    assert desk.exchange.depth(SPOT, 5).bids == ((D(100), D(1)),)


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"quantity": "2"}, Refusal.NOTHING_CHANGED),
        ({"quantity": "1"}, Refusal.QUANTITY_RANGE),
        ({"limit_price": "99.005"}, Refusal.PRICE_STEP),
        ({"trigger_price": "98"}, Refusal.BAD_REQUEST),
        ({"quantity": "200"}, Refusal.INSUFFICIENT_FUNDS),
        ({"limit_price": "1"}, Refusal.PRICE_RANGE),
    ],
)
def test_an_amendment_that_cannot_be_changes_nothing(desk, terms, refusal):
    placed = desk.place("ann", BUY, "2", "99")
    desk.place("@maker", SELL, "1", "99")
    before = desk.exchange.save()

    with pytest.raises(RefusedError) as refused:
        desk.amend(placed, **terms)

    assert refused.value.refusal is refusal
    assert desk.exchange.save() == before


def test_a_canceled_order_is_out_of_the_book_and_cannot_be_canceled_again(desk):
    placed = desk.place("ann", BUY, "1", "99")

    assert desk.cancel(placed).standing is Standing.CANCELED
    assert desk.exchange.depth(SPOT, 5).bids == ()
    with pytest.raises(RefusedError) as refused:
        desk.cancel(placed)
    assert refused.value.refusal is Refusal.UNKNOWN_ORDER


def test_cancel_all_takes_out_the_accounts_orders_of_one_market(desk):
    mine = [desk.place("ann", BUY, "1", price) for price in ("99", "98")]
    theirs = desk.place("bob", BUY, "1", "97")

    assert desk.exchange.cancel_all("ann", SPOT, 9) == mine
    assert desk.exchange.open_orders("ann") == []
    assert theirs.standing is Standing.OPEN


def test_a_test_order_is_checked_and_leaves_no_trace(desk):
    before = desk.exchange.save()

    desk.exchange.test("ann", order(BUY, "1", "99"), 5)
    with pytest.raises(RefusedError) as refused:
        desk.exchange.test("ann", order(BUY, "1000", "99"), 6)

    assert refused.value.refusal is Refusal.INSUFFICIENT_FUNDS
    assert desk.exchange.save() == before
    assert desk.told == []


def test_a_late_reject_ends_an_order_after_its_fills(desk):
    placed = desk.place("ann", BUY, "2", "99")
    desk.place("@maker", SELL, "1", "99")

    desk.exchange.reject_open("ann", placed.order_id, "risk check", 9)

    assert (placed.standing, placed.filled, placed.reason) == (
        Standing.REJECTED,
        D(1),
        "risk check",
    )
    assert desk.locked("ann", "USDT") == 0
    assert len(desk.exchange.executions("ann")) == 1
