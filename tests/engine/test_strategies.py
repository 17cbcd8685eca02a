"""Many strategies in one engine: calls, what a failing one loses, timers, restarts."""

from typing import Any

import pytest

from alphaforge import Order, Strategy, Trade
from alphaforge.engine.core import MOST_REQUESTS
from alphaforge.engine.strategies import RunState
from alphaforge.errors import UsageError
from alphaforge.model.commands import StartStrategy, StopStrategy
from alphaforge.model.enums import AlertLevel, OrderStatus
from alphaforge.model.market import Bar, HistoryBars, VenueTime
from alphaforge.model.orders import Fill
from tests.engine.driving import SECOND, START, SYMBOL, Market, Puppet, limited


def error_alerts(market: Market) -> list[Any]:
    return [
        alert for step in market.steps for alert in step.alerts if alert.code == "strategy-error"
    ]


# Callbacks ----------------------------------------------------------------------------------------


def test_per_fill_on_fill_then_on_order_then_on_position() -> None:
    market = Market()
    market.ask(lambda s: s.buy(SYMBOL, 1))
    heard = market.strategy().heard
    assert [name for name, _ in heard] == [
        "on_order",
        "on_order",
        "on_fill",
        "on_order",
        "on_position",
    ]
    statuses = [what for name, what in heard if name == "on_order"]
    assert statuses == [OrderStatus.SUBMITTED, OrderStatus.ACCEPTED, OrderStatus.FILLED]


def test_the_handle_and_the_position_are_updated_before_on_fill() -> None:
    seen: list[tuple[Any, ...]] = []

    class Watching(Puppet):
        def on_fill(self, fill: Fill) -> None:
            order = self.answer
            assert isinstance(order, Order)
            seen.append((order.status, order.filled, order.average_price, order.leaves))
            seen.append((self.position(SYMBOL).quantity, self.orders(), fill.order_id))

    market = Market(strategies={"puppet": Watching})
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit=99))
    market.tick(99)
    assert seen == [(OrderStatus.FILLED, 1, 99, 0), (1, [], order.order_id)]


def test_a_denial_arrives_as_on_order_after_the_callback() -> None:
    market = Market()
    seen: list[Any] = []

    def act(strategy: Any) -> Order:
        order = strategy.buy(SYMBOL, 0)
        seen.append((order.status, list(strategy.heard), strategy.orders(SYMBOL) == [order]))
        return order

    order = market.ask(act)
    assert seen == [(OrderStatus.INITIALIZED, [], True)]
    assert market.strategy().heard == [("on_order", OrderStatus.DENIED)]
    assert order.reason
    assert market.ask(lambda s: s.orders()) == []


def test_requests_are_carried_out_in_call_order_strategies_in_theirs() -> None:
    market = Market(strategies={"b": Puppet, "a": Puppet})
    market.strategy("a").do = lambda s: [s.buy(SYMBOL, 1), s.sell(SYMBOL, 2)]
    market.strategy("b").do = lambda s: [s.buy(SYMBOL, 3), s.sell(SYMBOL, 4)]
    step = market.tick(100)
    assert [(fill.strategy, fill.quantity) for fill in step.fills] == [
        ("b", 3),
        ("b", 4),
        ("a", 1),
        ("a", 2),
    ]


def test_positions_and_orders_are_a_strategys_own() -> None:
    market = Market(strategies={"one": Puppet, "two": Puppet})
    market.ask(lambda s: (s.buy(SYMBOL, 2), s.buy(SYMBOL, 1, limit=90)), name="one")
    market.ask(lambda s: s.sell(SYMBOL, 1), name="two")
    assert market.ask(lambda s: s.position(SYMBOL).quantity, name="one") == 2
    assert market.ask(lambda s: s.position(SYMBOL).quantity, name="two") == -1
    assert market.ask(lambda s: len(s.orders()), name="one") == 1
    assert market.ask(lambda s: s.orders(), name="two") == []
    assert market.engine.portfolio.net(SYMBOL) == 1


def test_two_strategies_of_one_name_are_refused() -> None:
    market = Market()
    with pytest.raises(UsageError, match="puppet"):
        market.engine.register("puppet", Puppet)


# A callback that raises ---------------------------------------------------------------------------


class Fragile(Puppet):
    """Rests an order, and breaks when told."""

    breaks_in = "on_trade"

    def on_trade(self, trade: Trade) -> None:
        super().on_trade(trade)
        if trade.price == 66.0 and self.breaks_in == "on_trade":
            self.buy(SYMBOL, 1)
            self.deep_in_the_users_code()

    def on_order(self, order: Order) -> None:
        if self.breaks_in == "on_order" and order.status is OrderStatus.ACCEPTED and order.tag:
            self.deep_in_the_users_code()

    def deep_in_the_users_code(self) -> None:
        raise ZeroDivisionError("by nought")


def broken() -> tuple[Market, Order]:
    market = Market(strategies={"fragile": Fragile, "puppet": Puppet})
    resting = market.ask(lambda s: s.buy(SYMBOL, 1, limit=50), name="fragile")
    market.tick(66)
    return market, resting


def test_a_strategy_that_raises_is_stopped_with_an_alert_of_its_own_frames() -> None:
    market, _ = broken()
    (alert,) = error_alerts(market)
    assert (alert.level, alert.strategy) == (AlertLevel.ERROR, "fragile")
    assert "ZeroDivisionError: by nought" in alert.message
    assert "deep_in_the_users_code" in alert.detail
    assert "test_strategies.py" in alert.detail
    assert "engine/strategies.py" not in alert.detail
    assert market.engine.strategies.runners["fragile"].state is RunState.FAILED


def test_the_commands_of_the_raising_callback_are_dropped_and_its_orders_canceled() -> None:
    market, resting = broken()
    assert market.engine.portfolio.net(SYMBOL) == 0
    assert resting.status is OrderStatus.CANCELED
    assert market.engine.execution.statistics()["orders_submitted"] == 1


def test_the_others_go_on() -> None:
    market, _ = broken()
    assert market.ask(lambda s: s.buy(SYMBOL, 1)).status is OrderStatus.FILLED
    before = len(market.strategy("fragile").heard)
    market.tick(66)
    assert len(error_alerts(market)) == 1
    assert len(market.strategy("fragile").heard) == before


def test_what_a_stopped_strategy_had_asked_for_is_not_done_any_more() -> None:
    class Late(Fragile):
        breaks_in = "on_order"

    market = Market(strategies={"fragile": Late})
    first, second = market.ask(
        lambda s: (s.buy(SYMBOL, 1, limit=50, tag="break"), s.buy(SYMBOL, 1)), name="fragile"
    )
    assert first.status is OrderStatus.CANCELED
    assert second.filled == 0
    assert market.engine.portfolio.net(SYMBOL) == 0


@pytest.mark.parametrize("callback", ["on_start", "on_fill", "on_position", "on_timer", "on_stop"])
def test_raising_in_any_callback_stops_only_that_strategy(callback: str) -> None:
    def explode(self: Strategy, *args: Any) -> None:
        raise ValueError(callback)

    fragile = type("Fragile", (Puppet,), {callback: explode})
    market = Market(strategies={"fragile": fragile, "puppet": Puppet})
    if callback != "on_start":
        market.ask(lambda s: (s.timer("t", 1), s.buy(SYMBOL, 1)), name="fragile")
    assert market.ask(lambda s: s.buy(SYMBOL, 1)).status is OrderStatus.FILLED
    market.stop()
    assert [alert.strategy for alert in error_alerts(market)] == ["fragile"]
    assert market.engine.strategies.runners["puppet"].state is RunState.STOPPED


def test_a_verb_that_is_misused_stops_the_strategy_not_the_engine() -> None:
    for misuse in (
        lambda s: s.cancel(None),
        lambda s: s.modify("o-000001", quantity=1),
        lambda s: s.buy(SYMBOL, 1, expires="tomorrow"),
        lambda s: s.buy(SYMBOL, 1, tif="SOON"),
        lambda s: s.timer("t", 0),
        lambda s: s.signal(SYMBOL, "UP", 1.0),
    ):
        market = Market(strategies={"fragile": Puppet, "puppet": Puppet})
        market.ask(misuse, name="fragile")
        assert len(error_alerts(market)) == 1
        assert market.ask(lambda s: s.buy(SYMBOL, 1)).status is OrderStatus.FILLED


def test_a_strategy_that_answers_every_fill_with_an_order_is_stopped() -> None:
    class Insatiable(Puppet):
        def on_fill(self, fill: Fill) -> None:
            self.buy(SYMBOL, 1)

    class Modest(Puppet):
        def on_order(self, order: Order) -> None:
            self.seen = order.status

    market = Market(limited(), strategies={"insatiable": Insatiable, "modest": Modest})
    market.strategy("insatiable").do = lambda s: s.buy(SYMBOL, 1)
    market.strategy("modest").do = lambda s: s.buy(SYMBOL, 1, limit=90)
    market.tick(100)
    (alert,) = error_alerts(market)
    assert alert.strategy == "insatiable"
    assert "10,000" in alert.message
    assert market.engine.execution.statistics()["fills"] <= 2 * MOST_REQUESTS
    assert market.ask(lambda s: len(s.orders()), name="modest") == 1
    assert market.ask(lambda s: s.buy(SYMBOL, 1), name="modest").status is OrderStatus.FILLED


def test_who_asks_while_another_is_insatiable_is_not_stopped() -> None:
    class Insatiable(Puppet):
        def on_fill(self, fill: Fill) -> None:
            self.buy(SYMBOL, 1)

    class Steady(Puppet):
        """Has something to ask at every moment, for a while."""

        def on_fill(self, fill: Fill) -> None:
            if self.position(SYMBOL).fills < MOST_REQUESTS - 10:
                self.buy(SYMBOL, 1)

    market = Market(limited(), strategies={"insatiable": Insatiable, "steady": Steady})
    for name in ("insatiable", "steady"):
        market.strategy(name).do = lambda s: s.buy(SYMBOL, 1)
    market.tick(100)
    assert [alert.strategy for alert in error_alerts(market)] == ["insatiable"]
    runners = market.engine.strategies.runners
    assert runners["steady"].state is RunState.RUNNING
    assert market.ask(lambda s: s.position(SYMBOL).fills, name="steady") == MOST_REQUESTS - 10


# Start, stop, restart -----------------------------------------------------------------------------


def test_a_stopped_strategy_is_called_no_more_and_its_orders_are_canceled() -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit=90))
    market.process(StopStrategy("puppet", market.now))
    assert order.status is OrderStatus.CANCELED
    market.strategy().do = lambda s: s.buy(SYMBOL, 1)
    market.tick(100)
    assert market.engine.portfolio.net(SYMBOL) == 0


def test_orders_asked_for_in_on_stop_are_processed_and_resting_ones_stay() -> None:
    class Leaving(Puppet):
        def on_stop(self) -> None:
            self.close(SYMBOL)

    market = Market(strategies={"puppet": Leaving})
    market.ask(lambda s: s.buy(SYMBOL, 1))
    resting = market.ask(lambda s: s.buy(SYMBOL, 1, limit=90))
    market.stop()
    assert market.engine.portfolio.net(SYMBOL) == 0
    assert resting.status is OrderStatus.ACCEPTED
    assert market.engine.execution.statistics()["orders_open"] == 1


def test_a_restarted_strategy_starts_anew_and_keeps_its_position() -> None:
    market = Market()
    old = market.strategy()
    market.ask(lambda s: (s.buy(SYMBOL, 1), s.timer("t", 1)))
    market.process(StopStrategy("puppet", market.now))
    market.process(StartStrategy("puppet", market.now))
    new = market.strategy()
    assert new is not old
    assert new.heard == []
    assert market.ask(lambda s: s.position(SYMBOL).quantity) == 1
    statistics = market.engine.strategies.statistics()["puppet"]
    assert (statistics["state"], statistics["starts"]) == ("RUNNING", 2)


def test_a_failed_strategy_may_be_started_again() -> None:
    market, _ = broken()
    market.process(StartStrategy("fragile", market.now))
    assert market.ask(lambda s: s.buy(SYMBOL, 1), name="fragile").status is OrderStatus.FILLED


# Timers -------------------------------------------------------------------------------------------


class Timed(Puppet):
    def on_start(self) -> None:
        super().on_start()
        self.fired: list[tuple[str, int]] = []

    def on_timer(self, name: str) -> None:
        self.fired.append((name, self.now - START))

    def on_trade(self, trade: Trade) -> None:
        super().on_trade(trade)
        self.fired.append(("trade", self.now - START))


def test_timers_fire_before_the_event_by_due_time_then_registration() -> None:
    market = Market(strategies={"puppet": Timed})
    market.ask(lambda s: (s.timer("a", 1), s.timer("b", 2)))
    market.now += 2 * SECOND - 1
    market.tick(100)
    fired = [(name, round(ns / SECOND)) for name, ns in market.strategy().fired]
    assert fired == [("trade", 1), ("a", 2), ("a", 3), ("b", 3), ("trade", 4)]


def test_a_timer_due_at_the_very_time_of_an_event_fires_first() -> None:
    market = Market(strategies={"puppet": Timed})
    market.ask(lambda s: s.timer("a", 1))
    market.tick(100)
    assert [name for name, _ in market.strategy().fired] == ["trade", "a", "trade"]


def test_the_venues_time_alone_fires_timers() -> None:
    market = Market(strategies={"puppet": Timed})
    market.ask(lambda s: s.timer("a", 1))
    market.process(VenueTime("sim", market.now + 5 * SECOND))
    assert [name for name, _ in market.strategy().fired] == ["trade"] + ["a"] * 5


def test_setting_a_timer_twice_is_one_timer_and_a_restart_forgets_it() -> None:
    market = Market(strategies={"puppet": Timed})
    market.ask(lambda s: (s.timer("a", 1), s.timer("a", 1)))
    market.tick(100)
    assert [name for name, _ in market.strategy().fired] == ["trade", "a", "trade"]
    market.process(StopStrategy("puppet", market.now))
    market.process(StartStrategy("puppet", market.now))
    market.tick(100)
    market.tick(100)
    assert [name for name, _ in market.strategy().fired] == ["trade", "trade"]


# History ------------------------------------------------------------------------------------------


def test_orders_are_denied_during_historical_bars() -> None:
    class Eager(Puppet):
        def on_start(self) -> None:
            super().on_start()
            self.subscribe_bars(SYMBOL, "1m", history=1)

        def on_bar(self, bar: Bar) -> None:
            self.made = self.buy(SYMBOL, 1)

    market = Market(strategies={"puppet": Eager})
    market.tick(100)
    bar = Bar(SYMBOL, "1m", START, START - 60 * SECOND, 1.0, 1.0, 1.0, 1.0, historical=True)
    market.process(HistoryBars(SYMBOL, "1m", market.now, (bar,)))
    made = market.strategy().made
    assert made.status is OrderStatus.DENIED
    assert "historical" in made.reason
    assert market.ask(lambda s: s.buy(SYMBOL, 1)).status is OrderStatus.FILLED


class Quitter(Puppet):
    """Believes that it may end the program."""

    def on_trade(self, trade: Trade) -> None:
        super().on_trade(trade)
        raise SystemExit(3)


def test_a_strategy_that_exits_is_stopped_and_the_engine_goes_on() -> None:
    market = Market(strategies={"quitter": Quitter, "puppet": Puppet})
    market.tick(100)
    (alert,) = error_alerts(market)
    assert "sys.exit(3)" in alert.message
    assert market.engine.strategies.runners["quitter"].state is RunState.FAILED
    assert market.engine.strategies.runners["puppet"].state is RunState.RUNNING
