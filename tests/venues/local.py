"""The built-in exchange in the tests' own process, on a real socket, with its back doors open.

Every test has an exchange, accounts and keys of its own; the certificate is made once.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.api_keys import ApiKey, ApiKeys
from alphaforge.sandbox.candles import Candles
from alphaforge.sandbox.clock import ExchangeClock
from alphaforge.sandbox.dialects.binance import BinanceSpot
from alphaforge.sandbox.dialects.bybit_v5 import BybitV5
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.fault_acts import Acts
from alphaforge.sandbox.fault_terms import Fault, FaultKind
from alphaforge.sandbox.faults import Faults
from alphaforge.sandbox.floor import Dialect, Floor
from alphaforge.sandbox.life import Life
from alphaforge.sandbox.listings import default_listings
from alphaforge.sandbox.server import ExchangeServer
from alphaforge.sandbox.terms import Kind, NewOrder, Order
from alphaforge.sandbox.tls import Certificates, certificates
from alphaforge.venues.ccxt_access import Access, Local, Network

FUNDS = {"USDT": Decimal(100_000), "BTC": Decimal(2), "ETH": Decimal(20)}
ACCOUNT = "main"
SYMBOLS = ("BTC/USDT", "ETH/USDT", "BTC/USDT:USDT")


@dataclass
class LocalExchange:
    """One that serves.

    Attributes:
        dialects: In the order binance, bybit.
        keys: More may be added.
    """

    exchange: Exchange
    clock: ExchangeClock
    faults: Faults
    floor: Floor
    keys: ApiKeys
    acts: Acts
    dialects: tuple[Dialect, ...]
    key: ApiKey
    ca_file: Path
    server: ExchangeServer = field(init=False)
    port: int = 0

    def access(self, ccxt_id: str, **terms: object) -> Access:
        """How a client of ours reaches it, with the account's key."""
        given: dict[str, object] = {
            "network": Network.TEST,
            "api_key": self.key.key,
            "secret": self.key.secret,
            "local": Local(self.port, self.ca_file),
            "timeout_s": 1.5,
            **terms,
        }
        return Access(ccxt_id=ccxt_id, **given)

    def fault(self, kind: FaultKind, **terms: object) -> None:
        """From now on something goes wrong; what a fault does to the exchange happens at once."""
        self.faults.add(Fault(kind=kind, **terms))
        self.acts.play(self.clock.now())

    def well_again(self) -> None:
        """No more faults."""
        self.faults.clear()

    def by_hand(self, side: OrderSide, price: Decimal, quantity: Decimal, symbol: str) -> Order:
        """Somebody places a limit order on the account."""
        order = NewOrder(
            symbol=symbol, side=side, kind=Kind.LIMIT, quantity=quantity, limit_price=price
        )
        return self.exchange.place(ACCOUNT, order, self.clock.now())


def make_certificates(folder: Path) -> Certificates:
    """For every host that a dialect answers."""
    exchange = Exchange(default_listings(SYMBOLS))
    clock = ExchangeClock()
    floor = Floor(
        exchange, clock.now, ApiKeys([]), _candles(exchange, clock), Faults(clock.true_now, 1)
    )
    hosts = [host for each in _dialects(floor) for host in each.hosts]
    return certificates(hosts, folder, clock.now())


def _dialects(floor: Floor) -> tuple[Dialect, ...]:
    return (BinanceSpot(floor), BybitV5(floor))


def _candles(exchange: Exchange, clock: ExchangeClock) -> Candles:
    last = {symbol: exchange.last(symbol) for symbol in exchange.listings}
    return Candles(exchange.listings.values(), clock.now(), 1, last)


@asynccontextmanager
async def local_exchange(
    made: Certificates,
    *,
    symbols: Sequence[str] = SYMBOLS,
    funds: Mapping[str, Decimal] = FUNDS,
    seed: int = 5,
    speed: float = 3.0,
) -> AsyncGenerator[LocalExchange]:
    """Serve one for as long as the block runs."""
    clock = ExchangeClock()
    exchange = Exchange(default_listings(symbols))
    exchange.open_account(ACCOUNT, funds)
    key = ApiKey(key="k" * 64, secret="s" * 64, account=ACCOUNT)
    keys = ApiKeys([key])
    faults = Faults(clock.true_now, seed)
    candles = _candles(exchange, clock)
    exchange.listeners.append(candles.hear)
    floor = Floor(exchange, clock.now, keys, candles, faults)
    loop = asyncio.get_running_loop()
    acts = Acts(exchange, faults, keys, floor.sockets, clock, soon=loop.call_soon)
    dialects = _dialects(floor)
    local = LocalExchange(exchange, clock, faults, floor, keys, acts, dialects, key, made.ca_file)
    life = Life(exchange, seed, speed, clock.now())
    local.server = ExchangeServer(floor, dialects, happenings=(life, acts), limits={})
    async with local.server.serving(tls=made.context) as port:
        local.port = port
        yield local
