"""Every screen at three sizes: it is as it was looked at, and shows its key facts."""

from collections.abc import Callable

import pytest

from alphaforge.tui.options import SCREENS, AppOptions
from tests.tui.conftest import Opened, settled
from tests.tui.pictures import check, styles_of, text_of, until_held
from tests.tui.scene import ScriptedFeed

SIZES = ((80, 24), (120, 40), (200, 60))
FACTS = {
    "dashboard": ("BTC/USDT 1m", "POSITIONS 5", "+145.15", "66,857.9"),
    "chart": ("BTC/USDT 1m", "fast_average", "66,980.0"),
    "blotter": ("OPEN 6", "IN DOUBT", "SENDING", "CANCELING", "PARTIAL"),
    "strategies": ("ema_cross", "carry_v2", "+812.40", "err"),
    "risk": ("LIMITS 4 on, 1 off", "90% 18/20", "ALERTS 2 unread"),
    "logs": ("LOG follow", "stream gap 412 ms"),
    "report": ("EQUITY ema_cross", "7"),
}
THEMES = ("forge-cb", "forge-light", "ansi-dark", "mono")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_is_as_it_was_looked_at(
    opened: Callable[..., Opened], size: tuple[int, int]
) -> None:
    async with opened(size=size) as (app, pilot):
        for number, screen in enumerate(SCREENS, 1):
            await pilot.press(str(number))
            await settled(app, pilot)
            await settled(app, pilot)
            text = text_of(app)
            rows = text.splitlines()
            assert len(rows) == size[1]
            assert "PAPER" in rows[0]
            assert "live" in rows[0]
            assert "12:59:41Z" in rows[0]
            assert "equity 104,160.73" in rows[1]
            assert "KILL" in rows[-1]
            for fact in FACTS[screen]:
                assert fact in text, (screen, fact)
            await until_held(app, pilot, f"{screen}-{size[0]}x{size[1]}")


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
