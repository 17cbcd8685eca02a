"""Risk: every limit with its head-room, exposure by symbol, equity, venues, alerts.

Must compute no limit and no figure: all are the engine's.
"""

from collections.abc import Iterable
from typing import ClassVar, Final

from alphaforge.client.records import AlertRow, PositionRow, RiskRow, VenueRow
from alphaforge.tui.board import Board, Feeding
from alphaforge.tui.risk_lines import gauges_of, limit_name
from alphaforge.tui.state import AppState, equity_values
from alphaforge.tui.tables import alert_columns, money, ordering
from alphaforge.tui.text import NONE, clock, number
from alphaforge.tui.widgets.columns import Cell, Column
from alphaforge.tui.widgets.curve import Curve, Series
from alphaforge.tui.widgets.lines import GaugePanel, Words
from alphaforge.tui.widgets.table import RowTable
from alphaforge.tui.words import risk_word, side_word, venue_tone

_LABEL: Final = 14
_NAMES_A_LINE: Final = 2


class RiskBoard(Board):
    """Gauges, exposure, equity, venues, alerts."""

    name_of: ClassVar[str] = "risk"
    MAIN: ClassVar[tuple[str, ...]] = ("limits", "exposure", "equity", "venues")

    def __init__(self, state: AppState) -> None:
        self._limits = GaugePanel("LIMITS", empty="no limit is set: [risk] in alphaforge.toml",
                                  id="limits")  # fmt: skip
        self._exposure: RowTable[PositionRow] = RowTable(
            "EXPOSURE", _exposure_columns(), empty="nothing is held", id="exposure"
        )
        self._equity = Curve("EQUITY", empty="no sample of equity yet", id="equity")
        self._venues: RowTable[VenueRow] = RowTable(
            "VENUES", _venue_columns(), empty="no venue yet", id="venues"
        )
        self._alerts: RowTable[AlertRow] = RowTable(
            "ALERTS", alert_columns(), empty="no alerts", id="alerts"
        )
        super().__init__(state)

    def make(self) -> Iterable[Feeding]:
        """In the order the grid places them."""
        return (
            Feeding(self._limits, frozenset({"risk", "portfolio"}), self._show_limits),
            Feeding(self._equity, frozenset({"pnl"}), self._show_equity),
            Feeding(self._exposure, frozenset({"positions"}), self._show_exposure),
            Feeding(self._venues, frozenset({"venues"}), self._show_venues),
            Feeding(self._alerts, frozenset({"alerts"}), self._show_alerts),
        )

    def first_focus(self) -> str:
        """The alerts: what one comes for."""
        return "alerts"

    def _show_limits(self) -> None:
        rows = list(self.state.mirror.risk.values())
        off = sum(row.limit is None for row in rows)
        self._limits.hint = f"{len(rows) - off} on, {off} off"
        self._limits.set_gauges(gauges_of(rows), list(_below(self.state, rows)))

    def _show_equity(self) -> None:
        points = list(self.state.mirror.curve.values())
        summary = self.state.summary
        self._equity.hint = "" if summary is None else summary.currency
        times = (clock(points[0].ts), clock(points[-1].ts)) if points else ("", "")
        values = equity_values(self.state.mirror, len(points))
        series = [Series("equity", values, "info")] if values else []
        self._equity.set_series(series, times)

    def _show_exposure(self) -> None:
        rows = self.state.mirror.positions
        self._exposure.hint = str(len(rows))
        ordered = sorted(rows.items(), key=lambda item: -abs(_size(item[1])))
        self._exposure.set_rows(dict(ordered))

    def _show_venues(self) -> None:
        self._venues.set_rows(self.state.mirror.venues)

    def _show_alerts(self) -> None:
        rows = self.state.mirror.alerts
        unread = sum(not row.acknowledged for row in rows.values())
        self._alerts.hint = f"{unread} unread · a = read" if unread else "all read"
        self._alerts.set_rows(dict(reversed(rows.items())))


def _size(row: PositionRow) -> float:
    return ordering(row.value) if row.value is not None else 0.0


def _below(state: AppState, rows: list[RiskRow]) -> Iterable[list[Words]]:
    """Under the gauges: how trading stands, then the limits that are off."""
    summary = state.summary
    if summary is not None:
        word = risk_word(summary.risk_state)
        yield []
        yield [
            Words(" trading", "dim", width=_LABEL),
            Words(f" {word.text or 'ACTIVE'}", word.tone if word.text else "fg", bold=True),
            Words(f"  {summary.risk_reason}", "dim"),
        ]
        if summary.killed:
            yield [Words(" the kill switch was used; `:arm` takes it back", "error")]
        yield [Words(" in doubt", "dim", width=_LABEL), Words(f" {summary.orders_in_doubt} orders")]
        yield [Words(" denied", "dim", width=_LABEL), Words(f" {summary.orders_denied} orders")]
    off = [limit_name(row.name) for row in rows if row.limit is None]
    if off:
        yield []
        for at in range(0, len(off), _NAMES_A_LINE):
            label = "" if at else " off"
            names = ", ".join(off[at : at + _NAMES_A_LINE])
            yield [Words(label, "dim", width=_LABEL), Words(f" {names}", "dim")]


def _exposure_columns() -> tuple[Column[PositionRow], ...]:
    def side(row: PositionRow) -> Cell:
        word = side_word(row.side)
        return Cell(word.text, word.tone)

    return (
        Column("symbol", "symbol", lambda row: Cell(row.symbol), 12, 20),
        Column("side", "side", side, 7, None, "left", 1),
        Column("value", "value", lambda row: Cell(number(row.value, 2)), 12, 16, "right", 0,
               lambda row: ordering(row.value)),
        Column("currency", "", lambda row: Cell(row.currency, "dim"), 5, 8, "left", 2),
        Column("upnl", "uPnL", lambda row: money(row.unrealized_pnl), 10, 14, "right", 1,
               lambda row: ordering(row.unrealized_pnl)),
        Column("strategy", "strategy", lambda row: Cell(row.strategy, "dim"), 9, 16, "left", 3),
    )  # fmt: skip


def _venue_columns() -> tuple[Column[VenueRow], ...]:
    def state(row: VenueRow) -> Cell:
        tone = venue_tone(row.state)
        return Cell(row.state, "fg" if tone == "dim" else tone)

    def milliseconds(value: float | None) -> Cell:
        return Cell(NONE if value is None else f"{value:.0f}ms", "dim")

    def weight(row: VenueRow) -> Cell:
        limit = f"/{row.weight_limit}" if row.weight_limit else ""
        return Cell(f"{row.used_weight}{limit}", "dim")

    def streams(row: VenueRow) -> Cell:
        missing = row.streams < row.streams_wanted
        return Cell(f"{row.streams}/{row.streams_wanted}", "warn" if missing else "dim")

    return (
        Column("venue", "venue", lambda row: Cell(row.venue), 10, 20),
        Column("state", "state", state, 11),
        Column("latency", "rtt", lambda row: milliseconds(row.latency_ms), 6, None, "right", 1),
        Column("streams", "streams", streams, 7, None, "right", 2),
        Column("age", "age", lambda row: milliseconds(row.age_ms), 7, None, "right", 3),
        Column("weight", "weight", weight, 9, 12, "right", 4),
        Column("clock", "clock", lambda row: milliseconds(row.clock_ahead_ms), 6, None, "right", 5),
        Column("reconnects", "reconn", lambda row: Cell(str(row.reconnects), "dim"), 6, None,
               "right", 6),
        Column("reason", "reason", lambda row: Cell(row.reason, "dim"), 10, 40, "left", 7),
    )  # fmt: skip
