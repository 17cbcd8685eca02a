"""Rows of a watched symbol: candles, book, tape.

As `records`; candles are floats, as the engine's bars are. Must hold no arithmetic.
"""

import msgspec


class BarRow(msgspec.Struct, kw_only=True):
    """One candle of `GET /api/bars` and of the stream of a watched symbol.

    Attributes:
        ts_open: Its start; `ts` is its end. The last one of a live answer may be unfinished.
        incomplete: Built from a gap, or not finished yet.
    """

    ts_open: str
    ts: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    incomplete: bool = False


class BookRow(msgspec.Struct, kw_only=True):
    """The best levels of a symbol's book, best first, each (price, size)."""

    symbol: str
    ts: str
    bids: tuple[tuple[str, str], ...]
    asks: tuple[tuple[str, str], ...]


class TapeRow(msgspec.Struct, kw_only=True):
    """One public trade; `side` is the taker's: `BUY`, `SELL`, or empty if not known."""

    ts: str
    price: str
    size: str
    side: str
