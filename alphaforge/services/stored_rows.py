"""Rows of a stored run in the words of the control API, so that a list looks the same either way.

What a store does not keep (a mark, a distance, a trail) is null. Must compute no money: round trips
are booked by the engine's own portfolio.
"""

from collections.abc import AsyncIterator
from typing import TypeVar

from msgspec.structs import replace

from alphaforge.client.answers import TripRow
from alphaforge.client.records import FillRow, OrderRow, PositionRow
from alphaforge.engine.portfolio import ClosedPosition, Portfolio
from alphaforge.model.enums import OPEN_STATUSES, PositionSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import plain
from alphaforge.model.reports import OrderFilled
from alphaforge.services.control.row_texts import money_text, time_text
from alphaforge.store import records
from alphaforge.store.export import iso_time
from alphaforge.store.reads import Reader
from alphaforge.store.records import RunRecord, Selection

Row = TypeVar("Row")


async def stored_orders(reader: Reader, run: RunRecord) -> list[OrderRow]:
    """Every order of a run, denied ones too, in the order of their ids."""
    rows = await _all(reader.orders(Selection(run_id=run.run_id)))
    held = await reader.held_orders(run.run_id)
    stored = ((order_row(row), row.order_id in held) for row in rows)
    return [replace(row, emulated=True) if was_held else row for row, was_held in stored]


async def stored_fills(reader: Reader, run: RunRecord) -> list[FillRow]:
    """Every fill of a run, numbered from 1."""
    rows = await _all(reader.fills(Selection(run_id=run.run_id)))
    return [fill_row(number, row) for number, row in enumerate(rows, start=1)]


async def stored_positions(reader: Reader, run: RunRecord) -> list[PositionRow]:
    """What a run held last; flat ones are left out."""
    rows = await _all(reader.positions(Selection(run_id=run.run_id)))
    instruments = {each.symbol: each for each in run.instruments}
    return [
        position_row(row, instruments.get(row.symbol))
        for row in rows
        if row.side is not PositionSide.FLAT
    ]


async def stored_trips(reader: Reader, run: RunRecord) -> list[TripRow]:
    """Round trips of a run, in the order in which they closed: its fills, booked anew."""
    instruments = {each.symbol: each for each in run.instruments}
    book = Portfolio()
    for row in await _all(reader.fills(Selection(run_id=run.run_id))):
        if row.symbol in instruments:
            book.book(row.strategy, instruments[row.symbol], row.side, execution_of(row))
    return [_trip(number, each) for number, each in enumerate(book.closed_positions, start=1)]


def execution_of(row: records.FillRow) -> OrderFilled:
    """The venue's report that a stored fill came from."""
    return OrderFilled(
        order_id=row.order_id,
        venue_order_id=row.venue_order_id,
        trade_id=row.trade_id,
        quantity=row.quantity,
        price=row.price,
        fee=row.fee,
        fee_currency=row.fee_currency,
        liquidity=row.liquidity,
        ts=row.ts,
        ts_local=row.ts,
    )


def _trip(number: int, closed: ClosedPosition) -> TripRow:
    return TripRow(
        number=number,
        symbol=closed.symbol,
        strategy=closed.strategy,
        side=closed.side.value,
        quantity=plain(closed.quantity),
        realized_pnl=plain(closed.realized_pnl),
        fees=plain(closed.fees),
        opened=iso_time(closed.ts_open),
        closed=iso_time(closed.ts_close),
    )


async def _all(pages: AsyncIterator[list[Row]]) -> list[Row]:
    return [row async for page in pages for row in page]


def order_row(row: records.OrderRow) -> OrderRow:
    """One stored order."""
    return OrderRow(
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        venue_order_id=row.venue_order_id,
        ts=iso_time(row.ts),
        ts_last=iso_time(row.ts_last),
        symbol=row.symbol,
        venue=row.venue,
        account=row.account,
        strategy=row.strategy,
        side=row.side.value,
        type=row.order_type.value,
        quantity=money_text(row.quantity) or "0",
        filled=plain(row.filled),
        leaves=money_text(row.leaves) or "0",
        limit=money_text(row.limit_price),
        stop=money_text(row.trigger_price),
        trail=None,
        take_profit=None,
        stop_loss=None,
        tif=row.tif.value,
        expires=None,
        post_only=False,
        reduce_only=False,
        status=row.status.value,
        is_open=row.status in OPEN_STATUSES,
        pending="NONE",
        in_doubt=row.in_doubt,
        emulated=False,
        average_price=money_text(row.average_price),
        distance_bp=None,
        reason=row.reason,
        tag="",
        parent_id="",
        signal_id="",
    )


def fill_row(number: int, row: records.FillRow) -> FillRow:
    """One stored fill."""
    return FillRow(
        number=number,
        ts=iso_time(row.ts),
        venue=row.venue,
        account=row.account,
        symbol=row.symbol,
        strategy=row.strategy,
        order_id=row.order_id,
        venue_order_id=row.venue_order_id,
        trade_id=row.trade_id,
        side=row.side.value,
        quantity=plain(row.quantity),
        price=plain(row.price),
        value=plain(row.value),
        fee=plain(row.fee),
        fee_currency=row.fee_currency,
        liquidity=row.liquidity.value,
        realized_pnl=plain(row.realized_pnl),
    )


def position_row(row: records.PositionRow, instrument: Instrument | None) -> PositionRow:
    """One stored position; nobody marks it any more."""
    return PositionRow(
        symbol=row.symbol,
        strategy=row.strategy,
        venue=row.venue,
        side=row.side.value,
        quantity=plain(row.quantity),
        average_price=money_text(row.average_price),
        mark=None,
        unrealized_pnl=None,
        unrealized_pnl_pct=None,
        realized_pnl=plain(row.realized_pnl),
        fees=plain(row.fees),
        value=None,
        stop=None,
        currency=instrument.settle if instrument is not None else "",
        opened=time_text(row.ts_open),
        fills=row.fills,
    )
