"""What the journal costs: rows per second through the writer, and what its thread does to a loop.

Steps are those of a market order that fills at once. CPU time, best of several; the loop's lag is
wall time, because waiting is what it measures.
"""

import asyncio
import gc
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import Liquidity, OrderSide, OrderType
from alphaforge.model.events import OrderSubmitted
from alphaforge.model.orders import Fill
from alphaforge.model.reports import OrderAccepted, OrderFilled
from alphaforge.model.step import Step
from alphaforge.store.database import Durability
from alphaforge.store.records import RunRecord
from alphaforge.store.writer import Writer

RUN = "20261120-091500-k3f"
STEPS = 10_000
GROUP = 100
BEST_OF = 3
ROWS_PER_STEP = 6
"""A decision, three order events, an order and a fill; the position's one row is not counted."""

PACE_PER_SECOND = 1_000
LAG_SECONDS = 3.0
POLL_SECONDS = 0.001
CHECKPOINT_SECONDS = 0.5


def filled_step(sequence: int) -> Step:
    """The Step of a market order that is submitted, accepted and filled in one event."""
    ts = 1_723_075_200_000_000_000 + sequence * 1_000_000
    order_id, venue_id, trade_id = f"o-{sequence:06d}", f"v-{sequence:06d}", f"t-{sequence:06d}"
    side = OrderSide.BUY if sequence % 2 else OrderSide.SELL
    quantity, price = Decimal("0.01"), Decimal("61659.70")
    fee, taker = Decimal("0.6165970"), Liquidity.TAKER
    terms = SubmitOrder(order_id, "BTC/USDT", "sma_cross", side, OrderType.MARKET, quantity)
    report = OrderFilled(order_id, venue_id, trade_id, quantity, price, fee, "USDT", taker, ts, ts)
    fill = Fill(
        ts, "binanceusdm", "paper", "BTC/USDT", "sma_cross", order_id, venue_id, trade_id, side,
        quantity, price, Decimal("616.597"), fee, "USDT", taker, Decimal(0),
    )  # fmt: skip
    events = (OrderSubmitted(terms, ts), OrderAccepted(order_id, venue_id, ts, ts), report)
    return Step(sequence, ts, events, (fill,))


@contextmanager
def scratch(durability: Durability = "process") -> Generator[Writer]:
    """A writer on a new file, with a run begun."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'journal.db'}"
        writer = Writer(url, durability=durability)
        writer.begin_run(RunRecord(run_id=RUN, mode="paper", venue="sim", account="paper"))
        try:
            yield writer
        finally:
            writer.close()


def rows_per_second(steps: list[Step]) -> float:
    """CPU seconds of appending and committing in groups, as rows per second."""
    with scratch() as writer:
        begun = time.process_time()
        for at in range(0, len(steps), GROUP):
            for step in steps[at : at + GROUP]:
                writer.append_step(RUN, step)
            writer.flush()
        return len(steps) * ROWS_PER_STEP / (time.process_time() - begun)


def append_ns(steps: list[Step]) -> float:
    """CPU nanoseconds of one append, which is all that the engine's thread pays."""
    with scratch() as writer:
        begun = time.process_time_ns()
        for step in steps:
            writer.append_step(RUN, step)
        return (time.process_time_ns() - begun) / len(steps)


async def beside_a_loop(writer: Writer, steps: list[Step]) -> tuple[list[float], list[float]]:
    """(loop lags, append-to-commit times) in ms, at a steady pace with the writer in a thread."""
    stop, wake = threading.Event(), threading.Event()
    begun: list[float] = []
    waits: list[float] = []

    def drive() -> None:
        known = 0
        while not stop.is_set():
            wake.wait(0.1)
            wake.clear()
            committed = writer.flush()
            now = time.perf_counter()
            waits.extend((now - at) * 1000 for at in begun[known:committed])
            known = committed

    def tidy() -> None:
        while not stop.wait(CHECKPOINT_SECONDS):
            writer.checkpoint()

    threads = [threading.Thread(target=drive), threading.Thread(target=tidy)]
    for thread in threads:
        thread.start()
    lags: list[float] = []
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < LAG_SECONDS:
        due = min(int(elapsed * PACE_PER_SECOND), len(steps))
        for step in steps[len(begun) : due]:
            begun.append(time.perf_counter())
            writer.append_step(RUN, step)
            wake.set()
        before = time.perf_counter()
        await asyncio.sleep(POLL_SECONDS)
        lags.append((time.perf_counter() - before - POLL_SECONDS) * 1000)
    stop.set()
    wake.set()
    for thread in threads:
        thread.join()
    return lags, waits


def percentile(values: list[float], share: float) -> float:
    """The value below which that share lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def run() -> dict[str, dict[str, Any]]:
    """Rows of the benchmark table: `{name: {value, unit, best_of}}`."""
    steps = [filled_step(number) for number in range(1, STEPS + 1)]
    gc.collect()
    gc.freeze()  # as a session does after its start
    best = max(rows_per_second(steps) for _ in range(BEST_OF))
    rows: dict[str, dict[str, Any]] = {
        "journal_rows": {"value": round(best), "unit": "rows/s", "best_of": BEST_OF},
        "journal_append_ns": {"value": round(append_ns(steps)), "unit": "ns", "best_of": 1},
    }
    durabilities: tuple[Durability, ...] = ("process", "power")
    for durability in durabilities:
        with scratch(durability) as writer:
            lags, waits = asyncio.run(beside_a_loop(writer, steps))
        for name, values, share in (
            ("loop_lag_ms_p99", lags, 0.99),
            ("commit_ms_p50", waits, 0.5),
            ("commit_ms_p99", waits, 0.99),
        ):
            value = round(percentile(values, share), 3)
            rows[f"journal_{name}_{durability}"] = {"value": value, "unit": "ms", "best_of": 1}
    return rows
