"""One schema for two databases, a version in every file, and numbered steps between versions."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from alphaforge.errors import StoreError
from alphaforge.store import database, migrations, schema
from alphaforge.store.reads import open_reader
from alphaforge.store.writer import Writer
from tests.store.stories import record

NOW = schema.SCHEMA_VERSION
NEXT = NOW + 1
SCHEMA_1 = Path(__file__).with_name("schema_1.sql")


def version(path) -> tuple[str, int]:
    connection = sqlite3.connect(path)
    try:
        text = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        return text[0], connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


def set_version(path, number: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(number),))
    connection.commit()
    connection.close()


def test_postgresql_understands_every_table():
    dialect = postgresql.dialect()
    texts = [
        str(CreateTable(each).compile(dialect=dialect)) for each in schema.metadata.sorted_tables
    ]
    indexes = [index for each in schema.metadata.sorted_tables for index in each.indexes]
    texts += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    assert "BYTEA" in "".join(texts)
    assert "WITHOUT ROWID" not in "".join(texts)


def test_no_money_column_is_a_number_the_database_could_round():
    names = {
        "price",
        "quantity",
        "value",
        "fee",
        "filled",
        "cash",
        "equity",
        "realized_pnl",
        "cost",
    }
    columns = [c for table in schema.metadata.sorted_tables for c in table.c if c.name in names]
    assert columns
    assert {str(column.type) for column in columns} == {"TEXT"}


def test_a_new_file_says_its_version_twice(writer, path):
    assert version(path) == (str(schema.SCHEMA_VERSION), schema.SCHEMA_VERSION)


def test_opening_again_changes_nothing(writer, url, path):
    writer.begin_run(record())
    writer.close()
    Writer(url).close()
    assert version(path) == (str(schema.SCHEMA_VERSION), schema.SCHEMA_VERSION)


async def read(url: str) -> None:
    async with open_reader(url):
        pass


async def write(url: str) -> None:
    Writer(url).close()


@pytest.mark.parametrize("opened", [read, write])
async def test_a_newer_file_is_refused_in_one_sentence_that_names_both_versions(
    writer, url, path, opened
):
    writer.close()
    set_version(path, 99)
    with pytest.raises(StoreError) as caught:
        await opened(url)
    message = str(caught.value)
    assert str(path) in message
    assert f"has schema 99, and this program knows schemas up to {schema.SCHEMA_VERSION}" in message
    assert "newer alphaforge" in caught.value.remedy


async def test_reading_an_older_file_migrates_it_first(writer, url, path, monkeypatch):
    writer.close()
    monkeypatch.setattr(migrations, "STEPS", ((NEXT, add_note),))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", NEXT)
    await read(url)
    assert version(path) == (str(NEXT), NEXT)


def test_a_database_of_another_program_is_refused_and_left_alone(path, url):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE trades (id)")
    connection.commit()
    with pytest.raises(StoreError, match="of another program"):
        Writer(url)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("trades",)]
    connection.close()


def add_note(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT ''")


def fail(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE half_done (x)")
    raise RuntimeError("power cut")


def migrate(url: str, steps, target: int) -> int:
    engine = database.open_writer(database.parse_url(url), "process")
    try:
        with engine.begin() as connection:
            return migrations.migrate(connection, steps, target)
    finally:
        engine.dispose()


def test_an_older_file_takes_only_the_steps_above_its_version(writer, url, path, rows):
    writer.begin_run(record())
    writer.close()
    steps = ((NOW, fail), (NEXT, add_note), (NEXT + 1, lambda connection: None))
    assert migrate(url, steps, NEXT + 1) == NOW
    assert version(path) == (str(NEXT + 1), NEXT + 1)
    assert rows("SELECT run_id, note FROM runs") == [(record().run_id, "")]


def test_a_migration_that_fails_leaves_the_old_file(writer, url, path, rows):
    writer.close()
    with pytest.raises(RuntimeError, match="power cut"):
        migrate(url, ((NEXT, add_note), (NEXT + 1, fail)), NEXT + 1)
    assert version(path) == (str(NOW), NOW)
    assert rows("SELECT name FROM sqlite_master WHERE name = 'half_done'") == []
    assert "note" not in [column[1] for column in rows("PRAGMA table_info(runs)")]


def as_text(path) -> dict[str, str]:
    """Name → what made it, spaces aside, of every table and index."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL")
        return {name: " ".join(sql.split()) for name, sql in rows}
    finally:
        connection.close()


async def test_a_file_of_schema_1_keeps_its_runs_and_becomes_what_a_new_file_is(path, url):
    path.parent.mkdir()
    old = sqlite3.connect(path)
    old.executescript(SCHEMA_1.read_text())
    old.execute(
        "INSERT INTO runs VALUES ('old', 'paper', 'v', 'a', '[]', '{}', '{}', '[]', '[]', 1, 5,"
        " NULL, 'running', '', NULL)"
    )
    old.execute("INSERT INTO equity VALUES ('old', 1, 0, 1, '1.10', '1', '0')")
    old.commit()
    old.close()
    writer = Writer(url)
    assert writer.resume_run("old").started == 5
    writer.append_snapshot("old", 1, 1, b"state")
    writer.close()
    assert version(path) == (str(NOW), NOW)
    async with open_reader(url) as reader:
        samples = [row async for chunk in reader.equity() for row in chunk]
    assert [str(row.equity) for row in samples] == ["1.10"]
    new = path.with_name("new.db")
    Writer(f"sqlite:///{new}").close()
    assert as_text(path) == as_text(new)


def test_the_last_step_brings_a_file_to_the_version_of_this_program():
    numbers = [number for number, _ in migrations.STEPS]
    assert numbers == list(range(2, schema.SCHEMA_VERSION + 1))


def test_deleting_a_run_takes_all_its_rows_along(writer, url, rows):
    writer.begin_run(record())
    writer.flush()
    engine = create_engine(url)
    database.set_sqlite(engine, ("PRAGMA foreign_keys = ON",), "BEGIN IMMEDIATE")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO equity VALUES (?, 1, 0, 1, '1', '1', '0')", (record().run_id,)
        )
        connection.exec_driver_sql("DELETE FROM runs")
    engine.dispose()
    assert rows("SELECT * FROM equity") == []
