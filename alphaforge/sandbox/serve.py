"""Puts the built-in exchange together and serves it until somebody ends it.

A child of a run ends with it: its stdin closes when the parent is gone, however that went. On the
way out the final books and the state are written. Must never print: what was started is told to
the caller, who does.
"""

import asyncio
import os
import secrets
import signal
import stat
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec.structs import replace

from alphaforge.errors import UsageError
from alphaforge.marketdata.dataset import Dataset, open_dataset
from alphaforge.sandbox.admin import Admin
from alphaforge.sandbox.api_keys import ApiKey, ApiKeys
from alphaforge.sandbox.books import books_json
from alphaforge.sandbox.candles import Candles
from alphaforge.sandbox.clock import ExchangeClock
from alphaforge.sandbox.dialects.binance import BinanceSpot
from alphaforge.sandbox.dialects.bybit_v5 import BybitV5
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.fault_acts import Acts
from alphaforge.sandbox.fault_terms import Fault
from alphaforge.sandbox.faults import Faults
from alphaforge.sandbox.floor import Dialect, Floor
from alphaforge.sandbox.life import Life
from alphaforge.sandbox.listings import DEFAULT_SYMBOLS, default_listings
from alphaforge.sandbox.market_time import Happening, MarketTime
from alphaforge.sandbox.recorded import Recorded, recorded_listings
from alphaforge.sandbox.server import LOOPBACK, ExchangeServer
from alphaforge.sandbox.state import SavedExchange, read_state, write_state, write_whole
from alphaforge.sandbox.tls import certificates

ACCOUNT = "main"
"""Whose the API key is."""

DEFAULT_CASH: Mapping[str, Decimal] = {
    "USDT": Decimal(100_000),
    "BTC": Decimal(2),
    "ETH": Decimal(20),
}
DIALECTS = ("binance", "bybit")
SAVE_EVERY_S = 1.0

_KEY_BYTES, _TOKEN_BYTES = 32, 24


@dataclass(frozen=True, kw_only=True)
class ServePlan:
    """What to serve.

    Attributes:
        port: 0 = one that is free.
        symbols: Empty: the default listings, or those of the state.
        speed: Of the other participants, or of the recording; 1 = as in real time.
        cash: Start balances of the account; a state that is restored has its own.
        data: A recording to play instead of the invented market.
        api_key, secret: Empty: of the state, or random.
        has_limits: Whether requests are counted and throttled as at the venues.
        is_child: End when stdin closes; Ctrl-C is the parent's business.
    """

    port: int = 0
    host: str = LOOPBACK
    seed: int = 0
    symbols: tuple[str, ...] = ()
    speed: float = 1.0
    cash: Mapping[str, Decimal] = field(default_factory=lambda: DEFAULT_CASH)
    faults: tuple[Fault, ...] = ()
    data: Path | None = None
    state: Path | None = None
    books: Path | None = None
    api_key: str = ""
    secret: str = ""
    has_limits: bool = True
    is_child: bool = False


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What a client needs to know of a server that runs.

    Attributes:
        urls: To lay over `urls['api']` of a plain ccxt binance client, with `rest` (the address
            itself) and, under `bybit`, what to lay over a bybit client's.
        admin_token: For the header of the admin routes.
    """

    port: int
    urls: dict[str, object]
    api_key: str
    secret: str
    ca_file: str
    admin_token: str
    pid: int
    seed: int
    symbols: tuple[str, ...]


class House:
    """Everything one server is made of, put together.

    Attributes:
        exchange: The books.
        clock: Its time.
        server: The wire.
        key: The one the caller is told.
    """

    def __init__(self, plan: ServePlan, saved: SavedExchange | None) -> None:
        self.plan = plan
        self.clock = ExchangeClock()
        now = self.clock.now()
        self.seed = saved.seed if saved else plan.seed
        dataset = None if plan.data is None else _recording(plan.data, plan.symbols)
        if dataset is not None:
            listings = recorded_listings(dataset)
        else:
            wanted = plan.symbols or (saved.symbols if saved else DEFAULT_SYMBOLS)
            listings = default_listings(wanted)
        self.symbols = tuple(each.symbol for each in listings)
        self.exchange = Exchange(listings)
        if saved is None:
            self.exchange.open_account(ACCOUNT, plan.cash)
        else:
            self.exchange.load(saved.exchange)
        faults = Faults(self.clock.true_now, self.seed)
        last = {symbol: self.exchange.last(symbol) for symbol in self.exchange.listings}
        candles = Candles(self.exchange.listings.values(), now, self.seed, last)
        self.exchange.listeners.append(candles.hear)
        kept = saved.keys if saved else ()
        self.key = _key(plan, kept)
        self.keys = keys = ApiKeys([self.key, *kept[1:]])
        floor = Floor(self.exchange, self.clock.now, keys, candles, faults)
        loop = asyncio.get_running_loop()
        acts = Acts(self.exchange, faults, keys, floor.sockets, self.clock, soon=loop.call_soon)
        market = MarketTime(self._market(dataset, now), now, loop.time)
        self.dialects: tuple[Dialect, ...] = (BinanceSpot(floor), BybitV5(floor))
        self.token = secrets.token_hex(_TOKEN_BYTES)
        admin = Admin(floor, acts, self.token, DIALECTS)
        self.server = ExchangeServer(
            floor,
            self.dialects,
            happenings=(acts, market),
            admin=admin.application(),
            limits=None if plan.has_limits else {},
        )
        admin.answering, admin.market = self.server.answering, market
        for fault in plan.faults:
            faults.add(fault)

    def _market(self, dataset: Dataset | None, now: int) -> Happening:
        if dataset is not None:
            return Recorded(self.exchange, dataset, self.plan.speed, now)
        return Life(self.exchange, self.seed, self.plan.speed, now)

    def started(self, port: int, ca_file: Path) -> Started:
        """What to tell of it once it listens."""
        address = f"{self.plan.host}:{port}"
        urls: dict[str, object] = {}
        for dialect in reversed(self.dialects):
            told = dialect.urls(address)
            urls = {**told, **urls} if dialect is self.dialects[0] else {dialect.name: told}
        urls["rest"] = f"http://{address}"
        return Started(
            port=port,
            urls=urls,
            api_key=self.key.key,
            secret=self.key.secret,
            ca_file=str(ca_file),
            admin_token=self.token,
            pid=os.getpid(),
            seed=self.seed,
            symbols=self.symbols,
        )

    def saved(self) -> SavedExchange:
        """What to keep of it."""
        return SavedExchange(
            seed=self.seed,
            symbols=self.symbols,
            keys=(self.key, *(each for each in self.keys if each.key != self.key.key)),
            exchange=self.exchange.save(),
            saved_at=self.clock.now(),
        )


def _recording(path: Path, symbols: Sequence[str]) -> Dataset:
    """A recording; one symbol names a file that names none, or renames it."""
    return open_dataset(path, symbol=symbols[0] if len(symbols) == 1 else None, wanted=symbols)


def _key(plan: ServePlan, kept: Sequence[ApiKey]) -> ApiKey:
    """The key to tell: as asked for, else the one there was, else a new one."""
    made = ApiKey(
        key=secrets.token_hex(_KEY_BYTES), secret=secrets.token_hex(_KEY_BYTES), account=ACCOUNT
    )
    known = kept[0] if kept else made
    return replace(known, key=plan.api_key or known.key, secret=plan.secret or known.secret)


async def serve(plan: ServePlan, tell: Callable[[Started], None]) -> None:
    """Serve until a signal, or until the parent is gone; `tell` is called once it listens.

    Raises `VenueUnavailableError` if the port is taken, `DataError` or `StoreError` for a state
    that cannot be read or written.
    """
    house = House(plan, read_state(plan.state) if plan.state else None)
    hosts = [host for dialect in house.dialects for host in dialect.hosts]
    try:
        with TemporaryDirectory(prefix="alphaforge-exchange-") as folder:
            made = certificates(hosts, Path(folder), house.clock.true_now())
            serving = house.server.serving(plan.port, host=plan.host, tls=made.context)
            async with stopping_of(plan) as stopping, serving as port:
                tell(house.started(port, made.ca_file))
                await _until(house, stopping)
    finally:
        if plan.state is not None:
            write_state(plan.state, house.saved())
        if plan.books is not None:
            write_whole(plan.books, books_json(house.exchange, house.clock.now()))


async def _until(house: House, stopping: asyncio.Event) -> None:
    """Wait, and keep the state meanwhile."""
    while not stopping.is_set():
        try:
            async with asyncio.timeout(SAVE_EVERY_S):
                await stopping.wait()
        except TimeoutError:
            if house.plan.state is not None:
                await asyncio.to_thread(write_state, house.plan.state, house.saved())


# The end ------------------------------------------------------------------------------------------


class _Parent(asyncio.Protocol):
    """The parent's end of stdin: nothing is read from it, it only closes."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping

    def connection_lost(self, exc: Exception | None) -> None:
        """The parent is gone."""
        del exc
        self._stopping.set()


@asynccontextmanager
async def stopping_of(plan: ServePlan) -> AsyncGenerator[asyncio.Event]:
    """An event that is set when the server is to end."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_signal_handler(signal.SIGINT, _ignore if plan.is_child else stopping.set)
    watched: asyncio.ReadTransport | None = None
    try:
        if plan.is_child:
            watched = await _watch_parent(stopping)
        yield stopping
    finally:
        if watched is not None:
            watched.close()
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)


def _ignore() -> None:
    """Ctrl-C reaches every process of a terminal; the parent still needs its exchange then."""


async def _watch_parent(stopping: asyncio.Event) -> asyncio.ReadTransport:
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except OSError:
        mode = 0  # no stdin at all
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        raise UsageError(
            "--child needs a pipe at stdin, whose closing ends the exchange",
            remedy="leave --child out, and end it with Ctrl-C",
        )
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: _Parent(stopping), sys.stdin)
    return transport
