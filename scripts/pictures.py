"""Paints each screen of the app, on the engine that runs here, into `docs/pictures`.

    alphaforge run ... --detach          # a market with some minutes behind it, a backtest before
    python scripts/pictures.py [FOLDER]  # needs Pillow and a monospace font

The app is the real one without a terminal: it follows the engine over its socket, takes the same
keys, and is looked at once it shows a market. Must change nothing in the engine: it reads only,
and asks a dry run of an order that is never sent.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image
from textual.pilot import Pilot

from alphaforge.client import engines
from alphaforge.client.records import EngineRecord
from alphaforge.tui.app import ForgeApp
from alphaforge.tui.link import Link
from alphaforge.tui.options import SCREENS, AppOptions
from tests.tools.painter import CELL, picture

ENVIRON: Final = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
SIZES: Final = ((80, 24), (120, 40), (200, 60))
WIDE: Final = 150
SMALL_CELL: Final = (7, 14)
"""Of the largest size: a picture for a page, not for a wall."""

COLORS: Final = 64
KMEANS: Final = 2
"""Without it large dark areas take on the tint of their neighbours."""

PATIENCE_S: Final = 60.0
_COVERING: Final = Image.Quantize.MAXCOVERAGE
SETTLE_FRAMES: Final = 12
"""Frames between the last key and the picture: what was asked has been answered and drawn."""


WAIT: Final = "wait"
"""Among keys: let some frames pass, since a dialog drops the keys of its first moment."""

WAITING: Final = (WAIT,) * 8


class Scene(NamedTuple):
    """One picture.

    Attributes:
        keys: Pressed before it is taken.
        options: Of the app, where not its own.
    """

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    options: AppOptions = AppOptions()


def scenes() -> list[Scene]:
    """Every screen at every size, the dialogs that matter, and the other themes."""
    screens = [
        Scene(f"{name}-{width}x{height}", (width, height), ("j", "j", str(number), *WAITING))
        for number, name in enumerate(SCREENS, 1)
        for width, height in SIZES
    ]
    ticket = ("b", *WAITING, *"0.02", *WAITING)
    return [
        *screens,
        Scene("ticket", (120, 40), ticket),
        Scene("light", (120, 40), (), AppOptions(theme="forge-light")),
        Scene("colour-blind", (120, 40), (), AppOptions(theme="forge-cb")),
    ]


async def paint(record: EngineRecord, scene: Scene, folder: Path) -> None:
    """Start the app, let it come to rest, and write what it shows."""
    link = Link(record)
    app = ForgeApp(link, scene.options, ENVIRON)
    async with app.run_test(size=scene.size) as pilot:
        async with asyncio.timeout(PATIENCE_S):
            while not (link.mirror.is_whole and link.mirror.bars):
                await pilot.pause(0.05)
        for key in scene.keys:
            await _press(pilot, key)
        start = app.meter.frames
        while app.meter.frames < start + SETTLE_FRAMES:
            await pilot.pause(0.05)
        cell = SMALL_CELL if scene.size[0] > WIDE else CELL
        image = picture(app, cell)
        few = image.quantize(COLORS, _COVERING, KMEANS, dither=Image.Dither.NONE)
        few.save(folder / f"{scene.name}.png", optimize=True)
        app.exit()


async def _press(pilot: Pilot[object], key: str) -> None:
    """One key, or `WAIT`."""
    if key == WAIT:
        await pilot.pause(0.05)
    else:
        await pilot.press(key)


def main() -> None:
    """All of them, or those named after the folder."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    record = engines.choose(engines.running(os.environ), None, None)
    wanted = sys.argv[2:]
    for scene in scenes():
        if not wanted or scene.name in wanted:
            asyncio.run(paint(record, scene, folder))
            size = (folder / f"{scene.name}.png").stat().st_size
            print(f"{scene.name}: {size / 1_000:.0f} kB")


if __name__ == "__main__":
    main()
