"""Reads back what a writer needs to go on with a run, or to fold its views again.

Every row of the journal is proven on the way. How long it takes depends on what came after the
place one starts from, never on how long the run is. Must write nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Executable, func, select

from alphaforge.engine.portfolio import Position
from alphaforge.errors import JournalCorruptError, NotFoundError
from alphaforge.model.commands import RestartStrategy, SetRiskState
from alphaforge.model.instrument import default_instrument
from alphaforge.model.step import Step
from alphaforge.store import schema
from alphaforge.store.journal import Chain, read_steps
from alphaforge.store.records import PositionRow, RunRecord, RunStatus, typed

_CHUNK = 2_000
"""Steps held in memory at once."""

_RESTART = str(RestartStrategy.__struct_config__.tag)
_RISK = str(SetRiskState.__struct_config__.tag)
_operator = msgspec.msgpack.Decoder(RestartStrategy | SetRiskState)

_CHAINED = (schema.recording_blocks, schema.inputs, schema.decisions)


def fetch(connection: Connection, query: Executable) -> Sequence[Any]:
    """A query's rows, in the transaction that is open, or else in a short one of its own."""
    if connection.in_transaction():
        return connection.execute(query).all()
    with connection.begin():
        return connection.execute(query).all()


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


def find_resumable(connection: Connection, mode: str, venue: str, account: str) -> RunRecord | None:
    """The latest run of an account that never ended: its process was killed, or lives still."""
    table = schema.runs
    query = select(table).where(
        table.c.mode == mode,
        table.c.venue == venue,
        table.c.account == account,
        table.c.status == RunStatus.RUNNING.value,
    )
    order = (table.c.started.desc(), table.c.run_id.desc())
    row = connection.execute(query.order_by(*order).limit(1)).mappings().one_or_none()
    return None if row is None else typed(row, RunRecord)


class LastWords(NamedTuple):
    """What operators said last in a run, as far as a new process must know it to begin.

    Attributes:
        sources: Text of a strategy's file by name, where it was read again while it ran.
        risk_reason: Why trading is as it is; empty if nobody ever said.
    """

    sources: dict[str, str]
    risk_reason: str


def last_words(connection: Connection, run_id: str) -> LastWords:
    """Operators' last words; a row that does not prove itself is for `read_tail` to find."""
    table = schema.inputs
    query = select(table.c.payload).where(
        table.c.run_id == run_id, table.c.kind.in_((_RESTART, _RISK))
    )
    words = LastWords({}, "")
    for (payload,) in fetch(connection, query.order_by(table.c.sequence)):
        event = _operator.decode(payload)
        if isinstance(event, SetRiskState):
            words = words._replace(risk_reason=event.reason)
        elif isinstance(event, RestartStrategy) and event.source:
            words.sources[event.strategy] = event.source
    return words


def chain_heads(connection: Connection, run_id: str) -> list[int]:
    """The last checksums of blocks, inputs and decisions; 0 where there is no row yet."""
    heads: list[int] = []
    for table in _CHAINED:
        query = select(table.c.checksum).where(table.c.run_id == run_id)
        heads.append(connection.scalar(query.order_by(table.c.sequence.desc()).limit(1)) or 0)
    return heads


def prove_ends(connection: Connection, run_id: str) -> None:
    """Raise `JournalCorruptError` if the last rows of a run's journal are not the last written.

    A chain cannot show that its end is gone; a run begun under schema 1 has nothing else.
    """
    heads = schema.heads
    row = connection.execute(select(heads).where(heads.c.run_id == run_id)).mappings().one_or_none()
    if row is None:
        return
    for table, checksum in zip(_CHAINED, chain_heads(connection, run_id), strict=True):
        if checksum != row[table.name]:
            query = select(func.max(table.c.sequence)).where(table.c.run_id == run_id)
            last = connection.scalar(query) or 0
            raise JournalCorruptError(
                f"the journal of run {run_id} is damaged at sequence {last} of {table.name}: "
                "that row was changed, or rows after it are gone",
                remedy="restore the database from a backup; the rows before it are good",
                run_id=run_id,
                table=table.name,
                sequence=last,
            )


def load_positions(connection: Connection, run: RunRecord) -> list[Position]:
    """A run's positions as its views hold them, to be folded on."""
    known = {each.symbol: each for each in run.instruments}
    table = schema.positions
    query = select(table).where(table.c.run_id == run.run_id)
    found = connection.execute(query.order_by(table.c.strategy, table.c.symbol)).mappings()
    return [
        Position(
            known.get(row.symbol) or default_instrument(row.symbol, run.venue),
            row.strategy,
            row.quantity,
            row.cost,
            row.realized_pnl,
            row.fees,
            row.funding,
            row.fills,
            row.ts_open,
        )
        for row in (typed(each, PositionRow) for each in found)
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
