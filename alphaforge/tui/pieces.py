"""Rows of styled text fitted into a number of cells: what header, footer and titles are made of.

A row is a list of pieces; what does not fit is left out by rank, never cut in the middle of a
number. Must never interpret markup.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from alphaforge.tui.glyphs import to_ascii
from alphaforge.tui.text import cut, safe_text
from alphaforge.tui.theme import Ground, Look, Tone


class Piece(NamedTuple):
    """A piece of a row.

    Attributes:
        rank: What goes first when there is no room: the highest; 0 stays.
        action: Done when it is clicked: as in the key table; empty = nothing.
    """

    text: str
    tone: Tone = "fg"
    ground: Ground = "band"
    bold: bool = False
    rank: int = 0
    action: str = ""

    @property
    def cells(self) -> int:
        """Its width."""
        return len(self.text) if self.text.isascii() else cell_len(self.text)


class Hit(NamedTuple):
    """Where a click does something: cells `start` to `end` of a row."""

    start: int
    end: int
    action: str


def fitted(left: Sequence[Piece], right: Sequence[Piece], width: int) -> list[Piece]:
    """Both ends of a row of exactly `width` cells; pieces are dropped by rank, last ones first.

    Neighbours of one rank go together.
    """
    kept_left, kept_right = list(left), list(right)
    while _width(kept_left) + _width(kept_right) > width:
        ranked = [(piece.rank, side, at) for side, pieces in enumerate((kept_left, kept_right))
                  for at, piece in enumerate(pieces) if piece.rank]  # fmt: skip
        if not ranked:
            break
        _, side, at = max(ranked)
        _drop((kept_left, kept_right)[side], at)
    gap = width - _width(kept_left) - _width(kept_right)
    return _clipped([*kept_left, Piece(" " * max(0, gap)), *kept_right], width)


def _drop(pieces: list[Piece], at: int) -> None:
    """Take a piece away, with those before it that belong to it: a label goes with its value."""
    rank, ground = pieces[at].rank, pieces[at].ground
    start = at
    while start and not pieces[at].action and (
        pieces[start - 1].rank, pieces[start - 1].ground
    ) == (rank, ground):  # fmt: skip
        start -= 1
    del pieces[start : at + 1]


def _clipped(pieces: Iterable[Piece], width: int) -> list[Piece]:
    """The row cut at its end: only where even what must stay is too wide."""
    kept: list[Piece] = []
    room = width
    for piece in pieces:
        if piece.cells > room:
            kept.append(piece._replace(text=cut(piece.text, room)))
            break
        kept.append(piece)
        room -= piece.cells
    return kept


def _width(pieces: Iterable[Piece]) -> int:
    return sum(piece.cells for piece in pieces)


def strip_of(pieces: Iterable[Piece], look: Look) -> Strip:
    """The row as it is drawn: safe text, neighbours of one style in one segment."""
    segments: list[Segment] = []
    for piece in pieces:
        text = safe_text(piece.text)
        if look.glyphs.plain:
            text = to_ascii(text)
        style = look.palette.style(piece.tone, piece.ground, bold=piece.bold)
        if segments and segments[-1].style == style:
            text = segments.pop().text + text
        segments.append(Segment(text, style))
    return Strip(segments)


def hits_of(pieces: Iterable[Piece]) -> list[Hit]:
    """Where the row can be clicked."""
    found: list[Hit] = []
    at = 0
    for piece in pieces:
        if piece.action:
            found.append(Hit(at, at + piece.cells, piece.action))
        at += piece.cells
    return found


def action_at(hits: Iterable[Hit], x: int) -> str:
    """What a click on that cell does; empty for nothing."""
    return next((hit.action for hit in hits if hit.start <= x < hit.end), "")
