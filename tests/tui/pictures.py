"""Snapshots of screens as text: what was looked at once is held.

`ALPHAFORGE_SNAPSHOTS=write` writes them anew; look at the difference before keeping it.
"""

import difflib
import os
from pathlib import Path
from typing import Any

from rich.segment import Segment

FOLDER = Path(__file__).parent / "snapshots"


def text_of(app: Any) -> str:
    """The screen row by row, without colours."""
    rows = ("".join(segment.text for segment in strip).rstrip() for strip in strips_of(app))
    return "\n".join(rows) + "\n"


def styles_of(app: Any, rows: range) -> str:
    """The styles of some rows: each run of one style as `text|style`, one row per line."""
    strips = strips_of(app)
    lines = []
    for row in rows:
        runs = Segment.simplify(strips[row])
        lines.append("  ".join(f"{run.text.strip() or '·'}|{run.style}" for run in runs))
    return "\n".join(lines) + "\n"


def strips_of(app: Any) -> list[Any]:
    return list(app.screen._compositor.render_strips())


async def until_held(app: Any, pilot: Any, name: str) -> None:
    """Let it be drawn until it is as the snapshot says: a busy machine takes longer to lay out."""
    for _ in range(100):
        if _held(name) == text_of(app):
            return
        await pilot.pause(0.02)
        app.frame()
    check(name, text_of(app))


def _held(name: str) -> str:
    path = FOLDER / f"{name}.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def check(name: str, now: str) -> None:
    """Fail unless the snapshot says the same."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("ALPHAFORGE_SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
        return
    lines = difflib.unified_diff(_held(name).splitlines(), now.splitlines(), lineterm="")
    changed = "\n".join(lines)
    assert not changed, f"{path.name} differs; look, then ALPHAFORGE_SNAPSHOTS=write\n{changed}"
