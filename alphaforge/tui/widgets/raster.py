"""A field of cells that charts draw into, turned into lines at the end.

Must hold one character of one cell's width per place.
"""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from alphaforge.tui.glyphs import BRAILLE, DOT_BITS


class Raster:
    """`height` rows of `width` cells, blank at first.

    Attributes:
        texts, styles: By row and column.
        drawn: What `lines` told.
    """

    def __init__(self, width: int, height: int, style: Style) -> None:
        self.width, self.height = width, height
        self._plain = style
        self.drawn: list[list[Segment]] = []
        self.texts = [[" "] * width for _ in range(height)]
        self.styles = [[style] * width for _ in range(height)]

    def put(self, column: int, row: int, text: str, style: Style) -> None:
        """Write safe text from a cell on; what is outside is left out, wide characters too."""
        if not 0 <= row < self.height:
            return
        texts, styles = self.texts[row], self.styles[row]
        for character in text:
            if 0 <= column < self.width:
                texts[column] = character if cell_len(character) == 1 else "?"
                styles[column] = style
            column += 1

    def row_of(self, row: int, text: str, style: Style) -> None:
        """Fill a row from the left with a text of one-cell characters."""
        count = min(len(text), self.width)
        self.texts[row][:count] = text[:count]
        self.styles[row][:count] = [style] * count

    def lines(self, before: "Raster | None" = None) -> list[list[Segment]]:
        """The rows as segments: neighbours of one style together, and blanks with what is there.

        Rows that are as in the raster `before` are the same lists as there.
        """
        known = [] if before is None else before.drawn
        for row, (texts, styles) in enumerate(zip(self.texts, self.styles, strict=True)):
            if (
                before is not None
                and row < len(known)
                and texts == before.texts[row]
                and styles == before.styles[row]
            ):
                self.drawn.append(known[row])
            else:
                self.drawn.append(_segments(texts, styles, self._plain))
        return list(self.drawn)


def _segments(texts: Sequence[str], styles: Sequence[Style], plain: Style) -> list[Segment]:
    line: list[Segment] = []
    start, current, takes_blanks = 0, plain, False
    for column, style in enumerate(styles):
        if style is current or (takes_blanks and style is plain and texts[column] == " "):
            continue
        if column > start:
            line.append(Segment("".join(texts[start:column]), current))
        start, current = column, style
        takes_blanks = style.bgcolor == plain.bgcolor and not style.reverse
    line.append(Segment("".join(texts[start:]), current))
    return line


def dotted(heights: Sequence[int | None], rows: int) -> dict[tuple[int, int], int]:
    """A curve as braille cells: (column, row) → bits.

    Args:
        heights: One per column of dots (two per cell), in dots from above, four per row; None
            where the curve is broken. Steep pieces are joined.
        rows: Of cells.
    """
    cells: dict[tuple[int, int], int] = {}
    before: int | None = None
    last = rows * 4 - 1
    for column, found in enumerate(heights):
        if found is None:
            before = None
            continue
        height = max(0, min(last, found))
        start, end = _joined(before, height)
        side = DOT_BITS[column & 1]
        for dot in range(start, end + 1):
            place = (column >> 1, dot >> 2)
            cells[place] = cells.get(place, 0) | side[dot & 3]
        before = height
    return cells


def _joined(before: int | None, height: int) -> tuple[int, int]:
    """The dots of one column that reach from the last height to this one."""
    if before is None or abs(before - height) <= 1:
        return height, height
    return (before + 1, height) if before < height else (height, before - 1)


def braille(bits: int) -> str:
    """The character of these dots."""
    return chr(BRAILLE + bits)
