"""Brackets over a wire: protective legs that cannot leave now are not forgotten."""

from decimal import Decimal

from alphaforge.model.claims import VenueState
from alphaforge.model.commands import ModifyOrder, SubmitOrder
from alphaforge.model.orders import Order
from alphaforge.model.reports import StateUnknown
from tests.engine.wire import SYMBOL, Wire, busted, stands, traded


def entered_while(wire: Wire, filled: str = "10") -> Order:
    """A bracket whose entry fills while nothing new may leave."""
    entry = wire.ask(lambda bot: bot.buy(SYMBOL, 10, limit=100, take_profit=120, stop_loss=80))
    wire.venue(VenueState.RECONCILING)
    wire.put(stands(entry, filled=filled), traded(entry, "t-1", filled))
    return entry


def legs(wire: Wire) -> list[tuple[str, Decimal]]:
    sent = [each.command for each in wire.outgoing if isinstance(each.command, SubmitOrder)]
    return [(each.order_type.value, each.quantity) for each in sent[1:]]


def test_protective_legs_wait_while_nothing_may_leave_and_go_as_soon_as_it_may() -> None:
    wire = Wire()
    entry = entered_while(wire)
    assert legs(wire) == []
    assert wire.codes().count("unprotected") == 2
    wire.venue(VenueState.READY)
    assert legs(wire) == [("LIMIT", Decimal(10)), ("STOP_MARKET", Decimal(10))]
    wire.venue(VenueState.READY)
    assert len(legs(wire)) == 2
    assert entry.filled == 10


def test_legs_that_waited_protect_all_that_filled_meanwhile() -> None:
    wire = Wire()
    entry = entered_while(wire, "4")
    wire.put(traded(entry, "t-2", "6"))
    wire.venue(VenueState.READY)
    assert legs(wire) == [("LIMIT", Decimal(10)), ("STOP_MARKET", Decimal(10))]


def test_legs_that_waited_are_not_sent_for_a_position_that_is_gone() -> None:
    wire = Wire()
    entered_while(wire)
    wire.put(busted("t-1"))
    wire.venue(VenueState.READY)
    assert legs(wire) == []


def test_terms_of_an_order_in_doubt_are_not_changed() -> None:
    wire = Wire()
    order = wire.buy(10, 100)
    wire.put(stands(order), StateUnknown(order.order_id, "restart", 0, 0))
    wire.modify(order, quantity=12)
    assert not [each for each in wire.outgoing if isinstance(each.command, ModifyOrder)]
    assert order.quantity == 10
