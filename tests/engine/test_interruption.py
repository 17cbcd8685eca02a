"""A callback that was interrupted: what its strategy loses, and how a run repeats without it."""

from decimal import Decimal
from typing import Any

import pytest

from alphaforge import Bar, Strategy, Trade
from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine
from alphaforge.engine.interruption import HUNG, HungCallbackError
from alphaforge.engine.strategies import RunState
from alphaforge.model.commands import StartSession, StopSession
from alphaforge.model.enums import AlertLevel, OrderStatus
from alphaforge.model.market import HistoryBars, Quote
from alphaforge.model.step import Step
from alphaforge.store.journal import encode
from tests.engine.driving import SECOND, SPOT, START, SYMBOL, Market, Puppet, spending

CALLBACKS = (
    "on_start",
    "on_trade",
    "on_quote",
    "on_bar",
    "on_order",
    "on_fill",
    "on_position",
    "on_timer",
    "on_stop",
)


class Bot(Strategy):
    """Trades and talks in every callback; ends one of its calls as `ending` says."""

    hung_in: str = ""
    nth: int = 0
    ending: type[BaseException] = HungCallbackError

    def on_start(self) -> None:
        self.calls = dict.fromkeys(CALLBACKS, 0)
        self.subscribe_trades(SYMBOL)
        self.subscribe_quotes(SYMBOL)
        self.subscribe_bars(SYMBOL, "1s", history=3)
        self.timer("beat", 0.3)
        self.timer("beat too", 0.3)
        self.did("on_start")

    def did(self, name: str) -> None:
        self.calls[name] += 1
        self.log(f"{name} {self.calls[name]}")
        self.signal(SYMBOL, "LONG", 0.5, size="auto")
        if name == self.hung_in and self.calls[name] >= self.nth:
            raise self.ending(1)

    def on_trade(self, trade: Trade) -> None:
        self.buy(SYMBOL, "0.01")
        resting = self.buy(SYMBOL, "0.01", limit=trade.price - 50)
        self.modify(resting, limit=trade.price - 60)  # the same status, told of again and again
        self.modify(resting, limit=trade.price - 70)
        self.did("on_trade")

    def on_quote(self, quote: Quote) -> None:
        self.did("on_quote")

    def on_bar(self, bar: Bar) -> None:
        self.did("on_bar")

    def on_order(self, order: Any) -> None:
        if order.status is OrderStatus.FILLED and order.tag != "more":
            self.sell(SYMBOL, "0.01", tag="more")
        if self.calls["on_order"] < 40:
            self.did("on_order")

    def on_fill(self, fill: Any) -> None:
        if self.calls["on_fill"] < 40:
            self.did("on_fill")

    def on_position(self, position: Any) -> None:
        self.did_quietly("on_position")

    def did_quietly(self, name: str) -> None:
        self.calls[name] += 1
        if name == self.hung_in and self.calls[name] >= self.nth:
            raise self.ending(1)

    def on_timer(self, name: str) -> None:
        self.did("on_timer")

    def on_stop(self) -> None:
        self.did("on_stop")


class CalledError(AssertionError):
    """What a repetition must not run into."""


def bot(hung_in: str, nth: int, ending: type[BaseException]) -> type[Strategy]:
    return type("OneBot", (Bot,), {"hung_in": hung_in, "nth": nth, "ending": ending})


def events() -> list[Any]:
    bars = tuple(
        Bar(SYMBOL, "1s", START - (3 - n) * SECOND, START - (4 - n) * SECOND, 100, 101, 99, 100, 1)
        for n in range(3)
    )
    made: list[Any] = [HistoryBars(SYMBOL, "1s", START, bars)]
    for n in range(1, 11):
        ts = START + n * SECOND
        made += [
            Trade(SYMBOL, ts, 100.0 + n, 5.0),
            Quote(SYMBOL, ts + 1, 99.5 + n, 100.5 + n),
        ]
    return [*made, StopSession(START + 12 * SECOND)]


def run(hung_in: str, nth: int) -> list[Step]:
    """What an engine made of it whose first strategy hung in its n-th call of a callback."""
    market = market_of(bot(hung_in, nth, HungCallbackError))
    for event in events():
        market.process(event)
    return market.steps


def unstarted(first: type[Strategy]) -> Engine:
    """The same engine before its first event."""
    engine = simulate(spending(None), {SYMBOL: SPOT})
    engine.register("first", first)
    engine.register("second", bot("", 0, HungCallbackError))
    return engine


def market_of(first: type[Strategy]) -> Market:
    return Market(strategies={"first": first, "second": bot("", 0, HungCallbackError)})


@pytest.mark.parametrize("nth", [1, 2, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("name", CALLBACKS)
def test_a_run_is_repeated_to_the_byte_without_making_the_call_that_hung(name, nth):
    if nth > 1 and name in {"on_start", "on_stop"}:
        nth = 1
    then = run(name, nth)
    hung = [step for step in then if any(alert.code == HUNG for alert in step.alerts)]
    assert len(hung) == 1
    again: list[Step] = []
    engine = unstarted(bot(name, nth, CalledError))
    for step, event in zip(then, [StartSession(START), *events()], strict=True):
        with engine.strategies.stop_instead_of(step):
            again.append(engine.process(event))
    assert [encode(step) for step in again] == [encode(step) for step in then]
    assert engine.strategies.runners["first"].state is RunState.FAILED
    assert engine.strategies.runners["second"].state is RunState.STOPPED


def test_what_the_interrupted_call_asked_for_is_dropped_and_its_orders_are_canceled():
    market = Market(strategies={"puppet": Puppet, "other": Puppet})
    resting = market.ask(lambda puppet: puppet.buy(SYMBOL, "0.01", limit=90))
    asked: list[Any] = []

    def hang(puppet: Any) -> None:
        asked.append(puppet.buy(SYMBOL, "0.02"))
        puppet.log("before it hung")
        raise HungCallbackError(1)

    market.ask(hang)
    assert (resting.status, asked[0].status) == (OrderStatus.CANCELED, OrderStatus.INITIALIZED)
    assert market.step.fills == ()
    log, alert = market.step.alerts
    assert log.message == "before it hung"
    assert (alert.level, alert.code, alert.strategy) == (AlertLevel.ERROR, HUNG, "puppet")
    assert alert.message == "strategy puppet was stopped: on_trade did not return within 1 s"
    assert "in hang" in alert.detail
    assert "alphaforge/" not in alert.detail
    order = market.ask(lambda puppet: puppet.buy(SYMBOL, "0.01"), name="other")
    assert order.filled == Decimal("0.01")
    assert isinstance(market.engine.strategies.runners["puppet"].error, TimeoutError)


def test_two_strategies_that_hung_in_one_event_are_both_stopped_again():
    then = market_of(bot("on_trade", 2, HungCallbackError))
    again = market_of(bot("on_trade", 2, CalledError))
    for market, ending in ((then, HungCallbackError), (again, CalledError)):
        second = market.strategy("second")
        second.hung_in, second.nth, second.ending = "on_trade", 2, ending
    for event in events():
        step = then.process(event)
        with again.engine.strategies.stop_instead_of(step):
            assert encode(again.process(event)) == encode(step)
    assert {each.state for each in again.engine.strategies.runners.values()} == {RunState.FAILED}


def test_a_call_that_never_comes_again_leaves_the_strategy_running():
    step = next(each for each in run("on_trade", 3) if any(a.code == HUNG for a in each.alerts))
    market = market_of(bot("", 0, CalledError))
    trade = Trade(SYMBOL, START + SECOND, 50.0, 1.0)
    with market.engine.strategies.stop_instead_of(step):
        market.process(trade)
    assert market.engine.strategies.runners["first"].state is RunState.RUNNING
    market.process(Trade(SYMBOL, START + 2 * SECOND, 51.0, 1.0))
    assert market.strategy("first").calls["on_trade"] == 2


def test_a_strategy_that_catches_every_exception_does_not_catch_the_interruption():
    class Careless(Puppet):
        def on_trade(self, trade: Trade) -> None:
            try:
                raise HungCallbackError(1)
            except Exception:  # noqa: BLE001 - what is tested
                self.log("nothing wrong here")

    market = Market(strategies={"careless": Careless})
    assert [alert.code for alert in market.tick(100.0).alerts] == [HUNG]
