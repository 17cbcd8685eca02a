"""Paints what a Textual app shows into a picture, cell by cell, so that a person can look at it.

A tool for developers: `picture(app)` gives a PIL image, `paint(app, path)` writes it. Strokes,
blocks and braille are drawn by hand, since fonts draw them with gaps. It needs Pillow and a
monospace font (found below `fonts/`, or named by ALPHAFORGE_FONT) and must never be imported by
what a gate runs.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len
from rich.color import Color, ColorType
from rich.style import Style
from rich.terminal_theme import TerminalTheme

CELL = (10, 20)
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/Library/Fonts")
FONTS = ("DejaVuSansMono", "LiberationMono-Regular", "JetBrainsMono-Regular", "Menlo")

_DIM = "0c0c0c c50f1f 13a10e c19c00 0037da 881798 3a96dd cccccc"
_BRIGHT = "767676 e74856 16c60c f9f1a5 3b78ff b4009e 61d6d6 f2f2f2"
_ANSI = TerminalTheme(
    (12, 12, 12),
    (204, 204, 204),
    [tuple(bytes.fromhex(color)) for color in _DIM.split()],
    [tuple(bytes.fromhex(color)) for color in _BRIGHT.split()],
)

# up, right, down, left: 0 = nothing, 1 = thin, 2 = heavy
_STROKES = {
    "─": (0, 1, 0, 1), "━": (0, 2, 0, 2), "│": (1, 0, 1, 0), "┃": (2, 0, 2, 0), "╷": (0, 0, 1, 0),
    "╵": (1, 0, 0, 0), "╻": (0, 0, 2, 0), "╹": (2, 0, 0, 0), "╽": (1, 0, 2, 0), "╿": (2, 0, 1, 0),
    "╴": (0, 0, 0, 1), "╶": (0, 1, 0, 0), "┼": (1, 1, 1, 1), "├": (1, 1, 1, 0), "┤": (1, 0, 1, 1),
    "┬": (0, 1, 1, 1), "┴": (1, 1, 0, 1), "╭": (0, 1, 1, 0), "╮": (0, 0, 1, 1), "╰": (1, 1, 0, 0),
    "╯": (1, 0, 0, 1), "┌": (0, 1, 1, 0), "┐": (0, 0, 1, 1), "└": (1, 1, 0, 0), "┘": (1, 0, 0, 1),
    "┏": (0, 2, 2, 0), "┓": (0, 0, 2, 2), "┗": (2, 2, 0, 0), "┛": (2, 0, 0, 2),
}  # fmt: skip
# parts of a cell in eighths: left, top, right, bottom
_BLOCKS = {
    "▀": [(0, 0, 8, 4)], "█": [(0, 0, 8, 8)], "▌": [(0, 0, 4, 8)], "▐": [(4, 0, 8, 8)],
    "▘": [(0, 0, 4, 4)], "▝": [(4, 0, 8, 4)], "▖": [(0, 4, 4, 8)], "▗": [(4, 4, 8, 8)],
    "▎": [(0, 0, 2, 8)], "▍": [(0, 0, 3, 8)], "▏": [(0, 0, 1, 8)], "■": [(1, 3, 7, 6)],
    **{"▁▂▃▄▅▆▇"[n - 1]: [(0, 8 - n, 8, 8)] for n in range(1, 8)},
}  # fmt: skip
_DASHES = {"┈": 4, "┄": 3, "╌": 2}
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))

Rgb = tuple[int, int, int]


def paint(app: Any, path: str | Path, cell: tuple[int, int] = CELL) -> Path:
    """Write what the app shows now as PNG."""
    path = Path(path)
    picture(app, cell).save(path)
    return path


def picture(app: Any, cell: tuple[int, int] = CELL) -> Image.Image:
    """What the app shows now, as an image."""
    strips = app.screen._compositor.render_strips()
    wide, high = cell
    width = max(strip.cell_length for strip in strips)
    image = Image.new("RGB", (width * wide, len(strips) * high))
    brush = _Brush(ImageDraw.Draw(image), cell, bool(app.current_theme.dark))
    for row, strip in enumerate(strips):
        column = 0
        for text, style, control in strip:
            if control:
                continue
            for character in text:
                cells = cell_len(character)
                brush.cell(column, row, character, cells, style or Style())
                column += cells
    return image


class _Brush:
    """Draws single cells."""

    def __init__(self, draw: ImageDraw.ImageDraw, cell: tuple[int, int], dark: bool) -> None:
        self._draw, self._cell, self._dark = draw, cell, dark
        found = _font_file("")
        self._plain = _font(found, cell)
        self._bold = _font(_font_file("-Bold") or found, cell)

    def cell(self, column: int, row: int, character: str, cells: int, style: Style) -> None:
        """One character with its background."""
        wide, high = self._cell
        left, top = column * wide, row * high
        front, back = self._colors(style)
        self._draw.rectangle((left, top, left + wide * max(cells, 1) - 1, top + high - 1), back)
        if not character.isspace():
            self._glyph(character, left, top, front, bool(style.bold))
        if style.underline:
            self._draw.line((left, top + high - 2, left + wide - 1, top + high - 2), front)

    def _colors(self, style: Style) -> tuple[Rgb, Rgb]:
        default = ((204, 204, 204), (12, 12, 12))
        if not self._dark:
            default = ((20, 20, 20), (250, 250, 250))
        front = _rgb(style.color, default[0], style.color is not None)
        back = _rgb(style.bgcolor, default[1], False)
        if style.reverse:
            front, back = back, front
        if style.dim:
            front = tuple((a + b) // 2 for a, b in zip(front, back, strict=True))
        return front, back

    def _glyph(self, character: str, left: int, top: int, front: Rgb, bold: bool) -> None:
        wide, high = self._cell
        if character in _BLOCKS:
            for a, b, c, d in _BLOCKS[character]:
                box = (left + a * wide / 8, top + b * high / 8)
                self._draw.rectangle((*box, left + c * wide / 8 - 1, top + d * high / 8 - 1), front)
        elif character in _STROKES:
            self._strokes(_STROKES[character], left, top, front)
        elif character in _DASHES:
            self._dashes(_DASHES[character], left, top, front)
        elif 0x2800 <= ord(character) < 0x2900:
            self._braille(ord(character) - 0x2800, left, top, front)
        elif character in "▲▼●":
            self._shape(character, left, top, front)
        else:
            font = self._bold if bold else self._plain
            self._draw.text((left, top + high // 2), character, front, font, anchor="lm")

    def _strokes(self, sides: tuple[int, int, int, int], left: int, top: int, front: Rgb) -> None:
        wide, high = self._cell
        x, y = left + wide // 2, top + high // 2
        ends = ((x, top, x, y), (x, y, left + wide, y), (x, y, x, top + high), (left, y, x, y))
        for weight, (a, b, c, d) in zip(sides, ends, strict=True):
            if not weight:
                continue
            vertical = a == c
            thick = (wide * 0.2 if vertical else high * 0.07) if weight > 1 else 0
            across = (thick, 0) if vertical else (0, thick)
            self._draw.rectangle(
                (
                    a - across[0],
                    b - across[1],
                    c + across[0] - (not vertical),
                    d + across[1] - vertical,
                ),
                front,
            )

    def _braille(self, bits: int, left: int, top: int, front: Rgb) -> None:
        wide, high = self._cell
        for number, (column, row) in enumerate(_DOTS):
            if bits >> number & 1:
                x = left + (column + 0.5) * wide / 2
                y = top + (row + 0.5) * high / 4
                size = wide * 0.16
                self._draw.ellipse((x - size, y - size, x + size, y + size), front)

    def _dashes(self, count: int, left: int, top: int, front: Rgb) -> None:
        wide, high = self._cell
        y = top + high // 2
        for number in range(count):
            start = left + wide * number / count
            self._draw.line((start, y, start + wide / count / 2, y), front)

    def _shape(self, character: str, left: int, top: int, front: Rgb) -> None:
        wide, high = self._cell
        x, y = left + wide / 2, top + high / 2
        if character == "●":
            size = wide * 0.42
            self._draw.ellipse((x - size, y - size, x + size, y + size), front)
            return
        tip = high * (-0.22 if character == "▲" else 0.22)
        points = [(left + 1, y - tip), (left + wide - 1, y - tip), (x, y + tip)]
        self._draw.polygon(points, front)


def _rgb(color: Color | None, default: Rgb, foreground: bool) -> Rgb:
    if color is None or color.type is ColorType.DEFAULT:
        return default
    return tuple(color.get_truecolor(_ANSI, foreground=foreground))


def _font(found: Path | None, cell: tuple[int, int]) -> Any:
    if found is None:
        return ImageFont.load_default(cell[1] * 0.75)
    size = cell[1]
    while size > 4:
        font = ImageFont.truetype(str(found), size)
        if font.getlength("M") <= cell[0]:
            return font
        size -= 0.5
    return ImageFont.load_default()


def _font_file(weight: str) -> Path | None:
    named = os.environ.get("ALPHAFORGE_FONT")
    if named:
        return Path(named)
    for name in FONTS:
        for folder in FONT_FOLDERS:
            for path in _below(Path(folder).expanduser(), f"{name}{weight}.ttf"):
                return path
    return None


def _below(folder: Path, name: str) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(folder.rglob(name))
