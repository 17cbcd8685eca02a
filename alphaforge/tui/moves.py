"""Moving about in a panel, whatever kind it is: rows, candles, prices, lines.

Must never change data.
"""

from enum import Enum
from functools import singledispatch
from typing import Any, Final, cast

from alphaforge.tui.state import row_json
from alphaforge.tui.widgets.candles import CandleChart
from alphaforge.tui.widgets.ladder import Ladder
from alphaforge.tui.widgets.lines import LinesPanel
from alphaforge.tui.widgets.log_view import LogView
from alphaforge.tui.widgets.panel import Panel
from alphaforge.tui.widgets.table import RowTable


class Way(Enum):
    """Where to: (columns, rows, pages); at both ends of a thing the pages are whole."""

    DOWN = (0, 1, 0.0)
    UP = (0, -1, 0.0)
    LEFT = (-1, 0, 0.0)
    RIGHT = (1, 0, 0.0)
    HALF_DOWN = (0, 0, 0.5)
    HALF_UP = (0, 0, -0.5)
    TOP = (0, -1, -1.0)
    BOTTOM = (0, 1, 1.0)


ENDS: Final = frozenset({Way.TOP, Way.BOTTOM})
_PAN: Final = 4
_PAGE_ROWS: Final = 10
_FAR: Final = 1_000_000


@singledispatch
def move_within(panel: Panel, way: Way) -> None:
    """Move the panel's cursor; one that has none stays as it is."""
    del panel, way


@move_within.register(RowTable)
def _in_table(panel: RowTable[Any], way: Way) -> None:
    columns, rows, pages = way.value
    if way in ENDS:
        panel.move_to_end(rows)
    elif pages:
        panel.move_page(pages)
    elif columns:
        panel.move_column(columns)
    else:
        panel.move(rows)


@move_within.register(CandleChart)
def _in_chart(panel: CandleChart, way: Way) -> None:
    """Left is earlier; with the cross-hair shown it moves, else the candles do."""
    columns, _, pages = way.value
    if way is Way.BOTTOM:
        panel.to_now()
    elif way is Way.TOP:
        panel.pan(_FAR)
    elif pages:
        panel.pan_page(-pages)
    elif columns and panel.view.cursor is not None:
        panel.move_cursor(columns)
    elif columns:
        panel.pan(-columns * _PAN)


@move_within.register(Ladder)
def _in_ladder(panel: Ladder, way: Way) -> None:
    _, rows, pages = way.value
    if way in ENDS:
        panel.recenter()
    else:
        panel.move(rows or round(pages * _PAGE_ROWS * 2))


@move_within.register(LogView)
def _in_log(panel: LogView, way: Way) -> None:
    _, rows, pages = way.value
    if way in ENDS:
        panel.move_to_end(rows)
    elif pages:
        panel.move_page(pages)
    else:
        panel.move(rows)


@move_within.register(LinesPanel)
def _in_lines(panel: LinesPanel, way: Way) -> None:
    _, rows, pages = way.value
    panel.move(rows * _FAR if way in ENDS else rows or round(pages * _PAGE_ROWS * 2))


def copied_cell(panel: Panel) -> str:
    """The cell under the cursor; empty where there is none."""
    return cast("RowTable[Any]", panel).cell_text() if isinstance(panel, RowTable) else ""


def copied_row(panel: Panel) -> str:
    """The row under the cursor as JSON, or the candle under the cross-hair; else empty."""
    if isinstance(panel, RowTable):
        return cast("RowTable[Any]", panel).row_json()
    bar = panel.bar_under_cursor if isinstance(panel, CandleChart) else None
    return "" if bar is None else row_json(bar)
