"""Which orders must be asked about, and when an answer proves something.

An order is asked about while it is in doubt, or while something that was asked of the venue has
been without an outcome for longer than the venue lets it live; until then that outcome is waited
for. Pure looks at the engine's orders; must never ask anything itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

from alphaforge.engine.lifecycle import OrderLife
from alphaforge.engine.oms import OrderManagement
from alphaforge.engine.order_facts import ACCEPTED, executed
from alphaforge.engine.working import WorkingOrder
from alphaforge.model.enums import OrderStatus, PendingRequest
from alphaforge.venues.base import Capabilities, Venue


class Doubt(NamedTuple):
    """An order to ask about.

    Attributes:
        wants_trades: The venue counts executions that we do not hold.
    """

    working: WorkingOrder
    wants_trades: bool


def last_request(life: OrderLife) -> int:
    """Engine time of the last thing that was asked of the venue about an order."""
    return max(life.order.ts, life.requested_at)


def proof_at(life: OrderLife, capabilities: Capabilities) -> int:
    """A question asked at this engine time or later sees what became of all that was asked of it.

    0 where the venue offers no such proof.
    """
    if not capabilities.request_life_ns:
        return 0
    return last_request(life) + capabilities.proof_ns


def working_at(execution: OrderManagement, venue: str) -> tuple[WorkingOrder, ...]:
    """The orders of one venue that left and work, or are in doubt, oldest first."""
    orders = execution.orders.values()
    return tuple(each for each in orders if each.life.facts and each.instrument.venue == venue)


def doubts(execution: OrderManagement, venue: Venue, now: int) -> Iterator[Doubt]:
    """The orders of a venue to ask about at engine time `now`, oldest first."""
    capabilities = venue.capabilities
    for working in working_at(execution, venue.name):
        life = working.life
        if is_open_question(life, capabilities, now):
            yield Doubt(working, life.venue_filled > executed(life))


def is_open_question(life: OrderLife, capabilities: Capabilities, now: int) -> bool:
    """Whether an order is to be asked about at engine time `now`."""
    return life.order.in_doubt or (_is_waiting(life) and now >= proof_at(life, capabilities))


def is_under_way(life: OrderLife, capabilities: Capabilities, now: int) -> bool:
    """Whether something asked of the venue may still be answered: that will say how it stands."""
    return not life.order.in_doubt and _is_waiting(life) and now < proof_at(life, capabilities)


def _is_waiting(life: OrderLife) -> bool:
    """Whether something asked of the venue has no outcome yet."""
    order = life.order
    return order.pending is not PendingRequest.NONE or order.status is OrderStatus.SUBMITTED


def is_known_there(life: OrderLife) -> bool:
    """Whether anything has proved that the venue has, or had, the order."""
    return bool(life.facts & ACCEPTED)
