"""Columns of the app's tables: positions, orders, fills, strategies, signals, alerts, exposure.

Every figure is the engine's; here it is only spelled. Priorities say what goes first where the
width is short (0 stays). Must hold no widget.
"""

from collections.abc import Sequence
from typing import Final

from alphaforge.client.records import (
    AlertRow,
    FillRow,
    OrderRow,
    PositionRow,
    SignalRow,
    StrategyRow,
)
from alphaforge.client.times import age_text
from alphaforge.tui.state import AppState
from alphaforge.tui.text import (
    NONE,
    Amount,
    basis_points,
    clock,
    compact,
    decimal_of,
    direction,
    number,
    signed,
)
from alphaforge.tui.theme import Tone
from alphaforge.tui.widgets.columns import Cell, Column
from alphaforge.tui.words import (
    direction_tone,
    level_word,
    order_word,
    side_word,
    strategy_word,
    type_word,
)

_ID_LENGTH: Final = 8
_CLOSE_TO_MARKET_BP: Final = 5.0


def money(value: Amount, decimals: int = 2) -> Cell:
    """A gain or a loss: signed, in its colour."""
    return Cell(signed(value, decimals), direction_tone(direction(value)))


def ordering(value: Amount) -> float:
    """To sort numbers by; what is none comes first."""
    found = decimal_of(value)
    return float("-inf") if found is None else float(found)


def _dim(text: str) -> Cell:
    return Cell(text, "dim")


def position_columns(state: AppState) -> Sequence[Column[PositionRow]]:
    """Of open positions, one row per strategy and symbol."""

    def price(row: PositionRow, value: str | None, tone: Tone) -> Cell:
        return Cell(number(value, state.price_decimals(row.symbol)), tone)

    def side(row: PositionRow) -> Cell:
        word = side_word(row.side)
        return Cell(word.text, word.tone)

    def held(row: PositionRow) -> Cell:
        age = state.age_ns(row.opened)
        return _dim(NONE if age is None else age_text(age))

    return (
        Column("symbol", "symbol", lambda row: Cell(row.symbol), 12, 20),
        Column("side", "side", side, 7, None, "left", 1),
        Column("qty", "qty", lambda row: Cell(number(row.quantity)), 9, 14, "right", 0,
               lambda row: ordering(row.quantity)),
        Column("entry", "entry", lambda row: price(row, row.average_price, "dim"), 10, 14,
               "right", 2, lambda row: ordering(row.average_price)),
        Column("mark", "mark", lambda row: price(row, row.mark, "fg"), 10, 14, "right", 1,
               lambda row: ordering(row.mark)),
        Column("upnl", "uPnL", lambda row: money(row.unrealized_pnl), 9, 14, "right", 0,
               lambda row: ordering(row.unrealized_pnl)),
        Column("pct", "%", lambda row: money(row.unrealized_pnl_pct), 6, 8, "right", 0,
               lambda row: ordering(row.unrealized_pnl_pct)),
        Column("value", "value", lambda row: Cell(number(row.value, 0)), 9, 14, "right", 3,
               lambda row: ordering(row.value)),
        Column("rpnl", "realized", lambda row: money(row.realized_pnl), 9, 14, "right", 6,
               lambda row: ordering(row.realized_pnl)),
        Column("stop", "stop", lambda row: price(row, row.stop, "dim"), 10, 14, "right", 4,
               lambda row: ordering(row.stop)),
        Column("held", "held", held, 5, 6, "right", 5, lambda row: row.opened or ""),
        Column("strategy", "strategy", lambda row: _dim(row.strategy), 9, 16, "left", 5),
    )  # fmt: skip


def order_columns(state: AppState) -> Sequence[Column[OrderRow]]:
    """Of orders, working or ended."""

    def price(row: OrderRow) -> Cell:
        decimals = state.price_decimals(row.symbol)
        if row.limit is None and row.stop is None:
            if row.average_price is not None:
                return _dim(number(row.average_price, decimals))
            return _dim(f"trail {row.trail}" if row.trail else "market")
        return Cell(number(row.limit if row.limit is not None else row.stop, decimals))

    def side(row: OrderRow) -> Cell:
        word = side_word(row.side)
        return Cell(word.text, word.tone)

    def status(row: OrderRow) -> Cell:
        word = order_word(row)
        return Cell(word.text, word.tone)

    def distance(row: OrderRow) -> Cell:
        away = row.distance_bp
        near = away is not None and abs(away) < _CLOSE_TO_MARKET_BP
        return Cell(basis_points(away), "warn" if near else "dim")

    def age(row: OrderRow) -> Cell:
        found = state.age_ns(row.ts)
        return _dim(NONE if found is None else age_text(found))

    def stop(row: OrderRow) -> Cell:
        return _dim(number(row.stop, state.price_decimals(row.symbol)))

    return (
        Column("time", "time", lambda row: _dim(clock(row.ts)), 8, None, "left", 2,
               lambda row: row.ts),
        Column("symbol", "symbol", lambda row: Cell(row.symbol), 10, 20),
        Column("side", "side", side, 6),
        Column("type", "type", lambda row: Cell(type_word(row)), 6, 9, "left", 1),
        Column("filled", "filled/qty", lambda row: Cell(f"{row.filled}/{row.quantity}"), 10, 20,
               "right", 0, lambda row: ordering(row.quantity)),
        Column("price", "price", price, 10, 14, "right", 0,
               lambda row: ordering(row.limit if row.limit is not None else row.stop)),
        Column("stop", "stop", stop, 10, 14, "right", 6, lambda row: ordering(row.stop)),
        Column("avg", "avg", lambda row: _dim(number(row.average_price,
               state.price_decimals(row.symbol))), 10, 14, "right", 6,
               lambda row: ordering(row.average_price)),
        Column("dist", "dist", distance, 7, 9, "right", 3,
               lambda row: ordering(row.distance_bp)),
        Column("status", "status", status, 9, 9),
        Column("age", "age", age, 4, 6, "right", 4, lambda row: row.ts),
        Column("tif", "tif", lambda row: _dim(_tif(row)), 4, 9, "left", 7),
        Column("strategy", "strategy", lambda row: _dim(row.strategy), 9, 16, "left", 4),
        Column("venue", "venue", lambda row: _dim(row.venue), 8, 14, "left", 8),
        Column("id", "id", lambda row: _dim(row.order_id[-_ID_LENGTH:]), 8, None, "left", 6),
        Column("reason", "reason", lambda row: _dim(row.reason), 12, 44, "left", 9),
    )  # fmt: skip


def _tif(row: OrderRow) -> str:
    marks = "".join(mark for mark, on in (("P", row.post_only), ("R", row.reduce_only)) if on)
    return f"{row.tif} {marks}".strip()


def fill_columns(state: AppState) -> Sequence[Column[FillRow]]:
    """Of our executions."""

    def side(row: FillRow) -> Cell:
        word = side_word(row.side)
        return Cell(word.text, word.tone)

    def price(row: FillRow) -> Cell:
        return Cell(number(row.price, state.price_decimals(row.symbol)))

    def realized(row: FillRow) -> Cell:
        return money(row.realized_pnl) if direction(row.realized_pnl) else _dim(NONE)

    return (
        Column("time", "time", lambda row: _dim(clock(row.ts)), 8, None, "left", 2,
               lambda row: row.ts),
        Column("symbol", "symbol", lambda row: Cell(row.symbol), 9, 20),
        Column("side", "side", side, 6),
        Column("qty", "qty", lambda row: Cell(number(row.quantity)), 7, 14, "right", 0,
               lambda row: ordering(row.quantity)),
        Column("price", "price", price, 10, 14, "right", 0, lambda row: ordering(row.price)),
        Column("pnl", "pnl", realized, 9, 14, "right", 2,
               lambda row: ordering(row.realized_pnl)),
        Column("fee", "fee", lambda row: _dim(f"{number(row.fee, 4)} {row.fee_currency}"), 12, 20,
               "right", 3, lambda row: ordering(row.fee)),
        Column("value", "value", lambda row: _dim(number(row.value, 2)), 10, 14, "right", 4,
               lambda row: ordering(row.value)),
        Column("liq", "liq", lambda row: _dim(row.liquidity[:1] or NONE), 3, None, "left", 4),
        Column("strategy", "strategy", lambda row: _dim(row.strategy), 9, 16, "left", 5),
        Column("order", "order", lambda row: _dim(row.order_id[-_ID_LENGTH:]), 8, None, "left", 6),
        Column("trade", "trade id", lambda row: _dim(row.trade_id), 10, 20, "left", 8),
        Column("venue", "venue", lambda row: _dim(row.venue), 8, 14, "left", 7),
    )  # fmt: skip


def signal_columns() -> Sequence[Column[SignalRow]]:
    """Of strategies' opinions."""

    def way(row: SignalRow) -> Cell:
        word = side_word(row.direction)
        return Cell(word.text, word.tone)

    return (
        Column("time", "time", lambda row: _dim(clock(row.ts)), 8, None, "left", 1,
               lambda row: row.ts),
        Column("strategy", "strategy", lambda row: _dim(row.strategy), 9, 16, "left", 3),
        Column("symbol", "symbol", lambda row: Cell(row.symbol), 10, 20),
        Column("way", "signal", way, 7, 9),
        Column("confidence", "conf", lambda row: Cell(number(row.confidence, 2)), 4, None,
               "right", 1, lambda row: row.confidence),
        Column("order", "order", lambda row: _dim(row.order_id[-_ID_LENGTH:] or NONE), 8, None,
               "left", 4),
        Column("reason", "reason", lambda row: _dim(row.reason), 12, 60, "left", 2),
    )  # fmt: skip


def alert_columns() -> Sequence[Column[AlertRow]]:
    """Of what a person should know."""

    def level(row: AlertRow) -> Cell:
        word = level_word(row.level)
        return Cell(word.text, "dim" if row.acknowledged else word.tone)

    def message(row: AlertRow) -> Cell:
        return Cell(row.message, "dim" if row.acknowledged else "fg")

    return (
        Column("time", "time", lambda row: _dim(clock(row.ts)), 8, None, "left", 1,
               lambda row: row.ts),
        Column("level", "level", level, 5),
        Column("message", "message", message, 24, 120),
        Column("code", "code", lambda row: _dim(row.code), 8, 28, "left", 4),
        Column("strategy", "strategy", lambda row: _dim(row.strategy or NONE), 9, 16, "left", 5),
        Column("symbol", "symbol", lambda row: _dim(row.symbol or NONE), 9, 16, "left", 6),
    )  # fmt: skip


def strategy_columns(state: AppState) -> Sequence[Column[StrategyRow]]:
    """Of the run's strategies; a glyph says the state, and where it does not run a word does."""

    def mark(row: StrategyRow) -> Cell:
        word = strategy_word(row.state)
        glyphs = state.glyphs
        by_state = {"RUNNING": glyphs.running, "REGISTERED": glyphs.waiting,
                    "STOPPED": glyphs.stopped, "FAILED": glyphs.failed}  # fmt: skip
        return Cell(by_state.get(row.state, "?"), word.tone)

    def win(row: StrategyRow) -> Cell:
        return _dim(NONE if row.win_rate_pct is None else f"{row.win_rate_pct:.0f}%")

    def slow(row: StrategyRow) -> Cell:
        if row.state == "RUNNING":
            return _dim(microseconds(row.callback_us_p99))
        word = strategy_word(row.state)
        return Cell(word.text, word.tone)

    return (
        Column("mark", "", mark, 1),
        Column("strategy", "strategy", lambda row: Cell(row.name), 11, 24),
        Column("pnl", "pnl d", lambda row: money(row.day_pnl), 9, 14, "right", 0,
               lambda row: ordering(row.day_pnl)),
        Column("net", "net", lambda row: money(row.net_pnl), 9, 14, "right", 4,
               lambda row: ordering(row.net_pnl)),
        Column("win", "win", win, 4, None, "right", 3, lambda row: row.win_rate_pct or -1.0),
        Column("orders", "ord", lambda row: Cell(compact(row.orders)), 4, 6, "right", 1,
               lambda row: row.orders),
        Column("fills", "fills", lambda row: Cell(compact(row.fills)), 5, 6, "right", 5,
               lambda row: row.fills),
        Column("trades", "trades", lambda row: Cell(compact(row.trades)), 6, None, "right", 6,
               lambda row: row.trades),
        Column("fees", "fees", lambda row: _dim(number(row.fees, 2)), 8, 12, "right", 7,
               lambda row: ordering(row.fees)),
        Column("lat", "p99", slow, 6, None, "right", 1,
               lambda row: row.callback_us_p99 or -1.0),
        Column("open", "open", lambda row: _dim(str(row.orders_open)), 4, None, "right", 8,
               lambda row: row.orders_open),
    )  # fmt: skip


def microseconds(value: float | None) -> str:
    """`38µs`, `0.4ms`, `1.2s`; `—` for none."""
    if value is None:
        return NONE
    if value < 100:  # noqa: PLR2004 - three digits
        return f"{value:.0f}µs"
    return f"{value / 1_000:.1f}ms" if value < 1_000_000 else f"{value / 1_000_000:.1f}s"  # noqa: PLR2004 - a second
