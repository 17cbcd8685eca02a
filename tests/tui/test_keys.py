"""The key table: one line per thing that can be done, and everything read off it agrees."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import ConfigError
from alphaforge.tui.app import ForgeApp
from alphaforge.tui.key_table import KEYS, PRESETS
from alphaforge.tui.keys import Dispatcher, markdown, resolve, shown
from alphaforge.tui.options import SCREENS
from alphaforge.tui.screens import board_named
from alphaforge.tui.state import AppState
from tests.tui.scene import ScriptedFeed, record

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_action_is_carried_out_by_a_method() -> None:
    from alphaforge.tui.options import AppOptions

    feed = ScriptedFeed()
    state = AppState(record(), feed.mirror, AppOptions())
    boards = {name: type(board_named(name, state)) for name in SCREENS}
    for key in KEYS:
        name = f"do_{key.action.partition(':')[0]}"
        places = [boards[place] for place in key.where] or list(boards.values())
        for place in places:
            is_tab = key.action in {"next_tab", "previous_tab"}
            assert hasattr(place, name) or hasattr(ForgeApp, name) or is_tab, (key.id, place)


def test_ids_and_keys_are_given_once() -> None:
    ids = [key.id for key in KEYS]
    assert len(ids) == len(set(ids))
    resolve()  # raises where two lines of a screen share a key


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_holds_together(preset: str) -> None:
    table = resolve(preset)
    assert [key.id for key in table] == [key.id for key in KEYS]
    assert all(key.keys for key in table)


def test_no_dangerous_key_is_hit_in_passing() -> None:
    for key in KEYS:
        if key.is_danger:
            assert not {"ctrl+d", "ctrl+k", "enter", "space", "escape", "tab"} & set(key.keys), key


def test_a_user_s_key_replaces_the_line_s_own() -> None:
    dispatcher = Dispatcher(resolve(own={"cancel": "delete, ctrl+x"}))
    assert dispatcher.press("x", "dashboard").key is None
    for typed in ("delete", "ctrl+x"):
        found = dispatcher.press(typed, "dashboard").key
        assert found is not None
        assert found.id == "cancel"


def test_an_empty_text_takes_a_key_away() -> None:
    dispatcher = Dispatcher(resolve(own={"flatten": ""}))
    assert dispatcher.press("F", "dashboard").key is None


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"cancle": "x"}, "cancel"),
        ({"cancel": "b"}, "both"),
        ({"cancel": "g"}, "begins a sequence"),
        ({"cancel": "g g"}, "both"),
    ],
)
def test_a_table_that_does_not_hold_together_is_refused_with_the_line(
    own: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        resolve(own=own)
    assert says in f"{refused.value.message} {refused.value.remedy}"


def test_a_sequence_waits_for_its_second_key_and_is_forgotten_by_a_wrong_one() -> None:
    dispatcher = Dispatcher(resolve())
    assert dispatcher.press("g", "dashboard").waiting
    found = dispatcher.press("c", "dashboard").key
    assert found is not None
    assert found.id == "screen.chart"
    assert dispatcher.press("g", "dashboard").waiting
    assert dispatcher.press("b", "blotter").key is not None
    assert dispatcher.press("g", "dashboard").waiting
    assert dispatcher.press("x", "dashboard") == (None, False)
    found = dispatcher.press("x", "dashboard").key
    assert found is not None
    assert found.id == "cancel"


def test_a_screen_s_own_line_is_stronger_than_a_general_one() -> None:
    dispatcher = Dispatcher(resolve())
    for place, expected in (("dashboard", "panel.jump"), ("logs", "log.follow")):
        found = dispatcher.press("f", place).key
        assert found is not None
        assert found.id == expected


def test_only_urgent_lines_act_in_a_dialog() -> None:
    dispatcher = Dispatcher(resolve())
    urgent = {key.id for key in KEYS for typed in key.keys if dispatcher.urgent(typed)}
    assert urgent == {"kill", "debug"}


@given(st.lists(st.text(min_size=1, max_size=3), max_size=20), st.sampled_from(SCREENS))
def test_no_sequence_of_keys_breaks_the_dispatcher(typed: list[str], place: str) -> None:
    dispatcher = Dispatcher(resolve())
    for each in typed:
        press = dispatcher.press(each, place)
        assert press.key is None or not press.waiting


def test_the_documentation_holds_the_table() -> None:
    text = (REPOSITORY / "docs" / "tui.md").read_text(encoding="utf-8")
    held = text.partition("<!-- keys -->\n")[2].partition("<!-- /keys -->")[0]
    assert held.strip() == markdown(KEYS).strip(), "write alphaforge.tui.keys.markdown anew"


def test_keys_are_shown_as_people_write_them() -> None:
    assert [shown(key) for key in ("ctrl+d", "f12", "escape", "x")] == ["^d", "F12", "esc", "x"]
