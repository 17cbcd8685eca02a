"""How candles become cells: bodies and wicks in half cells, volume in eighths, curves in dots.

Pure: a view goes in, lines come out. Must never change what it is given.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from rich.segment import Segment
from rich.style import Style

from alphaforge.client.market_records import BarRow
from alphaforge.tui.glyphs import EIGHTHS
from alphaforge.tui.text import compact, number, safe_text
from alphaforge.tui.theme import Look, Tone
from alphaforge.tui.widgets.raster import Raster, braille, dotted
from alphaforge.tui.widgets.scale import Scale, decimals_of, extent, nice_values, scale_for

ZOOMS: Final = (1, 2, 3)
"""Columns per candle."""

OVERLAY_TONES: Final[tuple[Tone, ...]] = ("info", "fg", "accent", "dim")

_NARROW: Final = (" ", "╷", "╻", "╵", "│", "╽", "╹", "╿", "┃")
"""By upper half × 3 + lower half, each 0 = nothing, 1 = wick, 2 = body."""

_WIDE: Final = {2: (" ", "▗▄▖"), 6: (" ", "▝▀▘"), 8: (" ", "▐█▌")}
_MINUTE, _DAY = 60, 86_400
_ROUND: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, _DAY,
    2 * _DAY, 5 * _DAY, 10 * _DAY,
)  # fmt: skip
"""Seconds between labels of times."""

_BEHIND: Final = " ┈╌"
_FREE: Final = " "
_SAMPLED: Final = 5
_MIN_ROWS: Final = 3
_MIN_ROWS_WITH_VOLUME: Final = 8
_FEW_ROWS: Final = 24
_LABEL_COLUMNS: Final = 14
_LINES_MAY_STRETCH: Final = 0.35


class Mark(NamedTuple):
    """One of our fills on the chart."""

    ts: str
    is_buy: bool


class PriceLine(NamedTuple):
    """A price across the chart: an entry, a working order, a stop."""

    price: float
    label: str
    tone: Tone


@dataclass(kw_only=True)
class ChartView:
    """What a chart shows.

    Attributes:
        bars: Oldest first.
        overlays: Name → one value per bar, aligned at the end.
        columns: Per candle, one of `ZOOMS`.
        skipped: Bars hidden at the right.
        cursor: Bar under the cross-hair, counted from the last one shown; None without it.
        scale, drawn: Of the last frame; kept while they fit.
    """

    bars: Sequence[BarRow] = ()
    overlays: Mapping[str, Sequence[float | None]] = field(
        default_factory=dict[str, Sequence[float | None]]
    )
    marks: Sequence[Mark] = ()
    lines: Sequence[PriceLine] = ()
    price_decimals: int = 2
    columns: int = 1
    skipped: int = 0
    cursor: int | None = None
    scale: Scale | None = None
    drawn: Raster | None = None


class Plot(NamedTuple):
    """The parts of a chart: columns of candles and of the axis, rows of prices and of volume."""

    columns: int
    axis: int
    rows: int
    volume: int
    times: int


def plot_of(view: ChartView, width: int, height: int) -> Plot:
    """How a chart of that size is divided; no axis where there is no room for one."""
    highest = max((bar.high for bar in view.bars[-1:]), default=0.0)
    axis = len(number(highest, view.price_decimals)) + 2
    axis = axis if width - axis >= 2 * axis else 0
    times = 1 if height > _MIN_ROWS + 1 else 0
    volume = min(height // 5, 8) if height - times >= _MIN_ROWS_WITH_VOLUME else 0
    return Plot(width - axis, axis, max(1, height - times - volume), volume, times)


def shown_bars(view: ChartView, plot: Plot) -> tuple[int, int]:
    """First and end of the bars in sight."""
    end = max(0, len(view.bars) - view.skipped)
    return max(0, end - plot.columns // view.columns), end


def chart_lines(view: ChartView, look: Look, width: int, height: int) -> list[list[Segment]]:
    """The whole chart; `view.scale` and `view.drawn` are set to what it was drawn with."""
    plot = plot_of(view, width, height)
    first, end = shown_bars(view, plot)
    bars = view.bars[first:end]
    raster = Raster(width, height, look.palette.style("fg"))
    painter = _Painter(view, look, plot, raster, bars)
    view.scale = painter.scale
    painter.grid()
    painter.price_lines()
    painter.overlays(first, end)
    painter.candles()
    painter.volumes()
    painter.marks(end)
    painter.line_labels()
    painter.times()
    painter.cross_hair()
    before, view.drawn = view.drawn, raster
    return raster.lines(before)


class _Painter:
    """One frame."""

    def __init__(
        self, view: ChartView, look: Look, plot: Plot, raster: Raster, bars: Sequence[BarRow]
    ) -> None:
        self.view, self.plot, self.raster, self.bars = view, plot, raster, bars
        self.style = look.palette.style
        self.tinted = look.palette.has_tints
        self.left = max(0, plot.columns - len(bars) * view.columns)
        found = extent(value for bar in bars for value in (bar.low, bar.high))
        low, high = found or (0.0, 1.0)
        for line in view.lines:
            reach = (high - low) * _LINES_MAY_STRETCH
            if low - reach <= line.price <= high + reach:
                low, high = min(low, line.price), max(high, line.price)
        self.scale = scale_for(low, high, plot.rows, view.scale)

    def column(self, index: int) -> int:
        """The middle column of a bar that is shown."""
        return self.left + index * self.view.columns + (self.view.columns == max(ZOOMS))

    def grid(self) -> None:
        """Dashes at round prices, and their labels."""
        faint, dim = self.style("faint"), self.style("dim")
        values = nice_values(self.scale, 3 if self.plot.rows < _FEW_ROWS else 4)
        step = values[1] - values[0] if len(values) > 1 else self.scale.high - self.scale.low
        decimals = min(decimals_of(step), self.view.price_decimals)
        dashes = "┈ " * (self.plot.columns // 2 + 1)
        for value in values:
            row = self.scale.row(value)
            self.raster.row_of(row, dashes[: self.plot.columns], faint)
            self.label(row, number(value, decimals), dim)

    def label(self, row: int, text: str, style: Style) -> None:
        """A label at the axis; one on a tag fills it."""
        if self.plot.axis:
            self.raster.put(self.plot.columns, row, text.rjust(self.plot.axis - 1) + " ", style)

    def price_lines(self) -> None:
        """Orders, stops and entries, and above them the last price."""
        view, columns = self.view, self.plot.columns
        for line in view.lines:
            if self.scale.holds(line.price):
                row, style = self.scale.row(line.price), self.style(line.tone)
                self.raster.row_of(row, "╌" * columns, style)
                self.label(row, number(line.price, view.price_decimals), style)
        if not self.bars or view.skipped:
            return
        last = self.bars[-1]
        rising = last.close >= last.open
        row = self.scale.row(last.close)
        if not any(self.scale.row(line.price) == row for line in view.lines):
            self.raster.row_of(row, "╌" * columns, self.style("up" if rising else "down"))
        tag = self.style("fg", "tag_up" if rising else "tag_down")
        self.label(row, number(last.close, view.price_decimals), tag)

    def line_labels(self) -> None:
        """What the lines are, where they hide no candle if there is such a place."""
        for line in self.view.lines:
            if line.label and self.scale.holds(line.price):
                row = self.scale.row(line.price)
                text = f" {safe_text(line.label)} "
                free = "".join(_FREE if cell in _BEHIND else "x" for cell in self.raster.texts[row])
                place = free[: self.plot.columns].find(_FREE * len(text), 1)
                self.raster.put(max(1, place), row, text, self.style(line.tone))

    def overlays(self, first: int, end: int) -> None:
        """Curves of indicators, in dots, behind the candles."""
        view, rows = self.view, self.plot.rows
        count = len(view.bars)
        for order, values in enumerate(view.overlays.values()):
            shift = len(values) - count
            heights: list[int | None] = [None] * (self.left * 2)
            before: float | None = None
            for index in range(first, end):
                place = index + shift
                value = values[place] if 0 <= place < len(values) else None
                if value is not None and not self.scale.holds(value):
                    value = None
                heights += self._dots(before, value)
                before = value
            style = self.style(OVERLAY_TONES[order % len(OVERLAY_TONES)])
            for (column, row), bits in dotted(heights, rows).items():
                if column < self.plot.columns:
                    self.raster.texts[row][column] = braille(bits)
                    self.raster.styles[row][column] = style

    def _dots(self, before: float | None, value: float | None) -> list[int | None]:
        """Heights over the columns of one candle, straight from the last value to this one."""
        steps = self.view.columns * 2
        if value is None:
            return [None] * steps
        start = value if before is None else before
        return [
            self.scale.place(start + (value - start) * (step + 1) / steps, 4)
            for step in range(steps)
        ]

    def candles(self) -> None:
        """Bodies and wicks."""
        up, down = self.style("up"), self.style("down")
        draw = self._wide if self.view.columns == max(ZOOMS) else self._narrow
        place = self.scale.place
        for index, bar in enumerate(self.bars):
            rising = bar.close >= bar.open
            top, bottom = (bar.close, bar.open) if rising else (bar.open, bar.close)
            halves = (place(bar.high, 2), place(top, 2), place(bottom, 2), place(bar.low, 2))
            draw(self.column(index), halves, up if rising else down)

    def _narrow(self, column: int, halves: tuple[int, int, int, int], style: Style) -> None:
        high, top, bottom, low = halves
        texts, styles = self.raster.texts, self.raster.styles
        for row in range(high >> 1, (low >> 1) + 1):
            upper = row * 2
            code = 0
            if high <= upper <= low:
                code = 6 if top <= upper <= bottom else 3
            if high <= upper + 1 <= low:
                code += 2 if top <= upper + 1 <= bottom else 1
            texts[row][column] = _NARROW[code]
            styles[row][column] = style

    def _wide(self, column: int, halves: tuple[int, int, int, int], style: Style) -> None:
        """Three columns: a body of two cells around the wick.

        No glyph has half a body beside half a wick: there the body is shown to the cell's end.
        """
        high, top, bottom, low = halves
        for row in range(high >> 1, (low >> 1) + 1):
            upper, lower = row * 2, row * 2 + 1
            body = (top <= upper <= bottom) * 6 + (top <= lower <= bottom) * 2
            wick = (high <= upper < top) or (bottom < lower <= low)
            if body:
                self.raster.put(column - 1, row, _WIDE[8 if wick else body][1], style)
            else:
                code = (high <= upper <= low) * 3 + (high <= lower <= low)
                self.raster.put(column, row, _NARROW[code], style)

    def volumes(self) -> None:
        """Bars from below in eighths of a cell."""
        rows, wide = self.plot.volume, self.view.columns
        most = max((bar.volume for bar in self.bars), default=0.0)
        if not rows or most <= 0:
            return
        tones: tuple[Tone, Tone] = ("strong_up", "strong_down") if self.tinted else ("up", "down")
        styles = self.style(tones[0]), self.style(tones[1])
        base = self.plot.rows + rows - 1
        cells = range(1 if wide == 1 else wide - 1)
        for index, bar in enumerate(self.bars):
            left = self.left + index * wide
            level = round(max(0.0, bar.volume) / most * rows * 8)
            style = styles[0] if bar.close >= bar.open else styles[1]
            for up in range((level + 7) // 8):
                text = EIGHTHS[min(8, level - up * 8)]
                for extra in cells:
                    self.raster.texts[base - up][left + extra] = text
                    self.raster.styles[base - up][left + extra] = style
        label = f"vol {compact(self.bars[-1].volume)}"
        if len(label) < self.plot.axis:
            self.label(self.plot.rows, label, self.style("dim"))

    def marks(self, end: int) -> None:
        """Our fills: below the candle where we bought, above it where we sold."""
        opens = [bar.ts_open for bar in self.bars]
        style = self.style("accent", bold=True)
        for mark in self.view.marks:
            index = bisect_right(opens, mark.ts) - 1
            if index < 0 or (index == len(opens) - 1 and end < len(self.view.bars)):
                continue
            bar = self.bars[index]
            row = self.scale.row(bar.low) + 1 if mark.is_buy else self.scale.row(bar.high) - 1
            row = max(0, min(self.plot.rows - 1, row))
            self.raster.put(self.column(index), row, "▲" if mark.is_buy else "▼", style)

    def times(self) -> None:
        """Times below the candles: the clock, or the day where it changes."""
        if not self.plot.times or not self.bars:
            return
        row, dim = self.plot.rows + self.plot.volume, self.style("dim")
        apart = max(1, -(-_LABEL_COLUMNS // self.view.columns))
        every = _round_seconds(self.bars, apart)
        free, before = 0, None
        for index, bar in enumerate(self.bars):
            seconds = _seconds(bar.ts_open)
            # after a gap the first bar of the new span gets the label
            begins = seconds % every == 0 if before is None else seconds // every != before
            before = seconds // every
            text = _time_text(bar.ts_open, every)
            column = self.column(index) - len(text) // 2
            if begins and column >= free and column + len(text) <= self.plot.columns:
                self.raster.put(column, row, text, dim)
                free = column + len(text) + 2

    def cross_hair(self) -> None:
        """A line through the chosen bar, and its close on the axis."""
        cursor = self.view.cursor
        if cursor is None or not self.bars:
            return
        index = max(0, len(self.bars) - 1 - cursor)
        column, dim = self.column(index), self.style("dim")
        for row in range(self.plot.rows + self.plot.volume):
            if self.raster.texts[row][column] in _BEHIND:
                self.raster.put(column, row, "│", dim)
        price = self.bars[index].close
        tag = self.style("fg", "tag_fg")
        self.label(self.scale.row(price), number(price, self.view.price_decimals), tag)


@lru_cache(maxsize=4096)
def _seconds(iso: str) -> int:
    """Seconds since the first of the month."""
    minutes = (int(iso[8:10]) * 24 - 24 + int(iso[11:13])) * 60 + int(iso[14:16])
    return minutes * 60 + int(iso[17:19])


def _round_seconds(bars: Sequence[BarRow], apart: int) -> int:
    """How many seconds between labels, so that at least `apart` bars are."""
    starts = [_seconds(bar.ts_open) for bar in bars[:_SAMPLED]]
    steps = [after - before for before, after in pairwise(starts) if after > before]
    wanted = min(steps, default=1) * apart
    return next((every for every in _ROUND if every >= wanted), _ROUND[-1])


def _time_text(iso: str, every: int) -> str:
    """`12:30`, with seconds where labels are closer, or `11-20` at midnight and for days."""
    if every >= _DAY or iso[11:19] == "00:00:00":
        return iso[5:10]
    return iso[11:16] if every >= _MINUTE else iso[11:19]
