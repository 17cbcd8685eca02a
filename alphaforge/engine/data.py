"""Judges market events, keeps last prices and books, and builds bars.

An event that is not sane is counted by reason and never passed on. `Engine` calls the phases
(`accept_*`, then `build_*`) with the simulated venue in between; a script calls `process_*`,
which runs them together and tells the registered handlers. Must never decide about orders.
"""

from collections.abc import Callable
from typing import Final

from alphaforge.engine.bars import NO_BARS, BarBuilder, BarKind, parse_kind
from alphaforge.engine.book import OrderBook
from alphaforge.engine.markets import Markets, SymbolState, VenueClock
from alphaforge.engine.meter import now_ns
from alphaforge.errors import UsageError
from alphaforge.model.market import Bar, BarOpen, BookDelta, BookSnapshot, Quote, Trade, VenueTime

REMEMBERED_TRADE_IDS: Final = 10_000
"""How far back a repeated trade id is recognised, in trades of the symbol."""

TOO_LARGE: Final = 1e21
"""No price or size of any market; infinity is beyond it, and a comparison finds both."""

TradeHandler = Callable[[Trade], object]
QuoteHandler = Callable[[Quote], object]
BarHandler = Callable[[Bar], object]


class DataEngine:
    """Validation, last prices, books and bars of every symbol.

    `statistics=False` leaves out the rates (they need the meter's clock, which decides nothing).

    Attributes:
        rejected: Events not passed on, by reason.
        on_due: Called when a venue's time bars are due; the engine puts its own here.
    """

    def __init__(self, markets: Markets | None = None, *, statistics: bool = True) -> None:
        self.markets = markets if markets is not None else Markets()
        self.rejected: dict[str, int] = {}
        self.quotes = 0
        self.on_due: Callable[[VenueClock], object] = self._deliver_due
        self._states = self.markets.states
        self._native_bars = 0
        self._meter_from = now_ns() if statistics else 0
        self._trade_handlers: list[TradeHandler] = []
        self._quote_handlers: list[QuoteHandler] = []
        self._bar_handlers: list[BarHandler] = []

    # What a script uses -----------------------------------------------------------------------

    def on_trade(self, handler: TradeHandler) -> None:
        """Have `handler` told of every valid trade, after the last price moved."""
        self._trade_handlers.append(handler)

    def on_quote(self, handler: QuoteHandler) -> None:
        """Have `handler` told of every valid quote."""
        self._quote_handlers.append(handler)

    def on_bar(self, handler: BarHandler) -> None:
        """Have `handler` told of every bar asked for with `subscribe_bars`."""
        self._bar_handlers.append(handler)

    def subscribe_bars(self, symbol: str, kind: str) -> None:
        """Build bars of a kind from now on; raises UsageError for what is no kind or symbol."""
        state = self.markets.find(symbol)
        if state is None:
            raise UsageError(f"no symbol `{symbol}` here", remedy="name one the engine was given")
        self.build(state, parse_kind(kind))

    def process_trade(self, trade: Trade) -> bool:
        """Take a trade to its end; False if it was rejected."""
        state = self.accept_trade(trade)
        if state is None:
            return False
        bars = state.builder.add(trade) if state.builder is not None else NO_BARS
        for handler in self._trade_handlers:
            handler(trade)
        self._deliver(bars)
        return True

    def process_quote(self, quote: Quote) -> bool:
        """Take a quote to its end; False if it was rejected."""
        state = self.accept_quote(quote)
        if state is None:
            return False
        if state.quote_builder is not None:
            state.quote_builder.add_price((quote.bid + quote.ask) / 2, quote.ts)
        for handler in self._quote_handlers:
            handler(quote)
        return True

    def process_book(self, event: BookSnapshot | BookDelta) -> bool:
        """Take a book message to its end; False if it was rejected or changed nothing."""
        return self.accept_book(event) is not None

    def process_bar(self, bar: Bar) -> bool:
        """Take a recorded bar to its end; False if it was rejected."""
        state = self.accept_bar(bar)
        if state is None:
            return False
        self._deliver([bar, *self.build_from_bar(state, bar)])
        return True

    def last(self, symbol: str) -> float | None:
        """Last price of a symbol; None before the first."""
        state = self.markets.states.get(symbol)
        return state.last if state is not None and state.last else None

    def statistics(self) -> dict[str, float | int | dict[str, int]]:
        """Counts since the start, and trades per second of wall time (0 without statistics)."""
        seconds = (now_ns() - self._meter_from) / 1e9 if self._meter_from else 0.0
        return {
            "trades_processed": self.trades,
            "trades_rejected": self.rejected_of("trade"),
            "quotes_processed": self.quotes,
            "bars_built": self.bars_built,
            "late": self.late,
            "rejected_by_reason": dict(self.rejected),
            "trades_per_second": self.trades / seconds if seconds > 0 else 0.0,
        }

    # What the engine uses ---------------------------------------------------------------------

    @property
    def builders(self) -> list[BarBuilder]:
        """Every symbol's bar builders."""
        states = self.markets.states.values()
        found = [state.builder for state in states] + [state.quote_builder for state in states]
        return [builder for builder in found if builder is not None]

    @property
    def trades(self) -> int:
        """Trades accepted, of all symbols."""
        return sum(state.trade_count for state in self._states.values())

    @property
    def bars_built(self) -> int:
        """Bars delivered, built or recorded."""
        return sum(builder.built for builder in self.builders) + self._native_bars

    @property
    def late(self) -> int:
        """Trades that came after their bucket closed and were not added to it."""
        return sum(builder.late for builder in self.builders)

    @property
    def unfinished(self) -> int:
        """Bars that are open with something in them."""
        return sum(builder.unfinished() for builder in self.builders)

    def rejected_of(self, stream: str) -> int:
        """Rejected events of one kind of stream: `trade`, `quote`, `book`, `bar`."""
        return sum(count for reason, count in self.rejected.items() if reason.startswith(stream))

    def build(self, state: SymbolState, kind: BarKind) -> None:
        """Build a kind of bar for a symbol from now on."""
        if kind.from_quotes:
            if state.quote_builder is None:
                state.quote_builder = BarBuilder(state.instrument)
            builder = state.quote_builder
        else:
            if state.builder is None:
                state.builder = BarBuilder(state.instrument)
            builder = state.builder
        builder.watch(kind)
        state.clock.watch(builder)

    def reject(self, reason: str) -> None:
        """Count an event that is not passed on."""
        self.rejected[reason] = self.rejected.get(reason, 0) + 1

    def accept_trade(self, trade: Trade) -> SymbolState | None:
        """Judge a trade and move the clock and the last price; None if it is rejected."""
        state = self._states.get(trade.symbol) or self.markets.find(trade.symbol)
        if state is None:
            return self.reject("trade: unknown symbol")
        price, ts = trade.price, trade.ts
        if not 0.0 < price < TOO_LARGE or not 0.0 < trade.size < TOO_LARGE or ts < state.trade_ts:
            return self._reject_trade(trade)
        if trade.trade_id and _is_known(state, trade.trade_id):
            return self.reject("trade: duplicate id")
        state.trade_ts = ts
        clock = state.clock
        if ts > clock.ts:
            clock.ts = ts
            if ts >= clock.next_end:
                self.on_due(clock)
        if not state.traded:
            _first_trade(state, price)
        state.last = price
        state.trade_count += 1
        return state

    def _reject_trade(self, trade: Trade) -> None:
        """Say which rule the trade broke, the first in the order price, size, time."""
        if trade.price != trade.price or trade.size != trade.size:
            return self.reject("trade: not a number")
        if max(trade.price, trade.size) >= TOO_LARGE:
            return self.reject("trade: infinite or too large")
        if trade.price <= 0.0:
            return self.reject("trade: price not above zero")
        if trade.size <= 0.0:
            return self.reject("trade: size not above zero")
        return self.reject("trade: out of order")

    def accept_quote(self, quote: Quote) -> SymbolState | None:
        """Judge a quote and move the clock, bid and ask; None if it is rejected."""
        state = self._states.get(quote.symbol) or self.markets.find(quote.symbol)
        if state is None:
            return self.reject("quote: unknown symbol")
        bid, ask, ts = quote.bid, quote.ask, quote.ts
        if not 0.0 < bid <= ask < TOO_LARGE or ts < state.quote_ts:
            return self._reject_quote(quote)
        if not 0.0 <= quote.bid_size < TOO_LARGE or not 0.0 <= quote.ask_size < TOO_LARGE:
            return self.reject("quote: size below zero or not a number")
        state.quote_ts = ts
        clock = state.clock
        if ts > clock.ts:
            clock.ts = ts
            if ts >= clock.next_end:
                self.on_due(clock)
        state.bid, state.ask = bid, ask
        if state.quoted != 2:  # noqa: PLR2004 - documented in SymbolState.quoted
            state.quoted = 2
            state.rearm()
        if not state.traded:
            _mark_by_middle(state)
        self.quotes += 1
        return state

    def _reject_quote(self, quote: Quote) -> None:
        if quote.bid != quote.bid or quote.ask != quote.ask:
            return self.reject("quote: not a number")
        if max(quote.bid, quote.ask) >= TOO_LARGE:
            return self.reject("quote: infinite or too large")
        if quote.bid <= 0.0 or quote.ask <= 0.0:
            return self.reject("quote: price not above zero")
        if quote.bid > quote.ask:
            return self.reject("quote: crossed")
        return self.reject("quote: out of order")

    def accept_book(self, event: BookSnapshot | BookDelta) -> SymbolState | None:
        """Apply a book message; None if it is rejected or the book is not valid after it."""
        state = self.markets.find(event.symbol)
        if state is None:
            return self.reject("book: unknown symbol")
        if isinstance(event, BookDelta):
            if event.ts < state.book_ts:
                return self.reject("book: out of order")
            state.book_ts = event.ts
        self._move_clock(state.clock, event.ts)
        book = state.book
        if book is None:
            book = state.book = OrderBook(state.symbol)
        if isinstance(event, BookSnapshot):
            book.apply_snapshot(event)
        else:
            book.apply_delta(event)
        if not book.valid:
            if state.quoted == 1:
                state.bid = state.ask = 0.0
            return None
        self._quote_by_book(state, book)
        return state

    def _quote_by_book(self, state: SymbolState, book: OrderBook) -> None:
        """Let the book's top stand in for quotes, where the feed has none."""
        if state.quoted > 1 or not book.bid or not book.ask:
            return
        state.bid, state.ask = book.bid, book.ask
        if not state.quoted:
            state.quoted = 1
            state.rearm()
        if not state.traded:
            _mark_by_middle(state)

    def accept_open(self, event: BarOpen) -> SymbolState | None:
        """Judge a recorded bar's open and move the clock and the last price."""
        state = self.markets.find(event.symbol)
        if state is None:
            return self.reject("bar: unknown symbol")
        if not 0.0 < event.price < TOO_LARGE:
            return self.reject("bar: price not a number above zero")
        if event.ts < state.bar_ts or event.ts <= state.bar_open_ts:
            return self.reject("bar: out of order")
        self._move_clock(state.clock, event.ts)
        state.bar_open_ts = event.ts
        state.opened = event.ts_local
        state.on_bars = True
        if not state.first:
            state.first = event.price
        state.last = event.price
        return state

    def accept_bar(self, bar: Bar) -> SymbolState | None:
        """Judge a recorded bar and move the last price; its content belongs to its open time."""
        state = self.markets.find(bar.symbol)
        if state is None:
            return self.reject("bar: unknown symbol")
        low, high = bar.low, bar.high
        if not (0.0 < low <= bar.open <= high < TOO_LARGE and low <= bar.close <= high):
            return self.reject("bar: prices not in order or not above zero")
        if not 0.0 <= bar.volume < TOO_LARGE:
            return self.reject("bar: volume below zero or not a number")
        if bar.ts <= bar.ts_open or bar.ts_open < state.bar_ts:
            return self.reject("bar: out of order")
        self._move_clock(state.clock, bar.ts_open)
        state.bar_ts = bar.ts
        state.on_bars = True
        if not state.first:
            state.first = bar.open
        state.last = bar.close
        self._native_bars += 1
        return state

    def build_from_bar(self, state: SymbolState, bar: Bar) -> list[Bar]:
        """Add a lower bar and close what ends with it; the bars that close, shortest first."""
        bars: list[Bar] = []
        builder = state.builder
        if builder is not None:
            builder.add_bar(bar)
            bars = builder.close_due(bar.ts)
            state.clock.refresh()
        return bars

    def accept_time(self, event: VenueTime) -> None:
        """Move a venue's clock without anything else happening."""
        clock = self.markets.clocks.get(event.venue)
        if clock is not None:
            self._move_clock(clock, event.ts)

    def due_bars(self, clock: VenueClock) -> list[Bar]:
        """Close every time bar of a venue that is due, by (end, symbol, interval)."""
        bars: list[Bar] = []
        for builder in clock.builders:
            if clock.ts >= builder.next_end:
                bars.extend(builder.close_due(clock.ts))
        clock.refresh()
        if len(bars) > 1:
            bars.sort(key=lambda bar: bar.ts)
        return bars

    def _move_clock(self, clock: VenueClock, ts: int) -> None:
        if ts > clock.ts:
            clock.ts = ts
            if ts >= clock.next_end:
                self.on_due(clock)

    def _deliver_due(self, clock: VenueClock) -> None:
        self._deliver(self.due_bars(clock))

    def _deliver(self, bars: tuple[Bar, ...] | list[Bar]) -> None:
        for bar in bars:
            for handler in self._bar_handlers:
                handler(bar)


def _first_trade(state: SymbolState, price: float) -> None:
    state.traded = True
    state.on_bars = False
    if not state.first:
        state.first = price
    state.rearm()


def _mark_by_middle(state: SymbolState) -> None:
    """Without any trade, the middle of the quote stands for the last price."""
    state.last = (state.bid + state.ask) / 2
    if not state.first:
        state.first = state.last


def _is_known(state: SymbolState, trade_id: str) -> bool:
    """Whether the symbol had this trade id within the last `REMEMBERED_TRADE_IDS`; remembers it."""
    ids, count = state.trade_ids, state.trade_count
    known = ids.get(trade_id)
    if known is not None and count - known < REMEMBERED_TRADE_IDS:
        return True
    ids[trade_id] = count + 1
    if len(ids) > 3 * REMEMBERED_TRADE_IDS:
        _forget_old_ids(state)
    return False


def _forget_old_ids(state: SymbolState) -> None:
    """Drop trade ids too old to be compared with; rarely, so that it costs nothing a trade."""
    oldest = state.trade_count - REMEMBERED_TRADE_IDS
    state.trade_ids = {key: count for key, count in state.trade_ids.items() if count > oldest}
