"""A wire engine among random events, and its journal: what a process that dies leaves behind.

Events are drawn while the first engine runs, so that they speak of its orders. Nothing here may
judge what the engine does.
"""

import random
from collections import defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from alphaforge import Bar, Fill, Order, Quote, Strategy, Trade
from alphaforge.engine import snapshot
from alphaforge.engine.core import Engine
from alphaforge.engine.recovery import Row
from alphaforge.indicators import ADX, EMA, MACD, VWAP, Bollinger, Donchian, Stochastic
from alphaforge.model.claims import (
    BustReport,
    FillReport,
    OrderStatusReport,
    VenueState,
    VenueStateChanged,
    VenueStatus,
)
from alphaforge.model.commands import (
    BeginEpoch,
    CancelAll,
    Flatten,
    OperatorCancel,
    OperatorModify,
    PlaceOrder,
    RestartStrategy,
    SetRiskState,
    StartSession,
    StartStrategy,
    StopStrategy,
)
from alphaforge.model.enums import InstrumentKind, Liquidity, OrderSide, PendingRequest, RiskState
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import BookDelta, BookSnapshot, FundingRate, VenueTime
from alphaforge.model.reports import (
    AbsenceProved,
    CancelRejected,
    DoubtResolved,
    ModifyRejected,
    OrderModified,
    OrderRejected,
    OutcomeUnknown,
    StateUnknown,
)
from alphaforge.model.settings import AccountSettings, EngineSettings, RiskSettings
from alphaforge.model.step import EMPTY_STEP, Step

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
TAG = "0f3c9a7b21d4e6"


def _instrument(symbol: str, kind: InstrumentKind, **rules: Any) -> Instrument:
    base = symbol.partition("/")[0]
    terms: dict[str, Any] = {
        "price_step": Decimal("0.1"),
        "quantity_step": Decimal("0.001"),
        "min_quantity": Decimal("0.001"),
    }
    return Instrument(
        symbol=symbol, venue="x", kind=kind, base=base, quote="USDT", settle="USDT", **terms | rules
    )


STOPS = ("STOP_MARKET", "STOP_LIMIT", "TRAILING_STOP")
SPOT = _instrument(
    "ETH/USDT",
    InstrumentKind.SPOT,
    unsupported=(*STOPS, "MODIFY", "BRACKET"),
    emulated=(*STOPS, "BRACKET"),
)
PERPETUAL = _instrument(
    "BTC/USDT",
    InstrumentKind.LINEAR,
    multiplier=Decimal("0.01"),
    unsupported=("TRAILING_STOP",),
    emulated=("TRAILING_STOP",),
)
INSTRUMENTS = {each.symbol: each for each in (SPOT, PERPETUAL)}
KINDS = ("1s", "7s", "3-tick", "4-volume", "900-value", "5s@quote")

SETTINGS = EngineSettings(
    client_tag=TAG,
    account=AccountSettings(
        reporting_currency="USDT", cash={"USDT": Decimal(1_000_000), "ETH": Decimal(50)}
    ),
    risk=RiskSettings(max_open_orders=25, max_position_value=Decimal(20_000)),
)


class Busy(Strategy):
    """Trades by dice, and keeps all sorts of things on itself; it saves nothing by itself."""

    seed: int = 1
    appetite: float = 0.2

    def on_start(self) -> None:
        self.dice = random.Random(self.seed)
        self.averages = {symbol: EMA(4) for symbol in INSTRUMENTS}
        self.fast = self.averages["BTC/USDT"]
        self.studies = [Donchian(3), Bollinger(4), MACD(2, 3, 2), ADX(2), Stochastic(3, 2, 2)]
        self.vwap = VWAP()
        self.window: deque[float] = deque(maxlen=5)
        self.bars: deque[Bar] = deque(maxlen=3)
        self.by_status: defaultdict[str, int] = defaultdict(int)
        self.mine: dict[str, Order] = {}
        self.best: tuple[Order, Decimal] | None = None
        self.seen: set[str] = set()
        self.huge = 1 << 90
        self.last_fill: Fill | None = None
        self.pos = self.position("BTC/USDT")
        for symbol in INSTRUMENTS:
            self.subscribe_trades(symbol)
            self.subscribe_quotes(symbol)
            self.subscribe_book(symbol)
            for kind in KINDS:
                self.subscribe_bars(symbol, kind)
        self.timer("tick", 3)
        self.timer("tock", 4.5)

    def on_trade(self, trade: Trade) -> None:
        self.averages[trade.symbol].update(trade.price)
        self.window.append(trade.price)
        self.vwap.update(trade.price, trade.size)
        self._act(trade.symbol, trade.price)

    def on_quote(self, quote: Quote) -> None:
        self.huge += quote.ts
        if not self.huge % 5:
            self._act(quote.symbol, quote.mid)

    def on_bar(self, bar: Bar) -> None:
        self.bars.append(bar)
        for study in self.studies:
            study.update_bar(bar)
        self.log(f"{bar.kind} {bar.close} {self.fast.value} {self.studies[0].value}")
        self._act(bar.symbol, bar.close)

    def on_timer(self, name: str) -> None:
        self.seen.add(name)
        if self.dice.random() < 0.1:
            self.timer(f"{name}+", 5)
        self._act("BTC/USDT", 100.0)

    def on_order(self, order: Order) -> None:
        self.by_status[order.status] += 1
        self.mine[order.order_id] = order
        if order.status == "DENIED" and self.dice.random() < 0.1:
            self.log(f"{order.order_id} {order.reason}")

    def on_fill(self, fill: Fill) -> None:
        self.last_fill = fill
        if self.dice.random() < 0.3:
            self._act(fill.symbol, float(fill.price))

    def _act(self, symbol: str, price: float) -> None:
        dice = self.dice
        if dice.random() > self.appetite:
            return
        verb = dice.choice((self.buy, self.buy, self.sell, self.sell))
        quantity = dice.choice(("0.5", "1", "2.0004", "-1", "1e9"))
        what = dice.randrange(9)
        if what < 3:
            apart = dice.choice((-2.0, -1.04, 1.0, 30.0))
            order = verb(symbol, quantity, limit=round(price + apart, 2), tag=str(what))
            self.best = (order, self.pos.quantity)
        elif what == 3:
            verb(symbol, quantity, take_profit=price + 9, stop_loss=max(price - 9, 1))
        elif what == 4:
            self._stop(verb, symbol, quantity, price)
        elif what == 5:
            self.close(symbol)
        elif what == 6:
            self.signal(symbol, "LONG", 0.5, "dice", size=dice.choice(("none", "auto")))
        else:
            self._change(dice.choice(self.orders(symbol) or [None]), what, price)

    def _stop(self, verb: Callable[..., Order], symbol: str, quantity: str, price: float) -> None:
        dice = self.dice
        apart = dice.choice((-3.0, -1.0, 0.5, 1.0, 3.0))
        kind = dice.randrange(6)
        terms: dict[str, Any] = {"stop": price + apart}
        if kind == 1:
            terms["limit"] = price + 2 * apart
        elif kind > 3:
            terms = {"trail": dice.choice(("1%", "0.5", 2))}
        if dice.random() < 0.3:
            terms["expires"] = self.now + dice.choice((1, 9)) * SECOND
        verb(symbol, quantity, reduce_only=dice.random() < 0.4, **terms)

    def _change(self, order: Order | None, what: int, price: float) -> None:
        if order is None:
            return
        if what == 7:
            self.cancel(order)
        elif order.trigger_price is not None and self.dice.random() < 0.7:
            self.modify(order, stop=price + self.dice.choice((-2, 1)))
        elif order.limit_price is not None:
            self.modify(order, quantity=self.dice.choice((None, "0.25", "3")), limit=price - 1)


class SelfSaving(Busy):
    """The same, but it says itself what it must remember."""

    def on_save(self) -> dict[str, Any]:
        return {"state": list(self.dice.getstate()[1]), "huge": str(self.huge), "at": self.now}

    def on_load(self, state: dict[str, Any]) -> None:
        self.__dict__.update(_fresh(self))
        self.dice.setstate((3, tuple(state["state"]), None))
        self.huge = int(state["huge"])
        self.pos = self.position("BTC/USDT")

    def on_bar(self, bar: Bar) -> None:
        self._act(bar.symbol, bar.close)


def _fresh(strategy: Busy) -> dict[str, Any]:
    """What `on_start` makes, without subscribing."""
    made = Busy()
    for verb in ("subscribe_trades", "subscribe_quotes", "subscribe_book", "subscribe_bars"):
        setattr(made, verb, lambda *_: None)
    made.timer = lambda *_: None  # type: ignore[method-assign]
    made.position = lambda *_: None  # type: ignore[method-assign, assignment, return-value]
    made.on_start()
    names = ("subscribe_trades", "subscribe_quotes", "subscribe_book", "subscribe_bars")
    return {
        name: value
        for name, value in vars(made).items()
        if name not in (*names, "timer", "position")
    }


class Failing(Busy):
    """Raises when it has seen enough."""

    def on_trade(self, trade: Trade) -> None:
        super().on_trade(trade)
        if len(self.mine) > 6:
            raise ValueError("enough")


def busy(seed: int, kind: type[Busy] = Busy) -> Callable[[], Strategy]:
    """A maker of a strategy with this seed."""

    def make() -> Strategy:
        strategy = kind()
        strategy.seed = seed
        return strategy

    return make


def default_strategies(seed: int) -> dict[str, Callable[[], Strategy]]:
    """Two that are saved by their attributes, one that saves itself, one that fails."""
    return {
        "busy": busy(seed),
        "saving": busy(seed + 1, SelfSaving),
        "failing": busy(seed + 2, Failing),
        "other": busy(seed + 3),
    }


def engine_with(strategies: dict[str, Callable[[], Strategy]]) -> Engine:
    """A new wire engine."""
    engine = Engine(SETTINGS, INSTRUMENTS)
    for name, make in strategies.items():
        engine.register(name, make)
    engine.strategies.maker = lambda name, parameters, source: strategies[name]
    return engine


def journaled(step: Step) -> Step | None:
    """A Step as it comes back from the journal."""
    if step is EMPTY_STEP:
        return None
    return msgspec.msgpack.decode(msgspec.msgpack.encode(step), type=Step)


class Life:
    """One engine's life among random events.

    Attributes:
        rows: Its journal.
        snapshots: Taken after so many events.
    """

    def __init__(
        self, seed: int, strategies: dict[str, Callable[[], Strategy]] | None = None
    ) -> None:
        self.strategies = strategies or default_strategies(seed)
        self.engine = engine_with(self.strategies)
        self.rows: list[Row] = []
        self.snapshots: dict[int, bytes] = {}
        self._dice = random.Random(seed)
        self._now = START
        self._prices = dict.fromkeys(INSTRUMENTS, 100.0)
        self._traded = 0
        self._book_id = 0
        for event in (BeginEpoch(1, START), StartSession(START)):
            self.put(event)

    def put(self, event: Any) -> Step:
        """Process and journal one event."""
        step = self.engine.process(event)
        self.rows.append((self.engine.sequence, event, journaled(step)))
        return step

    def run(self, events: int, snapshots: int = 0) -> "Life":
        """Live through so many more events, with a snapshot now and then."""
        for _ in range(events):
            self.put(self._draw())
            if snapshots and self._dice.randrange(events) < snapshots:
                self.snapshots[len(self.rows)] = snapshot.take(self.engine)
        return self

    def _draw(self) -> Any:
        dice = self._dice
        self._now += dice.choice((0, 1, SECOND // 10, SECOND // 3, SECOND))
        kind = dice.random()
        if kind < 0.45:
            return self._trade()
        if kind < 0.6:
            return self._market()
        if kind < 0.62:
            return self._operator()
        if kind < 0.635:
            return self._person()
        return self._report() or self._trade()

    def _trade(self) -> Trade:
        dice, symbol = self._dice, self._dice.choice(list(INSTRUMENTS))
        price = self._prices[symbol] = max(round(self._prices[symbol] + dice.gauss(0, 1), 1), 5.0)
        name = str(dice.randrange(30)) if dice.random() < 0.7 else ""
        ts = self._now - dice.choice((0, 0, 0, SECOND // 2))
        return Trade(symbol, ts, price, dice.choice((0.5, 1.0, 2.25)), None, name, self._now)

    def _market(self) -> Any:
        dice, symbol, now = self._dice, self._dice.choice(list(INSTRUMENTS)), self._now
        price, what = self._prices[symbol], self._dice.randrange(5)
        if what == 0:
            return Quote(symbol, now, price - 0.1, price + 0.1)
        if what == 1:
            self._book_id += 1
            levels = tuple((round(price - 0.1 * n, 1), 1.0) for n in range(1, 5))
            asks = tuple((round(price + 0.1 * n, 1), 2.0) for n in range(1, 5))
            return BookSnapshot(symbol, now, levels, asks, self._book_id)
        if what == 2:
            first = self._book_id + dice.choice((1, 1, 1, 2))
            self._book_id = first
            change = ((round(price - 0.1 * dice.randrange(1, 6), 1), dice.choice((0.0, 3.0))),)
            return BookDelta(symbol, now, change, (), first, first)
        if what == 3:
            return FundingRate("BTC/USDT", now, Decimal("0.0001"))
        return VenueTime("x", now)

    def _operator(self) -> Any:
        dice, now = self._dice, self._now
        name = dice.choice(list(self.strategies))
        return dice.choice(
            (
                CancelAll(now, strategy=name),
                StopStrategy(name, now),
                StartStrategy(name, now),
                StartStrategy(name, now),
                SetRiskState(dice.choice(list(RiskState)), now),
                SetRiskState(RiskState.ACTIVE, now),
                VenueStateChanged("x", dice.choice(list(VenueState)), "dice", now, now),
                VenueStateChanged("x", VenueState.READY, "", now, now),
                BeginEpoch(dice.randrange(9), now),
            )
        )

    def _person(self) -> Any:
        dice, now = self._dice, self._now
        symbol, name = dice.choice(list(INSTRUMENTS)), dice.choice(["manual", *self.strategies])
        working = list(self.engine.execution.orders) or ["o-none"]
        limit = Decimal(str(round(self._prices[symbol] + dice.choice((-3, 2)), 1)))
        side, quantity = dice.choice(list(OrderSide)), Decimal(dice.choice((1, 3)))
        order = Order.limit(symbol, side, quantity, limit, strategy=name)
        return dice.choice(
            (
                PlaceOrder(order, now, "a person"),
                PlaceOrder(replace(order, take_profit=limit * 2, stop_loss=limit / 2), now),
                OperatorCancel(dice.choice(working), now),
                OperatorModify(dice.choice(working), now, limit_price=limit),
                Flatten(now),
                Flatten(now, symbol=symbol, strategy=name),
                RestartStrategy(dice.choice(list(self.strategies)), "{}", "", now),
            )
        )

    def _report(self) -> Any:
        dice, execution = self._dice, self.engine.execution
        if dice.random() < 0.03:
            return self._stranger()
        rows = list(execution.orders.values())
        if execution.closed and dice.random() < 0.15:
            rows = list(execution.closed.values())
        if not rows:
            return None
        order = dice.choice(rows).life.order
        return self._fact(order) if dice.random() < 0.35 else self._claim(order)

    def _fact(self, order: Order) -> Any:
        dice, now, order_id = self._dice, self._now, order.order_id
        version = dice.randrange(1, 4)
        return dice.choice(
            (
                OutcomeUnknown(order_id, "timeout", now, now, dice.choice(list(PendingRequest))),
                StateUnknown(order_id, "gap", now, now),
                DoubtResolved(order_id, order.filled, now, now),
                DoubtResolved(order_id, order.filled, now, now),
                ModifyRejected(order_id, version, "no", now, now),
                OrderModified(order_id, version, None, Decimal("90.5"), None, now, now),
                CancelRejected(order_id, "no", now, now),
                AbsenceProved(order_id, "asked late", now, now),
                OrderRejected(order_id, "no", now, now),
            )
        )

    def _claim(self, order: Order) -> Any:
        dice, now = self._dice, self._now
        venue_id = order.venue_order_id or f"v{order.order_id}"
        named = order.client_order_id if dice.random() < 0.8 else ""
        if dice.random() < 0.5:
            self._traded += 1
            trade_id = f"t{self._traded if dice.random() < 0.9 else dice.randrange(9)}"
            if dice.random() < 0.05:
                return BustReport(order.symbol, trade_id, order.side, now, now)
            part = dice.choice((Decimal(1), Decimal("0.5"), Decimal("0.25")))
            quantity = max(order.leaves, Decimal("0.001")) * part
            return FillReport(
                order.symbol,
                trade_id,
                venue_id,
                order.side,
                quantity,
                order.limit_price or Decimal("100.0"),
                Decimal("0.01"),
                "USDT",
                Liquidity.TAKER,
                now,
                now,
                named,
            )
        return OrderStatusReport(
            order.symbol,
            venue_id,
            dice.choice((VenueStatus.OPEN, *VenueStatus)),
            order.side,
            now,
            now,
            named,
            quantity=order.quantity,
            filled=order.filled,
            limit_price=order.limit_price,
            asked_at=dice.choice((0, now)),
        )

    def _stranger(self) -> OrderStatusReport:
        self._traded += 1
        symbol, account = self._dice.choice(
            (("BTC/USDT", ""), ("BTC/USDT", ""), ("DOGE/USDT", ""), ("BTC/USDT", "theirs"))
        )
        return OrderStatusReport(
            symbol,
            f"s{self._traded}",
            VenueStatus.OPEN,
            OrderSide.BUY,
            self._now,
            self._now,
            f"theirs{self._traded}",
            quantity=Decimal(1),
            filled=Decimal(0),
            limit_price=Decimal(90),
            account=account,
        )
