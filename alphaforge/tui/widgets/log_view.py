"""The engine's log: it follows the newest line until the reader looks at older ones.

Must never move what is being read, and must say how much came meanwhile.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from textual import events

from alphaforge.client.records import LogRow
from alphaforge.tui.text import clock, fit, safe_text
from alphaforge.tui.theme import Tone
from alphaforge.tui.widgets.panel import Line, Panel, centered, padded

KEPT: Final = 5_000
"""Lines that are kept."""

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
"""From the least to the most important."""

_TONES: Final[dict[str, Tone]] = {"DEBUG": "dim", "INFO": "info", "WARNING": "warn"}
_SHORT: Final = {"WARNING": "WARN", "CRITICAL": "CRIT"}
_CLOCK_WIDTH: Final = 9
_LEVEL_WIDTH: Final = 6
_SOURCE_WIDTH: Final = 14
_MIN_WIDTH_FOR_SOURCE: Final = 90
_WHEEL_ROWS: Final = 3


class LogView(Panel):
    """A panel with log lines, oldest above.

    Attributes:
        level: Lines below it are left out.
        is_following: It shows the newest line.
    """

    def __init__(
        self,
        title: str = "LOG",
        *,
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self.level = "DEBUG"
        self.is_following = True
        self._kept: deque[LogRow] = deque(maxlen=KEPT)
        self._shown: list[LogRow] = []
        self._pattern: re.Pattern[str] | None = None
        self._last_number = 0
        self._top_number = 0
        self._arrived = 0

    def add(self, rows: Iterable[LogRow]) -> None:
        """Take rows; those it already has are ignored, so a whole table may be given."""
        fresh = [row for row in rows if row.number > self._last_number]
        if not fresh:
            return
        fresh.sort(key=_number)
        self._last_number = fresh[-1].number
        self._kept.extend(fresh)
        passing = [row for row in fresh if self._passes(row)]
        self._shown += passing
        if not self.is_following:
            self._arrived += len(passing)
        oldest = self._kept[0].number
        if self._shown and self._shown[0].number < oldest:
            self._shown = [row for row in self._shown if row.number >= oldest]
        self._draw_hint()

    def clear(self) -> None:
        """Forget all lines: another run's log follows."""
        self._kept.clear()
        self._shown.clear()
        self._last_number = 0
        self.follow()

    def set_level(self, level: str) -> None:
        """Leave out lines below this level; an unknown one leaves out none."""
        self.level = level if level in LEVELS else "DEBUG"
        self._select()

    def filter(self, pattern: str) -> bool:
        """Show only lines that a regular expression finds; empty shows all.

        False where it is none: then it is looked for as plain text.
        """
        is_regular = True
        try:
            self._pattern = re.compile(pattern, re.IGNORECASE) if pattern else None
        except re.error:
            is_regular = False
            self._pattern = re.compile(re.escape(pattern), re.IGNORECASE)
        self._select()
        return is_regular

    def follow(self) -> None:
        """Go to the newest line and stay there."""
        self.is_following, self._arrived = True, 0
        self._draw_hint()

    def move(self, rows: int) -> None:
        """Scroll down, or up where negative; at the end it follows again."""
        room = max(1, self.body_size[1])
        last_top = max(0, len(self._shown) - room)
        top = max(0, min(self._top() + rows, last_top))
        if top >= last_top:
            self.follow()
            return
        self.is_following = False
        self._top_number = self._shown[top].number
        self._draw_hint()

    def move_page(self, pages: float) -> None:
        """Scroll by screens."""
        self.move(round(pages * max(1, self.body_size[1])))

    def move_to_end(self, end: int) -> None:
        """To the oldest line (-1) or the newest (1)."""
        self.move(end * KEPT)

    @property
    def shown_rows(self) -> Sequence[LogRow]:
        """The rows on the screen, from above."""
        top = self._top()
        return self._shown[top : top + max(0, self.body_size[1])]

    def _top(self) -> int:
        """Which of the shown rows is the first on the screen."""
        last_top = max(0, len(self._shown) - max(1, self.body_size[1]))
        if self.is_following:
            return last_top
        numbers = (place for place, row in enumerate(self._shown) if row.number >= self._top_number)
        return min(next(numbers, last_top), last_top)

    def _select(self) -> None:
        self._shown = [row for row in self._kept if self._passes(row)]
        self._arrived = 0
        self._draw_hint()

    def _passes(self, row: LogRow) -> bool:
        if _rank(row.level) < _rank(self.level):
            return False
        pattern = self._pattern
        return pattern is None or bool(pattern.search(row.message) or pattern.search(row.source))

    def _draw_hint(self) -> None:
        parts = ["follow" if self.is_following else f"paused · {self._arrived:,} new ↓"]
        if self.level != "DEBUG":
            parts.append(f"{self.level.lower()} and above")
        if self._pattern is not None:
            parts.append(f"/{self._pattern.pattern}")
        self.hint = " · ".join(parts)
        self.redraw()

    def body(self, width: int, height: int) -> list[Line]:
        """One line per row, its message cut at the edge."""
        if not self._shown:
            reason = "no line passes the filter" if self._kept else "nothing was logged yet"
            return centered(reason, width, height, self.look)
        return [self._line(row, width) for row in self.shown_rows]

    def _line(self, row: LogRow, width: int) -> Line:
        style_of = self.look.palette.style
        tone = _TONES.get(row.level, "error")
        level = _SHORT.get(row.level, row.level)
        pieces = [
            (f" {fit(clock(row.ts), _CLOCK_WIDTH)}", style_of("dim")),
            (fit(level, _LEVEL_WIDTH), style_of(tone, bold=tone == "error")),
        ]
        if width >= _MIN_WIDTH_FOR_SOURCE:
            pieces.append((fit(row.source, _SOURCE_WIDTH - 1) + " ", style_of("dim")))
        plain = style_of("dim" if tone == "dim" else "fg")
        pieces.append((safe_text(row.message), plain))
        return padded(pieces, width, plain)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Looking at older lines pauses."""
        event.stop()
        self.move(-_WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """At the end it follows again."""
        event.stop()
        self.move(_WHEEL_ROWS)


def _number(row: LogRow) -> int:
    return row.number


def _rank(level: str) -> int:
    """Unknown levels count as the most important: they are never hidden."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
