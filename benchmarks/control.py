"""What it costs an engine to be looked at: 50,000 ticks a second with no client, with 1, with 10.

The real server on its Unix socket; the clients are the real client in a process of their own, each
with every channel, a mirror of it, and a watched symbol (book, tape, candles of a second). Wall
time, since waiting is what it measures.
"""

import asyncio
import gc
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter_ns, thread_time_ns
from typing import NamedTuple

from alphaforge.engine.core import Engine
from alphaforge.model.market import MarketEvent, Trade
from alphaforge.model.step import EMPTY_STEP
from alphaforge.services.clock import SystemClock
from alphaforge.services.control.host import Host, VenueView
from alphaforge.services.control.lag import LoopLag
from alphaforge.services.control.publisher import Hub
from alphaforge.services.control.serve import Serving, serve
from alphaforge.store.records import RunRecord, StrategySource
from benchmarks.harness import Harness, Row, percentile
from benchmarks.market import START_NS, SYMBOL, Ticks, start_engine, ticks
from benchmarks.strategies import EveryTick

TICKS_PER_SECOND = 50_000
SECONDS = 8.0
QUICK_SECONDS = 0.4
CLIENTS = (0, 1, 10)
LAG_CLIENTS = 2
BEST_OF = 3

NAMES = ("control_0_p99_us", "control_1_p99_us", "control_10_p99_us", "control_lag_p99_ms")

_TURN_SECONDS = 0.001
_MOST_IN_A_TURN = 200
_GAP_NS = 1_000_000_000 // TICKS_PER_SECOND
_RUN_ID = "20261120-091500-k3f"


class Sometimes(EveryTick):
    """A market order on every hundredth trade: 500 a second."""

    def on_start(self) -> None:
        """Ask for trades."""
        self.seen = 0
        super().on_start()

    def on_trade(self, trade: Trade) -> None:
        """Order, or only count."""
        self.seen += 1
        if not self.seen % 100:
            super().on_trade(trade)


class Pass(NamedTuple):
    """One pass.

    Attributes:
        order_us: Of each order, from the call of `process` until its Step was shown to the hub.
        cpu_us: Of it the processor's time: without what other processes took.
        due_us: Of each order, from the moment its tick was due until the same end.
        lag_ms: How late the loop was, 99th percentile.
    """

    order_us: list[float]
    cpu_us: list[float]
    due_us: list[float]
    lag_ms: float


def run(harness: Harness) -> dict[str, Row]:
    """Measure `control_*`, taken in turns so that a busy minute spoils all of them alike."""
    seconds = QUICK_SECONDS if harness.quick else SECONDS
    counts = (*CLIENTS, LAG_CLIENTS)
    passes: dict[int, list[Pass]] = {count: [] for count in counts}
    for _ in range(harness.tries(BEST_OF)):
        for count in counts:
            passes[count].append(asyncio.run(_pass(count, seconds)))
    rows = {f"control_{count}_p99_us": _row(passes[count], passes[0]) for count in CLIENTS}
    lags = [each.lag_ms for each in passes[LAG_CLIENTS]]
    alone = min(each.lag_ms for each in passes[0])
    rows["control_lag_p99_ms"] = Row(min(lags), "ms", len(lags), extra={"without_clients": alone})
    return rows


def _row(passes: list[Pass], alone: list[Pass]) -> Row:
    best = min(passes, key=lambda each: percentile(each.order_us, 0.99))
    base = min(percentile(each.order_us, 0.99) for each in alone)
    p99 = percentile(best.order_us, 0.99)
    extra = {
        "ratio": p99 / base,
        "p50_us": percentile(best.order_us, 0.5),
        "cpu_p99_us": min(percentile(each.cpu_us, 0.99) for each in passes),
        "since_due_p50_us": percentile(best.due_us, 0.5),
        "since_due_p99_us": percentile(best.due_us, 0.99),
        "lag_p99_ms": best.lag_ms,
    }
    return Row(p99, "us", len(passes), p99 * 1_000, extra)


async def _pass(clients: int, seconds: float) -> Pass:
    """Feed the engine at its pace while so many clients look on."""
    engine = start_engine([Sometimes])
    host, clock = _host(engine), SystemClock()
    hub = Hub(host, clock)
    lag = LoopLag(clock)  # of its own: the hub's saw the clients start
    feeder = _Feeder(engine, host, ticks(int(seconds * TICKS_PER_SECOND)))
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "ALPHAFORGE_RUNTIME_DIR": folder}
        settings = Serving(clock, Path(folder), "", environ=environ)
        async with serve(host, hub, settings), _attached(clients, environ):
            gc.collect()
            gc.freeze()
            await _beside(feeder.feed(), lag.run())
            gc.unfreeze()
    if hub.faults:
        raise RuntimeError(f"a view failed: {[*hub.views.news.log][-1].message}")
    return Pass(feeder.order_us, feeder.cpu_us, feeder.due_us, lag.p99_ms() or 0.0)


async def _beside(work: Coroutine[None, None, None], other: Coroutine[None, None, None]) -> None:
    """Do some work to its end while something else runs."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(other)
        await work
        running.cancel()


class _Feeder:
    """Feeds ticks when they are due, in turns of at most a few hundred, as a pump does."""

    def __init__(self, engine: Engine, host: Host, columns: Ticks) -> None:
        self.order_us: list[float] = []
        self.cpu_us: list[float] = []
        self.due_us: list[float] = []
        self._engine = engine
        self._host = host
        self._columns = columns

    async def feed(self) -> None:
        """All of them, each when it is due."""
        count = len(self._columns.times)
        _, prices, sizes = self._columns
        begun, done = perf_counter_ns(), 0
        while done < count:
            due = min((perf_counter_ns() - begun) // _GAP_NS, count)
            until = min(due, done + _MOST_IN_A_TURN)
            batch: list[MarketEvent] = []
            for number in range(done, until):
                ts = START_NS + number * _GAP_NS
                trade = Trade(SYMBOL, ts, prices[number], sizes[number], None, "", ts)
                self._process(trade, begun + number * _GAP_NS)
                batch.append(trade)
            self._host.saw_market(batch)
            done = until
            await asyncio.sleep(_TURN_SECONDS if done >= due else 0)

    def _process(self, trade: Trade, due: int) -> None:
        cpu, started = thread_time_ns(), perf_counter_ns()
        step = self._engine.process(trade)
        if step is not EMPTY_STEP:
            self._host.saw(step)
            now = perf_counter_ns()
            self.cpu_us.append((thread_time_ns() - cpu) / 1_000)
            self.order_us.append((now - started) / 1_000)
            self.due_us.append((now - due) / 1_000)


def _host(engine: Engine) -> Host:
    strategies = (StrategySource("strategy-0", "strategy-0.py", "", ""),)
    run = RunRecord(
        run_id=_RUN_ID, mode="paper", venue="sim", account="paper", strategies=strategies
    )
    views = (VenueView("sim", "paper", "SIMULATED", "", 0, None, None),)
    host = Host(engine, run, lambda: engine.timers.now, engine.process, lambda: views, lambda: None)
    host.state = "TRADING"
    return host


@asynccontextmanager
async def _attached(clients: int, environ: dict[str, str]) -> AsyncGenerator[None]:
    """So many clients in a process of their own, each with its first snapshots."""
    if not clients:
        yield
        return
    command = (sys.executable, "-m", "benchmarks.control_clients", str(clients), SYMBOL)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=environ)
    try:
        await _line(process)
        yield
    finally:
        await process.communicate(b"end\n")


async def _line(process: Process) -> None:
    if process.stdout is None or not await process.stdout.readline():
        raise RuntimeError("the clients of the benchmark did not attach")
