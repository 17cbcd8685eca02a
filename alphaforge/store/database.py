"""Opens database files: where they lie, who may read them, how SQLite is set, what its errors mean.

Both engines are made here, so that every connection carries the same pragmas: WAL, a busy
time-out, foreign keys, and a transaction that begins when we say BEGIN (the driver's own habit
begins none for a SELECT, so a read-then-write would not be isolated). Must never retry a failed
statement: what to do then is the caller's business.
"""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from decimal import InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from alphaforge.errors import NotFoundError, StoreError
from alphaforge.store import migrations, schema

Durability: TypeAlias = Literal["process", "power"]
"""`process`: what is committed survives the process's death. `power`: also a power cut (fsync)."""

BUSY_TIMEOUT_MS = 5_000
"""How long a statement waits for another process's transaction before it fails as locked."""

LOG_PAGES = 16_384
"""Size of SQLite's log, 64 MB, at which a commit moves it into the file whoever waits."""


_any_text = partial(str, encoding="utf-8", errors="replace")


_HEADER_BYTES = 100


class _DriverConnection(Protocol):
    """What sqlite3's connection and SQLAlchemy's dress of aiosqlite's have in common."""

    isolation_level: str | None

    def cursor(self) -> Any: ...


_COMMON = ("PRAGMA busy_timeout = {busy}", "PRAGMA foreign_keys = ON")
_LOG = ("PRAGMA journal_mode = WAL", f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
_WRITER = {
    "process": (*_COMMON, *_LOG, "PRAGMA synchronous = NORMAL"),
    # Darwin's fsync does not reach the platter without the last two; elsewhere they change nothing.
    "power": (
        *_COMMON,
        *_LOG,
        "PRAGMA synchronous = FULL",
        "PRAGMA fullfsync = ON",
        "PRAGMA checkpoint_fullfsync = ON",
    ),
}
_READER = (*_COMMON, "PRAGMA query_only = ON")

_MEANINGS = {
    "SQLITE_READONLY": (
        "is read-only",
        "make the file and its folder writable, or name another file in `[store] url`",
    ),
    "SQLITE_FULL": (
        "cannot grow: the disk is full",
        "free some space and start again; what was committed before is kept",
    ),
    "SQLITE_BUSY": (
        "is locked by another process",
        "end the other program that is writing to it, then try again",
    ),
    "SQLITE_LOCKED": ("is locked by another connection", "try again"),
    "SQLITE_NOTADB": (
        "is not a database",
        "name another file in `[store] url`, or move this one away",
    ),
    "SQLITE_CORRUPT": (
        "is damaged",
        "keep a copy of it, then restore a backup or name another file in `[store] url`",
    ),
    "SQLITE_CANTOPEN": (
        "cannot be opened",
        "check that the folder exists and that you may read and write there",
    ),
    "SQLITE_IOERR": (
        "cannot be read or written: the disk reported an error",
        "check the disk and its quota, then start again; what was committed before is kept",
    ),
    "SQLITE_PERM": ("may not be accessed", "check the owner and the permissions of the file"),
}


def parse_url(url: str) -> URL:
    """Read `[store] url`; raises `StoreError` for one that names no database we can open."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            f"the store url {url!r} cannot be read",
            remedy='write it like `url = "sqlite:///data/alphaforge.db"`',
            code="AF-J004",
        ) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise StoreError(
            f"the store url {url!r} names no file",
            remedy='write it like `url = "sqlite:///data/alphaforge.db"`',
            code="AF-J004",
        )
    # `sqlite+aiosqlite:///...` names the same file; which driver opens it is our business.
    return parsed.set(drivername="sqlite") if parsed.get_backend_name() == "sqlite" else parsed


def file_of(url: URL) -> Path | None:
    """The database file; None for a database server."""
    if url.get_backend_name() != "sqlite" or url.database is None:
        return None
    return Path(url.database)


@contextmanager
def explained(url: URL) -> Generator[None]:
    """Turn a driver's error into a `StoreError`: what happened to which file, and what next.

    A broken rule of the schema (the same row twice) is said as it is.
    """
    try:
        yield
    except DBAPIError as error:
        raise _explain(url, error.orig or error) from error
    except sqlite3.Error as error:  # from the pragmas of a new connection
        raise _explain(url, error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidOperation) as error:
        # Of a JSON column, of sqlite3's own message about a damaged name, of money.
        raise StoreError(
            f"the database {_where(url)} is damaged: a row cannot be read: {error}",
            remedy=_MEANINGS["SQLITE_CORRUPT"][1],
            code="AF-J001",
        ) from error
    except NoSuchModuleError as error:
        raise StoreError(
            f"no driver for the store url {url.render_as_string()}: {error}"
        ) from error


def _explain(url: URL, error: BaseException) -> StoreError:
    name = getattr(error, "sqlite_errorname", "") if isinstance(error, sqlite3.Error) else ""
    family = "_".join(str(name).split("_")[:2])
    what, remedy = _MEANINGS.get(family, (f"refused a statement: {error}", ""))
    return StoreError(f"the database {_where(url)} {what}", remedy=remedy, code="AF-J001")


def _where(url: URL) -> Path | str:
    return file_of(url) or url.render_as_string()


def open_writer(url: URL, durability: Durability) -> Engine:
    """An engine whose transactions take the write lock when they begin.

    Raises `StoreError` for a database whose driver is not installed.
    """
    try:
        engine = create_engine(url, json_serializer=_to_json, json_deserializer=msgspec.json.decode)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"there is no driver for the store url {url.render_as_string()}: {error}",
            remedy="install the driver, or use a file: `sqlite:///data/alphaforge.db`",
            code="AF-J004",
        ) from error
    if url.get_backend_name() == "sqlite":
        set_sqlite(engine, _WRITER[durability], "BEGIN IMMEDIATE")
    return engine


def set_reader(engine: Engine) -> None:
    """Make an engine's connections read, and each transaction one consistent picture."""
    if engine.dialect.name == "sqlite":
        set_sqlite(engine, _READER, "BEGIN")


def set_sqlite(engine: Engine, pragmas: tuple[str, ...], begin: str) -> None:
    """Give every new connection its pragmas, and say BEGIN ourselves."""

    def on_connect(connection: _DriverConnection, record: object) -> None:
        del record
        connection.isolation_level = None
        # A flipped bit must not stop a query half-way: the row's checksum will name it.
        driver: Any = getattr(connection, "driver_connection", connection)
        driver.text_factory = _any_text
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma.format(busy=BUSY_TIMEOUT_MS))
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


@contextmanager
def forced_to_disk(connection: Connection) -> Generator[None]:
    """Make the transactions inside survive a power cut, and all before them; SQLite only."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    # Past SQLAlchemy, which would begin a transaction: inside one the level can not be changed.
    (level,) = driver.execute("PRAGMA synchronous").fetchone()
    driver.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA synchronous = {int(level)}")


@contextmanager
def log_kept(url: URL) -> Generator[None]:
    """Keep SQLite's log as it is while the last writer of a file lets go of it.

    Who closes a file last moves the log into it; not while somebody reads, and never somebody who
    may only read.
    """
    path = file_of(url)
    if path is None:
        yield
        return
    guard = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        guard.execute("SELECT name FROM sqlite_master").fetchone()
        yield
    finally:
        guard.close()


def prepare(url: URL, engine: Engine) -> None:
    """Create the file (0600, its folder 0700) and its tables, or migrate an older one.

    Raises `StoreError`: newer schema, not a database, read-only, locked, disk full.
    """
    path = file_of(url)
    if path is not None:
        _make_private_file(path)
        _refuse_cut_file(path)
    with explained(url), engine.begin() as connection:
        migrations.migrate(connection, migrations.STEPS, schema.SCHEMA_VERSION)


def require(url: str) -> None:
    """See that a database is there to be read, of the right schema; an older one is migrated.

    Raises `NotFoundError` if there is no file yet, else as `prepare`.
    """
    parsed = parse_url(url)
    path = file_of(parsed)
    if path is not None and not path.exists():
        raise NotFoundError(
            f"there is no database {path} yet: nothing has run",
            remedy="`alphaforge run` or `alphaforge backtest` makes one",
        )
    if path is not None:
        _refuse_cut_file(path)
    engine = create_engine(parsed)
    set_reader(engine)
    try:
        with explained(parsed), engine.begin() as connection:
            version = migrations.check(connection, schema.SCHEMA_VERSION)
    finally:
        engine.dispose()
    if version < schema.SCHEMA_VERSION:
        writer = open_writer(parsed, "process")
        try:
            prepare(parsed, writer)
        finally:
            writer.dispose()


def _make_private_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(
            f"the database {path} cannot be opened for writing: {error.strerror}",
            remedy="make the file and its folder writable, or name another file in `[store] url`",
            code="AF-J001",
        ) from error


def _refuse_cut_file(path: Path) -> None:
    """Say so if the end of the file is gone: SQLite itself may notice when it comes to miss it.

    Only where no log stands beside it: with one, the end may lie there.
    https://www.sqlite.org/fileformat2.html, "The Database Header"
    """
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(b"SQLite format 3\0"):
        return
    page = int.from_bytes(header[16:18])
    pages = int.from_bytes(header[28:32])
    is_told = header[24:28] == header[92:96]  # else an old SQLite wrote it, which kept no count
    if is_told and path.stat().st_size < pages * (65_536 if page == 1 else page):
        what, remedy = _MEANINGS["SQLITE_CORRUPT"]
        raise StoreError(
            f"the database {path} {what}: its end is gone", remedy=remedy, code="AF-J001"
        )


def _to_json(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
