"""A lively market made of seeded random numbers: trades and quotes without a network.

Every symbol moves through short regimes of drift and volatility, so that strategies have something
to do within seconds. The same seed and start give the same events, whatever other symbols there
are. Never a claim about real markets.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge as merge_sorted
from random import Random
from zlib import crc32

from msgspec.structs import replace

from alphaforge.marketdata.times import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from alphaforge.model.enums import OrderSide
from alphaforge.model.instrument import Instrument, default_instrument
from alphaforge.model.market import Bar, MarketEvent, Quote, Trade

DEFAULT_START_NS = 1_704_067_200 * SECOND_NS
"""2024-01-01T00:00:00Z."""

_LEVELS = {"BTC": 60_000.0, "ETH": 3_000.0, "SOL": 150.0, "BNB": 550.0, "LTC": 80.0, "XRP": 0.6}
_UNITS_NS = {"s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}
_MEAN_GAP_SECONDS = 0.2
_TRADE_SHARE = 0.8
_QUIET_VOLATILITY = 0.00003
"""Standard deviation of the log price over one second, in the quietest regime."""
_DRIFT = 0.00012
"""Log price per second in an ordinary trend."""
_PULL = 0.0005
"""Share of the distance from its first level that the log price goes back each second."""
_MEDIAN_TRADE_VALUE = 900.0
_HISTORY_VOLATILITY = 0.00008


@dataclass(frozen=True)
class _Grid:
    """First price and decimals of a symbol."""

    level: float
    price_scale: int
    size_scale: int

    def price(self, value: float) -> float:
        """The nearest price on the grid, never zero."""
        return max(1, round(value * self.price_scale)) / self.price_scale

    def size(self, value: float) -> float:
        """The nearest size on the grid, at least one step."""
        return max(1, round(value * self.size_scale)) / self.size_scale


def _grid_of(symbol: str) -> _Grid:
    """A level of its own for every symbol; about six digits of price and cents' worth of size."""
    base = symbol.partition("/")[0].upper()
    level = _LEVELS.get(base) or 10.0 + crc32(base.encode()) % 49_000 / 100
    price_decimals = max(2, 5 - len(str(int(level))) if level >= 1 else 5)
    size_decimals = max(0, len(str(int(level)))) + 1
    return _Grid(level, 10**price_decimals, 10**size_decimals)


class _Regime:
    """Drift and volatility for a while; trends mostly turn round when they end."""

    def __init__(self, random: Random) -> None:
        self._random = random
        # The first trend goes up at once: a fast average over a slow one buys within seconds.
        self.drift, self.volatility, self.seconds_left = 2 * _DRIFT, _QUIET_VOLATILITY, 12.0

    def pass_time(self, seconds: float) -> None:
        """Let time go by; a regime that ends is followed by the next."""
        self.seconds_left -= seconds
        if self.seconds_left > 0:
            return
        random = self._random
        turn = -1 if random.random() < 0.8 else 1  # noqa: PLR2004 - how often a trend turns
        direction = math.copysign(1.0, self.drift) * turn
        self.drift = direction * _DRIFT * random.uniform(0.3, 2.0)
        self.volatility = _QUIET_VOLATILITY * random.choice((1.0, 1.0, 2.0, 5.0))
        self.seconds_left = random.uniform(6.0, 20.0)


class SyntheticMarket:
    """Trades and quotes of some symbols, in time order, without end.

    Attributes:
        symbols: As given.
        seed: The same seed gives the same market.
        start_ns: When it begins, ns UTC.
        instruments: Rules by symbol; the venue is `sim`.
    """

    venue = "sim"

    def __init__(
        self,
        symbols: Sequence[str] = ("BTC/USDT",),
        seed: int = 0,
        start_ns: int = DEFAULT_START_NS,
    ) -> None:
        self.symbols = tuple(symbols)
        self.seed = seed
        self.start_ns = start_ns
        self.instruments = {symbol: _instrument(symbol) for symbol in self.symbols}

    def events(self) -> Iterator[MarketEvent]:
        """All symbols' events from the start on, ordered by time; each call begins anew."""
        streams = [self._stream(symbol) for symbol in self.symbols]
        if len(streams) == 1:
            return streams[0]
        return merge_sorted(*streams, key=_time_of)

    def history(self, symbol: str, kind: str, count: int) -> tuple[Bar, ...]:
        """The last `count` whole time bars that ended by the start, oldest first, historical.

        Other kinds of bar have no past here: an empty tuple.
        """
        length = _bar_ns(kind)
        if not length or count <= 0:
            return ()
        random, grid = _seeded(self.seed, symbol, f"history {kind}"), _grid_of(symbol)
        sigma = _HISTORY_VOLATILITY * math.sqrt(length / SECOND_NS)
        end, close, bars = self.start_ns - self.start_ns % length, grid.level, list[Bar]()
        for _ in range(count):
            opened = close * math.exp(random.gauss(0.0, sigma))
            bar = _walked_bar(random, grid, (opened, close), sigma)
            volume = 0.0 if kind.endswith("@quote") else bar.volume
            ts_open = end - length
            bars.append(
                replace(
                    bar, symbol=symbol, kind=kind, ts=end, ts_open=ts_open, ts_local=end,
                    volume=volume, historical=True,
                )
            )  # fmt: skip
            end, close = ts_open, bar.open
        return tuple(reversed(bars))

    def _stream(self, symbol: str) -> Iterator[Trade | Quote]:
        random, grid = _seeded(self.seed, symbol, "events"), _grid_of(symbol)
        regime, level = _Regime(random), math.log(grid.level)
        log_price, ts, number = level, self.start_ns, 0
        tick = 1 / grid.price_scale
        while True:
            gap = random.expovariate(1 / _MEAN_GAP_SECONDS)
            ts += max(2_000, int(gap * 1_000_000) * 1_000)
            regime.pass_time(gap)
            log_price += (regime.drift - _PULL * (log_price - level)) * gap
            log_price += random.gauss(0.0, regime.volatility * math.sqrt(gap))
            mid = math.exp(log_price)
            half = max(tick / 2, mid * 0.00001 * random.uniform(0.2, 1.0))
            bid = grid.price(mid - half)
            ask = max(grid.price(mid + half), grid.price(bid + tick))
            unit = _MEDIAN_TRADE_VALUE / mid
            bid_size = grid.size(unit * random.lognormvariate(1.0, 0.8))
            ask_size = grid.size(unit * random.lognormvariate(1.0, 0.8))
            yield Quote(symbol, ts, bid, ask, bid_size, ask_size, ts)
            if random.random() < _TRADE_SHARE:
                number += 1
                buys = random.random() < 0.5 + math.copysign(0.15, regime.drift)
                size = grid.size(unit * random.lognormvariate(0.0, 1.0))
                side, price = (OrderSide.BUY, ask) if buys else (OrderSide.SELL, bid)
                yield Trade(symbol, ts + 1_000, price, size, side, str(number), ts + 1_000)


def walk_bars(symbol: str, seed: int, start_ns: int, timeframe_ns: int, kind: str) -> Iterator[Bar]:
    """Bars of a random walk from the start on, without end, each opening where the last closed."""
    random, grid = _seeded(seed, symbol, f"bars {timeframe_ns}"), _grid_of(symbol)
    sigma = _HISTORY_VOLATILITY * math.sqrt(timeframe_ns / SECOND_NS)
    opened, ts_open = grid.level, start_ns
    while True:
        pull = _PULL * (math.log(grid.level) - math.log(opened))
        close = opened * math.exp(pull + random.gauss(0.0, sigma))
        bar = _walked_bar(random, grid, (opened, close), sigma)
        ts = ts_open + timeframe_ns
        yield replace(bar, symbol=symbol, kind=kind, ts=ts, ts_open=ts_open, ts_local=ts)
        opened, ts_open = bar.close, ts


def _seeded(seed: int, symbol: str, purpose: str) -> Random:
    # crc32 and not hash(): the same in every process.
    return Random(f"{seed} {crc32(symbol.encode())} {purpose}")  # noqa: S311 - a market, no secret


def _walked_bar(random: Random, grid: _Grid, ends: tuple[float, float], sigma: float) -> Bar:
    """A bar between an open and a close, with wicks; its symbol and times are set by the caller."""
    opened, close = grid.price(ends[0]), grid.price(ends[1])
    high = max(opened, close) * (1 + abs(random.gauss(0.0, sigma / 2)))
    low = min(opened, close) / (1 + abs(random.gauss(0.0, sigma / 2)))
    volume = grid.size(40 * _MEDIAN_TRADE_VALUE / close * random.lognormvariate(0.0, 0.7))
    top, bottom = max(grid.price(high), opened, close), min(grid.price(low), opened, close)
    return Bar("", "", 0, 0, opened, top, bottom, close, volume)


def _instrument(symbol: str) -> Instrument:
    grid = _grid_of(symbol)
    quantity_step = Decimal(1) / grid.size_scale
    return replace(
        default_instrument(symbol),
        price_step=Decimal(1) / grid.price_scale,
        quantity_step=quantity_step,
        min_quantity=quantity_step,
        source="venue",
    )


def _time_of(event: Trade | Quote) -> int:
    return event.ts


def _bar_ns(kind: str) -> int:
    """Length of a time bar's kind, `5m` or `5m@quote`; 0 for any other kind."""
    count, unit = kind.removesuffix("@quote")[:-1], kind.removesuffix("@quote")[-1:]
    return int(count) * _UNITS_NS[unit] if count.isdigit() and unit in _UNITS_NS else 0
