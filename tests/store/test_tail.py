"""The end of a run's journal is read back event by event, from any place, proven and in order."""

import sqlite3

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import JournalCorruptError
from alphaforge.model.commands import StartSession
from alphaforge.model.market import Trade
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.store import tail
from alphaforge.store.reads import open_reader
from alphaforge.store.records import Difference, ReconciliationRecord, RunStatus
from alphaforge.store.writer import Writer
from tests.store.stories import Desk, record

RUN = record().run_id


def event_of(sequence: int, kind: str) -> Trade | StartSession:
    if kind == "market":
        return Trade("BTC/USDT", sequence, 61_000.0 + sequence, 0.1, ts_local=sequence)
    return StartSession(sequence)


def write(writer: Writer, kinds: list[tuple[str, bool, bool]]) -> list[tuple[int, object, object]]:
    """Journal events of (kind, with a Step, then flush); what must be read back."""
    desk, written = Desk(), []
    for sequence, (kind, decides, flushes) in enumerate(kinds, 1):
        desk.sequence = sequence - 1
        event = event_of(sequence, kind)
        step: Step = desk.deny("no") if decides else EMPTY_STEP
        if kind == "market":
            writer.record_market(RUN, sequence, event, step)
        else:
            writer.append_input(RUN, sequence, event, step)
        if flushes:
            writer.flush()
        written.append((sequence, event, step if decides else None))
    writer.flush()
    return written


KINDS = st.lists(st.tuples(st.sampled_from(["market", "input"]), st.booleans(), st.booleans()))


@given(kinds=KINDS)
def test_the_tail_after_any_event_is_what_was_written(tmp_path_factory, kinds):
    writer = Writer(f"sqlite:///{tmp_path_factory.mktemp('tail') / 'a.db'}")
    writer.begin_run(record())
    written = write(writer, kinds)
    for after in range(len(written) + 1):
        assert list(writer.read_tail(RUN, after)) == written[after:]
    writer.close()


def test_a_tail_of_many_chunks_is_whole(writer, monkeypatch):
    monkeypatch.setattr(tail, "CHUNK_ROWS", 3)
    monkeypatch.setattr(tail, "CHUNK_BLOCKS", 2)
    writer.begin_run(record())
    kinds = [("market" if n % 3 else "input", n % 2 == 0, n % 4 == 0) for n in range(60)]
    written = write(writer, kinds)
    assert list(writer.read_tail(RUN, 0)) == written
    assert list(writer.read_tail(RUN, 17)) == written[17:]


def test_a_tail_that_nobody_reads_to_its_end_does_not_hold_up_the_next_commit(writer, rows):
    writer.begin_run(record())
    write(writer, [("input", True, False)] * 5)
    unfinished = writer.read_tail(RUN, 0)
    next(unfinished)
    writer.append_input(RUN, 6, StartSession(6))
    writer.flush()
    assert rows("SELECT count(*) FROM inputs") == [(6,)]


def change(path, statement: str) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute(statement).rowcount == 1
    connection.commit()
    connection.close()


@pytest.mark.parametrize("table", ["inputs", "decisions", "recording_blocks"])
@pytest.mark.parametrize("after", [0, 4])
@pytest.mark.parametrize("kind", ["BLOB", "TEXT"])
def test_a_changed_row_stops_the_tail_at_its_name(writer, path, table, after, kind):
    writer.begin_run(record())
    kinds = [("market", True, True), ("input", True, True)] * 5
    written = write(writer, kinds)
    sequence = {"inputs": 8, "decisions": 7, "recording_blocks": 7}[table]
    change(
        path,
        f"UPDATE {table} SET payload = CAST(substr(payload, 1, length(payload) - 1) || x'00' "
        f"AS {kind}) WHERE sequence = {sequence}",
    )
    seen = []
    with pytest.raises(JournalCorruptError) as caught:
        seen.extend(writer.read_tail(RUN, after))
    assert (caught.value.run_id, caught.value.table, caught.value.sequence) == (
        RUN,
        table,
        sequence,
    )
    assert seen == written[after : after + len(seen)]


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        ("DELETE FROM inputs WHERE sequence = 4", 6),
        ("DELETE FROM inputs WHERE sequence = 8", 6),
        ("DELETE FROM decisions WHERE sequence = 8", 7),
        ("DELETE FROM recording_blocks WHERE sequence = 7", 5),
        ("DELETE FROM decisions WHERE sequence = 6", 7),
    ],
)
def test_a_row_that_is_gone_is_noticed(writer, path, statement, sequence):
    """The row after it fails its proof; a last one of its table is missed by the table of heads."""
    writer.begin_run(record())
    write(writer, [("market", True, True), ("input", True, True)] * 4)
    change(path, statement)
    with pytest.raises(JournalCorruptError) as caught:
        list(writer.read_tail(RUN, 0))
    assert caught.value.sequence == sequence


def test_an_unknown_run_has_no_tail_and_no_snapshot(writer):
    assert list(writer.read_tail("nobody", 0)) == []
    assert writer.latest_snapshot("nobody") is None


def test_the_last_three_snapshots_of_each_run_are_kept(writer, rows):
    other = "20261121-091500-abc"
    writer.begin_run(record())
    writer.begin_run(record(other))
    for sequence in range(1, 6):
        writer.append_snapshot(RUN, sequence * 10, sequence, b"state %d" % sequence)
        writer.append_snapshot(other, sequence, sequence, b"other")
        if sequence != 3:  # two in one transaction are one case more
            writer.flush()
    kept = rows(f"SELECT sequence FROM snapshots WHERE run_id = '{RUN}' ORDER BY sequence")
    assert kept == [(30,), (40,), (50,)]
    assert len(rows("SELECT * FROM snapshots")) == 6
    assert writer.latest_snapshot(RUN) == tail.Snapshot(50, 5, b"state 5")


def test_a_snapshot_in_which_a_bit_flipped_gives_way_to_the_one_before(writer, path):
    writer.begin_run(record())
    for sequence in (1, 2, 3):
        writer.append_snapshot(RUN, sequence, sequence, b"state %d" % sequence)
    writer.flush()
    change(path, "UPDATE snapshots SET payload = x'00' WHERE sequence = 3")
    assert writer.latest_snapshot(RUN) == tail.Snapshot(2, 2, b"state 2", damaged=(3,))
    change(path, "UPDATE snapshots SET sequence = 4 WHERE sequence = 2")
    assert writer.latest_snapshot(RUN) == tail.Snapshot(1, 1, b"state 1", damaged=(4, 3))
    change(path, "UPDATE snapshots SET ts = 7 WHERE sequence = 1")
    assert writer.latest_snapshot(RUN) is None


async def test_reconciliations_are_read_back_newest_first(writer, url):
    writer.begin_run(record())
    difference = Difference("balance", "USDT", "100.10", "100.2", "a deposit")
    records = [
        ReconciliationRecord(
            run_id=RUN,
            sequence=sequence,
            ts=sequence,
            reason="start",
            seconds=0.25,
            orders_checked=3,
            differences=(difference,) * sequence,
        )
        for sequence in (1, 2, 2)
    ]
    records[2] = msgspec.structs.replace(records[2], reason="gap")
    for each in records:
        writer.append_reconciliation(each)
    writer.flush()
    async with open_reader(url) as reader:
        assert await reader.reconciliations(RUN) == records[::-1]
        assert await reader.reconciliations(RUN, limit=1) == [records[2]]
        assert await reader.reconciliations("nobody") == []


def test_the_run_to_go_on_with_is_the_latest_that_never_ended(writer):
    ids = ["20261120-000000-aaa", "20261121-000000-bbb", "20261122-000000-ccc"]
    for started, run_id in enumerate(ids):
        writer.begin_run(record(run_id, started))
    found = writer.find_resumable("paper", "binanceusdm", "paper")
    assert found is not None
    assert found.run_id == ids[2]
    writer.finish_run(ids[2], RunStatus.INTERRUPTED, None, 9)
    found = writer.find_resumable("paper", "binanceusdm", "paper")
    assert found == record(ids[1], 1)
    assert writer.find_resumable("live", "binanceusdm", "paper") is None
    assert writer.find_resumable("paper", "kraken", "paper") is None
    assert writer.find_resumable("paper", "binanceusdm", "other") is None
