"""What is new in a claim about an order we know: the facts that its words add to ours.

Only news becomes a fact, so that a claim that comes again leaves no trace. What did *not* happen is
concluded only from a claim with `asked_at`: it was asked for after everything that we asked of the
venue could have taken effect. Must never look at anything but this one order.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from alphaforge.engine.claim_facts import (
    ADOPTED,
    NO_TERMS,
    differs,
    has_terms,
    modified,
    shows,
)
from alphaforge.engine.claim_state import ClaimState
from alphaforge.engine.order_facts import ACCEPTED, CANCELED, EXPIRED, REJECTED, TRIGGERED, executed
from alphaforge.engine.working import WorkingOrder
from alphaforge.model.claims import OrderStatusReport, VenueStatus
from alphaforge.model.enums import PendingRequest
from alphaforge.model.events import OrderEvent
from alphaforge.model.numbers import ZERO
from alphaforge.model.reports import (
    CancelRejected,
    DoubtResolved,
    ModifyRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderModified,
    OrderRejected,
    OrderTriggered,
    QuantityFilled,
)

NEVER_TOOK_EFFECT: Final = "the venue, asked after it could have taken effect, shows no change"


def news(
    state: ClaimState, working: WorkingOrder, claim: OrderStatusReport, now: int
) -> Iterator[OrderEvent]:
    """The facts in a claim that are not known yet, in the order they happened.

    Each is made only when the one before it has been taken: a generator on purpose.
    """
    life = working.life
    order = life.order
    order_id, ts, status = order.order_id, claim.ts, claim.status
    rejected = status is VenueStatus.REJECTED
    unnamed = claim.venue_order_id and not order.venue_order_id
    if not rejected and (unnamed or not life.facts & ACCEPTED):
        yield OrderAccepted(order_id, claim.venue_order_id, ts, now)
    if claim.triggered and not life.facts & TRIGGERED:
        yield OrderTriggered(order_id, ts, now)
    yield from _terms(state, working, claim, now)
    filled = claim.filled
    if filled is None and status is VenueStatus.FILLED:
        filled = claim.quantity if claim.quantity is not None else order.quantity
    if filled and filled > life.venue_filled and filled > executed(life):
        yield QuantityFilled(order_id, filled, ts, now)
    if status is VenueStatus.CANCELED and not life.facts & CANCELED:
        yield OrderCanceled(order_id, claim.reason, ts, now)
    elif status is VenueStatus.EXPIRED and not life.facts & EXPIRED:
        yield OrderExpired(order_id, ts, now)
    elif rejected and not life.facts & REJECTED:
        yield OrderRejected(order_id, claim.reason, ts, now)
    if claim.asked_at:
        yield from _conclude(state, working, claim, filled or ZERO, now)


def _terms(
    state: ClaimState, working: WorkingOrder, claim: OrderStatusReport, now: int
) -> Iterator[OrderEvent]:
    """New terms that the venue shows: those we asked for, or somebody else's."""
    life = working.life
    refused = claim.status in NO_TERMS and not claim.filled  # what it filled, it had terms for
    if claim.quantity is None or refused:
        return
    order_id, told = life.order.order_id, state.terms_ts
    last = told.get(order_id, 0)
    if claim.ts < last or (claim.ts == last and not claim.asked_at):
        return
    asked = state.modifications.get(order_id, ())
    # Of several requests the last may ask for what was there before the first: showing that is no
    # answer to it, until it was asked for after all of them.
    is_answer = len(life.modifications) == 1 or claim.asked_at or not has_terms(life.order, claim)
    for request in reversed(asked if is_answer else ()):
        if request.version in life.modifications and shows(claim, request):
            told[order_id] = claim.ts
            yield modified(request, claim, now)
            _answered(state, order_id, request.version)
            return
    adopted = order_id.startswith(ADOPTED)
    # What a filled order was filled for is final: no request can come after it.
    is_final = claim.status is VenueStatus.FILLED and claim.quantity != life.order.quantity
    if (
        is_final
        or (claim.asked_at and differs(life.order, claim))
        or (adopted and not asked and not has_terms(life.order, claim))
    ):
        told[order_id] = claim.ts
        version = max(life.version, life.requested_version) + 1
        yield OrderModified(
            order_id,
            version,
            claim.quantity,
            claim.limit_price,
            claim.trigger_price,
            claim.ts,
            now,
        )


def _answered(state: ClaimState, order_id: str, version: int) -> None:
    asked = state.modifications
    left = tuple(each for each in asked.get(order_id, ()) if each.version != version)
    if left:
        asked[order_id] = left
    else:
        asked.pop(order_id, None)


def _conclude(
    state: ClaimState, working: WorkingOrder, claim: OrderStatusReport, filled: Decimal, now: int
) -> Iterator[OrderEvent]:
    """The venue was asked after everything we asked for could have taken effect."""
    life = working.life
    order, ts = life.order, claim.ts
    for version in life.modifications:
        yield ModifyRejected(order.order_id, version, NEVER_TOOK_EFFECT, ts, now)
    state.modifications.pop(order.order_id, None)
    if order.pending is PendingRequest.CANCEL and claim.status is VenueStatus.OPEN:
        yield CancelRejected(order.order_id, NEVER_TOOK_EFFECT, ts, now)
    if order.in_doubt:
        yield DoubtResolved(order.order_id, filled, ts, now)
