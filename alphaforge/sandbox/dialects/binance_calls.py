"""Every call of the Binance dialect: its REST path, its WebSocket API method, what it costs.

One table for both ways in, so that a call cannot answer differently on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alphaforge.sandbox.dialects.binance_account import Account
from alphaforge.sandbox.dialects.binance_ask import Operation
from alphaforge.sandbox.dialects.binance_market import MarketData
from alphaforge.sandbox.dialects.binance_signing import Security
from alphaforge.sandbox.dialects.binance_trading import Trading
from alphaforge.sandbox.floor import Call

_KEY, _USER, _TRADE = Security.KEY, Security.USER_DATA, Security.TRADE


@dataclass(frozen=True)
class Spec:
    """One call.

    Attributes:
        rest: `POST /api/v3/order`; empty if only the WebSocket API has it.
        socket: The WebSocket API's method; empty if only REST has it.
        weight: Of the request budget, with the parameters ccxt sends.
    """

    operation: Operation
    call: Call
    rest: str = ""
    socket: str = ""
    security: Security = Security.NONE
    weight: int = 1

    @property
    def is_private(self) -> bool:
        """Whether it must be signed."""
        return self.security in {_USER, _TRADE}


def specs(market: MarketData, account: Account, trading: Trading) -> Sequence[Spec]:
    """The whole table."""
    return (*_public(market), *_trading(trading), *_reads(account), *_wallet(account))


def _public(market: MarketData) -> Sequence[Spec]:
    data, rules = Call.MARKET_DATA, Call.MARKETS
    return (
        Spec(market.ping, Call.OTHER, "GET /api/v3/ping", "ping"),
        Spec(market.ping, Call.OTHER, "GET /api/v1/ping"),
        Spec(market.time, Call.TIME, "GET /api/v3/time", "time"),
        Spec(market.time, Call.TIME, "GET /api/v1/time"),
        Spec(market.rules, rules, "GET /api/v3/exchangeInfo", "exchangeInfo", weight=20),
        Spec(market.no_rules, rules, "GET /fapi/v1/exchangeInfo"),
        Spec(market.no_rules, rules, "GET /dapi/v1/exchangeInfo"),
        Spec(market.depth, data, "GET /api/v3/depth", "depth", weight=5),
        Spec(market.trades, data, "GET /api/v3/trades", "trades.recent", weight=25),
        Spec(market.history, data, "GET /api/v3/historicalTrades", "trades.historical", weight=25),
        Spec(market.aggregate, data, "GET /api/v3/aggTrades", "trades.aggregate", weight=4),
        Spec(market.bars, data, "GET /api/v3/klines", "klines", weight=2),
        Spec(market.bars, data, "GET /api/v3/uiKlines", "uiKlines", weight=2),
        Spec(market.average, data, "GET /api/v3/avgPrice", "avgPrice", weight=2),
        Spec(market.day, data, "GET /api/v3/ticker/24hr", "ticker.24hr", weight=2),
        Spec(market.rolling, data, "GET /api/v3/ticker", "ticker", weight=4),
        Spec(market.price, data, "GET /api/v3/ticker/price", "ticker.price", weight=2),
        Spec(market.top, data, "GET /api/v3/ticker/bookTicker", "ticker.book", weight=2),
    )


def _trading(trading: Trading) -> Sequence[Spec]:
    create, cancel, replace = Call.CREATE, Call.CANCEL, Call.REPLACE
    found = (
        Spec(trading.place, create, "POST /api/v3/order", "order.place"),
        Spec(trading.test, Call.OTHER, "POST /api/v3/order/test", "order.test"),
        Spec(trading.cancel, cancel, "DELETE /api/v3/order", "order.cancel"),
        Spec(trading.cancel_all, cancel, "DELETE /api/v3/openOrders", "openOrders.cancelAll"),
        Spec(trading.replace, replace, "POST /api/v3/order/cancelReplace", "order.cancelReplace"),
        Spec(
            trading.amend,
            replace,
            "PUT /api/v3/order/amend/keepPriority",
            "order.amend.keepPriority",
        ),
        Spec(trading.place_list, create, "POST /api/v3/orderList/oco", "orderList.place.oco"),
        Spec(trading.place_oco, create, "POST /api/v3/order/oco", "orderList.place"),
        Spec(trading.cancel_list, cancel, "DELETE /api/v3/orderList", "orderList.cancel"),
    )
    return [Spec(each.operation, each.call, each.rest, each.socket, _TRADE) for each in found]


def _reads(account: Account) -> Sequence[Spec]:
    query = Call.QUERY
    found = (
        Spec(account.order, query, "GET /api/v3/order", "order.status", weight=4),
        Spec(
            account.open_orders,
            Call.OPEN_ORDERS,
            "GET /api/v3/openOrders",
            "openOrders.status",
            weight=6,
        ),
        Spec(account.all_orders, query, "GET /api/v3/allOrders", "allOrders", weight=20),
        Spec(account.list_of, query, "GET /api/v3/orderList", "orderList.status", weight=4),
        Spec(
            account.open_lists,
            Call.OPEN_ORDERS,
            "GET /api/v3/openOrderList",
            "openOrderLists.status",
            weight=6,
        ),
        Spec(account.trades, Call.TRADES, "GET /api/v3/myTrades", "myTrades", weight=20),
        Spec(account.account, Call.BALANCE, "GET /api/v3/account", "account.status", weight=20),
        Spec(
            account.commission,
            Call.OTHER,
            "GET /api/v3/account/commission",
            "account.commission",
            weight=20,
        ),
    )
    return [
        Spec(each.operation, each.call, each.rest, each.socket, _USER, each.weight)
        for each in found
    ]


def _wallet(account: Account) -> Sequence[Spec]:
    """The wallet's pages are on the real network only."""
    paths = {
        "account/apiRestrictions": (account.restrictions, _USER),
        "asset/tradeFee": (account.fees, _USER),
        "capital/config/getall": (account.coins, _USER),
        "margin/allPairs": (account.nothing, _KEY),
        "margin/isolated/allPairs": (account.nothing, _KEY),
    }
    return [
        Spec(operation, Call.OTHER, f"GET /sapi/v1/{path}", security=security)
        for path, (operation, security) in paths.items()
    ]
