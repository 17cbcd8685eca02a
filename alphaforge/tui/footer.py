"""The row at the bottom: the keys that matter here, read off the key table.

Must never show a key that does nothing now.
"""

from collections.abc import Iterable
from typing import Final

from textual import events
from textual.strip import Strip
from textual.widget import Widget

from alphaforge.tui.asks import ActionChosen, app_of
from alphaforge.tui.key_table import Key
from alphaforge.tui.keys import shown
from alphaforge.tui.options import MID_FROM
from alphaforge.tui.pieces import Hit, Piece, action_at, fitted, hits_of, strip_of
from alphaforge.tui.theme import look_of

_RANKS: Final = {"screens": 5, "move": 2, "find and do": 4, "view": 4, "trade": 3}

_ONE_PANEL_ONLY: Final = "panel.next"
"""Shown only where there is room for one main panel: elsewhere all are in sight."""


def footer_row(keys: Iterable[Key], width: int, *, can_trade: bool) -> list[Piece]:
    """The keys with a word, of exactly `width` cells; trade keys only where they act."""
    pieces: list[Piece] = []
    for key in keys:
        if not key.short or not key.keys or (key.is_trade and not can_trade):
            continue
        if key.id == _ONE_PANEL_ONLY and width >= MID_FROM:
            continue
        rank = 1 if key.is_danger and key.urgent else _RANKS.get(key.group, 4)
        tone = "error" if key.is_danger and key.urgent else "accent"
        text = f"{shown(key.keys[0])}"
        pieces.append(Piece(f" {text}", tone, bold=True, rank=rank, action=key.action))
        pieces.append(Piece(f" {key.short} ", "dim", rank=rank, action=key.action))
    return fitted(_paired(pieces, width), (), width)


def _paired(pieces: list[Piece], width: int) -> list[Piece]:
    """A key goes with its word, or not at all."""
    kept = list(zip(pieces[::2], pieces[1::2], strict=True))
    while kept and sum(key.cells + word.cells for key, word in kept) > width:
        kept.pop(max(range(len(kept)), key=lambda at: (kept[at][0].rank, at)))
    return [piece for pair in kept for piece in pair]


class FooterBar(Widget):
    """One row; a click does what the key does."""

    DEFAULT_CSS = "FooterBar { height: 1; dock: bottom; }"

    def __init__(self) -> None:
        super().__init__(id="footer")
        self._keys: tuple[Key, ...] = ()
        self._can_trade = True
        self._row: list[Piece] = []
        self._hits: list[Hit] = []

    def show(self, keys: Iterable[Key], *, can_trade: bool) -> None:
        """These keys; nothing is drawn if they are shown already."""
        self._keys, self._can_trade = tuple(keys), can_trade
        fresh = footer_row(self._keys, self.size.width, can_trade=can_trade)
        if fresh != self._row:
            self._row, self._hits = fresh, hits_of(fresh)
            self.refresh()

    def on_resize(self) -> None:
        """Fit them again."""
        self.show(self._keys, can_trade=self._can_trade)

    def render_line(self, y: int) -> Strip:
        """The row."""
        del y
        look = look_of(app_of(self))
        return strip_of(self._row, look).adjust_cell_length(
            self.size.width, look.palette.style("fg", "band")
        )

    def on_click(self, event: events.Click) -> None:
        """As the key."""
        action = action_at(self._hits, event.x)
        if action:
            self.post_message(ActionChosen(action))
