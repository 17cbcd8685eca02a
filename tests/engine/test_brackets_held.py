"""Brackets on a spot venue: the take-profit rests there, the stop is held here, and the holding is
sold once, in whatever order things happen."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from alphaforge.engine.emulation import TRY_AGAIN_NS
from alphaforge.model.claims import VenueState, VenueStatus
from alphaforge.model.commands import CancelOrder, SubmitOrder
from alphaforge.model.enums import InstrumentKind, OrderStatus, OrderType, PendingRequest
from alphaforge.model.orders import Order
from alphaforge.model.reports import CancelRejected, OutcomeUnknown
from tests.engine.driving import SYMBOL
from tests.engine.wire import BTC, Wire, stands, traded

SPOT = replace(BTC, unsupported=("MODIFY", "BRACKET"), emulated=("BRACKET",))
GROWING = replace(BTC, unsupported=("BRACKET",), emulated=("BRACKET",))


def sent(on: Wire) -> list[tuple[str, str, Decimal]]:
    """Side, type and quantity of all that left but the first entry."""
    orders = [each.command for each in on.outgoing if isinstance(each.command, SubmitOrder)]
    return [(each.side.value, each.order_type.value, each.quantity) for each in orders[1:]]


def canceled(on: Wire) -> list[str]:
    return [each.command.order_id for each in on.outgoing if isinstance(each.command, CancelOrder)]


class Bracketed:
    """A bracket of 10, bought at 100; take-profit at 120, stop at 80."""

    def __init__(self, filled: int = 10, instrument: Any = SPOT) -> None:
        self.on = Wire(instrument=instrument)
        self.entry: Order = self.on.ask(
            lambda bot: bot.buy(SYMBOL, 10, limit=100, take_profit=120, stop_loss=80)
        )
        self.on.put(stands(self.entry))
        self.trades = 0
        self.fill(self.entry, filled)

    def fill(self, order: Order, quantity: int, venue_id: str = "v1") -> None:
        self.trades += 1
        self.on.put(traded(order, f"t-{self.trades}", quantity, venue_id=venue_id))

    def leg(self, tag: str) -> Order:
        [found] = [each for each in self.on.execution.working() if each.tag == tag]
        return found

    def accept(self, order: Order, venue_id: str = "v2", **said: Any) -> None:
        self.on.put(stands(order, venue_id=venue_id, limit_price=order.limit_price, **said))

    def cancel_done(self, order: Order, filled: int = 0) -> None:
        said = {"filled": filled, "ts": 2_000, "limit_price": order.limit_price}
        self.on.put(stands(order, VenueStatus.CANCELED, venue_id="v2", **said))


def test_the_take_profit_is_sent_and_the_stop_is_held() -> None:
    case = Bracketed()
    assert sent(case.on) == [("SELL", "LIMIT", 10)]
    stop = case.leg("stop-loss")
    assert (stop.is_held, stop.quantity, stop.trigger_price) == (True, 10, 80)


def test_the_stop_leaves_only_when_the_take_profit_is_out_of_the_market() -> None:
    case = Bracketed()
    profit = case.leg("take-profit")
    case.accept(profit)
    case.on.tick(80)
    assert canceled(case.on) == [profit.order_id]
    assert sent(case.on)[1:] == []
    case.cancel_done(profit)
    assert sent(case.on)[1:] == [("SELL", "MARKET", 10)]
    stop = case.leg("stop-loss")
    case.fill(stop, 10, "v3")
    assert case.on.held() == 0
    assert case.on.execution.brackets.by_order == {}


def test_a_take_profit_that_fills_instead_of_being_canceled_ends_the_stop() -> None:
    case = Bracketed()
    profit, stop = case.leg("take-profit"), case.leg("stop-loss")
    case.accept(profit)
    case.on.tick(80)
    case.fill(profit, 10, "v2")
    case.on.put(CancelRejected(profit.order_id, "too late", 0, 0))
    assert stop.status is OrderStatus.CANCELED
    assert sent(case.on)[1:] == []
    assert case.on.held() == 0


def test_a_take_profit_filled_in_part_leaves_the_stop_the_rest() -> None:
    case = Bracketed()
    profit = case.leg("take-profit")
    case.accept(profit)
    case.fill(profit, 4, "v2")
    assert case.leg("stop-loss").quantity == 6
    case.on.tick(80)
    case.fill(profit, 1, "v2")
    case.cancel_done(profit, filled=5)
    assert sent(case.on)[1:] == [("SELL", "MARKET", 5)]


def test_a_fill_that_its_cancel_has_overtaken_is_waited_for() -> None:
    case = Bracketed()
    profit = case.leg("take-profit")
    case.accept(profit)
    case.on.tick(80)
    case.cancel_done(profit, filled=4)
    assert profit.in_doubt
    assert sent(case.on)[1:] == []
    case.fill(profit, 4, "v2")
    assert sent(case.on)[1:] == [("SELL", "MARKET", 6)]


def test_a_cancel_whose_outcome_is_unknown_is_waited_for_and_told() -> None:
    case = Bracketed()
    profit = case.leg("take-profit")
    case.accept(profit)
    case.on.tick(80)
    case.on.put(OutcomeUnknown(profit.order_id, "time-out", 0, 0, PendingRequest.CANCEL))
    case.on.now += TRY_AGAIN_NS
    case.on.tick(79)
    assert sent(case.on)[1:] == []
    assert "trigger-waiting" in case.on.codes()
    case.cancel_done(profit)
    assert sent(case.on)[1:] == [("SELL", "MARKET", 10)]


def test_a_cancel_that_was_refused_is_asked_for_again_but_not_at_once() -> None:
    case = Bracketed()
    profit = case.leg("take-profit")
    case.accept(profit)
    case.on.tick(80)
    case.on.put(CancelRejected(profit.order_id, "busy", 0, 0))
    assert len(canceled(case.on)) == 1
    case.on.now += TRY_AGAIN_NS
    case.on.tick(85)
    assert canceled(case.on) == [profit.order_id] * 2
    case.cancel_done(profit)
    assert sent(case.on)[1:] == [("SELL", "MARKET", 10)]


def test_the_take_profit_goes_even_while_the_stop_must_wait_for_the_venue() -> None:
    case = Bracketed()
    profit = case.leg("take-profit")
    case.accept(profit)
    case.on.venue(VenueState.RECONCILING)
    case.on.tick(80)
    assert canceled(case.on) == [profit.order_id]
    case.cancel_done(profit)
    assert sent(case.on)[1:] == []
    case.on.venue(VenueState.READY)
    assert sent(case.on)[1:] == [("SELL", "MARKET", 10)]


def test_a_stop_protects_from_the_first_fill_on_while_the_venue_is_away() -> None:
    on = Wire(instrument=SPOT)
    entry = on.ask(lambda bot: bot.buy(SYMBOL, 10, limit=100, take_profit=120, stop_loss=80))
    on.venue(VenueState.RECONCILING)
    on.put(stands(entry, filled=10), traded(entry, "t-1", 10))
    [stop] = [each for each in on.execution.working() if each.tag == "stop-loss"]
    assert stop.is_held
    assert sent(on) == []
    on.venue(VenueState.READY)
    assert sent(on) == [("SELL", "LIMIT", 10)]


def test_where_no_order_can_grow_the_stop_does_and_the_take_profit_waits_for_the_whole() -> None:
    case = Bracketed(filled=4)
    assert sent(case.on) == []
    assert case.leg("stop-loss").quantity == 4
    case.fill(case.entry, 6)
    assert sent(case.on) == [("SELL", "LIMIT", 10)]
    assert case.leg("stop-loss").quantity == 10


def test_an_entry_that_ends_in_part_gets_a_take_profit_for_that_part() -> None:
    case = Bracketed(filled=4)
    case.on.cancel(case.entry)
    said = {"filled": 4, "ts": 2_000}
    case.on.put(stands(case.entry, VenueStatus.CANCELED, **said))
    assert sent(case.on) == [("SELL", "LIMIT", 4)]
    assert "unprotected" not in case.on.codes()


def test_where_orders_can_grow_both_legs_do() -> None:
    case = Bracketed(filled=4, instrument=GROWING)
    profit = case.leg("take-profit")
    assert sent(case.on) == [("SELL", "LIMIT", 4)]
    case.accept(profit)
    case.fill(case.entry, 6)
    assert profit.pending is PendingRequest.MODIFY
    assert case.leg("stop-loss").quantity == 10


def test_a_stop_reached_while_its_entry_works_ends_the_entry_and_sells_what_it_filled() -> None:
    case = Bracketed(filled=4)
    stop = case.leg("stop-loss")
    case.on.tick(80)
    assert canceled(case.on) == [case.entry.order_id]
    assert sent(case.on) == [("SELL", "MARKET", 4)]
    case.fill(case.entry, 5)
    case.fill(case.entry, 1)
    assert [quantity for _, _, quantity in sent(case.on)] == [4, 5, 1]
    for number, order in enumerate(case.on.execution.working()):
        assert order is stop or order.tag == "stop-loss"
        case.fill(order, int(order.leaves), f"v{number + 3}")
    assert case.on.held() == 0
    assert not case.on.execution.working()


def test_a_stop_that_is_reached_when_it_is_made_waits_for_its_take_profit_all_the_same() -> None:
    on = Wire(instrument=SPOT)
    entry = on.ask(lambda bot: bot.buy(SYMBOL, 10, limit=100, take_profit=120, stop_loss=80))
    on.tick(79)
    on.put(stands(entry), traded(entry, "t-1", 10))
    [profit] = [each for each in on.execution.working() if each.tag == "take-profit"]
    assert sent(on) == [("SELL", "LIMIT", 10)]
    assert canceled(on) == [profit.order_id]


def test_a_position_closed_by_hand_ends_both_legs() -> None:
    case = Bracketed()
    profit, stop = case.leg("take-profit"), case.leg("stop-loss")
    case.accept(profit)
    closing = case.on.ask(lambda bot: bot.close(SYMBOL))
    case.fill(closing, 10, "v9")
    assert stop.status is OrderStatus.CANCELED
    assert canceled(case.on) == [profit.order_id]


def test_a_stop_alone_is_held_where_it_could_not_grow_at_its_venue() -> None:
    on = Wire(instrument=SPOT)
    entry = on.ask(lambda bot: bot.buy(SYMBOL, 10, stop_loss=80))
    on.put(stands(entry), traded(entry, "t-1", 4), traded(entry, "t-2", 6))
    [stop] = on.execution.working()
    assert (stop.is_held, stop.quantity) == (True, 10)
    plain = on.ask(lambda bot: bot.sell(SYMBOL, 1, stop=70))
    assert (plain.order_type, plain.emulated) == (OrderType.STOP_MARKET, False)


def test_on_contracts_the_take_profit_stays_until_the_stop_has_filled() -> None:
    linear = replace(
        BTC, kind=InstrumentKind.LINEAR, unsupported=("STOP_MARKET",), emulated=("STOP_MARKET",)
    )
    case = Bracketed(instrument=linear)
    profit = case.leg("take-profit")
    case.accept(profit)
    case.on.tick(80)
    assert sent(case.on) == [("SELL", "LIMIT", 10), ("SELL", "MARKET", 10)]
    assert canceled(case.on) == []
    case.fill(case.leg("stop-loss"), 10, "v3")
    assert canceled(case.on) == [profit.order_id]
