"""The watch list: all symbols of the run with their prices, changes and the last day as a curve.

Must show a price that is not live as one that is not live: dim, with its age.
"""

from collections.abc import Callable, Mapping
from typing import Final

from alphaforge.client.records import MarketRow
from alphaforge.client.times import SECOND_NS, age_text, ns_of
from alphaforge.tui.text import NONE, compact, decimal_of, direction, number, signed
from alphaforge.tui.theme import Tone
from alphaforge.tui.widgets.bars import sparkline
from alphaforge.tui.widgets.columns import Cell, Column, Order
from alphaforge.tui.widgets.table import RowTable

_SPARK_WIDTH: Final = 8
_OLD_NS: Final = 5 * SECOND_NS


class WatchList(RowTable[MarketRow]):
    """A table of markets by symbol."""

    def __init__(
        self,
        title: str = "WATCH",
        *,
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, watch_columns(self._age_ns), id=id, classes=classes)
        self.empty = "no symbol is subscribed to"
        self._now_ns = 0

    def set_markets(self, rows: Mapping[str, MarketRow], now: str) -> None:
        """Show these markets; ages are counted to `now`, the engine's clock."""
        before, self._now_ns = self._now_ns, ns_of(now)
        if before // SECOND_NS != self._now_ns // SECOND_NS:
            self.forget()  # ages go on in rows that did not change
        self.hint = str(len(rows))
        self.set_rows(rows)

    def _age_ns(self, row: MarketRow) -> int | None:
        return None if row.received is None else max(0, self._now_ns - ns_of(row.received))


def watch_columns(age_ns: Callable[[MarketRow], int | None]) -> tuple[Column[MarketRow], ...]:
    """The columns of the watch list; `age_ns` tells how old a row's last event is."""

    def tone(row: MarketRow, usual: Tone) -> Tone:
        return usual if row.is_live else "dim"

    def change_tone(row: MarketRow) -> Tone:
        return tone(row, _TONES[direction(row.change_pct)])

    def price(value: str | None, row: MarketRow) -> str:
        return number(value, row.price_decimals)

    def age(row: MarketRow) -> Cell:
        old = age_ns(row)
        return Cell(
            NONE if old is None else age_text(old), "warn" if (old or 0) > _OLD_NS else "dim"
        )

    return (
        Column("symbol", "symbol", lambda row: Cell(row.symbol, tone(row, "fg")), 10, 18),
        Column(
            "last", "last", lambda row: Cell(price(row.last, row), change_tone(row)), 9, 16,
            "right", order=lambda row: _float(row.last),
        ),
        Column(
            "change", "chg%", lambda row: Cell(signed(row.change_pct), change_tone(row)), 6, 8,
            "right", order=lambda row: row.change_pct or 0.0,
        ),
        Column(
            "bid", "bid", lambda row: Cell(price(row.bid, row), tone(row, "fg")), 9, 16,
            "right", 4, lambda row: _float(row.bid),
        ),
        Column(
            "ask", "ask", lambda row: Cell(price(row.ask, row), tone(row, "fg")), 9, 16,
            "right", 4, lambda row: _float(row.ask),
        ),
        Column(
            "volume", "vol", lambda row: Cell(compact(row.volume), "dim"), 5, 6,
            "right", 3, lambda row: _float(row.volume),
        ),
        Column("age", "age", age, 4, 5, "right", 5, lambda row: age_ns(row) or 0),
        Column(
            "trend", "trend",
            lambda row: Cell(sparkline(row.sparkline, _SPARK_WIDTH), change_tone(row)),
            _SPARK_WIDTH, priority=2, order=lambda row: row.change_pct or 0.0,
        ),
    )  # fmt: skip


_TONES: Final[dict[int, Tone]] = {1: "up", 0: "fg", -1: "down"}


def _float(value: str | None) -> Order:
    return float(decimal_of(value) or 0)
