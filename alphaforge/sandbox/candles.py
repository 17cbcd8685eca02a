"""Bars of every listing, folded from the tape as it is printed, with a past before the start.

Dialects take klines and 24 h statistics from here. Must never make a bar of anything but the tape
and `history.Past`, and never ask what time it is: who asks says until when.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from alphaforge.model.numbers import ZERO
from alphaforge.sandbox.history import SECOND_NS, Past
from alphaforge.sandbox.history import Candle as Candle
from alphaforge.sandbox.terms import Listing, MarketChanged, Print, Told

_MINUTE_NS = 60 * SECOND_NS
_HOUR_NS = 60 * _MINUTE_NS
_DAY_NS = 24 * _HOUR_NS

INTERVALS: Mapping[str, int] = {
    "1s": SECOND_NS, "1m": _MINUTE_NS, "3m": 3 * _MINUTE_NS, "5m": 5 * _MINUTE_NS,
    "15m": 15 * _MINUTE_NS, "30m": 30 * _MINUTE_NS, "1h": _HOUR_NS, "2h": 2 * _HOUR_NS,
    "4h": 4 * _HOUR_NS, "6h": 6 * _HOUR_NS, "8h": 8 * _HOUR_NS, "12h": 12 * _HOUR_NS,
    "1d": _DAY_NS, "1w": 7 * _DAY_NS,
}  # fmt: skip
"""Length of every interval, ns."""

PAST_NS = 1_000 * _DAY_NS
"""How far the past goes back; there is nothing before it, as on a venue that had just opened."""
KEPT = 2_000
"""Bars since the start that are kept of each interval; of `1s` fewer: there are so many."""
_KEPT_SECONDS = 1_000
_FIRST_MONDAY_NS = 4 * _DAY_NS
"""Weeks begin on Monday; 1970-01-05 was the first."""
_DAY_INTERVAL = "5m"


class DayStats(msgspec.Struct, frozen=True, kw_only=True):
    """The last 24 hours, whose beginning is taken to five minutes.

    Attributes:
        ts_open, ts_close: Ns UTC; the close is when it was asked.
        open, high, low, last: Prices.
        volume: Base units, or contracts.
        quote_volume: Σ price × quantity × multiplier.
        count: Trades.
    """

    ts_open: int
    ts_close: int
    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal
    quote_volume: Decimal
    count: int


class Candles:
    """Bars and statistics of every listing; `exchange.listeners.append(candles.hear)` feeds it."""

    def __init__(
        self,
        listings: Iterable[Listing],
        clock_start: int,
        seed: int = 0,
        first_prices: Mapping[str, Decimal] | None = None,
    ) -> None:
        """Begin.

        Args:
            listings: What there is; more may come with `MarketChanged`.
            clock_start: Where the made-up past ends, ns UTC.
            seed: Of the past.
            first_prices: By symbol, where the past is to end; else at the listing's first price.
        """
        self._seed = seed
        self._tapes: dict[str, _Tape] = {}
        for listing in listings:
            first = (first_prices or {}).get(listing.symbol, listing.first_price)
            self._tapes[listing.symbol] = _Tape(listing, first, clock_start, seed)

    def hear(self, told: Told) -> None:
        """Take what the exchange tells; only prints and new listings matter."""
        if isinstance(told, Print):
            self._tapes[told.symbol].add(told)
        elif isinstance(told, MarketChanged):
            listing = told.listing
            if listing.symbol not in self._tapes:
                tape = _Tape(listing, listing.first_price, told.ts, self._seed)
                self._tapes[listing.symbol] = tape

    def bars(
        self, symbol: str, interval: str, start_ns: int | None, end_ns: int, limit: int
    ) -> list[Candle]:
        """Bars that open in `[start_ns, end_ns]`, oldest first, the running one included.

        Args:
            symbol: A listing's.
            interval: One of `INTERVALS`.
            start_ns: With it the first `limit` bars from there; None: the last `limit`.
            end_ns: At most now.
            limit: Most bars.

        Raises:
            KeyError: No such symbol or interval.
        """
        return self._tapes[symbol].series[interval].bars(start_ns, end_ns, limit)

    def current(self, symbol: str, interval: str, now: int | None = None) -> Candle:
        """The running bar at `now`; None: the one of the last print.

        Raises:
            KeyError: No such symbol or interval.
        """
        series = self._tapes[symbol].series[interval]
        return series.bars(None, series.latest if now is None else now, 1)[-1]

    def day(self, symbol: str, now: int) -> DayStats:
        """The last 24 hours of a symbol.

        Raises:
            KeyError: No such symbol.
        """
        return self._tapes[symbol].day(now)


class _Running:
    """A bar that is still being made."""

    __slots__ = ("close", "count", "high", "low", "open", "quote_volume", "ts_open", "volume")

    def __init__(self, ts_open: int, price: Decimal) -> None:
        self.ts_open = ts_open
        self.open = self.high = self.low = self.close = price
        self.volume = self.quote_volume = ZERO
        self.count = 0

    def follow(self, past: Candle) -> None:
        """Go on from the part of the bar that lies before the start."""
        self.open, self.high, self.low, self.close = past.open, past.high, past.low, past.close
        self.volume, self.quote_volume = past.volume, past.quote_volume
        self.count = past.count

    def add(self, price: Decimal, quantity: Decimal, value: Decimal) -> None:
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += quantity
        self.quote_volume += value
        self.count += 1

    def candle(self, length: int) -> Candle:
        return Candle(
            ts_open=self.ts_open,
            ts_close=self.ts_open + length,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            quote_volume=self.quote_volume,
            count=self.count,
        )


class _Series:
    """Bars of one length of one symbol; only those in which something traded are kept."""

    def __init__(self, interval: str, past: Past, start_ns: int) -> None:
        self._length = INTERVALS[interval]
        self._offset = _FIRST_MONDAY_NS if interval == "1w" else 0
        self._keep = _KEPT_SECONDS if interval == "1s" else KEPT
        self._past, self._start = past, start_ns
        self._done: dict[int, Candle] = {}
        self._old: dict[int, Candle] = {}
        self._is_pruned = False
        self.latest = start_ns
        opens = self._open_of(start_ns)
        self._running = _Running(opens, past.price(start_ns))
        if opens < start_ns:
            self._running.follow(past.candle(opens, opens + self._length))

    def add(self, ts: int, price: Decimal, quantity: Decimal, value: Decimal) -> None:
        running = self._running
        if ts >= running.ts_open + self._length:
            if running.count:
                self._done[running.ts_open] = running.candle(self._length)
            if len(self._done) > self._keep:
                del self._done[next(iter(self._done))]
                self._is_pruned = True
            running = self._running = _Running(self._open_of(ts), price)
        elif not running.count:
            running = self._running = _Running(running.ts_open, price)
        running.add(price, quantity, value)
        self.latest = max(self.latest, ts)

    def bars(self, start_ns: int | None, end_ns: int, limit: int) -> list[Candle]:
        oldest, last = self._open_of(self._start - PAST_NS), self._open_of(end_ns)
        if start_ns is None:
            first = max(last - (limit - 1) * self._length, oldest)
        else:
            first = max(self._open_of(start_ns + self._length - 1), oldest)
            last = min(last, first + (limit - 1) * self._length)
        found: list[Candle] = []
        close: Decimal | None = None
        for opens in range(first, last + 1, self._length):
            candle = self._at(opens, close)
            if candle is not None:
                close = candle.close
                found.append(candle)
        return found

    def _at(self, opens: int, close: Decimal | None) -> Candle | None:
        """The bar that opens then; None where it is so old that it is no longer kept."""
        closes = opens + self._length
        if closes <= self._start:
            return self._before_start(opens)
        running = self._running
        if opens == running.ts_open:
            return running.candle(self._length)
        done = self._done.get(opens)
        if done is not None:
            return done
        if close is None:
            close = self._close_before(opens)
        if close is None:
            return None
        return _Running(opens, close).candle(self._length)

    def _before_start(self, opens: int) -> Candle:
        """Remembered, because the same klines are asked for again and again."""
        candle = self._old.get(opens)
        if candle is None:
            if len(self._old) >= KEPT:
                self._old.clear()
            candle = self._old[opens] = self._past.candle(opens, opens + self._length)
        return candle

    def _close_before(self, opens: int) -> Decimal | None:
        if self._running.ts_open < opens:
            return self._running.close
        for kept in reversed(self._done.values()):
            if kept.ts_open < opens:
                return kept.close
        return None if self._is_pruned else self._past.price(self._start)

    def _open_of(self, ts: int) -> int:
        return ts - (ts - self._offset) % self._length


class _Tape:
    """One symbol's series, and the finished part of its last 24 hours."""

    def __init__(self, listing: Listing, first_price: Decimal, start_ns: int, seed: int) -> None:
        past = Past(listing, first_price, start_ns, seed)
        self.series = {interval: _Series(interval, past, start_ns) for interval in INTERVALS}
        self._multiplier = listing.multiplier
        self._folded: DayStats | None = None

    def add(self, printed: Print) -> None:
        value = printed.price * printed.quantity * self._multiplier
        for series in self.series.values():
            series.add(printed.ts, printed.price, printed.quantity, value)

    def day(self, now: int) -> DayStats:
        series, length = self.series[_DAY_INTERVAL], INTERVALS[_DAY_INTERVAL]
        running = series.bars(None, now, 1)[-1]
        folded = self._folded
        if folded is None or folded.ts_close != running.ts_open:
            count = _DAY_NS // length
            folded = _folded(series.bars(None, running.ts_open - length, count))
            self._folded = folded
        return DayStats(
            ts_open=folded.ts_open,
            ts_close=now,
            open=folded.open,
            high=max(folded.high, running.high),
            low=min(folded.low, running.low),
            last=running.close,
            volume=folded.volume + running.volume,
            quote_volume=folded.quote_volume + running.quote_volume,
            count=folded.count + running.count,
        )


def _folded(bars: list[Candle]) -> DayStats:
    return DayStats(
        ts_open=bars[0].ts_open,
        ts_close=bars[-1].ts_close,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        last=bars[-1].close,
        volume=sum((bar.volume for bar in bars), ZERO),
        quote_volume=sum((bar.quote_volume for bar in bars), ZERO),
        count=sum(bar.count for bar in bars),
    )
