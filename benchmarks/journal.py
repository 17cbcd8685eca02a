"""What the journal costs: rows per second through the writer, and what its thread does to a loop.

Steps are those of a market order that fills at once. CPU time, best of several; the loop's lag is
wall time, because waiting is what it measures.
"""

import asyncio
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import Liquidity, OrderSide, OrderType
from alphaforge.model.events import OrderSubmitted
from alphaforge.model.orders import Fill
from alphaforge.model.reports import OrderAccepted, OrderFilled
from alphaforge.model.step import Step
from alphaforge.store.database import Durability
from alphaforge.store.records import RunRecord
from alphaforge.store.writer import Writer
from benchmarks.harness import Harness, Row, collection_paused, percentile

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


async def beside_a_loop(
    writer: Writer, steps: list[Step], seconds: float
) -> tuple[list[float], list[float]]:
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
    while (elapsed := time.perf_counter() - start) < seconds:
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


def run(harness: Harness) -> dict[str, Row]:
    """Measure `journal_rows`; lags and waits for both durabilities are further figures of it."""
    steps = [filled_step(number) for number in range(1, harness.size(STEPS) + 1)]
    best_of = harness.tries(BEST_OF)
    seconds = 0.1 if harness.quick else LAG_SECONDS
    with collection_paused():  # a session freezes what is there after its start
        rates: list[float] = []
        for _ in range(best_of):
            harness.measure_floor()
            rates.append(rows_per_second(steps))
        extra: dict[str, float] = {"append_ns": round(append_ns(steps))}
        for durability in ("process", "power"):
            extra |= _beside(durability, steps, seconds)
    extra["loop_lag_ms_p99"] = extra["loop_lag_ms_p99_process"]
    best = max(rates)
    return {"journal_rows": Row(best, "rows/s", best_of, 1e9 / best, extra)}


def _beside(durability: Durability, steps: list[Step], seconds: float) -> dict[str, float]:
    """What the writer's thread does to a loop beside it, and how long a commit takes, in ms."""
    with scratch(durability) as writer:
        lags, waits = asyncio.run(beside_a_loop(writer, steps, seconds))
    figures = {
        f"loop_lag_ms_p99_{durability}": percentile(lags, 0.99),
        f"commit_ms_p50_{durability}": percentile(waits or [0.0], 0.5),
        f"commit_ms_p99_{durability}": percentile(waits or [0.0], 0.99),
    }
    return {name: round(value, 3) for name, value in figures.items()}
