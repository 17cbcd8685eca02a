"""From what was typed to a run over a wire, and through it: venues, keys, leases, the session.

START HERE for `run --mode sandbox`: strategies → which venue trades which symbol → keys → leases →
the built-in exchange, if it is ours to start → adapters → `run_wire_session`. Must never decide
anything about an order.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final, NamedTuple

from alphaforge.errors import RiskRefusedError, UsageError
from alphaforge.model.events import Alert
from alphaforge.services.assembly import RunOptions, plan_strategies
from alphaforge.services.clock import SystemClock
from alphaforge.services.config import Configuration
from alphaforge.services.control.host import Serve, nobody_looks
from alphaforge.services.lease import FileLease
from alphaforge.services.lease_group import LeaseGroup
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.services.summary import Status
from alphaforge.services.wallets import apart
from alphaforge.services.wire_assembly import WireAssembly
from alphaforge.services.wire_plan import Ports, WireWatcher
from alphaforge.services.wire_session import WireOutcome, run_wire_session
from alphaforge.services.wire_venues import Books, VenueOpener, VenueSymbols, sort_among_venues
from alphaforge.services.writer_thread import WriterThread
from alphaforge.store.records import RunRecord
from alphaforge.venues.ccxt_access import Network

_NS: Final = 1_000_000_000


class WireRun(NamedTuple):
    """A run over a wire that is ready to start.

    Attributes:
        duration_ns: How long to trade, by the wall clock; None = until asked to stop.
        serve: Shows the run to clients while it lasts.
    """

    plan: WireAssembly
    venues: tuple[VenueSymbols, ...]
    configuration: Configuration
    duration_ns: int | None = None
    serve: Serve = nobody_looks


def plan_wire_run(
    targets: Sequence[str], options: RunOptions, mode: str, configuration: Configuration
) -> WireRun:
    """Load the strategies and sort their symbols among the venues.

    Raises `RiskRefusedError` for live (not released), `UsageError` for a venue without a test
    network or without orders over a wire, and the errors of its parts.
    """
    if mode == "live":
        raise RiskRefusedError(
            "live trading is not released yet: portfolio risk and the kill switch come first",
            remedy="trade with play money: --mode sandbox",
        )
    planned = plan_strategies(targets, options)
    venues = sort_among_venues(planned, options, configuration)
    for each in venues:
        if each.way.section.kind == "synthetic":
            raise UsageError(
                f"{each.way.name} takes no orders over a wire",
                remedy="type: --venue local, or --mode paper",
            )
        each.way.check_network(Network.TEST)
    accounts = [(each.way.name, each.way.section.account) for each in venues]
    plan = WireAssembly(mode, planned, options, configuration, accounts)
    return WireRun(plan, venues, configuration)


async def run_over_the_wire(
    run: WireRun, stop: StopRequest, watcher: WireWatcher
) -> WireOutcome | None:
    """Trade until the time is over or `stop` is asked; None if that was before it had begun.

    Raises `LeaseHeldError` at once where another process trades one of the accounts,
    `CredentialsError` without a key.
    """
    leases = _Leases(run)  # before anything else: two runs must not share an exchange either
    looking = _Looking(watcher, run.duration_ns, stop)
    books = Books(run.configuration.directory)
    try:
        async with _ended_early(stop, looking), contextlib.AsyncExitStack() as stack:
            opener = VenueOpener(run.plan, run.configuration, books, stack)
            venues = [await opener.open(each) for each in run.venues]
            store = run.configuration.settings.store
            ports = Ports(
                apart(venues),
                SystemClock(),
                WriterThread(run.configuration.store_url, store.durability),
                leases.acquire,
                float(run.configuration.settings.engine.callback_seconds),
                run.serve,
                run.configuration.store_url,
            )
            return await run_wire_session(run.plan, ports, stop, looking)
        return None
    finally:
        if looking.run_id:
            books.keep(looking.run_id)
        leases.release()
        looking.end()


@contextlib.asynccontextmanager
async def _ended_early(stop: StopRequest, looking: "_Looking") -> AsyncGenerator[None]:
    """Leave the block when `stop` is asked before the run has begun; after that it ends itself."""
    loop, scope = asyncio.get_running_loop(), asyncio.timeout(None)

    async def wait() -> None:
        await stop.event.wait()
        if not looking.run_id:
            scope.reschedule(loop.time())

    waiting = loop.create_task(wait())
    try:
        async with scope:
            yield
    except TimeoutError:
        if not scope.expired():
            raise
    finally:
        waiting.cancel()


class _Leases:
    """The leases of a run's accounts: taken before its exchange starts, handed to its session."""

    def __init__(self, run: WireRun) -> None:
        self._takers = [_taker(each, run.configuration.masked_store_url) for each in run.venues]
        self._early: LeaseGroup | None = LeaseGroup.acquire(self._takers, "", 0)

    def acquire(self, run_id: str, at_least: int) -> LeaseGroup:
        """See `Ports`."""
        early, self._early = self._early, None
        return early or LeaseGroup.acquire(self._takers, run_id, at_least)

    def release(self) -> None:
        """Give back what no session has taken over."""
        if self._early is not None:
            self._early.release()


def _taker(venue: VenueSymbols, store: str) -> Callable[[str, int], FileLease]:
    def take(run_id: str, at_least: int) -> FileLease:
        return FileLease.acquire(
            venue.way.name,
            venue.way.section.account,
            steady_ns=SystemClock().steady_ns,
            run_id=run_id,
            at_least=at_least,
            store=store,
        )

    return take


class _Looking:
    """Hands on what a session tells, and ends it once it has traded for its time.

    Attributes:
        run_id: Empty until the run is in the store.
    """

    def __init__(self, watcher: WireWatcher, duration_ns: int | None, stop: StopRequest) -> None:
        self._watcher = watcher
        self._duration_ns = duration_ns
        self._stop = stop
        self._timer: asyncio.TimerHandle | None = None
        self.run_id = ""

    def began(self, run: RunRecord) -> None:
        """See `WireWatcher`."""
        self.run_id = run.run_id
        self._watcher.began(run)

    def certain(self, seconds: float) -> None:
        """See `WireWatcher`: from here on it trades."""
        self._watcher.certain(seconds)
        if self._duration_ns is not None and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._duration_ns / _NS, self._stop.ask, Reason.END)

    def status(self, status: Status) -> None:
        """See `WireWatcher`."""
        self._watcher.status(status)

    def alert(self, alert: Alert) -> None:
        """See `WireWatcher`."""
        self._watcher.alert(alert)

    def end(self) -> None:
        """No timer is left behind."""
        if self._timer is not None:
            self._timer.cancel()
