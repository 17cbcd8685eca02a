"""Appends become rows: encoded, checksummed and folded, run by run, when a flush takes them in.

Whatever can fail (asking the database for an old order) comes before anything changes, so that an
append that failed can be taken in again. Must write nothing: the batch is written by the writer.
"""

from collections.abc import Sequence
from decimal import Decimal

from alphaforge.model.market import MarketEvent
from alphaforge.model.numbers import plain
from alphaforge.model.step import Step
from alphaforge.store import schema
from alphaforge.store.batch import Batch
from alphaforge.store.journal import (
    BLOCK_EVENTS,
    Chain,
    InputEvent,
    encode,
    encode_block,
    kind_of,
)
from alphaforge.store.views import Projector


class RunIntake:
    """What the writer holds of a run it writes: its fold, its checksums, its open block."""

    __slots__ = ("blocks", "decisions", "inputs", "market", "projector", "run_id", "samples")

    def __init__(self, run_id: str, projector: Projector, heads: Sequence[int] = (0, 0, 0)) -> None:
        self.run_id = run_id
        self.projector = projector
        self.blocks = Chain(run_id, schema.recording_blocks.name, heads[0])
        self.inputs = Chain(run_id, schema.inputs.name, heads[1])
        self.decisions = Chain(run_id, schema.decisions.name, heads[2])
        self.market: list[tuple[int, MarketEvent]] = []
        self.samples: tuple[int, int] = (0, 0)


def encode_market(batch: Batch, run: RunIntake, sequence: int, event: MarketEvent) -> None:
    """A market event into the run's open block."""
    run.market.append((sequence, event))
    if len(run.market) >= BLOCK_EVENTS:
        close_block(batch, run)


def close_block(batch: Batch, run: RunIntake) -> None:
    """The open block, if it holds anything, as a row of `recording_blocks`."""
    items = run.market
    if not items:
        return
    first, last, count = items[0][0], items[-1][0], len(items)
    payload = encode_block(items)
    row = {
        "run_id": run.run_id,
        "sequence": first,
        "last_sequence": last,
        "count": count,
        "payload": payload,
        "checksum": run.blocks.add(first, f"{last}|{count}", payload),
    }
    run.market = []
    batch.append(schema.recording_blocks, row)


def encode_input(batch: Batch, run: RunIntake, sequence: int, event: InputEvent) -> None:
    """An event as a row of `inputs`."""
    payload, kind, ts = encode(event), kind_of(event), event.ts_local
    row = {
        "run_id": run.run_id,
        "sequence": sequence,
        "ts": ts,
        "kind": kind,
        "payload": payload,
        "checksum": run.inputs.add(sequence, f"{ts}|{kind}", payload),
    }
    batch.append(schema.inputs, row)


def encode_step(batch: Batch, run: RunIntake, step: Step, nothing: None) -> None:
    """A Step as a row of `decisions`, and folded into the views."""
    project_step(batch, run, step, nothing)
    payload = encode(step)
    row = {
        "run_id": run.run_id,
        "sequence": step.sequence,
        "ts": step.ts,
        "payload": payload,
        "checksum": run.decisions.add(step.sequence, str(step.ts), payload),
    }
    batch.append(schema.decisions, row)


def project_step(batch: Batch, run: RunIntake, step: Step, nothing: None) -> None:
    """A Step folded into the views only."""
    del batch, nothing
    run.projector.add(step)


def encode_equity(
    batch: Batch, run: RunIntake, at: tuple[int, int], amounts: tuple[Decimal, Decimal, Decimal]
) -> None:
    """A sample as a row of `equity`."""
    sequence, ts = at
    known, count = run.samples
    position = count + 1 if known == sequence else 0
    run.samples = (sequence, position)
    equity, cash, unrealized = map(plain, amounts)
    row = {
        "run_id": run.run_id,
        "sequence": sequence,
        "position": position,
        "ts": ts,
        "equity": equity,
        "cash": cash,
        "unrealized_pnl": unrealized,
    }
    batch.append(schema.equity, row)
