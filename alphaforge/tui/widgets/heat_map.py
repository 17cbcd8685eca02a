"""A field of numbers on tints: the months of each year, or anything with rows and columns.

The number always stands in its cell: the tint only helps the eye. Must show `·` for no value,
which is not zero.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.style import Style

from alphaforge.tui.text import cells_of, fit, safe_text, signed
from alphaforge.tui.theme import Ground, Tone
from alphaforge.tui.widgets.panel import Line, Panel, centered, padded

_STRONG: Final = 0.4
_WEAK: Final = 0.02
_MIN_CELL: Final = 4
_WIDE_CELL: Final = 8


class HeatRow(NamedTuple):
    """One row: its label, its values, and a value at the end that belongs to the whole row."""

    label: str
    values: Sequence[float | None]
    whole: float | None = None


class HeatMap(Panel):
    """A panel with a heat map.

    Attributes:
        empty: Shown without rows.
    """

    def __init__(
        self,
        title: str = "",
        *,
        empty: str = "no month has ended yet",
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self.empty = empty
        self._rows: tuple[HeatRow, ...] | None = None
        self._columns: tuple[str, ...] = ()
        self._whole = ""
        self._decimals = 1

    def set_rows(
        self,
        rows: Sequence[HeatRow],
        columns: Sequence[str],
        *,
        whole: str = "",
        decimals: int = 1,
    ) -> None:
        """Show these rows.

        Args:
            rows: From above.
            columns: Titles; a row may have fewer values.
            whole: Title of the values of whole rows; empty = there are none.
            decimals: Of every value.
        """
        self._rows, self._columns = tuple(rows), tuple(columns)
        self._whole, self._decimals = whole, decimals
        self.redraw()

    def body(self, width: int, height: int) -> list[Line]:
        """Titles, then the rows; columns that do not fit are left out at the right."""
        if self._rows is None or not self._rows:
            reason = "· · ·" if self._rows is None else self.empty
            return centered(reason, width, height, self.look)
        label = max(cells_of(safe_text(row.label)) for row in self._rows) + 2
        room = width - min(label, width) - (_WIDE_CELL if self._whole else 0)
        cell = max(_MIN_CELL, min(_WIDE_CELL, room // max(1, len(self._columns))))
        decimals, needed = self._decimals, self._longest(self._decimals) + 1
        if needed > cell:
            decimals, needed = 0, self._longest(0) + 1
        cell = max(cell, needed)
        shown = max(0, min(len(self._columns), room // cell))
        sizes = _Sizes(label, cell, shown, decimals)
        found = [abs(value) for row in self._rows for value in row.values if value]
        most = max(found, default=0.0)
        lines = [self._titles(sizes, width)]
        lines += [self._line(row, sizes, most, width) for row in self._rows]
        return lines[:height]

    def _longest(self, decimals: int) -> int:
        """Cells of the longest value."""
        rows = self._rows or ()
        return max((len(_text(value, decimals)) for row in rows for value in row.values), default=1)

    def _titles(self, sizes: "_Sizes", width: int) -> Line:
        dim = self.look.palette.style("dim")
        cell = sizes.cell
        names = [fit(name, cell - 1, "right") + " " for name in self._columns[: sizes.shown]]
        texts = [" " * sizes.label, *names]
        if self._whole:
            texts.append(fit(self._whole, _WIDE_CELL - 1, "right"))
        return padded([("".join(texts), dim)], width, dim)

    def _line(self, row: HeatRow, sizes: "_Sizes", most: float, width: int) -> Line:
        style_of = self.look.palette.style
        pieces: list[tuple[str, Style]] = [(fit(f" {row.label}", sizes.label), style_of("dim"))]
        for place in range(sizes.shown):
            value = row.values[place] if place < len(row.values) else None
            tone, ground = self._colors(value, most)
            text = fit(_text(value, sizes.decimals), sizes.cell - 1, "right") + " "
            pieces.append((text, style_of(tone, ground)))
        if self._whole:
            text = fit(_text(row.whole, self._decimals), _WIDE_CELL - 1, "right")
            pieces.append((text, style_of(_tone(row.whole), bold=True)))
        return padded(pieces, width, style_of("fg"))

    def _colors(self, value: float | None, most: float) -> tuple[Tone, Ground]:
        """Five steps: strong and weak in both directions, and nothing around zero."""
        if value is None:
            return "faint", ""
        if not self.look.palette.has_tints:
            return _tone(value), ""
        share = value / most if most else 0.0
        if abs(share) < _WEAK:
            return "fg", ""
        if abs(share) >= _STRONG:
            return "fg", "strong_up" if share > 0 else "strong_down"
        return "fg", "bar_up" if share > 0 else "bar_down"


class _Sizes(NamedTuple):
    """Cells of a label and of a value, how many values are shown, and their decimals."""

    label: int
    cell: int
    shown: int
    decimals: int


def _text(value: float | None, decimals: int) -> str:
    return "·" if value is None else signed(value, decimals)


def _tone(value: float | None) -> Tone:
    if not value:
        return "dim" if value is None else "fg"
    return "up" if value > 0 else "down"
