"""How a run over a wire begins: the venue reached, its clock compared, its account read.

Must send nothing to the venue but questions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar

from alphaforge.engine.core import Engine
from alphaforge.errors import VenueError
from alphaforge.model.claims import BalanceReport, VenueState, VenueStateChanged
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.model.instrument import Instrument
from alphaforge.services.engine_time import EngineTime
from alphaforge.services.inquiry import OVERLAP_NS, answer_of
from alphaforge.services.wire_plan import Ports, WirePlan
from alphaforge.store.records import RunRecord
from alphaforge.venues.base import Venue

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
TRIES: Final = 30
"""Tries until a start gives up."""

_NS: Final = 1_000_000_000

_BUSY: Final = (
    "the account never stopped trading while its balances were read: what the run began with may "
    "be off by the trades of that moment"
)

Answer = TypeVar("Answer")


class Opening(NamedTuple):
    """A run, ready to be taken up.

    Attributes:
        epoch: The greatest under which a process has had it; 0 for a new one.
        first: What a new run puts into its engine before anything else.
        stopped: Strategies that did not repeat themselves: their orders are to be taken out.
        alerts: What a person should know of how it came back.
        is_over: It had been asked to stop: there is nothing to go on with.
    """

    run: RunRecord
    engine: Engine
    epoch: int = 0
    first: tuple[VenueStateChanged, ...] = ()
    stopped: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()
    is_over: bool = False


async def connect(venue: Venue, time: EngineTime) -> int:
    """Reach the venue and compare clocks; how far (ns) ours had to be put right, 0 = not.

    Raises the venue's error after so many tries.
    """

    async def reach() -> tuple[int, int]:
        await venue.connect()
        asked = time.now()
        return asked, await venue.time()

    asked, there = await _patiently(reach)
    return time.follow(there, asked, venue.capabilities.clock_bound_ns)


async def _patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask until there is an answer; raises the venue's error after so many tries."""
    pause = FIRST_PAUSE_SECONDS
    for _ in range(TRIES - 1):
        try:
            return await answer_of(ask)
        except (VenueError, TimeoutError):
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    return await answer_of(ask)


async def begin_run(plan: WirePlan, ports: Ports, time: EngineTime) -> Opening:
    """Make a new run of the accounts as they stand now, in the store."""
    cash: dict[str, Decimal] = {}
    since: dict[str, int] = {}
    instruments: list[Instrument] = []
    busy: list[str] = []
    for venue in ports.venues:
        account = await read_account(venue)
        instruments += await _patiently(venue.instruments)
        cash |= account.cash
        since[venue.name] = account.since
        busy += [] if account.is_quiet else [venue.name]
    run = plan.begin(cash, instruments, ports.clock.wall_ns())
    engine = plan.build(run)
    await ports.journal.ask(lambda writer: writer.begin_run(run))
    now = time.now()
    first = tuple(
        VenueStateChanged(name, VenueState.RECONCILING, "start", now, cursor)
        for name, cursor in since.items()
    )
    alerts = tuple(
        Alert(AlertLevel.WARNING, "busy-account", f"{name}: {_BUSY}", now) for name in busy
    )
    return Opening(run, engine, first=first, alerts=alerts)


class Account(NamedTuple):
    """What an account begins with.

    Attributes:
        since: The venue's time from which on trades are no part of `cash`.
        is_quiet: No trade happened while the answers could have been old.
    """

    cash: dict[str, Decimal]
    since: int
    is_quiet: bool


async def read_account(venue: Venue) -> Account:
    """Balances between trades; after so many tries, as they are."""
    capabilities = venue.capabilities
    blind = capabilities.read_lag_ns + capabilities.clock_bound_ns + OVERLAP_NS
    balances: Sequence[BalanceReport] = ()
    began = 0
    for _ in range(TRIES):
        began = await _patiently(venue.time)
        balances = await _patiently(venue.balances)
        await asyncio.sleep(blind / _NS)
        trades = await _patiently(lambda began=began: venue.trades(began - blind))
        if not trades:
            return Account({each.currency: each.total for each in balances}, began, is_quiet=True)
    return Account({each.currency: each.total for each in balances}, began, is_quiet=False)
