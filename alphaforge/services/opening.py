"""How a run over a wire begins: the venue reached, its clock compared, its account read.

Must send nothing to the venue but questions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar

from alphaforge.engine.core import Engine
from alphaforge.errors import (
    AlphaForgeError,
    OutcomeUnknownError,
    VenueError,
    VenueUnavailableError,
)
from alphaforge.model.claims import BalanceReport, VenueState, VenueStateChanged
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.model.instrument import Instrument
from alphaforge.services.engine_time import EngineTime
from alphaforge.services.inquiry import OVERLAP_NS, answer_of
from alphaforge.services.wire_plan import Ports, WirePlan
from alphaforge.store.records import RunRecord
from alphaforge.venues.base import ReplyError, Venue

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 130.0
"""How long a start asks a venue that does not answer: a run that comes back has orders there."""

REFUSED_TRIES: Final = 3
"""Tries until a no in the venue's own words counts: a clock that jumped is put right meanwhile."""

BUSY_TRIES: Final = 30
"""How often an account is read that never stops trading."""

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

    Raises the venue's error, at once or after `PATIENCE_SECONDS`: see `patiently`.
    """
    await _answered(venue, venue.connect)
    there, asked = await _ask_time(venue, time)
    return time.follow(there, asked, venue.capabilities.clock_bound_ns)


async def connect_beside(venue: Venue, time: EngineTime) -> None:
    """Reach one more venue of a run whose clock is another's.

    Raises as `connect`, and `VenueError` where the two clocks are too far apart: requests carry
    the time after which a venue must not act on them, and it is one engine's time.
    """
    await _answered(venue, venue.connect)
    there, asked = await _ask_time(venue, time)
    ahead = time.compare(there, asked, venue.capabilities.clock_bound_ns)
    if ahead:
        raise VenueError(
            f"the clock of {venue.name} is {-ahead / _NS:+.1f} s from that of the first venue",
            remedy="run them one by one; where this machine's clock is off, set it right first",
        )


async def _ask_time(venue: Venue, time: EngineTime) -> tuple[int, int]:
    """A venue's clock, and when it was asked for."""

    async def ask() -> tuple[int, int]:
        asked = time.now()
        return await venue.time(), asked

    return await _answered(venue, ask)


async def _answered(venue: Venue, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    capabilities = venue.capabilities
    return await patiently(ask, capabilities.refusals - capabilities.throttled, venue.name)


async def patiently(
    ask: Callable[[], Awaitable[Answer]],
    refusals: frozenset[str],
    name: str,
    seconds: float = PATIENCE_SECONDS,
) -> Answer:
    """Ask until there is an answer.

    Silence and a broken connection may pass: the last error is raised after so many `seconds`.
    What will not go away is raised at once (a symbol that is not there, a key that is missing), a
    code of `refusals` after `REFUSED_TRIES`.
    """
    loop = asyncio.get_running_loop()
    give_up, pause, refused = loop.time() + seconds, FIRST_PAUSE_SECONDS, 0
    while True:
        try:
            return await answer_of(ask)
        except (VenueError, TimeoutError) as error:
            refused += isinstance(error, ReplyError) and error.reply in refusals
            if _lasts(error) or refused >= REFUSED_TRIES or loop.time() + pause > give_up:
                raise _told(error, name) from error.__cause__
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _lasts(error: VenueError | TimeoutError) -> bool:
    """Whether asking again leads to the same: neither silence nor a word of the venue's."""
    passing = TimeoutError | VenueUnavailableError | OutcomeUnknownError | ReplyError
    return _own_cause(error) is not None or not isinstance(error, passing)


def _own_cause(error: VenueError | TimeoutError) -> AlphaForgeError | None:
    """The error of ours that was taken for an answer that cannot be read."""
    cause = error.__cause__
    if isinstance(cause, AlphaForgeError) and not isinstance(cause, VenueError):
        return cause
    return None


def _told(error: VenueError | TimeoutError, name: str) -> AlphaForgeError:
    own = _own_cause(error)
    if own is not None:
        return own
    if isinstance(error, TimeoutError):
        return VenueUnavailableError(f"{name} does not answer")
    return error


async def begin_run(plan: WirePlan, ports: Ports, time: EngineTime) -> Opening:
    """Make a new run of the accounts as they stand now, in the store."""
    cash: dict[str, Decimal] = {}
    since: dict[str, int] = {}
    instruments: list[Instrument] = []
    busy: list[str] = []
    for venue in ports.venues:
        account = await read_account(venue)
        instruments += await _answered(venue, venue.instruments)
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
    for _ in range(BUSY_TRIES):
        began = await _answered(venue, venue.time)
        balances = await _answered(venue, venue.balances)
        await asyncio.sleep(blind / _NS)
        trades = await _answered(venue, lambda began=began: venue.trades(began - blind))
        if not trades:
            return Account({each.currency: each.total for each in balances}, began, is_quiet=True)
    return Account({each.currency: each.total for each in balances}, began, is_quiet=False)
