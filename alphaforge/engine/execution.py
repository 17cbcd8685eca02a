"""The execution engine: order management with a face for scripts and for those who look on.

Made without arguments it is a whole small engine: simulated venue, own portfolio, unlimited cash,
steps of 1e-8, default fees. `Engine` gives it its shared parts. Must never decide what to trade.
"""

from decimal import Decimal

import msgspec

from alphaforge.engine.claims import ClaimBook
from alphaforge.engine.emulation import EmulationState
from alphaforge.engine.lifecycle import OrderLife, begin
from alphaforge.engine.markets import Markets
from alphaforge.engine.oms import OrderManagement
from alphaforge.engine.order_facts import ALIVE_PROOF, FACTS
from alphaforge.engine.portfolio import Position
from alphaforge.engine.simulated_venue import SimulatedVenue
from alphaforge.engine.timers import Timers
from alphaforge.engine.working import Counts, WorkingOrder
from alphaforge.model.commands import Approved
from alphaforge.model.enums import OrderType
from alphaforge.model.events import Alert, FundingPaid, OrderAdopted, OrderEvent, Signal
from alphaforge.model.market import Trade
from alphaforge.model.numbers import ZERO
from alphaforge.model.orders import Fill, Order
from alphaforge.model.reports import OrderReport
from alphaforge.model.settings import EngineSettings


class SavedOrder(msgspec.Struct):
    """A working or ended order without what the books hold already.

    Attributes:
        reserved: Quantity held back for it, and at which price; None while nothing is.
    """

    life: OrderLife
    price: Decimal
    asked: Decimal
    reserved: tuple[Decimal, Decimal] | None


class OrdersState(msgspec.Struct):
    """What a snapshot keeps of the orders; the lives are the live ones, not copies."""

    numbered: int
    counts: Counts
    working: list[SavedOrder]
    closed: list[SavedOrder]
    emulation: EmulationState


class ExecutionEngine(OrderManagement):
    """Orders of all strategies of one account: submit, cancel, modify, look.

    With `markets` (and `timers`) it shares an `Engine`'s; orders go to `venue`, or without one
    into the record, to be sent over a wire.
    """

    def __init__(
        self,
        settings: EngineSettings | None = None,
        markets: Markets | None = None,
        venue: SimulatedVenue | None = None,
        timers: Timers | None = None,
    ) -> None:
        settings = settings or EngineSettings()
        timers = timers if timers is not None else Timers()
        if markets is None:
            markets = Markets()
            venue = venue or SimulatedVenue(markets, timers, settings.simulation)
        super().__init__(settings, markets, timers, venue)
        if self.venue is None:
            self.claims = ClaimBook(self, settings.client_tag, settings.account.name)

    def cancel_all(self, strategy: str = "", symbol: str = "") -> None:
        """Cancel every working order of a strategy and symbol; empty = of all."""
        for working in tuple(self.orders.values()):
            order = working.life.order
            if strategy in ("", order.strategy) and symbol in ("", order.symbol) and order.is_open:
                self.cancel(order)

    def adopt(self, event: OrderAdopted) -> bool:
        """Take up an order at the venue that nobody knew; False if its symbol is not traded."""
        terms = event.terms
        state = self.markets.states.get(terms.symbol)
        if state is None:
            return False
        instrument = state.instrument
        life = begin(terms, event.ts_local)
        position = self.portfolio.position(terms.strategy, instrument)
        price = terms.limit_price or terms.trigger_price or state.mark() or ZERO
        working = WorkingOrder(life, instrument, position, price)
        self.orders[terms.order_id] = working
        self.counts.submitted += 1
        self._reserve(working, life.order.leaves)
        if self.listener is not None:
            self.listener.adopted(life.order)
        self.apply(event)
        return True

    def save(self) -> OrdersState:
        """Every order that works or ended lately, to be written at once: they go on changing."""
        return OrdersState(
            self.numbers.taken,
            self.counts,
            [_saved(each) for each in self.orders.values()],
            [_saved(each) for each in self.closed.values()],
            self.emulation.save() if self.emulation is not None else EmulationState(),
        )

    def load(self, state: OrdersState) -> None:
        """Take back what `save` gave, into an engine that has its positions but no order yet."""
        self.numbers.taken, self.counts = state.numbered, state.counts
        for saved in state.working:
            working = self._row(saved)
            order = working.life.order
            self.orders[order.order_id] = working
            if saved.reserved is not None:
                quantity, price = saved.reserved
                usual, working.price = working.price, price
                self._reserve(working, quantity)
                working.price = usual
            if order.in_doubt:
                self.doubtful.add(order.order_id)
        self.closed |= {each.life.order.order_id: self._row(each) for each in state.closed}

    def load_held(self, state: OrdersState) -> None:
        """Let what was held rest again; the markets must stand as they did."""
        if self.emulation is not None:
            self.emulation.load(state.emulation)

    def _row(self, saved: SavedOrder) -> WorkingOrder:
        order = saved.life.order
        instrument = self.markets.states[order.symbol].instrument
        position = self.portfolio.position(order.strategy, instrument)
        return WorkingOrder(saved.life, instrument, position, saved.price, None, saved.asked)

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

    def send_waiting(self) -> None:
        """Protective legs and woken stops that could not leave may be able to now."""
        if self.brackets.waiting:
            self.brackets.send_waiting()
        if self.emulation is not None and self.emulation.waiting:
            self.emulation.release_waiting()

    def take(self, report: OrderReport) -> None:
        """Take what is reported of an order; what never left cannot have come to an end there."""
        working = self.orders.get(report.order_id)
        is_held = working is not None and working.life.order.is_held
        if is_held and not FACTS[report.__class__] & ALIVE_PROOF:
            message = f"a {type(report).__name__} came for {report.order_id}, which never left"
            self.alert("never-left", message)
            return
        self.apply(report)

    def venue_of(self, symbol: str) -> str:
        """The venue of a symbol; empty for one that is not traded here."""
        state = self.markets.states.get(symbol)
        return state.instrument.venue if state is not None else ""

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
            "orders_open": counts.open,
            "orders_in_doubt": sum(each.life.order.in_doubt for each in self.orders.values()),
            "fills": counts.fills,
            "fill_rate": counts.filled / counts.submitted if counts.submitted else 0.0,
            "volume": self.portfolio.turnover(),
            "fees": dict(self.portfolio.fees_by_currency),
            "latency_us": {
                "p50": self.latency.percentile(50) / 1000 if self.latency.count else None,
                "p99": self.latency.percentile(99) / 1000 if self.latency.count else None,
            },
        }

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
            if order.reduce_only and order.order_type is OrderType.MARKET:
                return order
        return None


def _saved(working: WorkingOrder) -> SavedOrder:
    held = working.reservation
    reserved = None if held is None else (held.quantity or ZERO, held.price)
    return SavedOrder(working.life, working.price, working.asked, reserved)
