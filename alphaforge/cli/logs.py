"""`alphaforge logs`: the log of a running engine, or of a run that is over.

Must write nothing but lines of the log, without anything in them that a terminal would act on.
"""

import asyncio
import re
import sys
from collections import deque
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphaforge.cli.engine_choice import AnyRun, engine_or_none
from alphaforge.cli.invocation import configuration_of, has_color, invocation_of
from alphaforge.errors import UsageError

if TYPE_CHECKING:
    from alphaforge.client.records import LogRow
    from alphaforge.services.log_reading import Wanted

Follow = Annotated[bool, typer.Option("--follow", "-f", help="And what comes, until Ctrl-C.")]
Level = Annotated[str, typer.Option("--level", metavar="L", help="That one, or louder.")]
Grep = Annotated[str | None, typer.Option("--grep", metavar="REGEX", help="Ignoring case.")]
Lines = Annotated[int, typer.Option("--lines", "-n", metavar="N", min=0, help="The last N.")]

_COLOURS: Final = {"ERROR": 31, "WARNING": 33, "DEBUG": 2}
_UNSEEN = re.compile(
    r"[^\S \n]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]"
)


def logs(
    ctx: typer.Context,
    follow: Follow = False,
    level: Level = "DEBUG",
    grep: Grep = None,
    lines: Lines = 100,
    run: AnyRun = None,
) -> None:
    """Show the log of a run.

    alphaforge logs -f --level warning
    """
    wanted = _wanted(level, grep)
    path = _path(ctx, run)
    as_json = invocation_of(ctx).as_json
    try:
        _show(path, wanted, lines, as_json=as_json)
        if follow:
            asyncio.run(_follow(path, wanted, as_json=as_json))
    except KeyboardInterrupt:
        return


def _wanted(level: str, grep: str | None) -> "Wanted":
    from alphaforge.services.log_reading import Wanted
    from alphaforge.services.logs import LEVELS

    if level.upper() not in LEVELS:
        raise UsageError(f"there is no level {level}", remedy=f"--level {'|'.join(LEVELS).lower()}")
    try:
        pattern = None if grep is None else re.compile(grep, re.IGNORECASE)
    except re.error as error:
        raise UsageError(f"--grep: {error}", remedy="a regular expression as in Python") from None
    return Wanted(level.upper(), pattern)


def _path(ctx: typer.Context, run: str | None) -> Path:
    """The log a running engine names, else where the run's would be."""
    from alphaforge.errors import NotFoundError
    from alphaforge.services.logs import log_path

    record = engine_or_none(ctx, run)
    if record is None:
        return log_path(configuration_of(ctx).directory, run or "")
    if not record.log:
        raise NotFoundError(
            f"the engine of run {record.run_id} writes no log", remedy="see: alphaforge alerts list"
        )
    return Path(record.log)


def _show(path: Path, wanted: "Wanted", count: int, *, as_json: bool) -> None:
    from alphaforge.services.log_reading import read_log

    for row in deque((row for row in read_log(path) if wanted.takes(row)), maxlen=count):
        _print(row, as_json=as_json)


async def _follow(path: Path, wanted: "Wanted", *, as_json: bool) -> None:
    from alphaforge.services.clock import SystemClock
    from alphaforge.services.log_reading import follow_log

    async with aclosing(follow_log(path, SystemClock())) as rows:
        async for row in rows:
            if wanted.takes(row):
                _print(row, as_json=as_json)
                sys.stdout.flush()


def _print(row: "LogRow", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.encode(row).decode())
        return
    level = row.level
    if level in _COLOURS and has_color(sys.stdout):
        level = f"\x1b[{_COLOURS[row.level]}m{row.level:<7}\x1b[0m"
    message = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", row.message).replace("\n", "\n    ")
    source = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", row.source)
    print(f"{row.ts[:23].replace('T', ' ')} {level:<7} {source}: {message}")
