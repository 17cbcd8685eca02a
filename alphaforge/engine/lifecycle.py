"""An order's life: the fold of facts about it, whatever order they arrive in.

Facts are bits that are only ever added, and fills are a set by trade id: so the same facts in any
order, with any repeats, give the same order. The status is a view of them (reliability §2.2):
filled by quantity, else the strongest closing reason (CANCELED > EXPIRED > REJECTED > ABSENT),
else partially filled, else the farthest phase. A fill is a fact and is never refused; a fact that
contradicts another is recorded, and named in `anomalies`.

This is the only module that writes to an `Order` handle. It must never decide anything.
"""

from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec.structs import force_setattr

from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import Liquidity, OrderStatus, PendingRequest
from alphaforge.model.events import (
    CancelRequested,
    ModifyRequested,
    OrderDenied,
    OrderEvent,
    OrderSubmitted,
    RequestDenied,
)
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.model.orders import Order
from alphaforge.model.reports import (
    AbsenceProved,
    CancelRejected,
    DoubtResolved,
    ModifyRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderModified,
    OrderRejected,
    OrderTriggered,
    OutcomeUnknown,
    TradeBusted,
)

SENT: Final = 1
ACCEPTED: Final = 2
TRIGGERED: Final = 4
DENIED: Final = 8
ABSENT: Final = 16
REJECTED: Final = 32
EXPIRED: Final = 64
CANCELED: Final = 128
UNKNOWN: Final = 256
"""Facts as bits; up to CANCELED the highest one set is the phase or the closing reason."""

_STATUS_BITS: Final = 255
_CLOSING: Final = DENIED | ABSENT | REJECTED | EXPIRED | CANCELED
_ALIVE_PROOF: Final = ACCEPTED | TRIGGERED

STATUS_BY_BIT_LENGTH: Final = (
    OrderStatus.INITIALIZED,
    OrderStatus.SUBMITTED,
    OrderStatus.ACCEPTED,
    OrderStatus.TRIGGERED,
    OrderStatus.DENIED,
    OrderStatus.ABSENT,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
    OrderStatus.CANCELED,
)

FACTS: Final[Mapping[type, int]] = MappingProxyType(
    {
        OrderSubmitted: SENT,
        OrderDenied: DENIED,
        OrderAccepted: SENT | ACCEPTED,
        OrderTriggered: SENT | ACCEPTED | TRIGGERED,
        OrderFilled: SENT | ACCEPTED,
        OrderModified: SENT | ACCEPTED,
        OrderCanceled: SENT | CANCELED,
        OrderExpired: SENT | EXPIRED,
        OrderRejected: SENT | REJECTED,
        AbsenceProved: SENT | ABSENT,
        OutcomeUnknown: SENT,
        DoubtResolved: SENT | ACCEPTED,
        TradeBusted: SENT | ACCEPTED,
        CancelRequested: 0,
        CancelRejected: 0,
        ModifyRequested: 0,
        ModifyRejected: 0,
        RequestDenied: 0,
    }
)
"""THE table: what each event proves. A fill proves acceptance; a rejected cancel proves nothing."""

_AVERAGE = Context(prec=28)


class Execution(msgspec.Struct, frozen=True, gc=False):
    """What one trade id stands for: enough to see a repeat that differs, and to take it back."""

    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity


class OrderLife(msgspec.Struct, gc=False, eq=False):
    """One order's facts, and the handle that shows their view.

    Attributes:
        order: The handle its strategy holds.
        facts: Bits of `FACTS`.
        turnover: Σ fill quantity × price.
        executions: Fills by trade id; None before the first.
        busted: Trade ids taken back by the venue.
        version: Highest modification applied.
        requested_version: Highest modification asked for.
        pending_cancel: A cancel is out.
        pending_modify: A modification is out.
        anomalies: Names of the contradictions seen, in the order seen.
        doubts: Bits: 1 the order itself, 2 its cancel, 4 its modification, 8 contradicting fills.
        reason_rank: Strength of the closing fact that gave the order its reason.
    """

    order: Order
    facts: int = 0
    turnover: Decimal = ZERO
    executions: dict[str, Execution] | None = None
    busted: tuple[str, ...] = ()
    version: int = 0
    requested_version: int = 0
    pending_cancel: bool = False
    pending_modify: bool = False
    anomalies: tuple[str, ...] = ()
    doubts: int = 0
    reason_rank: int = 0

    @property
    def overfill(self) -> Decimal:
        """Quantity filled beyond what was ordered; 0 in every sane life."""
        excess = self.order.filled - self.order.quantity
        return max(excess, ZERO)

    def apply(self, event: OrderEvent) -> bool:
        """Fold one event in; False if it told nothing new.

        A fill that is new has always changed something; compare `order.filled` to book it.
        """
        kind = event.__class__
        before = self.facts
        self.facts = before | FACTS[kind]
        details = _DETAILS.get(kind)
        told = details(self, event) if details is not None else False
        if not told and self.facts == before:
            return False
        self._show(event.ts_local)
        return True

    def _show(self, ts: int) -> None:
        """Bring the handle up to the facts."""
        order = self.order
        facts = self.facts
        if facts & ABSENT and (facts & _ALIVE_PROOF or order.filled):
            self.note("absent, but the venue acted on it")
            facts &= ~ABSENT
        if facts & (DENIED | REJECTED) and facts & _ALIVE_PROOF:
            self.note("refused, but the venue acted on it")
        filled = order.filled
        closed = facts & _CLOSING
        if filled and filled >= order.quantity:
            status = OrderStatus.FILLED
        elif filled and not closed:
            status = OrderStatus.PARTIALLY_FILLED
        else:
            status = STATUS_BY_BIT_LENGTH[(facts & _STATUS_BITS).bit_length()]
        closed = closed or status is OrderStatus.FILLED
        doubt = self._in_doubt(facts, status)
        pending = PendingRequest.NONE
        if not closed and (self.pending_cancel or self.pending_modify):
            pending = PendingRequest.CANCEL if self.pending_cancel else PendingRequest.MODIFY
        leaves = order.quantity - filled if doubt or not closed else ZERO
        if order.status is not status:
            force_setattr(order, "status", status)
        if order.pending is not pending:
            force_setattr(order, "pending", pending)
        if order.in_doubt is not doubt:
            force_setattr(order, "in_doubt", doubt)
        if order.leaves != leaves:
            force_setattr(order, "leaves", max(leaves, ZERO))
        force_setattr(order, "ts_last", ts)

    def _in_doubt(self, facts: int, status: OrderStatus) -> bool:
        doubts = self.doubts
        closed = facts & _CLOSING
        if doubts:
            if status is OrderStatus.FILLED or closed & (CANCELED | EXPIRED):
                doubts &= 8
            elif facts & (ACCEPTED | REJECTED | ABSENT):
                doubts &= ~1
        contradicted = facts & (DENIED | REJECTED) and self.order.filled
        if contradicted and status is not OrderStatus.FILLED:
            return True
        if self.facts & ABSENT and not facts & ABSENT and not closed:
            return status is not OrderStatus.FILLED
        return bool(doubts)

    def note(self, anomaly: str) -> None:
        """Name a contradiction, once."""
        if anomaly not in self.anomalies:
            self.anomalies = (*self.anomalies, anomaly)


def begin(terms: SubmitOrder, ts: int) -> OrderLife:
    """A life for an order that is known only by its terms (recovery, views, adopted orders)."""
    return OrderLife(
        Order(
            symbol=terms.symbol,
            side=terms.side,
            order_type=terms.order_type,
            quantity=terms.quantity,
            limit_price=terms.limit_price,
            trigger_price=terms.trigger_price,
            trail=terms.trail,
            trail_pct=terms.trail_pct,
            tif=terms.tif,
            expires=terms.expires,
            post_only=terms.post_only,
            reduce_only=terms.reduce_only,
            strategy=terms.strategy,
            order_id=terms.order_id,
            client_order_id=terms.client_order_id,
            leaves=terms.quantity,
            ts=ts,
            ts_last=ts,
        )
    )


def _submitted(life: OrderLife, event: OrderSubmitted) -> bool:
    """Take the approved terms: they are what the venue will see."""
    order, terms = life.order, event.terms
    if order.quantity != terms.quantity:
        force_setattr(order, "quantity", terms.quantity)
    if order.limit_price != terms.limit_price:
        force_setattr(order, "limit_price", terms.limit_price)
    if order.trigger_price != terms.trigger_price:
        force_setattr(order, "trigger_price", terms.trigger_price)
    return True


def _denied(life: OrderLife, event: OrderDenied) -> bool:
    force_setattr(life.order, "reason", "; ".join(event.reasons))
    return True


def _accepted(life: OrderLife, event: OrderAccepted) -> bool:
    order = life.order
    if order.venue_order_id == event.venue_order_id:
        return False
    force_setattr(order, "venue_order_id", event.venue_order_id)
    return True


def _filled(life: OrderLife, event: OrderFilled) -> bool:
    executions = life.executions
    execution = Execution(
        event.quantity, event.price, event.fee, event.fee_currency, event.liquidity
    )
    if executions is None:
        life.executions = {event.trade_id: execution}
    elif event.trade_id in executions:
        return _repeated(life, executions[event.trade_id], execution)
    else:
        executions[event.trade_id] = execution
    if event.trade_id in life.busted:
        return True
    order = life.order
    if not order.venue_order_id and event.venue_order_id:
        force_setattr(order, "venue_order_id", event.venue_order_id)
    if not order.filled:
        force_setattr(order, "filled", event.quantity)
        force_setattr(order, "average_price", event.price)
        life.turnover = EXACT.multiply(event.quantity, event.price)
    else:
        _count(life, event.quantity, event.price)
    if order.filled > order.quantity:
        life.note("overfill")
    return True


def _repeated(life: OrderLife, known: Execution, told: Execution) -> bool:
    """A known trade id: nothing new, unless it now claims other numbers."""
    if known == told:
        return False
    life.doubts |= 8
    life.note("a trade id came again with other numbers")
    return True


def _count(life: OrderLife, quantity: Decimal, price: Decimal) -> None:
    """Add (or with a negative quantity take back) an execution."""
    order = life.order
    filled = order.filled + quantity
    life.turnover = EXACT.add(life.turnover, EXACT.multiply(quantity, price))
    force_setattr(order, "filled", filled)
    average = _AVERAGE.divide(life.turnover, filled) if filled else None
    force_setattr(order, "average_price", average)


def _busted(life: OrderLife, event: TradeBusted) -> bool:
    if event.trade_id in life.busted:
        return False
    life.busted = (*life.busted, event.trade_id)
    execution = (life.executions or {}).get(event.trade_id)
    if execution is not None:
        _count(life, -execution.quantity, execution.price)
    return True


def _modified(life: OrderLife, event: OrderModified) -> bool:
    if event.version <= life.version:
        return False
    life.version = event.version
    order = life.order
    if event.quantity is not None:
        force_setattr(order, "quantity", event.quantity)
    if event.limit_price is not None:
        force_setattr(order, "limit_price", event.limit_price)
    if event.trigger_price is not None:
        force_setattr(order, "trigger_price", event.trigger_price)
    life.pending_modify = life.requested_version > event.version
    life.doubts &= ~4
    return True


def _closed(life: OrderLife, event: OrderCanceled | OrderRejected | AbsenceProved) -> bool:
    """Keep the reason of the strongest closing fact; of equals, the smallest text."""
    rank = FACTS[event.__class__] & _CLOSING
    order = life.order
    if rank < life.reason_rank or (rank == life.reason_rank and order.reason <= event.reason):
        return False
    life.reason_rank = rank
    force_setattr(order, "reason", event.reason)
    return True


def _expired(life: OrderLife, event: OrderExpired) -> bool:
    del event
    if life.reason_rank >= EXPIRED:
        return False
    life.reason_rank = EXPIRED
    force_setattr(life.order, "reason", "")
    return True


def _cancel_requested(life: OrderLife, event: CancelRequested) -> bool:
    del event
    life.pending_cancel = True
    return True


def _cancel_rejected(life: OrderLife, event: CancelRejected) -> bool:
    """The flag goes; where the order stands is not known from this."""
    del event
    life.pending_cancel = False
    life.doubts &= ~2
    return True


def _modify_requested(life: OrderLife, event: ModifyRequested) -> bool:
    life.pending_modify = True
    life.requested_version = max(life.requested_version, event.version)
    return True


def _modify_rejected(life: OrderLife, event: ModifyRejected) -> bool:
    del event
    life.pending_modify = False
    life.doubts &= ~4
    return True


_DOUBT_OF = {PendingRequest.NONE: 1, PendingRequest.CANCEL: 2, PendingRequest.MODIFY: 4}


def _unknown(life: OrderLife, event: OutcomeUnknown) -> bool:
    bit = _DOUBT_OF[event.request]
    if life.doubts & bit:
        return False
    life.doubts |= bit
    return True


def _resolved(life: OrderLife, event: DoubtResolved) -> bool:
    """The venue's cumulative quantity ends the doubt only if we hold every fill it counts."""
    if event.filled != life.order.filled:
        life.note("the venue counts other fills")
        life.doubts |= 8
        return True
    life.doubts = 0
    return True


_DETAILS: Final[Mapping[type, Callable[..., bool]]] = MappingProxyType(
    {
        OrderSubmitted: _submitted,
        OrderDenied: _denied,
        OrderAccepted: _accepted,
        OrderFilled: _filled,
        TradeBusted: _busted,
        OrderModified: _modified,
        OrderCanceled: _closed,
        OrderExpired: _expired,
        OrderRejected: _closed,
        AbsenceProved: _closed,
        CancelRequested: _cancel_requested,
        CancelRejected: _cancel_rejected,
        ModifyRequested: _modify_requested,
        ModifyRejected: _modify_rejected,
        OutcomeUnknown: _unknown,
        DoubtResolved: _resolved,
    }
)
