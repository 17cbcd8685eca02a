"""Book, tape and candles of watched symbols: made once a turn for all who watch the same.

Must send nothing: `publisher` does.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from alphaforge.client.market_records import BarRow
from alphaforge.client.messages import BarsMessage, BookMessage, TapeMessage, Watch
from alphaforge.engine.core import Engine
from alphaforge.errors import NotFoundError, UsageError
from alphaforge.services.control.candle_kinds import MOST, Chart, interval_of
from alphaforge.services.control.candles import Candle, Candles
from alphaforge.services.control.channels import encoded
from alphaforge.services.control.indicator_series import IndicatorSeries
from alphaforge.services.control.market_rows import book_row, tape_row
from alphaforge.services.control.row_texts import decimals_of
from alphaforge.store.export import iso_time

DEEPEST: Final = 50
MOST_TRADES: Final = 50
"""Of the tape in one message: nobody reads more in a tenth of a second."""

FIRST_TRADES: Final = 200


class Watched:
    """What is told of watched symbols in one turn after the other."""

    def __init__(
        self, engine: Engine, candles: Candles, chart: Chart, indicators: IndicatorSeries
    ) -> None:
        self._engine = engine
        self._candles = candles
        self._chart = chart
        self._indicators = indicators
        self._books: dict[tuple[str, int], bytes] = {}
        self._tape_at: dict[str, int] = {}
        self._bars: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._told: dict[tuple[str, ...], list[bytes]] = {}

    def check(self, watch: Watch) -> None:
        """Raise `NotFoundError` for a symbol, `UsageError` for a kind or number not here."""
        if watch.symbol not in self._engine.markets.states:
            known = ", ".join(self._engine.markets.states)
            raise NotFoundError(
                f"no symbol `{watch.symbol[:40]}` here", remedy=f"symbols here: {known}"
            )
        if watch.kind:
            interval_of(watch.kind)
        if not 0 <= watch.depth <= DEEPEST:
            raise UsageError(f"a depth is 0 to {DEEPEST}, not {watch.depth}")
        if not 1 <= watch.count <= MOST:
            raise UsageError(f"a count of candles is 1 to {MOST}, not {watch.count}")

    def whole(self, watch: Watch) -> list[bytes]:
        """Book and candles as they are, for who has none of them."""
        found = [self.book(watch.symbol, watch.depth)] if watch.depth else []
        if watch.kind:
            found.append(encoded(self.bars(watch.symbol, watch.kind, watch.count)))
        return found

    def latest_trades(self, symbol: str) -> bytes:
        """The newest of the tape, for who has nothing of it."""
        return self._tape(symbol, FIRST_TRADES, 0)

    def changes(self, watches: Iterable[Watch]) -> None:
        """Find what changed since the last turn of all that is watched, for `change_of`."""
        self._told.clear()
        wanted = list(watches)
        for symbol, depth in {(each.symbol, each.depth) for each in wanted if each.depth}:
            self._told["book", symbol, str(depth)] = self._book_change(symbol, depth)
        symbols = {each.symbol for each in wanted}
        for symbol in symbols:
            self._told["tape", symbol] = self._tape_change(symbol)
        drawn = {(each.symbol, each.kind) for each in wanted if each.kind}
        for symbol, kind in drawn:
            self._told["bars", symbol, kind] = self._bars_change(symbol, kind)
        self._tape_at = {key: at for key, at in self._tape_at.items() if key in symbols}
        self._bars = {key: last for key, last in self._bars.items() if key in drawn}

    def change_of(self, watch: Watch) -> list[bytes]:
        """What of it concerns one client."""
        told = self._told
        return [
            *told.get(("book", watch.symbol, str(watch.depth)), ()),
            *told.get(("tape", watch.symbol), ()),
            *told.get(("bars", watch.symbol, watch.kind), ()),
        ]

    def book(self, symbol: str, depth: int) -> bytes:
        """The encoded message of a symbol's book as it is."""
        state = self._engine.markets.states[symbol]
        row = book_row(state, self._candles.market(symbol), depth)
        return encoded(BookMessage(book=row))

    def bars(self, symbol: str, kind: str, count: int, before: int | None = None) -> BarsMessage:
        """Candles with the indicators that stood at their ends; raises `UsageError`."""
        candles = self._chart.candles(symbol, kind, count, before)
        return self._message(symbol, kind, candles)

    def _message(self, symbol: str, kind: str, candles: list[Candle]) -> BarsMessage:
        interval = interval_of(kind)
        ends = [each[0] + interval for each in candles]
        unsure = self._chart.unsure(symbol, kind, [each[0] for each in candles])
        state = self._engine.markets.states.get(symbol)
        decimals = decimals_of(state.instrument.quantity_step) if state is not None else 8
        rows = tuple(
            bar_row(each, end, is_unsure, decimals)
            for each, end, is_unsure in zip(candles, ends, unsure, strict=True)
        )
        indicators = self._indicators.along(symbol, ends)
        return BarsMessage(symbol=symbol, kind=kind, bars=rows, indicators=indicators)

    def _book_change(self, symbol: str, depth: int) -> list[bytes]:
        payload = self.book(symbol, depth)
        if self._books.get((symbol, depth)) == payload:
            return []
        self._books[symbol, depth] = payload
        return [payload]

    def _tape_change(self, symbol: str) -> list[bytes]:
        market = self._candles.market(symbol)
        if market is None:
            return []
        new = market.trades - self._tape_at.setdefault(symbol, market.trades)
        self._tape_at[symbol] = market.trades
        if not new:
            return []
        shown = min(new, MOST_TRADES)
        return [self._tape(symbol, shown, new - shown)]

    def _tape(self, symbol: str, count: int, skipped: int) -> bytes:
        market = self._candles.market(symbol)
        trades = [*islice(reversed(market.tape), count)] if market is not None else []
        rows = tuple(tape_row(each) for each in reversed(trades))
        return encoded(TapeMessage(symbol=symbol, trades=rows, skipped=skipped))

    def _bars_change(self, symbol: str, kind: str) -> list[bytes]:
        """The last candle, and those since the one that was last the last time."""
        key = (symbol, kind)
        since, before = self._bars.get(key, (0, b""))
        candles = self._chart.since(symbol, kind, since)
        if not candles:
            return []
        payload = encoded(self._message(symbol, kind, candles))
        self._bars[key] = (candles[-1][0], payload)
        return [payload] if payload != before else []


def bar_row(candle: Candle, end: int, is_unsure: bool, decimals: int) -> BarRow:
    """One candle; `is_unsure` where it may lack something; its volume has so many decimals."""
    start, open_, high, low, close, volume = candle
    return BarRow(
        ts_open=iso_time(start),
        ts=iso_time(end),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=round(volume, decimals),
        incomplete=is_unsure,
    )
