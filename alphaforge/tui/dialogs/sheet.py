"""The base of all dialogs: one framed sheet of rows, and a guard against keys meant for elsewhere.

A sheet is a single widget, so that it opens within a frame of the screen; the market behind it
stays readable. Keys that arrive in the first quarter of a second are dropped: they were typed
before the person could have read it. Must never do anything on `enter` alone that moves money.
"""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Final, TypeVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from alphaforge.tui.asks import app_of
from alphaforge.tui.pieces import Piece, strip_of
from alphaforge.tui.text import cut, safe_text
from alphaforge.tui.theme import Tone, look_of

GUARD_SECONDS: Final = 0.25
"""Keys so soon after a dialog opened are dropped."""

Row = list[Piece]
Result = TypeVar("Result")

_LIGHT: Final = ("╭", "─", "╮", "│", "╰", "╯")
_HEAVY: Final = ("┏", "━", "┓", "┃", "┗", "┛")


def words(text: str, tone: Tone = "fg", *, bold: bool = False) -> Piece:
    """A piece that stands on the sheet itself."""
    return Piece(text, tone, "", bold)


def wrapped(text: str, width: int, tone: Tone = "fg", indent: int = 0) -> list[Row]:
    """Safe text broken between words into rows of at most `width` cells; long words are cut."""
    rows: list[Row] = []
    line = ""
    room = max(width - indent, 1)
    for word in safe_text(text).split():
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= room:
            line = longer
            continue
        if line:
            rows.append([words(" " * indent + line, tone)])
        line = cut(word, room)
    if line or not rows:
        rows.append([words(" " * indent + line, tone)])
    return rows


class Sheet(Widget):
    """A frame with a title in its upper edge, a hint in its lower one, and rows between."""

    DEFAULT_CSS = "Sheet { background: $background; height: auto; }"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.title = self.hint = ""
        self.tone: Tone = "accent"
        self.is_heavy = False
        self._wanted = width
        self._rows: Sequence[Row] = ()
        self.styles.width = width + 2

    @property
    def inner(self) -> int:
        """Cells between the edges."""
        return max(min(self._wanted, app_of(self).size.width - 2), 1)

    def show(self, rows: Sequence[Row]) -> None:
        """These rows from now on; what does not fit on the screen is cut at the end."""
        most = max(app_of(self).size.height - 2, 1)
        before = len(self._rows)
        self._rows = rows[:most]
        if len(self._rows) != before:
            self.styles.height = len(self._rows) + 2
            self.refresh(layout=True)
        else:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row with its edges."""
        look = look_of(app_of(self))
        left_top, flat, right_top, side, left_low, right_low = _HEAVY if self.is_heavy else _LIGHT
        inner = self.inner
        if y == 0:
            title = cut(f" {self.title} ", inner - 2) if self.title else ""
            rule = flat * (inner - 1 - cell_len(title))
            row = [words(left_top + flat, self.tone), words(title, self.tone, bold=True)]
            row.append(words(rule + right_top, self.tone))
        elif y > len(self._rows):
            hint = cut(f" {self.hint} ", inner - 2) if self.hint else ""
            rule = flat * (inner - 1 - cell_len(hint))
            row = [words(left_low + rule, self.tone), words(hint, "dim")]
            row.append(words(flat + right_low, self.tone))
        else:
            row = [words(side + " ", self.tone), *_filled(self._rows[y - 1], inner - 2)]
            row.append(words(" " + side, self.tone))
        return strip_of(row, look)


def _filled(row: Row, width: int) -> Row:
    """Exactly so many cells: cut with `…`, or filled up."""
    kept: Row = []
    room = width
    for piece in row:
        text = safe_text(piece.text)
        cells = cell_len(text)
        if cells > room:
            short = cut(text, room)
            kept.append(piece._replace(text=short))
            room -= cell_len(short)
            break
        kept.append(piece._replace(text=text))
        room -= cells
    if room > 0:
        kept.append(words(" " * room))
    return kept


def tell(node: DOMNode, text: str, *, failed: bool = False) -> None:
    """A toast; text from outside is made safe and never read as markup."""
    severity = "warning" if failed else "information"
    app_of(node).notify(safe_text(text), severity=severity, markup=False)


class Dialog(ModalScreen[Result]):
    """One sheet over the screen. `esc` always closes it and does nothing.

    Subclasses draw with `rows` and take keys with `typed`.
    """

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 45%; }
    Dialog.ticket { align: right top; background: $background 35%; }
    Dialog.danger { background: $error 18%; }
    Dialog.bottom { align: left bottom; background: $background 0%; }
    """
    WIDTH: ClassVar[int] = 60

    def __init__(self) -> None:
        super().__init__()
        self.sheet = Sheet(self.WIDTH)
        self._opened = 0.0

    def compose(self) -> ComposeResult:
        """The sheet alone."""
        yield self.sheet

    def on_mount(self) -> None:
        """Draw it; from now on the guard counts."""
        self._opened = asyncio.get_running_loop().time()
        self.opened()
        self.redraw()

    def opened(self) -> None:
        """What a dialog does first, before it is drawn."""

    def on_resize(self) -> None:
        """The room changed."""
        self.redraw()

    def redraw(self) -> None:
        """Draw what `rows` gives now."""
        self.sheet.show(self.rows(self.sheet.inner - 2))

    def is_guarded(self, key: str) -> bool:
        """Whether a key that comes too early is dropped: all, unless typing alone does nothing."""
        del key
        return True

    def rows(self, width: int) -> list[Row]:
        """Everything between the edges; `width` cells wide at most."""
        raise NotImplementedError

    def typed(self, key: str, character: str | None) -> None:
        """A key that came late enough to be meant for this dialog; not `escape`."""

    def on_key(self, event: events.Key) -> None:
        """Guard, close, or hand on; the app has taken its urgent keys by now."""
        event.stop()
        event.prevent_default()
        is_early = asyncio.get_running_loop().time() - self._opened < GUARD_SECONDS
        if is_early and self.is_guarded(event.key):
            return
        if event.key == "escape":
            self.leave()
            return
        self.typed(event.key, event.character if event.is_printable else None)
        if self.is_attached and self.is_current:
            self.redraw()

    def leave(self) -> None:
        """Close it; nothing was done."""
        self.dismiss(None)
