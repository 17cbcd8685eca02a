"""Tables keep their cursor, sort, filter, repaint only what changed, and carry many rows."""

import msgspec
import pytest

from alphaforge.tui.text import number, signed
from alphaforge.tui.widgets.columns import Cell, Column
from alphaforge.tui.widgets.table import RowTable
from tests.tui.widgets.stage import Repaints, fills_its_cells, lines_of, on_stage, text_of


class Holding(msgspec.Struct, frozen=True):
    symbol: str
    quantity: str
    profit: float


def columns() -> tuple[Column[Holding], ...]:
    return (
        Column("symbol", "symbol", lambda row: Cell(row.symbol), 10, 20),
        Column("quantity", "qty", lambda row: Cell(number(row.quantity)), 8, 14, "right", 1),
        Column(
            "profit", "uPnL", lambda row: Cell(signed(row.profit)), 8, 12, "right",
            order=lambda row: row.profit,
        ),
    )  # fmt: skip


def holdings(count: int) -> dict[str, Holding]:
    return {
        f"k{place}": Holding(f"S{place:05d}/USDT", str(place * 7 % 100), (place * 37 % 101) - 50.0)
        for place in range(count)
    }


def table(rows: dict[str, Holding] | None = None) -> RowTable[Holding]:
    made = RowTable("POSITIONS", columns(), empty="no open positions - b buys")
    if rows is not None:
        made.set_rows(rows)
    return made


def symbols(made: RowTable[Holding]) -> list[str]:
    return [line[1:].split()[0] for line in lines_of(made)[2:] if line.strip()]


async def test_before_the_first_rows_it_is_loading_and_without_rows_it_says_what_to_do() -> None:
    made = table()
    async with on_stage(made) as pilot:
        assert "· · ·" in text_of(made)
        made.set_rows({})
        await pilot.pause()
        assert "no open positions - b buys" in text_of(made)


async def test_the_cursor_stays_on_its_row_when_rows_move() -> None:
    rows = holdings(5)
    made = table(rows)
    async with on_stage(made):
        made.select("k3")
        made.set_rows({"new": Holding("NEW", "1", 0.0)} | rows)
        assert made.selected_key == "k3"
        made.sort_by("profit", descending=True)
        assert made.selected_key == "k3"


async def test_when_the_row_under_the_cursor_goes_a_neighbour_takes_its_place() -> None:
    rows = holdings(5)
    made = table(rows)
    async with on_stage(made) as pilot:
        made.select("k4")
        made.update_rows({}, gone=["k4", "k0"])
        assert made.selected_key == "k3"
        made.update_rows({}, gone=list(rows))
        await pilot.pause()
        assert made.selected_key is None
        assert pilot.app.heard[-1].key is None


async def test_only_rows_that_changed_are_painted_again() -> None:
    rows = holdings(10)
    made = table(rows)
    async with on_stage(made):
        repaints = Repaints(made)
        made.set_rows(rows)
        assert repaints.rows == set()
        made.update_rows({"k3": msgspec.structs.replace(rows["k3"], profit=1.25)})
        assert repaints.rows == {2 + 3}
        made.move(1)
        assert repaints.rows == {2, 3, 5}


async def test_a_hidden_table_does_no_work_until_it_is_shown() -> None:
    made = table(holdings(3))
    async with on_stage(made) as pilot:
        made.display = False
        await pilot.pause()
        repaints = Repaints(made)
        made.update_rows({"k0": Holding("SEEN/LATER", "1", 0.0)})
        assert repaints.rows == set()
        made.display = True
        await pilot.pause()
        assert "SEEN/LATER" in text_of(made)


async def test_sorting_goes_up_down_and_on_to_the_next_column() -> None:
    made = table(holdings(4))
    async with on_stage(made):
        steps = []
        for _ in range(7):
            made.sort_next()
            steps.append((made.sorted_by, made.is_descending))
        assert steps == [
            ("symbol", False),
            ("symbol", True),
            ("quantity", False),
            ("quantity", True),
            ("profit", False),
            ("profit", True),
            (None, False),
        ]


async def test_a_sorted_table_stays_sorted_when_a_value_changes() -> None:
    made = table(holdings(6))
    async with on_stage(made):
        made.sort_by("profit")
        assert "uPnL▲" in lines_of(made)[1]
        made.update_rows({"k1": Holding("WORST", "1", -1e9)})
        assert symbols(made)[0] == "WORST"
        made.update_rows({"k1": Holding("BEST", "1", 1e9)})
        assert symbols(made)[-1] == "BEST"
        assert len(symbols(made)) == 6


async def test_a_filter_hides_rows_and_says_so_when_none_is_left() -> None:
    made = table(holdings(12))
    async with on_stage(made):
        made.filter("sym:s0001")
        assert symbols(made) == ["S00010/USDT", "S00011/USDT"]
        made.update_rows({"more": Holding("S00019/USDT", "1", 0.0)})
        assert made.row_count == 3
        made.filter("[/b]")
        assert "no row matches '[/b]'" in text_of(made)
        made.filter("")
        assert made.row_count == 13


async def test_keys_move_the_cursor_and_the_view_follows() -> None:
    made = table(holdings(100))
    async with on_stage(made, size=(60, 12)):
        assert len(symbols(made)) == 10
        made.move_page(1)
        assert made.position_text == "11/100"
        assert "S00010/USDT" in symbols(made)
        made.move_to_end(1)
        assert made.position_text == "100/100"
        assert symbols(made)[-1] == "S00099/USDT"
        made.move(5)
        assert made.selected_key == "k99"
        made.move_page(-0.5)
        assert made.selected_key == "k94"
        made.move_to_end(-1)
        assert symbols(made)[0] == "S00000/USDT"


async def test_the_mouse_selects_opens_sorts_and_scrolls() -> None:
    made = table(holdings(100))
    async with on_stage(made, size=(60, 12)) as pilot:
        await pilot.click(made, offset=(3, 4))
        assert made.selected_key == "k2"
        assert made.has_focus
        await pilot.double_click(made, offset=(3, 4))
        await pilot.pause()
        names = [type(message).__name__ for message in pilot.app.heard]
        assert names == ["Selected", "Activated"]
        await pilot.click(made, offset=(3, 1))
        assert (made.sorted_by, made.is_descending) == ("symbol", False)
        await pilot.click(made, offset=(3, 1))
        assert made.is_descending
        made.sort_by(None)
        made.select_index(0)
        await pilot._post_mouse_events([_wheel()], made, offset=(3, 4))
        await pilot.pause()
        assert symbols(made)[0] == "S00003/USDT"
        assert made.selected_key == "k0"


def _wheel() -> type:
    from textual.events import MouseScrollDown

    return MouseScrollDown


async def test_the_selected_row_is_told_by_marker_and_background() -> None:
    made = table(holdings(3))
    async with on_stage(made) as pilot:
        made.focus()
        await pilot.pause()
        row = made.render_line(2)
        assert row.text.startswith("▌S00000")
        selected = {segment.style.bgcolor.name for segment in row if segment.style}
        other = {segment.style.bgcolor.name for segment in made.render_line(3) if segment.style}
        assert len(selected) == 1
        assert selected.isdisjoint(other)
        assert "━" in lines_of(made)[0]


async def test_a_cell_and_a_row_can_be_copied() -> None:
    made = table({"a": Holding("BTC/USDT", "1234.5", -3.0)})
    async with on_stage(made):
        assert made.cell_text() == "BTC/USDT"
        made.move_column(1)
        assert made.cell_text() == "1,234.5"
        made.move_column(9)
        assert made.cell_text() == "-3.00"
        assert msgspec.json.decode(made.row_json(), type=Holding) == made.selected_row
    assert table({}).row_json() == table({}).cell_text() == ""


async def test_a_number_gets_the_cells_it_needs() -> None:
    made = table({"a": Holding("1000SATS/USDT:USDT", "123456789.12", -12345678.5)})
    async with on_stage(made, size=(60, 8)):
        line = lines_of(made)[2]
        assert "123,456,789.12" in line
        assert "1000SATS/USDT:USDT" in line
        assert "-12,345,678.50" in line


@pytest.mark.parametrize("size", [(200, 60), (80, 24), (40, 10), (12, 4), (3, 2), (1, 1)])
async def test_it_fits_any_size(size: tuple[int, int]) -> None:
    made = table(holdings(500))
    made.hint, made.corner = "500", "1/500"
    async with on_stage(made, size=size):
        assert fills_its_cells(made)
        assert len(lines_of(made)) == size[1]


async def test_what_a_page_costs_does_not_depend_on_how_many_rows_there_are() -> None:
    asked: list[str] = []

    def cell(row: Holding) -> Cell:
        asked.append(row.symbol)
        return Cell(row.symbol)

    made: RowTable[Holding] = RowTable("ALL", (Column("symbol", "symbol", cell, 20),))
    async with on_stage(made):
        made.set_rows(holdings(20_000))
        lines_of(made)
        asked.clear()
        made.move_page(1)
        assert len(asked) <= 24
        made.move_to_end(1)
        assert len(asked) <= 48


async def test_other_columns_can_be_chosen() -> None:
    made = table(holdings(3))
    async with on_stage(made):
        made.sort_by("symbol")
        made.set_columns(made.columns[2:])
        assert "symbol" not in text_of(made)
        assert made.sorted_by is None
        made.sort_next()
        assert made.sorted_by == "profit"


def test_changed_rows_may_come_before_the_first_table_of_them() -> None:
    made = table()
    made.update_rows(holdings(2), gone=["never there"])
    assert made.row_count == 2
    assert list(made.keys) == ["k0", "k1"]
