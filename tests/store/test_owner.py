"""The traps of an asynchronous database, each shown shut: hangs, cancels, leaks, isolation."""

import asyncio
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import text

from alphaforge.errors import StoreError
from alphaforge.store.owner import QueryOwner, owned
from tests.store.stories import record

SLOW = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
SELECT count(*) FROM numbers
"""


def slow(rows: int, told: asyncio.Event | None = None):
    async def query(connection):
        if told is not None:
            told.set()
        return (await connection.execute(text(SLOW.format(rows=rows)))).scalar()

    return query


def pragma(name: str):
    async def query(connection):
        return (await connection.execute(text(f"PRAGMA {name}"))).scalar()

    return query


def test_the_part_of_sqlalchemy_that_asyncio_needs_is_installed():
    assert find_spec("greenlet") is not None


async def test_connections_of_the_reader_are_set_too(writer, url):
    async with owned(url) as owner:
        settings = {
            name: await owner.ask(pragma(name))
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "query_only")
        }
    assert settings == {
        "journal_mode": "wal",
        "busy_timeout": 5000,
        "foreign_keys": 1,
        "query_only": 1,
    }


async def test_queries_are_answered_in_turn(writer, url):
    async with owned(url) as owner, asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(owner.ask(slow(number))) for number in range(1, 9)]
    assert [task.result() for task in asked] == list(range(1, 9))


async def test_an_error_belongs_to_whoever_asked_and_the_next_query_runs(writer, url):
    async def wrong(connection):
        return await connection.execute(text("SELECT 1 FROM nowhere"))

    async with owned(url) as owner:
        with pytest.raises(StoreError, match="no such table: nowhere"):
            await owner.ask(wrong)
        assert await owner.ask(slow(3)) == 3


async def test_a_canceled_caller_is_gone_before_its_query_is_done(writer, url):
    """SQLite goes on counting; nobody waits for it but the owner."""
    async with owned(url) as owner:
        told = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(owner.ask(slow(3_000_000, told)))
            await told.wait()
            task.cancel()
        assert task.cancelled()
        after = owner.ask(slow(2))
        assert await after == 2


async def test_a_caller_canceled_in_line_never_reaches_the_database(writer, url):
    reached = []

    async def query(connection):
        reached.append(connection)

    async with owned(url) as owner:
        told = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(owner.ask(slow(100_000, told)))
            await told.wait()
            waiting = tasks.create_task(owner.ask(query))
            await asyncio.sleep(0)
            waiting.cancel()
    assert reached == []


async def test_closing_answers_what_is_in_line_and_takes_no_more(writer, url):
    owner = QueryOwner(url)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(owner.serve())
        asked = [tasks.create_task(owner.ask(slow(number))) for number in (5, 6)]
        await asyncio.sleep(0)
        owner.close()
        owner.close()
    assert [task.result() for task in asked] == [5, 6]
    with pytest.raises(StoreError, match="being closed"):
        await owner.ask(slow(1))


async def test_an_owner_that_is_canceled_finishes_answers_and_closes_first(writer, url):
    owner = QueryOwner(url)
    told = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(owner.serve())
        first = tasks.create_task(owner.ask(slow(200_000, told)))
        second = tasks.create_task(owner.ask(slow(4)))
        await told.wait()
        serving.cancel()
        await asyncio.sleep(0)
        serving.cancel()
    assert serving.cancelled()
    assert (first.result(), second.result()) == (200_000, 4)
    with pytest.raises(StoreError, match="being closed"):
        await owner.ask(slow(1))


async def test_an_error_inside_the_block_comes_out_as_it_is(writer, url):
    with pytest.raises(ZeroDivisionError):
        async with owned(url):
            _ = 1 / 0


BUSY = """
import asyncio, sys
from alphaforge.store.owner import owned
from tests.store.test_owner import slow

async def ask_for_ever(owner):
    while True:
        await owner.ask(slow(200_000))

async def main():
    async with owned(sys.argv[1]) as owner, asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(ask_for_ever(owner))
        await owner.ask(slow(1))
        print("busy", flush=True)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("ended", flush=True)
"""

LEAK = """
import asyncio, sys
from alphaforge.store.owner import QueryOwner
from tests.store.test_owner import slow

kept = []

async def main(rows):
    owner = QueryOwner(sys.argv[1])
    kept.append(asyncio.create_task(owner.serve()))
    await owner.ask(slow(1))
    kept.append(asyncio.create_task(owner.ask(slow(rows))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

asyncio.run(main(int(sys.argv[2])))
print("ended")
"""


def child(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip


def test_ctrl_c_while_eight_tasks_query_ends_the_process(writer, url):
    writer.begin_run(record())
    process = child(BUSY, url)
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("ended\n", "", 0)


@pytest.mark.parametrize("rows", [1, 2_000_000])
def test_a_process_that_forgets_to_close_its_owner_still_ends(writer, url, rows):
    """Also while a query runs: aiosqlite's thread alone would keep the process alive for ever."""
    out, err = child(LEAK, url, str(rows)).communicate(timeout=20)
    assert (out, err) == ("ended\n", "")
