"""Market orders beside resting ones: what rests counts against funds and limits, at once too."""

from alphaforge.model.enums import OrderStatus
from tests.engine.driving import SYMBOL, Market, limited, spending

DENIED, FILLED = OrderStatus.DENIED, OrderStatus.FILLED


def test_a_market_buy_cannot_spend_what_a_resting_buy_holds_back() -> None:
    market = Market(spending({"USDT": "300"}))
    resting = market.ask(lambda s: s.buy(SYMBOL, 2, limit=92))
    order = market.ask(lambda s: s.buy(SYMBOL, 2))
    assert order.status is DENIED
    assert "is free" in order.reason
    market.ask(lambda s: s.cancel(resting))
    assert market.ask(lambda s: s.buy(SYMBOL, 2)).status is FILLED


def test_a_market_sell_cannot_deliver_what_a_resting_sell_holds_back() -> None:
    market = Market(spending({"USDT": "300", "BTC": "2"}))
    market.ask(lambda s: s.sell(SYMBOL, 1.5, limit=110))
    assert market.ask(lambda s: s.sell(SYMBOL, 1)).status is DENIED
    assert market.ask(lambda s: s.sell(SYMBOL, 0.5)).status is FILLED


def test_resting_orders_count_towards_the_worst_position_of_a_market_order() -> None:
    market = Market(limited(max_position_value=300))
    market.ask(lambda s: s.buy(SYMBOL, 1, limit=92))
    market.ask(lambda s: s.sell(SYMBOL, 1, limit=110))
    long, short = (
        market.ask(lambda s: s.buy(SYMBOL, "2.5")),
        market.ask(lambda s: s.sell(SYMBOL, "2.5")),
    )
    assert [long.status, short.status] == [DENIED, DENIED]
    assert "position could reach 3.5" in long.reason
    assert "position could reach -3.5" in short.reason
    assert market.ask(lambda s: s.buy(SYMBOL, 2)).status is FILLED


def test_a_stop_that_wakes_on_arrival_is_paid_at_the_market_and_not_at_its_trigger() -> None:
    market = Market(spending({"USDT": "100"}))
    order = market.ask(lambda s: s.buy(SYMBOL, "1.5", stop=50), price=100)
    assert order.status is OrderStatus.CANCELED
    assert "not enough funds" in order.reason
    assert market.engine.portfolio.balance("USDT") == 100


def test_closing_a_short_of_one_strategy_is_paid_from_cash_like_any_buy() -> None:
    market = Market(spending({"USDT": "0", "BTC": "3"}))
    market.ask(lambda s: s.sell(SYMBOL, "0.5"), price=80)
    order = market.ask(lambda s: s.close(SYMBOL), price=80)
    assert order.status is DENIED  # the fees of both fills are missing
    assert "USDT" in order.reason
    assert market.ask(lambda s: s.close(SYMBOL), price=79).status is FILLED
    assert market.engine.portfolio.balance("USDT") > 0
