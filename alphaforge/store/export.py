"""Rows as text that other programs read: CSV, JSON and JSON lines, in chunks as they come.

The columns of fills, orders and equity are public and in this order. Times are ISO-8601 UTC with
nine decimals, money is plain decimals (strings in JSON). In CSV, text that came from outside and
could start a formula in a spreadsheet gets an apostrophe; numbers never do. The text depends on
the rows alone. Must open no file.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import msgspec

from alphaforge.model.numbers import plain

Format: TypeAlias = Literal["csv", "json", "jsonl"]

Cell: TypeAlias = str | int | None
"""A value as JSON shows it: money and times are text, counts are ints."""

_SPECIAL = re.compile('[",\r\n]')
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Column(msgspec.Struct, frozen=True):
    """One column.

    Attributes:
        name: Its heading.
        field: The row's attribute.
        show: The attribute as a cell.
        outside: The text may come from outside: it is guarded in CSV.
    """

    name: str
    field: str
    show: Callable[[Any], Cell]
    outside: bool = False


def iso_time(ts: int) -> str:
    """Nanoseconds UTC as `2026-11-20T09:15:00.123456789Z`."""
    seconds, nanoseconds = divmod(ts, 1_000_000_000)
    return f"{_iso_second(seconds)}.{nanoseconds:09d}Z"


@lru_cache(maxsize=1024)
def _iso_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _money(number: Decimal | None) -> Cell:
    return None if number is None else plain(number)


def _text(value: str) -> Cell:
    return str(value)


def _count(value: int) -> Cell:
    return value


def _columns(**kinds: str) -> tuple[Column, ...]:
    """Columns from `name="kind"` or `name="kind:field"`."""
    shows: dict[str, Callable[[Any], Cell]] = {
        "time": iso_time,
        "money": _money,
        "word": _text,
        "text": _text,
        "count": _count,
    }
    columns: list[Column] = []
    for name, spec in kinds.items():
        kind, _, field = spec.partition(":")
        columns.append(Column(name, field or name, shows[kind], outside=kind == "text"))
    return tuple(columns)


SHEETS: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {
        "fills": _columns(
            run_id="text",
            ts="time",
            venue="text",
            account="text",
            symbol="text",
            strategy="text",
            order_id="text",
            venue_order_id="text",
            trade_id="text",
            side="word",
            quantity="money",
            price="money",
            value="money",
            fee="money",
            fee_currency="text",
            liquidity="word",
            realized_pnl="money",
        ),
        "orders": _columns(
            run_id="text",
            ts="time",
            venue="text",
            account="text",
            symbol="text",
            strategy="text",
            order_id="text",
            client_order_id="text",
            venue_order_id="text",
            side="word",
            type="word:order_type",
            quantity="money",
            limit="money:limit_price",
            stop="money:trigger_price",
            tif="word",
            status="word",
            filled="money",
            average_price="money",
            reason="text",
        ),
        "equity": _columns(
            run_id="text",
            ts="time",
            equity="money",
            cash="money",
            unrealized_pnl="money",
        ),
        "positions": _columns(
            run_id="text",
            ts="time",
            venue="text",
            account="text",
            symbol="text",
            strategy="text",
            side="word",
            quantity="money",
            average_price="money",
            cost="money",
            realized_pnl="money",
            fees="money",
            funding="money",
            fills="count",
        ),
    }
)
"""What can be exported, by name: its columns in order."""


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


async def export(
    sheet: str, form: Format, chunks: AsyncIterator[Iterable[Any]]
) -> AsyncIterator[str]:
    """Rows of a sheet as chunks of text; with no rows, the header only (JSON: an empty list).

    CSV has a header and Unix line ends; JSON is one list of objects; JSON lines is one object a
    line. Raises `KeyError` for a sheet that is not in `SHEETS`.
    """
    columns = SHEETS[sheet]
    if form == "csv":
        yield csv_header(columns)
        async for rows in chunks:
            yield csv_lines(columns, rows)
    elif form == "jsonl":
        async for rows in chunks:
            yield "".join(f"{line}\n" for line in json_objects(columns, rows))
    else:
        separator = "[\n"
        async for rows in chunks:
            for line in json_objects(columns, rows):
                yield separator + line
                separator = ",\n"
        yield "[]\n" if separator == "[\n" else "\n]\n"


def csv_header(columns: Iterable[Column]) -> str:
    """The first line."""
    return ",".join(column.name for column in columns) + "\n"


def csv_lines(columns: tuple[Column, ...], rows: Iterable[Any]) -> str:
    """One line per row; a value that is not there is an empty cell."""
    return "".join(",".join([_csv_cell(column, row) for column in columns]) + "\n" for row in rows)


def _csv_cell(column: Column, row: object) -> str:
    value = column.show(getattr(row, column.field))
    if value is None:
        return ""
    text = guarded(str(value)) if column.outside else str(value)
    # The csv module leaves a lone carriage return bare when lines end in a line feed, and readers
    # then begin a new line there: with a formula, if the text goes on with one.
    if _SPECIAL.search(text):
        text = text.replace('"', '""')
        return f'"{text}"'
    return text


def json_objects(columns: tuple[Column, ...], rows: Iterable[Any]) -> Iterable[str]:
    """One JSON object per row; every key is there, null where there is no value."""
    for row in rows:
        cells = {column.name: column.show(getattr(row, column.field)) for column in columns}
        yield msgspec.json.encode(cells).decode()
