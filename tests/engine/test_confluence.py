"""Facts about an order give the same view in whatever order they come, repeats included.

What the view is: status, filled, average price, doubt, anomalies, reason, quantity, prices, the
venue's id, leaves. Our own decisions (sent, denied, requests) have one place in time and no part
here; two fills that claim different numbers under one trade id are no set of facts.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from math import perm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.lifecycle import begin
from alphaforge.model.enums import PendingRequest
from alphaforge.model.events import OrderEvent
from tests.engine import order_facts as facts

LARGEST_SUBSET = 6
"""Subsets of up to so many of the 12 facts are tried in every order: 6 makes 773,664 orderings."""

TWELVE: tuple[OrderEvent, ...] = (
    facts.accepted("v-000001"),
    facts.rejected("no funds"),
    facts.triggered(),
    facts.filled("t-1", "4", "100"),
    facts.filled("t-2", "5", "103"),
    facts.canceled("asked"),
    facts.expired(),
    facts.modified(1, "3", limit="98"),
    facts.modified(2, None, limit="97"),
    facts.absent(),
    facts.resolved("9"),
    facts.busted("t-2"),
)

OTHERS: tuple[OrderEvent, ...] = (
    facts.accepted("v-000002"),
    facts.accepted("v-1"),
    facts.rejected("another reason"),
    facts.canceled(""),
    facts.canceled("by the venue"),
    facts.filled("t-3", "3", "99.5", "v-000003"),
    facts.filled("t-4", "10", "101"),
    facts.modified(3, "12"),
    facts.modified(4, "6", trigger="96"),
    facts.busted("t-4"),
    facts.resolved("3"),
    facts.quantity_filled("7"),
    facts.unknown(),
    facts.unknown(PendingRequest.CANCEL),
    facts.unknown(PendingRequest.MODIFY),
    facts.cancel_rejected(),
    facts.modify_rejected(2),
)


def view_after(events: Sequence[OrderEvent], decisions: Sequence[OrderEvent] = ()) -> object:
    life = begin(facts.TERMS, facts.TS)
    life.apply(facts.submitted())
    for event in decisions:
        life.apply(event)
    for event in events:
        life.apply(event)
    order = life.order
    return (
        order.status,
        order.filled,
        order.average_price,
        order.in_doubt,
        frozenset(life.anomalies),
        order.reason,
        order.quantity,
        order.limit_price,
        order.trigger_price,
        order.venue_order_id,
        order.leaves,
        order.pending,
        life.overfill,
    )


def orderings(largest: int) -> Iterator[tuple[tuple[OrderEvent, ...], int]]:
    """Every subset with how many orders it has."""
    for size in range(1, largest + 1):
        for subset in combinations(TWELVE, size):
            yield subset, perm(size)


@pytest.mark.slow
def test_every_order_of_every_subset_gives_one_view() -> None:
    tried = 0
    for subset, count in orderings(LARGEST_SUBSET):
        expected = view_after(subset)
        for order in permutations(subset):
            if view_after((*order, order[0])) != expected:
                pytest.fail(f"{[type(each).__name__ for each in order]} differs")
        tried += count
    assert tried == sum(perm(len(TWELVE), size) for size in range(1, LARGEST_SUBSET + 1))


@given(st.lists(st.sampled_from(TWELVE + OTHERS), max_size=14), st.data())
def test_any_order_with_any_repeats_gives_one_view(
    events: list[OrderEvent], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(events))
    late = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    assert view_after([*shuffled, *late]) == view_after(events)


@given(st.lists(st.sampled_from(TWELVE + OTHERS), max_size=8), st.data())
def test_requests_that_are_out_change_nothing_about_that(
    events: list[OrderEvent], data: st.DataObject
) -> None:
    asked = (facts.cancel_requested(), facts.modify_requested(3), facts.modify_requested(4))
    shuffled = data.draw(st.permutations(events))
    assert view_after(shuffled, asked) == view_after(events, asked)
