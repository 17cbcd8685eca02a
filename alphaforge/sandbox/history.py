"""Prices from before the exchange began: a deterministic past that ends at the first price.

The price is a function of time, a sum of noises of growing scales, so that bars of every length
open and close at the same prices and any stretch can be had without the one before it. Wicks and
volumes belong to each bar length alone. Never a claim about real markets.
"""

import math
from decimal import Decimal
from zlib import crc32

import msgspec

from alphaforge.model.numbers import decimal_of, nearest_to
from alphaforge.sandbox.listings import quote_per_dollar
from alphaforge.sandbox.terms import Listing

SECOND_NS = 1_000_000_000

_SCALES = tuple(4 * 8**power * SECOND_NS for power in range(8))
"""4 s to 97 days."""
_VOLATILITY = 0.00008
"""Standard deviation of the log price over one second; 2.3 % over a day."""
_VALUE_PER_SECOND = 10_000.0
"""Traded, in dollars."""
_TRADES_PER_SECOND = 7.0
_WORD = (1 << 64) - 1


class Candle(msgspec.Struct, frozen=True, kw_only=True):
    """What traded in `[ts_open, ts_close)`; where nothing did, four times the close before it.

    Attributes:
        ts_open, ts_close: Ns UTC; a venue's own close time is usually a millisecond less.
        volume: Base units, or contracts.
        quote_volume: Σ price × quantity × multiplier.
        count: Trades.
    """

    ts_open: int
    ts_close: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    count: int


class Past:
    """One symbol's prices up to the start."""

    def __init__(self, listing: Listing, first_price: Decimal, start_ns: int, seed: int) -> None:
        self._listing = listing
        self._first = first_price
        self._start = start_ns
        self._key = crc32(f"{seed} {listing.symbol} past".encode()) << 24
        self._log_first = math.log(first_price)
        self._at_start = self._sum(start_ns)
        # Bars are asked for in order: each opens where the one before it closed.
        self._latest = start_ns, first_price

    def price(self, ts: int) -> Decimal:
        """At a time; from the start on the first price."""
        if ts >= self._start:
            return self._first
        known, price = self._latest
        if ts != known:
            price = self._on_grid(math.exp(self._log_first + self._sum(ts) - self._at_start))
            self._latest = ts, price
        return price

    def candle(self, ts_open: int, ts_close: int) -> Candle:
        """A bar of the past; one that the start falls into holds what comes before it."""
        opened, close = self.price(ts_open), self.price(ts_close)
        length, end = ts_close - ts_open, min(ts_close, self._start)
        seconds = (end - ts_open) / SECOND_NS
        key, number = self._key ^ crc32(str(length).encode()), ts_open // SECOND_NS * 4
        reach = _VOLATILITY * math.sqrt(seconds) / 2
        top, bottom = float(max(opened, close)), float(min(opened, close))
        high = self._on_grid(top * (1 + reach * abs(_noise(key, number))))
        low = self._on_grid(bottom / (1 + reach * abs(_noise(key, number + 1))))
        volume = self._volume(seconds, _noise(key, number + 2))
        mean = nearest_to((opened + close) / 2, self._listing.price_step)
        return Candle(
            ts_open=ts_open,
            ts_close=ts_close,
            open=opened,
            high=max(high, opened, close),
            low=min(low, opened, close),
            close=close,
            volume=volume,
            quote_volume=volume * mean * self._listing.multiplier,
            count=max(1, int(_TRADES_PER_SECOND * seconds * (1 + _noise(key, number + 3) / 2))),
        )

    def _sum(self, ts: int) -> float:
        total = 0.0
        for number, scale in enumerate(_SCALES):
            index, rest = divmod(ts, scale)
            before = _noise(self._key + number, index)
            after = _noise(self._key + number, index + 1)
            reach = _VOLATILITY * math.sqrt(scale / SECOND_NS)
            total += reach * (before + (after - before) * rest / scale)
        return total

    def _on_grid(self, number: float) -> Decimal:
        step = self._listing.price_step
        return max(step, nearest_to(decimal_of(number), step))

    def _volume(self, seconds: float, noise: float) -> Decimal:
        listing = self._listing
        unit = float(self._first * listing.multiplier)
        number = _VALUE_PER_SECOND * quote_per_dollar(listing) / unit * seconds * math.exp(noise)
        return max(listing.quantity_step, nearest_to(decimal_of(number), listing.quantity_step))


def _noise(key: int, index: int) -> float:
    """A number in [-1, 1) for a place on the line, the same in every process.

    The mixing is splitmix64's (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
    generators").
    """
    mixed = (key + index * 0x9E3779B97F4A7C15) & _WORD
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _WORD
    return (mixed ^ (mixed >> 31)) / (1 << 63) - 1.0
