"""A paper run on live markets: the public streams of venues, orders simulated here.

Connects without a key, builds the engine from the venues' own rules, and runs the session that
recordings run through, too. Must never send an order.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from typing import Final

from alphaforge.errors import UsageError, VenueUnavailableError
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.model.instrument import Instrument
from alphaforge.services.assembly import (
    Market,
    PlannedStrategy,
    RunOptions,
    assemble,
    plan_strategies,
)
from alphaforge.services.clock import Clock
from alphaforge.services.config import Configuration
from alphaforge.services.control.host import Serve, nobody_looks
from alphaforge.services.engine_time import EngineTime
from alphaforge.services.live_feed import LiveFeed
from alphaforge.services.run_journal import new_run_id, run_record
from alphaforge.services.session import Outcome, RunPlan, Watcher, run_session
from alphaforge.services.stopping import StopRequest
from alphaforge.services.wire_venues import VenueSymbols, sort_among_venues
from alphaforge.venues.base import Venue
from alphaforge.venues.ccxt_access import Network
from alphaforge.venues.ccxt_venue import CcxtVenue

CONNECT_SECONDS: Final = 30.0


def plan_live_paper(
    targets: Sequence[str],
    options: RunOptions,
    configuration: Configuration,
    duration_ns: int | None,
    serve: Serve = nobody_looks,
) -> "LivePaper | None":
    """A paper run on live markets; None where the symbols trade on the synthetic market.

    The built-in exchange that a run starts is no live market: paper trades the synthetic one.
    Raises `UsageError` where some symbols are on the one and some on the other.
    """
    planned = plan_strategies(targets, options)
    venues = sort_among_venues(planned, options, configuration)
    live = [each for each in venues if not _is_synthetic(each)]
    if live and len(live) < len(venues):
        made_up = ", ".join(each.way.name for each in venues if _is_synthetic(each))
        raise UsageError(
            f"some symbols trade on a live market and some on {made_up}, which has none",
            remedy="see [routing], or give the symbols: --symbol",
        )
    if not live:
        return None
    return LivePaper(planned, live, options, configuration, duration_ns, serve)


def _is_synthetic(venue: VenueSymbols) -> bool:
    return venue.way.section.kind == "synthetic" or venue.starts_exchange


class LivePaper:
    """What is typed for a paper run on live markets, ready to connect."""

    def __init__(
        self,
        planned: Sequence[PlannedStrategy],
        venues: Sequence[VenueSymbols],
        options: RunOptions,
        configuration: Configuration,
        duration_ns: int | None,
        serve: Serve,
    ) -> None:
        self._planned = planned
        self._venues = venues
        self._options = options
        self._configuration = configuration
        self._duration_ns = duration_ns
        self._serve = serve

    async def run(
        self, clock: Clock, stop: StopRequest, watcher: Watcher
    ) -> tuple[RunPlan, Outcome]:
        """Connect, and trade until the time is over or `stop` is asked; what ran, and how.

        Raises `VenueError` where a venue is out of reach, and the errors of `run_session`.
        """
        async with contextlib.AsyncExitStack() as stack:
            venues: dict[str, Venue] = {}
            for each in self._venues:
                venue = _market_of(each)
                stack.push_async_callback(venue.close)
                await _connect(venue)
                venues[venue.name] = venue
            plan, feed = await self._plan(venues, clock)
            feed.tell = lambda what: watcher.alert(
                Alert(AlertLevel.WARNING, "market", what, plan.assembly.engine.timers.now)
            )
            return plan, await _beside(feed, venues, run_session(plan, clock, stop, watcher))

    async def _plan(self, venues: dict[str, Venue], clock: Clock) -> tuple[RunPlan, LiveFeed]:
        instruments: dict[str, Instrument] = {}
        for venue in venues.values():
            instruments |= {each.symbol: each for each in await venue.instruments()}
        feed = LiveFeed(venues, EngineTime(clock), lambda symbol: instruments[symbol].venue)
        market = Market(instruments, {})
        assembly = assemble(self._planned, market, self._options, self._configuration)
        settings, started = self._configuration.settings, clock.wall_ns()
        record = run_record(
            assembly, (), run_id=new_run_id(started), seed=settings.engine.seed, started=started
        )
        plan = RunPlan(
            assembly,
            feed,
            record,
            self._configuration.store_url,
            duration_ns=self._duration_ns,
            durability=settings.store.durability,
            callback_seconds=float(settings.engine.callback_seconds),
            serve=self._serve,
            venues=venues,
        )
        return plan, feed


def _market_of(venue: VenueSymbols) -> CcxtVenue:
    """The adapter without a key: nothing private can be asked with it."""
    way = venue.way
    network = Network.TEST if way.section.kind == "local" else Network.LIVE
    access = way.access(network, None)
    return CcxtVenue(
        access, way.profile, name=way.name, account=way.section.account, wanted=venue.symbols
    )


async def _connect(venue: Venue) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await venue.connect()
    except TimeoutError as error:
        raise VenueUnavailableError(
            f"{venue.name} did not answer within {CONNECT_SECONDS:g} s",
            remedy=f"see what is wrong: alphaforge exchange test {venue.name}",
        ) from error


async def _beside(feed: LiveFeed, venues: dict[str, Venue], session: Awaitable[Outcome]) -> Outcome:
    """Run the session while the feed fills; an error of either ends both."""
    async with asyncio.TaskGroup() as tasks:
        filling = [tasks.create_task(feed.fill(venue)) for venue in venues.values()]
        outcome = await session
        for task in filling:
            task.cancel()
    return outcome
