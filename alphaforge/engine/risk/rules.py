"""One function per limit: given an order and the worst case, a reason to refuse it, or None.

A limit of 0 is off. Values are compared in the reporting currency. Reasons carry the numbers.
"""

from decimal import Decimal

import msgspec

from alphaforge.model.enums import OrderSide, RiskState
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, TOO_LARGE, plain
from alphaforge.model.settings import RiskSettings

HALTED = "trading is HALTED"
_HUNDRED = Decimal(100)


class Case(msgspec.Struct, gc=False):
    """An order on the gate's table, with everything the rules ask about.

    Attributes:
        quantity: On the grid, more than zero; for a modification the new leaves.
        total: The order's whole quantity: for a modification what is filled included.
        price: What it is judged at: its limit, else its trigger, else the market it would meet.
        checked: Its explicit prices (limit, trigger), for the collar.
        reference: The last price, or None before the first.
        net: The account's signed position in the symbol.
        buying: Quantity working buy orders may add, this one excluded.
        selling: The same for sells.
        open_orders: Working orders of the account, this one excluded.
        rate: Reporting currency per unit of the instrument's settle currency; None if unknown.
    """

    instrument: Instrument
    side: OrderSide
    quantity: Decimal
    total: Decimal
    price: Decimal
    checked: tuple[Decimal, ...]
    reference: Decimal | None
    net: Decimal
    buying: Decimal
    selling: Decimal
    open_orders: int
    rate: Decimal | None


def worst_position(case: Case) -> Decimal:
    """The signed position if every order on this side filled, this one included."""
    if case.side is OrderSide.BUY:
        return EXACT.add(EXACT.add(case.net, case.buying), case.quantity)
    return EXACT.subtract(EXACT.subtract(case.net, case.selling), case.quantity)


def brings_down(case: Case) -> bool:
    """Whether it can only bring the position towards zero, in the worst case."""
    worst = worst_position(case)
    if case.side is OrderSide.BUY:
        return case.net < 0 and worst <= 0
    return case.net > 0 and worst >= 0


def order_quantity(case: Case, limits: RiskSettings) -> str | None:
    """Refuse an order of more than `max_order_quantity`."""
    limit = limits.max_order_quantity
    if not limit or case.total <= limit:
        return None
    return f"quantity {plain(case.total)} is above max_order_quantity {plain(limit)}"


def order_value(case: Case, limits: RiskSettings) -> str | None:
    """Refuse an order worth more than `max_order_value` at the price it is judged at."""
    limit = limits.max_order_value
    if not limit:
        return None
    value = _value(case, case.total)
    if value is None:
        return _unpriced(case, "max_order_value")
    if value <= limit:
        return None
    return f"value {plain(value)} is above max_order_value {plain(limit)}"


def position_value(case: Case, limits: RiskSettings) -> str | None:
    """Refuse what could take |position| × price beyond `max_position_value`.

    Worst case: every working order on this side fills and none on the other. An order that brings
    the position towards zero passes however large the position is.
    """
    limit = limits.max_position_value
    if not limit or brings_down(case):
        return None
    worst = worst_position(case)
    value = _value(case, worst)
    if value is None:
        return _unpriced(case, "max_position_value")
    if value <= limit:
        return None
    return (
        f"position could reach {plain(worst)}, worth {plain(value)}, "
        f"above max_position_value {plain(limit)}"
    )


def open_orders(case: Case, limits: RiskSettings) -> str | None:
    """Refuse one working order more than `max_open_orders`."""
    limit = limits.max_open_orders
    if not limit or case.open_orders < limit:
        return None
    return f"{case.open_orders} orders already work, max_open_orders is {limit}"


def price_collar(case: Case, limits: RiskSettings) -> str | None:
    """Refuse a limit or trigger farther than `price_collar_pct` from the last price."""
    limit = limits.price_collar_pct
    if not limit or case.reference is None:
        return None
    for price in case.checked:
        apart = EXACT.abs(EXACT.subtract(price, case.reference))
        distance = EXACT.divide(EXACT.multiply(apart, _HUNDRED), case.reference)
        if distance > limit:
            return (
                f"price {plain(price)} is {distance:.2f} % from the last price "
                f"{plain(case.reference)}, price_collar_pct is {plain(limit)}"
            )
    return None


def state_rule(case: Case, state: RiskState) -> str | None:
    """HALTED refuses everything new; REDUCING all but what brings the position down."""
    if state is RiskState.ACTIVE:
        return None
    if state is RiskState.HALTED:
        return HALTED
    return None if brings_down(case) else "trading is REDUCING: only orders towards flat pass"


RULES = (order_quantity, order_value, position_value, open_orders, price_collar)
"""Every limit, in the order asked and reported."""


def _value(case: Case, quantity: Decimal) -> Decimal | None:
    if case.rate is None:
        return None
    return EXACT.abs(EXACT.multiply(case.instrument.notional(quantity, case.price), case.rate))


def _unpriced(case: Case, limit: str) -> str:
    return f"no price turns {case.instrument.settle} into the reporting currency for {limit}"


def limited(settings: RiskSettings) -> bool:
    """Whether any limit is on at all: without, the rules need not be asked."""
    return bool(
        settings.max_order_quantity
        or settings.max_order_value
        or settings.max_position_value
        or settings.max_open_orders
        or settings.price_collar_pct
        or settings.state is not RiskState.ACTIVE
    )


def shown(number: Decimal) -> str:
    """What was given instead of a number above zero."""
    if not number.is_finite():
        return "not a number"
    return plain(number) if number < TOO_LARGE else f"{number:.3g}, which is too large"
