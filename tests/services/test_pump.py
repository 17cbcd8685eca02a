"""The pump: short turns, nothing before its time, and every row after what led to it."""

from typing import Any, cast

from alphaforge.engine.build import simulate
from alphaforge.engine.strategy import Strategy
from alphaforge.engine.timers import FAR
from alphaforge.marketdata.synthetic import SyntheticMarket
from alphaforge.model.commands import StartSession
from alphaforge.model.market import Trade
from alphaforge.services.feed import SyntheticFeed
from alphaforge.services.pump import TURN_NS, Pump
from alphaforge.services.run_journal import RunJournal
from alphaforge.services.sampling import EquitySampler
from tests.services.running import SECOND, START, FakeClock

STEP_NS = TURN_NS // 10


class Ticking(FakeClock):
    """Every look at it takes a tenth of a turn."""

    def steady_ns(self) -> int:
        self.now += STEP_NS
        return self.now


class Book:
    """A journal that only notes which row came when."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int]] = []

    def input(self, sequence: int, event: object) -> None:
        self.rows.append(("input", sequence))

    def market(self, sequence: int, event: object) -> None:
        self.rows.append(("market", sequence))

    def step(self, step: Any) -> None:
        self.rows.append(("step", step.sequence))

    def equity(self, sequence: int, ts: int, amounts: object) -> None:
        self.rows.append(("equity", sequence))


class Buyer(Strategy):
    def on_start(self) -> None:
        self.subscribe_trades("BTC/USDT")

    def on_trade(self, trade: Trade) -> None:
        self.buy("BTC/USDT", "0.01")


def pump_of(*strategies: type[Strategy], go_on: bool = True) -> tuple[Pump, Book, Any]:
    market = SyntheticMarket(("BTC/USDT",), 1, START)
    engine = simulate(None, market.instruments)
    for strategy in strategies:
        engine.register(strategy.__name__, strategy)
    book = Book()
    sampler = EquitySampler(engine, book.equity, on_bars=False)
    journal = cast("RunJournal", book)
    return Pump(engine, SyntheticFeed(market), journal, sampler, lambda step: go_on), book, engine


def test_a_turn_ends_after_about_its_time_however_much_there_is():
    pump, _, engine = pump_of()
    clock = Ticking()
    pump.turn(clock, FAR)
    assert clock.now - START <= TURN_NS + 2 * STEP_NS
    assert 0 < engine.sequence <= 10 * 32


def test_nothing_of_its_time_or_later_is_fed():
    pump, _, engine = pump_of()
    until = START + 5 * SECOND
    pump.turn(FakeClock(), until)
    assert engine.execution.now < until <= pump.next_ts
    before = engine.sequence
    pump.turn(FakeClock(), until)
    assert engine.sequence == before
    pump.turn(FakeClock(), pump.next_ts + 1)
    assert engine.sequence == before + 1


def test_every_event_is_recorded_before_what_was_decided_on_it():
    pump, book, engine = pump_of(Buyer)
    pump.input(StartSession(START))
    pump.turn(FakeClock(), START + 2 * SECOND)
    rows = [row for row in book.rows if row[0] != "equity"]
    assert rows[0] == ("input", 1)
    assert [number for kind, number in rows if kind == "market"] == list(
        range(2, engine.sequence + 1)
    )
    steps = [place for place, (kind, _) in enumerate(rows) if kind == "step"]
    assert steps
    assert all(rows[place - 1] == ("market", rows[place][1]) for place in steps)


def test_whoever_looks_on_can_end_the_turn_at_a_step():
    pump, book, engine = pump_of(Buyer, go_on=False)
    pump.input(StartSession(START))
    pump.turn(FakeClock(), START + 60 * SECOND)
    assert [kind for kind, _ in book.rows].count("step") == 1
    assert book.rows[-2:] == [("step", engine.sequence), ("equity", engine.sequence)]
