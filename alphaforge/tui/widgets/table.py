"""A table of rows by key: sorted, filtered, selected, and drawn only where it is seen.

It is virtual: what it costs depends on the rows on the screen, not on those it holds. A row is
drawn again when it is another object than before. Must never change a row.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Generic

import msgspec
from rich.style import Style
from textual import events
from textual.message import Message

from alphaforge.tui.text import cells_of, fit, safe_text
from alphaforge.tui.widgets.columns import Column, Placed, Row, place
from alphaforge.tui.widgets.panel import Line, Panel, centered, padded
from alphaforge.tui.widgets.row_list import RowList

_TITLES: Final = 1
_WHEEL_ROWS: Final = 3
_LOADING: Final = "· · ·"

JUST_NOW_SECONDS: Final = 1.0
"""So long after its row went, the cursor stands on one that nobody has chosen."""


class RowTable(Panel, Generic[Row]):
    """A panel with one line per row; its corner says where the cursor is among many.

    Attributes:
        empty: Shown where there is no row: what to do next.
        selected_key: Of the row under the cursor; None without rows.
        slipped_at: When (loop time) its row went away under the cursor.
    """

    class Selected(Message):
        """The cursor went to another row.

        Attributes:
            table: Where.
            key: Of the row; None when the last row went.
        """

        def __init__(self, table: "RowTable[Any]", key: str | None) -> None:
            super().__init__()
            self.table, self.key = table, key

        @property
        def control(self) -> "RowTable[Any]":
            """The table."""
            return self.table

    class Activated(Selected):
        """Enter or a double click on a row."""

    def __init__(
        self,
        title: str,
        columns: Sequence[Column[Row]],
        *,
        empty: str = "nothing here",
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self.empty = empty
        self.selected_key: str | None = None
        self.slipped_at = -JUST_NOW_SECONDS
        self._list = RowList(columns)
        self._top = 0
        self._cursor_column = 0
        self._widths = [column.width for column in columns]
        self._placed: list[Placed] | None = None
        self._drawn: dict[str, tuple[Row, bool, Line]] = {}

    # --- rows -----------------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[Column[Row], ...]:
        """What is shown, in order."""
        return self._list.columns

    def set_rows(self, rows: Mapping[str, Row]) -> None:
        """Show these rows, in their order unless the table is sorted; the selection stays."""
        index = self._index()
        self._list.set_rows(rows)
        self._arranged(index)

    def update_rows(self, changed: Mapping[str, Row], gone: Iterable[str] = ()) -> None:
        """Set some rows and take some away."""
        index = self._index()
        if self._list.update(changed, gone):
            self._arranged(index)
        else:
            self.redraw()

    def touch(self) -> None:
        """Draw all rows again: what a cell shows changed without its row, as an age does."""
        self._drawn.clear()
        self.redraw()

    @property
    def row_count(self) -> int:
        """Rows that are shown when scrolled through: those that pass the filter."""
        return len(self._list.keys)

    @property
    def keys(self) -> Sequence[str]:
        """Of the rows that pass the filter, in the order shown."""
        return self._list.keys

    @property
    def selected_row(self) -> Row | None:
        """The row under the cursor."""
        key, rows = self.selected_key, self._list.rows
        return None if key is None or rows is None else rows.get(key)

    @property
    def has_slipped(self) -> bool:
        """Whether that row is there only because the one that was chosen has just gone."""
        return asyncio.get_running_loop().time() - self.slipped_at < JUST_NOW_SECONDS

    @property
    def position_text(self) -> str:
        """`12/500`: where the cursor is."""
        return f"{self._index() + 1}/{len(self._list.keys)}" if self._list.keys else "0"

    def cell_text(self, column: int | None = None) -> str:
        """What a cell of the selected row shows, to be copied; of the cursor's column by itself."""
        row = self.selected_row
        if row is None:
            return ""
        number = self._cursor_column if column is None else column
        return safe_text(self.columns[number % len(self.columns)].cell(row).text).strip()

    def row_json(self) -> str:
        """The selected row as JSON, to be copied; empty without one."""
        row = self.selected_row
        return "" if row is None else msgspec.json.encode(row).decode()

    # --- sorting and filtering ------------------------------------------------------------------

    @property
    def sorted_by(self) -> str | None:
        """The column that is sorted by; None = the order of the rows."""
        return self._list.sorted_by

    @property
    def is_descending(self) -> bool:
        """The highest comes first."""
        return self._list.is_descending

    @property
    def query_text(self) -> str:
        """The filter; empty = all rows."""
        return self._list.query

    def sort_by(self, key: str | None, *, descending: bool = False) -> None:
        """Sort by a column; None or an unknown one goes back to the order of the rows."""
        index = self._index()
        self._list.sort_by(key, descending=descending)
        self._arranged(index)

    def sort_next(self) -> None:
        """Sort by the next shown column: ascending, descending, then the one after it."""
        if self.sorted_by is not None and not self.is_descending:
            self.sort_by(self.sorted_by, descending=True)
            return
        shown = [self.columns[placed.number].key for placed in self._layout()]
        after = shown.index(self.sorted_by) + 1 if self.sorted_by in shown else 0
        self.sort_by(shown[after] if after < len(shown) else None)

    def filter(self, query: str) -> None:
        """Show only rows that match, see `row_filter`; an empty query shows all."""
        index = self._index()
        self._list.query = query
        self._list.arrange()
        self._arranged(index)

    def set_columns(self, columns: Sequence[Column[Row]]) -> None:
        """Show these columns from now on."""
        self._list.columns = tuple(columns)
        self._widths = [column.width for column in columns]
        self._cursor_column = 0
        self.forget()
        self.sort_by(self.sorted_by, descending=self.is_descending)

    def _arranged(self, index: int) -> None:
        """Keep the cursor on its row, else at its place; draw."""
        before, keys, rows = self.selected_key, self._list.keys, self._list.rows or {}
        hidden = bool(self.query_text) and before not in keys
        if before is None or before not in rows or hidden:
            self.selected_key = keys[max(0, min(index, len(keys) - 1))] if keys else None
            if before is not None and before not in rows and self.is_attached:
                self.slipped_at = asyncio.get_running_loop().time()
        self._scroll_within()
        self.redraw()
        if self.selected_key != before and self.is_attached:
            self.post_message(self.Selected(self, self.selected_key))

    # --- moving ---------------------------------------------------------------------------------

    def move(self, rows: int) -> None:
        """Move the cursor down (up where negative), not beyond the ends."""
        self.select_index(self._index() + rows)

    def move_page(self, pages: float) -> None:
        """Move by screens: 1 = a page down, -0.5 = half a page up."""
        self.move(round(pages * max(1, self._room())))

    def move_to_end(self, end: int) -> None:
        """To the first row (-1) or the last (1)."""
        self.select_index(0 if end < 0 else len(self._list.keys) - 1)

    def move_column(self, columns: int) -> None:
        """Choose the cell that `cell_text` copies, among those shown."""
        shown = [placed.number for placed in self._layout()]
        here = shown.index(self._cursor_column) if self._cursor_column in shown else 0
        self._cursor_column = shown[max(0, min(here + columns, len(shown) - 1))]
        self.forget()
        self.redraw()

    def select(self, key: str) -> None:
        """Put the cursor on a row; one that is not shown is ignored."""
        if key in self._list.keys:
            self.select_index(self._list.keys.index(key))

    def select_index(self, index: int) -> None:
        """Put the cursor on the row of that number, the nearest where there is none."""
        if not self._list.keys:
            return
        key = self._list.keys[max(0, min(index, len(self._list.keys) - 1))]
        changed = key != self.selected_key
        self.selected_key, self.slipped_at = key, -JUST_NOW_SECONDS
        self._follow()
        self.redraw()
        if changed:
            self.post_message(self.Selected(self, key))

    def activate(self) -> None:
        """Say that the user wants more of the selected row."""
        if self.selected_key is not None:
            self.post_message(self.Activated(self, self.selected_key))

    def _index(self) -> int:
        key = self.selected_key
        if key is None:
            return 0
        near = range(max(0, self._top), min(len(self._list.keys), self._top + self._room()))
        found = next((index for index in near if self._list.keys[index] == key), None)
        if found is not None:
            return found
        return self._list.keys.index(key) if key in self._list.keys else 0

    def _room(self) -> int:
        return max(0, self.body_size[1] - _TITLES)

    def _follow(self) -> None:
        """Scroll so that the cursor is seen."""
        index, room = self._index(), max(1, self._room())
        self._top = min(max(self._top, index - room + 1), index)
        self._scroll_within()

    def _scroll_within(self) -> None:
        self._top = max(0, min(self._top, len(self._list.keys) - max(1, self._room())))

    def _scroll(self, rows: int) -> None:
        self._top += rows
        self._scroll_within()
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the rows, not the cursor."""
        event.stop()
        self._scroll(_WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the rows, not the cursor."""
        event.stop()
        self._scroll(-_WHEEL_ROWS)

    def on_click(self, event: events.Click) -> None:
        """Select the row, on a double click open it; on a title sort by its column."""
        line = event.y - self.HEADER
        if line == 0:
            self._sort_at(event.x)
        index = self._top + line - _TITLES
        if line < _TITLES or index >= len(self._list.keys):
            return
        self.select_index(index)
        if event.chain > 1:
            self.activate()

    def _sort_at(self, x: int) -> None:
        for placed in self._layout():
            if placed.left <= x - 1 < placed.left + placed.width:
                key = self.columns[placed.number].key
                again = self.sorted_by == key
                self.sort_by(key, descending=again and not self.is_descending)
                return

    # --- drawing --------------------------------------------------------------------------------

    def forget(self) -> None:
        """Lay the columns out again and draw every row again."""
        self._placed = None
        self._drawn.clear()

    def _layout(self) -> list[Placed]:
        if self._placed is None:
            self._placed = place(self.columns, self._widths, self.size.width - 2)
        return self._placed

    def body(self, width: int, height: int) -> list[Line]:
        """Titles and the rows that are in sight."""
        if self._list.rows is None:
            return centered(_LOADING, width, height, self.look)
        if not self._list.keys:
            reason = f"no row matches {self.query_text!r}" if self._list.rows else self.empty
            return centered(reason, width, height, self.look)
        self._scroll_within()
        keys = self._list.keys[self._top : self._top + max(0, height - _TITLES)]
        if self._grow([self._list[key] for key in keys]):
            self.forget()
        drawn = {key: self._drawn_row(key, width) for key in keys}
        self._drawn = drawn
        return [self._titles(width), *(entry[2] for entry in drawn.values())]

    def _compose_lines(self, width: int, height: int) -> list[Line]:
        longer = len(self._list.keys) > height - self.HEADER - _TITLES
        self.corner = self.position_text if longer else ""
        return super()._compose_lines(width, height)

    def _grow(self, rows: Sequence[Row]) -> bool:
        """Widen columns for what they show now, up to their limits; they never shrink."""
        grown = False
        for index, column in enumerate(self.columns):
            most = column.max_width
            if most is None or self._widths[index] >= most:
                continue
            longest = max((cells_of(safe_text(column.cell(row).text)) for row in rows), default=0)
            if longest > self._widths[index]:
                self._widths[index] = min(longest, most)
                grown = True
        return grown

    def _drawn_row(self, key: str, width: int) -> tuple[Row, bool, Line]:
        row = self._list[key]
        selected = key == self.selected_key
        entry = self._drawn.get(key)
        if entry is not None and entry[0] is row and entry[1] == selected:
            return entry
        return row, selected, self._row_line(row, selected, width)

    def _row_line(self, row: Row, selected: bool, width: int) -> Line:
        style_of = self.look.palette.style
        chosen = selected and self.has_focus
        ground = "sel" if chosen else ""
        plain = style_of("fg", ground)
        marker = ("▌", style_of("accent" if chosen else "faint", ground)) if selected else None
        pieces = [marker or (" ", plain)]
        at, gap = 0, plain
        for placed in self._layout():
            column = self.columns[placed.number]
            text, tone, bold, own = column.cell(row)
            # blanks go with a neighbour: fewer changes of color on the wire
            pieces.append((" " * (placed.left - at), plain if own else gap))
            gap = style = style_of(tone, own or ground, bold=bold)
            if chosen and placed.number == self._cursor_column and placed.number:
                style += _UNDERLINED
                gap = plain
            pieces.append((fit(text, placed.width, column.align), style))
            gap = plain if own else gap
            at = placed.left + placed.width
        return padded(pieces, width, plain)

    def _titles(self, width: int) -> Line:
        dim = self.look.palette.style("dim")
        accent = self.look.palette.style("accent")
        pieces: list[tuple[str, Style]] = [(" ", dim)]
        at = 0
        for placed in self._layout():
            column = self.columns[placed.number]
            pieces.append((" " * (placed.left - at), dim))
            title, style = column.title, dim
            if column.key == self.sorted_by:
                title, style = f"{title}{'▼' if self.is_descending else '▲'}", accent
            pieces.append((fit(title, placed.width, column.align), style))
            at = placed.left + placed.width
        return padded(pieces, width, dim)


_UNDERLINED: Final = Style(underline=True)
