"""The rows of one transaction, gathered in the order they will be written.

A row that is there already and changes several times is written once, as it then is. Must hold no
connection: after a failure the same batch is written again.
"""

from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Table, bindparam, insert, update

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

_UPDATES = MappingProxyType(
    {
        table: update(table)
        .where(*(table.c[name] == bindparam(f"key_{name}") for name in names))
        .values({c.name: bindparam(c.name) for c in table.c if c.name not in names})
        for table, names in _KEYS.items()
    }
)


@lru_cache(maxsize=64)
def _insert_text(table: Table, dialect: Dialect) -> str:
    """The INSERT of all of a table's columns in order, for a driver that counts its parameters."""
    return str(insert(table).compile(dialect=dialect))


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Insert rows; where the driver takes tuples, past SQLAlchemy's handling of each parameter.

    That handling is 40 % of a flush (benchmark row `journal_rows`), and no column here needs it.
    """
    if not connection.dialect.positional:
        connection.execute(insert(table), rows)
        return
    columns = itemgetter(*table.c.keys())
    connection.exec_driver_sql(
        _insert_text(table, connection.dialect), [columns(row) for row in rows]
    )


class Batch:
    """Rows waiting for their transaction."""

    __slots__ = ("_appended", "_changed", "_new")

    def __init__(self) -> None:
        self._appended: dict[Table, list[Row]] = {table: [] for table in APPENDED}
        self._new: dict[Table, list[Row]] = {table: [] for table in UPDATED}
        self._changed: dict[Table, dict[Key, Row]] = {table: {} for table in UPDATED}

    def __bool__(self) -> bool:
        parts = (self._appended, self._new, self._changed)
        return any(rows for part in parts for rows in part.values())

    def append(self, table: Table, row: Row) -> None:
        """Add a row that will never change."""
        self._appended[table].append(row)

    def add_views(self, views: ViewRows) -> None:
        """Add what some Steps changed."""
        self._appended[schema.order_events] += views.order_events
        self._appended[schema.fills] += views.fills
        self._appended[schema.alerts] += views.alerts
        self._appended[schema.signals] += views.signals
        self._new[schema.orders] += views.new_orders
        self._new[schema.positions] += views.new_positions
        self._put_changed(schema.orders, views.changed_orders)
        self._put_changed(schema.positions, views.changed_positions)

    def write(self, connection: Connection) -> None:
        """Write every row; the caller holds the transaction and keeps the batch if it fails."""
        for table, rows in self._appended.items():
            if rows:
                _insert(connection, table, rows)
        for table in UPDATED:
            if new := self._new[table]:
                _insert(connection, table, new)
            if changed := list(self._changed[table].values()):
                connection.execute(_UPDATES[table], changed)

    def _put_changed(self, table: Table, rows: list[Row]) -> None:
        names = _KEYS[table]
        changed = self._changed[table]
        for row in rows:
            key = {f"key_{name}": row[name] for name in names}
            changed[tuple(key.values())] = row | key
