"""Brings a database file to the schema of this program, or says why it cannot.

A new file is created whole at the current version. An older one takes the numbered steps above its
own version, all in one transaction: after a crash it is either old or new. A newer one is refused,
as is a file of another program. Must never drop a column or a row that holds truth.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from sqlalchemy import Connection, inspect, select, update

from alphaforge.errors import StoreError
from alphaforge.store import schema

Step: TypeAlias = tuple[int, Callable[[Connection], None]]
"""The version a file has afterwards, and what brings it there from the version before."""


def _add_snapshots(connection: Connection) -> None:
    schema.heads.create(connection)
    schema.snapshots.create(connection)
    schema.reconciliations.create(connection)


STEPS: tuple[Step, ...] = ((2, _add_snapshots),)
"""In rising order; the last one's version is `schema.SCHEMA_VERSION`."""


def version_of(connection: Connection) -> int:
    """The schema version of an open database; 0 for an empty one.

    Raises `StoreError` for a database that has tables but is not ours.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    if schema.meta.name in tables:
        query = select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")
        text = connection.scalar(query)
        if text is not None and text.isdecimal():
            return int(text)
    raise StoreError(
        f"the database {_name(connection)} is of another program: it has no schema version of ours",
        remedy="name another file in `[store] url`",
        code="AF-J003",
    )


def check(connection: Connection, target: int) -> int:
    """The version of the database; raises `StoreError` if newer than `target`, or not ours."""
    version = version_of(connection)
    if version > target:
        raise StoreError(
            f"the database {_name(connection)} has schema {version}, "
            f"and this program knows schemas up to {target}",
            remedy="run the newer alphaforge that wrote it, or name another file in `[store] url`",
            code="AF-J002",
        )
    return version


def migrate(connection: Connection, steps: Sequence[Step], target: int) -> int:
    """Bring the database to `target` inside the caller's transaction; returns what it was before.

    Raises as `check`.
    """
    before = check(connection, target)
    if before == target:
        return before
    if before == 0:
        schema.metadata.create_all(connection)
        connection.execute(schema.meta.insert().values(key="schema_version", value=str(target)))
    else:
        for version, change in steps:
            if before < version <= target:
                change(connection)
        row = update(schema.meta).where(schema.meta.c.key == "schema_version")
        connection.execute(row.values(value=str(target)))
    number(connection, target)
    return before


def number(connection: Connection, version: int) -> None:
    """Write the version into the head of an SQLite file, for other programs to see.

    It always writes a page, unlike an UPDATE to the same value: so a commit has something to force
    to the disk.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA user_version = {int(version)}")


def _name(connection: Connection) -> str:
    return connection.engine.url.database or connection.engine.url.render_as_string()
