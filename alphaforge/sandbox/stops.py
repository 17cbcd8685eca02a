"""Orders that sleep until the last trade price reaches their trigger.

A trailing stop's trigger follows the price at its distance and never goes back. Must never trade:
it says who wakes, in which order.
"""

from bisect import bisect_left, insort
from decimal import Decimal

from alphaforge.model.numbers import EXACT, ONE, ZERO, nearest_to
from alphaforge.sandbox.terms import Order

Entry = tuple[Decimal, int]
"""Sort key (the trigger, negated for those that wake below) and order id."""


def trailed(price: Decimal, trail: Decimal, step: Decimal, *, above: bool) -> Decimal:
    """Where a trailing trigger stands for a price: at its distance, on the grid, half-even."""
    factor = EXACT.add(ONE, trail) if above else EXACT.subtract(ONE, trail)
    return nearest_to(EXACT.multiply(price, factor), step)


def is_reached(trigger: Decimal, price: Decimal, *, above: bool) -> bool:
    """Whether a price wakes a trigger."""
    return price >= trigger if above else price <= trigger


class Stops:
    """The sleeping orders of one market."""

    __slots__ = ("_above", "_below", "_orders", "_trailing")

    def __init__(self) -> None:
        self._above: list[Entry] = []
        self._below: list[Entry] = []
        self._orders: dict[int, Order] = {}
        self._trailing: dict[int, Order] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def add(self, order: Order) -> None:
        """Let an order sleep until its trigger."""
        insort(self._list(order), _entry(order))
        self._orders[order.order_id] = order
        if order.trail is not None:
            self._trailing[order.order_id] = order

    def remove(self, order: Order) -> None:
        """Take an order out; nothing if it does not sleep here."""
        if self._orders.pop(order.order_id, None) is None:
            return
        self._unlist(order)
        self._trailing.pop(order.order_id, None)

    def due(self, price: Decimal) -> Order | None:
        """Take out the next order that a price wakes: nearest trigger first, then the oldest."""
        for entries, key in ((self._above, price), (self._below, price.copy_negate())):
            if entries and entries[0][0] <= key:
                order = self._orders[entries[0][1]]
                self.remove(order)
                return order
        return None

    def follow(self, price: Decimal, step: Decimal) -> list[Order]:
        """Move trailing triggers after a price; returns those that moved, oldest first."""
        moved: list[Order] = []
        for _, order in sorted(self._trailing.items()):
            trail, old = order.trail or ZERO, order.trigger_price or ZERO
            new = trailed(price, trail, step, above=order.trigger_above)
            if new < old if order.trigger_above else new > old:
                self._unlist(order)
                order.trigger_price = new
                insort(self._list(order), _entry(order))
                moved.append(order)
        return moved

    def _list(self, order: Order) -> list[Entry]:
        return self._above if order.trigger_above else self._below

    def _unlist(self, order: Order) -> None:
        entries = self._list(order)
        del entries[bisect_left(entries, _entry(order))]


def _entry(order: Order) -> Entry:
    trigger = order.trigger_price or ZERO
    return (trigger if order.trigger_above else trigger.copy_negate(), order.order_id)
