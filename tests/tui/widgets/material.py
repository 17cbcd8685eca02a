"""Bars, books, trades and rows that the tests of panels show."""

import math
import random
from collections.abc import Sequence

from alphaforge.client.market_records import BarRow, BookRow, TapeRow
from alphaforge.client.records import LogRow, MarketRow
from alphaforge.client.times import iso_of, ns_of

START = "2026-11-20T08:00:00Z"
NOW = "2026-11-20T12:59:41.000000000Z"


def bars(count: int, *, seconds: int = 60, seed: int = 7, price: float = 66_800.0) -> list[BarRow]:
    """A walk of that many candles."""
    dice = random.Random(seed)
    made: list[BarRow] = []
    start = ns_of(START)
    for place in range(count):
        close = price * (1 + dice.gauss(0, 0.0004)) + 0.0001 * price * math.sin(place / 9)
        top, bottom = max(price, close), min(price, close)
        made.append(
            BarRow(
                ts_open=iso_of(start + place * seconds * 10**9),
                ts=iso_of(start + (place + 1) * seconds * 10**9),
                open=price,
                high=top * (1 + abs(dice.gauss(0, 0.0002))),
                low=bottom * (1 - abs(dice.gauss(0, 0.0002))),
                close=close,
                volume=dice.expovariate(1 / 60),
            )
        )
        price = close
    return made


def bar(
    open_: float, high: float, low: float, close: float, volume: float = 1.0, minute: int = 0
) -> BarRow:
    """One candle, `minute` minutes after 08:00."""
    start = ns_of(START) + minute * 60 * 10**9
    return BarRow(
        ts_open=iso_of(start),
        ts=iso_of(start + 60 * 10**9),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
    )


def mean(rows: Sequence[BarRow], count: int) -> list[float | None]:
    """A moving average of the closes, none until ready."""
    closes = [row.close for row in rows]
    return [
        None if place < count else sum(closes[place - count : place]) / count
        for place in range(len(closes))
    ]


def book(middle: float = 66_857.95, levels: int = 20, step: float = 0.1) -> BookRow:
    """A book around a price, one unit at every level."""
    bids = tuple((f"{middle - step * (0.5 + n):.2f}", "1.5") for n in range(levels))
    asks = tuple((f"{middle + step * (0.5 + n):.2f}", "0.25") for n in range(levels))
    return BookRow(symbol="BTC/USDT", ts=NOW, bids=bids, asks=asks)


def trade(second: int, side: str = "BUY", price: str = "66857.9", size: str = "0.25") -> TapeRow:
    """One public trade."""
    return TapeRow(ts=iso_of(ns_of(START) + second * 10**9), price=price, size=size, side=side)


def market(symbol: str, **changed: object) -> MarketRow:
    """A symbol's market."""
    fields: dict[str, object] = {
        "symbol": symbol,
        "venue": "binance",
        "price_decimals": 1,
        "size_decimals": 3,
        "last": "66857.9",
        "bid": "66857.9",
        "ask": "66858",
        "bid_size": "1",
        "ask_size": "2",
        "change_pct": 1.73,
        "high": None,
        "low": None,
        "volume": "879000000",
        "sparkline": tuple(float(n % 5) for n in range(24)),
        "ts": NOW,
        "received": NOW,
        "is_live": True,
    }
    return MarketRow(**(fields | changed))  # type: ignore[arg-type]


def log(number: int, level: str = "INFO", message: str = "") -> LogRow:
    """One line of the log."""
    text = message or f"line {number}"
    ts = iso_of(ns_of(START) + number * 10**9)
    return LogRow(number=number, ts=ts, level=level, source="engine", message=text)
