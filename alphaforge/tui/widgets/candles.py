"""The chart of one symbol: candles, volume, our orders and fills, indicators, a cross-hair.

It is handed bars and draws them; which symbol and kind they are of is its owner's affair. Must
keep what the user looks at in place while new bars come in, unless that is the newest.
"""

from collections.abc import Mapping, Sequence

from textual import events
from textual.message import Message

from alphaforge.client.market_records import BarRow
from alphaforge.tui.text import clock, compact, number
from alphaforge.tui.widgets.candle_frame import (
    ZOOMS,
    ChartView,
    Mark,
    PriceLine,
    chart_lines,
    plot_of,
    shown_bars,
)
from alphaforge.tui.widgets.panel import Line, Panel, centered


class CandleChart(Panel):
    """A panel with candles.

    Attributes:
        view: What is shown, and how.
        empty: Shown where there are no bars.
    """

    class NearEnd(Message):
        """The user has come to the oldest bars: earlier ones may be fetched.

        Attributes:
            chart: Where.
            before: Start of the oldest bar it has.
        """

        def __init__(self, chart: "CandleChart", before: str) -> None:
            super().__init__()
            self.chart, self.before = chart, before

    def __init__(
        self,
        title: str = "",
        *,
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self.view = ChartView()
        self.empty = "no candles yet"
        self._has_data = False

    def set_bars(
        self,
        bars: Sequence[BarRow],
        overlays: Mapping[str, Sequence[float | None]] | None = None,
        *,
        price_decimals: int | None = None,
    ) -> None:
        """Show these bars, oldest first, and curves over them (`Mirror.bars_indicators`)."""
        view = self.view
        if view.skipped and view.bars:
            view.skipped += _added(view.bars, bars)
        view.bars = tuple(bars)
        view.skipped = min(view.skipped, max(0, len(bars) - 1))
        if overlays is not None:
            view.overlays = overlays
        if price_decimals is not None:
            view.price_decimals = price_decimals
        self._has_data = True
        self.redraw()

    def set_trades(
        self, marks: Sequence[Mark] | None = None, lines: Sequence[PriceLine] | None = None
    ) -> None:
        """Show our fills as marks and our orders and entries as lines; None leaves them."""
        self.view.marks = self.view.marks if marks is None else tuple(marks)
        self.view.lines = self.view.lines if lines is None else tuple(lines)
        self.redraw()

    def reset(self) -> None:
        """Forget the bars: another symbol or kind follows."""
        self.view = ChartView(columns=self.view.columns, price_decimals=self.view.price_decimals)
        self._has_data = False
        self.redraw()

    def zoom(self, steps: int) -> None:
        """Make candles wider (positive) or narrower."""
        place = ZOOMS.index(self.view.columns) + steps
        self.view.columns = ZOOMS[max(0, min(place, len(ZOOMS) - 1))]
        self.pan(0)

    def pan(self, bars: int) -> None:
        """Go back in time (positive) or towards now, where the newest bar stays in sight."""
        view = self.view
        first, end = self._shown()
        most = max(0, len(view.bars) - (end - first))
        view.skipped = max(0, min(view.skipped + bars, most))
        if bars > 0 and view.bars and view.skipped == most:
            self.post_message(self.NearEnd(self, view.bars[0].ts_open))
        self.redraw()

    def pan_page(self, pages: float) -> None:
        """As `pan`, in widths of the chart."""
        first, end = self._shown()
        self.pan(round(pages * (end - first)))

    def to_now(self) -> None:
        """Back to the newest bar."""
        self.view.skipped = 0
        self.redraw()

    def move_cursor(self, bars: int) -> None:
        """Move the cross-hair to the right (positive) or left; the first call shows it."""
        first, end = self._shown()
        if end <= first:
            return
        cursor = self.view.cursor
        wanted = 0 if cursor is None else cursor - bars
        shown = end - first
        if wanted >= shown:
            self.view.cursor = shown - 1
            self.pan(wanted - shown + 1)
        elif wanted < 0:
            self.view.cursor = 0
            self.pan(wanted)
        else:
            self.view.cursor = wanted
            self.redraw()

    def hide_cursor(self) -> None:
        """Take the cross-hair away."""
        self.view.cursor = None
        self.redraw()

    @property
    def bar_under_cursor(self) -> BarRow | None:
        """The bar of the cross-hair; None without it."""
        first, end = self._shown()
        if self.view.cursor is None or end <= first:
            return None
        return self.view.bars[max(first, end - 1 - self.view.cursor)]

    def _shown(self) -> tuple[int, int]:
        return shown_bars(self.view, plot_of(self.view, *self.body_size))

    def _read_out(self, room: int) -> str:
        """What the cross-hair says of its bar, in at most `room` cells."""
        bar, skipped = self.bar_under_cursor, self.view.skipped
        if bar is None:
            return f"{skipped} bar{'s' * (skipped > 1)} back" if skipped else ""
        prices = zip("OHLC", (bar.open, bar.high, bar.low, bar.close), strict=True)
        texts = [f"{name} {number(price, self.view.price_decimals)}" for name, price in prices]
        when, volume = clock(bar.ts_open), f"V {compact(bar.volume)}"
        attempts = (
            (f"{bar.ts_open[5:10]} {when}", *texts, volume),
            (when, *texts, volume),
            (when, *texts),
            texts,
            (when, texts[-1]),
        )
        spelled = ("  ".join(attempt) for attempt in attempts)
        return next((text for text in spelled if len(text) <= room), "")

    def forget(self) -> None:
        """Take a fresh scale: the size may have changed."""
        self.view.scale = self.view.drawn = None

    def body(self, width: int, height: int) -> list[Line]:
        """The chart, or why there is none."""
        if not self._has_data or not self.view.bars:
            reason = self.empty if self._has_data else "· · ·"
            return centered(reason, width, height, self.look)
        return chart_lines(self.view, self.look, width, height)

    def _compose_lines(self, width: int, height: int) -> list[Line]:
        self.corner = self._read_out(width - len(self.title) - 5)
        return super()._compose_lines(width, height)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The cross-hair follows the mouse."""
        plot = plot_of(self.view, *self.body_size)
        first, end = self._shown()
        left = plot.columns - (end - first) * self.view.columns
        index = (event.x - left) // self.view.columns
        shown = 0 <= index < end - first and event.y >= self.HEADER
        cursor = end - first - 1 - index if shown else None
        if cursor != self.view.cursor:
            self.view.cursor = cursor
            self.redraw()

    def on_leave(self, _event: events.Leave) -> None:
        """The cross-hair goes with the mouse."""
        self.hide_cursor()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel goes back in time."""
        event.stop()
        self.pan(4)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel goes towards now."""
        event.stop()
        self.pan(-4)


def _added(before: Sequence[BarRow], after: Sequence[BarRow]) -> int:
    """How many bars came after the newest one of `before`."""
    newest = before[-1].ts_open
    count = 0
    for bar in reversed(after):
        if bar.ts_open <= newest:
            break
        count += 1
    return count
