"""Bybit's tickers and bars, for its REST answers and its streams alike.

Must never make up a price: a side without quotes is empty text.
"""

from decimal import Decimal

from alphaforge.model.enums import InstrumentKind
from alphaforge.model.numbers import EXACT, plain
from alphaforge.sandbox.candles import Candle
from alphaforge.sandbox.dialects.bybit_errors import PARAMS, BybitError
from alphaforge.sandbox.dialects.bybit_names import market_id, milliseconds, ms_text
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.terms import Level, Listing

Json = dict[str, object]

INTERVALS = {
    "1": "1m", "3": "3m", "5": "5m", "15": "15m", "30": "30m", "60": "1h", "120": "2h",
    "240": "4h", "360": "6h", "720": "12h", "D": "1d", "W": "1w",
}  # fmt: skip
"""Bybit's names of bar lengths and the exchange's. Bybit has months too; the exchange has not."""

_RATIO_STEP = Decimal("1e-6")
_FUNDING_HOURS_NS = 8 * 3_600_000_000_000


def interval_of(text: str) -> str:
    """The exchange's name of one of Bybit's bar lengths; raises 10001 for any other text."""
    interval = INTERVALS.get(text)
    if interval is None:
        raise BybitError(PARAMS, "params error: interval invalid")
    return interval


def ticker(floor: Floor, listing: Listing, now: int) -> Json:
    """The last 24 hours of a market.

    A perpetual's `openInterestValue` is what ccxt tells it from spot by, as `usdIndexPrice` is of
    spot; mark and index are the last price here, funding is zero.
    """
    exchange = floor.exchange
    day = floor.candles.day(listing.symbol, now)
    last = exchange.last(listing.symbol)
    bid, ask = exchange.top(listing.symbol)
    change = EXACT.divide(EXACT.subtract(last, day.open), day.open) if day.open else Decimal(0)
    told: Json = {
        "symbol": market_id(listing),
        "lastPrice": plain(last),
        "prevPrice24h": plain(day.open),
        "price24hPcnt": plain(change.quantize(_RATIO_STEP)),
        "highPrice24h": plain(max(day.high, last)),
        "lowPrice24h": plain(min(day.low, last)),
        "turnover24h": plain(day.quote_volume),
        "volume24h": plain(day.volume),
        **_side("bid1", bid),
        **_side("ask1", ask),
    }
    price = plain(last)
    if listing.kind is InstrumentKind.SPOT:
        told["usdIndexPrice"] = price
        return told
    funding_at = (now // _FUNDING_HOURS_NS + 1) * _FUNDING_HOURS_NS
    return told | {
        "prevPrice1h": plain(day.open),
        "tickDirection": "ZeroPlusTick",
        "markPrice": price,
        "indexPrice": price,
        "openInterest": "0",
        "openInterestValue": "0",
        "fundingRate": "0",
        "nextFundingTime": ms_text(funding_at),
        "fundingIntervalHour": "8",
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
    }


def _side(name: str, level: Level | None) -> Json:
    price, size = ("", "") if level is None else (plain(level[0]), plain(level[1]))
    return {f"{name}Price": price, f"{name}Size": size}


def row(bar: Candle) -> list[str]:
    """A bar of the REST answer: start in ms, prices, volume, turnover."""
    return [
        ms_text(bar.ts_open),
        plain(bar.open),
        plain(bar.high),
        plain(bar.low),
        plain(bar.close),
        plain(bar.volume),
        plain(bar.quote_volume),
    ]


def pushed_bar(bar: Candle, interval: str, now: int) -> Json:
    """A bar of the stream; `confirm` once it is over. `interval` in Bybit's writing."""
    return {
        "start": milliseconds(bar.ts_open),
        "end": milliseconds(bar.ts_close) - 1,
        "interval": interval,
        "open": plain(bar.open),
        "close": plain(bar.close),
        "high": plain(bar.high),
        "low": plain(bar.low),
        "volume": plain(bar.volume),
        "turnover": plain(bar.quote_volume),
        "confirm": bar.ts_close <= now,
        "timestamp": milliseconds(now),
    }
