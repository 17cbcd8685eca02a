"""Which orders the engine holds in a venue's place, and what they become.

Pure looks at an order and the rules of its instrument. Must never look at a market.
"""

from decimal import Decimal
from typing import Final

from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderType, TimeInForce
from alphaforge.model.instrument import Instrument
from alphaforge.model.orders import Order

STOPS: Final = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})

_STOP_LIMIT = OrderType.STOP_LIMIT


def is_emulated(order: Order, instrument: Instrument) -> bool:
    """Whether the engine holds an order until its trigger.

    A bracket's stop leg is held, too, where its venue could not change its quantity, or where it
    and the take-profit would each lock the whole holding.
    """
    if order.order_type not in STOPS:
        return False
    if order.order_type.value in instrument.emulated:
        return True
    missing = instrument.unsupported
    return bool(order.parent_id) and ("MODIFY" in missing or "BRACKET" in missing)


def released_terms(order: Order, quantity: Decimal) -> SubmitOrder:
    """What a held order becomes once its trigger is reached: a market or a limit order.

    The time in force goes with it; an expiry has no meaning for a market order.
    """
    is_limit = order.order_type is _STOP_LIMIT
    is_timed = is_limit or not order.expires
    return SubmitOrder(
        order.order_id,
        order.symbol,
        order.strategy,
        order.side,
        OrderType.LIMIT if is_limit else OrderType.MARKET,
        quantity,
        order.limit_price if is_limit else None,
        tif=order.tif if is_timed else TimeInForce.GTC,
        expires=order.expires if is_timed else 0,
        reduce_only=order.reduce_only,
        client_order_id=order.client_order_id,
    )
