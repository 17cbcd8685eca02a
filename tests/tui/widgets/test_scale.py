"""Charts put values where they belong, whatever the values are."""

import math

from hypothesis import assume, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from alphaforge.tui.glyphs import GLYPHS
from alphaforge.tui.widgets.bars import gauge, gauge_tone, resampled, sparkline
from alphaforge.tui.widgets.raster import Raster, braille, dotted
from alphaforge.tui.widgets.scale import (
    Scale,
    decimals_of,
    extent,
    nice_step,
    nice_values,
    scale_for,
)

PRICE = st.floats(1e-8, 1e8)
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)
ROWS = st.integers(1, 60)


@given(PRICE, PRICE, ROWS)
def test_a_scale_holds_what_it_was_made_for(one: float, other: float, rows: int) -> None:
    low, high = sorted((one, other))
    scale = scale_for(low, high, rows)
    assert scale.low < low
    assert high < scale.high


@given(PRICE, PRICE, ROWS, ANY_FLOAT, st.sampled_from([1, 2, 4, 8]))
def test_every_value_has_a_place(
    one: float, other: float, rows: int, value: float, parts: int
) -> None:
    scale = scale_for(min(one, other), max(one, other), rows)
    assert 0 <= scale.place(value, parts) < rows * parts


@given(PRICE, PRICE, ROWS)
def test_higher_values_stand_higher(one: float, other: float, rows: int) -> None:
    low, high = sorted((one, other))
    scale = scale_for(low, high, rows)
    assert scale.row(high) <= scale.row(low)


@given(PRICE, PRICE, ROWS)
def test_the_middle_of_a_row_is_in_that_row(one: float, other: float, rows: int) -> None:
    low, high = sorted((one, other))
    assume(high - low > high * 1e-6)
    scale = scale_for(low, high, rows)
    assert [scale.row(scale.value(row)) for row in range(rows)] == list(range(rows))


def test_a_scale_is_kept_while_the_values_fit() -> None:
    scale = scale_for(100.0, 200.0, 20)
    assert scale_for(110.0, 190.0, 20, scale) is scale
    assert scale_for(110.0, 210.0, 20, scale) is not scale
    assert scale_for(150.0, 160.0, 20, scale) is not scale
    assert scale_for(110.0, 190.0, 21, scale) is not scale


@given(PRICE, PRICE, ROWS, st.integers(1, 6))
def test_labels_are_within_the_scale_and_apart(
    one: float, other: float, rows: int, apart: int
) -> None:
    low, high = sorted((one, other))
    assume(high - low > high * 1e-6)
    scale = scale_for(low, high, rows)
    values = nice_values(scale, apart)
    assert len(values) <= rows // apart + 1
    step = scale.high - scale.low
    assert all(scale.low - step * 1e-9 <= value <= scale.high + step * 1e-9 for value in values)


def test_steps_are_round() -> None:
    assert nice_step(100, 10) == 10
    assert nice_step(430, 4) == 200
    assert nice_step(0.0071, 3) == 0.0025
    assert nice_step(0, 3) == 1
    assert nice_step(math.nan, 3) == 1


def test_labels_have_the_decimals_they_need() -> None:
    assert [decimals_of(step) for step in (100.0, 0.5, 0.25, 1e-8, 1e-13)] == [0, 1, 2, 8, 12]


def test_the_extent_leaves_out_what_is_no_number() -> None:
    assert extent([math.nan, 3.0, math.inf, -1.0]) == (-1.0, 3.0)
    assert extent([math.nan]) is None


@given(st.lists(ANY_FLOAT, max_size=50), st.integers(0, 40))
def test_a_sparkline_is_as_wide_as_asked(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == cell_len(line) == width


def test_a_sparkline_rises_with_its_values() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, 5], 4) == "  ▄▄"
    assert sparkline([], 3) == "   "


@given(st.one_of(st.none(), ANY_FLOAT), st.integers(0, 40))
def test_a_gauge_is_as_wide_as_asked(used: float | None, width: int) -> None:
    on, off = gauge(GLYPHS["safe"], used, width)
    assert len(on + off) == width


def test_a_gauge_is_full_only_when_the_limit_is_reached() -> None:
    safe = GLYPHS["safe"]
    assert gauge(safe, 0.1, 10) == ("━", "─" * 9)
    assert gauge(safe, 99.9, 10) == ("━" * 9, "─")
    assert gauge(safe, 100, 10) == ("━" * 10, "")
    assert gauge(safe, None, 10) == ("", "─" * 10)
    assert [gauge_tone(used) for used in (None, 59, 60, 85, 120)] == [
        "info",
        "info",
        "warn",
        "error",
        "error",
    ]


@given(st.lists(st.floats(-1, 1), max_size=300), st.integers(0, 100))
def test_resampling_keeps_the_last_value(values: list[float], count: int) -> None:
    shown = resampled(values, count)
    assert len(shown) == min(len(values), count)
    assert not shown or shown[-1] == values[-1]


@given(st.lists(st.one_of(st.none(), st.integers(-9, 99)), max_size=60), st.integers(1, 20))
def test_dots_stay_in_their_cells(heights: list[int | None], rows: int) -> None:
    for (column, row), bits in dotted(heights, rows).items():
        assert 0 <= column <= len(heights) // 2
        assert 0 <= row < rows
        assert 0 < bits < 256


def test_a_steep_curve_has_no_holes() -> None:
    cells = dotted([0, 11], 3)
    assert [braille(cells[0, row]) for row in range(3)] == ["⢱", "⢸", "⢸"]


def test_a_raster_ignores_what_is_outside_and_keeps_its_width() -> None:
    style = Style(bold=True)
    raster = Raster(4, 2, Style())
    raster.put(-1, 0, "abcdefgh", style)
    raster.put(0, 5, "x", style)
    raster.put(2, 1, "漢", style)
    assert ["".join(segment.text for segment in line) for line in raster.lines()] == [
        "bcde",
        "  ? ",
    ]
    assert Scale(0, 1, 2).holds(0.5)
