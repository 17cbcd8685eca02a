"""The link to an engine over a real Unix socket: it follows, says when it is lost, comes back."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import WSMsgType, web

from alphaforge import __version__
from alphaforge.client import engines
from alphaforge.client.errors import EngineLostError
from alphaforge.client.messages import CHANNELS, Beat, Difference, Snapshot, Watch
from alphaforge.client.records import EngineRecord
from alphaforge.client.requests import Accepted, Problem, Who
from alphaforge.errors import AlphaForgeError, NotFoundError
from alphaforge.tui.link import Link, LinkState, problem_of
from tests.tui.scene import NOW, ago, position, summary

PATIENCE_S = 20.0


class Engine:
    """Serves what a test tells it on the socket of a record."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.environ = {"ALPHAFORGE_RUNTIME_DIR": str(folder)}
        self.record = EngineRecord(
            run_id=run_id, pid=os.getpid(), version=__version__, mode="paper", venue="local",
            account="main", strategies=("s",), started=ago(10), project="/p", store="",
            socket=str(folder / f"{run_id}.sock"),
        )  # fmt: skip
        self.sockets: list[web.WebSocketResponse] = []
        self.heard: list[str] = []
        self.beats = True
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/ws/all", self._stream)
        app.router.add_post("/api/pause", self._pause)
        app.router.add_get("/api/orders/x", self._missing)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, self.record.socket).start()
        engines.write(self.record, self.environ)

    async def stop(self) -> None:
        engines.remove(self.record.run_id, self.environ)
        for socket in self.sockets:
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def send(self, message: msgspec.Struct) -> None:
        for socket in self.sockets:
            await socket.send_str(msgspec.json.encode(message).decode())

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        for channel in CHANNELS:
            rows = {"run": summary()} if channel == "portfolio" else {}
            content = {key: msgspec.Raw(msgspec.json.encode(row)) for key, row in rows.items()}
            message = Snapshot(channel=channel, seq=4, ts=NOW, rows=content)
            await socket.send_str(msgspec.json.encode(message).decode())
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                self.heard.append(frame.data)
        self.sockets.remove(socket)
        return socket

    async def _pause(self, request: web.Request) -> web.Response:
        who = msgspec.json.decode(await request.read(), type=Who).who
        return web.Response(body=msgspec.json.encode(Accepted(message=f"paused for {who}")))

    async def _missing(self, request: web.Request) -> web.Response:
        problem = Problem(code="AF-N000", message="no order x", remedy="type: orders", exit_code=7)
        return web.Response(status=404, body=msgspec.json.encode(problem))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "rt"
    made.mkdir(mode=0o700)
    return made


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - the link tells nobody, as for the app's frames
            await asyncio.sleep(0.01)


@asynccontextmanager
async def following(link: Link) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(link.run())
        yield
        task.cancel()


async def told(link: Link) -> None:
    await until(lambda: link.mirror.is_whole and link.status().is_live)


async def test_it_follows_watches_and_asks_again_after_a_gap(folder: Path) -> None:
    engine = Engine(folder, "r1")
    await engine.start()
    link = Link(engine.record, engine.environ)
    assert link.status().state is LinkState.CONNECTING
    await link.watch(Watch(symbol="BTC/USDT"))
    async with following(link):
        await told(link)
        assert link.mirror.summary == summary()
        await until(lambda: any("BTC/USDT" in text for text in engine.heard))
        row = msgspec.Raw(msgspec.json.encode(position("A/B", "1", "1", "1", "1", 1.0, "s")))
        await engine.send(Difference(channel="positions", seq=5, ts=NOW, set={"s|A/B": row}))
        await until(lambda: "s|A/B" in link.mirror.positions)
        await engine.send(Difference(channel="positions", seq=7, ts=NOW, set={}))
        await until(lambda: any('"channel":"positions"' in text for text in engine.heard))
        assert link.gaps == 1
        assert link.bytes_read > 0
    await engine.stop()


async def test_an_engine_that_ends_is_told_and_its_next_run_is_followed(folder: Path) -> None:
    engine = Engine(folder, "r1")
    await engine.start()
    link = Link(engine.record, engine.environ)
    async with following(link):
        await told(link)
        before = link.mirror
        await engine.stop()
        await until(lambda: link.status().state is LinkState.LOST)
        assert link.status().attempt >= 1
        assert link.status().reason
        with pytest.raises(EngineLostError):
            await link.post("/api/pause", Who(who="t"), Accepted)
        again = Engine(folder, "r2")
        await again.start()
        await until(lambda: link.record.run_id == "r2")
        await told(link)
        assert link.mirror is not before
        assert link.mirror.summary == summary()
    await again.stop()


@pytest.mark.parametrize("other", [{"account": "second"}, {"venue": "elsewhere"}])
async def test_a_run_of_another_account_is_never_followed_instead(
    folder: Path, other: dict[str, str]
) -> None:
    gone, beside = Engine(folder, "r1"), Engine(folder, "r2")
    beside.record = msgspec.structs.replace(beside.record, **other)
    await beside.start()
    link = Link(gone.record, gone.environ)
    link._look_again()
    assert link.record == gone.record
    await beside.stop()


async def test_a_run_that_went_on_beside_the_lost_one_is_not_taken_for_the_next(
    folder: Path,
) -> None:
    engine, beside, after = (Engine(folder, name) for name in ("r1", "r2", "r3"))
    await engine.start()
    await beside.start()
    link = Link(engine.record, engine.environ)
    async with following(link):
        await told(link)
        await engine.stop()
        await until(lambda: link.status().attempt >= 2)
        assert link.record.run_id == "r1"
        await after.start()
        await until(lambda: link.record.run_id == "r3")
        await told(link)
    await beside.stop()
    await after.stop()


async def test_the_same_run_under_a_new_process_keeps_its_mirror(folder: Path) -> None:
    engine = Engine(folder, "r1")
    await engine.start()
    link = Link(engine.record, engine.environ)
    async with following(link):
        await told(link)
        before = link.mirror
        await engine.stop()
        await until(lambda: link.status().state is LinkState.LOST)
        again = Engine(folder, "r1")
        await again.start()
        await told(link)
        assert link.mirror is before
    await again.stop()


async def test_silence_is_a_loss_before_the_socket_closes_and_a_word_ends_it(folder: Path) -> None:
    engine = Engine(folder, "r1")
    await engine.start()
    link = Link(engine.record, engine.environ)
    async with following(link):
        await told(link)
        await until(lambda: not link.status().is_live)
        assert "no word for" in link.status().reason
        await engine.send(Beat(ts=NOW))
        await until(lambda: link.status().is_live)
    await engine.stop()


async def test_requests_are_answered_or_refused_in_the_engine_s_words(folder: Path) -> None:
    engine = Engine(folder, "r1")
    await engine.start()
    link = Link(engine.record, engine.environ)
    async with following(link):
        await told(link)
        answer = await beating(engine, link.post("/api/pause", Who(who="t"), Accepted))
        assert answer.message == "paused for t"
        with pytest.raises(NotFoundError) as refused:
            await beating(engine, link.get_as("/api/orders/x", Accepted))
        assert problem_of(refused.value) == "no order x. type: orders"
    await engine.stop()


async def beating(engine: Engine, work: Awaitable[Accepted]) -> Accepted:
    """Requests need a live link: the engine has just spoken."""
    await engine.send(Beat(ts=NOW))
    await asyncio.sleep(0)
    return await work


def test_an_answer_that_never_came_is_told_as_not_known() -> None:
    lost = EngineLostError("it went away", remedy="look", may_have_happened=True)
    assert problem_of(lost) == "NOT KNOWN whether it happened: it went away. look"
    assert problem_of(AlphaForgeError("refused")) == "not done: refused"
