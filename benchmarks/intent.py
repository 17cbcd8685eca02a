"""What writing an order down before it is sent costs: from the append to the answer of `commit`.

The real writer's thread beside an otherwise idle loop, a steady pace, every order with the trade
it was decided on. Wall time, because waiting is what it measures.
"""

import asyncio
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from alphaforge.model.commands import Approved, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.model.events import OrderSubmitted
from alphaforge.model.market import Trade
from alphaforge.model.step import Step
from alphaforge.services.run_journal import RunJournal
from alphaforge.services.writer_thread import WriterThread
from alphaforge.store.database import Durability
from alphaforge.store.records import RunRecord
from benchmarks.harness import Harness, Row, collection_paused, percentile

RUN = RunRecord(run_id="20261120-091500-k3f", mode="live", venue="sim", account="main")
PACE_PER_SECOND = 1_000
SECONDS = 3.0
BEST_OF = 2

_START_NS = 1_723_075_200_000_000_000
_MS_NS = 1_000_000


def intent(sequence: int) -> tuple[Trade, Step]:
    """A trade, and the order that was decided on it."""
    ts = _START_NS + sequence * _MS_NS
    order_id = f"o-{sequence:06d}"
    terms = SubmitOrder(
        order_id,
        "BTC/USDT",
        "sma_cross",
        OrderSide.BUY,
        OrderType.LIMIT,
        Decimal("0.01"),
        limit_price=Decimal("61659.70"),
        client_order_id=f"af00112233445566000001{sequence:010x}",
    )
    step = Step(sequence, ts, (OrderSubmitted(terms, ts),), outgoing=(Approved(terms, ts),))
    return Trade("BTC/USDT", ts, 61_659.7, 0.1, ts_local=ts), step


async def commit_us(folder: Path, durability: Durability, seconds: float) -> list[float]:
    """Microseconds from append to committed of each order, at the pace, in order of the answers."""
    thread = WriterThread(f"sqlite:///{folder / durability}.db", durability)
    writer = await thread.open()
    await thread.ask(lambda writer: writer.begin_run(RUN))
    journal = RunJournal(thread, writer, RUN.run_id)
    intents = [intent(number) for number in range(1, max(int(seconds * PACE_PER_SECOND), 2))]
    waits: list[float] = []

    async def send(trade: Trade, step: Step) -> None:
        begun = time.perf_counter_ns()
        journal.market(step.sequence, trade, step)
        await journal.commit(journal.place)
        waits.append((time.perf_counter_ns() - begun) / 1_000)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number, (trade, step) in enumerate(intents):
            ahead = begun + number / PACE_PER_SECOND - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            tasks.create_task(send(trade, step))
    await thread.close()
    return waits


def run(harness: Harness) -> dict[str, Row]:
    """Measure `intent_*`: the median and the tail, for both durabilities."""
    seconds = 0.05 if harness.quick else SECONDS
    rows: dict[str, Row] = {}
    for durability in ("process", "power"):
        tries = [_measure(durability, seconds) for _ in range(harness.tries(BEST_OF))]
        best = min(tries, key=lambda waits: percentile(waits, 0.99))
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            value = percentile(best, share)
            rows[f"intent_{durability}_{name}_us"] = Row(value, "us", len(tries))
    return rows


def _measure(durability: Durability, seconds: float) -> list[float]:
    with tempfile.TemporaryDirectory() as folder, collection_paused():
        return asyncio.run(commit_us(Path(folder), durability, seconds))
