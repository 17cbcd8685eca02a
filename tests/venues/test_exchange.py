"""The fake exchange is exact: whoever is compared with it is compared with the truth."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.claims import BustReport, FillReport, OrderStatusReport, VenueStatus
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import Liquidity, OrderSide, OrderType, TimeInForce
from alphaforge.venues.base import NS_PER_SECOND as SECOND
from alphaforge.venues.base import ReplyError
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.terms import Quirks, spot

BTC, ETH = spot("BTC/USDT", "60000"), spot("ETH/USDT", "3000")
START = 1_723_075_200 * SECOND
FUNDS = {"BTC": Decimal(2), "ETH": Decimal(5), "USDT": Decimal(100_000), "BNB": Decimal("0.01")}


def exchange(*, seed: int = 1, fee_currency: str = "", **quirks: object) -> Exchange:
    listings = [msgspec.structs.replace(one, fee_currency=fee_currency) for one in (BTC, ETH)]
    accounts = {"main": FUNDS, "other": FUNDS}
    how = msgspec.convert(quirks, Quirks)
    return Exchange(listings, accounts, seed=seed, start=START, quirks=how)


def order(client_id: str = "c1", quantity: str = "0.01", **terms: object) -> SubmitOrder:
    given = {
        "symbol": "BTC/USDT",
        "side": OrderSide.BUY,
        "order_type": OrderType.MARKET,
        **terms,
    }
    return SubmitOrder(
        order_id="",
        strategy="",
        quantity=Decimal(quantity),
        client_order_id=client_id,
        **given,
    )


def limit(client_id: str = "c1", price: str = "50000", **terms: object) -> SubmitOrder:
    return order(client_id, order_type=OrderType.LIMIT, limit_price=Decimal(price), **terms)


def modify(client_id: str = "c1", **terms: Decimal) -> ModifyOrder:
    return ModifyOrder("", 1, client_order_id=client_id, **terms)


def cancel(client_id: str = "c1", venue_id: str = "") -> CancelOrder:
    return CancelOrder("", client_order_id=client_id, venue_order_id=venue_id)


def refusal(raised: pytest.ExceptionInfo[ReplyError]) -> str:
    return raised.value.reply


def test_a_market_order_fills_at_the_quote_and_costs_price_and_fee() -> None:
    venue = exchange()
    ask = Decimal(repr(venue.prints()[0].ask))
    report = venue.submit("main", order(quantity="0.0001"), START)
    assert report.status is VenueStatus.FILLED
    (trade,) = venue.trades("main")
    assert trade.price == ask
    assert trade.liquidity is Liquidity.TAKER
    assert trade.fee == (ask * Decimal("0.0001") * Decimal("0.001")).quantize(Decimal("1e-8"))
    assert venue.balances("main")["USDT"] == 100_000 - ask * Decimal("0.0001") - trade.fee
    assert venue.balances("main")["BTC"] == Decimal("2.0001")


def test_a_client_order_id_is_never_taken_twice_not_even_after_the_order_ended() -> None:
    venue = exchange()
    venue.submit("main", limit(), START)
    venue.cancel("main", cancel(), START + 1)
    with pytest.raises(ReplyError) as raised:
        venue.submit("main", limit(), START + 2)
    assert refusal(raised) == "duplicate"
    assert len(venue.books("main").orders) == 1
    venue.submit("other", limit(), START + 3)


def test_a_request_that_is_too_old_changes_nothing() -> None:
    venue = exchange()
    with pytest.raises(ReplyError) as raised:
        venue.submit("main", limit(), START + 10, expires_at=START + 9)
    assert refusal(raised) == "expired"
    assert venue.books("main").orders == []
    venue.submit("main", limit(), START + 10, expires_at=START + 10)
    for ask in (lambda: venue.cancel("main", cancel(), START + 12, START + 11),):
        with pytest.raises(ReplyError):
            ask()
    assert len(venue.open_orders("main")) == 1


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (order(quantity="0.00001"), "bad-order"),
        (order(quantity="NaN"), "bad-order"),
        (order(quantity="1e300"), "bad-order"),
        (order(quantity="-1"), "bad-order"),
        (order(order_type=OrderType.LIMIT), "bad-order"),
        (limit(price="50000.001"), "bad-order"),
        (limit(price="0.01", quantity="0.0001"), "bad-order"),
        (limit(tif=TimeInForce.GTD), "bad-order"),
        (order(order_type=OrderType.TRAILING_STOP), "bad-order"),
        (order(symbol="XRP/USDT"), "bad-symbol"),
        (limit(price="70000", post_only=True), "post-only"),
        (limit(quantity="3"), "insufficient"),
        (order(quantity="2.5", side=OrderSide.SELL), "insufficient"),
    ],
)
def test_what_can_not_be_is_refused_and_leaves_no_order(terms: SubmitOrder, code: str) -> None:
    venue = exchange()
    with pytest.raises(ReplyError) as raised:
        venue.submit("main", terms, START)
    assert refusal(raised) == code
    assert venue.books("main").orders == []
    assert venue.pushes("main") == []
    with pytest.raises(ReplyError) as raised:
        venue.order("main", terms.symbol, "c1", "")
    assert refusal(raised) == "unknown-order"


def test_what_is_locked_for_one_order_can_not_be_used_by_another() -> None:
    venue = exchange()
    venue.submit("main", limit(quantity="1.5"), START)
    with pytest.raises(ReplyError) as raised:
        venue.submit("main", limit("c2", quantity="1"), START)
    assert refusal(raised) == "insufficient"
    venue.cancel("main", cancel(), START + 1)
    venue.submit("main", limit("c2", quantity="1"), START + 1)


def test_a_resting_order_fills_in_parts_at_its_own_price() -> None:
    venue = exchange()
    bid = Decimal(repr(venue.prints()[0].bid))
    venue.submit("main", limit(price=str(bid), quantity="0.05"), START)
    venue.advance(START + 60 * SECOND)
    trades = venue.trades("main")
    assert len(trades) > 1
    assert {trade.price for trade in trades} == {bid}
    assert {trade.liquidity for trade in trades} == {Liquidity.MAKER}
    assert sum(trade.quantity for trade in trades) == Decimal("0.05")
    assert venue.order("main", "BTC/USDT", "c1", "").status is VenueStatus.FILLED


def test_an_earlier_time_is_answered_as_it_was() -> None:
    venue = exchange()
    venue.submit("main", limit(), START + 10)
    venue.submit("main", order("c2", "0.0001"), START + 20)
    venue.cancel("main", cancel(), START + 30)
    with pytest.raises(ReplyError):
        venue.order("main", "BTC/USDT", "c1", "", as_of=START + 9)
    assert venue.order("main", "BTC/USDT", "c1", "", START + 29).status is VenueStatus.OPEN
    assert venue.order("main", "BTC/USDT", "c1", "").status is VenueStatus.CANCELED
    assert [one.client_order_id for one in venue.open_orders("main", START + 25)] == ["c1"]
    assert venue.open_orders("main") == []
    assert venue.open_orders("main", START + 9) == []
    assert venue.trades("main", 0, START + 19) == []
    assert len(venue.trades("main", START + 20)) == 1
    assert venue.trades("main", START + 21) == []
    assert venue.balances("main", START + 19) == FUNDS


@pytest.mark.parametrize("side", list(OrderSide))
def test_a_stop_wakes_when_the_last_price_passes_its_trigger(side: OrderSide) -> None:
    venue = exchange(seed=5)
    buys = side is OrderSide.BUY
    trigger = Decimal(60010) if buys else Decimal(59990)
    stop = order(order_type=OrderType.STOP_MARKET, trigger_price=trigger, side=side)
    assert not venue.submit("main", stop, START).triggered
    venue.advance(START + 100 * SECOND)
    report = venue.order("main", "BTC/USDT", "c1", "")
    assert report.triggered
    assert report.status is VenueStatus.FILLED
    woke = next(one for one in venue.pushes("main") if getattr(one, "triggered", False)).ts
    last = next(one for one in venue.prints() if one.ts == woke and hasattr(one, "price"))
    assert last.price >= trigger if buys else last.price <= trigger


def test_immediate_orders_never_rest() -> None:
    venue = exchange()
    report = venue.submit("main", limit(price="60010", quantity="1", tif=TimeInForce.IOC), START)
    assert report.status is VenueStatus.CANCELED
    assert 0 < report.filled < 1
    venue = exchange()
    report = venue.submit("main", limit("c2", "60010", quantity="1", tif=TimeInForce.FOK), START)
    assert (report.status, report.filled) == (VenueStatus.CANCELED, 0)
    assert venue.open_orders("main") == []


def test_an_order_with_an_end_expires_at_it() -> None:
    venue = exchange()
    venue.submit("main", limit(tif=TimeInForce.GTD, expires=START + 7), START)
    venue.advance(START + 6)
    assert len(venue.open_orders("main")) == 1
    venue.advance(START + 8)
    report = venue.order("main", "BTC/USDT", "c1", "")
    assert (report.status, report.ts) == (VenueStatus.EXPIRED, START + 7)


def half_filled(**quirks: object) -> Exchange:
    """An exchange whose order `c1` of 1 BTC is partly filled and open."""
    venue = exchange(**quirks)
    venue.submit("main", limit(price="60010", quantity="1"), START)
    filled = venue.order("main", "BTC/USDT", "c1", "").filled
    assert filled is not None
    assert 0 < filled < 1
    return venue


def test_an_amendment_keeps_the_order_and_its_fills() -> None:
    venue = half_filled()
    before = venue.order("main", "BTC/USDT", "c1", "")
    report = venue.modify(
        "main", modify(quantity=Decimal("0.9"), limit_price=Decimal(50_000)), START + 1
    )
    assert (report.venue_order_id, report.filled) == (before.venue_order_id, before.filled)
    assert (report.quantity, report.limit_price) == (Decimal("0.9"), 50_000)
    venue.cancel("main", cancel(), START + 2)
    assert venue.accounts["main"].free("USDT") == venue.balances("main")["USDT"]


@pytest.mark.parametrize("less", ["0", "0.0001"])
def test_an_amendment_down_to_what_is_filled_closes_the_order_as_filled(less: str) -> None:
    venue = half_filled()
    filled = venue.order("main", "BTC/USDT", "c1", "").filled
    assert filled is not None
    report = venue.modify("main", modify(quantity=filled - Decimal(less)), START + 1)
    assert report.status is VenueStatus.FILLED
    assert report.quantity == report.filled
    assert venue.open_orders("main") == []


def test_an_amendment_locks_what_it_needs() -> None:
    venue = exchange()
    venue.submit("main", limit(quantity="0.5"), START)
    venue.modify("main", modify(quantity=Decimal("1.5")), START)
    assert venue.accounts["main"].free("USDT") == 100_000 - 75_000 * Decimal("1.001")


@pytest.mark.parametrize("quantity", ["1.7", "4"])
def test_an_amendment_beyond_the_money_changes_nothing(quantity: str) -> None:
    venue = half_filled()
    before = venue.order("main", "BTC/USDT", "c1", "")
    with pytest.raises(ReplyError) as raised:
        venue.modify("main", modify(quantity=Decimal(quantity)), START + 1)
    assert refusal(raised) == "insufficient"
    assert venue.order("main", "BTC/USDT", "c1", "") == before


@pytest.mark.parametrize(("quirk", "code"), [(False, "too-late"), (True, "unknown-order")])
def test_requests_about_an_ended_order_are_refused(quirk: bool, code: str) -> None:
    venue = exchange(ended_orders_are_unknown_to_cancel=quirk)
    venue.submit("main", limit(), START)
    venue.cancel("main", cancel(), START)
    for ask in (
        lambda: venue.cancel("main", cancel(), START),
        lambda: venue.modify("main", modify(quantity=Decimal(1)), START),
    ):
        with pytest.raises(ReplyError) as raised:
            ask()
        assert refusal(raised) == code
    with pytest.raises(ReplyError) as raised:
        venue.cancel("main", cancel("never"), START)
    assert refusal(raised) == "unknown-order"


def test_an_order_may_fill_while_its_slow_cancel_is_on_the_way() -> None:
    venue = half_filled(slow_cancel_ns=20 * SECOND)
    answer = venue.cancel("main", cancel(), START + 1)
    assert answer.status is VenueStatus.OPEN
    before = len(venue.trades("main"))
    venue.advance(START + 30 * SECOND)
    after = venue.order("main", "BTC/USDT", "c1", "")
    assert after.status in {VenueStatus.CANCELED, VenueStatus.FILLED}
    assert len(venue.trades("main")) > before
    assert venue.trades("main")[-1].ts <= START + 1 + 20 * SECOND


def test_a_thin_book_rejects_a_market_order_where_the_venue_does_so() -> None:
    venue = exchange(rejects_market_when_thin=True)
    report = venue.submit("main", order(quantity="1.5"), START)
    assert (report.status, report.filled) == (VenueStatus.REJECTED, 0)
    venue = exchange(late_reject_with_fills=True)
    report = venue.submit("main", order(quantity="1.5"), START)
    assert report.status is VenueStatus.REJECTED
    assert report.filled


def test_a_busted_trade_gives_the_money_back_and_is_told() -> None:
    venue = exchange()
    venue.submit("main", order(quantity="0.0001"), START)
    (trade,) = venue.trades("main")
    report = venue.bust(trade.trade_id, START + 5)
    assert venue.balances("main") == FUNDS
    assert venue.trades("main") == []
    assert venue.trades("main", as_of=START + 4) == [trade]
    assert report in venue.pushes("main")
    stands = venue.order("main", "BTC/USDT", "c1", "")
    assert (stands.status, stands.filled) == (VenueStatus.CANCELED, 0)
    with pytest.raises(ReplyError):
        venue.bust(trade.trade_id, START + 6)


def test_a_trade_whose_money_is_gone_can_not_be_busted() -> None:
    venue = exchange()
    venue.submit("main", order(quantity="0.0001"), START)
    (trade,) = venue.trades("main")
    venue.deposit("main", "BTC", Decimal(-2), START)
    venue.submit("main", limit("c2", "70000", quantity="0.0001", side=OrderSide.SELL), START)
    with pytest.raises(ReplyError) as raised:
        venue.bust(trade.trade_id, START)
    assert refusal(raised) == "insufficient"
    assert venue.trades("main") == [trade]
    venue.ledger("main")


def test_orders_of_nobody_we_know_are_taken_and_counted() -> None:
    venue = exchange()
    venue.submit("main", order("", "0.0001"), START)
    venue.submit("main", order("", "0.0001"), START)
    venue.submit("main", limit("web_77"), START)
    assert [one.client_order_id for one in venue.books("main").orders] == ["", "", "web_77"]
    assert venue.position("main", "BTC/USDT") == Decimal("0.0002")
    assert venue.pushes("other") == []


def test_pushes_and_trades_hide_client_ids_where_the_venue_does() -> None:
    venue = exchange(pushes_name_client_id=False, trades_name_client_id=False)
    venue.submit("main", order(quantity="0.0001"), START)
    pushed = venue.pushes("main")
    assert {type(one) for one in pushed} == {OrderStatusReport, FillReport}
    assert {one.client_order_id for one in [*pushed, *venue.trades("main")]} == {""}
    assert venue.order("main", "BTC/USDT", "c1", "").client_order_id == "c1"
    assert venue.books("main").trades[0].client_order_id == "c1"


def test_too_many_requests_are_throttled_and_told_how_long_to_wait() -> None:
    venue = exchange(request_rate=2)
    venue.submit("main", limit("a"), START)
    venue.submit("main", limit("b"), START + 1)
    with pytest.raises(ReplyError) as raised:
        venue.submit("main", limit("c"), START + 2)
    assert refusal(raised) == "throttled"
    assert raised.value.retry_after_ns == SECOND - 2
    venue.submit("main", limit("c"), START + 2 + raised.value.retry_after_ns)


def test_a_halted_symbol_takes_no_orders_and_fills_none() -> None:
    venue = half_filled()
    before = venue.trades("main")
    venue.halt("BTC/USDT")
    with pytest.raises(ReplyError) as raised:
        venue.submit("main", limit("c2"), START + 1)
    assert refusal(raised) == "halted"
    venue.advance(START + 60 * SECOND)
    assert venue.trades("main") == before
    venue.resume("BTC/USDT")
    venue.submit("main", limit("c2", "40000"), START + 61 * SECOND)


def test_a_woken_stop_takes_no_more_than_the_account_can_pay() -> None:
    deep = msgspec.structs.replace(BTC, depth=20_000, swing=40_000)
    venue = Exchange([deep], {"main": FUNDS}, seed=2, start=START)
    stop = order(quantity="1.66", order_type=OrderType.STOP_MARKET, trigger_price=Decimal(60050))
    venue.submit("main", stop, START)
    venue.advance(START + 600 * SECOND)
    report = venue.order("main", "BTC/USDT", "c1", "")
    assert report.status is VenueStatus.CANCELED
    assert report.filled is not None
    assert 1 < report.filled < Decimal("1.66")
    assert 0 <= venue.balances("main")["USDT"] < 100


def test_the_fees_of_many_small_fills_fit_into_what_was_locked_for_one() -> None:
    rate = Decimal("0.000333333")
    rules = msgspec.structs.replace(BTC.instrument, maker_fee=rate, taker_fee=rate)
    listing = msgspec.structs.replace(BTC, instrument=rules, depth=3)
    price, quantity = Decimal("59999.99"), Decimal("0.05")
    exactly = quantity * price * (1 + rate)
    venue = Exchange([listing], {"main": {"USDT": exactly}}, seed=1, start=START)
    venue.submit("main", limit(price=str(price), quantity=str(quantity), post_only=True), START)
    venue.advance(START + 3600 * SECOND)
    assert venue.order("main", "BTC/USDT", "c1", "").status is VenueStatus.FILLED
    assert len(venue.trades("main")) > 20
    assert 0 <= venue.balances("main")["USDT"] < Decimal("1e-5")


@pytest.mark.parametrize(("currency", "paid_in"), [("BTC", "BTC"), ("BNB", "BNB"), ("XYZ", "USDT")])
def test_fees_are_taken_in_the_currency_of_the_listing(currency: str, paid_in: str) -> None:
    venue = exchange(fee_currency=currency)
    venue.submit("main", order(quantity="0.0001"), START)
    (trade,) = venue.trades("main")
    assert trade.fee_currency == paid_in
    assert trade.fee > 0
    venue.ledger("main")


def test_one_seed_is_one_market_and_another_is_another() -> None:
    def market(seed: int, steps: int) -> list[object]:
        venue = exchange(seed=seed)
        for step in range(1, steps + 1):
            venue.advance(START + 60 * SECOND * step // steps)
        return venue.prints()

    assert market(1, 1) == market(1, 37)
    assert market(1, 1) != market(2, 1)


def test_time_never_runs_backwards() -> None:
    venue = exchange()
    venue.advance(START + 5)
    with pytest.raises(ValueError, match="backwards"):
        venue.advance(START + 4)


def test_a_ledger_that_does_not_add_up_is_noticed() -> None:
    venue = exchange()
    venue.accounts["main"].totals["USDT"] += Decimal("1e-8")
    with pytest.raises(AssertionError, match="USDT"):
        venue.ledger("main")


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["submit"] * 4 + ["modify", "cancel", "bust", "deposit", "wait"]),
        st.integers(0, 2**32),
    ),
    min_size=1,
    max_size=40,
)
QUIRKS = st.builds(
    Quirks,
    late_reject_with_fills=st.booleans(),
    rejects_market_when_thin=st.booleans(),
    slow_cancel_ns=st.sampled_from([0, 3 * SECOND]),
)


ORDINARY = frozenset({"insufficient", "bad-order", "post-only", "too-late", "unknown-order"})


class Crowd:
    """Asks the exchange for anything, decided by numbers."""

    def __init__(self, venue: Exchange) -> None:
        self.venue = venue
        self.now = venue.now
        self.sent = 0

    def act(self, what: str, number: int) -> None:
        self.now += 1 + number % (2 * SECOND)
        try:
            getattr(self, what)(number)
        except ReplyError as error:
            if error.reply not in ORDINARY:
                raise

    def submit(self, number: int) -> None:
        self.sent += 1
        kind = list(OrderType)[number % 4]
        side = list(OrderSide)[number // 4 % 2]
        price = Decimal(60_000 + number // 8 % 2000 - 1000)
        tif = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD)[number // 7 % 4]
        terms = order(
            f"c{self.sent}",
            str(Decimal(number // 16 % 18_000 + 1) / 10_000),
            side=side,
            order_type=kind,
            limit_price=price if "LIMIT" in kind else None,
            trigger_price=price if "STOP" in kind else None,
            tif=tif,
            expires=self.now + 5 * SECOND if tif is TimeInForce.GTD else 0,
        )
        self.venue.submit("main", terms, self.now)

    def modify(self, number: int) -> None:
        new = {"quantity": Decimal(number % 18_000 + 1) / 10_000}
        if number % 3 == 0:
            new["limit_price"] = Decimal(60_000 + number % 2000 - 1000)
        self.venue.modify("main", modify(self.somebody(number), **new), self.now)

    def cancel(self, number: int) -> None:
        self.venue.cancel("main", cancel(self.somebody(number)), self.now)

    def bust(self, number: int) -> None:
        trades = self.venue.trades("main")
        if trades:
            self.venue.bust(trades[number % len(trades)].trade_id, self.now)

    def deposit(self, number: int) -> None:
        self.venue.deposit("main", "USDT", Decimal(number % 200_000 - 100_000), self.now)

    def wait(self, number: int) -> None:
        self.now += number % (20 * SECOND)
        self.venue.advance(self.now)

    def somebody(self, number: int) -> str:
        return f"c{number % (self.sent + 2)}"


def agrees(venue: Exchange) -> None:
    """Ledger, balances, fills, locks and what was pushed say the same."""
    books, owner = venue.books("main"), venue.accounts["main"]
    assert books.balances == venue.balances("main")
    assert all(total >= 0 for total in books.balances.values())
    assert all(owner.free(currency) >= 0 for currency in books.balances)
    for report in books.orders:
        mine = [t.quantity for t in books.trades if t.venue_order_id == report.venue_order_id]
        assert sum(mine) == report.filled
        assert report.quantity is not None
        assert report.filled is not None
        assert 0 <= report.filled <= report.quantity
        assert (report.status is VenueStatus.FILLED) == (report.filled == report.quantity)
    pushed = venue.pushes("main")
    taken_back = {one.trade_id for one in pushed if isinstance(one, BustReport)}
    told = [one for one in pushed if isinstance(one, FillReport)]
    assert [one for one in told if one.trade_id not in taken_back] == books.trades
    last = {one.venue_order_id: one for one in pushed if isinstance(one, OrderStatusReport)}
    assert list(last.values()) == books.orders
    assert [one for one in books.orders if one.status is VenueStatus.OPEN] == venue.open_orders(
        "main"
    )
    if not owner.open:
        assert not any(owner.locked.values())


@given(
    actions=ACTIONS,
    seed=st.integers(0, 50),
    fee_currency=st.sampled_from(["", "BTC", "BNB"]),
    depth=st.sampled_from([60, 2000, 20_000]),
    quirks=QUIRKS,
)
def test_whatever_is_asked_the_ledger_is_exact_and_nothing_is_negative(
    actions: list[tuple[str, int]], seed: int, fee_currency: str, depth: int, quirks: Quirks
) -> None:
    listings = [msgspec.structs.replace(BTC, fee_currency=fee_currency, depth=depth)]
    crowd = Crowd(Exchange(listings, {"main": FUNDS}, seed=seed, start=START, quirks=quirks))
    for what, number in actions:
        crowd.act(what, number)
        agrees(crowd.venue)
