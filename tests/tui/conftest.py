"""The app in a test: a scripted feed, a fixed environment, and its screen as text."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.pilot import Pilot

from alphaforge.tui.app import ForgeApp
from alphaforge.tui.options import AppOptions
from tests.tui.scene import ScriptedFeed

ENVIRON = {"LANG": "C.UTF-8", "TERM": "xterm-256color"}

Opened = AbstractAsyncContextManager[tuple[ForgeApp, Pilot[object]]]


async def settled(app: ForgeApp, pilot: Pilot[object]) -> None:
    """Messages are handled, a frame is drawn."""
    await pilot.pause()
    app.frame()
    await pilot.pause()


@pytest.fixture
def opened() -> Callable[..., Opened]:
    """`async with opened(feed, options, size) as (app, pilot):` the app, drawn once."""

    @asynccontextmanager
    async def open_it(
        feed: ScriptedFeed | None = None,
        options: AppOptions | None = None,
        size: tuple[int, int] = (120, 40),
        environ: dict[str, str] | None = None,
    ) -> AsyncIterator[tuple[ForgeApp, Pilot[object]]]:
        used = ScriptedFeed() if feed is None else feed
        app = ForgeApp(used, options or AppOptions(), environ or ENVIRON)
        async with app.run_test(size=size) as pilot:
            await settled(app, pilot)
            await settled(app, pilot)
            yield app, pilot

    return open_it
