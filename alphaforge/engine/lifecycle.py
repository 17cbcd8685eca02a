"""An order's life: the fold of facts about it, whatever order they arrive in.

Facts are bits that are only ever added, and fills are a set by trade id: so the same facts in any
order, with any repeats, give the same order. The status is a view of them (reliability §2.2):
filled by quantity, else the strongest closing reason (CANCELED > EXPIRED > REJECTED > ABSENT),
else partially filled, else the farthest phase. A fill is a fact and is never refused; a fact that
contradicts another is recorded, and named in `anomalies`.

Only this module and `order_facts` write to an `Order` handle. It must never decide anything.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from msgspec.structs import force_setattr

from alphaforge.engine.fact_details import DETAILS, take_terms
from alphaforge.engine.order_facts import (
    ABSENT,
    ACCEPTED,
    ALIVE_PROOF,
    CANCELED,
    CLOSING,
    DENIED,
    DOUBTFUL,
    EXPIRED,
    FACTS,
    OVERFILL,
    REJECTED,
    SENT,
    OrderFacts,
    executed,
)
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderStatus, PendingRequest
from alphaforge.model.events import OrderEvent, OrderSubmitted
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.model.orders import Order
from alphaforge.model.reports import OrderAccepted, OrderFilled, OrderTriggered

_STATUS_BITS: Final = 255

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

# Enum members as module names: looking one up on its class costs ten times as much.
_SUBMITTED = OrderStatus.SUBMITTED
_ACCEPTED = OrderStatus.ACCEPTED
_FILLED = OrderStatus.FILLED
_PARTIALLY_FILLED = OrderStatus.PARTIALLY_FILLED
_NONE = PendingRequest.NONE
_CANCEL = PendingRequest.CANCEL
_MODIFY = PendingRequest.MODIFY


class OrderLife(OrderFacts, gc=False, eq=False):
    """One order from its first request on: facts come in, its handle shows their view."""

    @property
    def overfill(self) -> Decimal:
        """Quantity filled beyond what was ordered; 0 in every sane life."""
        excess = EXACT.subtract(self.order.filled, self.order.quantity)
        return max(excess, ZERO)

    def apply(self, event: OrderEvent) -> bool:
        """Fold one event in; False if it told nothing new.

        A fill that is new has always changed something; compare `order.filled` to book it.
        """
        kind = event.__class__
        if self.plain and kind in _COURSE and _COURSE[kind](self, event):
            return True
        proves, details, plain = _FOLD[kind]
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
        if order.ts_last != ts:
            force_setattr(order, "ts_last", ts)

    def _show(self, ts: int) -> None:
        """Bring the handle up to the facts, whatever they are."""
        if self.anomalies:
            self.forget(OVERFILL)
        facts = self._weigh(self.facts) if self.facts & DOUBTFUL else self.facts
        if self.version:
            self._fit_quantity()
        order = self.order
        status = self._status(facts)
        closed = bool(facts & CLOSING) or status is _FILLED
        doubtful = self.doubts or self.venue_filled or self.facts & DOUBTFUL
        doubt = self._in_doubt(facts, status) if doubtful else False
        rest = closed and not doubt
        leaves = ZERO if rest else max(EXACT.subtract(order.quantity, order.filled), ZERO)
        force_setattr(order, "status", status)
        force_setattr(order, "is_open", not closed)
        force_setattr(order, "pending", _NONE if closed else self._pending())
        force_setattr(order, "in_doubt", doubt)
        force_setattr(order, "leaves", leaves)
        force_setattr(order, "ts_last", ts)

    def _status(self, facts: int) -> OrderStatus:
        """The view: filled, else closed by the strongest reason, else in parts, else the phase."""
        order = self.order
        filled = order.filled
        if filled and filled >= order.quantity:
            if filled > order.quantity and not self.modifications:
                self.note(OVERFILL)
            return _FILLED
        if filled and not facts & CLOSING:
            return _PARTIALLY_FILLED
        return STATUS_BY_BIT_LENGTH[(facts & _STATUS_BITS).bit_length()]

    def _weigh(self, facts: int) -> int:
        """Name what contradicts a refusal or an absence; the facts that count for the status."""
        if facts & DENIED:
            if facts != DENIED:
                self.note("denied here, but the venue speaks of it")
            return DENIED
        if facts & ABSENT and facts & (ALIVE_PROOF | CANCELED | EXPIRED):
            self.note("absent, but the venue acted on it")
            facts &= ~ABSENT
        if facts & REJECTED and facts & ALIVE_PROOF:
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
        if self.modifications and not over & 4:
            return _MODIFY
        return _NONE

    def _in_doubt(self, facts: int, status: OrderStatus) -> bool:
        doubts = self.doubts & ~self.answered
        closed = facts & CLOSING
        if status is _FILLED:
            doubts &= 24  # one adopted by its trades may be larger than they are
        elif closed:
            doubts &= 8
        elif facts & ACCEPTED:
            doubts &= ~1
        if doubts or (self.venue_filled and self.venue_filled > executed(self)):
            return True
        if status is _FILLED:
            return False
        if facts & (DENIED | REJECTED) and self.order.filled:
            # A venue may refuse what is left of an order: it is certain once it named the fills.
            return self.venue_filled not in {executed(self), self.order.filled}
        revived = self.facts & ABSENT and not facts & ABSENT and not closed
        return bool(revived and not self.answered & 16)


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


def _submit_first(life: OrderLife, event: OrderSubmitted) -> bool:
    """The plain course, first step: what `_submitted` and `_show_plain` would do, at once."""
    if life.facts:
        return False
    life.facts = SENT
    order = life.order
    take_terms(order, event.terms)
    force_setattr(order, "status", _SUBMITTED)
    if order.ts_last != event.ts_local:
        force_setattr(order, "ts_last", event.ts_local)
    return True


def _accept_first(life: OrderLife, event: OrderAccepted) -> bool:
    """The second step: the venue's first answer to an order that was sent."""
    order = life.order
    if life.facts != SENT or order.venue_order_id:
        return False
    life.facts = SENT | ACCEPTED
    force_setattr(order, "venue_order_id", event.venue_order_id)
    force_setattr(order, "status", _ACCEPTED)
    if order.ts_last != event.ts_local:
        force_setattr(order, "ts_last", event.ts_local)
    return True


def _fill_whole(life: OrderLife, event: OrderFilled) -> bool:
    """The last step: one execution of everything that was ordered."""
    order = life.order
    known = life.executions is not None or order.venue_order_id != event.venue_order_id
    if known or not life.facts & ACCEPTED or event.quantity != order.quantity:
        return False
    life.executions = {event.trade_id: event}
    force_setattr(order, "filled", event.quantity)
    force_setattr(order, "average_price", event.price)
    force_setattr(order, "status", _FILLED)
    force_setattr(order, "is_open", False)
    force_setattr(order, "leaves", ZERO)
    if order.ts_last != event.ts_local:
        force_setattr(order, "ts_last", event.ts_local)
    return True


_COURSE: Final[dict[type, Callable[..., bool]]] = {
    OrderSubmitted: _submit_first,
    OrderAccepted: _accept_first,
    OrderFilled: _fill_whole,
}
"""Short cuts for the plain course; each says no to whatever is not exactly that. A test holds that
an order's view is the same without them."""

_PLAIN: Final = frozenset({OrderSubmitted, OrderAccepted, OrderTriggered, OrderFilled})

_FOLD: Final = {kind: (proves, DETAILS.get(kind), kind in _PLAIN) for kind, proves in FACTS.items()}
"""Both tables joined, for one look-up an event, and whether it belongs to a plain life."""
