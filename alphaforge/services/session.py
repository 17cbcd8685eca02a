"""One paper run from start to end: start order, the drive, shutdown order.

Start: strategies, then the store, then the journal, then the market. Shutdown, whatever the
reason: `on_stop`, last sample, summary, commit, close; nothing appended is lost. Must hold no
trading rule: everything that trades is in the engine.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from alphaforge.engine.strategies import RunState
from alphaforge.errors import AlphaForgeError, StoreError, UsageError
from alphaforge.model.commands import StartSession, StopSession
from alphaforge.model.events import Alert, OrderDenied
from alphaforge.model.market import HistoryBars
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.services.assembly import Assembly
from alphaforge.services.clock import Clock
from alphaforge.services.control.host import Host, Serve, nobody_looks
from alphaforge.services.control.paper_host import paper_host
from alphaforge.services.feed import Feed
from alphaforge.services.history import take_requests
from alphaforge.services.pump import UNTIL_THE_END, Pump
from alphaforge.services.run_journal import RunJournal
from alphaforge.services.sampling import EquitySampler
from alphaforge.services.stopping import Reason, StopRequest, StuckError
from alphaforge.services.strategy_files import frame_error
from alphaforge.services.summary import Status, read_status, summarise
from alphaforge.services.watchdog import watch
from alphaforge.services.writer_thread import WriterThread
from alphaforge.store.database import Durability
from alphaforge.store.records import RunRecord, RunStatus
from alphaforge.venues.base import Venue

STATUS_SECONDS: Final = 0.25
_SHORTEST_WAIT_SECONDS: Final = 0.001
_LONGEST_WAIT_SECONDS: Final = 0.1
_IDLE_NS: Final = 5_000_000
"""How long a live feed that has nothing yet is left alone."""

_NS: Final = 1_000_000_000


class RunPlan(NamedTuple):
    """Everything a run needs.

    Attributes:
        store_url: The database.
        durability: What its commits survive.
        speed: Engine seconds per wall second; None feeds as fast as it goes.
        duration_ns: When to stop: engine time on a recording, wall time otherwise; None = never.
        callback_seconds: How long one call of a strategy may take; 0 = for ever.
        serve: Shows the run to clients while it lasts.
        venues: The adapters whose public streams feed it, by name.
    """

    assembly: Assembly
    feed: Feed
    record: RunRecord
    store_url: str
    speed: float | None = None
    duration_ns: int | None = None
    durability: Durability = "process"
    callback_seconds: float = 0.0
    serve: Serve = nobody_looks
    venues: Mapping[str, Venue] = {}


class Outcome(NamedTuple):
    """How a run ended.

    Attributes:
        summary: See `summarise`.
        error: What made it fail; None unless `status` is FAILED.
        first_denial: Why the first denied order was denied; empty if none was.
    """

    summary: dict[str, object]
    status: RunStatus
    error: AlphaForgeError | None
    first_denial: str


class Watcher(Protocol):
    """Who looks on: a terminal, a test."""

    def began(self, run: RunRecord) -> None:
        """The run is in the store and the market begins."""
        ...

    def status(self, status: Status) -> None:
        """How it stands, a few times a second."""
        ...

    def alert(self, alert: Alert) -> None:
        """Something a person should know."""
        ...


async def run_session(plan: RunPlan, clock: Clock, stop: StopRequest, watcher: Watcher) -> Outcome:
    """Run to the end of the data, of the time given, or until `stop` is asked.

    Raises `UsageError` for what a strategy asked for at its start that does not exist (before
    anything is written), `StoreError` if the journal cannot be written.
    """
    with watch(plan.assembly.engine, plan.callback_seconds):
        return await _run(plan, clock, _Session(plan, clock, stop, watcher))


async def _run(plan: RunPlan, clock: Clock, session: "_Session") -> Outcome:
    start = session.start()
    thread = WriterThread(plan.store_url, plan.durability)
    writer = await thread.open()
    try:
        await thread.ask(lambda writer: writer.begin_run(plan.record))
        return await session.run(start, RunJournal(thread, writer, plan.record.run_id), thread)
    except StoreError:
        raise
    except Exception as error:
        run_id, text, ended = plan.record.run_id, repr(error), clock.wall_ns()
        await thread.ask(
            lambda writer: writer.finish_run(run_id, RunStatus.FAILED, None, ended, text)
        )
        raise
    finally:
        await thread.close()


class _Session:
    def __init__(self, plan: RunPlan, clock: Clock, stop: StopRequest, watcher: Watcher) -> None:
        self._plan = plan
        self._clock = clock
        self._stop = stop
        self._watcher = watcher
        self._engine = plan.assembly.engine
        self._never = asyncio.Event()
        self._began = clock.steady_ns()
        self._error: AlphaForgeError | None = None
        self._first_denial = ""
        self._host: Host | None = None

    def start(self) -> tuple[StartSession, Step]:
        """Start the strategies; what they did wrong by name or number is told at once."""
        command = StartSession(self._plan.feed.start_ns)
        step = self._engine.process(command)
        for runner in self._engine.strategies.runners.values():
            if isinstance(runner.error, UsageError):
                raise runner.error
        return command, step

    async def run(
        self, start: tuple[StartSession, Step], journal: RunJournal, thread: WriterThread
    ) -> Outcome:
        plan, engine = self._plan, self._engine
        on_bars = bool(plan.assembly.market.native_kinds)
        sampler = EquitySampler(engine, journal.equity, on_bars=on_bars)
        pump = Pump(engine, plan.feed, journal, sampler, self._look)
        journal.input(engine.sequence, start[0])
        if start[1] is not EMPTY_STEP:
            journal.step(start[1])
            self._look(start[1])
        self._watcher.began(plan.record)
        host = self._host = paper_host(engine, plan.record, pump, self._stop, plan.venues)
        host.store_url = plan.store_url
        async with plan.serve(host):
            host.saw(start[1])
            await self._trade(pump, journal)
            host.state = "STOPPING"
        self._finish(pump, sampler)
        seconds = (self._clock.steady_ns() - self._began) / _NS
        summary = summarise(engine, plan.record, seconds)
        status, error = self._status(), self._error
        ended, text = self._clock.wall_ns(), str(error or "")
        await thread.ask(
            lambda writer: writer.finish_run(plan.record.run_id, status, summary, ended, text)
        )
        self._watcher.status(read_status(engine, plan.feed.progress()))
        return Outcome(summary, status, error, self._first_denial)

    async def _trade(self, pump: Pump, journal: RunJournal) -> None:
        """Serve history, then feed the market until somebody asks to stop."""
        try:
            await self._serve_history(pump)
            async with asyncio.TaskGroup() as tasks:
                status = tasks.create_task(self._show_status())
                try:
                    await self._drive(pump, journal)
                finally:
                    status.cancel()
        except StuckError as error:
            self._failed(error)
        except BaseExceptionGroup as group:
            self._failed(group.exceptions[0])

    def _failed(self, error: BaseException) -> None:
        """Keep what went wrong with the data; anything else is nobody's to handle here."""
        if isinstance(error, StuckError):
            self._stop.stuck = True
            self._stop.ask(Reason.INTERRUPTED)
            return
        if not isinstance(error, AlphaForgeError) or isinstance(error, StoreError):
            raise error from None
        self._error = error
        self._stop.ask(Reason.FAILED)

    async def _serve_history(self, pump: Pump) -> None:
        """Bars from before the run, once per symbol and kind, the most that anybody asked for."""
        feed = self._plan.feed
        for request in take_requests(self._engine):
            bars = await feed.history(request)
            if bars:
                pump.input(HistoryBars(request.symbol, request.kind, feed.start_ns, bars))

    async def _drive(self, pump: Pump, journal: RunJournal) -> None:
        clock, stop = self._clock, self._stop
        began, limit = clock.steady_ns(), self._limit()
        while stop.reason is None:
            passed = clock.steady_ns() - began
            until = min(limit, self._reached(passed))
            pump.turn(clock, until)
            journal.check()
            if stop.reason is None and (
                pump.ended or pump.next_ts >= limit or self._is_over(passed)
            ):
                stop.ask(Reason.END)
            elif journal.is_full:
                await journal.drain()
            else:
                await self._pause(_IDLE_NS if pump.is_idle else pump.next_ts - until)

    def _limit(self) -> int:
        """Engine time at which a recording has been played for long enough."""
        feed, duration = self._plan.feed, self._plan.duration_ns
        return UNTIL_THE_END if duration is None or not feed.recorded else feed.start_ns + duration

    def _reached(self, passed: int) -> int:
        """Engine time that may be reached after so much wall time."""
        speed = self._plan.speed
        return (
            UNTIL_THE_END if speed is None else self._plan.feed.start_ns + int(passed * speed) + 1
        )

    def _is_over(self, passed: int) -> bool:
        """Whether a market without an end has been traded for long enough, by the wall clock."""
        duration = self._plan.duration_ns
        return duration is not None and not self._plan.feed.recorded and passed >= duration

    async def _pause(self, ahead_ns: int) -> None:
        """Let others run; longer where the next event is still so much engine time ahead."""
        if ahead_ns < 0:
            await asyncio.sleep(0)
            return
        seconds = max(ahead_ns / (self._plan.speed or 1.0) / _NS, _SHORTEST_WAIT_SECONDS)
        await self._clock.wait(self._stop.event, min(seconds, _LONGEST_WAIT_SECONDS))

    def _look(self, step: Step) -> bool:
        """Show alerts; False when no strategy is left: there is nothing to go on for."""
        if self._host is not None:
            self._host.saw(step)
        if not self._first_denial and self._engine.execution.counts.denied:
            self._first_denial = _denial_in(step)
        for alert in step.alerts:
            self._watcher.alert(alert)
        if not step.alerts:
            return True
        runners = self._engine.strategies.runners.values()
        if all(runner.state is RunState.FAILED for runner in runners):
            self._error = self._error or self._strategy_error()
            self._stop.ask(Reason.FAILED)
        return self._stop.reason is None

    def _strategy_error(self) -> AlphaForgeError | None:
        """Why the first strategy was stopped, with the user's own frame."""
        for strategy in self._plan.assembly.strategies:
            error = self._engine.strategies.runners[strategy.name].error
            if isinstance(error, AlphaForgeError):
                return error
            if error is not None:
                return frame_error(error, strategy.path)
        return None

    def _finish(self, pump: Pump, sampler: EquitySampler) -> None:
        """`on_stop` of every strategy, its orders, the last sample."""
        now = self._engine.execution.now
        if self._stop.reason is Reason.END and self._plan.duration_ns is not None:
            limit = self._limit()
            now = max(now, limit if limit < UNTIL_THE_END and not pump.ended else 0)
        if not self._stop.stuck:
            try:
                pump.input(StopSession(now, self._stop.who))
            except StuckError:
                self._stop.ask(Reason.INTERRUPTED)
        sampler.finish()
        self._stop.settled = True

    def _status(self) -> RunStatus:
        if self._stop.reason is Reason.INTERRUPTED:
            return RunStatus.INTERRUPTED
        return RunStatus.FAILED if self._error is not None else RunStatus.FINISHED

    async def _show_status(self) -> None:
        while True:
            await self._clock.wait(self._never, STATUS_SECONDS)
            progress = self._plan.feed.progress()
            if self._host is not None:
                self._host.progress = progress
            self._watcher.status(read_status(self._engine, progress))


def _denial_in(step: Step) -> str:
    for event in step.events:
        if isinstance(event, OrderDenied):
            return f"{event.terms.side} {event.terms.symbol}: {'; '.join(event.reasons)}"
    return ""
