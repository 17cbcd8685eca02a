"""What the engine knows of each symbol's market right now: one object a symbol, all hangs on it.

Prices here are floats as they came; `SymbolState.mark` is the one place that books a last price
as a Decimal. Must never judge an event (that is `data`) nor fill an order (`simulated_venue`).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from alphaforge.engine.bars import BarBuilder
from alphaforge.engine.book import OrderBook
from alphaforge.engine.resting import RestingBook
from alphaforge.model.instrument import Instrument, default_instrument

FAR_FUTURE = 1 << 62
"""A time no event reaches, ns: what "nothing is due" compares against."""

Unknown = Callable[[str], Instrument]


class VenueClock:
    """The greatest `ts_venue` seen from a venue, any symbol, and when its next time bar ends."""

    __slots__ = ("builders", "next_end", "ts", "venue")

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.ts = 0
        self.next_end = FAR_FUTURE
        self.builders: list[BarBuilder] = []

    def watch(self, builder: BarBuilder) -> None:
        """Have a builder's time bars closed by this clock; builders stay in symbol order."""
        if builder not in self.builders:
            self.builders.append(builder)
            self.builders.sort(key=lambda each: each.symbol)
        builder.start_clock(self.ts)
        self.refresh()

    def refresh(self) -> None:
        """Find when the next time bar ends."""
        self.next_end = min((each.next_end for each in self.builders), default=FAR_FUTURE)


class SymbolState:
    """One symbol's market: prices, stream positions, bars, resting orders.

    Attributes:
        last: Last price; 0.0 before the first.
        bid: Best bid, 0.0 before the first quote or book.
        ask: Best ask, likewise.
        quoted: 0 = never, 1 = by a book's top, 2 = by quotes (which then win over the book).
        traded: Whether a trade was seen.
        trade_count: Trades accepted.
        native_kind: Kind of the recorded bars, where the data are bars; empty otherwise.
        opened: Engine time at which the recorded bar now in the making opened.
        on_bars: The data are bars: orders wait for the next bar.
        low: A trade at or below this may fill or wake an order.
        high: A trade at or above this may.
        ask_low, ask_high, bid_low, bid_high: The same for quotes.
    """

    __slots__ = (
        "ask",
        "ask_high",
        "ask_low",
        "bar_listeners",
        "bar_open_ts",
        "bar_ts",
        "bid",
        "bid_high",
        "bid_low",
        "book",
        "book_listeners",
        "book_ts",
        "builder",
        "clock",
        "first",
        "high",
        "instrument",
        "last",
        "low",
        "mark_price",
        "mark_value",
        "native_kind",
        "on_bars",
        "opened",
        "quote_builder",
        "quote_listeners",
        "quote_ts",
        "quoted",
        "resting",
        "symbol",
        "trade_count",
        "trade_ids",
        "trade_listeners",
        "trade_ts",
        "traded",
    )

    def __init__(self, instrument: Instrument, clock: VenueClock) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.clock = clock
        self.last = 0.0
        self.first = 0.0
        self.bid = 0.0
        self.ask = 0.0
        self.quoted = 0
        self.traded = False
        self.on_bars = False
        self.native_kind = ""
        self.trade_ts = 0
        self.quote_ts = 0
        self.book_ts = 0
        self.bar_ts = 0
        self.bar_open_ts = -1
        self.opened = 0
        self.trade_count = 0
        self.trade_ids: dict[str, int] = {}
        self.book: OrderBook | None = None
        self.builder: BarBuilder | None = None
        self.quote_builder: BarBuilder | None = None
        self.resting = RestingBook()
        self.low = -1.0
        self.high = float("inf")
        self.ask_low = -1.0
        self.ask_high = float("inf")
        self.bid_low = -1.0
        self.bid_high = float("inf")
        self.mark_price = 0.0
        self.mark_value: Decimal | None = None
        self.trade_listeners: tuple[Callable[..., object], ...] = ()
        self.quote_listeners: tuple[Callable[..., object], ...] = ()
        self.book_listeners: tuple[Callable[..., object], ...] = ()
        self.bar_listeners: dict[str, tuple[Callable[..., object], ...]] = {}

    def mark(self) -> Decimal | None:
        """The last price as booked; None before the first. Without trades: the middle."""
        price = self.last
        if price != self.mark_price:
            self.mark_price = price
            self.mark_value = self.instrument.price_of(price)
        return self.mark_value

    def rearm(self) -> None:
        """Bring the prices at which a trade or quote touches an order up to the resting orders."""
        resting = self.resting
        buy_limit, sell_limit = resting.buy_limit, resting.sell_limit
        buy_stop, sell_stop = resting.buy_stop, resting.sell_stop
        far = float("inf")
        if not self.quoted:
            self.low = max(buy_limit, sell_stop)
            self.high = min(sell_limit, buy_stop)
        elif self.traded:
            self.low, self.high = sell_stop, buy_stop
            self.ask_low, self.bid_high = buy_limit, sell_limit
            self.ask_high, self.bid_low = far, -1.0
        else:
            self.ask_low, self.bid_high = buy_limit, sell_limit
            self.ask_high, self.bid_low = buy_stop, sell_stop
        if resting.trailing or (resting.fresh and not self.on_bars):
            self.low = far
            self.ask_low = far if not self.traded else self.ask_low


class Markets:
    """All symbols of an engine, by the name strategies use, and the clocks of their venues."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument] | None = None,
        *,
        unknown: Unknown | None = default_instrument,
    ) -> None:
        """Take the known instruments; `unknown` makes one for any other symbol (None: refuse)."""
        self.states: dict[str, SymbolState] = {}
        self.clocks: dict[str, VenueClock] = {}
        self._unknown = unknown
        for instrument in (instruments or {}).values():
            self.add(instrument)

    def add(self, instrument: Instrument) -> SymbolState:
        """Open a symbol; its venue's clock is shared with the venue's other symbols."""
        clock = self.clocks.get(instrument.venue)
        if clock is None:
            clock = self.clocks[instrument.venue] = VenueClock(instrument.venue)
        state = SymbolState(instrument, clock)
        self.states[instrument.symbol] = state
        return state

    def find(self, symbol: str) -> SymbolState | None:
        """The symbol's state, or None for one that is not known and may not be made up."""
        state = self.states.get(symbol)
        if state is None and self._unknown is not None:
            state = self.add(self._unknown(symbol))
        return state

    def mark(self, symbol: str) -> Decimal | None:
        """The last price of a symbol as booked; None if unknown or before the first."""
        state = self.states.get(symbol)
        return state.mark() if state is not None else None
