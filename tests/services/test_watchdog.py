"""A callback that does not return is interrupted, however it hangs, and the others go on.

The timers are real: what is tested is an interruption by the wall clock. Deadlines are short and
nothing is asserted about how fast a busy machine is, but for upper bounds far above what it takes.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alphaforge.engine.interruption import HUNG
from alphaforge.engine.strategies import RunState
from alphaforge.services import alarm
from alphaforge.services.replay import replay
from alphaforge.services.watchdog import watch
from alphaforge.store.records import RunStatus
from tests.engine.driving import SYMBOL, Market, Puppet
from tests.services.running import (
    SECOND,
    FakeClock,
    Notes,
    plan_in,
    play,
    strategy_file,
    trades_csv,
    url_in,
)

DEADLINE = 0.1
"""Seconds a callback has here."""

LONG = 10.0
"""Seconds nothing here may take."""


@pytest.fixture(autouse=True)
def no_alarm_is_left() -> Iterator[None]:
    """Another timer (that of the test's own time limit) goes on afterwards as if nothing was."""
    signal.setitimer(signal.ITIMER_REAL, 100.0)
    before, began = signal.getsignal(signal.SIGALRM), time.monotonic()
    yield
    left, period = signal.getitimer(signal.ITIMER_REAL)
    assert left == pytest.approx(100 - (time.monotonic() - began), abs=0.5)
    assert (signal.getsignal(signal.SIGALRM), period) == (before, 0.0)


def spins(_: Any) -> None:
    while True:
        pass


def sleeps(_: Any) -> None:
    time.sleep(1000)


def counts(_: Any) -> None:
    total = 0
    while True:
        total += len([total])


def swallows(puppet: Any) -> None:
    while True:
        try:  # noqa: SIM105 - what is tested
            counts(puppet)
        except BaseException:  # noqa: BLE001 - what is tested
            pass


def swallows_and_talks(puppet: Any) -> None:
    while True:
        try:
            counts(puppet)
        except BaseException as error:  # noqa: BLE001 - what is tested
            str(error)
            continue


def swallows_twice(puppet: Any) -> None:
    while True:
        try:
            swallows(puppet)
        except BaseException:  # noqa: BLE001 - what is tested
            str(puppet)


def sleeps_and_swallows(_: Any) -> None:
    while True:
        try:  # noqa: SIM105 - what is tested
            time.sleep(1000)
        except BaseException:  # noqa: BLE001 - what is tested
            pass


def calls_the_engine(puppet: Any) -> None:
    while True:
        puppet.position(SYMBOL)
        puppet.buy(SYMBOL, "0.01")


HANGS = (
    spins,
    sleeps,
    counts,
    swallows,
    swallows_and_talks,
    swallows_twice,
    sleeps_and_swallows,
    calls_the_engine,
)


@pytest.mark.parametrize("hang", HANGS)
def test_whatever_a_callback_hangs_in_it_is_interrupted_and_the_others_go_on(hang):
    market = Market(strategies={"bad": Puppet, "good": Puppet})
    resting = market.ask(lambda puppet: puppet.buy(SYMBOL, "0.01", limit=90), name="bad")
    began = time.monotonic()
    with watch(market.engine, DEADLINE):
        market.strategy("good").do = lambda puppet: puppet.buy(SYMBOL, "0.01")
        market.ask(hang, name="bad")
    seconds = time.monotonic() - began
    assert DEADLINE * 0.9 < seconds < LONG
    (alert,) = market.step.alerts
    assert (alert.code, alert.strategy) == (HUNG, "bad")
    assert hang.__name__ in alert.detail
    assert not resting.is_open
    assert market.strategy("good").answer.filled > 0
    assert market.step.fills[0].strategy == "good"
    states = [runner.state for runner in market.engine.strategies.runners.values()]
    assert states == [RunState.FAILED, RunState.RUNNING]


def test_a_long_call_of_c_code_ends_by_itself_and_is_interrupted_then():
    market, sums = Market(), []

    def busy(_: Any) -> None:
        sums.append(sum(range(20_000_000)))  # no signal is looked for in here
        counts(None)

    with watch(market.engine, DEADLINE):
        market.ask(busy)
    assert [alert.code for alert in market.step.alerts] == [HUNG]
    assert len(sums) <= 1


def test_the_time_that_c_code_took_counts():
    """So that the interrupt comes as soon as it returns, not another deadline later."""
    market, after = Market(), []

    def busy(_: Any) -> None:
        for _ in range(3):
            sum(range(20_000_000))
            after.append(1)

    with watch(market.engine, DEADLINE):
        market.ask(busy)
    assert [alert.code for alert in market.step.alerts] == [HUNG]
    assert after == []


def test_many_short_calls_are_no_long_one():
    market = Market()

    def short(_: Any) -> None:
        end = time.monotonic() + DEADLINE / 20
        while time.monotonic() < end:
            pass

    with watch(market.engine, DEADLINE):
        end = time.monotonic() + 5 * DEADLINE
        while time.monotonic() < end:
            market.ask(short)
    assert all(step.alerts == () for step in market.steps)


def test_engine_code_that_takes_long_is_never_interrupted(monkeypatch):
    market = Market()
    desk = market.engine.strategies.runners["puppet"].desk
    last = desk.last

    def slow(symbol: str) -> float | None:
        end = time.monotonic() + 3 * DEADLINE
        while time.monotonic() < end:
            pass
        done.append(symbol)
        return last(symbol)

    # A function of the engine is known by its file.
    done: list[str] = []
    slow.__code__ = slow.__code__.replace(co_filename=desk.last.__code__.co_filename)
    monkeypatch.setattr(desk, "last", slow)

    def ask(puppet: Any) -> None:
        puppet.last(SYMBOL)
        counts(puppet)

    with watch(market.engine, DEADLINE):
        market.ask(ask)
    assert done == [SYMBOL]
    assert [alert.code for alert in market.step.alerts] == [HUNG]
    assert "counts" in market.step.alerts[0].detail or "ask" in market.step.alerts[0].detail


def test_a_time_in_which_the_process_did_not_run_is_not_the_callbacks(monkeypatch):
    """As after SIGSTOP: the steady clock has gone on, the processor time has not."""
    from alphaforge.services import watchdog

    market, looks = Market(), []
    clock = watchdog.SystemClock()
    monkeypatch.setattr(watchdog, "SystemClock", lambda: Jumping(clock.steady_ns, looks))

    def brief(_: Any) -> None:
        known = len(looks)
        while len(looks) < known + 2:
            pass

    with watch(market.engine, 10.0):
        market.ask(brief)
    assert len(looks) > 2
    assert market.step.alerts == ()


class Jumping:
    """A steady clock on which an hour passes between any two looks."""

    def __init__(self, steady_ns: Callable[[], int], looks: list[int]) -> None:
        self._steady_ns = steady_ns
        self._looks = looks

    def steady_ns(self) -> int:
        self._looks.append(self._steady_ns())
        return self._looks[-1] + len(self._looks) * 3600 * SECOND


def test_zero_watches_nothing():
    market = Market()
    with watch(market.engine, 0):
        assert signal.getitimer(signal.ITIMER_REAL)[1] == 0.0
        market.tick(100.0)


async def test_in_another_thread_nothing_is_watched():
    def elsewhere() -> tuple[float, float]:
        with watch(Market().engine, DEADLINE):
            return signal.getitimer(signal.ITIMER_REAL)

    assert (await asyncio.to_thread(elsewhere))[1] == 0.0


def test_two_who_share_the_alarm_are_both_called():
    called: list[str] = []

    def often(frame: object) -> None:
        called.append("often")

    def seldom(frame: object) -> None:
        called.append("seldom")

    alarm.start(often, 0.01)
    alarm.start(seldom, 0.05)
    end = time.monotonic() + LONG
    while called.count("seldom") < 3 and time.monotonic() < end:
        pass
    alarm.end(often)
    alarm.end(seldom)
    assert called.count("seldom") == 3
    assert called.count("often") > called.count("seldom")


# Whole runs -----------------------------------------------------------------------------------

GOOD = """
def on_start(self):
    self.subscribe_bars("BTC/USDT", "1s")

def on_bar(self, bar):
    self.close(bar.symbol) if self.position(bar.symbol).quantity else self.buy(bar.symbol, "0.01")
"""

HANGING = (
    GOOD
    + """
    self.bars = getattr(self, "bars", 0) + 1
    self.log(f"bar {self.bars}")
    if self.bars == 4:
        self.buy(bar.symbol, "7")
        while True:
            pass
"""
)

QUICK = "[engine]\ncallback_seconds = 0.1\n"


async def test_a_run_goes_on_without_the_strategy_that_hung_and_repeats_without_hanging(tmp_path):
    files = [strategy_file(tmp_path, HANGING, "bad"), strategy_file(tmp_path, GOOD, "good")]
    clock, notes = FakeClock(), Notes()
    plan = plan_in(tmp_path, files, speed="10", clock=clock, settings=QUICK)
    outcome = await play(plan._replace(duration_ns=3 * SECOND), clock, notes=notes)
    assert (outcome.status, outcome.error) == (RunStatus.FINISHED, None)
    (alert,) = [alert for alert in notes.alerts if alert.code == HUNG]
    assert alert.strategy == "bad"
    engine = plan.assembly.engine
    assert engine.strategies.runners["bad"].strategy.bars == 4
    assert engine.strategies.runners["good"].state is RunState.STOPPED
    assert int(str(outcome.summary["fills"])) > 10
    began = time.monotonic()
    report = await replay(url_in(tmp_path), plan.record.run_id)
    assert report.difference is None
    assert report.steps > 20
    assert time.monotonic() - began < LONG


async def test_a_run_whose_only_strategy_hung_at_its_start_fails_with_the_users_line(tmp_path):
    body = "def on_start(self):\n    while True:\n        pass\n"
    data = trades_csv(tmp_path, [(n, 100, 1) for n in range(5)])
    plan = plan_in(
        tmp_path, [strategy_file(tmp_path, body)], [data], symbols=["BTC/USDT"], settings=QUICK
    )
    outcome = await play(plan)
    assert outcome.status is RunStatus.FAILED
    assert "bot.py, line " in str(outcome.error)
    assert "on_start did not return within 0.1 s" in str(outcome.error)
    report = await replay(url_in(tmp_path), plan.record.run_id)
    assert (report.difference, report.steps) == (None, 1)


async def test_a_strategy_that_hangs_in_on_stop_does_not_hold_up_the_end(tmp_path):
    body = GOOD + "\ndef on_stop(self):\n    while True:\n        pass\n"
    data = trades_csv(tmp_path, [(n, 100, 1) for n in range(5)])
    plan = plan_in(
        tmp_path, [strategy_file(tmp_path, body)], [data], symbols=["BTC/USDT"], settings=QUICK
    )
    notes = Notes()
    outcome = await play(plan, notes=notes)
    assert [alert.code for alert in notes.alerts] == [HUNG]
    assert (await replay(url_in(tmp_path), plan.record.run_id)).difference is None
    assert outcome.summary["orders_open"] == 0


def test_the_default_is_one_second(tmp_path: Path):
    assert plan_in(tmp_path, [strategy_file(tmp_path, GOOD)]).callback_seconds == 1.0
