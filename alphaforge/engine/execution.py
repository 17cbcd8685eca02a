"""The order management system: from a request to what became of it.

Every change of an order goes through `apply`, whether a venue over a wire, the simulated venue or
the gate says so: fold, book, reserve, tell. It must never decide what to trade.
"""

from decimal import Decimal
from typing import Protocol

import msgspec
from msgspec.structs import force_setattr

from alphaforge.engine.brackets import Brackets
from alphaforge.engine.lifecycle import OrderLife
from alphaforge.engine.markets import Markets
from alphaforge.engine.meter import LatencyMeter, now_ns
from alphaforge.engine.portfolio import Portfolio, Position
from alphaforge.engine.risk.exposure import Exposure, Reservation
from alphaforge.engine.risk.gate import RiskGate
from alphaforge.engine.simulated_venue import SimulatedVenue
from alphaforge.engine.timers import Timers
from alphaforge.engine.valuation import Valuation
from alphaforge.model.commands import Approved, ModifyOrder, Refused, SubmitOrder
from alphaforge.model.enums import AlertLevel, OrderSide, OrderStatus, OrderType, PendingRequest
from alphaforge.model.events import (
    Alert,
    CancelRequested,
    FundingPaid,
    ModifyRequested,
    OrderDenied,
    OrderEvent,
    OrderSubmitted,
    RequestDenied,
    Signal,
)
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Trade
from alphaforge.model.numbers import EXACT, ZERO, Number, decimal_of
from alphaforge.model.orders import Fill, Order
from alphaforge.model.reports import OrderFilled, TradeBusted
from alphaforge.model.settings import EngineSettings


# Enum members as module names: looking one up on its class costs ten times as much.
_FILLED = OrderStatus.FILLED
_CANCELED = OrderStatus.CANCELED
_EXPIRED = OrderStatus.EXPIRED
_REJECTED = OrderStatus.REJECTED
_ABSENT = OrderStatus.ABSENT
_BUY = OrderSide.BUY
_SELL = OrderSide.SELL
_CANCEL = PendingRequest.CANCEL
_MARKET = OrderType.MARKET

MOST_LATENCIES = 4096
"""Measured durations kept before they are folded into the histogram."""


class Listener(Protocol):
    """Who is told of what happens to orders: the strategies' manager, or nobody."""

    def order_changed(self, order: Order) -> None:
        """An order's handle shows something new."""
        ...

    def filled(self, fill: Fill, order: Order, position: Position) -> None:
        """A fill was booked; the handle and the position show it already."""
        ...


class WorkingOrder(msgspec.Struct, gc=False, eq=False):
    """A row of the hot table: open orders, and closed ones in doubt."""

    life: OrderLife
    instrument: Instrument
    price: Decimal
    reservation: Reservation | None = None


class Counts(msgspec.Struct):
    """Orders by where they stand ended; what is left of `submitted` works."""

    submitted: int = 0
    denied: int = 0
    filled: int = 0
    canceled: int = 0
    expired: int = 0
    rejected: int = 0
    absent: int = 0
    fills: int = 0


Recorded = OrderEvent | Fill | Approved | Alert | Signal | FundingPaid
"""What an event can leave behind."""


class ExecutionEngine:
    """Orders of all strategies of one account.

    Made without arguments it is a whole small engine for a script: simulated venue, own
    portfolio, unlimited cash, steps of 1e-8, default fees. `Engine` gives it its shared parts.

    Attributes:
        record: What happened since its owner last emptied it, in order.
        orders: Working orders by id, and closed ones in doubt.
        closed: Over a wire, ended orders: a late fill is still theirs. Empty where simulated.
        turnover: Σ value of all fills, by settle currency.
    """

    def __init__(
        self,
        settings: EngineSettings | None = None,
        markets: Markets | None = None,
        venue: SimulatedVenue | None = None,
        timers: Timers | None = None,
    ) -> None:
        settings = settings or EngineSettings()
        account = settings.account
        self.settings = settings
        self.markets = markets if markets is not None else Markets()
        self.timers = timers if timers is not None else Timers()
        self.venue: SimulatedVenue | None = venue
        if markets is None and venue is None:
            self.venue = SimulatedVenue(self.markets, self.timers, settings.simulation)
        self.portfolio = Portfolio(
            account.cash, reporting_currency=account.reporting_currency, account=account.name
        )
        self.valuation = Valuation(self.portfolio, self.markets)
        self.exposure = Exposure()
        self.gate = RiskGate(
            self.markets, self.portfolio, self.valuation, self.exposure, settings.risk, account
        )
        self.brackets = Brackets(self)
        self.listener: Listener | None = None
        self.orders: dict[str, WorkingOrder] = {}
        self.closed: dict[str, WorkingOrder] = {}
        self._doubts: set[str] = set()
        self.counts = Counts()
        self.turnover: dict[str, Decimal] = {}
        self.record: list[Recorded] = []
        self._latency = LatencyMeter()
        self._latencies: list[int] = []
        self._numbered = 0
        if self.venue is not None:
            self.venue.report = self.apply
            self.venue.account = self

    # What a script uses -----------------------------------------------------------------------

    def process_trade(self, trade: Trade) -> None:
        """Let the execution engine see the market, where no `Engine` shares one with it."""
        self.record.clear()
        state = self.markets.find(trade.symbol)
        if state is None:
            return
        self.advance(trade.ts_local)
        if not state.traded:
            state.traded = True
            state.first = trade.price
            state.rearm()
        state.last = trade.price
        if self.venue is not None and (trade.price <= state.low or trade.price >= state.high):
            self.venue.event += 1
            self.venue.on_trade(state, self.now)

    def advance(self, now: int) -> None:
        """Move engine time forward, firing what is due before it."""
        timers = self.timers
        while (due := timers.pop(now)) is not None:
            timers.now = max(timers.now, due[0])
            due[1](timers.now)
        timers.now = max(timers.now, now)

    @property
    def now(self) -> int:
        """Engine time, ns UTC."""
        return self.timers.now

    @property
    def events(self) -> list[OrderEvent]:
        """Order events in the record."""
        others = (Fill, Approved, Alert, Signal, FundingPaid)
        return [each for each in self.record if not isinstance(each, others)]

    @property
    def fills(self) -> list[Fill]:
        """Fills in the record."""
        return [each for each in self.record if isinstance(each, Fill)]

    @property
    def alerts(self) -> list[Alert]:
        """Alerts in the record."""
        return [each for each in self.record if isinstance(each, Alert)]

    @property
    def outgoing(self) -> list[Approved]:
        """What must go over a wire, in the record."""
        return [each for each in self.record if isinstance(each, Approved)]

    @property
    def latency(self) -> LatencyMeter:
        """Time from request to what came of it at once, wall ns; for simulated venues the fill."""
        for duration in self._latencies:
            self._latency.record(duration)
        self._latencies.clear()
        return self._latency

    def position(self, symbol: str, strategy: str = "") -> Position:
        """A strategy's position in a symbol; without a name the account's, over all strategies."""
        state = self.markets.find(symbol)
        if state is None:
            raise KeyError(symbol)
        if strategy:
            return self.portfolio.position(strategy, state.instrument)
        return self.portfolio.account_position(state.instrument)

    def statistics(self) -> dict[str, object]:
        """Counts, value traded, fees and the time from request to booked, so far."""
        counts = self.counts
        return {
            "orders_submitted": counts.submitted,
            "orders_filled": counts.filled,
            "orders_canceled": counts.canceled,
            "orders_expired": counts.expired,
            "orders_rejected": counts.rejected,
            "orders_absent": counts.absent,
            "orders_denied": counts.denied,
            "orders_open": self.open_count,
            "orders_in_doubt": sum(each.life.order.in_doubt for each in self.orders.values()),
            "fills": counts.fills,
            "fill_rate": counts.filled / counts.submitted if counts.submitted else 0.0,
            "volume": dict(self.turnover),
            "fees": dict(self.portfolio.fees_by_currency),
            "latency_us": {
                "p50": self.latency.percentile(50) / 1000 if self.latency.count else None,
                "p99": self.latency.percentile(99) / 1000 if self.latency.count else None,
            },
        }

    @property
    def open_count(self) -> int:
        """Submitted orders that have not ended."""
        counts = self.counts
        ended = counts.filled + counts.canceled + counts.expired + counts.rejected + counts.absent
        return counts.submitted - ended

    # Requests ---------------------------------------------------------------------------------

    def next_id(self) -> str:
        """The next order id, run-local and deterministic."""
        self._numbered += 1
        return f"o-{self._numbered:06d}"

    def deny(self, order: Order, reason: str) -> Order:
        """Refuse an order without asking the gate."""
        return self._deny(OrderLife(order), (reason,))

    def submit(self, order: Order) -> Order:
        """Number an order, judge it, send it if it passes; its handle shows what came of it."""
        started = now_ns()
        if not order.order_id:
            force_setattr(order, "order_id", self.next_id())
            force_setattr(order, "ts", self.timers.now)
        life = OrderLife(order)
        if self._doubts and self._in_doubt_beside(order):
            reason = f"a {order.side} order on {order.symbol} is in doubt"
            return self._deny(life, (reason,))
        judged = self.gate.submit(order, self.now)
        verdict = judged.verdict
        if verdict.__class__ is Refused:
            return self._deny(life, verdict.reasons)  # type: ignore[union-attr]  # its class says so
        terms: SubmitOrder = verdict.command  # type: ignore[union-attr,assignment]  # Approved
        instrument = self.markets.states[order.symbol].instrument
        working = WorkingOrder(life, instrument, judged.price)
        self.orders[order.order_id] = working
        self.counts.submitted += 1
        submitted = OrderSubmitted(terms, self.timers.now)
        self.record.append(submitted)
        life.apply(submitted)
        if self.listener is not None:
            self.listener.order_changed(order)
        self._send(verdict)  # type: ignore[arg-type]  # Approved
        if working.reservation is None and (order.is_open or order.in_doubt):
            self._reserve(working, order.leaves)
        self._latencies.append(now_ns() - started)
        if len(self._latencies) >= MOST_LATENCIES:
            self.latency  # noqa: B018 - folds them into the histogram
        return order

    def _reserve(self, working: WorkingOrder, leaves: Decimal) -> None:
        """Hold back what a working order could still take; one that filled at once never is."""
        order = working.life.order
        reservation = Reservation(
            working.instrument, order.side, working.price, order.reduce_only
        )
        working.reservation = reservation
        self.exposure.open(reservation, leaves)

    def cancel(self, order: Order) -> None:
        """Ask for a working order's end; of one that has ended already, nothing is asked."""
        working = self.orders.get(order.order_id)
        if working is None or not order.is_open:
            reason = f"order is {order.status}"
            self._tell(RequestDenied(order.order_id, (reason,), self.now))
        elif order.pending is not _CANCEL:
            self.apply(CancelRequested(order.order_id, self.now))
            self._send(self.gate.cancel(order, self.now))

    def cancel_all(self, strategy: str = "", symbol: str = "") -> None:
        """Cancel every working order of a strategy and symbol; empty = of all."""
        for working in tuple(self.orders.values()):
            order = working.life.order
            if strategy in ("", order.strategy) and symbol in ("", order.symbol) and order.is_open:
                self.cancel(order)

    def modify(
        self,
        order: Order,
        quantity: Number | None = None,
        limit: Number | None = None,
        stop: Number | None = None,
    ) -> None:
        """Ask for new terms of a working order; a refusal arrives as `RequestDenied`."""
        working = self.orders.get(order.order_id)
        if working is None or not order.is_open:
            reason = f"order is {order.status}"
            self._tell(RequestDenied(order.order_id, (reason,), self.now))
            return
        request = ModifyOrder(
            order.order_id,
            working.life.requested_version + 1,
            None if quantity is None else decimal_of(quantity),
            None if limit is None else decimal_of(limit),
            None if stop is None else decimal_of(stop),
        )
        self._release(working)
        judged = self.gate.modify(order, request, self.now)
        verdict = judged.verdict
        if isinstance(verdict, Refused):
            self._reserve(working, order.leaves)
            self._tell(RequestDenied(order.order_id, verdict.reasons, self.now))
            return
        self._reserve_worst(working, verdict, judged.price)
        self.apply(ModifyRequested(order.order_id, request.version, self.now))
        self._send(verdict)

    def _reserve_worst(self, working: WorkingOrder, approved: Approved, price: Decimal) -> None:
        """Until the venue answers, the larger of the old and the new terms is held back."""
        order = working.life.order
        asked = approved.command.quantity if isinstance(approved.command, ModifyOrder) else None
        leaves = order.leaves if asked is None else max(order.leaves, asked - order.filled)
        working.price = max(working.price, price)
        self._reserve(working, leaves)

    def _release(self, working: WorkingOrder) -> None:
        if working.reservation is not None:
            self.exposure.close(working.reservation)
            working.reservation = None

    def _in_doubt_beside(self, order: Order) -> bool:
        """Whether a same-side order of the strategy on the symbol has an unknown outcome."""
        beside = (self.orders[order_id].life.order for order_id in self._doubts)
        return any(
            other.symbol == order.symbol
            and other.side is order.side
            and other.strategy == order.strategy
            for other in beside
        )

    def _deny(self, life: OrderLife, reasons: tuple[str, ...]) -> Order:
        self.counts.denied += 1
        order = life.order
        event = OrderDenied(_terms_as_asked(order), reasons, self.now)
        self.record.append(event)
        life.apply(event)
        if self.listener is not None:
            self.listener.order_changed(order)
        return order

    def _send(self, approved: Approved) -> None:
        if self.venue is not None:
            self.venue.send(approved)
        else:
            self.record.append(approved)

    def _tell(self, event: OrderEvent) -> None:
        self.record.append(event)

    # Facts ------------------------------------------------------------------------------------

    def apply(self, event: OrderEvent) -> None:
        """Take one fact about an order: fold it, book a new fill, bring everything up to it."""
        self.record.append(event)
        order_id = event.order_id
        working = self.orders.get(order_id) or self.closed.get(order_id)
        if working is None:
            self._report_of_unknown(event)
            return
        life = working.life
        order = life.order
        filled = order.filled
        ended_as = None if order.is_open else order.status
        anomalies = life.anomalies
        if not life.apply(event):
            return
        if life.anomalies is not anomalies:
            self._alert_anomaly(working)
        fill = self._book(working, event) if order.filled is not filled else None
        self._keep(working, ended_as)
        listener = self.listener
        if listener is not None:
            if fill is None:
                listener.order_changed(order)
            else:
                position = self.portfolio.position(order.strategy, working.instrument)
                listener.filled(fill, order, position)
        if fill is not None or not order.is_open:
            if self.brackets.protects or order.take_profit or order.stop_loss:
                self.brackets.after(order, fill)

    def _book(self, working: WorkingOrder, event: OrderEvent) -> Fill | None:
        """Book an execution, or take a busted one back."""
        report = event if isinstance(event, OrderFilled) else self._reversal(working, event)
        if report is None:
            return None
        order = working.life.order
        instrument = working.instrument
        side = order.side
        if report is not event:
            side = _SELL if side is _BUY else _BUY
        fill = self.portfolio.book(order.strategy, instrument, side, report)
        self.record.append(fill)
        self.counts.fills += 1
        currency = instrument.settle
        self.turnover[currency] = EXACT.add(self.turnover.get(currency, ZERO), fill.value)
        return fill

    def _reversal(self, working: WorkingOrder, event: OrderEvent) -> OrderFilled | None:
        """The opposite execution of a busted trade: at its price, giving its fee back."""
        if not isinstance(event, TradeBusted):
            return None
        order = working.life.order
        execution = (working.life.executions or {}).get(event.trade_id)
        if execution is None:
            return None
        return OrderFilled(
            order.order_id,
            order.venue_order_id,
            f"bust-{event.trade_id}",
            execution.quantity,
            execution.price,
            EXACT.minus(execution.fee),
            execution.fee_currency,
            execution.liquidity,
            event.ts,
            event.ts_local,
        )

    def _keep(self, working: WorkingOrder, ended_as: OrderStatus | None) -> None:
        """Bring reservation, counters and the hot table up to the order's view.

        `ended_as` is where the order had ended before this change; None if it was open.
        """
        order = working.life.order
        order_id = order.order_id
        if order.in_doubt:
            self._doubts.add(order_id)
        elif self._doubts:
            self._doubts.discard(order_id)
        if order.is_open or order.in_doubt:
            if self.closed and self.closed.pop(order_id, None) is not None:
                self.orders[order_id] = working
            if working.reservation is not None:
                self.exposure.change(working.reservation, order.leaves)
        elif order_id in self.orders:
            self._release(working)
            del self.orders[order_id]
            if self.venue is None:
                self.closed[order_id] = working
        ends_as = None if order.is_open else order.status
        if ends_as is not ended_as:
            self._count(ended_as, -1)
            self._count(ends_as, 1)

    def _count(self, status: OrderStatus | None, change: int) -> None:
        counts = self.counts
        if status is _FILLED:
            counts.filled += change
        elif status is _CANCELED:
            counts.canceled += change
        elif status is _EXPIRED:
            counts.expired += change
        elif status is _REJECTED:
            counts.rejected += change
        elif status is _ABSENT:
            counts.absent += change

    def _report_of_unknown(self, event: OrderEvent) -> None:
        """A report about an order that is not in the hot table is never dropped silently."""
        message = (
            f"a {type(event).__name__} came for order {event.order_id}, which is not working here"
        )
        self.alert("unknown-order", message)

    def _alert_anomaly(self, working: WorkingOrder) -> None:
        order = working.life.order
        message = f"order {order.order_id} on {order.symbol}: {working.life.anomalies[-1]}"
        self.alert("order-anomaly", message, order.strategy, order.symbol)

    def alert(self, code: str, message: str, strategy: str = "", symbol: str = "") -> None:
        """Say something a person should know."""
        self.record.append(
            Alert(AlertLevel.WARNING, code, message, self.now, strategy=strategy, symbol=symbol)
        )

    # What the simulated venue asks ------------------------------------------------------------

    def reducible(self, terms: SubmitOrder) -> Decimal:
        """How much of the strategy's position a reduce-only order may still take off."""
        instrument = self.markets.states[terms.symbol].instrument
        held = self.portfolio.position(terms.strategy, instrument).quantity
        return max(-held if terms.side is _BUY else held, ZERO)

    def affordable(self, terms: SubmitOrder, quantity: Decimal, price: Decimal) -> bool:
        """Whether the account can pay for, or deliver, a fill."""
        return self.gate.affordable(terms, quantity, price)

    # Looking ----------------------------------------------------------------------------------

    def working(self, strategy: str = "", symbol: str = "") -> list[Order]:
        """Open orders of a strategy and symbol, in the order submitted; empty = all."""
        found = (each.life.order for each in self.orders.values())
        return [
            order
            for order in found
            if strategy in ("", order.strategy) and symbol in ("", order.symbol) and order.is_open
        ]

    def closing(self, strategy: str, symbol: str) -> Order | None:
        """The strategy's reduce-only market order already working towards flat, if there is one."""
        for order in self.working(strategy, symbol):
            if order.reduce_only and order.order_type is _MARKET:
                return order
        return None

    def instrument(self, symbol: str) -> Instrument:
        """Rules of a symbol that an order was accepted for."""
        return self.markets.states[symbol].instrument


def _terms_as_asked(order: Order) -> SubmitOrder:
    """The terms of an order that never reached the grid."""
    return SubmitOrder(
        order.order_id,
        order.symbol,
        order.strategy,
        order.side,
        order.order_type,
        order.quantity,
        order.limit_price,
        order.trigger_price,
        order.trail,
        order.trail_pct,
        order.tif,
        order.expires,
        order.post_only,
        order.reduce_only,
        order.client_order_id,
    )
