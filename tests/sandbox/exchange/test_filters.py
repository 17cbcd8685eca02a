"""What is refused before anything happens."""

import pytest
from msgspec.structs import replace

from alphaforge.sandbox.terms import MarketStatus, Refusal, RefusedError, Standing, Tif
from tests.sandbox.exchange.desk import BUY, LISTING, PERP, SELL, SPOT, D, Desk


@pytest.fixture
def desk():
    return Desk()


def refusal(desk, *args, **more):
    before = desk.exchange.save()
    with pytest.raises(RefusedError) as refused:
        desk.place("ann", *args, **more)
    assert desk.exchange.save() == before
    assert not desk.told
    return refused.value.refusal


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [
        ("1", "99.005", Refusal.PRICE_STEP),
        ("1", "0", Refusal.PRICE_STEP),
        ("1", "-5", Refusal.PRICE_STEP),
        ("1", "NaN", Refusal.PRICE_STEP),
        ("1", "1e30", Refusal.PRICE_STEP),
        ("0.0005", "99", Refusal.QUANTITY_RANGE),
        ("1.0005", "99", Refusal.QUANTITY_STEP),
        ("9001", "99", Refusal.QUANTITY_RANGE),
        ("0", "99", Refusal.QUANTITY_RANGE),
        ("Infinity", "99", Refusal.QUANTITY_RANGE),
        ("0.01", "99", Refusal.MIN_VALUE),
        ("0.009", None, Refusal.MIN_VALUE),
        ("1", "500.01", Refusal.PRICE_RANGE),
        ("1", "19.99", Refusal.PRICE_RANGE),
    ],
)
def test_the_listings_rules_are_enforced(desk, quantity, price, expected):
    assert refusal(desk, BUY, quantity, price) is expected


@pytest.mark.parametrize(
    "terms",
    [
        {"value": "10"},
        {"price": "99", "quantity": None},
        {"quantity": None, "value": "10", "trigger_price": "105"},
        {"post_only": True},
        {"price": "99", "post_only": True, "tif": Tif.IOC},
        {"trail": "1.5"},
        {"trail": "0.01", "trigger_price": "105"},
        {"reduce_only": True},
        {"visible": "0.5"},
        {"price": "99", "visible": "2"},
        {"symbol": PERP, "quantity": None, "value": "100"},
    ],
)
def test_fields_that_do_not_go_together_are_a_bad_request(desk, terms):
    terms = {"quantity": "1", **terms}

    assert refusal(desk, BUY, terms.pop("quantity"), terms.pop("price", None), **terms) is (
        Refusal.BAD_REQUEST
    )


def test_an_unlisted_symbol_is_unknown(desk):
    assert refusal(desk, BUY, "1", "99", symbol="DOGE/USDT") is Refusal.UNKNOWN_SYMBOL


def test_an_account_may_have_so_many_open_orders(desk):
    for _ in range(20):
        desk.place("ann", BUY, "0.1", "99")

    with pytest.raises(RefusedError) as refused:
        desk.place("ann", BUY, "0.1", "99")

    assert refused.value.refusal is Refusal.TOO_MANY_ORDERS
    for _ in range(30):
        desk.place("@maker", BUY, "0.1", "99")


def test_a_client_order_id_is_unique_among_open_orders(desk):
    first = desk.place("ann", BUY, "1", "99", client_order_id="mine")
    with pytest.raises(RefusedError) as refused:
        desk.place("ann", BUY, "1", "98", client_order_id="mine")
    assert refused.value.refusal is Refusal.DUPLICATE_CLIENT_ID
    desk.place("bob", BUY, "1", "98", client_order_id="mine")

    desk.cancel(first)
    again = desk.place("ann", BUY, "1", "98", client_order_id="mine")

    assert desk.exchange.order("ann", SPOT, client_order_id="mine") is again
    assert desk.exchange.order("ann", SPOT, order_id=first.order_id) is first


def test_the_exchange_names_orders_that_bring_no_id_and_takes_no_clients_name(desk):
    desk.place("ann", BUY, "1", "99", client_order_id="x-2")

    named = desk.place("ann", BUY, "1", "99")

    assert named.client_order_id not in {"", "x-2"}


def test_an_order_is_found_by_its_owner_in_its_market_only(desk):
    placed = desk.place("ann", BUY, "1", "99")

    for account, symbol in (("bob", SPOT), ("ann", PERP)):
        with pytest.raises(RefusedError) as refused:
            desk.exchange.order(account, symbol, order_id=placed.order_id)
        assert refused.value.refusal is Refusal.UNKNOWN_ORDER


def test_a_halted_market_takes_cancels_only(desk):
    resting = desk.place("ann", BUY, "1", "99")
    desk.exchange.set_listing(replace(LISTING, status=MarketStatus.HALTED), desk.tick())

    for call in (
        lambda: desk.place("ann", BUY, "1", "99"),
        lambda: desk.amend(resting, quantity="2"),
    ):
        with pytest.raises(RefusedError) as refused:
            call()
        assert refused.value.refusal is Refusal.MARKET_CLOSED
    assert desk.cancel(resting).standing is Standing.CANCELED


def test_a_delisting_expires_every_order_of_the_market(desk):
    resting = desk.place("ann", BUY, "1", "99")
    stop = desk.place("bob", SELL, "1", trigger_price="95")
    other = desk.place("bob", BUY, "1", "99", symbol=PERP)

    desk.exchange.set_listing(replace(LISTING, status=MarketStatus.DELISTED), desk.tick())

    assert (resting.standing, stop.standing) == (Standing.EXPIRED, Standing.EXPIRED)
    assert other.standing is Standing.OPEN
    assert desk.locked("ann", "USDT") == desk.locked("bob", "BTC") == 0
    assert desk.exchange.depth(SPOT, 5).bids == ()


def test_new_rules_leave_open_orders_alone(desk):
    resting = desk.place("ann", BUY, "1", "99.37")

    desk.exchange.set_listing(replace(LISTING, price_step=D(1), min_value=D(1000)), desk.tick())
    desk.place("@maker", SELL, "20", "99")

    assert resting.standing is Standing.FILLED
    with pytest.raises(RefusedError) as refused:
        desk.place("ann", BUY, "20", "98.5")
    assert refused.value.refusal is Refusal.PRICE_STEP
