"""The one thread in which the store's writer runs, so that a commit never holds up the loop.

The loop's thread appends (well under a microsecond each), this thread commits what has gathered:
one transaction per so many milliseconds, or at once where somebody waits for it. Group commit: a
flush serves everyone whose append came before it began, and whoever comes while it runs is served
by the next, which begins as it ends. A failed commit is kept and shown in `failure`; whoever feeds
the engine must stop then. A second thread moves SQLite's log into its file, so that no commit waits
for that either. Must never drop an append.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from alphaforge.errors import StoreError
from alphaforge.store.database import Durability
from alphaforge.store.writer import Writer

FLUSH_SECONDS = 0.05
"""How long an append waits for company before it is committed."""

CHECKPOINT_APPENDS = 4_096
"""Appends after which the store's log is moved into its file: some megabytes."""

CHECKPOINT_COMMITS = 256
"""Appends after which the same is done where somebody waits for each: a longer log would hold up
a commit behind it (benchmark rows `intent_*`: at 1,024 the slowest hundredth takes four times as
long, and without a thread for it twenty times)."""

_EVERY_PLACE: Final = 1 << 62

Answer = TypeVar("Answer")


class _Flush:
    """A job: commit at once, somebody waits."""


_FLUSH: Final = _Flush()


class WriterThread:
    """Owns a `Writer`: opened, flushed and closed in a thread of its own."""

    def __init__(self, url: str, durability: Durability = "process") -> None:
        self._failure: Exception | None = None
        self._log_keeper: _LogKeeper | None = None
        self._url = url
        self._durability: Durability = durability
        self._jobs: queue.SimpleQueue[
            tuple[Callable[[Writer], Any], Future[Any]] | _Flush | None
        ] = queue.SimpleQueue()
        self._writer: Writer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._flush_asked = False
        self._opened: Future[Writer] = Future()
        self._closed: Future[None] = Future()
        self._checkpointed = 0
        # A daemon, so that a second Ctrl-C is never held up; `close` is how it ends in order.
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)

    @property
    def failure(self) -> Exception | None:
        """Why the last commit, or the last emptying of the log, failed; None while all is well."""
        keeper = self._log_keeper
        return self._failure or (None if keeper is None else keeper.failure)

    async def open(self) -> Writer:
        """Start; returns the writer, whose appends may be called from the loop's thread.

        Raises `StoreError` if the database cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._writer = await asyncio.wrap_future(self._opened)
        return self._writer

    async def ask(self, work: Callable[[Writer], Answer]) -> Answer:
        """Have something done in the thread, and wait for it; raises what it raises."""
        answer: Future[Answer] = Future()
        self._jobs.put((work, answer))
        return await asyncio.wrap_future(answer)

    async def commit(self, place: int) -> None:
        """Return once the append of that place is committed; a flush begins at once.

        Raises `StoreError` if the flush that should have held it failed, or after `close`.
        """
        writer, loop = self._writer, self._loop
        if writer is not None and writer.committed >= place:
            return
        if writer is None or loop is None or self._closed.done():
            raise _closed()
        committed: asyncio.Future[None] = loop.create_future()
        self._waiting.append((place, committed))
        # The thread lowers the flag before it looks at what was appended: a raised one means that
        # a flush is still to begin, and that it will hold this append.
        if not self._flush_asked:
            self._flush_asked = True
            self._jobs.put(_FLUSH)
        await committed

    async def close(self) -> None:
        """Commit what waits and end the thread; raises `StoreError` if it cannot be committed."""
        if self._thread.is_alive():
            self._jobs.put(None)
        await asyncio.wrap_future(self._closed)

    def _serve(self) -> None:
        try:
            writer = Writer(self._url, durability=self._durability)
        except Exception as error:  # noqa: BLE001 - thread boundary: it belongs to whoever opens
            self._closed.set_result(None)
            self._opened.set_exception(error)
            return
        keeper = self._log_keeper = _LogKeeper(writer)
        self._opened.set_result(writer)
        self._work(writer, keeper)
        keeper.close()
        try:
            writer.close()
        except Exception as error:  # noqa: BLE001 - thread boundary: it belongs to whoever closes
            self._closed.set_exception(error)
        else:
            self._closed.set_result(None)
        self._tell(_EVERY_PLACE, writer.committed, _closed())

    def _work(self, writer: Writer, keeper: "_LogKeeper") -> None:
        while True:
            try:
                job = self._jobs.get(timeout=FLUSH_SECONDS)
            except queue.Empty:
                self._flush(writer)
                keeper.relieve(CHECKPOINT_APPENDS)
                continue
            if job is None:
                return
            if isinstance(job, _Flush):
                self._flush_for_waiting(writer)
                keeper.relieve(CHECKPOINT_COMMITS)
                continue
            work, answer = job
            try:
                answer.set_result(work(writer))
            except Exception as error:  # noqa: BLE001 - thread boundary: it belongs to whoever asked
                answer.set_exception(error)

    def _flush_for_waiting(self, writer: Writer) -> None:
        self._flush_asked = False
        tried = writer.appended
        self._flush(writer)
        self._tell(tried, writer.committed, self._failure)

    def _flush(self, writer: Writer) -> None:
        try:
            writer.flush()
        except Exception as error:  # noqa: BLE001 - thread boundary: whoever feeds looks at it
            self._failure = error
        else:
            self._failure = None

    def _tell(self, tried: int, committed: int, error: Exception | None) -> None:
        """Let the loop answer those who wait, one call for all."""
        if self._loop is not None:
            with suppress(RuntimeError):  # of a closed loop: nobody is left who waits
                self._loop.call_soon_threadsafe(self._answer, tried, committed, error)

    def _answer(self, tried: int, committed: int, error: Exception | None) -> None:
        """In the loop: whoever's append is committed goes on; a failure belongs to all it held."""
        waiting, self._waiting = self._waiting, []
        for place, answer in waiting:
            if answer.done():  # its caller was cancelled
                continue
            if place <= committed:
                answer.set_result(None)
            elif error is not None and place <= tried:
                answer.set_exception(error)
            else:
                self._waiting.append((place, answer))


class _LogKeeper:
    """Moves the store's log into its file, in a thread that nobody waits for.

    Attributes:
        failure: Why it failed the last time; None while all is well.
    """

    def __init__(self, writer: Writer) -> None:
        self.failure: Exception | None = None
        self._writer = writer
        self._moved = 0
        self._ended = False
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="store-log", daemon=True)
        self._thread.start()

    def relieve(self, enough: int) -> None:
        """Have the log emptied once so many appends were committed since the last time."""
        committed = self._writer.committed
        if committed - self._moved >= enough:
            self._moved = committed
            self._wanted.set()

    def close(self) -> None:
        """Finish what is begun and end the thread."""
        self._ended = True
        self._wanted.set()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._ended:
                return
            try:
                self._writer.checkpoint()
            except Exception as error:  # noqa: BLE001 - thread boundary: whoever feeds looks at it
                self.failure = error
            else:
                self.failure = None


def _closed() -> StoreError:
    return StoreError("the store is not open: nothing can be committed any more")
