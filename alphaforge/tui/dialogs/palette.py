"""Search everything that can be done: keys, verbs, symbols, strategies, themes.

Must never do anything that has not been chosen by `enter`.
"""

from collections.abc import Callable
from typing import ClassVar, Final, NamedTuple

from alphaforge.client.verbs import StrategyVerb
from alphaforge.tui.actions import Actions
from alphaforge.tui.asks import app_of
from alphaforge.tui.dialogs.carrying import carry_out
from alphaforge.tui.dialogs.form import Text
from alphaforge.tui.dialogs.sheet import Dialog, Row, words
from alphaforge.tui.key_table import KEYS, Key
from alphaforge.tui.keys import shown
from alphaforge.tui.pieces import Piece
from alphaforge.tui.text import cut
from alphaforge.tui.theme import THEMES

_MOST_ROWS: Final = 14


class Offer(NamedTuple):
    """One thing that can be done.

    Attributes:
        keys: What is typed for it instead; empty if nothing is.
    """

    name: str
    help: str
    keys: str
    act: Callable[[], object]


def offers_of(app: Actions) -> list[Offer]:
    """Everything that can be done now."""
    found = [_of_key(app, key) for key in KEYS if key.id not in {"palette", "interrupt"}]
    view, engine = app.view, app.engine
    found += [
        Offer(f"goto {each}", "show its chart, ladder and tape", "", _bound(app.choose, each))
        for each in view.mirror.market
    ]
    for name, row in view.mirror.strategies.items():
        action = "stop" if row.state == "RUNNING" else "start"
        verb = StrategyVerb(name, action)
        found.append(Offer(f"{action} {name}", f"the strategy is {row.state.lower()}", "",
                           lambda verb=verb: carry_out(app, verb, engine)))  # fmt: skip
    return found + [
        Offer(f"theme {theme}", "other colours", "", _bound(_set_theme, app, theme))
        for theme in THEMES
    ]


def _of_key(app: Actions, key: Key) -> Offer:
    typed = shown(key.keys[0]) if key.keys else ""
    return Offer(
        key.id.replace(".", " ").replace("_", " "), key.help, typed, _bound(_press, app, key)
    )


def _press(app: Actions, key: Key) -> None:
    press: Callable[[Key], None] = getattr(app, "press")  # noqa: B009 - ForgeApp's, told by keys
    press(key)


def _set_theme(app: Actions, theme: str) -> None:
    app.theme = theme


def _bound(act: Callable[..., object], *args: object) -> Callable[[], object]:
    return lambda: act(*args)


def matching(offers: list[Offer], typed: str) -> list[Offer]:
    """Those with every typed word in name or help; names that begin with it first."""
    asked = typed.lower().split()
    found = [
        each for each in offers if all(word in f"{each.name} {each.help}".lower() for word in asked)
    ]
    start = typed.lower().strip()
    return sorted(found, key=lambda each: not each.name.lower().startswith(start))


class Palette(Dialog[None]):
    """Type to narrow it down, arrows to choose."""

    WIDTH: ClassVar[int] = 72

    def __init__(self, app: Actions) -> None:
        super().__init__()
        self._offers = offers_of(app)
        self._search = Text("search", "")
        self._at = 0
        self.sheet.title = "DO"
        self.sheet.hint = "type to search · ↑ ↓ choose · enter does it · esc"

    def rows(self, width: int) -> list[Row]:
        """The search, then what it finds."""
        found = matching(self._offers, self._search.value)
        self._at = max(0, min(self._at, len(found) - 1))
        room = max(3, min(_MOST_ROWS, app_of(self).size.height - 6))
        top = max(0, self._at - room + 1)
        rows: list[Row] = [[words("› ", "accent"), *self._search.pieces(is_here=True)], []]
        for place, offer in enumerate(found[top : top + room], top):
            ground = "sel" if place == self._at else ""
            name = f"{cut(offer.name, 24):<26}"
            keys = f"{offer.keys:>8} "
            room_for_help = max(width - 26 - 9, 0)
            rows.append(
                [
                    Piece(name, "fg", ground, bold=True),
                    Piece(f"{cut(offer.help, room_for_help):<{room_for_help}}", "dim", ground),
                    Piece(keys, "accent", ground),
                ]
            )
        if not found:
            rows.append([words("nothing is called that", "dim")])
        return rows

    def is_guarded(self, key: str) -> bool:
        """What is typed is kept; only what would do something must come late enough."""
        return key == "enter"

    def typed(self, key: str, character: str | None) -> None:
        """Search, choose, do."""
        if key in {"up", "down", "ctrl+p", "ctrl+n"}:
            self._at += 1 if key in {"down", "ctrl+n"} else -1
        elif key == "enter":
            found = matching(self._offers, self._search.value)
            if found:
                self.dismiss(None)
                found[self._at].act()
        elif self._search.typed(key, character):
            self._at = 0


def dialog(app: Actions) -> Palette:
    """The palette."""
    return Palette(app)
