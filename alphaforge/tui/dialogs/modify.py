"""New terms for a working order: quantity, limit, trigger. What stays as it is is not sent.

Must never show new terms as accepted before the engine has answered: the order is MODIFYING.
"""

from typing import ClassVar, Final

from alphaforge.client.records import OrderRow
from alphaforge.client.requests import Accepted, ModifyRequest
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.actions import Actions
from alphaforge.tui.dialogs.form import Form, Text
from alphaforge.tui.dialogs.sheet import Dialog, Row, tell, words, wrapped
from alphaforge.tui.link import Asker, problem_of
from alphaforge.tui.state import AppState
from alphaforge.tui.text import number
from alphaforge.tui.words import order_word

WHO: Final = "tui"


class Modify(Dialog[Accepted]):
    """Closes with what the engine answered."""

    WIDTH: ClassVar[int] = 58

    def __init__(self, view: AppState, engine: Asker, order_id: str) -> None:
        super().__init__()
        self.add_class("ticket")
        self._view = view
        self._engine = engine
        self._order_id = order_id
        self._message: tuple[str, bool] = ("", False)
        self._is_sending = False
        order = view.mirror.orders[order_id]
        fields = [Text("quantity", "quantity", order.quantity)]
        if order.limit is not None:
            fields.append(Text("limit", "limit", order.limit))
        if order.stop is not None:
            fields.append(Text("stop", "trigger", order.stop))
        self._texts = fields
        self._form = Form([*fields])
        self._before = {field.name: field.value for field in fields}

    @property
    def _order(self) -> OrderRow | None:
        return self._view.mirror.orders.get(self._order_id)

    def opened(self) -> None:
        """Say which order it is."""
        self.sheet.title = f"CHANGE {self._order_id}"
        self.sheet.hint = "^s send · tab next · esc cancel"

    def rows(self, width: int) -> list[Row]:
        """The order as it stands now, the fields, and what is to be said."""
        order = self._order
        rows: list[Row] = []
        if order is not None:
            word = order_word(order)
            rows.append(
                [words(f"{order.side} {order.symbol} {order.type}  "), words(word.text, word.tone)]
            )
            done = f"filled {number(order.filled)} of {number(order.quantity)}"
            rows.append([words(done, "dim")])
        rows += [[], *self._form.rows(), []]
        text, is_bad = self._message
        return rows + (wrapped(text, width, "error" if is_bad else "warn") if text else [])

    def typed(self, key: str, character: str | None) -> None:
        """Fill in, send."""
        if self._is_sending:
            return
        if key == "ctrl+s":
            self._send()
        elif self._form.typed(key, character):
            self._message = ("", False)

    def _send(self) -> None:
        changed = {
            field.name: field.value.strip().replace(",", "")
            for field in self._texts
            if field.value.strip() != self._before[field.name]
        }
        order = self._order
        if order is None or not order.is_open:
            self._message = ("the order works no longer", True)
        elif not self._view.can_trade:
            self._message = ("nothing can be sent now: read-only, or the engine is lost", True)
        elif not changed:
            self._message = ("nothing was changed", False)
        else:
            self._is_sending = True
            self._message = ("SENDING …", False)
            self.run_worker(self._carry(ModifyRequest(**changed, who=WHO)), exclusive=True)

    async def _carry(self, request: ModifyRequest) -> None:
        path = f"/api/orders/{self._order_id}/modify"
        try:
            answer = await self._engine.post(path, request, Accepted)
        except AlphaForgeError as error:
            self._is_sending = False
            self._message = (problem_of(error), True)
            self.redraw()
            return
        tell(self, answer.message)
        self.dismiss(answer)


def dialog(app: Actions, order_id: str) -> Modify:
    """New terms for that order."""
    return Modify(app.view, app.engine, order_id)
