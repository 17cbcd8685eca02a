"""The one thread in which the store's writer runs, so that a commit never holds up the loop.

The loop's thread appends (well under a microsecond each), this thread commits what has gathered:
one transaction per so many milliseconds. A failed commit is kept and shown in `failure`; whoever
feeds the engine must stop then. Must never drop an append.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from alphaforge.store.database import Durability
from alphaforge.store.writer import Writer

FLUSH_SECONDS = 0.05
"""How long an append waits for company before it is committed."""

MOST_WAITING = 8_192
"""Appends that may wait for their commit before whoever appends must wait: what a stop has to
write in the worst case, and what memory holds."""

CHECKPOINT_APPENDS = 4_096
"""Appends after which the store's log is moved into its file in the next pause: some megabytes."""

_MOST_LOGGED = 65_536
"""The same without a pause."""

Answer = TypeVar("Answer")


class WriterThread:
    """Owns a `Writer`: opened, flushed and closed in a thread of its own.

    Attributes:
        failure: Why the last commit failed; None while all is well.
    """

    def __init__(self, url: str, durability: Durability = "process") -> None:
        self.failure: Exception | None = None
        self._url = url
        self._durability: Durability = durability
        self._jobs: queue.SimpleQueue[tuple[Callable[[Writer], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._opened: Future[Writer] = Future()
        self._closed: Future[None] = Future()
        self._checkpointed = 0
        # A daemon, so that a second Ctrl-C is never held up; `close` is how it ends in order.
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)

    async def open(self) -> Writer:
        """Start; returns the writer, whose appends may be called from the loop's thread.

        Raises `StoreError` if the database cannot be used.
        """
        self._thread.start()
        return await asyncio.wrap_future(self._opened)

    async def ask(self, work: Callable[[Writer], Answer]) -> Answer:
        """Have something done in the thread, and wait for it; raises what it raises."""
        answer: Future[Answer] = Future()
        self._jobs.put((work, answer))
        return await asyncio.wrap_future(answer)

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
        self._opened.set_result(writer)
        self._work(writer)
        try:
            writer.close()
        except Exception as error:  # noqa: BLE001 - thread boundary: it belongs to whoever closes
            self._closed.set_exception(error)
        else:
            self._closed.set_result(None)

    def _work(self, writer: Writer) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=FLUSH_SECONDS)
            except queue.Empty:
                self._flush(writer)
                continue
            if job is None:
                return
            work, answer = job
            try:
                answer.set_result(work(writer))
            except Exception as error:  # noqa: BLE001 - thread boundary: it belongs to whoever asked
                answer.set_exception(error)

    def _flush(self, writer: Writer) -> None:
        try:
            before = writer.committed
            self._relieve(writer, is_idle=writer.flush() == before)
        except Exception as error:  # noqa: BLE001 - thread boundary: whoever feeds looks at it
            self.failure = error
        else:
            self.failure = None

    def _relieve(self, writer: Writer, *, is_idle: bool) -> None:
        """Empty the store's log when enough has gathered: in a pause, or where none ever comes."""
        enough = CHECKPOINT_APPENDS if is_idle else _MOST_LOGGED
        if writer.committed - self._checkpointed >= enough:
            self._checkpointed = writer.committed
            writer.checkpoint()
