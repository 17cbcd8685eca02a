"""Clients that send too much, too slowly, or read nothing: the engine stays as quick as it was."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession, UnixConnector, WSMsgType

from alphaforge.client.messages import CHANNELS
from alphaforge.services.clock import SystemClock
from alphaforge.services.control.access import Doorman
from alphaforge.services.control.listening import listen_unix
from alphaforge.services.control.parts import ControlApi
from alphaforge.services.control.server import Limits
from alphaforge.services.control.streaming import LARGEST_FRAME, StreamLimits
from tests.services.control.api_rig import RECORD, Client, Run

QUICK = Limits(body_seconds=0.2, burst=20, per_second=1.0, connections=4)


class Small:
    """An engine with small limits, and where it listens."""

    def __init__(self, run: Run, api: ControlApi, path: Path, client: Client) -> None:
        self.run = run
        self.api = api
        self.path = path
        self.client = client

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(str(self.path))


@asynccontextmanager
async def small(
    tmp_path: Path, limits: Limits = QUICK, streams: StreamLimits | None = None, uid: int = 1
) -> AsyncGenerator[Small]:
    run, path = Run(), tmp_path / "engine.sock"
    api = ControlApi(
        run.hub, RECORD, Doorman(uid, None), SystemClock(), limits, streams or StreamLimits()
    )
    api.server.peer_uid = lambda _: uid
    async with (
        asyncio.timeout(30),
        api.server.serving(listen_unix(path)),
        asyncio.TaskGroup() as tasks,
        ClientSession(connector=UnixConnector(str(path))) as session,
    ):
        publishing = tasks.create_task(run.hub.run())
        yield Small(run, api, path, Client(session, "http://localhost"))
        await api.streams.close()
        publishing.cancel()


async def test_a_connection_that_asks_too_often_is_closed_and_counted(tmp_path: Path) -> None:
    async with small(tmp_path) as engine:
        reader, writer = await engine.raw()
        writer.write(b"GET /api/kill HTTP/1.1\r\nHost: x\r\n\r\n" * 40)
        answer = await reader.read()
        writer.close()
        assert answer.count(b"200 OK") == QUICK.burst
        assert b"429" in answer
        assert b"more than 20 messages at once" in answer
        status, health = await engine.client.get("/api/health")
    assert (status, health["errors"]) == (200, {"AF-U000": 1})
    assert engine.api.tally.flooded == 1


async def test_one_who_floods_takes_nothing_from_the_others(tmp_path: Path) -> None:
    async with small(tmp_path) as engine:
        reader, writer = await engine.raw()
        writer.write(b"GET /api/kill HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
        engine.run.tick(100.0)
        status, answer = await engine.client.post(
            "/api/orders", symbol="BTC/USDT", side="buy", quantity="1"
        )
        assert (status, answer["orders"][0]["status"]) == (200, "FILLED")
        await reader.read()
        writer.close()


@pytest.mark.parametrize(
    "begun", [b"", b"GET /api/kill HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"GET /api/ki"]
)
async def test_a_request_that_never_ends_is_hung_up_on(begun: bytes, tmp_path: Path) -> None:
    async with small(tmp_path, QUICK._replace(idle_seconds=0.3)) as engine:
        reader, writer = await engine.raw()
        writer.write(begun)
        assert b"200" not in await reader.read()
        writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    async with small(tmp_path) as engine:
        reader, writer = await engine.raw()
        writer.write(b"POST /api/kill HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert engine.run.commands == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00" + b"\xff" * 200,
        b"GET /api/kill SPDY/9\r\n\r\n",
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: 1\r\n" * 500 + b"\r\n",
        b"POST /api/kill HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_request_is_hung_up_on_and_the_next_client_is_served(
    garbage: bytes, tmp_path: Path
) -> None:
    async with small(tmp_path) as engine:
        reader, writer = await engine.raw()
        writer.write(garbage)
        answer = await reader.read()
        writer.close()
        assert b"200 OK" not in answer
        assert (await engine.client.get("/api/kill"))[0] == 200
    assert engine.run.commands == []


async def test_more_connections_than_there_may_be_are_closed_at_once(tmp_path: Path) -> None:
    async with small(tmp_path) as engine:
        held = [await engine.raw() for _ in range(QUICK.connections)]
        for _, writer in held:
            writer.write(b"GET /api/kill HTTP/1.1\r\nHost: x\r\n\r\n")
        for reader, _ in held:
            await reader.readuntil(b"\r\n\r\n")
        reader, writer = await engine.raw()
        assert await reader.read() == b""
        for _, other in [*held, (reader, writer)]:
            other.close()


async def test_a_stream_that_sends_too_much_is_closed(tmp_path: Path) -> None:
    async with small(tmp_path, streams=StreamLimits(burst=5, per_second=1.0)) as engine:
        async with engine.client.session.ws_connect("http://localhost/ws/orders") as stream:
            for _ in range(10):
                await stream.send_str('{"type":"snapshot","channel":"orders"}')
            while (message := await stream.receive()).type is WSMsgType.TEXT:
                pass
            assert message.type in {WSMsgType.CLOSE, WSMsgType.CLOSED}
            assert stream.close_code == 1008
        assert engine.api.tally.flooded == 1


async def test_a_frame_that_is_too_large_ends_its_stream(tmp_path: Path) -> None:
    async with (
        small(tmp_path) as engine,
        engine.client.session.ws_connect("http://localhost/ws/orders") as stream,
    ):
        await stream.send_str(" " * (LARGEST_FRAME + 1))
        while (await stream.receive()).type is WSMsgType.TEXT:
            pass
        assert stream.close_code == 1009


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "{}",
        '{"type":"place_order"}',
        '{"type":"snapshot","channel":"nothing"}',
        '{"type":"watch","symbol":"DOGE/USDT"}',
        '{"type":"watch","symbol":"BTC/USDT","kind":"7x"}',
        '{"type":"watch","symbol":"BTC/USDT","depth":5000}',
    ],
)
async def test_what_a_stream_does_not_understand_is_told_and_it_stays_open(
    message: str, tmp_path: Path
) -> None:
    async with (
        small(tmp_path) as engine,
        engine.client.session.ws_connect("http://localhost/ws/all") as stream,
    ):
        await stream.send_str(message)
        seen: list[str] = []
        while seen.count("error") < 1:
            seen.append(msgspec.json.decode((await stream.receive()).data)["type"])
        await stream.send_str('{"type":"snapshot","channel":"risk"}')
        while (told := msgspec.json.decode((await stream.receive()).data))["type"] != "snapshot":
            assert told["type"] != "error"
    assert told["channel"] in CHANNELS


async def test_no_more_streams_open_than_there_may_be(tmp_path: Path) -> None:
    limits = QUICK._replace(connections=20)
    async with (
        small(tmp_path, limits, StreamLimits(streams=1)) as engine,
        engine.client.session.ws_connect("http://localhost/ws/all") as stream,
    ):
        await stream.receive()
        second = await engine.client.session.get(
            "http://localhost/ws/all",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        )
        assert second.status == 503


async def test_who_reads_nothing_gets_a_fresh_snapshot_and_is_never_waited_for(
    tmp_path: Path,
) -> None:
    async with small(tmp_path, QUICK._replace(burst=2_000, per_second=1e6)) as engine:
        reader, writer = await engine.raw()
        writer.write(
            b"GET /ws/all HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        transport = writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        (row,) = engine.api.tally.connections
        price = 100.0
        while not row.resyncs and not _resyncs(engine):
            price += 0.1
            engine.run.tick(price)
            answer = await engine.client.post(
                "/api/orders", symbol="BTC/USDT", side="buy", quantity="0.01", tag="x" * 60
            )
            assert answer[0] == 200
        writer.close()


def _resyncs(engine: Small) -> int:
    """What the hub itself says of its one client."""
    return sum(each.resyncs for each in engine.run.hub._clients)
