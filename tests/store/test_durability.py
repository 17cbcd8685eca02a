"""What a killed process and a cut of power may take: nothing, and nothing that was forced."""

import sqlite3

import pytest

from alphaforge.errors import StoreError
from alphaforge.model.commands import BeginEpoch, StartSession
from alphaforge.model.enums import OrderSide
from alphaforge.model.market import Trade
from alphaforge.store.writer import Writer
from tests.store.stories import Desk, day, record

RUN = record().run_id
FULL = "PRAGMA synchronous = FULL"
NORMAL = "PRAGMA synchronous = 1"


def statements_of(writer: Writer) -> list[str]:
    """What the writer's connection is told from now on: begins, commits and levels of safety."""
    told: list[str] = []

    def note(statement: str) -> None:
        if (
            statement.split(maxsplit=1)[0] in {"BEGIN", "COMMIT", "ROLLBACK"}
            or "synchronous =" in statement
        ):
            told.append(statement)

    writer._connection.connection.driver_connection.set_trace_callback(note)
    return told


def test_a_new_run_is_forced_to_the_disk(writer):
    told = statements_of(writer)
    writer.begin_run(record())
    assert told == [FULL, "BEGIN IMMEDIATE", "COMMIT", NORMAL]


def test_a_new_epoch_is_forced_to_the_disk_and_an_ordinary_commit_is_not(writer):
    writer.begin_run(record())
    told = statements_of(writer)
    writer.append_input(RUN, 1, StartSession(1))
    writer.flush()
    assert told == ["BEGIN IMMEDIATE", "COMMIT"]
    assert (writer.committed, writer.synced) == (1, 0)
    told.clear()
    writer.append_input(RUN, 2, BeginEpoch(7, 2))
    writer.flush()
    assert told == [FULL, "BEGIN IMMEDIATE", "COMMIT", NORMAL]
    assert writer.synced == 2
    told.clear()
    writer.append_input(RUN, 3, StartSession(3))
    writer.flush()
    assert told == ["BEGIN IMMEDIATE", "COMMIT"]
    assert writer.synced == 2


def test_forcing_works_when_everything_is_committed_already(writer, path):
    writer.begin_run(record())
    writer.append_input(RUN, 1, StartSession(1))
    writer.flush()
    log = path.with_name("alphaforge.db-wal")
    before = log.stat().st_size
    told = statements_of(writer)
    assert writer.flush_to_disk() == writer.synced == 1
    assert told == [FULL, "BEGIN IMMEDIATE", "COMMIT", NORMAL]
    assert log.stat().st_size > before  # without a frame a commit forces nothing


def test_a_writer_that_survives_power_cuts_forces_every_commit(url):
    writer = Writer(url, durability="power")
    writer.begin_run(record())
    told = statements_of(writer)
    writer.append_input(RUN, 1, StartSession(1))
    writer.flush()
    assert told == ["BEGIN IMMEDIATE", "COMMIT"]  # its level is FULL from the first statement
    assert writer.synced == 1
    writer.close()


def test_a_forced_commit_that_fails_is_forced_when_it_is_tried_again(writer):
    writer.begin_run(record())
    writer.append_input(RUN, 1, BeginEpoch(7, 1))
    driver = writer._connection.connection.driver_connection
    driver.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError):
        writer.flush()
    assert driver.execute("PRAGMA synchronous").fetchone() == (1,)
    driver.execute("PRAGMA query_only = OFF")
    told = statements_of(writer)
    assert writer.flush() == writer.synced == 1
    assert told[0] == FULL


@pytest.mark.parametrize("durability", ["process", "power"])
def test_an_abandoned_writer_leaves_its_files_as_a_killed_process_would(url, path, durability):
    writer = Writer(url, durability=durability)
    writer.begin_run(record())
    steps = day(Desk())
    for step in steps:
        writer.append_step(RUN, step)
    writer.flush()
    writer.append_step(RUN, Desk().deny("never committed"))
    files = [path, path.with_name("alphaforge.db-wal")]
    before = [each.read_bytes() for each in files]
    writer.abandon()
    assert [each.read_bytes() for each in files] == before
    assert len(before[1]) > 0
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM decisions").fetchone() == (len(steps),)
    connection.close()


def test_a_writer_abandoned_after_its_log_was_moved_leaves_its_files_too(url, path):
    writer = Writer(url)
    writer.begin_run(record())
    writer.append_input(RUN, 1, StartSession(1))
    writer.flush()
    writer.checkpoint()
    files = [path, path.with_name("alphaforge.db-wal")]
    before = [each.read_bytes() for each in files]
    writer.abandon()
    assert [each.read_bytes() for each in files] == before


def test_an_event_and_its_step_are_never_one_without_the_other(url, monkeypatch):
    """A flush in the middle of an append would leave an event that seems to have led to nothing."""
    writer = Writer(url)
    writer.begin_run(record())
    desk = Desk()
    writer.append_input(RUN, 1, StartSession(1), desk.rest(OrderSide.BUY, "1"))
    trade = Trade("BTC/USDT", 2, 61_000.0, 0.1, ts_local=2)
    place = writer.record_market(RUN, 2, trade, desk.cancel("o-000001"))
    assert place == 2  # one place each: no flush can come between
    writer.flush()
    kinds = [(sequence, type(event).__name__) for sequence, event, _ in writer.read_tail(RUN, 0)]
    assert kinds == [(1, "StartSession"), (2, "Trade")]
    assert [step.sequence for _, _, step in writer.read_tail(RUN, 0) if step] == [1, 2]
    writer.close()
