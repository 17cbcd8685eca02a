"""Reads log files back: their last lines, and what is added while somebody looks on.

A line that is no `LogRow` (a crash cut it, a library wrote past us) is shown as it is, never
dropped. Must write nothing.
"""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from alphaforge.client.records import LogRow
from alphaforge.errors import NotFoundError
from alphaforge.services.clock import Clock
from alphaforge.services.logs import LEVELS

POLL_SECONDS: Final = 0.2
_CHUNK: Final = 1 << 16

_decoder = msgspec.json.Decoder(LogRow)


class Wanted(NamedTuple):
    """Which lines.

    Attributes:
        level: That, or a louder one.
        pattern: Searched for in the source and the message; None = any.
    """

    level: str = "DEBUG"
    pattern: re.Pattern[str] | None = None

    def takes(self, row: LogRow) -> bool:
        """Whether a line is one of them; a level nobody knows is shown."""
        if row.level in LEVELS and LEVELS.index(row.level) < LEVELS.index(self.level):
            return False
        return self.pattern is None or bool(self.pattern.search(f"{row.source} {row.message}"))


def read_log(path: Path) -> Iterator[LogRow]:
    """Every line of a log, the older files before it included; raises `NotFoundError`."""
    files = [*_older(path), path]
    found = [each for each in files if each.is_file()]
    if not found:
        raise NotFoundError(
            f"there is no log {path}", remedy="a run keeps one since it serves the control API"
        )
    for each in found:
        with each.open("rb") as lines:
            for line in lines:
                yield row_of(line)


async def follow_log(path: Path, clock: Clock) -> AsyncGenerator[LogRow]:
    """Lines added from now on, into the next file when this one is full; ends never."""
    never = asyncio.Event()
    lines = _open_at_end(path)
    rest, is_last = b"", False
    try:
        while True:
            chunk = lines.read(_CHUNK)
            rest += chunk
            whole, separator, rest = rest.rpartition(b"\n")
            for line in whole.split(b"\n") if separator else ():
                yield row_of(line)
            if chunk:
                continue
            if is_last:
                younger = _younger(path, lines.fileno())
                lines.close()
                lines, is_last = younger.open("rb"), False
            elif _was_replaced(path, lines.fileno()):
                is_last = True  # read once more: a line may have come before it was replaced
            else:
                await clock.wait(never, POLL_SECONDS)
    finally:
        lines.close()


def row_of(line: bytes) -> LogRow:
    """A line of the file; one that is none of ours is the message of a row numbered 0."""
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        text = line.decode("utf-8", "replace").rstrip("\n")
        return LogRow(number=0, ts="", level="", source="", message=text)


def _older(path: Path) -> list[Path]:
    """`.3`, `.2`, `.1`: the oldest first."""
    numbered = (each for each in path.parent.glob(f"{path.name}.*") if each.suffix[1:].isdigit())
    return sorted(numbered, key=lambda each: -int(each.suffix[1:]))


def _open_at_end(path: Path) -> BinaryIO:
    try:
        lines = path.open("rb")
    except FileNotFoundError:
        raise NotFoundError(f"there is no log {path}", remedy="see: alphaforge status") from None
    lines.seek(0, os.SEEK_END)
    return lines


def _was_replaced(path: Path, fd: int) -> bool:
    """Whether the path leads to another file now."""
    with suppress(FileNotFoundError):
        return path.stat().st_ino != os.fstat(fd).st_ino
    return False


def _younger(path: Path, fd: int) -> Path:
    """The file begun after the open one; the oldest there is if that one is gone."""
    files = [*_older(path), path]
    inodes = [each.stat().st_ino for each in files]
    here = os.fstat(fd).st_ino
    return files[inodes.index(here) + 1] if here in inodes[:-1] else files[0]
