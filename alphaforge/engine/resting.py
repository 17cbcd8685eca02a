"""Orders that rest in a simulated market, in price order, and the prices that touch them next.

A tick that touches nothing costs one comparison a side however many orders rest; canceled orders
are dropped when they reach the top, or are half of all.
"""

import heapq

import msgspec
from msgspec.structs import replace

from alphaforge.model.commands import ModifyOrder, SubmitOrder
from alphaforge.model.enums import OrderSide

NEVER_LOW = -1.0
NEVER_HIGH = float("inf")
FEWEST_SWEPT = 64
"""Canceled orders left in the queues before anybody counts whether they are most of them."""


class RestingOrder(msgspec.Struct, gc=False, eq=False):
    """One order at the simulated venue.

    Attributes:
        terms: As approved; replaced by a modification.
        number: Arrival order, for ties in price.
        event: Number of the event that last touched the market before it arrived.
        arrived: Engine time at which it arrived: it meets bars that open then or later.
        alive: False once filled, canceled or replaced in its queue.
        fresh: It has not met the market yet (bar data, or no price yet).
        queued: It rests in a queue (or did): it need not be put there again.
        admitted: Its acceptance was reported.
        triggered: A stop that woke and now rests as a limit.
        best: Best price since arrival (trailing stops).
        trigger: Trigger as a float (stops, trailing stops).
        limit: Limit as a float; 0.0 for none.
    """

    terms: SubmitOrder
    venue_order_id: str
    number: int
    event: int
    arrived: int
    alive: bool = True
    fresh: bool = False
    queued: bool = False
    admitted: bool = False
    triggered: bool = False
    best: float = 0.0
    trigger: float = 0.0
    limit: float = 0.0


def modified(order: RestingOrder, command: ModifyOrder, event: int, now: int) -> RestingOrder:
    """An order on new terms: it keeps its arrival, what it trailed to and whether it woke."""
    old = order.terms
    limit, trigger = command.limit_price, command.trigger_price
    terms = replace(
        old,
        quantity=old.quantity if command.quantity is None else command.quantity,
        limit_price=old.limit_price if limit is None else limit,
        trigger_price=old.trigger_price if trigger is None else trigger,
    )
    return RestingOrder(
        terms,
        order.venue_order_id,
        order.number,
        event,
        now,
        triggered=order.triggered,
        admitted=order.admitted,
        best=order.best,
        trigger=order.trigger if trigger is None else float(trigger),
        limit=order.limit if limit is None else float(limit),
    )


Entry = tuple[float, int, int, RestingOrder]
"""Price, arrival, entry: a modified order keeps its arrival while its old entry is still there."""


def _top(heap: list[Entry]) -> RestingOrder | None:
    """The first living order of a heap; dead ones before it are dropped."""
    while heap:
        order = heap[0][3]
        if order.alive:
            return order
        heapq.heappop(heap)
    return None


class RestingBook:
    """One symbol's resting orders.

    Attributes:
        buy_limit: Highest resting buy limit; -1.0 for none.
        sell_limit: Lowest resting sell limit; infinite for none.
        buy_stop: Lowest resting buy trigger; infinite for none.
        sell_stop: Highest resting sell trigger; -1.0 for none.
        trailing: Trailing stops, by arrival.
        fresh: Orders that wait for their first market (the next bar's open).
    """

    __slots__ = (
        "_buy_limits",
        "_buy_stops",
        "_entered",
        "_removed",
        "_sell_limits",
        "_sell_stops",
        "buy_limit",
        "buy_stop",
        "fresh",
        "sell_limit",
        "sell_stop",
        "trailing",
    )

    def __init__(self) -> None:
        self._entered = 0
        self._buy_limits: list[Entry] = []
        self._sell_limits: list[Entry] = []
        self._buy_stops: list[Entry] = []
        self._sell_stops: list[Entry] = []
        self.buy_limit = NEVER_LOW
        self.sell_limit = NEVER_HIGH
        self.buy_stop = NEVER_HIGH
        self.sell_stop = NEVER_LOW
        self.trailing: list[RestingOrder] = []
        self.fresh: list[RestingOrder] = []
        self._removed = 0

    def _enter(self) -> int:
        self._entered += 1
        return self._entered

    def add_limit(self, order: RestingOrder) -> None:
        """Rest an order at its limit."""
        if order.terms.side is OrderSide.BUY:
            heapq.heappush(self._buy_limits, (-order.limit, order.number, self._enter(), order))
            self.buy_limit = max(self.buy_limit, order.limit)
        else:
            heapq.heappush(self._sell_limits, (order.limit, order.number, self._enter(), order))
            self.sell_limit = min(self.sell_limit, order.limit)

    def add_stop(self, order: RestingOrder) -> None:
        """Rest an order at its trigger."""
        if order.terms.side is OrderSide.BUY:
            heapq.heappush(self._buy_stops, (order.trigger, order.number, self._enter(), order))
            self.buy_stop = min(self.buy_stop, order.trigger)
        else:
            heapq.heappush(self._sell_stops, (-order.trigger, order.number, self._enter(), order))
            self.sell_stop = max(self.sell_stop, order.trigger)

    def remove(self, order: RestingOrder) -> None:
        """Take an order out, wherever it rests."""
        order.alive = False
        if order in self.trailing:
            self.trailing.remove(order)
        if order.fresh and order in self.fresh:
            self.fresh.remove(order)
        self._removed += 1
        if self._removed > FEWEST_SWEPT:
            self._sweep()
        self.refresh()

    def _sweep(self) -> None:
        """Drop removed orders once they are half of all: most are far from the market for good."""
        heaps = (self._buy_limits, self._sell_limits, self._buy_stops, self._sell_stops)
        if self._removed * 2 < sum(map(len, heaps)):
            return
        for heap in heaps:
            heap[:] = [entry for entry in heap if entry[3].alive]
            heapq.heapify(heap)
        self._removed = 0

    def refresh(self) -> None:
        """Recompute the four nearest prices."""
        top = _top(self._buy_limits)
        self.buy_limit = top.limit if top is not None else NEVER_LOW
        top = _top(self._sell_limits)
        self.sell_limit = top.limit if top is not None else NEVER_HIGH
        top = _top(self._buy_stops)
        self.buy_stop = top.trigger if top is not None else NEVER_HIGH
        top = _top(self._sell_stops)
        self.sell_stop = top.trigger if top is not None else NEVER_LOW

    def touched_limits(self, side: OrderSide, price: float) -> list[RestingOrder]:
        """Take out every limit of a side that `price` reaches, best price first."""
        heap = self._buy_limits if side is OrderSide.BUY else self._sell_limits
        edge = -price if side is OrderSide.BUY else price
        return _touched(heap, edge)

    def touched_stops(self, side: OrderSide, price: float) -> list[RestingOrder]:
        """Take out every stop of a side that `price` reaches, first reached first."""
        heap = self._buy_stops if side is OrderSide.BUY else self._sell_stops
        edge = price if side is OrderSide.BUY else -price
        return _touched(heap, edge)

    def take_fresh(self) -> list[RestingOrder]:
        """Take out the orders that wait for their first market, by arrival."""
        waiting = [order for order in self.fresh if order.alive]
        self.fresh = []
        return waiting


def _touched(heap: list[Entry], edge: float) -> list[RestingOrder]:
    """Pop the living entries at or before `edge`."""
    touched: list[RestingOrder] = []
    while heap and heap[0][0] <= edge:
        order = heapq.heappop(heap)[3]
        if order.alive:
            touched.append(order)
    return touched
