"""What a venue says about our orders: facts that the lifecycle folds, in whatever order they come.

Every report names our `order_id`; `ts` is the venue's time and `ts_local` ours, both ns UTC.
"""

from decimal import Decimal
from typing import TypeAlias

import msgspec

from alphaforge.model.enums import Liquidity, PendingRequest


class OrderAccepted(msgspec.Struct, frozen=True, gc=False, tag="accepted"):
    """The venue has the order and it works."""

    order_id: str
    venue_order_id: str
    ts: int
    ts_local: int


class OrderRejected(msgspec.Struct, frozen=True, gc=False, tag="rejected"):
    """The venue refused the order."""

    order_id: str
    reason: str
    ts: int
    ts_local: int


class OrderTriggered(msgspec.Struct, frozen=True, gc=False, tag="triggered"):
    """A stop woke."""

    order_id: str
    ts: int
    ts_local: int


class OrderFilled(msgspec.Struct, frozen=True, gc=False, tag="filled"):
    """One execution. `trade_id` makes it unique: the same id again changes nothing."""

    order_id: str
    venue_order_id: str
    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    ts: int
    ts_local: int


class OrderCanceled(msgspec.Struct, frozen=True, gc=False, tag="canceled"):
    """The order is out of the market; what filled stays filled."""

    order_id: str
    reason: str
    ts: int
    ts_local: int


class OrderExpired(msgspec.Struct, frozen=True, gc=False, tag="expired"):
    """The order reached the end of its time in force."""

    order_id: str
    ts: int
    ts_local: int


class OrderModified(msgspec.Struct, frozen=True, gc=False, tag="modified"):
    """The venue took new terms; `version` is the request's, the highest wins."""

    order_id: str
    version: int
    quantity: Decimal | None
    limit_price: Decimal | None
    trigger_price: Decimal | None
    ts: int
    ts_local: int


class CancelRejected(msgspec.Struct, frozen=True, gc=False, tag="cancel_rejected"):
    """The venue would not cancel. It proves nothing about where the order stands."""

    order_id: str
    reason: str
    ts: int
    ts_local: int


class ModifyRejected(msgspec.Struct, frozen=True, gc=False, tag="modify_rejected"):
    """The venue would not modify; the old terms stand."""

    order_id: str
    version: int
    reason: str
    ts: int
    ts_local: int


class OutcomeUnknown(msgspec.Struct, frozen=True, gc=False, tag="outcome_unknown"):
    """A request left and no answer proves what became of it: the order is in doubt.

    `request` says which: NONE for the order itself, CANCEL or MODIFY for a request about it.
    """

    order_id: str
    reason: str
    ts: int
    ts_local: int
    request: PendingRequest = PendingRequest.NONE


class StateUnknown(msgspec.Struct, frozen=True, gc=False, tag="state_unknown"):
    """What we know of the order may be old: a restart, a cancel refused as unknown, a gap.

    In doubt until the venue, asked, says where it stands (`DoubtResolved`).
    """

    order_id: str
    reason: str
    ts: int
    ts_local: int


class QuantityFilled(msgspec.Struct, frozen=True, gc=False, tag="quantity_filled"):
    """The venue named its cumulative filled quantity, more than zero, in passing (FIX 14).

    In doubt until we hold every fill it counts.
    """

    order_id: str
    filled: Decimal
    ts: int
    ts_local: int


class DoubtResolved(msgspec.Struct, frozen=True, gc=False, tag="doubt_resolved"):
    """The venue, asked, confirmed where the order stands; `filled` is its cumulative quantity."""

    order_id: str
    filled: Decimal
    ts: int
    ts_local: int


class AbsenceProved(msgspec.Struct, frozen=True, gc=False, tag="absence_proved"):
    """Proof that the order never existed at the venue (reliability: absence is never assumed)."""

    order_id: str
    reason: str
    ts: int
    ts_local: int


class TradeBusted(msgspec.Struct, frozen=True, gc=False, tag="busted"):
    """The venue took a trade back: its fill is reversed, never deleted."""

    order_id: str
    trade_id: str
    ts: int
    ts_local: int


OrderReport: TypeAlias = (
    OrderAccepted
    | OrderRejected
    | OrderTriggered
    | OrderFilled
    | OrderCanceled
    | OrderExpired
    | OrderModified
    | CancelRejected
    | ModifyRejected
    | OutcomeUnknown
    | StateUnknown
    | QuantityFilled
    | DoubtResolved
    | AbsenceProved
    | TradeBusted
)
