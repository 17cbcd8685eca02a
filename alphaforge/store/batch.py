"""The rows of one transaction, gathered in the order they will be written.

A row that is there already and changes several times is written once, as it then is. Must hold no
connection: after a failure the same batch is written again.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import (
    Connection,
    Dialect,
    Insert,
    Table,
    Update,
    bindparam,
    delete,
    insert,
    select,
    update,
)

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
    schema.reconciliations,
    schema.snapshots,
)
"""Tables whose rows never change, in the order they are written: truth before its views."""

UPDATED: tuple[Table, ...] = (schema.orders, schema.positions)
"""Tables whose rows change; written last."""

_SET_HEADS = (
    update(schema.heads)
    .where(schema.heads.c.run_id == bindparam("key_run_id"))
    .values({c.name: bindparam(c.name) for c in schema.heads.c if c.name != "run_id"})
)

SNAPSHOTS_KEPT = 3
"""Of each run: one that fails its checksum has others behind it."""

_KEYS = {table: tuple(column.name for column in table.primary_key) for table in UPDATED}

_UPDATES = MappingProxyType(
    {
        table: update(table)
        .where(*(table.c[name] == bindparam(f"key_{name}") for name in names))
        .values({c.name: bindparam(c.name) for c in table.c if c.name not in names})
        for table, names in _KEYS.items()
    }
)


_INSERTS = MappingProxyType({table: insert(table) for table in (*APPENDED, *UPDATED)})


@lru_cache(maxsize=64)
def _driver_text(statement: Insert | Update, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
    """A statement for a driver that counts its parameters, and what takes them out of a row."""
    compiled = statement.compile(dialect=dialect)
    return str(compiled), itemgetter(*(compiled.positiontup or ()))


def _execute(connection: Connection, statement: Insert | Update, rows: list[Row]) -> None:
    """Run a statement for every row; with SQLite past SQLAlchemy's handling of each statement.

    That handling is 40 % of a large flush (benchmark row `journal_rows`) and most of a small one
    (`intent_*`), and no column here needs it.
    """
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        connection.execute(statement, rows)
        return
    text, columns = _driver_text(statement, connection.dialect)
    driver.executemany(text, [columns(row) for row in rows])


def _prune_snapshots(connection: Connection, run_id: str) -> None:
    table = schema.snapshots
    of_run = table.c.run_id == run_id
    kept = select(table.c.sequence).where(of_run).order_by(table.c.sequence.desc())
    oldest = connection.scalar(kept.offset(SNAPSHOTS_KEPT - 1).limit(1))
    if oldest is not None:
        connection.execute(delete(table).where(of_run, table.c.sequence < oldest))


class Batch:
    """Rows waiting for their transaction.

    Attributes:
        to_disk: The transaction must survive a power cut whatever the durability is.
    """

    __slots__ = ("_appended", "_changed", "_heads", "_new", "to_disk")

    def __init__(self) -> None:
        self.to_disk = False
        self._heads: dict[str, Row] = {}
        self._appended: dict[Table, list[Row]] = {table: [] for table in APPENDED}
        self._new: dict[Table, list[Row]] = {table: [] for table in UPDATED}
        self._changed: dict[Table, dict[Key, Row]] = {table: {} for table in UPDATED}

    def __bool__(self) -> bool:
        parts = (self._appended, self._new, self._changed)
        return self.to_disk or any(rows for part in parts for rows in part.values())

    def append(self, table: Table, row: Row) -> None:
        """Add a row that will never change."""
        self._appended[table].append(row)

    def set_heads(self, run_id: str, checksums: Sequence[int]) -> None:
        """Note the checksums of a run's last blocks, inputs and decisions."""
        names = ("recording_blocks", "inputs", "decisions")
        self._heads[run_id] = {"key_run_id": run_id, **dict(zip(names, checksums, strict=True))}

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
        """Write every row, and let old snapshots go.

        The caller holds the transaction, and keeps the batch if it fails.
        """
        for table, rows in self._appended.items():
            if rows:
                _execute(connection, _INSERTS[table], rows)
        for run_id in {row["run_id"]: None for row in self._appended[schema.snapshots]}:
            _prune_snapshots(connection, run_id)
        for table in UPDATED:
            if new := self._new[table]:
                _execute(connection, _INSERTS[table], new)
            if changed := list(self._changed[table].values()):
                _execute(connection, _UPDATES[table], changed)
        if self._heads:
            _execute(connection, _SET_HEADS, list(self._heads.values()))

    def _put_changed(self, table: Table, rows: list[Row]) -> None:
        names = _KEYS[table]
        changed = self._changed[table]
        for row in rows:
            key = {f"key_{name}": row[name] for name in names}
            changed[tuple(key.values())] = row | key
