"""Every screen at three sizes: it is as it was looked at, and shows its key facts."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from alphaforge.tui.options import AppOptions
from tests.tui.conftest import Opened, settled
from tests.tui.pictures import check, styles_of, text_of
from tests.tui.scene import ScriptedFeed

REPOSITORY = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "VIRTUAL_ENV", "ALPHAFORGE_SNAPSHOTS")
THEMES = ("forge-cb", "forge-light", "ansi-dark", "mono")


@pytest.mark.slow
@pytest.mark.parametrize("size", ["80x24", "120x40", "200x60"])
def test_every_screen_is_as_it_was_looked_at(size: str) -> None:
    """In a process of its own: what other tests did to this one must not show in a picture."""
    words = [sys.executable, "-m", "tests.tui.looked_at", size]
    environ = {key: os.environ[key] for key in KEPT if key in os.environ}
    ended = subprocess.run(
        words, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False, timeout=100
    )
    assert ended.returncode == 0, ended.stderr[-4000:]


@pytest.mark.parametrize("theme", THEMES)
async def test_a_theme_colours_the_dashboard_as_it_was_looked_at(
    opened: Callable[..., Opened], theme: str
) -> None:
    async with opened(options=AppOptions(theme=theme)) as (app, _):
        check(f"styles-{theme}", styles_of(app, range(21, 27)) + styles_of(app, range(2)))


async def test_ascii_is_all_that_leaves_for_a_terminal_without_utf_8(
    opened: Callable[..., Opened],
) -> None:
    environ = {"LANG": "C", "TERM": "linux"}
    async with opened(environ=environ) as (app, _):
        text = text_of(app)
        assert text.isascii(), [letter for letter in text if not letter.isascii()][:9]
        check("dashboard-ascii", text)


async def test_a_screen_is_made_when_it_is_first_shown_and_kept(
    opened: Callable[..., Opened],
) -> None:
    async with opened() as (app, pilot):
        assert list(app.boards) == ["dashboard"]
        await pilot.press("3")
        await settled(app, pilot)
        await pilot.press("1")
        await settled(app, pilot)
        assert list(app.boards) == ["dashboard", "blotter"]
        assert app.boards["dashboard"].display
        assert not app.boards["blotter"].display


async def test_hidden_panels_are_not_fed(opened: Callable[..., Opened]) -> None:
    feed = ScriptedFeed()
    async with opened(feed, size=(80, 24)) as (app, pilot):
        fed: list[str] = []
        for feeding in app.board.feedings:
            show, name = feeding.show, feeding.panel.id or ""
            watched = feeding._replace(show=lambda show=show, name=name: (fed.append(name), show()))
            app.board.feedings = tuple(
                watched if each is feeding else each for each in app.board.feedings
            )
        feed.change("log", {"99": next(iter(feed.mirror.log.values()))})
        feed.change("positions", {})
        await settled(app, pilot)
        assert "positions" in fed
        assert "log" not in fed


async def test_any_size_draws_and_too_small_ones_say_so(opened: Callable[..., Opened]) -> None:
    sizes = [(60, 15), (250, 70), (59, 14), (109, 33), (110, 34), (169, 51), (170, 52), (80, 24)]
    async with opened() as (app, pilot):
        for width, height in sizes:
            await pilot.resize_terminal(width, height)
            await settled(app, pilot)
            text = text_of(app)
            is_small = width < 60 or height < 15
            assert (f"need 60x15, have {width}x{height}" in text) is is_small
            assert ("PAPER" in text) is not is_small
            assert len(text.splitlines()) == height
