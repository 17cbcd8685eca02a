"""What the venue refuses has its own code and words, and the class that ccxt gives them."""

from decimal import Decimal
from urllib.parse import urlencode

import aiohttp
import ccxt
import pytest
from msgspec.structs import replace

from alphaforge.sandbox.dialects.binance_signing import sign
from alphaforge.sandbox.terms import MarketStatus
from tests.sandbox.binance.ground import KEY, LISTINGS, SECRET, SYMBOL, open_by_name, open_ground

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "19000",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
STOP = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "STOP_LOSS",
    "quantity": "0.01",
    "stopPrice": "19000",
}


class Wire:
    """Signed requests, and the code and words of their answers."""

    def __init__(self, ground, session):
        self.ground = ground
        self.session = session
        self.headers = {}

    async def send(self, method, path, params, *, secret=SECRET, key=KEY, stamp=None):
        now = self.ground.clock() // 1_000_000
        text = urlencode({**params, "timestamp": now if stamp is None else stamp})
        return await self.send_text(method, path, f"{text}&signature={sign(secret, text)}", key)

    async def send_text(self, method, path, text, key=KEY):
        url = f"http://{self.ground.address}/api/v3/{path}?{text}"
        async with self.session.request(method, url, headers={"X-MBX-APIKEY": key}) as answer:
            self.headers = dict(answer.headers)
            told = await answer.json()
        return answer.status, told

    async def order(self, params, **how):
        return await self.send("POST", "order", params, **how)


async def refusal(params, **how):
    """Status, code and words of an order that must not be taken."""
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        ground.quote()
        status, told = await Wire(ground, session).order(params, **how)
        assert ground.exchange.orders("main", SYMBOL) == []
        return status, told["code"], told["msg"]


def without(params, *names):
    return {name: value for name, value in params.items() if name not in names}


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        (LIMIT | {"price": "19000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT | {"price": "1"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        (LIMIT | {"quantity": "0.010001"}, -1013, "Filter failure: LOT_SIZE"),
        (LIMIT | {"quantity": "101"}, -1013, "Filter failure: LOT_SIZE"),
        (MARKET | {"quantity": "101"}, -1013, "Filter failure: MARKET_LOT_SIZE"),
        (LIMIT | {"quantity": "0.0001"}, -1013, "Filter failure: NOTIONAL"),
        (LIMIT | {"quantity": "0"}, -1013, "Invalid quantity."),
        (LIMIT | {"price": "0"}, -1013, "Invalid price."),
        (LIMIT | {"quantity": "1e-3"}, -1100, "Illegal characters found in parameter 'quantity'"),
        (LIMIT | {"quantity": "-1"}, -1100, "Illegal characters found in parameter 'quantity'"),
        (LIMIT | {"newClientOrderId": "a b"}, -1100, "parameter 'newClientOrderId'"),
        (LIMIT | {"newClientOrderId": "x" * 37}, -1100, "parameter 'newClientOrderId'"),
        (without(LIMIT, "price"), -1102, "Mandatory parameter 'price' was not sent"),
        (without(LIMIT, "quantity"), -1102, "Mandatory parameter 'quantity' was not sent"),
        (without(LIMIT, "timeInForce"), -1102, "Mandatory parameter 'timeInForce' was not sent"),
        (without(LIMIT, "symbol"), -1102, "Mandatory parameter 'symbol' was not sent"),
        (without(STOP, "stopPrice"), -1102, "Mandatory parameter 'stopPrice' was not sent"),
        (LIMIT | {"stopPrice": "18000"}, -1106, "Parameter 'stopPrice' sent when not required."),
        (LIMIT | {"quoteOrderQty": "9"}, -1106, "Parameter 'quoteOrderQty' sent when not"),
        (MARKET | {"price": "19000"}, -1106, "Parameter 'price' sent when not required."),
        (MARKET | {"timeInForce": "IOC"}, -1106, "Parameter 'timeInForce' sent when not required."),
        (MARKET | {"quoteOrderQty": "9"}, -1106, "Parameter 'quantity' sent when not required."),
        (LIMIT | {"triggerPrice": "18000"}, -1104, "Not all sent parameters were read"),
        (LIMIT | {"quantity": "0.0100000001"}, -1111, "Parameter 'quantity' has too much"),
        (LIMIT | {"type": "LUCKY"}, -1116, "Invalid orderType."),
        (LIMIT | {"side": "LONG"}, -1117, "Invalid side."),
        (LIMIT | {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        (LIMIT | {"symbol": "DOGECAT"}, -1121, "Invalid symbol."),
        (LIMIT | {"selfTradePreventionMode": "DECREMENT"}, -1013, "self-trade prevention mode"),
        (LIMIT | {"newOrderRespType": "LONG"}, -1161, "newOrderRespType"),
        (LIMIT | {"quantity": "50"}, -2010, "Account has insufficient balance for requested"),
        (STOP | {"stopPrice": "20500"}, -2010, "Order would trigger immediately."),
        (STOP | {"trailingDelta": "5"}, -1013, "Filter failure: TRAILING_DELTA"),
        (
            {**without(LIMIT, "timeInForce"), "type": "LIMIT_MAKER", "price": "20002"},
            -2010,
            "Order would immediately match and take.",
        ),
    ],
)
async def test_an_order_is_refused_with_the_venues_code_and_words(params, code, words):
    status, told, text = await refusal(params)
    assert (status, told) == (400, code)
    assert words in text


async def test_a_market_order_finds_nobody_in_an_empty_book():
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        status, told = await Wire(ground, session).order(MARKET)
        assert (status, told["code"]) == (400, -2010)


async def test_a_doubled_parameter_is_refused():
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        wire = Wire(ground, session)
        status, told = await wire.send_text("POST", "order", "symbol=BTCUSDT&symbol=ETHUSDT")
        assert (status, told["code"]) == (400, -1101)


@pytest.mark.parametrize("path", ["myTrades", "allOrders"])
@pytest.mark.parametrize(("begin", "end"), [(1_000, 1), (0, 86_400_001)])
async def test_a_page_is_of_one_day_at_most(path, begin, end):
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        window = {"symbol": "BTCUSDT", "startTime": begin, "endTime": end}
        status, told = await Wire(ground, session).send("GET", path, window)
        assert (status, told["code"]) == (400, -1127)


async def test_too_many_open_orders_are_refused():
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        ground.exchange.set_listing(replace(LISTINGS[0], max_orders=1), ground.clock())
        wire = Wire(ground, session)
        assert (await wire.order(LIMIT))[0] == 200
        status, told = await wire.order(LIMIT)
        assert (status, told["msg"]) == (400, "Filter failure: MAX_NUM_ORDERS")


async def test_prices_of_a_list_must_lie_around_the_market():
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        pair = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01"}
        prices = {"price": "19000", "stopPrice": "21000"}
        status, told = await Wire(ground, session).send("POST", "order/oco", pair | prices)
        words = "The relationship of the prices for the orders is not correct."
        assert (status, told["code"], told["msg"]) == (400, -2010, words)


ACTS = {
    "funds": (
        lambda c: c.create_order(SYMBOL, "limit", "buy", "90", "19000"),
        ccxt.InsufficientFunds,
    ),
    "post-only": (
        lambda c: c.create_order(SYMBOL, "limit", "buy", "1", "20002", {"postOnly": True}),
        ccxt.OrderImmediatelyFillable,
    ),
    "value": (
        lambda c: c.create_order(SYMBOL, "limit", "buy", "0.0001", "19000"),
        ccxt.BadRequest,
    ),
    "price": (lambda c: c.create_order(SYMBOL, "limit", "buy", "1", "10"), ccxt.InvalidOrder),
    "size": (lambda c: c.create_order(SYMBOL, "limit", "buy", "101", "19000"), ccxt.InvalidOrder),
    "look-up": (lambda c: c.fetch_order("77", SYMBOL), ccxt.OrderNotFound),
    "cancel": (lambda c: c.cancel_order("77", SYMBOL), ccxt.OrderNotFound),
    "symbol": (lambda c: c.public_get_depth({"symbol": "NOPE"}), ccxt.BadSymbol),
    "window": (lambda c: c.fetch_balance({"recvWindow": 70_000}), ccxt.BadRequest),
}


async def test_ccxt_raises_the_classes_it_raises_at_the_venue(tmp_path):
    async with open_by_name(tmp_path) as (ground, client, _):
        ground.quote()
        await client.load_markets()
        found = {}
        for name, (act, _) in ACTS.items():
            with pytest.raises(ccxt.BaseError) as caught:
                await act(client)
            found[name] = caught.type
        assert found == {name: raised for name, (_, raised) in ACTS.items()}


async def test_a_client_id_is_taken_once_while_it_is_open(tmp_path):
    async with open_by_name(tmp_path) as (_, client, _):
        named = {"clientOrderId": "only-one"}
        placed = await client.create_order(SYMBOL, "limit", "buy", "0.01", "19000", named)
        with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
            await client.create_order(SYMBOL, "limit", "buy", "0.01", "19000", named)
        await client.cancel_order(placed["id"], SYMBOL)
        again = await client.create_order(SYMBOL, "limit", "buy", "0.01", "19000", named)
        assert again["id"] != placed["id"]


@pytest.mark.parametrize("status", [MarketStatus.HALTED, MarketStatus.DELISTED])
async def test_a_market_that_does_not_trade_takes_no_order(tmp_path, status):
    async with open_by_name(tmp_path) as (ground, client, _):
        await client.load_markets()
        ground.exchange.set_listing(replace(LISTINGS[0], status=status), ground.clock())
        with pytest.raises(ccxt.MarketClosed):
            await client.create_order(SYMBOL, "limit", "buy", "0.01", "19000")
        markets = await client.load_markets(reload=True)
        active = {symbol for symbol, market in markets.items() if market["active"]}
        assert active == {"ETH/USDT"}


async def test_half_a_replacement_tells_what_became_of_both_halves(tmp_path):
    async with open_by_name(tmp_path) as (ground, client, _):
        placed = await client.create_order(SYMBOL, "limit", "buy", "0.01", "19000")
        with pytest.raises(ccxt.BadResponse) as caught:
            await client.edit_order(placed["id"], SYMBOL, "limit", "buy", "90", "19000")
        text = str(caught.value)
        assert '"cancelResult":"SUCCESS","newOrderResult":"FAILURE"' in text
        assert "-2010" in text
        assert ground.exchange.open_orders("main") == []
        with pytest.raises(ccxt.BadResponse, match="NOT_ATTEMPTED"):
            await client.edit_order(placed["id"], SYMBOL, "limit", "buy", "0.01", "19000")
        assert ground.exchange.open_orders("main") == []


async def test_a_replacement_that_breaks_a_rule_cancels_nothing():
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        wire = Wire(ground, session)
        _, placed = await wire.order(LIMIT)
        replacing = {
            **LIMIT,
            "quantity": "0.0001",
            "cancelReplaceMode": "STOP_ON_FAILURE",
            "cancelOrderId": placed["orderId"],
        }
        status, told = await wire.send("POST", "order/cancelReplace", replacing)
        assert (status, told["msg"]) == (400, "Filter failure: NOTIONAL")
        assert len(ground.exchange.open_orders("main")) == 1


async def test_a_replacement_may_go_on_where_there_was_nothing_to_cancel():
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        replacing = {**LIMIT, "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": 77}
        wire = Wire(ground, session)
        status, told = await wire.send("POST", "order/cancelReplace", replacing)
        assert (status, told["code"]) == (409, -2021)
        assert told["data"]["newOrderResult"] == "SUCCESS"
        assert len(ground.exchange.open_orders("main")) == 1


async def test_a_cancel_may_be_restricted_to_what_is_untouched():
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        wire = Wire(ground, session)
        _, placed = await wire.order(LIMIT)
        ground.make("SELL", "19000", "0.004")
        one = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        status, told = await wire.send("DELETE", "order", one | {"cancelRestrictions": "ONLY_NEW"})
        assert (status, told["code"]) == (400, -2011)
        restriction = {"cancelRestrictions": "ONLY_PARTIALLY_FILLED"}
        status, told = await wire.send("DELETE", "order", one | restriction)
        assert (status, Decimal(told["executedQty"])) == (200, Decimal("0.004"))
