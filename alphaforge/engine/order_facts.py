"""What is known of an order: its facts, and what each event adds to them.

Facts are bits that are only ever added, and fills are a set by trade id, so that the order of
arrival does not matter. A fact that contradicts another is recorded and named, never refused. Must
never decide what the facts mean for the status: that is `alphaforge.engine.lifecycle`.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

import msgspec

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
    OrderTriggered,
    OutcomeUnknown,
    QuantityFilled,
    StateUnknown,
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
DOUBTFUL: Final = DENIED | REJECTED | ABSENT
CLOSING: Final = DENIED | ABSENT | REJECTED | EXPIRED | CANCELED
ALIVE_PROOF: Final = ACCEPTED | TRIGGERED

FACTS: Final[Mapping[type, int]] = MappingProxyType(
    {
        OrderSubmitted: 0,
        OrderAdopted: SENT | ACCEPTED,
        OrderDenied: 0,
        OrderHeld: 0,
        HeldModified: 0,
        OrderReleased: 0,
        OrderAccepted: SENT | ACCEPTED,
        OrderTriggered: SENT | ACCEPTED | TRIGGERED,
        OrderFilled: SENT | ACCEPTED,
        OrderModified: SENT | ACCEPTED,
        OrderCanceled: SENT | CANCELED,
        OrderExpired: SENT | EXPIRED,
        OrderRejected: SENT | REJECTED,
        AbsenceProved: SENT | ABSENT,
        OutcomeUnknown: SENT,
        StateUnknown: 0,
        QuantityFilled: SENT | ACCEPTED,
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


class OrderFacts(msgspec.Struct, gc=False, eq=False):
    """One order's facts, and the handle its strategy holds.

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
        modifications: Versions of the modifications that are out; each needs its own answer.
        anomalies: Names of the contradictions seen, in the order seen.
        doubts: Bits: 1 the order itself, 2 its cancel, 4 its modification, 8 contradicting fills,
            16 what we know may be old.
        answered: Of the bits 2, 4 and 16, those that have an outcome since they were last asked.
        requested_at: Engine time (ns) of the last cancel or modification asked for.
        venue_filled: Cumulative quantity the venue told last: in doubt until we hold it.
        venue_filled_ts: The venue's time (ns) of that count.
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
    modifications: tuple[int, ...] = ()
    anomalies: tuple[str, ...] = ()
    doubts: int = 0
    answered: int = 0
    venue_filled: Decimal = ZERO
    venue_filled_ts: int = 0
    plain: bool = True
    requested_at: int = 0
    reason_rank: int = 0

    def note(self, anomaly: str) -> None:
        """Name a contradiction, once."""
        if anomaly not in self.anomalies:
            self.anomalies = (*self.anomalies, anomaly)

    def forget(self, anomaly: str) -> None:
        """Take a contradiction back that a later fact explains."""
        if anomaly in self.anomalies:
            self.anomalies = tuple(each for each in self.anomalies if each != anomaly)


def executed(life: OrderFacts) -> Decimal:
    """Everything the venue executed as far as we know, what it took back included."""
    total = ZERO
    for execution in (life.executions or {}).values():
        total = EXACT.add(total, execution.quantity)
    return total
