"""One real session against one built-in exchange over a real socket, for one thing to go wrong.

Everything is what a run of the program has (session, gateway, reconciler, writer, lease, adapter,
ccxt), with times short enough for a test. Must hold no fault and no expectation.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import msgspec

from alphaforge import Strategy
from alphaforge.engine.core import Engine
from alphaforge.model.events import Alert
from alphaforge.model.instrument import Instrument
from alphaforge.model.orders import Order
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.sandbox.tls import Certificates
from alphaforge.services.clock import SystemClock
from alphaforge.services.lease import FileLease
from alphaforge.services.run_journal import new_run_id
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.services.summary import Status
from alphaforge.services.wire_plan import Ports
from alphaforge.services.wire_session import run_wire_session
from alphaforge.services.writer_thread import WriterThread
from alphaforge.store.records import RunRecord, StrategySource
from alphaforge.venues.ccxt_access import Local
from alphaforge.venues.ccxt_profiles import profile_of
from tests.faults.proxy import Proxy
from tests.faults.watched import WatchedVenue
from tests.simulation.compare import unsettled
from tests.venues.local import ACCOUNT, LocalExchange, local_exchange

SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
SYMBOLS = {"binance": SPOT, "bybit": PERPETUAL}

MILLISECOND = 1_000_000
REQUEST_LIFE_NS = 1_500 * MILLISECOND
CLOCK_BOUND_NS = 100 * MILLISECOND
READ_LAG_NS = 200 * MILLISECOND
TIMEOUT_S = 1.0
SPEED = 0.3
"""Of the exchange's other participants: enough to trade with, little to compute."""

LOOK_SECONDS = 0.02
START_SECONDS, SETTLE_SECONDS = 40.0, 40.0


class Hand(Strategy):
    """Does what it is told at its next tick, and nothing else.

    Attributes:
        symbol: What it trades.
    """

    symbol: str = SPOT
    tasks: ClassVar[dict[str, deque[Callable[[Any], object]]]] = {}
    """What is to be done, by `name`: no state of the strategy, so no snapshot has it."""

    name: str = ""

    def on_start(self) -> None:
        self.subscribe_trades(self.symbol)
        self.subscribe_quotes(self.symbol)
        self.timer("look", LOOK_SECONDS)

    def on_timer(self, name: str) -> None:
        todo = Hand.tasks[self.name]
        while todo:
            todo.popleft()(self)


class HandPlan:
    """See `WirePlan`: some strategies, by name.

    Attributes:
        engine: The last one built.
    """

    mode = "sandbox"

    def __init__(self, venue: str, strategies: Mapping[str, Callable[[], Strategy]]) -> None:
        self.engine: Engine | None = None
        self._venue = venue
        self._strategies = strategies

    def begin(
        self, cash: Mapping[str, Decimal], instruments: Sequence[Instrument], started: int
    ) -> RunRecord:
        """See `WirePlan`."""
        account = AccountSettings(name=ACCOUNT, cash=dict(cash), reporting_currency="USDT")
        settings = EngineSettings(account=account, client_tag=secrets.token_hex(7))
        return RunRecord(
            run_id=new_run_id(started),
            mode=self.mode,
            venue=self._venue,
            account=ACCOUNT,
            strategies=tuple(StrategySource(name, "", "", "") for name in self._strategies),
            settings={"engine": msgspec.to_builtins(settings)},
            instruments=tuple(instruments),
            started=started,
        )

    def build(self, run: RunRecord) -> Engine:
        """See `WirePlan`."""
        settings = msgspec.convert(run.settings["engine"], EngineSettings)
        self.engine = Engine(settings, {each.symbol: each for each in run.instruments})
        for name, strategy in self._strategies.items():
            self.engine.register(name, strategy)
        return self.engine

    def continues(self, run: RunRecord) -> bool:
        """See `WirePlan`."""
        del run
        return False


class Watcher:
    """See `WireWatcher`.

    Attributes:
        is_certain: Set once strategies have started.
        alerts: All that were told.
    """

    def __init__(self) -> None:
        self.is_certain = asyncio.Event()
        self.alerts: list[Alert] = []

    def began(self, run: RunRecord) -> None:
        """See `WireWatcher`."""

    def certain(self, seconds: float) -> None:
        """See `WireWatcher`."""
        self.is_certain.set()

    def status(self, status: Status) -> None:
        """See `WireWatcher`."""

    def alert(self, alert: Alert) -> None:
        """See `WireWatcher`."""
        self.alerts.append(alert)


class Stage:
    """One run, and the exchange it trades on.

    Attributes:
        local: The exchange with its back doors.
        venue: The adapter.
        symbol: What is traded.
        store: The run's database file.
        watcher: What the run told.
        proxy: The network between them, if it goes through it.
    """

    def __init__(self, local: LocalExchange, venue: WatchedVenue, symbol: str, store: Path) -> None:
        self.local = local
        self.venue = venue
        self.symbol = symbol
        self.store = store
        self.watcher = Watcher()
        self.proxy = Proxy(0)
        self._name = secrets.token_hex(8)
        self._todo: deque[Callable[[Any], object]] = deque()
        Hand.tasks[self._name] = self._todo
        self.plan = HandPlan(venue.name, {"hand": self._strategy})

    def _strategy(self) -> Strategy:
        hand = Hand()
        hand.name, hand.symbol = self._name, self.symbol
        return hand

    @property
    def engine(self) -> Engine:
        """The run's engine."""
        assert self.plan.engine is not None
        return self.plan.engine

    async def run(self, stop: StopRequest) -> None:
        """The session, from start to stop."""
        url = f"sqlite:///{self.store}"

        def acquire(run_id: str, at_least: int) -> FileLease:
            return FileLease.acquire(
                self.venue.name, ACCOUNT, steady_ns=SystemClock().steady_ns, run_id=run_id,
                at_least=at_least, store=url, directory=self.store.parent / "state",
            )  # fmt: skip

        ports = Ports((self.venue,), SystemClock(), WriterThread(url), acquire)
        await run_wire_session(self.plan, ports, stop, self.watcher)

    # What is done -----------------------------------------------------------------------------

    async def do(self, verb: Callable[[Any], Any]) -> Any:
        """Have the strategy do something at its next tick; what its verb gave back."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._todo.append(lambda hand: done.set_result(verb(hand)))
        async with asyncio.timeout(SETTLE_SECONDS):
            return await done

    async def market_is_there(self) -> None:
        """Wait until the strategy knows a price."""
        await self.until(lambda: self.engine.markets.states[self.symbol].last > 0)

    def price(self, share: str) -> Decimal:
        """So much of the last price, on the grid: `0.995`."""
        listing = self.local.exchange.listings[self.symbol]
        last = self.local.exchange.last(self.symbol) * Decimal(share)
        return (last // listing.price_step) * listing.price_step

    @property
    def quantity(self) -> Decimal:
        """A quantity to trade: well above every minimum."""
        return Decimal("0.02")

    async def rest(self, share: str = "0.97") -> Order:
        """A buy that rests below the market, acknowledged."""
        order = await self.do(lambda hand: self.buys(hand, share))
        await self.until(lambda: bool(order.venue_order_id) and not order.in_doubt)
        return order

    def buys(self, hand: Hand, share: str = "0.97") -> Order:
        """What `rest` does, without waiting for anything."""
        return hand.buy(self.symbol, self.quantity, limit=self.price(share))

    async def take(self) -> Order:
        """A market buy, filled."""
        order = await self.do(lambda hand: hand.buy(self.symbol, self.quantity))
        await self.until(lambda: not order.is_open and not order.in_doubt)
        return order

    # What came of it --------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether the venue is READY: what is known of it is what it knows."""
        claims = self.engine.execution.claims
        assert claims is not None
        return not claims.state.venue_states

    @property
    def is_settled(self) -> bool:
        """Whether nothing is in doubt, under way or waiting."""
        claims = self.engine.execution.claims
        assert claims is not None
        is_quiet = not self.venue.under_way and not claims.state.waiting
        return self.is_ready and is_quiet and not unsettled(self.engine)

    @property
    def is_left_alone(self) -> bool:
        """Whether the venue has asked us to leave it alone for a while yet."""
        return self.venue.health.paused_until > asyncio.get_running_loop().time() * 1_000_000_000

    async def until(self, condition: Callable[[], bool], seconds: float = SETTLE_SECONDS) -> None:
        """Wait for something to be so; raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(LOOK_SECONDS)

    async def settled(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until nothing is in doubt any more; raises `TimeoutError`."""
        await self.until(lambda: self.is_settled, seconds)


class Terms(NamedTuple):
    """How a stage is set.

    Attributes:
        ccxt_id: Which dialect.
        before: Called with the exchange before the session starts.
        is_proxied: The adapter reaches the exchange through `Stage.proxy` alone.
    """

    ccxt_id: str = "binance"
    before: Callable[[LocalExchange], object] | None = None
    is_proxied: bool = False


def profile(ccxt_id: str) -> Any:
    """The venue's profile, with times short enough for a test: the exchange keeps them."""
    known = profile_of(ccxt_id)
    short = msgspec.structs.replace(
        known.capabilities,
        request_life_ns=REQUEST_LIFE_NS,
        clock_bound_ns=CLOCK_BOUND_NS,
        read_lag_ns=READ_LAG_NS,
    )
    return msgspec.structs.replace(known, capabilities=short)


@asynccontextmanager
async def stage(made: Certificates, folder: Path, terms: Terms) -> AsyncGenerator[Stage]:
    """A session that is certain and knows a price; it ends in order after the block."""
    symbol = SYMBOLS[terms.ccxt_id]
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(
            local_exchange(made, symbols=(symbol,), speed=SPEED)
        )
        proxy = Proxy(local.port)
        port = local.port
        if terms.is_proxied:
            port = await stack.enter_async_context(proxy.serving())
        way = Local(port, local.ca_file)
        access = local.access(terms.ccxt_id, timeout_s=TIMEOUT_S, local=way)
        venue = WatchedVenue(access, profile(terms.ccxt_id), name=terms.ccxt_id, wanted=[symbol])
        if terms.before is not None:
            terms.before(local)
        stop = StopRequest()
        set_up = Stage(local, venue, symbol, folder / "runs.db")
        set_up.proxy = proxy
        session = asyncio.create_task(set_up.run(stop))
        session.add_done_callback(partial(_over, set_up))
        try:
            await set_up.until(set_up.watcher.is_certain.is_set, START_SECONDS)
            if session.done():
                await session
            await set_up.market_is_there()
            yield set_up
        finally:
            stop.ask(Reason.END)
            await session


def _over(set_up: Stage, session: asyncio.Task[None]) -> None:
    """A session that died is certain of nothing: nobody need wait for it."""
    if not session.cancelled() and session.exception() is not None:
        set_up.watcher.is_certain.set()
