"""Bybit's writing of ids is reversible, and no nonsense in a request is anything but refused."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.sandbox.api_keys import ApiKey, ApiKeys
from alphaforge.sandbox.candles import Candles
from alphaforge.sandbox.dialects.bybit_asked import Asked, run
from alphaforge.sandbox.dialects.bybit_errors import BybitError
from alphaforge.sandbox.dialects.bybit_names import (
    average,
    execution_text,
    link_id,
    order_number,
    order_text,
)
from alphaforge.sandbox.dialects.bybit_v5 import BybitV5
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.faults import Faults
from alphaforge.sandbox.floor import Floor
from tests.sandbox.bybit.conftest import KEY, LISTINGS, SECRET, SPOT, SWAP

NOW = 1_700_000_000_000_000_000


@given(st.integers(1, 2**47), st.sampled_from(LISTINGS))
def test_an_order_id_is_read_as_it_was_written(number: int, listing: Any) -> None:
    assert order_number(order_text(number, listing)) == number


@given(st.text(max_size=40))
def test_what_was_never_written_is_no_order(text: str) -> None:
    known = order_number(text)
    assert known == 0 or any(order_text(known, each) == text for each in LISTINGS)


@given(st.lists(st.tuples(st.sampled_from([SPOT, SWAP]), st.integers(1, 10**11)), unique=True))
def test_no_two_trades_share_an_id(trades: list[tuple[str, int]]) -> None:
    listings = {each.symbol: each for each in LISTINGS}
    assert len({execution_text(listings, *each) for each in trades}) == len(trades)


def test_a_client_id_the_exchange_made_is_not_told() -> None:
    assert link_id(7, "x-7") == link_id(7, "x-7--") == ""
    assert link_id(8, "x-7") == "x-7"
    assert link_id(7, "mine") == "mine"


def test_an_average_is_rounded_to_twelve_places() -> None:
    assert average(Decimal(2), Decimal(3)) == "0.666666666667"
    assert average(Decimal(0), Decimal(0)) == ""


def traded_by() -> tuple[BybitV5, Floor]:
    exchange = Exchange(LISTINGS)
    exchange.open_account("main", {"USDT": Decimal(100000), "BTC": Decimal(2)})
    key = ApiKey(key=KEY, secret=SECRET, account="main")
    floor = Floor(exchange, lambda: NOW, ApiKeys([key]), Candles(LISTINGS, NOW), Faults())
    return BybitV5(floor), floor


GOOD: dict[str, object] = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.01",
    "price": "59000",
}
FIELDS = [
    *GOOD, "timeInForce", "orderLinkId", "triggerPrice", "triggerDirection", "orderFilter",
    "reduceOnly", "closeOnTrigger", "smpType", "marketUnit", "positionIdx", "isLeverage",
    "takeProfit", "orderId", "cursor", "limit", "startTime", "endTime", "openOnly", "request",
]  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["0", "-1", "1e400", "NaN", "0.001", "61000", "spot", "option", "inverse"])
)
nonsense = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


@given(st.dictionaries(st.sampled_from(FIELDS), nonsense, max_size=6))
def test_no_parameters_do_anything_but_succeed_or_be_refused(changed: dict[str, object]) -> None:
    dialect, floor = traded_by()
    asked = Asked(floor, {**GOOD, **changed}, ApiKey(key=KEY, secret=SECRET, account="main"))
    orders, reads = dialect._parts[2], dialect._parts[3]
    market, account = dialect._parts[0], dialect._parts[1]
    for answer in (
        orders.create, orders.amend, orders.cancel, orders.cancel_all, orders.batch(orders.create),
        reads.realtime, reads.history, reads.executions, account.positions, account.fees,
        account.set_leverage, market.bars, market.book, market.tickers, market.prints,
    ):  # fmt: skip
        try:
            told = run(answer, asked)
        except BybitError as error:
            told = {"code": error.code, "message": error.message}
        assert msgspec.json.encode(getattr(told, "result", told))
