"""What the market says: trades, quotes, books, bars and funding, as frozen values.

Prices and sizes are floats (the engine books Decimals read from their shortest text). Every
event carries two times in integer nanoseconds UTC: `ts`, when the venue says it happened
(`ts_venue`), and `ts_local`, when we knew of it, which orders events and is the engine's `now`.
A `ts_local` that is not given equals `ts`.
"""

from decimal import Decimal
from typing import TypeAlias

import msgspec
from msgspec.structs import force_setattr

from alphaforge.model.enums import OrderSide

Level: TypeAlias = tuple[float, float]
"""One price level of a book: (price, size); a size of 0 in a delta removes the level."""


class Trade(msgspec.Struct, frozen=True, gc=False, tag="trade"):
    """One public print.

    Attributes:
        symbol: The instrument, as the strategy spells it (`BTC/USDT`).
        ts: `ts_venue`, ns UTC.
        price: Quote per base.
        size: Base units (contracts for inverse instruments), more than zero.
        side: The aggressor's side; None where the feed does not say.
        trade_id: The venue's id; empty where the feed has none.
        ts_local: When we received it, ns UTC.
    """

    symbol: str
    ts: int
    price: float
    size: float
    side: OrderSide | None = None
    trade_id: str = ""
    ts_local: int = 0

    def __post_init__(self) -> None:
        if not self.ts_local:
            force_setattr(self, "ts_local", self.ts)


class Quote(msgspec.Struct, frozen=True, gc=False, tag="quote"):
    """Best bid and ask now; sizes are 0 where the feed does not say."""

    symbol: str
    ts: int
    bid: float
    ask: float
    bid_size: float = 0.0
    ask_size: float = 0.0
    ts_local: int = 0

    def __post_init__(self) -> None:
        if not self.ts_local:
            force_setattr(self, "ts_local", self.ts)

    @property
    def mid(self) -> float:
        """Halfway between bid and ask."""
        return (self.bid + self.ask) / 2


class BookSnapshot(msgspec.Struct, frozen=True, gc=False, tag="book_snapshot"):
    """A whole book: levels best first, and the venue's update id it stands at."""

    symbol: str
    ts: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    last_id: int = 0
    ts_local: int = 0

    def __post_init__(self) -> None:
        if not self.ts_local:
            force_setattr(self, "ts_local", self.ts)


class BookDelta(msgspec.Struct, frozen=True, gc=False, tag="book_delta"):
    """Changed levels of a book, and where they stand in the venue's sequence.

    Attributes:
        first_id: First update id this message covers.
        last_id: Last update id it covers.
        previous_id: `last_id` of the message before it, or None where the venue does not say
            (then `first_id` must follow on the book's last id).
    """

    symbol: str
    ts: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    first_id: int = 0
    last_id: int = 0
    previous_id: int | None = None
    ts_local: int = 0

    def __post_init__(self) -> None:
        if not self.ts_local:
            force_setattr(self, "ts_local", self.ts)


class BarOpen(msgspec.Struct, frozen=True, gc=False, tag="bar_open"):
    """The first half of a recorded bar row: its open, at its open time (`ts`)."""

    symbol: str
    ts: int
    price: float
    ts_local: int = 0

    def __post_init__(self) -> None:
        if not self.ts_local:
            force_setattr(self, "ts_local", self.ts)


class Bar(msgspec.Struct, frozen=True, gc=False, tag="bar"):
    """Open, high, low, close and volume of an interval `[ts_open, ts)`.

    Attributes:
        kind: `1s` … `1d`, `100-tick`, `10-volume`, `1000000-value`, or `1m@quote`.
        ts: End of the interval, ns UTC.
        ts_open: Start of the interval, ns UTC.
        volume: Base units traded; 0 for bars of quotes.
        trade_count: Trades inside; 0 where unknown.
        historical: True for warm-up bars from before the run: orders are denied during them.
        complete: False where the feed is known to have lost something inside.
    """

    symbol: str
    kind: str
    ts: int
    ts_open: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    trade_count: int = 0
    historical: bool = False
    complete: bool = True
    ts_local: int = 0

    def __post_init__(self) -> None:
        if not self.ts_local:
            force_setattr(self, "ts_local", self.ts)


class HistoryBars(msgspec.Struct, frozen=True, gc=False, tag="history_bars"):
    """Bars from before the run, oldest first, for whoever asked with `history=N`."""

    symbol: str
    kind: str
    ts: int
    bars: tuple[Bar, ...]
    ts_local: int = 0

    def __post_init__(self) -> None:
        if not self.ts_local:
            force_setattr(self, "ts_local", self.ts)


class FundingRate(msgspec.Struct, frozen=True, gc=False, tag="funding"):
    """A perpetual's funding payment due at `ts`: longs pay `rate` × value (negative: receive)."""

    symbol: str
    ts: int
    rate: Decimal
    ts_local: int = 0

    def __post_init__(self) -> None:
        if not self.ts_local:
            force_setattr(self, "ts_local", self.ts)


class VenueTime(msgspec.Struct, frozen=True, gc=False, tag="venue_time"):
    """The venue's clock moved and nothing else happened: closes due bars, fires due timers."""

    venue: str
    ts: int
    ts_local: int = 0

    def __post_init__(self) -> None:
        if not self.ts_local:
            force_setattr(self, "ts_local", self.ts)


MarketEvent: TypeAlias = (
    Trade | Quote | BookSnapshot | BookDelta | BarOpen | Bar | HistoryBars | FundingRate | VenueTime
)
