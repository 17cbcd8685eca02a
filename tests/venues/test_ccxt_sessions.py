"""What the HTTP session knows of a request of ours when it ends, however it ends."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from alphaforge.venues.ccxt_limiter import Priority
from alphaforge.venues.ccxt_sessions import SENDING, Sending, close_session, open_session

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def reached(serve: Serve) -> AsyncGenerator[tuple[aiohttp.ClientSession, str, Sending]]:
    """A session, the address of a server, and the record of what is asked of it inside."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    session = open_session(None)
    sending = Sending(Priority.ORDER, 0.0)
    token = SENDING.set(sending)
    try:
        yield session, f"http://{host}:{port}/", sending
    finally:
        SENDING.reset(token)
        await close_session(session)
        server.close()
        await server.wait_closed()


async def test_a_request_counts_as_sent_by_the_time_it_can_arrive() -> None:
    known: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        known.append(sending.is_sent)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Weight: 7\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    async with reached(serve) as (session, address, sending):
        assert not sending.is_sent
        async with session.post(address, data=b"a=b") as answer:
            assert await answer.text() == "{}"
    assert known == [True]
    assert (sending.status, sending.headers["x-weight"]) == (200, "7")


async def test_a_request_that_reached_nobody_was_not_sent() -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with reached(serve) as (session, _, sending):
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.post("http://127.0.0.1:1/", data=b"a=b")
    assert not sending.is_sent


async def test_the_status_of_an_answer_that_breaks_off_is_known() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Away\r\nContent-Length: 9\r\n\r\n{")
        writer.close()

    async with (
        reached(serve) as (session, address, sending),
        session.post(address, data=b"a=b") as answer,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.text()
    assert sending.status == 503


async def test_the_answer_before_is_not_that_of_the_next_request() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with reached(serve) as (session, address, sending):
        async with session.post(address) as answer:
            await answer.text()
        assert sending.status == 200
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.post(address)
    assert sending.status is None
