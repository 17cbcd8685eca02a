"""The public trades of a symbol, newest above.

Must say how many it left out: a tape that skips silently is not a tape.
"""

import math
from collections import deque
from collections.abc import Iterable
from typing import Final

from alphaforge.client.market_records import TapeRow
from alphaforge.tui.text import clock, decimal_of, fit, number
from alphaforge.tui.theme import Tone
from alphaforge.tui.widgets.panel import Line, Panel, centered, padded

_KEPT: Final = 500
_SAMPLE: Final = 200
_MIN_SAMPLE: Final = 20
_LARGE_FROM: Final = 0.95
_CLOCK_WIDTH: Final = 9
_ARROW_WIDTH: Final = 3
_MIN_WIDTH_FOR_CLOCK: Final = 28
_SIDES: Final[dict[str, tuple[Tone, str]]] = {"BUY": ("up", " ▲"), "SELL": ("down", " ▼")}
_NO_SIDE: Final[tuple[Tone, str]] = ("fg", "  ")


class Tape(Panel):
    """A panel with trades."""

    def __init__(
        self,
        title: str = "TAPE",
        *,
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self._trades: deque[TapeRow] = deque(maxlen=_KEPT)
        self._price_decimals, self._size_decimals = 2, 4
        self._large = math.inf
        self._has_data = False

    def set_symbol(self, price_decimals: int, size_decimals: int) -> None:
        """Begin with another symbol."""
        self._price_decimals, self._size_decimals = price_decimals, size_decimals
        self._trades.clear()
        self._large, self._has_data = math.inf, False
        self.corner = ""
        self.redraw()

    def set_trades(self, trades: Iterable[TapeRow], skipped: int = 0) -> None:
        """Show these, oldest first (`Mirror.tape`); `skipped` of them were left out."""
        self._trades = deque(trades, maxlen=_KEPT)
        self._has_data = True
        self._large = self._large_size()
        self.corner = f"{skipped:,} skipped" if skipped else ""
        self.redraw()

    def body(self, width: int, height: int) -> list[Line]:
        """One line per trade."""
        if not self._trades:
            reason = "no trades yet" if self._has_data else "· · ·"
            return centered(reason, width, height, self.look)
        newest = [self._trades[-1 - number] for number in range(min(height, len(self._trades)))]
        return [self._line(trade, width) for trade in newest]

    def _large_size(self) -> float:
        """Larger than this are at most a twentieth of the latest trades."""
        sizes = sorted(_size(trade) for trade in list(self._trades)[-_SAMPLE:])
        if len(sizes) < _MIN_SAMPLE:
            return math.inf
        return sizes[int(len(sizes) * _LARGE_FROM)]

    def _line(self, trade: TapeRow, width: int) -> Line:
        style_of = self.look.palette.style
        tone, arrow = _SIDES.get(trade.side, _NO_SIDE)
        with_clock = width >= _MIN_WIDTH_FOR_CLOCK
        room = width - _ARROW_WIDTH - (_CLOCK_WIDTH + 1 if with_clock else 0)
        style = style_of(tone, bold=_size(trade) > self._large)
        price = fit(number(trade.price, self._price_decimals), room // 2, "right")
        size = fit(number(trade.size, self._size_decimals), room - room // 2, "right")
        pieces = [(price + size + arrow, style)]
        if with_clock:
            pieces.insert(0, (f" {fit(clock(trade.ts), _CLOCK_WIDTH)}", style_of("dim")))
        return padded(pieces, width, style_of("fg"))


def _size(trade: TapeRow) -> float:
    return float(decimal_of(trade.size) or 0)
