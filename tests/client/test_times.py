"""Times of the API lose no nanosecond, and ages fit into five cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.client.times import age_text, iso_of, ns_of

MOMENTS = st.integers(min_value=0, max_value=253_402_300_799_999_999_999)


@given(MOMENTS)
def test_a_time_read_back_is_the_same_to_the_nanosecond(ns: int) -> None:
    assert ns_of(iso_of(ns)) == ns


@given(MOMENTS, MOMENTS)
def test_texts_sort_as_their_times_do(one: int, other: int) -> None:
    assert (iso_of(one) < iso_of(other)) == (one < other)


def test_fewer_decimals_mean_the_same_moment() -> None:
    assert ns_of("2026-11-20T09:15:00.5Z") == ns_of("2026-11-20T09:15:00Z") + 500_000_000


@pytest.mark.parametrize("text", ["", "now", "2026-11-20", "2026-11-20T09:15:00", "1763630100"])
def test_any_other_spelling_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        ns_of(text)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0s"), (7, "7s"), (59.9, "59s"), (240, "4m"), (22_320, "6h12"), (273_600, "3d04")],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, shown: str) -> None:
    assert age_text(int(seconds * 1_000_000_000)) == shown


@given(st.integers(min_value=0, max_value=99 * 86_400 * 1_000_000_000))
def test_an_age_never_needs_more_than_five_cells(ns: int) -> None:
    assert len(age_text(ns)) <= 5
