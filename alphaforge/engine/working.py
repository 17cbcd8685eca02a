"""What the order management keeps of each order and of all of them: rows, counts, listeners."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol, TypeAlias

import msgspec

from alphaforge.engine.lifecycle import OrderLife
from alphaforge.engine.portfolio import Position
from alphaforge.engine.risk.exposure import Reservation
from alphaforge.model.commands import Approved, SubmitOrder
from alphaforge.model.enums import OrderStatus
from alphaforge.model.events import Alert, FundingPaid, OrderEvent, Signal
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.model.orders import Fill, Order
from alphaforge.model.reports import OrderFilled, TradeBusted

# Enum members as module names: looking one up on its class costs ten times as much.
_FILLED = OrderStatus.FILLED
_CANCELED = OrderStatus.CANCELED
_EXPIRED = OrderStatus.EXPIRED
_REJECTED = OrderStatus.REJECTED
_ABSENT = OrderStatus.ABSENT

Recorded: TypeAlias = OrderEvent | Fill | Approved | Alert | Signal | FundingPaid
"""What an event can leave behind."""


class Listener(Protocol):
    """Who is told of what happens to orders: the strategies' manager, or nobody.

    Attributes:
        hears_orders: Somebody listens to every change; without, only ends and legs are told.
    """

    hears_orders: bool

    def adopted(self, order: Order) -> None:
        """An order at the venue that nobody knew is its strategy's from now on."""
        ...

    def order_changed(self, order: Order) -> None:
        """An order's handle shows something new."""
        ...

    def filled(self, fill: Fill, order: Order, position: Position) -> None:
        """A fill was booked; the handle and the position show it already."""
        ...


class OrderNumbers:
    """Counts the orders of an engine.

    Attributes:
        taken: The last number given.
    """

    __slots__ = ("taken",)

    def __init__(self, taken: int = 0) -> None:
        self.taken = taken

    def next(self, strategy: str) -> int:
        """The number of the next order, whoever asks for it."""
        del strategy
        self.taken += 1
        return self.taken


class WorkingOrder(msgspec.Struct, gc=False, eq=False):
    """A row of the hot table: open orders, and closed ones in doubt.

    Attributes:
        position: The strategy's position in the instrument.
        price: What its funds are reserved at.
        asked: Largest total quantity of modifications without an answer; 0 if there are none.
    """

    life: OrderLife
    instrument: Instrument
    position: Position
    price: Decimal
    reservation: Reservation | None = None
    asked: Decimal = ZERO

    @property
    def worst(self) -> Decimal:
        """Quantity that may still fill, whichever modification the venue takes."""
        order = self.life.order
        if not self.asked:
            return order.leaves
        return max(order.leaves, EXACT.subtract(self.asked, order.filled))

    @property
    def may_grow(self) -> bool:
        """Whether it is filled here, while the venue may have taken a larger quantity already."""
        order = self.life.order
        filled = order.status is OrderStatus.FILLED and self.asked > order.filled
        return filled and bool(self.life.modifications)


class Counts(msgspec.Struct):
    """Orders by where they ended; what is left of `submitted` still works."""

    submitted: int = 0
    denied: int = 0
    filled: int = 0
    canceled: int = 0
    expired: int = 0
    rejected: int = 0
    absent: int = 0
    fills: int = 0

    @property
    def open(self) -> int:
        """Submitted orders that have not ended."""
        ended = self.filled + self.canceled + self.expired + self.rejected + self.absent
        return self.submitted - ended

    def move(self, before: OrderStatus | None, after: OrderStatus | None) -> None:
        """Count an order where it ended now, and no longer where it had; None = it works."""
        if before is not None:
            self._count(before, -1)
        if after is _FILLED:
            self.filled += 1
        elif after is not None:
            self._count(after, 1)

    def _count(self, status: OrderStatus, change: int) -> None:
        if status is _FILLED:
            self.filled += change
        elif status is _CANCELED:
            self.canceled += change
        elif status is _EXPIRED:
            self.expired += change
        elif status is _REJECTED:
            self.rejected += change
        elif status is _ABSENT:
            self.absent += change


def terms_as_asked(order: Order) -> SubmitOrder:
    """The terms of an order that never reached the grid."""
    return SubmitOrder(
        order.order_id,
        order.symbol,
        order.strategy,
        order.side,
        order.order_type,
        order.quantity,
        order.limit_price,
        order.trigger_price,
        order.trail,
        order.trail_pct,
        order.tif,
        order.expires,
        order.post_only,
        order.reduce_only,
        order.client_order_id,
    )


def reversal(life: OrderLife, event: OrderEvent) -> OrderFilled | None:
    """The opposite execution of a busted trade: at its price, giving its fee back."""
    if not isinstance(event, TradeBusted):
        return None
    execution = (life.executions or {}).get(event.trade_id)
    if execution is None:
        return None
    return OrderFilled(
        life.order.order_id,
        life.order.venue_order_id,
        f"bust-{event.trade_id}",
        execution.quantity,
        execution.price,
        EXACT.minus(execution.fee),
        execution.fee_currency,
        execution.liquidity,
        event.ts,
        event.ts_local,
    )


def is_beside(order: Order, rows: Iterable[WorkingOrder]) -> bool:
    """Whether any of some orders is of the same strategy, symbol and side."""
    others = (each.life.order for each in rows)
    return any(
        other.symbol == order.symbol
        and other.side is order.side
        and other.strategy == order.strategy
        for other in others
    )
