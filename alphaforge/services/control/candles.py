"""Candles and tape of every symbol, kept from the market events of a run as they come.

START HERE for a chart's way: `Candles.take` drains what the engine was fed → a second's bucket of
its symbol → the minute it belongs to → `candle_kinds` merges any other kind. Bucketed by `ts_venue`
in UTC; a second closes when its venue's clock reaches its end, whatever symbol moved it, as the
engine's own bars do. Must cost the loop little: a batch is taken in slices, with a pause between.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from alphaforge.engine.bars import parse_kind
from alphaforge.engine.data import REMEMBERED_TRADE_IDS, TOO_LARGE
from alphaforge.engine.markets import SymbolState
from alphaforge.model.market import Bar, BookDelta, BookSnapshot, MarketEvent, Quote, Trade

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
DAY: Final = 86_400 * SECOND

KEEP_SECONDS: Final = 2 * 60 * 60
KEEP_MINUTES: Final = 3 * 24 * 60
KEEP_TAPE: Final = 500

SLICE: Final = 500
"""Events taken before the loop gets a turn: some 0.2 ms."""

_SHOWN: Final = (Trade, Quote, BookDelta, BookSnapshot, Bar)

Candle: TypeAlias = tuple[int, float, float, float, float, float]
"""(start in ns, open, high, low, close, volume)."""


class Series:
    """Buckets of one interval: closed ones as rows, and the open one beside.

    Attributes:
        rows: Closed candles, oldest first; between `keep` and a quarter more of them.
        start, end: Of the open bucket, ns; `end` is 0 before the first.
    """

    __slots__ = (
        "close",
        "end",
        "high",
        "interval",
        "keep",
        "low",
        "open",
        "rows",
        "start",
        "volume",
    )

    def __init__(self, interval: int, keep: int) -> None:
        self.interval = interval
        self.keep = keep
        self.rows: list[Candle] = []
        self.start = self.end = 0
        self.open = self.high = self.low = self.close = self.volume = 0.0

    def begin(self, start: int, price: float, size: float) -> None:
        """Close the open bucket and open the next."""
        if self.end:
            self.rows.append(self.current)
            if len(self.rows) > self.keep + self.keep // 4:
                del self.rows[: -self.keep]
        self.start, self.end = start, start + self.interval
        self.open = self.high = self.low = self.close = price
        self.volume = size

    def finish(self) -> None:
        """Close the open bucket before another one opens."""
        self.rows.append(self.current)
        self.start = self.end = 0

    @property
    def current(self) -> Candle:
        """The open bucket as it is now."""
        return (self.start, self.open, self.high, self.low, self.close, self.volume)

    def add(self, start: int, candle: Candle) -> None:
        """Put a part of a bucket into it: the bucket that begins at `start`, or a new one."""
        _, open_, high, low, close, volume = candle
        if start > self.start or not self.end:
            self.begin(start, open_, volume)
            self.high, self.low, self.close = high, low, close
            return
        self.high = max(self.high, high)
        self.low = min(self.low, low)
        self.close = close
        self.volume += volume

    def candles(self, count: int) -> list[Candle]:
        """The newest `count`, oldest first, the open one last."""
        if not self.end:
            return self.rows[-count:]
        return [*(self.rows[1 - count :] if count > 1 else ()), self.current]


class _Clock:
    """The greatest `ts_venue` seen of a venue."""

    __slots__ = ("ts",)

    def __init__(self) -> None:
        self.ts = 0


class SymbolMarket:
    """What was seen of one symbol.

    Attributes:
        second, minute: Its candles; `minute` lacks what `second` still holds open.
        native: Candles of recorded bars, where the data are bars.
        tape: Public trades, oldest first.
        trades: How many there ever were.
        bid_size, ask_size: Of the last quote; 0 where it did not say.
        began: `ts_venue` of the first price; 0 before it.
        last: Its last event.
        day: Days since 1970 of its last trade; `day_*` count from that midnight or the start.
    """

    __slots__ = (
        "_ids",
        "_older_ids",
        "ask_size",
        "began",
        "bid_size",
        "clock",
        "day",
        "day_high",
        "day_low",
        "day_open",
        "day_volume",
        "last",
        "minute",
        "native",
        "second",
        "symbol",
        "tape",
        "trade_ts",
        "trades",
        "venue",
    )

    def __init__(self, state: SymbolState, clock: _Clock) -> None:
        self.symbol, self.venue = state.symbol, state.instrument.venue
        self.clock = clock
        self.second = Series(SECOND, KEEP_SECONDS)
        self.minute = Series(MINUTE, KEEP_MINUTES)
        self.native: Series | None = None
        if state.native_kind:
            interval = parse_kind(state.native_kind).interval_ns
            if interval > SECOND:
                self.native = Series(interval, KEEP_MINUTES)
        self.tape: deque[Trade] = deque(maxlen=KEEP_TAPE)
        self.trades = 0
        self.trade_ts = self.began = 0
        self.last: Trade | Quote | BookDelta | BookSnapshot | Bar | None = None
        self.bid_size = self.ask_size = 0.0
        self.day = 0
        self.day_open = self.day_high = self.day_low = self.day_volume = 0.0
        self._ids: set[str] = set()
        self._older_ids: set[str] = set()

    @property
    def ts(self) -> int:
        """`ts_venue` of the last event; 0 before the first."""
        return self.last.ts if self.last is not None else 0

    @property
    def received(self) -> int:
        """When the last event came in, engine time; 0 before the first."""
        return self.last.ts_local if self.last is not None else 0

    def is_repeated(self, trade_id: str) -> bool:
        """Whether a trade of this id was among the last ones; the engine leaves it out, too."""
        if trade_id in self._ids or trade_id in self._older_ids:
            return True
        self._ids.add(trade_id)
        if len(self._ids) > REMEMBERED_TRADE_IDS:
            self._older_ids, self._ids = self._ids, set()
        return False

    def price(self, ts: int, price: float, size: float) -> None:
        """Put a price into the open second, into the next one, or it is late."""
        second = self.second
        if ts < second.end > self.clock.ts:
            second.high = max(second.high, price)
            second.low = min(second.low, price)
            second.close = price
            second.volume += size
        elif ts >= second.end and ts - ts % SECOND + SECOND > self.clock.ts:
            if second.end:
                self.fold()
            second.begin(ts - ts % SECOND, price, size)
        elif ts - ts % MINUTE + MINUTE > self.clock.ts:
            self._late(ts, price, size)
        self._count_day(ts, price)

    def forget_quotes(self) -> None:
        """The first trade: from here on candles are of trades, as the engine's bars are."""
        self.second = Series(SECOND, KEEP_SECONDS)
        self.minute = Series(MINUTE, KEEP_MINUTES)
        self.day = self.began = 0

    def _late(self, ts: int, price: float, size: float) -> None:
        """Too late for its second, whose clock has passed; not for its minute."""
        if 0 < self.second.end <= self.clock.ts:
            self.fold()
            self.second.finish()
        self.minute.add(ts - ts % MINUTE, (ts, price, price, price, price, size))

    def fold(self) -> None:
        """Add the second that ends to its minute."""
        start, second = self.second.start, self.second
        self.minute.add(start - start % MINUTE, second.current)
        self.day_high = max(self.day_high, second.high)
        self.day_low = min(self.day_low, second.low)
        self.day_volume += second.volume

    def _count_day(self, ts: int, price: float) -> None:
        if not self.began:
            self.began = ts
        if ts // DAY != self.day:
            self.day = ts // DAY
            self.day_open = self.day_high = self.day_low = price
            self.day_volume = 0.0

    def add_bar(self, bar: Bar) -> None:
        """Take a recorded bar: it is its own candle, and a part of the longer ones."""
        candle = (bar.ts_open, bar.open, bar.high, bar.low, bar.close, bar.volume)
        if self.native is None:
            if self.second.end:
                self.fold()
            self.second.add(bar.ts_open, candle)
            self._count_day(bar.ts_open, bar.open)
            return
        self.native.add(bar.ts_open, candle)
        if self.native.interval <= MINUTE:
            self.minute.add(bar.ts_open - bar.ts_open % MINUTE, candle)
        self._count_day(bar.ts_open, bar.open)
        self.day_high = max(self.day_high, bar.high)
        self.day_low = min(self.day_low, bar.low)
        self.day_volume += bar.volume


class Candles:
    """All symbols of a run."""

    def __init__(self, states: Mapping[str, SymbolState]) -> None:
        self._states = states
        self._clocks: dict[str, _Clock] = {}
        self.markets: dict[str, SymbolMarket] = {}

    def market(self, symbol: str) -> SymbolMarket | None:
        """What was seen of a symbol; None for one that is not traded here."""
        found = self.markets.get(symbol)
        if found is None:
            state = self._states.get(symbol)
            if state is None:
                return None
            venue = state.instrument.venue
            clock = self._clocks.setdefault(venue, _Clock())
            found = self.markets[symbol] = SymbolMarket(state, clock)
        return found

    def venue_time(self, venue: str) -> int:
        """The greatest `ts_venue` seen of a venue; 0 before the first."""
        clock = self._clocks.get(venue)
        return clock.ts if clock is not None else 0

    def received(self, venue: str) -> int:
        """When anything of a venue last came in, engine time; 0 before the first."""
        times = [each.received for each in self.markets.values() if each.venue == venue]
        return max(times, default=0)

    def take(self, events: Sequence[MarketEvent]) -> None:
        """Take a slice of market events, in the order in which the engine was fed.

        A trade inside the open second, the good case, stands here whole: a call fewer.
        """
        markets = self.markets
        for event in events:
            if not isinstance(event, _SHOWN):
                continue
            market = markets.get(event.symbol) or self.market(event.symbol)
            if market is None:
                continue
            second = market.second
            if (
                type(event) is not Trade
                or not market.trade_ts <= event.ts < second.end > market.clock.ts
                or not 0.0 < event.price < TOO_LARGE
                or not 0.0 < event.size < TOO_LARGE
                or event.trade_id
                or not market.trades
            ):
                _TAKERS[event.__class__](market, event)
                continue
            price = event.price
            if price > second.high:
                second.high = price
            elif price < second.low:
                second.low = price
            second.close = price
            second.volume += event.size
            clock, ts = market.clock, event.ts
            if ts > clock.ts:
                clock.ts = ts
            market.trade_ts = ts
            market.last = event
            market.trades += 1
            market.tape.append(event)


def _seen(market: SymbolMarket, event: Trade | Quote | BookDelta | BookSnapshot | Bar) -> None:
    clock = market.clock
    if event.ts > clock.ts:
        clock.ts = event.ts
    market.last = event


def _take_trade(market: SymbolMarket, trade: Trade) -> None:
    ts, price, size = trade.ts, trade.price, trade.size
    if not 0.0 < price < TOO_LARGE or not 0.0 < size < TOO_LARGE or ts < market.trade_ts:
        return
    if trade.trade_id and market.is_repeated(trade.trade_id):
        return
    _seen(market, trade)
    market.trade_ts = ts
    if not market.trades:
        market.forget_quotes()
    market.trades += 1
    market.tape.append(trade)
    market.price(ts, price, size)


def _take_book(market: SymbolMarket, event: BookDelta | BookSnapshot) -> None:
    _seen(market, event)


def _take_quote(market: SymbolMarket, quote: Quote) -> None:
    """Sizes of the top; and a price, where there was never a trade."""
    bid, ask, ts = quote.bid, quote.ask, quote.ts
    if not 0.0 < bid <= ask < TOO_LARGE:
        return
    _seen(market, quote)
    market.bid_size, market.ask_size = quote.bid_size, quote.ask_size
    if market.trades or market.native is not None:
        return
    if ts >= market.second.start:
        market.price(ts, (bid + ask) / 2, 0.0)


def _take_bar(market: SymbolMarket, bar: Bar) -> None:
    if bar.historical or not 0.0 < bar.low <= bar.high < TOO_LARGE:
        return
    series = market.native if market.native is not None else market.second
    if bar.ts_open < series.end:
        return
    _seen(market, bar)
    market.add_bar(bar)


_TAKERS: Final[Mapping[type, Callable[[SymbolMarket, Any], None]]] = {
    Trade: _take_trade,
    Quote: _take_quote,
    Bar: _take_bar,
    BookDelta: _take_book,
    BookSnapshot: _take_book,
}
"""Who takes which event; `Any`: a mapping cannot say that key and argument belong together."""
