"""Appends become rows: encoded, checksummed and folded, run by run, when a flush takes them in.

Whatever can fail (asking the database for an old order) comes before anything changes, so that an
append that failed can be taken in again. Must write nothing: the batch is written by the writer.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from alphaforge.model.commands import BeginEpoch
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
    snapshot_checksum,
)
from alphaforge.store.records import ReconciliationRecord
from alphaforge.store.views import Projector


class RunIntake:
    """What the writer holds of a run it writes: its fold, its checksums, its open block."""

    __slots__ = (
        "blocks",
        "decisions",
        "inputs",
        "market",
        "projector",
        "reports",
        "run_id",
        "samples",
    )

    def __init__(self, run_id: str, projector: Projector, heads: Sequence[int] = (0, 0, 0)) -> None:
        self.run_id = run_id
        self.projector = projector
        self.blocks = Chain(run_id, schema.recording_blocks.name, heads[0])
        self.inputs = Chain(run_id, schema.inputs.name, heads[1])
        self.decisions = Chain(run_id, schema.decisions.name, heads[2])
        self.market: list[tuple[int, MarketEvent]] = []
        self.samples: tuple[int, int] = (0, 0)
        self.reports: tuple[int, int] = (0, 0)

    @property
    def heads(self) -> tuple[int, int, int]:
        """The checksums of the last block, input and decision."""
        return (self.blocks.head, self.inputs.head, self.decisions.head)


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
    """An event as a row of `inputs`.

    A new epoch goes to the disk: ids made under it must not be made again after a power cut.
    """
    batch.to_disk |= isinstance(event, BeginEpoch)
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


def encode_market_and_step(
    batch: Batch, run: RunIntake, item: tuple[int, MarketEvent], step: Step
) -> None:
    """A market event and what was decided on it: never one without the other."""
    encode_step(batch, run, step, None)
    encode_market(batch, run, *item)


def encode_input_and_step(
    batch: Batch, run: RunIntake, item: tuple[int, InputEvent], step: Step
) -> None:
    """An input and what was decided on it: never one without the other."""
    encode_step(batch, run, step, None)
    encode_input(batch, run, *item)


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
    run.samples = _next_place(run.samples, sequence)
    equity, cash, unrealized = map(plain, amounts)
    row = {
        "run_id": run.run_id,
        "sequence": sequence,
        "position": run.samples[1],
        "ts": ts,
        "equity": equity,
        "cash": cash,
        "unrealized_pnl": unrealized,
    }
    batch.append(schema.equity, row)


def encode_snapshot(batch: Batch, run: RunIntake, at: tuple[int, int], payload: bytes) -> None:
    """The engine's state as a row of `snapshots`; the oldest ones of the run go with it."""
    sequence, ts = at
    row = {
        "run_id": run.run_id,
        "sequence": sequence,
        "ts": ts,
        "payload": payload,
        "checksum": snapshot_checksum(run.run_id, sequence, ts, payload),
    }
    batch.append(schema.snapshots, row)


def encode_reconciliation(
    batch: Batch, run: RunIntake, record: ReconciliationRecord, nothing: None
) -> None:
    """What was compared with the venue, as a row of `reconciliations`."""
    del nothing
    run.reports = _next_place(run.reports, record.sequence)
    row = {
        "run_id": run.run_id,
        "sequence": record.sequence,
        "position": run.reports[1],
        "ts": record.ts,
        "reason": record.reason,
        "payload": msgspec.json.encode(record).decode(),
    }
    batch.append(schema.reconciliations, row)


def _next_place(last: tuple[int, int], sequence: int) -> tuple[int, int]:
    """(sequence, how many of the same event came before it)."""
    known, count = last
    return (sequence, count + 1 if known == sequence else 0)
