"""What Bybit refuses, with which code, and which exception of ccxt that becomes."""

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt
import ccxt.pro
import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request

from alphaforge.sandbox.dialects.bybit_errors import refused
from alphaforge.sandbox.dialects.bybit_signing import sign
from alphaforge.sandbox.fault_terms import Fault, FaultKind
from alphaforge.sandbox.limits import Budget
from alphaforge.sandbox.server import ExchangeServer
from alphaforge.sandbox.terms import MarketStatus, Refusal, RefusedError
from tests.sandbox.bybit.conftest import KEY, SECRET, SPOT, SWAP, Rig, configured, within

KEYS = [
    ({"apiKey": "nobody"}, ccxt.AuthenticationError, 10003),
    ({"secret": "wrong"}, ccxt.AuthenticationError, 10004),
    ({"apiKey": "live-key"}, ccxt.AuthenticationError, 10003),
    ({"apiKey": "old-key"}, ccxt.AuthenticationError, 33004),
    ({"apiKey": "far-key"}, ccxt.PermissionDenied, 10010),
]


@pytest.mark.parametrize(("config", "error", "code"), KEYS)
async def test_a_key_that_is_not_good_is_refused(
    rig: Rig, config: dict[str, str], error: type[Exception], code: int
) -> None:
    client = await rig.by_address(**config)
    with pytest.raises(error, match=str(code)):
        await client.fetch_currencies()


async def test_a_test_key_is_unknown_on_the_live_hosts_and_the_reverse(rig: Rig) -> None:
    client = await rig.by_name()
    with pytest.raises(ccxt.AuthenticationError, match="10003"):
        await client.fetch_currencies()
    live = await rig.by_name(apiKey="live-key")
    assert "BTC" in await live.fetch_currencies()
    live.set_sandbox_mode(True)
    with pytest.raises(ccxt.AuthenticationError, match="10003"):
        await live.fetch_currencies()


async def test_a_key_that_may_only_read_reads(rig: Rig) -> None:
    client = await rig.by_address(apiKey="read-key")
    assert (await client.fetch_balance())["USDT"]["total"] == "100000"
    with pytest.raises(ccxt.PermissionDenied, match="10005"):
        await client.create_order(SPOT, "limit", "buy", "0.01", "59000")
    told = await client.private_get_v5_user_query_api()
    assert told["result"]["readOnly"] == "1" or told["result"]["readOnly"] == 1


@pytest.mark.parametrize("seconds", [-2, 10])
async def test_a_clock_that_is_off_is_refused(rig: Rig, client: Any, seconds: int) -> None:
    rig.clock.skew_ns = seconds * 1_000_000_000
    with pytest.raises(ccxt.InvalidNonce, match="10002"):
        await client.fetch_open_orders(SPOT)
    await client.load_time_difference()
    assert await client.fetch_open_orders(SPOT) == []


async def test_a_signature_is_over_what_was_sent(rig: Rig) -> None:
    stamp = str(rig.clock.now() // 1_000_000)
    query = "category=spot&symbol=BTCUSDT"
    headers = {
        "X-BAPI-API-KEY": KEY,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": sign(SECRET, f"{stamp}{KEY}5000{query}"),
    }
    url = f"http://127.0.0.1:{rig.port}/v5/order/realtime"
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{url}?{query}") as answer:
            assert (await answer.json())["retCode"] == 0
        async with session.get(f"{url}?{query}&limit=1") as answer:
            assert answer.status == 200
            assert (await answer.json())["retCode"] == 10004
    async with aiohttp.ClientSession() as session, session.get(f"{url}?{query}") as answer:
        assert (await answer.json())["retCode"] == 10001


ORDERS = [
    (SPOT, "buy", "9", "59000", "170131", ccxt.InsufficientFunds),
    (SPOT, "buy", "0.00001", "59000", "170140", ccxt.InvalidOrder),
    (SPOT, "buy", "0.01", "900000", "170193", ccxt.InvalidOrder),
    (SPOT, "sell", "0.01", "100", "170194", ccxt.InvalidOrder),
    (SPOT, "sell", "101", "59000", "170135", ccxt.InvalidOrder),
    (SWAP, "buy", "90", "59000", "110007", ccxt.InsufficientFunds),
    (SWAP, "buy", "0.01", "900000", "110003", ccxt.InvalidOrder),
    (SWAP, "buy", "101", "59000", "10001", ccxt.BadRequest),
]


@pytest.mark.parametrize(("symbol", "side", "amount", "price", "code", "error"), ORDERS)
async def test_an_order_that_breaks_a_rule_is_refused(
    client: Any, symbol: str, side: str, amount: str, price: str, code: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=code):
        await client.create_order(symbol, "limit", side, amount, price)


RAW = [
    ({"price": "59000.001"}, 170134),
    ({"qty": "0.010000001"}, 170137),
    ({"qty": ""}, 10001),
    ({"qty": "NaN"}, 10001),
    ({"qty": "-1"}, 10001),
    ({"price": ""}, 10001),
    ({"side": "buy"}, 10001),
    ({"orderType": "Stop"}, 10001),
    ({"timeInForce": "GTX"}, 10001),
    ({"orderLinkId": "x" * 37}, 10001),
    ({"orderLinkId": "no spaces"}, 10001),
    ({"symbol": "NOSUCH"}, 10001),
    ({"category": "bonds"}, 10001),
    ({"takeProfit": "61000"}, 10001),
    ({"positionIdx": 1}, 10001),
    ({"isLeverage": 1}, 10001),
    ({"triggerPrice": "61000"}, 170202),
    ({"orderFilter": "StopOrder"}, 170203),
    ({"orderFilter": "Other"}, 170202),
    ({"category": "linear", "qty": "0.01", "price": "59000.05"}, 10001),
    ({"category": "linear", "triggerPrice": "61000"}, 10001),
    ({"category": "linear", "triggerPrice": "59000", "triggerDirection": 1}, 110092),
    ({"category": "linear", "triggerPrice": "61000", "triggerDirection": 2}, 110093),
]


@pytest.mark.parametrize(("changed", "code"), RAW)
async def test_a_field_that_is_wrong_is_refused_and_nothing_is_placed(
    rig: Rig, changed: dict[str, object], code: int
) -> None:
    good = {
        "category": "spot",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.01",
        "price": "59000",
    }
    told = await post(rig, "create", {**good, **changed})
    assert told["retCode"] == code
    assert not rig.exchange.open_orders("main")


async def post(rig: Rig, what: str, params: dict[str, object]) -> dict[str, Any]:
    """A signed request of one's own."""
    body = msgspec.json.encode(params).decode()
    stamp = str(rig.clock.now() // 1_000_000)
    headers = {
        "X-BAPI-API-KEY": KEY,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-SIGN": sign(SECRET, f"{stamp}{KEY}{body}"),
    }
    url = f"http://127.0.0.1:{rig.port}/v5/order/{what}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        return await answer.json()


async def test_a_body_that_is_no_object_is_refused(rig: Rig) -> None:
    url = f"http://127.0.0.1:{rig.port}/v5/order/create"
    async with aiohttp.ClientSession() as session:
        for body in ("", "[]", "{", "nonsense"):
            async with session.post(url, data=body) as answer:
                assert (await answer.json())["retCode"] == 10001


@pytest.mark.parametrize(("symbol", "code"), [(SPOT, "170141"), (SWAP, "110072")])
async def test_a_client_id_in_use_is_refused(client: Any, symbol: str, code: str) -> None:
    await client.create_order(symbol, "limit", "buy", "0.01", "59000", {"clientOrderId": "one"})
    with pytest.raises(ccxt.InvalidOrder, match=code):
        await client.create_order(symbol, "limit", "buy", "0.01", "58000", {"clientOrderId": "one"})


@pytest.mark.parametrize(("symbol", "code"), [(SPOT, "170141"), (SWAP, "110072")])
async def test_a_client_id_is_spent_once_it_was_used(
    rig: Rig, client: Any, symbol: str, code: str
) -> None:
    rig.book(symbol)
    used = [("canceled", "59000", {}), ("rejected", "60001", {"postOnly": True})]
    for name, price, params in used:
        named = {"clientOrderId": name}
        made = await client.create_order(symbol, "limit", "buy", "0.01", price, named | params)
        if name == "canceled":
            await client.cancel_order(made["id"], symbol)
        with pytest.raises(ccxt.InvalidOrder, match=code):
            await client.create_order(symbol, "limit", "buy", "0.01", "59000", named)
    assert not rig.exchange.open_orders("main")


@pytest.mark.parametrize(("symbol", "code"), [(SPOT, "170213"), (SWAP, "110001")])
async def test_an_order_that_is_not_there_cannot_be_canceled_or_amended(
    client: Any, symbol: str, code: str
) -> None:
    for named in ("1900000000000000999", "not-an-id", "6b1f3a52-4c0e-4d7a-9e21-0000000000ff"):
        with pytest.raises(ccxt.OrderNotFound, match=code):
            await client.cancel_order(named, symbol)
        with pytest.raises(ccxt.OrderNotFound, match=code):
            await client.edit_order(named, symbol, "limit", "buy", "0.02", "58000")
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order(named, symbol, {"acknowledged": True})


async def test_an_amend_that_changes_nothing_is_refused(client: Any) -> None:
    made = await client.create_order(SPOT, "limit", "buy", "0.01", "59000")
    with pytest.raises(ccxt.BadRequest, match="remains unchanged"):
        await client.edit_order(made["id"], SPOT, "limit", "buy", "0.01", "59000")


@pytest.mark.parametrize(("symbol", "code"), [(SPOT, "170151"), (SWAP, "110074")])
async def test_a_halted_market_is_listed_as_inactive_and_takes_no_order(
    rig: Rig, client: Any, symbol: str, code: str
) -> None:
    listing = rig.exchange.listings[symbol]
    halted = msgspec.structs.replace(listing, status=MarketStatus.HALTED)
    rig.exchange.set_listing(halted, rig.clock.now())
    with pytest.raises(ccxt.ExchangeError, match=code):
        await client.create_order(symbol, "limit", "buy", "0.01", "59000")
    await client.load_markets(True)
    assert client.markets[symbol]["active"] is False


async def test_a_market_that_is_not_listed_is_a_bad_symbol(client: Any) -> None:
    with pytest.raises(ccxt.BadSymbol, match="Not supported symbols"):
        await client.public_get_v5_market_tickers({"category": "spot", "symbol": "NOSUCH"})


@pytest.mark.parametrize(
    ("symbol", "status", "word"), [(SPOT, "rejected", "Rejected"), (SWAP, "canceled", "Cancelled")]
)
async def test_a_post_only_order_that_would_take_is_acknowledged_and_then_ended(
    rig: Rig, client: Any, symbol: str, status: str, word: str
) -> None:
    rig.book(symbol)
    waiting = asyncio.create_task(client.watch_orders(symbol))
    await rig.private()
    made = await client.create_order(symbol, "limit", "buy", "0.1", "60001", {"postOnly": True})
    told = (await within(waiting))[-1]
    assert (told["id"], told["status"]) == (made["id"], status)
    assert told["info"]["orderStatus"] == word
    assert told["info"]["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"
    asked = await client.fetch_order(made["id"], symbol, {"acknowledged": True})
    assert asked["status"] == status
    assert not rig.exchange.executions("main")


async def test_too_many_requests_are_told_with_the_time_to_wait(rig: Rig) -> None:
    rig.dialect.budget = Budget(weight=5, window_s=3600, orders=50, orders_window_s=1)
    server = ExchangeServer(rig.floor, [rig.dialect])
    async with server.serving() as port:
        client = ccxt.pro.bybit(configured({}))
        client.urls["api"] = rig.dialect.urls(f"127.0.0.1:{port}")
        try:
            for _ in range(5):
                await client.fetch_time()
            assert client.last_response_headers["X-Bapi-Limit"] == "50"
            with pytest.raises(ccxt.RateLimitExceeded, match="10006"):
                await client.fetch_time()
            reset = int(client.last_response_headers["X-Bapi-Limit-Reset-Timestamp"])
            assert reset > client.milliseconds()
        finally:
            await client.close()


FAULTS = [
    (FaultKind.MAINTENANCE, ccxt.ExchangeError),
    (FaultKind.REVOKED, ccxt.AuthenticationError),
    (FaultKind.THROTTLE, ccxt.RateLimitExceeded),
    (FaultKind.BAN, (ccxt.RateLimitExceeded, ccxt.DDoSProtection)),
    (FaultKind.ERROR_IN_200, ccxt.ExchangeError),
    (FaultKind.HTML, ccxt.ExchangeNotAvailable),
]


@pytest.mark.parametrize(("kind", "error"), FAULTS)
async def test_a_fault_speaks_bybit(
    rig: Rig, client: Any, kind: FaultKind, error: type[Exception]
) -> None:
    rig.floor.faults.add(Fault(kind=kind, call="create", times=1))
    with pytest.raises(error):
        await client.create_order(SPOT, "limit", "buy", "0.01", "59000")
    assert not rig.exchange.open_orders("main")


@pytest.mark.parametrize("category", ["spot", "linear"])
@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_has_a_code(refusal: Refusal, category: str) -> None:
    told = refused(RefusedError(refusal, "the reason"), category)
    assert told.code > 10000
    assert told.message


async def test_an_honest_price_is_kept_to_the_last_digit(rig: Rig, client: Any) -> None:
    made = await client.create_order(SPOT, "limit", "buy", "1.23456", "12345.67")
    order = rig.exchange.open_orders("main")[0]
    assert (order.limit_price, order.quantity) == (Decimal("12345.67"), Decimal("1.23456"))
    told = await client.fetch_order(made["id"], SPOT, {"acknowledged": True})
    assert (told["price"], told["amount"]) == ("12345.67", "1.23456")


async def test_requests_with_invented_keys_are_counted_by_address(rig: Rig) -> None:
    def payer(key: str) -> str:
        request = make_mocked_request("GET", "/v5/market/time", {"X-BAPI-API-KEY": key})
        return rig.dialect.payer(request.clone(remote="10.0.0.1"))

    assert {payer(f"made-up-{number}") for number in range(3)} == {"10.0.0.1"}
    assert payer(KEY) == KEY
