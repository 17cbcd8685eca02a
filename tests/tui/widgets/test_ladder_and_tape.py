"""The ladder's axis does not move under the finger, and the tape says what it left out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.client.market_records import BookRow
from alphaforge.tui.widgets.ladder import Book, Ladder, OwnOrder, book_of, levels_by_row
from alphaforge.tui.widgets.tape import Tape
from tests.tui.widgets.material import book, trade
from tests.tui.widgets.stage import Repaints, fills_its_cells, lines_of, on_stage, text_of

SIZE = (40, 22)
LEVELS = st.lists(st.tuples(st.floats(0.01, 100.0), st.floats(0.001, 1e6)), max_size=30)


def ladder(row: BookRow | None = None) -> Ladder:
    made = Ladder()
    made.set_symbol(2, 3)
    if row is not None:
        made.set_book(row)
    return made


def prices(made: Ladder) -> list[float]:
    return [float(line.split()[0].replace(",", "")) for line in lines_of(made)[1:]]


async def test_prices_fall_from_row_to_row_by_one_step() -> None:
    made = ladder(book())
    async with on_stage(made, size=SIZE):
        shown = prices(made)
        steps = {round(above - below, 6) for above, below in pairwise(shown)}
        assert steps == {made.step}


async def test_the_axis_stays_while_the_market_is_in_the_middle_third() -> None:
    made = ladder(book(1000.0))
    async with on_stage(made, size=SIZE):
        before, step = prices(made), made.step
        made.set_book(book(1000.0 + 2 * step))
        assert prices(made) == before
        made.set_book(book(1000.0 + 6 * step))
        assert prices(made) != before
        assert prices(made)[0] > 1000.0 + 6 * step > prices(made)[-1]


async def test_the_user_moves_the_axis_and_centers_it_again() -> None:
    made = ladder(book(1000.0))
    async with on_stage(made, size=SIZE):
        before = prices(made)
        made.move(-3)
        assert prices(made)[3:] == before[:-3]
        made.recenter()
        assert prices(made) == before


async def test_rows_become_coarser_and_finer_down_to_the_tick() -> None:
    made = ladder(book(1000.0))
    async with on_stage(made, size=SIZE):
        step = made.step
        made.zoom(-1)
        assert made.step > step
        for _ in range(20):
            made.zoom(1)
        assert made.step == pytest.approx(0.01)
        made.set_book(book(2000.0))
        assert made.step == pytest.approx(0.01)


async def test_every_level_is_shown_with_its_size_and_what_stands_before_it() -> None:
    row = BookRow(symbol="X", ts="", bids=(("99.99", "1"), ("99.98", "2")), asks=(("100.01", "4"),))
    made = ladder(row)
    async with on_stage(made, size=SIZE):
        text = text_of(made)
        assert "spread 0.02 · 2.0bp" in text
        rows = {line.split()[0]: line.split()[1:] for line in lines_of(made)[1:]}
        assert rows["99.99"] == ["1.000", "1.000"]
        assert rows["99.98"] == ["2.000", "3.000"]
        assert rows["100.01"] == ["4.000", "4.000"]
        assert rows["100.00"] == []


@given(LEVELS, LEVELS, st.floats(0.01, 10.0))
def test_grouping_loses_no_size_and_never_betters_a_price(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], step: float
) -> None:
    bids, asks = sorted(bids, reverse=True), sorted((price + 100, size) for price, size in asks)
    made = levels_by_row(Book(tuple(bids), tuple(asks)), step)
    for is_bid, side in ((True, bids), (False, asks)):
        rows = {place: level for place, level in made.items() if level.is_bid == is_bid}
        total = sum(level.size for level in rows.values())
        if bids and asks and (bids[0][0] // step + 1) * step >= asks[0][0]:
            continue  # both sides fall into one row: the later one is shown
        assert total == pytest.approx(sum(size for _, size in side))
        for price, _ in side[:1]:
            best = (max if is_bid else min)(rows) * step
            assert best <= price * (1 + 1e-5) if is_bid else best >= price * (1 - 1e-5)
        assert all(0 <= level.share <= 1 for level in rows.values())


async def test_our_orders_and_the_last_price_are_marked() -> None:
    made = ladder(book(1000.0))
    async with on_stage(made, size=SIZE):
        made.set_own(
            [
                OwnOrder(is_buy=True, price=999.0, leaves="0.25"),
                OwnOrder(is_buy=False, price=1001.0, leaves="1"),
                OwnOrder(is_buy=False, price=1001.0, leaves="2"),
            ]
        )
        made.set_last(1000.03, 1)
        marked = {line.split()[0]: line for line in lines_of(made) if "◆" in line}
        assert "◆0.25" in marked["999.00"]
        assert "◆×2" in marked["1,001.00"]
        assert any(line.split()[:2] == ["1,000.03", "▲"] for line in lines_of(made)[1:])


async def test_depth_is_a_tint_behind_the_numbers() -> None:
    made = ladder(book(1000.0))
    async with on_stage(made, size=SIZE):
        made.move(0)
        strips = [made.render_line(row) for row in range(1, SIZE[1])]
        backs = [
            sum(len(s.text) for s in strip if s.style.bgcolor.name != "#0a0e14")
            for strip in strips
            if len(strip.text.split()) > 1
        ]
        assert max(backs) == SIZE[0]
        assert min(backs) < SIZE[0] / 3


async def test_a_click_chooses_a_price() -> None:
    made = ladder(book(1000.0))
    async with on_stage(made, size=SIZE) as pilot:
        shown = prices(made)
        await pilot.click(made, offset=(4, 6))
        await pilot.pause()
        assert pilot.app.heard[0].price == pytest.approx(shown[5])


async def test_without_a_book_there_are_no_prices() -> None:
    made = ladder()
    async with on_stage(made, size=SIZE):
        assert "· · ·" in text_of(made)
        made.recenter()
        made.zoom(1)
        made.set_book(BookRow(symbol="X", ts="", bids=(), asks=()))
        assert "the book is empty" in text_of(made)
        made.set_book(BookRow(symbol="X", ts="", bids=(("99", "1"),), asks=()))
        assert "99.00" in text_of(made)


def test_a_level_that_is_no_number_is_left_out() -> None:
    row = BookRow(symbol="X", ts="", bids=(("nan", "1"), ("1", "x"), ("2", "3")), asks=())
    assert book_of(row).bids == ((2.0, 3.0),)


@pytest.mark.parametrize("size", [(60, 40), (40, 12), (24, 9), (14, 5), (3, 3), (1, 1)])
async def test_both_fit_any_size(size: tuple[int, int]) -> None:
    made, tape = ladder(book(1000.0)), Tape()
    tape.set_trades([trade(n) for n in range(30)])
    made.styles.height = tape.styles.height = size[1]
    async with on_stage(made, tape, size=(size[0], size[1] * 2)):
        assert fills_its_cells(made)
        assert fills_its_cells(tape)


async def test_a_tape_shows_the_newest_trade_above() -> None:
    tape = Tape()
    tape.set_symbol(1, 4)
    async with on_stage(tape, size=(36, 6)):
        assert "· · ·" in text_of(tape)
        tape.set_trades([])
        assert "no trades yet" in text_of(tape)
        tape.set_trades([trade(1), trade(2, "SELL"), trade(3, "")], skipped=1234)
        lines = lines_of(tape)
        assert "1,234 skipped" in lines[0]
        assert lines[1].split() == ["08:00:03", "66,857.9", "0.2500"]
        assert lines[2].split()[-1] == "▼"
        assert lines[3].split()[-1] == "▲"


async def test_a_quiet_tape_is_not_painted_again() -> None:
    tape = Tape()
    async with on_stage(tape, size=(36, 6)):
        tape.set_trades([trade(n) for n in range(9)])
        repaints = Repaints(tape)
        tape.set_trades([trade(n) for n in range(9)])
        assert repaints.rows == set()


async def test_large_trades_stand_out() -> None:
    tape = Tape()
    trades = [trade(n, size="0.1") for n in range(40)] + [trade(41, size="99")]
    tape.set_trades(trades)
    async with on_stage(tape, size=(36, 6)):
        bold = [any(s.style.bold for s in tape.render_line(row)) for row in range(1, 6)]
        assert bold == [True, False, False, False, False]
