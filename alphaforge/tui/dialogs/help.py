"""Every key as it is now, and every verb of the `:` line: read off the two tables.

Must never say anything that is not in them.
"""

from typing import ClassVar

from alphaforge.client.grammar import FORMS
from alphaforge.tui.actions import Actions
from alphaforge.tui.asks import app_of
from alphaforge.tui.dialogs.sheet import Dialog, Row, words
from alphaforge.tui.key_table import KEYS, Key
from alphaforge.tui.keys import shown


class Help(Dialog[None]):
    """Scrolls."""

    WIDTH: ClassVar[int] = 76

    def __init__(self, keys: tuple[Key, ...], topic: str = "") -> None:
        super().__init__()
        self._keys = keys
        self._topic = topic.lower()
        self._top = 0
        self.sheet.title = f"HELP {topic}".rstrip()
        self.sheet.hint = "j k scroll · esc close"

    def rows(self, width: int) -> list[Row]:
        """From the row that was scrolled to."""
        del width
        rows = self._all()
        room = max(app_of(self).size.height - 4, 3)
        self._top = max(0, min(self._top, len(rows) - room))
        return rows[self._top : self._top + room]

    def _all(self) -> list[Row]:
        rows: list[Row] = []
        group = ""
        for key in self._keys:
            if not key.keys or self._topic not in f"{key.id} {key.help} {key.group}".lower():
                continue
            if key.group != group:
                group = key.group
                rows += [[], [words(group.upper(), "accent", bold=True)]]
            typed = "  ".join(shown(each) for each in key.keys)
            where = f"  ({', '.join(key.where)})" if key.where else ""
            tone = "error" if key.is_danger else "fg"
            rows.append(
                [words(f"{typed:<20}", tone, bold=True), words(key.help), words(where, "dim")]
            )
        lines = {form.usage: form.help for name, form in FORMS.items() if self._topic in name}
        if lines:
            rows += [[], [words("THE : LINE", "accent", bold=True)]]
        for usage, help_text in lines.items():
            rows += [[words(usage, bold=True)], [words(f"    {help_text}", "dim")]]
        return rows[1:] if rows else [[words("nothing is called that", "dim")]]

    def typed(self, key: str, character: str | None) -> None:
        """Scroll; q and ? close."""
        steps = {"j": 1, "down": 1, "k": -1, "up": -1, "pagedown": 10, "pageup": -10, "space": 10}
        if key in {"q", "f1"} or character == "?":
            self.dismiss(None)
        else:
            self._top = max(0, self._top + steps.get(key, 0))


def dialog(app: Actions, topic: str = "") -> Help:
    """Help on all, or on what has that in its name."""
    dispatcher = getattr(app, "dispatcher", None)
    return Help(dispatcher.keys if dispatcher is not None else KEYS, topic)
