"""A plain ccxt bybit client on the public and private streams."""

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt
import msgspec
import pytest

from alphaforge.sandbox.fault_terms import Fault, FaultKind
from tests.sandbox.bybit.conftest import SPOT, SWAP, Rig, until, within


async def watched(client: Any, name: str, *arguments: Any) -> asyncio.Task[Any]:
    """A watch that has been asked for, its answer to come."""
    return asyncio.create_task(getattr(client, name)(*arguments))


@pytest.mark.parametrize("route", ["by_address", "by_name"])
@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_trades_come_with_the_ids_of_the_tape(rig: Rig, route: str, symbol: str) -> None:
    client = await getattr(rig, route)()
    if route == "by_name":
        client.set_sandbox_mode(True)
    await client.load_markets()
    rig.book(symbol)
    waiting = await watched(client, "watch_trades", symbol)
    await rig.public(1)
    await client.create_order(symbol, "market", "buy", "1.2")
    trades = await within(waiting)
    assert [(each["price"], each["amount"]) for each in trades] == [
        ("60001", "1"),
        ("60002", "0.2"),
    ]
    assert {each["side"] for each in trades} == {"buy"}
    tape = await client.fetch_trades(symbol)
    assert [each["id"] for each in trades] == [each["id"] for each in tape]


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_a_watched_book_stays_the_exchanges_book(rig: Rig, client: Any, symbol: str) -> None:
    rig.book(symbol)
    book = await within(client.watch_order_book(symbol))
    assert book["bids"][0] == [59999.0, 1.0]
    rig.offer("BUY", "2", "60000", symbol)
    rig.offer("SELL", "3", "60001", symbol)
    rig.offer("SELL", "1.5", "59999", symbol)
    for step in range(60):
        rig.offer("BUY", "1", str(50000 + step), symbol)
    book = await until(
        lambda: client.watch_order_book(symbol), lambda told: told["bids"][0] == [60000.0, 0.5]
    )
    depth = rig.exchange.depth(symbol, 50)
    assert book["bids"] == [[float(price), float(size)] for price, size in depth.bids]
    assert book["asks"] == [[float(price), float(size)] for price, size in depth.asks]


async def test_two_watchers_of_a_book_share_one_sequence(rig: Rig) -> None:
    rig.book()
    url = f"ws://127.0.0.1:{rig.port}/v5/public/linear"
    asked = msgspec.json.encode({"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]}).decode()
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        early, late = await session.ws_connect(url), await session.ws_connect(url)
        await early.send_str(asked)
        assert (await early.receive_json())["success"]
        assert (await early.receive_json())["type"] == "snapshot"
        rig.offer("BUY", "1", "59000")
        delta = await early.receive_json()
        assert (delta["type"], delta["data"]["b"]) == ("delta", [["59000", "1"]])
        await late.send_str(asked)
        assert (await late.receive_json())["success"]
        snapshot = await late.receive_json()
        assert snapshot["data"]["u"] == delta["data"]["u"]
        rig.offer("BUY", "1", "58000")
        one, two = await early.receive_json(), await late.receive_json()
        assert one == two
        assert one["data"]["u"] == snapshot["data"]["u"] + 1


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_tickers_tops_and_bars_follow_the_market(rig: Rig, client: Any, symbol: str) -> None:
    rig.book(symbol)
    ticker = await within(client.watch_ticker(symbol))
    assert ticker["symbol"] == symbol
    other = await rig.by_address()
    await other.load_markets()
    tops = await within(other.watch_bids_asks([symbol]))
    assert float(tops[symbol]["bid"]) == 59999
    bars = await watched(client, "watch_ohlcv", symbol, "1m")
    await rig.public(3)
    following = await watched(other, "watch_bids_asks", [symbol])
    ticking = await watched(client, "watch_ticker", symbol)
    await client.create_order(symbol, "market", "sell", "1.5")
    tops = await within(following)
    assert (float(tops[symbol]["bid"]), float(tops[symbol]["bidVolume"])) == (59998, 0.5)
    ticker = await within(ticking)
    assert ticker["last"] == "59998"
    assert Decimal(ticker["high"]) >= 60000 > Decimal(ticker["low"])
    rows = await within(bars)
    while float(rows[-1][4]) != 59998:
        waiting = await watched(client, "watch_ohlcv", symbol, "1m")
        await client.create_order(symbol, "market", "sell", "0.001")
        rows = await within(waiting)
    assert sum(float(row[5]) for row in rows) >= 1.5


async def test_an_order_is_told_from_new_to_filled(rig: Rig, client: Any) -> None:
    orders = await watched(client, "watch_orders")
    trades = await watched(client, "watch_my_trades")
    await rig.private(2)
    made = await client.create_order(SWAP, "limit", "buy", "0.3", "59000", {"clientOrderId": "a"})
    told = await within(orders)
    assert [(each["id"], each["clientOrderId"], each["status"]) for each in told] == [
        (made["id"], "a", "open")
    ]
    assert told[0]["symbol"] == SWAP
    rig.offer("SELL", "0.1", "59000")
    told = await until(client.watch_orders, lambda each: each[-1]["filled"] == "0.1")
    assert (told[-1]["status"], told[-1]["remaining"]) == ("open", "0.2")
    first = (await within(trades))[-1]
    rig.offer("SELL", "0.2", "59000")
    told = await until(client.watch_orders, lambda each: each[-1]["status"] == "closed")
    assert (told[-1]["average"], told[-1]["cost"]) == ("59000", "17700")
    booked = rig.exchange.executions("main")
    assert Decimal(first["amount"]) == booked[0].quantity
    assert (first["takerOrMaker"], first["order"]) == ("maker", made["id"])
    assert [first["id"]] == [each["id"] for each in (await client.fetch_my_trades(SWAP))[:1]]


async def test_spot_orders_are_told_as_spot(rig: Rig, client: Any) -> None:
    client.options["defaultType"] = "spot"
    orders = await watched(client, "watch_orders", SPOT)
    await rig.private(1)
    await client.create_order(SPOT, "limit", "buy", "0.3", "59000")
    assert [each["symbol"] for each in await within(orders)] == [SPOT]


async def test_balances_are_told_as_they_are_booked(rig: Rig, client: Any) -> None:
    rig.book(SPOT)
    watch = await watched(client, "watch_balance")
    await rig.private(1)
    await client.create_order(SPOT, "market", "buy", "0.5")
    told = await within(watch)
    if "BTC" not in told or told["BTC"]["total"] != "2.5":
        told = await until(
            client.watch_balance, lambda each: each.get("BTC", {}).get("total") == "2.5"
        )
    assert Decimal(told["USDT"]["total"]) == rig.balance().total
    assert Decimal(told["USDT"]["free"]) == rig.balance().free


async def test_positions_are_told_as_they_change(rig: Rig, client: Any) -> None:
    rig.book()
    await within(client.watch_positions())
    waiting = await watched(client, "watch_positions")
    await rig.private(1)
    await client.create_order(SWAP, "market", "sell", "0.5")
    told = (await within(waiting))[0]
    assert (told["symbol"], told["side"], told["contracts"]) == (SWAP, "short", "0.5")
    assert Decimal(told["entryPrice"]) == rig.position().entry_price


async def test_a_cancel_is_told(rig: Rig, client: Any) -> None:
    made = await client.create_order(SWAP, "limit", "buy", "0.3", "59000")
    waiting = await watched(client, "watch_orders")
    await rig.private(1)
    await client.cancel_order(made["id"], SWAP)
    told = (await within(waiting))[-1]
    assert (told["status"], told["info"]["cancelType"]) == ("canceled", "CancelByUser")


async def test_a_wrong_secret_is_refused_by_the_private_stream(rig: Rig) -> None:
    client = await rig.by_address(
        secret="wrong", options={"enableUnifiedMargin": False, "enableUnifiedAccount": True}
    )
    client.has["fetchCurrencies"] = False
    await client.load_markets()
    with pytest.raises((ccxt.ExchangeError, ccxt.NetworkError)):
        await within(client.watch_orders())


async def test_a_topic_that_is_not_there_is_refused(rig: Rig, client: Any) -> None:
    client.markets[SPOT]["id"] = "NOSUCH"
    with pytest.raises(ccxt.ExchangeError, match="Not supported symbols"):
        await within(client.watch_trades(SPOT))


async def test_pings_are_answered(rig: Rig, client: Any) -> None:
    client.streaming = {**client.streaming, "keepAlive": 30}
    rig.book()
    await within(client.watch_order_book(SWAP))
    connection = next(iter(client.clients.values()))
    seen = connection.lastPong
    await rig.holds(lambda: connection.lastPong not in {seen, None})


async def test_a_lost_book_frame_leaves_a_hole_in_the_sequence(rig: Rig) -> None:
    rig.book()
    url = f"ws://127.0.0.1:{rig.port}/v5/public/linear"
    asked = msgspec.json.encode({"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]}).decode()
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        socket = await session.ws_connect(url)
        await socket.send_str(asked)
        await socket.receive_json()
        before = (await socket.receive_json())["data"]["u"]
        rig.floor.faults.add(Fault(kind=FaultKind.GAP, times=1))
        rig.offer("BUY", "1", "59000")
        await rig.holds(lambda: rig.floor.faults.injected)
        rig.offer("BUY", "1", "58000")
        assert (await socket.receive_json())["data"]["u"] == before + 2


async def test_a_bar_that_is_over_is_confirmed_before_the_next_begins(rig: Rig) -> None:
    rig.book(SPOT)
    asked = msgspec.json.encode({"op": "subscribe", "args": ["kline.1.BTCUSDT"]}).decode()
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        socket = await session.ws_connect(f"ws://127.0.0.1:{rig.port}/v5/public/spot")
        await socket.send_str(asked)
        assert (await socket.receive_json())["success"]
        running = (await socket.receive_json())["data"][0]
        assert running["confirm"] is False
        rig.clock.skew_ns = 60_000_000_000
        over = (await socket.receive_json())["data"][0]
        assert (over["start"], over["confirm"]) == (running["start"], True)
        following = (await socket.receive_json())["data"][0]
        assert (following["start"], following["confirm"]) == (over["end"] + 1, False)


async def test_a_demo_client_reads_the_live_streams_and_its_own_private_one(rig: Rig) -> None:
    client = await rig.by_name()
    client.enable_demo_trading(True)
    await client.load_markets()
    rig.book()
    book = await within(client.watch_order_book(SWAP))
    assert book["asks"][0] == [60001.0, 1.0]
    orders = await watched(client, "watch_orders")
    await rig.private(1)
    made = await client.create_order(SWAP, "limit", "buy", "0.1", "59000")
    assert [each["id"] for each in await within(orders)] == [made["id"]]
    assert sorted(client.clients) == [
        "wss://stream-demo.bybit.com/v5/private",
        "wss://stream.bybit.com/v5/public/linear",
    ]


async def test_a_stream_can_be_left(rig: Rig, client: Any) -> None:
    rig.book()
    await within(client.watch_order_book(SWAP, 50))
    await within(client.un_watch_order_book(SWAP, {"limit": 50}))
    assert not rig.dialect._public["linear"]._topics


async def test_a_private_question_needs_a_proved_key(rig: Rig) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        socket = await session.ws_connect(f"ws://127.0.0.1:{rig.port}/v5/private")
        for frame in ("[]", "nonsense", '{"op": "sing"}', '{"op": "subscribe", "args": ["order"]}'):
            await socket.send_str(frame)
            assert (await socket.receive_json())["success"] is False
    assert not rig.dialect._private._watchers["main"]
