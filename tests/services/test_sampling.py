"""When the account is sampled: each close of bars once, each minute of ticks once, each fill."""

from decimal import Decimal
from functools import partial

import pytest

from alphaforge.engine.build import simulate
from alphaforge.engine.strategy import Strategy
from alphaforge.model.commands import StartSession
from alphaforge.model.instrument import default_instrument
from alphaforge.model.market import Bar, BarOpen, Trade
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.services.sampling import EquitySampler

MINUTE = 60_000_000_000
START = 1_700_000_040_000_000_000
"""A whole minute."""


class Buyer(Strategy):
    symbol: str = "A/USD"

    def on_start(self) -> None:
        self.subscribe_bars(self.symbol, "1m")

    def on_bar(self, bar: Bar) -> None:
        if not self.position(self.symbol).quantity:
            self.buy(self.symbol, 1)


class Desk:
    """An engine, a sampler, and what it kept: (sequence, seconds after the start, equity)."""

    def __init__(self, *symbols: str, on_bars: bool, cash: str = "1000") -> None:
        account = AccountSettings(cash={"USD": Decimal(cash)}, reporting_currency="USD")
        instruments = {symbol: default_instrument(symbol) for symbol in symbols}
        kinds = dict.fromkeys(symbols, "1m") if on_bars else None
        self.engine = simulate(EngineSettings(account=account), instruments, kinds)
        self.kept: list[tuple[int, float, Decimal]] = []
        self.sampler = EquitySampler(self.engine, self._keep, on_bars=on_bars)

    def _keep(self, sequence: int, ts: int, amounts: tuple[Decimal, Decimal, Decimal]) -> None:
        self.kept.append((sequence, (ts - START) / 1e9, amounts[0]))

    def feed(self, *events: Bar | BarOpen | Trade) -> None:
        for event in events:
            if event.ts_local >= self.sampler.due:
                self.sampler.before(event)
            self.sampler.after(self.engine.process(event))


def bar_of(symbol: str, number: int, price: float) -> tuple[BarOpen, Bar]:
    opened, end = START + number * MINUTE, START + (number + 1) * MINUTE
    bar = Bar(symbol, "1m", end, opened, price, price + 1, price - 1, price + 0.5, 10)
    return BarOpen(symbol, opened, price), bar


def test_bars_that_close_together_are_one_sample():
    desk = Desk("A/USD", "B/USD", on_bars=True)
    for number in range(3):
        (open_a, bar_a), (open_b, bar_b) = bar_of("A/USD", number, 10), bar_of("B/USD", number, 20)
        desk.feed(open_a, open_b, bar_a, bar_b)
    desk.sampler.finish()
    # At the start, after both bars of the first and of the second minute, at the end.
    assert [(sequence, at) for sequence, at, _ in desk.kept] == [
        (0, 0),
        (4, 60),
        (8, 120),
        (12, 180),
    ]


def test_a_close_is_sampled_before_the_next_open_fills():
    desk = Desk("A/USD", on_bars=True)
    desk.engine.register("buyer", Buyer)
    desk.engine.process(StartSession(START))
    desk.feed(*bar_of("A/USD", 0, 10), *bar_of("A/USD", 1, 20))
    desk.sampler.finish()
    assert [(at, equity) for _, at, equity in desk.kept] == [
        (0, 1000),
        (60, 1000),  # the order decided on this close is not filled yet
        (60, Decimal(1000) - Decimal("0.02")),  # its fill at the next open: the fee
        (120, Decimal("1000.5") - Decimal("0.02")),
    ]


def test_ticks_are_sampled_each_minute_as_the_account_stood_then():
    desk = Desk("A/USD", on_bars=False)
    ticks = [Trade("A/USD", START + second * 1_000_000_000, 10, 1) for second in (1, 59, 61, 250)]
    desk.feed(*ticks)
    assert [(sequence, at) for sequence, at, _ in desk.kept] == [(0, 1), (2, 60), (3, 120)]


def test_a_start_balance_without_a_price_waits_for_one():
    account = AccountSettings(cash={"USD": Decimal(5), "A": Decimal(2)}, reporting_currency="USD")
    desk = Desk("A/USD", on_bars=False)
    desk.engine = simulate(EngineSettings(account=account), {"A/USD": default_instrument("A/USD")})
    desk.sampler = EquitySampler(desk.engine, desk._keep, on_bars=False)
    desk.feed(*[Trade("A/USD", START + second, 10, 1) for second in (1, 2)])
    assert [(sequence, equity) for sequence, _, equity in desk.kept] == [(1, 25)]


class Swing(Strategy):
    """In and out again, of every symbol, every few bars."""

    symbols: tuple[str, ...] = ("A/USD",)

    def on_start(self) -> None:
        self.bars = 0
        for symbol in self.symbols:
            self.subscribe_bars(symbol, "1m")

    def on_bar(self, bar: Bar) -> None:
        self.bars += 1
        if self.bars % 7 in {2, 3}:
            self.buy(bar.symbol, 1)
        elif self.bars % 7 == 5:
            self.close(bar.symbol)


@pytest.mark.parametrize("symbols", [("A/USD",), ("A/USD", "B/USD"), ("A/USD", "A/EUR", "EUR/USD")])
def test_samples_that_are_not_read_again_are_what_reading_again_would_give(symbols):
    desk = Desk(*symbols, on_bars=True, cash="100000")
    desk.engine.register("swing", partial(_swing, symbols))
    desk.engine.process(StartSession(START))
    wrong: list[float] = []
    read = desk.sampler._keep

    def compare(sequence: int, ts: int, amounts: tuple[Decimal, Decimal, Decimal]) -> None:
        account, cash = desk.engine.valuation.account(), desk.engine.valuation.cash_value()
        if amounts != (account.equity, cash, account.unrealized_pnl):
            wrong.append((ts - START) / 1e9)
        read(sequence, ts, amounts)

    desk.sampler._keep = compare
    for number in range(60):
        bars = [bar_of(symbol, number, 10 + number * 7 % 5) for symbol in symbols]
        desk.feed(*(opened for opened, _ in bars), *(closed for _, closed in bars))
    desk.sampler.finish()
    assert desk.engine.execution.counts.fills > 20
    assert len({equity for _, _, equity in desk.kept}) > 20
    assert not wrong


def _swing(symbols: tuple[str, ...]) -> Strategy:
    strategy = Swing()
    strategy.symbols = symbols
    return strategy


def test_an_account_that_holds_nothing_is_not_read_again(monkeypatch):
    desk = Desk("A/USD", on_bars=True)
    desk.feed(*bar_of("A/USD", 0, 10), *bar_of("A/USD", 1, 20))
    reads: list[int] = []
    monkeypatch.setattr(desk.engine.valuation, "account", lambda: reads.append(1))
    desk.feed(*bar_of("A/USD", 2, 30), *bar_of("A/USD", 3, 40))
    assert len(desk.kept) == 4
    assert not reads
