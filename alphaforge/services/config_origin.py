"""Where each setting came from: which layer, which file, which line.

tomllib gives no positions, so the line of a key is found by reading the text once more, and only
when somebody asks. Must never decide what a value means.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeAlias

from alphaforge.services.values import as_table

KeyPath: TypeAlias = tuple[str, ...]
"""A key taken apart: `("instruments", "BTC/USDT", "kind")`."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Source(StrEnum):
    """The layers, weakest first."""

    DEFAULT = "default"
    USER_FILE = "user file"
    PROJECT_FILE = "project file"
    PROFILE = "profile"
    ENVIRONMENT = "environment"
    FLAG = "flag"


class Origin(NamedTuple):
    """Who said a value.

    Attributes:
        source: The layer.
        path: The file; None for what is no file.
        line: Counted from 1; None where there is none.
        name: The environment variable, the flag or the profile.
    """

    source: Source = Source.DEFAULT
    path: Path | None = None
    line: int | None = None
    name: str = ""

    def __str__(self) -> str:
        return self.told(str)

    def told(self, path_text: Callable[[Path], str]) -> str:
        """In words: `profile staging alphaforge.toml:12`, the path as `path_text` writes it."""
        place = path_text(self.path) if self.path is not None else ""
        place = f"{place}:{self.line}" if self.line is not None else place
        return " ".join(part for part in (self.source.value, self.name, place) if part)


def dotted(path: KeyPath) -> str:
    """`instruments."BTC/USDT".kind`: as it would be written in the file."""
    return ".".join(part if _BARE.fullmatch(part) else f'"{part}"' for part in path)


class TomlText:
    """One settings file: what it says and on which line."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.content = text

    def line_of(self, path: KeyPath) -> int | None:
        """The line of a key, else of the nearest table around it; None when nothing is there."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return None

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        found: dict[KeyPath, int] = {}
        table: KeyPath = ()
        for number, statement in _statements(self.content):
            is_header = statement.lstrip().startswith("[")
            content = tomllib.loads(statement)
            paths = list(_paths(content))
            if is_header:
                table = max(paths, key=len)
                paths, prefix = [table], ()
            else:
                prefix = table
            for path in paths:
                found.setdefault(prefix + path, number)
        return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header and assignment with its first line; values over several lines are joined."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        start = start if pending else number
        pending += line + "\n"
        if _is_complete(pending):
            yield start, pending
            pending = ""


def _is_complete(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _paths(content: Mapping[str, object]) -> Iterator[KeyPath]:
    """Every key of a parsed statement, tables before what they hold."""
    for name, value in content.items():
        yield (name,)
        yield from ((name, *rest) for rest in _paths(as_table(value) or {}))
