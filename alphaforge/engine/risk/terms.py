"""Whether an order's terms make sense, and whether its venue has them at all.

What a venue cannot do the engine does in its place (`engine/emulation.py`), or it is denied with
the reason; it is never silently changed. Must never look at money.
"""

from decimal import Decimal

from alphaforge.engine.risk.rules import shown
from alphaforge.model.enums import OrderType, TimeInForce
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import TOO_LARGE
from alphaforge.model.orders import Order

# Enum members as module names: looking one up on its class costs ten times as much.
_LIMIT = OrderType.LIMIT
_TRAILING_STOP = OrderType.TRAILING_STOP
_STOP_LIMIT = OrderType.STOP_LIMIT
_GTD = TimeInForce.GTD
_IOC = TimeInForce.IOC
_FOK = TimeInForce.FOK


def price_ok(name: str, price: Decimal, reasons: list[str]) -> Decimal | None:
    """The price if it is one; else None, and why."""
    if price.is_finite() and 0 < price < TOO_LARGE:
        return price
    reasons.append(f"{name} price must be above zero, got {shown(price)}")
    return None


def check_terms(order: Order, now: int, reasons: list[str]) -> None:
    """Terms that exclude each other, or come too late."""
    if order.expires and order.expires <= now:
        reasons.append("it expires before it starts")
    if order.tif is _GTD and not order.expires:
        reasons.append("GTD needs `expires`")
    if order.post_only and order.order_type is not _LIMIT:
        reasons.append(f"post-only makes no sense on a {order.order_type} order")
    if order.post_only and order.tif in (_IOC, _FOK):
        reasons.append(f"post-only and {order.tif} exclude each other")
    if order.order_type is _TRAILING_STOP:
        trail = order.trail if order.trail is not None else order.trail_pct
        if trail is None or not trail.is_finite() or not 0 < trail < TOO_LARGE:
            reasons.append("the trailing distance must be above zero")


def check_offered(order: Order, instrument: Instrument, reasons: list[str]) -> None:
    """Terms that neither the instrument's venue has nor the engine in its place."""
    missing = [each for each in instrument.unsupported if each not in instrument.emulated]
    asked = [order.order_type.value]
    # An order that becomes a market order expires here, or never.
    is_held = order.order_type.value in instrument.emulated
    if not (is_held and order.tif is _GTD and order.order_type is not _STOP_LIMIT):
        asked.append(order.tif.value)
    asked += ["POST_ONLY"] if order.post_only else []
    asked += ["REDUCE_ONLY"] if order.reduce_only else []
    if order.stop_loss is not None:
        asked += ["BRACKET"] if order.take_profit is not None else []
        asked.append(OrderType.STOP_MARKET.value)
    reasons += [
        f"{instrument.venue} has no {name} orders for {instrument.symbol}"
        for name in dict.fromkeys(asked)
        if name in missing
    ]
