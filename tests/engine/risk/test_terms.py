"""What a venue cannot do is denied before anything leaves, with the reason."""

from typing import Any

import pytest
from msgspec.structs import replace

from alphaforge import Order
from alphaforge.model.enums import OrderStatus
from alphaforge.model.events import RequestDenied
from tests.engine.driving import SPOT, SYMBOL, Market, reasons, spending

RICH = {"USDT": "100000", "A": "1000"}


def market_without(*names: str) -> Market:
    """Orders go over a wire, to a venue that lacks something."""
    venue = replace(SPOT, venue="small", unsupported=names)
    return Market(spending(RICH), (venue,), wire=True)


@pytest.mark.parametrize(
    ("missing", "terms"),
    [
        ("STOP_MARKET", {"stop": "110"}),
        ("STOP_LIMIT", {"stop": "110", "limit": "111"}),
        ("TRAILING_STOP", {"trail": "1"}),
        ("IOC", {"limit": "100", "tif": "IOC"}),
        ("FOK", {"limit": "100", "tif": "FOK"}),
        ("POST_ONLY", {"limit": "90", "post_only": True}),
        ("BRACKET", {"take_profit": "120", "stop_loss": "90"}),
        ("STOP_MARKET", {"stop_loss": "90"}),
    ],
)
def test_what_a_venue_lacks_is_denied_by_name_and_else_sent(
    missing: str, terms: dict[str, Any]
) -> None:
    lacking, able = market_without(missing), market_without("ANYTHING_ELSE")
    denied: Order = lacking.ask(lambda s: s.buy(SYMBOL, 1, **terms))
    sent: Order = able.ask(lambda s: s.buy(SYMBOL, 1, **terms))
    assert denied.status is OrderStatus.DENIED
    assert reasons(denied) == [f"small has no {missing} orders for {SYMBOL}"]
    assert not lacking.step.outgoing
    assert sent.status is OrderStatus.SUBMITTED
    assert len(able.step.outgoing) == 1


@pytest.mark.parametrize(
    ("held", "terms"),
    [
        ("STOP_MARKET", {"stop": "110"}),
        ("STOP_MARKET", {"stop": "110", "expires": 1 << 62}),
        ("STOP_LIMIT", {"stop": "110", "limit": "111"}),
        ("TRAILING_STOP", {"trail": "1"}),
    ],
)
def test_what_the_engine_does_in_its_venues_place_passes_and_nothing_leaves(
    held: str, terms: dict[str, Any]
) -> None:
    venue = replace(SPOT, venue="small", unsupported=(held, "GTD"), emulated=(held,))
    market = Market(spending(RICH), (venue,), wire=True)
    order: Order = market.ask(lambda s: s.buy(SYMBOL, 1, **terms))
    assert (order.status, order.is_held) == (OrderStatus.INITIALIZED, True)
    assert not market.step.outgoing


def test_a_bracket_needs_a_stop_whoever_keeps_it() -> None:
    market = market_without("STOP_MARKET")
    order: Order = market.ask(lambda s: s.buy(SYMBOL, 1, take_profit="120", stop_loss="90"))
    assert reasons(order) == [f"small has no STOP_MARKET orders for {SYMBOL}"]


def test_plain_orders_pass_whatever_else_is_missing() -> None:
    market = market_without("STOP_MARKET", "IOC", "POST_ONLY", "BRACKET", "MODIFY")
    for terms in ({}, {"limit": "99"}):
        order: Order = market.ask(lambda s, terms=terms: s.buy(SYMBOL, 1, **terms))
        assert order.status is OrderStatus.SUBMITTED


def test_an_order_that_cannot_be_modified_says_what_to_do_instead() -> None:
    market = market_without("MODIFY")
    order: Order = market.ask(lambda s: s.buy(SYMBOL, 1, limit="99"))
    market.ask(lambda s: s.modify(order, limit="98"))
    [denied] = [each for each in market.step.events if isinstance(each, RequestDenied)]
    assert denied.reasons == ("small cannot modify orders: cancel it and send another",)
    assert not market.step.outgoing
