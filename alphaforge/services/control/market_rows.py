"""The market of each symbol and the way to each venue, as rows.

Prices are the engine's own; sizes of the top, the day's range and the sparkline come from the
candles kept beside it. Must judge nothing but whether a stream is up.
"""

from collections.abc import Mapping
from typing import Final

from alphaforge.client.market_records import BookRow, TapeRow
from alphaforge.client.records import MarketRow, VenueRow
from alphaforge.engine.core import Engine
from alphaforge.engine.markets import SymbolState
from alphaforge.model.market import Trade
from alphaforge.model.numbers import plain
from alphaforge.services.control.candle_kinds import merged
from alphaforge.services.control.candles import DAY, MINUTE, SECOND, Candles, SymbolMarket
from alphaforge.services.control.host import Host, VenueView
from alphaforge.services.control.row_texts import decimals_of, float_text, time_text

SPARKLINE: Final = 24
"""Closes of a sparkline at most."""

_LIVE: Final = frozenset({"READY", "SIMULATED"})
_NS_PER_MS: Final = 1_000_000


class MarketRows:
    """Makes rows of symbols; a sparkline is made anew once a second of its market."""

    def __init__(self, engine: Engine, candles: Candles) -> None:
        self._engine = engine
        self._candles = candles
        self._sparklines: dict[str, tuple[int, tuple[float, ...]]] = {}

    def row(self, symbol: str, views: Mapping[str, VenueView]) -> MarketRow:
        """One symbol; `views` are the run's venues by name."""
        state = self._engine.markets.states[symbol]
        instrument = state.instrument
        market = self._candles.market(symbol)
        size_decimals = decimals_of(instrument.quantity_step)
        bid_size, ask_size = _top_sizes(state, market)
        change, high, low, volume = _day_of(state, market, size_decimals)
        return MarketRow(
            symbol=symbol,
            venue=instrument.venue,
            price_decimals=decimals_of(instrument.price_step),
            size_decimals=size_decimals,
            last=_price(state, state.last),
            bid=_price(state, state.bid),
            ask=_price(state, state.ask),
            bid_size=bid_size,
            ask_size=ask_size,
            change_pct=change,
            high=high,
            low=low,
            volume=volume,
            sparkline=self._sparkline(symbol, market),
            ts=time_text(market.ts) if market is not None else None,
            received=time_text(market.received) if market is not None else None,
            is_live=_is_live(views.get(instrument.venue)),
        )

    def _sparkline(self, symbol: str, market: SymbolMarket | None) -> tuple[float, ...]:
        if market is None:
            return ()
        known = self._sparklines.get(symbol)
        second = market.clock.ts // SECOND
        if known is None or known[0] != second:
            known = self._sparklines[symbol] = (second, sparkline(market))
        return known[1]


def sparkline(market: SymbolMarket) -> tuple[float, ...]:
    """Closes of the last minutes, or of shorter spans while there are few of them."""
    if market.native is not None:
        return tuple(each[4] for each in market.native.candles(SPARKLINE))
    rows = market.second.candles(SPARKLINE * 15)
    span = rows[-1][0] - rows[0][0] if rows else 0
    for interval in (SECOND, 5 * SECOND, 15 * SECOND):
        if span < SPARKLINE * interval:
            break
    else:
        interval = MINUTE
    return tuple(each[4] for each in merged(market, interval, SPARKLINE))


def _price(state: SymbolState, price: float) -> str | None:
    """A market price as it would be booked; None before the first."""
    return plain(state.instrument.price_of(price)) if price else None


def _top_sizes(state: SymbolState, market: SymbolMarket | None) -> tuple[str | None, str | None]:
    """Sizes at the best bid and ask: of quotes where there are any, else of the book."""
    book = state.book
    bid, ask = (market.bid_size, market.ask_size) if market is not None else (0.0, 0.0)
    if book is not None and book.valid:
        bid = bid or book.bid_size
        ask = ask or book.ask_size
    return (float_text(bid) if bid else None, float_text(ask) if ask else None)


def _day_of(
    state: SymbolState, market: SymbolMarket | None, decimals: int
) -> tuple[float | None, str | None, str | None, str | None]:
    """Change in percent, high, low and volume since 00:00 UTC or the start of the run."""
    if market is None or not market.day_open:
        return None, None, None, None
    high, low, volume = market.day_high, market.day_low, market.day_volume
    second = market.second
    if second.end and second.start // DAY == market.day:
        high, low = max(high, second.high), min(low, second.low)
        volume += second.volume
    change = (state.last - market.day_open) / market.day_open * 100.0
    return round(change, 4), float_text(high), float_text(low), float_text(round(volume, decimals))


def _is_live(view: VenueView | None) -> bool:
    """Whether prices of a venue can be trusted to be of this moment."""
    if view is None:
        return True
    health = view.health
    up = health is None or health.streams >= health.streams_wanted
    return up and view.state in _LIVE


def venue_row(host: Host, candles: Candles, view: VenueView) -> VenueRow:
    """The way to one venue."""
    health, received = view.health, candles.received(view.name)
    now = host.now()
    return VenueRow(
        venue=view.name,
        account=view.account,
        state=view.state,
        reason=view.reason,
        since=time_text(view.since),
        latency_ms=_ms(health.latency_ns) if health is not None else None,
        clock_ahead_ms=_ms(health.clock_ahead_ns) if health is not None else None,
        used_weight=health.used_weight if health is not None else 0,
        weight_limit=health.weight_limit if health is not None else 0,
        streams=health.streams if health is not None else 0,
        streams_wanted=health.streams_wanted if health is not None else 0,
        reconnects=health.reconnects if health is not None else 0,
        age_ms=_ms(max(now - received, 0)) if received else None,
    )


def _ms(ns: int) -> float:
    return round(ns / _NS_PER_MS, 3)


def book_row(state: SymbolState, market: SymbolMarket | None, depth: int) -> BookRow:
    """The best levels of a symbol: of its book, else the best bid and ask of its quotes."""
    book = state.book
    if book is not None and book.valid:
        bids, asks = book.depth(depth)
        ts = state.book_ts or (market.ts if market is not None else 0)
    else:
        sizes = (market.bid_size, market.ask_size) if market is not None else (0.0, 0.0)
        bids = [(state.bid, sizes[0])] if state.bid else []
        asks = [(state.ask, sizes[1])] if state.ask else []
        ts = state.quote_ts
    return BookRow(
        symbol=state.symbol,
        ts=time_text(ts) or "",
        bids=tuple((float_text(price), float_text(size)) for price, size in bids),
        asks=tuple((float_text(price), float_text(size)) for price, size in asks),
    )


def tape_row(trade: Trade) -> TapeRow:
    """One public trade."""
    return TapeRow(
        ts=time_text(trade.ts) or "",
        price=float_text(trade.price),
        size=float_text(trade.size),
        side=trade.side.value if trade.side is not None else "",
    )
