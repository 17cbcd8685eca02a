"""A book's levels: read at once where ccxt keeps floats, one by one elsewhere, to the same end."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.market import BookSnapshot
from alphaforge.venues.ccxt_map import MalformedError, Names, book_delta, book_snapshot
from alphaforge.venues.ccxt_profiles import profile_of

SYMBOL = "BTC/USDT"
NAMES = Names("local", "main", profile_of("binance"), {SYMBOL: SYMBOL})

any_float = st.floats() | st.sampled_from([0.0, -0.0, 1.0, 1e21, math.nan, math.inf])
messy = st.lists(st.lists(any_float, min_size=2, max_size=2), max_size=4)
prices = st.lists(st.floats(1e-8, 1e9), max_size=8, unique=True).map(sorted)


@st.composite
def tidy(draw: st.DrawFn) -> list[list[float]]:
    """Asks as ccxt keeps them; some of them have no size."""
    sizes = st.just(0.0) | st.floats(0, 1e9)
    return [[price, draw(sizes)] for price in draw(prices)]


def read(asks: Sequence[object]) -> BookSnapshot | str:
    """The book, or which field could not be read."""
    try:
        return book_snapshot({"bids": [], "asks": asks, "timestamp": None}, NAMES, SYMBOL, 1)
    except MalformedError as error:
        return error.field


@given(messy | tidy())
def test_floats_are_read_as_the_same_numbers_in_text(levels: list[list[float]]) -> None:
    assert read(levels) == read([[repr(price), repr(size)] for price, size in levels])


@given(tidy())
def test_a_third_figure_of_a_level_changes_nothing(levels: list[list[float]]) -> None:
    assert read([[*level, 7.0] for level in levels]) == read(levels)


@pytest.mark.parametrize("row", [None, [], [1.0], "12", 5.0])
def test_what_is_no_level_is_refused(row: object) -> None:
    assert read([[1.0, 2.0], row]) == "asks"


@given(tidy(), tidy())
def test_the_changes_between_two_books_make_the_one_the_other(
    before: list[list[float]], after: list[list[float]]
) -> None:
    first, second = read(before), read(after)
    assert isinstance(first, BookSnapshot)
    assert isinstance(second, BookSnapshot)
    levels = dict(first.asks)
    changes = book_delta(first, second).asks
    for price, size in changes:
        assert levels.get(price, 0.0) != size
        levels[price] = size
    assert {price: size for price, size in levels.items() if size} == dict(second.asks)
