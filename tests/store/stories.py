"""Steps as an engine would make them: a desk that trades through the real portfolio."""

from decimal import Decimal

from alphaforge.engine.portfolio import Portfolio
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import (
    AlertLevel,
    InstrumentKind,
    Liquidity,
    OrderSide,
    OrderType,
)
from alphaforge.model.events import Alert, OrderDenied, OrderEvent, OrderSubmitted, Signal
from alphaforge.model.instrument import Instrument
from alphaforge.model.orders import Fill
from alphaforge.model.reports import OrderAccepted, OrderCanceled, OrderFilled
from alphaforge.model.step import Step
from alphaforge.store.records import DataSource, RunRecord, StrategySource

SECOND = 1_000_000_000
START = 1_723_075_200 * SECOND

SPOT = Instrument(symbol="BTC/USDT", venue="binanceusdm", base="BTC", quote="USDT", settle="USDT")
INVERSE = Instrument(
    symbol="BTC/USD:BTC",
    venue="binancecoinm",
    kind=InstrumentKind.INVERSE,
    base="BTC",
    quote="USD",
    settle="BTC",
    multiplier=Decimal(100),
)


def record(run_id: str = "20261120-091500-k3f", started: int = START) -> RunRecord:
    return RunRecord(
        run_id=run_id,
        mode="paper",
        venue="binanceusdm",
        account="paper",
        strategies=(StrategySource("sma_cross", "strategies/sma_cross.py", "x = 1\n", "ab" * 32),),
        parameters={"sma_cross": {"fast": 5, "quantity": "0.01"}},
        settings={"account": {"cash": {"USDT": "10000"}}},
        data=(DataSource(0, "feed.jsonl.gz", "cd" * 32, "binance"),),
        instruments=(SPOT, INVERSE),
        seed=7,
        started=started,
    )


class Desk:
    """Numbers the events, keeps the portfolio and says what each action's Step is."""

    def __init__(self, strategy: str = "sma_cross") -> None:
        self.strategy = strategy
        self.portfolio = Portfolio(account="paper")
        self.sequence = 0
        self.orders = 0

    def step(self, *events: OrderEvent, fills: tuple[Fill, ...] = ()) -> Step:
        return Step(self.sequence, self.now, events, fills)

    @property
    def now(self) -> int:
        return START + self.sequence * SECOND

    def next_order(self) -> str:
        self.orders += 1
        return f"o-{self.orders:06d}"

    def terms(self, order_id: str, side: OrderSide, quantity: str, symbol: str) -> SubmitOrder:
        return SubmitOrder(
            order_id,
            symbol,
            self.strategy,
            side,
            OrderType.LIMIT,
            Decimal(quantity),
            limit_price=Decimal("61000.50"),
        )

    def rest(self, side: OrderSide, quantity: str, instrument: Instrument = SPOT) -> Step:
        """An order that is accepted and rests."""
        self.sequence += 1
        order_id = self.next_order()
        terms = self.terms(order_id, side, quantity, instrument.symbol)
        accepted = OrderAccepted(order_id, f"v-{order_id[2:]}", self.now, self.now)
        return self.step(OrderSubmitted(terms, self.now), accepted)

    def fill(
        self,
        order_id: str,
        side: OrderSide,
        quantity: str,
        price: str,
        instrument: Instrument = SPOT,
    ) -> Step:
        """An execution of an order that exists."""
        self.sequence += 1
        value = instrument.notional(Decimal(quantity), Decimal(price))
        report = OrderFilled(
            order_id,
            f"v-{order_id[2:]}",
            f"t-{self.sequence:06d}",
            Decimal(quantity),
            Decimal(price),
            instrument.fee(value, Decimal("0.001")),
            instrument.settle,
            Liquidity.TAKER,
            self.now,
            self.now,
        )
        booked = self.portfolio.book(self.strategy, instrument, side, report)
        return self.step(report, fills=(booked,))

    def trade(
        self, side: OrderSide, quantity: str, price: str, instrument: Instrument = SPOT
    ) -> list[Step]:
        """An order that rests and is then filled whole."""
        resting = self.rest(side, quantity, instrument)
        return [resting, self.fill(f"o-{self.orders:06d}", side, quantity, price, instrument)]

    def cancel(self, order_id: str, reason: str = "by the strategy") -> Step:
        self.sequence += 1
        return self.step(OrderCanceled(order_id, reason, self.now, self.now))

    def deny(self, *reasons: str, quantity: str = "1") -> Step:
        self.sequence += 1
        terms = self.terms(self.next_order(), OrderSide.BUY, quantity, SPOT.symbol)
        return self.step(OrderDenied(terms, reasons, self.now))

    def warn(self, message: str) -> Step:
        """An alert and a signal, and nothing about orders."""
        self.sequence += 1
        alert = Alert(AlertLevel.WARNING, "overfill", message, self.now, self.strategy)
        signal = Signal("s-1", self.strategy, SPOT.symbol, "LONG", 0.5, "up", "", self.now)
        return Step(self.sequence, self.now, alerts=(alert,), signals=(signal,))


def day(desk: Desk) -> list[Step]:
    """A little of everything."""
    steps = desk.trade(OrderSide.BUY, "0.5", "61000.1")
    steps += desk.trade(OrderSide.SELL, "0.2", "61010.7")
    steps.append(desk.rest(OrderSide.BUY, "2"))
    working = f"o-{desk.orders:06d}"
    steps.append(desk.fill(working, OrderSide.BUY, "0.75", "60999.9"))
    steps.append(desk.cancel(working))
    steps.append(desk.deny("order value 999 is above 500", "risk is HALTED"))
    steps.append(desk.warn("a late fill on a closed order"))
    steps += desk.trade(OrderSide.SELL, "10", "61001", INVERSE)
    steps += desk.trade(OrderSide.BUY, "25", "60500", INVERSE)
    steps.append(desk.fill(working, OrderSide.BUY, "0.1", "60999"))
    return steps
