"""The writer: one transaction per flush, and views that are a fold of what it journaled."""

import sqlite3
import threading
from decimal import Decimal

import pytest

from alphaforge.errors import NotFoundError, StoreError
from alphaforge.model.commands import StartSession
from alphaforge.model.enums import OrderSide
from alphaforge.model.events import FundingPaid
from alphaforge.model.market import Trade
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.store import schema, views
from alphaforge.store.batch import APPENDED, UPDATED
from alphaforge.store.records import RunStatus
from alphaforge.store.writer import Writer
from tests.store.stories import SECOND, START, Desk, day, record

RUN = record().run_id


def dump(rows) -> dict[str, list]:
    """Every row of every view."""
    return {
        table.name: rows(f"SELECT * FROM {table.name} ORDER BY 1, 2, 3, 4")
        for table in schema.VIEWS
    }


def write_day(writer: Writer) -> None:
    writer.begin_run(record())
    for step in day(Desk()):
        writer.append_step(RUN, step)
    writer.flush()


def test_appends_stay_in_memory_until_a_flush_commits_them_all(writer, rows):
    writer.begin_run(record())
    writer.append_input(RUN, 1, StartSession(START))
    place = writer.append_step(RUN, Desk().deny("no"))
    assert rows("SELECT * FROM decisions") == []
    assert writer.committed == 0
    assert writer.flush() == place == writer.committed == 2
    assert len(rows("SELECT * FROM decisions")) == len(rows("SELECT * FROM inputs")) == 1


def test_an_empty_step_is_nothing_to_wait_for(writer, rows):
    writer.begin_run(record())
    assert writer.append_step(RUN, EMPTY_STEP) == 0
    writer.flush()
    assert rows("SELECT * FROM decisions") == []


def test_truth_is_written_before_its_views():
    names = [table.name for table in (*APPENDED, *UPDATED)]
    assert names[:3] == ["recording_blocks", "inputs", "decisions"]
    assert set(names) == {table.name for table in schema.metadata.tables.values()} - {
        "runs",
        "meta",
        "heads",
    }


def test_a_run_that_was_not_begun_takes_no_rows(writer):
    with pytest.raises(NotFoundError, match="there is no run elsewhere"):
        writer.append_step("elsewhere", Step(1, START))


def test_the_same_run_cannot_begin_twice(writer):
    writer.begin_run(record())
    with pytest.raises(StoreError, match="UNIQUE"):
        writer.begin_run(record())


def test_an_order_that_fills_in_the_same_flush_is_one_row(writer, rows):
    writer.begin_run(record())
    for step in Desk().trade(OrderSide.BUY, "0.5", "61000.10"):
        writer.append_step(RUN, step)
    writer.flush()
    query = "SELECT order_id, status, quantity, filled, average_price, limit_price FROM orders"
    assert rows(query) == [("o-000001", "FILLED", "0.5", "0.5", "61000.1", "61000.5")]


def test_an_order_that_fills_after_a_flush_is_still_one_row(writer, rows):
    writer.begin_run(record())
    for step in Desk().trade(OrderSide.BUY, "0.5", "61000.10"):
        writer.append_step(RUN, step)
        writer.flush()
    assert rows("SELECT order_id, status FROM orders") == [("o-000001", "FILLED")]
    assert rows("SELECT kind FROM order_events ORDER BY sequence, position") == [
        ("submitted",),
        ("accepted",),
        ("filled",),
    ]


def test_a_denied_order_is_a_row_with_every_reason(writer, rows):
    write_day(writer)
    denied = rows("SELECT status, reason, filled FROM orders WHERE status = 'DENIED'")
    assert denied == [("DENIED", "order value 999 is above 500; risk is HALTED", "0")]


def test_an_order_asked_for_with_no_number_is_still_a_row(writer, rows):
    writer.begin_run(record())
    writer.append_step(RUN, Desk().deny("quantity is not a number", quantity="NaN"))
    writer.flush()
    assert rows("SELECT quantity, status FROM orders") == [("NaN", "DENIED")]


def test_funding_is_kept_with_the_position_it_was_paid_on(writer, rows):
    desk = Desk()
    writer.begin_run(record())
    for step in desk.trade(OrderSide.BUY, "2", "61000"):
        writer.append_step(RUN, step)
    for amount in ("-0.75", "0.25"):
        paid = FundingPaid("BTC/USDT", "sma_cross", Decimal(amount), "USDT", desk.now + 1)
        desk.sequence += 1
        writer.append_step(RUN, Step(desk.sequence, desk.now, funding=(paid,)))
        writer.flush()
    assert rows("SELECT quantity, funding, fills, ts FROM positions") == [
        ("2", "-0.5", 1, START + 3 * SECOND + 1)
    ]


def test_a_late_fill_changes_an_order_that_was_canceled(writer, rows):
    write_day(writer)
    assert rows("SELECT status, filled FROM orders WHERE order_id = 'o-000003'") == [
        ("CANCELED", "0.85")
    ]


def test_an_event_of_an_order_nobody_placed_is_kept_without_an_order_row(writer, rows):
    writer.begin_run(record())
    writer.append_step(RUN, Desk().cancel("elsewhere"))
    writer.flush()
    assert rows("SELECT order_id, kind FROM order_events") == [("elsewhere", "canceled")]
    assert rows("SELECT * FROM orders") == []


@pytest.mark.parametrize("flush_each", [True, False])
def test_rebuilt_views_are_the_live_ones(writer, rows, flush_each):
    writer.begin_run(record())
    for step in day(Desk()):
        writer.append_step(RUN, step)
        if flush_each:
            writer.flush()
    writer.sample_equity(RUN, 3, START, (Decimal(1), Decimal(2), Decimal(-1)))
    writer.flush()
    live = dump(rows)
    connection = sqlite3.connect(writer._url.database)
    for table in schema.VIEWS:
        connection.execute(f"DELETE FROM {table.name}")
    connection.commit()
    connection.close()
    assert writer.rebuild_views(RUN) == len(day(Desk()))
    assert dump(rows) == live
    assert all(live.values())
    assert len(rows("SELECT * FROM equity")) == 1


def test_a_rebuilt_run_goes_on_where_it_was(writer, rows):
    desk = Desk()
    writer.begin_run(record())
    writer.append_step(RUN, desk.rest(OrderSide.BUY, "1"))
    writer.rebuild_views(RUN)
    writer.append_step(RUN, desk.fill("o-000001", OrderSide.BUY, "1", "61000"))
    writer.flush()
    assert rows("SELECT status FROM orders") == [("FILLED",)]
    assert rows("SELECT quantity, fills FROM positions") == [("1", 1)]


def test_a_backtest_keeps_views_only_and_they_cannot_be_rebuilt(writer, rows):
    writer.begin_run(record())
    for step in day(Desk()):
        writer.append_views(RUN, step)
    writer.flush()
    assert rows("SELECT * FROM decisions") == []
    before = dump(rows)
    with pytest.raises(StoreError, match="keeps no decisions") as caught:
        writer.rebuild_views(RUN)
    assert "run it again" in caught.value.remedy
    assert dump(rows) == before


def test_closed_orders_are_forgotten_and_folded_again_when_a_late_fill_comes(
    writer, rows, monkeypatch
):
    monkeypatch.setattr(views, "KEEP_CLOSED", 2)
    desk = Desk()
    writer.begin_run(record())
    for _ in range(5):
        for step in desk.trade(OrderSide.BUY, "1", "61000"):
            writer.append_step(RUN, step)
    writer.append_step(RUN, desk.rest(OrderSide.BUY, "2"))
    writer.append_step(RUN, desk.cancel("o-000006"))
    writer.flush()
    for _ in range(3):
        for step in desk.trade(OrderSide.SELL, "1", "61000"):
            writer.append_step(RUN, step)
    writer.flush()
    held = writer._runs[RUN].projector._lives
    assert "o-000006" not in held
    assert len(held) == 2
    writer.append_step(RUN, desk.fill("o-000006", OrderSide.BUY, "0.5", "61000"))
    writer.flush()
    assert rows("SELECT status, filled FROM orders WHERE order_id = 'o-000006'") == [
        ("CANCELED", "0.5")
    ]
    live = dump(rows)
    writer.rebuild_views(RUN)
    assert dump(rows) == live


@pytest.mark.parametrize(("kept", "held"), [(0, 0), (2, 2), (3, 3), (4, 3), (5, 3)])
def test_only_as_many_closed_orders_are_forgotten_as_there_are_too_many(
    writer, monkeypatch, kept, held
):
    monkeypatch.setattr(views, "KEEP_CLOSED", kept)
    desk = Desk()
    writer.begin_run(record())
    for _ in range(3):
        for step in desk.trade(OrderSide.BUY, "1", "61000"):
            writer.append_step(RUN, step)
    writer.flush()
    assert len(writer._runs[RUN].projector._lives) == held


def test_a_checkpoint_moves_rows_into_the_file_without_waiting_for_a_writer(writer, path, tmp_path):
    writer.begin_run(record())
    writer.append_step(RUN, Desk().deny("no"))
    writer.flush()
    with writer._connection.begin():
        writer._connection.exec_driver_sql("UPDATE runs SET account = 'not committed'")
        writer.checkpoint()
    alone = tmp_path / "copy.db"
    alone.write_bytes(path.read_bytes())
    connection = sqlite3.connect(alone)
    assert connection.execute("SELECT account FROM runs").fetchall() == [("paper",)]
    assert connection.execute("SELECT count(*) FROM decisions").fetchall() == [(1,)]
    connection.close()


def test_a_resumed_run_is_the_run_that_never_stopped(tmp_path, rows, writer, path):
    steps = day(Desk())
    write_day(writer)
    whole = dump(rows)
    checksums = rows("SELECT sequence, checksum FROM decisions ORDER BY sequence")
    other = tmp_path / "other.db"
    first = Writer(f"sqlite:///{other}")
    first.begin_run(record())
    for step in steps[:5]:
        first.append_step(RUN, step)
    first.close()
    second = Writer(f"sqlite:///{other}")
    assert second.resume_run(RUN) == record()
    for step in steps[5:]:
        second.append_step(RUN, step)
    second.close()
    writer.close()
    other.replace(path)
    assert dump(rows) == whole
    assert rows("SELECT sequence, checksum FROM decisions ORDER BY sequence") == checksums


def test_a_run_that_is_not_there_cannot_be_resumed(writer):
    with pytest.raises(NotFoundError, match="there is no run nowhere"):
        writer.resume_run("nowhere")


def test_finishing_a_run_commits_what_was_waiting_and_how_it_ended(writer, rows):
    writer.begin_run(record())
    writer.append_step(RUN, Desk().deny("no"))
    writer.finish_run(RUN, RunStatus.FAILED, {"fills": 0}, START + 5, error="boom")
    assert rows("SELECT status, error, summary, ended FROM runs") == [
        ("failed", "boom", '{"fills":0}', START + 5)
    ]
    assert len(rows("SELECT * FROM decisions")) == 1


def test_the_recording_is_cut_into_blocks_that_hold_every_event(writer, rows, monkeypatch):
    monkeypatch.setattr("alphaforge.store.intake.BLOCK_EVENTS", 10)
    writer.begin_run(record())
    for sequence in range(1, 26):
        writer.record_market(RUN, sequence, Trade("BTC/USDT", START + sequence, 61000.5, 0.1))
    writer.flush()
    query = "SELECT sequence, last_sequence, count FROM recording_blocks ORDER BY sequence"
    assert rows(query) == [(1, 10, 10), (11, 20, 10), (21, 25, 5)]


def test_appends_from_another_thread_during_flushes_are_all_committed_once(writer, rows):
    writer.begin_run(record())
    desk = Desk()
    steps = [desk.deny(f"reason {number}") for number in range(2_000)]
    done = threading.Event()

    def append() -> None:
        for step in steps:
            writer.append_step(RUN, step)
        done.set()

    thread = threading.Thread(target=append)
    thread.start()
    while not done.is_set():
        writer.flush()
    thread.join()
    assert writer.flush() == 2_000
    assert rows("SELECT count(*), min(sequence), max(sequence) FROM decisions") == [
        (2_000, 1, 2_000)
    ]


def test_samples_of_one_event_are_all_kept(writer, rows):
    writer.begin_run(record())
    for number in range(3):
        writer.sample_equity(RUN, 9, START, (Decimal(number), Decimal(0), Decimal("1E+2")))
    writer.flush()
    query = "SELECT position, equity, unrealized_pnl FROM equity ORDER BY position"
    assert rows(query) == [(0, "0", "100"), (1, "1", "100"), (2, "2", "100")]
