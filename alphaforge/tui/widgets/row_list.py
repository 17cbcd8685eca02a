"""The rows behind a table: which pass the filter, and in which order.

Must never change a row, and must sort anew only when something that counts for the order changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, cast

from alphaforge.tui.widgets.columns import Column, Order, Row
from alphaforge.tui.widgets.row_filter import matcher


class RowList(Generic[Row]):
    """Rows by key.

    Attributes:
        columns: What the filter looks into and what can be sorted by.
        rows: All of them; None before the first.
        keys: Of those that pass the filter, in order.
        query: The filter, see `row_filter`.
        sorted_by: Key of a column; None = in the order of the rows.
    """

    def __init__(self, columns: Sequence[Column[Row]]) -> None:
        self.columns = tuple(columns)
        self.rows: dict[str, Row] | None = None
        self.keys: list[str] = []
        self.query = ""
        self.sorted_by: str | None = None
        self.is_descending = False
        self._orders: dict[str, Order] = {}

    def __getitem__(self, key: str) -> Row:
        return cast("dict[str, Row]", self.rows)[key]

    def set_rows(self, rows: Mapping[str, Row]) -> None:
        """Have these rows and no others."""
        self.rows = dict(rows)
        self._orders.clear()
        self.arrange()

    def update(self, changed: Mapping[str, Row], gone: Iterable[str]) -> bool:
        """Set some rows and take some away; False where `keys` is as it was."""
        rows = {} if self.rows is None else self.rows
        fewer = [key for key in gone if rows.pop(key, None) is not None]
        more = any(key not in rows for key in changed)
        rows.update(changed)
        self.rows = rows
        for key in fewer:
            self._orders.pop(key, None)
        moved = self._moved(changed)
        if not (moved or fewer or more or self.query):
            return False
        self.arrange()
        return True

    def sort_by(self, key: str | None, *, descending: bool) -> None:
        """Sort by a column; None or an unknown one goes back to the order of the rows."""
        self.sorted_by = key if key in {column.key for column in self.columns} else None
        self.is_descending = descending
        self._orders.clear()
        self.arrange()

    def arrange(self) -> None:
        """Filter and sort anew."""
        rows = {} if self.rows is None else self.rows
        test = matcher(self.query, self.columns)
        keys = list(rows) if test is None else [key for key, row in rows.items() if test(row)]
        if self.sorted_by is not None:
            keys.sort(key=self._order_of, reverse=self.is_descending)
        self.keys = keys

    def _order_of(self, key: str) -> Any:
        order = self._orders.get(key)
        if order is None:
            order = self._orders[key] = self._fresh_order(key)
        return order

    def _fresh_order(self, key: str) -> Order:
        column = next(column for column in self.columns if column.key == self.sorted_by)
        return column.cell(self[key]).text if column.order is None else column.order(self[key])

    def _moved(self, changed: Iterable[str]) -> bool:
        """Whether a changed row stands elsewhere in the order now."""
        if self.sorted_by is None:
            return False
        moved = False
        for key in changed:
            order = self._fresh_order(key)
            if self._orders.get(key) != order:
                self._orders[key] = order
                moved = True
        return moved
