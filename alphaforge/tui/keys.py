"""The one table of keys: dispatcher, footer, help, palette and docs are all read off it.

A key is a printable character as typed (`x`, `?`, `G`), or a name (`enter`, `ctrl+d`, `f12`,
`space`); two words are typed one after the other (`g d`). Must never know a widget: an action is
the name of a `do_` method, looked for on the panel with the focus, then its screen, then the app.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from alphaforge.errors import ConfigError
from alphaforge.tui.key_table import KEYS, PRESETS, Key

SEQUENCE_GAP: Final = " "
"""Between the keys of a sequence."""


class Press(NamedTuple):
    """What a key press means.

    Attributes:
        key: The line of the table; None if there is none.
        waiting: A sequence has begun: the next key decides.
    """

    key: Key | None
    waiting: bool


class Dispatcher:
    """Turns key presses into lines of the table; remembers a sequence that has begun."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        self.begun = ""
        self._by_place: dict[tuple[str, str], Key] = {}
        self._prefixes: set[str] = set()
        for key in self.keys:
            for typed in key.keys:
                self._by_place.update({(place, typed): key for place in key.where or ("",)})
                if SEQUENCE_GAP in typed:
                    self._prefixes.add(typed.split(SEQUENCE_GAP)[0])

    def press(self, typed: str, place: str) -> Press:
        """A key typed on the screen `place`; a screen's own line is stronger than a general one."""
        whole = f"{self.begun}{SEQUENCE_GAP}{typed}" if self.begun else typed
        continuing, self.begun = self.begun, ""
        if not continuing and typed in self._prefixes:
            self.begun = typed
            return Press(None, waiting=True)
        found = self._by_place.get((place, whole)) or self._by_place.get(("", whole))
        return Press(found, waiting=False)

    def urgent(self, typed: str) -> Key | None:
        """The line that acts even in a dialog or while a text is being typed."""
        found = self._by_place.get(("", typed))
        return found if found is not None and found.urgent else None

    def of(self, place: str) -> tuple[Key, ...]:
        """The lines that hold on a screen, in the order of the table."""
        return tuple(key for key in self.keys if not key.where or place in key.where)


def resolve(preset: str = "default", own: Mapping[str, str] | None = None) -> tuple[Key, ...]:
    """The table with a preset and then the user's own lines laid over it.

    `own` is `[tui.keys]`: id → keys, parted by commas; empty text takes the keys away. Raises
    `ConfigError` for an unknown preset or id, and where two lines of one screen share a key.
    """
    if preset not in PRESETS:
        raise ConfigError(f"[tui] preset is {preset!r}", remedy=f"use one of {', '.join(PRESETS)}.")
    laid = {**PRESETS[preset], **{name: _parted(text) for name, text in (own or {}).items()}}
    known = {key.id for key in KEYS}
    for name in laid:
        if name not in known:
            raise ConfigError(
                f"[tui.keys] {name}: there is no such action",
                remedy=f"The nearest is {_nearest(name, known)}; ? in the app lists them all.",
            )
    table = tuple(key._replace(keys=laid.get(key.id, key.keys)) for key in KEYS)
    _refuse_clashes(table)
    return table


def _parted(text: str) -> tuple[str, ...]:
    """`"x, ctrl+x"` → both; a lone comma is the comma key."""
    if text.strip() == ",":
        return (",",)
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _nearest(name: str, known: Iterable[str]) -> str:
    """By letters in common: enough for a typing error."""
    return max(sorted(known), key=lambda each: _likeness(name, each))


def _likeness(left: str, right: str) -> float:
    pairs = {left[at : at + 2] for at in range(len(left))}
    others = {right[at : at + 2] for at in range(len(right))}
    return 2 * len(pairs & others) / max(1, len(pairs) + len(others))


def _refuse_clashes(table: tuple[Key, ...]) -> None:
    given = [
        (place, typed, key.id)
        for key in table
        for typed in key.keys
        for place in key.where or ("",)
    ]
    begun = {typed.split(SEQUENCE_GAP)[0] for _, typed, _ in given if SEQUENCE_GAP in typed}
    seen: dict[tuple[str, str], str] = {}
    for place, typed, name in given:
        other = seen.setdefault((place, typed), name)
        if other != name:
            raise ConfigError(
                f"[tui.keys] {typed} is given to both {other} and {name}",
                remedy=f'give one of them another key: {name} = "..."',
            )
        if typed in begun:
            raise ConfigError(
                f"[tui.keys] {typed} ({name}) also begins a sequence",
                remedy="give it another key, or take the sequences away",
            )


def shown(typed: str) -> str:
    """A key as a person reads it: `ctrl+d` → `^d`, `f12` → `F12`."""
    if typed.startswith("ctrl+"):
        return f"^{typed.removeprefix('ctrl+')}"
    if len(typed) > 1 and typed[0] == "f" and typed[1:].isdigit():
        return typed.upper()
    return {"escape": "esc", "slash": "/", "question_mark": "?"}.get(typed, typed)


def markdown(table: Iterable[Key]) -> str:
    """The table for docs/tui.md: one row per line, by group."""
    rows = ["| keys | what they do | name in `[tui.keys]` |", "|---|---|---|"]
    group = ""
    for key in table:
        if key.group != group:
            group = key.group
            rows.append(f"| **{group}** | | |")
        keys = " ".join(f"`{shown(typed)}`" for typed in key.keys) or "—"
        place = f" ({', '.join(key.where)})" if key.where else ""
        rows.append(f"| {keys} | {key.help}{place} | `{key.id}` |")
    return "\n".join(rows) + "\n"
