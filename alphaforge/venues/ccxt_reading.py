"""Turns what the streams bring into our values, as it arrives.

Prints that were told before, quotes that say nothing new and books that stand as they stood are
left out; nothing about orders is. Must never pass on what can not be read: that is a gap.
"""

from collections import deque

from msgspec.structs import replace

from alphaforge.model.market import BookSnapshot, Quote
from alphaforge.venues.ccxt_map import (
    MalformedError,
    Names,
    book_delta,
    book_snapshot,
    book_top,
    order_status,
    pushed_fill,
    quote,
    trade,
)
from alphaforge.venues.ccxt_outbox import Outbox
from alphaforge.venues.ccxt_tap import Kind
from alphaforge.venues.ccxt_time import VenueClock
from alphaforge.venues.ccxt_values import Raw, mapping, rows, text

BOOK_LEVELS = 100
"""Of each side; what lies deeper is not told."""

REMEMBERED = 2_000
"""Public prints of a symbol that are known when they are told again."""


class PublicReading:
    """Market data of one venue."""

    def __init__(self, names: Names, outbox: Outbox, clock: VenueClock) -> None:
        self._names = names
        self._outbox = outbox
        self._clock = clock
        self._printed: dict[str, _Recent] = {}
        self._tickers: dict[str, Raw] = {}
        self._quotes: dict[str, Quote] = {}
        self._books: dict[str, _Book] = {}
        self._quoted_by_book: set[str] = set()

    def want_book(self, symbol: str) -> None:
        """Tell the book of a symbol (ccxt's) from its next message on, beginning with all of it."""
        self._books.setdefault(symbol, _Book(self._outbox))

    def quote_by_book(self, symbol: str) -> None:
        """Where the venue streams no quotes: they are the top of the book."""
        self._quoted_by_book.add(symbol)

    def begin_again(self) -> None:
        """Something was lost: books are told whole again."""
        for book in self._books.values():
            book.forget()

    def take(self, kind: Kind, raw: Raw) -> None:
        """One message; raises `MalformedError` if it can not be read."""
        symbol = text(raw, "symbol")
        if not self._names.is_wanted(symbol):
            return
        if kind is Kind.ROW:
            self._take_print(symbol, raw)
        elif kind is Kind.TICKER:
            # Resolved under two names, the same message comes twice.
            if self._tickers.get(symbol) is not raw:
                self._tickers[symbol] = raw
                self._tell(quote(raw, self._names, self._clock.now()))
        else:
            self._take_book(symbol, raw)

    def _take_print(self, symbol: str, raw: Raw) -> None:
        read = trade(raw, self._names)
        recent = self._printed.setdefault(symbol, _Recent())
        if not read.trade_id or recent.is_new(read.trade_id):
            self._outbox.put(read)

    def _tell(self, read: Quote | None) -> None:
        if read is None:
            return
        before = self._quotes.get(read.symbol)
        if before is None or _terms(before) != _terms(read):
            self._quotes[read.symbol] = read
            self._outbox.put(read)

    def _take_book(self, symbol: str, raw: Raw) -> None:
        book = self._books.get(symbol)
        if book is None and symbol not in self._quoted_by_book:
            return
        top = {**raw, "bids": rows(raw["bids"], "bids")[:BOOK_LEVELS]}
        top["asks"] = rows(raw["asks"], "asks")[:BOOK_LEVELS]
        try:
            now = book_snapshot(top, self._names, symbol, self._clock.now())
        except MalformedError:
            if book is not None:
                book.forget()
            raise
        if book is not None:
            book.take(now)
        if symbol in self._quoted_by_book:
            self._tell(book_top(now))


def take_private(names: Names, outbox: Outbox, kind: Kind, raw: Raw) -> None:
    """A row about the account's orders or trades; anything else is not for us.

    Raises `MalformedError` if it can not be read, unless it is of a symbol nobody trades here.
    """
    if kind is not Kind.ROW:
        return
    given = mapping(raw, "message")
    try:
        if "takerOrMaker" in given and "order" in given:
            outbox.put(pushed_fill(given, names))
        elif "status" in given and "side" in given and "id" in given:
            outbox.put(order_status(given, names))
    except MalformedError:
        if not names.is_elsewhere(given.get("symbol")):
            raise


def _terms(read: Quote) -> tuple[float, float, float, float]:
    return read.bid, read.bid_size, read.ask, read.ask_size


class _Recent:
    """The latest ids of a symbol's prints."""

    __slots__ = ("_ids", "_order")

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._order: deque[str] = deque()

    def is_new(self, trade_id: str) -> bool:
        if trade_id in self._ids:
            return False
        self._ids.add(trade_id)
        self._order.append(trade_id)
        if len(self._order) > REMEMBERED:
            self._ids.discard(self._order.popleft())
        return True


class _Book:
    """One book: how it was last told, and how it stands."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._told: BookSnapshot | None = None
        self._now: BookSnapshot | None = None
        self._number = 0

    def forget(self) -> None:
        """Tell all of it next time."""
        self._told = None

    def take(self, now: BookSnapshot) -> None:
        """It stands so now; told at once, or when the reader has caught up."""
        self._now = now
        if not self._outbox.puts_off(now.symbol, self._tell):
            self._tell()

    def _tell(self) -> None:
        """Our own numbers: a window of the venue's book has no sequence of the venue's."""
        before, now = self._told, self._now
        if now is None:
            return
        if before is not None and (before.bids, before.asks) == (now.bids, now.asks):
            return
        self._number += 1
        told = replace(now, last_id=self._number, ts_local=0)
        self._outbox.put(told if before is None else book_delta(before, told))
        self._told = told
