"""Requests and streams over a real Unix socket: answers, refusals, engines that go away."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from aiohttp import WSMsgType, web

from alphaforge.client import connection
from alphaforge.client.connection import Connection
from alphaforge.client.errors import (
    ControlError,
    ControlForbiddenError,
    ControlNotFoundError,
    ControlRiskError,
    EngineLostError,
)
from alphaforge.client.messages import Beat, ServerMessage, Watch
from alphaforge.client.requests import Accepted, OrderRequest, Problem, Who
from alphaforge.errors import ExitCode, NoEngineError, RiskRefusedError
from tests.client.rows import TS, engine_record, snapshot


@pytest.fixture
def socket_file() -> Iterator[Path]:
    with TemporaryDirectory(prefix="af-") as folder:
        yield Path(folder) / "a.sock"


def problem(status: int, **words: object) -> web.Response:
    known = {"code": "AF-R000", "message": "too big", "remedy": "smaller", "exit_code": 6}
    body = msgspec.json.encode(Problem(**{**known, **words}))
    return web.Response(status=status, body=body, content_type="application/json")


@asynccontextmanager
async def serving(path: Path, *routes: web.RouteDef) -> AsyncIterator[Connection]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    try:
        async with Connection(engine_record("a", socket=str(path))) as engine:
            yield engine
    finally:
        await runner.cleanup()


def answering(answer: web.Response):
    async def handle(request: web.Request) -> web.Response:
        return answer

    return handle


async def test_an_answer_is_given_raw_or_decoded(socket_file) -> None:
    seen: list[str] = []

    async def orders(request: web.Request) -> web.Response:
        seen.append(request.query_string)
        return web.json_response({"schema": 1, "message": "fine"})

    async with serving(socket_file, web.get("/api/live/orders", orders)) as engine:
        assert b"fine" in await engine.get("/api/live/orders", limit=5, before=None, all=True)
        answer = await engine.get_as("/api/live/orders", Accepted, closed=False)
    assert (answer.message, seen) == ("fine", ["limit=5&all=1", ""])


async def test_a_request_is_sent_as_its_struct(socket_file) -> None:
    bodies: list[object] = []

    async def orders(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.json_response({"message": f"{request.method} {request.query.get('dry_run')}"})

    routes = (web.post("/api/orders", orders), web.patch("/api/orders", orders))
    async with serving(socket_file, *routes) as engine:
        order = OrderRequest(symbol="BTC/USDT", side="BUY", quantity="0.1")
        first = await engine.post("/api/orders", order, Accepted, dry_run=True)
        second = await engine.post("/api/orders", None, Accepted)
        third = await engine.patch("/api/orders", Who(who="cli"), Accepted)
    assert [each.message for each in (first, second, third)] == [
        "POST 1", "POST None", "PATCH None"
    ]  # fmt: skip
    assert (bodies[0]["quantity"], bodies[1], bodies[2]["who"]) == ("0.1", {}, "cli")


@pytest.mark.parametrize(
    ("status", "exit_code", "kind"),
    [
        (422, 6, ControlRiskError),
        (404, 7, ControlNotFoundError),
        (403, 4, ControlForbiddenError),
        (409, 1, ControlError),
        (500, 77, ControlError),
    ],
)
async def test_a_refusal_is_an_error_with_the_engines_own_words(
    socket_file, status: int, exit_code: int, kind: type[ControlError]
) -> None:
    handle = answering(problem(status, exit_code=exit_code))
    async with serving(socket_file, web.post("/api/orders", handle)) as engine:
        with pytest.raises(kind) as caught:
            await engine.post("/api/orders", None, Accepted)
    error = caught.value
    assert (error.message, error.remedy, error.code) == ("too big", "smaller", "AF-R000")
    assert error.exit_code == (exit_code if exit_code != 77 else ExitCode.FAILED)


async def test_a_refusal_by_risk_is_also_what_the_engine_itself_would_raise(socket_file) -> None:
    async with serving(socket_file, web.get("/x", answering(problem(422)))) as engine:
        with pytest.raises(RiskRefusedError):
            await engine.get("/x")


async def test_an_answer_without_words_names_the_path_and_the_status(socket_file) -> None:
    async with serving(socket_file) as engine:
        with pytest.raises(ControlError, match="run a answered 404 Not Found to GET /api/new"):
            await engine.get("/api/new")


async def test_an_answer_of_another_version_says_so(socket_file) -> None:
    handle = answering(web.json_response({"other": 1}))
    async with serving(socket_file, web.get("/x", handle)) as engine:
        with pytest.raises(ControlError, match="cannot read"):
            await engine.get_as("/x", Accepted)


async def test_without_an_engine_it_is_lost_and_nothing_happened(socket_file) -> None:
    async with Connection(engine_record("a", socket=str(socket_file))) as engine:
        with pytest.raises(EngineLostError, match="cannot be reached: No such file") as caught:
            await engine.post("/api/orders", None, Accepted)
        assert not caught.value.may_have_happened
        with pytest.raises(EngineLostError, match="cannot be reached"):
            await anext(engine.stream())
    assert isinstance(caught.value, NoEngineError)


async def test_an_engine_that_dies_over_an_order_leaves_its_outcome_open(socket_file) -> None:
    async def die(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    routes = (web.post("/api/orders", die), web.get("/api/live/orders", die))
    async with serving(socket_file, *routes) as engine:
        with pytest.raises(EngineLostError, match="may have been done") as caught:
            await engine.post("/api/orders", None, Accepted)
        assert caught.value.may_have_happened
        assert "alphaforge orders --run a" in caught.value.remedy
        with pytest.raises(EngineLostError) as read:
            await engine.get("/api/live/orders")
        assert not read.value.may_have_happened


async def test_an_engine_that_does_not_answer_in_time_leaves_the_outcome_open(
    socket_file, monkeypatch
) -> None:
    monkeypatch.setattr(connection, "CHANGE_SECONDS", 0.05)
    never = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with serving(socket_file, web.post("/api/orders", hang)) as engine:
        with pytest.raises(EngineLostError, match=r"not answered for 0\.05 s: what was asked may"):
            await engine.post("/api/orders", None, Accepted)
        never.set()


async def test_a_stream_gives_messages_and_takes_watches_and_resends(socket_file) -> None:
    heard: list[object] = []

    async def stream(request: web.Request) -> web.WebSocketResponse:
        channel = web.WebSocketResponse()
        await channel.prepare(request)
        heard.append(request.path)
        await channel.send_bytes(msgspec.json.encode(snapshot("orders", 1, {})))
        async for frame in channel:
            assert frame.type is WSMsgType.TEXT
            heard.append(frame.json())
            await channel.send_str(msgspec.json.encode(Beat(ts=TS)).decode())
        return channel

    got: list[ServerMessage] = []
    async with serving(socket_file, web.get("/ws/{channel}", stream)) as engine:
        messages = engine.stream("all", Watch(symbol="BTC/USDT"))
        async for message in messages:
            got.append(message)
            if len(got) == 2:
                await messages.watch(Watch(symbol="ETH/USDT", depth=5))
            elif len(got) == 3:
                await messages.resend("orders")
            elif len(got) == 4:
                break
        await messages.close()
    assert [type(each).__name__ for each in got] == ["Snapshot", "Beat", "Beat", "Beat"]
    assert heard[0] == "/ws/all"
    assert [each.get("symbol", each.get("channel")) for each in heard[1:]] == [
        "BTC/USDT", "ETH/USDT", "orders"
    ]  # fmt: skip
    assert messages.bytes_read > 0


async def test_a_stream_that_falls_silent_is_lost(socket_file, monkeypatch) -> None:
    monkeypatch.setattr(connection, "SILENT_SECONDS", 0.05)

    async def silent(request: web.Request) -> web.WebSocketResponse:
        channel = web.WebSocketResponse()
        await channel.prepare(request)
        await channel.receive()
        return channel

    async with serving(socket_file, web.get("/ws/all", silent)) as engine:
        with pytest.raises(EngineLostError, match=r"said nothing for 0\.05 s"):
            await anext(engine.stream())


async def test_a_stream_that_is_refused_is_no_lost_engine(socket_file) -> None:
    async with serving(socket_file) as engine:
        with pytest.raises(ControlError, match="does not stream all: it answered 404"):
            await anext(engine.stream())


ENGINE = """
import asyncio, sys
from aiohttp import web

async def stream(request):
    channel = web.WebSocketResponse()
    await channel.prepare(request)
    await channel.send_str('{"type":"beat","ts":"2026-11-20T09:15:00Z"}')
    await channel.receive()

app = web.Application()
app.add_routes([web.get("/ws/all", stream)])
web.run_app(app, path=sys.argv[1], print=lambda text: print(text, flush=True))
"""


async def test_an_engine_that_is_killed_is_lost_at_once(socket_file) -> None:
    child = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs in this loop yet
        [sys.executable, "-c", ENGINE, str(socket_file)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        await asyncio.to_thread(child.stdout.readline)
        async with (
            asyncio.timeout(20),
            Connection(engine_record("a", socket=str(socket_file))) as engine,
        ):
            messages = engine.stream()
            assert isinstance(await anext(messages), Beat)
            os.kill(child.pid, signal.SIGKILL)
            with pytest.raises(EngineLostError, match="ended the stream"):
                await anext(messages)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


async def test_over_tcp_the_token_goes_along() -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.extend((request.headers.get("Authorization", ""), request.host))
        return web.json_response({})

    app = web.Application()
    app.add_routes([web.get("/x", handle)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with Connection.tcp(f"{host}:{port}", "secret") as engine:
            await engine.get("/x")
    finally:
        await runner.cleanup()
    assert seen == ["Bearer secret", f"{host}:{port}"]


def test_aiohttp_is_not_loaded_until_a_connection_is_opened() -> None:
    script = (
        "import sys, alphaforge.client.connection, alphaforge.client.mirror, "
        "alphaforge.client.grammar, alphaforge.client.engines; "
        "print({'aiohttp', 'asyncio.subprocess', 'textual'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "aiohttp" not in ended.stdout, ended.stderr
