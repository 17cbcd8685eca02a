"""Fields of a dialog and the keys that fill them in: choices, texts, switches.

Pure: a form knows no screen. `tab` and `shift+tab` go from field to field, a choice turns with
left, right and space, a text is typed; in a text with a step, up and down take one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from alphaforge.tui.dialogs.sheet import Row, words
from alphaforge.tui.pieces import Piece
from alphaforge.tui.text import safe_text

LABEL_CELLS: Final = 13
TEXT_CELLS: Final = 16
_LONGEST: Final = 64

Step: TypeAlias = Callable[[str, int], str]
"""A text one step further (+1) or back (-1)."""


@dataclass(eq=False)
class Choice:
    """One of several; `options` are shown as they are."""

    name: str
    label: str
    options: tuple[str, ...]
    at: int = 0

    @property
    def value(self) -> str:
        """The chosen one."""
        return self.options[self.at]

    def typed(self, key: str, character: str | None) -> bool:
        """Turn; whether it changed."""
        before = self.at
        if key in {"right", "space"}:
            self.at = (self.at + 1) % len(self.options)
        elif key == "left":
            self.at = (self.at - 1) % len(self.options)
        elif character is not None:
            starts = [option.lower().startswith(character.lower()) for option in self.options]
            self.at = starts.index(True) if any(starts) else self.at
        return self.at != before

    def pieces(self, *, is_here: bool) -> Row:
        """All options, the chosen one on a tag."""
        row: Row = []
        for place, option in enumerate(self.options):
            if place == self.at:
                row.append(Piece(f" {option} ", "fg", "tag_accent" if is_here else "tag_fg"))
            else:
                row.append(words(f" {option} ", "dim"))
        return row


@dataclass(eq=False)
class Text:
    """A typed text.

    Attributes:
        hint: Shown beside it.
        step: What up and down do; None = they go to other fields.
    """

    name: str
    label: str
    value: str = ""
    hint: str = ""
    step: Step | None = None
    at: int = 0

    def __post_init__(self) -> None:
        """The cursor stands at the end."""
        self.at = len(self.value)

    def set(self, value: str) -> None:
        """Another text, cursor at its end."""
        self.value, self.at = value, len(value)

    def typed(self, key: str, character: str | None) -> bool:
        """Edit; whether the text changed."""
        before = self.value
        if key in {"up", "down"} and self.step is not None:
            self.set(self.step(self.value, 1 if key == "up" else -1))
        elif key in {"left", "right", "home", "end"}:
            self._move(key)
        elif key == "backspace" and self.at:
            self.value = self.value[: self.at - 1] + self.value[self.at :]
            self.at -= 1
        elif key == "delete":
            self.value = self.value[: self.at] + self.value[self.at + 1 :]
        elif key == "ctrl+u":
            self.set("")
        elif character is not None and len(self.value) < _LONGEST:
            self.value = self.value[: self.at] + character + self.value[self.at :]
            self.at += 1
        return self.value != before

    def _move(self, key: str) -> None:
        places = {"left": self.at - 1, "right": self.at + 1, "home": 0, "end": len(self.value)}
        self.at = min(max(places[key], 0), len(self.value))

    def pieces(self, *, is_here: bool) -> Row:
        """The text in its field, with the cursor where it is being edited."""
        shown = safe_text(self.value) if len(self.value) else ""
        start = max(0, min(self.at, len(shown)) - TEXT_CELLS + 2)
        window = shown[start : start + TEXT_CELLS - 1].ljust(TEXT_CELLS - 1)
        if not is_here:
            return [Piece(f" {window}", "fg", ""), words(f" {self.hint}", "dim")]
        at = min(self.at - start, len(window) - 1)
        return [
            Piece(f" {window[:at]}", "fg", "sel"),
            Piece(window[at], "fg", "tag_fg"),
            Piece(window[at + 1 :], "fg", "sel"),
            words(f" {self.hint}", "dim"),
        ]


@dataclass(eq=False)
class Switch:
    """On or off."""

    name: str
    label: str
    value: bool = False

    def typed(self, key: str, character: str | None) -> bool:
        """Turn; whether it changed."""
        del character
        if key not in {"space", "left", "right"}:
            return False
        self.value = not self.value
        return True

    def pieces(self, *, is_here: bool) -> Row:
        """`[×] on` or `[ ] off`."""
        text = "[×] on " if self.value else "[ ] off"
        return [Piece(f" {text} ", "fg", "tag_accent" if is_here else "")]


Field: TypeAlias = Choice | Text | Switch


class Form:
    """Fields in order, one of them being edited.

    Attributes:
        is_shown: Which fields there are now; a field that is not shown keeps what it holds.
    """

    def __init__(self, fields: list[Field]) -> None:
        self.fields = fields
        self.is_shown: Callable[[Field], bool] = lambda _: True
        self._at = 0

    def visible(self) -> list[Field]:
        """The fields there are now."""
        return [field for field in self.fields if self.is_shown(field)]

    @property
    def here(self) -> Field:
        """The one being edited."""
        shown = self.visible()
        return shown[min(self._at, len(shown) - 1)]

    def go(self, name: str) -> None:
        """Edit that field."""
        names = [field.name for field in self.visible()]
        self._at = names.index(name) if name in names else 0

    def typed(self, key: str, character: str | None) -> bool:
        """Take a key; whether a value changed."""
        count = len(self.visible())
        field = self.here
        steps = isinstance(field, Text) and field.step is not None
        if key in {"tab", "enter"} or (key == "down" and not steps):
            self._at = (min(self._at, count - 1) + 1) % count
            return False
        if key == "shift+tab" or (key == "up" and not steps):
            self._at = (min(self._at, count - 1) - 1) % count
            return False
        return field.typed(key, character)

    def rows(self) -> list[Row]:
        """One row for each field."""
        here = self.here
        return [
            [
                words(field.label.ljust(LABEL_CELLS), "fg" if field is here else "dim"),
                *field.pieces(is_here=field is here),
            ]
            for field in self.visible()
        ]
