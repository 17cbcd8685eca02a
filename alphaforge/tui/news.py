"""What happened that a person should be told without looking: alerts, refused orders, the title.

What was there when the app came is not news. Must never ring twice for one thing.
"""

from typing import Final, NamedTuple

from alphaforge.client.records import AlertRow, OrderRow
from alphaforge.tui.guards import notice_sequence
from alphaforge.tui.options import BellLevel
from alphaforge.tui.state import AppState
from alphaforge.tui.text import percent, safe_text

_AT_MOST: Final = 3
_RINGS: Final = {"off": frozenset[str](), "error": frozenset({"ERROR"}),
                 "warning": frozenset({"ERROR", "WARNING"})}  # fmt: skip
_REFUSED: Final = frozenset({"REJECTED", "DENIED"})


class Notice(NamedTuple):
    """One toast.

    Attributes:
        sequence: Notifies the desktop and rings; empty for a silent one.
    """

    text: str
    is_bad: bool
    sequence: str = ""


class News:
    """Remembers what was told."""

    def __init__(self, bell: BellLevel) -> None:
        self._rings = _RINGS[bell]
        self._run = ""
        self._alert = 0
        self._refused: set[str] | None = None

    def take(self, view: AppState, changes: set[str]) -> list[Notice]:
        """What is new since the last call, at most three; the rest is on the screens."""
        found: list[Notice] = []
        if view.record.run_id != self._run:
            if self._run:
                found.append(self._moved_on(view))
            self._run, self._alert, self._refused = view.record.run_id, -1, None
        if "alerts" in changes:
            found += self._of_alerts(view)
        if "orders" in changes:
            found += self._of_orders(view)
        return found[-_AT_MOST:]

    def _moved_on(self, view: AppState) -> Notice:
        """Another run is shown now: never silently."""
        record = view.record
        words = (
            f"run {self._run} is gone; shown now: {record.run_id}, {record.mode} on {record.venue}"
        )
        return Notice(safe_text(words, 200), is_bad=True)

    def _of_alerts(self, view: AppState) -> list[Notice]:
        rows = list(view.mirror.alerts.values())
        before = self._alert
        self._alert = max((row.number for row in rows), default=max(before, 0))
        if before < 0:
            return []
        fresh = [row for row in rows if row.number > before and not row.acknowledged]
        return [self._told(row) for row in fresh if row.level != "INFO"]

    def _told(self, row: AlertRow) -> Notice:
        text = safe_text(f"{row.level}: {row.message}", 200)
        sequence = notice_sequence(f"alphaforge {text}") if row.level in self._rings else ""
        return Notice(text, is_bad=True, sequence=sequence)

    def _of_orders(self, view: AppState) -> list[Notice]:
        rows = view.mirror.orders
        refused = {key for key, row in rows.items() if row.status in _REFUSED}
        before, self._refused = self._refused, refused
        if before is None:
            return []
        return [_refusal(rows[key]) for key in rows if key in refused and key not in before]

    def title(self, view: AppState) -> str:
        """Of the terminal: `AF PAPER +1.17% 5 pos`."""
        summary = view.summary
        if summary is None:
            return "AF"
        lost = "" if view.status.is_live else " LOST"
        day = percent(summary.day_pnl_pct)
        return f"AF {safe_text(summary.mode).upper()}{lost} {day} {summary.positions_open} pos"


def _refusal(row: OrderRow) -> Notice:
    words = (
        f"{row.status} {row.side} {row.quantity} {row.symbol}: {row.reason or 'no reason given'}"
    )
    return Notice(safe_text(words, 200), is_bad=True)
