"""Brackets: a profit and a loss leg follow their entry, and one ends with the other."""

from decimal import Decimal
from typing import Any

import pytest

from alphaforge import Order
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import Liquidity, OrderStatus, OrderType
from alphaforge.model.market import Bar, BarOpen
from alphaforge.model.reports import OrderFilled
from tests.engine.driving import SECOND, SYMBOL, Market, Puppet, limited, spending

FILLED, CANCELED = OrderStatus.FILLED, OrderStatus.CANCELED


class Protected(Puppet):
    """Remembers every order it is told of."""

    def on_start(self) -> None:
        super().on_start()
        self.orders_seen: dict[str, Order] = {}

    def on_order(self, order: Order) -> None:
        self.orders_seen[order.tag or "entry"] = order


def bought(price: float = 100, **terms: Any) -> tuple[Market, dict[str, Order]]:
    """A market with a bracket of 2 around 100."""
    market = Market(limited(), strategies={"puppet": Protected})
    legs = {"take_profit": 110, "stop_loss": 90} | terms
    market.ask(lambda s: s.buy(SYMBOL, 2, **legs), price)
    return market, market.strategy().orders_seen


def net(market: Market) -> Decimal:
    return market.engine.portfolio.net(SYMBOL)


def test_the_legs_rest_once_the_entry_filled_and_are_the_strategys_orders() -> None:
    market, orders = bought()
    profit, loss = orders["take-profit"], orders["stop-loss"]
    assert (profit.order_type, profit.limit_price) == (OrderType.LIMIT, 110)
    assert (loss.order_type, loss.trigger_price) == (OrderType.STOP_MARKET, 90)
    assert profit.reduce_only
    assert loss.reduce_only
    assert profit.parent_id == loss.parent_id == orders["entry"].order_id
    assert market.ask(lambda s: s.orders()) == [profit, loss]


def test_before_the_entry_fills_there_are_no_legs() -> None:
    market, orders = bought(limit=95)
    assert list(orders) == ["entry"]
    market.tick(95)
    assert set(orders) == {"entry", "take-profit", "stop-loss"}


@pytest.mark.parametrize(
    ("price", "hit", "other"), [(110, "take-profit", "stop-loss"), (90, "stop-loss", "take-profit")]
)
def test_one_leg_cancels_the_other(price: float, hit: str, other: str) -> None:
    market, orders = bought()
    market.tick(price)
    assert (orders[hit].status, orders[other].status) == (FILLED, CANCELED)
    assert net(market) == 0
    assert market.ask(lambda s: s.orders()) == []
    market.tick(200 - price)
    assert net(market) == 0


def test_a_sold_entry_is_mirrored() -> None:
    market = Market(limited(), strategies={"puppet": Protected})
    market.ask(lambda s: s.sell(SYMBOL, 2, take_profit=90, stop_loss=110))
    orders = market.strategy().orders_seen
    market.tick(90)
    assert (orders["take-profit"].status, orders["stop-loss"].status) == (FILLED, CANCELED)
    assert net(market) == 0


def test_a_bracket_may_have_one_leg() -> None:
    market, orders = bought(take_profit=None)
    assert set(orders) == {"entry", "stop-loss"}
    market.tick(89)
    assert net(market) == 0


def test_closing_by_hand_ends_the_legs() -> None:
    market, orders = bought()
    market.ask(lambda s: s.close(SYMBOL))
    assert {orders["take-profit"].status, orders["stop-loss"].status} == {CANCELED}
    assert net(market) == 0


def test_canceling_one_leg_keeps_the_other() -> None:
    market, orders = bought()
    market.ask(lambda s: s.cancel(orders["take-profit"]))
    assert orders["stop-loss"].status is OrderStatus.ACCEPTED
    market.tick(90)
    assert net(market) == 0


def test_a_leg_that_fills_at_once_leaves_nothing_behind() -> None:
    market, orders = bought(take_profit=99)
    assert orders["take-profit"].status is FILLED
    assert net(market) == 0
    assert not market.engine.execution.brackets.by_order
    assert market.ask(lambda s: s.orders()) == []


def test_two_brackets_of_a_strategy_keep_apart() -> None:
    market = Market(limited(), strategies={"puppet": Puppet})
    market.ask(lambda s: s.buy(SYMBOL, 2, take_profit=110, stop_loss=90))
    market.ask(lambda s: s.buy(SYMBOL, 1, take_profit=120, stop_loss=80))
    market.tick(90)
    assert net(market) == 1
    assert market.ask(lambda s: len(s.orders())) == 2
    market.tick(120)
    assert net(market) == 0


def test_a_cash_account_needs_no_second_holding_for_the_second_leg() -> None:
    market = Market(spending({"USDT": "1000"}), strategies={"puppet": Protected})
    market.ask(lambda s: s.buy(SYMBOL, 2, take_profit=110, stop_loss=90))
    orders = market.strategy().orders_seen
    assert orders["take-profit"].is_open
    assert orders["stop-loss"].is_open


def test_when_one_bar_reaches_both_legs_the_stop_wins() -> None:
    class OnBars(Protected):
        def on_start(self) -> None:
            super().on_start()
            self.subscribe_bars(SYMBOL, "1m")

        def on_bar(self, bar: Bar) -> None:
            if not self.orders_seen:
                self.buy(SYMBOL, 2, take_profit=110, stop_loss=90)

    market = Market(limited(), strategies={"puppet": OnBars})
    market.engine.markets.states[SYMBOL].native_kind = "1m"
    minute = 60 * SECOND
    for number, (low, high) in enumerate([(100, 100), (100, 100), (80, 120)]):
        start = market.now + number * minute
        market.process(BarOpen(SYMBOL, start, 100.0))
        bar = Bar(SYMBOL, "1m", start + minute, start, 100.0, float(high), float(low), 100.0)
        market.process(bar)
    orders = market.strategy().orders_seen
    assert (orders["stop-loss"].status, orders["take-profit"].status) == (FILLED, CANCELED)
    assert orders["stop-loss"].average_price == 90
    assert net(market) == 0


# Over a wire: fills in parts ----------------------------------------------------------------------


class Parts:
    """A bracket of 4 at a venue that fills in parts."""

    def __init__(self) -> None:
        self.market = Market(limited(), wire=True, strategies={"puppet": Protected})
        self.entry = self.market.ask(lambda s: s.buy(SYMBOL, 4, take_profit=110, stop_loss=90))
        self.trades = 0

    @property
    def orders(self) -> dict[str, Order]:
        return self.market.strategy().orders_seen

    def fill(self, order: Order, quantity: int) -> list[Any]:
        self.trades += 1
        self.market.now += 1
        now = self.market.now
        step = self.market.process(
            OrderFilled(
                order.order_id,
                f"x-{order.order_id}",
                f"x-{self.trades}",
                Decimal(quantity),
                Decimal(100),
                Decimal(0),
                "USDT",
                Liquidity.MAKER,
                now,
                now,
            )
        )
        return [approved.command for approved in step.outgoing]


def test_the_legs_cover_what_is_filled_and_grow() -> None:
    parts = Parts()
    told = parts.fill(parts.entry, 1)
    assert [command.quantity for command in told if isinstance(command, SubmitOrder)] == [1, 1]
    told = parts.fill(parts.entry, 2)
    assert [command.quantity for command in told if isinstance(command, ModifyOrder)] == [3, 3]


def test_a_leg_filled_in_part_shrinks_the_other_by_as_much() -> None:
    parts = Parts()
    parts.fill(parts.entry, 4)
    told = parts.fill(parts.orders["take-profit"], 1)
    assert [(type(each), each.quantity) for each in told] == [(ModifyOrder, 3)]
    told = parts.fill(parts.orders["take-profit"], 3)
    assert told == [CancelOrder(parts.orders["stop-loss"].order_id, "BTC/USDT")]


def test_a_leg_that_is_denied_is_told_loudly() -> None:
    market = Market(limited(max_open_orders=1), strategies={"puppet": Protected})
    market.ask(lambda s: s.buy(SYMBOL, 2, take_profit=110, stop_loss=90), 100)
    alerts = [alert for step in market.steps for alert in step.alerts]
    assert [alert.code for alert in alerts] == ["unprotected"]
    assert "stop-loss" in alerts[0].message
    assert "max_open_orders" in alerts[0].message
