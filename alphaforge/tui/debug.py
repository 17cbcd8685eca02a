"""What the app itself costs: frame times, rates, gaps, CPU; shown by F11.

The same figures as the benchmark's. Measuring only: nothing it reads decides anything. Must cost
next to nothing while it is hidden.
"""

import asyncio
import os
from collections import deque
from types import TracebackType
from typing import Final, Self

from textual.strip import Strip
from textual.widget import Widget

from alphaforge.tui.asks import app_of
from alphaforge.tui.link import Feed
from alphaforge.tui.pieces import Piece, fitted, strip_of
from alphaforge.tui.theme import look_of

_KEPT: Final = 200
_LATE: Final = 1.5


class FrameMeter:
    """Times frames; a frame is `with meter:`.

    Attributes:
        interval: Seconds between frames as asked.
        frames, late: So many so far, and those that came more than half an interval late.
    """

    def __init__(self) -> None:
        self.interval = 0.1
        self.frames = 0
        self.late = 0
        self._took: deque[float] = deque(maxlen=_KEPT)
        self._gaps: deque[float] = deque(maxlen=_KEPT)
        self._began = 0.0

    def __enter__(self) -> Self:
        now = asyncio.get_running_loop().time()
        if self._began:
            gap = now - self._began
            self._gaps.append(gap)
            self.late += gap > _LATE * self.interval
        self._began = now
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.frames += 1
        self._took.append(asyncio.get_running_loop().time() - self._began)

    def rate(self) -> float:
        """Frames a second, over the last ones."""
        total = sum(self._gaps)
        return len(self._gaps) / total if total else 0.0

    def took_ms(self, share: float) -> float:
        """Of the time of a frame, the value that `share` of them stay under."""
        return _quantile(self._took, share) * 1_000

    def lag_ms(self, share: float) -> float:
        """How late frames came, likewise."""
        return max(0.0, _quantile(self._gaps, share) - self.interval) * 1_000


def _quantile(values: deque[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class DebugOverlay(Widget):
    """A few lines over the top right corner; hidden until F11."""

    DEFAULT_CSS = """
    DebugOverlay {
        layer: over; dock: right; width: 34; height: 7; display: none; offset: 0 2;
    }
    """

    def __init__(self) -> None:
        super().__init__(id="debug")
        self._lines: list[str] = []
        self._before = (0.0, 0, 0.0)
        self._rates = (0.0, 0.0)

    def show(self, meter: FrameMeter, feed: Feed) -> None:
        """The figures of now."""
        self._measure(feed)
        bytes_per_second, cpu = self._rates
        self._lines = [
            f"frames {meter.frames}  late {meter.late}",
            f"fps {meter.rate():.1f} of {1 / meter.interval:.0f}",
            f"frame p50 {meter.took_ms(0.5):.1f} p99 {meter.took_ms(0.99):.1f} ms",
            f"lag p50 {meter.lag_ms(0.5):.1f} p99 {meter.lag_ms(0.99):.1f} ms",
            f"stream {bytes_per_second / 1_000:.1f} kB/s  gaps {feed.gaps}",
            f"cpu {cpu:.1f}% of one core",
        ]
        self.refresh()

    def _measure(self, feed: Feed) -> None:
        """Rates over at least a second."""
        now = asyncio.get_running_loop().time()
        spent = sum(os.times()[:2])
        then, read, cpu = self._before
        if now - then < 1:
            return
        if then:
            self._rates = (
                (feed.bytes_read - read) / (now - then),
                (spent - cpu) / (now - then) * 100,
            )
        self._before = (now, feed.bytes_read, spent)

    def render_line(self, y: int) -> Strip:
        """One figure."""
        look = look_of(app_of(self))
        text = self._lines[y] if y < len(self._lines) else ""
        return strip_of(fitted([Piece(f" {text}", "info")], (), self.size.width), look)
