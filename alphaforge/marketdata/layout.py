"""Which column of a table means what: header words, wide multi-symbol headers, row kinds.

A layout is found once from the first lines; reading follows it blindly. Never guesses: a header
that is not understood is an error with the words that would have been.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from alphaforge.errors import DataError
from alphaforge.marketdata.times import TimeParser, parser_for, time_ns

RowKind = Literal["trades", "quotes", "bars", "quote-bars"]

TIME_WORDS = ("timestamp", "date", "datetime", "time", "ts", "open_time", "transact_time",
              "event_time", "transaction_time")  # fmt: skip
_LOCAL_WORDS = ("ts_local", "local_timestamp", "local_time")
_SYMBOL_WORDS = ("symbol", "ticker", "instrument", "pair", "market")
_PRICE_WORDS = ("price", "last", "p")
_SIZE_WORDS = ("size", "quantity", "qty", "amount", "volume", "q")
_SIDE_WORDS = ("side", "taker_side", "aggressor")
_MAKER_WORDS = ("is_buyer_maker", "isbuyermaker", "buyer_maker", "m")
_ID_WORDS = ("id", "trade_id", "tradeid", "agg_trade_id", "tid")
_BID_WORDS = ("bid", "bid_price", "best_bid", "best_bid_price")
_ASK_WORDS = ("ask", "ask_price", "best_ask", "best_ask_price")
_BID_SIZE_WORDS = ("bid_size", "bid_qty", "bid_quantity", "bid_amount", "best_bid_qty")
_ASK_SIZE_WORDS = ("ask_size", "ask_qty", "ask_quantity", "ask_amount", "best_ask_qty")
_BAR_WORDS = ("open", "high", "low", "close")
_VOLUME_WORDS = ("volume", "vol")
_KNOWN_WORDS = (
    *TIME_WORDS, *_PRICE_WORDS, *_SIZE_WORDS, *_BID_WORDS, *_ASK_WORDS, *_BAR_WORDS, *_SYMBOL_WORDS,
)  # fmt: skip
_WIDE = re.compile(r"(?P<own>.+?)[:._](?P<word>open|high|low|close|volume)", re.IGNORECASE)
_DELIMITERS = (",", "\t", ";")

EXPECTED_HEADER = (
    "a header with a time column (timestamp, date, datetime, time or ts) and "
    "open high low close volume, or price size [side] [id], or bid ask [bid_size ask_size]"
)


@dataclass(frozen=True)
class BarColumns:
    """Where one symbol's bar stands in a row; `volume` is None where there is none."""

    own: str
    prices: tuple[int, ...]
    volume: int | None = None


@dataclass(frozen=True)
class Layout:
    """How to read the rows of one file.

    Attributes:
        format: What the file is called in reports.
        kind: What a row is.
        names: The columns' names, for messages.
        time: Column of the time.
        when: Reads a cell of it.
        delimiter: One character.
        header_lines: Lines to pass over.
        local_time: Column of the time of receipt.
        symbol: Column of the symbol.
        own: The file's own symbol where no column tells; empty where it has none.
        bars: Where the bars stand: one entry per symbol.
        prices: Columns of price (trades), or of bid and ask (quotes).
        sizes: The same for sizes; shorter where there are none.
        side: Column of a trade's side.
        side_is_maker_flag: That column says whether the buyer was the maker.
        trade_id: Column of a trade's id.
        scale: What prices are multiplied by in the file (LEAN equities: 10000).
        carries: A price of 0 means unchanged (LEAN tick quotes).
        equity: Traded in whole shares.
        inverse: Sized in contracts, settled in the base currency.
        bar_ns: The bars' length where the file's name says it; else 0.
    """

    format: str
    kind: RowKind
    names: tuple[str, ...]
    time: int
    when: TimeParser = time_ns
    delimiter: str = ","
    header_lines: int = 0
    local_time: int | None = None
    symbol: int | None = None
    own: str = ""
    bars: tuple[BarColumns, ...] = ()
    prices: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    side: int | None = None
    side_is_maker_flag: bool = False
    trade_id: int | None = None
    scale: int = 1
    carries: bool = False
    equity: bool = False
    inverse: bool = False
    bar_ns: int = 0

    def column_name(self, index: int) -> str:
        """The column's name, or its number from 1."""
        return self.names[index] if index < len(self.names) else str(index + 1)


@dataclass
class _Header:
    """A header's words, lower case and joined, and which column has which."""

    path: Path
    line: str
    words: list[str]
    places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {}
        for place, word in enumerate(self.words):
            self.places.setdefault(word, place)

    def find(self, names: Sequence[str]) -> int | None:
        """The first of the names that is there."""
        words = map(_normal, names)
        return next((self.places[word] for word in words if word in self.places), None)

    def need(self, names: Sequence[str]) -> int:
        """The same; a `DataError` when none is there."""
        place = self.find(names)
        if place is None:
            raise DataError(
                f"the header has no such column: {self.line[:120]}",
                path=self.path,
                line=1,
                column=names[0],
                expected=f"a column named {' or '.join(names[:5])}",
            )
        return place


def delimiter_of(line: str) -> str:
    """The separator that a first line holds most of; a comma where it holds none."""
    return max(_DELIMITERS, key=line.count)


def cells_of(line: str, delimiter: str) -> list[str]:
    """A line's cells, bare of blanks and quotes (only for headers and samples)."""
    return [cell.strip().strip('"').strip() for cell in line.split(delimiter)]


def header_layout(path: Path, lines: list[str], kind: str | None) -> Layout | None:
    """The layout a header describes; None where the first line is no header.

    Args:
        path: For messages.
        lines: The first lines of the file.
        kind: `trades`, `quotes` or `bars` where the user said so; else the words decide.

    Raises:
        DataError: It is a header, but a column that its kind needs is missing.
    """
    delimiter = delimiter_of(lines[0])
    names = cells_of(lines[0], delimiter)
    if not _is_header(names):
        return None
    header = _Header(path, lines[0], [_normal(name) for name in names])
    if header.find(_KNOWN_WORDS) is None and not _wide_columns(names):
        return None
    time = _time_column(header)
    sample = cells_of(lines[1], delimiter) if len(lines) > 1 else []
    when = parser_for(sample[time]) if time < len(sample) else time_ns
    base = Layout(
        "csv",
        "bars",
        tuple(names),
        time,
        when,
        delimiter,
        header_lines=1,
        local_time=header.find(_LOCAL_WORDS),
        symbol=header.find(_SYMBOL_WORDS),
    )
    wide = _wide_columns(names)
    if wide:
        return replace(base, format="csv-bars", bars=wide, symbol=None)
    return _LAYOUTS[kind or _kind_of(header)](header, base)


def _is_header(names: list[str]) -> bool:
    """A header has words: not one cell is a number, and some cell has a letter."""
    return not any(_is_number(name) for name in names) and any(
        character.isalpha() for name in names for character in name
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _normal(name: str) -> str:
    """`Bid Size`, `bidSize` and `bid-size` are `bidsize`."""
    return re.sub(r"[\s_\-]+", "", name).lower()


def _time_column(header: _Header) -> int:
    place = header.find(TIME_WORDS)
    if place is None and header.words[0] in {"", "unnamed:0", "index"}:
        return 0
    return header.need(TIME_WORDS) if place is None else place


def _kind_of(header: _Header) -> str:
    words = header.places
    if "open" in words and "close" in words:
        return "bars"
    if header.find(_BID_WORDS) is not None and header.find(_ASK_WORDS) is not None:
        return "quotes"
    if header.find(_PRICE_WORDS) is not None:
        return "trades"
    raise DataError(
        f"the header is not understood: {header.line[:120]}",
        path=header.path,
        line=1,
        expected=EXPECTED_HEADER,
    )


def _bars(header: _Header, base: Layout) -> Layout:
    prices = tuple(header.need((word,)) for word in _BAR_WORDS)
    columns = BarColumns("", prices, header.find(_VOLUME_WORDS))
    return replace(base, format="csv-bars", kind="bars", bars=(columns,))


def _trades(header: _Header, base: Layout) -> Layout:
    maker = header.find(_MAKER_WORDS)
    return replace(
        base,
        format="csv-trades",
        kind="trades",
        prices=(header.need(_PRICE_WORDS),),
        sizes=(header.need(_SIZE_WORDS),),
        side=header.find(_SIDE_WORDS) if maker is None else maker,
        side_is_maker_flag=maker is not None,
        trade_id=header.find(_ID_WORDS),
        inverse=header.find(("base_qty",)) is not None,
    )


def _quotes(header: _Header, base: Layout) -> Layout:
    sizes = (header.find(_BID_SIZE_WORDS), header.find(_ASK_SIZE_WORDS))
    return replace(
        base,
        format="csv-quotes",
        kind="quotes",
        prices=(header.need(_BID_WORDS), header.need(_ASK_WORDS)),
        sizes=tuple(place for place in sizes if place is not None) if None not in sizes else (),
    )


_LAYOUTS = {"bars": _bars, "trades": _trades, "quotes": _quotes}


def _wide_columns(names: list[str]) -> tuple[BarColumns, ...]:
    """`BTC:open`, `BTC:high` … as one entry per symbol that has all four prices."""
    found: dict[str, dict[str, int]] = {}
    for place, name in enumerate(names):
        wide = _WIDE.fullmatch(name)
        if wide:
            found.setdefault(wide["own"], {})[wide["word"].lower()] = place
    return tuple(
        BarColumns(own, tuple(words[word] for word in _BAR_WORDS), words.get("volume"))
        for own, words in found.items()
        if all(word in words for word in _BAR_WORDS)
    )
