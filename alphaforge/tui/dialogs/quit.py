"""Leaving an app whose engine was started for it: detach, or stop the engine, too.

The harmless choice stands: detaching leaves everything as it is.
"""

from typing import ClassVar

from alphaforge.tui import orders_desk
from alphaforge.tui.actions import Actions
from alphaforge.tui.dialogs.sheet import Dialog, Row, tell, words


class Quit(Dialog[None]):
    """d detaches, s stops the engine and leaves."""

    WIDTH: ClassVar[int] = 62

    def __init__(self, app: Actions) -> None:
        super().__init__()
        self._actions = app
        self._engine = app.engine
        self._is_stopping = False
        self.sheet.title = "LEAVE"
        self.sheet.hint = "esc stays here"

    def rows(self, width: int) -> list[Row]:
        """The two ways, and what each means."""
        del width
        if self._is_stopping:
            return [[], [words("stopping the engine …", "warn")], []]
        orders = sum(each.is_open for each in self._actions.view.mirror.orders.values())
        return [
            [],
            [words("[ d ]", "accent", bold=True), words(" detach", bold=True)],
            [words("      the engine goes on; come back: alphaforge attach", "dim")],
            [],
            [words("  s  ", "accent", bold=True), words(" stop the engine, then leave", bold=True)],
            [words(f"      strategies end, {orders} working orders stay at the venue", "dim")],
            [],
        ]

    def typed(self, key: str, character: str | None) -> None:
        """Only d and s do anything."""
        del character
        if key == "d":
            self._actions.exit(0)
        elif key == "s" and not self._is_stopping:
            self._is_stopping = True
            self.run_worker(self._stop())

    async def _stop(self) -> None:
        outcome = await orders_desk.stop_engine(self._engine)
        if outcome.failed and not outcome.is_known:
            self._actions.exit(0, message="the engine was asked to stop and has gone")
        elif outcome.failed:
            self._is_stopping = False
            tell(self, outcome, failed=True)
            self.redraw()
        else:
            self._actions.exit(0, message=str(outcome))


def dialog(app: Actions) -> Quit:
    """The question."""
    return Quit(app)
