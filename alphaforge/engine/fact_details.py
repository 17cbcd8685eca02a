"""What each event adds to an order's facts, beyond the bits of `order_facts.FACTS`.

One function per event that carries more than its kind: each returns whether it told anything new.
Must never decide what the facts mean for the status: that is `alphaforge.engine.lifecycle`.
"""

from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Final

from msgspec.structs import force_setattr

from alphaforge.engine.order_facts import (
    CLOSING,
    DENIED,
    EXPIRED,
    FACTS,
    SENT,
    OrderFacts,
    executed,
)
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import PendingRequest
from alphaforge.model.events import (
    CancelRequested,
    HeldModified,
    ModifyRequested,
    OrderAdopted,
    OrderDenied,
    OrderHeld,
    OrderReleased,
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
    OutcomeUnknown,
    QuantityFilled,
    StateUnknown,
    TradeBusted,
)

# Enum members as module names: looking one up on its class costs ten times as much.
_NONE = PendingRequest.NONE
_CANCEL = PendingRequest.CANCEL
_MODIFY = PendingRequest.MODIFY

_AVERAGE = Context(prec=28)

HELD: Final = "held here until its trigger, not at the venue"
"""The reason of an order that the engine holds; its end may give another one."""


def _submitted(life: OrderFacts, event: OrderSubmitted) -> bool:
    """Take the approved terms: they are what the venue will see."""
    if life.facts & ~SENT:
        life.note("sent again after it was answered")
        return True
    if life.facts:
        return False
    life.facts = SENT
    take_terms(life.order, event.terms)
    return True


def take_terms(order: Order, terms: SubmitOrder) -> None:
    """Bring a handle up to the terms that were approved."""
    if order.quantity is not terms.quantity:
        force_setattr(order, "quantity", terms.quantity)
        force_setattr(order, "leaves", terms.quantity)
    if order.limit_price is not terms.limit_price:
        force_setattr(order, "limit_price", terms.limit_price)
    if order.trigger_price is not terms.trigger_price:
        force_setattr(order, "trigger_price", terms.trigger_price)


def _held(life: OrderFacts, event: OrderHeld) -> bool:
    """Take the approved terms; nothing has left, so that nothing is proved."""
    order = life.order
    if order.emulated:
        return False
    if life.facts:
        life.note("held after it was sent")
        return True
    take_terms(order, event.terms)
    force_setattr(order, "emulated", True)
    force_setattr(order, "reason", HELD)
    return True


def _released(life: OrderFacts, event: OrderReleased) -> bool:
    """It leaves now: what can be asked about it is asked from this time on."""
    if life.facts & ~SENT:
        life.note("released after it was answered")
        return True
    if life.facts:
        return False
    life.facts = SENT
    force_setattr(life.order, "ts", event.ts_local)
    return True


def _request_denied(life: OrderFacts, event: RequestDenied) -> bool:
    force_setattr(life.order, "denial", "; ".join(event.reasons))
    return True


def _denied(life: OrderFacts, event: OrderDenied) -> bool:
    if life.facts & DENIED:
        return False
    if life.facts:
        life.note("denied after it was sent")
        return True
    life.facts = DENIED
    force_setattr(life.order, "reason", "; ".join(event.reasons))
    return True


def _accepted(life: OrderFacts, event: OrderAccepted | OrderAdopted) -> bool:
    order = life.order
    if order.venue_order_id:
        return _named(order, event.venue_order_id)
    force_setattr(order, "venue_order_id", event.venue_order_id)
    return True


def _named(order: Order, venue_order_id: str) -> bool:
    """Keep the venue's id; of several (a replaced order gets a new one) the longest, greatest."""
    known = order.venue_order_id
    if not venue_order_id or venue_order_id == known:
        return False
    if (len(known), known) > (len(venue_order_id), venue_order_id):
        return False
    force_setattr(order, "venue_order_id", venue_order_id)
    return True


def _filled(life: OrderFacts, event: OrderFilled) -> bool:
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


def _repeated(life: OrderFacts, known: OrderFilled, told: OrderFilled) -> bool:
    """A known trade id: nothing new, unless it now claims other numbers."""
    same = known.quantity == told.quantity and known.price == told.price
    if same and known.fee == told.fee and known.fee_currency == told.fee_currency:
        return False
    life.plain = False
    life.doubts |= 8
    life.note("a trade id came again with other numbers")
    return True


def _count(life: OrderFacts, quantity: Decimal, price: Decimal) -> None:
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


def _busted(life: OrderFacts, event: TradeBusted) -> bool:
    if event.trade_id in life.busted:
        return False
    life.busted = (*life.busted, event.trade_id)
    execution = (life.executions or {}).get(event.trade_id)
    if execution is not None:
        _count(life, execution.quantity.copy_negate(), execution.price)
    return True


def _modified(life: OrderFacts, event: OrderModified | HeldModified) -> bool:
    """Take each named term, unless a later modification named it already."""
    order, version = life.order, event.version
    if not life.version:
        life.told = life.most = order.quantity
    before = (life.version, life.most, life.term_versions)
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
    life.term_versions = (of_quantity, of_limit, of_trigger)
    changed = before != (life.version, life.most, life.term_versions)
    return _modify_answered(life, version) or changed


def _modify_answered(life: OrderFacts, version: int) -> bool:
    """One modification has an outcome; the doubt about them ends with the last one's."""
    left = tuple(each for each in life.modifications if each != version)
    told = left != life.modifications or not (left or life.answered & 4)
    life.modifications = left
    if not left:
        life.answered |= 4
    return told


def _closed(life: OrderFacts, event: OrderCanceled | OrderRejected | AbsenceProved) -> bool:
    """Keep the reason of the strongest closing fact; of equals, the smallest text."""
    rank = FACTS[event.__class__] & CLOSING
    order = life.order
    if rank < life.reason_rank or (rank == life.reason_rank and order.reason <= event.reason):
        return False
    life.reason_rank = rank
    force_setattr(order, "reason", event.reason)
    return True


def _expired(life: OrderFacts, event: OrderExpired) -> bool:
    del event
    if life.reason_rank >= EXPIRED:
        return False
    life.reason_rank = EXPIRED
    force_setattr(life.order, "reason", "")
    return True


def _cancel_requested(life: OrderFacts, event: CancelRequested) -> bool:
    life.requested_at = max(life.requested_at, event.ts_local)
    life.pending_cancel = True
    _ask_again(life, 2)
    return True


def _cancel_rejected(life: OrderFacts, event: CancelRejected) -> bool:
    """The flag goes; where the order stands is not known from this."""
    del event
    _expected(life)
    life.pending_cancel = False
    life.answered |= 2
    return True


def _modify_requested(life: OrderFacts, event: ModifyRequested) -> bool:
    if event.version not in life.modifications:
        life.modifications = (*life.modifications, event.version)
    life.requested_version = max(life.requested_version, event.version)
    life.requested_at = max(life.requested_at, event.ts_local)
    _ask_again(life, 4)
    return True


def _ask_again(life: OrderFacts, bit: int) -> None:
    """An answered doubt is over; the new request has no answer yet."""
    life.doubts &= ~(life.answered & bit)
    life.answered &= ~bit


def _expected(life: OrderFacts) -> None:
    """An answer about an order that never left is a contradiction."""
    if not life.facts or life.facts & DENIED:
        life.note("answered, though nothing was sent")


def _modify_rejected(life: OrderFacts, event: ModifyRejected) -> bool:
    _expected(life)
    return _modify_answered(life, event.version)


_DOUBT_OF = {_NONE: 1, _CANCEL: 2, _MODIFY: 4}


def _unknown(life: OrderFacts, event: OutcomeUnknown) -> bool:
    bit = _DOUBT_OF[event.request]
    if life.doubts & bit:
        return False
    life.doubts |= bit
    return True


def _state_unknown(life: OrderFacts, event: StateUnknown) -> bool:
    del event
    _ask_again(life, 16)
    if life.doubts & 16:
        return False
    life.doubts |= 16
    return True


def _quantity_filled(life: OrderFacts, event: QuantityFilled) -> bool:
    return _take_count(life, event)


def _take_count(life: OrderFacts, event: QuantityFilled | DoubtResolved) -> bool:
    """The venue's latest word on its count stands (a bust lowers it); of one time the largest."""
    told = (event.ts, event.filled)
    if told <= (life.venue_filled_ts, life.venue_filled):
        return False
    life.venue_filled_ts, life.venue_filled = told
    return True


def _resolved(life: OrderFacts, event: DoubtResolved) -> bool:
    """The venue's cumulative quantity ends the doubt once we hold every fill it counts."""
    life.answered |= 22
    _take_count(life, event)
    if event.filled in {executed(life), life.order.filled}:
        life.doubts &= ~8
    return True


DETAILS: Final[Mapping[type, Callable[..., bool]]] = MappingProxyType(
    {
        OrderSubmitted: _submitted,
        OrderAdopted: _accepted,
        OrderDenied: _denied,
        OrderHeld: _held,
        OrderReleased: _released,
        RequestDenied: _request_denied,
        OrderAccepted: _accepted,
        OrderFilled: _filled,
        TradeBusted: _busted,
        OrderModified: _modified,
        HeldModified: _modified,
        OrderCanceled: _closed,
        OrderExpired: _expired,
        OrderRejected: _closed,
        AbsenceProved: _closed,
        CancelRequested: _cancel_requested,
        CancelRejected: _cancel_rejected,
        ModifyRequested: _modify_requested,
        ModifyRejected: _modify_rejected,
        OutcomeUnknown: _unknown,
        StateUnknown: _state_unknown,
        QuantityFilled: _quantity_filled,
        DoubtResolved: _resolved,
    }
)
