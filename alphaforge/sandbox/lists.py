"""One-cancels-other lists: a limit and a stop of one side and quantity, one lock for both.

When one half trades, wakes or ends, the other ends. Must never trade.
"""

from collections.abc import Iterable
from decimal import Decimal

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.ledger import KEPT
from alphaforge.sandbox.terms import (
    Kind,
    NewOrder,
    Order,
    OrderList,
    Refusal,
    RefusedError,
)


class Lists:
    """Every list that is remembered."""

    __slots__ = ("_lists", "last_id")

    def __init__(self) -> None:
        self._lists: dict[int, OrderList] = {}
        self.last_id = 0

    def add(self, orders: OrderList) -> None:
        """Remember a list; the oldest of too many is forgotten once it has ended."""
        self._lists[orders.list_id] = orders
        self.last_id = max(self.last_id, orders.list_id)
        if len(self._lists) > KEPT:
            self._forget_one()

    def _forget_one(self) -> None:
        """Forget the oldest that has ended; open ones, which are few, stay however old they are."""
        for each in self._lists.values():
            if not any(order.is_open for order in each.orders):
                del self._lists[each.list_id]
                return

    def siblings(self, order: Order) -> Iterable[Order]:
        """The orders that share one lock with this one, itself included.

        A list that is forgotten has at most one order that is open.
        """
        found = self._lists.get(order.list_id)
        return (order,) if found is None else found.orders

    def other(self, order: Order) -> Order | None:
        """The open other half of an order's list."""
        for each in self.siblings(order):
            if each is not order and each.is_open:
                return each
        return None

    def find(self, account: str, list_id: int) -> OrderList:
        """A list of an account.

        Raises:
            RefusedError: UNKNOWN_ORDER.
        """
        found = self._lists.get(list_id)
        if found is None or found.account != account:
            raise RefusedError(Refusal.UNKNOWN_ORDER, f"{account} has no order list {list_id}")
        return found

    def all(self) -> list[OrderList]:
        """Oldest first."""
        return list(self._lists.values())


def check_pair(limit: NewOrder, stop: NewOrder, last: Decimal) -> None:
    """Refuse what is no one-cancels-other list.

    A sell's limit must be above the last price and its stop below, a buy's the other way round.

    Raises:
        RefusedError: BAD_REQUEST, or DUPLICATE_CLIENT_ID of the two halves.
    """
    same = (limit.symbol, limit.side, limit.quantity) == (stop.symbol, stop.side, stop.quantity)
    price, trigger = limit.limit_price, stop.trigger_price
    if not same or limit.quantity is None:
        raise RefusedError(Refusal.BAD_REQUEST, "both halves need one symbol, side and quantity")
    if limit.kind is not Kind.LIMIT or price is None or limit.trigger_price is not None:
        raise RefusedError(Refusal.BAD_REQUEST, "the first half must be a limit order")
    if trigger is None or stop.trail is not None:
        raise RefusedError(Refusal.BAD_REQUEST, "the second half must be a stop with a trigger")
    low, high = (trigger, price) if limit.side is OrderSide.SELL else (price, trigger)
    if not low < last < high:
        raise RefusedError(
            Refusal.BAD_REQUEST,
            f"limit {price} and trigger {trigger} must lie on either side of {last}",
        )
    if limit.client_order_id and limit.client_order_id == stop.client_order_id:
        raise RefusedError(
            Refusal.DUPLICATE_CLIENT_ID, f"both halves are called {limit.client_order_id}"
        )
