"""Binance spot's market streams, one feed per subscribed name, and the frames they push.

A feed takes what the exchange tells and gives frames back, at once or at its beat; it knows
nothing of sockets. The diff feed misses no update id between two of its frames.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.candles import INTERVALS, DayStats
from alphaforge.sandbox.dialects.binance_answers import Shape
from alphaforge.sandbox.dialects.binance_market import aggregate, changes, levels
from alphaforge.sandbox.dialects.binance_words import Symbols, ms, number, wire_symbol
from alphaforge.sandbox.fault_terms import Stream
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.history import Candle
from alphaforge.sandbox.terms import BookChanged, Level, Listing, Print, Told, TopChanged

BEAT_S = 0.1
"""The shortest period of any stream; the others are multiples of it."""

_SECOND, _TWO_SECONDS = 10, 20
_SHORT_DEPTHS = (5, 10, 20)
_CLOSED_AT_ONCE = 100
_NO_TRADE = -1

Frame = Shape | list[Shape]


class Feed(Protocol):
    """One subscribed stream.

    Attributes:
        symbol: Unified; empty for a stream of all symbols.
        every: Beats between two looks.
    """

    stream: Stream
    symbol: str
    every: int

    def hear(self, told: Told) -> Frame | None:
        """What to push at once about what the exchange told; None for nothing."""
        ...

    def beat(self, now: int) -> Iterable[Frame]:
        """What to push at a beat."""
        ...


class _Instant:
    """A feed that pushes as it happens."""

    every = 1

    def beat(self, now: int) -> Iterable[Frame]:
        """Nothing waits for a beat."""
        del now
        return ()


class TradeFeed(_Instant):
    """`@trade`."""

    stream = Stream.TRADES

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def hear(self, told: Told) -> Frame | None:
        """See `Feed`."""
        if not isinstance(told, Print):
            return None
        return {
            **_head("trade", told.symbol, told.ts),
            "t": told.trade_id,
            "p": number(told.price),
            "q": number(told.quantity),
            "T": ms(told.ts),
            "m": told.side is OrderSide.SELL,
            "M": True,
        }


class AggregateFeed(_Instant):
    """`@aggTrade`."""

    stream = Stream.TRADES

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def hear(self, told: Told) -> Frame | None:
        """See `Feed`."""
        if not isinstance(told, Print):
            return None
        return {**_head("aggTrade", told.symbol, told.ts), **aggregate(told)}


class TopFeed(_Instant):
    """`@bookTicker`."""

    stream = Stream.TOP

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def hear(self, told: Told) -> Frame | None:
        """See `Feed`."""
        if not isinstance(told, TopChanged):
            return None
        return {"u": told.update_id, "s": wire_symbol(told.symbol), **_top(told.bid, told.ask)}


class DiffFeed:
    """`@depth`, `@depth@100ms`: every level that changed since the frame before, with its size."""

    stream = Stream.BOOK

    def __init__(self, symbol: str, every: int) -> None:
        self.symbol = symbol
        self.every = every
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}
        self._first = self._last = 0

    def hear(self, told: Told) -> Frame | None:
        """See `Feed`."""
        if isinstance(told, BookChanged):
            self._first = self._first or told.first_id
            self._last = told.last_id
            self._bids.update(told.bids)
            self._asks.update(told.asks)
        return None

    def beat(self, now: int) -> Iterable[Frame]:
        """See `Feed`."""
        if not self._first:
            return
        frame: Shape = {
            **_head("depthUpdate", self.symbol, now),
            "U": self._first,
            "u": self._last,
            "b": levels(sorted(self._bids.items(), reverse=True)),
            "a": levels(sorted(self._asks.items())),
        }
        self._bids, self._asks = {}, {}
        self._first = self._last = 0
        yield frame


class ShortDepthFeed:
    """`@depth5`, `@depth10`, `@depth20`: the best levels, whenever the book has changed."""

    stream = Stream.BOOK

    def __init__(self, floor: Floor, symbol: str, depth: int, every: int) -> None:
        self.symbol = symbol
        self.every = every
        self._floor = floor
        self._depth = depth
        self._pushed = _NO_TRADE

    def hear(self, told: Told) -> Frame | None:
        """See `Feed`."""
        del told

    def beat(self, now: int) -> Iterable[Frame]:
        """See `Feed`."""
        del now
        book = self._floor.exchange.depth(self.symbol, self._depth)
        if book.update_id == self._pushed:
            return
        self._pushed = book.update_id
        bids, asks = levels(book.bids), levels(book.asks)
        yield {"lastUpdateId": book.update_id, "bids": bids, "asks": asks}


class BarFeed:
    """`@kline_1m` and the like; a bar that is over is pushed once more, as closed."""

    stream = Stream.BARS

    def __init__(self, floor: Floor, symbol: str, interval: str) -> None:
        self.symbol = symbol
        self.every = _SECOND if interval == "1s" else _TWO_SECONDS
        self._floor = floor
        self._interval = interval
        self._pushed: Candle | None = None

    def hear(self, told: Told) -> Frame | None:
        """See `Feed`."""
        del told

    def beat(self, now: int) -> Iterable[Frame]:
        """See `Feed`."""
        candles, pushed = self._floor.candles, self._pushed
        running = candles.current(self.symbol, self._interval, now)
        if pushed is not None and running.ts_open > pushed.ts_open:
            until = running.ts_open - 1
            for over in candles.bars(
                self.symbol, self._interval, pushed.ts_open, until, _CLOSED_AT_ONCE
            ):
                yield self._frame(over, now, closed=True)
        if running != pushed:
            self._pushed = running
            yield self._frame(running, now, closed=False)

    def _frame(self, bar: Candle, now: int, *, closed: bool) -> Frame:
        prints = self._floor.exchange.prints(self.symbol)
        last = prints[-1].trade_id if prints and bar.count else _NO_TRADE
        return {
            **_head("kline", self.symbol, now),
            "k": {
                "t": ms(bar.ts_open),
                "T": ms(bar.ts_close) - 1,
                "s": wire_symbol(self.symbol),
                "i": self._interval,
                "f": last - bar.count + 1 if bar.count else _NO_TRADE,
                "L": last,
                "o": number(bar.open),
                "c": number(bar.close),
                "h": number(bar.high),
                "l": number(bar.low),
                "v": number(bar.volume),
                "n": bar.count,
                "x": closed,
                "q": number(bar.quote_volume),
                "V": number(None),
                "Q": number(None),
                "B": "0",
            },
        }


class DayFeed:
    """`@ticker` and `@miniTicker`, each second in which the day's numbers have changed."""

    stream = Stream.TICKER
    every = _SECOND

    def __init__(self, floor: Floor, symbol: str, kind: str) -> None:
        self.symbol = symbol
        self._floor = floor
        self._kind = kind
        self._pushed: object = None

    def hear(self, told: Told) -> Frame | None:
        """See `Feed`."""
        del told

    def beat(self, now: int) -> Iterable[Shape]:
        """See `Feed`."""
        stats = self._floor.candles.day(self.symbol, now)
        bid, ask = self._floor.exchange.top(self.symbol)
        is_full = self._kind == "ticker"
        seen = (stats.last, stats.count, stats.volume, (bid, ask) if is_full else None)
        if seen == self._pushed:
            return
        self._pushed = seen
        frame = _mini_day(self.symbol, stats, now)
        yield {**frame, **self._full(stats, bid, ask)} if is_full else frame

    def _full(self, stats: DayStats, bid: Level | None, ask: Level | None) -> Shape:
        change, percent, average = changes(stats)
        prints = self._floor.exchange.prints(self.symbol)
        last = prints[-1].trade_id if prints else _NO_TRADE
        return {
            "e": "24hrTicker",
            "p": change,
            "P": percent,
            "w": average,
            "x": number(stats.open),
            "Q": number(prints[-1].quantity if prints else None),
            **_top(bid, ask),
            "O": ms(stats.ts_open),
            "C": ms(stats.ts_close),
            "F": max(last - stats.count + 1, 1),
            "L": last,
            "n": stats.count,
        }


class AllDaysFeed:
    """`!ticker@arr` and `!miniTicker@arr`: those that have changed, in one frame."""

    stream = Stream.TICKER
    symbol = ""
    every = _SECOND

    def __init__(self, floor: Floor, symbols: Symbols, kind: str) -> None:
        self._feeds: dict[str, DayFeed] = {}
        self._floor = floor
        self._symbols = symbols
        self._kind = kind

    def hear(self, told: Told) -> Frame | None:
        """See `Feed`."""
        del told

    def beat(self, now: int) -> Iterable[Frame]:
        """See `Feed`."""
        for listing in self._symbols:
            if listing.symbol not in self._feeds:
                self._feeds[listing.symbol] = DayFeed(self._floor, listing.symbol, self._kind)
        changed = [frame for feed in self._feeds.values() for frame in feed.beat(now)]
        if changed:
            yield changed


def feed_of(name: str, floor: Floor, symbols: Symbols) -> Feed | None:
    """The feed of a stream name; None for one that nothing ever comes on."""
    subject, _, channel = name.partition("@")
    if subject in {"!ticker", "!miniTicker"} and channel == "arr":
        return AllDaysFeed(floor, symbols, subject[1:])
    listing = symbols.find(subject) if subject == subject.lower() else None
    if listing is None:
        return None
    kind, _, detail = channel.partition("@")
    return _feed(listing, kind, detail, floor)


def _feed(listing: Listing, kind: str, detail: str, floor: Floor) -> Feed | None:
    symbol = listing.symbol
    simple = _SIMPLE.get(kind)
    if simple is not None:
        return simple(symbol)
    if kind in {"ticker", "miniTicker"}:
        return DayFeed(floor, symbol, kind)
    if kind.startswith("kline_"):
        interval = kind.removeprefix("kline_")
        return BarFeed(floor, symbol, interval) if interval in INTERVALS else None
    every = {"100ms": 1, "1000ms": _SECOND, "": _SECOND}.get(detail)
    if every is None or not kind.startswith("depth"):
        return None
    depth = kind.removeprefix("depth")
    if not depth:
        return DiffFeed(symbol, every)
    is_known = depth in map(str, _SHORT_DEPTHS)
    return ShortDepthFeed(floor, symbol, int(depth), every) if is_known else None


_SIMPLE: Mapping[str, type[TradeFeed] | type[AggregateFeed] | type[TopFeed]] = {
    "trade": TradeFeed,
    "aggTrade": AggregateFeed,
    "bookTicker": TopFeed,
}


def _head(event: str, symbol: str, ts: int) -> Shape:
    return {"e": event, "E": ms(ts), "s": wire_symbol(symbol)}


def _top(bid: Level | None, ask: Level | None) -> Shape:
    return {
        "b": number(bid[0] if bid else None),
        "B": number(bid[1] if bid else None),
        "a": number(ask[0] if ask else None),
        "A": number(ask[1] if ask else None),
    }


def _mini_day(symbol: str, stats: DayStats, now: int) -> Shape:
    return {
        **_head("24hrMiniTicker", symbol, now),
        "c": number(stats.last),
        "o": number(stats.open),
        "h": number(stats.high),
        "l": number(stats.low),
        "v": number(stats.volume),
        "q": number(stats.quote_volume),
    }
