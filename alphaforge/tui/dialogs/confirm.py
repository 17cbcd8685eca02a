"""A question before something is done: y or n, or a word to be typed.

The harmless answer is the one that stands; `enter` alone never confirms. Must never do anything
that was not confirmed.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from alphaforge.tui.actions import Actions
from alphaforge.tui.dialogs.form import Text
from alphaforge.tui.dialogs.sheet import Dialog, Row, words, wrapped


class Confirm(Dialog[bool]):
    """Closes with True only if it was confirmed.

    `lines` say what would happen; with a `word`, that must be typed, else `y`.
    """

    WIDTH: ClassVar[int] = 56

    def __init__(
        self, title: str, lines: Sequence[str], on_yes: Callable[[], object], word: str = ""
    ) -> None:
        super().__init__()
        self._on_yes = on_yes
        self._lines = tuple(lines)
        self._word = word
        self._typed = Text("word", "")
        self.sheet.title = title
        self.sheet.hint = "esc = do nothing"
        if word:
            self.add_class("danger")
            self.sheet.tone, self.sheet.is_heavy = "error", True

    def rows(self, width: int) -> list[Row]:
        """What would happen, and how to say yes."""
        rows: list[Row] = [[]]
        for line in self._lines:
            rows += wrapped(line, width)
        rows.append([])
        if self._word:
            rows.append([words(f"type {self._word} and press enter  ", "dim")])
            rows[-1] += self._typed.pieces(is_here=True)
        else:
            rows.append([words("y", "accent", bold=True), words(" yes   ", "dim")])
            rows[-1] += [words("[ n ]", "fg", bold=True), words(" no", "dim")]
        return rows

    def typed(self, key: str, character: str | None) -> None:
        """Only the word, or y, confirms."""
        if not self._word:
            if key in {"y", "n", "q"}:
                self._close(confirmed=key == "y")
        elif key != "enter":
            self._typed.typed(key, character)
        elif self._typed.value.strip() == self._word:
            self._close(confirmed=True)

    def _close(self, *, confirmed: bool) -> None:
        self.dismiss(confirmed)
        if confirmed:
            self._on_yes()

    def leave(self) -> None:
        """Nothing was confirmed."""
        self._close(confirmed=False)


def dialog(
    app: Actions,
    title: str,
    lines: Sequence[str],
    on_yes: Callable[[], object],
    word: str = "",
) -> Confirm:
    """A question; `on_yes` is called once it is confirmed."""
    del app
    return Confirm(title, lines, on_yes, word)
