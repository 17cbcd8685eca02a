"""The one task that owns the asynchronous database engine: others hand it queries and wait.

Why so: a task that is cancelled while it holds an aiosqlite connection can hang the whole process
on Ctrl-C, and cancelling it does not stop the query either. So callers hold no connection: when
one is cancelled it is gone at once, and its query ends here unseen. Whatever happens to this task,
it finishes the query in hand, answers what is in line, closes the engine and then ends.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from alphaforge.errors import StoreError
from alphaforge.store import database

Answer = TypeVar("Answer")

Query: TypeAlias = Callable[[AsyncConnection], Awaitable[Answer]]
"""One short read; it must not keep the connection."""

_ASYNC_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


class _Job(Generic[Answer]):
    __slots__ = ("answer", "query")

    def __init__(self, query: Query[Answer], answer: asyncio.Future[Answer]) -> None:
        self.query = query
        self.answer = answer


class QueryOwner:
    """Runs the queries of one database, one after the other.

    Start `serve` as a task and keep it; `close` lets it end.
    """

    def __init__(self, url: str) -> None:
        self._url = database.parse_url(url)
        # Not bounded by a number: each caller waits for its answer, so callers are the bound.
        self._jobs: asyncio.Queue[_Job[Any] | None] = asyncio.Queue()
        self._closed = False

    async def ask(self, query: Query[Answer]) -> Answer:
        """Have a query run and wait for its answer; cancelling returns at once.

        Raises `StoreError` if the database refuses, or after `close`.
        """
        if self._closed:
            raise _closed()
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._jobs.put_nowait(_Job(query, answer))
        return await answer

    def close(self) -> None:
        """Take no more queries; those in line are still answered, then `serve` ends."""
        if not self._closed:
            self._closed = True
            self._jobs.put_nowait(None)

    async def serve(self) -> None:
        """Own the engine until `close`; being cancelled is taken as `close`."""
        work = asyncio.create_task(self._work())  # noqa: TID251 - must outlive a cancellation of its group; awaited below
        cancelled = False
        while not work.done():
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:
                cancelled = True
                self.close()
        work.result()
        if cancelled:
            raise asyncio.CancelledError

    async def _work(self) -> None:
        engine = _open(self._url)
        try:
            while (job := await self._jobs.get()) is not None:
                await self._answer(engine, job)
        finally:
            self._closed = True
            self._refuse_rest()
            await engine.dispose()

    async def _answer(self, engine: AsyncEngine, job: _Job[Any]) -> None:
        if job.answer.done():  # its caller was cancelled while it stood in line
            return
        try:
            with database.explained(self._url):
                async with engine.connect() as connection:
                    value = await job.query(connection)
        except Exception as error:  # noqa: BLE001 - task boundary: an error belongs to whoever asked
            if not job.answer.done():
                job.answer.set_exception(error)
        else:
            if not job.answer.done():
                job.answer.set_result(value)

    def _refuse_rest(self) -> None:
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if job is not None and not job.answer.done():
                job.answer.set_exception(_closed())


@asynccontextmanager
async def owned(url: str) -> AsyncGenerator[QueryOwner]:
    """An owner for the length of a block: for a command that reads and ends.

    Raises `NotFoundError` if there is no database yet, `StoreError` if it cannot be read.
    """
    database.require(url)
    owner = QueryOwner(url)
    task = asyncio.create_task(owner.serve())  # noqa: TID251 - awaited below; a TaskGroup would wrap the block's errors
    try:
        yield owner
    finally:
        owner.close()
        await task


def _open(url: URL) -> AsyncEngine:
    driver = _ASYNC_DRIVERS.get(url.get_backend_name(), url.drivername)
    engine = create_async_engine(
        url.set(drivername=driver), json_deserializer=msgspec.json.decode, pool_size=1
    )
    database.set_reader(engine.sync_engine)
    return engine


def _closed() -> StoreError:
    return StoreError("the database is being closed: no query is taken any more")
