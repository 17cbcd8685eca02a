"""The characters that panels draw with, in three sets for what fonts and terminals have.

`safe` is in all common programming fonts (braille, which terminals draw themselves, only in
curves), `full` adds prettier gauges and marks, `ascii` is for terminals without UTF-8: there
everything that leaves a panel is ASCII. Every glyph is one cell wide.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from rich.cells import cell_len

GlyphSet: TypeAlias = Literal["full", "safe", "ascii"]

EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
"""Filled from below, in eighths of a cell."""

BRAILLE: Final = 0x2800
"""The empty braille character; its bits are dots."""

DOT_BITS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of the dots of a braille cell: left and right column, from above."""

_ASCII: Final = {
    "─": "-", "━": "=", "│": "|", "┃": "#", "╷": "|", "╵": "|", "╻": "#", "╹": "#", "╽": "#",
    "╿": "#", "┈": ".", "╌": "-", "▌": ">", "▐": "#", "█": "#", "▀": "#", "▄": "#", "▗": "#",
    "▖": "#", "▝": "#", "▘": "#", "┼": "+", "▲": "^", "▼": "v", "●": "*", "◆": "*", "○": "o",
    "×": "x", "·": ".", "…": "~", "—": "-", "–": "-", "−": "-", "→": ">", "←": "<", "↓": "v",
    "↑": "^", "≈": "~", "≤": "<", "≥": ">", "Σ": "S", "■": "#", "▰": "=", "▱": "-", "◐": "o",
    "✖": "x", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "┏": "+", "┓": "+", "┗": "+", "┛": "+",
    "▁": "_", "▂": "_", "▃": "-", "▅": "=", "▆": "#", "▇": "#", "°": "o", "µ": "u", "€": "E",
}  # fmt: skip
_TO_ASCII: Final = str.maketrans(_ASCII)


@dataclass(frozen=True, kw_only=True)
class Glyphs:
    """The glyphs whose choice depends on the set.

    Attributes:
        gauge_on, gauge_off: Of a gauge.
        running, waiting, stopped, failed: States of a strategy.
        plain: Everything that leaves a panel must be ASCII.
    """

    gauge_on: str = "━"
    gauge_off: str = "─"
    running: str = "●"
    waiting: str = "◆"
    stopped: str = "·"
    failed: str = "×"
    plain: bool = False


_SAFE: Final = Glyphs()

GLYPHS: Final[dict[GlyphSet, Glyphs]] = {
    "full": replace(_SAFE, gauge_on="▰", gauge_off="▱", waiting="◐", stopped="○", failed="✖"),
    "safe": _SAFE,
    "ascii": replace(_SAFE, plain=True),
}


def to_ascii(text: str) -> str:
    """`text` in ASCII of the same number of characters; what has no likeness is `?`.

    Braille becomes dots. Characters of double width must have been counted by then: they become
    two characters.
    """
    if text.isascii():
        return text
    text = text.translate(_TO_ASCII)
    if text.isascii():
        return text
    return "".join(map(_ascii_character, text))


def _ascii_character(character: str) -> str:
    if character.isascii():
        return character
    code = ord(character)
    if BRAILLE <= code < BRAILLE + 0x100:
        return "." if code > BRAILLE else " "
    return "??" if _is_wide(character) else "?"


def _is_wide(character: str) -> bool:
    return cell_len(character) > 1
