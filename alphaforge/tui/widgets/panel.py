"""The base of all panels: a header row, lines drawn by hand, and repaints of changed rows only.

A panel keeps the lines it drew last and compares: what did not change is not sent to the terminal.
Must never print text from outside that did not pass `safe_text`, nor draw while it is hidden.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, Final, TypeAlias, cast

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from alphaforge.tui.glyphs import to_ascii
from alphaforge.tui.text import cells_of, cut, safe_text
from alphaforge.tui.theme import Look, Palette, look_of

Line: TypeAlias = list[Segment]
"""One row of cells. A panel's lines are exactly as wide as it is."""

Size: TypeAlias = tuple[int, int]

_FADING: Final = ("fg", "up", "down", "accent", "info", "warn", "error")


@lru_cache(maxsize=32)
def faded(look: Look) -> Look:
    """The look of old data: every number in the colour of hints, tints as they were."""
    tokens = look.palette.tokens
    dim = dict.fromkeys(_FADING, tokens.dim)
    return Look(Palette(replace(tokens, **dim)), look.glyphs)


def blank(width: int, style: Style) -> Line:
    """A row of nothing."""
    return [Segment(" " * width, style)]


def merged(pieces: Sequence[tuple[str, Style]]) -> Line:
    """Neighbours of one style as one segment: what is cheapest to send."""
    line: Line = []
    text, style = "", None
    for piece, its in pieces:
        if its is style:
            text += piece
        else:
            if text:
                line.append(Segment(text, style))
            text, style = piece, its
    if text:
        line.append(Segment(text, style))
    return line


def padded(pieces: Sequence[tuple[str, Style]], width: int, style: Style) -> Line:
    """Safe pieces as a line of exactly `width` cells: cut with `…`, or filled up in `style`."""
    fitted: list[tuple[str, Style]] = []
    room = width
    for text, its in pieces:
        cells = cells_of(text)
        if cells > room:
            short = cut(text, room)
            fitted.append((short, its))
            room -= cells_of(short)
            break
        fitted.append((text, its))
        room -= cells
    if room > 0:
        fitted.append((" " * room, style))
    return merged(fitted)


def centered(text: str, width: int, height: int, look: Look) -> list[Line]:
    """A short message in the middle of an empty panel; at most one line."""
    plain, dim = look.palette.style("fg"), look.palette.style("dim")
    lines = [blank(width, plain) for _ in range(height)]
    message = cut(safe_text(text), width)
    if height > 0 and message:
        left = (width - cells_of(message)) // 2
        row = min(height - 1, height // 3)
        lines[row] = padded([(" " * left, plain), (message, dim)], width, plain)
    return lines


class Panel(Widget, can_focus=True):
    """A panel of the app: a header row in front of what `body` draws.

    Attributes:
        title: At the left of the header.
        hint: Beside it, dim: counts, keys.
        warning: Instead of the hint, in the colour of warnings: `STALE 7s`.
        corner: At the right of the header, dim; where the room is short, instead of the hint.
        is_stale: The body shows old data: no number there has a colour.
    """

    DEFAULT_CSS = "Panel { width: 1fr; height: 1fr; background: $background; }"
    ALLOW_SELECT = False
    HEADER: ClassVar[int] = 1
    """Rows of the header; 0 for a panel without."""

    def __init__(
        self,
        title: str = "",
        *,
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.title, self.hint, self.warning, self.corner = title, "", "", ""
        self.is_stale = False
        self._lines: list[Line] = []
        self._strips: list[Strip] = []
        self._drawn_for: tuple[Size, Look] | None = None

    def tell(self, *, title: str | None = None, hint: str | None = None, warning: str = "") -> None:
        """Change what the header says; None leaves a part as it is."""
        self.title = self.title if title is None else title
        self.hint = self.hint if hint is None else hint
        self.warning = warning
        self.redraw()

    def fade(self, reason: str) -> None:
        """Say in the header that the data is old and dim it; an empty reason ends that."""
        if reason != self.warning or self.is_stale != bool(reason):
            self.warning, self.is_stale = reason, bool(reason)
            self.forget()
            self.redraw()

    @property
    def look(self) -> Look:
        """Styles and glyphs for the body."""
        return faded(self._app_look) if self.is_stale else self._app_look

    @property
    def _app_look(self) -> Look:
        return look_of(cast("App[object]", self.app))  # pyright: ignore[reportUnknownMemberType]  — Textual leaves the app's type open

    @property
    def body_size(self) -> Size:
        """Columns and rows that `body` is asked for."""
        size = self.size
        return size.width, max(0, size.height - self.HEADER)

    def body(self, width: int, height: int) -> list[Line]:
        """At most `height` lines of exactly `width` cells; missing ones are blank."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what a panel keeps besides its lines; called when the look or the size changed."""

    def redraw(self) -> None:
        """Draw again and repaint the rows that changed; nothing happens while hidden."""
        if not self.is_attached or not self.display or not self.size.area:
            self._drawn_for = None
            return
        before = self._lines if self._drawn_for is not None else None
        self._draw()
        if before is None or len(before) != len(self._lines):
            self.refresh()
            return
        changed = [row for row, old in enumerate(before) if self._lines[row] is not old]
        for start, count in _runs(changed):
            self.refresh(Region(0, start, self.size.width, count))

    def _draw(self) -> None:
        """Make the lines; those that are as before stay the same objects."""
        width, height = self.size
        before = self._lines
        key = ((width, height), self._app_look)
        if key != self._drawn_for:
            self.forget()
            before = []
        self._drawn_for = key
        lines = self._compose_lines(width, height)
        kept = len(before)
        strips: list[Strip] = []
        for row, line in enumerate(lines):
            if row < kept and (line is before[row] or line == before[row]):
                lines[row] = before[row]
                strips.append(self._strips[row])
            else:
                strips.append(Strip(line, width))
        self._lines, self._strips = lines, strips

    def _compose_lines(self, width: int, height: int) -> list[Line]:
        lines = [self._header(width)] if self.HEADER else []
        if height > self.HEADER:
            lines += self.body(width, height - self.HEADER)
        plain = self.look.palette.style("fg")
        lines += [blank(width, plain) for _ in range(height - len(lines))]
        if self.look.glyphs.plain:
            lines = [_plain(line) for line in lines]
        return lines[:height]

    def _header(self, width: int) -> Line:
        palette = self._app_look.palette
        focused = self.has_focus
        rule, style = ("━", palette.style("accent")) if focused else ("─", palette.style("faint"))
        pieces = [(rule, style), (safe_text(self.title), palette.style("accent", bold=True))]
        beside, tone = (self.warning, "warn") if self.warning else (self.hint, "dim")
        corner = f" {safe_text(self.corner)} " if self.corner else ""
        taken = _cells(pieces) + cells_of(corner) + 2
        if corner and taken + cells_of(beside) > width and not self.warning:
            beside = ""
        if beside:
            pieces.append((f" {safe_text(beside)} ", palette.style(tone)))
        room = width - _cells(pieces) - cells_of(corner) - 1
        if corner and room > 0:
            pieces += [(rule * room, style), (corner, palette.style("dim"))]
        pieces.append((rule * (width - _cells(pieces)), style))
        return padded(pieces, width, style)

    def render_line(self, y: int) -> Strip:
        """The strip of a row, drawn now if the size or the look is another than before."""
        if self._drawn_for != ((self.size.width, self.size.height), self._app_look):
            self._draw()
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width)

    def on_show(self) -> None:
        """Draw what changed while the panel was hidden."""
        self.redraw()

    def watch_has_focus(self, has_focus: bool) -> None:
        """The header and the selection show the focus."""
        super().watch_has_focus(has_focus)
        self.forget()
        self.redraw()


def _cells(pieces: Sequence[tuple[str, Style]]) -> int:
    return sum(cells_of(text) for text, _ in pieces)


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, how many) of neighbours."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and runs[-1][0] + runs[-1][1] == row:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((row, 1))
    return runs


def _plain(line: Line) -> Line:
    return [Segment(to_ascii(text), style) for text, style, _ in line]
