"""The rows behind a table are always those that match, in the order asked for."""

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.tui.widgets.columns import Cell, Column
from alphaforge.tui.widgets.row_list import RowList

COLUMNS = (
    Column[int]("value", "value", lambda row: Cell(str(row)), 5, order=lambda row: row),
    Column[int]("text", "text", lambda row: Cell(str(row)), 5),
)
KEYS = st.sampled_from("abcdefgh")
ROWS = st.dictionaries(KEYS, st.integers(0, 30))
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), ROWS),
        st.tuples(st.just("update"), st.tuples(ROWS, st.lists(KEYS))),
        st.tuples(st.just("sort"), st.sampled_from(["value", "text", None, "unknown"])),
        st.tuples(st.just("filter"), st.sampled_from(["", "1", "value:2"])),
    ),
    max_size=12,
)


@given(ACTS, st.booleans())
def test_however_rows_came_the_list_is_as_if_made_anew(
    acts: list[tuple[str, object]], descending: bool
) -> None:
    rows: dict[str, int] = {}
    made: RowList[int] = RowList(COLUMNS)
    for act, value in acts:
        if act == "set":
            made.set_rows(value)
            rows = dict(value)
        elif act == "update":
            changed, gone = value
            made.update(changed, gone)
            rows = {key: row for key, row in rows.items() if key not in gone} | changed
        elif act == "sort":
            made.sort_by(value, descending=descending)
        else:
            made.query = value
            made.arrange()
    assert (made.rows or {}) == rows
    fresh: RowList[int] = RowList(COLUMNS)
    fresh.query = made.query
    fresh.set_rows(made.rows or {})
    fresh.sort_by(made.sorted_by, descending=made.is_descending)
    if made.sorted_by is None:
        assert made.keys == fresh.keys
    else:
        by_text = made.sorted_by == "text"
        orders = [str(rows[key]) if by_text else rows[key] for key in made.keys]
        assert orders == sorted(orders, reverse=made.is_descending)
        assert sorted(made.keys) == sorted(fresh.keys)


def test_nothing_is_arranged_anew_for_a_change_that_does_not_count() -> None:
    made: RowList[int] = RowList(COLUMNS[1:])
    made.set_rows({"a": 1, "b": 2})
    assert not made.update({"a": 9}, ())
    made.sort_by("text", descending=False)
    assert made.keys == ["b", "a"]
    assert not made.update({"a": 9}, ["never there"])
    assert made.update({"a": 1}, ())
    assert made.keys == ["a", "b"]
    assert made["a"] == 1
