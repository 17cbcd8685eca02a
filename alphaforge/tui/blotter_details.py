"""One order, fill or closed position in lines, for the pane beside the blotter's table.

Must hold no figure of its own.
"""

from collections.abc import Iterable
from typing import Final

from alphaforge.client.answers import TripRow
from alphaforge.client.records import FillRow, OrderRow
from alphaforge.tui.state import AppState
from alphaforge.tui.tables import money, ordering
from alphaforge.tui.text import NONE, basis_points, clock, direction, number, signed
from alphaforge.tui.widgets.columns import Cell, Column
from alphaforge.tui.widgets.lines import Words
from alphaforge.tui.words import direction_tone, order_word, side_word

_LABEL: Final = 14


def line(name: str, value: str | None) -> list[Words]:
    """A name and what it is; nothing is a dash."""
    return [Words(f" {name}", "dim", width=_LABEL), Words(f" {value or NONE}")]


def order_details(row: OrderRow, state: AppState) -> Iterable[list[Words]]:
    """Everything the API tells of an order."""
    decimals = state.price_decimals(row.symbol)
    word, side = order_word(row), side_word(row.side)
    yield [Words(f" {word.text}", word.tone, bold=True), Words(f"  {row.order_id}", "dim")]
    if row.reason:
        tone = "error" if row.status in {"REJECTED", "DENIED"} else "dim"
        yield [Words(f" {row.reason}", tone)]
    if row.in_doubt:
        yield [Words(" the venue has not said what", "warn")]
        yield [Words(" became of it; it is being asked", "warn")]
    yield []
    yield [Words(f" {side.text}", side.tone, bold=True), Words(f"  {row.symbol}", bold=True)]
    yield line("type", row.type)
    yield line("quantity", number(row.quantity))
    yield line("filled", f"{number(row.filled)}, leaves {number(row.leaves)}")
    yield line("limit", number(row.limit, decimals))
    yield line("stop", number(row.stop, decimals))
    if row.trail:
        yield line("trail", row.trail)
    yield line("average", number(row.average_price, decimals))
    yield line("distance", basis_points(row.distance_bp))
    flags = [name for name, on in (("post-only", row.post_only), ("reduce-only", row.reduce_only),
                                   ("held here", row.emulated)) if on]  # fmt: skip
    yield line("terms", " ".join([row.tif, *flags]))
    if row.expires:
        yield line("expires", row.expires)
    if row.take_profit or row.stop_loss:
        yield line("take profit", number(row.take_profit, decimals))
        yield line("stop loss", number(row.stop_loss, decimals))
    yield []
    yield line("strategy", row.strategy)
    yield line("tag", row.tag)
    yield line("signal", row.signal_id)
    yield line("parent", row.parent_id)
    yield []
    yield line("decided", clock(row.ts))
    yield line("last change", clock(row.ts_last))
    yield line("venue", f"{row.venue} {row.account}")
    yield line("venue's id", row.venue_order_id)
    yield line("client id", row.client_order_id)


def fill_details(row: FillRow, state: AppState) -> Iterable[list[Words]]:
    """Everything the API tells of a fill."""
    side = side_word(row.side)
    yield [Words(f" {side.text}", side.tone, bold=True), Words(f"  {row.symbol}", bold=True)]
    yield []
    yield line("quantity", number(row.quantity))
    yield line("price", number(row.price, state.price_decimals(row.symbol)))
    yield line("value", number(row.value))
    yield line("fee", f"{number(row.fee)} {row.fee_currency}")
    yield line("liquidity", row.liquidity)
    tone = direction_tone(direction(row.realized_pnl))
    yield [Words(" realized", "dim", width=_LABEL), Words(f" {signed(row.realized_pnl)}", tone)]
    yield []
    yield line("strategy", row.strategy)
    yield line("order", row.order_id)
    yield line("venue's order", row.venue_order_id)
    yield line("trade", row.trade_id)
    yield line("venue", f"{row.venue} {row.account}")
    yield line("at", row.ts)


def trip_details(row: TripRow) -> Iterable[list[Words]]:
    """A closed position."""
    side = side_word(row.side)
    yield [Words(f" {side.text}", side.tone, bold=True), Words(f"  {row.symbol}", bold=True)]
    yield []
    tone = direction_tone(direction(row.realized_pnl))
    yield line("quantity", number(row.quantity))
    yield [Words(" realized", "dim", width=_LABEL), Words(f" {signed(row.realized_pnl)}", tone)]
    yield line("fees", number(row.fees))
    yield line("strategy", row.strategy)
    yield line("opened", row.opened)
    yield line("closed", row.closed)


def trip_columns() -> tuple[Column[TripRow], ...]:
    """Of closed positions."""

    def side(row: TripRow) -> Cell:
        word = side_word(row.side)
        return Cell(word.text, word.tone)

    return (
        Column("time", "closed", lambda row: Cell(clock(row.closed), "dim"), 8, None, "left", 1,
               lambda row: row.closed),
        Column("opened", "opened", lambda row: Cell(clock(row.opened), "dim"), 8, None, "left", 3,
               lambda row: row.opened),
        Column("symbol", "symbol", lambda row: Cell(row.symbol), 10, 20),
        Column("side", "side", side, 7, None, "left", 1),
        Column("qty", "qty", lambda row: Cell(number(row.quantity)), 9, 14, "right", 0,
               lambda row: ordering(row.quantity)),
        Column("pnl", "pnl", lambda row: money(row.realized_pnl), 10, 14, "right", 0,
               lambda row: ordering(row.realized_pnl)),
        Column("fees", "fees", lambda row: Cell(number(row.fees, 4), "dim"), 9, 14, "right", 2,
               lambda row: ordering(row.fees)),
        Column("strategy", "strategy", lambda row: Cell(row.strategy, "dim"), 9, 16, "left", 4),
    )  # fmt: skip
