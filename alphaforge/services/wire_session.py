"""One run over a wire, from start to stop; starting and coming back from a crash are one path.

START HERE: lease → store → the run (a new one, or the one that was killed: `recovering.py`) →
venue → reconciled → strategies → until asked to stop. Every task lives in one TaskGroup: an error
that is not the venue's ends the session, and a new process goes on from the journal. Must hold no
trading rule.
"""

import asyncio
from contextlib import suppress
from typing import Final, cast

from alphaforge.engine.core import Engine
from alphaforge.engine.desk import HistoryRequest
from alphaforge.engine.strategies import RunState
from alphaforge.errors import AlphaForgeError, InternalError, VenueError
from alphaforge.model.commands import (
    Approved,
    BeginEpoch,
    StartSession,
    StopSession,
    StopStrategy,
)
from alphaforge.model.enums import AlertLevel, OrderType, TimeInForce
from alphaforge.model.events import Alert
from alphaforge.model.market import HistoryBars, VenueTime
from alphaforge.model.step import Step
from alphaforge.services.asking import listening
from alphaforge.services.control.told import Told
from alphaforge.services.control.wire_host import wire_host
from alphaforge.services.door import Door
from alphaforge.services.engine_time import EngineTime
from alphaforge.services.gateway import Lease
from alphaforge.services.history import take_requests
from alphaforge.services.inquiry import answer_of
from alphaforge.services.opening import Opening, begin_run, connect, connect_beside
from alphaforge.services.recovering import come_back
from alphaforge.services.run_journal import RunJournal
from alphaforge.services.sampling import EquitySampler
from alphaforge.services.snapshots import Snapshots
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.services.summary import read_status, summarise
from alphaforge.services.venue_link import VenueLink
from alphaforge.services.watchdog import watch
from alphaforge.services.wire_plan import Ports, WirePlan, WireWatcher
from alphaforge.store.records import RunRecord, RunStatus
from alphaforge.store.writer import Writer

TIMER_SECONDS: Final = 0.05
"""How late a strategy's timer may fire when nothing else happens."""

HEARTBEAT_SECONDS: Final = 1.0
CLOCK_SECONDS: Final = 20.0
"""Between two comparisons of the clocks."""

STATUS_SECONDS: Final = 0.25

BAR_GRACE_NS: Final = 1_000_000_000
"""A bar whose end has passed by our clock closes so much later without a word of the venue."""

HISTORY_SECONDS: Final = 10.0
"""How long bars from before the run are waited for."""

LAST_ANSWERS_SECONDS: Final = 5.0
"""How long a stop waits for requests that are on their way."""

_AT_ONCE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})

_NS: Final = 1_000_000_000


class WireOutcome:
    """How a session ended."""

    def __init__(self, summary: dict[str, object], status: RunStatus) -> None:
        self.summary = summary
        self.status = status


async def run_wire_session(
    plan: WirePlan, ports: Ports, stop: StopRequest, watcher: WireWatcher
) -> WireOutcome:
    """Trade until `stop` is asked.

    Raises `LeaseHeldError` at once where another process trades the account, `StoreError` if the
    journal cannot be written: nothing leaves then, and the run can be gone on with.
    """
    lease = ports.acquire("", 0)
    writer = await ports.journal.open()
    try:
        time = EngineTime(ports.clock)
        back = await come_back(plan, ports)
        first, *others = ports.venues
        ahead = await connect(first, time)
        if ahead:
            watcher.alert(_clock_alert(first.name, ahead, time.now()))
        for venue in others:
            await connect_beside(venue, time)
        opening = back or await begin_run(plan, ports, time)
        if opening.epoch >= lease.epoch:
            lease.release()
            lease = ports.acquire(opening.run.run_id, opening.epoch)
        journal = RunJournal(ports.journal, writer, opening.run.run_id)
        session = _Session(opening, ports, lease, journal, time)
        return await session.run(stop, watcher)
    finally:
        for venue in ports.venues:
            await venue.close()
        await ports.journal.close()


class _Session:
    def __init__(
        self, opening: Opening, ports: Ports, lease: Lease, journal: RunJournal, time: EngineTime
    ) -> None:
        self._run: RunRecord = opening.run
        self._engine: Engine = opening.engine
        self._opening = opening
        self._ports = ports
        self._lease = lease
        self._journal = journal
        self._time = time
        self._began = ports.clock.steady_ns()
        self._door = Door(self._engine, journal, time)
        self._links = {
            venue.name: VenueLink(venue, self._engine, self._door, journal, self._run.run_id)
            for venue in ports.venues
        }
        self._sampler = EquitySampler(self._engine, journal.equity, on_bars=False)
        self._snapshots = Snapshots(self._engine, journal)

    async def run(self, stop: StopRequest, watcher: WireWatcher) -> WireOutcome:
        """Take the run up, trade, stop in order."""
        host = wire_host(self._engine, self._run, self._door, self._links, stop)
        host.store_url = self._ports.store_url
        watcher = Told(watcher, host)
        watcher.began(self._run)
        self._door.put(BeginEpoch(self._lease.epoch, self._door.now))
        for event in self._opening.first:
            self._door.put(event)
        await self._ports.journal.ask(Writer.flush_to_disk)
        try:
            with watch(self._engine, self._ports.callback_seconds):
                async with self._ports.serve(host):
                    await self._trade(stop, watcher)
        except BaseExceptionGroup as group:
            raise _first(group) from None
        return await self._end(stop)

    async def _trade(self, stop: StopRequest, watcher: Told) -> None:
        links = tuple(self._links.values())
        async with asyncio.TaskGroup() as tasks:
            self._open(tasks, stop, watcher)
            watcher.opened()
            for link in links:
                link.reconciler.restarted()
            running = [
                *(tasks.create_task(link.run_stream(self._keep_if_due)) for link in links),
                *(tasks.create_task(link.reconciler.run()) for link in links),
                tasks.create_task(self._timers()),
                tasks.create_task(self._heartbeat()),
                tasks.create_task(self._follow_clock(watcher)),
                tasks.create_task(self._status(watcher)),
            ]
            with listening(self._check):
                await self._until_certain(stop)
                if not stop.event.is_set():
                    watcher.certain((self._ports.clock.steady_ns() - self._began) / _NS)
                    self._start(stop)
                    await self._serve_history(watcher)
                    await stop.event.wait()
            watcher.ending()
            self._snapshots.end()
            self._door.put(StopSession(self._door.now, stop.who))
            await self._last_answers()
            for task in running:
                task.cancel()

    def _open(self, tasks: asyncio.TaskGroup, stop: StopRequest, watcher: Told) -> None:
        """Tie everything to the door."""
        for link in self._links.values():
            link.open(self._lease, tasks)
            link.reconciler.tell = lambda level, code, message: watcher.alert(
                Alert(level, code, message, self._door.now)
            )
        self._door.outgoing = self._route
        self._door.on_step = lambda step: self._look(step, stop, watcher)
        self._door.sampler = self._sampler
        self._snapshots.tell = lambda why: watcher.alert(
            Alert(AlertLevel.WARNING, "snapshot", why, self._door.now)
        )
        for alert in self._opening.alerts:
            watcher.alert(alert)

    def _route(self, approved: tuple[Approved, ...], place: int) -> None:
        """Each request to the venue of its instrument, in the order in which they were decided."""
        states = self._engine.markets.states
        by_venue: dict[str, list[Approved]] = {}
        for each in approved:
            venue = states[each.command.symbol].instrument.venue
            by_venue.setdefault(venue, []).append(each)
        for venue, requests in by_venue.items():
            gateway = self._links[venue].gateway
            if gateway is None:
                raise InternalError(f"a request for {venue} before its gateway was there")
            gateway.take(tuple(requests), place)

    def _check(self) -> None:
        for link in self._links.values():
            link.reconciler.check()

    async def _until_certain(self, stop: StopRequest) -> None:
        """Until every venue is READY at once, or the end is asked for."""
        certain = [link.reconciler.certain for link in self._links.values()]
        while not stop.event.is_set():
            missing = next((each for each in certain if not each.is_set()), None)
            if missing is None:
                return
            await _first_of(missing, stop.event)

    def _start(self, stop: StopRequest) -> None:
        """Strategies of a new run start; those of one that was killed are running already."""
        if self._opening.epoch:
            self._snapshots.keep()  # coming back once more begins here
        for name in self._opening.stopped:
            self._door.put(StopStrategy(name, self._door.now))
        runners = self._engine.strategies.runners.values()
        if all(runner.state is RunState.REGISTERED for runner in runners):
            self._door.put(StartSession(self._door.now))
        elif all(runner.state is RunState.FAILED for runner in runners):
            stop.ask(Reason.FAILED)

    async def _serve_history(self, watcher: WireWatcher) -> None:
        """Bars from before the run for who asked; the market waits for them."""
        requests = take_requests(self._engine)
        if not requests:
            return
        for link in self._links.values():
            link.hold_market()
        try:
            for request in requests:
                await self._serve(request, watcher)
        finally:
            for link in self._links.values():
                link.release_market()

    async def _serve(self, request: HistoryRequest, watcher: WireWatcher) -> None:
        state = self._engine.markets.states[request.symbol]
        venue = self._links[state.instrument.venue].venue
        try:
            async with asyncio.timeout(HISTORY_SECONDS):
                bars = await venue.bars(request.symbol, request.kind, request.count)
        except (VenueError, TimeoutError) as error:
            message = f"no history of {request.symbol} {request.kind}: {error or 'no answer'}"
            watcher.alert(Alert(AlertLevel.WARNING, "no-history", message, self._door.now))
            return
        now = self._door.now
        if bars:
            self._door.put(HistoryBars(request.symbol, request.kind, now, tuple(bars), now))

    async def _last_answers(self) -> None:
        """Let what is on its way arrive: answers, and what became of orders that cannot rest."""
        waited = 0.0
        while self._awaits_answers() and waited < LAST_ANSWERS_SECONDS:
            await asyncio.sleep(TIMER_SECONDS)
            waited += TIMER_SECONDS

    def _awaits_answers(self) -> bool:
        gateways = [link.gateway for link in self._links.values() if link.gateway is not None]
        if any(each.in_flight for each in gateways) or self._engine.execution.doubtful:
            return True
        working = (each.life.order for each in self._engine.execution.orders.values())
        return any(
            each.tif in _AT_ONCE or each.order_type is OrderType.MARKET
            for each in working
            if not each.is_held
        )

    async def _end(self, stop: StopRequest) -> WireOutcome:
        """Commit everything and say how the run ended; resting orders stay at the venue."""
        self._sampler.finish()
        seconds = (self._ports.clock.steady_ns() - self._began) / _NS
        summary = summarise(self._engine, self._run, seconds)
        failed = stop.reason is Reason.FAILED
        in_order = stop.reason in {Reason.END, Reason.ASKED}
        interrupted = RunStatus.FINISHED if in_order else RunStatus.INTERRUPTED
        status = RunStatus.FAILED if failed else interrupted
        ended, run_id = self._time.now(), self._run.run_id
        await self._ports.journal.ask(
            lambda writer: writer.finish_run(run_id, status, summary, ended, "")
        )
        stop.settled = True
        return WireOutcome(summary, status)

    # Tasks ------------------------------------------------------------------------------------

    def _keep_if_due(self) -> None:
        self._snapshots.keep_if_due()

    async def _timers(self) -> None:
        """Let engine time pass where nothing else makes it pass."""
        engine = self._engine
        while True:
            await asyncio.sleep(TIMER_SECONDS)
            self._journal.check()
            now = self._door.now
            for clock in engine.markets.clocks.values():
                is_bar_due = clock.next_end <= now - BAR_GRACE_NS
                if is_bar_due or engine.timers.next_due <= now:
                    ts = now - BAR_GRACE_NS if is_bar_due else clock.ts
                    self._door.put(VenueTime(clock.venue, max(ts, clock.ts), now))

    async def _heartbeat(self) -> None:
        """Look at the lease: after a stop of the process, what it knows is old."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for link in self._links.values():
                link.watch_books()
                if link.gateway is not None:
                    link.gateway.look_at_lease()

    async def _follow_clock(self, watcher: WireWatcher) -> None:
        """Stay with the first venue's clock: this machine may sleep, or its clock be wrong."""
        venue = self._ports.venues[0]
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            asked = self._time.now()
            with suppress(VenueError, TimeoutError):  # away: its reconciler tells of that
                there = await answer_of(venue.time)
                ahead = self._time.follow(there, asked, venue.capabilities.clock_bound_ns)
                if ahead:
                    watcher.alert(_clock_alert(venue.name, ahead, self._door.now))

    async def _status(self, watcher: WireWatcher) -> None:
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            watcher.status(read_status(self._engine, None))

    def _look(self, step: Step, stop: StopRequest, watcher: Told) -> None:
        if step.events:
            for link in self._links.values():
                link.reconciler.look()
        watcher.saw(step)
        runners = self._engine.strategies.runners.values()
        if step.alerts and all(runner.state is RunState.FAILED for runner in runners):
            stop.ask(Reason.FAILED)


def _clock_alert(venue: str, ahead: int, now: int) -> Alert:
    way = "ahead of" if ahead > 0 else "behind"
    message = (
        f"this machine's clock is {abs(ahead) / _NS:.1f} s {way} that of {venue}, which is "
        "believed: set it by a time server"
    )
    return Alert(AlertLevel.WARNING, "clock", message, now)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What ended the tasks: an error of ours before any other."""
    ours, others = group.split(AlphaForgeError)
    error: BaseException = ours or others or group
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


async def _first_of(*events: asyncio.Event) -> None:
    """Wait until any of some events is set."""
    async with asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(each.wait()) for each in events]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
