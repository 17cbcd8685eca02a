"""The largest and the farthest of the working orders: what their limits are nearest to.

Noted order by order, so that thousands of them are looked through quickly, and bit by bit. Must
judge nothing: the gate does.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from alphaforge.client.records import OrderRow
from alphaforge.engine.markets import SymbolState
from alphaforge.model.numbers import ZERO
from alphaforge.model.orders import Order

_AT_ONCE: Final = 64


class OrderSizes:
    """Quantity and value of each working order, and the extremes of them all.

    Attributes:
        quantity: The largest, and its symbol.
        values: By symbol the largest value in settle currency, at the order's own price.
        farthest: The greatest distance from the market in basis points, and its symbol.
    """

    def __init__(self) -> None:
        self.quantity: tuple[Decimal, str] = (ZERO, "")
        self.values: dict[str, Decimal] = {}
        self.farthest: tuple[float, str] = (0.0, "")
        self._sizes: dict[str, tuple[str, Decimal, Decimal]] = {}

    def note(self, order: Order, state: SymbolState | None) -> None:
        """Take an order as it is now; one that works no longer is forgotten."""
        if not order.is_open or state is None:
            self._sizes.pop(order.order_id, None)
            return
        price = order.limit_price or order.trigger_price
        value = state.instrument.notional(order.quantity, price) if price is not None else ZERO
        self._sizes[order.order_id] = (order.symbol, order.quantity, value)

    def drop(self, order_id: str) -> None:
        """Forget an order."""
        self._sizes.pop(order_id, None)

    def measure(self, rows: Mapping[str, OrderRow]) -> Iterator[None]:
        """Find the extremes; `rows` say how far away each is. The caller may pause in between."""
        quantity, values, farthest = (ZERO, ""), dict[str, Decimal](), (0.0, "")
        for number, (order_id, sizes) in enumerate(tuple(self._sizes.items())):
            symbol, amount, value = sizes
            if amount > quantity[0]:
                quantity = (amount, symbol)
            if value > values.get(symbol, ZERO):
                values[symbol] = value
            row = rows.get(order_id)
            distance = abs(row.distance_bp) if row is not None and row.distance_bp else 0.0
            if distance > farthest[0]:
                farthest = (distance, symbol)
            if not number % _AT_ONCE:
                yield
        self.quantity, self.values, self.farthest = quantity, values, farthest
