"""The screens of the app, by name; each is loaded when it is first shown.

Must hold no logic of its own.
"""

from importlib import import_module
from typing import Final

from alphaforge.tui.board import Board
from alphaforge.tui.state import AppState

_CLASSES: Final = {
    "dashboard": "Dashboard",
    "chart": "ChartBoard",
    "blotter": "Blotter",
    "strategies": "StrategiesBoard",
    "risk": "RiskBoard",
    "logs": "LogsBoard",
    "report": "ReportBoard",
}


def board_named(name: str, state: AppState) -> Board:
    """A new screen; an unknown name is the dashboard."""
    known = name if name in _CLASSES else "dashboard"
    module = import_module(f"alphaforge.tui.screens.{known}")
    made: Board = getattr(module, _CLASSES[known])(state)
    return made
