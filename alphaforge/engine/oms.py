"""The order management system: from a request to what leaves for a venue.

What comes back is the table's business (`engine/order_table.py`). It must never decide what to
trade.
"""

from decimal import Decimal

from msgspec.structs import force_setattr

from alphaforge.engine.brackets import Brackets
from alphaforge.engine.emulation import Emulation
from alphaforge.engine.held_terms import is_emulated, released_terms
from alphaforge.engine.lifecycle import OrderLife
from alphaforge.engine.markets import Markets
from alphaforge.engine.meter import LatencyMeter, now_ns
from alphaforge.engine.order_table import OrderTable
from alphaforge.engine.simulated_venue import SimulatedVenue
from alphaforge.engine.timers import Timers
from alphaforge.engine.working import OrderNumbers, WorkingOrder, is_beside, terms_as_asked
from alphaforge.errors import InternalError, UsageError
from alphaforge.model.commands import Approved, ModifyOrder, Refused, SubmitOrder
from alphaforge.model.enums import (
    InstrumentKind,
    OrderStatus,
    OrderType,
    PendingRequest,
    RiskState,
)
from alphaforge.model.events import (
    CancelRequested,
    HeldModified,
    ModifyRequested,
    OrderDenied,
    OrderHeld,
    OrderReleased,
    OrderSubmitted,
    RequestDenied,
)
from alphaforge.model.numbers import EXACT, ZERO, Number, decimal_of
from alphaforge.model.orders import Order
from alphaforge.model.reports import OrderCanceled
from alphaforge.model.settings import EngineSettings

# Enum members as module names: looking one up on its class costs ten times as much.
_SPOT = InstrumentKind.SPOT
_INITIALIZED, _CANCEL = OrderStatus.INITIALIZED, PendingRequest.CANCEL

NEVER_SENT = "canceled before its trigger: never sent"

ALL_MEASURED, SAMPLE_MASK = 4_096, 15
"""The first so many orders are timed, then one in sixteen."""


class OrderManagement(OrderTable):
    """Asks for orders, cancels and modifications of one account, through its risk gate.

    Attributes:
        latency: Wall ns from a request to what came of it at once; where simulated, the fill.
    """

    def __init__(
        self,
        settings: EngineSettings,
        markets: Markets,
        timers: Timers,
        venue: SimulatedVenue | None,
    ) -> None:
        super().__init__(settings, markets, timers, venue)
        self.brackets = Brackets(self)
        self.latency = LatencyMeter()
        self.numbers = OrderNumbers()
        if venue is None:
            self.emulation = Emulation(self, markets, timers)

    def next_id(self, strategy: str = "") -> str:
        """The next order id, run-local and deterministic."""
        return f"o-{self.numbers.next(strategy):06d}"

    def deny(self, order: Order, reason: str) -> Order:
        """Refuse an order without asking the gate."""
        return self._deny(OrderLife(order), (reason,))

    def submit(self, order: Order) -> Order:  # noqa: PLR0912 - perf: orders
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
            reason = "" if order.parent_id and self.holds(order) else self.why_not_now(order)
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
        if self.emulation is not None and self.gate.holds(order, instrument):
            return self._hold(working, verdict, self.emulation)  # type: ignore[arg-type]  # Approved
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

    def holds(self, order: Order) -> bool:
        """Whether an order, once submitted, waits here for its trigger."""
        return self.emulation is not None and is_emulated(order, self.instrument(order.symbol))

    def has_triggered(self, order: Order) -> bool:
        """Whether the trigger of an order that was held here was reached."""
        return self.emulation is not None and self.emulation.has_triggered(order)

    def _hold(self, working: WorkingOrder, approved: Approved, emulation: Emulation) -> Order:
        """Keep an order here until its trigger; it counts as working from now on."""
        terms = approved.command
        if not isinstance(terms, SubmitOrder):
            raise InternalError("only a new order can be held")
        life, order = working.life, working.life.order
        held = OrderHeld(terms, self.now)
        self.record.append(held)
        life.apply(held)
        if self.claims is not None:
            self.claims.sent(approved)
        if self.listener is not None:
            self.listener.order_changed(order)
        self._reserve(working, order.leaves)
        emulation.hold(terms)
        return order

    def cancel(self, order: Order) -> None:
        """Ask for a working order's end; of one that has ended already, nothing is asked."""
        working = self.orders.get(order.order_id)
        if working is None or not order.is_open:
            self._refuse(order, f"order is {order.status}")
        elif order.pending is not _CANCEL or order.in_doubt:
            approved = self.gate.cancel(order, self.now)
            if approved is not None:
                held = order.is_held
                self.apply(CancelRequested(order.order_id, self.now))
                if held:
                    self.apply(OrderCanceled(order.order_id, NEVER_SENT, self.now, self.now))
                else:
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
        reason = ""
        if self.claims is not None and not order.is_held:
            reason = self.claims.why_not_modify(order)
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
        if order.is_held:
            self._change_held(verdict)
        else:
            self._send(verdict)

    def _change_held(self, approved: Approved) -> None:
        """What never left takes new terms at once."""
        command, now = approved.command, self.now
        if isinstance(command, ModifyOrder) and self.emulation is not None:
            terms = command.quantity, command.limit_price, command.trigger_price
            self.apply(HeldModified(command.order_id, command.version, *terms, now))
            self.emulation.change(command)

    def _refuse(self, order: Order, *reasons: str) -> None:
        """Say why a request does not leave; the handle of an order that works says it, too."""
        denied = RequestDenied(order.order_id, reasons, self.now)
        self.record.append(denied)
        working = self.orders.get(order.order_id)
        if working is not None:
            working.life.apply(denied)
            if self.listener is not None and order.is_open:
                self.listener.order_changed(order)

    # Held orders ------------------------------------------------------------------------------

    def why_wait(self, order: Order) -> str:
        """Why a held order whose trigger was reached may not leave now; empty if it may."""
        if self.gate.state is RiskState.HALTED:
            return "trading is HALTED"
        why = self.why_not_now(order)
        if why or not order.reduce_only or self.instrument(order.symbol).kind is not _SPOT:
            return why
        on_its_way = self._on_its_way(order)
        if on_its_way and EXACT.subtract(self._reducible(order), on_its_way) < order.quantity:
            return "an order that sells the same holding is on its way"
        return ""

    def rival(self, order: Order) -> Order | None:
        """The take-profit that must be out of the market before a spot bracket's stop may leave."""
        return self.brackets.rival(order)

    def reached(self, order: Order) -> None:
        """A bracket's entry that still works has no use once its stop is reached."""
        entry = self.brackets.open_entry(order)
        if entry is not None:
            self.cancel(entry)

    def _reducible(self, order: Order) -> Decimal:
        """How much of the strategy's position an order may still take off."""
        return self.reducible(terms_as_asked(order))

    def _on_its_way(self, order: Order) -> Decimal:
        """What market orders that left may still take off the position that an order reduces."""
        others = (each.life.order for each in self.orders.values() if each.life.facts)
        return sum(
            (
                other.leaves
                for other in others
                if (other.emulated or other.order_type is OrderType.MARKET)
                and (other.symbol, other.side, other.strategy)
                == (order.symbol, order.side, order.strategy)
            ),
            ZERO,
        )

    def release(self, working: WorkingOrder) -> None:
        """Send what a held order becomes; a reduce-only one is cut to the position."""
        order, quantity, now = working.life.order, working.life.order.quantity, self.now
        if order.reduce_only:
            quantity = working.instrument.quantity_floor(min(quantity, self._reducible(order)))
            if quantity < working.instrument.min_quantity or not quantity:
                reason = f"never sent: no {order.symbol} position to reduce"
                self.apply(OrderCanceled(order.order_id, reason, now, now))
                return
        approved = self.gate.release(released_terms(order, quantity), now)
        if approved is None or not isinstance(approved.command, SubmitOrder):
            return
        terms = approved.command
        if terms.quantity != order.quantity:
            version = max(working.life.requested_version, working.life.version) + 1
            self.apply(HeldModified(order.order_id, version, terms.quantity, None, None, now))
        self.apply(OrderReleased(terms, now))
        self._send(approved)

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
