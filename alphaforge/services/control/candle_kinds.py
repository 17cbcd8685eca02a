"""Candles of any kind: merged from the kept ones, joined to a venue's from before the run.

Must keep nothing but what a venue was asked once.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from alphaforge.engine.bars import parse_kind
from alphaforge.errors import UsageError, VenueError
from alphaforge.model.market import Bar
from alphaforge.services.control.candles import (
    DAY,
    MINUTE,
    SECOND,
    Candle,
    Candles,
    Series,
    SymbolMarket,
)

KINDS: Final = ("1s", "5s", "15s", "1m", "5m", "15m", "1h", "4h", "1d")
"""Kinds that a chart offers; any other whole number of seconds up to a day works, too."""

MOST: Final = 1_000
"""Candles of one answer."""

HISTORY_SECONDS: Final = 10.0


class BarSource(Protocol):
    """Who can tell of bars from before the run: `venues.base.Venue` is one."""

    async def bars(self, symbol: str, kind: str, count: int) -> Sequence[Bar]:
        """The last `count` finished time bars, oldest first."""
        ...


def interval_of(kind: str) -> int:
    """Length of a candle in ns; raises `UsageError` for what is no kind of candle."""
    parsed = parse_kind(kind)
    if not parsed.interval_ns or parsed.from_quotes or parsed.interval_ns > DAY:
        raise UsageError(f"`{kind}` is no kind of candle", remedy=f"use one of {', '.join(KINDS)}")
    return parsed.interval_ns


def merged(market: SymbolMarket, interval: int, count: int) -> list[Candle]:
    """The newest `count` candles of an interval, oldest first, the last perhaps unfinished.

    Empty where the data are bars that the interval is no multiple of.
    """
    base = base_of(market, interval)
    if base is None:
        return []
    ratio = interval // base.interval
    newest = base.end - base.interval if base.end else 0
    # The open bucket of the kind holds only so many of its parts so far.
    parts = base.candles((count - 1) * ratio + (newest % interval) // base.interval + 2)
    if base is market.minute and market.second.end:
        parts.append(market.second.current)
    if interval == base.interval and base is not market.minute:
        return parts[-count:]
    return list(merge(parts, interval))[-count:]


def base_of(market: SymbolMarket, interval: int) -> Series | None:
    """The longest kept candles that an interval is a multiple of; None where there are none."""
    native = market.native
    if native is not None and (native.interval > MINUTE or interval % MINUTE):
        return native if interval % native.interval == 0 else None
    if interval % MINUTE == 0:
        return market.minute
    return market.second if interval % SECOND == 0 else None


def merge(parts: Iterable[Candle], interval: int) -> Iterable[Candle]:
    """Shorter candles, in order, as those of an interval."""
    start = -1
    open_ = high = low = close = volume = 0.0
    for ts, part_open, part_high, part_low, part_close, part_volume in parts:
        bucket = ts - ts % interval
        if bucket != start:
            if start >= 0:
                yield (start, open_, high, low, close, volume)
            start, open_, high, low, volume = bucket, part_open, part_high, part_low, 0.0
        high = max(high, part_high)
        low = min(low, part_low)
        close = part_close
        volume += part_volume
    if start >= 0:
        yield (start, open_, high, low, close, volume)


class Chart:
    """Candles of any symbol and kind, those from before the run included.

    Attributes:
        earlier: By symbol and kind, what the venue told; empty where it told nothing.
    """

    def __init__(self, candles: Candles, source: Callable[[str], BarSource | None]) -> None:
        """`source` gives the venue of a symbol; None where there is none to ask."""
        self.earlier: dict[tuple[str, str], tuple[Candle, ...]] = {}
        self._candles = candles
        self._source = source
        self._asking: dict[tuple[str, str], asyncio.Event] = {}

    def candles(
        self, symbol: str, kind: str, count: int, before: int | None = None
    ) -> list[Candle]:
        """The newest `count` that begin before `before` (ns), oldest first, as far as known.

        Raises `UsageError` as `interval_of`.
        """
        interval = interval_of(kind)
        market = self._candles.market(symbol)
        own = merged(market, interval, count if before is None else MOST) if market else []
        earlier = self.earlier.get((symbol, kind), ())
        if earlier and own:
            # The first of ours began in the middle, where the venue knows all of it.
            last = earlier[-1][0]
            own = [each for each in own if each[0] > min(last, own[0][0])]
            first = own[0][0] if own else last + 1
            earlier = tuple(each for each in earlier if each[0] < first)
        together = [*earlier, *own]
        if before is not None:
            together = [each for each in together if each[0] < before]
        return together[-count:]

    async def ask_earlier(self, symbol: str, kind: str) -> bool:
        """Ask the venue for bars from before the run, once; whether it told anything new now."""
        key = (symbol, kind)
        if key in self.earlier:
            return False
        asking = self._asking.get(key)
        if asking is not None:
            await asking.wait()
            return False
        asking = self._asking[key] = asyncio.Event()
        try:
            self.earlier[key] = await self._answer(symbol, kind)
        except Exception:
            self.earlier[key] = ()  # an adapter's fault: asking again would only repeat it
            raise
        finally:
            asking.set()
            del self._asking[key]
        return bool(self.earlier[key])

    async def _answer(self, symbol: str, kind: str) -> tuple[Candle, ...]:
        source = self._source(symbol)
        if source is None:
            return ()
        try:
            async with asyncio.timeout(HISTORY_SECONDS):
                bars = await source.bars(symbol, kind, MOST)
        except (VenueError, TimeoutError):  # a chart without them is still right
            return ()
        return tuple(
            (each.ts_open, each.open, each.high, each.low, each.close, each.volume) for each in bars
        )

    def since(self, symbol: str, kind: str, start: int) -> list[Candle]:
        """Our own candles that begin at `start` (ns) or later; the last one if `start` is 0."""
        interval = interval_of(kind)
        market = self._candles.market(symbol)
        if market is None:
            return []
        count = 1 if not start else max((market.clock.ts - start) // interval + 2, 1)
        return [each for each in merged(market, interval, count) if each[0] >= start]

    def unsure(self, symbol: str, kind: str, starts: Sequence[int]) -> list[bool]:
        """Of candles by their starts: whether they lack what came before the run or is to come."""
        interval = interval_of(kind)
        market = self._candles.market(symbol)
        earlier = self.earlier.get((symbol, kind), ())
        told = earlier[-1][0] if earlier else -1
        began = market.began if market is not None else 0
        now = market.clock.ts if market is not None else 0
        return [start + interval > now or told < start < began for start in starts]
