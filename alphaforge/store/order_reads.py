"""Reads one order's whole life: its row, its events, what led to each, its fills and signal.

Every row of the journal is proven by its checksum before it is decoded. Must write nothing.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Table, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from alphaforge.model.events import OrderEvent
from alphaforge.model.market import MarketEvent
from alphaforge.store import schema
from alphaforge.store.journal import Chain, InputEvent, read_blocks, read_inputs
from alphaforge.store.owner import QueryOwner, owned
from alphaforge.store.records import FillRow, OrderRow, RunRecord, typed
from alphaforge.store.resume import no_run

Item = TypeVar("Item")

_event_decoder = msgspec.json.Decoder(OrderEvent)


class Moment(msgspec.Struct, frozen=True):
    """One event of an order, and the number of what led to it."""

    sequence: int
    event: OrderEvent


class SignalRow(msgspec.Struct, frozen=True):
    """The opinion an order came from."""

    ts: int
    signal_id: str
    strategy: str
    symbol: str
    direction: str
    confidence: float
    reason: str


class OrderReader:
    """Reads orders of one run of a database."""

    def __init__(self, owner: QueryOwner, run: RunRecord) -> None:
        self._owner = owner
        self.run = run

    async def order(self, order_id: str) -> OrderRow | None:
        """One order as it stands; by our id, the client's or the venue's."""
        table = schema.orders
        names = (table.c.order_id, table.c.client_order_id, table.c.venue_order_id)
        found = await self._rows(table, or_(*(name == order_id for name in names)))
        return typed(found[0], OrderRow) if found else None

    async def ids(self) -> list[str]:
        """Every order id of the run."""
        table = schema.orders

        async def fetch(connection: AsyncConnection) -> list[str]:
            query = select(table.c.order_id).where(table.c.run_id == self.run.run_id)
            return [str(name) for name in (await connection.execute(query)).scalars()]

        return await self._owner.ask(fetch)

    async def life(self, order_id: str) -> list[Moment]:
        """Its events, oldest first."""
        table = schema.order_events
        rows = await self._rows(table, table.c.order_id == order_id)
        return [Moment(row["sequence"], _event_decoder.decode(row["payload"])) for row in rows]

    async def fills(self, order_id: str) -> list[FillRow]:
        """Its executions, in the order they were booked."""
        table = schema.fills
        return [
            typed(row, FillRow) for row in await self._rows(table, table.c.order_id == order_id)
        ]

    async def fills_before(self, sequence: int, symbol: str) -> list[FillRow]:
        """Every execution in a symbol that was booked before an event, of any strategy."""
        table = schema.fills
        term = and_(table.c.symbol == symbol, table.c.sequence < sequence)
        return [typed(row, FillRow) for row in await self._rows(table, term)]

    async def working_at(self, sequence: int, ts: int) -> list[tuple[OrderRow, list[OrderEvent]]]:
        """Orders that may have worked when an event came, each with its life up to then."""
        orders, events = schema.orders, schema.order_events
        rows = await self._rows(
            orders,
            and_(
                orders.c.ts <= ts,
                or_(orders.c.ts_last >= ts, orders.c.leaves != "0"),
                orders.c.status != "DENIED",
            ),
        )
        found: list[tuple[OrderRow, list[OrderEvent]]] = []
        for row in rows:
            term = and_(events.c.order_id == row["order_id"], events.c.sequence < sequence)
            lived = [_event_decoder.decode(e["payload"]) for e in await self._rows(events, term)]
            if lived:
                found.append((typed(row, OrderRow), lived))
        return found

    async def signal(self, order_id: str) -> SignalRow | None:
        """The signal that is linked to it."""
        table = schema.signals
        rows = await self._rows(table, table.c.order_id == order_id)
        return typed(rows[0], SignalRow) if rows else None

    async def input(self, sequence: int) -> InputEvent | None:
        """What entered with that number beside the market; None if it was no such thing."""
        table = schema.inputs
        rows = await self._rows(table, table.c.sequence == sequence)
        if not rows:
            return None
        chain = await self._chain(table, sequence)
        names = ("sequence", "ts", "kind", "payload", "checksum")
        columns: Any = [tuple(row[name] for name in names) for row in rows]
        return next(event for _, event in read_inputs(chain, columns))

    async def market_event(self, sequence: int) -> MarketEvent | None:
        """The recorded market event of that number; None where a file holds it."""
        table = schema.recording_blocks
        term = and_(table.c.sequence <= sequence, table.c.last_sequence >= sequence)
        rows = await self._rows(table, term)
        if not rows:
            return None
        chain = await self._chain(table, rows[-1]["sequence"])
        names = ("sequence", "last_sequence", "count", "payload", "checksum")
        columns: Any = [tuple(rows[-1][name] for name in names)]
        events = read_blocks(chain, columns)
        return next((event for number, event in events if number == sequence), None)

    async def _rows(self, table: Table, term: ColumnElement[bool]) -> list[RowMapping]:
        keys = list(table.primary_key)
        query = select(table).where(table.c.run_id == self.run.run_id, term).order_by(*keys)

        async def fetch(connection: AsyncConnection) -> list[RowMapping]:
            return list((await connection.execute(query)).mappings().all())

        return await self._owner.ask(fetch)

    async def _chain(self, table: Table, sequence: int) -> Chain:
        """The chain of a journal's table, standing before a row."""
        query = select(table.c.checksum).where(
            table.c.run_id == self.run.run_id, table.c.sequence < sequence
        )
        query = query.order_by(table.c.sequence.desc()).limit(1)

        async def fetch(connection: AsyncConnection) -> int:
            return int((await connection.execute(query)).scalar() or 0)

        return Chain(self.run.run_id, table.name, await self._owner.ask(fetch))


@asynccontextmanager
async def open_order_reader(url: str, run_id: str) -> AsyncGenerator[OrderReader]:
    """A reader of one run for the length of a block.

    Raises `NotFoundError` if there is no database or no such run, `StoreError` if it cannot be
    read.
    """
    async with owned(url) as owner:
        table = schema.runs

        async def fetch(connection: AsyncConnection) -> list[RowMapping]:
            query = select(table).where(table.c.run_id == run_id)
            return list((await connection.execute(query)).mappings().all())

        rows = await owner.ask(fetch)
        if not rows:
            raise no_run(run_id)
        yield OrderReader(owner, typed(rows[0], RunRecord))
