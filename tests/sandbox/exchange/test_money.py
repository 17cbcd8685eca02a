"""What is locked, what is paid, and where the fee goes."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from alphaforge.sandbox.ledger import FEES
from alphaforge.sandbox.terms import Refusal, RefusedError
from tests.sandbox.exchange.desk import BUY, LISTING, SELL, D, Desk


@pytest.fixture
def desk():
    return Desk()


def test_a_resting_buy_locks_its_value_and_the_dearer_fee(desk):
    desk.place("ann", BUY, "2", "99")

    assert desk.locked("ann", "USDT") == D(198) * D("1.001")
    assert desk.free("ann", "USDT") == 10_000 - D(198) * D("1.001")


def test_a_resting_sell_locks_what_it_sells(desk):
    desk.place("ann", SELL, "2", "101")

    assert (desk.locked("ann", "BTC"), desk.free("ann", "BTC")) == (D(2), D(8))


def test_a_cancel_releases_the_lock_to_the_last_digit(desk):
    placed = desk.place("ann", BUY, "1.234", "98.76")

    desk.cancel(placed)

    assert (desk.free("ann", "USDT"), desk.locked("ann", "USDT")) == (D(10_000), 0)


def test_a_trade_moves_base_and_quote_and_the_fees_of_both(desk):
    desk.place("ann", BUY, "2", "99")
    desk.place("bob", SELL, "2", "99")

    fee = D("0.198")
    assert (desk.total("ann", "USDT"), desk.total("ann", "BTC")) == (10_000 - 198 - fee, D(12))
    assert (desk.total("bob", "USDT"), desk.total("bob", "BTC")) == (10_000 + 198 - fee, D(8))
    assert desk.total(FEES, "USDT") == 2 * fee
    assert desk.locked("ann", "USDT") == desk.locked("bob", "BTC") == 0


def test_a_fee_in_what_is_received_comes_off_the_base_of_a_buy():
    desk = Desk(replace(LISTING, fee_in_received=True))
    desk.place("ann", BUY, "2", "99")
    assert desk.locked("ann", "USDT") == D(198)

    desk.place("bob", SELL, "2", "99")

    bought, sold = desk.exchange.executions("ann")[0], desk.exchange.executions("bob")[0]
    assert (bought.fee, bought.fee_currency) == (D("0.002"), "BTC")
    assert (sold.fee, sold.fee_currency) == (D("0.198"), "USDT")
    assert desk.total("ann", "BTC") == D("11.998")


def test_a_fee_is_rounded_half_even_to_eight_decimals():
    desk = Desk(replace(LISTING, taker_fee=D("0.00000005"), price_down=D(0), min_value=D(0)))

    desk.place("@maker", BUY, "1", "0.10")
    desk.place("ann", SELL, "1", "0.10")
    desk.place("@maker", BUY, "1", "0.30")
    desk.place("ann", SELL, "1", "0.30")

    assert [each.fee for each in desk.exchange.executions("ann")] == [D("0E-8"), D("0.00000002")]


def test_a_rebate_is_paid_by_the_fees_account():
    desk = Desk(replace(LISTING, maker_fee=D("-0.0001")))
    desk.place("ann", BUY, "1", "100")
    desk.place("bob", SELL, "1", "100")

    assert desk.exchange.executions("ann")[0].fee == D("-0.01")
    assert desk.total(FEES, "USDT") == D("0.1") - D("0.01")


@pytest.mark.parametrize(
    ("side", "quantity", "price"), [(BUY, "102", "98"), (SELL, "10.001", "101"), (SELL, "11", None)]
)
def test_what_cannot_be_paid_is_refused(desk, side, quantity, price):
    desk.place("@maker", BUY, "20", "97")

    with pytest.raises(RefusedError) as refused:
        desk.place("ann", side, quantity, price)

    assert refused.value.refusal is Refusal.INSUFFICIENT_FUNDS


def test_a_market_buy_is_refused_by_what_the_book_would_cost(desk):
    desk.place("@maker", SELL, "50", "100")
    desk.place("@maker", SELL, "50", "120")

    with pytest.raises(RefusedError) as refused:
        desk.place("ann", BUY, "95")

    assert refused.value.refusal is Refusal.INSUFFICIENT_FUNDS
    assert desk.place("ann", BUY, "90").filled == D(90)


def test_an_account_can_spend_all_it_has_in_many_small_trades():
    desk = Desk(replace(LISTING, taker_fee=D("0.00015"), maker_fee=D("0.00015"), min_value=D(0)))
    desk.exchange.open_account("poor", {"USDT": D("9.999") + D("0.00149985")})
    desk.place("poor", BUY, "0.1", "99.99")
    assert desk.free("poor", "USDT") == 0

    for _ in range(100):
        desk.place("@maker", SELL, "0.001", "99.99")

    assert desk.total("poor", "BTC") == D("0.1")
    assert desk.total("poor", "USDT") == 0
    fees = [each.fee for each in desk.exchange.executions("poor")]
    assert sum(fees, Decimal(0)) == D("0.00149985")
    assert set(fees) == {D("0.00001500"), D("0.00001499")}


def test_only_what_is_free_can_be_withdrawn(desk):
    desk.place("ann", BUY, "50", "100")

    with pytest.raises(RefusedError) as refused:
        desk.exchange.deposit("ann", "USDT", D(-6_000), 5)
    assert refused.value.refusal is Refusal.INSUFFICIENT_FUNDS

    desk.exchange.deposit("ann", "USDT", D(-4_000), 6)
    assert desk.total("ann", "USDT") == 6_000


def test_agents_need_no_funds_and_pay_no_fees(desk):
    desk.place("@maker", SELL, "5000", "100")
    desk.place("ann", BUY, "1", "100")

    assert desk.total("@maker", "BTC") == 9
    assert desk.total("@maker", "USDT") == 10_100
    assert desk.exchange.executions("@maker") == []
    assert desk.total(FEES, "USDT") == D("0.1")


def test_new_fees_lock_anew(desk):
    desk.place("ann", BUY, "1", "100")

    desk.exchange.set_listing(replace(LISTING, taker_fee=D("0.01")), 5)

    assert desk.locked("ann", "USDT") == 101
