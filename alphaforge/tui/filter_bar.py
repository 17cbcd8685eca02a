"""The line that `/` opens: what is typed there filters the table that had the focus, at once.

While it is open letters only type. Must never act on a row.
"""

from typing import cast

from textual import events
from textual.widgets import Input

from alphaforge.tui.board import Board
from alphaforge.tui.widgets.table import RowTable


class FilterBar(Input):
    """One row above the footer; enter keeps the filter, escape takes it away."""

    DEFAULT_CSS = """
    FilterBar {
        dock: bottom; height: 1; border: none; padding: 0 1; display: none; margin-bottom: 1;
        background: $forge-sel;
    }
    FilterBar:focus { border: none; }
    """

    def __init__(self) -> None:
        super().__init__(id="filter", placeholder="filter: btc st:rejected strat:ema")
        self._table: RowTable[object] | None = None

    def open(self, board: Board) -> None:
        """Filter the table with the focus; without one, the screen's first in sight."""
        focused = board.focused()
        tables = [table for table in board.tables() if table.display]
        is_table = isinstance(focused, RowTable)
        table = cast("RowTable[object]", focused) if is_table else next(iter(tables), None)
        if table is None:
            return
        self._table = table
        self.value = table.query_text
        self.display = True
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as it is typed."""
        event.stop()
        if self._table is not None and self.display:
            self._table.filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep it and go back to the rows."""
        event.stop()
        self._close()

    def on_key(self, event: events.Key) -> None:
        """Escape takes the filter away."""
        if event.key == "escape":
            event.stop()
            if self._table is not None:
                self._table.filter("")
            self._close()

    def _close(self) -> None:
        self.display = False
        if self._table is not None:
            self._table.focus()
        self._table = None
