"""The kill switch: what it will do, a typed word, then a checklist that ends in proof.

Once it is confirmed the engine carries it out by itself: closing this dialog, or the app, changes
nothing. Must never say that anything is done before the engine has proved it.
"""

from typing import ClassVar, Final

from alphaforge.client.requests import KillRecord, KillRequest
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.actions import Actions
from alphaforge.tui.asks import app_of
from alphaforge.tui.dialogs.form import Text
from alphaforge.tui.dialogs.sheet import Dialog, Row, tell, words, wrapped
from alphaforge.tui.link import Asker, problem_of
from alphaforge.tui.state import AppState
from alphaforge.tui.theme import Tone

WORD: Final = "KILL"
WHO: Final = "tui"
ASK_SECONDS: Final = 0.25

_STEPS: Final = {
    "strategies": "strategies stopped",
    "orders": "orders canceled",
    "positions": "positions closed",
    "proof": "proved at the venue",
}
_MARKS: Final[dict[str, tuple[str, Tone]]] = {
    "waiting": ("·", "dim"),
    "running": ("…", "accent"),
    "done": ("●", "info"),
    "failed": ("×", "error"),
}


class Kill(Dialog[None]):
    """Asks, then follows."""

    WIDTH: ClassVar[int] = 60

    def __init__(self, view: AppState, engine: Asker) -> None:
        super().__init__()
        self.add_class("danger")
        self._view = view
        self._engine = engine
        self._word = Text("word", "")
        self._flatten = True
        self._record: KillRecord | None = None
        self._message = ""
        self._is_asked = False
        self.sheet.title = "■ KILL SWITCH"
        self.sheet.tone, self.sheet.is_heavy = "error", True

    def opened(self) -> None:
        """One that is under way is followed at once."""
        if any(isinstance(screen, Kill) for screen in app_of(self).screen_stack[:-1]):
            self.dismiss(None)
            return
        summary = self._view.summary
        if summary is not None and summary.killed:
            self._is_asked = True
        self.set_interval(ASK_SECONDS, self._follow)

    def rows(self, width: int) -> list[Row]:
        """Before the word: what will be done. After it: how far it is."""
        self.sheet.hint = "esc closes, the kill goes on" if self._is_asked else "esc = do nothing"
        rows = self._progress(width) if self._is_asked else self._question()
        if self._message:
            rows += wrapped(self._message, width, "error")
        return rows

    def _question(self) -> list[Row]:
        mirror, summary = self._view.mirror, self._view.summary
        running = sum(each.state == "RUNNING" for each in mirror.strategies.values())
        orders = sum(each.is_open for each in mirror.orders.values())
        where = f"{summary.venue} ({summary.mode.upper()})" if summary is not None else "the engine"
        closing = (
            f"close {len(mirror.positions)} positions at market"
            if self._flatten
            else (f"leave {len(mirror.positions)} positions open")
        )
        tone: Tone = "accent" if self._flatten else "dim"
        return [
            [words("This will, on "), words(where, bold=True), words(":")],
            [],
            [words(f" 1. stop {running} running strategies")],
            [words(f" 2. cancel {orders} open orders")],
            [words(" 3. "), words(closing, tone)],
            [words("    space turns step 3 on and off", "dim")],
            [],
            [words("New orders stay blocked until you re-arm: :arm", "dim")],
            [],
            [words("type KILL and press enter  ", "dim"), *self._word.pieces(is_here=True)],
        ]

    def _progress(self, width: int) -> list[Row]:
        record = self._record
        if record is None or record.state == "none":
            return [[words("asking the engine …", "dim")]]
        counts = {
            "strategies": f"{record.strategies_running} running",
            "orders": f"{record.orders_open} open, {record.orders_in_doubt} in doubt",
            "positions": f"{record.positions_open} open",
        }
        rows: list[Row] = []
        for name, state in record.steps.items():
            mark, tone = _MARKS.get(state, ("?", "warn"))
            text = _STEPS.get(name, name)
            rows.append([words(f" {mark} ", tone, bold=True), words(f"{text:<24}")])
            rows[-1].append(words(counts.get(name, state), "dim"))
        rows.append([])
        if record.state == "done":
            rows.append(
                [words("done and proved. :arm lets orders through again", "info", bold=True)]
            )
        for problem in record.problems:
            rows += wrapped(problem, width, "warn")
        return rows

    def typed(self, key: str, character: str | None) -> None:
        """The word, then enter."""
        if self._is_asked:
            if key in {"q", "enter"} and self._record is not None and self._record.state == "done":
                self.dismiss(None)
        elif key == "space":
            self._flatten = not self._flatten
        elif key != "enter":
            self._word.typed(key, character)
        elif self._word.value.strip() == WORD:
            self._is_asked = True
            self.run_worker(self._kill(), group="kill")

    async def _kill(self) -> None:
        body = KillRequest(flatten=self._flatten, reason="asked in the app", who=WHO)
        try:
            self._record = await self._engine.post("/api/kill", body, KillRecord)
            self._message = ""
        except AlphaForgeError as error:
            self._message = problem_of(error)
            self._is_asked = False
        self.redraw()

    def _follow(self) -> None:
        if self._is_asked and self._view.status.is_live:
            self.run_worker(self._look(), exclusive=True, group="look")
        elif not self._is_asked:
            self.redraw()

    async def _look(self) -> None:
        try:
            record = await self._engine.get_as("/api/kill", KillRecord)
        except AlphaForgeError as error:
            self._message = problem_of(error)
        else:
            was_done = self._record is not None and self._record.state == "done"
            self._record, self._message = record, ""
            if record.state == "done" and not was_done:
                tell(self, "killed: every step is proved")
        self.redraw()


def dialog(app: Actions) -> Kill:
    """The kill switch."""
    return Kill(app.view, app.engine)
