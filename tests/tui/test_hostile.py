"""No panel dies of a hostile string, lets a control byte through, or loses its columns."""

import unicodedata
from collections.abc import Callable

import pytest
from rich.cells import cell_len

from alphaforge.client.market_records import BookRow, TapeRow
from alphaforge.client.records import LogRow
from alphaforge.tui.widgets.candle_frame import Mark, PriceLine
from alphaforge.tui.widgets.candles import CandleChart
from alphaforge.tui.widgets.columns import Cell, Column
from alphaforge.tui.widgets.curve import Curve, Series
from alphaforge.tui.widgets.heat_map import HeatMap, HeatRow
from alphaforge.tui.widgets.ladder import Ladder, OwnOrder
from alphaforge.tui.widgets.lines import BandPanel, Gauge, GaugePanel, LinesPanel, Words
from alphaforge.tui.widgets.log_view import LogView
from alphaforge.tui.widgets.panel import Panel
from alphaforge.tui.widgets.table import RowTable
from alphaforge.tui.widgets.tape import Tape
from alphaforge.tui.widgets.watch import WatchList
from tests.tui.widgets.material import NOW, bars, book, market
from tests.tui.widgets.stage import on_stage

HOSTILE = (
    "[/b] [red]x[/] [@click=app.quit]y[/]",
    "[link=file:///etc/passwd]look[/link]",
    "\x1b[2J\x1b]0;owned\x07\x1b[31mred",
    "\x9b31m\x9d0;owned\x9c",
    "a\u202ecba\u2066\u2069\u202c",
    "zero\u200b\u200d\ufeff\u00adwidth",
    "line\r\nend\ttab\x0b\x0c\u2028\u2029\x85\x00\x7f",
    "漢字仮名交じり文 🚀👩‍👩‍👧‍👦🇩🇪👍🏽",
    "Z̷̢̛͖͐a̴͝l̵̛g̶͠o \ud800\udfff\ue000\uffff",
    "x" * 5_000,
    "",
)


def row_table(text: str) -> Panel:
    columns = (
        Column[str]("a", text, Cell, 8, 12),
        Column[str]("b", "b", Cell, 6, 9, "right", order=len),
    )
    table: RowTable[str] = RowTable("T", columns, empty=text)
    table.set_rows({text: text, "second": text})
    table.filter("")
    table.sort_by("a")
    return table


def empty_table(text: str) -> Panel:
    table: RowTable[str] = RowTable("T", (Column("a", "a", Cell, 8),), empty=text)
    table.set_rows({"a": "shown"})
    table.filter(text or "x")
    return table


def watch_list(text: str) -> Panel:
    watch = WatchList()
    rows = {text: market(text, last=text, volume=text, bid=text, ask=None, venue=text)}
    watch.set_markets(rows, NOW)
    return watch


def chart(text: str) -> Panel:
    made = CandleChart()
    rows = bars(60)
    made.set_bars(rows, {text: [row.close for row in rows]}, price_decimals=1)
    made.set_trades([Mark(text, True)], [PriceLine(rows[-1].close, text, "warn")])
    made.move_cursor(0)
    return made


def ladder(text: str) -> Panel:
    made = Ladder()
    made.set_symbol(1, 3)
    good = book(levels=3)
    made.set_book(BookRow(symbol=text, ts=text, bids=((text, text), *good.bids), asks=good.asks))
    made.set_own([OwnOrder(is_buy=True, price=66857.9, leaves=text)])
    return made


def tape(text: str) -> Panel:
    made = Tape()
    made.set_trades([TapeRow(ts=text, price=text, size=text, side=text)] * 3, skipped=7)
    return made


def curve(text: str) -> Panel:
    made = Curve(empty=text)
    made.set_series([Series(text, [1.0, 2.0])], (text, text))
    return made


def lines(text: str) -> Panel:
    made = LinesPanel()
    made.set_lines([[Words(text, "up"), Words(text, width=9, align="right")]])
    return made


def band(text: str) -> Panel:
    made = BandPanel()
    made.set_lines([[Words(text, ground="tag_error")]])
    return made


def gauges(text: str) -> Panel:
    made = GaugePanel()
    made.set_gauges([Gauge(text, 42.0, text)], [[Words(text)]])
    return made


def heat_map(text: str) -> Panel:
    made = HeatMap(empty=text)
    made.set_rows([HeatRow(text, [1.0, None], 2.0)], [text, text], whole=text)
    return made


def log_view(text: str) -> Panel:
    made = LogView()
    made.add([LogRow(number=1, ts=text, level=text, source=text, message=text)])
    made.filter("")
    return made


PANELS = (
    row_table, empty_table, watch_list, chart, ladder, tape, curve, lines, band, gauges, heat_map,
    log_view,
)  # fmt: skip


@pytest.mark.parametrize("build", PANELS, ids=lambda build: build.__name__)
@pytest.mark.parametrize("glyph_set", ["safe", "ascii"])
async def test_a_panel_shows_hostile_strings_as_harmless_text(
    build: Callable[[str], Panel], glyph_set: str
) -> None:
    panels = [build(text) for text in HOSTILE]
    for panel, text in zip(panels, HOSTILE, strict=True):
        panel.styles.height = 9
        panel.title, panel.hint, panel.corner = text[:20], text, text[:9]
    async with on_stage(*panels, size=(100, 9 * len(panels)), glyph_set=glyph_set):
        for panel, text in zip(panels, HOSTILE, strict=True):
            panel.warning = text
            panel.redraw()
            assert_harmless(panel, plain=glyph_set == "ascii")


def assert_harmless(panel: Panel, *, plain: bool) -> None:
    for row in range(panel.size.height):
        strip = panel.render_line(row)
        assert cell_len(strip.text) == panel.size.width == 100
        for segment in strip:
            assert segment.control is None
            assert segment.style is not None
            assert segment.style.link is None
            assert not segment.style.meta
            assert not plain or segment.text.isascii()
            for character in segment.text:
                assert unicodedata.category(character)[0] != "C", (row, segment.text)
                assert cell_len(character) in {1, 2}


def test_markup_is_shown_as_it_was_sent() -> None:
    made = LinesPanel()
    made.set_lines([[Words(HOSTILE[0])]])
    assert made._words == ((Words(HOSTILE[0]),),)


async def test_a_rejection_is_read_word_by_word() -> None:
    made = log_view("order [/b] rejected: [red]min-notional[/]")
    async with on_stage(made, size=(100, 4)):
        assert "order [/b] rejected: [red]min-notional[/]" in made.render_line(1).text
