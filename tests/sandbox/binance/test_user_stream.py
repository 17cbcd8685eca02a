"""An account's events and orders over the WebSocket API, through a plain ccxt client."""

import asyncio
import json
from decimal import Decimal

import aiohttp
import ccxt
import pytest

from alphaforge.sandbox.dialects.binance_signing import sign
from alphaforge.sandbox.fault_terms import Fault, FaultKind
from tests.sandbox.binance.ground import KEY, PATIENCE_S, SECRET, SYMBOL, open_ground

MARKET_BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


class Wire:
    """A raw WebSocket API connection that keeps the events it hears."""

    def __init__(self, ws, ground):
        self.ws = ws
        self.ground = ground
        self.events = []
        self.answered = []

    async def call(self, method, *, signed=True, **params):
        """The answer to one request."""
        await self.send(method, signed=signed, **params)
        return await self._next(lambda frame: frame.get("id") == method)

    async def send(self, method, *, signed=True, **params):
        """One request, whose answer is not waited for."""
        if signed:
            stamp = self.ground.clock() // 1_000_000
            params = {**params, "apiKey": KEY, "timestamp": stamp}
            payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
            params["signature"] = sign(SECRET, payload)
        await self.ws.send_json({"id": method, "method": method, "params": params})

    async def event(self, kind, wanted=lambda event: True):
        """The next event of a kind, from what has been heard or is still to come."""
        for event in self.events:
            if event["e"] == kind and wanted(event):
                self.events.remove(event)
                return event
        frame = await self._next(
            lambda frame: frame.get("event", {}).get("e") == kind and wanted(frame["event"])
        )
        self.events.remove(frame["event"])
        return frame["event"]

    async def _next(self, wanted):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = json.loads((await self.ws.receive()).data)
                if "event" in frame:
                    self.events.append(frame["event"])
                else:
                    self.answered.append(frame["id"])
                if wanted(frame):
                    return frame


class wired:  # noqa: N801 - read as a verb: `async with wired(ground) as wire`
    def __init__(self, ground, *, subscribed=True):
        self.ground = ground
        self.subscribed = subscribed

    async def __aenter__(self):
        self.session = aiohttp.ClientSession()
        url = f"ws://{self.ground.address}/ws-api/v3"
        wire = Wire(await self.session.ws_connect(url), self.ground)
        if self.subscribed:
            answer = await wire.call("userDataStream.subscribe.signature")
            assert answer["result"] == {"subscriptionId": 0}
        return wire

    async def __aexit__(self, *_):
        await self.session.close()


async def ready(client, watching):
    """A watch that has subscribed by the time this returns."""
    task = asyncio.create_task(watching)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await asyncio.sleep(0.01)
            if is_subscribed(client):
                return task


def is_subscribed(client):
    """Whether ccxt has asked for the account's events and has its answer."""
    sockets = [one for url, one in client.clients.items() if "ws-api" in url]
    asked = [one for one in sockets if "spot" in one.subscriptions]
    return bool(asked) and "authenticate:signature:spot" not in asked[0].futures


async def taken(task):
    async with asyncio.timeout(PATIENCE_S):
        return await task


async def test_ccxt_watches_its_orders_trades_and_balance():
    async with open_ground() as ground, ground.client() as client:
        ground.make("SELL", "20001", "0.004")
        await client.load_markets()
        orders = await ready(client, client.watch_orders(SYMBOL))
        trades = await ready(client, client.watch_my_trades(SYMBOL))
        balance = await ready(client, client.watch_balance())
        placed = await client.create_order(SYMBOL, "limit", "buy", "1", "20001")
        first = (await taken(orders))[0]
        assert (first["id"], first["clientOrderId"]) == (placed["id"], placed["clientOrderId"])
        trade = (await taken(trades))[0]
        execution = ground.exchange.executions("main")[0]
        assert trade["id"] == str(execution.trade_id)
        assert Decimal(trade["fee"]["cost"]) == execution.fee
        assert (trade["fee"]["currency"], trade["takerOrMaker"]) == ("USDT", "taker")
        assert "USDT" in await taken(balance)
        following = asyncio.create_task(client.watch_my_trades(SYMBOL))
        async with asyncio.timeout(PATIENCE_S):
            while not following.done():
                ground.make("SELL", "20001", "0.0005")
                await asyncio.sleep(0.02)
        made = following.result()[-1]
        assert (made["amount"], made["takerOrMaker"]) == ("0.00050000", "maker")


async def test_ccxt_trades_over_the_websocket_api():
    async with open_ground() as ground, ground.client() as client:
        placed = await client.create_order_ws(SYMBOL, "limit", "buy", "0.01", "19000")
        assert placed["status"] == "open"
        assert (await client.fetch_order_ws(placed["id"], SYMBOL))["id"] == placed["id"]
        assert len(await client.fetch_open_orders_ws(SYMBOL)) == 1
        edited = await client.edit_order_ws(placed["id"], SYMBOL, "limit", "buy", "0.01", "19001")
        assert edited["id"] != placed["id"]
        canceled = await client.cancel_order_ws(edited["id"], SYMBOL)
        assert canceled["status"] == "canceled"
        assert len(await client.fetch_orders_ws(SYMBOL)) == 2
        ground.make("SELL", "20001", "1")
        await client.create_order_ws(SYMBOL, "market", "buy", "0.001")
        assert len(await client.fetch_my_trades_ws(SYMBOL)) == 1
        # ccxt itself reads this answer as a contract account's: only the raw one tells.
        balances = (await client.fetch_balance_ws())["info"]["balances"]
        held = {each["asset"]: Decimal(each["free"]) for each in balances}
        assert held["BTC"] == ground.total("BTC")
        await client.create_order_ws(SYMBOL, "limit", "buy", "0.01", "19000")
        assert len(await client.cancel_all_orders_ws(SYMBOL)) == 1
        assert await client.fetch_ohlcv_ws(SYMBOL, "1m", limit=3)
        assert await client.fetch_trades_ws(SYMBOL)


async def test_refusals_over_the_websocket_api_have_their_classes():
    async with open_ground() as ground, ground.client() as client:
        await client.load_markets()
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order_ws(SYMBOL, "limit", "buy", "90", "19000")
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order_ws("77", SYMBOL)


async def test_every_step_of_an_order_is_told_with_all_its_fields():
    async with open_ground() as ground, wired(ground) as wire:
        ground.make("SELL", "20001", "0.004")
        placed = await wire.call(
            "order.place",
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.01",
            price="20001",
            newClientOrderId="mine",
        )
        order_id = placed["result"]["orderId"]
        new = await wire.event("executionReport")
        assert (new["x"], new["X"], new["i"], new["c"], new["C"]) == (
            "NEW", "NEW", order_id, "mine", "",
        )  # fmt: skip
        assert (new["q"], new["p"], new["z"], new["t"]) == (
            "0.01000000", "20001.00000000", "0.00000000", -1,
        )  # fmt: skip
        trade = await wire.event("executionReport")
        assert (trade["x"], trade["X"], trade["l"], trade["L"], trade["m"]) == (
            "TRADE", "PARTIALLY_FILLED", "0.00400000", "20001.00000000", False,
        )  # fmt: skip
        execution = ground.exchange.executions("main")[0]
        assert (Decimal(trade["n"]), trade["N"]) == (execution.fee, execution.fee_currency)
        assert Decimal(trade["Y"]) == Decimal(trade["Z"]) == Decimal("80.004")
        await wire.call("order.cancel", symbol="BTCUSDT", orderId=order_id, newClientOrderId="bye")
        canceled = await wire.event("executionReport", lambda event: event["x"] == "CANCELED")
        assert (canceled["c"], canceled["C"], canceled["X"]) == ("bye", "mine", "CANCELED")
        assert canceled["z"] == "0.00400000"
        fields = set("eEscSofqpPFgCxXrilzLnNTtIwmMOZYQVW")
        for report in (new, trade, canceled):
            assert fields <= set(report)


async def test_balances_follow_orders_and_a_deposit_is_told_apart():
    async with open_ground() as ground, wired(ground) as wire:
        await wire.call(
            "order.place",
            symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC",
            quantity="0.01", price="19000",
        )  # fmt: skip
        position = await wire.event("outboundAccountPosition")
        held = ground.exchange.balances("main")["USDT"]
        assert position["B"] == [{"a": "USDT", "f": f"{held.free:.8f}", "l": f"{held.locked:.8f}"}]
        assert Decimal(position["B"][0]["f"]) == held.free
        assert [event["e"] for event in wire.events] == ["executionReport"]
        ground.exchange.deposit("main", "USDT", Decimal("-12.5"), ground.clock())
        deposit = await wire.event("balanceUpdate")
        assert (deposit["a"], deposit["d"]) == ("USDT", "-12.50000000")
        await wire.event("outboundAccountPosition")


async def test_a_list_is_told_as_started_and_as_done():
    async with open_ground() as ground, wired(ground) as wire:
        answer = await wire.call(
            "orderList.place",
            symbol="BTCUSDT", side="SELL", quantity="0.01", price="21000", stopPrice="19000",
        )  # fmt: skip
        number = answer["result"]["orderListId"]
        started = await wire.event("listStatus")
        assert (started["g"], started["l"], started["L"]) == (number, "EXEC_STARTED", "EXECUTING")
        assert len(started["O"]) == 2
        ground.make("BUY", "21000", "0.01")
        done = await wire.event("listStatus")
        assert (done["g"], done["l"], done["L"]) == (number, "ALL_DONE", "ALL_DONE")
        kinds = {event["x"] for event in wire.events if event["e"] == "executionReport"}
        assert kinds == {"NEW", "TRADE", "EXPIRED"}


async def test_an_order_that_would_meet_its_own_account_is_told_as_prevented():
    async with open_ground() as ground, wired(ground) as wire:
        for side in ("SELL", "BUY"):
            await wire.call(
                "order.place",
                symbol="BTCUSDT", side=side, type="LIMIT", timeInForce="GTC",
                quantity="0.01", price="20001",
            )  # fmt: skip
        told = await wire.event("executionReport", lambda event: event["x"] == "TRADE_PREVENTION")
        assert (told["X"], told["S"], told["A"]) == ("EXPIRED_IN_MATCH", "SELL", "0.01000000")


async def test_a_stop_is_told_again_when_it_wakes():
    async with open_ground() as ground, wired(ground) as wire:
        ground.make("BUY", "15000", "1")
        await wire.call(
            "order.place",
            symbol="BTCUSDT", side="SELL", type="STOP_LOSS", quantity="0.01", stopPrice="19000",
        )  # fmt: skip
        asleep = await wire.event("executionReport")
        assert (asleep["x"], asleep["o"], asleep["P"], asleep["w"]) == (
            "NEW", "STOP_LOSS", "19000.00000000", False,
        )  # fmt: skip
        assert "W" not in asleep
        ground.print_at("19000")
        awake = await wire.event("executionReport")
        assert (awake["x"], awake["X"], awake["w"], awake["i"]) == (
            "NEW", "NEW", True, asleep["i"],
        )  # fmt: skip
        traded = await wire.event("executionReport")
        assert (traded["x"], traded["X"], traded["L"]) == ("TRADE", "FILLED", "15000.00000000")


async def test_an_order_that_the_exchange_takes_back_is_told_as_rejected():
    async with open_ground() as ground, wired(ground) as wire:
        answer = await wire.call(
            "order.place",
            symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC",
            quantity="0.01", price="19000",
        )  # fmt: skip
        number = answer["result"]["orderId"]
        ground.make("SELL", "19000", "0.004")
        ground.exchange.reject_open("main", number, "a fault", ground.clock())
        told = await wire.event("executionReport", lambda event: event["x"] == "REJECTED")
        assert (told["X"], told["r"], told["z"]) == ("REJECTED", "UNKNOWN", "0.00400000")
        asked = await wire.call("order.status", symbol="BTCUSDT", orderId=number)
        assert asked["result"]["status"] == "REJECTED"


async def test_faults_strike_what_they_are_aimed_at():
    async with open_ground() as ground, wired(ground) as wire:
        lost = Fault(kind=FaultKind.PUSH_DROP, stream="fills", dialect="binance", times=1)
        ground.faults.add(lost)
        ground.make("SELL", "20001", "0.01")
        await wire.call("order.place", **MARKET_BUY)
        await wire.event("executionReport", lambda event: event["x"] == "NEW")
        await wire.call("ping", signed=False)
        assert {event["e"] for event in wire.events} == {"outboundAccountPosition"}
        ground.faults.add(Fault(kind=FaultKind.HANG, call="create", when="after", times=1))
        ground.make("SELL", "20001", "0.01")
        wire.answered.clear()
        await wire.send("order.place", **MARKET_BUY)
        await wire.call("ping", signed=False)
        assert wire.answered == ["ping"]
        assert len(ground.exchange.executions("main")) == 2


async def test_a_stream_ends_when_its_key_is_revoked():
    async with open_ground() as ground, wired(ground) as wire:
        ground.keys.remove(KEY)
        await wire.event("eventStreamTerminated")
        ground.exchange.deposit("main", "USDT", Decimal(1), ground.clock())
        refused = await wire.call("account.status")
        assert (refused["status"], refused["error"]["code"]) == (401, -2015)
        assert wire.events == []


async def test_a_subscription_is_made_once_and_taken_back():
    async with open_ground() as ground, wired(ground) as wire:
        again = await wire.call("userDataStream.subscribe.signature")
        assert again["error"]["code"] == -2035
        assert (await wire.call("session.subscriptions", signed=False))["result"] == [
            {"subscriptionId": 0}
        ]
        assert (await wire.call("userDataStream.unsubscribe", signed=False))["status"] == 200
        ground.exchange.deposit("main", "USDT", Decimal(1), ground.clock())
        assert (await wire.call("ping", signed=False))["result"] == {}
        assert wire.events == []


async def test_numbers_in_json_are_signed_and_read_with_the_digits_they_have():
    async with open_ground() as ground, wired(ground, subscribed=False) as wire:
        answer = await wire.call(
            "order.place",
            symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC",
            quantity=0.01, price=19000.5,
        )  # fmt: skip
        assert answer["result"]["price"] == "19000.50000000"


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("nonsense", 400, -1135),
        ('{"id":1,"method":"order.dance","params":{}}', 400, -1020),
        ('{"id":1,"method":"order.place","params":{}}', 401, -2014),
        ('{"id":1,"method":"depth","params":{"symbol":"NOPE"}}', 400, -1121),
    ],
)
async def test_what_the_websocket_api_does_not_understand_it_says(text, status, code):
    async with open_ground() as ground, wired(ground, subscribed=False) as wire:
        await wire.ws.send_str(text)
        async with asyncio.timeout(PATIENCE_S):
            answer = json.loads((await wire.ws.receive()).data)
        assert (answer["status"], answer["error"]["code"]) == (status, code)
