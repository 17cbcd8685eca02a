"""`--from` and `--to`: which rows are traded, and what the rows before them give as history.

A bar row belongs to its open time, everything else to its engine time. Must never let a row in
that lies outside.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from alphaforge.engine.data import DataEngine
from alphaforge.engine.desk import HistoryRequest
from alphaforge.engine.markets import Markets
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import (
    Bar,
    BookDelta,
    BookSnapshot,
    HistoryBars,
    MarketEvent,
    Quote,
    Trade,
    VenueTime,
)

Take = Callable[[MarketEvent], object]


class Window(NamedTuple):
    """Engine time that is traded, `[begin, end)`, ns UTC; None = open on that side."""

    begin: int | None = None
    end: int | None = None

    def inside(
        self, batches: Iterable[list[MarketEvent]], before: Take
    ) -> Iterator[list[MarketEvent]]:
        """The batches cut to the window; each earlier row goes to `before`.

        A batch that lies before the window gives an empty one. Reading stops at the first row
        after it.
        """
        if self.begin is None and self.end is None:
            yield from batches
            return
        begin = self.begin if self.begin is not None else -1
        for batch in batches:
            kept: list[MarketEvent] = []
            for event in batch:
                ts = event.ts_open if isinstance(event, Bar) else event.ts_local
                if self.end is not None and ts >= self.end:
                    yield kept
                    return
                if ts < begin:
                    before(event)
                else:
                    kept.append(event)
            yield kept


class Warmup:
    """Builds the bars that strategies asked for with `history=N`, from rows before the window.

    Bars are built by the engine's own data engine, so that they are what `on_bar` would have seen.
    """

    def __init__(
        self,
        requests: Sequence[HistoryRequest],
        instruments: Mapping[str, Instrument],
        native_kinds: Mapping[str, str],
        begin: int,
    ) -> None:
        self._begin = begin
        self._data = DataEngine(Markets(instruments, unknown=None), statistics=False)
        self._data.on_bar(self._keep)
        self._bars: dict[tuple[str, str], deque[Bar]] = {}
        for request in requests:
            key = (request.symbol, request.kind)
            if key in self._bars:
                count = max(request.count, self._bars[key].maxlen or 0)
                self._bars[key] = deque(maxlen=count)
                continue
            self._bars[key] = deque(maxlen=request.count)
            if native_kinds.get(request.symbol) != request.kind:
                self._data.subscribe_bars(request.symbol, request.kind)

    def _keep(self, bar: Bar) -> None:
        kept = self._bars.get((bar.symbol, bar.kind))
        if kept is not None and bar.ts <= self._begin:
            kept.append(bar)

    def take(self, event: MarketEvent) -> None:
        """Take a row from before the window."""
        if not self._bars:
            return
        if isinstance(event, Trade):
            self._data.process_trade(event)
        elif isinstance(event, Bar):
            self._data.process_bar(event)
        elif isinstance(event, Quote):
            self._data.process_quote(event)
        elif isinstance(event, BookSnapshot | BookDelta):
            self._data.process_book(event)
        elif isinstance(event, VenueTime):
            self._data.accept_time(event)

    def history(self) -> Iterator[HistoryBars]:
        """What was asked for and found, oldest bar first, each marked historical."""
        for venue in self._data.markets.clocks:
            self._data.accept_time(VenueTime(venue, self._begin))
        for (symbol, kind), kept in self._bars.items():
            if kept:
                bars = tuple(replace(bar, historical=True) for bar in kept)
                yield HistoryBars(symbol, kind, self._begin, bars)
