"""What faults do to the exchange itself, and that its books stay whole."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.api_keys import ApiKey
from alphaforge.sandbox.fault_acts import COUNTERPARTY
from alphaforge.sandbox.fault_terms import Fault
from alphaforge.sandbox.terms import (
    Kind,
    MarketStatus,
    NewOrder,
    Order,
    Refusal,
    RefusedError,
    Standing,
)
from tests.sandbox.server.conftest import START, built

SECOND = 1_000_000_000
SYMBOL = "BTC/USDT"


class Bench:
    """A floor without a wire; time is moved by hand."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []
        self.floor, self.clock, self.tiny, self.acts = built(self.soon.append)
        self.exchange = self.floor.exchange

    def fault(self, **told: object) -> None:
        self.floor.faults.add(msgspec.convert(told, Fault))
        self.pass_(0)

    def pass_(self, seconds: float) -> None:
        self.clock.true += round(seconds * SECOND)
        self.acts.play(self.clock.now())

    def buy(self, price: str, quantity: str, account: str = "main") -> Order:
        new = NewOrder(
            symbol=SYMBOL,
            side=OrderSide.BUY,
            kind=Kind.LIMIT,
            quantity=Decimal(quantity),
            limit_price=Decimal(price),
        )
        order = self.exchange.place(account, new, self.clock.now())
        while self.soon:
            self.soon.pop()()
        return order

    def now_of(self, order: Order) -> Order:
        return self.exchange.order(order.account, SYMBOL, order_id=order.order_id)


@pytest.fixture
def bench() -> Bench:
    """With one account of 10,000 USDT and 10 BTC."""
    return Bench()


def test_a_halt_refuses_orders_until_trading_resumes(bench) -> None:
    bench.fault(kind="halt", symbol=SYMBOL)
    with pytest.raises(RefusedError) as caught:
        bench.buy("90", "1")
    assert caught.value.refusal is Refusal.MARKET_CLOSED
    bench.fault(kind="resume", symbol=SYMBOL)
    assert bench.buy("90", "1").is_open


def test_a_delisting_ends_open_orders_and_gives_the_money_back(bench) -> None:
    order = bench.buy("90", "1")
    bench.fault(kind="delist", symbol=SYMBOL)
    assert bench.now_of(order).standing is Standing.EXPIRED
    assert bench.exchange.balances("main")["USDT"].free == 10_000
    assert bench.exchange.listings[SYMBOL].status is MarketStatus.DELISTED


def test_new_rules_hold_for_new_orders(bench) -> None:
    order = bench.buy("90", "0.1")
    bench.fault(kind="filters", symbol=SYMBOL, rules={"min_value": "50", "max_orders": "7"})
    assert bench.exchange.listings[SYMBOL].min_value == 50
    assert bench.exchange.listings[SYMBOL].max_orders == 7
    assert bench.now_of(order).is_open
    with pytest.raises(RefusedError) as caught:
        bench.buy("90", "0.1")
    assert caught.value.refusal is Refusal.MIN_VALUE


def test_money_comes_and_goes(bench) -> None:
    bench.fault(kind="deposit", currency="ETH", amount="1.5")
    bench.fault(kind="deposit", currency="USDT", amount="-9999.99")
    balances = bench.exchange.balances("main")
    assert (balances["ETH"].free, balances["USDT"].free) == (Decimal("1.5"), Decimal("0.01"))


def test_what_cannot_be_done_is_told_and_changes_nothing(bench) -> None:
    bench.fault(kind="deposit", currency="USDT", amount="-10000.01")
    assert len(bench.acts.missed) == 1
    assert bench.exchange.balances("main")["USDT"].free == 10_000


def test_somebody_places_an_order_by_hand(bench) -> None:
    bench.fault(kind="hand_trade", symbol=SYMBOL, side="SELL", quantity="2", price="120")
    (order,) = bench.exchange.open_orders("main")
    assert (order.side, order.quantity, order.limit_price) == (OrderSide.SELL, 2, 120)


@pytest.mark.parametrize(
    ("fraction", "filled"), [("0.25", "0.5"), ("1", "2"), ("0.0001", "0.0002")]
)
def test_a_part_of_an_order_fills_and_the_rest_stays(bench, fraction, filled) -> None:
    bench.exchange.open_account("other", {"USDT": Decimal(10_000)})
    first, better = bench.buy("90", "3", "other"), bench.buy("91", "1", "other")
    bench.fault(kind="partial_fill", fraction=fraction, times=1)
    order = bench.buy("90", "2")
    untouched = bench.buy("90", "2")
    assert bench.now_of(order).filled == Decimal(filled)
    assert bench.now_of(order).is_open == (filled != "2")
    assert bench.now_of(untouched).filled == 0
    # Whoever stood before it in the queue was served before it.
    assert bench.now_of(first).leaves == bench.now_of(better).leaves == 0


def test_an_order_is_rejected_long_after_it_was_accepted(bench) -> None:
    bench.fault(kind="late_reject", seconds=2, times=1)
    order = bench.buy("90", "1")
    bench.pass_(1)
    assert bench.now_of(order).standing is Standing.OPEN
    bench.pass_(1)
    assert bench.now_of(order).standing is Standing.REJECTED
    assert bench.exchange.balances("main")["USDT"].free == 10_000


def test_an_order_may_be_rejected_after_a_fill_which_stands(bench) -> None:
    bench.fault(kind="partial_fill", fraction="0.5", times=1)
    bench.fault(kind="late_reject", after_fill=True, seconds=0, times=1)
    order = bench.buy("90", "2")
    bench.pass_(0)
    bench.pass_(0)
    assert bench.now_of(order).standing is Standing.REJECTED
    assert bench.now_of(order).filled == 1
    assert bench.exchange.balances("main")["BTC"].free == 11
    assert bench.exchange.balances("main")["USDT"].locked == 0


def test_a_late_reject_of_an_order_that_has_ended_is_missed(bench) -> None:
    bench.fault(kind="late_reject", seconds=1)
    order = bench.buy("90", "1")
    bench.exchange.cancel("main", SYMBOL, bench.clock.now(), order_id=order.order_id)
    bench.pass_(1)
    assert bench.now_of(order).standing is Standing.CANCELED
    assert len(bench.acts.missed) == 1


def test_the_other_participants_are_spared(bench) -> None:
    bench.fault(kind="late_reject", seconds=0)
    order = bench.buy("90", "1", COUNTERPARTY)
    bench.pass_(0)
    assert order.is_open


def test_the_clock_can_be_wrong_and_right_again(bench) -> None:
    bench.fault(kind="clock_skew", seconds=10)
    assert bench.floor.clock() == START + 10 * SECOND
    bench.fault(kind="clock_skew", seconds=-3)
    assert bench.floor.clock() == START - 3 * SECOND
    bench.fault(kind="clock_skew", seconds=0)
    assert bench.floor.clock() == START


def test_a_key_is_revoked(bench) -> None:
    bench.floor.keys.add(ApiKey(key="other", secret="s", account="main"))
    bench.fault(kind="remove_key", key="other")
    assert bench.floor.keys.find("other") is None
    assert bench.floor.keys.find("k") is not None
    bench.fault(kind="remove_key")
    assert list(bench.floor.keys) == []
