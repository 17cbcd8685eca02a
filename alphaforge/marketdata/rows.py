"""Rows of a table into trades, quotes and bars: the inner loop of every CSV-like file.

A row that cannot be read raises `ValueError` or `IndexError`; `explain` then finds the column at
fault. Prices are not judged here: zero, negative and NaN prices pass, the engine counts them.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from alphaforge.marketdata.layout import BarColumns, Layout
from alphaforge.marketdata.report import BadRow
from alphaforge.marketdata.times import EXPECTED, TimeParser
from alphaforge.model.enums import OrderSide
from alphaforge.model.market import Bar, Quote, Trade

Item = Trade | Quote | Bar
Row = list[str]
RowReader = Callable[[Row], "list[Item] | tuple[Item, ...]"]

_BUY, _SELL = OrderSide.BUY, OrderSide.SELL
_SIDES: dict[str, OrderSide | None] = {
    "buy": _BUY, "b": _BUY, "bid": _BUY, "1": _BUY, "long": _BUY,
    "sell": _SELL, "s": _SELL, "ask": _SELL, "a": _SELL, "-1": _SELL, "short": _SELL,
    "": None, "unknown": None, "none": None, "nan": None, "0": None,
}  # fmt: skip
_MAKER_SIDES: dict[str, OrderSide | None] = {
    "true": _SELL, "1": _SELL, "t": _SELL, "false": _BUY, "0": _BUY, "f": _BUY, "": None,
}  # fmt: skip
_NUMBER = "a number"


def split_rows(lines: list[str], delimiter: str) -> Iterable[Row]:
    """Cells of each line; quoted cells only cost where there are some."""
    if any('"' in line for line in lines):
        nothing: Row = []
        return (next(csv.reader((line,), delimiter=delimiter), nothing) for line in lines)
    return (line.split(delimiter) for line in lines)


@dataclass(frozen=True)
class Spelling:
    """What rows are turned into beside their numbers.

    Attributes:
        names: The user's spelling of each of the file's own symbols.
        timeframe: Kind of the bars.
        timeframe_ns: Their length.
    """

    names: Mapping[str, str]
    timeframe: str = ""
    timeframe_ns: int = 0


def own_symbol(layout: Layout) -> Callable[[Row], str]:
    """The file's own name for a row's symbol."""
    column, fixed = layout.symbol, layout.own
    if column is None:
        return lambda _row: fixed

    def named(row: Row) -> str:
        own = row[column].strip()
        if not own:
            raise ValueError(own)
        return own

    return named


def price_reader(scale: int) -> Callable[[str], float]:
    """Reads a price cell, `1674200` as 167.42 where prices are multiplied by 10000."""
    if scale == 1:
        return float

    def scaled(text: str) -> float:
        try:
            return int(text) / scale
        except ValueError:
            return float(Decimal(repr(float(text))) / scale)

    return scaled


def row_reader(layout: Layout, spelling: Spelling) -> RowReader:
    """The function that turns a row into what it says."""
    makers = {"trades": _trade_reader, "quotes": _quote_reader}
    maker = makers.get(layout.kind)
    if maker is None:
        return _bar_reader(layout, spelling)
    return _carried_reader(layout, spelling) if layout.carries else maker(layout, spelling)


def _receipt(layout: Layout) -> Callable[[Row], int]:
    """The time of receipt; 0, which means the venue's time, where the file has none."""
    column = layout.local_time
    if column is None:
        return lambda _row: 0
    when: TimeParser = layout.when
    return lambda row: when(row[column])


def _side_reader(layout: Layout) -> Callable[[Row], OrderSide | None]:
    column, flag = layout.side, layout.side_is_maker_flag
    if column is None:
        return lambda _row: None
    known = _MAKER_SIDES if flag else _SIDES

    def side(row: Row) -> OrderSide | None:
        text = row[column].strip().lower()
        if text not in known:
            raise ValueError(text)
        return known[text]

    return side


def _trade_reader(layout: Layout, spelling: Spelling) -> RowReader:
    time, when, (price_at,), (size_at,) = layout.time, layout.when, layout.prices, layout.sizes
    own, price, local = own_symbol(layout), price_reader(layout.scale), _receipt(layout)
    side, id_at, names = _side_reader(layout), layout.trade_id, spelling.names

    def trade(row: Row) -> tuple[Trade]:
        number = "" if id_at is None else row[id_at].strip()
        return (
            Trade(
                names[own(row)],
                when(row[time]),
                price(row[price_at]),
                float(row[size_at]),
                side(row),
                number,
                local(row),
            ),
        )

    return trade


def _quote_reader(layout: Layout, spelling: Spelling) -> RowReader:
    time, when, (bid_at, ask_at) = layout.time, layout.when, layout.prices
    own, price, local = own_symbol(layout), price_reader(layout.scale), _receipt(layout)
    names, sizes = spelling.names, layout.sizes

    def quote(row: Row) -> tuple[Quote]:
        bid_size, ask_size = (float(row[at] or 0) for at in sizes) if sizes else (0.0, 0.0)
        return (
            Quote(
                names[own(row)],
                when(row[time]),
                price(row[bid_at]),
                price(row[ask_at]),
                bid_size,
                ask_size,
                local(row),
            ),
        )

    return quote


def _carried_reader(layout: Layout, spelling: Spelling) -> RowReader:
    """LEAN tick quotes: a side of 0 is the side as it was; nothing until both sides are known."""
    time, when, (bid_at, ask_at) = layout.time, layout.when, layout.prices
    price, (bid_size_at, ask_size_at) = price_reader(layout.scale), layout.sizes
    name = spelling.names[layout.own]
    bid = ask = (0.0, 0.0)

    def quote(row: Row) -> tuple[Quote] | tuple[()]:
        nonlocal bid, ask
        ts = when(row[time])
        bid_price, ask_price = price(row[bid_at] or "0"), price(row[ask_at] or "0")
        bid_size, ask_size = float(row[bid_size_at] or 0), float(row[ask_size_at] or 0)
        if bid_price:
            bid = (bid_price, bid_size)
        if ask_price:
            ask = (ask_price, ask_size)
        if not bid[0] or not ask[0]:
            return ()
        return (Quote(name, ts, bid[0], ask[0], bid[1], ask[1]),)

    return quote


def _bar_reader(layout: Layout, spelling: Spelling) -> RowReader:
    time, when, own = layout.time, layout.when, own_symbol(layout)
    read = _mid_prices if layout.kind == "quote-bars" else _prices
    price, names = price_reader(layout.scale), spelling.names
    kind, length = spelling.timeframe, spelling.timeframe_ns

    def bars(row: Row) -> list[Item]:
        ts_open = when(row[time])
        made: list[Item] = []
        for columns in layout.bars:
            if is_empty(row, columns):
                continue
            opened, high, low, close = read(row, columns, price)
            volume = float(row[columns.volume] or 0) if columns.volume is not None else 0.0
            name = names[columns.own or own(row)]
            ts = ts_open + length
            made.append(Bar(name, kind, ts, ts_open, opened, high, low, close, volume))
        return made

    return bars


def is_empty(row: Row, columns: BarColumns) -> bool:
    """Whether not one of a bar's price cells holds anything: the symbol was not listed yet."""
    return not any(row[at].strip() for at in columns.prices)


def _prices(
    row: Row, columns: BarColumns, price: Callable[[str], float]
) -> tuple[float, float, float, float]:
    opened, high, low, close = columns.prices
    return price(row[opened]), price(row[high]), price(row[low]), price(row[close])


def _mid_prices(
    row: Row, columns: BarColumns, price: Callable[[str], float]
) -> tuple[float, float, float, float]:
    """Halfway between the bid's and the ask's bar; where one side is missing, the other's."""
    mids: list[float] = []
    for bid_at, ask_at in zip(columns.prices[:4], columns.prices[4:], strict=True):
        bid, ask = row[bid_at] or row[ask_at], row[ask_at] or row[bid_at]
        mids.append((price(bid) + price(ask)) / 2)
    opened, high, low, close = mids
    return opened, high, low, close


def explain(layout: Layout, row: Row, line: int) -> BadRow:
    """Which column of a row cannot be read, what it holds and what was expected."""
    for column, expected, read in _checks(layout):
        if column >= len(row):
            what = f"the line has {len(row)} columns"
            return BadRow(line, layout.column_name(column), what, f"at least {column + 1}")
        try:
            read(row)
        except ValueError:
            what = f"{row[column][:40]!r} cannot be read"
            return BadRow(line, layout.column_name(column), what, expected)
    return BadRow(line, "", "the line cannot be read", f"the columns {', '.join(layout.names)}")


_Check = tuple[int, str, Callable[[Row], object]]


def _checks(layout: Layout) -> Iterator[_Check]:
    """Column, what it should hold and a reader that raises, for every column that is read."""
    when = layout.when
    for column in (layout.time, layout.local_time):
        if column is not None:
            yield column, EXPECTED, lambda row, at=column: when(row[at])
    if layout.symbol is not None:
        yield layout.symbol, "a symbol", own_symbol(layout)
    yield from _number_checks(layout)
    if layout.side is not None:
        expected = "true or false" if layout.side_is_maker_flag else "buy or sell"
        yield layout.side, expected, _side_reader(layout)
    if layout.trade_id is not None:
        yield layout.trade_id, "a text", lambda row, at=layout.trade_id: row[at]


def _number_checks(layout: Layout) -> Iterator[_Check]:
    price, blank = price_reader(layout.scale), blank_price(layout)
    for columns in layout.bars:
        for column in columns.prices:
            yield (
                column,
                _NUMBER,
                lambda row, at=column, bar=columns: is_empty(row, bar) or price(row[at] or blank),
            )
        if columns.volume is not None:
            yield columns.volume, _NUMBER, lambda row, at=columns.volume: float(row[at] or 0)
    for column in layout.prices:
        yield column, _NUMBER, lambda row, at=column: price(row[at] or blank)
    for column in layout.sizes:
        yield column, _NUMBER, lambda row, at=column: float(row[at] or blank)


def blank_price(layout: Layout) -> str:
    """What an empty price cell stands for: nothing readable, but 0 where a side may be missing."""
    return "0" if layout.carries or layout.kind == "quote-bars" else ""
