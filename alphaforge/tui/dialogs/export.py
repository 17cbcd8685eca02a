"""Write rows of the run into a file: carried out by the command line's own `export`, as a child.

Must never read the database here: the app knows the engine only.
"""

import asyncio
import sys
from typing import ClassVar, Final

from alphaforge.tui.actions import Actions
from alphaforge.tui.dialogs.form import Choice, Form, Text
from alphaforge.tui.dialogs.sheet import Dialog, Row, tell, words, wrapped
from alphaforge.tui.text import safe_text

SHEETS: Final = ("fills", "orders", "equity", "positions")
_SECONDS: Final = 60.0


class Export(Dialog[None]):
    """What, and where to; `ctrl+s` writes."""

    WIDTH: ClassVar[int] = 64

    def __init__(self, app: Actions, what: str, file: str) -> None:
        super().__init__()
        self._record = app.view.record
        self._what = Choice("what", "what", SHEETS, SHEETS.index(what) if what in SHEETS else 0)
        self._file = Text("file", "file", file or f"{self._what.value}.csv", ".csv .json .jsonl")
        self._form = Form([self._what, self._file])
        self._message: tuple[str, bool] = ("", False)
        self._is_writing = False
        self.sheet.title = "EXPORT"
        self.sheet.hint = "^s write · tab next · esc cancel"

    def rows(self, width: int) -> list[Row]:
        """The two fields, and what became of it."""
        rows = [*self._form.rows(), [], [words(f"of run {self._record.run_id}", "dim")]]
        text, is_bad = self._message
        return rows + (wrapped(text, width, "error" if is_bad else "warn") if text else [])

    def typed(self, key: str, character: str | None) -> None:
        """Fill in, write."""
        if self._is_writing:
            return
        if key == "ctrl+s" and self._file.value.strip():
            self._is_writing = True
            self._message = ("writing …", False)
            self.run_worker(self._write())
            return
        before = self._what.value
        self._form.typed(key, character)
        if self._what.value != before and self._file.value == f"{before}.csv":
            self._file.set(f"{self._what.value}.csv")

    async def _write(self) -> None:
        file = self._file.value.strip()
        kind = file.rpartition(".")[2] if file.endswith((".json", ".jsonl")) else "csv"
        arguments = ["export", self._what.value, "--run", self._record.run_id]
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alphaforge", *arguments, "--format", kind, "-o", file),
            cwd=self._record.project or None,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_SECONDS):
                said, _ = await child.communicate()
        except TimeoutError:
            child.kill()
            await child.wait()
            said = b"it took too long and was stopped"
        self._is_writing = False
        if child.returncode:
            self._message = (safe_text(said.decode(errors="replace")), True)
            self.redraw()
        else:
            tell(self, f"written: {file}")
            self.dismiss(None)


def dialog(app: Actions, what: str = "fills", file: str = "") -> Export:
    """The question what and where to."""
    return Export(app, what, file)
