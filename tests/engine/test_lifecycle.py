"""Every (status, event) pair of an order's life, written out from the lifecycle table.

Where a fact row of that table and the fold would differ, the fold decides (facts give the same view
in whatever order they come), and of two cells that contradict each other across arrival orders the
louder one holds. Requests and verdicts of our own are decisions: where they are illegal, they are
an anomaly and change nothing.
"""

from decimal import Decimal
from typing import get_args

import msgspec
import pytest

from alphaforge.engine.lifecycle import OrderLife, begin
from alphaforge.engine.order_facts import FACTS
from alphaforge.model.enums import OPEN_STATUSES, OrderStatus, PendingRequest
from alphaforge.model.events import OrderEvent
from alphaforge.model.numbers import ZERO
from tests.engine import order_facts as facts

STATUSES = {
    "INIT": OrderStatus.INITIALIZED,
    "SUBM": OrderStatus.SUBMITTED,
    "ACPT": OrderStatus.ACCEPTED,
    "PART": OrderStatus.PARTIALLY_FILLED,
    "TRIG": OrderStatus.TRIGGERED,
    "FILL": OrderStatus.FILLED,
    "CANC": OrderStatus.CANCELED,
    "EXPI": OrderStatus.EXPIRED,
    "REJE": OrderStatus.REJECTED,
    "ABSE": OrderStatus.ABSENT,
    "DENY": OrderStatus.DENIED,
}

WAY_TO = {
    "INIT": (),
    "SUBM": (facts.submitted(),),
    "ACPT": (facts.submitted(), facts.accepted()),
    "PART": (facts.submitted(), facts.accepted(), facts.filled("t-1", "4")),
    "TRIG": (facts.submitted(), facts.accepted(), facts.triggered()),
    "FILL": (facts.submitted(), facts.accepted(), facts.filled("t-1", "10")),
    "CANC": (facts.submitted(), facts.accepted(), facts.canceled()),
    "EXPI": (facts.submitted(), facts.accepted(), facts.expired()),
    "REJE": (facts.submitted(), facts.rejected()),
    "ABSE": (facts.submitted(), facts.unknown(), facts.absent()),
    "DENY": (facts.denied(),),
}

EVENTS = {
    "submitted": facts.submitted(),
    "held": facts.held(),
    "held_modified_to_8": facts.held_modified(1, "8"),
    "released": facts.released(),
    "adopted": facts.adopted(),
    "denied": facts.denied(),
    "request_denied": facts.request_denied(),
    "cancel_requested": facts.cancel_requested(),
    "modify_requested": facts.modify_requested(),
    "accepted": facts.accepted(),
    "rejected": facts.rejected(),
    "triggered": facts.triggered(),
    "filled_2": facts.filled("t-9", "2"),
    "filled_10": facts.filled("t-9", "10"),
    "canceled": facts.canceled(),
    "expired": facts.expired(),
    "modified_to_8": facts.modified(1, "8"),
    "modified_to_3": facts.modified(1, "3"),
    "modified_to_12": facts.modified(1, "12"),
    "cancel_rejected": facts.cancel_rejected(),
    "modify_rejected": facts.modify_rejected(),
    "unknown": facts.unknown(),
    "unknown_cancel": facts.unknown(PendingRequest.CANCEL),
    "unknown_modify": facts.unknown(PendingRequest.MODIFY),
    "state_unknown": facts.state_unknown(),
    "quantity_5": facts.quantity_filled("5"),
    "found": facts.resolved("0"),
    "found_filled_5": facts.resolved("5"),
    "absent": facts.absent(),
    "busted": facts.busted("t-1"),
}

# ! an anomaly is named · ? in doubt · +C, +M a cancel, a modification is pending
TABLE = """
event            INIT   SUBM   ACPT   PART   TRIG   FILL   CANC   EXPI   REJE   ABSE   DENY
submitted        SUBM   SUBM   ACPT!  PART!  TRIG!  FILL!  CANC!  EXPI!  REJE!  ABSE!  DENY!
held             INIT   SUBM!  ACPT!  PART!  TRIG!  FILL!  CANC!  EXPI!  REJE!  ABSE!  DENY!
held_modified_to_8 INIT SUBM   ACPT   PART   TRIG   FILL   CANC   EXPI   REJE   ABSE   DENY
released         SUBM   SUBM   ACPT!  PART!  TRIG!  FILL!  CANC!  EXPI!  REJE!  ABSE!  DENY!
adopted          ACPT   ACPT   ACPT   PART   TRIG   FILL   CANC   EXPI   REJE!  ACPT!? DENY!
denied           DENY   SUBM!  ACPT!  PART!  TRIG!  FILL!  CANC!  EXPI!  REJE!  ABSE!  DENY
request_denied   INIT   SUBM   ACPT   PART   TRIG   FILL   CANC   EXPI   REJE   ABSE   DENY
cancel_requested INIT+C SUBM+C ACPT+C PART+C TRIG+C FILL   CANC   EXPI   REJE   ABSE   DENY
modify_requested INIT+M SUBM+M ACPT+M PART+M TRIG+M FILL   CANC   EXPI   REJE   ABSE   DENY
accepted         ACPT   ACPT   ACPT   PART   TRIG   FILL   CANC   EXPI   REJE!  ACPT!? DENY!
rejected         REJE   REJE   REJE!  REJE!? REJE!  FILL!  CANC!  EXPI!  REJE   REJE   DENY!
triggered        TRIG   TRIG   TRIG   PART   TRIG   FILL   CANC   EXPI   REJE!  TRIG!? DENY!
filled_2         PART   PART   PART   PART   PART   FILL!  CANC   EXPI   REJE!? PART!? DENY!?
filled_10        FILL   FILL   FILL   FILL!  FILL   FILL!  FILL   FILL   FILL!  FILL!  FILL!
canceled         CANC   CANC   CANC   CANC   CANC   FILL   CANC   CANC   CANC   CANC!  DENY!
expired          EXPI   EXPI   EXPI   EXPI   EXPI   FILL   CANC   EXPI   EXPI   EXPI!  DENY!
modified_to_8    ACPT   ACPT   ACPT   PART   TRIG   FILL   CANC   EXPI   REJE!  ACPT!? DENY!
modified_to_3    ACPT   ACPT   ACPT   FILL   TRIG   FILL   CANC   EXPI   REJE!  ACPT!? DENY!
modified_to_12   ACPT   ACPT   ACPT   PART   TRIG   PART   CANC   EXPI   REJE!  ACPT!? DENY!
cancel_rejected  INIT!  SUBM   ACPT   PART   TRIG   FILL   CANC   EXPI   REJE   ABSE   DENY!
modify_rejected  INIT!  SUBM   ACPT   PART   TRIG   FILL   CANC   EXPI   REJE   ABSE   DENY!
unknown          SUBM?  SUBM?  ACPT   PART   TRIG   FILL   CANC   EXPI   REJE   ABSE   DENY!
unknown_cancel   SUBM?  SUBM?  ACPT?  PART?  TRIG?  FILL   CANC   EXPI   REJE   ABSE   DENY!
unknown_modify   SUBM?  SUBM?  ACPT?  PART?  TRIG?  FILL   CANC   EXPI   REJE   ABSE   DENY!
state_unknown    INIT?  SUBM?  ACPT?  PART?  TRIG?  FILL?  CANC   EXPI   REJE   ABSE   DENY
quantity_5       ACPT?  ACPT?  ACPT?  PART?  TRIG?  FILL   CANC?  EXPI?  REJE!? ACPT!? DENY!?
found            ACPT   ACPT   ACPT   PART   TRIG   FILL   CANC   EXPI   REJE!  ACPT!  DENY!
found_filled_5   ACPT?  ACPT?  ACPT?  PART?  TRIG?  FILL   CANC?  EXPI?  REJE!? ACPT!? DENY!?
absent           ABSE   ABSE   ACPT!? PART!? TRIG!? FILL!  CANC!  EXPI!  REJE   ABSE   DENY!
busted           ACPT   ACPT   ACPT   ACPT   TRIG   ACPT   CANC   EXPI   REJE!  ACPT!? DENY!
"""

ROWS = [line.split() for line in TABLE.strip().splitlines()]
COLUMNS = ROWS[0][1:]
CELLS = [
    pytest.param(before, row[0], cell, id=f"{before}-{row[0]}")
    for row in ROWS[1:]
    for before, cell in zip(COLUMNS, row[1:], strict=True)
]


def life_after(*events: OrderEvent) -> OrderLife:
    life = begin(facts.TERMS, facts.TS)
    for event in events:
        life.apply(event)
    return life


def shown(life: OrderLife) -> str:
    """The view in the words of the table."""
    order = life.order
    short = next(short for short, status in STATUSES.items() if status is order.status)
    pending = {PendingRequest.CANCEL: "+C", PendingRequest.MODIFY: "+M"}.get(order.pending, "")
    return short + "!" * bool(life.anomalies) + "?" * order.in_doubt + pending


def test_the_table_names_every_status_and_every_event() -> None:
    assert set(STATUSES.values()) == set(OrderStatus)
    assert set(COLUMNS) == set(STATUSES)
    assert {row[0] for row in ROWS[1:]} == set(EVENTS)
    assert {type(event) for event in EVENTS.values()} == set(get_args(OrderEvent)) == set(FACTS)


@pytest.mark.parametrize("status", list(STATUSES))
def test_the_way_to_each_status_leads_there_without_anomaly_or_doubt(status: str) -> None:
    assert shown(life_after(*WAY_TO[status])) == status


@pytest.mark.parametrize(("before", "event", "after"), CELLS)
def test_every_status_and_event(before: str, event: str, after: str) -> None:
    life = life_after(*WAY_TO[before])
    life.apply(EVENTS[event])
    assert shown(life) == after


@pytest.mark.parametrize(("before", "event", "after"), CELLS)
def test_a_repeated_event_shows_nothing_new(before: str, event: str, after: str) -> None:
    life = life_after(*WAY_TO[before])
    life.apply(EVENTS[event])
    filled = life.order.filled
    life.apply(EVENTS[event])
    if event != "submitted":
        assert shown(life) == after
    assert life.order.filled == filled


@pytest.mark.parametrize(("before", "event", "after"), CELLS)
def test_the_handle_is_consistent_in_every_cell(before: str, event: str, after: str) -> None:
    del after
    life = life_after(*WAY_TO[before], EVENTS[event])
    order = life.order
    assert order.is_open is (order.status in OPEN_STATUSES)
    assert (order.average_price is None) is (order.filled == 0)
    alive = order.is_open or order.in_doubt
    assert order.leaves == (max(order.quantity - order.filled, ZERO) if alive else 0)
    assert life.overfill == max(order.filled - order.quantity, ZERO)
    assert (order.filled >= order.quantity) is (order.status is OrderStatus.FILLED)


def test_a_fill_with_a_known_trade_id_changes_nothing() -> None:
    for status in ("PART", "FILL"):
        life = life_after(*WAY_TO[status])
        again = WAY_TO[status][-1]
        assert not life.apply(again)
        assert shown(life) == status


def test_a_known_trade_id_with_other_numbers_is_in_doubt_and_the_booked_one_stands() -> None:
    life = life_after(*WAY_TO["PART"], facts.filled("t-1", "5"))
    assert shown(life) == "PART!?"
    assert life.order.filled == 4
    life.apply(facts.resolved("4"))
    assert shown(life) == "PART!"


def test_a_filled_orders_trade_id_with_other_numbers_is_in_doubt_too() -> None:
    life = life_after(*WAY_TO["FILL"], facts.filled("t-1", "9"))
    assert shown(life) == "FILL!?"
    assert life.order.filled == 10


def test_what_is_left_is_of_the_approved_quantity() -> None:
    asked = begin(msgspec.structs.replace(facts.TERMS, quantity=Decimal("10.7")), facts.TS)
    asked.apply(facts.submitted())
    assert (asked.order.quantity, asked.order.leaves) == (10, 10)


def test_a_modification_below_what_is_filled_ends_as_filled_with_that_quantity() -> None:
    life = life_after(*WAY_TO["PART"], facts.modified(1, "3"))
    order = life.order
    assert (order.status, order.quantity, order.leaves) == (OrderStatus.FILLED, 4, 0)
    assert life.anomalies == ()


def test_a_modification_above_what_is_filled_opens_a_filled_order_again() -> None:
    life = life_after(*WAY_TO["FILL"], facts.modified(1, "12"))
    order = life.order
    assert (order.status, order.leaves) == (OrderStatus.PARTIALLY_FILLED, 2)
    assert order.is_open


def test_the_latest_version_of_each_term_wins() -> None:
    second = facts.modified(2, None, limit="98")
    third = facts.modified(3, None, trigger="97")
    late = facts.modified(1, "8", limit="95", trigger="94")
    life = life_after(*WAY_TO["ACPT"], third, second, late)
    order = life.order
    assert (order.quantity, order.limit_price, order.trigger_price) == (8, 98, 97)


def test_an_answer_to_an_earlier_modification_leaves_the_later_one_pending() -> None:
    asked = (facts.modify_requested(1), facts.modify_requested(2))
    for answer in (facts.modified(1), facts.modify_rejected(1)):
        life = life_after(*WAY_TO["ACPT"], *asked, answer)
        assert life.order.pending is PendingRequest.MODIFY
        life.apply(facts.modify_rejected(2))
        assert life.order.pending is PendingRequest.NONE


def test_a_pending_cancel_is_shown_before_a_pending_modification() -> None:
    life = life_after(*WAY_TO["ACPT"], facts.modify_requested(), facts.cancel_requested())
    assert life.order.pending is PendingRequest.CANCEL
    life.apply(facts.cancel_rejected())
    assert life.order.pending is PendingRequest.MODIFY


def test_a_cancel_without_outcome_is_in_doubt_until_it_has_one() -> None:
    asked = (facts.cancel_requested(), facts.unknown(PendingRequest.CANCEL))
    life = life_after(*WAY_TO["ACPT"], *asked)
    assert shown(life) == "ACPT?+C"
    life.apply(facts.cancel_rejected())
    assert shown(life) == "ACPT"
    life.apply(facts.cancel_requested())
    life.apply(facts.unknown(PendingRequest.CANCEL))
    assert shown(life) == "ACPT?+C"
    life.apply(facts.resolved("0"))
    assert shown(life) == "ACPT"


def test_a_second_cancel_after_a_lost_one_is_still_in_doubt() -> None:
    asked = (facts.cancel_requested(), facts.unknown(PendingRequest.CANCEL))
    life = life_after(*WAY_TO["ACPT"], *asked, facts.cancel_requested())
    assert shown(life) == "ACPT?+C"


def test_the_doubt_lasts_until_every_fill_the_venue_counts_is_here() -> None:
    life = life_after(*WAY_TO["ACPT"], facts.canceled(), facts.resolved("5"))
    assert shown(life) == "CANC?"
    assert life.order.leaves == 10
    life.apply(facts.filled("t-1", "3"))
    assert shown(life) == "CANC?"
    life.apply(facts.filled("t-2", "2"))
    assert shown(life) == "CANC"
    assert (life.order.filled, life.order.leaves) == (5, 0)


def test_a_bust_reverses_its_fill_and_a_late_copy_of_it_is_not_counted() -> None:
    life = life_after(*WAY_TO["PART"], facts.filled("t-2", "2", "103"), facts.busted("t-1"))
    assert (life.order.filled, life.order.average_price) == (2, 103)
    life.apply(facts.filled("t-1", "4"))
    assert life.order.filled == 2


def test_an_overfill_is_counted_and_named() -> None:
    life = life_after(*WAY_TO["FILL"], facts.filled("t-2", "1"))
    assert (life.order.filled, life.overfill, life.order.leaves) == (11, 1, 0)
    assert life.anomalies == ("overfill",)


def test_fills_beyond_the_quantity_are_no_overfill_while_a_larger_one_may_have_been_taken() -> None:
    told = (*WAY_TO["ACPT"], facts.modify_requested(1), facts.filled("t-1", "11"))
    assert life_after(*told).anomalies == ()
    assert life_after(*told, facts.modified(1, "12")).anomalies == ()
    assert life_after(*told, facts.modify_rejected(1)).anomalies == ("overfill",)


def test_the_average_price_is_weighted_by_quantity() -> None:
    life = life_after(
        facts.submitted(), facts.filled("a", "1", "100"), facts.filled("b", "3", "104")
    )
    assert life.order.average_price == Decimal(103)


def test_a_denial_says_every_reason() -> None:
    assert life_after(facts.denied()).order.reason == "too large; halted"


def test_the_reason_is_that_of_the_strongest_closing_fact() -> None:
    life = life_after(*WAY_TO["REJE"], facts.canceled("by the venue"))
    assert life.order.reason == "by the venue"
    life.apply(facts.rejected("late"))
    assert life.order.reason == "by the venue"


def test_the_approved_terms_are_the_handles_terms() -> None:
    life = begin(facts.TERMS, facts.TS)
    other = facts.submitted()
    assert life.apply(other)
    assert life.order.quantity == other.terms.quantity
    assert not life.apply(other), "the same request sent again is no news"
