"""Runs order scripts through the engine and through the reference, and sets both side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from hypothesis import assume

from alphaforge import Strategy
from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine
from alphaforge.model.commands import StartSession, StopSession
from alphaforge.model.enums import AccountType, FillTiming, InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, BarOpen, MarketEvent, Quote, Trade
from alphaforge.model.orders import Fill, Order
from alphaforge.model.settings import AccountSettings, EngineSettings, SimulationSettings
from tests.research.reference import (
    Account,
    Ask,
    BarRow,
    Cancel,
    Change,
    Done,
    Script,
    on_bars,
)
from tests.research.reference_ticks import Tick, on_ticks

SYMBOL = "BTC/USDT"
CASH = Decimal(10) ** 12


class Outcome(NamedTuple):
    """What a run came to, comparable."""

    fills: list[Done]
    quote: Decimal
    base: Decimal


class Scripted(Strategy):
    """Issues the orders of a script when the n-th bar, or the n-th tick, was seen."""

    script: Mapping[int, Sequence[Ask | Cancel | Change]]
    kind: str

    def on_start(self) -> None:
        self.seen = -1
        self.made: dict[str, Order] = {}
        if self.kind:
            self.subscribe_bars(SYMBOL, self.kind)
        else:
            self.subscribe_trades(SYMBOL)
            self.subscribe_quotes(SYMBOL)

    def on_bar(self, bar: Bar) -> None:
        self.step()

    def on_trade(self, trade: Trade) -> None:
        self.step()

    def on_quote(self, quote: Quote) -> None:
        self.step()

    def change(self, order: Order, action: Cancel | Change) -> None:
        if isinstance(action, Cancel):
            self.cancel(order)
        else:
            self.modify(order, limit=action.limit)

    def step(self) -> None:
        self.seen += 1
        for action in self.script.get(self.seen, ()):
            if not isinstance(action, Ask):
                order = self.made.get(action.key)
                if order is not None and order.is_open:
                    self.change(order, action)
                continue
            verb = self.buy if action.side > 0 else self.sell
            self.made[action.key] = verb(
                SYMBOL,
                action.quantity,
                limit=action.limit,
                stop=action.stop,
                take_profit=action.take_profit,
                stop_loss=action.stop_loss,
                expires=action.expires or None,
                post_only=action.post_only,
                tif=action.tif,
            )


def spot(maker: str = "0.0002", taker: str = "0.001", step: str = "0.01") -> Instrument:
    """The market of the scripts."""
    return Instrument(
        symbol=SYMBOL,
        kind=InstrumentKind.SPOT,
        base="BTC",
        quote="USDT",
        settle="USDT",
        price_step=Decimal(step),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        maker_fee=Decimal(maker),
        taker_fee=Decimal(taker),
    )


def settings(
    *,
    cash: Decimal = CASH,
    account: AccountType = AccountType.MARGIN,
    at_close: bool = False,
    currency: str = "USDT",
    latency: int = 0,
) -> EngineSettings:
    """An account that can pay for everything, unless asked otherwise."""
    timing = FillTiming.CLOSE if at_close else FillTiming.NEXT_OPEN
    return EngineSettings(
        account=AccountSettings(name="backtest", cash={currency: cash}, account_type=account),
        simulation=SimulationSettings(fill_timing=timing, latency_ns=latency),
    )


def engine_run(
    events: Iterable[MarketEvent],
    script: Script,
    instrument: Instrument,
    chosen: EngineSettings,
    *,
    kind: str = "",
) -> tuple[Outcome, list[Fill], Engine]:
    """Feed the events to an engine with the script's strategy; `kind` of bars, if they are bars."""
    engine = simulate(chosen, {SYMBOL: instrument}, {SYMBOL: kind} if kind else None)

    def make() -> Scripted:
        strategy = Scripted()
        strategy.script, strategy.kind = script, kind
        return strategy

    runner = engine.register("scripted", make)
    fills = list(engine.process(StartSession(0)).fills)
    for event in events:
        fills += engine.process(event).fills
    fills += engine.process(StopSession(engine.execution.now)).fills
    assert runner.error is None, runner.error
    portfolio = engine.portfolio
    outcome = Outcome(
        sorted(
            Done(
                each.ts,
                1 if each.side == "BUY" else -1,
                each.quantity,
                each.price,
                each.fee,
                str(each.liquidity),
            )
            for each in fills
        ),
        portfolio.balance(instrument.quote),
        portfolio.balance(instrument.base),
    )
    return outcome, fills, engine


def reference_run(
    run: Callable[[Account], None], instrument: Instrument, cash: Decimal = CASH
) -> Outcome:
    """The same by the reference."""
    account = Account(cash, instrument.maker_fee, instrument.taker_fee)
    run(account)
    return Outcome(sorted(account.fills), account.quote, account.base)


def bar_events(rows: Sequence[BarRow]) -> Iterable[MarketEvent]:
    """Each row as its two inputs."""
    for row in rows:
        prices = [float(price) for price in row[2:]]
        yield BarOpen(SYMBOL, row.begin, prices[0])
        yield Bar(SYMBOL, "1m", row.end, row.begin, *prices, 1.0)


def tick_events(ticks: Sequence[Tick]) -> Iterable[MarketEvent]:
    """Each tick as a trade or a quote."""
    for tick in ticks:
        if tick.ask is None:
            yield Trade(SYMBOL, tick.ts, float(tick.bid), 1.0)
        else:
            yield Quote(SYMBOL, tick.ts, float(tick.bid), float(tick.ask))


def check_bars(
    rows: Sequence[BarRow],
    script: Script,
    instrument: Instrument,
    *,
    at_close: bool = False,
    cash: Decimal = CASH,
) -> list[Fill]:
    """Assert that both agree; the engine's fills, in its order. Less cash is all there is."""
    kind = AccountType.MARGIN if cash == CASH else AccountType.CASH
    chosen = settings(cash=cash, account=kind, at_close=at_close)
    found, fills, _ = engine_run(bar_events(rows), script, instrument, chosen, kind="1m")

    def run(account: Account) -> None:
        account.cash_only = kind is AccountType.CASH
        on_bars(rows, script, account, at_close=at_close)
        if account.cash_only:
            assume(not account.by_a_hair)

    assert found == reference_run(run, instrument, cash)
    return fills


def check_ticks(
    ticks: Sequence[Tick], script: Script, instrument: Instrument, latency: int = 0
) -> list[Fill]:
    """Assert that both agree; the engine's fills, in its order."""
    chosen = settings(latency=latency)
    found, fills, _ = engine_run(tick_events(ticks), script, instrument, chosen)

    def run(account: Account) -> None:
        on_ticks(ticks, script, account, latency)

    assert found == reference_run(run, instrument)
    return fills
