"""What travels over the control API's WebSockets: snapshots and numbered differences.

Server → client: on each channel first a `Snapshot`, then `Difference`s numbered without a gap from
it. Client → server: `Resend` after a gap, `Watch` for a symbol's book, tape and candles. `/ws/NAME`
carries one channel, `/ws/all` all of them, each with its own numbers. Must hold no logic.
"""

from typing import Final, TypeAlias

import msgspec

from alphaforge.client.market_records import BarRow, BookRow, TapeRow

CHANNELS: Final = (
    "portfolio",
    "positions",
    "orders",
    "trades",
    "pnl",
    "strategies",
    "signals",
    "alerts",
    "risk",
    "market",
    "venues",
    "log",
)
"""Names of channels. `portfolio` holds the one `SummaryRow` (key `run`), `trades` our fills
(`FillRow`), `market` a `MarketRow` per symbol; the others what their name says."""

PUBLISH_HZ: Final = 10
"""Differences at most so often."""


class Snapshot(msgspec.Struct, tag="snapshot", tag_field="type", kw_only=True):
    """A whole channel: key → row (see `records`). Long ones begin where they are kept from.

    Attributes:
        seq: Number of the last difference that is in it.
        ts: The engine's clock.
        truncated: Older rows exist and are left out; they are paged by HTTP.
    """

    channel: str
    seq: int
    ts: str
    rows: dict[str, msgspec.Raw]
    truncated: bool = False


class Difference(msgspec.Struct, tag="diff", tag_field="type", kw_only=True):
    """What changed since number `seq - 1`: rows set whole, keys gone."""

    channel: str
    seq: int
    ts: str
    set: dict[str, msgspec.Raw]
    gone: tuple[str, ...] = ()


class Beat(msgspec.Struct, tag="beat", tag_field="type", kw_only=True):
    """Nothing changed for half a second, and the engine lives."""

    ts: str


class BookMessage(msgspec.Struct, tag="book", tag_field="type", kw_only=True):
    """The best levels of a watched symbol, whole."""

    book: BookRow


class TapeMessage(msgspec.Struct, tag="tape", tag_field="type", kw_only=True):
    """Public trades of a watched symbol since the last message, oldest first.

    Attributes:
        skipped: Left out because there were more than anyone can read.
    """

    symbol: str
    trades: tuple[TapeRow, ...]
    skipped: int = 0


class BarsMessage(msgspec.Struct, tag="bars", tag_field="type", kw_only=True):
    """Candles of a watched symbol: the last unfinished one, and those that ended meanwhile.

    The first after a `Watch` holds the latest `Watch.count`; each replaces those with its
    `ts_open`.

    Attributes:
        indicators: `strategy.name` → one value per bar of this message, null where not ready.
    """

    symbol: str
    kind: str
    bars: tuple[BarRow, ...]
    indicators: dict[str, tuple[float | None, ...]] = {}


class ErrorMessage(msgspec.Struct, tag="error", tag_field="type", kw_only=True):
    """What a client sent was not understood; the socket stays open."""

    code: str
    message: str


ServerMessage: TypeAlias = (
    Snapshot | Difference | Beat | BookMessage | TapeMessage | BarsMessage | ErrorMessage
)


class Resend(msgspec.Struct, tag="snapshot", tag_field="type", kw_only=True):
    """Send this channel's snapshot again: a number was missing."""

    channel: str


class Watch(msgspec.Struct, tag="watch", tag_field="type", kw_only=True):
    """From now on also this symbol's book, tape and candles; replaces the last one, "" ends it.

    Attributes:
        depth: Levels per side, 1 to 50; 0 = no book.
        kind: Of candles, `1s` to `1d`; empty = none.
        count: Candles in the first message, at most 1,000.
    """

    symbol: str
    depth: int = 20
    kind: str = "1m"
    count: int = 300


ClientMessage: TypeAlias = Resend | Watch
