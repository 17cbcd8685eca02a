"""A tiny dialect on a real server: enough to see what the wire, the faults and the limits do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import aiohttp
import msgspec
import pytest
from aiohttp import web

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.admin import TOKEN_HEADER, Admin
from alphaforge.sandbox.api_keys import ApiKey, ApiKeys
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.fault_acts import Acts
from alphaforge.sandbox.fault_terms import Fault, Stream
from alphaforge.sandbox.faults import Faults
from alphaforge.sandbox.floor import Call, Floor, Refusing, Route
from alphaforge.sandbox.limits import Budget, Limits, Used
from alphaforge.sandbox.server import ExchangeServer
from alphaforge.sandbox.sockets import Socket
from alphaforge.sandbox.terms import Kind, Listing, NewOrder, OrderChanged, Told

START = 1_700_000_000_000_000_000
TOKEN = "the-token"
PATIENCE_S = 10

LISTING = Listing(
    symbol="BTC/USDT",
    base="BTC",
    quote="USDT",
    settle="USDT",
    price_step=Decimal("0.01"),
    quantity_step=Decimal("0.0001"),
    min_quantity=Decimal("0.0001"),
    first_price=Decimal(100),
)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.true = START
        self.skew_ns = 0

    def now(self) -> int:
        return self.true + self.skew_ns


class TinyTalk:
    """A socket that subscribes to everything and echoes what it hears."""

    def __init__(self, socket: Socket, dialect: "Tiny") -> None:
        self.socket = socket
        self.dialect = dialect
        dialect.talks.append(self)

    async def heard(self, text: str) -> None:
        self.socket.reply(f"echo {text}")

    def gone(self) -> None:
        self.dialect.talks.remove(self)


class Tiny:
    """One venue in thirty lines: place, look up, list trades, stream."""

    name = "tiny"
    hosts = ("api.tiny.test", "stream.tiny.test")
    test_hosts = ("api.tiny.test",)
    prefixes = ("tiny",)
    budget = Budget(weight=50, window_s=60, orders=20, orders_window_s=10)

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.talks: list[TinyTalk] = []
        floor.exchange.listeners.append(self.tell)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/tiny/time", Call.TIME, self.time),
            Route("POST", "/tiny/order", Call.CREATE, self.create, is_private=True),
            Route("GET", "/tiny/order", Call.QUERY, self.query, is_private=True),
            Route("GET", "/tiny/trades", Call.TRADES, self.trades, weight=5, is_private=True),
            Route("GET", "/tiny/ws", Call.STREAM, self.public),
            Route("GET", "/tiny/private", Call.STREAM, self.private),
        ]

    def urls(self, address: str) -> dict[str, object]:
        return {"public": f"http://{address}/tiny"}

    def error(self, status: int, code: str, message: str, retry_after: int) -> Refusing:
        told = {"status": status, "code": code, "msg": message}
        return Refusing(status, msgspec.json.encode(told))

    def payer(self, request: web.Request) -> str:
        return request.headers.get("X-Key", request.remote or "")

    def budget_headers(self, used: Used) -> dict[str, str]:
        return {"X-Used": str(used.weight), "X-Orders": str(used.orders)}

    async def close(self) -> None:
        """The floor closes the sockets."""

    async def time(self, request: web.Request) -> web.Response:
        return web.json_response({"time": self.floor.clock()})

    async def create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        order = self.floor.exchange.place(
            "main",
            NewOrder(
                symbol=asked["symbol"],
                side=OrderSide(asked.get("side", "BUY")),
                kind=Kind.LIMIT,
                quantity=Decimal(asked["quantity"]),
                limit_price=Decimal(asked["price"]),
                client_order_id=asked.get("id", ""),
            ),
            self.floor.clock(),
        )
        return self.json(order)

    async def query(self, request: web.Request) -> web.Response:
        orders = self.floor.exchange.orders("main", request.query["symbol"])
        return self.json(orders)

    async def trades(self, request: web.Request) -> web.Response:
        return self.json(self.floor.exchange.executions("main"))

    async def public(self, request: web.Request) -> web.StreamResponse:
        return await self.floor.sockets.serve(request, self.name, lambda s: TinyTalk(s, self))

    async def private(self, request: web.Request) -> web.StreamResponse:
        return await self.floor.sockets.serve(
            request, self.name, lambda s: TinyTalk(s, self), is_private=True
        )

    def tell(self, told: Told) -> None:
        if isinstance(told, OrderChanged):
            for talk in self.talks:
                text = msgspec.json.encode(told).decode()
                talk.socket.push(Stream.ORDERS, text, told.order.symbol)

    def say(self, text: str, stream: Stream = Stream.TRADES, symbol: str = "BTC/USDT") -> None:
        for talk in self.talks:
            talk.socket.push(stream, text, symbol)

    @staticmethod
    def json(content: object) -> web.Response:
        return web.Response(body=msgspec.json.encode(content), content_type="application/json")


class Ticks:
    """Something that goes on by itself, for tests that wait for something else to."""

    def __init__(self) -> None:
        self.came = asyncio.Event()

    def play(self, now: int) -> None:
        self.came.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self.came.clear()
            await self.came.wait()


@dataclass
class Place:
    """A served exchange and a client for it."""

    floor: Floor
    clock: Clock
    tiny: Tiny
    acts: Acts
    server: ExchangeServer
    port: int
    http: aiohttp.ClientSession
    ticks: Ticks

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fault(self, **told: object) -> int:
        return self.floor.faults.add(msgspec.convert(told, Fault))

    async def place(self, price: str = "90", quantity: str = "1", **more: str) -> dict[str, str]:
        told = {"symbol": "BTC/USDT", "price": price, "quantity": quantity, **more}
        async with self.http.post(f"{self.url}/tiny/order", json=told) as answer:
            return await answer.json()

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        answer = await self.http.get(f"{self.url}{path}", headers=headers)
        await answer.read()
        return answer

    async def admin(self, method: str, path: str, body: object = None) -> dict[str, object]:
        async with self.http.request(
            method, f"{self.url}/admin/{path}", json=body, headers={TOKEN_HEADER: TOKEN}
        ) as answer:
            return await answer.json()

    async def stream(self, path: str = "/tiny/ws") -> aiohttp.ClientWebSocketResponse:
        socket = await self.http.ws_connect(f"{self.url}{path}", autoping=False)
        await socket.send_str("hello")
        assert (await socket.receive_str()) == "echo hello"
        return socket

    def orders(self) -> list[str]:
        return [each.client_order_id for each in self.floor.exchange.orders("main", "BTC/USDT")]


def built(soon: Callable[[Callable[[], None]], object]) -> tuple[Floor, Clock, Tiny, Acts]:
    """A floor with one account, and nothing on the wire yet."""
    clock = Clock()
    exchange = Exchange([LISTING])
    exchange.open_account("main", {"USDT": Decimal(10_000), "BTC": Decimal(10)})
    keys = ApiKeys([ApiKey(key="k", secret="s", account="main")])
    faults = Faults(lambda: clock.true, seed=1)
    floor = Floor(exchange, clock.now, keys, None, faults)
    return floor, clock, Tiny(floor), Acts(exchange, faults, keys, floor.sockets, clock, soon=soon)


@asynccontextmanager
async def open_place(limits: dict[str, Limits] | None = None, tls=None) -> AsyncIterator[Place]:
    floor, clock, tiny, acts = built(asyncio.get_running_loop().call_soon)
    admin = Admin(floor, acts, TOKEN, ("tiny",))
    ticks = Ticks()
    server = ExchangeServer(
        floor, [tiny], happenings=[acts, ticks], admin=admin.application(), limits=limits
    )
    admin.answering = server.answering
    async with (
        asyncio.timeout(PATIENCE_S),
        server.serving(tls=tls) as port,
        aiohttp.ClientSession() as http,
    ):
        yield Place(floor, clock, tiny, acts, server, port, http, ticks)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A tiny exchange that counts no requests."""
    async with open_place({}) as found:
        yield found
