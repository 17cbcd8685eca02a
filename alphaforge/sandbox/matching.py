"""The price-time book of one market: who stands where, and what of it can be seen.

Kept beside `engine/book.py` instead of on top of it: that one holds a venue's aggregate sizes in
floats, keyed by float price, for a client that sees nothing else. An exchange needs the single
orders in their queue and sizes that are exact. What both share is the idea: keys sorted so that
the best is last, and changes near it move little memory.

Must never know money, accounts' rights or events: it says who is next, others decide.
"""

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from alphaforge.model.enums import OrderSide
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.sandbox.terms import Level, Order, SelfTrade

_BUY = OrderSide.BUY
_SPARED = SelfTrade.EXPIRE_MAKER
_FREE = SelfTrade.NONE


class Queue:
    """The orders at one price, first come first.

    Attributes:
        size: What can be seen of them: Σ `shown`.
        told: `size` when the changes were last taken.
    """

    __slots__ = ("is_touched", "orders", "price", "size", "told")

    def __init__(self, price: Decimal) -> None:
        self.price = price
        self.size = self.told = ZERO
        self.orders: dict[int, Order] = {}
        self.is_touched = False

    @property
    def first(self) -> Order:
        """Who is next; the queue is not empty."""
        return next(iter(self.orders.values()))


class Ladder:
    """One side's queues by price.

    A bid's key is its price, an ask's the negated price, so the best queue is the last one. An
    empty queue stays until `changes` has told that it is gone, so that a price is told once.
    """

    __slots__ = ("_is_bid", "_keys", "_queues", "_touched")

    def __init__(self, side: OrderSide) -> None:
        self._is_bid = side is _BUY
        self._keys: list[Decimal] = []
        self._queues: list[Queue] = []
        self._touched: list[Queue] = []

    def best(self) -> Queue | None:
        """The queue that trades next."""
        for queue in reversed(self._queues):
            if queue.orders:
                return queue
        return None

    def __iter__(self) -> Iterator[Queue]:
        """Queues with orders, best first."""
        return (queue for queue in reversed(self._queues) if queue.orders)

    def reaches(self, price: Decimal, limit: Decimal | None) -> bool:
        """Whether somebody with `limit` on the other side trades at `price` of this side."""
        if limit is None:
            return True
        return price >= limit if self._is_bid else price <= limit

    def enter(self, order: Order) -> None:
        """Put an order at the end of its price's queue, an iceberg with its next visible part."""
        leaves = order.quantity - order.filled
        order.shown = leaves
        if order.visible is not None and order.visible < leaves:
            order.shown = order.visible
        self.restore(order)

    def restore(self, order: Order) -> None:
        """Put an order at the end of its price's queue, with what it showed before."""
        queue = self._at(_limit(order))
        queue.orders[order.order_id] = order
        self._resize(queue, order.shown)

    def leave(self, order: Order) -> None:
        """Take an order out; nothing if it does not rest here."""
        if not order.shown:
            return
        queue = self._at(_limit(order))
        del queue.orders[order.order_id]
        self._resize(queue, order.shown.copy_negate())
        order.shown = ZERO

    def fill(self, order: Order, quantity: Decimal) -> None:
        """Take a trade off the shown part, `filled` being counted already.

        An iceberg whose shown part is used up shows the next one, at the end of the queue.
        """
        queue = self._at(_limit(order))
        self._resize(queue, quantity.copy_negate())
        order.shown -= quantity
        if not order.shown:
            order.shown = ZERO
            del queue.orders[order.order_id]
            if order.quantity > order.filled:
                self.enter(order)

    def shrink(self, order: Order) -> None:
        """Show no more than is left, the place in the queue kept; `quantity` is cut already."""
        leaves = order.quantity - order.filled
        if order.shown > leaves:
            self._resize(self._at(_limit(order)), leaves - order.shown)
            order.shown = leaves

    def changes(self) -> tuple[Level, ...]:
        """Levels whose visible size is new since the last time, best first; forgets empty ones."""
        if not self._touched:
            return ()
        changed: list[Level] = []
        for queue in self._touched:
            queue.is_touched = False
            if queue.size != queue.told:
                changed.append((queue.price, queue.size if queue.orders else ZERO))
                queue.told = queue.size
            if not queue.orders:
                self._drop(queue)
        self._touched.clear()
        if len(changed) > 1:
            changed.sort(reverse=self._is_bid)
        return tuple(changed)

    def _key(self, price: Decimal) -> Decimal:
        return price if self._is_bid else price.copy_negate()

    def _at(self, price: Decimal) -> Queue:
        """The queue of a price, made if there is none."""
        key = self._key(price)
        place = bisect_left(self._keys, key)
        if place < len(self._keys) and self._keys[place] == key:
            return self._queues[place]
        queue = Queue(price)
        self._keys.insert(place, key)
        self._queues.insert(place, queue)
        return queue

    def _drop(self, queue: Queue) -> None:
        place = bisect_left(self._keys, self._key(queue.price))
        del self._keys[place]
        del self._queues[place]

    def _resize(self, queue: Queue, change: Decimal) -> None:
        queue.size = EXACT.add(queue.size, change)
        if not queue.is_touched:
            queue.is_touched = True
            self._touched.append(queue)


def _limit(order: Order) -> Decimal:
    """The price an order rests at; only limit orders rest."""
    price = order.limit_price
    assert price is not None, "only an order with a limit rests in the book"  # noqa: S101 - a law
    return price


class Sweep(NamedTuple):
    """What an order would meet now.

    Attributes:
        quantity: That it would trade.
        value: Σ price × quantity of it.
        met_own: It would come upon an order of its own account and be stopped by it.
    """

    quantity: Decimal
    value: Decimal
    met_own: bool


class Book:
    """Both sides of one market."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = Ladder(OrderSide.BUY)
        self.asks = Ladder(OrderSide.SELL)

    def side(self, side: OrderSide) -> Ladder:
        """Where orders of this side rest."""
        return self.bids if side is _BUY else self.asks

    def against(self, side: OrderSide) -> Ladder:
        """What orders of this side trade with."""
        return self.asks if side is _BUY else self.bids

    def would_take(self, side: OrderSide, limit: Decimal | None) -> bool:
        """Whether an order would trade at once."""
        ladder = self.against(side)
        best = ladder.best()
        return best is not None and ladder.reaches(best.price, limit)

    def sweep(self, order: Order, wanted: Decimal | None, budget: Decimal | None = None) -> Sweep:
        """Walk the other side without touching it, up to `wanted` or `budget` (Σ value).

        The last level of a budget is not rounded to any step.
        """
        quantity = value = ZERO
        ladder = self.against(order.side)
        for queue in ladder:
            if not ladder.reaches(queue.price, order.limit_price):
                break
            there, is_blocked = _available(queue, order)
            if wanted is not None:
                there = min(there, wanted - quantity)
            if budget is not None:
                left = EXACT.subtract(budget, value)
                there = min(there, EXACT.divide(left, queue.price))
            quantity = EXACT.add(quantity, there)
            value = EXACT.fma(there, queue.price, value)
            if is_blocked:
                return Sweep(quantity, value, met_own=True)
            if quantity == wanted or (budget is not None and value >= budget):
                break
        return Sweep(quantity, value, met_own=False)

    def depth(self, limit: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The best `limit` (bids, asks), visible sizes, best first."""
        return _levels(self.bids, limit), _levels(self.asks, limit)

    def top(self) -> tuple[Level | None, Level | None]:
        """Best bid and ask."""
        bid, ask = self.bids.best(), self.asks.best()
        return (
            None if bid is None else (bid.price, bid.size),
            None if ask is None else (ask.price, ask.size),
        )


def _levels(ladder: Ladder, limit: int) -> tuple[Level, ...]:
    chosen: list[Level] = []
    for queue in ladder:
        if len(chosen) >= limit:
            break
        chosen.append((queue.price, queue.size))
    return tuple(chosen)


def _available(queue: Queue, order: Order) -> tuple[Decimal, bool]:
    """What a queue holds for an order, and whether an own order in it ends the walk.

    In front of an own order only what is shown counts: hidden parts queue up behind it.
    """
    total = shown = ZERO
    for maker in queue.orders.values():
        if order.self_trade is not _FREE and maker.account == order.account:
            if order.self_trade is _SPARED:
                continue
            return shown, True
        total += maker.quantity - maker.filled
        shown += maker.shown
    return total, False
