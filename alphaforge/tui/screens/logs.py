"""The engine's log: follows by itself, pauses when one scrolls up, filters by level and pattern.

Must hold no figure.
"""

from collections.abc import Iterable
from typing import ClassVar

from alphaforge.tui.board import Board, Feeding
from alphaforge.tui.state import AppState
from alphaforge.tui.trade_panels import log_feeding
from alphaforge.tui.widgets.log_view import LogView


class LogsBoard(Board):
    """One panel."""

    name_of: ClassVar[str] = "logs"

    def __init__(self, state: AppState) -> None:
        self.log_view = LogView("LOG", id="log")
        super().__init__(state)

    def make(self) -> Iterable[Feeding]:
        """The log."""
        return (log_feeding(self.log_view, self.state),)

    def do_follow(self) -> None:
        """The newest line again."""
        self.log_view.follow()

    def do_level(self, level: str) -> None:
        """Only lines of this level and above."""
        self.log_view.set_level(level)

    def back(self) -> bool:
        """Take the filter away."""
        if super().back():
            return True
        self.log_view.filter("")
        return True
