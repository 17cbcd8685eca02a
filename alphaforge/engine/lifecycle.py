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
from alphaforge.model.enums import OrderStatus, PendingRequest
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

OVERFILL: Final = "overfill"
_STATUS_BITS: Final = 255
_DOUBTFUL: Final = DENIED | REJECTED | ABSENT
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
        OrderSubmitted: 0,
        OrderDenied: 0,
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
"""THE table: what each event proves. A fill proves acceptance; a rejected cancel proves nothing.

Our own decisions prove nothing to the venue either: SENT and DENIED are set where they are legal.
"""

# Enum members as module names: looking one up on its class costs ten times as much.
_FILLED = OrderStatus.FILLED
_PARTIALLY_FILLED = OrderStatus.PARTIALLY_FILLED
_NONE = PendingRequest.NONE
_CANCEL = PendingRequest.CANCEL
_MODIFY = PendingRequest.MODIFY

_AVERAGE = Context(prec=28)


class OrderLife(msgspec.Struct, gc=False, eq=False):
    """One order's facts, and the handle that shows their view.

    Attributes:
        order: The handle its strategy holds.
        facts: Bits of `FACTS`.
        turnover: Σ fill quantity × price; None until a second fill makes it worth knowing.
        executions: Fills by trade id; None before the first.
        busted: Trade ids taken back by the venue.
        version: Highest modification applied.
        term_versions: The same for each term: a modification may leave a term as it is.
        told: Quantity by the highest modification that named one; the first before that.
        most: Largest quantity ever told: filling up to it is no overfill.
        requested_version: Highest modification asked for.
        pending_cancel: A cancel is out.
        pending_modify: A modification is out.
        anomalies: Names of the contradictions seen, in the order seen.
        doubts: Bits: 1 the order itself, 2 its cancel, 4 its modification, 8 contradicting fills.
        answered: Of the bits 2 and 4, those that have an outcome since they were last asked.
        venue_filled: Largest cumulative quantity the venue, asked, told: in doubt until we hold it.
        plain: Nothing but submission, acceptance, trigger and a whole fill was told so far.
        reason_rank: Strength of the closing fact that gave the order its reason.
    """

    order: Order
    facts: int = 0
    turnover: Decimal | None = None
    executions: dict[str, OrderFilled] | None = None
    busted: tuple[str, ...] = ()
    version: int = 0
    term_versions: tuple[int, int, int] = (0, 0, 0)
    told: Decimal = ZERO
    most: Decimal = ZERO
    requested_version: int = 0
    pending_cancel: bool = False
    pending_modify: bool = False
    anomalies: tuple[str, ...] = ()
    doubts: int = 0
    answered: int = 0
    venue_filled: Decimal = ZERO
    plain: bool = True
    reason_rank: int = 0

    @property
    def overfill(self) -> Decimal:
        """Quantity filled beyond what was ordered; 0 in every sane life."""
        excess = EXACT.subtract(self.order.filled, self.order.quantity)
        return max(excess, ZERO)

    def apply(self, event: OrderEvent) -> bool:
        """Fold one event in; False if it told nothing new.

        A fill that is new has always changed something; compare `order.filled` to book it.
        """
        proves, details, plain = _FOLD[event.__class__]
        before = self.facts
        self.facts = before | proves
        told = details is not None and details(self, event)
        if not told and self.facts == before:
            return False
        if plain and self.plain:
            self._show_plain(event.ts_local)
        else:
            self.plain = False
            self._show(event.ts_local)
        return True

    def _show_plain(self, ts: int) -> None:
        """Bring the handle up to the facts of an order that nothing but its own course touched."""
        order = self.order
        filled = order.filled
        if not filled:
            status = STATUS_BY_BIT_LENGTH[self.facts.bit_length()]
        elif filled == order.quantity:
            status = _FILLED
            force_setattr(order, "is_open", False)
            force_setattr(order, "leaves", ZERO)
        else:
            self.plain = False
            self._show(ts)
            return
        if order.status is not status:
            force_setattr(order, "status", status)
        force_setattr(order, "ts_last", ts)

    def _show(self, ts: int) -> None:
        """Bring the handle up to the facts, whatever they are."""
        if self.anomalies:
            self.forget(OVERFILL)
        order = self.order
        facts = self.facts
        if facts & _DOUBTFUL:
            facts = self._weigh(facts)
        if self.version:
            self._fit_quantity()
        filled = order.filled
        closed = facts & _CLOSING
        if filled and filled >= order.quantity:
            status = _FILLED
            if filled > order.quantity:
                self.note(OVERFILL)
        elif filled and not closed:
            status = _PARTIALLY_FILLED
        else:
            status = STATUS_BY_BIT_LENGTH[(facts & _STATUS_BITS).bit_length()]
        closed = closed or status is _FILLED
        doubtful = self.doubts or self.venue_filled or self.facts & _DOUBTFUL
        doubt = self._in_doubt(facts, status) if doubtful else False
        pending = _NONE
        if (self.pending_cancel or self.pending_modify) and not closed:
            pending = self._pending()
        leaves = ZERO if closed and not doubt else EXACT.subtract(order.quantity, filled)
        if order.status is not status:
            force_setattr(order, "status", status)
            if order.is_open is bool(closed):
                force_setattr(order, "is_open", not closed)
        if order.pending is not pending:
            force_setattr(order, "pending", pending)
        if order.in_doubt is not doubt:
            force_setattr(order, "in_doubt", doubt)
        if order.leaves != leaves:
            force_setattr(order, "leaves", leaves if leaves > 0 else ZERO)
        force_setattr(order, "ts_last", ts)

    def _weigh(self, facts: int) -> int:
        """Name what contradicts a refusal or an absence; the facts that count for the status."""
        if facts & DENIED:
            if facts != DENIED:
                self.note("denied here, but the venue speaks of it")
            return DENIED
        if facts & ABSENT and facts & (_ALIVE_PROOF | CANCELED | EXPIRED):
            self.note("absent, but the venue acted on it")
            facts &= ~ABSENT
        if facts & REJECTED and facts & _ALIVE_PROOF:
            self.note("refused, but the venue acted on it")
        return facts

    def _fit_quantity(self) -> None:
        """The quantity told last, but never below what was filled of an earlier, larger one."""
        order = self.order
        quantity = max(self.told, min(order.filled, self.most))
        if order.quantity != quantity:
            force_setattr(order, "quantity", quantity)

    def _pending(self) -> PendingRequest:
        """What is asked and not answered; a lost request that the venue never saw is over."""
        over = self.doubts & self.answered
        if self.pending_cancel and not over & 2:
            return _CANCEL
        if self.pending_modify and not over & 4:
            return _MODIFY
        return _NONE

    def _in_doubt(self, facts: int, status: OrderStatus) -> bool:
        doubts = self.doubts & ~self.answered
        closed = facts & _CLOSING
        if status is _FILLED or closed:
            doubts &= 8
        elif facts & ACCEPTED:
            doubts &= ~1
        if doubts or (self.venue_filled and self.venue_filled > _executed(self)):
            return True
        if status is _FILLED:
            return False
        if facts & (DENIED | REJECTED) and self.order.filled:
            return True
        return bool(self.facts & ABSENT and not facts & ABSENT and not closed)

    def note(self, anomaly: str) -> None:
        """Name a contradiction, once."""
        if anomaly not in self.anomalies:
            self.anomalies = (*self.anomalies, anomaly)

    def forget(self, anomaly: str) -> None:
        """Take a contradiction back that a later fact explains."""
        if anomaly in self.anomalies:
            self.anomalies = tuple(each for each in self.anomalies if each != anomaly)


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
    if life.facts & ~SENT:
        life.note("sent again after it was answered")
        return True
    if life.facts:
        return False
    life.facts = SENT
    order, terms = life.order, event.terms
    if order.quantity is not terms.quantity:
        force_setattr(order, "quantity", terms.quantity)
        force_setattr(order, "leaves", terms.quantity)
    if order.limit_price is not terms.limit_price:
        force_setattr(order, "limit_price", terms.limit_price)
    if order.trigger_price is not terms.trigger_price:
        force_setattr(order, "trigger_price", terms.trigger_price)
    return True


def _denied(life: OrderLife, event: OrderDenied) -> bool:
    if life.facts & DENIED:
        return False
    if life.facts:
        life.note("denied after it was sent")
        return True
    life.facts = DENIED
    force_setattr(life.order, "reason", "; ".join(event.reasons))
    return True


def _accepted(life: OrderLife, event: OrderAccepted) -> bool:
    return _named(life.order, event.venue_order_id)


def _named(order: Order, venue_order_id: str) -> bool:
    """Keep the venue's id; of several (a replaced order gets a new one) the longest, greatest."""
    known = order.venue_order_id
    if not venue_order_id or venue_order_id == known:
        return False
    if (len(known), known) > (len(venue_order_id), venue_order_id):
        return False
    force_setattr(order, "venue_order_id", venue_order_id)
    return True


def _filled(life: OrderLife, event: OrderFilled) -> bool:
    executions = life.executions
    trade_id = event.trade_id
    if executions is None:
        life.executions = {trade_id: event}
    elif trade_id in executions:
        return _repeated(life, executions[trade_id], event)
    else:
        executions[trade_id] = event
    order = life.order
    if order.venue_order_id != event.venue_order_id:
        _named(order, event.venue_order_id)
    if life.busted and trade_id in life.busted:
        return True
    if not order.filled:
        life.turnover = None
        force_setattr(order, "filled", event.quantity)
        force_setattr(order, "average_price", event.price)
    else:
        _count(life, event.quantity, event.price)
    return True


def _repeated(life: OrderLife, known: OrderFilled, told: OrderFilled) -> bool:
    """A known trade id: nothing new, unless it now claims other numbers."""
    same = known.quantity == told.quantity and known.price == told.price
    if same and known.fee == told.fee and known.fee_currency == told.fee_currency:
        return False
    life.doubts |= 8
    life.note("a trade id came again with other numbers")
    return True


def _count(life: OrderLife, quantity: Decimal, price: Decimal) -> None:
    """Add (or with a negative quantity take back) an execution beside others."""
    order = life.order
    turnover = life.turnover
    if turnover is None:
        turnover = EXACT.multiply(order.filled, order.average_price or ZERO)
    life.turnover = EXACT.add(turnover, EXACT.multiply(quantity, price))
    filled = EXACT.add(order.filled, quantity)
    force_setattr(order, "filled", filled)
    average = _AVERAGE.divide(life.turnover, filled) if filled else None
    force_setattr(order, "average_price", average)


def _busted(life: OrderLife, event: TradeBusted) -> bool:
    if event.trade_id in life.busted:
        return False
    life.busted = (*life.busted, event.trade_id)
    execution = (life.executions or {}).get(event.trade_id)
    if execution is not None:
        _count(life, execution.quantity.copy_negate(), execution.price)
    return True


def _executed(life: OrderLife) -> Decimal:
    """Everything the venue executed as far as we know, what it took back included."""
    total = ZERO
    for execution in (life.executions or {}).values():
        total = EXACT.add(total, execution.quantity)
    return total


def _modified(life: OrderLife, event: OrderModified) -> bool:
    """Take each named term, unless a later modification named it already."""
    order, version = life.order, event.version
    if not life.version:
        life.told = life.most = order.quantity
    life.version = max(life.version, version)
    of_quantity, of_limit, of_trigger = life.term_versions
    if event.quantity is not None:
        life.most = max(life.most, event.quantity)
        if version > of_quantity:
            of_quantity, life.told = version, event.quantity
    if event.limit_price is not None and version > of_limit:
        of_limit = version
        force_setattr(order, "limit_price", event.limit_price)
    if event.trigger_price is not None and version > of_trigger:
        of_trigger = version
        force_setattr(order, "trigger_price", event.trigger_price)
    changed = life.term_versions != (of_quantity, of_limit, of_trigger)
    life.term_versions = (of_quantity, of_limit, of_trigger)
    return _modify_answered(life, version) or changed


def _modify_answered(life: OrderLife, version: int) -> bool:
    """The last modification asked for has an outcome; an answer to an earlier one ends nothing."""
    if version < life.requested_version or (life.answered & 4 and not life.pending_modify):
        return False
    life.pending_modify = False
    life.answered |= 4
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
    _ask_again(life, 2)
    return True


def _cancel_rejected(life: OrderLife, event: CancelRejected) -> bool:
    """The flag goes; where the order stands is not known from this."""
    del event
    _expected(life)
    life.pending_cancel = False
    life.answered |= 2
    return True


def _modify_requested(life: OrderLife, event: ModifyRequested) -> bool:
    life.pending_modify = True
    life.requested_version = max(life.requested_version, event.version)
    _ask_again(life, 4)
    return True


def _ask_again(life: OrderLife, bit: int) -> None:
    """An answered doubt is over; the new request has no answer yet."""
    life.doubts &= ~(life.answered & bit)
    life.answered &= ~bit


def _expected(life: OrderLife) -> None:
    """An answer about an order that never left is a contradiction."""
    if not life.facts or life.facts & DENIED:
        life.note("answered, though nothing was sent")


def _modify_rejected(life: OrderLife, event: ModifyRejected) -> bool:
    _expected(life)
    return _modify_answered(life, event.version)


_DOUBT_OF = {_NONE: 1, _CANCEL: 2, _MODIFY: 4}


def _unknown(life: OrderLife, event: OutcomeUnknown) -> bool:
    bit = _DOUBT_OF[event.request]
    if life.doubts & bit:
        return False
    life.doubts |= bit
    return True


def _resolved(life: OrderLife, event: DoubtResolved) -> bool:
    """The venue's cumulative quantity ends the doubt once we hold every fill it counts."""
    life.answered |= 6
    life.venue_filled = max(life.venue_filled, event.filled)
    if event.filled == _executed(life):
        life.doubts &= ~8
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

_PLAIN: Final = frozenset({OrderSubmitted, OrderAccepted, OrderTriggered, OrderFilled})

_FOLD: Final = {
    kind: (proves, _DETAILS.get(kind), kind in _PLAIN) for kind, proves in FACTS.items()
}
"""Both tables joined, for one look-up an event, and whether it belongs to a plain life."""
