"""A strategy's parameters: edit, see what changes, send; the strategy starts anew with them.

Must never send a value that was not changed.
"""

from typing import ClassVar

from alphaforge.tui.actions import Actions
from alphaforge.tui.dialogs.carrying import patch
from alphaforge.tui.dialogs.form import Form, Text
from alphaforge.tui.dialogs.sheet import Dialog, Row, tell, words, wrapped


class Parameters(Dialog[None]):
    """`ctrl+s` asks once, `y` sends."""

    WIDTH: ClassVar[int] = 60

    def __init__(self, app: Actions, strategy: str) -> None:
        super().__init__()
        self.add_class("ticket")
        self._actions = app
        self._engine = app.engine
        self._strategy = strategy
        row = app.view.strategy(strategy)
        self._before = dict(row.parameters) if row is not None else {}
        self._texts = [Text(name, name, value) for name, value in self._before.items()]
        self._form = Form([*self._texts])
        self._message: tuple[str, bool] = ("", False)
        self._asks = self._is_sending = False
        self.sheet.title = f"PARAMETERS {strategy}"
        self.sheet.hint = "^s send · tab next · esc cancel"

    def rows(self, width: int) -> list[Row]:
        """The fields; what would change."""
        if not self._texts:
            return [[words("this strategy has no parameters", "dim")]]
        rows = [*self._form.rows(), []]
        for name, value in self._changed().items():
            rows.append([words(f"{name}: {self._before[name]} → ", "dim"), words(value, bold=True)])
        if self._asks:
            rows.append([words("it stops, cancels its orders and starts anew: y sends", "warn")])
        text, is_bad = self._message
        return rows + (wrapped(text, width, "error" if is_bad else "warn") if text else [])

    def _changed(self) -> dict[str, str]:
        values = {text.name: text.value.strip() for text in self._texts}
        return {name: value for name, value in values.items() if value != self._before[name]}

    def typed(self, key: str, character: str | None) -> None:
        """Edit, ask, send."""
        if self._is_sending or not self._texts:
            return
        if self._asks:
            self._asks = False
            if key == "y":
                self._is_sending = True
                self._message = ("SENDING …", False)
                self.run_worker(self._send())
        elif key != "ctrl+s":
            if self._form.typed(key, character):
                self._message = ("", False)
        elif not self._actions.view.can_trade:
            self._message = ("nothing can be changed now: read-only, or the engine is lost", True)
        elif self._changed():
            self._asks = True
        else:
            self._message = ("nothing was changed", False)

    async def _send(self) -> None:
        outcome = await patch(self._engine, self._strategy, self._changed())
        self._is_sending = False
        if outcome.failed:
            self._message = (str(outcome), True)
            self.redraw()
        else:
            tell(self, outcome)
            self.dismiss(None)


def dialog(app: Actions, strategy: str) -> Parameters:
    """That strategy's parameters."""
    return Parameters(app, strategy)
