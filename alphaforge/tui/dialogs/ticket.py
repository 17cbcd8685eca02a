"""The order ticket: while it is filled in, the engine says what the order would do.

Nothing is sent but by `ctrl+s`; where money is real, a large or far order asks once more. The
client id is drawn when the ticket opens, so that sending again after a lost line never doubles an
order, and anew only once the gate has denied the one before. Must never show an order as sent
before the engine has answered.
"""

import asyncio
import secrets
from typing import ClassVar, Final

from alphaforge.client.requests import Accepted, PreviewRow
from alphaforge.errors import AlphaForgeError, RiskRefusedError
from alphaforge.tui.actions import Actions
from alphaforge.tui.dialogs.preview import preview_rows
from alphaforge.tui.dialogs.sheet import Dialog, Row, tell, words, wrapped
from alphaforge.tui.dialogs.ticket_form import TicketForm
from alphaforge.tui.link import Asker, problem_of
from alphaforge.tui.state import AppState
from alphaforge.tui.text import decimal_of

WHO: Final = "tui"
ASK_AFTER_SECONDS: Final = 0.12
"""The engine is asked when nobody has typed for so long."""

ASK_AGAIN_SECONDS: Final = 1.0
"""And again that often: the market moves."""

_FAR_BP: Final = 100.0
"""An order that takes at a price so far from the middle asks once more."""


class Ticket(Dialog[Accepted]):
    """A new order; closes with what the engine answered."""

    WIDTH: ClassVar[int] = 58

    def __init__(self, view: AppState, engine: Asker, symbol: str = "", side: str = "BUY") -> None:
        super().__init__()
        self.add_class("ticket")
        self._view = view
        self._engine = engine
        self.form = TicketForm(view, symbol or view.symbol, side)
        self._client_id = _new_client_id()
        self._preview: PreviewRow | None = None
        self._message: tuple[str, bool] = ("", False)
        self._is_sending = False
        self._asks_again = False
        self._due = asyncio.Event()

    def opened(self) -> None:
        """From now on the engine is asked what the order would do."""
        summary = self._view.summary
        venue = summary.venue if summary is not None else ""
        self.sheet.title = f"NEW ORDER  {self.form.symbol} · {venue}"
        self.sheet.hint = "^s send · ^t side · tab next · esc cancel"
        self._due.set()
        self.run_worker(self._keep_asking(), exclusive=True, group="preview")

    def rows(self, width: int) -> list[Row]:
        """Fields, what they would do, and what is to be said."""
        rows = [*self.form.rows(), []]
        missing = self.form.missing()
        if missing:
            rows.append([words(f"fill in: {missing}", "dim")])
        elif self._preview is None:
            rows.append([words("asking the engine …", "dim")])
        else:
            rows += preview_rows(self._preview, width)
        text, is_bad = self._message
        if text:
            rows += wrapped(text, width, "error" if is_bad else "warn")
        return rows

    def typed(self, key: str, character: str | None) -> None:
        """Fill in, turn, send."""
        if self._is_sending:
            return
        if self._asks_again:
            self._answered(key)
            return
        if key == "ctrl+s":
            self._send()
            return
        if key == "ctrl+t":
            self.form.turn()
        before = self.form.here
        self.form.typed(key, character)
        if self.form.here is not before:
            self.form.write_out()
        self._message = ("", False)
        self._preview = None
        self._due.set()

    # Asking -----------------------------------------------------------------------------------

    async def _keep_asking(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            await asyncio.sleep(ASK_AFTER_SECONDS)
            if self._due.is_set():
                continue
            await self._ask()
            self.redraw()
            try:
                async with asyncio.timeout(ASK_AGAIN_SECONDS):
                    await self._due.wait()
            except TimeoutError:
                self._due.set()

    async def _ask(self) -> None:
        if self.form.missing() or self._is_sending:
            return
        request = self.form.request("", WHO)
        if request.quantity.endswith("%"):
            return
        try:
            self._preview = await self._engine.post("/api/orders", request, PreviewRow, dry_run=1)
            if self._message[1]:
                self._message = ("", False)
        except AlphaForgeError as error:
            self._preview = None
            self._message = (problem_of(error), True)

    # Sending ----------------------------------------------------------------------------------

    def _send(self) -> None:
        self.form.write_out()
        if not self._view.can_trade:
            self._message = ("nothing can be sent now: read-only, or the engine is lost", True)
        elif self.form.missing():
            self._message = (f"fill in: {self.form.missing()}", True)
        elif self._preview is None:
            self._message = ("wait for the engine's word on it", False)
            self._due.set()
        elif self._needs_another_look(self._preview):
            self._asks_again = True
            self._message = ("y sends it, any other key does not", False)
        else:
            self._post()

    def _needs_another_look(self, found: PreviewRow) -> bool:
        """Where money is real: an order of a large value, or far through the market."""
        if self._view.mode != "live":
            return False
        value, most = decimal_of(found.value), decimal_of(self._view.options.confirm_over)
        is_far = found.slippage_bp is not None and found.slippage_bp > _FAR_BP
        return is_far or value is None or most is None or abs(value) > most

    def _answered(self, key: str) -> None:
        self._asks_again = False
        self._message = ("", False)
        if key == "y":
            self._post()

    def _post(self) -> None:
        self._is_sending = True
        self._message = ("SENDING …", False)
        self.run_worker(self._carry(), exclusive=True, group="send")

    async def _carry(self) -> None:
        request = self.form.request(self._client_id, WHO)
        try:
            answer = await self._engine.post("/api/orders", request, Accepted)
        except AlphaForgeError as error:
            self._is_sending = False
            self._message = (problem_of(error), True)
            if isinstance(error, RiskRefusedError):
                self._client_id = _new_client_id()
            self.redraw()
            return
        tell(self, answer.message)
        self.dismiss(answer)


def _new_client_id() -> str:
    return f"tui-{secrets.token_hex(8)}"


def dialog(app: Actions, symbol: str = "", side: str = "BUY") -> Ticket:
    """The ticket for a symbol (empty = the one shown)."""
    return Ticket(app.view, app.engine, symbol, side)
