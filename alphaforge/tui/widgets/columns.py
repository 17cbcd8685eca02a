"""Columns of a table: what they show, and which of them fit.

Where the width is short, columns go by their priority instead of being scrolled; where there is
plenty, it is spread evenly. Must know nothing of a screen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from alphaforge.tui.text import Align
from alphaforge.tui.theme import Ground, Tone

Row = TypeVar("Row")

Order: TypeAlias = str | float | int
"""What rows are sorted by; of one type within a column."""

_FIRST_MAY_GROW: Final = 4
_MAY_GROW: Final = 9


class Cell(NamedTuple):
    """What one cell shows. The text may come from outside: the table makes it safe."""

    text: str
    tone: Tone = "fg"
    bold: bool = False
    ground: Ground = ""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column.

    Attributes:
        key: Its name in settings, filters and the column picker.
        cell: What it shows of a row.
        width: At least so many cells.
        max_width: It grows with its content up to this; None = it never grows.
        priority: The highest goes first when the width is short; 0 never goes.
        order: What to sort by; None = by the text.
    """

    key: str
    title: str
    cell: Callable[[Row], Cell]
    width: int
    max_width: int | None = None
    align: Align = "left"
    priority: int = 0
    order: Callable[[Row], Order] | None = None


class Placed(NamedTuple):
    """A column's place: its number, its first cell and its width."""

    number: int
    left: int
    width: int


def place(columns: Sequence[Column[Row]], widths: Sequence[int], room: int) -> list[Placed]:
    """Which columns are shown in `room` cells, and where.

    Args:
        columns: In their order.
        widths: What each needs, at least its `width`.
        room: Cells there are. A column of priority 0 that does not fit at all is cut at the edge.
    """
    shown = list(range(len(columns)))
    while len(shown) > 1 and _needed(columns, widths, shown) > room:
        last = max(shown, key=lambda index: (columns[index].priority, index))
        if not columns[last].priority:
            break
        shown.remove(last)
    spare = max(0, room - _needed(columns, widths, shown))
    placed: list[Placed] = []
    left = 0
    for place_number, index in enumerate(shown):
        if place_number:
            left += _gap(columns[shown[place_number - 1]], columns[index])
        most = _MAY_GROW if place_number else _FIRST_MAY_GROW
        growth = min(most, spare // (len(shown) - place_number))
        spare -= growth
        width = min(widths[index] + growth, room - left)
        if width <= 0:
            break
        placed.append(Placed(index, left, width))
        left += width
    return placed


def _gap(before: Column[Row], after: Column[Row]) -> int:
    """Numbers and words that would touch are kept two cells apart."""
    return 2 if before.align == "right" and after.align == "left" else 1


def _needed(columns: Sequence[Column[Row]], widths: Sequence[int], shown: Sequence[int]) -> int:
    total = sum(widths[index] for index in shown)
    gaps = (_gap(columns[before], columns[after]) for before, after in pairwise(shown))
    return total + sum(gaps)
