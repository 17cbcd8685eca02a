"""Market streams: through a plain ccxt client, and frame by frame on a raw socket."""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import aiohttp
import pytest

from alphaforge.sandbox.fault_terms import Fault, FaultKind
from tests.sandbox.binance.ground import PATIENCE_S, SYMBOL, open_ground


@asynccontextmanager
async def opened(ground, path):
    """A raw socket."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://{ground.address}{path}") as ws,
    ):
        yield ws


async def next_of(ws, wanted=lambda frame: True):
    """The next frame that is wanted."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame = json.loads((await ws.receive()).data)
            if wanted(frame):
                return frame


async def asked(ws, method, *names):
    await ws.send_json({"method": method, "params": list(names), "id": 7})
    return await next_of(ws, lambda frame: "id" in frame)


async def keep_doing(act):
    """Something over and over until what waits for it has come."""
    while True:
        act()
        await asyncio.sleep(0.05)


async def while_doing(act, waiting):
    """The result of waiting, while something goes on."""
    doing = asyncio.create_task(keep_doing(act))
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await waiting
    finally:
        doing.cancel()


async def test_ccxt_watches_trades():
    async with open_ground() as ground, ground.client() as client:
        await client.load_markets()
        trades = await while_doing(lambda: ground.print_at("20000.5"), client.watch_trades(SYMBOL))
        assert trades[0]["symbol"] == SYMBOL
        assert Decimal(trades[0]["price"]) == Decimal("20000.5")
        assert trades[0]["side"] == "buy"


async def test_ccxt_keeps_a_book_equal_to_the_exchanges():
    async with open_ground() as ground, ground.client() as client:
        ground.quote()
        steps = iter(range(1, 100_000))

        def change():
            step = next(steps)
            ground.make("BUY", str(19_000 + step % 500), "0.01")
            if step % 7 == 0:
                ground.print_at("20000")

        for _ in range(10):
            book = await while_doing(change, client.watch_order_book(SYMBOL))
        while book["nonce"] < ground.exchange.depth(SYMBOL, 1).update_id:
            async with asyncio.timeout(PATIENCE_S):
                book = await client.watch_order_book(SYMBOL)
        truth = ground.exchange.depth(SYMBOL, 1000)
        assert book["bids"] == [[float(price), float(size)] for price, size in truth.bids]
        assert book["asks"] == [[float(price), float(size)] for price, size in truth.asks]


async def test_ccxt_watches_the_best_prices():
    async with open_ground() as ground, ground.client() as client:
        sides = iter(range(100_000))

        def improve():
            ground.make("BUY", str(19_000 + Decimal(next(sides)) / 100), "0.01")

        ground.make("SELL", "20001", "0.5")
        tops = await while_doing(improve, client.watch_bids_asks([SYMBOL]))
        assert Decimal(tops[SYMBOL]["ask"]) == 20_001


async def test_ccxt_watches_tickers_and_bars():
    async with open_ground() as ground, ground.client() as client:
        await client.load_markets()
        last, found = Decimal("20000.25"), {}

        async def keep(name, watching):
            found[name] = await watching

        async def all_of_them():
            async with asyncio.TaskGroup() as group:
                group.create_task(keep("one", client.watch_ticker(SYMBOL)))
                group.create_task(keep("some", client.watch_tickers([SYMBOL])))
                group.create_task(keep("bars", client.watch_ohlcv(SYMBOL, "1m")))

        await while_doing(lambda: ground.print_at(str(last)), all_of_them())
        assert Decimal(found["one"]["last"]) == Decimal(found["some"][SYMBOL]["last"]) == last
        assert Decimal(found["bars"][-1][4]) == last


async def test_ccxt_leaves_a_stream():
    async with open_ground() as ground, ground.client() as client:
        await client.load_markets()
        await while_doing(lambda: ground.print_at("20000.5"), client.watch_trades(SYMBOL))
        async with asyncio.timeout(PATIENCE_S):
            await client.un_watch_trades(SYMBOL)


async def test_diffs_follow_one_another_and_on_the_snapshot():
    async with open_ground() as ground, opened(ground, "/ws/btcusdt@depth@100ms") as ws:
        for step in range(20):
            ground.make("BUY", str(19_000 + step), "0.01")
        snapshot = ground.exchange.depth(SYMBOL, 1000)
        first = await next_of(ws)
        assert first["U"] <= snapshot.update_id + 1
        ground.make("BUY", "18000", "0.01")
        second = await next_of(ws)
        assert second["U"] == first["u"] + 1
        assert second["b"] == [["18000.00000000", "0.01000000"]]
        ground.exchange.cancel_all("@maker", SYMBOL, ground.clock())
        third = await next_of(ws)
        assert third["U"] == second["u"] + 1
        assert {size for _, size in third["b"]} == {"0.00000000"}


async def test_a_lost_diff_is_a_gap():
    async with open_ground() as ground, opened(ground, "/ws/btcusdt@depth@100ms") as ws:
        seen = []

        def is_after_a_gap(frame):
            seen.append(frame)
            return len(seen) > 1 and frame["U"] != seen[-2]["u"] + 1

        ground.faults.add(Fault(kind=FaultKind.GAP, symbol=SYMBOL, at=0.3, times=1))
        await while_doing(lambda: ground.make("BUY", "18000", "0.01"), next_of(ws, is_after_a_gap))
        assert ground.faults.injected[FaultKind.GAP] == 1


async def test_a_bar_that_is_over_is_pushed_as_closed():
    async with open_ground() as ground, opened(ground, "/ws/btcusdt@kline_1s") as ws:
        ground.print_at("20000.5")
        frame = await next_of(ws, lambda frame: frame["k"]["x"])
        bar = frame["k"]
        assert (bar["i"], bar["T"] - bar["t"]) == ("1s", 999)
        following = await next_of(ws, lambda frame: frame["k"]["x"])
        assert following["k"]["t"] == bar["t"] + 1000


async def test_a_combined_socket_names_the_stream_of_each_frame():
    path = "/stream?streams=btcusdt@trade/btcusdt@bookTicker"
    async with open_ground() as ground, opened(ground, path) as ws:
        ground.print_at("20000.5")
        frame = await next_of(ws, lambda frame: frame["stream"] == "btcusdt@trade")
        assert frame["data"]["p"] == "20000.50000000"
        listed = await asked(ws, "LIST_SUBSCRIPTIONS")
        assert listed == {"result": ["btcusdt@trade", "btcusdt@bookTicker"], "id": 7}


@pytest.mark.parametrize("path", ["/ws", "/ws/0", "/stream/ws/17", "/stream"])
async def test_a_subscription_is_made_and_taken_back_on_any_path(path):
    async with open_ground() as ground, opened(ground, path) as ws:
        assert await asked(ws, "SUBSCRIBE", "btcusdt@trade") == {"result": None, "id": 7}
        ground.print_at("20000.5")
        frame = await next_of(ws)
        assert ("data" in frame) == (path == "/stream")
        assert await asked(ws, "UNSUBSCRIBE", "btcusdt@trade") == {"result": None, "id": 7}
        ground.print_at("20000.5")
        assert (await asked(ws, "LIST_SUBSCRIPTIONS"))["result"] == []


async def test_short_books_and_all_tickers_come_at_their_beat():
    async with open_ground() as ground:
        ground.quote()
        async with opened(ground, "/ws/btcusdt@depth5@100ms") as ws:
            frame = await next_of(ws)
            assert (len(frame["bids"]), len(frame["asks"])) == (5, 5)
        async with opened(ground, "/ws/!miniTicker@arr") as ws:
            frame = await next_of(ws)
            assert {one["s"] for one in frame} == {"BTCUSDT", "ETHUSDT"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no json", 3),
        ('{"method":"DANCE","params":["x"],"id":1}', 2),
        ('{"method":"SUBSCRIBE","id":1}', 2),
        ('{"method":"SUBSCRIBE","params":[1.5],"id":1}', 2),
        ('{"method":"SET_PROPERTY","params":["speed",true],"id":1}', 0),
    ],
)
async def test_what_a_socket_does_not_understand_it_says(text, code):
    async with open_ground() as ground, opened(ground, "/ws") as ws:
        await ws.send_str(text)
        assert (await next_of(ws))["error"]["code"] == code


async def test_a_ping_is_answered():
    async with (
        open_ground() as ground,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://{ground.address}/ws", autoping=False) as ws,
    ):
        await ws.ping(b"hello")
        async with asyncio.timeout(PATIENCE_S):
            message = await ws.receive()
        assert (message.type, bytes(message.data)) == (aiohttp.WSMsgType.PONG, b"hello")
