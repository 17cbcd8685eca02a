"""Realized profit by average cost, from the public rules alone; see `reference`."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from tests.research.reference import CENT, WIDE


def average_cost(fills: Iterable[tuple[Decimal, Decimal]]) -> list[Decimal]:
    """Realized profit of each (signed quantity, price), gross of fees, by average cost."""
    held = cost = Decimal(0)
    gains = []
    for quantity, price in fills:
        closing = max(-abs(held), -abs(quantity)) * (1 if held > 0 else -1)
        closing = closing if held * quantity < 0 else Decimal(0)
        share = Decimal(0)
        if closing:
            whole = closing == -held
            share = -cost if whole else WIDE.divide(WIDE.multiply(cost, closing), held)
            share = share if whole else share.quantize(CENT, ROUND_HALF_EVEN, WIDE)
        gains.append(WIDE.subtract(-WIDE.multiply(closing, price), -share))
        cost = WIDE.add(WIDE.add(cost, share), WIDE.multiply(quantity - closing, price))
        held += quantity
    return gains
