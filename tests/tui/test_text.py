"""Text from outside becomes harmless, and numbers are spelled one way."""

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from alphaforge.tui.glyphs import BRAILLE, to_ascii
from alphaforge.tui.text import (
    NONE,
    basis_points,
    clock,
    compact,
    cut,
    direction,
    fit,
    number,
    percent,
    safe_text,
    signed,
)

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)


@given(ANY_TEXT)
def test_no_text_brings_a_control_byte_onto_the_screen(text: str) -> None:
    for character in safe_text(text):
        assert unicodedata.category(character)[0] != "C"
        assert cell_len(character) in {1, 2}


@given(ANY_TEXT)
def test_safe_text_stays_as_it_is(text: str) -> None:
    assert safe_text(safe_text(text)) == safe_text(text)


@given(ANY_TEXT, st.integers(0, 50), st.sampled_from(["left", "right"]))
def test_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int, align: str) -> None:
    fitted = fit(text, width, align)
    assert cell_len(fitted) == width
    assert sum(map(cell_len, fitted)) == width


@given(ANY_TEXT, st.integers(0, 30))
def test_cut_text_shows_that_something_is_missing(text: str, width: int) -> None:
    safe = safe_text(text)
    short = cut(safe, width)
    assert cell_len(short) <= width
    assert short == safe or not width or short.endswith("…")


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"])))
def test_plain_ascii_is_left_alone(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "·[31mred"),
        ("\x9b31m", "·31m"),
        ("a\r\nb\tc", "a  b c"),
        ("abc\u202edcba\u202c", "abcdcba"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("nul\x00", "nul·"),
        ("e\u0301t\u0336e", "éte"),
        ("\ud800", "·"),
        ("\ue000", "·"),
        ("[/b][red]", "[/b][red]"),
        ("漢字", "漢字"),
    ],
)
def test_what_becomes_of_hostile_text(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_long_text_is_cut_before_it_costs_anything() -> None:
    assert len(safe_text("x" * 10_000_000)) == 1_000
    assert safe_text("abcdef", 3) == "ab…"


def test_a_wide_character_is_not_cut_in_half() -> None:
    assert fit("漢字", 4) == "漢字"
    assert fit("漢字", 3) == "漢…"
    assert fit("漢字", 2) == "… "


@given(ANY_TEXT)
def test_ascii_mode_leaves_only_ascii_of_the_same_width(text: str) -> None:
    safe = safe_text(text)
    plain = to_ascii(safe)
    assert plain.isascii()
    assert len(plain) == cell_len(safe)


def test_braille_has_a_likeness_in_ascii() -> None:
    assert to_ascii(chr(BRAILLE) + chr(BRAILLE + 9)) == " ."


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        ("66857.9", 2, "66,857.90"),
        ("66857.9", None, "66,857.9"),
        ("0.00000001", None, "0.00000001"),
        ("-12000", None, "-12,000"),
        (Decimal("1E+3"), None, "1,000"),
        (1e-7, 8, "0.00000010"),
        ("-0.001", 2, "0.00"),
        (0, 2, "0.00"),
        ("1e30", None, "1.000e+30"),
        ("1e999999999", 2, "1.000e+999999999"),
        ("", 2, NONE),
        (None, 2, NONE),
        ("nan", 2, NONE),
        (float("inf"), 2, NONE),
        ("[/b]", 2, NONE),
    ],
)
def test_numbers(value: str, decimals: int | None, shown: str) -> None:
    assert number(value, decimals) == shown


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_a_shown_number_is_the_number(value: Decimal) -> None:
    exact = value.quantize(Decimal("0.0001"))
    assert Decimal(number(exact, 4).replace(",", "")) == exact


@pytest.mark.parametrize(
    ("value", "shown"),
    [("145.15", "+145.15"), ("-12.21", "-12.21"), ("0", "0.00"), ("-0.001", "0.00"), (None, NONE)],
)
def test_a_sign_goes_with_every_gain_and_loss(value: str | None, shown: str) -> None:
    assert signed(value) == shown


def test_units_are_not_put_behind_nothing() -> None:
    assert (percent("4.16"), percent(None)) == ("+4.16%", NONE)
    assert (basis_points(19.4), basis_points(None)) == ("+19bp", NONE)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (950, "950"),
        ("1234", "1.2k"),
        (3_400_000, "3.4M"),
        (879e6, "879M"),
        ("1.5e9", "1.5B"),
        (0, "0"),
        ("0.5", "0.50"),
        ("1e-12", "0.00"),
        ("-2500", "-2.5k"),
        (None, NONE),
    ],
)
def test_volumes_are_short(value: str, shown: str) -> None:
    assert compact(value) == shown


@given(st.floats(-1e15, 1e15))
def test_a_volume_never_needs_more_than_seven_cells(value: float) -> None:
    assert len(compact(value)) <= 7


def test_a_clock_is_cut_from_iso_text() -> None:
    assert clock("2026-11-20T12:58:02.123456789Z") == "12:58:02"
    assert (clock(None), clock("soon")) == (NONE, NONE)


def test_the_direction_of_nothing_is_none() -> None:
    assert [direction(value) for value in ("2", "-1e-9", 0, None, "x")] == [1, -1, 0, 0, 0]
