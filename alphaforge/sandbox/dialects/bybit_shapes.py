"""Orders and executions as Bybit writes them, over REST and over its private stream alike.

Field names and words are Bybit's v5; what this exchange has no notion of is written as the venue
writes it where it does not apply. Must never leave out a field that a client reads.
"""

from alphaforge.model.enums import InstrumentKind, Liquidity
from alphaforge.model.numbers import EXACT, plain
from alphaforge.sandbox.dialects.bybit_names import (
    SIDES,
    average,
    category_of,
    execution_text,
    link_id,
    market_id,
    ms_text,
    optional,
    order_text,
)
from alphaforge.sandbox.dialects.bybit_tallies import Tallies, keep
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.positions import value_of
from alphaforge.sandbox.terms import (
    Execution,
    Kind,
    Listing,
    Order,
    SelfTrade,
    Standing,
    Tif,
)

Json = dict[str, object]

STOP_ORDER, TPSL_ORDER, PLAIN_ORDER = "StopOrder", "tpslOrder", "Order"
POST_ONLY_TAKES = "EC_PostOnlyWillTakeLiquidity"
NOTHING_TO_FILL = "EC_NoImmediateQtyToFill"

SMP_WORDS = {
    SelfTrade.NONE: "None",
    SelfTrade.EXPIRE_MAKER: "CancelMaker",
    SelfTrade.EXPIRE_TAKER: "CancelTaker",
    SelfTrade.EXPIRE_BOTH: "CancelBoth",
}
_KINDS = {Kind.MARKET: "Market", Kind.LIMIT: "Limit"}
_CANCEL_TYPES = {
    Standing.CANCELED: "CancelByUser",
    Standing.EXPIRED_IN_MATCH: "CancelBySmp",
}
_REASONS = {
    Standing.CANCELED: "EC_PerCancelRequest",
    Standing.REJECTED: "EC_Others",
    Standing.EXPIRED_IN_MATCH: "EC_BySelfMatch",
}
_UNFILLED = {Tif.GTC: "EC_Others", Tif.IOC: NOTHING_TO_FILL, Tif.FOK: "EC_CancelForNoFullFill"}


def status_of(order: Order, listing: Listing) -> str:
    """Bybit's word for where an order stands.

    Spot tells a partly filled order that ended apart (`PartiallyFilledCanceled`); a contract's is
    `Cancelled` with executions. A stop that ended before it woke is `Deactivated`. A post-only
    order that would take is `Rejected` on spot and `Cancelled` on contracts.
    """
    is_spot = listing.kind is InstrumentKind.SPOT
    match order.standing:
        case Standing.PENDING:
            return "Untriggered"
        case Standing.OPEN:
            return "PartiallyFilled" if order.filled else "New"
        case Standing.FILLED:
            return "Filled"
        case Standing.REJECTED:
            was_taken = order.reason == POST_ONLY_TAKES and not is_spot
            return "Cancelled" if was_taken or order.reason == NOTHING_TO_FILL else "Rejected"
        case _:
            if is_asleep(order):
                return "Deactivated"
            return "PartiallyFilledCanceled" if order.filled and is_spot else "Cancelled"


def is_asleep(order: Order) -> bool:
    """Whether it is a stop that has not woken."""
    is_stop = order.trigger_price is not None or order.trail is not None
    return is_stop and not order.triggered


def tif_of(order: Order) -> str:
    """`PostOnly` is one of Bybit's; a market order is always IOC there."""
    if order.post_only:
        return "PostOnly"
    if order.kind is Kind.MARKET and order.tif is Tif.GTC:
        return "IOC"
    return order.tif.value


def reason_of(order: Order) -> str:
    """Why it ended; `EC_NoError` for one that is open or filled."""
    if order.standing is Standing.EXPIRED:
        return _UNFILLED[Tif.IOC if order.kind is Kind.MARKET else order.tif]
    if order.standing is Standing.REJECTED and order.reason.startswith("EC_"):
        return order.reason
    return _REASONS.get(order.standing, "EC_NoError")


def is_by_value(order: Order) -> bool:
    """A spot market order whose quantity is in the quote currency."""
    return order.kind is Kind.MARKET and order.value is not None


class Shapes:
    """Writes what an exchange knows.

    Attributes:
        coming: The store of the stop that is being placed; empty while none is. What is told of an
            order while it is placed has its store already.
    """

    def __init__(self, exchange: Exchange, tallies: Tallies) -> None:
        self.coming = ""
        self._stores: dict[int, str] = {}
        self._exchange = exchange
        self._tallies = tallies

    def begin(self, order: Order) -> None:
        """A new order is told of: remember the store it was asked into."""
        if self.coming and order.trigger_price is not None:
            keep(self._stores, order.order_id, self.coming)
            self.coming = ""

    def filter_of(self, order: Order) -> str:
        """In which of the venue's stores an order lies."""
        if not is_asleep(order):
            return PLAIN_ORDER
        return self._stores.get(order.order_id, STOP_ORDER)

    def order(self, order: Order) -> Json:
        """One order. `tpslMode` is of contracts only: ccxt tells them apart by it."""
        listing = self._exchange.listings[order.symbol]
        is_spot = listing.kind is InstrumentKind.SPOT
        fees = self._tallies.fees(order.account, order.order_id)
        quantity = order.value if is_by_value(order) else order.quantity
        told: Json = {
            "category": category_of(listing),
            "symbol": market_id(listing),
            "orderId": order_text(order.order_id, listing),
            "orderLinkId": link_id(order.order_id, order.client_order_id),
            "blockTradeId": "",
            "side": SIDES[order.side],
            "positionIdx": 0,
            "orderStatus": status_of(order, listing),
            "createType": "CreateByUser",
            "cancelType": _CANCEL_TYPES.get(order.standing, "UNKNOWN"),
            "rejectReason": reason_of(order),
            "orderType": _KINDS[order.kind],
            "timeInForce": tif_of(order),
            "isLeverage": "0" if is_spot else "",
            "price": "0" if order.limit_price is None else plain(order.limit_price),
            "qty": optional(quantity),
            "leavesQty": "0" if is_by_value(order) else plain(order.leaves),
            "leavesValue": self._leaves_value(order, listing),
            "avgPrice": self._average(order, listing),
            "cumExecQty": plain(order.filled),
            "cumExecValue": plain(order.filled_value),
            "cumExecFee": plain(fees.total),
            "cumFeeDetail": {fees.currency: plain(fees.total)} if fees.currency else {},
            "extraFees": "",
            "smpType": SMP_WORDS[order.self_trade],
            "smpGroup": 0,
            "smpOrderId": "",
            "lastPriceOnCreated": "",
            "createdTime": ms_text(order.created),
            "updatedTime": ms_text(order.updated),
        }
        return told | self._stop(order) | (self._spot(order) if is_spot else self._contract(order))

    def _stop(self, order: Order) -> Json:
        is_stop = order.trigger_price is not None
        kind = self._stores.get(order.order_id, STOP_ORDER)
        word = "tpslOrder" if kind == TPSL_ORDER else "Stop"
        direction = 1 if order.trigger_above else 2
        return {
            "stopOrderType": word if is_stop else "",
            "triggerPrice": optional(order.trigger_price),
            "triggerDirection": direction if is_stop else 0,
            "triggerBy": "LastPrice" if is_stop else "",
            "takeProfit": "",
            "stopLoss": "",
            "tpTriggerBy": "",
            "slTriggerBy": "",
            "tpLimitPrice": "0",
            "slLimitPrice": "0",
        }

    def _spot(self, order: Order) -> Json:
        is_market = order.kind is Kind.MARKET
        unit = "quoteCoin" if is_by_value(order) else "baseCoin"
        return {"marketUnit": unit if is_market else "", "ocoTriggerBy": ""}

    def _contract(self, order: Order) -> Json:
        return {
            "reduceOnly": order.reduce_only,
            "closeOnTrigger": False,
            "tpslMode": "",
            "placeType": "",
        }

    def _leaves_value(self, order: Order, listing: Listing) -> str:
        if is_by_value(order) and order.value is not None and order.is_open:
            return plain(EXACT.subtract(order.value, order.filled_value))
        if order.limit_price is None or not order.leaves:
            return "0"
        return plain(value_of(listing, order.leaves, order.limit_price))

    def _average(self, order: Order, listing: Listing) -> str:
        face = EXACT.multiply(order.filled, listing.multiplier)
        if listing.kind is InstrumentKind.INVERSE:
            return average(face, order.filled_value)
        return average(order.filled_value, face)

    def execution(self, execution: Execution, order: Order | None) -> Json:
        """One execution; the order is None once the exchange has forgotten it."""
        listings = self._exchange.listings
        listing = listings[execution.symbol]
        mark = self._tallies.mark(execution)
        is_maker = execution.liquidity is Liquidity.MAKER
        rate = listing.maker_fee if is_maker else listing.taker_fee
        told: Json = {
            "category": category_of(listing),
            "symbol": market_id(listing),
            "execId": execution_text(listings, execution.symbol, execution.trade_id),
            "execType": "Trade",
            "execPrice": plain(execution.price),
            "execQty": plain(execution.quantity),
            "execValue": plain(value_of(listing, execution.quantity, execution.price)),
            "execTime": ms_text(execution.ts),
            "execFee": plain(execution.fee),
            "feeRate": plain(rate),
            "feeCoin": execution.fee_currency,
            "feeCurrency": execution.fee_currency,
            "extraFees": "",
            "isMaker": is_maker,
            "side": SIDES[execution.side],
            "orderId": order_text(execution.order_id, listing),
            "orderLinkId": link_id(execution.order_id, execution.client_order_id),
            "leavesQty": "0",
            "closedSize": plain(mark.closed),
            "execPnl": plain(execution.realized_pnl),
            "markPrice": plain(execution.price),
            "indexPrice": "",
            "underlyingPrice": "",
            "markIv": "",
            "tradeIv": "",
            "blockTradeId": "",
            "isLeverage": "0",
            "seq": execution.trade_id,
        }
        if listing.kind is not InstrumentKind.SPOT:
            told["createType"] = "CreateByUser"
        if order is not None:
            told |= self._of_order(order)
            if not is_by_value(order):
                told["leavesQty"] = plain(EXACT.subtract(order.quantity, mark.filled))
        return told

    def _of_order(self, order: Order) -> Json:
        quantity = order.value if is_by_value(order) else order.quantity
        return {
            "orderPrice": "0" if order.limit_price is None else plain(order.limit_price),
            "orderQty": optional(quantity),
            "orderType": _KINDS[order.kind],
            "stopOrderType": "UNKNOWN" if order.trigger_price is None else "Stop",
        }
