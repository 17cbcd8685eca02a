"""A wire engine, its door, gateway and reconciler on a fake exchange, in virtual time.

The exchange's market stands still unless a test moves it; what a venue does with a call can be
scripted call by call. Nothing here may judge what the program does.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from alphaforge.engine.core import Engine
from alphaforge.errors import OutcomeUnknownError, StoreError
from alphaforge.model.claims import (
    BalanceReport,
    FillReport,
    OrderStatusReport,
    PositionReport,
    VenueState,
    VenueStateChanged,
)
from alphaforge.model.commands import Approved, BeginEpoch, CancelOrder, StartSession, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.model.market import Trade
from alphaforge.model.orders import Order
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.model.step import Step
from alphaforge.services.clock import Clock
from alphaforge.services.door import Door
from alphaforge.services.engine_time import EngineTime
from alphaforge.services.gateway import OrderGateway
from alphaforge.services.reconcile import Reconciler
from alphaforge.services.run_journal import RunJournal
from alphaforge.store.records import ReconciliationRecord, RunRecord
from alphaforge.store.writer import Writer
from alphaforge.venues.base import ReplyError
from tests.engine.driving import SYMBOL, Puppet
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.inline import InlineVenue
from tests.fake_venue.terms import UNKNOWN_ORDER, Quirks, spot
from tests.simulation.clock import START_NS, SimulatedClock
from tests.simulation.loop import VirtualLoop

TAG = "0f3c9a7b21d4e6"
ACCOUNT, VENUE, RUN = "main", "fake", "run-1"
SECOND = 1_000_000_000
LIFE, PROOF = 5.0, 8.0
"""Seconds a request lives at the fake venue, and after which a question proves something."""

CASH = {"USDT": Decimal(200_000), "BTC": Decimal(3)}
NEVER = 1 << 62

Answer = TypeVar("Answer")
Act = Exception | Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""What becomes of a call: an error without effect, or something done with the real call."""


async def lost_after(do: Callable[[], Awaitable[Any]]) -> Any:
    """It took effect, and no answer came."""
    await do()
    raise OutcomeUnknownError("no answer came in time")


def lost_before() -> Exception:
    """It took no effect, and no answer came."""
    return OutcomeUnknownError("no answer came in time")


def no_such_order() -> Exception:
    """The venue says that there is none."""
    return ReplyError(UNKNOWN_ORDER, "no such order")


def late(seconds: float, error: Exception | None = None) -> Act:
    """It takes effect, or fails, so much later."""

    async def act(do: Callable[[], Awaitable[Any]]) -> Any:
        await asyncio.sleep(seconds)
        if error is not None:
            raise error
        return await do()

    return act


def silent(seconds: float) -> Act:
    """It takes effect at once, and the answer comes so much later."""

    async def act(do: Callable[[], Awaitable[Any]]) -> Any:
        answer = await do()
        await asyncio.sleep(seconds)
        return answer

    return act


def says(answer: Any) -> Act:
    """The call is answered with this, whatever is true."""

    async def act(do: Callable[[], Awaitable[Any]]) -> Any:
        del do
        return answer

    return act


class ScriptedVenue(InlineVenue):
    """An exchange in this process, of which a test says what each call does.

    Attributes:
        calls: Name and virtual second of every call, in order.
        requests: What was sent, and when it expires.
        on_submit: Looks on right before a new order reaches the exchange.
    """

    def __init__(self, loop: AbstractEventLoop, clock: Clock, **options: Any) -> None:
        quirks = options.pop("quirks", Quirks())
        listing = spot(SYMBOL, "60000", venue=VENUE)
        tick = options.pop("tick_ns", NEVER)
        exchange = Exchange(
            [listing],
            {ACCOUNT: dict(CASH), "other": dict(CASH)},
            start=START_NS,
            tick_ns=tick,
            quirks=quirks,
        )
        super().__init__(exchange, ACCOUNT, clock.wall_ns, name=VENUE, **options)
        self.calls: list[tuple[str, float]] = []
        self.requests: list[tuple[Approved, int]] = []
        self.on_submit: Callable[[Approved], None] = lambda approved: None
        self._acts: defaultdict[str, deque[Act]] = defaultdict(deque)
        self._always: dict[str, Act] = {}
        self._loop = loop

    def then(self, call: str, *acts: Act) -> None:
        """What the next calls of that name do, one by one; after them, what they always do."""
        self._acts[call] += acts

    def always(self, call: str, act: Act | None) -> None:
        """What every call of that name does from now on; None: the truth."""
        if act is None:
            self._always.pop(call, None)
        else:
            self._always[call] = act

    def be_true(self) -> None:
        """Every call does what it should from now on."""
        self._acts.clear()
        self._always.clear()

    def called(self, call: str) -> list[float]:
        """The seconds at which it was called."""
        return [second for name, second in self.calls if name == call]

    async def _through(self, call: str, do: Callable[[], Awaitable[Answer]]) -> Answer:
        self.calls.append((call, self._loop.time()))
        acts = self._acts[call]
        act = acts.popleft() if acts else self._always.get(call)
        if act is None:
            return await do()
        if isinstance(act, Exception):
            raise act
        return await act(do)

    async def submit(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        self.requests.append((approved, expires_at))
        self.on_submit(approved)
        real = super().submit
        return await self._through("submit", lambda: real(approved, expires_at))

    async def modify(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        self.requests.append((approved, expires_at))
        real = super().modify
        return await self._through("modify", lambda: real(approved, expires_at))

    async def cancel(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        self.requests.append((approved, expires_at))
        real = super().cancel
        return await self._through("cancel", lambda: real(approved, expires_at))

    async def time(self) -> int:
        return await self._through("time", super().time)

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        real = super().order
        return await self._through("order", lambda: real(symbol, client_order_id, venue_order_id))

    async def open_orders(self) -> Sequence[OrderStatusReport]:
        return await self._through("open_orders", super().open_orders)

    async def trades(self, since: int) -> Sequence[FillReport]:
        real = super().trades
        return await self._through("trades", lambda: real(since))

    async def balances(self) -> Sequence[BalanceReport]:
        return await self._through("balances", super().balances)

    async def positions(self) -> Sequence[PositionReport]:
        return await self._through("positions", super().positions)


class InlineJournal:
    """A real writer on a real file that commits when it is waited for, a little later.

    Attributes:
        full: Commits fail from now on.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self.failure: Exception | None = None
        self.full = False
        self._seconds = seconds
        self._url = url
        self._writer: Writer | None = None

    async def open(self) -> Writer:
        self._writer = Writer(self._url)
        return self._writer

    async def ask(self, work: Callable[[Writer], Answer]) -> Answer:
        assert self._writer is not None
        return work(self._writer)

    async def commit(self, place: int) -> None:
        assert self._writer is not None
        await asyncio.sleep(self._seconds)
        if self.full:
            raise StoreError("the disk is full")
        self._writer.flush()
        assert self._writer.committed >= place

    async def close(self) -> None:
        assert self._writer is not None
        self._writer.close()


class HandLease:
    """A lease that a test takes away or lets lapse."""

    def __init__(self) -> None:
        self.epoch = 3
        self.gaps = 0
        self.held = True

    def holds(self) -> bool:
        return self.held

    def release(self) -> None:
        self.held = False


class WireRig:
    """Everything of one run over a wire; see `played`."""

    def __init__(self, folder: Path, loop: Any, **options: Any) -> None:
        self.loop = loop
        self.clock: Any = options.pop("clock", None) or SimulatedClock(loop)
        self.path = folder / "runs.db"
        seconds, journal = options.pop("commit_seconds", 0.001), options.pop("journal", None)
        self.journal: Any = journal or InlineJournal(f"sqlite:///{self.path}", seconds)
        self.lease = HandLease()
        strategies = options.pop("strategies", ("puppet",))
        self.venue = ScriptedVenue(loop, self.clock, **options)
        self.engine = self._engine(strategies)
        self.steps: list[Step] = []
        self.reports: list[ReconciliationRecord] = []
        self.door: Any = None
        self.gateway: Any = None
        self.reconciler: Any = None

    def _engine(self, strategies: Sequence[str]) -> Engine:
        account = AccountSettings(name=ACCOUNT, cash=dict(CASH), reporting_currency="USDT")
        settings = EngineSettings(account=account, client_tag=TAG)
        instruments = {each.symbol: each for each in self.venue.exchange.instruments()}
        engine = Engine(settings, instruments)
        for name in strategies:
            engine.register(name, Puppet)
        return engine

    async def open(self) -> None:
        """Take the run up, its venue connected and READY."""
        writer = await self.journal.open()
        record = RunRecord(
            run_id=RUN,
            mode="live",
            venue=VENUE,
            account=ACCOUNT,
            instruments=tuple(self.venue.exchange.instruments()),
            started=START_NS,
        )
        await self.journal.ask(partial(_begin, record))
        journal = RunJournal(self.journal, writer, RUN)
        self.door = Door(self.engine, journal, EngineTime(self.clock))
        self.door.on_step = self._look
        self.run_journal = journal
        await self.venue.connect()
        now = self.door.now
        self.door.put(BeginEpoch(self.lease.epoch, now))
        self.door.put(VenueStateChanged(VENUE, VenueState.READY, "start", now, now))
        self.door.put(StartSession(now))

    def _look(self, step: Step) -> None:
        self.steps.append(step)
        if step.events and self.reconciler is not None:
            self.reconciler.look()

    def start_gateway(self, tasks: asyncio.TaskGroup) -> None:
        """Requests leave from now on."""
        gate = self.engine.execution.gate
        self.gateway = OrderGateway(
            self.venue, self.door, self.run_journal, self.lease, tasks, lambda: gate.state
        )
        self.door.outgoing = self.gateway.take

    def start_reconciler(self) -> None:
        """A reconciler that nothing runs yet; the gateway tells it of gaps."""
        self.reconciler = Reconciler(
            self.venue, self.engine, self.door, self.reports.append, run_id=RUN
        )
        if self.gateway is not None:
            self.gateway.on_gap = self.reconciler.need

    # What a strategy and the market do --------------------------------------------------------

    def ask(self, verb: Callable[[Any], Any], name: str = "puppet") -> Any:
        """Have a strategy do something at its next trade; what its verb gave back."""
        strategy: Any = self.engine.strategies.runners[name].strategy
        strategy.do = verb
        self.door.market(Trade(SYMBOL, self.door.now, 60_000.0, 1.0))
        return strategy.answer

    def buy(self, quantity: Any = "0.1", limit: Any = 50_000, name: str = "puppet") -> Order:
        """A buy that rests far below the market."""
        return self.ask(lambda bot: bot.buy(SYMBOL, quantity, limit=limit), name)

    def take(self, quantity: Any = "0.001", name: str = "puppet") -> Order:
        """A buy that fills at once."""
        return self.ask(lambda bot: bot.buy(SYMBOL, quantity, limit=61_000), name)

    def sell(self, quantity: Any = "0.1", limit: Any = 70_000, name: str = "puppet") -> Order:
        """A sale that rests far above the market."""
        return self.ask(lambda bot: bot.sell(SYMBOL, quantity, limit=limit), name)

    def cancel(self, order: Order) -> None:
        """Its strategy wants it gone."""
        self.ask(lambda bot: bot.cancel(order), order.strategy)

    def modify(self, order: Order, **terms: Any) -> None:
        """Its strategy wants other terms."""
        self.ask(lambda bot: bot.modify(order, **terms), order.strategy)

    def foreign(self, client_order_id: str = "", **terms: Any) -> OrderStatusReport:
        """Somebody else orders on the account, past this program."""
        said: dict[str, Any] = {
            "side": OrderSide.BUY,
            "order_type": OrderType.LIMIT,
            "quantity": Decimal("0.2"),
            "limit_price": Decimal(40_000),
        }
        submit = SubmitOrder("", SYMBOL, "", client_order_id=client_order_id, **said | terms)
        return self.venue.exchange.submit(ACCOUNT, submit, self.clock.wall_ns())

    def cancel_past_us(self, order: Order) -> None:
        """Somebody ends an order at the venue."""
        command = CancelOrder("", SYMBOL, order.client_order_id, order.venue_order_id)
        self.venue.exchange.cancel(ACCOUNT, command, self.clock.wall_ns())

    # What came of it --------------------------------------------------------------------------

    @property
    def events(self) -> list[Any]:
        """Every order event so far."""
        return [event for step in self.steps for event in step.events]

    def told(self, kind: type) -> list[Any]:
        """The order events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def codes(self) -> list[str]:
        """Codes of the alerts so far."""
        return [alert.code for step in self.steps for alert in step.alerts]

    @property
    def states(self) -> list[VenueState]:
        """Where the venue stands, empty if it is READY."""
        return [state for state, _ in self.engine.execution.claims.state.venue_states.values()]  # type: ignore[union-attr]  # a wire engine has them

    async def settle(self) -> None:
        """Let whatever can happen at once, and a commit, happen."""
        await asyncio.sleep(0.01)

    @property
    def second(self) -> float:
        """Virtual time."""
        return self.loop.time()


def _begin(record: RunRecord, writer: Writer) -> None:
    writer.begin_run(record)


def played(
    folder: Path,
    scenario: Callable[[WireRig], Awaitable[None]],
    *,
    seed: int = 1,
    reconciling: bool = False,
    streaming: bool = True,
    **options: Any,
) -> WireRig:
    """Play a scenario in virtual time; an error that ends the session comes out of here.

    With `reconciling` the reconciler runs beside it, and with `streaming` is told of the stream.
    """
    loop = VirtualLoop(seed)

    async def main() -> WireRig:
        rig = WireRig(folder, loop, **options)
        await rig.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                rig.start_gateway(tasks)
                rig.start_reconciler()
                beside = [tasks.create_task(_stream(rig))] if reconciling and streaming else []
                beside += [tasks.create_task(rig.reconciler.run())] if reconciling else []
                await scenario(rig)
                for task in beside:
                    task.cancel()
        finally:
            await rig.journal.close()
        return rig

    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


async def _stream(rig: WireRig) -> None:
    """What a session does with what the venue pushes."""
    async for message in rig.venue.stream():
        if isinstance(message, OrderStatusReport | FillReport):
            rig.reconciler.claim(message)
