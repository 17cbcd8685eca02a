"""The writer's thread: appends are committed by themselves, failures are shown, none is lost."""

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from alphaforge.errors import StoreError
from alphaforge.model.commands import StartSession
from alphaforge.services import writer_thread
from alphaforge.services.run_journal import RunJournal
from alphaforge.services.writer_thread import WriterThread
from alphaforge.store.writer import Writer
from tests.store.stories import record


async def opened(folder: Path) -> tuple[WriterThread, RunJournal]:
    thread = WriterThread(f"sqlite:///{folder / 'runs.db'}")
    writer = await thread.open()
    await thread.ask(lambda writer: writer.begin_run(record()))
    return thread, RunJournal(thread, writer, record().run_id)


def inputs_in(folder: Path) -> int:
    connection = sqlite3.connect(folder / "runs.db")
    try:
        return connection.execute("SELECT count(*) FROM inputs").fetchone()[0]
    finally:
        connection.close()


async def test_work_runs_in_a_thread_of_its_own(tmp_path):
    thread, _ = await opened(tmp_path)
    assert await thread.ask(lambda _: threading.current_thread().name) == "store-writer"
    await thread.close()


async def test_closing_commits_what_was_appended(tmp_path):
    thread, journal = await opened(tmp_path)
    journal.input(1, StartSession(1))
    await thread.close()
    assert inputs_in(tmp_path) == 1


async def test_draining_commits_what_was_appended(tmp_path):
    thread, journal = await opened(tmp_path)
    journal.input(1, StartSession(1))
    await journal.drain()
    assert inputs_in(tmp_path) == 1
    await thread.close()


async def test_a_journal_is_full_until_it_is_drained(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_thread, "FLUSH_SECONDS", 60)
    thread, journal = await opened(tmp_path)
    for sequence in range(writer_thread.MOST_WAITING + 1):
        journal.input(sequence, StartSession(1))
    assert journal.is_full
    await journal.drain()
    assert not journal.is_full
    await thread.close()


async def test_committed_rows_leave_the_log_while_the_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_thread, "CHECKPOINT_APPENDS", 1)
    moved, real = threading.Event(), Writer.checkpoint

    def checkpoint(writer: Writer) -> None:
        real(writer)
        moved.set()

    monkeypatch.setattr(Writer, "checkpoint", checkpoint)
    thread, journal = await opened(tmp_path)
    journal.input(1, StartSession(1))
    assert moved.wait(10)
    (tmp_path / "alone").mkdir()
    shutil.copy(tmp_path / "runs.db", tmp_path / "alone")  # without its log
    assert inputs_in(tmp_path / "alone") == 1
    await thread.close()


async def test_a_database_that_cannot_be_opened_fails_the_opening(tmp_path):
    thread = WriterThread(f"sqlite:///{tmp_path}")
    with pytest.raises(StoreError):
        await thread.open()
    await thread.close()


async def test_a_failed_commit_is_shown_and_tried_again(tmp_path, monkeypatch):
    thread, journal = await opened(tmp_path)
    real, failed = Writer.flush, threading.Event()

    def refuse(writer: Writer) -> int:
        failed.set()
        raise StoreError("the disk is full")

    monkeypatch.setattr(Writer, "flush", refuse)
    journal.input(1, StartSession(1))
    assert failed.wait(10)
    with pytest.raises(StoreError, match="disk is full"):
        await journal.drain()
    with pytest.raises(StoreError, match="disk is full"):
        journal.check()
    monkeypatch.setattr(Writer, "flush", real)
    await thread.close()
    assert inputs_in(tmp_path) == 1
