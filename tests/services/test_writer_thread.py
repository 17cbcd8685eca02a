"""The writer's thread: appends are committed by themselves, failures are shown, none is lost."""

import asyncio
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from alphaforge.errors import StoreError
from alphaforge.model.commands import StartSession
from alphaforge.services import run_journal, writer_thread
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


class Gate:
    """Holds every flush once it has written what it took in, until it may end or must fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: int = 0) -> None:
        self.begun = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.flushes = 0
        self._failing = failing
        self._real = Writer.flush
        gate = self

        def flush(writer: Writer) -> int:
            return gate._flush(writer)

        monkeypatch.setattr(writer_thread, "FLUSH_SECONDS", 60)
        monkeypatch.setattr(Writer, "flush", flush)

    def _flush(self, writer: Writer) -> int:
        self.flushes += 1
        fails = self.flushes == self._failing
        committed = writer.committed if fails else self._real(writer)
        self.begun.release()
        assert self.let.acquire(timeout=10)
        if fails:
            raise StoreError("the disk is full")
        return committed

    async def wait_until_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, timeout=10)

    def open(self) -> None:
        self.let.release(1_000)


def appended(journal: RunJournal, sequence: int) -> asyncio.Task[None]:
    """Somebody who appended an input and waits for its commit."""

    async def wait(place: int) -> None:
        await journal.commit(place)

    journal.input(sequence, StartSession(1))
    return asyncio.create_task(wait(journal.place))


async def test_a_commit_returns_once_its_place_is_in_the_database(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_thread, "FLUSH_SECONDS", 60)
    thread, journal = await opened(tmp_path)
    for sequence in range(1, 20):
        journal.input(sequence, StartSession(1))
        await journal.commit(journal.place)
        assert inputs_in(tmp_path) == sequence
    await thread.close()


async def test_a_place_that_is_committed_needs_no_flush(tmp_path, monkeypatch):
    thread, journal = await opened(tmp_path)
    journal.input(1, StartSession(1))
    await journal.drain()
    gate = Gate(monkeypatch)
    await journal.commit(journal.place)
    assert gate.flushes == 0
    gate.open()
    await thread.close()


async def test_all_who_come_while_a_flush_runs_are_served_by_the_next_one(tmp_path, monkeypatch):
    thread, journal = await opened(tmp_path)
    gate = Gate(monkeypatch)
    first = appended(journal, 1)
    await gate.wait_until_begun()
    others = [appended(journal, sequence) for sequence in range(2, 102)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(first, *others)
    assert gate.flushes == 2
    assert inputs_in(tmp_path) == 101
    await thread.close()


async def test_a_failed_flush_fails_those_it_held_and_nobody_after_them(tmp_path, monkeypatch):
    thread, journal = await opened(tmp_path)
    gate = Gate(monkeypatch, failing=1)
    journal.input(1, StartSession(1))
    early = [appended(journal, 2), appended(journal, 3)]
    await gate.wait_until_begun()
    late = appended(journal, 4)
    await asyncio.sleep(0)
    gate.open()
    for waiter in early:
        with pytest.raises(StoreError, match="disk is full"):
            await waiter
    await late
    assert inputs_in(tmp_path) == 4  # a failed flush loses nothing
    assert thread.failure is None
    await thread.close()


async def test_who_gives_up_waiting_disturbs_nobody(tmp_path, monkeypatch):
    thread, journal = await opened(tmp_path)
    gate = Gate(monkeypatch)
    impatient, patient = appended(journal, 1), appended(journal, 2)
    await gate.wait_until_begun()
    impatient.cancel()
    await asyncio.sleep(0)
    gate.open()
    await patient
    assert impatient.cancelled()
    assert inputs_in(tmp_path) == 2
    await thread.close()


async def test_closing_answers_all_who_wait_and_refuses_those_who_come_later(tmp_path):
    thread, journal = await opened(tmp_path)
    waiters = [appended(journal, sequence) for sequence in range(1, 10)]
    await asyncio.sleep(0)
    await thread.close()
    await asyncio.gather(*waiters)
    with pytest.raises(StoreError, match="not open"):
        await journal.commit(journal.place + 1)
    await journal.commit(journal.place)


async def test_closing_fails_a_wait_for_what_was_never_appended(tmp_path):
    thread, journal = await opened(tmp_path)

    async def wait() -> None:
        await journal.commit(1_000)

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)
    await thread.close()
    with pytest.raises(StoreError, match="not open"):
        await waiter


async def test_a_log_that_cannot_be_emptied_is_shown_until_it_can(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_thread, "CHECKPOINT_COMMITS", 1)
    real, tried = Writer.checkpoint, threading.Semaphore(0)

    def refuse(writer: Writer) -> None:
        tried.release()
        raise StoreError("the disk is full")

    def work(writer: Writer) -> None:
        real(writer)
        tried.release()

    async def commit_and_wait(sequence: int) -> None:
        journal.input(sequence, StartSession(1))
        await journal.commit(journal.place)
        assert await asyncio.to_thread(tried.acquire, timeout=10)

    monkeypatch.setattr(Writer, "checkpoint", refuse)
    thread, journal = await opened(tmp_path)
    await commit_and_wait(1)
    await commit_and_wait(2)  # the first failure was told before this one was tried
    with pytest.raises(StoreError, match="disk is full"):
        journal.check()
    monkeypatch.setattr(Writer, "checkpoint", work)
    await commit_and_wait(3)
    await thread.close()
    assert thread.failure is None


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
    for sequence in range(run_journal.MOST_WAITING + 1):
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
