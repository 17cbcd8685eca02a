"""A form is filled in by keys, one field at a time."""

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.tui.dialogs.form import TEXT_CELLS, Choice, Form, Switch, Text
from alphaforge.tui.dialogs.sheet import wrapped

KEYS = st.sampled_from(
    ["tab", "shift+tab", "left", "right", "up", "down", "home", "end", "backspace", "delete",
     "ctrl+u", "space", "enter", "f5"]
)  # fmt: skip


def form() -> Form:
    return Form([Choice("c", "c", ("LIMIT", "MARKET")), Text("t", "t"), Switch("s", "s")])


def test_tab_goes_round_and_shift_tab_goes_back() -> None:
    fields = form()
    seen = []
    for _ in range(4):
        seen.append(fields.here.name)
        fields.typed("tab", None)
    fields.typed("shift+tab", None)
    assert (seen, fields.here.name) == (["c", "t", "s", "c"], "c")


def test_a_choice_turns_and_is_found_by_its_first_letter() -> None:
    choice = Choice("c", "c", ("LIMIT", "MARKET", "STOP"))
    assert choice.typed("left", None)
    assert choice.value == "STOP"
    assert choice.typed("m", "m")
    assert choice.value == "MARKET"
    assert not choice.typed("x", "x")


def test_a_text_is_edited_where_the_cursor_stands() -> None:
    text = Text("t", "t", "0.25")
    for key in ("home", "delete", "right", "right"):
        text.typed(key, None)
    text.typed("9", "9")
    text.typed("backspace", None)
    text.typed("7", "7")
    assert text.value == ".275"
    text.typed("ctrl+u", None)
    assert text.value == ""


def test_up_and_down_step_a_price_instead_of_leaving_it() -> None:
    text = Text("t", "t", "10", step=lambda value, by: str(int(value) + by))
    fields = Form([text, Switch("s", "s")])
    assert fields.typed("up", None)
    assert (text.value, fields.here) == ("11", text)


@given(st.lists(st.tuples(KEYS, st.one_of(st.none(), st.characters())), max_size=60))
def test_no_key_breaks_a_form_and_the_cursor_stays_in_its_text(keys: list) -> None:
    fields = form()
    for key, character in keys:
        fields.typed(key, character)
        for field in fields.fields:
            row = field.pieces(is_here=field is fields.here)
            assert all(piece.text is not None for piece in row)
            if isinstance(field, Text):
                assert 0 <= field.at <= len(field.value) <= 64
                assert sum(len(piece.text) for piece in row) >= TEXT_CELLS


@given(st.text(), st.integers(1, 80))
def test_wrapped_text_never_is_wider_than_its_room(text: str, width: int) -> None:
    from rich.cells import cell_len

    for row in wrapped(text, width):
        assert sum(cell_len(piece.text) for piece in row) <= width
