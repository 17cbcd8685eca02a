"""Numbers are read exactly, written plainly and rounded onto the grid they are given."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.numbers import (
    ceil_to,
    decimal_of,
    decimals_in,
    floor_to,
    nearest_to,
    plain,
)

STEPS = ("1", "10", "100", "0.1", "0.10", "0.01000000", "1E+1", "0.25", "0.5", "0.003", "5", "1e-8")

decimals = st.decimals(
    min_value=Decimal("-1e15"), max_value=Decimal("1e15"), places=9, allow_nan=False
)
steps = st.sampled_from(STEPS).map(Decimal)


@pytest.mark.parametrize(
    ("given_value", "read"),
    [
        ("0.10", "0.10"),
        (0.1, "0.1"),
        (1e-7, "1E-7"),
        (5, "5"),
        (Decimal("1.50"), "1.50"),
        ("-3", "-3"),
        (np.float64(0.25), "0.25"),
    ],
)
def test_a_number_is_read_as_it_is_written(given_value: object, read: str) -> None:
    assert str(decimal_of(given_value)) == read


@pytest.mark.parametrize(
    "no_number",
    [
        "",
        "ten",
        "NaN",
        "Infinity",
        "-Infinity",
        "1,5",
        float("nan"),
        float("inf"),
        True,
        False,
        None,
        [],
    ],
)
def test_what_is_no_number_is_read_as_not_a_number_and_never_raises(no_number: object) -> None:
    assert decimal_of(no_number).is_nan()


@given(st.floats(min_value=-1e15, max_value=1e15))
def test_a_float_comes_back_as_itself(value: float) -> None:
    assert float(decimal_of(value)) == value


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0.10", "0.1"),
        ("1E+2", "100"),
        ("100", "100"),
        ("-0.00", "0"),
        ("0E-8", "0"),
        ("-1.2300", "-1.23"),
        ("1E-8", "0.00000001"),
        ("12345678901234567890.5", "12345678901234567890.5"),
    ],
)
def test_plain_text_has_no_exponent_and_no_trailing_zeros(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


@given(decimals)
def test_plain_text_reads_back_as_the_same_number(number: Decimal) -> None:
    text = plain(number)
    assert Decimal(text) == number
    assert "E" not in text
    assert plain(Decimal(text)) == text


@given(number=decimals, step=steps)
def test_rounding_lands_on_the_grid_within_one_step(number: Decimal, step: Decimal) -> None:
    down, up, near = floor_to(number, step), ceil_to(number, step), nearest_to(number, step)
    for rounded in (down, up, near):
        assert (Fraction(rounded) / Fraction(step)).denominator == 1
    assert down <= number <= up
    assert Fraction(number) - Fraction(down) < Fraction(step)
    assert Fraction(up) - Fraction(number) < Fraction(step)
    assert abs(Fraction(near) - Fraction(number)) <= Fraction(step) / 2


@given(number=decimals, step=steps)
def test_a_number_on_the_grid_stays(number: Decimal, step: Decimal) -> None:
    once = floor_to(number, step)
    assert floor_to(once, step) == ceil_to(once, step) == nearest_to(once, step) == once


@pytest.mark.parametrize(
    ("number", "step", "rounded"),
    [
        ("2.5", "1", 2),
        ("3.5", "1", 4),
        ("0.125", "0.05", "0.1"),
        ("15", "10", 20),
        ("25", "10", 20),
    ],
)
def test_the_nearest_is_half_even(number: str, step: str, rounded: str) -> None:
    assert nearest_to(Decimal(number), Decimal(step)) == Decimal(rounded)


def test_a_step_written_with_trailing_zeros_is_the_same_step() -> None:
    assert floor_to(Decimal("61659.77"), Decimal("0.10")) == Decimal("61659.7")
    assert floor_to(Decimal(17), Decimal(10)) == 10
    assert ceil_to(Decimal("0.0123"), Decimal("0.00100000")) == Decimal("0.013")


@pytest.mark.parametrize(
    ("text", "decimals"),
    [("61659.70", 1), ("100", 0), ("1e-8", 8), ("1e3", 0), ("0", 0), ("0.000", 0), ("-0.25", 2)],
)
def test_decimals_are_counted_without_trailing_zeros(text: str, decimals: int) -> None:
    assert decimals_in(text) == decimals
