"""Whatever stands in a message of ccxt's: a sane value comes out, or the field is named."""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.claims import FillReport, OrderStatusReport, PositionReport, VenueStatus
from alphaforge.model.market import Bar, BookSnapshot, Quote, Trade
from alphaforge.venues.base import ReplyError
from alphaforge.venues.ccxt_errors import read_error
from alphaforge.venues.ccxt_map import (
    MalformedError,
    answer,
    balances,
    bars,
    book_snapshot,
    fill,
    instrument,
    order_status,
    positions,
    pushed_fill,
    quote,
    trade,
)
from alphaforge.venues.ccxt_profiles import PROFILES, profile_of
from tests.venues import ccxt_rig

MS = 1_700_000_000_123
NOW = MS * 1_000_000

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, MS * 2)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["NaN", "Infinity", "-0", "1e9999", "1e-9999", "0x10", "open", "closed", "buy", "1", "0.5"]
    )
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)

ORDER: dict[str, Any] = {
    "id": "28", "clientOrderId": "c", "symbol": "BTC/USDT", "type": "limit", "side": "buy",
    "price": "60000", "amount": "1", "filled": "0", "status": "open", "timestamp": MS,
    "lastUpdateTimestamp": MS, "lastTradeTimestamp": None, "timeInForce": "GTC",
    "triggerPrice": None, "reduceOnly": False,
    "info": {"status": "NEW", "orderStatus": "New", "state": "live", "isWorking": True},
}  # fmt: skip
TRADE: dict[str, Any] = {
    "id": "7", "order": "28", "symbol": "BTC/USDT", "side": "buy", "amount": "1", "price": "10",
    "timestamp": MS, "takerOrMaker": "taker", "fee": {"cost": "0.1", "currency": "BTC"},
    "fees": [], "info": {},
}  # fmt: skip
TICKER: dict[str, Any] = {
    "symbol": "BTC/USDT", "bid": "1", "ask": "2", "bidVolume": "3", "askVolume": "4",
    "timestamp": MS,
}  # fmt: skip
BOOK: dict[str, Any] = {
    "bids": [[1.0, 2.0], [0.5, 1.0]], "asks": [[2.0, 1.0]], "timestamp": MS, "nonce": 9,
}  # fmt: skip
MARKET: dict[str, Any] = {
    "symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "settle": "USDT", "spot": False,
    "contract": True, "linear": True, "inverse": False, "option": False, "contractSize": "0.01",
    "precision": {"amount": "1", "price": "0.1"},
    "limits": {"amount": {"min": "1"}, "cost": {"min": "5"}},
}  # fmt: skip
POSITION: dict[str, Any] = {"symbol": "BTC/USDT:USDT", "contracts": "1", "side": "short"}

ANY_VENUE = st.sampled_from([*PROFILES, "bitstamp"])


def broken(shape: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The shape with any JSON in some of its fields, also inside `info` and fees."""
    keys = st.sampled_from(sorted(shape))
    changes = st.dictionaries(keys, ANY_JSON, max_size=3)
    inside = st.dictionaries(
        st.sampled_from(["status", "orderStatus", "state", "isWorking", "rejectReason", "label"]),
        ANY_JSON,
        max_size=2,
    )

    def build(changed: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
        made = {**shape, **changed}
        if isinstance(made.get("info"), dict):
            made["info"] = {**made["info"], **info}
        return made

    return st.builds(build, changes, inside)


def read_or_named(reader: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """What is read, or None if the message was refused with the field named."""
    try:
        return reader(*args, **named)
    except MalformedError as error:
        refused = error
    assert refused.field
    assert len(str(refused)) < 400
    return None


def sane(number: Decimal | None, *, zero: bool = True) -> bool:
    """A number that can be a quantity or a price."""
    if number is None:
        return True
    return number.is_finite() and (number >= 0 if zero else number > 0) and number < 10**21


class TestClaims:
    @given(raw=broken(ORDER), ccxt_id=ANY_VENUE)
    def test_an_order(self, raw: dict[str, Any], ccxt_id: str) -> None:
        report = read_or_named(order_status, raw, ccxt_rig.names(ccxt_id))
        if report is None:
            return
        assert isinstance(report, OrderStatusReport)
        assert report.venue_order_id
        assert report.symbol
        assert sane(report.filled)
        for number in (report.quantity, report.limit_price, report.trigger_price):
            assert sane(number, zero=False)
        assert 10**18 < report.ts < 5 * 10**18
        if report.status is VenueStatus.FILLED:
            assert report.filled
            assert report.quantity is None or report.filled >= report.quantity
        if report.status is VenueStatus.REJECTED:
            assert not report.filled
        assert msgspec.json.decode(msgspec.json.encode(report), type=OrderStatusReport) == report

    @given(raw=broken(ORDER) | ANY_JSON, ccxt_id=ANY_VENUE)
    def test_an_answer(self, raw: object, ccxt_id: str) -> None:
        report = read_or_named(answer, raw, ccxt_rig.names(ccxt_id), "c")
        assert report is None or report.client_order_id in {"c", ""}

    @given(raw=broken(TRADE), ccxt_id=ANY_VENUE, reader=st.sampled_from([fill, pushed_fill]))
    def test_a_fill(self, raw: dict[str, Any], ccxt_id: str, reader: Callable[..., Any]) -> None:
        report = read_or_named(reader, raw, ccxt_rig.names(ccxt_id))
        if report is None:
            return
        assert isinstance(report, FillReport)
        assert report.trade_id
        assert report.venue_order_id or report.client_order_id
        assert sane(report.quantity, zero=False)
        assert sane(report.price, zero=False)
        assert report.fee.is_finite()
        assert 10**18 < report.ts < 5 * 10**18
        assert msgspec.json.decode(msgspec.json.encode(report), type=FillReport) == report

    @given(raw=broken(POSITION))
    def test_a_position(self, raw: dict[str, Any]) -> None:
        for each in read_or_named(positions, [raw], ccxt_rig.names("bybit")) or ():
            assert isinstance(each, PositionReport)
            assert each.quantity.is_finite()
            assert each.quantity
            if raw["side"] == "short":
                assert each.quantity < 0

    @given(total=st.dictionaries(st.text(max_size=5), ANY_JSON, max_size=4) | ANY_JSON)
    def test_balances(self, total: object) -> None:
        for each in read_or_named(balances, {"total": total}) or ():
            assert each.total.is_finite()


class TestMarketData:
    @given(raw=broken(TRADE))
    def test_a_print(self, raw: dict[str, Any]) -> None:
        told = read_or_named(trade, raw, ccxt_rig.names("binance"))
        if told is not None:
            assert isinstance(told, Trade)
            assert 0 < told.price < math.inf
            assert 0 < told.size < math.inf

    @given(raw=broken(TICKER))
    def test_a_quote(self, raw: dict[str, Any]) -> None:
        told = read_or_named(quote, raw, ccxt_rig.names("binance"), NOW)
        if told is not None:
            assert isinstance(told, Quote)
            assert 0 < told.bid <= told.ask < math.inf
            assert 0 <= told.bid_size < math.inf

    @given(
        raw=broken(BOOK),
        levels=st.lists(st.lists(SCALARS, max_size=3), max_size=3),
        side=st.sampled_from(["bids", "asks", "none"]),
    )
    def test_a_book(self, raw: dict[str, Any], levels: list[Any], side: str) -> None:
        book = read_or_named(
            book_snapshot, {**raw, side: levels}, ccxt_rig.names("binance"), "X", NOW
        )
        if book is None:
            return
        assert isinstance(book, BookSnapshot)
        prices = [price for price, _ in (*reversed(book.bids), *book.asks)]
        assert prices == sorted(set(prices))
        assert all(0 < size < math.inf for _, size in (*book.bids, *book.asks))
        assert book.last_id >= 0

    @given(rows=st.lists(st.lists(SCALARS, max_size=7) | SCALARS, max_size=3) | ANY_JSON)
    def test_bars(self, rows: Any) -> None:
        for each in read_or_named(bars, rows, "x", "1m", 60_000_000_000, NOW) or ():
            assert isinstance(each, Bar)
            assert 0 < each.low <= each.open <= each.high
            assert each.ts <= NOW

    @given(raw=broken(MARKET))
    def test_the_rules_of_a_market(self, raw: dict[str, Any]) -> None:
        fees = {"maker": Decimal(0), "taker": Decimal("0.001")}
        rules = read_or_named(instrument, raw, venue="v", symbol="x", **fees)
        if rules is not None:
            assert sane(rules.price_step, zero=False)
            assert sane(rules.multiplier, zero=False)
            assert rules.min_quantity >= rules.quantity_step > 0
            assert sane(rules.min_value)


class TestErrors:
    @given(body=ANY_JSON, status=st.integers(200, 499), ccxt_id=ANY_VENUE)
    def test_an_answer_proves_something_only_by_a_code_in_it(
        self, body: object, status: int, ccxt_id: str
    ) -> None:
        text = msgspec.json.encode(body, enc_hook=str).decode()
        found = read_error(
            Exception("x"),
            status=status,
            headers={},
            sent=True,
            profile=profile_of(ccxt_id),
            body=text,
        )
        if (
            isinstance(found, ReplyError)
            and found.reply in profile_of(ccxt_id).capabilities.refusals
        ):
            assert found.reply.startswith("HTTP-") or found.reply.split()[0] in text


@pytest.mark.parametrize("reader", [order_status, fill, trade])
def test_the_shapes_these_tests_break_are_whole(reader: Callable[..., Any]) -> None:
    shape = ORDER if reader is order_status else TRADE
    assert reader(shape, ccxt_rig.names("binance"))
