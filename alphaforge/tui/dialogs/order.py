"""One order's whole life: every decision, message, fill and doubt, with times and latencies.

The same as `alphaforge why ORDER`. Must never explain anything by itself: the engine does.
"""

from typing import ClassVar, Final

from alphaforge.client.requests import LifeLine, WhyRecord
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.actions import Actions
from alphaforge.tui.asks import app_of
from alphaforge.tui.dialogs.sheet import Dialog, Row, words, wrapped
from alphaforge.tui.link import Asker, problem_of
from alphaforge.tui.state import AppState
from alphaforge.tui.text import clock, number, signed
from alphaforge.tui.theme import Tone
from alphaforge.tui.words import order_word

_TONES: Final[dict[str, Tone]] = {
    "fill": "accent",
    "doubt": "warn",
    "operator": "info",
    "venue": "info",
}
_TIME_CELLS: Final = 21


class OrderLife(Dialog[None]):
    """Scrolls; asks the engine again while the order works."""

    WIDTH: ClassVar[int] = 92

    def __init__(self, view: AppState, engine: Asker, order_id: str) -> None:
        super().__init__()
        self._view = view
        self._engine = engine
        self._order_id = order_id
        self._found: WhyRecord | None = None
        self._problem = ""
        self._top = 0

    def opened(self) -> None:
        """Ask for it, and again every second while it works."""
        self.sheet.title = f"ORDER {self._order_id}"
        self.sheet.hint = "j k scroll · esc close"
        self.run_worker(self._ask(), exclusive=True)
        self.set_interval(1.0, self._ask_again)

    def rows(self, width: int) -> list[Row]:
        """The order, its life, its effect; from the row that was scrolled to."""
        if self._problem:
            return wrapped(self._problem, width, "error")
        if self._found is None:
            return [[words("asking the engine …", "dim")]]
        room = max(app_of(self).size.height - 4, 3)
        rows = self._all(self._found, width)
        self._top = max(0, min(self._top, len(rows) - room))
        return rows[self._top : self._top + room]

    def _all(self, found: WhyRecord, width: int) -> list[Row]:
        order = found.order
        word = order_word(order)
        head = f"{order.side} {number(order.quantity)} {order.symbol} {order.type}"
        price = f" at {number(order.limit)}" if order.limit is not None else ""
        rows = [
            [words(head + price, bold=True), words("  "), words(word.text, word.tone, bold=True)]
        ]
        rows.append([words(f"{order.strategy} on {order.venue}", "dim")])
        ids = (("client id", order.client_order_id), ("venue id", order.venue_order_id))
        rows += [[words(f"{name:<10}", "dim"), words(text)] for name, text in ids if text]
        rows += [*wrapped(found.summary, width), []]
        for line in found.lines:
            rows += _line(line, width)
        rows.append([])
        filled = f"filled {number(order.filled)} of {number(order.quantity)}"
        average = f" at {number(order.average_price)}" if order.average_price is not None else ""
        rows.append(
            [
                words(filled + average),
                words("  realized ", "dim"),
                words(signed(found.realized_pnl)),
            ]
        )
        return rows

    def typed(self, key: str, character: str | None) -> None:
        """Scroll; q closes."""
        del character
        steps = {"j": 1, "down": 1, "k": -1, "up": -1, "pagedown": 10, "pageup": -10}
        if key in {"q", "enter"}:
            self.dismiss(None)
        elif key in {"home", "g"}:
            self._top = 0
        elif key in {"end", "G", "upper_g"}:
            self._top = 1_000_000
        else:
            self._top = max(0, self._top + steps.get(key, 0))

    def _ask_again(self) -> None:
        row = self._view.mirror.orders.get(self._order_id)
        if row is not None and row.is_open and self._view.status.is_live:
            self.run_worker(self._ask(), exclusive=True)

    async def _ask(self) -> None:
        try:
            self._found = await self._engine.get_as(f"/api/orders/{self._order_id}/why", WhyRecord)
            self._problem = ""
        except AlphaForgeError as error:
            self._problem = problem_of(error)
        self.redraw()


def _line(line: LifeLine, width: int) -> list[Row]:
    """When, how long after the first line, what."""
    when = f"{clock(line.ts)} {_after(line.after_ms):>10}  "
    rows = wrapped(line.text, width - _TIME_CELLS, _TONES.get(line.what, "fg"))
    for number_of, row in enumerate(rows):
        row.insert(0, words(when.ljust(_TIME_CELLS) if not number_of else " " * _TIME_CELLS, "dim"))
    return rows


def _after(milliseconds: float) -> str:
    if milliseconds < 1_000:  # noqa: PLR2004 - a second
        return f"+{milliseconds:.1f}ms"
    return f"+{milliseconds / 1_000:.1f}s"


def dialog(app: Actions, order_id: str) -> OrderLife:
    """That order's life."""
    return OrderLife(app.view, app.engine, order_id)
