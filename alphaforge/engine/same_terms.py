"""Whether what is asked now is what was approved then. Must never look at anything but terms."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from alphaforge.model.commands import SubmitOrder
from alphaforge.model.instrument import Instrument
from alphaforge.model.orders import Order


def is_same_order(order: Order, terms: SubmitOrder, instrument: Instrument) -> bool:
    """Whether an order as asked is the one that was approved with these terms."""
    quantity = order.quantity
    if not quantity.is_finite():
        return False
    floored = instrument.quantity_floor(quantity)
    cut = order.reduce_only and terms.quantity <= floored
    limit, trigger = order.limit_price, order.trigger_price
    return (
        (floored == terms.quantity or cut)
        and _on_grid(limit, lambda price: instrument.limit_on_grid(price, order.side))
        == terms.limit_price
        and _on_grid(trigger, instrument.trigger_on_grid) == terms.trigger_price
        and all(getattr(order, name) == getattr(terms, name) for name in _PLAIN_TERMS)
    )


_PLAIN_TERMS: Final = (
    "symbol",
    "strategy",
    "side",
    "order_type",
    "trail",
    "trail_pct",
    "tif",
    "expires",
    "post_only",
    "reduce_only",
)


def _on_grid(price: Decimal | None, rounded: Callable[[Decimal], Decimal]) -> Decimal | None:
    return rounded(price) if price is not None and price.is_finite() else price
