"""Raw Binance feed logs: one line per message, `local_ns json`, spot, USD-M and COIN-M futures.

Order book differences are joined to their snapshot: until it comes they only move the clock, then
the snapshot is given out and after it the differences that go beyond it, so that a book that
checks the venue's update ids can follow without a gap. A file without a snapshot gives its
differences as they are; no book can be built from those alone.
"""

from collections import deque
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from alphaforge.marketdata.binance_messages import (
    Line,
    Message,
    Scan,
    decode,
    decode_clock,
    report_line,
)
from alphaforge.marketdata.facts import FileFacts
from alphaforge.marketdata.report import ReadReport
from alphaforge.marketdata.source import Source
from alphaforge.marketdata.times import epoch_scale
from alphaforge.model.enums import OrderSide
from alphaforge.model.market import (
    BookDelta,
    BookSnapshot,
    MarketEvent,
    Quote,
    Trade,
    VenueTime,
)

FORMAT = "binance-raw"
REMEMBERED_DELTAS = 10_000
"""How many differences before a snapshot are kept to be joined to it."""


class _Depth:
    """One symbol's differences on their way to the book: held until the snapshot, then joined."""

    def __init__(self, waits_for_snapshot: bool) -> None:
        self._waiting = waits_for_snapshot
        self._recent: deque[BookDelta] = deque(maxlen=REMEMBERED_DELTAS)
        self._last_id = 0

    def breaks_sequence(self, delta: BookDelta) -> bool:
        """Whether the difference does not follow on the one before it."""
        before, self._last_id = self._last_id, delta.last_id
        if not before:
            return False
        if delta.previous_id is not None:
            return delta.previous_id != before
        return delta.first_id != before + 1

    def delta(self, delta: BookDelta, venue: str) -> MarketEvent:
        """The event to give out for a difference now."""
        self._recent.append(delta)
        if self._waiting:
            return VenueTime(venue, delta.ts, delta.ts_local)
        return delta

    def snapshot(self, snapshot: BookSnapshot) -> Iterator[MarketEvent]:
        """The snapshot and every remembered difference that goes beyond it."""
        self._waiting = False
        yield snapshot
        for delta in self._recent:
            if delta.last_id > snapshot.last_id:
                ts = max(delta.ts, snapshot.ts)
                yield replace(delta, ts=ts, ts_local=snapshot.ts_local)


class _Pass:
    """One pass over the lines; keeps the venue's clock and every symbol's book differences."""

    def __init__(self, facts: FileFacts, names: Mapping[str, str], report: ReadReport) -> None:
        self._names = names
        self._report = report
        self._only = next(iter(names)) if len(names) == 1 else ""
        self._venue = next((known.venue for known in facts.symbols.values()), "binance")
        self._clock = 0
        self._first = facts.first_venue_ns
        self._trade_event = facts.trade_event
        self._depths = {own: _Depth(own in facts.snapshots) for own in names}
        if "book" in facts.kinds:
            for own in names:
                if own not in facts.snapshots:
                    report.note(f"no book snapshot of {names[own]}: no book can be built from it")

    def line(self, text: str, events: list[MarketEvent]) -> None:
        """Append what one line means."""
        at = text.index(" ")
        ts_local = int(text[:at])
        ts_local *= epoch_scale(ts_local)
        line = decode(text[at + 1 :])
        message = line.data
        if message is None:
            self._answer(line, ts_local, events)
            return
        ts = self._time(message.E or message.T, ts_local)
        if message.e == self._trade_event:
            name, side = self._names[message.s], OrderSide.SELL if message.m else OrderSide.BUY
            number = str(message.t or message.a)
            events.append(Trade(name, ts, message.p, message.q, side, number, ts_local))
        elif message.e == "depthUpdate":
            self._depth(message, ts, ts_local, events)
        elif message.e == "bookTicker" or (not message.e and line.stream.endswith("@bookTicker")):
            name, bid, ask = self._names[message.s], message.b, message.a
            if isinstance(bid, tuple) or isinstance(ask, tuple):
                raise ValueError("data.b and data.a are lists")
            events.append(Quote(name, ts, bid, ask, message.B, message.A, ts_local))
        elif message.E or message.T:
            events.append(VenueTime(self._venue, ts, ts_local))

    def numbered(self, number: int, text: str, events: list[MarketEvent]) -> None:
        """The same; a line that cannot be read is reported with its number."""
        try:
            self.line(text, events)
        except (ValueError, KeyError, msgspec.DecodeError) as problem:
            if report_line(self._report, number, text, problem):
                return
            self.other(text, events)
        self._report.rows += 1

    def other(self, text: str, events: list[MarketEvent]) -> None:
        """A stream whose fields are not ours: it moves the clock and nothing else."""
        stamp, _, body = text.partition(" ")
        line = decode_clock(body)
        number = (line.data.E or line.data.T) if line.data else 0
        if number:
            ts_local = int(stamp) * epoch_scale(int(stamp))
            events.append(VenueTime(self._venue, self._time(number, ts_local), ts_local))

    def _time(self, number: int, ts_local: int) -> int:
        """Venue time; a message without one takes the clock and does not move it."""
        if number:
            ts = number * epoch_scale(number)
            self._clock = max(self._clock, ts)
            return ts
        return self._clock or self._first or ts_local

    def _depth(self, message: Message, ts: int, ts_local: int, events: list[MarketEvent]) -> None:
        bids, asks = message.b, message.a
        if not isinstance(bids, tuple) or not isinstance(asks, tuple):
            raise ValueError("data.b and data.a are not lists of levels")  # noqa: TRY004 - a bad row
        name = self._names[message.s]
        delta = BookDelta(name, ts, bids, asks, message.U, message.u, message.pu, ts_local)
        depth = self._depths[message.s]
        self._report.gaps += depth.breaks_sequence(delta)
        events.append(depth.delta(delta, self._venue))

    def _answer(self, line: Line, ts_local: int, events: list[MarketEvent]) -> None:
        """A snapshot; any other answer is passed over."""
        if not line.lastUpdateId:
            return
        own = line.symbol or self._only
        ts = self._time(line.E or line.T, ts_local)
        snapshot = BookSnapshot(
            self._names[own], ts, line.bids, line.asks, line.lastUpdateId, ts_local
        )
        events.extend(self._depths[own].snapshot(snapshot))


class BinanceRawReader:
    """Reads one such log; see the module."""

    format = FORMAT

    def __init__(self, source: Source) -> None:
        self._source = source

    def scan(self) -> FileFacts:
        """The first pass over the whole file."""
        scan = Scan()
        report = ReadReport(self._source.path)
        for first, lines in self._source.reported_blocks(report):
            for number, text in enumerate(lines, first):
                scan.numbered(number, text, report)
        facts = scan.finish()
        facts.bad_count, facts.bad = report.bad_count, report.bad
        return facts

    def read(
        self, facts: FileFacts, names: Mapping[str, str], report: ReadReport
    ) -> Iterator[list[MarketEvent]]:
        """One pass: lists of events in file order, with symbols as `names` spells them."""
        state = _Pass(facts, names, report)
        for first, lines in self._source.reported_blocks(report):
            events: list[MarketEvent] = []
            for number, text in enumerate(lines, first):
                state.numbered(number, text, events)
            yield events
