"""Panels of free lines: text in tones, and gauges of limits.

The text may come from outside: it is made safe here. Must never read markup.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from alphaforge.tui.text import Align, cells_of, fit, safe_text
from alphaforge.tui.theme import Ground, Tone
from alphaforge.tui.widgets.bars import gauge, gauge_tone
from alphaforge.tui.widgets.panel import Line, Panel, centered, padded

_LABEL_SHARE: Final = 3
_GAUGE_SHARE: Final = 3
_MIN_GAUGE: Final = 6


class Words(NamedTuple):
    """A piece of a line.

    Attributes:
        width: Cells it gets; 0 = as long as it is.
    """

    text: str
    tone: Tone = "fg"
    bold: bool = False
    ground: Ground = ""
    width: int = 0
    align: Align = "left"


class LinesPanel(Panel):
    """A panel with lines that are given to it; it scrolls where there are more than fit.

    Attributes:
        ground: Behind all lines: `band` for headers and footers.
        empty: Shown without lines.
    """

    def __init__(
        self,
        title: str = "",
        *,
        empty: str = "",
        ground: Ground = "",
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self.empty = empty
        self.ground: Ground = ground
        self._words: tuple[tuple[Words, ...], ...] | None = None
        self._top = 0

    def set_lines(self, lines: Sequence[Sequence[Words]]) -> None:
        """Show these lines."""
        self._words = tuple(tuple(line) for line in lines)
        self.redraw()

    def move(self, rows: int) -> None:
        """Scroll down, up where negative."""
        count = len(self._words or ())
        self._top = max(0, min(self._top + rows, count - max(1, self.body_size[1])))
        self.redraw()

    def body(self, width: int, height: int) -> list[Line]:
        """The lines from where it is scrolled to."""
        if self._words is None or not self._words:
            reason = "· · ·" if self._words is None else self.empty
            return centered(reason, width, height, self.look)
        self._top = max(0, min(self._top, len(self._words) - max(1, height)))
        return [self._line(words, width) for words in self._words[self._top : self._top + height]]

    def _line(self, line: Sequence[Words], width: int) -> Line:
        style_of = self.look.palette.style
        pieces = [
            (
                fit(text, own_width, align) if own_width else safe_text(text),
                style_of(tone, ground or self.ground, bold=bold),
            )
            for text, tone, bold, ground, own_width, align in line
        ]
        return padded(pieces, width, style_of("fg", self.ground))


class BandPanel(LinesPanel, can_focus=False):
    """Lines on a band and without a header: the app's own header and footer."""

    HEADER = 0

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(ground="band", id=id, classes=classes)


class Gauge(NamedTuple):
    """A limit and how much of it is used.

    Attributes:
        used_pct: 0 to 100 and beyond; None = the limit is off.
        text: Beside the gauge: `0.9 of 5.0 %`.
        tone: None = by how much is used.
    """

    label: str
    used_pct: float | None
    text: str
    tone: Tone | None = None


class GaugePanel(LinesPanel):
    """A panel with one gauge per line, and lines of words below them."""

    def __init__(
        self,
        title: str = "RISK",
        *,
        empty: str = "no limits set",
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, empty=empty, id=id, classes=classes)
        self._gauges: tuple[Gauge, ...] = ()
        self._below: tuple[tuple[Words, ...], ...] = ()

    def set_gauges(self, gauges: Sequence[Gauge], below: Sequence[Sequence[Words]] = ()) -> None:
        """Show these limits, and below them these lines."""
        self._gauges = tuple(gauges)
        self._below = tuple(tuple(line) for line in below)
        self._words = ()
        self.forget()
        self.redraw()

    def body(self, width: int, height: int) -> list[Line]:
        """The gauges fitted to the width, then the rest."""
        if self._words is not None:
            label_width, bar = self._widths(width)
            self._words = (
                *(self._words_of(gauge, label_width, bar) for gauge in self._gauges),
                *self._below,
            )
        return super().body(width, height)

    def _widths(self, width: int) -> tuple[int, int]:
        """Of labels and of bars: a bar gives way to the text beside it, down to a few cells."""
        labels = max((cells_of(safe_text(shown.label)) for shown in self._gauges), default=0)
        texts = max((cells_of(safe_text(shown.text)) for shown in self._gauges), default=0)
        label = min(labels + 1, max(_MIN_GAUGE, width // _LABEL_SHARE))
        spare = width - label - texts - len("   ")
        return label, max(_MIN_GAUGE, min(spare, width // _GAUGE_SHARE))

    def _words_of(self, shown: Gauge, label_width: int, bar: int) -> tuple[Words, ...]:
        used, free = gauge(self.look.glyphs, shown.used_pct, bar)
        tone = shown.tone or gauge_tone(shown.used_pct)
        worried = tone in {"warn", "error"}
        return (
            Words(" "),
            Words(shown.label, "dim", width=label_width),
            Words(used, tone),
            Words(free, "faint"),
            Words(f" {shown.text}", tone if worried else "fg", bold=tone == "error"),
        )
