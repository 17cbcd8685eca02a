"""A cash account never owes: whatever is ordered, no balance falls below zero.

Random orders of every kind, modifications and cancels, on ticks with and without quotes and on
bars, through the whole engine; fees and slippage included.
"""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine
from alphaforge.model.commands import StartSession
from alphaforge.model.market import Bar, BarOpen, Quote, Trade
from alphaforge.model.settings import AccountSettings, EngineSettings, SimulationSettings
from tests.engine.driving import SECOND, SPOT, START, SYMBOL, Puppet

prices = st.integers(80, 120).map(float)
near = st.none() | st.integers(75, 125)
orders = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["buy", "sell"]),
        "quantity": st.sampled_from(["0.5", "1", "2", "4.9"]),
        "terms": st.fixed_dictionaries({"limit": near, "stop": near})
        | st.just({"trail": 3})
        | st.just({"take_profit": 125, "stop_loss": 75}),
        "reduce_only": st.booleans(),
    }
)
changes = st.fixed_dictionaries({"quantity": st.sampled_from(["1", "3"]), "limit": near})
acts = st.lists(orders | changes | st.just("cancel_all") | st.just("close"), max_size=3)
plays = st.lists(st.tuples(prices, prices, acts), min_size=2, max_size=12)
accounts = st.sampled_from([{"USDT": "250"}, {"USDT": "500", "BTC": "1"}, {"BTC": "3"}])


class Scripted(Puppet):
    """Does the next acts of its script, and the same on bars as on trades."""

    def on_start(self) -> None:
        super().on_start()
        self.todo: list[Any] = []
        self.subscribe_bars(SYMBOL, "1m")

    def on_bar(self, bar: Bar) -> None:
        self.on_trade(bar)  # type: ignore[arg-type]

    def on_trade(self, trade: Any) -> None:
        acts, self.todo = self.todo, []
        for act in acts:
            self.perform(act)

    def perform(self, act: Any) -> None:
        if act == "cancel_all":
            self.cancel_all()
        elif act == "close":
            self.close(SYMBOL)
        elif "side" in act:
            verb = self.buy if act["side"] == "buy" else self.sell
            verb(SYMBOL, act["quantity"], reduce_only=act["reduce_only"], **act["terms"])
        elif self.orders():
            self.modify(self.orders()[0], **act)


def owing(engine: Engine) -> dict[str, Decimal]:
    return {name: cash for name, cash in engine.portfolio.cash.items() if cash < 0}


def engine_of(cash: dict[str, str], slippage: int, native: dict[str, str]) -> Engine:
    account = AccountSettings(
        cash={name: Decimal(text) for name, text in cash.items()}, reporting_currency="USDT"
    )
    simulation = SimulationSettings(slippage_bps=Decimal(slippage))
    chosen = EngineSettings(account=account, simulation=simulation)
    engine = simulate(chosen, {SYMBOL: SPOT}, native)
    engine.register("scripted", Scripted)
    engine.process(StartSession(START))
    return engine


@settings(max_examples=300)
@given(accounts, plays, st.booleans(), st.sampled_from([0, 30]))
def test_on_ticks_no_balance_falls_below_zero(
    cash: dict[str, str], play: Any, quoted: bool, slippage: int
) -> None:
    engine = engine_of(cash, slippage, {})
    for number, (price, _, todo) in enumerate(play):
        ts = START + number * SECOND
        engine.strategies.runners["scripted"].strategy.todo = todo
        if quoted:
            engine.process(Quote(SYMBOL, ts, price - 1, price + 1))
        engine.process(Trade(SYMBOL, ts, price, 1.0))
        assert owing(engine) == {}


@settings(max_examples=300)
@given(accounts, plays, st.sampled_from([0, 30]))
def test_on_bars_no_balance_falls_below_zero(
    cash: dict[str, str], play: Any, slippage: int
) -> None:
    engine = engine_of(cash, slippage, {SYMBOL: "1m"})
    minute = 60 * SECOND
    for number, (first, last, todo) in enumerate(play):
        ts = START // minute * minute + number * minute
        high, low = max(first, last) + 1, min(first, last) - 1
        engine.strategies.runners["scripted"].strategy.todo = todo
        engine.process(BarOpen(SYMBOL, ts, first))
        engine.process(Bar(SYMBOL, "1m", ts + minute, ts, first, high, low, last, 1.0))
        assert owing(engine) == {}
