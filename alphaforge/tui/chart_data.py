"""What the chart draws over its candles: our fills, working orders, stops and entries.

Prices become floats here because a chart is a picture; nothing is booked from them. Must hold no
widget.
"""

from collections.abc import Iterable

from alphaforge.client.records import OrderRow
from alphaforge.tui.state import AppState
from alphaforge.tui.text import decimal_of, number
from alphaforge.tui.theme import Tone
from alphaforge.tui.widgets.candle_frame import Mark, PriceLine


def marks_of(state: AppState) -> list[Mark]:
    """Our fills of the symbol shown."""
    return [
        Mark(row.ts, row.side == "BUY")
        for row in state.mirror.fills.values()
        if row.symbol == state.symbol
    ]


def lines_of(state: AppState) -> list[PriceLine]:
    """Entries of open positions, then working orders of the symbol shown."""
    return [*_entries(state), *_orders(state)]


def _entries(state: AppState) -> Iterable[PriceLine]:
    for row in state.mirror.positions.values():
        if row.symbol == state.symbol and row.average_price is not None:
            yield PriceLine(_float(row.average_price), f"entry {number(row.quantity)}", "dim")


def _orders(state: AppState) -> Iterable[PriceLine]:
    for row in state.orders_of(state.symbol):
        tone: Tone = "up" if row.side == "BUY" else "down"
        if row.limit is not None:
            yield PriceLine(_float(row.limit), f"{_short(row)} {number(row.leaves)}", tone)
        if row.stop is not None:
            yield PriceLine(_float(row.stop), f"stop {number(row.leaves)}", "warn")


def _float(price: str) -> float:
    """Zero for what is no number: it is never in sight."""
    return float(decimal_of(price) or 0)


def _short(row: OrderRow) -> str:
    return "buy" if row.side == "BUY" else "sell"


def indicators_of(state: AppState) -> dict[str, list[float | None]]:
    """The strategies' lines, unless they are switched off."""
    return dict(state.mirror.bars_indicators) if state.shows_indicators else {}


def names_of(state: AppState) -> str:
    """Which lines are drawn: `fast_average slow_average`; empty for none."""
    if not state.shows_indicators:
        return ""
    names = state.mirror.bars_indicators
    if len({name.partition(".")[0] for name in names}) > 1:
        return " ".join(names)
    return " ".join(name.rpartition(".")[2] for name in names)
