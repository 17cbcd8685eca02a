"""States of a screen: empty, waiting, stale, lost, frozen, real money, many rows, odd text."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.client.requests import Accepted
from alphaforge.tui.footer import footer_row
from alphaforge.tui.header import header_rows
from alphaforge.tui.keys import resolve
from alphaforge.tui.link import LinkState, LinkStatus
from alphaforge.tui.options import AppOptions
from alphaforge.tui.state import AppState
from alphaforge.tui.theme import look_of
from tests.tui.conftest import Opened, settled
from tests.tui.pictures import check, strips_of, text_of
from tests.tui.scene import (
    LIVE,
    LOST,
    NOW,
    ScriptedFeed,
    ago,
    alerts,
    everything,
    market,
    order,
    position,
    record,
    summary,
    told,
    venues,
)

Opens = Callable[..., Opened]
HOSTILE = ("[/b] not markup [link=x]", "\x1b[31mred\x1b]0;title\x07", "a\nb\tc", "\u202ertl\u202c",
           "\x9b31m", "漢字かな", "é" * 40, "x" * 5_000, "")  # fmt: skip


async def test_an_empty_run_says_what_to_do_next(opened: Opens) -> None:
    rows = {"portfolio": {"run": summary(alerts=0, positions_open=0)}, "venues": venues()}
    async with opened(ScriptedFeed(rows)) as (app, _):
        text = text_of(app)
        assert "no open positions · b buys, 4 shows the strategies" in text
        assert "no working orders · b buys, s sells" in text
        check("state-empty", text)


async def test_before_the_first_word_the_app_says_that_it_waits(opened: Opens) -> None:
    feed = ScriptedFeed({})
    feed.state = LinkStatus(LinkState.CONNECTING)
    async with opened(feed) as (app, _):
        text = text_of(app)
        assert "connecting" in text
        assert "waiting for the engine's first word" in text


async def test_a_lost_engine_is_told_dims_the_figures_and_comes_back(opened: Opens) -> None:
    feed = ScriptedFeed()
    async with opened(feed) as (app, pilot):
        feed.state = LOST
        await settled(app, pilot)
        text = text_of(app)
        assert "× engine lost, retry 3 (4s)" in text.splitlines()[0]
        assert "STALE" in text
        assert "Buy" not in text.splitlines()[-1]
        up = look_of(app).palette.style("up").color
        row = next(strip for strip in strips_of(app) if "+153.33" in "".join(s.text for s in strip))
        assert up not in {segment.style.color for segment in row if "153.33" in segment.text}
        check("state-lost", text)
        feed.state = LIVE
        await settled(app, pilot)
        text = text_of(app)
        assert "● live" in text
        assert "STALE" not in text
        row = next(strip for strip in strips_of(app) if "+153.33" in "".join(s.text for s in strip))
        assert up in {segment.style.color for segment in row if "153.33" in segment.text}


async def test_an_old_price_shows_its_age_and_a_dead_stream_says_stale(opened: Opens) -> None:
    feed = ScriptedFeed()
    async with opened(feed) as (app, pilot):
        feed.change("market", market(received=ago(7)))
        await settled(app, pilot)
        assert "STALE 7s" in text_of(app)
        feed.change("market", market(received=ago(0.2), is_live=False))
        await settled(app, pilot)
        assert "STALE" in text_of(app)
        feed.change("market", market())
        await settled(app, pilot)
        assert "STALE" not in text_of(app)


async def test_a_market_of_minute_bars_is_not_stale_between_two_of_them(opened: Opens) -> None:
    feed = ScriptedFeed(everything() | {"market": market(received=ago(190))})
    async with opened(feed) as (app, pilot):
        assert "STALE 3m" in text_of(app)
        for seconds in (130, 70, 40):
            feed.change("market", market(received=ago(seconds)))
            await settled(app, pilot)
        text = text_of(app)
        assert "STALE" not in text
        assert "· ~40s" in text


async def test_a_report_is_asked_for_when_the_link_has_come_to_life(opened: Opens) -> None:
    feed = ScriptedFeed()
    feed.state = LinkStatus(LinkState.CONNECTING)
    async with opened(feed, AppOptions(screen="report")) as (app, pilot):
        assert "max drawdown" not in text_of(app)
        feed.state = LIVE
        await settled(app, pilot)
        await settled(app, pilot)
        text = text_of(app)
        assert "-9.80%" in text
        assert "data 2024-09-11" in text


@pytest.mark.parametrize(
    ("mode", "word"), [("live", "LIVE"), ("sandbox", "SANDBOX"), ("replay", "REPLAY")]
)
def test_the_badge_says_whose_money_it_is(mode: str, word: str) -> None:
    rows = everything() | {"portfolio": {"run": summary(mode=mode)}}
    first, _ = header_rows(live_state(rows), 120, "dashboard")
    badge = next(piece for piece in first if piece.text.strip() == word)
    assert badge.ground == {"live": "tag_error", "replay": "tag_info"}.get(mode, "tag_accent")


def live_state(rows: dict[str, dict[str, object]] | None = None) -> AppState:
    state = AppState(record(), told(everything() if rows is None else rows), AppOptions())  # type: ignore[arg-type]
    state.status = LIVE
    return state


@given(
    width=st.integers(60, 260),
    killed=st.booleans(),
    risk_state=st.sampled_from(["ACTIVE", "REDUCING", "HALTED"]),
    equity=st.sampled_from(["0", "-1234567.89", "104160.73", "99999999999.99", "nan"]),
    screen=st.sampled_from(["dashboard", "report", "blotter"]),
    lost=st.booleans(),
)
def test_every_header_row_fills_its_cells_and_keeps_what_matters(
    width: int, killed: bool, risk_state: str, equity: str, screen: str, lost: bool
) -> None:
    row = summary(killed=killed, risk_state=risk_state, equity=equity, orders_in_doubt=3)
    state = live_state(everything() | {"portfolio": {"run": row}})
    state.status = LOST if lost else LIVE
    state.is_frozen = killed
    for pieces in header_rows(state, width, screen):
        assert sum(piece.cells for piece in pieces) == width
    first = "".join(piece.text for piece in header_rows(state, width, screen)[0])
    assert "PAPER" in first
    assert "12:59:41Z" in first
    assert ("engine lost" if lost else "live") in first


@given(width=st.integers(1, 260), can_trade=st.booleans())
def test_the_footer_shows_whole_keys_and_no_dead_ones(width: int, can_trade: bool) -> None:
    pieces = footer_row(resolve(), width, can_trade=can_trade)
    text = "".join(piece.text for piece in pieces)
    assert sum(piece.cells for piece in pieces) == width
    assert ("Buy" in text) <= can_trade
    assert not text.rstrip().endswith(("b", "x", "/"))
    if can_trade and width >= 20:
        assert "F12 KILL" in text


async def test_order_states_are_told_in_words(opened: Opens) -> None:
    rows = everything() | {
        "orders": {
            row.order_id: row
            for row in (
                order("o-1", status="INITIALIZED"),
                order("o-2", status="SUBMITTED"),
                order("o-3", pending="CANCEL"),
                order("o-4", pending="MODIFY"),
                order("o-5", in_doubt=True),
                order("o-6", status="PARTIALLY_FILLED"),
                order("o-7", status="INITIALIZED", emulated=True),
            )
        }
    }
    async with opened(ScriptedFeed(rows)) as (app, _):
        text = text_of(app)
        assert text.count("SENDING") == 2
        for word in ("CANCELING", "MODIFYING", "IN DOUBT", "PARTIAL", "HELD"):
            assert word in text


@pytest.mark.parametrize("count", [0, 1, 500])
async def test_any_number_of_positions_is_shown(opened: Opens, count: int) -> None:
    held = {
        f"s|X{n}/USDT": position(f"X{n}/USDT", "1", "1e6", "1e-8", "-0.00000001", 0.0, "s")
        for n in range(count)
    }
    async with opened(ScriptedFeed(everything() | {"positions": held})) as (app, pilot):
        assert f"POSITIONS {count}" in text_of(app)
        await pilot.press("G")
        await settled(app, pilot)
        if count:
            assert f"X{count - 1}/USDT" in text_of(app)


async def test_text_from_outside_is_never_markup_nor_control(opened: Opens) -> None:
    rows = everything()
    rows["orders"] = {
        f"o-{n}": order(f"o-{n}", words or "A", reason=words, strategy=words, tag=words)
        for n, words in enumerate(HOSTILE)
    }
    rows["positions"] = {
        f"p{n}": position(words, "1", "1", "1", "1", 1.0, words) for n, words in enumerate(HOSTILE)
    }
    feed = ScriptedFeed(rows)
    async with opened(feed, size=(200, 60)) as (app, pilot):
        told_so = {
            str(n): alerts()["1"].__class__(**_fields(alerts()["1"], number=n, message=words))
            for n, words in enumerate(HOSTILE, 7)
        }
        feed.change("alerts", told_so)
        for screen in "13456":
            await pilot.press(screen, "j", "j")
            await settled(app, pilot)
            for strip in strips_of(app):
                assert all(letter.isprintable() for s in strip for letter in s.text)


def _fields(row: object, **changes: object) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__struct_fields__} | changes  # type: ignore[attr-defined]


async def test_a_new_alert_rings_once_and_an_old_one_does_not(opened: Opens) -> None:
    feed = ScriptedFeed()
    async with opened(feed) as (app, pilot):
        rang: list[int] = []
        app.bell = lambda: rang.append(1)  # type: ignore[method-assign]
        await settled(app, pilot)
        assert rang == []
        feed.change("alerts", {"3": alerts()["1"].__class__(**_fields(alerts()["1"], number=3))})
        await settled(app, pilot)
        await settled(app, pilot)
        assert len(rang) == 1


async def test_the_title_tells_mode_day_and_positions(opened: Opens) -> None:
    async with opened() as (app, _):
        assert app.news.title(app.view) == "AF PAPER +4.16% 5 pos"


async def test_acknowledging_clears_every_alert(opened: Opens) -> None:
    feed = ScriptedFeed()
    feed.answers["/api/alerts/all/ack"] = Accepted(message="2 alerts are read")
    async with opened(feed) as (app, pilot):
        await pilot.press("a")
        await settled(app, pilot)
        assert [path for path, _ in feed.asked] == ["/api/alerts/all/ack"]


async def test_another_run_begins_with_its_own_rows(opened: Opens) -> None:
    feed = ScriptedFeed()
    async with opened(feed) as (app, pilot):
        feed.mirror = told({"portfolio": {"run": summary(positions_open=0)}})
        feed.record = msgspec.structs.replace(feed.record, run_id="20261120-140000-new")
        await settled(app, pilot)
        assert "no open positions" in text_of(app)
        assert "SOL/USDT" not in text_of(app)
        notices = [str(each.message) for each in app._notifications]
        assert any("is gone; shown now: 20261120-140000-new" in words for words in notices)


def test_ages_grow_while_the_engine_is_silent() -> None:
    state = live_state()
    assert state.age_ns(ago(3)) == 3_000_000_000
    state.status = LOST
    assert state.age_ns(NOW) == 7_000_000_000
    assert state.age_ns(None) is None
