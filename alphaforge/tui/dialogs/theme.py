"""Choose the colours: the screen behind shows each at once; `esc` goes back to the old ones."""

from typing import ClassVar

from alphaforge.tui.actions import Actions
from alphaforge.tui.dialogs.sheet import Dialog, Row, words
from alphaforge.tui.pieces import Piece
from alphaforge.tui.theme import THEMES

_ABOUT = {
    "forge-dark": "dark, green and red",
    "forge-cb": "dark, blue and orange: for colour-blind eyes",
    "forge-light": "light",
    "forge-high-contrast": "black, strong colours",
    "ansi-dark": "the terminal's own 16 colours, dark",
    "ansi-light": "the terminal's own 16 colours, light",
    "mono": "no colours",
}


class ThemeChoice(Dialog[None]):
    """Arrows show, `enter` keeps."""

    WIDTH: ClassVar[int] = 64

    def __init__(self, app: Actions) -> None:
        super().__init__()
        self.add_class("ticket")
        self._actions = app
        self._before = app.theme
        self._names = tuple(THEMES)
        self._at = self._names.index(app.theme) if app.theme in self._names else 0
        self.sheet.title = "COLOURS"
        self.sheet.hint = "↑ ↓ try · enter keep · esc back"

    def rows(self, width: int) -> list[Row]:
        """One row for each."""
        rows: list[Row] = []
        for place, name in enumerate(self._names):
            ground = "sel" if place == self._at else ""
            about = _ABOUT.get(name, "")
            rows.append([Piece(f" {name:<20}", "fg", ground, bold=True)])
            rows[-1] += [Piece("▲ up ", "up", ground), Piece("▼ down ", "down", ground)]
            rows[-1].append(Piece(f"{about:<{max(width - 34, 0)}}"[: width - 34], "dim", ground))
        rows += [[], [words("to keep it for the next time: [tui] theme in alphaforge.toml", "dim")]]
        return rows

    def typed(self, key: str, character: str | None) -> None:
        """Try, keep."""
        del character
        if key == "enter":
            self.dismiss(None)
        elif key in {"up", "down", "j", "k"}:
            step = 1 if key in {"down", "j"} else -1
            self._at = (self._at + step) % len(self._names)
            self._actions.theme = self._names[self._at]

    def leave(self) -> None:
        """As before."""
        self._actions.theme = self._before
        self.dismiss(None)


def dialog(app: Actions) -> ThemeChoice:
    """The choice."""
    return ThemeChoice(app)
