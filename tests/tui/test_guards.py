"""What comes in from a terminal and what it is told: odd bytes, odd terminals, odd settings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import UsageError
from alphaforge.tui.guards import TolerantDecoder
from alphaforge.tui.options import (
    AppOptions,
    Surface,
    frames_per_second,
    glyphs_of,
    refuse,
    theme_of,
)

GOOD = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


@given(st.lists(st.binary(max_size=12), max_size=8))
def test_no_bytes_raise(chunks: list[bytes]) -> None:
    decoder = TolerantDecoder()
    text = "".join(decoder.decode(chunk) for chunk in chunks) + decoder.decode(b"", final=True)
    assert isinstance(text, str)


@given(st.text(st.characters(exclude_characters="\x1b", exclude_categories=["Cs"])), st.data())
def test_text_comes_through_whole_however_it_is_cut(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    at = data.draw(st.integers(0, len(raw)))
    decoder = TolerantDecoder()
    assert decoder.decode(raw[:at]) + decoder.decode(raw[at:], final=True) == text


@given(
    st.integers(0, 2), st.integers(1, 223), st.integers(1, 223), st.integers(0, 6), st.text("ab")
)
def test_an_old_mouse_report_is_told_in_today_s_spelling(
    button: int, column: int, row: int, cut: int, after: str
) -> None:
    raw = b"\x1b[M" + bytes((32 + button, 32 + column, 32 + row))
    decoder = TolerantDecoder()
    told = decoder.decode(raw[:cut]) + decoder.decode(raw[cut:] + after.encode())
    if cut == 1:  # a lone ESC is a key and is not held back
        return
    assert told == f"\x1b[<{button};{column};{row}M{after}"


def test_a_released_button_is_a_release() -> None:
    assert TolerantDecoder().decode(b"\x1b[M#\xb6*") == "\x1b[<0;150;10m"


@pytest.mark.parametrize(
    ("surface", "environ", "says"),
    [
        (Surface(False, 120, 40), GOOD, "status --plain"),
        (Surface(True, 120, 40), GOOD | {"TERM": "dumb"}, "TERM=xterm-256color"),
        (Surface(True, 120, 40), {}, "TERM is not set"),
        (Surface(True, 59, 40), GOOD, "this terminal has 59x40"),
        (Surface(True, 60, 14), GOOD, "status --watch"),
    ],
)
def test_a_terminal_that_cannot_show_it_is_refused_with_what_works(
    surface: Surface, environ: dict[str, str], says: str
) -> None:
    with pytest.raises(UsageError) as refused:
        refuse(surface, environ)
    assert says in f"{refused.value.message} {refused.value.remedy}"
    assert refused.value.exit_code == 2


def test_the_smallest_terminal_is_enough() -> None:
    refuse(Surface(True, 60, 15), GOOD)


@pytest.mark.parametrize(
    ("environ", "theme"),
    [
        (GOOD, "forge-dark"),
        (GOOD | {"NO_COLOR": "1"}, "mono"),
        ({"TERM": "linux"}, "ansi-dark"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "forge-dark"),
        ({"TERM": "vt100"}, "mono"),
    ],
)
def test_colours_are_those_the_terminal_has(environ: dict[str, str], theme: str) -> None:
    assert theme_of(AppOptions(), environ) == theme


def test_what_a_person_asks_for_is_stronger_than_a_guess_except_no_color() -> None:
    asked = AppOptions(theme="forge-cb", glyphs="full", fps=60)
    assert theme_of(asked, {"TERM": "linux"}) == "forge-cb"
    assert theme_of(asked, GOOD | {"NO_COLOR": "1"}) == "mono"
    assert glyphs_of(asked, {"LANG": "C"}) == "full"
    assert frames_per_second(asked, {"SSH_CONNECTION": "x"}) == 30


def test_a_browser_has_colours_and_letters_whatever_its_server_s_terminal() -> None:
    web = AppOptions(web=True)
    environ = {"TERM": "linux", "LANG": "C", "NO_COLOR": "1", "SSH_CONNECTION": "x"}
    assert theme_of(web, environ) == "forge-dark"
    assert theme_of(web._replace(theme="forge-cb"), environ) == "forge-cb"
    assert glyphs_of(web, environ) == "safe"
    assert frames_per_second(web, environ) == 10


@pytest.mark.parametrize(
    ("environ", "glyphs"),
    [({"LANG": "C"}, "ascii"), ({"LANG": "de_DE.utf8"}, "safe"), ({}, "ascii"),
     ({"LC_ALL": "C", "LANG": "C.UTF-8"}, "ascii")],
)  # fmt: skip
def test_only_ascii_leaves_without_utf_8(environ: dict[str, str], glyphs: str) -> None:
    assert glyphs_of(AppOptions(), environ) == glyphs


def test_a_slow_line_gets_fewer_frames() -> None:
    assert frames_per_second(AppOptions(), {}) == 10
    assert frames_per_second(AppOptions(), {"SSH_CONNECTION": "1 2 3 4"}) == 4
