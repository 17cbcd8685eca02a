"""What the engine may take for certain: checked after every Step against what really is.

I16 what ended stays ended; I17 nothing is certain, and nothing new is decided, before all was read;
I18 an order is its strategy's also if its intent was lost; I19 nothing is sent beside its like in
doubt; I20 what is not answered, or was not asked about since a restart, is in doubt; I21 no trigger
is missed, and no holding sold twice; and of I1 and I7 the parts that need the past. Must never look
at how the engine knows.
"""

from typing import Any

from msgspec.structs import astuple

from alphaforge.engine.claim_facts import ADOPTED, EXTERNAL
from alphaforge.engine.core import Engine
from alphaforge.engine.order_facts import executed
from alphaforge.model.claims import FillReport, OrderStatusReport, VenueState, VenueStateChanged
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderSide, OrderStatus
from alphaforge.model.events import ModifyRequested, OrderReleased, OrderSubmitted
from alphaforge.model.orders import Order
from alphaforge.model.reports import CancelRejected, ModifyRejected, StateUnknown
from alphaforge.model.step import Step
from tests.fake_venue.account import Order as VenueOrder
from tests.fake_venue.terms import UNKNOWN_ORDER
from tests.simulation.invariants import ZERO, Violation, Watch
from tests.simulation.network import Network


class Beliefs:
    """Looks at what each Step takes for true."""

    def __init__(self, network: Network, watch: Watch) -> None:
        self._network = network
        self._watch = watch
        self._ended: dict[str, OrderStatus] = {}
        self._doubtful: set[str] = set()
        self._began = 0
        self._passed_over = False
        self._unproved: set[str] = set()
        self._silent: dict[str, float] = {}
        self._refused: dict[str, float] = {}
        self._decided: dict[str, float] = {}
        self._still_until = -1.0
        self._reached: set[str] = set()
        self._inner = network.on_leave
        network.on_leave = self.leaves
        network.on_gap = self.gap
        network.on_silence = self.silence

    def recovered(self, engine: Engine) -> None:
        """A new process knows what its journal knows."""
        self._ended.clear()
        self._doubtful = set(engine.execution.doubtful)
        self._began = self._network.venue_now()
        rows = engine.execution.orders.items()
        emulation = engine.execution.emulation
        self._reached = set(emulation.waiting) if emulation is not None else set()
        self._unproved = {order_id for order_id, row in rows if not row.life.order.is_held}
        self._silent.clear()
        self._refused.clear()

    def stood_still(self) -> None:
        """The process stood still for longer than its lease, until now."""
        self._still_until = self._network.loop.time()

    def leaves(self, kind: str, command: Any) -> None:
        """I7: what was decided before the process stood still does not leave after it."""
        self._inner(kind, command)
        client_id = getattr(command, "client_order_id", "")
        if kind == "submit":
            self._has_the_holding_to_itself(command)
        if kind == "submit" and self._decided.get(client_id, 0.0) < self._still_until:
            raise Violation(f"I7: decided before the process stood still, sent after it: {command}")

    def gap(self, is_told: bool) -> None:
        """I17: once it knows of a gap, the engine is certain of nothing."""
        engine = self._watch.engine
        claims = engine.execution.claims if engine is not None else None
        if claims is None:
            return
        if not is_told:
            self._passed_over = not claims.state.venue_states
        elif self._passed_over:
            raise Violation("I17: a gap in the stream was passed over")

    def silence(self, command: SubmitOrder) -> None:
        """A new order was answered with nothing that proves anything."""
        self._silent[command.order_id] = self._network.loop.time()

    def stepped(self, engine: Engine, event: object, step: Step) -> None:
        """Look at what one event led to."""
        if isinstance(event, VenueStateChanged):
            if event.state is VenueState.READY:
                self._everything_is_read(engine, event.venue)
                self._nothing_is_old(engine)
            else:
                self._passed_over = False
        if isinstance(event, OrderStatusReport):
            self._ends_with_its_fills(engine, event)
        execution = engine.execution
        if self._silent:
            self._is_doubted(engine)
        self._doubts_what_was_refused(engine, event)
        for order_id in dict.fromkeys(each.order_id for each in step.events):
            working = execution.orders.get(order_id) or execution.closed.get(order_id)
            if working is not None:
                self._stands(working.life.order)
        self._decides(engine, event, step)
        self._wakes(engine, step)

    def _stands(self, order: Order) -> None:
        if not order.in_doubt:
            self._unproved.discard(order.order_id)
        self._is_owned(order)
        self._has_grown(order)
        self._stays_ended(order)

    def _is_doubted(self, engine: Engine) -> None:
        """I20: an order whose request had no outcome is in doubt until the venue speaks of it."""
        now = self._network.loop.time()
        for order_id, at in [each for each in self._silent.items() if each[1] < now]:
            del self._silent[order_id]
            working = engine.execution.orders.get(order_id)
            if working is None:
                continue
            order = working.life.order
            if order.status is OrderStatus.SUBMITTED and not order.in_doubt:
                raise Violation(f"I20: nobody doubts {order_id}, unanswered since {at:.3f} s")

    def _doubts_what_was_refused(self, engine: Engine, event: object) -> None:
        """I20: a request refused because the venue knows no such order proves nothing of it."""
        now = self._network.loop.time()
        for order_id in [each for each, at in self._refused.items() if at < now]:
            del self._refused[order_id]
            working = engine.execution.orders.get(order_id)
            if working is not None and working.life.order.is_open:
                raise Violation(f"I20: nobody doubts {order_id}, whose request was refused")
        if isinstance(event, StateUnknown):
            self._refused.pop(event.order_id, None)
        elif isinstance(event, CancelRejected | ModifyRejected) and event.reason.startswith(
            UNKNOWN_ORDER
        ):
            self._refused[event.order_id] = now

    @staticmethod
    def _has_grown(order: Order) -> None:
        """I2: an adopted order is at least as large as what was filled of it."""
        if order.order_id.startswith(ADOPTED) and order.filled > order.quantity:
            raise Violation(f"I2: {order.order_id} is {order.quantity}, filled {order.filled}")

    def _nothing_is_old(self, engine: Engine) -> None:
        """I20: after a restart, each order is in doubt until it was proved how it stands."""
        execution = engine.execution
        for order_id in sorted(self._unproved):
            working = execution.orders.get(order_id)
            if working is not None and not working.life.order.in_doubt:
                raise Violation(f"I20: nobody doubted {order_id} since the restart")
        self._unproved.clear()

    def _is_owned(self, order: Order) -> None:
        if not order.client_order_id or not order.order_id.startswith(ADOPTED):
            return
        sent = self._watch.left.get(order.client_order_id)
        strategy = sent.strategy if sent is not None else EXTERNAL
        if order.strategy != strategy:
            raise Violation(f"I18: {order.order_id} is {strategy}'s, not {order.strategy}'s")

    def _stays_ended(self, order: Order) -> None:
        before = self._ended.get(order.order_id)
        if before is not None and order.is_open:
            raise Violation(f"I16: {order.order_id} was {before} and is {order.status} again")
        if order.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED) and not order.in_doubt:
            self._ended[order.order_id] = order.status

    def _ends_with_its_fills(self, engine: Engine, claim: OrderStatusReport) -> None:
        """I1: an order does not end for good before we hold every fill that the venue counts."""
        execution = engine.execution
        if execution.claims is None or claim.account not in ("", self._network.account):
            return
        order_id = execution.claims.order_of(claim) or ""
        working = execution.orders.get(order_id) or execution.closed.get(order_id)
        if working is None or order_id.startswith(ADOPTED):
            return
        order, held = working.life.order, executed(working.life)
        if order.is_open or order.in_doubt or held >= (claim.filled or ZERO):
            return
        if not self._was_busted(claim):
            raise Violation(
                f"I1: {order_id} is {order.status} for good with {held} filled here, "
                f"the venue said {claim.filled}"
            )

    def _was_busted(self, claim: OrderStatusReport) -> bool:
        owner = self._network.exchange.accounts[self._network.account]
        order: VenueOrder | None = owner.by_venue.get(claim.venue_order_id)
        return order is None or any(
            trade.trade_id in owner.busted and trade.venue_order_id == order.venue_order_id
            for trade in owner.trades
        )

    def _everything_is_read(self, engine: Engine, venue: str) -> None:
        """Every trade up to the cursor, and from before the start, is booked or waits."""
        claims = engine.execution.claims
        if claims is None:
            return
        state, owner = claims.state, self._network.exchange.accounts[self._network.account]
        known = max(state.cursors.get(venue, 0), self._began - self._network.lag_ns)
        since = state.since.get(venue, 0)
        waiting = {each.trade_id for each in state.waiting if isinstance(each, FillReport)}
        booked = self._watch.books.trades
        for trade in owner.trades:
            if not since <= trade.ts <= known or trade.trade_id in owner.busted:
                continue
            key = (trade.symbol, trade.trade_id, str(trade.side))
            if key not in booked and trade.trade_id not in waiting:
                raise Violation(
                    f"I17: {venue} is READY and {trade.trade_id} of {trade.ts} is not booked, "
                    f"though everything up to {known} should be"
                )

    def _decides(self, engine: Engine, event: object, step: Step) -> None:
        execution = engine.execution
        held = execution.claims.state.venue_states if execution.claims is not None else {}
        doubtful = {
            order.order_id: (order.strategy, order.symbol, order.side)
            for order in (
                execution.orders[each].life.order for each in self._doubtful & execution.doubtful
            )
        }
        for each in step.events:
            if not isinstance(each, OrderSubmitted | OrderReleased | ModifyRequested):
                continue
            if isinstance(each, ModifyRequested) and self._never_left(engine, each.order_id):
                continue  # new terms of what is held take effect here
            if held and not isinstance(event, VenueStateChanged):
                raise Violation(f"I17: decided while the venue is {held}: {astuple(each)}")
            if isinstance(each, OrderSubmitted | OrderReleased):
                terms = each.terms
                self._decided[terms.client_order_id] = self._network.loop.time()
                if (terms.strategy, terms.symbol, terms.side) in doubtful.values():
                    raise Violation(f"I19: sent while its like is in doubt ({doubtful}): {terms}")
        self._doubtful = set(execution.doubtful)

    def _never_left(self, engine: Engine, order_id: str) -> bool:
        execution = engine.execution
        working = execution.orders.get(order_id) or execution.closed.get(order_id)
        if working is None:
            return False
        order = working.life.order
        return order.emulated and order.client_order_id not in self._watch.left

    def _wakes(self, engine: Engine, step: Step) -> None:
        """I21: a stop leaves, or says that it waits, once its trigger is reached and not before."""
        execution = engine.execution
        waiting = execution.emulation.waiting if execution.emulation is not None else {}
        released = {each.order_id for each in step.events if isinstance(each, OrderReleased)}
        for working in execution.orders.values():
            order = working.life.order
            order_id, trigger = order.order_id, order.trigger_price
            if trigger is None or not (order.is_held or order_id in released):
                continue
            last = engine.markets.states[order.symbol].last
            if last >= trigger if order.side is OrderSide.BUY else last <= trigger:
                self._reached.add(order_id)
                if order.is_held and order_id not in waiting:
                    raise Violation(f"I21: {order_id} is held at {trigger}, the market is {last}")
            if order_id in released and order_id not in self._reached:
                raise Violation(f"I21: {order_id} leaves at {last}, its trigger is {trigger}")

    def _has_the_holding_to_itself(self, command: Any) -> None:
        """I21: where legs would lock a holding twice, one leaves only when the other is gone."""
        engine = self._watch.engine
        rules = self._network.exchange.listings[command.symbol].instrument
        working = engine.execution.orders.get(command.order_id) if engine is not None else None
        if working is None or engine is None or "BRACKET" not in rules.unsupported:
            return
        ours = working.life.order
        others = (each.life.order for each in engine.execution.orders.values())
        for other in others if ours.parent_id else ():
            is_leg = other.parent_id == ours.parent_id and other.tag != ours.tag
            if is_leg and other.is_open and not other.is_held:
                what = f"{ours.tag} {ours.order_id} leaves beside {other.tag} {other.order_id}"
                raise Violation(f"I21: {what}")
