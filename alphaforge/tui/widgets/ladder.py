"""The order book of a symbol on a fixed price axis, with our own orders beside it.

The axis does not move under the finger: it is centred anew only on request and when the market
leaves its middle third. Must never show a level that is older than the one that replaced it: each
book replaces the last whole.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from rich.style import Style
from textual import events
from textual.message import Message

from alphaforge.client.market_records import BookRow
from alphaforge.tui.text import decimal_of, fit, number
from alphaforge.tui.theme import Ground, Look, Tone
from alphaforge.tui.widgets.panel import Line, Panel, centered, padded
from alphaforge.tui.widgets.scale import nice_step

_THIRD: Final = 3
_MIN_WIDTH_FOR_TOTAL: Final = 30
_MIN_WIDTH_FOR_OWN: Final = 22
_MIN_WIDTH_FOR_WORD: Final = 36
_FINER, _COARSER = 0.45, 1.9
_OWN_WIDTH: Final = 7


@dataclass(frozen=True, kw_only=True)
class OwnOrder:
    """A working order of ours: its side, limit or trigger, and what is left of it."""

    is_buy: bool
    price: float
    leaves: str


@dataclass(frozen=True)
class Book:
    """A book as numbers, best first."""

    bids: tuple[tuple[float, float], ...] = ()
    asks: tuple[tuple[float, float], ...] = ()

    @property
    def middle(self) -> float | None:
        """Between the best prices; of one side if the other is empty."""
        best = [side[0][0] for side in (self.bids, self.asks) if side]
        return sum(best) / len(best) if best else None

    @property
    def spread(self) -> float | None:
        """Best ask less best bid."""
        return self.asks[0][0] - self.bids[0][0] if self.bids and self.asks else None


def book_of(row: BookRow) -> Book:
    """The numbers of a row; a level that is none is left out."""
    return Book(_levels(row.bids), _levels(row.asks))


def _levels(levels: Sequence[tuple[str, str]]) -> tuple[tuple[float, float], ...]:
    found: list[tuple[float, float]] = []
    for price, size in levels:
        first, second = decimal_of(price), decimal_of(size)
        if first is not None and second is not None:
            found.append((float(first), float(second)))
    return tuple(found)


class Ladder(Panel):
    """A panel with the book of one symbol.

    Attributes:
        step: Between rows of the axis; a multiple of the tick, chosen so that the book fits.
    """

    class PriceChosen(Message):
        """A click on a price, or enter: an order ticket may want it."""

        def __init__(self, ladder: "Ladder", price: float) -> None:
            super().__init__()
            self.ladder, self.price = ladder, price

    def __init__(
        self,
        title: str = "DEPTH",
        *,
        id: str | None = None,  # noqa: A002 — Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self.step = 0.0
        self._tick = 0.01
        self._price_decimals = 2
        self._size_decimals = 3
        self._book: Book | None = None
        self._own: tuple[OwnOrder, ...] = ()
        self._last: tuple[float, int] | None = None
        self._center = 0
        self._is_own_step = False

    def set_symbol(self, price_decimals: int, size_decimals: int) -> None:
        """Begin with another symbol: nothing is known of it yet."""
        self._price_decimals, self._size_decimals = price_decimals, size_decimals
        self._tick = 10.0**-price_decimals
        self._book, self._last, self._own = None, None, ()
        self.step, self._is_own_step = 0.0, False
        self.redraw()

    def set_book(self, row: BookRow) -> None:
        """Show this book."""
        self._book = book_of(row)
        if not self.step or self._left_middle():
            self.recenter()
        else:
            self.redraw()

    def set_last(self, price: float, direction: int) -> None:
        """Mark the last trade's price, with where it went: 1, -1 or 0."""
        self._last = (price, direction)
        self.redraw()

    def set_own(self, orders: Sequence[OwnOrder]) -> None:
        """Mark our working orders."""
        self._own = tuple(orders)
        self.redraw()

    def recenter(self) -> None:
        """Put the market into the middle; the step fits the book unless the user chose one."""
        middle = None if self._book is None else self._book.middle
        if middle is not None and math.isfinite(middle):
            if not self._is_own_step:
                self.step = self._fitting_step()
            self._center = round(middle / self.step)
        self.redraw()

    def zoom(self, steps: int) -> None:
        """Finer (positive) or coarser rows, a ladder of 1, 2, 5; never finer than the tick."""
        if not self.step:
            return
        rough = self.step * (_FINER if steps > 0 else _COARSER)
        self.step = max(self._tick, nice_step(rough, 1))
        self._is_own_step = True
        self.recenter()

    def move(self, rows: int) -> None:
        """Look at higher (negative) or lower prices."""
        self._center -= rows
        self.redraw()

    def _fitting_step(self) -> float:
        book = self._book or Book()
        rows = max(2, self.body_size[1])
        prices = [price for side in (book.bids, book.asks) for price, _ in side]
        reach = max(prices) - min(prices) if prices else 0.0
        return max(self._tick, nice_step(reach, rows))

    def _left_middle(self) -> bool:
        """Whether the market is outside the middle third of the axis."""
        middle = None if self._book is None else self._book.middle
        if middle is None:
            return False
        return abs(middle / self.step - self._center) > self.body_size[1] / (2 * _THIRD)

    def forget(self) -> None:
        """A new size needs another axis."""
        if not self._is_own_step:
            self.step = 0.0

    def body(self, width: int, height: int) -> list[Line]:
        """Prices from above, each with what is offered or wanted there."""
        book = self._book
        if book is None or not (book.bids or book.asks):
            reason = "· · ·" if book is None else "the book is empty"
            return centered(reason, width, height, self.look)
        if not self.step:
            self.step = self._fitting_step()
            self._center = round((book.middle or 0.0) / self.step)
        top = self._center + height // 2
        levels = levels_by_row(book, self.step)
        frame = self._frame(width)
        return [self._row(frame, top - row, levels.get(top - row)) for row in range(height)]

    def _compose_lines(self, width: int, height: int) -> list[Line]:
        spread = None if self._book is None else self._book.spread
        if self._book is not None and spread is not None and self._book.middle:
            share = _basis_points(spread, self._book.middle)
            text = f"{number(spread, self._price_decimals)} · {share}"
            self.corner = f"spread {text}" if width >= _MIN_WIDTH_FOR_WORD else text
        return super()._compose_lines(width, height)

    def _frame(self, width: int) -> "_Frame":
        """What all rows have in common."""
        edge = number((abs(self._center) + 1) * self.step, self._price_decimals)
        price = min(width, len(edge) + 2)
        own = _OWN_WIDTH if width >= _MIN_WIDTH_FOR_OWN else 0
        columns = 2 if width >= _MIN_WIDTH_FOR_TOTAL else 1
        return _Frame(self.look, width, price, (width - price - 2 - own) // columns, columns, own)

    def _row(self, frame: "_Frame", place: int, level: "Level | None") -> Line:
        tone: Tone = "dim" if level is None else "up" if level.is_bid else "down"
        at_last, arrow = self._last_at(place)
        exact = self._last[0] if at_last and self._last is not None else place * self.step
        price = fit(number(exact, self._price_decimals), frame.price, "right")
        own = self._own_at(place) if frame.own else ""
        style_of = frame.look.palette.style
        if level is None:
            texts = (price, arrow, " " * (frame.size * frame.columns), f" {own}")
        else:
            sizes = (level.size, level.total)[: frame.columns]
            shown = [number(size, self._size_decimals) for size in sizes]
            text = "".join(fit(size, frame.size, "right") for size in shown)
            texts = (price, arrow, text, f" {own}")
        tones: tuple[tuple[Tone, bool], ...] = (
            (tone, at_last),
            (tone, True),
            (tone, False),
            ("accent", True),
        )
        if level is None or not frame.look.palette.has_tints:
            pairs = zip(texts, tones, strict=True)
            pieces = [(text, style_of(tone, bold=bold)) for text, (tone, bold) in pairs]
            return padded(pieces, frame.width, style_of("fg"))
        return _tinted(frame, texts, tones, level)

    def _last_at(self, place: int) -> tuple[bool, str]:
        if self._last is None or round(self._last[0] / self.step) != place:
            return False, "  "
        return True, {1: " ▲", -1: " ▼"}.get(self._last[1], " ·")

    def _own_at(self, place: int) -> str:
        found = [order for order in self._own if round(order.price / self.step) == place]
        if not found:
            return ""
        text = f"◆{number(found[0].leaves)}" if len(found) == 1 else f"◆×{len(found)}"
        return fit(text, _OWN_WIDTH - 1)

    def on_click(self, event: events.Click) -> None:
        """A price was chosen."""
        if self.step and event.y >= self.HEADER:
            top = self._center + self.body_size[1] // 2
            self.post_message(self.PriceChosen(self, (top - (event.y - self.HEADER)) * self.step))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the axis."""
        event.stop()
        self.move(-1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the axis."""
        event.stop()
        self.move(1)


def _basis_points(spread: float, middle: float) -> str:
    """A spread in basis points of the price, finer while it is small."""
    share = spread / middle * 10_000
    return f"{number(share, 2 if share < 1 else 1)}bp"


class _Frame(NamedTuple):
    """Widths of a row: of all, of the price, of a size, how many sizes, and of our own orders."""

    look: Look
    width: int
    price: int
    size: int
    columns: int
    own: int


def _tinted(
    frame: _Frame, texts: Sequence[str], tones: Sequence[tuple[Tone, bool]], level: "Level"
) -> Line:
    """The texts of a level with its share of the depth as a tint from the right behind them."""
    style_of = frame.look.palette.style
    ground: Ground = "bar_up" if level.is_bid else "bar_down"
    start = frame.width - round(level.share * frame.width)
    pieces: list[tuple[str, Style]] = []
    at = 0
    for text, (tone, bold) in zip(texts, tones, strict=True):
        end = at + len(text)
        if at < start:
            pieces.append((text[: start - at], style_of(tone, bold=bold)))
        if end > start:
            pieces.append((text[max(0, start - at) :], style_of(tone, ground, bold=bold)))
        at = end
    if at < start:
        pieces.append((" " * (start - at), style_of("fg")))
        at = start
    return padded(pieces, frame.width, style_of("fg", ground))


@dataclass
class Level:
    """One row of the axis: what stands there, and all that stands from the market to there."""

    is_bid: bool
    size: float = 0.0
    total: float = 0.0
    share: float = 0.0


def levels_by_row(book: Book, step: float) -> dict[int, Level]:
    """Levels by the number of their row; bids are rounded down and asks up, never inwards."""
    rows: dict[int, Level] = {}
    totals: list[float] = []
    for side, is_bid in ((book.bids, True), (book.asks, False)):
        total = 0.0
        for price, size in side:
            exact = price / step
            place = math.floor(exact + 1e-6) if is_bid else math.ceil(exact - 1e-6)
            level = rows.get(place)
            if level is None or level.is_bid != is_bid:
                level = rows[place] = Level(is_bid)
            total += size
            level.size += size
            level.total = total
        totals.append(total)
    most = max(totals) or 1.0
    for level in rows.values():
        level.share = max(0.0, min(1.0, level.total / most))
    return rows
