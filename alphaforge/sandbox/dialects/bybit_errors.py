"""What Bybit answers when it says no: its codes and words for every refusal of the exchange.

Sources: the error code tables of Bybit's v5 documentation. Must never answer a refusal with
success, nor name a cause that was not the exchange's.
"""

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.sandbox.terms import Listing, NewOrder, Refusal, RefusedError

SPOT = "spot"

PARAMS, TIME, KEY, SIGN, PERMISSION, VISITS, ADDRESS = (
    10001,
    10002,
    10003,
    10004,
    10005,
    10006,
    10010,
)
NO_ROUTE = 10404
KEY_EXPIRED = 33004
LEVERAGE_TOO_HIGH, LEVERAGE_SAME = 110013, 110043
UNKNOWN_SYMBOL_WORDS = "Not supported symbols"


class BybitError(Exception):
    """An answer with this retCode and retMsg instead of a result."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


_SPOT: dict[Refusal, tuple[int, str]] = {
    Refusal.UNKNOWN_SYMBOL: (PARAMS, UNKNOWN_SYMBOL_WORDS),
    Refusal.MARKET_CLOSED: (170151, "The trading pair is not open yet."),
    Refusal.UNKNOWN_ORDER: (170213, "Order does not exist."),
    Refusal.DUPLICATE_CLIENT_ID: (170141, "Duplicate clientOrderId."),
    Refusal.INSUFFICIENT_FUNDS: (170131, "Insufficient balance."),
    Refusal.PRICE_STEP: (170134, "Order price has too many decimals."),
    Refusal.PRICE_RANGE: (170132, "Order price too high."),
    Refusal.QUANTITY_STEP: (170137, "Order quantity has too many decimals."),
    Refusal.QUANTITY_RANGE: (170136, "Order quantity exceeded lower limit."),
    Refusal.MIN_VALUE: (170140, "Order value exceeded lower limit."),
    Refusal.TOO_MANY_ORDERS: (
        170810,
        "Cannot exceed maximum of 500 conditional, TP/SL and active orders.",
    ),
    Refusal.WOULD_TAKE: (170218, "The LIMIT-MAKER order is rejected due to invalid price."),
    Refusal.WOULD_TRIGGER: (170204, "Trigger price would be met at once."),
    Refusal.NO_LIQUIDITY: (170210, "New order rejected."),
    Refusal.REDUCE_ONLY: (170227, "This feature is not supported."),
}
_CONTRACT: dict[Refusal, tuple[int, str]] = {
    Refusal.UNKNOWN_SYMBOL: (PARAMS, UNKNOWN_SYMBOL_WORDS),
    Refusal.MARKET_CLOSED: (110074, "This contract is not live"),
    Refusal.UNKNOWN_ORDER: (110001, "order not exists or too late to cancel"),
    Refusal.DUPLICATE_CLIENT_ID: (110072, "OrderLinkedID is duplicate"),
    Refusal.INSUFFICIENT_FUNDS: (110007, "ab not enough for new order"),
    Refusal.PRICE_STEP: (PARAMS, "params error: price is not a multiple of the tick size"),
    Refusal.PRICE_RANGE: (110003, "Order price exceeds the allowable range."),
    Refusal.QUANTITY_STEP: (PARAMS, "Qty invalid"),
    Refusal.QUANTITY_RANGE: (PARAMS, "The number of contracts exceeds the limit allowed"),
    Refusal.MIN_VALUE: (110094, "Order does not meet minimum order value"),
    Refusal.TOO_MANY_ORDERS: (110020, "Not allowed to have more than 500 active orders"),
    Refusal.WOULD_TAKE: (110003, "Order would take liquidity"),
    Refusal.WOULD_TRIGGER: (110092, "expect Rising, but trigger_price <= current"),
    Refusal.NO_LIQUIDITY: (110003, "No immediate quantity to fill"),
    Refusal.REDUCE_ONLY: (110017, "Reduce-only rule not satisfied"),
}
_BOTH: dict[Refusal, tuple[int, str]] = {
    Refusal.NOTHING_CHANGED: (
        PARAMS,
        "The order remains unchanged as the parameters entered match the existing ones.",
    ),
}


def refused(error: RefusedError, category: str) -> BybitError:
    """The exchange's refusal in Bybit's words; spot has its own codes (170xxx).

    A refusal without a code of its own is 10001 with the exchange's words.
    """
    table = _SPOT if category == SPOT else _CONTRACT
    known = table.get(error.refusal) or _BOTH.get(error.refusal)
    if known is None:
        return BybitError(PARAMS, f"params error: {error}")
    return BybitError(*known)


def refused_order(error: RefusedError, listing: Listing, new: NewOrder) -> BybitError:
    """As `refused`, with the codes that depend on what was asked for."""
    category = SPOT if listing.kind is InstrumentKind.SPOT else ""
    is_large = new.quantity is not None and new.quantity > listing.max_quantity
    is_buy = new.side is OrderSide.BUY
    match (error.refusal, category):
        case (Refusal.PRICE_RANGE, "spot") if is_buy:
            return BybitError(170193, "Buy order price cannot be higher than the limit.")
        case (Refusal.PRICE_RANGE, "spot"):
            return BybitError(170194, "Sell order price cannot be lower than the limit.")
        case (Refusal.QUANTITY_RANGE, "spot") if is_large:
            return BybitError(170135, "Order quantity exceeded upper limit.")
        case (Refusal.WOULD_TRIGGER, "") if not new.trigger_above:
            return BybitError(110093, "expect Falling, but trigger_price >= current")
        case _:
            return refused(error, category)
