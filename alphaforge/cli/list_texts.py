"""How rows of orders, positions and fills stand in a table. Must compute nothing."""

from collections.abc import Sequence
from typing import NamedTuple

from alphaforge.client.answers import TripRow
from alphaforge.client.records import FillRow, OrderRow, PositionRow


class Table(NamedTuple):
    """A table ready to be printed.

    Attributes:
        right: Columns that are numbers.
    """

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]
    right: tuple[str, ...]


def moment(iso: str | None) -> str:
    """`2026-11-20 09:15:00` of an ISO time, UTC."""
    return iso[:19].replace("T", " ") if iso else ""


def status_text(row: OrderRow) -> str:
    """The status, and what is still open about it."""
    parts = [row.status]
    if row.in_doubt:
        parts.append("in doubt")
    if row.pending != "NONE":
        parts.append(f"{row.pending.lower()} pending")
    if row.emulated and row.is_open:
        parts.append("held here")
    return ", ".join(parts)


def price_text(row: OrderRow) -> str:
    """Limit, trigger, trail: whichever it has."""
    parts = [row.limit or ""]
    if row.stop is not None:
        parts.append(f"stop {row.stop}")
    if row.trail is not None:
        parts.append(f"trail {row.trail}")
    return " ".join(part for part in parts if part) or "market"


def signed_pct(value: float | None) -> str:
    """`+0.52`, or nothing."""
    return "" if value is None else f"{value:+.2f}"


def orders_table(rows: Sequence[OrderRow]) -> Table:
    """Orders."""
    columns = ("time", "order", "symbol", "side", "type", "filled", "price", "average", "status")
    shown: list[tuple[object, ...]] = [
        (
            moment(row.ts),
            row.order_id,
            row.symbol,
            row.side,
            row.type,
            f"{row.filled}/{row.quantity}",
            price_text(row),
            row.average_price,
            status_text(row),
            row.strategy,
            row.venue,
            row.reason,
        )
        for row in rows
    ]
    return Table((*columns, "strategy", "venue", "reason"), shown, ("filled", "price", "average"))


def positions_table(rows: Sequence[PositionRow]) -> Table:
    """Open positions."""
    columns = ("symbol", "side", "quantity", "average", "mark", "unrealized", "%", "realized")
    shown: list[tuple[object, ...]] = [
        (
            row.symbol,
            row.side,
            row.quantity,
            row.average_price,
            row.mark,
            row.unrealized_pnl,
            signed_pct(row.unrealized_pnl_pct),
            row.realized_pnl,
            row.fees,
            row.currency,
            row.stop,
            row.strategy,
            moment(row.opened),
        )
        for row in rows
    ]
    return Table(
        (*columns, "fees", "currency", "stop", "strategy", "opened"),
        shown,
        (*columns[2:], "fees", "stop"),
    )


def trips_table(rows: Sequence[TripRow]) -> Table:
    """Round trips."""
    shown: list[tuple[object, ...]] = [
        (
            moment(row.opened),
            moment(row.closed),
            row.symbol,
            row.side,
            row.quantity,
            row.realized_pnl,
            row.fees,
            row.strategy,
        )
        for row in rows
    ]
    columns = ("opened", "closed", "symbol", "side", "quantity", "realized", "fees", "strategy")
    return Table(columns, shown, ("quantity", "realized", "fees"))


def fills_table(rows: Sequence[FillRow]) -> Table:
    """Executions."""
    columns = ("time", "order", "symbol", "side", "quantity", "price", "value", "fee", "liquidity")
    shown: list[tuple[object, ...]] = [
        (
            moment(row.ts),
            row.order_id,
            row.symbol,
            row.side,
            row.quantity,
            row.price,
            row.value,
            f"{row.fee} {row.fee_currency}",
            row.liquidity,
            row.realized_pnl,
            row.strategy,
            row.trade_id,
        )
        for row in rows
    ]
    return Table(
        (*columns, "realized", "strategy", "trade"),
        shown,
        ("quantity", "price", "value", "fee", "realized"),
    )
