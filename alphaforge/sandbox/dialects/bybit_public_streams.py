"""Bybit's public streams of one category: trades, books, tickers, bars.

What the exchange tells is collected and sent in beats: trades and books every 20 ms, tickers and
bars every 100 ms, as the venue paces them; nothing is sent while nothing happens, but the end of a
bar. Must never hold back a trade or merge two of them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from alphaforge.model.numbers import plain
from alphaforge.sandbox.dialects.bybit_books import DEPTHS, BookView
from alphaforge.sandbox.dialects.bybit_errors import BybitError
from alphaforge.sandbox.dialects.bybit_names import (
    SIDES,
    execution_text,
    find_listing,
    market_id,
    milliseconds,
)
from alphaforge.sandbox.dialects.bybit_tickers import interval_of, pushed_bar, ticker
from alphaforge.sandbox.faults import Stream
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.sockets import Socket
from alphaforge.sandbox.terms import BookChanged, Listing, Print, Told

Json = dict[str, object]

_FAST_S, _SLOW_S = 0.02, 0.1
_MOST_TRADES = 1024
"""In one frame."""


class _Beat:
    """Calls something a moment after it was asked to, once for however many askings."""

    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self._seconds = seconds
        self._act = act
        self._waiting: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.call_later(self._seconds, self._go)

    def stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _go(self) -> None:
        self._waiting = None
        self._act()


@dataclass
class _Topic:
    """What one topic sends, and to whom.

    Attributes:
        told: The last frame's data, of tickers and bars: nothing is sent twice.
    """

    kind: str
    listing: Listing
    detail: str = ""
    view: BookView | None = None
    told: Json = field(default_factory=dict[str, object])
    bar_open: int = 0
    watchers: set[Socket] = field(default_factory=set[Socket])


class PublicStreams:
    """The topics of one category and who watches them."""

    def __init__(self, floor: Floor, category: str) -> None:
        self._floor = floor
        self._category = category
        self._topics: dict[str, _Topic] = {}
        self._trades: dict[str, list[Print]] = defaultdict(list)
        self._changed: set[str] = set()
        self._fast = _Beat(_FAST_S, self._send_fast)
        self._slow = _Beat(_SLOW_S, self._send_slow)

    def hear(self, told: Told) -> None:
        """Collect what the exchange tells."""
        if not self._topics:
            return
        if isinstance(told, Print):
            if any(each.kind == "publicTrade" for each in self._of(told.symbol)):
                self._trades[told.symbol].append(told)
                self._fast.ask()
        elif isinstance(told, BookChanged) and self._of(told.symbol):
            self._changed.add(told.symbol)
            self._fast.ask()

    def _of(self, symbol: str) -> list[_Topic]:
        return [each for each in self._topics.values() if each.listing.symbol == symbol]

    # Who watches ------------------------------------------------------------------------------

    def check(self, topic: str) -> None:
        """Raises 10001 for a topic there is none of."""
        self._make(topic)

    def subscribe(self, socket: Socket, topic: str) -> None:
        """From here on; books and tickers begin with where they stand. Twice is once."""
        now = self._floor.clock()
        found = self._topics.get(topic)
        if found is None:
            found = self._topics[topic] = self._make(topic)
        if socket in found.watchers:
            return
        if found.view is not None:
            self._begin_book(socket, found, now)
        elif found.kind == "tickers":
            found.told = ticker(self._floor, found.listing, now)
            self._push(socket, Stream.TICKER, found, _frame(topic, found.told, "snapshot", now))
        found.watchers.add(socket)
        self._slow.ask()

    def _begin_book(self, socket: Socket, topic: _Topic, now: int) -> None:
        view = topic.view
        if view is None:
            return
        if topic.watchers:
            self._send_books(topic, view, now)
        else:
            view.refresh(self._floor.exchange)
        self._push(socket, _stream_of(topic), topic, view.snapshot(now))

    def unsubscribe(self, socket: Socket, topic: str) -> None:
        """No more; nothing if it was not watched."""
        found = self._topics.get(topic)
        if found is not None:
            found.watchers.discard(socket)
            if not found.watchers:
                del self._topics[topic]

    def forget(self, socket: Socket) -> None:
        """The socket is gone."""
        for topic in list(self._topics):
            self.unsubscribe(socket, topic)

    def close(self) -> None:
        """Send nothing any more."""
        self._topics.clear()
        self._fast.stop()
        self._slow.stop()

    def _make(self, topic: str) -> _Topic:
        kind, _, rest = topic.partition(".")
        detail, _, market = rest.rpartition(".")
        listing = find_listing(self._floor.exchange.listings, self._category, market)
        if kind == "orderbook" and detail in DEPTHS:
            return _Topic(kind, listing, detail, BookView(listing, int(detail)))
        if kind == "kline" and interval_of(detail):
            return _Topic(kind, listing, detail)
        if kind in {"publicTrade", "tickers"} and not detail:
            return _Topic(kind, listing)
        raise BybitError(10404, f"error:handler not found,topic:{topic}")

    # Sending ----------------------------------------------------------------------------------

    def _send_fast(self) -> None:
        now = self._floor.clock()
        trades, self._trades = self._trades, defaultdict(list)
        changed, self._changed = self._changed, set()
        for symbol, prints in trades.items():
            self._send_trades(symbol, prints, now)
        for topic in list(self._topics.values()):
            if topic.view is not None and topic.listing.symbol in changed:
                self._send_books(topic, topic.view, now)

    def _send_trades(self, symbol: str, prints: list[Print], now: int) -> None:
        for name, topic in list(self._topics.items()):
            if topic.kind != "publicTrade" or topic.listing.symbol != symbol:
                continue
            for start in range(0, len(prints), _MOST_TRADES):
                rows = [self._trade(each) for each in prints[start : start + _MOST_TRADES]]
                self._send(topic, Stream.TRADES, _frame(name, rows, "snapshot", now))

    def _trade(self, told: Print) -> Json:
        listings = self._floor.exchange.listings
        return {
            "T": milliseconds(told.ts),
            "s": market_id(listings[told.symbol]),
            "S": SIDES[told.side],
            "v": plain(told.quantity),
            "p": plain(told.price),
            "L": "ZeroPlusTick",
            "i": execution_text(listings, told.symbol, told.trade_id),
            "BT": False,
            "RPI": False,
            "seq": told.trade_id,
        }

    def _send_books(self, topic: _Topic, view: BookView, now: int) -> None:
        frame = view.change(self._floor.exchange, now)
        if frame is not None:
            self._send(topic, _stream_of(topic), frame)

    def _send_slow(self) -> None:
        now = self._floor.clock()
        for name, topic in list(self._topics.items()):
            if topic.kind == "tickers":
                self._send_ticker(name, topic, now)
            elif topic.kind == "kline":
                self._send_bars(name, topic, now)
        if any(each.kind in {"tickers", "kline"} for each in self._topics.values()):
            self._slow.ask()

    def _send_ticker(self, name: str, topic: _Topic, now: int) -> None:
        """Spot sends the whole ticker each time, contracts what changed of it."""
        told = ticker(self._floor, topic.listing, now)
        if self._category != "spot":
            told.pop("nextFundingTime")
        changed = {key: value for key, value in told.items() if topic.told.get(key) != value}
        if not changed:
            return
        topic.told = topic.told | told
        if self._category == "spot":
            frame = _frame(name, told, "snapshot", now)
        else:
            market = market_id(topic.listing)
            frame = _frame(name, {"symbol": market, **changed}, "delta", now)
        self._send(topic, Stream.TICKER, frame)

    def _send_bars(self, name: str, topic: _Topic, now: int) -> None:
        interval = interval_of(topic.detail)
        symbol = topic.listing.symbol
        bars = self._floor.candles.bars(symbol, interval, None, now, 2)
        for bar in bars:
            if bar.ts_open < topic.bar_open or (not topic.bar_open and bar is not bars[-1]):
                continue
            row = pushed_bar(bar, topic.detail, now)
            news = {key: value for key, value in row.items() if key != "timestamp"}
            if news == topic.told:
                continue
            topic.told, topic.bar_open = news, bar.ts_open
            self._send(topic, Stream.BARS, _frame(name, [row], "snapshot", now))

    def _send(self, topic: _Topic, stream: Stream, frame: Json) -> None:
        text = msgspec.json.encode(frame).decode()
        for socket in list(topic.watchers):
            socket.push(stream, text, topic.listing.symbol)

    def _push(self, socket: Socket, stream: Stream, topic: _Topic, frame: Json) -> None:
        socket.push(stream, msgspec.json.encode(frame).decode(), topic.listing.symbol)


def _stream_of(topic: _Topic) -> Stream:
    return Stream.TOP if topic.detail == "1" else Stream.BOOK


def _frame(topic: str, data: object, kind: str, now: int) -> Json:
    frame: Json = {"topic": topic, "type": kind, "ts": milliseconds(now), "data": data}
    return frame
