"""A file that was cut, changed or emptied says so, or is a clean prefix of what was committed."""

import random
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphaforge.errors import JournalCorruptError, NotFoundError, StoreError
from alphaforge.model.commands import StartSession
from alphaforge.model.enums import OrderSide
from alphaforge.model.market import Trade
from alphaforge.model.step import EMPTY_STEP
from alphaforge.store import database, schema
from alphaforge.store.tail import TailEvent
from alphaforge.store.writer import Writer
from tests.store.stories import Desk, day, record

RUN = record().run_id
PAGE = 4_096
FRAME = PAGE + 24
WAL_HEAD = 32

Files = tuple[Path, list[TailEvent]]


def tell(writer: Writer, count: int) -> list[TailEvent]:
    """A small day, one transaction an event; what must be read back."""
    written: list[TailEvent] = []
    for sequence, step in enumerate(day(Desk()), 1):
        event = StartSession(sequence)
        if sequence % 2:
            event = Trade("BTC/USDT", sequence, 61_000.5, 0.1, ts_local=sequence)
            writer.record_market(RUN, sequence, event, step)
        else:
            writer.append_input(RUN, sequence, event, step)
        writer.flush()
        written.append((sequence, event, step if step is not EMPTY_STEP else None))
        if sequence == count:
            writer.checkpoint()
    return written


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of a process that was killed: half in the database, half in its log."""
    path = tmp_path_factory.mktemp("killed") / "alphaforge.db"
    writer = Writer(f"sqlite:///{path}")
    writer.begin_run(record())
    written = tell(writer, 6)
    writer.append_snapshot(RUN, len(written), 1, b"state" * 100)
    writer.flush()
    writer.abandon()
    return path, written


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The one file of a process that ended well."""
    path = tmp_path_factory.mktemp("closed") / "alphaforge.db"
    writer = Writer(f"sqlite:///{path}")
    writer.begin_run(record())
    written = tell(writer, 0)
    writer.append_snapshot(RUN, len(written), 1, b"state" * 100)
    writer.close()
    return path, written


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def copied(path: Path, folder: Path) -> Path:
    """A copy of a database and its log, without the index of the log that only the living share."""
    folder.mkdir(exist_ok=True)
    copy = folder / path.name
    for each in folder.iterdir():
        each.unlink()
    shutil.copy(path, copy)
    if log_of(path).exists():
        shutil.copy(log_of(path), log_of(copy))
    return copy


def opened_again(path: Path) -> tuple[list[TailEvent], list[tuple[object, ...]], bool]:
    """(events, orders, whether a fresh fold gives the same views) of a file, as a restart reads it.

    Only these two errors may come: all that is wrong is said as one of them.
    """
    writer = Writer(f"sqlite:///{path}")
    try:
        writer.resume_run(RUN)
        writer.latest_snapshot(RUN)
        events = list(writer.read_tail(RUN, 0))
        with database.explained(writer._url):
            views = views_in(path)
            writer.rebuild_views(RUN)
            return events, views["orders"], views == views_in(path)
    finally:
        writer.abandon()


def views_in(path: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(path)
    try:
        return {
            table.name: connection.execute(
                f"SELECT * FROM {table.name} ORDER BY {', '.join(table.primary_key.c.keys())}"
            ).fetchall()
            for table in schema.VIEWS
        }
    finally:
        connection.close()


def cuts(size: int, unit: int, head: int) -> Iterator[int]:
    """Lengths to cut the last two pages to: around every border each, between them some."""
    first = max(size - 2 * unit, 0)
    borders = [at for at in range(head, size + 1, unit) if at >= first]
    near = {border + off for border in borders for off in range(-4, 28, 2)}
    yield from sorted({*near, *range(first, size, 97)} & set(range(first, size)))


def test_a_log_cut_at_any_byte_of_its_last_pages_is_a_clean_prefix(killed, tmp_path):
    path, written = killed
    whole = log_of(path).read_bytes()
    found: set[int] = set()
    for cut in cuts(len(whole), FRAME, WAL_HEAD):
        copy = copied(path, tmp_path / "copy")
        log_of(copy).write_bytes(whole[:cut])
        events, _, same = opened_again(copy)
        assert events == written[: len(events)]
        assert same
        found.add(len(events))
    assert found == {len(written)}  # the last transaction is the snapshot's


def test_a_log_cut_at_the_border_of_any_frame_is_a_clean_prefix(killed, tmp_path):
    path, written = killed
    whole = log_of(path).read_bytes()
    found: set[int] = set()
    for cut in range(0, len(whole), FRAME):
        copy = copied(path, tmp_path / "copy")
        log_of(copy).write_bytes(whole[:cut])
        events, orders, same = opened_again(copy)
        assert events == written[: len(events)]
        assert same
        assert bool(orders) == bool(events)
        found.add(len(events))
    assert found == set(range(6, len(written) + 1))


def test_a_database_cut_at_any_byte_of_its_last_pages_says_which_file_is_damaged(closed, tmp_path):
    path, _ = closed
    whole = path.read_bytes()
    for cut in cuts(len(whole), PAGE, 0):
        copy = copied(path, tmp_path / "copy")
        copy.write_bytes(whole[:cut])
        with pytest.raises(StoreError, match="is damaged") as caught:
            opened_again(copy)
        assert str(copy) in str(caught.value)
        assert "backup" in caught.value.remedy


def flips(size: int, count: int) -> list[tuple[int, int]]:
    chance = random.Random(7)
    return [(chance.randrange(size), chance.randrange(8)) for _ in range(count)]


def test_a_flipped_bit_anywhere_in_the_file_never_makes_a_wrong_event(closed, tmp_path):
    """It may hit what nobody reads; else it is named, or all that follows is gone."""
    path, written = closed
    whole = path.read_bytes()
    named = 0
    for place, bit in flips(len(whole), 150):
        copy = copied(path, tmp_path / "copy")
        changed = bytearray(whole)
        changed[place] ^= 1 << bit
        copy.write_bytes(changed)
        try:
            events, _, _ = opened_again(copy)
        except (StoreError, NotFoundError):
            named += 1
        else:
            known = [(sequence, event) for sequence, event, _ in events]
            assert known == [(sequence, event) for sequence, event, _ in written[: len(events)]]
    assert named > 15


def row_places(path: Path, table: str) -> list[tuple[int, int, int]]:
    """(sequence, where its payload begins in the file, its length) of every row."""
    connection = sqlite3.connect(path)
    rows = connection.execute(f"SELECT sequence, payload FROM {table} ORDER BY sequence").fetchall()
    connection.close()
    whole = path.read_bytes()
    return [(sequence, whole.find(payload), len(payload)) for sequence, payload in rows]


@pytest.mark.parametrize("table", ["inputs", "decisions", "recording_blocks"])
def test_a_flipped_bit_in_any_row_of_the_journal_is_named(closed, tmp_path, table):
    path, written = closed
    whole = path.read_bytes()
    places = [each for each in row_places(path, table) if each[1] > 0]
    assert places
    for number, (sequence, place, length) in enumerate(places):
        copy = copied(path, tmp_path / "copy")
        changed = bytearray(whole)
        changed[place + number * 7 % length] ^= 1 << number % 8
        copy.write_bytes(changed)
        writer = Writer(f"sqlite:///{copy}")
        writer.resume_run(RUN)
        read: list[TailEvent] = []
        with pytest.raises(JournalCorruptError) as caught:
            read.extend(writer.read_tail(RUN, 0))
        writer.abandon()
        error = caught.value
        assert (error.run_id, error.table, error.sequence) == (RUN, table, sequence)
        assert all(part in str(error) for part in (RUN, table, str(sequence)))
        assert read == written[: len(read)]
        assert len(read) < sequence


@pytest.mark.parametrize("emptied", [*(table.name for table in schema.VIEWS), "all"])
def test_views_that_are_gone_are_rebuilt_as_they_were(closed, tmp_path, emptied):
    path, _ = closed
    before = views_in(path)
    copy = copied(path, tmp_path / "copy")
    connection = sqlite3.connect(copy)
    for table in schema.VIEWS:
        if emptied in {table.name, "all"}:
            assert connection.execute(f"DELETE FROM {table.name}").rowcount > 0
    connection.commit()
    connection.close()
    writer = Writer(f"sqlite:///{copy}")
    writer.rebuild_views(RUN)
    writer.close()
    assert views_in(copy) == before


def test_only_the_run_whose_views_are_gone_is_rebuilt(writer, path):
    other = "20261121-091500-abc"
    for run_id in (RUN, other):
        writer.begin_run(record(run_id))
        for step in day(Desk()):
            writer.append_step(run_id, step)
    writer.flush()
    before = views_in(path)
    connection = sqlite3.connect(path)
    for table in schema.VIEWS:
        connection.execute(f"DELETE FROM {table.name} WHERE run_id = ?", (other,))
    connection.commit()
    connection.close()
    writer.rebuild_views(other)
    assert views_in(path) == before


@pytest.mark.parametrize("durability", ["process", "power"])
def test_a_file_that_may_not_grow_takes_nothing_and_later_everything(url, path, rows, durability):
    writer = Writer(url, durability=durability)
    writer.begin_run(record())
    desk = Desk()
    steps = [desk.rest(OrderSide.BUY, "1")]
    writer.append_step(RUN, steps[0])
    writer.flush()
    steps += [desk.deny("x" * 50_000) for _ in range(3)]
    for step in steps[1:]:
        writer.append_step(RUN, step)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log_of(path).stat().st_size + 50_000, before[1]))
    try:
        for _ in range(3):
            with pytest.raises(StoreError, match="the disk reported an error"):
                writer.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert rows("SELECT count(*) FROM decisions") == [(1,)]
    assert rows("SELECT count(*) FROM orders") == [(1,)]
    assert writer.flush() == writer.committed == 4
    assert [step for _, step in steps_in(writer)] == steps
    writer.close()


def steps_in(writer: Writer) -> list[tuple[int, object]]:
    from alphaforge.store.resume import read_decisions

    with writer._connection.begin():
        chunks = list(read_decisions(writer._connection, RUN))
    return [(step.sequence, step) for chunk in chunks for step in chunk]
