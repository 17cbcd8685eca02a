"""Questions, the kill switch, the command line, palette, help and choices do what they say."""

from typing import Any

import msgspec
import pytest

from alphaforge.client.errors import EngineLostError
from alphaforge.client.requests import (
    Accepted,
    KillRecord,
    KillRequest,
    LifeLine,
    ModifyRequest,
    PreviewRow,
    StrategyPatch,
    WhyRecord,
)
from alphaforge.errors import UsageError
from alphaforge.tui.dialogs.kill import Kill
from alphaforge.tui.dialogs.palette import Offer, matching
from tests.tui.dialogs.opened import DONE, AnsweringFeed, killing, opened, preview, settled, text_of
from tests.tui.scene import fills, orders

HOSTILE = "[/b][red]\x1b]0;owned\x07\x1b[2J\u202e\u200b世界\x9b31m\n\r"


def working() -> str:
    return next(key for key, row in orders().items() if row.is_open and row.limit is not None)


# Questions ----------------------------------------------------------------------------------------


async def test_keys_typed_before_a_question_could_be_read_are_dropped() -> None:
    said: list[str] = []
    async with opened(
        AnsweringFeed(), "confirm", title="Sure?", lines=("x",), on_yes=lambda: said.append("y")
    ) as (pilot, dialog):
        dialog._opened += 1000.0
        await pilot.press("y")
        assert said == []
        assert dialog.is_current
        dialog._opened -= 1000.0
        await pilot.press("y")
    assert said == ["y"]


@pytest.mark.parametrize("key", ["enter", "space", "n", "escape", "x"])
async def test_nothing_but_y_says_yes(key: str) -> None:
    said: list[str] = []
    async with opened(
        AnsweringFeed(), "confirm", title="Sure?", lines=("x",), on_yes=lambda: said.append("y")
    ) as (pilot, _):
        await pilot.press(key)
    assert said == []


async def test_a_word_must_be_typed_whole() -> None:
    said: list[str] = []
    async with opened(
        AnsweringFeed(), "confirm", title="!", lines=(), word="ARM", on_yes=lambda: said.append("y")
    ) as (pilot, _):
        await pilot.press(*"AR", "enter", "y")
        assert said == []
        await pilot.press("backspace", "M", "enter")
    assert said == ["y"]


# Kill ---------------------------------------------------------------------------------------------


async def test_the_kill_switch_needs_its_word_and_space_leaves_positions_open() -> None:
    feed = AnsweringFeed()
    feed.by_kind = {("/api/kill", KillRecord): killing(strategies="running")}
    async with opened(feed, "kill") as (pilot, dialog):
        assert "close 5 positions" in text_of(dialog)
        await pilot.press("enter", "space", *"kill", "enter")
        assert feed.asked == []
        assert "leave 5 positions open" in text_of(dialog)
        await pilot.press("ctrl+u", *"KILL", "enter")
        await settled(pilot)
    bodies = [body for _, body in feed.asked if isinstance(body, KillRequest)]
    assert [body.flatten for body in bodies] == [False]


async def test_it_is_not_done_before_the_engine_has_proved_it() -> None:
    feed = AnsweringFeed()
    feed.by_kind = {("/api/kill", KillRecord): killing(strategies="done", orders="done")}
    async with opened(feed, "kill") as (pilot, dialog):
        await pilot.press(*"KILL", "enter")
        await settled(pilot)
        assert "done and proved" not in text_of(dialog)
        assert "orders canceled" in text_of(dialog)
        everything = dict.fromkeys(("strategies", "orders", "positions", "proof"), "done")
        feed.by_kind["/api/kill", KillRecord] = killing("done", **everything)
        for _ in range(100):
            await pilot.pause(0.05)
            if "done and proved" in text_of(dialog):
                return
        raise AssertionError("it was never told that it is done")


async def test_f12_opens_it_over_any_dialog_and_only_once() -> None:
    async with opened(AnsweringFeed(), "help") as (pilot, _):
        await pilot.press("f12")
        await pilot.press("f12")
        await pilot.pause()
        assert sum(isinstance(each, Kill) for each in pilot.app.screen_stack) == 1


# Orders -------------------------------------------------------------------------------------------


async def test_only_changed_terms_of_an_order_are_sent() -> None:
    feed, order_id = AnsweringFeed(), working()
    path = f"/api/orders/{order_id}/modify"
    feed.by_kind = {(path, Accepted): DONE}
    async with opened(feed, "modify", order_id=order_id) as (pilot, dialog):
        await pilot.press("ctrl+s")
        assert "nothing was changed" in text_of(dialog)
        await pilot.press("tab", "ctrl+u", *"66000", "ctrl+s")
        await settled(pilot)
    assert [(each, body) for each, body in feed.asked if each == path] == [
        (path, ModifyRequest(limit="66000", who="tui"))
    ]


async def test_an_orders_life_is_told_and_hostile_words_stay_words() -> None:
    feed, order_id = AnsweringFeed(), working()
    order = msgspec.structs.replace(orders()[order_id], reason=HOSTILE, client_order_id=HOSTILE)
    line = LifeLine(ts=order.ts, after_ms=12.5, what="venue", text=f"the venue said {HOSTILE}")
    why = WhyRecord(
        run_id="r", order=order, summary=HOSTILE, lines=(line,),
        fills=tuple(fills().values())[:1], realized_pnl="1.5",
    )  # fmt: skip
    feed.by_kind = {(f"/api/orders/{order_id}/why", WhyRecord): why}
    async with opened(feed, "order", order_id=order_id) as (pilot, dialog):
        await settled(pilot)
        shown = text_of(dialog)
    assert "+12.5ms" in shown
    assert "[/b][red]" in shown
    assert all(character == "\n" or character.isprintable() for character in shown)


# The command line and the palette ---------------------------------------------------------------


async def test_the_command_line_does_what_the_command_line_does() -> None:
    feed = AnsweringFeed()
    feed.by_kind = {("/api/pause", Accepted): DONE}
    async with opened(feed, "command") as (pilot, _):
        await pilot.press(*"pause", "enter")
        await settled(pilot)
    assert [path for path, _ in feed.asked] == ["/api/pause"]


async def test_what_is_typed_straight_after_the_colon_is_kept_but_does_nothing_yet() -> None:
    feed = AnsweringFeed()
    async with opened(feed, "command") as (pilot, dialog):
        dialog._opened += 1000.0
        await pilot.press(*"pause", "enter")
        assert dialog._line.value == "pause"
        assert dialog.is_current
    assert feed.asked == []


async def test_a_line_that_says_nothing_stays_with_what_to_type() -> None:
    feed = AnsweringFeed()
    async with opened(feed, "command") as (pilot, dialog):
        await pilot.press(*"paws", "enter")
        assert dialog.is_current
        assert "pause" in text_of(dialog)
    assert feed.asked == []


async def test_tab_completes_as_far_as_it_is_certain() -> None:
    async with opened(AnsweringFeed(), "command") as (pilot, dialog):
        await pilot.press(*"goto BTC", "tab")
        assert dialog._line.value == "goto BTC/USDT "


async def test_what_ends_something_is_asked_about_and_a_dry_run_sends_nothing() -> None:
    feed = AnsweringFeed()
    feed.by_kind = {
        ("/api/orders", PreviewRow): preview(),
        ("/api/flatten", Accepted): DONE,
    }
    async with opened(feed, "command") as (pilot, _):
        await pilot.press(*"buy BTC/USDT 0.1 --dry-run", "enter")
        await settled(pilot)
        pilot.app.open_dialog("command")
        await pilot.pause()
        pilot.app.screen._opened -= 1
        await pilot.press(*"flatten BTC/USDT", "enter")
        await pilot.pause()
        assert feed.asked == []
        pilot.app.screen._opened -= 1
        await pilot.press("y")
        await settled(pilot)
    assert [path for path, _ in feed.asked] == ["/api/flatten"]


async def test_the_palette_finds_and_does() -> None:
    async with opened(AnsweringFeed(), "palette") as (pilot, dialog):
        await pilot.press(*"goto eth")
        assert "goto ETH/USDT" in text_of(dialog)
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.view.symbol == "ETH/USDT"


def test_names_that_begin_with_what_was_typed_come_first() -> None:
    offers = [Offer(name, text, "", lambda: None) for name, text in
              (("unzoom", "zoom out"), ("zoom", "a panel"), ("help", "all"))]  # fmt: skip
    assert [each.name for each in matching(offers, "zoom")] == ["zoom", "unzoom"]
    assert matching(offers, "xyz") == []


# Choices ------------------------------------------------------------------------------------------


async def test_a_theme_is_shown_at_once_and_escape_takes_it_back() -> None:
    async with opened(AnsweringFeed(), "theme") as (pilot, _):
        before = pilot.app.theme
        await pilot.press("down")
        assert pilot.app.theme != before
        await pilot.press("escape")
        assert pilot.app.theme == before


async def test_help_shows_every_key_and_every_verb() -> None:
    async with opened(AnsweringFeed(), "help", topic="cancel") as (_, dialog):
        shown = text_of(dialog)
    assert "Cancel the selected order" in shown
    assert "order cancel ID" in shown


async def test_leaving_detaches_or_stops_and_nothing_else() -> None:
    feed = AnsweringFeed()
    feed.by_kind = {("/api/stop", Accepted): DONE}
    async with opened(feed, "quit") as (pilot, dialog):
        await pilot.press("enter", "x")
        assert dialog.is_current
        await pilot.press("d")
        await pilot.pause()
        assert pilot.app.return_code in {0, None}
    assert feed.asked == []
    async with opened(feed, "quit") as (pilot, _):
        await pilot.press("s")
        await settled(pilot)
    assert [path for path, _ in feed.asked] == ["/api/stop"]


async def test_an_engine_that_ends_before_its_answer_was_read_has_stopped_all_the_same() -> None:
    feed = AnsweringFeed()
    gone = EngineLostError("the engine ended the connection", may_have_happened=True)
    feed.by_kind = {("/api/stop", Accepted): gone}
    async with opened(feed, "quit") as (pilot, _):
        await pilot.press("s")
        await settled(pilot)
        assert pilot.app.return_code == 0


async def test_changed_parameters_are_sent_after_a_second_look() -> None:
    feed = AnsweringFeed()
    name = next(iter(feed.mirror.strategies))
    parameter = next(iter(feed.mirror.strategies[name].parameters))
    path = f"/api/strategies/{name}"
    feed.by_kind = {(path, Accepted): UsageError("fast must be a number", remedy="as in 5")}
    async with opened(feed, "parameters", strategy=name) as (pilot, dialog):
        await pilot.press("ctrl+u", *"xyz", "ctrl+s")
        assert feed.asked == []
        await pilot.press("y")
        await settled(pilot)
        assert "must be a number" in text_of(dialog)
    assert feed.asked == [(path, StrategyPatch(parameters={parameter: "xyz"}, who="tui"))]


async def test_an_export_that_cannot_be_written_says_why(tmp_path: Any) -> None:
    feed = AnsweringFeed()
    feed.record = msgspec.structs.replace(feed.record, project=str(tmp_path))
    async with opened(feed, "export", what="fills") as (pilot, dialog):
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "run" in text_of(dialog).lower()
        assert dialog.is_current
