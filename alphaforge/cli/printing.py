"""What commands print: one JSON object, a table, a line of talk.

stdout is data, stderr is talk. Must never compute: values come ready, money as Decimal.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from pathlib import Path

from alphaforge.cli.invocation import has_color
from alphaforge.model.numbers import plain


def print_json(content: Mapping[str, object], schema: int = 1) -> None:
    """Write one object on stdout, with its `schema` number first.

    Decimals become plain text (money, prices, quantities), paths and enums text, NaN null.
    """
    text = json.dumps(
        _jsonable({"schema": schema, **content}), indent=2, ensure_ascii=False, allow_nan=False
    )
    print(text)


def _jsonable(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value) if value.is_finite() else None
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124
    if isinstance(value, Enum):
        return _jsonable(value.value)
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any mapping
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any sequence
    return str(value) if isinstance(value, Path) else value


def cell(value: object) -> str:
    """A value in a table: plain decimals, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value) if value.is_finite() else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()
) -> None:
    """Write rows on stdout: a table on a terminal, tab-separated lines without a header elsewhere.

    `right` names the columns that are numbers.
    """
    texts = [[cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in texts:
            print("\t".join(text.replace("\t", " ").replace("\n", " ") for text in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in texts:
        table.add_row(*(Text(text) for text in row))
    Console(color_system="auto" if has_color(sys.stdout) else None, highlight=False).print(table)


def counted(count: int, noun: str) -> str:
    """`1 fill`, `1,234 fills`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def short_path(path: Path) -> str:
    """A path as one would type it from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def talk(text: str) -> None:
    """Write a line for the person, on stderr: never data."""
    print(text, file=sys.stderr, flush=True)
