"""Candles stand where their prices are, and the chart keeps still while it is read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from alphaforge.client.market_records import BarRow
from alphaforge.tui.theme import look_for
from alphaforge.tui.widgets.candle_frame import (
    ZOOMS,
    ChartView,
    Mark,
    PriceLine,
    chart_lines,
    plot_of,
)
from alphaforge.tui.widgets.candles import CandleChart
from tests.tui.widgets.material import bar, bars, mean
from tests.tui.widgets.stage import Repaints, fills_its_cells, lines_of, on_stage, text_of

LOOK = look_for("forge-dark")
PRICE = st.floats(1e-8, 1e7)


def drawn(view: ChartView, width: int = 60, height: int = 16) -> list[str]:
    lines = chart_lines(view, LOOK, width, height)
    return ["".join(segment.text for segment in line) for line in lines]


def column_of(lines: list[str], column: int) -> str:
    return "".join(line[column] for line in lines)


@st.composite
def any_bar(draw: st.DrawFn) -> BarRow:
    low, one, other, high = sorted(draw(st.tuples(PRICE, PRICE, PRICE, PRICE)))
    open_, close = draw(st.permutations((one, other)))
    return bar(open_, high, low, close, draw(st.floats(0, 1e12)), draw(st.integers(0, 900)))


@given(
    st.lists(any_bar(), min_size=1, max_size=40),
    st.integers(1, 120),
    st.integers(1, 40),
    st.sampled_from(ZOOMS),
    st.integers(0, 50),
)
def test_any_bars_fill_exactly_the_cells_there_are(
    rows: list[BarRow], width: int, height: int, columns: int, cursor: int
) -> None:
    view = ChartView(
        bars=rows,
        overlays={"mean": [row.close for row in rows], "short": [None]},
        marks=[Mark(rows[0].ts_open, True), Mark("", False)],
        lines=[PriceLine(rows[0].close, "stop", "error")],
        columns=columns,
        cursor=cursor,
    )
    lines = drawn(view, width, height)
    assert len(lines) == height
    assert {cell_len(line) for line in lines} == {width}


def test_a_candle_has_its_body_and_wicks_in_half_cells() -> None:
    # one row per 10, the scale is kept because the first candle needs it
    view = ChartView(bars=[bar(0, 100, 0, 100), bar(40, 90, 10, 60, minute=1)], price_decimals=0)
    lines = drawn(view, 30, 20)
    plot = plot_of(view, 30, 20)
    candle = column_of(lines[: plot.rows], plot.columns - 1)
    body, wick = sum(map(candle.count, "┃╻╹╽╿")), candle.count("│")
    assert candle.strip() == candle.strip(" ┈").strip()
    assert body < plot.rows * 0.35
    assert wick > body
    full = column_of(lines[: plot.rows], plot.columns - 2)
    assert full.count("┃") >= plot.rows - 2


def test_a_candle_without_movement_is_a_dash_of_half_a_cell() -> None:
    view = ChartView(bars=[bar(0, 100, 0, 100), bar(50, 50, 50, 50, minute=1)])
    plot = plot_of(view, 30, 20)
    candle = column_of(drawn(view, 30, 20)[: plot.rows], plot.columns - 1)
    assert sum(map(candle.count, "╻╹")) == 1
    assert "┃" not in candle


@pytest.mark.parametrize("columns", ZOOMS)
def test_the_newest_candle_is_always_at_the_right(columns: int) -> None:
    rows = bars(200)
    view = ChartView(bars=rows, columns=columns)
    plot = plot_of(view, 60, 16)
    lines = drawn(view)[: plot.rows]
    last = column_of(lines, plot.columns - {1: 1, 2: 2, 3: 2}[columns])
    assert any(glyph in last for glyph in "┃╻╹╽╿█▌▐▄▀")


def test_the_last_price_is_on_a_tag_at_its_row() -> None:
    rows = [bar(100, 110, 90, 105.25)]
    view = ChartView(bars=rows, price_decimals=2)
    lines = chart_lines(view, LOOK, 40, 12)
    tagged = [segment for line in lines for segment in line if segment.text.strip() == "105.25"]
    assert len(tagged) == 1
    assert tagged[0].style == LOOK.palette.style("fg", "tag_up")
    row = next(n for n, line in enumerate(lines) if tagged[0] in line)
    assert view.scale is not None
    assert row == view.scale.row(105.25)


def test_orders_stops_and_entries_are_lines_with_their_price() -> None:
    rows = bars(100, price=1000.0)
    price = rows[-1].close
    far = PriceLine(price * 3, "far away", "accent")
    view = ChartView(bars=rows, lines=[PriceLine(price * 0.999, "stop", "error"), far])
    text = "\n".join(drawn(view))
    assert " stop " in text
    assert f"{price * 0.999:,.2f}" in text
    assert "far away" not in text


def test_the_name_of_a_line_hides_no_candle_where_there_is_room() -> None:
    rows = [bar(100, 110, 90, 100, minute=n) for n in range(20)]
    line = PriceLine(100.0, "stop", "error")
    lines = drawn(ChartView(bars=rows, lines=[line]), 60, 16)
    assert sum(text.count(" stop ") for text in lines) == 1
    plain = drawn(ChartView(bars=rows), 60, 16)
    candles = "┃╻╹╽╿│╷╵"
    for row, text in enumerate(plain[:-1]):
        for column, glyph in enumerate(text):
            assert glyph not in candles or lines[row][column] == glyph


def test_fills_are_below_a_buy_and_above_a_sale() -> None:
    rows = [bar(100, 101, 99, 100, minute=n) for n in range(20)]
    rows[0] = bar(90, 110, 90, 110)
    view = ChartView(bars=rows, marks=[Mark(rows[5].ts_open, True), Mark(rows[9].ts_open, False)])
    lines = drawn(view)
    left = plot_of(view, 60, 16).columns - 20
    assert view.scale is not None
    assert lines[view.scale.row(99) + 1][left + 5] == "▲"
    assert lines[view.scale.row(101) - 1][left + 9] == "▼"


def test_fills_of_bars_out_of_sight_are_not_shown() -> None:
    rows = bars(100)
    view = ChartView(bars=rows, skipped=50, marks=[Mark(rows[-1].ts_open, True), Mark("", False)])
    text = "".join(drawn(view, 20, 16))
    assert "▲" not in text
    assert "▼" not in text


def test_an_indicator_is_drawn_where_its_values_are() -> None:
    rows = bars(50)
    view = ChartView(bars=rows, overlays={"mean": mean(rows, 10)})
    lines = drawn(view)
    left = plot_of(view, 60, 16).columns - 50
    dots = [
        (column, row)
        for row, line in enumerate(lines)
        for column, glyph in enumerate(line)
        if 0x2800 < ord(glyph) < 0x2900
    ]
    assert len(dots) > 10
    assert min(column for column, _ in dots) >= left + 10


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (1, ["08:00:30", "08:01:00"]),
        (60, ["08:30", "09:00"]),
        (3600, ["11-21", "11-22"]),
        (86400, ["12-01", "12-11"]),
    ],
)
def test_times_are_round_and_fit_the_kind_of_bar(seconds: int, labels: list[str]) -> None:
    last = drawn(ChartView(bars=bars(75, seconds=seconds)), 90, 16)[-1]
    for label in labels:
        assert label in last


def test_after_a_gap_the_next_bar_gets_the_label() -> None:
    rows = [row for row in bars(80) if not "T08:28" <= row.ts_open[10:16] <= "T08:33"]
    last = drawn(ChartView(bars=rows), 90, 16)[-1]
    assert "08:15" in last
    assert "08:34" in last


def test_volume_is_seen_and_its_last_value_named() -> None:
    rows = [bar(100, 110, 90, 105, volume=10.0 * n, minute=n) for n in range(1, 31)]
    view = ChartView(bars=rows)
    plot = plot_of(view, 60, 16)
    lines = drawn(view)
    bottom = lines[plot.rows + plot.volume - 1]
    assert bottom[plot.columns - 1] == "█"
    assert bottom[plot.columns - 30] in "▁▂"
    assert "vol 300" in lines[plot.rows]


def test_broken_numbers_do_not_break_the_chart() -> None:
    rows = [bar(math.nan, math.inf, -math.inf, math.nan, 1.0), bar(1, 2, 0.5, 1.5, minute=1)]
    assert len(drawn(ChartView(bars=rows))) == 16


async def test_without_bars_it_says_why() -> None:
    chart = CandleChart("BTC/USDT 1m")
    async with on_stage(chart):
        assert "· · ·" in text_of(chart)
        chart.set_bars([])
        assert "no candles yet" in text_of(chart)
        chart.move_cursor(-1)
        chart.pan(3)
        chart.zoom(1)


async def test_a_new_price_repaints_few_rows() -> None:
    rows = bars(200)
    chart = CandleChart()
    async with on_stage(chart, size=(100, 40)):
        chart.set_bars(rows)
        repaints = Repaints(chart)
        chart.set_bars(rows)
        assert repaints.rows == set()
        last = rows[-1]
        close = last.close + (last.high - last.low) * 0.1
        high = max(last.high, close)
        moved = bar(last.open, high, last.low, close, last.volume)
        moved.ts_open = last.ts_open
        chart.set_bars([*rows[:-1], moved])
        assert 0 < len(repaints.rows) <= 8


async def test_what_is_read_stays_in_place_when_bars_are_added() -> None:
    rows = bars(300)
    chart = CandleChart()
    async with on_stage(chart):
        chart.set_bars(rows[:250])
        chart.pan(40)
        before = lines_of(chart)[1:]
        chart.set_bars(rows[:260])
        assert lines_of(chart)[1:] == before
        chart.to_now()
        chart.set_bars(rows)
        assert chart.view.skipped == 0


async def test_at_the_oldest_bar_earlier_ones_are_asked_for() -> None:
    rows = bars(200)
    chart = CandleChart()
    async with on_stage(chart) as pilot:
        chart.set_bars(rows)
        chart.pan_page(1)
        await pilot.pause()
        assert pilot.app.heard == []
        chart.pan(1_000)
        await pilot.pause()
        assert [message.before for message in pilot.app.heard] == [rows[0].ts_open]
        chart.pan(-5_000)
        assert chart.view.skipped == 0


async def test_the_cross_hair_reads_a_bar_out_and_walks_out_of_sight() -> None:
    rows = bars(200)
    chart = CandleChart("BTC/USDT 1m")
    async with on_stage(chart, size=(120, 24)):
        chart.set_bars(rows, price_decimals=1)
        assert chart.bar_under_cursor is None
        chart.move_cursor(0)
        assert chart.bar_under_cursor == rows[-1]
        assert f"C {rows[-1].close:,.1f}" in lines_of(chart)[0]
        chart.move_cursor(-150)
        assert chart.bar_under_cursor == rows[-151]
        chart.move_cursor(150)
        assert chart.bar_under_cursor == rows[-1]
        chart.hide_cursor()
        assert "C " not in lines_of(chart)[0]


async def test_the_mouse_carries_the_cross_hair_and_the_wheel_goes_through_time() -> None:
    from textual.events import MouseScrollDown, MouseScrollUp

    rows = bars(200)
    chart = CandleChart()
    async with on_stage(chart) as pilot:
        chart.set_bars(rows)
        columns = plot_of(chart.view, *chart.body_size).columns
        await pilot.hover(chart, offset=(columns - 3, 5))
        await pilot.pause()
        assert chart.bar_under_cursor == rows[-3]
        await pilot._post_mouse_events([MouseScrollUp], chart, offset=(5, 5))
        assert chart.view.skipped == 4
        await pilot._post_mouse_events([MouseScrollDown], chart, offset=(5, 5))
        assert chart.view.skipped == 0


async def test_zoom_stays_within_its_levels() -> None:
    chart = CandleChart()
    async with on_stage(chart):
        chart.set_bars(bars(50))
        chart.zoom(9)
        assert chart.view.columns == 3
        chart.zoom(-1)
        assert chart.view.columns == 2
        chart.reset()
        assert "· · ·" in text_of(chart)
        assert chart.view.columns == 2


@pytest.mark.parametrize("size", [(200, 60), (80, 24), (30, 8), (12, 3), (2, 2), (1, 1)])
async def test_it_fits_any_size(size: tuple[int, int]) -> None:
    chart = CandleChart("BTC/USDT 1m")
    chart.hint = "ema21 · +/- zoom"
    chart.set_bars(bars(100), {"mean": mean(bars(100), 5)}, price_decimals=1)
    chart.move_cursor(0)
    async with on_stage(chart, size=size):
        assert fills_its_cells(chart)
