"""The path a bar is taken to have walked: open → nearer extreme → farther extreme → close.

Used where the order of events inside a bar decides a fill: stop-limits and trailing stops. With
both extremes equally near, the low comes first.
"""

import msgspec

from alphaforge.engine.fill_prices import trail
from alphaforge.engine.resting import RestingOrder
from alphaforge.model.enums import Liquidity, OrderSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar
from alphaforge.model.numbers import EXACT, decimal_of


class PathFill(msgspec.Struct, frozen=True, gc=False):
    """A fill found on a bar's path."""

    price: float
    liquidity: Liquidity


def path(bar: Bar) -> tuple[float, float, float, float]:
    """The four prices in the order walked."""
    # Exact: the distances of 100.48 to 101.07 and to 99.89 are equal, as floats they are not.
    first = decimal_of(bar.open)
    up = EXACT.subtract(decimal_of(bar.high), first)
    if up < EXACT.subtract(first, decimal_of(bar.low)):
        return bar.open, bar.high, bar.low, bar.close
    return bar.open, bar.low, bar.high, bar.close


def stop_limit_fill(order: RestingOrder, bar: Bar) -> PathFill | None:
    """Where a stop-limit that this bar triggers fills within it; None if it is left resting.

    The caller has seen that the bar reaches the trigger. Marketable at the trigger: there, as a
    taker. Else at the limit, as a maker, if the path comes back to it after the trigger.
    """
    sign = 1.0 if order.terms.side is OrderSide.BUY else -1.0
    points = [sign * price for price in path(bar)]
    trigger, limit = sign * order.trigger, sign * order.limit
    index = next(number for number, price in enumerate(points) if price >= trigger)
    price = points[0] if index == 0 else trigger
    if price <= limit:
        return PathFill(sign * price, Liquidity.TAKER)
    if min(points[index:]) <= limit:
        return PathFill(order.limit, Liquidity.MAKER)
    return None


def trailing_fill(order: RestingOrder, bar: Bar, instrument: Instrument) -> float | None:
    """Where a trailing stop fills inside a bar; None if it only moved. Moves the order."""
    sells = order.terms.side is OrderSide.SELL
    for number, price in enumerate(path(bar)):
        if price <= order.trigger if sells else price >= order.trigger:
            return price if number == 0 else order.trigger
        trail(order, instrument, price)
    return None
