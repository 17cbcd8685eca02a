"""A served exchange that speaks Bybit, and plain ccxt.pro.bybit clients that come to it.

Nothing of our own adapter is in here: the client is the one anybody installs. It comes by address
(route B, its URLs overlaid) or by Bybit's own host names (route A, resolver and authority ours).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.pro
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.sandbox.api_keys import ApiKey, ApiKeys, Network
from alphaforge.sandbox.candles import Candles
from alphaforge.sandbox.clock import ExchangeClock
from alphaforge.sandbox.dialects.bybit_v5 import BybitV5
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.faults import Faults
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.server import ExchangeServer
from alphaforge.sandbox.terms import Balance, Kind, Listing, NewOrder, Order, PositionView
from alphaforge.sandbox.tls import certificates

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
KEY, SECRET = "main-key", "main-secret"
PATIENCE_S = 20

LISTINGS = (
    Listing(
        symbol=SPOT,
        base="BTC",
        quote="USDT",
        settle="USDT",
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(100),
        first_price=Decimal(60000),
    ),
    Listing(
        symbol=SWAP,
        kind=InstrumentKind.LINEAR,
        base="BTC",
        quote="USDT",
        settle="USDT",
        price_step=Decimal("0.1"),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(100),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.00055"),
        first_price=Decimal(60000),
    ),
)


class Resolver(AbstractResolver):
    """Every host is here."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=self.port, family=2, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


class Ticks:
    """Goes on by itself, for tests that wait for something else to."""

    def __init__(self) -> None:
        self.came = asyncio.Event()

    def play(self, now: int) -> None:
        self.came.set()


@dataclass
class Rig:
    """The exchange, its server and who talks to it."""

    exchange: Exchange
    clock: ExchangeClock
    floor: Floor
    dialect: BybitV5
    server: ExchangeServer
    port: int
    ca_file: Path
    ticks: Ticks
    stack: AsyncExitStack = field(repr=False)

    async def by_address(self, **config: Any) -> Any:
        """A client whose URLs are overlaid."""
        client = ccxt.pro.bybit(configured(config))
        client.urls["api"] = self.dialect.urls(f"127.0.0.1:{self.port}")
        self.stack.push_async_callback(client.close)
        return client

    async def by_name(self, **config: Any) -> Any:
        """A client that believes it talks to Bybit itself."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connector = aiohttp.TCPConnector(
            ssl=context, resolver=Resolver(self.port), use_dns_cache=False
        )
        session = aiohttp.ClientSession(connector=connector)
        self.stack.push_async_callback(session.close)
        client = ccxt.pro.bybit(configured({"session": session, **config}))
        self.stack.push_async_callback(client.close)
        return client

    async def holds(self, condition: Callable[[], Any]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.ticks.came.clear()
                await self.ticks.came.wait()

    async def public(self, topics: int) -> None:
        """Wait until so many public topics are watched."""
        streams = self.dialect._public.values()
        await self.holds(lambda: sum(len(each._topics) for each in streams) >= topics)

    async def private(self, topics: int = 1) -> None:
        """Wait until so many of the account's topics are watched."""
        watchers = self.dialect._private._watchers["main"]
        await self.holds(lambda: sum(len(each) for each in watchers.values()) >= topics)

    def offer(
        self, side: str, quantity: str, price: str, symbol: str = SWAP, account: str = "@maker"
    ) -> Order:
        """Somebody else's limit order."""
        new = NewOrder(
            symbol=symbol,
            side=OrderSide(side),
            kind=Kind.LIMIT,
            quantity=Decimal(quantity),
            limit_price=Decimal(price),
        )
        return self.exchange.place(account, new, self.clock.now())

    def book(self, symbol: str = SWAP) -> None:
        """Three levels a side around 60,000."""
        for step in (1, 2, 3):
            self.offer("SELL", "1", str(60000 + step), symbol)
            self.offer("BUY", "1", str(60000 - step), symbol)

    def balance(self, currency: str = "USDT", account: str = "main") -> Balance:
        return self.exchange.balances(account)[currency]

    def position(self, account: str = "main") -> PositionView:
        return self.exchange.positions(account)[0]


def configured(config: dict[str, Any]) -> dict[str, Any]:
    options = {"fetchMarkets": {"types": ["spot", "linear"]}}
    options |= config.pop("options", {})
    keys = {"apiKey": KEY, "secret": SECRET}
    quick = {"number": str, "enableRateLimit": False, "timeout_on_exit": 0}
    return {**keys, **quick, "options": options, **config}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tls")
    return certificates(BybitV5.hosts, folder, ExchangeClock().now())


@pytest.fixture
async def rig(authority: Any) -> AsyncIterator[Rig]:
    exchange = Exchange(LISTINGS)
    exchange.open_account("main", {"USDT": Decimal(100000), "BTC": Decimal(2)})
    exchange.open_account("other", {"USDT": Decimal(1000)})
    exchange.open_account("@maker", {})
    clock = ExchangeClock()
    candles = Candles(LISTINGS, clock.now())
    exchange.listeners.append(candles.hear)
    keys = ApiKeys(
        [
            ApiKey(key=KEY, secret=SECRET, account="main"),
            ApiKey(key="live-key", secret=SECRET, account="main", network=Network.LIVE),
            ApiKey(key="read-key", secret=SECRET, account="main", can_trade=False),
            ApiKey(key="old-key", secret=SECRET, account="main", expires=1),
            ApiKey(key="far-key", secret=SECRET, account="main", addresses=("192.0.2.1",)),
            ApiKey(key="other-key", secret=SECRET, account="other"),
        ]
    )
    floor = Floor(exchange, clock.now, keys, candles, Faults(clock.true_now))
    dialect = BybitV5(floor)
    ticks = Ticks()
    server = ExchangeServer(floor, [dialect], happenings=[ticks])
    async with (
        server.serving(tls=authority.context) as port,
        AsyncExitStack() as stack,
    ):
        yield Rig(exchange, clock, floor, dialect, server, port, authority.ca_file, ticks, stack)


@pytest.fixture
async def client(rig: Rig) -> Any:
    """By address, markets loaded."""
    client = await rig.by_address()
    await client.load_markets()
    return client


async def within(waiting: Any) -> Any:
    """What comes, or a failure instead of a hang."""
    async with asyncio.timeout(PATIENCE_S):
        return await waiting


async def until(watch: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """The first of what a stream gives that fits."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            told = await watch()
            if holds(told):
                return told
