"""A dialog open over the app on a made-up engine, and what it shows as plain text."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from textual.pilot import Pilot

from alphaforge.client.connection import Parameter
from alphaforge.client.errors import EngineLostError
from alphaforge.client.requests import Accepted, CheckRow, KillRecord, PreviewRow
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.app import ForgeApp
from alphaforge.tui.dialogs.sheet import Dialog
from alphaforge.tui.options import AppOptions
from tests.tui.scene import ScriptedFeed

SIZE = (120, 40)


class AnsweringFeed(ScriptedFeed):
    """Answers by path and kind; an error that stands there is raised."""

    def __init__(self, mode: str = "paper") -> None:
        super().__init__(mode=mode)
        self.by_kind: dict[tuple[str, type], object] = {}

    async def post(
        self, path: str, body: msgspec.Struct | None, kind: type[Any], **params: Parameter
    ) -> Any:
        return self._told(path, body, kind)

    async def get_as(self, path: str, kind: type[Any], **params: Parameter) -> Any:
        return self._told(path, None, kind)

    async def patch(self, path: str, body: msgspec.Struct, kind: type[Any]) -> Any:
        return self._told(path, body, kind)

    def _told(self, path: str, body: msgspec.Struct | None, kind: type) -> object:
        if not self.state.is_live:
            raise EngineLostError("the engine is lost: nothing was sent")
        if kind is not PreviewRow:
            self.asked.append((path, body))
        answer = self.by_kind.get((path, kind))
        if isinstance(answer, AlphaForgeError):
            raise answer
        if answer is None:
            raise EngineLostError(f"the test has no answer for {path} {kind.__name__}")
        return answer


def preview(**changes: Any) -> PreviewRow:
    row = PreviewRow(
        symbol="BTC/USDT", venue="binance", side="BUY", type="LIMIT", quantity="0.25",
        limit="67250", stop=None, price="67250", worst_price=None, value="16812.5", fee="6.73",
        currency="USDT", slippage_bp=0.4, takes=True, book_covers="0.25", position_before="0.42",
        position_after="0.67", leverage_before=0.27, leverage_after=0.43,
        checks=(
            CheckRow(name="max_position_value", passed=True, used_before="28000",
                     used_after="44812", limit="60000", unit="USDT", message=""),
        ),
        verdict="ok", reasons=(),
    )  # fmt: skip
    return msgspec.structs.replace(row, **changes)


def killing(state: str = "running", **steps: str) -> KillRecord:
    names = ("strategies", "orders", "positions", "proof")
    return KillRecord(
        state=state, flatten=True, who="tui", reason="", started=None,
        steps={name: steps.get(name, "waiting") for name in names}, strategies_running=0,
        orders_open=0, orders_in_doubt=0, positions_open=0, problems=(),
    )  # fmt: skip


DONE = Accepted(message="o-000042 is SENDING")


@asynccontextmanager
async def opened(
    feed: AnsweringFeed, name: str, options: AppOptions | None = None, **context: Any
) -> AsyncGenerator[tuple[Pilot[Any], Any]]:
    """The dialog of that name, its guard already over."""
    app = ForgeApp(feed, options or AppOptions(), environ={"LANG": "C.UTF-8"})
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.open_dialog(name, **context)
        await pilot.pause()
        dialog = app.screen
        assert isinstance(dialog, Dialog)
        dialog._opened -= 1.0
        yield pilot, dialog


def text_of(dialog: Any) -> str:
    """Every row of its sheet."""
    sheet = dialog.sheet
    return "\n".join(sheet.render_line(y).text for y in range(len(sheet._rows) + 2))


async def settled(pilot: Pilot[Any]) -> None:
    """Until what was sent has been answered."""
    for _ in range(500):
        await pilot.pause(0.01)
        waiting = [each for each in pilot.app.workers if not each.is_finished]
        if all(each.name == "link" or each.group == "preview" for each in waiting):
            await pilot.pause()
            return
    raise AssertionError(f"no end of {waiting}")
