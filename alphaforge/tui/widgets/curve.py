"""Curves over time in braille dots: equity against buy and hold, and drawdowns with their area.

Values are evenly spaced; whoever has uneven ones resamples them first. Must draw nothing for a
value that is none.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from alphaforge.tui.glyphs import DOT_BITS
from alphaforge.tui.text import number, safe_text
from alphaforge.tui.theme import Tone
from alphaforge.tui.widgets.panel import Line, Panel, centered
from alphaforge.tui.widgets.raster import Raster, braille, dotted
from alphaforge.tui.widgets.scale import Scale, decimals_of, extent, nice_values, scale_for

Fill: TypeAlias = Literal["line", "from_zero"]
"""A line, or the area between the curve and zero."""

_ROWS_APART: Final = 3
_MIN_AXIS_SHARE: Final = 3
_WIDE, _USUAL_AXIS = 50, 10


class Series(NamedTuple):
    """One curve: its values oldest first, `nan` where there is none."""

    name: str
    values: Sequence[float]
    tone: Tone = "up"
    fill: Fill = "line"


class Curve(Panel):
    """A panel with curves on one axis; the first series is drawn over the others.

    Attributes:
        empty: Shown without values.
    """

    def __init__(
        self,
        title: str = "",
        *,
        empty: str = "nothing to draw yet",
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self.empty = empty
        self._series: tuple[Series, ...] | None = None
        self._times: tuple[str, str] = ("", "")
        self._decimals: int | None = None

    def set_series(
        self,
        series: Sequence[Series],
        times: tuple[str, str] = ("", ""),
        *,
        decimals: int | None = None,
    ) -> None:
        """Show these curves.

        Args:
            series: Of the same time; they may have different numbers of values.
            times: What stands below the first and the last value.
            decimals: Of the labels; None chooses.
        """
        self._series, self._times, self._decimals = tuple(series), times, decimals
        self.redraw()

    def body(self, width: int, height: int) -> list[Line]:
        """The curves."""
        if self._series is None:
            return centered("· · ·", width, height, self.look)
        found = extent(value for series in self._series for value in series.values)
        if found is None or height < 1:
            return centered(self.empty, width, height, self.look)
        low, high = found
        if any(series.fill == "from_zero" for series in self._series):
            low, high = min(low, 0.0), max(high, 0.0)
        style_of = self.look.palette.style
        raster = Raster(width, height, style_of("fg"))
        times = 1 if any(self._times) and height > _ROWS_APART + 1 else 0
        scale = scale_for(low, high, height - times)
        columns = width - self._axis(raster, scale, width)
        for series in reversed(self._series):
            self._draw_series(raster, scale, series, columns)
        if times:
            self._draw_times(raster, columns)
        return raster.lines()

    def _axis(self, raster: Raster, scale: Scale, width: int) -> int:
        """Draw grid and labels; tells how wide the axis is."""
        values = nice_values(scale, _ROWS_APART)
        step = values[1] - values[0] if len(values) > 1 else scale.high - scale.low
        decimals = decimals_of(step) if self._decimals is None else self._decimals
        labels = [number(value, min(decimals, 8)) for value in values]
        axis = max((len(label) for label in labels), default=0) + 2
        if axis * _MIN_AXIS_SHARE > width:
            return 0
        if width >= _WIDE:
            axis = max(axis, _USUAL_AXIS)  # so that curves below each other end below each other
        faint, dim = self.look.palette.style("faint"), self.look.palette.style("dim")
        for value, label in zip(values, labels, strict=True):
            row = scale.row(value)
            raster.row_of(row, ("┈ " * width)[: width - axis], faint)
            raster.put(width - axis, row, label.rjust(axis - 1), dim)
        return axis

    def _draw_series(self, raster: Raster, scale: Scale, series: Series, columns: int) -> None:
        heights = _heights(series.values, scale, columns * 2)
        if series.fill == "from_zero":
            cells = _area(heights, scale.place(0.0, 4))
        else:
            cells = dotted(heights, scale.rows)
        style = self.look.palette.style(series.tone)
        for (column, row), bits in cells.items():
            raster.texts[row][column] = braille(bits)
            raster.styles[row][column] = style

    def _draw_times(self, raster: Raster, columns: int) -> None:
        dim = self.look.palette.style("dim")
        first, last = (safe_text(text) for text in self._times)
        raster.put(0, raster.height - 1, first, dim)
        if len(first) + len(last) < columns:
            raster.put(columns - len(last), raster.height - 1, last, dim)


def _heights(values: Sequence[float], scale: Scale, dots: int) -> list[int | None]:
    """One height per column of dots, straight between the values."""
    count = len(values)
    if not count:
        return []
    if count == 1:
        values, count = [values[0], values[0]], 2
    heights: list[int | None] = []
    for dot in range(dots):
        at = dot * (count - 1) / max(1, dots - 1)
        before = min(int(at), count - 2)
        share = at - before
        value = values[before] * (1 - share) + values[before + 1] * share
        heights.append(scale.place(value, 4) if math.isfinite(value) else None)
    return heights


def _area(heights: Sequence[int | None], zero: int) -> dict[tuple[int, int], int]:
    """The dots between a curve and zero."""
    cells: dict[tuple[int, int], int] = {}
    for column, height in enumerate(heights):
        if height is None:
            continue
        side = DOT_BITS[column & 1]
        for dot in range(min(height, zero), max(height, zero) + 1):
            place = (column >> 1, dot >> 2)
            cells[place] = cells.get(place, 0) | side[dot & 3]
    return cells
