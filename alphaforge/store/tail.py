"""The end of a run's journal, event by event: what a process that takes the run up feeds again.

Three tables hold it: market events in blocks, all other inputs, and the Steps. They are joined by
the engine's sequence number, in chunks, so that memory does not grow with the tail. Every row is
proven, and so is that no event is missing between them. Must write nothing.
"""

import heapq
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection, Select, Table, select

from alphaforge.errors import JournalCorruptError
from alphaforge.model.market import MarketEvent
from alphaforge.model.step import Step
from alphaforge.store import schema
from alphaforge.store.journal import (
    Chain,
    InputEvent,
    read_blocks,
    read_inputs,
    read_steps,
    snapshot_checksum,
)
from alphaforge.store.resume import fetch

CHUNK_ROWS = 1_000
CHUNK_BLOCKS = 64
"""Rows held in memory at once; most blocks of a live feed hold a few events."""

TailEvent: TypeAlias = tuple[int, InputEvent | MarketEvent, Step | None]
"""(sequence, what entered the engine, what it decided; None for nothing)"""


class Snapshot(msgspec.Struct, frozen=True):
    """The engine's whole state after an event, as `engine/snapshot.py` wrote it.

    Attributes:
        damaged: Sequences of later snapshots that fail their checksum and were passed over.
    """

    sequence: int
    ts: int
    payload: bytes
    damaged: tuple[int, ...] = ()


def latest_snapshot(connection: Connection, run_id: str) -> Snapshot | None:
    """The last snapshot of a run that proves itself; None if there is none.

    The journal holds all that a bad one held: one only has to start earlier.
    """
    table = schema.snapshots
    columns = (table.c.sequence, table.c.ts, table.c.payload, table.c.checksum)
    query = select(*columns).where(table.c.run_id == run_id).order_by(table.c.sequence.desc())
    damaged: list[int] = []
    for sequence, ts, payload, checksum in fetch(connection, query):
        known = isinstance(payload, bytes)
        if known and snapshot_checksum(run_id, sequence, ts, payload) == checksum:
            return Snapshot(sequence, ts, payload, tuple(damaged))
        damaged.append(sequence)
    return None


def read_tail(connection: Connection, run_id: str, after: int) -> Iterator[TailEvent]:
    """Every event of a run after sequence `after`, in order, with what was decided on it.

    For a run whose market was recorded (over a wire, or synthetic); `after` 0 is its start.
    Raises `JournalCorruptError` at the first row that is not what was written, at an event that
    is missing and at a Step without its event.
    """
    steps = _Steps(_decisions(connection, run_id, after))
    expected = after + 1
    events = heapq.merge(
        _inputs(connection, run_id, after), _market(connection, run_id, after), key=_sequence_of
    )
    for sequence, event in events:
        if sequence != expected:
            raise _missing(run_id, expected)
        yield sequence, event, steps.of(sequence)
        expected += 1
    if steps.head is not None:
        raise _missing(run_id, steps.head.sequence)


class _Steps:
    """Steps in order, looked at one ahead."""

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self.head = next(steps, None)

    def of(self, sequence: int) -> Step | None:
        """The Step of an event; None if nothing was decided on it."""
        step = self.head
        if step is None or step.sequence != sequence:
            return None
        self.head = next(self._steps, None)
        return step


def _sequence_of(item: tuple[int, InputEvent | MarketEvent]) -> int:
    return item[0]


def _inputs(connection: Connection, run_id: str, after: int) -> Iterator[tuple[int, InputEvent]]:
    table = schema.inputs
    names = ("sequence", "ts", "kind", "payload", "checksum")
    rows = _rows(connection, _of_run(table, names, run_id), after, CHUNK_ROWS)
    return read_inputs(_chain(connection, table, run_id, after), rows)


def _decisions(connection: Connection, run_id: str, after: int) -> Iterator[Step]:
    table = schema.decisions
    names = ("sequence", "ts", "payload", "checksum")
    rows = _rows(connection, _of_run(table, names, run_id), after, CHUNK_ROWS)
    return read_steps(_chain(connection, table, run_id, after), rows)


def _market(connection: Connection, run_id: str, after: int) -> Iterator[tuple[int, MarketEvent]]:
    """The block in which `after` lies is read whole: blocks follow each other without overlap."""
    table = schema.recording_blocks
    query = select(table.c.sequence, table.c.last_sequence).where(
        table.c.run_id == run_id, table.c.sequence <= after
    )
    inside = fetch(connection, query.order_by(table.c.sequence.desc()).limit(1))
    before = inside[0][0] - 1 if inside and inside[0][1] > after else after
    names = ("sequence", "last_sequence", "count", "payload", "checksum")
    rows = _rows(connection, _of_run(table, names, run_id), before, CHUNK_BLOCKS)
    events = read_blocks(_chain(connection, table, run_id, before), rows)
    return (item for item in events if item[0] > after)


def _of_run(table: Table, names: tuple[str, ...], run_id: str) -> Select[Any]:
    return select(*(table.c[name] for name in names)).where(table.c.run_id == run_id)


def _rows(connection: Connection, query: Select[Any], after: int, size: int) -> Iterator[Any]:
    """A query's rows after a sequence, its first column, chunk by chunk in rising order."""
    sequence = query.selected_columns[0]
    ordered = query.order_by(sequence).limit(size)
    while rows := fetch(connection, ordered.where(sequence > after)):
        yield from rows
        if len(rows) < size:
            return
        after = rows[-1][0]


def _chain(connection: Connection, table: Table, run_id: str, after: int) -> Chain:
    """The chain of a table, standing at its last row up to `after`."""
    query = select(table.c.checksum).where(table.c.run_id == run_id, table.c.sequence <= after)
    rows = fetch(connection, query.order_by(table.c.sequence.desc()).limit(1))
    return Chain(run_id, table.name, rows[0][0] if rows else 0)


def _missing(run_id: str, sequence: int) -> JournalCorruptError:
    return JournalCorruptError(
        f"the journal of run {run_id} is damaged at sequence {sequence} of inputs: "
        "neither they nor the recording hold that event, and later ones are there",
        remedy="restore the database from a backup; the rows before it are good",
        run_id=run_id,
        table="inputs",
        sequence=sequence,
    )
