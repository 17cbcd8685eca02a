"""Fills on ticks, by contract §3: what fills, at which price, as maker or taker, and in what order.

Prices are in whole units; a mirrored market (prices reflected, sides exchanged) fills the same.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from alphaforge.model.enums import Liquidity, OrderSide, OrderStatus, PendingRequest
from alphaforge.model.orders import Order
from tests.engine.rig import SECOND, SYMBOL, Rig

MAKER, TAKER = Liquidity.MAKER, Liquidity.TAKER
BUY, SELL = OrderSide.BUY, OrderSide.SELL


# Market orders ------------------------------------------------------------------------------------


def test_a_market_order_meets_the_opposite_quote() -> None:
    rig = Rig()
    rig.trade(100)
    rig.quote(98, 103)
    rig.buy()
    rig.sell(2)
    assert rig.prices == ["103", "98"]
    assert {fill.liquidity for fill in rig.fills} == {TAKER}
    assert [fill.ts for fill in rig.fills] == [rig.now, rig.now]


def test_before_the_first_quote_a_market_order_meets_the_last_trade() -> None:
    rig = Rig()
    rig.trade(100)
    rig.buy()
    rig.quote(98, 103)
    rig.buy()
    assert rig.prices == ["1E+2", "103"]


def test_where_there_are_no_quotes_the_books_top_is_the_quote() -> None:
    rig = Rig()
    rig.trade(100)
    rig.book(97, 104)
    rig.buy()
    rig.quote(98, 103)
    rig.book(90, 110)
    rig.buy()
    assert rig.prices == ["104", "103"]


def test_a_market_order_fills_whole_and_is_charged_the_taker_fee() -> None:
    rig = Rig()
    rig.trade(100)
    order = rig.buy("1234.567")
    (fill,) = rig.fills
    assert fill.quantity == order.filled == Decimal("1234.567")
    assert fill.fee == Decimal("123.4567")
    assert (fill.order_id, fill.venue_order_id, fill.trade_id) == (
        "o-000001",
        "v-000001",
        "t-000001",
    )
    assert (order.status, order.leaves) == (OrderStatus.FILLED, 0)


@pytest.mark.parametrize(("side", "price"), [("buy", "100.07"), ("sell", "99.95")])
def test_slippage_is_taken_off_every_taker_against_the_order(side: str, price: str) -> None:
    rig = Rig(slippage_bps=Decimal(5))
    rig.trade(100.01)
    getattr(rig, side)()
    assert rig.prices == [price]


def test_slippage_never_goes_past_a_limit_and_never_touches_a_maker() -> None:
    rig = Rig(slippage_bps=Decimal(500))
    rig.trade(100)
    rig.buy(limit=101)
    rig.buy(limit=99)
    rig.trade(98)
    assert rig.prices == ["101", "99"]
    assert [fill.liquidity for fill in rig.fills] == [TAKER, MAKER]


# Limits -------------------------------------------------------------------------------------------


def test_with_quotes_a_resting_buy_fills_by_the_ask_and_not_by_a_print() -> None:
    rig = Rig()
    rig.quote(99, 101)
    rig.buy(limit=100)
    rig.trade(95)
    assert rig.fills == []
    rig.quote(99, 100.5)
    assert rig.fills == []
    rig.quote(98, 99.5)
    (fill,) = rig.fills
    assert (fill.price, fill.liquidity, fill.fee, fill.ts) == (100, MAKER, 0, rig.now)


def test_without_quotes_a_resting_buy_fills_when_a_trade_prints_at_or_below_it() -> None:
    rig = Rig()
    rig.trade(101)
    rig.buy(limit=100)
    rig.trade(100.01)
    assert rig.fills == []
    rig.trade(100)
    assert rig.prices == ["1E+2"]


def test_a_limit_that_is_marketable_on_arrival_takes_the_market_price() -> None:
    rig = Rig()
    rig.quote(99, 101)
    rig.buy(limit=105)
    rig.sell(limit=90)
    assert rig.prices == ["101", "99"]
    assert {fill.liquidity for fill in rig.fills} == {TAKER}


def test_orders_fill_by_price_and_then_by_arrival() -> None:
    rig = Rig()
    rig.trade(110)
    for limit in (100, 102, 100, 101):
        rig.buy(limit=limit)
    rig.trade(90)
    assert [fill.order_id for fill in rig.fills] == ["o-000002", "o-000004", "o-000001", "o-000003"]


def test_a_filled_order_is_gone_and_a_canceled_one_never_fills() -> None:
    rig = Rig()
    rig.trade(110)
    rig.buy(limit=100)
    canceled = rig.buy(limit=101)
    rig.do(lambda puppet: puppet.cancel(canceled))
    assert canceled.status is OrderStatus.CANCELED
    rig.trade(90)
    rig.trade(90)
    assert len(rig.fills) == 1


def test_an_order_made_on_a_trade_can_fill_at_the_next_one() -> None:
    rig = Rig()
    rig.puppet.hooks["on_trade"] = lambda puppet, trade: (
        puppet.orders() or puppet.buy(SYMBOL, 1, limit=trade.price - 1)
    )
    rig.do(lambda puppet: puppet.subscribe_trades(SYMBOL))
    rig.trade(100)
    assert rig.fills == []
    rig.trade(99)
    assert rig.prices == ["99"]


def test_an_order_made_before_any_price_meets_the_first_one() -> None:
    rig = Rig()
    limit, stop = rig.buy(limit=100), rig.buy(stop=90)
    passive = rig.buy(limit=100, post_only=True)
    rig.trade(95)
    assert (limit.average_price, stop.average_price) == (95, 95)
    assert (passive.status, passive.filled) == (OrderStatus.REJECTED, 0)


# Times in force, post-only, expiry ----------------------------------------------------------------


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_what_cannot_fill_at_once_is_canceled(tif: str) -> None:
    rig = Rig()
    rig.quote(99, 101)
    missed, hit = rig.buy(limit=100, tif=tif), rig.buy(limit=101, tif=tif)
    assert (missed.status, missed.filled) == (OrderStatus.CANCELED, 0)
    assert (hit.status, hit.average_price) == (OrderStatus.FILLED, 101)
    rig.quote(90, 91)
    assert len(rig.fills) == 1


def test_post_only_rests_or_is_rejected() -> None:
    rig = Rig()
    rig.quote(99, 101)
    crossing, resting = rig.buy(limit=101, post_only=True), rig.buy(limit=100, post_only=True)
    assert (crossing.status, crossing.filled) == (OrderStatus.REJECTED, 0)
    assert "post-only" in crossing.reason
    rig.quote(99, 100)
    assert (resting.status, rig.fills[0].liquidity) == (OrderStatus.FILLED, MAKER)


def test_an_order_expires_before_an_event_at_that_very_time() -> None:
    rig = Rig()
    rig.trade(110, at=1)
    early = rig.buy(limit=100, expires=rig.at(5))
    late = rig.buy(limit=100, expires=rig.at(5) + 1)
    step = rig.trade(90, at=5)
    assert (early.status, early.ts_last) == (OrderStatus.EXPIRED, rig.at(5))
    assert [fill.order_id for fill in step.fills] == [late.order_id]
    rig.trade(90, at=9)
    assert late.status is OrderStatus.FILLED


# Stops --------------------------------------------------------------------------------------------


def test_a_stop_wakes_by_a_trade_and_fills_at_the_opposite_quote_then_known() -> None:
    rig = Rig()
    rig.trade(100)
    rig.quote(99, 101)
    stop = rig.buy(stop=105)
    rig.quote(106, 107)
    assert stop.status is OrderStatus.ACCEPTED
    rig.trade(105)
    assert (stop.status, stop.average_price, rig.fills[0].liquidity) == (
        OrderStatus.FILLED,
        107,
        TAKER,
    )


def test_without_quotes_a_stop_fills_at_the_price_of_the_trade_that_woke_it() -> None:
    rig = Rig()
    rig.trade(100)
    rig.buy(stop=105)
    rig.trade(104.99)
    assert rig.fills == []
    rig.trade(108)
    assert rig.prices == ["108"]


def test_in_a_market_of_quotes_only_the_opposite_quote_wakes_stops() -> None:
    rig = Rig()
    rig.quote(99, 101)
    rig.buy(stop=105)
    rig.sell(stop=95)
    rig.quote(97, 104.5)
    rig.quote(95.5, 104.99)
    assert rig.fills == []
    rig.quote(96, 106)
    rig.quote(94, 100)
    assert rig.prices == ["106", "94"]


def test_a_stop_beyond_the_market_wakes_on_arrival() -> None:
    rig = Rig()
    rig.trade(100)
    rig.buy(stop=99)
    assert rig.prices == ["1E+2"]


def test_a_stop_limit_wakes_and_then_is_a_limit() -> None:
    rig = Rig()
    rig.trade(100)
    within, above = rig.buy(stop=105, limit=107), rig.buy(stop=105, limit=103)
    rig.trade(106)
    assert (within.status, within.average_price) == (OrderStatus.FILLED, 106)
    assert above.status is OrderStatus.TRIGGERED
    rig.trade(104)
    assert above.is_open
    rig.trade(102)
    assert (above.average_price, rig.fills[-1].liquidity) == (103, MAKER)


def test_an_immediate_stop_limit_that_cannot_fill_when_it_wakes_is_canceled() -> None:
    rig = Rig()
    rig.trade(100)
    order = rig.buy(stop=105, limit=103, tif="IOC")
    rig.trade(106)
    assert order.status is OrderStatus.CANCELED


# Trailing stops -----------------------------------------------------------------------------------


def test_a_trailing_stop_follows_the_best_price_since_arrival() -> None:
    rig = Rig()
    rig.trade(100)
    order = rig.sell(trail=5)
    for price in (96, 110, 106, 105.01):
        rig.trade(price)
    assert order.is_open
    rig.trade(104)
    assert (order.status, order.average_price) == (OrderStatus.FILLED, 104)


def test_a_trailing_stop_in_percent_is_that_far_from_the_best_price() -> None:
    rig = Rig()
    rig.trade(100)
    order = rig.sell(trail="10%")
    rig.trade(200)
    rig.trade(180.01)
    assert order.is_open
    rig.trade(180)
    assert order.average_price == 180


@pytest.mark.parametrize(
    ("best", "trail", "reached"), [(0.3, "0.1", 0.2), (61659.7, "10", 61649.7)]
)
def test_a_trailing_stop_wakes_at_its_distance_to_the_last_digit(
    best: float, trail: str, reached: float
) -> None:
    rig = Rig()
    rig.trade(best)
    order = rig.sell(trail=trail)
    rig.trade(reached)
    assert order.status is OrderStatus.FILLED


def test_a_trailing_stop_that_arrived_by_a_timer_sees_the_very_next_trade() -> None:
    rig = Rig()
    rig.trade(100, at=1)
    rig.puppet.hooks["on_timer"] = lambda puppet, name: puppet.sell(SYMBOL, 1, trail=5)
    rig.do(lambda puppet: puppet.timer("once", 1))
    rig.trade(90, at=2.5)
    assert rig.prices == ["9E+1"]


def test_in_a_market_of_quotes_only_a_trailing_stop_follows_the_opposite_quote() -> None:
    rig = Rig()
    rig.quote(100, 120)
    order = rig.sell(trail=5)
    rig.quote(95.01, 100)
    assert order.is_open
    rig.quote(104, 120)
    rig.quote(99.01, 99.5)
    assert order.is_open
    rig.quote(99, 180)
    assert order.average_price == 99


def test_a_changed_quantity_leaves_a_trailing_stop_where_it_trailed_to() -> None:
    rig = Rig()
    rig.trade(100)
    order = rig.sell(2, trail=5)
    rig.trade(110)
    rig.trade(107)
    rig.do(lambda puppet: puppet.modify(order, quantity=1))
    rig.trade(105)
    assert (order.filled, order.average_price) == (1, 105)


# Modify, cancel, reduce-only ----------------------------------------------------------------------


def modify(rig: Rig, order: Order, **terms: Any) -> None:
    rig.do(lambda puppet: puppet.modify(order, **terms))


def test_a_modified_limit_rests_at_its_new_price_only() -> None:
    rig = Rig()
    rig.trade(110)
    order = rig.buy(limit=105)
    modify(rig, order, limit=100, quantity=3)
    rig.trade(103)
    assert rig.fills == []
    assert (order.limit_price, order.leaves, order.pending) == (100, 3, PendingRequest.NONE)
    rig.trade(100)
    assert [(fill.price, fill.quantity) for fill in rig.fills] == [(100, 3)]


def test_a_limit_modified_through_the_market_takes() -> None:
    rig = Rig()
    rig.quote(99, 101)
    order = rig.buy(limit=90)
    modify(rig, order, limit=110)
    assert (order.average_price, rig.fills[0].liquidity) == (101, TAKER)


def test_a_post_only_order_modified_through_the_market_keeps_its_old_terms() -> None:
    rig = Rig()
    rig.quote(99, 101)
    order = rig.buy(limit=98, post_only=True)
    modify(rig, order, limit=101)
    assert (order.status, order.limit_price) == (OrderStatus.ACCEPTED, 98)
    rig.quote(97, 98)
    assert rig.prices == ["98"]


def test_a_modified_stop_wakes_at_its_new_trigger_only() -> None:
    rig = Rig()
    rig.trade(100)
    order = rig.buy(stop=105)
    modify(rig, order, stop=110)
    rig.trade(106)
    assert order.is_open
    rig.trade(110)
    assert order.average_price == 110


def test_a_woken_stop_limit_stays_awake_when_modified() -> None:
    rig = Rig()
    rig.trade(100)
    order = rig.buy(stop=105, limit=103)
    rig.trade(106)
    modify(rig, order, limit=104)
    rig.trade(104)
    assert (order.average_price, rig.fills[0].liquidity) == (104, MAKER)


def test_a_modification_keeps_the_expiry() -> None:
    rig = Rig()
    rig.trade(110, at=1)
    order = rig.buy(limit=100, expires=rig.at(5))
    modify(rig, order, limit=101)
    rig.trade(90, at=6)
    assert order.status is OrderStatus.EXPIRED


def test_a_reduce_only_order_is_cut_to_the_position_when_it_fills() -> None:
    rig = Rig()
    rig.trade(100)
    rig.buy(3)
    exit_order = rig.sell(3, limit=110, reduce_only=True)
    rig.sell(2)
    rig.trade(111)
    assert (rig.position, exit_order.filled, exit_order.status) == (0, 1, OrderStatus.CANCELED)


def test_a_reduce_only_order_without_a_position_left_is_canceled() -> None:
    rig = Rig()
    rig.trade(100)
    rig.buy(3)
    exit_order = rig.sell(3, limit=110, reduce_only=True)
    rig.sell(3)
    rig.trade(111)
    assert (rig.position, exit_order.filled, exit_order.status) == (0, 0, OrderStatus.CANCELED)


# Latency ------------------------------------------------------------------------------------------


def test_with_latency_an_order_meets_the_market_as_it_stands_when_it_arrives() -> None:
    rig = Rig(latency_ns=2 * SECOND)
    rig.trade(100, at=0)
    order = rig.buy()
    assert order.status is OrderStatus.SUBMITTED
    rig.trade(101, at=1)
    rig.trade(102, at=1.5)
    assert rig.fills == []
    rig.trade(103, at=2)
    assert [(fill.price, fill.ts) for fill in rig.fills] == [(102, rig.at(2))]


def test_with_latency_a_limit_that_arrived_can_fill_by_the_next_event() -> None:
    rig = Rig(latency_ns=SECOND)
    rig.trade(100, at=0)
    rig.buy(limit=95)
    rig.trade(90, at=3)
    assert [(fill.price, fill.ts, fill.liquidity) for fill in rig.fills] == [(95, rig.at(3), MAKER)]


def test_with_latency_a_cancel_may_come_too_late() -> None:
    rig = Rig(latency_ns=SECOND)
    rig.trade(100, at=0)
    order = rig.buy(limit=95)
    rig.trade(100, at=2)
    rig.do(lambda puppet: puppet.cancel(order))
    assert order.pending is PendingRequest.CANCEL
    rig.trade(94, at=2.5)
    assert order.status is OrderStatus.FILLED
    rig.trade(94, at=4)
    assert order.status is OrderStatus.FILLED


def test_with_latency_an_order_may_expire_on_its_way() -> None:
    rig = Rig(latency_ns=2 * SECOND)
    rig.trade(100, at=0)
    order = rig.buy(limit=110, expires=rig.at(1))
    rig.trade(100, at=3)
    assert (order.status, order.filled) == (OrderStatus.EXPIRED, 0)


# Cost ---------------------------------------------------------------------------------------------


@contextmanager
def counted_calls() -> Iterator[list[int]]:
    """Counts every Python and C call made inside."""
    calls = [0]

    def count(frame: object, event: str, argument: object) -> None:
        if event in {"call", "c_call"}:
            calls[0] += 1

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def calls_of_ticks(resting: int, tick: Callable[[Rig, int], object]) -> int:
    rig = Rig()
    rig.trade(1000)
    rig.quote(999, 1001)
    for number in range(resting):
        rig.buy(limit=900 - number % 500)
        rig.sell(stop=900 - number % 500)
    tick(rig, 0)
    gc.disable()  # what others left behind would be counted where it is collected
    try:
        with counted_calls() as calls:
            for number in range(50):
                tick(rig, number)
    finally:
        gc.enable()
    assert len(rig.puppet.orders()) == 2 * resting
    return calls[0]


@pytest.mark.parametrize(
    "tick",
    [
        lambda rig, number: rig.trade(1000 + number),
        lambda rig, number: rig.quote(999 - number, 1001 + number),
    ],
    ids=["trades", "quotes"],
)
def test_a_tick_that_touches_nothing_costs_the_same_however_many_orders_rest(
    tick: Callable[[Rig, int], object],
) -> None:
    assert calls_of_ticks(10_000, tick) == calls_of_ticks(1, tick)


def test_orders_canceled_far_from_the_market_do_not_pile_up() -> None:
    rig = Rig()
    rig.trade(1000)
    rig.buy(limit=900)
    for _ in range(2_000):
        order = rig.buy(limit=800)
        rig.do(lambda puppet, order=order: puppet.cancel(order))
    kept = rig.engine.markets.states[SYMBOL].resting._buy_limits
    assert len(kept) < 500
    rig.trade(700)
    assert rig.prices == ["9E+2"]
