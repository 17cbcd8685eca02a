"""The same inputs give the same Steps: fed again, in another process, under another hash seed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alphaforge import Order, Trade
from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine, Step
from alphaforge.model.commands import SetRiskState, StartSession, StopSession, StopStrategy
from alphaforge.model.enums import RiskState
from alphaforge.model.market import Bar, Quote
from tests.engine.driving import SECOND, SPOT, START, SYMBOL, Puppet, limited

REPOSITORY = Path(__file__).resolve().parents[2]


class Busy(Puppet):
    """Trades on every kind of callback, by nothing but what it is given."""

    sign = 1

    def on_start(self) -> None:
        super().on_start()
        self.subscribe_quotes(SYMBOL)
        self.subscribe_bars(SYMBOL, "1s")
        self.subscribe_bars(SYMBOL, "3-tick")
        self.timer("check", 7)

    def on_trade(self, trade: Trade) -> None:
        act = self.buy if int(trade.price) % 2 else self.sell
        act(SYMBOL, 1, limit=f"{trade.price - self.sign:.1f}")
        if int(trade.price) % 5 == 0:
            act(SYMBOL, 2, take_profit=trade.price + 3, stop_loss=trade.price - 3)

    def on_quote(self, quote: Quote) -> None:
        for order in self.orders()[:2]:
            self.modify(order, quantity=3)

    def on_bar(self, bar: Bar) -> None:
        if bar.kind == "3-tick":
            self.cancel_all()

    def on_order(self, order: Order) -> None:
        if order.tag == "stop-loss" and not order.is_open:
            self.signal(SYMBOL, "FLAT", 0.5, size="auto")

    def on_timer(self, name: str) -> None:
        self.close(SYMBOL)


class Failing(Busy):
    def on_bar(self, bar: Bar) -> None:
        if bar.ts > START + 20 * SECOND:
            raise RuntimeError("enough")


def events(prices: list[int]) -> list[Any]:
    found: list[Any] = [StartSession(START)]
    for number, price in enumerate(prices):
        ts = START + number * SECOND
        found.append(Trade(SYMBOL, ts, float(price), 1.0))
        if price % 3 == 0:
            found.append(Quote(SYMBOL, ts, price - 0.5, price + 0.5))
        if number == 30:
            found.append(SetRiskState(RiskState.REDUCING, ts))
        if number == 40:
            found += [SetRiskState(RiskState.ACTIVE, ts), StopStrategy("c", ts)]
    return [*found, StopSession(START + len(prices) * SECOND)]


def made() -> Engine:
    engine = simulate(limited(max_open_orders=20), {SYMBOL: SPOT})
    for name, kind in (("b", Busy), ("a", Failing), ("c", Busy)):
        engine.register(name, kind)
    return engine


def steps(prices: list[int]) -> list[Step]:
    engine = made()
    return [engine.process(event) for event in events(prices)]


def walk(length: int) -> list[int]:
    """A path without a random number in it."""
    prices, state = [100], 12345
    for _ in range(length):
        state = (state * 1103515245 + 12345) % 2**31
        prices.append(max(50, prices[-1] + state // 2**16 % 7 - 3))
    return prices


def fingerprint() -> str:
    """Everything a run gave, as one number; timings are no part of a Step."""
    return hashlib.sha256(repr(steps(walk(200))).encode()).hexdigest()


@given(st.lists(st.integers(80, 120), max_size=60))
def test_fed_again_the_same_steps_come_out(prices: list[int]) -> None:
    assert steps(prices) == steps(prices)


def test_two_hash_seeds_give_the_same_steps() -> None:
    script = "from tests.engine.test_determinism import fingerprint; print(fingerprint())"
    prints = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "4242")
    }
    assert prints == {fingerprint()}


def test_that_run_holds_what_could_differ() -> None:
    seen = steps(walk(200))
    kinds = {type(event).__name__ for step in seen for event in step.events}
    assert kinds >= {
        "OrderFilled",
        "OrderCanceled",
        "OrderModified",
        "OrderDenied",
        "OrderTriggered",
    }
    assert any(alert.code == "strategy-error" for step in seen for alert in step.alerts)
    assert any(step.signals for step in seen)
    assert len({fill.strategy for step in seen for fill in step.fills}) == 3


def test_sequences_count_the_events_and_time_never_goes_back() -> None:
    seen = [step for step in steps(walk(100)) if step.sequence]
    numbers = [step.sequence for step in seen]
    assert numbers == sorted(set(numbers))
    times = [step.ts for step in seen]
    assert times == sorted(times)
