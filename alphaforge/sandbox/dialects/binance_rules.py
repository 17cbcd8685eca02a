"""What Binance's `exchangeInfo` says: every symbol's grid, filters and what may be ordered.

The exchange enforces the same listing, so what is told here is what is checked. A number that the
exchange has no rule for is told as the venue tells "no limit".
"""

from collections.abc import Iterable
from decimal import Decimal

from alphaforge.sandbox.dialects.binance_answers import Shape
from alphaforge.sandbox.dialects.binance_words import (
    ORDER_TYPES,
    SELF_TRADES,
    STATUSES,
    ms,
    number,
    wire_symbol,
)
from alphaforge.sandbox.limits import Budget
from alphaforge.sandbox.terms import Listing

BUDGET = Budget(weight=6000, window_s=60, orders=100, orders_window_s=10)
"""The venue's own for spot: 6,000 of weight a minute, 100 orders in ten seconds."""

ORDERS_A_DAY = 200_000
_PRECISION = 8
_NO_LIMIT = None
_LARGEST_VALUE = Decimal(9_000_000_000)
"""More than the largest quantity of any listing is worth."""

_OF_LAST_PRICE = 0
"""`avgPriceMins` of a filter that looks at the last price instead of an average."""


def exchange_info(listings: Iterable[Listing], now: int) -> Shape:
    """The whole answer."""
    return {
        "timezone": "UTC",
        "serverTime": ms(now),
        "rateLimits": rate_limits(),
        "exchangeFilters": list[Shape](),
        "symbols": [_symbol(listing) for listing in listings],
    }


def rate_limits() -> list[Shape]:
    """The limits; the server keeps the first two."""
    return [
        _limit("REQUEST_WEIGHT", "MINUTE", 1, BUDGET.weight),
        _limit("ORDERS", "SECOND", BUDGET.orders_window_s, BUDGET.orders),
        _limit("ORDERS", "DAY", 1, ORDERS_A_DAY),
    ]


def _limit(kind: str, interval: str, count: int, most: int) -> Shape:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": most}


def _symbol(listing: Listing) -> Shape:
    return {
        "symbol": wire_symbol(listing.symbol),
        "status": STATUSES[listing.status],
        "baseAsset": listing.base,
        "baseAssetPrecision": _PRECISION,
        "quoteAsset": listing.quote,
        "quotePrecision": _PRECISION,
        "quoteAssetPrecision": _PRECISION,
        "baseCommissionPrecision": _PRECISION,
        "quoteCommissionPrecision": _PRECISION,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(listing),
        "permissions": list[str](),
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": list(SELF_TRADES),
    }


def _filters(listing: Listing) -> list[Shape]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": number(listing.price_step),
            "maxPrice": number(_NO_LIMIT),
            "tickSize": number(listing.price_step),
        },
        _lots("LOT_SIZE", listing),
        _lots("MARKET_LOT_SIZE", listing),
        {
            "filterType": "NOTIONAL",
            "minNotional": number(listing.min_value),
            "applyMinToMarket": True,
            "maxNotional": number(_LARGEST_VALUE),
            "applyMaxToMarket": False,
            "avgPriceMins": _OF_LAST_PRICE,
        },
        *_price_range(listing),
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": listing.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": listing.max_orders},
    ]


def _lots(kind: str, listing: Listing) -> Shape:
    return {
        "filterType": kind,
        "minQty": number(listing.min_quantity),
        "maxQty": number(listing.max_quantity),
        "stepSize": number(listing.quantity_step),
    }


def _price_range(listing: Listing) -> list[Shape]:
    if not listing.price_up or not listing.price_down:
        return []
    up, down = f"{listing.price_up:f}", f"{listing.price_down:f}"
    return [
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": _OF_LAST_PRICE,
        }
    ]
