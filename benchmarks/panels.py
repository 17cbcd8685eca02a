"""What a frame of the terminal app's panels costs: build the lines and find those that changed.

Each panel is shown alone at 120x40 in an app without a terminal, and gets other data for every
frame. What Textual does with a changed row afterwards is not in the figures; how many rows change
is. Processor time, the median of many frames.
"""

import asyncio
import math
import random
from collections.abc import Callable
from time import process_time_ns

from textual.app import App, ComposeResult

from alphaforge.client.market_records import BarRow, BookRow
from alphaforge.client.times import iso_of
from alphaforge.tui.text import number
from alphaforge.tui.widgets.candles import CandleChart
from alphaforge.tui.widgets.columns import Cell, Column
from alphaforge.tui.widgets.ladder import Ladder
from alphaforge.tui.widgets.panel import Panel
from alphaforge.tui.widgets.table import RowTable
from benchmarks.harness import Harness, Row, percentile

SIZE = (120, 40)
FRAMES = 300
BARS = 300
TABLE_ROWS = 50_000
BEST_OF = 5
_START_NS = 1_763_596_800_000_000_000
_MINUTE_NS = 60_000_000_000

NAMES = (
    "panel_chart_ms",
    "panel_ladder_ms",
    "panel_table_ms",
    "panel_table_open_ms",
    "panel_table_page_ms",
)

TableRow = tuple[str, str, str, str]
Work = Callable[[int], object]


class _Shown(App[None]):
    """One panel on a screen."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel

    def compose(self) -> ComposeResult:
        """The panel."""
        yield self._panel


def run(harness: Harness) -> dict[str, Row]:
    """Measure the rows of `NAMES`, in milliseconds of processor time."""
    return asyncio.run(_all(harness))


async def _all(harness: Harness) -> dict[str, Row]:
    frames = harness.size(FRAMES)
    chart, ladder, table = CandleChart("BTC/USDT 1m"), Ladder(), _table()
    rows = _rows(harness.size(TABLE_ROWS))
    works: dict[str, tuple[Panel, Work, int]] = {
        "panel_chart_ms": (chart, _chart_frame(chart), frames),
        "panel_ladder_ms": (ladder, _ladder_frame(ladder), frames),
        "panel_table_ms": (table, _table_frame(table), frames),
        "panel_table_open_ms": (table, lambda _: table.set_rows(rows), harness.tries(BEST_OF)),
        "panel_table_page_ms": (table, lambda _: table.move_page(1), frames),
    }
    measured: dict[str, Row] = {}
    for name, (panel, work, count) in works.items():
        async with _Shown(panel).run_test(size=SIZE):
            measured[name] = _measured(work, count)
    return measured


def _measured(work: Work, count: int) -> Row:
    work(0)
    spent: list[float] = []
    for frame in range(1, count + 1):
        started = process_time_ns()
        work(frame)
        spent.append((process_time_ns() - started) / 1e6)
    extra = {"p99_ms": percentile(spent, 0.99)}
    return Row(percentile(spent, 0.5), "ms", 1, extra=extra)


def _chart_frame(chart: CandleChart) -> Work:
    """A new last price in every frame, with one indicator."""
    dice = random.Random(7)
    bars: list[BarRow] = []
    price = 60_000.0
    for place in range(BARS):
        close = price + dice.gauss(0, 25) + 8 * math.sin(place / 9)
        bars.append(_bar(place, price, close, dice.random() * 90))
        price = close
    means: list[float | None] = [bar.close for bar in bars]

    def frame(number_of: int) -> None:
        opened = bars[-1].open
        bars[-1] = _bar(BARS - 1, opened, opened + 30 * math.sin(number_of), 50.0)
        chart.set_bars(bars, {"ema": means}, price_decimals=1)

    return frame


def _bar(place: int, opened: float, close: float, volume: float) -> BarRow:
    start = _START_NS + place * _MINUTE_NS
    return BarRow(
        ts_open=iso_of(start),
        ts=iso_of(start + _MINUTE_NS),
        open=opened,
        high=max(opened, close) + 9,
        low=min(opened, close) - 9,
        close=close,
        volume=volume,
    )


def _ladder_frame(ladder: Ladder) -> Work:
    """Every size is another one in every frame."""
    ladder.set_symbol(1, 3)
    dice = random.Random(7)

    def frame(_: int) -> None:
        bids = tuple((f"{60_000 - n / 10:.1f}", f"{dice.random():.3f}") for n in range(20))
        asks = tuple((f"{60_000.1 + n / 10:.1f}", f"{dice.random():.3f}") for n in range(20))
        ladder.set_book(BookRow(symbol="BTC/USDT", ts="", bids=bids, asks=asks))

    return frame


def _table() -> RowTable[TableRow]:
    numbers = [
        Column[TableRow](name, name, lambda row, at=place: Cell(number(row[at], 2)), 9, 14, "right")
        for place, name in ((1, "qty"), (2, "mark"), (3, "pnl"))
    ]
    return RowTable("ROWS", (Column("symbol", "symbol", lambda row: Cell(row[0]), 12), *numbers))


def _rows(count: int) -> dict[str, TableRow]:
    return {
        str(n): (f"S{n}/USDT", str(n % 97), f"{n % 991}.25", f"{n % 13}.5") for n in range(count)
    }


def _table_frame(table: RowTable[TableRow]) -> Work:
    """Twenty rows, all of them changed in every frame."""

    def frame(number_of: int) -> None:
        table.set_rows(
            {str(n): (f"S{n}/USDT", str(n), f"{number_of}.25", f"{n}.5") for n in range(20)}
        )

    return frame
