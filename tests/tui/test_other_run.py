"""What was chosen while one run was shown never reaches the run after it: numbers begin anew."""

import asyncio
from typing import Any

import msgspec
import pytest

from alphaforge.client.mirror import Mirror
from alphaforge.client.requests import KillRecord, PreviewRow
from alphaforge.tui.app import ForgeApp
from alphaforge.tui.options import AppOptions
from tests.tui.dialogs.opened import (
    DONE,
    SIZE,
    AnsweringFeed,
    killing,
    opened,
    preview,
    settled,
    text_of,
)
from tests.tui.scene import LOST, orders, strategies

FIRST = next(key for key, row in orders().items() if row.is_open and row.limit is not None)
NAME = next(iter(strategies()))


class Answering(AnsweringFeed):
    """Would answer everything."""

    def _told(self, path: str, body: msgspec.Struct | None, kind: type) -> object:
        self.by_kind.setdefault(
            (path, kind), {KillRecord: killing(), PreviewRow: preview()}.get(kind, DONE)
        )
        return super()._told(path, body, kind)

    def next_run(self) -> None:
        """What a link does when it finds another run of the project."""
        self.record = msgspec.structs.replace(self.record, run_id="another-run")


CHOSEN: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("ticket", {"side": "BUY"}, ("ctrl+s",)),
    ("modify", {"order_id": FIRST}, ("tab", "ctrl+u", "6", "6", "ctrl+s")),
    ("kill", {}, (*"KILL", "enter")),
    ("parameters", {"strategy": NAME}, ("ctrl+u", "7", "ctrl+s", "y")),
    ("quit", {}, ("s",)),
    ("command", {}, (*"cancel 1", "enter")),
    ("command", {}, (*"pause", "enter")),
]


async def judged(pilot: Any, dialog: Any) -> None:
    """Until the engine has said what the order would do."""
    async with asyncio.timeout(10):
        while dialog._preview is None:
            await pilot.pause(0.01)


@pytest.mark.parametrize(("name", "context", "keys"), CHOSEN)
async def test_a_dialog_of_a_run_that_is_gone_sends_nothing_to_the_next(
    name: str, context: dict[str, Any], keys: tuple[str, ...]
) -> None:
    feed = Answering()
    async with opened(feed, name, **context) as (pilot, dialog):
        if name == "ticket":
            await pilot.press(*"0.25")
            await judged(pilot, dialog)
        feed.next_run()
        await pilot.press(*keys)
        await settled(pilot)
        shown = text_of(dialog) + " ".join(str(each.message) for each in pilot.app._notifications)
    assert feed.asked == []
    assert "nothing was sent" in " ".join(shown.translate({0x2502: " ", 0x2503: " "}).split())


async def test_a_question_that_was_answered_late_does_not_close_the_next_run_s_orders() -> None:
    feed = Answering()
    async with opened(feed, "help") as (pilot, _):
        await pilot.press("escape")
        pilot.app.do_cancel_all()
        await pilot.pause()
        pilot.app.screen._opened -= 1.0
        feed.next_run()
        await pilot.press("y")
        await settled(pilot)
    assert feed.asked == []


async def test_a_yes_to_an_engine_that_was_lost_meanwhile_is_told_and_ends_nothing() -> None:
    feed = Answering()
    async with opened(feed, "command") as (pilot, _):
        await pilot.press(*"flatten", "enter")
        await pilot.pause()
        pilot.app.screen._opened -= 1.0
        feed.state = LOST
        await pilot.pause(0.15)
        await pilot.press("y")
        await settled(pilot)
        told = " ".join(str(each.message) for each in pilot.app._notifications)
        assert "the engine is lost" in told
    assert feed.asked == []


async def test_a_key_on_a_screen_that_stands_still_is_for_the_run_that_stands_there() -> None:
    feed = Answering()
    app = ForgeApp(feed, AppOptions(screen="blotter"), environ={"LANG": "C.UTF-8"})
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.frame()
        app.do_freeze()
        feed.next_run()
        feed.mirror = Mirror()
        app.frame()
        app.do_cancel()
        await settled(pilot)
        assert feed.asked == []
        app.do_freeze()
        app.frame()
        assert app.board.chosen_row() is None, "nothing of the old run is left"
