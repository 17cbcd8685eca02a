"""What one event led to: the answer of `Engine.process`."""

import msgspec

from alphaforge.model.commands import Approved
from alphaforge.model.events import Alert, FundingPaid, OrderEvent, Signal
from alphaforge.model.orders import Fill


class Step(msgspec.Struct, frozen=True, gc=False):
    """Everything that came of one event, in the order it happened.

    Attributes:
        sequence: Number of the event since the engine was made, from 1; 0 only in `EMPTY_STEP`.
        ts: Engine time of the event, ns UTC.
        events: Decisions about orders and venue reports applied.
        fills: Executions as booked.
        outgoing: What a venue over the wire must now be told; empty where orders are simulated.
        alerts: What a person should know.
        signals: Opinions of strategies.
        funding: Funding booked on positions.
    """

    sequence: int
    ts: int
    events: tuple[OrderEvent, ...] = ()
    fills: tuple[Fill, ...] = ()
    outgoing: tuple[Approved, ...] = ()
    alerts: tuple[Alert, ...] = ()
    signals: tuple[Signal, ...] = ()
    funding: tuple[FundingPaid, ...] = ()


EMPTY_STEP = Step(0, 0)
"""The one shared answer to an event without effect; compare with `is`."""
