"""Binance spot's public calls: the clock, the rules, the book, the tape, bars and statistics.

The streams (`binance_streams.py`) write the same facts in their own, shorter names. Must never
need a key.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

from alphaforge.model.enums import OrderSide
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.sandbox.candles import INTERVALS, DayStats
from alphaforge.sandbox.dialects.binance_answers import Shape
from alphaforge.sandbox.dialects.binance_ask import Answer, Ask
from alphaforge.sandbox.dialects.binance_errors import BinanceError
from alphaforge.sandbox.dialects.binance_params import Params
from alphaforge.sandbox.dialects.binance_rules import exchange_info
from alphaforge.sandbox.dialects.binance_words import Symbols, ms, number, wire_symbol
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.history import Candle
from alphaforge.sandbox.terms import Level, Listing, MarketStatus, Print

AVERAGE_MINUTES = 5
_MINUTE_NS = 60 * 1_000_000_000
_DEFAULT_DEPTH, _LARGEST_DEPTH = 100, 5000
_DEFAULT_PAGE, _LARGEST_PAGE = 500, 1000
_LAST_NS_OF_MS = 999_999


class MarketData:
    """What anyone may ask."""

    def __init__(self, floor: Floor, symbols: Symbols) -> None:
        self._floor = floor
        self._symbols = symbols

    def ping(self, ask: Ask) -> Answer:
        """`GET /api/v3/ping`."""
        ask.params.finish()
        return {}

    def time(self, ask: Ask) -> Answer:
        """`GET /api/v3/time`."""
        ask.params.finish()
        return {"serverTime": ms(ask.now)}

    def rules(self, ask: Ask) -> Answer:
        """`GET /api/v3/exchangeInfo`."""
        params = ask.params
        for name in ("permissions", "showPermissionSets", "symbolStatus"):
            params.text(name)
        chosen = self._chosen(params)
        params.finish()
        return exchange_info(chosen, ask.now)

    def no_rules(self, ask: Ask) -> Answer:
        """`exchangeInfo` of the futures, of which there are none here."""
        return exchange_info((), ask.now)

    # The book ---------------------------------------------------------------------------------

    def depth(self, ask: Ask) -> Answer:
        """`GET /api/v3/depth`, at the update id the diff stream goes on from."""
        symbol = self._symbol(ask.params)
        limit = ask.params.limit(_DEFAULT_DEPTH, _LARGEST_DEPTH)
        ask.params.finish()
        book = self._floor.exchange.depth(symbol, limit)
        return {
            "lastUpdateId": book.update_id,
            "bids": levels(book.bids),
            "asks": levels(book.asks),
        }

    def top(self, ask: Ask) -> Answer:
        """`GET /api/v3/ticker/bookTicker`."""
        return self._each(ask, self._top)

    def _top(self, listing: Listing, now: int) -> Shape:
        del now
        bid, ask = self._floor.exchange.top(listing.symbol)
        return {
            "symbol": wire_symbol(listing.symbol),
            "bidPrice": number(bid[0] if bid else None),
            "bidQty": number(bid[1] if bid else None),
            "askPrice": number(ask[0] if ask else None),
            "askQty": number(ask[1] if ask else None),
        }

    # The tape ---------------------------------------------------------------------------------

    def trades(self, ask: Ask) -> Answer:
        """`GET /api/v3/trades`: the latest, oldest first."""
        symbol = self._symbol(ask.params)
        limit = ask.params.limit(_DEFAULT_PAGE, _LARGEST_PAGE)
        ask.params.finish()
        return [_trade(one) for one in list(self._floor.exchange.prints(symbol))[-limit:]]

    def history(self, ask: Ask) -> Answer:
        """`GET /api/v3/historicalTrades`: from an id on, of what the tape still has."""
        symbol, first = self._symbol(ask.params), ask.params.integer("fromId")
        limit = ask.params.limit(_DEFAULT_PAGE, _LARGEST_PAGE)
        ask.params.finish()
        prints = list(self._floor.exchange.prints(symbol))
        if first is None:
            return [_trade(one) for one in prints[-limit:]]
        return [_trade(one) for one in prints if one.trade_id >= first][:limit]

    def aggregate(self, ask: Ask) -> Answer:
        """`GET /api/v3/aggTrades`; every trade is an aggregate of its own."""
        params = ask.params
        symbol, first = self._symbol(params), params.integer("fromId")
        begin, end = params.time("startTime"), params.time("endTime")
        limit = params.limit(_DEFAULT_PAGE, _LARGEST_PAGE)
        params.finish()
        found = [
            one
            for one in self._floor.exchange.prints(symbol)
            if one.trade_id >= (first or 0)
            and (begin is None or ms(one.ts) >= ms(begin))
            and (end is None or ms(one.ts) <= ms(end))
        ]
        begins = first is not None or begin is not None
        return [aggregate(one) for one in (found[:limit] if begins else found[-limit:])]

    # Prices and bars --------------------------------------------------------------------------

    def price(self, ask: Ask) -> Answer:
        """`GET /api/v3/ticker/price`."""
        return self._each(ask, self._price)

    def _price(self, listing: Listing, now: int) -> Shape:
        del now
        last = self._floor.exchange.last(listing.symbol)
        return {"symbol": wire_symbol(listing.symbol), "price": number(last)}

    def average(self, ask: Ask) -> Answer:
        """`GET /api/v3/avgPrice`: of the last five minutes, weighted by size."""
        symbol = self._symbol(ask.params)
        ask.params.finish()
        return {
            "mins": AVERAGE_MINUTES,
            "price": f"{self._average(symbol, ask.now):.8f}",
            "closeTime": ms(ask.now),
        }

    def _average(self, symbol: str, now: int) -> Decimal:
        exchange = self._floor.exchange
        since = now - AVERAGE_MINUTES * _MINUTE_NS
        recent = [one for one in exchange.prints(symbol) if one.ts >= since]
        volume = sum((one.quantity for one in recent), ZERO)
        if not volume:
            return exchange.last(symbol)
        value = sum((EXACT.multiply(one.price, one.quantity) for one in recent), ZERO)
        return EXACT.divide(value, volume)

    def day(self, ask: Ask) -> Answer:
        """`GET /api/v3/ticker/24hr`."""
        is_mini = ask.params.text("type") == "MINI"
        return self._each(ask, self._mini_day if is_mini else self._day)

    def rolling(self, ask: Ask) -> Answer:
        """`GET /api/v3/ticker`: of a day, the one window there is."""
        if ask.params.text("windowSize", "1d") != "1d":
            raise BinanceError(-1100, "Only windowSize=1d is kept here.")
        return self.day(ask)

    def _mini_day(self, listing: Listing, now: int) -> Shape:
        stats = self._floor.candles.day(listing.symbol, now)
        return {
            "symbol": wire_symbol(listing.symbol),
            "openPrice": number(stats.open),
            "highPrice": number(stats.high),
            "lowPrice": number(stats.low),
            "lastPrice": number(stats.last),
            "volume": number(stats.volume),
            "quoteVolume": number(stats.quote_volume),
            "openTime": ms(stats.ts_open),
            "closeTime": ms(stats.ts_close),
            **self._ids(listing.symbol, stats),
        }

    def _day(self, listing: Listing, now: int) -> Shape:
        stats = self._floor.candles.day(listing.symbol, now)
        change, percent, average = changes(stats)
        prints = self._floor.exchange.prints(listing.symbol)
        return {
            **self._mini_day(listing, now),
            "priceChange": change,
            "priceChangePercent": percent,
            "weightedAvgPrice": average,
            "prevClosePrice": number(stats.open),
            "lastQty": number(prints[-1].quantity if prints else None),
            **self._top(listing, now),
        }

    def _ids(self, symbol: str, stats: DayStats) -> Shape:
        prints = self._floor.exchange.prints(symbol)
        last = prints[-1].trade_id if prints else -1
        return {"firstId": max(last - stats.count + 1, 1), "lastId": last, "count": stats.count}

    def bars(self, ask: Ask) -> Answer:
        """`GET /api/v3/klines`: from `startTime` on, else the latest."""
        params = ask.params
        symbol, interval = self._symbol(params), params.needed("interval")
        begin, end = params.time("startTime"), params.time("endTime")
        params.text("timeZone")
        limit = params.limit(_DEFAULT_PAGE, _LARGEST_PAGE)
        params.finish()
        if interval not in INTERVALS:
            raise BinanceError(-1120, "Invalid interval.")
        until = ask.now if end is None else min(ask.now, end + _LAST_NS_OF_MS)
        return [
            _bar(one) for one in self._floor.candles.bars(symbol, interval, begin, until, limit)
        ]

    # Which symbols ----------------------------------------------------------------------------

    def _symbol(self, params: Params) -> str:
        return self._symbols.listing(params.needed("symbol")).symbol

    def _chosen(self, params: Params) -> list[Listing]:
        if "symbol" in params:
            return [self._symbols.listing(params.needed("symbol"))]
        names = params.names("symbols")
        if names is not None:
            return [self._symbols.listing(name) for name in names]
        return [one for one in self._symbols if one.status is not MarketStatus.DELISTED]

    def _each(self, ask: Ask, told: Callable[[Listing, int], Shape]) -> Answer:
        """One object for one symbol, a list for several or none named."""
        params = ask.params
        params.text("type")
        params.text("symbolStatus")
        chosen, is_one = self._chosen(params), "symbol" in params
        if is_one and "symbols" in params:
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        params.finish()
        if is_one:
            return told(chosen[0], ask.now)
        return [told(listing, ask.now) for listing in chosen]


def levels(side: Iterable[Level]) -> list[list[str]]:
    """Price and size, as text."""
    return [[number(price), number(size)] for price, size in side]


def aggregate(printed: Print) -> Shape:
    """A trade as its own aggregate."""
    return {
        "a": printed.trade_id,
        "p": number(printed.price),
        "q": number(printed.quantity),
        "f": printed.trade_id,
        "l": printed.trade_id,
        "T": ms(printed.ts),
        "m": printed.side is OrderSide.SELL,
        "M": True,
    }


def changes(stats: DayStats) -> tuple[str, str, str]:
    """Change, change in percent (3 decimals) and average price of the day, as text."""
    change = stats.last - stats.open
    percent = EXACT.divide(change * 100, stats.open) if stats.open else ZERO
    average = EXACT.divide(stats.quote_volume, stats.volume) if stats.volume else stats.last
    return number(change), f"{percent:.3f}", f"{average:.8f}"


def _trade(printed: Print) -> Shape:
    return {
        "id": printed.trade_id,
        "price": number(printed.price),
        "qty": number(printed.quantity),
        "quoteQty": number(EXACT.multiply(printed.price, printed.quantity)),
        "time": ms(printed.ts),
        "isBuyerMaker": printed.side is OrderSide.SELL,
        "isBestMatch": True,
    }


def _bar(candle: Candle) -> list[object]:
    return [
        ms(candle.ts_open),
        number(candle.open),
        number(candle.high),
        number(candle.low),
        number(candle.close),
        number(candle.volume),
        ms(candle.ts_close) - 1,
        number(candle.quote_volume),
        candle.count,
        number(None),
        number(None),
        "0",
    ]
