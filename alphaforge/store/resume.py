"""Reads back what a writer needs to go on with a run, or to fold its views again.

Every row of the journal is proven on the way. Must be called inside the caller's transaction, and
must write nothing.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from alphaforge.engine.portfolio import Position
from alphaforge.errors import NotFoundError
from alphaforge.model.instrument import default_instrument
from alphaforge.model.step import Step
from alphaforge.store import schema
from alphaforge.store.journal import Chain, read_steps
from alphaforge.store.records import RunRecord, typed

_CHUNK = 2_000
"""Steps held in memory at once."""

_CHAINED = (schema.recording_blocks, schema.inputs, schema.decisions)


def no_run(run_id: str) -> NotFoundError:
    """What to raise where a run was asked for that is not there."""
    return NotFoundError(
        f"there is no run {run_id}", remedy="`alphaforge runs list` shows the runs"
    )


def load_run(connection: Connection, run_id: str) -> RunRecord:
    """A run's record; raises `NotFoundError`."""
    query = select(schema.runs).where(schema.runs.c.run_id == run_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise no_run(run_id)
    return typed(row, RunRecord)


def chain_heads(connection: Connection, run_id: str) -> list[int]:
    """The last checksums of blocks, inputs and decisions; 0 where there is no row yet."""
    heads: list[int] = []
    for table in _CHAINED:
        query = select(table.c.checksum).where(table.c.run_id == run_id)
        heads.append(connection.scalar(query.order_by(table.c.sequence.desc()).limit(1)) or 0)
    return heads


def load_positions(connection: Connection, run: RunRecord) -> list[Position]:
    """A run's positions as its views hold them, to be folded on."""
    known = {each.symbol: each for each in run.instruments}
    table = schema.positions
    query = select(table).where(table.c.run_id == run.run_id)
    rows = connection.execute(query.order_by(table.c.strategy, table.c.symbol)).mappings()
    return [
        Position(
            known.get(row["symbol"]) or default_instrument(row["symbol"], run.venue),
            row["strategy"],
            Decimal(row["quantity"]),
            Decimal(row["cost"]),
            Decimal(row["realized_pnl"]),
            Decimal(row["fees"]),
            Decimal(row["funding"]),
            row["fills"],
            row["ts_open"],
        )
        for row in rows
    ]


def read_decisions(connection: Connection, run_id: str) -> Iterator[list[Step]]:
    """A run's Steps in order, in chunks; raises `JournalCorruptError` at the first bad row."""
    table = schema.decisions
    chain = Chain(run_id, table.name)
    columns = (table.c.sequence, table.c.ts, table.c.payload, table.c.checksum)
    after = -1
    while True:
        query = select(*columns).where(table.c.run_id == run_id, table.c.sequence > after)
        rows: Any = connection.execute(query.order_by(table.c.sequence).limit(_CHUNK))
        steps = list(read_steps(chain, rows))
        if not steps:
            return
        yield steps
        after = steps[-1].sequence
