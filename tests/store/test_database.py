"""A database that cannot be used says so in one sentence, and costs nothing that was appended."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import text

from alphaforge.errors import NotFoundError, StoreError
from alphaforge.store import database
from alphaforge.store.reads import open_reader
from alphaforge.store.writer import Writer
from tests.store.stories import Desk, day, record

RUN = record().run_id
NOBODY = 65534


def test_the_folder_and_the_file_are_private(writer, path):
    writer.begin_run(record())
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    files = sorted(path.parent.iterdir())
    assert [each.name for each in files] == [f"alphaforge.db{end}" for end in ("", "-shm", "-wal")]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


@pytest.mark.parametrize(("durability", "synchronous"), [("process", 1), ("power", 2)])
def test_a_writer_syncs_as_its_durability_says(url, durability, synchronous):
    writer = Writer(url, durability=durability)
    pragmas = {
        name: writer._connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    writer._connection.rollback()
    writer.close()
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": synchronous,
        "foreign_keys": 1,
        "busy_timeout": database.BUSY_TIMEOUT_MS,
    }


def test_a_file_that_is_no_database_is_named(path, url):
    path.parent.mkdir()
    path.write_text("timestamp,price,size\n" * 100)
    with pytest.raises(StoreError, match=r"alphaforge\.db is not a database") as caught:
        Writer(url)
    assert "another file" in caught.value.remedy
    assert path.read_text().startswith("timestamp")


@pytest.mark.parametrize("folder_is", ["a file", "the database's own name"])
def test_a_path_that_cannot_hold_a_file_is_named(tmp_path, folder_is):
    path = tmp_path / "data" / "alphaforge.db"
    if folder_is == "a file":
        path.parent.write_text("")
    else:
        path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        Writer(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "not a url", ""])
def test_a_url_that_names_no_file_is_refused(url):
    with pytest.raises(StoreError, match="store url") as caught:
        Writer(url)
    assert "sqlite:///data/alphaforge.db" in caught.value.remedy


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"])
async def test_any_sqlite_url_names_the_same_file(path, driver):
    writer = Writer(f"{driver}:///{path}")
    writer.begin_run(record())
    writer.close()
    async with open_reader(f"{driver}:///{path}") as reader:
        assert await reader.latest_run_id() == RUN


def test_a_database_without_a_driver_of_ours_is_named():
    with pytest.raises(StoreError, match="there is no driver for the store url"):
        Writer("nosuchdatabase://host/alphaforge")


async def test_reading_before_anything_ran_says_so(url, path):
    with pytest.raises(NotFoundError, match="nothing has run"):
        async with open_reader(url):
            pass
    assert not path.parent.exists()


def test_a_full_disk_loses_nothing_and_the_next_flush_writes_it(writer, rows):
    writer.begin_run(record())
    desk = Desk()
    steps = day(desk)
    for step in steps:
        writer.append_step(RUN, step)
    with writer._connection.begin():
        pages = writer._connection.exec_driver_sql("PRAGMA page_count").scalar()
        writer._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    more = [desk.deny("x" * 20_000) for _ in range(3)]
    for step in more:
        writer.append_step(RUN, step)
    for _ in range(2):
        with pytest.raises(StoreError, match="cannot grow: the disk is full") as caught:
            writer.flush()
        assert "free some space" in caught.value.remedy
        assert rows("SELECT * FROM decisions") == rows("SELECT * FROM orders") == []
        assert writer.committed == 0
    late = desk.deny("after the disk was full")
    writer.append_step(RUN, late)
    with writer._connection.begin():
        writer._connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert writer.flush() == len(steps) + 4
    written = rows("SELECT sequence FROM decisions ORDER BY sequence")
    assert written == [(step.sequence,) for step in [*steps, *more, late]]
    live = rows("SELECT * FROM orders ORDER BY order_id")
    writer.rebuild_views(RUN)
    assert rows("SELECT * FROM orders ORDER BY order_id") == live


def test_a_locked_database_says_so_and_the_next_flush_writes_it(url, path, rows, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    writer = Writer(url)
    writer.begin_run(record())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.append_step(RUN, Desk().deny("no"))
    with pytest.raises(StoreError, match="is locked by another process"):
        writer.flush()
    other.execute("COMMIT")
    other.close()
    assert writer.flush() == 1
    assert len(rows("SELECT * FROM decisions")) == 1
    writer.close()


def test_a_damaged_file_says_so(writer, url, path):
    writer.begin_run(record())
    for step in day(Desk()):
        writer.append_step(RUN, step)
    writer.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (size - 100))
    with pytest.raises(StoreError, match="is damaged"):
        Writer(url)


def test_closing_closes_even_if_the_last_flush_fails(url, path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    writer = Writer(url)
    writer.begin_run(record())
    writer.append_step(RUN, Desk().deny("no"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        writer.close()
    assert writer._connection.closed
    other.close()


def test_a_transaction_that_has_only_read_already_keeps_other_writers_out(url, writer, monkeypatch):
    """Under the driver's own habit two could read the same number, and both write its successor."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 0)
    parsed = database.parse_url(url)
    engines = [database.open_writer(parsed, "process") for _ in range(2)]
    with engines[0].begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runs")) == 0
        with pytest.raises(StoreError, match="is locked"), database.explained(parsed):
            engines[1].begin().__enter__()
    with engines[1].begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runs")) == 0
    for engine in engines:
        engine.dispose()


WRITE_SOME = """
import os, resource, sys, tempfile
from alphaforge.errors import StoreError
from alphaforge.store.writer import Writer
from tests.store.stories import Desk, record

path, limit, user = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with tempfile.TemporaryDirectory() as folder:
    Writer(f"sqlite:///{folder}/warm.db").close()  # loads every module
if user:
    os.setuid(user)
try:
    writer = Writer(f"sqlite:///{path}")
    writer.begin_run(record())
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    desk = Desk()
    for _ in range(50):
        writer.append_step(record().run_id, desk.deny("x" * 5000))
    writer.flush()
except StoreError as error:
    print(type(error).__name__, error, "|", error.remedy)
else:
    print("written")
"""


def write_in_a_child(path: Path, limit: int = 0, user: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WRITE_SOME, str(path), str(limit), str(user)],
        check=False, capture_output=True, text=True, timeout=60,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_a_file_that_may_not_grow_any_more_says_so(path, rows):
    said = write_in_a_child(path, limit=200_000)
    assert "the disk reported an error" in said
    assert "disk and its quota" in said
    assert rows("SELECT count(*) FROM decisions") == [(0,)]


@pytest.fixture
def open_folder():
    """A folder that another user can reach; root may write anywhere, so root's child is nobody."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("what", ["folder", "file", "folder and file"])
def test_what_may_not_be_written_is_named(open_folder, what):
    root = os.geteuid() == 0
    folder = open_folder / "data"
    path = folder / "alphaforge.db"
    folder.mkdir()
    if "file" in what:
        Writer(f"sqlite:///{path}").close()
        path.chmod(0o444)
    if "folder" in what:
        folder.chmod(0o555)
    elif root:
        os.chown(folder, NOBODY, NOBODY)
    said = write_in_a_child(path, user=NOBODY if root else 0)
    folder.chmod(0o755)
    assert said.startswith(f"StoreError the database {path} cannot be opened for writing")
    assert "make the file and its folder writable" in said


async def test_a_database_on_a_read_only_folder_can_still_be_read(open_folder):
    path = open_folder / "alphaforge.db"
    writer = Writer(f"sqlite:///{path}")
    writer.begin_run(record())
    writer.close()
    path.chmod(0o444)
    async with open_reader(f"sqlite:///{path}") as reader:
        assert await reader.latest_run_id() == RUN


def test_a_write_that_the_database_takes_for_read_only_says_so(writer):
    writer.begin_run(record())
    writer.append_step(RUN, Desk().deny("no"))
    set_read_only(writer, "ON")
    with pytest.raises(StoreError, match="is read-only"):
        writer.flush()
    set_read_only(writer, "OFF")
    assert writer.flush() == 1


def set_read_only(writer: Writer, value: str) -> None:
    writer._connection.connection.driver_connection.execute(f"PRAGMA query_only = {value}")
