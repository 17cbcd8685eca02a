"""Binance spot's private reads: orders, lists, trades, the account, and the wallet's own pages.

Must never change anything, and never tell one account about another.
"""

from collections.abc import Sequence
from typing import TypeVar

from alphaforge.sandbox.dialects.binance_answers import Shape, balance, listed, queried, traded
from alphaforge.sandbox.dialects.binance_ask import Answer, Ask
from alphaforge.sandbox.dialects.binance_errors import BinanceError
from alphaforge.sandbox.dialects.binance_params import Params
from alphaforge.sandbox.dialects.binance_trading import Trading
from alphaforge.sandbox.dialects.binance_words import Symbols, ms, number, wire_symbol
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.terms import Balance, Listing, RefusedError

_DEFAULT_PAGE, _LARGEST_PAGE = 500, 1000
_DAY_NS = 86_400 * 1_000_000_000
_NO_ORDER = (-2013, "Order does not exist.")
_BOTH_EMPTY = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
_NO_RATE = "0.00000000"

Item = TypeVar("Item")


class Account:
    """What an account may ask about itself."""

    def __init__(self, floor: Floor, symbols: Symbols, trading: Trading) -> None:
        self._floor = floor
        self._symbols = symbols
        self._trading = trading

    # Orders -----------------------------------------------------------------------------------

    def order(self, ask: Ask) -> Answer:
        """`GET /api/v3/order`, `order.status`."""
        symbol = self._symbol(ask.params)
        order_id = ask.params.integer("orderId")
        name = ask.params.text("origClientOrderId")
        ask.params.finish()
        if order_id is None and not name:
            raise BinanceError(-1102, _BOTH_EMPTY)
        try:
            order = self._floor.exchange.order(
                ask.account, symbol, order_id=order_id or 0, client_order_id=name
            )
        except RefusedError as error:
            raise BinanceError(*_NO_ORDER) from error
        return queried(order)

    def open_orders(self, ask: Ask) -> Answer:
        """`GET /api/v3/openOrders`, `openOrders.status`; of every symbol without one."""
        symbol = self._symbol(ask.params) if "symbol" in ask.params else ""
        ask.params.finish()
        orders = self._floor.exchange.open_orders(ask.account, symbol)
        return [queried(order) for order in orders if self._symbols.is_spot(order.symbol)]

    def all_orders(self, ask: Ask) -> Answer:
        """`GET /api/v3/allOrders`, `allOrders`: oldest first; the latest if nothing says from."""
        params = ask.params
        symbol = self._symbol(params)
        first, window = params.integer("orderId"), _window(params)
        limit = params.limit(_DEFAULT_PAGE, _LARGEST_PAGE)
        params.finish()
        orders = [
            order
            for order in self._floor.exchange.orders(ask.account, symbol)
            if order.order_id >= (first or 0) and _is_within(order.created, window)
        ]
        begins = first is not None or window[0] is not None
        return [queried(order) for order in _page(orders, limit, from_start=begins)]

    def list_of(self, ask: Ask) -> Answer:
        """`GET /api/v3/orderList`, `orderList.status`."""
        number_asked = ask.params.integer("orderListId")
        name = ask.params.client_id("origClientOrderId")
        ask.params.finish()
        found = self._trading.find_list(ask, "", number_asked, name)
        if found is None:
            raise BinanceError(-2013, "Order list does not exist.")
        return listed(found)

    def open_lists(self, ask: Ask) -> Answer:
        """`GET /api/v3/openOrderList`, `openOrderLists.status`."""
        ask.params.finish()
        exchange = self._floor.exchange
        orders = exchange.open_orders(ask.account)
        numbers = dict.fromkeys(order.list_id for order in orders if order.list_id)
        return [listed(exchange.order_list(ask.account, one)) for one in numbers]

    def trades(self, ask: Ask) -> Answer:
        """`GET /api/v3/myTrades`, `myTrades`: oldest first; the latest if nothing says from."""
        params = ask.params
        symbol, window = self._symbol(params), _window(params)
        order_id, first = params.integer("orderId"), params.integer("fromId")
        limit = params.limit(_DEFAULT_PAGE, _LARGEST_PAGE)
        params.finish()
        found = [
            each
            for each in self._floor.exchange.executions(ask.account, symbol)
            if (order_id is None or each.order_id == order_id)
            and each.trade_id >= (first or 0)
            and _is_within(each.ts, window)
        ]
        begins = first is not None or window[0] is not None
        return [traded(each) for each in _page(found, limit, from_start=begins)]

    # The account ------------------------------------------------------------------------------

    def account(self, ask: Ask) -> Answer:
        """`GET /api/v3/account`, `account.status`."""
        leaves_out = ask.params.is_set("omitZeroBalances")
        ask.params.finish()
        listing = next(iter(self._symbols), None)
        key = ask.key
        return {
            **_basis_points(listing),
            "commissionRates": _rates(listing),
            "canTrade": key is not None and key.can_trade,
            "canWithdraw": key is not None and key.can_withdraw,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": ms(ask.now),
            "accountType": "SPOT",
            "balances": [
                balance(currency, held)
                for currency, held in self._balances(ask).items()
                if held.total or not leaves_out
            ],
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def _balances(self, ask: Ask) -> dict[str, Balance]:
        """What the account has, and nothing of every other listed currency."""
        listed_ones = [name for one in self._symbols for name in (one.base, one.quote)]
        return {
            **dict.fromkeys(listed_ones, Balance()),
            **self._floor.exchange.balances(ask.account),
        }

    def commission(self, ask: Ask) -> Answer:
        """`GET /api/v3/account/commission`, `account.commission`."""
        listing = self._symbols.listing(ask.params.needed("symbol"))
        ask.params.finish()
        none = {"maker": _NO_RATE, "taker": _NO_RATE, "buyer": _NO_RATE, "seller": _NO_RATE}
        return {
            "symbol": wire_symbol(listing.symbol),
            "standardCommission": _rates(listing),
            "specialCommission": none,
            "taxCommission": none,
            "discount": {
                "enabledForAccount": False,
                "enabledForSymbol": False,
                "discountAsset": "BNB",
                "discount": _NO_RATE,
            },
        }

    # The wallet -------------------------------------------------------------------------------

    def restrictions(self, ask: Ask) -> Answer:
        """`GET /sapi/v1/account/apiRestrictions`: what the key may do."""
        ask.params.finish()
        key = ask.key
        refuses = (
            "enableInternalTransfer",
            "enableMargin",
            "enableFutures",
            "enableVanillaOptions",
            "enablePortfolioMarginTrading",
            "enableFixApiTrade",
            "enableFixReadOnly",
            "permitsUniversalTransfer",
        )
        return {
            "ipRestrict": key is not None and bool(key.addresses),
            "createTime": 0,
            "enableReading": True,
            "enableSpotAndMarginTrading": key is not None and key.can_trade,
            "enableWithdrawals": key is not None and key.can_withdraw,
            **dict.fromkeys(refuses, False),
        }

    def fees(self, ask: Ask) -> Answer:
        """`GET /sapi/v1/asset/tradeFee`."""
        params = ask.params
        one = self._symbols.listing(params.needed("symbol")) if "symbol" in params else None
        params.finish()
        return [
            {
                "symbol": wire_symbol(listing.symbol),
                "makerCommission": f"{listing.maker_fee:f}",
                "takerCommission": f"{listing.taker_fee:f}",
            }
            for listing in ([one] if one is not None else self._symbols)
        ]

    def coins(self, ask: Ask) -> Answer:
        """`GET /sapi/v1/capital/config/getall`: no network, so that nothing can be withdrawn."""
        ask.params.finish()
        return [
            {
                "coin": currency,
                "depositAllEnable": False,
                "free": number(held.free),
                "freeze": "0",
                "ipoable": "0",
                "ipoing": "0",
                "isLegalMoney": False,
                "locked": number(held.locked),
                "name": currency,
                "networkList": list[Shape](),
                "storage": "0",
                "trading": True,
                "withdrawAllEnable": False,
                "withdrawing": "0",
            }
            for currency, held in self._balances(ask).items()
        ]

    def nothing(self, ask: Ask) -> Answer:
        """Margin pairs: there are none."""
        ask.params.finish()
        return list[Shape]()

    def _symbol(self, params: Params) -> str:
        return self._symbols.listing(params.needed("symbol")).symbol


_Window = tuple[int | None, int | None]


def _window(params: Params) -> _Window:
    begin, end = params.time("startTime"), params.time("endTime")
    if begin is not None and end is not None:
        if end < begin:
            raise BinanceError(-1127, "Start time is greater than end time.")
        if end - begin > _DAY_NS:
            raise BinanceError(-1127, "More than 24 hours between startTime and endTime.")
    return begin, end


def _is_within(ts: int, window: _Window) -> bool:
    """Times on the wire are whole milliseconds, and both ends belong to the window."""
    begin, end = window
    return (begin is None or ms(ts) >= ms(begin)) and (end is None or ms(ts) <= ms(end))


def _page(found: Sequence[Item], limit: int, *, from_start: bool) -> Sequence[Item]:
    return found[:limit] if from_start else found[-limit:]


def _rates(listing: Listing | None) -> Shape:
    return {
        "maker": number(listing.maker_fee if listing else None),
        "taker": number(listing.taker_fee if listing else None),
        "buyer": _NO_RATE,
        "seller": _NO_RATE,
    }


def _basis_points(listing: Listing | None) -> Shape:
    return {
        "makerCommission": int(listing.maker_fee * 10_000) if listing else 0,
        "takerCommission": int(listing.taker_fee * 10_000) if listing else 0,
        "buyerCommission": 0,
        "sellerCommission": 0,
    }
