"""The app in a real browser: it shows the engine's screen, and ends when its server is gone."""

import asyncio
import base64
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from tests.e2e.rig import children_of, is_alive, until
from tests.e2e.terminal.desk import Desk

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
TOKEN = "token="
PATIENCE_S = 60.0
ANSWER_S = 5.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1280,800", "--remote-debugging-port=0",
)  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium is installed"),
]


class Served(NamedTuple):
    """A server of the app."""

    process: int
    port: int
    address: str

    @property
    def token(self) -> str:
        """What a visitor shows."""
        return self.address.partition(TOKEN)[2]


@contextmanager
def serving(desk: Desk) -> Iterator[Served]:
    """`alphaforge tui --web`, for as long as the block lasts."""
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        port = each.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "alphaforge", "tui", "--web", f"127.0.0.1:{port}"],
        env=desk.environ, cwd=desk.folder.path, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            said = next(line for line in process.stderr if TOKEN in line)
            yield Served(process.pid, port, said.split()[-1])
        finally:
            process.kill()


async def visit(session: aiohttp.ClientSession, served: Served) -> aiohttp.ClientWebSocketResponse:
    """What the page in a browser does: log in, then open the way to an app of its own."""
    home = f"http://127.0.0.1:{served.port}"
    async with session.post(f"{home}/login", data={"token": served.token}) as answer:
        assert answer.status == 200
    return await session.ws_connect(f"{home}/ws?width=120&height=40")


def apps_of(served: Served) -> set[int]:
    """The processes that it has started for its visitors, with theirs."""
    found = children_of(served.process)
    return {*found, *(each for pid in found for each in children_of(pid))}


def listens(port: int) -> bool:
    """Whether somebody answers there."""
    with socket.socket() as each:
        return each.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def browser(address: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A headless browser on a page, and the way to its tools."""
    with tempfile.TemporaryDirectory(prefix="af-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            str(BROWSER), *FLAGS, f"--user-data-dir={profile}", address,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            tools = await tools_of(process.stderr)
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(await page_of(session, tools), max_msg_size=0) as asking,
            ):
                yield asking
        finally:
            process.kill()
            await process.communicate()


async def tools_of(said: asyncio.StreamReader) -> str:
    """Host and port of a browser's tools, which it tells when it is there."""
    told = ""
    while "DevTools listening on" not in told:
        told = (await said.readline()).decode()
    return told.split()[-1].split("/")[2]


async def page_of(session: aiohttp.ClientSession, tools: str) -> str:
    """The way to the tools of its one page."""
    async with session.get(f"http://{tools}/json") as answer:
        (page,) = [each for each in await answer.json() if each["type"] == "page"]
    return str(page["webSocketDebuggerUrl"])


async def screenshot(tools: aiohttp.ClientWebSocketResponse, number: int) -> Any:
    """What the page shows now, as an image; None while it is on its way to another page."""
    await tools.send_json({"id": number, "method": "Page.captureScreenshot"})
    answer: dict[str, Any] = {}
    try:
        async with asyncio.timeout(ANSWER_S):
            while answer.get("id") != number:
                answer = await tools.receive_json()
    except TimeoutError:
        return None
    if "result" not in answer:
        return None
    image = pytest.importorskip("PIL.Image", reason="Pillow looks at the picture")
    return image.open(io.BytesIO(base64.b64decode(answer["result"]["data"]))).convert("RGB")


def is_the_app(picture: Any) -> bool:
    """Dark, with text of many shades on a part of it, and with the green of a rising market."""
    amount = {color: count for count, color in picture.getcolors(1 << 24)}
    whole = picture.width * picture.height
    bright = sum(n for color, n in amount.items() if max(color) > 90)
    green = sum(n for (r, g, b), n in amount.items() if g > r + 60 and g > b + 30)
    return len(amount) > 50 and whole * 0.01 < bright < whole * 0.6 and green > 200


async def shown_app(tools: aiohttp.ClientWebSocketResponse) -> Any:
    """The first picture that shows the app."""
    number, picture = 1, await screenshot(tools, 1)
    while picture is None or not is_the_app(picture):
        number += 1
        picture = await screenshot(tools, number)
    return picture


async def test_the_browser_shows_the_app_to_who_has_the_token(
    running_desk: Desk, tmp_path: Path
) -> None:
    with serving(running_desk) as served:
        await asyncio.to_thread(until, lambda: listens(served.port), "the server")
        async with asyncio.timeout(PATIENCE_S), browser(served.address) as tools:
            picture = await shown_app(tools)
    picture.save(tmp_path / "shown.png")


async def test_a_visitors_app_ends_by_itself_when_its_server_was_killed(
    running_desk: Desk,
) -> None:
    with serving(running_desk) as served:
        await asyncio.to_thread(until, lambda: listens(served.port), "the server")
        async with (
            asyncio.timeout(PATIENCE_S),
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
            await visit(session, served) as way,
        ):
            await way.receive()
            apps = apps_of(served)
            assert apps
            os.kill(served.process, signal.SIGKILL)
        await asyncio.to_thread(
            until, lambda: not any(is_alive(each) for each in apps), "the end of the app"
        )
    status = await asyncio.to_thread(running_desk.folder.run, "--json", "status")
    assert status.json["state"] == "TRADING"
