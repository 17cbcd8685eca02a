"""What a run that goes on has behind it: its newest fills and alerts and its curve, from its store.

Read once, before anybody is shown anything, in windows that reach back until enough is found: a
run of months must not take longer to show than one of an hour. Must never write.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from msgspec.structs import replace

from alphaforge.client.records import CurvePoint
from alphaforge.model.enums import OrderStatus
from alphaforge.model.events import Alert
from alphaforge.model.numbers import plain
from alphaforge.model.orders import Fill
from alphaforge.services.control.curve import MOST_POINTS, thinned
from alphaforge.services.control.news_rows import KEEP
from alphaforge.services.control.order_rows import KEEP_ENDED, fill_row
from alphaforge.services.control.views import Moment, Past
from alphaforge.store.export import iso_time
from alphaforge.store.reads import Reader, open_reader
from alphaforge.store.records import AlertRow, EquityRow, FillRow, Selection

HOUR_NS: Final = 3_600_000_000_000
WINDOWS: Final = (HOUR_NS, 24 * HOUR_NS, 30 * 24 * HOUR_NS)
"""How far back is looked at first, then, and then; after that everything is."""

CURVE_NS: Final = 30 * 24 * HOUR_NS
MOST_ORDERS: Final = 50_000
"""Orders that are counted by strategy; of more than that the count begins anew."""

Row = TypeVar("Row")


async def read_past(url: str, moment: Moment) -> Past:
    """What is behind a moment; raises `StoreError` for a database that cannot be read."""
    async with open_reader(url) as reader:
        before = Selection(run_id=moment.run_id, until=moment.now + 1)
        fills = await _newest(moment, before, lambda which: _rows(reader.fills(which), KEEP_ENDED))
        alerts = await _newest(moment, before, lambda which: _rows(reader.alerts(which), KEEP))
        recent = replace(before, since=max(moment.now - CURVE_NS, 0))
        equity = await _rows(reader.equity(recent), 0)
        orders = await _orders(reader, moment)
    first = moment.fills - len(fills) + 1
    return Past(
        fills=tuple(fill_row(number, _fill(row)) for number, row in enumerate(fills, first)),
        fills_before=moment.fills,
        orders=orders,
        alerts=tuple(_alert(row) for row in alerts if row.sequence <= moment.sequence),
        curve=tuple((row.ts, _point(row)) for row in thinned(equity, MOST_POINTS)),
        peak=max((row.equity for row in equity), default=None),
    )


async def _newest(
    moment: Moment, before: Selection, read: Callable[[Selection], Awaitable[Sequence[Row]]]
) -> Sequence[Row]:
    """The newest rows, looked for ever farther back until there are enough or no more."""
    for window in WINDOWS:
        since = moment.now - window
        if since <= moment.started:
            break
        rows = await read(replace(before, since=since))
        if len(rows) >= min(KEEP, KEEP_ENDED):
            return rows
    return await read(before)


async def _rows(pages: AsyncIterator[list[Row]], keep: int) -> list[Row]:
    """The last rows of some pages; all of them where `keep` is 0."""
    rows: list[Row] = []
    async for page in pages:
        rows += page
        if keep:
            del rows[:-keep]
    return rows


async def _orders(reader: Reader, moment: Moment) -> dict[str, int]:
    """Orders submitted so far, by strategy."""
    counts: dict[str, int] = {}
    if moment.submitted > MOST_ORDERS:
        return counts
    selection = Selection(run_id=moment.run_id, until=moment.now + 1)
    async for page in reader.orders(selection):
        for order in page:
            if order.status is not OrderStatus.DENIED:
                counts[order.strategy] = counts.get(order.strategy, 0) + 1
    return counts


def _fill(row: FillRow) -> Fill:
    return Fill(
        row.ts,
        row.venue,
        row.account,
        row.symbol,
        row.strategy,
        row.order_id,
        row.venue_order_id,
        row.trade_id,
        row.side,
        row.quantity,
        row.price,
        row.value,
        row.fee,
        row.fee_currency,
        row.liquidity,
        row.realized_pnl,
    )


def _alert(row: AlertRow) -> Alert:
    return Alert(
        row.level,
        row.code,
        row.message,
        row.ts,
        strategy=row.strategy,
        symbol=row.symbol,
        detail=row.detail,
    )


def _point(row: EquityRow) -> CurvePoint:
    unrealized: Decimal = row.unrealized_pnl
    return CurvePoint(
        ts=iso_time(row.ts),
        equity=plain(row.equity),
        cash=plain(row.cash),
        unrealized_pnl=plain(unrealized),
    )
