"""A backtest: the one engine, fed from files as fast as it takes them.

A plain loop over batches, inline in one thread: no task, no queue, no garbage collection while it
runs. Orders, fills, positions and alerts are kept as views, without the journal of decisions: a
backtest is repeated, not replayed, and its record says from what (data, source, parameters, seed).
Must never fill an order or decide anything itself.
"""

import gc
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Final, NamedTuple

from alphaforge.engine.performance import PerformanceMonitor
from alphaforge.engine.strategies import RunState
from alphaforge.errors import AlphaForgeError, StoreError, StrategyError, UsageError
from alphaforge.marketdata.dataset import Dataset
from alphaforge.model.commands import StartSession, StopSession
from alphaforge.model.market import MarketEvent
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.research.interruption import Interruption, interruptible
from alphaforge.research.report import Report, summarise
from alphaforge.research.window import Warmup, Window
from alphaforge.services.assembly import Assembly
from alphaforge.services.clock import Clock
from alphaforge.services.feed import RecordedFeed
from alphaforge.services.sampling import EquitySampler
from alphaforge.services.strategy_files import frame_error
from alphaforge.store.records import RunRecord, RunStatus
from alphaforge.store.writer import Writer

FLUSH_ROWS: Final = 1_024
"""Appends gathered for one commit: few enough that the last one takes a fraction of a second."""

_NS: Final = 1_000_000_000

Reached = Callable[[float], object]
"""Told now and then which share of the data was read, 0 to 1."""


class BacktestPlan(NamedTuple):
    """Everything a backtest needs.

    Attributes:
        feed: Over the same data files, opened once.
        first_symbol: Whose price buy-and-hold is of.
        store_url: The database.
        window: What is traded of the data.
        periods_per_year: UTC days a year has for the ratios.
    """

    assembly: Assembly
    feed: RecordedFeed
    record: RunRecord
    first_symbol: str
    store_url: str
    window: Window = Window()
    periods_per_year: int = 365

    @property
    def datasets(self) -> Sequence[Dataset]:
        """The data files."""
        return self.feed.datasets


class BacktestInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a backtest; what was committed is kept and marked as interrupted."""


def run_backtest(plan: BacktestPlan, clock: Clock, reached: Reached) -> Report:
    """Run to the end of the data and keep everything in the store.

    Raises:
        UsageError: A strategy asked at its start for what does not exist, or the window is empty.
        StrategyError: Every strategy was stopped by an error; the run is kept as failed.
        DataError: A bad row, when the data were opened strictly.
        StoreError: The store cannot be written.
        BacktestInterrupted: Ctrl-C.
    """
    start = plan.window.begin if plan.window.begin is not None else plan.feed.start_ns
    engine = plan.assembly.engine
    first = engine.process(StartSession(start))
    for runner in engine.strategies.runners.values():
        if isinstance(runner.error, UsageError):
            raise runner.error
    writer = Writer(plan.store_url)
    try:
        writer.begin_run(plan.record)
        return _Backtest(plan, clock, writer).run(first, start, reached)
    finally:
        with suppress(StoreError):  # what failed was told already; closing would try it again
            writer.close()


class _Backtest:
    """One run under way."""

    def __init__(self, plan: BacktestPlan, clock: Clock, writer: Writer) -> None:
        self._plan = plan
        self._clock = clock
        self._writer = writer
        self._engine = plan.assembly.engine
        self._run_id = plan.record.run_id
        self._monitor: PerformanceMonitor | None = None
        on_bars = bool(plan.assembly.market.native_kinds)
        self._sampler = EquitySampler(self._engine, self._sample, on_bars=on_bars)
        self._appended = 0
        self._events = 0

    def run(self, first: Step, start: int, reached: Reached) -> Report:
        began = self._clock.steady_ns()
        self._keep(first)
        with interruptible() as wish:
            try:
                with _collection_paused():
                    self._feed(self._batches(start), wish, reached)
                    self._check_end(wish)
                    self._keep(self._engine.process(StopSession(self._engine.execution.now)))
                    self._sampler.finish()
                    self._check_strategies()
            except BaseException as error:
                with wish.held():
                    self._end_badly(error)
                raise
            with wish.held():
                return self._end_well(began)

    def _end_well(self, began: int) -> Report:
        """Write what is left; only then is the run called finished."""
        self._writer.flush()
        seconds = (self._clock.steady_ns() - began) / _NS
        monitor, symbol = self._monitor_now(), self._plan.first_symbol
        report = summarise(self._engine, monitor, self._run_id, symbol)
        report = report.timed(self._events, seconds)
        summary, ended = report.as_summary(), self._clock.wall_ns()
        self._writer.finish_run(self._run_id, RunStatus.FINISHED, summary, ended)
        return report

    def _batches(self, start: int) -> Iterator[list[MarketEvent]]:
        """The events of the window, history before the first of them."""
        plan, engine = self._plan, self._engine
        market = plan.assembly.market
        warmup = Warmup(engine.shared.history, market.instruments, market.native_kinds, start)
        engine.shared.history.clear()
        served = plan.window.begin is None
        for batch in plan.window.inside(plan.feed.batches(), warmup.take):
            if batch and not served:
                served = True
                for event in warmup.history():
                    self._keep(engine.process(event))
            yield batch

    def _feed(
        self, batches: Iterator[list[MarketEvent]], wish: Interruption, reached: Reached
    ) -> None:
        """Give every event to the engine: the loop that must be fast."""
        process, keep, sampler = self._engine.process, self._keep, self._sampler
        for batch in batches:
            for event in batch:
                if event.ts_local >= sampler.due:
                    sampler.before(event)
                step = process(event)
                if step is not EMPTY_STEP:
                    keep(step)
            self._events += len(batch)
            if self._appended >= FLUSH_ROWS:
                with wish.held():
                    self._writer.flush()
                self._appended = 0
            reached(self._plan.feed.progress() or 0.0)
            if wish.asked or not self._any_running():
                return

    def _keep(self, step: Step) -> None:
        if step is not EMPTY_STEP:
            self._writer.append_views(self._run_id, step)
            self._appended += 1
            self._sampler.after(step)

    def _sample(self, sequence: int, ts: int, amounts: tuple[Decimal, Decimal, Decimal]) -> None:
        positions = self._engine.portfolio.positions.values()
        in_market = any(position.quantity for position in positions)
        monitor = self._monitor_now()
        monitor.begin(ts)  # the first call counts: the first sample is at the first event
        monitor.sample(ts, amounts[0], in_market)
        self._writer.sample_equity(self._run_id, sequence, ts, amounts)
        self._appended += 1

    def _monitor_now(self) -> PerformanceMonitor:
        """The monitor, made as soon as everything held at the start has a price."""
        if self._monitor is None:
            start = self._engine.valuation.start_equity()
            self._monitor = PerformanceMonitor(start, self._plan.periods_per_year)
        return self._monitor

    def _any_running(self) -> bool:
        runners = self._engine.strategies.runners.values()
        return any(runner.state is RunState.RUNNING for runner in runners)

    def _check_end(self, wish: Interruption) -> None:
        if wish.asked:
            wish.heard()
            raise BacktestInterrupted
        self._check_strategies()
        if not self._events:
            raise UsageError(
                "no row of the data lies between --from and --to",
                remedy=f"type: alphaforge data show {self._plan.datasets[0].path}",
            )

    def _check_strategies(self) -> None:
        """With no strategy left there is no result: say where the last one broke."""
        runners = self._engine.strategies.runners
        if any(runner.state is not RunState.FAILED for runner in runners.values()):
            return
        paths = {each.name: each.path for each in self._plan.assembly.strategies}
        for name, runner in runners.items():
            if isinstance(runner.error, AlphaForgeError):
                raise runner.error
            if runner.error is not None:
                raise frame_error(runner.error, paths[name]) from runner.error
        raise StrategyError("every strategy was stopped")

    def _end_badly(self, error: BaseException) -> None:
        """Mark the run for what it is; where the store itself fails it stays marked as running."""
        interrupted = isinstance(error, KeyboardInterrupt)
        status = RunStatus.INTERRUPTED if interrupted else RunStatus.FAILED
        with suppress(StoreError):
            self._writer.finish_run(self._run_id, status, None, self._clock.wall_ns(), str(error))


@contextmanager
def _collection_paused() -> Generator[None]:
    """No garbage collection inside: what the loop makes, counting references frees."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
