"""Everything that is read back: runs, views for people, and the journal for a replay.

Rows come in chunks, each one short query of the owner's that starts after the last row of the one
before: nobody holds a cursor while a caller thinks, and a caller may stop at any chunk. Journal
rows are proven by their checksums before they are decoded. Must write nothing.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Executable, RowMapping, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from alphaforge.model.events import OrderEvent
from alphaforge.model.market import MarketEvent
from alphaforge.model.step import Step
from alphaforge.store import schema
from alphaforge.store.journal import Chain, InputEvent, read_blocks, read_inputs, read_steps
from alphaforge.store.owner import QueryOwner, owned
from alphaforge.store.records import (
    AlertRow,
    EquityRow,
    FillRow,
    OrderRow,
    PositionRow,
    ReconciliationRecord,
    RowType,
    RunRecord,
    Selection,
    typed,
)
from alphaforge.store.resume import no_run

PAGE_ROWS = 2_000
"""Rows of one query: a few milliseconds."""

PAGE_BLOCKS = 8
"""Recording blocks of one query, each of up to 4,096 events."""

Rows: TypeAlias = Sequence[RowMapping]

_event_decoder = msgspec.json.Decoder(OrderEvent)
_record_decoder = msgspec.json.Decoder(ReconciliationRecord)

EVERYTHING = Selection()


class Reader:
    """Reads one database through its owner; any number of tasks may share it."""

    def __init__(self, owner: QueryOwner) -> None:
        self._owner = owner

    async def runs(self, limit: int | None = None) -> list[RunRecord]:
        """Runs, newest first."""
        order = (schema.runs.c.started.desc(), schema.runs.c.run_id.desc())
        query = select(schema.runs).order_by(*order).limit(limit)
        return [typed(row, RunRecord) for row in await self._rows(query)]

    async def run(self, run_id: str) -> RunRecord:
        """One run; raises `NotFoundError`."""
        rows = await self._rows(select(schema.runs).where(schema.runs.c.run_id == run_id))
        if not rows:
            raise no_run(run_id)
        return typed(rows[0], RunRecord)

    async def latest_run_id(self) -> str | None:
        """The run started last; None if there is none."""
        order = (schema.runs.c.started.desc(), schema.runs.c.run_id.desc())
        rows = await self._rows(select(schema.runs.c.run_id).order_by(*order).limit(1))
        return rows[0]["run_id"] if rows else None

    def fills(self, selection: Selection = EVERYTHING) -> AsyncIterator[list[FillRow]]:
        """Fills by run, in the order they were booked."""
        return self._pages(schema.fills, selection, FillRow)

    def orders(self, selection: Selection = EVERYTHING) -> AsyncIterator[list[OrderRow]]:
        """Orders by run and order id, denied ones too; times are those of the decision."""
        return self._pages(schema.orders, selection, OrderRow)

    async def held_orders(self, run_id: str) -> frozenset[str]:
        """Ids of the orders that the engine itself held until their trigger."""
        events = schema.order_events.c
        query = select(events.order_id).where(events.run_id == run_id, events.kind == "held")
        return frozenset(row["order_id"] for row in await self._rows(query.distinct()))

    def positions(self, selection: Selection = EVERYTHING) -> AsyncIterator[list[PositionRow]]:
        """Positions by run, strategy and symbol, flat ones too; times are of the last change."""
        return self._pages(schema.positions, selection, PositionRow)

    def equity(self, selection: Selection = EVERYTHING) -> AsyncIterator[list[EquityRow]]:
        """Equity samples by run, in time order; it knows no strategy and no symbol."""
        narrowed = msgspec.structs.replace(selection, strategy=None, symbol=None)
        return self._pages(schema.equity, narrowed, EquityRow)

    def alerts(self, selection: Selection = EVERYTHING) -> AsyncIterator[list[AlertRow]]:
        """Alerts by run, in the order they were raised."""
        return self._pages(schema.alerts, selection, AlertRow)

    async def order_events(self, run_id: str, order_id: str) -> list[OrderEvent]:
        """One order's life, oldest first; empty for an order that is not there."""
        table = schema.order_events
        query = select(table.c.payload).where(
            table.c.run_id == run_id, table.c.order_id == order_id
        )
        rows = await self._rows(query.order_by(table.c.sequence, table.c.position))
        return [_event_decoder.decode(row["payload"]) for row in rows]

    async def inputs(
        self, run_id: str, after: int = 0
    ) -> AsyncIterator[list[tuple[int, InputEvent]]]:
        """What entered the engine beside the market, with its sequence, from after `after`.

        Raises `JournalCorruptError` at the first row that is not what was written.
        """
        table = schema.inputs
        names = ("sequence", "ts", "kind", "payload", "checksum")
        chain = await self._chain(table, run_id, after)
        async for rows in self._journal(table, names, run_id, after):
            yield list(read_inputs(chain, rows))

    async def decisions(self, run_id: str, after: int = 0) -> AsyncIterator[list[Step]]:
        """The Steps that were not empty, from after sequence `after`; raises as `inputs`."""
        table = schema.decisions
        names = ("sequence", "ts", "payload", "checksum")
        chain = await self._chain(table, run_id, after)
        async for rows in self._journal(table, names, run_id, after):
            yield list(read_steps(chain, rows))

    async def recordings(
        self, run_id: str, after: int = 0
    ) -> AsyncIterator[list[tuple[int, MarketEvent]]]:
        """Recorded market events with their sequence, from after `after`; raises as `inputs`."""
        table = schema.recording_blocks
        names = ("sequence", "last_sequence", "count", "payload", "checksum")
        before = await self._before_block(run_id, after)
        chain = await self._chain(table, run_id, before)
        async for rows in self._journal(table, names, run_id, before):
            events = read_blocks(chain, rows)
            yield [(sequence, event) for sequence, event in events if sequence > after]

    async def reconciliations(
        self, run_id: str, limit: int | None = None
    ) -> list[ReconciliationRecord]:
        """What was compared with a venue, newest first."""
        table = schema.reconciliations
        order = (table.c.sequence.desc(), table.c.position.desc())
        query = select(table.c.payload).where(table.c.run_id == run_id)
        rows = await self._rows(query.order_by(*order).limit(limit))
        return [_record_decoder.decode(row["payload"]) for row in rows]

    async def _rows(self, query: Executable) -> Rows:
        async def fetch(connection: AsyncConnection) -> Rows:
            return (await connection.execute(query)).mappings().all()

        return await self._owner.ask(fetch)

    async def _pages(
        self, table: Table, selection: Selection, kind: type[RowType]
    ) -> AsyncGenerator[list[RowType]]:
        keys = list(table.primary_key)
        query = select(table).where(*_terms(table, selection)).order_by(*keys).limit(PAGE_ROWS)
        page = query
        while rows := await self._rows(page):
            yield [typed(row, kind) for row in rows]
            last = [rows[-1][key] for key in keys]
            page = query.where(tuple_(*keys) > tuple_(*last))

    async def _journal(
        self, table: Table, names: Sequence[str], run_id: str, after: int
    ) -> AsyncGenerator[list[tuple[Any, ...]]]:
        """The named columns of a journal table's rows, page by page."""
        size = PAGE_BLOCKS if table is schema.recording_blocks else PAGE_ROWS
        query = select(*(table.c[name] for name in names)).where(table.c.run_id == run_id)
        query = query.order_by(table.c.sequence).limit(size)
        while rows := await self._rows(query.where(table.c.sequence > after)):
            yield [tuple(row[name] for name in names) for row in rows]
            after = rows[-1]["sequence"]

    async def _before_block(self, run_id: str, after: int) -> int:
        """The end of the blocks that hold nothing after `after`; blocks never overlap."""
        table = schema.recording_blocks
        query = select(table.c.sequence, table.c.last_sequence).where(
            table.c.run_id == run_id, table.c.sequence <= after
        )
        rows = await self._rows(query.order_by(table.c.sequence.desc()).limit(1))
        inside = bool(rows) and rows[0]["last_sequence"] > after
        return rows[0]["sequence"] - 1 if inside else after

    async def _chain(self, table: Table, run_id: str, after: int) -> Chain:
        """The chain of a journal table, standing at the last row up to `after`."""
        query = select(table.c.checksum).where(table.c.run_id == run_id, table.c.sequence <= after)
        rows = await self._rows(query.order_by(table.c.sequence.desc()).limit(1))
        return Chain(run_id, table.name, rows[0]["checksum"] if rows else 0)


@asynccontextmanager
async def open_reader(url: str) -> AsyncGenerator[Reader]:
    """A reader for the length of a block: for a command that reads and ends.

    Raises `NotFoundError` if there is no database yet, `StoreError` if it cannot be read.
    """
    async with owned(url) as owner:
        yield Reader(owner)


def _terms(table: Table, selection: Selection) -> list[ColumnElement[bool]]:
    terms: list[ColumnElement[bool]] = []
    if selection.run_id is not None:
        terms.append(table.c.run_id == selection.run_id)
    if selection.since is not None:
        terms.append(table.c.ts >= selection.since)
    if selection.until is not None:
        terms.append(table.c.ts < selection.until)
    if selection.strategy is not None:
        terms.append(table.c.strategy == selection.strategy)
    if selection.symbol is not None:
        terms.append(table.c.symbol == selection.symbol)
    return terms
