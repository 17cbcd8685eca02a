"""Orders that sleep until the last price reaches their trigger."""

import pytest

from alphaforge.sandbox.terms import Refusal, RefusedError, Standing
from tests.sandbox.exchange.desk import BUY, SELL, SPOT, D, Desk


@pytest.fixture
def desk():
    return Desk()


def test_a_stop_sleeps_unseen_and_wakes_at_its_trigger(desk):
    stop = desk.place("ann", SELL, "1", trigger_price="95")
    assert (stop.standing, desk.exchange.depth(SPOT, 5).asks) == (Standing.PENDING, ())

    desk.place("@maker", BUY, "1", "94")
    desk.trade_at("95.01")
    assert stop.standing is Standing.PENDING

    desk.trade_at("95")
    assert (stop.standing, stop.triggered, stop.filled_value) == (Standing.FILLED, True, D(94))
    assert desk.changes(stop) == ["NEW", "TRIGGERED", "TRADE"]


def test_a_stop_limit_rests_at_its_limit_once_awake(desk):
    stop = desk.place("ann", BUY, "1", "106", trigger_price="105")
    assert desk.locked("ann", "USDT") == D("106.106")

    desk.trade_at("105")

    assert stop.standing is Standing.OPEN
    assert desk.exchange.top(SPOT)[0] == (D(106), D(1))


@pytest.mark.parametrize(
    ("side", "above", "trigger"),
    [(BUY, None, "100"), (SELL, None, "100"), (SELL, True, "99"), (BUY, False, "101")],
)
def test_a_stop_that_would_wake_at_once_is_refused(desk, side, above, trigger):
    with pytest.raises(RefusedError) as refused:
        desk.place("ann", side, "1", trigger_price=trigger, trigger_above=above)

    assert refused.value.refusal is Refusal.WOULD_TRIGGER


def test_a_take_profit_wakes_on_the_other_side(desk):
    profit = desk.place("ann", SELL, "1", trigger_price="110", trigger_above=True)
    desk.place("@maker", BUY, "1", "109")

    desk.trade_at("110")

    assert profit.standing is Standing.FILLED


def test_stops_wake_nearest_first_then_oldest(desk):
    far = desk.place("ann", SELL, "1", trigger_price="94")
    near = desk.place("ann", SELL, "1", trigger_price="95")
    also_near = desk.place("bob", SELL, "1", trigger_price="95")
    desk.place("@maker", BUY, "3", "90")

    desk.trade_at("93")

    sold = [deal.ts for deal in desk.exchange.prints(SPOT)]
    assert len(sold) == 4
    ids = [told.order.order_id for told in desk.told if getattr(told, "change", "") == "TRIGGERED"]
    assert ids == [near.order_id, also_near.order_id, far.order_id]


def test_one_stops_trades_wake_the_next(desk):
    first = desk.place("ann", SELL, "1", trigger_price="98")
    second = desk.place("bob", SELL, "1", trigger_price="90")
    desk.place("@maker", BUY, "1", "90")
    desk.place("@maker", BUY, "1", "80")

    desk.trade_at("98")

    assert (first.filled_value, second.filled_value) == (D(90), D(80))


def test_a_price_passed_within_one_order_wakes_too(desk):
    stop = desk.place("ann", SELL, "1", trigger_price="99")
    desk.place("@maker", SELL, "1", "98.5")
    desk.place("@maker", SELL, "1", "103")

    desk.place("@maker", BUY, "2", "103")

    assert stop.triggered


def test_a_stop_that_cannot_be_paid_any_more_is_rejected(desk):
    stop = desk.place("ann", BUY, "95", trigger_price="101")
    desk.place("@maker", SELL, "95", "120")

    desk.trade_at("101")

    assert (stop.standing, stop.filled) == (Standing.REJECTED, 0)
    assert "USDT" in stop.reason
    assert desk.free("ann", "USDT") == 10_000


def test_a_stop_that_wakes_to_an_empty_book_expires(desk):
    stop = desk.place("ann", SELL, "1", trigger_price="95")

    desk.trade_at("95")

    assert stop.standing is Standing.EXPIRED
    assert desk.locked("ann", "BTC") == 0


def test_a_trailing_sell_follows_the_price_up_and_never_back(desk):
    stop = desk.place("ann", SELL, "1", trail="0.02")
    assert stop.trigger_price == 98

    desk.trade_at("110")
    assert stop.trigger_price == D("107.80")
    desk.trade_at("108")
    assert (stop.trigger_price, stop.standing) == (D("107.80"), Standing.PENDING)

    desk.place("@maker", BUY, "1", "107")
    desk.trade_at("107.8")
    assert (stop.standing, stop.filled_value) == (Standing.FILLED, D(107))


def test_a_trailing_buy_follows_down_and_locks_less(desk):
    stop = desk.place("ann", BUY, "1", trail="0.02")
    assert desk.locked("ann", "USDT") == D(102) * D("1.001")

    desk.trade_at("50")

    assert stop.trigger_price == 51
    assert desk.locked("ann", "USDT") == D(51) * D("1.001")


def test_a_sleeping_stops_trigger_can_be_moved(desk):
    stop = desk.place("ann", SELL, "1", trigger_price="95")

    desk.amend(stop, trigger_price="97")
    desk.trade_at("97")

    assert stop.triggered


def test_a_moved_trigger_may_not_be_past_the_price(desk):
    stop = desk.place("ann", SELL, "1", trigger_price="95")

    with pytest.raises(RefusedError) as refused:
        desk.amend(stop, trigger_price="100")

    assert refused.value.refusal is Refusal.WOULD_TRIGGER
    assert stop.trigger_price == 95


def test_a_canceled_stop_never_wakes(desk):
    stop = desk.place("ann", SELL, "1", trigger_price="95")

    desk.cancel(stop)
    desk.trade_at("90")

    assert (stop.standing, stop.triggered) == (Standing.CANCELED, False)


def test_a_post_only_stop_that_would_take_is_rejected_as_it_wakes(desk):
    stop = desk.place("ann", SELL, "1", "94", trigger_price="95", post_only=True)
    desk.place("@maker", BUY, "1", "94.5")

    desk.trade_at("95")

    assert stop.standing is Standing.REJECTED
