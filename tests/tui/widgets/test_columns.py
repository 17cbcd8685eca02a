"""Columns make the best of the width there is."""

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.tui.widgets.columns import Cell, Column, place
from alphaforge.tui.widgets.row_filter import matcher

Row = dict[str, str]


def column(key: str, width: int = 8, priority: int = 0, align: str = "left") -> Column[Row]:
    return Column(key, key.upper(), lambda row: Cell(row[key]), width, None, align, priority)


def shown(columns: list[Column[Row]], room: int) -> list[str]:
    placed = place(columns, [column.width for column in columns], room)
    return [columns[place.number].key for place in placed]


COLUMNS = [column("a"), column("b", priority=2), column("c", priority=5), column("d", priority=2)]


def test_the_least_important_column_goes_first() -> None:
    assert shown(COLUMNS, 35) == ["a", "b", "c", "d"]
    assert shown(COLUMNS, 34) == ["a", "b", "d"]
    assert shown(COLUMNS, 25) == ["a", "b"]
    assert shown(COLUMNS, 16) == ["a"]


def test_an_important_column_never_goes() -> None:
    both = [column("a"), column("b")]
    placed = place(both, [8, 8], 10)
    assert [tuple(place) for place in placed] == [(0, 0, 8), (1, 9, 1)]


def test_numbers_and_words_do_not_touch() -> None:
    placed = place([column("a", align="right"), column("b")], [8, 8], 18)
    assert placed[1].left - placed[0].width == 2


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[Column[Row]], list[int], int]:
    columns = draw(
        st.lists(
            st.builds(
                column,
                st.just("k"),
                st.integers(1, 20),
                st.integers(0, 6),
                st.sampled_from(["left", "right"]),
            ),
            min_size=1,
            max_size=12,
        )
    )
    widths = [one.width + draw(st.integers(0, 5)) for one in columns]
    return columns, widths, draw(st.integers(0, 250))


@given(layouts())
def test_columns_never_overlap_and_never_leave_the_room(
    layout: tuple[list[Column[Row]], list[int], int],
) -> None:
    columns, widths, room = layout
    end = 0
    for number, left, width in place(columns, widths, room):
        assert left >= end
        assert width > 0
        end = left + width
        assert end <= room
        assert number < len(columns)


ROWS: list[Row] = [
    {"symbol": "BTC/USDT", "status": "WORKING"},
    {"symbol": "BTC/USDT:USDT", "status": "REJECTED"},
    {"symbol": "ETH/USDT", "status": "WORKING"},
]


def found(query: str) -> list[str]:
    test = matcher(query, [column("symbol"), column("status")])
    return [row["symbol"] for row in ROWS if test is None or test(row)]


def test_a_filter_finds_words_in_all_columns_or_in_one() -> None:
    assert found("") == found("  ") == ["BTC/USDT", "BTC/USDT:USDT", "ETH/USDT"]
    assert found("btc") == ["BTC/USDT", "BTC/USDT:USDT"]
    assert found("st:work btc") == ["BTC/USDT"]
    assert found("sym:work") == []
    assert found("usdt:usdt") == ["BTC/USDT:USDT"]


@given(st.text(max_size=30))
def test_nothing_typed_breaks_the_filter(query: str) -> None:
    found(query)
