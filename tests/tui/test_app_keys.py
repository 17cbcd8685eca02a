"""Keys in the running app: each line of the table acts, and nothing acts where it must not."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from alphaforge.client.pages import Page
from alphaforge.client.requests import Accepted, CancelAllRequest, FlattenRequest
from alphaforge.client.times import iso_of, ns_of
from alphaforge.tui.app import ForgeApp, typed_of
from alphaforge.tui.key_table import KEYS
from alphaforge.tui.keys import SEQUENCE_GAP
from alphaforge.tui.options import SCREENS, AppOptions
from alphaforge.tui.widgets.candles import CandleChart
from alphaforge.tui.widgets.table import JUST_NOW_SECONDS
from tests.tui.conftest import ENVIRON, Opened, settled
from tests.tui.pictures import text_of
from tests.tui.scene import LIVE, LOST, ScriptedFeed, bars, everything, order

Opens = Callable[..., Opened]


async def press(app: ForgeApp, pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(app, pilot)


def key_event(typed: str) -> events.Key:
    named = {"space": (" ", "space")}
    if typed in named:
        character, key = named[typed]
    elif len(typed) == 1:
        character, key = typed, typed
    else:
        character, key = None, typed
    return events.Key(key, character)


def lines_of(place: str) -> list[tuple[str, str]]:
    """Every (keys, action) that holds on a screen, its own lines before the general ones."""
    own = {typed: key.action for key in KEYS if place in key.where for typed in key.keys}
    general = {typed: key.action for key in KEYS if not key.where for typed in key.keys}
    return list((general | own).items())


@pytest.mark.parametrize("place", SCREENS)
async def test_every_key_of_the_table_does_its_line(place: str) -> None:
    app = ForgeApp(ScriptedFeed(), AppOptions(screen=place), ENVIRON)
    done: list[str] = []
    app.do = done.append  # type: ignore[method-assign]
    app.view.status = LIVE
    type(app).is_typing, kept = False, type(app).is_typing  # type: ignore[method-assign,assignment]
    try:
        for typed, action in lines_of(place):
            done.clear()
            for each in typed.split(SEQUENCE_GAP):
                assert app._takes(key_event(each))
            assert done == [action], typed
    finally:
        type(app).is_typing = kept  # type: ignore[method-assign]


async def test_number_keys_letters_and_function_keys_show_the_screens(opened: Opens) -> None:
    async with opened() as (app, pilot):
        for keys, name in ((["2"], "chart"), (["f4"], "blotter"), (["g", "r"], "risk"),
                           (["g", "d"], "dashboard")):  # fmt: skip
            await press(app, pilot, *keys)
            assert app.board.name_of == name


async def test_tab_goes_round_the_panels_and_back(opened: Opens) -> None:
    async with opened() as (app, pilot):
        seen = []
        for _ in range(8):
            focused = app.board.focused()
            assert focused is not None
            seen.append(focused.id)
            await press(app, pilot, "tab")
        assert len(set(seen)) == 7
        await press(app, pilot, "shift+tab")
        focused = app.board.focused()
        assert focused is not None
        assert focused.id == seen[-1]


async def test_in_the_narrow_layout_tab_brings_the_next_panel_to_the_front(opened: Opens) -> None:
    async with opened(size=(80, 24)) as (app, pilot):
        assert "BTC/USDT 1m" in text_of(app)
        await press(app, pilot, "tab")
        await settled(app, pilot)
        await press(app, pilot, "tab")
        await settled(app, pilot)
        assert "DEPTH" in text_of(app)
        assert "BTC/USDT 1m" not in text_of(app)


async def test_rows_are_chosen_by_letters_arrows_and_ends(opened: Opens) -> None:
    async with opened() as (app, pilot):
        keys = list(app.view.mirror.positions)
        for typed, expected in (("j", 1), ("down", 2), ("k", 1), ("G", 4), ("up", 3)):
            await press(app, pilot, typed)
            assert app.board.selected_key("positions") == keys[expected], typed
        await press(app, pilot, "g", "g")
        assert app.board.selected_key("positions") == keys[0]


async def test_zoom_fills_the_screen_and_escape_undoes_it(opened: Opens) -> None:
    async with opened() as (app, pilot):
        await press(app, pilot, "z")
        await settled(app, pilot)
        text = text_of(app)
        assert "POSITIONS" in text
        assert "DEPTH" not in text
        await press(app, pilot, "escape")
        await settled(app, pilot)
        assert "DEPTH" in text_of(app)


async def test_jump_labels_lead_to_a_panel(opened: Opens) -> None:
    async with opened() as (app, pilot):
        await press(app, pilot, "f")
        assert "[a] BTC/USDT" in text_of(app)
        app.feed.mirror.apply(bars())
        await settled(app, pilot)
        assert "[a] BTC/USDT" in text_of(app)
        await press(app, pilot, "s")
        await settled(app, pilot)
        focused = app.board.focused()
        assert focused is not None
        assert focused.id == "depth"
        assert "[a]" not in text_of(app)


async def test_letters_only_type_while_filtering(opened: Opens) -> None:
    feed = ScriptedFeed()
    async with opened(feed) as (app, pilot):
        await press(app, pilot, "/")
        assert isinstance(app.focused, Input)
        await press(app, pilot, "s", "o", "l", "x", "F", "q")
        assert app.filter_bar.value == "solxFq"
        assert feed.asked == []
        await press(app, pilot, "backspace", "backspace", "backspace", "enter")
        assert "SOL/USDT" in text_of(app)
        focused = app.board.focused()
        assert focused is not None
        assert focused.id == "positions"
        assert "DOGE/USDT" not in text_of(app).split("POSITIONS")[1].split("ORDERS")[0]
        await press(app, pilot, "escape")
        await settled(app, pilot)
        assert "DOGE/USDT" in text_of(app)


async def test_cancel_asks_the_engine_once_for_the_order_under_the_cursor(opened: Opens) -> None:
    feed = ScriptedFeed()
    feed.answers["/api/orders/o-000007/cancel"] = Accepted(message="asked binance to cancel")
    async with opened(feed, AppOptions(screen="blotter")) as (app, pilot):
        await press(app, pilot, "x")
        paths = [path for path, _ in feed.asked]
        assert paths == ["/api/orders/o-000007/cancel"]
        assert getattr(feed.asked[0][1], "who", "") == "tui"


async def test_a_key_meant_for_a_row_that_has_just_gone_is_not_for_the_next_one(
    opened: Opens,
) -> None:
    feed = ScriptedFeed()
    async with opened(feed, AppOptions(screen="blotter")) as (app, pilot):
        assert app.board.selected_row() is feed.mirror.orders["o-000007"]
        feed.change("orders", {}, gone=("o-000007",))
        app.frame()
        following = app.board.selected_row()
        assert following is not None
        await press(app, pilot, "x", "m")
        assert feed.asked == []
        assert len(app.screen_stack) == 1
        table = next(each for each in app.board.tables() if each.has_focus)
        table.slipped_at -= 2 * JUST_NOW_SECONDS
        assert app.board.chosen_row() is following
        feed.change("orders", {}, gone=(following.order_id,))
        app.frame()
        assert app.board.chosen_row() is None
        await press(app, pilot, "j")
        assert app.board.chosen_row() is not None, "chosen anew"


async def test_cancel_all_and_flatten_ask_first_and_send_what_was_shown(opened: Opens) -> None:
    feed = ScriptedFeed()
    feed.answers |= {"/api/orders/cancel": Accepted(message="2 orders"),
                     "/api/flatten": Accepted(message="closing")}  # fmt: skip
    async with opened(feed) as (app, pilot):
        asked: list[dict[str, Any]] = []
        app.open_dialog = lambda name, **context: asked.append({"name": name, **context})  # type: ignore[method-assign]
        await press(app, pilot, "X")
        await press(app, pilot, "F")
        assert feed.asked == []
        assert [each["name"] for each in asked] == ["confirm", "confirm"]
        for each in asked:
            each["on_yes"]()
        await settled(app, pilot)
        assert [body for _, body in feed.asked] == [
            CancelAllRequest(symbol="BTC/USDT", who="tui"),
            FlattenRequest(symbol="BTC/USDT", strategy="ema_cross", who="tui"),
        ]


async def test_space_starts_a_stopped_strategy_and_asks_first_with_real_money(
    opened: Opens,
) -> None:
    feed = ScriptedFeed()
    feed.answers["/api/strategies/ema_cross/stop"] = Accepted(message="ema_cross stopped")
    async with opened(feed, AppOptions(screen="strategies")) as (app, pilot):
        await press(app, pilot, "space")
        assert [path for path, _ in feed.asked] == ["/api/strategies/ema_cross/stop"]


async def test_trade_keys_do_nothing_when_read_only_or_lost(opened: Opens) -> None:
    trade = [key for key in KEYS if key.is_trade and not key.where]
    for feed, options in (
        (ScriptedFeed(), AppOptions(read_only=True)),
        (ScriptedFeed(), AppOptions()),
    ):
        if not options.read_only:
            feed.state = LOST
        async with opened(feed, options) as (app, pilot):
            await press(app, pilot, *(key.keys[0] for key in trade))
            assert feed.asked == []
            assert len(app.screen_stack) == 1
            assert "Buy" not in text_of(app).splitlines()[-1]


async def test_time_frame_and_symbol_are_asked_for_and_charted(opened: Opens) -> None:
    feed = ScriptedFeed()
    async with opened(feed) as (app, pilot):
        assert [(watch.symbol, watch.kind) for watch in feed.watched] == [("BTC/USDT", "1m")]
        await press(app, pilot, "t")
        assert feed.watched[-1].kind == "5m"
        await press(app, pilot, "j", "enter")
        assert feed.watched[-1].symbol == "ETH/USDT"
        assert "ETH/USDT 5m" in text_of(app)


async def test_enter_on_a_row_without_a_chart_beside_it_goes_to_the_chart(opened: Opens) -> None:
    async with opened(options=AppOptions(screen="blotter")) as (app, pilot):
        await press(app, pilot, "]", "]", "j", "enter")
        await settled(app, pilot)
        assert app.board.name_of == "chart"
        assert app.view.symbol in text_of(app)


async def test_the_blotter_begins_with_what_ended_where_nothing_works(opened: Opens) -> None:
    ended = {"o-1": order("o-1", status="FILLED", is_open=False)}
    feed = ScriptedFeed(everything() | {"orders": ended})
    async with opened(feed, AppOptions(screen="blotter")) as (app, pilot):
        await settled(app, pilot)
        assert "ALL 1" in text_of(app)


async def test_the_cross_hair_reads_a_candle(opened: Opens) -> None:
    async with opened(options=AppOptions(screen="chart")) as (app, pilot):
        await press(app, pilot, "c", "h", "h")
        assert "  O 66," in text_of(app)
        chart = app.board.chart_in_sight()
        assert isinstance(chart, CandleChart)
        assert chart.view.cursor == 2
        await press(app, pilot, "escape")
        assert chart.view.cursor is None


async def test_panning_to_the_oldest_candle_asks_for_earlier_ones(opened: Opens) -> None:
    feed = ScriptedFeed()
    first = bars().bars[0]
    earlier = [
        msgspec.structs.replace(first, ts_open=iso_of(ns_of(first.ts_open) - n * 60 * 10**9))
        for n in range(3, 0, -1)
    ]
    feed.answers["/api/bars"] = Page(rows=earlier)
    async with opened(feed, AppOptions(screen="chart")) as (app, pilot):
        chart = app.board.chart_in_sight()
        assert chart is not None
        assert len(chart.view.bars) == 240
        await press(app, pilot, "g", "g")
        await settled(app, pilot)
        assert len(feed.asked) == 1
        assert feed.asked[0][0].startswith("/api/bars?symbol=BTC%2FUSDT&kind=1m&limit=500&before=")
        assert len(chart.view.bars) == 243
        feed.answers["/api/bars"] = Page(rows=[])
        await press(app, pilot, "g", "g")
        await press(app, pilot, "g", "g")
        assert len(feed.asked) == 2
        assert len(chart.view.bars) == 243


async def test_freeze_holds_the_picture_while_the_mirror_goes_on(opened: Opens) -> None:
    feed = ScriptedFeed()
    async with opened(feed) as (app, pilot):
        await press(app, pilot, "p")
        feed.change("positions", {}, gone=("ema_cross|SOL/USDT",))
        await settled(app, pilot)
        text = text_of(app)
        assert "FROZEN" in text
        assert "SOL/USDT     ▲ LONG" in text
        await press(app, pilot, "p")
        await settled(app, pilot)
        text = text_of(app)
        assert "FROZEN" not in text
        assert "POSITIONS 4" in text


async def test_the_debug_overlay_comes_and_goes(opened: Opens) -> None:
    async with opened() as (app, pilot):
        await press(app, pilot, "f11")
        await settled(app, pilot)
        assert "fps" in text_of(app)
        await press(app, pilot, "f11")
        await settled(app, pilot)
        assert "frame p50" not in text_of(app)


async def test_copying_takes_the_cell_and_the_row(opened: Opens) -> None:
    async with opened() as (app, pilot):
        await press(app, pilot, "y")
        assert app.clipboard == "BTC/USDT"
        await press(app, pilot, "Y")
        assert '"symbol":"BTC/USDT"' in app.clipboard


async def test_quit_leaves_at_once_unless_the_engine_is_the_app_s(opened: Opens) -> None:
    async with opened() as (app, pilot):
        await pilot.press("q")
        await pilot.pause()
        assert app.return_value == 0
    async with opened(options=AppOptions(owns_engine=True)) as (app, pilot):
        asked: list[str] = []
        app.open_dialog = lambda name, **context: asked.append(name)  # type: ignore[method-assign]
        await press(app, pilot, "q")
        assert asked == ["quit"]
        assert app.return_value is None


async def test_keys_of_a_dialog_are_not_the_app_s_but_kill_is_urgent(opened: Opens) -> None:
    async with opened() as (app, pilot):
        await press(app, pilot, "?")
        assert len(app.screen_stack) == 2
        board = app.board
        app.do("screen:dashboard")
        assert app._takes(key_event("3")) is False
        assert app.board is board
        done: list[str] = []
        app.do = done.append  # type: ignore[method-assign]
        assert app._takes(key_event("f12"))
        assert done == ["kill"]


async def test_a_tab_and_the_footer_can_be_clicked(opened: Opens) -> None:
    async with opened() as (app, pilot):
        row = text_of(app).splitlines()[0]
        await pilot.click(offset=(row.index("5 Risk") + 2, 0))
        await settled(app, pilot)
        assert app.board.name_of == "risk"
        last = text_of(app).splitlines()[-1]
        await pilot.click(offset=(last.index("Logs"), 39))
        await settled(app, pilot)
        assert app.board.name_of == "logs"


async def test_the_blotter_turns_its_tabs(opened: Opens) -> None:
    async with opened(options=AppOptions(screen="blotter")) as (app, pilot):
        for title in ("ALL 7", "FILLS 38", "CLOSED 6", "OPEN 6"):
            await press(app, pilot, "]")
            await settled(app, pilot)
            assert title in text_of(app), title
        await press(app, pilot, "[")
        await settled(app, pilot)
        assert "CLOSED 6" in text_of(app)


def test_keys_are_named_as_the_table_spells_them() -> None:
    assert typed_of(events.Key("question_mark", "?")) == "?"
    assert typed_of(events.Key("upper_g", "G")) == "G"
    assert typed_of(events.Key("space", " ")) == "space"
    assert typed_of(events.Key("ctrl+d", "\x04")) == "ctrl+d"
    assert typed_of(events.Key("f12", None)) == "f12"


async def test_columns_are_taken_away_and_put_back(opened: Opens) -> None:
    async with opened(options=AppOptions(screen="blotter")) as (app, pilot):
        assert "filled/qty" in text_of(app)
        app.do("columns")
        await settled(app, pilot)
        dialog = app.screen
        for _ in range(4):
            dialog.typed("down", None)  # type: ignore[attr-defined]
        dialog.typed("space", " ")  # type: ignore[attr-defined]
        await settled(app, pilot)
        assert "filled/qty" not in text_of(app).splitlines()[3][:82]
        dialog.leave()  # type: ignore[attr-defined]
        await settled(app, pilot)
        assert "filled/qty" in text_of(app)
