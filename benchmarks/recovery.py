"""How long a killed run takes until it is certain again: a process's start to READY.

The journal holds a million rows, 500 orders are open, and the last snapshot is as old as one ever
gets. The process is a fresh one, imports included; the venue answers each question after a round
trip of 50 ms. `python -m benchmarks.recovery STORE` is that process.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from alphaforge.engine.core import Engine
from alphaforge.engine.snapshot import take
from alphaforge.engine.strategy import Strategy
from alphaforge.model.claims import OrderStatusReport, VenueState, VenueStateChanged
from alphaforge.model.commands import BeginEpoch, StartSession, SubmitOrder
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Trade, VenueTime
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.services.clock import SystemClock
from alphaforge.services.snapshots import EVERY_EVENTS
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.services.wire_plan import Ports
from alphaforge.services.wire_session import run_wire_session
from alphaforge.services.writer_thread import WriterThread
from alphaforge.store.journal import InputEvent
from alphaforge.store.records import RunRecord
from alphaforge.store.writer import Writer
from benchmarks.harness import Harness, Row
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.inline import InlineVenue
from tests.fake_venue.terms import spot

ROWS = 1_000_000
ORDERS = 500
ROUND_TRIP_SECONDS = 0.05
FLUSH_EVERY = 5_000
TAG = "0123456789abcd"
RUN_ID = "20261120-091500-k3f"
_SECOND = 1_000_000_000
_CASH = {"USDT": Decimal(100_000_000), "BTC": Decimal(10_000)}


class Resting(Strategy):
    """Asks for many orders at its first trade, far from the market."""

    symbol: str = "BTC/USDT"
    orders_wanted: int = ORDERS

    def on_start(self) -> None:
        """Listen."""
        self.subscribe_trades(self.symbol)

    def on_trade(self, trade: Trade) -> None:
        """Ask for everything at once."""
        del trade
        if not self.orders(self.symbol):
            for number in range(self.orders_wanted):
                self.buy(self.symbol, "0.01", limit=30_000 + number)


class Plan:
    """The one run of this benchmark."""

    mode = "live"

    def begin(
        self, cash: Mapping[str, Decimal], instruments: Sequence[Instrument], started: int
    ) -> RunRecord:
        """See `WirePlan`."""
        del cash
        return RunRecord(
            run_id=RUN_ID,
            mode=self.mode,
            venue="fake",
            account="main",
            instruments=tuple(instruments),
            started=started,
        )

    def build(self, run: RunRecord) -> Engine:
        """See `WirePlan`."""
        account = AccountSettings(name="main", cash=_CASH, reporting_currency="USDT")
        settings = EngineSettings(account=account, client_tag=TAG)
        engine = Engine(settings, {each.symbol: each for each in run.instruments})
        engine.register("resting", Resting)
        return engine

    def continues(self, run: RunRecord) -> bool:
        """See `WirePlan`."""
        return run.run_id == RUN_ID


class _Lease:
    """A lease that nobody contests; the real one costs a file lock."""

    epoch = 2
    gaps = 0

    def holds(self) -> bool:
        return True

    def release(self) -> None:
        """Nobody waits for it."""


class _Far(InlineVenue):
    """The fake venue behind a network."""

    async def open_orders(self) -> Sequence[OrderStatusReport]:
        await asyncio.sleep(ROUND_TRIP_SECONDS)
        return await super().open_orders()

    async def trades(self, since: int) -> Any:
        await asyncio.sleep(ROUND_TRIP_SECONDS)
        return await super().trades(since)

    async def balances(self) -> Any:
        await asyncio.sleep(ROUND_TRIP_SECONDS)
        return await super().balances()

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        await asyncio.sleep(ROUND_TRIP_SECONDS)
        return await super().order(symbol, client_order_id, venue_order_id)


def _exchange(start: int) -> Exchange:
    return Exchange([spot("BTC/USDT", "60000")], {"main": _CASH}, seed=1, start=start)


def _orders(engine: Engine) -> list[SubmitOrder]:
    """The open orders of an engine, as they were sent."""
    found: list[SubmitOrder] = []
    for working in engine.execution.orders.values():
        order = working.life.order
        found.append(
            SubmitOrder(
                order.order_id,
                order.symbol,
                order.strategy,
                order.side,
                order.order_type,
                order.quantity,
                order.limit_price,
                client_order_id=order.client_order_id,
            )
        )
    return found


# The journal ----------------------------------------------------------------------------------


class _Past:
    """A run's life up to its death, through the engine and into the journal."""

    def __init__(self, url: str, start: int) -> None:
        self.exchange = _exchange(start)
        plan = Plan()
        run = plan.begin(_CASH, self.exchange.instruments(), start)
        self.engine = plan.build(run)
        self.writer = Writer(url)
        self.writer.begin_run(run)
        self.now = start

    def put(self, event: InputEvent) -> None:
        engine = self.engine
        step = engine.process(event)
        self.writer.append_input(RUN_ID, engine.sequence, event, step)
        for approved in step.outgoing:
            if isinstance(approved.command, SubmitOrder):
                claim = self.exchange.submit("main", approved.command, self.now)
                self.put(_stamped(claim, self.now))

    def live(self, rows: int) -> None:
        """Begin, send the orders, then pass the time."""
        self.put(BeginEpoch(1, self.now))
        self.put(VenueStateChanged("fake", VenueState.READY, "start", self.now, self.now))
        self.put(StartSession(self.now))
        self.put(Trade("BTC/USDT", self.now, 60_000.0, 0.1))
        last_snapshot = rows - EVERY_EVENTS + 1
        while self.engine.sequence < rows:
            self.now += 1_000_000
            self.put(VenueTime("fake", self.now, self.now))
            if self.engine.sequence == last_snapshot:
                payload = take(self.engine)
                self.writer.append_snapshot(RUN_ID, last_snapshot, self.now, payload)
            if not self.engine.sequence % FLUSH_EVERY:
                self.writer.flush()
        self.writer.flush()
        self.writer.checkpoint()
        self.writer.abandon()


def _stamped(claim: OrderStatusReport, now: int) -> OrderStatusReport:
    from msgspec.structs import replace

    return replace(claim, ts_local=now)


# The process that comes back --------------------------------------------------------------------


class _Watcher:
    """Says when it is certain, and stops."""

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop

    def began(self, run: RunRecord) -> None:
        """See `WireWatcher`."""

    def certain(self, seconds: float) -> None:
        """See `WireWatcher`."""
        del seconds
        print("certain", flush=True)
        self._stop.ask(Reason.INTERRUPTED)

    def status(self, status: object) -> None:
        """See `WireWatcher`."""

    def alert(self, alert: object) -> None:
        """See `WireWatcher`."""
        print(alert, file=sys.stderr)


def _lease(run_id: str, at_least: int) -> _Lease:
    del run_id, at_least
    return _Lease()


async def _come_back(url: str) -> None:
    clock = SystemClock()
    exchange = _exchange(clock.wall_ns() - 60 * _SECOND)
    venue = _Far(exchange, "main", clock.wall_ns)
    for number in range(ORDERS):  # what the venue holds; made before anybody asks
        exchange.submit("main", _sent(number), clock.wall_ns())
    stop = StopRequest()
    thread = WriterThread(url)
    ports = Ports((venue,), clock, thread, _lease)
    await run_wire_session(Plan(), ports, stop, _Watcher(stop))


def _sent(number: int) -> SubmitOrder:
    from alphaforge.engine.client_ids import client_order_id
    from alphaforge.model.enums import OrderSide, OrderType

    order_id = f"o-{number + 1:06d}"
    return SubmitOrder(
        order_id,
        "BTC/USDT",
        "resting",
        OrderSide.BUY,
        OrderType.LIMIT,
        Decimal("0.01"),
        Decimal(30_000 + number),
        client_order_id=client_order_id(TAG, 1, 1, order_id),
    )


def _seconds_to_certain(url: str) -> float:
    """From the start of a process to its word; then it is killed, to come back again."""
    command = [sys.executable, "-m", "benchmarks.recovery", url]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        line = process.stdout.readline() if process.stdout is not None else ""
        seconds = time.perf_counter() - began
        process.kill()
    if line.strip() != "certain":
        raise RuntimeError("the process did not come back; its own words are above")
    return seconds


def run(harness: Harness) -> dict[str, Row]:
    """Measure `recovery_s`; `snapshot_ms` is what keeping one costs the loop."""
    rows = 20_000 if harness.quick else ROWS
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'journal.db'}"
        past = _Past(url, time.time_ns() - 3_600 * _SECOND)
        with contextlib.redirect_stdout(sys.stderr):
            past.live(max(rows, EVERY_EVENTS + 10))
        began = time.perf_counter()
        size = len(take(past.engine))
        snapshot_ms = (time.perf_counter() - began) * 1_000
        tries = [_seconds_to_certain(url) for _ in range(harness.tries(3))]
    extra = {
        "worst": round(max(tries), 3),
        "open_orders": len(_orders(past.engine)),
        "journal_rows": past.engine.sequence,
        "snapshot_ms": round(snapshot_ms, 2),
        "snapshot_bytes": size,
    }
    return {"recovery_s": Row(min(tries), "s", best_of=len(tries), extra=extra)}


if __name__ == "__main__":
    asyncio.run(_come_back(sys.argv[1]))
