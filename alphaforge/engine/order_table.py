"""The table of orders: what is told of an order changes it, and everything that hangs on it.

Every change of an order goes through `apply`, whether a venue over a wire, the simulated venue or
the gate says so: fold, book, reserve, tell. It must never ask anything of a venue.
"""

from decimal import Decimal

from alphaforge.engine.brackets import Brackets
from alphaforge.engine.claim_state import KEEP_CLOSED
from alphaforge.engine.claims import ClaimBook
from alphaforge.engine.emulation import Emulation
from alphaforge.engine.markets import Markets
from alphaforge.engine.portfolio import Portfolio
from alphaforge.engine.risk.exposure import Exposure, Reservation
from alphaforge.engine.risk.gate import RiskGate
from alphaforge.engine.simulated_venue import SimulatedVenue
from alphaforge.engine.timers import Timers
from alphaforge.engine.valuation import Valuation
from alphaforge.engine.working import Counts, Listener, Recorded, WorkingOrder, reversal
from alphaforge.model.commands import Approved, ModifyOrder, SubmitOrder
from alphaforge.model.enums import AlertLevel, OrderSide, OrderStatus
from alphaforge.model.events import Alert, FundingPaid, OrderEvent, Signal
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.model.orders import Fill
from alphaforge.model.reports import CancelRejected, ModifyRejected, OrderFilled
from alphaforge.model.settings import EngineSettings

# Enum members as module names: looking one up on its class costs ten times as much.
_BUY, _SELL = OrderSide.BUY, OrderSide.SELL


class OrderTable:
    """Orders of all strategies of one account, with its portfolio and risk gate.

    Attributes:
        record: What happened since its owner last emptied it, in order.
        mixed: More than order events and fills is in it.
        orders: Working orders by id, and closed ones in doubt.
        closed: Over a wire, ended orders: a late fill is still theirs. Empty where simulated.
        doubtful: Ids of the orders in doubt.
        brackets: Told of every fill and end, where there are any.
        emulation: Holds the stops that a venue over a wire has not; None where simulated.
    """

    brackets: Brackets
    emulation: Emulation | None = None

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
        self.listener: Listener | None = None
        self.orders: dict[str, WorkingOrder] = {}
        self.closed: dict[str, WorkingOrder] = {}
        self.doubtful: set[str] = set()
        self.counts = Counts()
        self.record: list[Recorded] = []
        self.mixed = False
        self.claims: ClaimBook | None = None
        if venue is not None:
            venue.report = self.apply
            venue.account = self

    @property
    def now(self) -> int:
        """Engine time, ns UTC."""
        return self.timers.now

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
        if order.in_doubt or self.doubtful or order.emulated:
            self._follow(working, ended_as)
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

    def _follow(self, working: WorkingOrder, ended_as: OrderStatus | None) -> None:
        """Note whether an order is in doubt, and whether it is held no longer."""
        order = working.life.order
        if order.in_doubt:
            self.doubtful.add(order.order_id)
        else:
            self.doubtful.discard(order.order_id)
        if order.emulated and self.emulation is not None:
            self.emulation.moved(working, ended_as)

    def _keep_closed(self, order_id: str, working: WorkingOrder, claims: ClaimBook) -> None:
        """Over a wire a late fill may come: so many ended orders are kept for it, at least.

        Two are let go for each that comes: all that became too old at once would hold the engine.
        """
        closed = self.closed
        closed[order_id] = working
        for _ in range(min(2, len(closed) - KEEP_CLOSED)):
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

    def _reserve(self, working: WorkingOrder, leaves: Decimal) -> None:
        """Hold back what a working order could still take; one that filled at once never is."""
        order = working.life.order
        reservation = Reservation(working.instrument, order.side, working.price, order.reduce_only)
        working.reservation = reservation
        self.exposure.open(reservation, leaves)

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
