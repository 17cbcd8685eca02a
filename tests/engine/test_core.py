"""The one door: in which order one event acts, what its Step says, and what operators can do."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from alphaforge.engine.build import simulate
from alphaforge.engine.core import EMPTY_STEP, Engine
from alphaforge.model.commands import (
    CancelAll,
    SetRiskState,
    StartSession,
    StartStrategy,
    StopSession,
    StopStrategy,
)
from alphaforge.model.enums import InstrumentKind, OrderStatus, RiskState
from alphaforge.model.events import OrderSubmitted
from alphaforge.model.market import Bar, FundingRate, HistoryBars, Quote, Trade, VenueTime
from alphaforge.model.orders import Order
from alphaforge.model.reports import OrderAccepted, OrderFilled
from alphaforge.model.settings import AccountSettings, EngineSettings, SimulationSettings
from alphaforge.model.step import Step
from tests.engine.rig import SECOND, START, Puppet, Rig, instrument

A, B = "A/USDT", "B/USDT"
D = Decimal


def engine_of(*puppets: Puppet, latency_ns: int = 0, **rules: Any) -> Engine:
    """Two symbols of one venue, and these strategies by the names s1, s2, …"""
    settings = EngineSettings(
        account=AccountSettings(reporting_currency="USDT"),
        simulation=SimulationSettings(latency_ns=latency_ns),
    )
    terms = {"kind": InstrumentKind.LINEAR} | rules
    engine = simulate(settings, {name: instrument(name, **terms) for name in (B, A)})
    for number, puppet in enumerate(puppets, 1):
        engine.register(f"s{number}", lambda puppet=puppet: puppet)
    engine.process(StartSession(START))
    return engine


def trade(symbol: str, second: float, price: float) -> Trade:
    return Trade(symbol, START + round(second * SECOND), price, 1.0)


def starting(act: Callable[[Puppet], object]) -> Puppet:
    puppet = Puppet()
    puppet.hooks["on_start"] = lambda puppet, _: act(puppet)
    return puppet


def names(puppet: Puppet) -> list[str]:
    """What the strategy heard, bars and trades with their symbol."""
    return [
        f"{callback} {what.symbol}" if isinstance(what, (Bar, Trade)) else callback
        for callback, what in puppet.heard
    ]


# Order inside one event ---------------------------------------------------------------------------


def test_due_bars_of_all_symbols_come_in_symbol_order_before_the_events_own_price() -> None:
    def start(puppet: Puppet) -> None:
        for symbol in (B, A):
            puppet.subscribe_bars(symbol, "1s")
            puppet.subscribe_trades(symbol)
        puppet.subscribe_bars(B, "2-tick")

    lasts: list[float | None] = []
    puppet = starting(start)
    puppet.hooks["on_bar"] = lambda puppet, bar: lasts.append(puppet.last(B))
    engine = engine_of(puppet)
    engine.process(trade(B, 0.1, 50))
    engine.process(trade(A, 0.2, 10))
    puppet.heard.clear()
    engine.process(trade(B, 1.0, 60))
    heard = [(callback, what.symbol) for callback, what in puppet.heard]
    assert heard == [("on_bar", A), ("on_bar", B), ("on_trade", B), ("on_bar", B)]
    assert [what.kind for callback, what in puppet.heard if callback == "on_bar"] == [
        "1s",
        "1s",
        "2-tick",
    ]
    assert lasts == [50, 50, 60]


def test_an_order_of_a_due_bar_meets_the_market_as_it_stood_and_then_the_event() -> None:
    puppet = starting(lambda puppet: puppet.subscribe_bars(A, "1s"))

    def on_bar(puppet: Puppet, bar: Bar) -> None:
        puppet.buy(A, 1)
        puppet.buy(A, 1, limit=95)
        puppet.buy(A, 1, stop=110)

    puppet.hooks["on_bar"] = on_bar
    engine = engine_of(puppet)
    engine.process(trade(A, 0, 100))
    step = engine.process(trade(A, 1, 90))
    assert [(fill.order_id, fill.price) for fill in step.fills] == [
        ("o-000001", 100),
        ("o-000002", 95),
    ]
    assert {fill.ts for fill in step.fills} == {START + SECOND}


def test_a_fill_is_told_before_the_trade_that_made_it_and_that_before_the_bar_it_closes() -> None:
    def start(puppet: Puppet) -> None:
        puppet.subscribe_trades(A)
        puppet.subscribe_bars(A, "1-tick")
        puppet.buy(A, 1, limit=99)

    puppet = starting(start)
    engine = engine_of(puppet)
    engine.process(trade(A, 0, 100))
    puppet.heard.clear()
    engine.process(trade(A, 1, 98))
    assert names(puppet) == ["on_fill", "on_order", "on_trade A/USDT", "on_bar A/USDT"]


def test_requests_of_one_phase_are_carried_out_before_the_next_phase() -> None:
    def start(puppet: Puppet) -> None:
        puppet.subscribe_trades(A)
        puppet.subscribe_bars(A, "1-tick")

    puppet = starting(start)
    puppet.hooks["on_trade"] = lambda puppet, _: puppet.buy(A, 1)
    engine = engine_of(puppet)
    engine.process(trade(A, 0, 100))
    assert names(puppet)[1:] == [
        "on_trade A/USDT",
        "on_order",
        "on_order",
        "on_fill",
        "on_order",
        "on_bar A/USDT",
    ]


def test_timers_come_before_due_bars_and_arrivals_take_their_turn_among_them() -> None:
    def start(puppet: Puppet) -> None:
        puppet.subscribe_bars(A, "1s")
        puppet.timer("late", 0.9)
        puppet.timer("early", 0.5)

    puppet = starting(start)
    engine = engine_of(puppet, latency_ns=SECOND * 6 // 10)
    engine.process(trade(A, 0, 100))
    puppet.hooks["on_bar"] = lambda puppet, _: None
    puppet.buy(A, 1)
    engine.process(StartStrategy("s1", START))
    puppet.heard.clear()
    engine.process(trade(A, 1.0, 110))
    told = [what if callback == "on_timer" else callback for callback, what in puppet.heard]
    assert told == ["early", "on_order", "on_fill", "on_order", "late", "early", "on_bar"]


def test_a_trailing_stop_of_a_due_bar_sees_the_events_trade() -> None:
    puppet = starting(lambda puppet: puppet.subscribe_bars(A, "1s"))
    puppet.hooks["on_bar"] = lambda puppet, _: puppet.sell(A, 1, trail=5)
    engine = engine_of(puppet)
    engine.process(trade(A, 0, 100))
    step = engine.process(trade(A, 1, 90))
    assert [fill.price for fill in step.fills] == [90]


def test_quotes_close_bars_and_match_before_they_are_told() -> None:
    def start(puppet: Puppet) -> None:
        puppet.subscribe_quotes(A)
        puppet.subscribe_bars(A, "1s")
        puppet.buy(A, 1, limit=99)

    puppet = starting(start)
    engine = engine_of(puppet)
    engine.process(trade(A, 0, 100))
    puppet.heard.clear()
    engine.process(Quote(A, START + SECOND, 97.0, 98.0))
    assert [callback for callback, _ in puppet.heard] == [
        "on_bar",
        "on_fill",
        "on_order",
        "on_quote",
    ]


# Steps --------------------------------------------------------------------------------------------


def test_an_event_without_effect_is_the_one_empty_step_and_still_counts() -> None:
    engine = engine_of(starting(lambda puppet: puppet.subscribe_trades(A)))
    assert engine.process(trade(A, 0, 100)) is EMPTY_STEP
    assert engine.process(trade(A, 0, float("nan"))) is EMPTY_STEP
    assert engine.process(trade("Z", 0, 1)) is EMPTY_STEP
    assert engine.process(Quote(A, START, 99.0, 101.0)) is EMPTY_STEP
    assert engine.process(VenueTime("sim", START + 1)) is EMPTY_STEP
    assert engine.sequence == 6
    assert Step(0, 0) == EMPTY_STEP


def test_a_step_says_what_happened_in_order() -> None:
    puppet = starting(lambda puppet: puppet.subscribe_trades(A))
    puppet.hooks["on_trade"] = lambda puppet, _: (
        puppet.signal(A, "LONG", 0.5, "why"),
        puppet.buy(A, 1),
        puppet.log("bought"),
    )
    engine = engine_of(puppet)
    step = engine.process(trade(A, 3, 100))
    assert (step.sequence, step.ts) == (2, START + 3 * SECOND)
    assert [type(event) for event in step.events] == [OrderSubmitted, OrderAccepted, OrderFilled]
    assert {event.ts_local for event in step.events} == {step.ts}
    assert [fill.order_id for fill in step.fills] == ["o-000001"]
    assert [alert.message for alert in step.alerts] == ["bought"]
    assert [signal.reason for signal in step.signals] == ["why"]
    assert (step.outgoing, step.funding) == ((), ())
    assert engine.process(VenueTime("sim", START + 4 * SECOND)) is EMPTY_STEP


def test_engine_time_never_goes_back() -> None:
    puppet = starting(lambda puppet: puppet.subscribe_trades(A))
    engine = engine_of(puppet)
    engine.process(trade(B, 5, 1))
    engine.process(trade(A, 3, 100))
    assert puppet.now == START + 5 * SECOND


def test_events_are_ordered_by_local_time_though_bars_follow_the_venues() -> None:
    puppet = starting(lambda puppet: puppet.subscribe_bars(A, "1s"))
    engine = engine_of(puppet)
    engine.process(Trade(A, START, 100.0, 1.0, ts_local=START + 7 * SECOND))
    assert puppet.now == START + 7 * SECOND
    engine.process(Trade(A, START + SECOND - 1, 101.0, 1.0, ts_local=START + 8 * SECOND))
    assert names(puppet) == ["on_start"]
    engine.process(Trade(A, START + SECOND, 102.0, 1.0, ts_local=START + 9 * SECOND))
    (bar,) = [what for callback, what in puppet.heard if callback == "on_bar"]
    assert (bar.ts, bar.close) == (START + SECOND, 101.0)


def eager(seed: int) -> Puppet:
    """A strategy that does a bit of everything, by its own seeded dice."""
    dice = Random(seed)

    def act(puppet: Puppet, _: object) -> None:
        last = puppet.last(A)
        if last is None or dice.random() < 0.5:
            return
        verb = dice.choice([puppet.buy, puppet.sell])
        terms = dice.choice(
            [
                {},
                {"limit": last - 1},
                {"stop": last + 1},
                {"trail": 2},
                {"tif": "IOC", "limit": last},
            ]
        )
        verb(A, dice.randint(1, 5), **terms)
        if dice.random() < 0.2:
            puppet.cancel_all()

    def start(puppet: Puppet) -> None:
        puppet.subscribe_bars(A, "1s")
        puppet.subscribe_trades(B)
        puppet.timer("t", 3)

    puppet = starting(start)
    for callback in ("on_bar", "on_trade", "on_timer"):
        puppet.hooks[callback] = act
    return puppet


def test_the_same_inputs_give_the_same_steps() -> None:
    dice = Random(7)
    events: list[Any] = []
    for number in range(1_500):
        symbol, level = dice.choice([A, B]), dice.randint(90, 110)
        ts = START + number * SECOND // 3
        events.append(
            Trade(symbol, ts, float(level), 1.0)
            if dice.random() < 0.7
            else Quote(symbol, ts, level - 0.5, level + 0.5)
        )
    runs: list[list[Step]] = []
    for _ in range(2):
        engine = engine_of(eager(1), eager(2))
        runs.append([engine.process(event) for event in events])
    assert runs[0] == runs[1]
    assert sum(len(step.fills) for step in runs[0]) > 100


# Operators ----------------------------------------------------------------------------------------


def test_a_halted_engine_denies_orders_and_still_cancels() -> None:
    rig = Rig()
    rig.trade(100)
    resting = rig.buy(limit=90)
    step = rig.feed(SetRiskState(RiskState.HALTED, rig.now, "lunch"))
    assert [(alert.code, "lunch" in alert.message) for alert in step.alerts] == [
        ("risk-state", True)
    ]
    denied = rig.buy()
    assert (denied.status, "HALTED" in denied.reason) == (OrderStatus.DENIED, True)
    rig.do(lambda puppet: puppet.cancel(resting))
    assert resting.status is OrderStatus.CANCELED
    rig.feed(SetRiskState(RiskState.ACTIVE, rig.now))
    assert rig.buy().status is OrderStatus.FILLED


def test_a_reducing_engine_only_lets_positions_shrink() -> None:
    rig = Rig()
    rig.trade(100)
    rig.buy(2)
    rig.feed(SetRiskState(RiskState.REDUCING, rig.now))
    assert rig.buy().status is OrderStatus.DENIED
    assert rig.sell(3).status is OrderStatus.DENIED
    assert rig.sell(2).status is OrderStatus.FILLED


def orders_of_two() -> tuple[Engine, list[Order]]:
    """Two strategies with a resting order on each of two symbols."""
    made: list[Order] = []

    def act(puppet: Puppet, _: object) -> None:
        made.extend(puppet.buy(symbol, 1, limit=50) for symbol in (A, B))

    puppets = [starting(lambda puppet: puppet.timer("go", 2)) for _ in range(2)]
    for puppet in puppets:
        puppet.hooks["on_timer"] = act
    engine = engine_of(*puppets)
    for symbol in (A, B):
        engine.process(trade(symbol, 1, 100))
    engine.process(VenueTime("sim", START + 2 * SECOND))
    assert [order.status for order in made] == [OrderStatus.ACCEPTED] * 4
    return engine, made


@pytest.mark.parametrize(
    ("strategy", "symbol", "canceled"),
    [
        ("", "", [True, True, True, True]),
        ("s1", "", [True, True, False, False]),
        ("", A, [True, False, True, False]),
        ("s2", B, [False, False, False, True]),
        ("nobody", "", [False, False, False, False]),
    ],
)
def test_cancel_all_takes_the_orders_of_a_strategy_and_symbol(
    strategy: str, symbol: str, canceled: list[bool]
) -> None:
    engine, made = orders_of_two()
    engine.process(CancelAll(START + 3 * SECOND, strategy, symbol))
    assert [order.status is OrderStatus.CANCELED for order in made] == canceled


def test_stopping_one_strategy_cancels_its_orders_only() -> None:
    engine, made = orders_of_two()
    engine.process(StopStrategy("s1", START + 3 * SECOND))
    assert [order.is_open for order in made] == [False, False, True, True]
    engine.process(StopStrategy("s1", START + 3 * SECOND))
    engine.process(StartStrategy("s2", START + 3 * SECOND))
    assert [order.is_open for order in made] == [False, False, True, True]


def test_the_end_of_the_session_leaves_resting_orders_open() -> None:
    engine, made = orders_of_two()
    engine.process(StopSession(START + 3 * SECOND))
    assert all(order.is_open for order in made)
    engine.process(trade(A, 4, 40))
    assert [order.filled for order in made] == [1, 0, 1, 0]


# History and funding ------------------------------------------------------------------------------


def test_bars_of_history_go_to_their_kind_and_their_orders_are_denied() -> None:
    made: list[Order] = []
    puppet = starting(lambda puppet: puppet.subscribe_bars(A, "1m", history=2))
    puppet.hooks["on_bar"] = lambda puppet, _: made.append(puppet.buy(A, 1))
    engine = engine_of(puppet)
    minute = 60 * SECOND
    past = tuple(
        Bar(
            A, "1m", START - back * minute, START - (back + 1) * minute, 1, 1, 1, 1, historical=True
        )
        for back in (1, 0)
    )
    step = engine.process(HistoryBars(A, "1m", START, past))
    assert [order.status for order in made] == [OrderStatus.DENIED] * 2
    assert all("historical" in order.reason for order in made)
    assert len(step.events) == 2
    assert engine.process(HistoryBars(A, "1h", START, past)) is EMPTY_STEP
    assert puppet.last(A) is None
    engine.process(trade(A, 1, 100))
    engine.process(trade(A, 61, 100))
    assert made[-1].status is OrderStatus.FILLED


def funded(rate: str, **rules: Any) -> tuple[Step, list[Puppet]]:
    """s1 is long 3, s2 short 2, at a last price of 100."""
    puppets = [Puppet(), Puppet()]
    engine = engine_of(*puppets, **rules)
    engine.process(trade(A, 0, 100))
    puppets[0].buy(A, 3)
    puppets[1].sell(A, 2)
    engine.process(StartStrategy("s1", START))
    return engine.process(FundingRate(A, START + SECOND, D(rate))), puppets


@pytest.mark.parametrize(
    ("rate", "amounts"), [("0.0001", ["-0.03", "0.02"]), ("-0.0001", ["0.03", "-0.02"])]
)
def test_longs_pay_funding_and_shorts_receive_it(rate: str, amounts: list[str]) -> None:
    step, puppets = funded(rate)
    assert [(paid.strategy, paid.amount, paid.currency) for paid in step.funding] == [
        ("s1", D(amounts[0]), "USDT"),
        ("s2", D(amounts[1]), "USDT"),
    ]
    assert [puppet.position(A).funding for puppet in puppets] == [D(amount) for amount in amounts]


def test_funding_of_inverse_contracts_is_in_the_base_rounded_to_eight_decimals() -> None:
    step, _ = funded("0.0001", kind=InstrumentKind.INVERSE, multiplier=D(7), settle="A")
    assert [(paid.amount, paid.currency) for paid in step.funding] == [
        (D("-0.000021"), "A"),
        (D("0.000014"), "A"),
    ]


def test_funding_moves_the_venues_clock_like_every_stream() -> None:
    puppet = starting(lambda puppet: puppet.subscribe_bars(A, "1s"))
    engine = engine_of(puppet)
    engine.process(trade(A, 0, 100))
    engine.process(FundingRate(B, START + SECOND, D("0.0001")))
    assert names(puppet) == ["on_start", "on_bar A/USDT"]


def test_spot_and_flat_positions_pay_no_funding() -> None:
    step, _ = funded("0.0001", kind=InstrumentKind.SPOT)
    assert step is EMPTY_STEP
    engine = engine_of(Puppet())
    engine.process(trade(A, 0, 100))
    assert engine.process(FundingRate(A, START + SECOND, D("0.0001"))) is EMPTY_STEP
    assert engine.process(FundingRate("Z", START + SECOND, D("0.0001"))) is EMPTY_STEP


@pytest.mark.parametrize("absurd", [1e300, 1e21])
def test_an_absurd_number_in_a_feed_or_an_order_never_stops_the_engine(absurd: float) -> None:
    rig = Rig()
    rig.trade(absurd)
    rig.trade(100)
    rig.quote(100, absurd)
    denied = [rig.buy(absurd), rig.buy(limit=absurd), rig.buy(stop=absurd), rig.sell(trail=absurd)]
    assert [order.status for order in denied] == [OrderStatus.DENIED] * 4
    assert rig.buy().average_price == 100


def test_a_command_for_a_strategy_nobody_knows_is_answered_with_an_alert() -> None:
    engine = simulate(None, {})
    for command in (StopStrategy("ghost", 1), StartStrategy("ghost", 2)):
        step = engine.process(command)
        assert [alert.code for alert in step.alerts] == ["unknown-strategy"]
        assert "ghost" in step.alerts[0].message
