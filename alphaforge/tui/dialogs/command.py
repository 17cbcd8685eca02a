"""The `:` line: the command line's own grammar, with completion, at the bottom of the screen.

Must never close on a line that says nothing: what is wrong and what to type stands above it.
"""

from collections import deque
from typing import ClassVar, Final

from alphaforge.client.grammar import FORMS, complete, parse
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.actions import Actions
from alphaforge.tui.dialogs.carrying import carry_out, names_of
from alphaforge.tui.dialogs.form import Text
from alphaforge.tui.dialogs.sheet import Dialog, Row, words, wrapped
from alphaforge.tui.pieces import Piece
from alphaforge.tui.text import safe_text

_MOST_OFFERS: Final = 6
HISTORY: Final[deque[str]] = deque(maxlen=100)
"""Lines of this app, newest last: up and down go through them."""


class CommandLine(Dialog[None]):
    """One line; `tab` completes, `enter` does it."""

    WIDTH: ClassVar[int] = 76

    def __init__(self, app: Actions) -> None:
        super().__init__()
        self.add_class("bottom")
        self._actions = app
        self._engine = app.engine
        self._line = Text("line", "")
        self._problem = ""
        self._back = 0
        self.sheet.title = "COMMAND"
        self.sheet.hint = "tab completes · ↑ earlier lines · enter does it · esc"

    def rows(self, width: int) -> list[Row]:
        """What could come next, what is wrong, the line."""
        rows: list[Row] = []
        if self._problem:
            rows += wrapped(self._problem, width, "error")
        else:
            rows.append(self._offers())
        text, at = safe_text(self._line.value), self._line.at
        start = max(0, at - width + 4)
        window = text[start:] + " "
        at = min(at - start, len(window) - 1)
        rows.append(
            [
                words(":", "accent", bold=True),
                words(window[:at]),
                Piece(window[at], "fg", "tag_fg"),
                words(window[at + 1 :]),
            ]
        )
        return rows

    def _offers(self) -> Row:
        line = self._line.value
        head = " ".join(line.lower().split()[:2])
        form = FORMS.get(head) or FORMS.get(head.partition(" ")[0])
        if form is not None and line.endswith(" "):
            return [words(form.usage, "dim")]
        found = complete(line, names_of(self._actions.view))[:_MOST_OFFERS]
        return [words("   ".join(found) or "help shows what can be typed", "dim")]

    def is_guarded(self, key: str) -> bool:
        """What is typed is kept; only what would do something must come late enough."""
        return key == "enter"

    def typed(self, key: str, character: str | None) -> None:
        """Type, complete, go back in time, do it."""
        if key == "enter":
            self._do()
        elif key == "tab":
            self._complete()
        elif key in {"up", "down"}:
            self._remember(1 if key == "up" else -1)
        elif key == "backspace" and not self._line.value:
            self.dismiss(None)
        elif self._line.typed(key, character):
            self._problem = ""

    def _complete(self) -> None:
        line = self._line.value
        found = complete(line, names_of(self._actions.view))
        if not found:
            return
        last = "" if not line or line[-1:].isspace() else line.split()[-1]
        common = found[0] if len(found) == 1 else _common(found)
        if len(common) >= len(last):
            self._line.set(line[: len(line) - len(last)] + common + " " * (len(found) == 1))

    def _remember(self, step: int) -> None:
        self._back = max(0, min(self._back + step, len(HISTORY)))
        self._line.set(HISTORY[-self._back] if self._back else "")

    def _do(self) -> None:
        line = self._line.value.strip()
        if not line:
            self.dismiss(None)
            return
        try:
            verb = parse(line)
        except AlphaForgeError as error:
            self._problem = f"{error.message}. {error.remedy}" if error.remedy else error.message
            return
        HISTORY.append(line)
        self.dismiss(None)
        carry_out(self._actions, verb, self._engine)


def _common(found: list[str]) -> str:
    """What all of them begin with."""
    first, last = min(found), max(found)
    same = next(
        (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other),
        min(len(first), len(last)),
    )
    return first[:same]


def dialog(app: Actions) -> CommandLine:
    """The line."""
    return CommandLine(app)
