"""Bybit's public REST: markets, prices, books, bars, the tape.

Must never answer anything that belongs to an account.
"""

from collections.abc import Sequence

from alphaforge.model.enums import InstrumentKind
from alphaforge.model.numbers import EXACT, plain
from alphaforge.sandbox.dialects.bybit_asked import Asked, Gate, Json, listed
from alphaforge.sandbox.dialects.bybit_names import (
    EMPTY_CATEGORIES,
    SIDES,
    category_of,
    execution_text,
    levels,
    market_id,
    milliseconds,
    ms_text,
)
from alphaforge.sandbox.dialects.bybit_tickers import interval_of, row, ticker
from alphaforge.sandbox.floor import Call, Floor, Route
from alphaforge.sandbox.terms import Listing, MarketStatus, Print

_STATUS = {
    MarketStatus.TRADING: "Trading",
    MarketStatus.HALTED: "Delivering",
    MarketStatus.DELISTED: "Closed",
}
_LAUNCHED = "1585526400000"
_BOOK_LIMITS = {"spot": 200, "linear": 500, "inverse": 500, "option": 25}
_MOST_BARS, _USUAL_BARS = 1_000, 200
_MOST_PRINTS, _USUAL_PRINTS = 1_000, 500
_SPOT_PRINTS = 60


class Market:
    """The public answers."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def routes(self, gate: Gate) -> Sequence[Route]:
        """What is asked where."""
        bars = gate.public(self.bars)
        asked = (
            ("/v5/market/time", Call.TIME, gate.public(self.time)),
            ("/v5/market/instruments-info", Call.MARKETS, gate.public(self.instruments)),
            ("/v5/market/tickers", Call.MARKET_DATA, gate.public(self.tickers)),
            ("/v5/market/orderbook", Call.MARKET_DATA, gate.public(self.book)),
            ("/v5/market/recent-trade", Call.MARKET_DATA, gate.public(self.prints)),
            ("/v5/market/kline", Call.MARKET_DATA, bars),
            ("/v5/market/mark-price-kline", Call.MARKET_DATA, bars),
            ("/v5/market/index-price-kline", Call.MARKET_DATA, bars),
            ("/v5/market/funding/history", Call.MARKET_DATA, gate.public(self.funding)),
            ("/v5/system/status", Call.OTHER, gate.public(self.status)),
        )
        return [Route("GET", path, call, handler) for path, call, handler in asked]

    def time(self, asked: Asked) -> Json:
        """The server's time in seconds and ns; in ms it is in every envelope."""
        return {"timeSecond": str(asked.now // 1_000_000_000), "timeNano": str(asked.now)}

    def status(self, _asked: Asked) -> Json:
        """No maintenance is announced."""
        return {"list": []}

    def funding(self, asked: Asked) -> Json:
        """There is no funding."""
        return {"category": asked.category, "list": []}

    def _listings(self, asked: Asked) -> list[Listing]:
        category = asked.category
        if category in EMPTY_CATEGORIES:
            return []
        if asked.text("symbol"):
            return [asked.listing()]
        listings = self._floor.exchange.listings.values()
        return [each for each in listings if category_of(each) == category]

    def instruments(self, asked: Asked) -> Json:
        """The rules of every market of a category; halted ones too, delisted ones by `status`."""
        status = asked.text("status")
        wanted = {status} if status else {"Trading", "Delivering"}
        rows = [_rules(each) for each in self._listings(asked)]
        return listed(asked.category, [each for each in rows if each["status"] in wanted])

    def tickers(self, asked: Asked) -> Json:
        """The last 24 hours."""
        rows = [ticker(self._floor, each, asked.now) for each in self._listings(asked)]
        return {"category": asked.category, "list": rows}

    def book(self, asked: Asked) -> Json:
        """The best levels; one a side by default for spot, 25 otherwise."""
        listing = asked.listing()
        most = _BOOK_LIMITS[asked.category]
        usual = 1 if listing.kind is InstrumentKind.SPOT else 25
        depth = self._floor.exchange.depth(listing.symbol, asked.count("limit", usual, most))
        return {
            "s": market_id(listing),
            "b": levels(depth.bids),
            "a": levels(depth.asks),
            "ts": milliseconds(asked.now),
            "u": depth.update_id,
            "seq": depth.update_id,
            "cts": milliseconds(depth.ts),
        }

    def prints(self, asked: Asked) -> Json:
        """The last trades, newest first."""
        listing = asked.listing()
        is_spot = listing.kind is InstrumentKind.SPOT
        most, usual = (_SPOT_PRINTS,) * 2 if is_spot else (_MOST_PRINTS, _USUAL_PRINTS)
        tape = list(self._floor.exchange.prints(listing.symbol))
        last = tape[-asked.count("limit", usual, most) :]
        rows = [self._print(each) for each in reversed(last)]
        return {"category": asked.category, "list": rows}

    def _print(self, told: Print) -> Json:
        listings = self._floor.exchange.listings
        return {
            "execId": execution_text(listings, told.symbol, told.trade_id),
            "symbol": market_id(listings[told.symbol]),
            "price": plain(told.price),
            "size": plain(told.quantity),
            "side": SIDES[told.side],
            "time": ms_text(told.ts),
            "isBlockTrade": False,
            "isRPITrade": False,
            "seq": str(told.trade_id),
        }

    def bars(self, asked: Asked) -> Json:
        """Bars, newest first, the running one included.

        With `start` alone the first from there, else the last up to `end`.
        """
        listing = asked.listing()
        interval = interval_of(asked.needed("interval"))
        start, end = asked.time("start"), asked.time("end")
        until = asked.now if end is None else min(end, asked.now)
        limit = asked.count("limit", _USUAL_BARS, _MOST_BARS)
        bars = self._floor.candles.bars(listing.symbol, interval, start, until, limit)
        rows = [row(each) for each in reversed(bars)]
        return {"category": asked.category, "symbol": market_id(listing), "list": rows}


def _rules(listing: Listing) -> Json:
    if listing.kind is InstrumentKind.SPOT:
        return _spot_rules(listing)
    return _contract_rules(listing)


def _spot_rules(listing: Listing) -> Json:
    return {
        "symbol": market_id(listing),
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "innovation": "0",
        "status": _STATUS[listing.status],
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(listing.quantity_step),
            "quotePrecision": plain(EXACT.multiply(listing.price_step, listing.quantity_step)),
            "minOrderQty": plain(listing.min_quantity),
            "maxOrderQty": plain(listing.max_quantity),
            "minOrderAmt": plain(listing.min_value),
            "maxOrderAmt": plain(EXACT.multiply(listing.max_quantity, listing.first_price)),
            "maxLimitOrderQty": plain(listing.max_quantity),
            "maxMarketOrderQty": plain(listing.max_quantity),
        },
        "priceFilter": {"tickSize": plain(listing.price_step)},
        "riskParameters": {
            "priceLimitRatioX": plain(listing.price_up),
            "priceLimitRatioY": plain(listing.price_down),
        },
    }


def _contract_rules(listing: Listing) -> Json:
    leverage = plain(listing.leverage)
    is_linear = listing.kind is InstrumentKind.LINEAR
    return {
        "symbol": market_id(listing),
        "contractType": "LinearPerpetual" if is_linear else "InversePerpetual",
        "status": _STATUS[listing.status],
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "settleCoin": listing.settle,
        "launchTime": _LAUNCHED,
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(max(0, -int(listing.price_step.as_tuple().exponent))),
        "leverageFilter": {
            "minLeverage": leverage,
            "maxLeverage": leverage,
            "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": plain(listing.price_step),
            "maxPrice": "1999999.8",
            "tickSize": plain(listing.price_step),
        },
        "lotSizeFilter": {
            "minNotionalValue": plain(listing.min_value),
            "maxOrderQty": plain(listing.max_quantity),
            "maxMktOrderQty": plain(listing.max_quantity),
            "minOrderQty": plain(listing.min_quantity),
            "qtyStep": plain(listing.quantity_step),
            "postOnlyMaxOrderQty": plain(listing.max_quantity),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "copyTrading": "none",
        "upperFundingRate": "0",
        "lowerFundingRate": "0",
        "isPreListing": False,
        "preListingInfo": None,
    }
