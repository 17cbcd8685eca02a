"""`alphaforge status`: how a running engine stands; once, watched in place, or line by line.

Must compute nothing: every figure is the engine's own.
"""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphaforge.cli.engine_choice import RunName, engine_of
from alphaforge.cli.invocation import invocation_of
from alphaforge.cli.printing import print_json
from alphaforge.cli.status_texts import Standing, frame_lines, plain_lines

if TYPE_CHECKING:
    from alphaforge.client.connection import Connection
    from alphaforge.client.records import EngineRecord

Watched = Annotated[bool, typer.Option("--watch", help="Redrawn twice a second until Ctrl-C.")]
Plain = Annotated[bool, typer.Option("--plain", help="One fact a line, for screen readers.")]

WATCH_SECONDS: Final = 0.5
PLAIN_SECONDS: Final = 5.0
"""Between two looks of `--watch --plain`: a voice needs time."""


def status(
    ctx: typer.Context, watch: Watched = False, plain: Plain = False, run: RunName = None
) -> None:
    """Show how a running engine stands.

    alphaforge status --watch
    """
    record = engine_of(ctx, run)
    if watch:
        _watch(record, is_read_aloud=plain or not sys.stdout.isatty())
        return
    found = asyncio.run(_once(record))
    if invocation_of(ctx).as_json:
        print_json(_content(record, found))
    elif plain or not sys.stdout.isatty():
        print("\n".join(plain_lines(found)))
    else:
        print("\n".join(frame_lines(found)))


def _content(record: "EngineRecord", found: Standing) -> dict[str, object]:
    from msgspec import to_builtins

    summary: dict[str, object] = to_builtins(found.summary)
    return {
        **summary,
        "pid": record.pid,
        "project": record.project,
        "log": record.log,
        "venues": [to_builtins(row) for row in found.venues],
        "positions": [to_builtins(row) for row in found.positions],
    }


def _watch(record: "EngineRecord", *, is_read_aloud: bool) -> None:
    """Until Ctrl-C, which leaves the last frame; raises `EngineLostError` when the engine goes."""
    try:
        asyncio.run(_read_aloud(record) if is_read_aloud else _redraw(record))
    except KeyboardInterrupt:
        return


async def _once(record: "EngineRecord") -> Standing:
    from alphaforge.client.connection import Connection

    async with Connection(record) as engine:
        return await _look(engine)


async def _look(engine: "Connection") -> Standing:
    from alphaforge.client.pages import whole
    from alphaforge.client.records import PositionRow, SummaryRow, VenueRow

    summary = await engine.get_as("/api/live/summary", SummaryRow)
    venues = await whole(engine, "/api/live/venues", VenueRow)
    return Standing(summary, venues, await whole(engine, "/api/live/positions", PositionRow))


async def _redraw(record: "EngineRecord") -> None:
    from alphaforge.client.connection import Connection

    drawn = 0
    async with Connection(record) as engine:
        while True:
            lines = frame_lines(await _look(engine))
            up = f"\x1b[{drawn}F" if drawn else ""
            # Written over and each rest of a line erased: a frame that is cleared first flickers.
            body = "".join(f"{line}\x1b[K\n" for line in lines)
            sys.stdout.write(f"{up}{body}\x1b[J")
            sys.stdout.flush()
            drawn = len(lines)
            await asyncio.sleep(WATCH_SECONDS)


async def _read_aloud(record: "EngineRecord") -> None:
    """All facts once, then those that changed."""
    from alphaforge.client.connection import Connection

    told: tuple[str, ...] = ()
    async with Connection(record) as engine:
        while True:
            lines = tuple(plain_lines(await _look(engine)))
            fresh = [line for line in lines if line not in told]
            if fresh:
                print("\n".join(fresh), flush=True)
            told = lines
            await asyncio.sleep(PLAIN_SECONDS)
