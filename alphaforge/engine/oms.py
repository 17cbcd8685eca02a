"""The order management system: from a request to what became of it.

Every change of an order goes through `apply`, whether a venue over a wire, the simulated venue or
the gate says so: fold, book, reserve, tell. It must never decide what to trade.
"""

from decimal import Decimal

from msgspec.structs import force_setattr

from alphaforge.engine.brackets import Brackets
from alphaforge.engine.claim_state import KEEP_CLOSED
from alphaforge.engine.claims import ClaimBook
from alphaforge.engine.lifecycle import OrderLife
from alphaforge.engine.markets import Markets
from alphaforge.engine.meter import LatencyMeter, now_ns
from alphaforge.engine.portfolio import Portfolio
from alphaforge.engine.risk.exposure import Exposure, Reservation
from alphaforge.engine.risk.gate import RiskGate
from alphaforge.engine.simulated_venue import SimulatedVenue
from alphaforge.engine.timers import Timers
from alphaforge.engine.valuation import Valuation
from alphaforge.engine.working import (
    Counts,
    Listener,
    OrderNumbers,
    Recorded,
    WorkingOrder,
    is_beside,
    reversal,
    terms_as_asked,
)
from alphaforge.errors import UsageError
from alphaforge.model.commands import Approved, ModifyOrder, Refused, SubmitOrder
from alphaforge.model.enums import AlertLevel, OrderSide, OrderStatus, PendingRequest
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
from alphaforge.model.numbers import EXACT, ZERO, Number, decimal_of
from alphaforge.model.orders import Fill, Order
from alphaforge.model.reports import CancelRejected, ModifyRejected, OrderFilled
from alphaforge.model.settings import EngineSettings

# Enum members as module names: looking one up on its class costs ten times as much.
_BUY, _SELL = OrderSide.BUY, OrderSide.SELL
_INITIALIZED, _CANCEL = OrderStatus.INITIALIZED, PendingRequest.CANCEL

ALL_MEASURED, SAMPLE_MASK = 4_096, 15
"""The first so many orders are timed, then one in sixteen."""


class OrderManagement:
    """Orders of all strategies of one account, with its portfolio, risk gate and brackets.

    Attributes:
        record: What happened since its owner last emptied it, in order.
        mixed: More than order events and fills is in it.
        orders: Working orders by id, and closed ones in doubt.
        closed: Over a wire, ended orders: a late fill is still theirs. Empty where simulated.
        doubtful: Ids of the orders in doubt.
        latency: Wall ns from a request to what came of it at once; where simulated, the fill.
    """

    def __init__(
        self,
        settings: EngineSettings,
        markets: Markets,
        timers: Timers,
        venue: SimulatedVenue | None,
    ) -> None:
        account = settings.account
        self.settings = settings
        self.markets = markets
        self.timers = timers
        self.venue = venue
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
        self.doubtful: set[str] = set()
        self.counts = Counts()
        self.record: list[Recorded] = []
        self.mixed = False
        self.latency = LatencyMeter()
        self.numbers = OrderNumbers()
        self.claims: ClaimBook | None = None
        if venue is not None:
            venue.report = self.apply
            venue.account = self

    @property
    def now(self) -> int:
        """Engine time, ns UTC."""
        return self.timers.now

    def next_id(self, strategy: str = "") -> str:
        """The next order id, run-local and deterministic."""
        return f"o-{self.numbers.next(strategy):06d}"

    def deny(self, order: Order, reason: str) -> Order:
        """Refuse an order without asking the gate."""
        return self._deny(OrderLife(order), (reason,))

    def submit(self, order: Order) -> Order:
        """Number an order, judge it, send it if it passes; its handle shows what came of it."""
        number = self.numbers.taken
        started = now_ns() if number < ALL_MEASURED or not number & SAMPLE_MASK else 0
        if not order.order_id:
            force_setattr(order, "order_id", self.next_id(order.strategy))
            force_setattr(order, "ts", self.timers.now)
        elif order.status is not _INITIALIZED:
            message = f"order {order.order_id} was submitted already and is {order.status}"
            raise UsageError(message, remedy="make a new order for every submit")
        life = OrderLife(order)
        if self.doubtful or self.claims is not None:
            reason = self.why_not_now(order)
            if reason:
                return self._deny(life, (reason,))
            self._name(order)
        judged = self.gate.submit(order, self.timers.now)
        verdict = judged.verdict
        if verdict.__class__ is Refused:
            return self._deny(life, verdict.reasons)  # type: ignore[union-attr]  # its class says so
        terms: SubmitOrder = verdict.command  # type: ignore[union-attr,assignment]  # Approved
        instrument = self.markets.states[order.symbol].instrument
        position = self.portfolio.position(order.strategy, instrument)
        working = WorkingOrder(life, instrument, position, judged.price)
        self.orders[order.order_id] = working
        self.counts.submitted += 1
        submitted = OrderSubmitted(terms, self.timers.now)
        self.record.append(submitted)
        life.apply(submitted)
        listener = self.listener
        if listener is not None and (listener.hears_orders or order.parent_id):
            listener.order_changed(order)
        self._send(verdict)  # type: ignore[arg-type]  # Approved
        if working.reservation is None and (order.is_open or order.in_doubt):
            self._reserve(working, order.leaves)
        if started:
            self.latency.record(now_ns() - started)
        return order

    def _reserve(self, working: WorkingOrder, leaves: Decimal) -> None:
        """Hold back what a working order could still take; one that filled at once never is."""
        order = working.life.order
        reservation = Reservation(working.instrument, order.side, working.price, order.reduce_only)
        working.reservation = reservation
        self.exposure.open(reservation, leaves)

    def cancel(self, order: Order) -> None:
        """Ask for a working order's end; of one that has ended already, nothing is asked."""
        working = self.orders.get(order.order_id)
        if working is None or not order.is_open:
            self._refuse(order, f"order is {order.status}")
        elif order.pending is not _CANCEL or order.in_doubt:
            approved = self.gate.cancel(order, self.now)
            if approved is not None:
                self.apply(CancelRequested(order.order_id, self.now))
                self._send(approved)

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
            self._refuse(order, f"order is {order.status}")
            return
        request = ModifyOrder(
            order.order_id,
            max(working.life.requested_version, working.life.version) + 1,
            None if quantity is None else decimal_of(quantity),
            None if limit is None else decimal_of(limit),
            None if stop is None else decimal_of(stop),
        )
        reason = self.claims.why_not_modify(order) if self.claims is not None else ""
        if reason:
            self._refuse(order, reason)
            return
        self._release(working)
        judged = self.gate.modify(order, request, self.now)
        verdict = judged.verdict
        if isinstance(verdict, Refused):
            self._reserve(working, working.worst)
            self._refuse(order, *verdict.reasons)
            return
        self._reserve_worst(working, verdict, judged.price)
        self.apply(ModifyRequested(order.order_id, request.version, self.now))
        self._send(verdict)

    def _refuse(self, order: Order, *reasons: str) -> None:
        self.record.append(RequestDenied(order.order_id, reasons, self.now))

    def _reserve_worst(self, working: WorkingOrder, approved: Approved, price: Decimal) -> None:
        """Until the venue answers, the larger of the old and the new terms is held back."""
        command = approved.command
        asked = command.quantity if isinstance(command, ModifyOrder) else None
        working.asked = max(working.asked, asked or working.life.order.quantity)
        working.price = max(working.price, price)
        self._reserve(working, working.worst)

    def _settle_terms(self, working: WorkingOrder) -> None:
        """The last modification asked for has its answer: hold back what the terms now need."""
        order = working.life.order
        working.asked = ZERO
        working.price = order.limit_price or order.trigger_price or working.price
        if working.reservation is not None:
            self._release(working)
            self._reserve(working, order.leaves)

    def _release(self, working: WorkingOrder) -> None:
        if working.reservation is not None:
            self.exposure.close(working.reservation)
            working.reservation = None

    def _name(self, order: Order) -> None:
        if self.claims is not None:
            self.claims.name(order)

    def why_not_now(self, order: Order) -> str:
        """Why nothing of the kind may leave now, whatever its terms; empty if it may."""
        if self.doubtful and is_beside(order, (self.orders[each] for each in self.doubtful)):
            return f"a {order.side} order on {order.symbol} is in doubt"
        return self.claims.why_not(order.symbol) if self.claims is not None else ""

    def _deny(self, life: OrderLife, reasons: tuple[str, ...]) -> Order:
        self.counts.denied += 1
        order = life.order
        event = OrderDenied(terms_as_asked(order), reasons, self.now)
        self.record.append(event)
        life.apply(event)
        if self.listener is not None:
            self.listener.order_changed(order)
        return order

    def _send(self, approved: Approved) -> None:
        if self.venue is not None:
            self.venue.send(approved)
        elif self.claims is not None:
            self.claims.sent(approved)
            self.leave(approved)

    def apply(self, report: OrderEvent) -> None:  # noqa: PLR0912 - perf: orders
        """Take one fact about an order: fold it, book a new fill, bring everything up to it."""
        self.record.append(report)
        order_id = report.order_id
        working = self.orders.get(order_id)
        if working is None and self.closed:
            working = self.closed.get(order_id)
        if working is None:
            self._report_of_unknown(report)
            return
        life = working.life
        order = life.order
        filled = order.filled
        ended_as = None if order.is_open else order.status
        anomalies = life.anomalies
        if not life.apply(report):
            return
        if life.anomalies is not anomalies:
            self._alert_anomalies(working, anomalies)
        fill = self._book(working, report) if order.filled is not filled else None
        if not (order.is_open and life.plain):
            self._keep(working, ended_as)
        listener = self.listener
        if listener is not None:
            if fill is not None:
                listener.filled(fill, order, working.position)
            elif listener.hears_orders or not order.is_open:
                listener.order_changed(order)
        protected = self.brackets.by_order or order.take_profit or order.stop_loss
        if protected and (fill is not None or not order.is_open):
            self.brackets.after(order, fill)

    def _book(self, working: WorkingOrder, event: OrderEvent) -> Fill | None:
        """Book an execution, or take a busted one back."""
        report = event if isinstance(event, OrderFilled) else reversal(working.life, event)
        if report is None:
            return None
        order = working.life.order
        side = order.side
        if report is not event:
            side = _SELL if side is _BUY else _BUY
        fill = self.portfolio.book_into(working.position, side, report)
        self.record.append(fill)
        self.counts.fills += 1
        return fill

    def _keep(self, working: WorkingOrder, ended_as: OrderStatus | None) -> None:
        """Bring reservation, counters and the hot table up to the order's view.

        `ended_as` is where the order had ended before this change; None if it was open.
        """
        order = working.life.order
        order_id = order.order_id
        if order.in_doubt:
            self.doubtful.add(order_id)
        elif self.doubtful:
            self.doubtful.discard(order_id)
        if order.is_open or order.in_doubt or (working.asked and working.may_grow):
            if working.reservation is not None or self.closed or working.asked:
                self._keep_open(working)
        elif order_id in self.orders:
            if working.reservation is not None:
                self._release(working)
            del self.orders[order_id]
            if self.claims is not None:
                self._keep_closed(order_id, working, self.claims)
        ends_as = None if order.is_open else order.status
        if ends_as is not ended_as:
            self.counts.move(ended_as, ends_as)

    def _keep_closed(self, order_id: str, working: WorkingOrder, claims: ClaimBook) -> None:
        """Over a wire a late fill may come: so many ended orders are kept for it, at least."""
        closed = self.closed
        closed[order_id] = working
        while len(closed) > KEEP_CLOSED:
            oldest = next(iter(closed))
            if not claims.is_past(closed[oldest], self.orders.values()):
                return
            claims.forget(closed.pop(oldest))

    def _keep_open(self, working: WorkingOrder) -> None:
        """Hold back what the order may still take; one that came back to life is hot again."""
        order_id = working.life.order.order_id
        if self.closed and self.closed.pop(order_id, None) is not None:
            self.orders[order_id] = working
            self._reserve(working, working.life.order.leaves)
        if working.asked and not working.life.modifications:
            self._settle_terms(working)
        if working.reservation is not None:
            self.exposure.change(working.reservation, working.worst)

    def _report_of_unknown(self, event: OrderEvent) -> None:
        """Only a simulated venue's no to a request that its order's end overtook is no alarm."""
        if self.venue is None or not isinstance(event, CancelRejected | ModifyRejected):
            message = (
                f"a {type(event).__name__} came for {event.order_id}, which does not work here"
            )
            self.alert("unknown-order", message)

    def _alert_anomalies(self, working: WorkingOrder, known: tuple[str, ...]) -> None:
        order = working.life.order
        for anomaly in working.life.anomalies:
            if anomaly not in known:
                message = f"order {order.order_id} on {order.symbol}: {anomaly}"
                self.alert("order-anomaly", message, order.strategy, order.symbol)

    def alert(self, code: str, message: str, strategy: str = "", symbol: str = "") -> None:
        """Say something a person should know."""
        self.leave(
            Alert(AlertLevel.WARNING, code, message, self.now, strategy=strategy, symbol=symbol)
        )

    def leave(self, item: Approved | Alert | Signal | FundingPaid) -> None:
        """Record something that is neither an order event nor a fill."""
        self.record.append(item)
        self.mixed = True

    def reducible(self, terms: SubmitOrder) -> Decimal:
        """How much of the strategy's position a reduce-only order may still take off."""
        instrument = self.markets.states[terms.symbol].instrument
        held = self.portfolio.position(terms.strategy, instrument).quantity
        return max(EXACT.minus(held) if terms.side is _BUY else held, ZERO)

    def affordable(self, terms: SubmitOrder, quantity: Decimal, price: Decimal) -> bool:
        """Whether the account can pay for, or deliver, a fill."""
        return self.gate.affordable(terms, quantity, price)

    def instrument(self, symbol: str) -> Instrument:
        """Rules of a symbol that an order was accepted for."""
        return self.markets.states[symbol].instrument
