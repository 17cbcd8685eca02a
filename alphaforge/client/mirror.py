"""What a client holds of a running engine: every channel's rows, kept whole by number.

Fed with the messages of a stream, in order; says when a number is missing. A channel that waits
for its snapshot keeps its last rows and is named in `waiting`: old is shown as old, never as
nothing. Must do no I/O, read no clock and compute no figure.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from operator import attrgetter
from typing import Final, Generic, TypeVar

import msgspec

from alphaforge.client.errors import unreadable
from alphaforge.client.market_records import BarRow, BookRow, TapeRow
from alphaforge.client.messages import (
    BarsMessage,
    Beat,
    BookMessage,
    Difference,
    ErrorMessage,
    ServerMessage,
    Snapshot,
    TapeMessage,
    Watch,
)
from alphaforge.client.records import (
    AlertRow,
    CurvePoint,
    FillRow,
    LogRow,
    MarketRow,
    OrderRow,
    PositionRow,
    RiskRow,
    SignalRow,
    StrategyRow,
    SummaryRow,
    VenueRow,
)

MOST_TAPE: Final = 500
MOST_BARS: Final = 2_000
"""Kept of a watched symbol; older ones fall off."""

RowType = TypeVar("RowType", bound=msgspec.Struct)

_opened = attrgetter("ts_open")


class Table(Generic[RowType]):
    """One channel: its rows by key, in the order the engine told them.

    Attributes:
        rows: Live; read it, never write to it.
        seq: Number of the last message that is in it; 0 before the first snapshot.
        is_whole: False before the first snapshot and after a gap.
        is_asked: A snapshot was asked for and has not come.
        truncated: The engine keeps older rows; they are paged by HTTP.
    """

    def __init__(self, kind: type[RowType]) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        self.rows: dict[str, RowType] = {}
        self.seq = 0
        self.is_whole = False
        self.is_asked = False
        self.truncated = False

    def take_whole(self, message: Snapshot) -> None:
        """Replace everything."""
        fresh = self._read(message.rows)
        self.rows.clear()
        self.rows.update(fresh)
        self.seq, self.truncated = message.seq, message.truncated
        self.is_whole, self.is_asked = True, False

    def take_change(self, message: Difference) -> None:
        """Set and drop what the message names; it must be the next one."""
        fresh = self._read(message.set)
        for key in message.gone:
            self.rows.pop(key, None)
        self.rows.update(fresh)
        self.seq = message.seq

    def lose(self) -> None:
        """What comes next does not follow: the rows stay, and may be old."""
        self.is_whole = False

    def _read(self, rows: dict[str, msgspec.Raw]) -> dict[str, RowType]:
        decode = self._decode
        try:
            return {key: decode(row) for key, row in rows.items()}
        except msgspec.DecodeError as error:
            raise unreadable(str(error)) from error


class Mirror:
    """Every channel of one engine, and the book, tape and candles of the watched symbol.

    Attributes:
        changed: Channels, and `book`, `tape`, `bars`, that changed since `take_changes`.
        now: The engine's clock as last told; empty before.
        last_heard: Set by whoever feeds it, from a clock of its own; 0 before the first message.
        book: None until told.
        tape: Public trades, oldest first, at most `MOST_TAPE`.
        skipped: Of the tape: trades the engine left out.
        bars: Candles, oldest first, at most `MOST_BARS`; `bars_indicators` holds one value per
            candle for each `strategy.name`.
        error: The last complaint of the engine about what was sent to it.
    """

    def __init__(self) -> None:
        self.tables: dict[str, Table[msgspec.Struct]] = {}
        self._portfolio = self._table("portfolio", SummaryRow)
        self.positions = self._table("positions", PositionRow).rows
        self.orders = self._table("orders", OrderRow).rows
        self.fills = self._table("trades", FillRow).rows
        self.curve = self._table("pnl", CurvePoint).rows
        self.strategies = self._table("strategies", StrategyRow).rows
        self.signals = self._table("signals", SignalRow).rows
        self.alerts = self._table("alerts", AlertRow).rows
        self.risk = self._table("risk", RiskRow).rows
        self.market = self._table("market", MarketRow).rows
        self.venues = self._table("venues", VenueRow).rows
        self.log = self._table("log", LogRow).rows
        self.changed: set[str] = set()
        self.now = ""
        self.last_heard = 0
        self.error: ErrorMessage | None = None
        self._watch: Watch | None = None
        self._clear_watched()

    @property
    def summary(self) -> SummaryRow | None:
        """The run as a whole; None until told."""
        return self._portfolio.rows.get("run")

    @property
    def waiting(self) -> frozenset[str]:
        """Channels whose rows may be old: before their first snapshot, or after a gap."""
        return frozenset(name for name, table in self.tables.items() if not table.is_whole)

    @property
    def is_whole(self) -> bool:
        """Whether every channel is as the engine told it last."""
        return all(table.is_whole for table in self.tables.values())

    def take_changes(self) -> set[str]:
        """What changed since the last call."""
        taken, self.changed = self.changed, set()
        return taken

    def watching(self, watch: Watch) -> None:
        """From now on only this symbol's book, tape and candles count; another's are forgotten."""
        before = self._watch
        self._watch = watch
        if before is None or (before.symbol, before.kind) != (watch.symbol, watch.kind):
            self._clear_watched()
            self.changed |= {"book", "tape", "bars"}

    def apply(self, message: ServerMessage) -> str | None:
        """Take one message in.

        Returns the channel whose snapshot must be asked for again (once for each gap), else None.
        Raises `ControlError` for a row that is not of this program's version.
        """
        if isinstance(message, Difference):
            return self._change(message)
        if isinstance(message, Snapshot):
            self._whole(message)
        elif isinstance(message, Beat):
            self.now = message.ts
        else:
            self._apply_other(message)
        return None

    def lost(self) -> None:
        """The stream ended: rows stay, and nothing counts as whole until told again."""
        for table in self.tables.values():
            table.lose()
            table.is_asked = False

    def _table(self, channel: str, kind: type[RowType]) -> Table[RowType]:
        table = Table(kind)
        self.tables[channel] = table  # pyright: ignore[reportArgumentType] - read by channel name only
        return table

    def _change(self, message: Difference) -> str | None:
        table = self.tables.get(message.channel)
        if table is None or table.is_asked or (table.is_whole and message.seq <= table.seq):
            return None
        if not table.is_whole or message.seq != table.seq + 1:
            table.lose()
            table.is_asked = True
            return message.channel
        table.take_change(message)
        self.now = message.ts
        self.changed.add(message.channel)
        return None

    def _whole(self, message: Snapshot) -> None:
        table = self.tables.get(message.channel)
        if table is None:
            return
        table.take_whole(message)
        self.now = message.ts
        self.changed.add(message.channel)

    def _apply_other(self, message: BookMessage | TapeMessage | BarsMessage | ErrorMessage) -> None:
        if isinstance(message, ErrorMessage):
            self.error = message
        elif isinstance(message, BookMessage):
            if self._is_watched(message.book.symbol):
                self.book = message.book
                self.changed.add("book")
        elif isinstance(message, TapeMessage):
            if self._is_watched(message.symbol):
                self.tape.extend(message.trades)
                self.skipped += message.skipped
                self.changed.add("tape")
        elif self._is_watched(message.symbol) and self._is_kind(message.kind):
            self._merge(message)
            self.changed.add("bars")

    def _is_watched(self, symbol: str) -> bool:
        return self._watch is None or not self._watch.symbol or self._watch.symbol == symbol

    def _is_kind(self, kind: str) -> bool:
        return self._watch is None or self._watch.kind == kind

    def _clear_watched(self) -> None:
        self.book: BookRow | None = None
        self.tape: deque[TapeRow] = deque(maxlen=MOST_TAPE)
        self.skipped = 0
        self.bars: list[BarRow] = []
        self.bars_indicators: dict[str, list[float | None]] = {}

    def _merge(self, message: BarsMessage) -> None:
        """Candles replace those with their start; what is older stays."""
        if not message.bars:
            return
        cut = bisect_left(self.bars, message.bars[0].ts_open, key=_opened)
        merged = {bar.ts_open: bar for bar in (*self.bars[cut:], *message.bars)}
        values = self._values_from(cut, message, sorted(merged))
        kept = self.bars[:cut] + [merged[start] for start in sorted(merged)]
        self.bars = kept[-MOST_BARS:]
        self.bars_indicators = {
            name: (self.bars_indicators.get(name, [None] * cut)[:cut] + tail)[-MOST_BARS:]
            for name, tail in values.items()
        }

    def _values_from(
        self, cut: int, message: BarsMessage, starts: list[str]
    ) -> dict[str, list[float | None]]:
        """Each indicator's values for the candles that start at `starts`."""
        names = [*self.bars_indicators, *message.indicators]
        found: dict[str, list[float | None]] = {}
        for name in dict.fromkeys(names):
            before = self.bars_indicators.get(name, [])[cut:]
            by_start = dict(zip(map(_start_of, self.bars[cut:]), before, strict=False))
            fresh = message.indicators.get(name, ())
            by_start.update(zip(map(_start_of, message.bars), fresh, strict=False))
            found[name] = [by_start.get(start) for start in starts]
        return found


_start_of: Final[Callable[[BarRow], str]] = _opened

_decoder = msgspec.json.Decoder(ServerMessage)


def decode_message(text: str | bytes) -> ServerMessage:
    """One frame of a stream; raises `ControlError` for what is none."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise unreadable(str(error)) from error
