"""Choose which columns the blotter shows; each change is seen behind the list at once.

Must never take the last column away.
"""

from collections.abc import Iterable
from typing import ClassVar, Protocol

from alphaforge.tui.actions import Actions
from alphaforge.tui.dialogs.sheet import Dialog, Row, words
from alphaforge.tui.pieces import Piece


class Titled(Protocol):
    """A column, as far as it is listed here."""

    @property
    def key(self) -> str:
        """Its name."""
        ...

    @property
    def title(self) -> str:
        """What stands above it."""
        ...


class HasColumns(Protocol):
    """A screen whose columns can be chosen."""

    def all_columns(self) -> Iterable[Titled]:
        """Those there are."""
        ...

    def shown_columns(self) -> Iterable[Titled]:
        """Those it shows."""
        ...

    def choose_columns(self, keys: Iterable[str]) -> None:
        """Show these and no others."""
        ...


class Columns(Dialog[None]):
    """Space turns a column on and off, `enter` keeps, `esc` goes back to what was."""

    WIDTH: ClassVar[int] = 34

    def __init__(self, board: HasColumns) -> None:
        super().__init__()
        self.add_class("ticket")
        self._board = board
        self._all = tuple(board.all_columns())
        self._before = [column.key for column in board.shown_columns()]
        self._shown = set(self._before)
        self._at = 0
        self.sheet.title = "COLUMNS"
        self.sheet.hint = "space on/off · enter keep · esc back"

    def rows(self, width: int) -> list[Row]:
        """One row for each."""
        rows: list[Row] = []
        for place, column in enumerate(self._all):
            ground = "sel" if place == self._at else ""
            mark = "[x]" if column.key in self._shown else "[ ]"
            text = f" {mark} {column.title or column.key}"
            rows.append([Piece(f"{text:<{width}}", "fg", ground)])
        return rows or [[words("no columns")]]

    def typed(self, key: str, character: str | None) -> None:
        """Move, turn, keep."""
        if key == "enter":
            self.dismiss(None)
        elif key in {"down", "up"} or character in {"j", "k"}:
            step = 1 if key == "down" or character == "j" else -1
            self._at = (self._at + step) % len(self._all)
        elif key == "space":
            self._turn(self._all[self._at].key)

    def _turn(self, key: str) -> None:
        after = self._shown ^ {key}
        if after:
            self._shown = after
            self._board.choose_columns(after)

    def leave(self) -> None:
        """As it was."""
        self._board.choose_columns(self._before)
        self.dismiss(None)


def dialog(app: Actions, board: HasColumns) -> Columns:
    """The list of a screen's columns."""
    del app
    return Columns(board)
