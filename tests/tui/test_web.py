"""The app in a browser is shown to nobody but who has the token, and to no other site."""

import shlex
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from textual_serve.app_service import AppService

from alphaforge.errors import UsageError
from alphaforge.tui.web import COOKIE, AppServer, WebPlan, read_plan

TOKEN = "a-token"

TELLS_ITS_SIZE = """
import os, sys
told = f"{os.environ['COLUMNS']}x{os.environ['ROWS']}".encode()
sys.stdout.buffer.write(b"__GANGLION__\\n" + b"D" + len(told).to_bytes(4, "big") + told)
sys.stdout.buffer.flush()
sys.stdin.buffer.read(1)
"""


@pytest.fixture
async def served(unused_port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    started: list[Any] = []
    real = AppService._open_app_process

    async def remembered(self: AppService, *size: Any, **named: Any) -> Any:
        started.append(await real(self, *size, **named))
        return started[-1]

    monkeypatch.setattr(AppService, "_open_app_process", remembered)
    server = AppServer(WebPlan("127.0.0.1", unused_port, (), TOKEN))
    server.command = shlex.join((sys.executable, "-c", TELLS_ITS_SIZE))
    runner = web.AppRunner(await server._make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_port).start()
    yield f"http://127.0.0.1:{unused_port}"
    await runner.cleanup()
    for each in started:
        each._transport.close()
        await each.wait()


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return int(each.getsockname()[1])


def visitor(**options: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), **options)


async def test_without_the_token_there_is_only_the_login_page(served: str) -> None:
    async with visitor() as session:
        async with session.get(f"{served}/") as answer:
            assert "log in" in await answer.text()
        for path in ("/ws", "/static/js/textual.js"):
            async with session.get(f"{served}{path}") as answer:
                assert answer.status == 401, path


async def test_the_token_gives_a_cookie_that_scripts_cannot_read(served: str) -> None:
    async with visitor() as session:
        body = {"token": TOKEN}
        async with session.post(f"{served}/login", data=body, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert answer.status == 303
        assert COOKIE in cookie
        assert {"HttpOnly", "SameSite=Strict"} <= {each.strip() for each in cookie.split(";")}
        assert TOKEN not in cookie
        async with session.get(f"{served}/") as answer:
            page = await answer.text()
    assert "textual-terminal" in page
    assert "https://" not in page, "nothing is asked of another host"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", "\u00e9"])
async def test_a_wrong_token_is_refused(served: str, token: str) -> None:
    async with visitor() as session, session.post(f"{served}/login", data={"token": token}) as got:
        assert got.status == 403
        assert "Set-Cookie" not in got.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_other_names_and_other_sites_are_refused(served: str, headers: dict) -> None:
    async with visitor() as session:
        for ask in (
            session.get(f"{served}/"),
            session.post(f"{served}/login", data={"token": TOKEN}),
        ):
            async with ask as answer:
                pass
        async with session.get(f"{served}/", headers=headers) as answer:
            assert answer.status == 403
        async with session.post(
            f"{served}/login", data={"token": TOKEN}, headers=headers
        ) as answer:
            assert answer.status == 403


async def test_a_visitor_with_the_cookie_gets_an_app_of_a_sane_size(served: str) -> None:
    async with visitor() as session:
        async with session.post(f"{served}/login", data={"token": TOKEN}) as answer:
            assert answer.status == 200
        url = f"{served}/ws?width=99999999&height=-1"
        async with session.ws_connect(url) as stream:
            message = await stream.receive(timeout=20)
    assert message.data == b"400x15"


@pytest.mark.parametrize("address", ["", "8765", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        read_plan(address, (), is_remote_allowed=False)


@pytest.mark.parametrize("address", ["0.0.0.0:8765", "192.168.1.5:8765", "box.example:8765"])
def test_an_address_that_others_reach_must_be_asked_for(address: str) -> None:
    with pytest.raises(UsageError, match="other machines") as caught:
        read_plan(address, (), is_remote_allowed=False)
    assert "ssh" in (caught.value.remedy or "")
    assert read_plan(address, (), is_remote_allowed=True).port == 8765


@pytest.mark.parametrize("address", ["localhost:1", "127.0.0.1:8765", "[::1]:8765"])
def test_this_machine_is_fine(address: str) -> None:
    assert read_plan(address, (), is_remote_allowed=False).port in {1, 8765}


def test_each_server_draws_a_token_of_its_own() -> None:
    first, second = (AppServer(WebPlan("127.0.0.1", 1, ())) for _ in range(2))
    assert first.token != second.token
    assert first.address.endswith(f"/#token={first.token}")
