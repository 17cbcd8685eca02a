"""While a run is recovered the journal decides, and a strategy that left its course is stopped."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from alphaforge import Strategy, Trade
from alphaforge.engine import snapshot
from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine
from alphaforge.engine.interruption import HUNG, HungCallbackError
from alphaforge.engine.recovery import Recovered, Row, recover
from alphaforge.engine.strategies import RunState
from alphaforge.errors import InternalError
from alphaforge.model.claims import FillReport, VenueState, VenueStateChanged
from alphaforge.model.commands import BeginEpoch, StartSession, StopStrategy
from alphaforge.model.enums import Liquidity, OrderStatus
from alphaforge.model.settings import RiskSettings
from alphaforge.model.step import Step
from tests.engine.wire_driving import (
    INSTRUMENTS,
    PERPETUAL,
    SECOND,
    SETTINGS,
    START,
    engine_with,
    journaled,
)

SYMBOL = PERPETUAL.symbol

Act = Callable[[Any, int], object]
"""What a strategy does at its n-th trade."""


class Script(Strategy):
    """Does at each trade what its test says; the test may say something else the second time."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self.seen = 0
        self.made: list[Any] = []

    def on_start(self) -> None:
        self.subscribe_trades(SYMBOL)

    def on_trade(self, trade: Trade) -> None:
        self.seen += 1
        self.made.append(self._act(self, self.seen))


def limit_at(price: float) -> Act:
    return lambda strategy, _: strategy.buy(SYMBOL, "1", limit=price)


def nothing(strategy: Any, seen: int) -> None:
    del strategy, seen


class Story:
    """A run of scripted strategies over some trades, and its journal."""

    def __init__(self, trades: int = 3, **acts: Act) -> None:
        self.acts = acts
        self.engine = self.new(**acts)
        self.rows: list[Row] = []
        self.now = START
        for event in (BeginEpoch(1, START), StartSession(START)):
            self.put(event)
        for _ in range(trades):
            self.trade()

    def new(self, **acts: Act) -> Engine:
        makers: dict[str, Callable[[], Strategy]] = {
            name: (lambda act=act: Script(act)) for name, act in (self.acts | acts).items()
        }
        return engine_with(makers)

    def put(self, event: Any) -> Step:
        step = self.engine.process(event)
        self.rows.append((self.engine.sequence, event, journaled(step)))
        return step

    def trade(self, price: float = 100.0) -> Step:
        self.now += SECOND
        return self.put(Trade(SYMBOL, self.now, price, 1.0))

    def fill(self, order_id: str, price: str = "99.0") -> Step:
        order = self.engine.execution.orders[order_id].life.order
        return self.put(
            FillReport(
                SYMBOL,
                f"t-{order_id}",
                f"v-{order_id}",
                order.side,
                order.leaves,
                Decimal(price),
                Decimal(0),
                "USDT",
                Liquidity.MAKER,
                self.now,
                self.now,
                order.client_order_id,
            )
        )

    def recover(self, **acts: Act) -> tuple[Engine, Recovered]:
        """Fold the journal into a new engine, some of whose strategies now do something else."""
        engine = self.new(**acts)
        return engine, recover(engine, self.rows)


def orders_of(engine: Engine, strategy: str) -> dict[str, tuple[str, ...]]:
    rows = (*engine.execution.orders.values(), *engine.execution.closed.values())
    orders = [each.life.order for each in rows if each.life.order.strategy == strategy]
    return {
        order.order_id: (
            order.symbol,
            order.side,
            str(order.quantity),
            str(order.limit_price),
            order.status,
        )
        for order in orders
    }


def test_a_run_that_is_repeated_leaves_nothing_recorded_and_nothing_outgoing() -> None:
    story = Story(one=limit_at(90))
    engine, recovered = story.recover()
    assert (recovered.events, recovered.steps) == (5, 3)
    assert recovered.differences == recovered.alerts == recovered.unexplained == ()
    assert engine.execution.record == []
    assert engine.process(Trade("nothing", story.now, 1.0, 1.0)).outgoing == ()
    assert engine.execution.orders.keys() == story.engine.execution.orders.keys()


@pytest.mark.parametrize(
    ("act", "then", "now"),
    [
        (nothing, "orders BUY 1 BTC/USDT LIMIT limit 90", "nothing"),
        (limit_at(80), "LIMIT limit 90", "orders BUY 1 BTC/USDT LIMIT limit 80"),
        (lambda s, _: s.sell(SYMBOL, "1", limit=90), "orders BUY", "orders SELL"),
        (lambda s, _: s.buy("ETH/USDT", "1", limit=90), "BTC/USDT", "ETH/USDT"),
        (lambda s, _: 1 // 0, "orders BUY", "nothing"),
        (
            lambda s, _: [s.buy(SYMBOL, "1", limit=90), s.buy(SYMBOL, "2", limit=91)],
            "nothing",
            "orders BUY 2",
        ),
    ],
    ids=["less", "another price", "another side", "another symbol", "it raises", "more"],
)
def test_a_strategy_that_asks_for_something_else_is_stopped_and_the_others_go_on(
    act: Act, then: str, now: str
) -> None:
    story = Story(first=limit_at(95), one=limit_at(90), last=limit_at(85))
    engine, recovered = story.recover(one=act)
    (difference,) = recovered.differences
    assert (difference.sequence, difference.strategy) == (3, "one")
    assert then in difference.then
    assert now in difference.now
    states = {name: runner.state for name, runner in engine.strategies.runners.items()}
    assert states == {
        "first": RunState.RUNNING,
        "one": RunState.FAILED,
        "last": RunState.RUNNING,
    }
    for name in ("first", "one", "last"):
        assert orders_of(engine, name) == orders_of(story.engine, name)
    assert list(engine.execution.orders) == list(story.engine.execution.orders)
    live = [each.order_id for each in engine.strategies.runners["last"].strategy.made]
    assert live == ["o-000003", "o-000006", "o-000009"]


def twice(strategy: Any, seen: int) -> Any:
    return limit_at(90)(strategy, seen), limit_at(91)(strategy, seen)


def order_and_fail(strategy: Any, seen: int) -> None:
    strategy.buy(SYMBOL, "1", limit=80)
    raise ValueError(seen)


@pytest.mark.parametrize("now", [nothing, twice, order_and_fail])
def test_the_numbers_of_others_do_not_depend_on_who_differs(now: Act) -> None:
    story = Story(trades=1, one=limit_at(90), raises=order_and_fail, last=limit_at(85))
    assert list(story.engine.execution.orders) == ["o-000001", "o-000003"]
    engine, recovered = story.recover(one=now)
    assert [each.strategy for each in recovered.differences] == ["one"]
    assert engine.execution.numbers.taken == 3
    assert orders_of(engine, "last") == orders_of(story.engine, "last")
    (order,) = engine.strategies.runners["last"].strategy.made
    assert order.order_id == "o-000003"


class Punctual(Strategy):
    """Orders on the first second, if it is the `then` one."""

    def __init__(self, then: bool) -> None:
        self.then = then

    def on_start(self) -> None:
        self.timer("second", 1)

    def on_timer(self, name: str) -> None:
        if self.then:
            self.then = False
            self.buy(SYMBOL, "1", limit=90)


def test_an_order_made_just_before_its_venue_went_down_is_made_again() -> None:
    engine = engine_with({"one": lambda: Punctual(then=True)})
    rows: list[Row] = []
    for event in (
        BeginEpoch(1, START),
        StartSession(START),
        Trade(SYMBOL, START, 100.0, 1.0),
        VenueStateChanged("x", VenueState.DOWN, "gone", START + SECOND),
    ):
        step = engine.process(event)
        rows.append((engine.sequence, event, journaled(step)))
    assert list(engine.execution.orders) == ["o-000001"]
    new = engine_with({"one": lambda: Punctual(then=False)})
    recover(new, rows)
    assert orders_of(new, "one") == orders_of(engine, "one")
    assert new.execution.claims is not None
    assert new.execution.claims.why_not(SYMBOL) == "x is DOWN: gone"


def test_the_alert_says_what_it_did_then_and_now_and_that_it_was_stopped() -> None:
    _, recovered = Story(one=limit_at(90)).recover(one=limit_at(80))
    (alert,) = recovered.alerts
    assert (alert.code, alert.level, alert.strategy) == ("recovery-difference", "ERROR", "one")
    assert "at event 3" in alert.message
    assert "then orders BUY 1 BTC/USDT LIMIT limit 90" in alert.message
    assert "now orders BUY 1 BTC/USDT LIMIT limit 80" in alert.message


def test_the_verdict_of_then_counts_although_the_limits_are_others_now() -> None:
    story = Story(one=limit_at(90))
    strict = replace(SETTINGS, risk=RiskSettings(max_open_orders=1))
    engine = Engine(strict, INSTRUMENTS)
    engine.register("one", lambda: Script(limit_at(90)))
    recovered = recover(engine, story.rows)
    assert recovered.differences == ()
    assert orders_of(engine, "one") == orders_of(story.engine, "one")
    later = engine.process(Trade(SYMBOL, story.now + SECOND, 100.0, 1.0))
    assert [type(each).__name__ for each in later.events] == ["OrderDenied"]


def test_an_order_that_was_denied_then_stays_denied() -> None:
    story = Story(one=limit_at(-1))
    loose = replace(SETTINGS, risk=RiskSettings())
    engine = Engine(loose, INSTRUMENTS)
    engine.register("one", lambda: Script(limit_at(-1)))
    recovered = recover(engine, story.rows)
    assert (recovered.differences, recovered.steps) == ((), 3)
    made = engine.strategies.runners["one"].strategy.made
    assert [order.status for order in made] == [OrderStatus.DENIED] * 3
    assert engine.execution.counts.denied == 3


def test_fills_of_a_stopped_strategy_are_still_booked() -> None:
    story = Story(one=limit_at(90))
    story.fill("o-000002")
    engine, recovered = story.recover(one=nothing)
    assert len(recovered.differences) == 1
    assert engine.portfolio.net(SYMBOL) == Decimal(1)
    assert engine.portfolio.cash == story.engine.portfolio.cash


def change(order: int, **terms: Any) -> Act:
    """Order at the first trade; at the second, ask for new terms or (none given) for its end."""

    def act(strategy: Any, seen: int) -> Any:
        if seen == 1:
            return strategy.buy(SYMBOL, "1", limit=90)
        if seen == 2:
            mine = strategy.made[order]
            return strategy.modify(mine, **terms) if terms else strategy.cancel(mine)
        return None

    return act


CHANGES: dict[str, Act] = {
    "cancel": change(0),
    "price": change(0, limit=91),
    "quantity": change(0, quantity="0.5"),
    "neither": lambda s, n: s.buy(SYMBOL, "1", limit=90) if n == 1 else None,
}


@pytest.mark.parametrize("then", CHANGES)
@pytest.mark.parametrize("now", CHANGES)
def test_requests_about_orders_follow_the_journal_too(then: str, now: str) -> None:
    story = Story(one=CHANGES[then])
    engine, recovered = story.recover(one=CHANGES[now])
    before, after = story.engine.execution.orders, engine.execution.orders
    assert before.keys() == after.keys() == {"o-000001"}
    one, other = before["o-000001"], after["o-000001"]
    assert one.life.order.pending == other.life.order.pending
    assert one.life.modifications == other.life.modifications
    assert one.worst == other.worst
    assert len(recovered.differences) == (then != now)


def test_a_strategy_that_failed_then_is_stopped_though_it_does_not_fail_now() -> None:
    story = Story(one=lambda s, n: 1 // (2 - n), last=limit_at(85))
    engine, recovered = story.recover(one=nothing)
    (difference,) = recovered.differences
    assert difference.sequence == 4
    assert "ZeroDivisionError" in difference.then
    assert difference.now == "nothing"
    assert engine.strategies.runners["one"].state is RunState.FAILED


def test_a_callback_that_hung_then_is_not_called() -> None:
    def hang(strategy: Any, seen: int) -> Any:
        if seen < 2:
            return strategy.buy(SYMBOL, "1", limit=90)
        strategy.buy(SYMBOL, "1", limit=91)
        raise HungCallbackError(1.0)

    def never(strategy: Any, seen: int) -> Any:
        assert seen < 2, "it was called"
        return strategy.buy(SYMBOL, "1", limit=90)

    story = Story(one=hang, last=limit_at(85))
    assert any(alert.code == HUNG for _, _, step in story.rows if step for alert in step.alerts)
    engine, recovered = story.recover(one=never)
    assert recovered.differences == ()
    assert recovered.steps == 3
    assert engine.execution.numbers.taken == story.engine.execution.numbers.taken
    assert story.trade() == engine.process(story.rows[-1][1])


def test_a_restarted_strategy_is_compared_anew() -> None:
    story = Story(one=limit_at(90))
    story.put(StopStrategy("one", story.now))
    engine, recovered = story.recover(one=nothing)
    assert len(recovered.differences) == 1
    assert engine.strategies.runners["one"].state is RunState.FAILED
    assert {each.life.order.pending for each in engine.execution.orders.values()} == {"CANCEL"}


def test_the_orders_of_a_stopped_strategy_go_when_it_is_stopped_by_name() -> None:
    story = Story(one=limit_at(90))
    engine, _ = story.recover(one=nothing)
    step = engine.process(StopStrategy("one", story.now))
    assert [approved.command.order_id for approved in step.outgoing] == [
        "o-000001",
        "o-000002",
        "o-000003",
    ]


def test_gaps_in_the_numbers_are_followed() -> None:
    story = Story(one=nothing)
    engine = story.new()
    recover(engine, [(number * 10, event, step) for number, event, step in story.rows])
    assert engine.sequence == 50


def test_a_recovered_engine_has_its_own_gate_again_with_the_state_of_then() -> None:
    story = Story(one=limit_at(90))
    engine = story.new()
    gate = engine.execution.gate
    recover(engine, story.rows)
    assert engine.execution.gate is gate
    step = engine.process(Trade(SYMBOL, story.now + SECOND, 100.0, 1.0))
    assert [each.command.order_id for each in step.outgoing] == ["o-000004"]


def test_a_simulated_engine_is_not_recovered() -> None:
    with pytest.raises(InternalError):
        recover(simulate(SETTINGS, INSTRUMENTS), [])


def test_without_a_snapshot_the_refusal_leaves_recovery_from_the_start() -> None:
    story = Story(one=limit_at(90))
    with pytest.raises(snapshot.SnapshotRefusedError, match="_act"):
        snapshot.take(story.engine)
    assert story.recover()[1].differences == ()
