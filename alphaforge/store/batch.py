"""The rows of one transaction, gathered in the order they will be written.

A row that changes several times before it is written is written once, as it then is. Must hold no
connection: after a failure the same batch is written again.
"""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import Connection, Table, bindparam, insert, update

from alphaforge.store import schema
from alphaforge.store.views import Row, ViewRows

Key: TypeAlias = tuple[Any, ...]

APPENDED: tuple[Table, ...] = (
    schema.recording_blocks,
    schema.inputs,
    schema.decisions,
    schema.order_events,
    schema.fills,
    schema.alerts,
    schema.signals,
    schema.equity,
)
"""Tables whose rows never change, in the order they are written: truth before its views."""

UPDATED: tuple[Table, ...] = (schema.orders, schema.positions)
"""Tables whose rows change; written last."""

_KEYS = {table: tuple(column.name for column in table.primary_key) for table in UPDATED}

_INSERTS = MappingProxyType({table: insert(table) for table in (*APPENDED, *UPDATED)})

_UPDATES = MappingProxyType(
    {
        table: update(table)
        .where(*(table.c[name] == bindparam(f"key_{name}") for name in names))
        .values({c.name: bindparam(c.name) for c in table.c if c.name not in names})
        for table, names in _KEYS.items()
    }
)


class Batch:
    """Rows waiting for their transaction."""

    __slots__ = ("_appended", "_changed", "_new")

    def __init__(self) -> None:
        self._appended: dict[Table, list[Row]] = {table: [] for table in APPENDED}
        self._new: dict[Table, dict[Key, Row]] = {table: {} for table in UPDATED}
        self._changed: dict[Table, dict[Key, Row]] = {table: {} for table in UPDATED}

    def __bool__(self) -> bool:
        return (
            any(self._appended.values()) or any(self._new.values()) or any(self._changed.values())
        )

    @property
    def rows(self) -> int:
        """How many rows will be written."""
        parts: Iterable[Sequence[Row] | dict[Key, Row]] = (
            *self._appended.values(),
            *self._new.values(),
            *self._changed.values(),
        )
        return sum(map(len, parts))

    def append(self, table: Table, row: Row) -> None:
        """Add a row that will never change."""
        self._appended[table].append(row)

    def add_views(self, views: ViewRows) -> None:
        """Add what some Steps changed."""
        self._appended[schema.order_events] += views.order_events
        self._appended[schema.fills] += views.fills
        self._appended[schema.alerts] += views.alerts
        self._appended[schema.signals] += views.signals
        self._put_new(schema.orders, views.new_orders)
        self._put_changed(schema.orders, views.changed_orders)
        self._put_new(schema.positions, views.new_positions)
        self._put_changed(schema.positions, views.changed_positions)

    def write(self, connection: Connection) -> None:
        """Write every row; the caller holds the transaction and keeps the batch if it fails."""
        for table, rows in self._appended.items():
            if rows:
                connection.execute(_INSERTS[table], rows)
        for table in UPDATED:
            if new := list(self._new[table].values()):
                connection.execute(_INSERTS[table], new)
            if changed := list(self._changed[table].values()):
                connection.execute(_UPDATES[table], changed)

    def _put_new(self, table: Table, rows: list[Row]) -> None:
        names = _KEYS[table]
        self._new[table].update((tuple(row[name] for name in names), row) for row in rows)

    def _put_changed(self, table: Table, rows: list[Row]) -> None:
        """A row not yet written stays an insert; one already there is addressed by its key."""
        names = _KEYS[table]
        new, changed = self._new[table], self._changed[table]
        for row in rows:
            key = tuple(row[name] for name in names)
            if key in new:
                new[key] = row
            else:
                changed[key] = row | {f"key_{name}": row[name] for name in names}
