"""What widgets say to the app: that an action of the key table was chosen by the mouse.

Must never carry out anything.
"""

from typing import cast

from textual.app import App
from textual.dom import DOMNode
from textual.message import Message


class ActionChosen(Message):
    """A person clicked on what a key does.

    Attributes:
        action: As in the key table: `name` or `name:argument`.
    """

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action = action


def app_of(node: DOMNode) -> App[object]:
    """The app a widget belongs to, typed."""
    return cast(
        "App[object]",
        node.app,  # pyright: ignore[reportUnknownMemberType] - Textual leaves its parameter open
    )
