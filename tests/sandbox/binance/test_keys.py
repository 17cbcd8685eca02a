"""Who is let in: keys, signatures, the time window, networks; and the names of the real venue."""

import asyncio
from decimal import Decimal

import aiohttp
import ccxt
import pytest

from alphaforge.sandbox.api_keys import ApiKey, Network
from alphaforge.sandbox.dialects.binance_signing import sign
from alphaforge.sandbox.fault_terms import Fault, FaultKind
from alphaforge.sandbox.limits import Budget, Limits
from tests.sandbox.binance.ground import KEY, PATIENCE_S, SECRET, SYMBOL, open_by_name, open_ground
from tests.sandbox.binance.test_refusals import LIMIT, Wire

LIVE = ApiKey(key="livekey", secret="livesecret", account="main", network=Network.LIVE)
SPENT = ApiKey(key="spentkey", secret=SECRET, account="main", expires=1)
AWAY = ApiKey(key="awaykey", secret=SECRET, account="main", addresses=("10.0.0.1",))
READER = ApiKey(key="readerkey", secret=SECRET, account="main", can_trade=False)


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ({"key": ""}, 401, -2014),
        ({"key": "what is this?"}, 401, -2014),
        ({"key": "nobody"}, 401, -2015),
        ({"key": "spentkey"}, 401, -2015),
        ({"key": "awaykey"}, 401, -2015),
        ({"key": "readerkey"}, 401, -2015),
        ({"secret": "wrong"}, 400, -1022),
        ({"stamp": ""}, 400, -1102),
        ({"stamp": "noon"}, 400, -1100),
    ],
)
async def test_nobody_trades_who_may_not(how, status, code):
    async with open_ground(SPENT, AWAY, READER) as ground, aiohttp.ClientSession() as session:
        told = await Wire(ground, session).order(LIMIT, **how)
        assert (told[0], told[1]["code"]) == (status, code)
        assert ground.exchange.orders("main", SYMBOL) == []


async def test_a_reader_reads():
    async with open_ground(READER) as ground, aiohttp.ClientSession() as session:
        status, told = await Wire(ground, session).send("GET", "account", {}, key="readerkey")
        assert (status, told["canTrade"]) == (200, False)


@pytest.mark.parametrize(
    ("late_ms", "window", "code"),
    [(0, None, 200), (4_000, None, 200), (6_000, None, -1021), (6_000, 10_000, 200),
     (-900, None, 200), (-1_500, 60_000, -1021), (0, 60_001, -1131)],
)  # fmt: skip
async def test_a_request_is_taken_within_its_window_only(late_ms, window, code):
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        stamp = ground.clock() // 1_000_000 - late_ms
        params = {} if window is None else {"recvWindow": window}
        status, told = await Wire(ground, session).send("GET", "account", params, stamp=stamp)
        assert told.get("code", status) == code


async def test_a_clock_ten_seconds_off_is_an_invalid_nonce():
    async with open_ground() as ground, ground.client() as client:
        ground.clock.skew_ns = -10_000_000_000
        with pytest.raises(ccxt.InvalidNonce):
            await client.fetch_balance()
        await client.load_time_difference()
        await client.fetch_balance()


async def test_the_signature_covers_query_and_body():
    async with open_ground() as ground, aiohttp.ClientSession() as session:
        stamp = ground.clock() // 1_000_000
        query, body = "symbol=BTCUSDT&side=BUY&type=LIMIT", "timeInForce=GTC&quantity=0.01"
        body = f"{body}&price=19000&timestamp={stamp}"
        signed = f"{body}&signature={sign(SECRET, query + body)}"
        headers = {"X-MBX-APIKEY": KEY, "Content-Type": "application/x-www-form-urlencoded"}
        url = f"http://{ground.address}/api/v3/order?{query}"
        async with session.post(url, data=signed, headers=headers) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("wrong", [{"secret": "wrong"}, {"apiKey": "nobody"}], ids=str)
async def test_a_wrong_secret_and_an_unknown_key_are_authentication_errors(wrong):
    async with open_ground() as ground, ground.client(**wrong) as client:
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()


@pytest.mark.parametrize("network", ["live", "sandbox", "demo"])
async def test_a_client_that_keeps_the_venues_addresses_trades(tmp_path, network):
    keys = {"apiKey": LIVE.key, "secret": LIVE.secret} if network == "live" else {}
    opening = open_by_name(tmp_path, LIVE, network=network, config=keys)
    async with opening as (ground, client, resolver):
        ground.make("SELL", "20001", "1")
        placed = await client.create_order(SYMBOL, "market", "buy", "0.01")
        assert placed["status"] == "closed"
        assert Decimal((await client.fetch_balance())["BTC"]["total"]) == ground.total("BTC")
        trading = asyncio.create_task(client.watch_trades(SYMBOL))
        async with asyncio.timeout(PATIENCE_S):
            while not trading.done():
                ground.print_at("20000.5")
                await asyncio.sleep(0.02)
        over_ws = await client.create_order_ws(SYMBOL, "limit", "buy", "0.01", "19000")
        assert (await client.cancel_order_ws(over_ws["id"], SYMBOL))["status"] == "canceled"
        ours = {"live": "api.binance.com", "sandbox": "testnet.binance.vision"}
        assert ours.get(network, "demo-api.binance.com") in resolver.asked


@pytest.mark.parametrize(("key", "network"), [(LIVE, "sandbox"), (LIVE, "demo"), (None, "live")])
async def test_a_key_of_the_other_network_is_unknown(tmp_path, key, network):
    keys = {"apiKey": key.key, "secret": key.secret} if key else {}
    async with open_by_name(tmp_path, LIVE, network=network, config=keys) as (_, client, _):
        with pytest.raises(ccxt.AuthenticationError, match="-2015"):
            await client.fetch_balance()


async def test_the_test_network_has_no_wallet(tmp_path):
    async with open_by_name(tmp_path) as (_, client, _):
        client.urls["api"]["sapi"] = "https://testnet.binance.vision/sapi/v1"
        with pytest.raises(ccxt.ExchangeNotAvailable, match="404"):
            await client.sapi_get_account_apirestrictions()


async def test_every_answer_tells_the_weight_and_an_order_the_orders():
    limits = {"binance": Limits(Budget())}
    async with open_ground(limits=limits) as ground, aiohttp.ClientSession() as session:
        wire = Wire(ground, session)
        await wire.order(LIMIT)
        assert wire.headers["X-MBX-ORDER-COUNT-10S"] == "1"
        before = int(wire.headers["X-MBX-USED-WEIGHT-1M"])
        await wire.send("GET", "account", {})
        # A new window may have begun between the two.
        assert int(wire.headers["X-MBX-USED-WEIGHT-1M"]) in {before + 20, 20}


async def test_too_much_weight_is_throttled_with_a_time_to_wait():
    limits = {"binance": Limits(Budget(weight=10))}
    async with open_ground(limits=limits) as ground, ground.client() as client:
        with pytest.raises(ccxt.DDoSProtection, match="-1003"):
            await client.load_markets()
        assert int(client.last_response_headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault(kind=FaultKind.BAN, retry_after=120), ccxt.DDoSProtection),
        (Fault(kind=FaultKind.MAINTENANCE), ccxt.OperationFailed),
        (Fault(kind=FaultKind.REVOKED), ccxt.AuthenticationError),
    ],
)
async def test_faults_answer_in_the_venues_shape(fault, raised):
    async with open_ground() as ground, ground.client() as client:
        ground.faults.add(fault)
        with pytest.raises(raised):
            await client.fetch_balance()


async def test_faults_strike_orders_over_the_websocket_api_too():
    async with open_ground() as ground, ground.client() as client:
        await client.load_markets()
        lost = Fault(kind=FaultKind.DROP, call="create", when="after", times=1)
        ground.faults.add(lost)
        with pytest.raises(ccxt.NetworkError):
            await client.create_order_ws(SYMBOL, "limit", "buy", "0.01", "19000")
        assert len(ground.exchange.open_orders("main")) == 1
        ground.faults.add(Fault(kind=FaultKind.ERROR, call="create", status=503, times=1))
        with pytest.raises(ccxt.BaseError):
            await client.create_order_ws(SYMBOL, "limit", "buy", "0.01", "19000")
        assert len(ground.exchange.open_orders("main")) == 1
