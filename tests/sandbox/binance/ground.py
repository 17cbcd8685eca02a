"""The Binance dialect on a real server, and plain ccxt clients that reach it both ways.

No agents: `@maker` holds the book, so that every test knows who it trades with.
"""

import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.pro

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.api_keys import ApiKey, ApiKeys
from alphaforge.sandbox.candles import Candles
from alphaforge.sandbox.dialects.binance import BinanceSpot
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.faults import Faults
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.limits import Limits
from alphaforge.sandbox.server import ExchangeServer
from alphaforge.sandbox.terms import Kind, Listing, NewOrder, Order, SelfTrade
from alphaforge.sandbox.tls import certificates

KEY, SECRET = "testkey0000000000", "testsecret000000"
PATIENCE_S = 10
SYMBOL = "BTC/USDT"

LISTINGS = (
    Listing(
        symbol=SYMBOL,
        base="BTC",
        quote="USDT",
        settle="USDT",
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(100),
        first_price=Decimal(20_000),
    ),
    Listing(
        symbol="ETH/USDT",
        base="ETH",
        quote="USDT",
        settle="USDT",
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.0001"),
        min_quantity=Decimal("0.0001"),
        first_price=Decimal(1_000),
    ),
)
PLAIN: dict[str, Any] = {
    "apiKey": KEY,
    "secret": SECRET,
    "number": str,
    "enableRateLimit": False,
    "options": {
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "fetchMargins": False,
        "fetchCurrencies": False,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    },
}


class WallClock:
    """The machine's time, which a test may set wrong."""

    def __init__(self) -> None:
        self.skew_ns = 0

    def __call__(self) -> int:
        return time.time_ns() + self.skew_ns


class Resolver(aiohttp.abc.AbstractResolver):
    """Every name is this machine, at this port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: set[str] = set()

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked.add(host)
        found = {"hostname": host, "host": "127.0.0.1", "port": self.port}
        return [{**found, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Nothing is open."""


class Ground:
    """A running exchange, its maker and its front door."""

    def __init__(self, *keys: ApiKey) -> None:
        self.clock = WallClock()
        self.exchange = Exchange(LISTINGS)
        self.candles = Candles(LISTINGS, self.clock())
        self.exchange.listeners.append(self.candles.hear)
        self.faults = Faults(self.clock)
        self.keys = ApiKeys([ApiKey(key=KEY, secret=SECRET, account="main"), *keys])
        self.floor = Floor(self.exchange, self.clock, self.keys, self.candles, self.faults)
        self.dialect = BinanceSpot(self.floor)
        self.port = 0
        self.exchange.open_account("main", {"USDT": Decimal(100_000), "BTC": Decimal(2)})
        self.exchange.open_account("@maker", {})

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def make(self, side: str, price: str, quantity: str, symbol: str = SYMBOL) -> Order:
        """The maker's limit order."""
        return self.exchange.place("@maker", limit(side, price, quantity, symbol), self.clock())

    def quote(self) -> None:
        """A book around 20,000: half a coin at each of five levels a side."""
        for step in range(1, 6):
            self.make("BUY", str(20_000 - step), "0.5")
            self.make("SELL", str(20_000 + step), "0.5")

    def print_at(self, price: str, quantity: str = "0.001") -> None:
        """A trade between makers at a price inside the spread."""
        self.make("SELL", price, quantity)
        self.make("BUY", price, quantity)

    def total(self, currency: str) -> Decimal:
        """What the account has, by the exchange's own books."""
        return self.exchange.balances("main")[currency].total

    @asynccontextmanager
    async def client(self, **config: object) -> AsyncIterator[Any]:
        """A plain client by address: route B."""
        client = ccxt.pro.binance(merged(PLAIN, config))
        client.urls["api"].update(self.dialect.urls(self.address))
        try:
            yield client
        finally:
            await client.close()


def limit(side: str, price: str, quantity: str, symbol: str = SYMBOL) -> NewOrder:
    return NewOrder(
        symbol=symbol,
        side=OrderSide(side),
        kind=Kind.LIMIT,
        quantity=Decimal(quantity),
        limit_price=Decimal(price),
        self_trade=SelfTrade.NONE,
    )


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both, options too."""
    options = {**base.get("options", {}), **over.get("options", {})}
    return {**base, **over, "options": options}


@asynccontextmanager
async def open_ground(
    *keys: ApiKey, limits: Mapping[str, Limits] | None = None
) -> AsyncIterator[Ground]:
    """A server on a free port, without a budget unless one is given."""
    ground = Ground(*keys)
    server = ExchangeServer(ground.floor, [ground.dialect], limits=limits or {})
    async with server.serving() as ground.port:
        yield ground


@asynccontextmanager
async def open_by_name(
    folder: Path,
    *keys: ApiKey,
    network: str = "sandbox",
    config: Mapping[str, Any] | None = None,
) -> AsyncIterator[tuple[Ground, Any, Resolver]]:
    """A TLS server under the venue's names and a client that keeps its addresses: route A.

    `network` is `live`, `sandbox` or `demo`.
    """
    ground = Ground(*keys)
    made = certificates(ground.dialect.hosts, folder, ground.clock())
    server = ExchangeServer(ground.floor, [ground.dialect], limits={})
    async with server.serving(tls=made.context) as ground.port:
        resolver = Resolver(ground.port)
        trusting = ssl.create_default_context(cafile=str(made.ca_file))
        connector = aiohttp.TCPConnector(ssl=trusting, resolver=resolver, use_dns_cache=False)
        async with aiohttp.ClientSession(connector=connector) as session:
            client = ccxt.pro.binance({**merged(PLAIN, config or {}), "session": session})
            if network == "sandbox":
                client.set_sandbox_mode(True)
            elif network == "demo":
                client.enable_demo_trading(True)
            try:
                yield ground, client, resolver
            finally:
                await client.close()
