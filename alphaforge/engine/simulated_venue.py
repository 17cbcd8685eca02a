"""A pure exchange: takes approved commands, watches the market, reports what became of them.

Fill rules are contract §3. It compares floats and books Decimals. It sees only events that
`data` accepted. Reports go to `report`, at once and one by one, so that what follows from a fill
(a bracket's other leg canceled) holds before the next order is looked at. Must never see a
strategy, a portfolio or a risk limit; `Account` answers what a real venue would check itself.
"""

from decimal import Decimal
from functools import partial
from typing import Protocol

from alphaforge.engine.fill_prices import (
    booked_price,
    market_price,
    marketable,
    stop_reference,
    trail,
)
from alphaforge.engine.markets import Markets, SymbolState
from alphaforge.engine.resting import RestingOrder, modified
from alphaforge.engine.timers import Timers
from alphaforge.model.commands import Approved, CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import FillTiming, Liquidity, OrderSide, OrderType, TimeInForce
from alphaforge.model.numbers import ZERO, plain
from alphaforge.model.reports import (
    CancelRejected,
    ModifyRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderModified,
    OrderRejected,
    OrderReport,
    OrderTriggered,
)
from alphaforge.model.settings import SimulationSettings

_BUY, _SELL = OrderSide.BUY, OrderSide.SELL
IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
"""Orders that fill at once or not at all."""
POST_ONLY = "post-only order would take liquidity"

_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
_BPS = Decimal(10_000)


# Enum members as module names: looking one up on its class costs ten times as much.
_MARKET = OrderType.MARKET
_LIMIT = OrderType.LIMIT
_TRAILING_STOP = OrderType.TRAILING_STOP
_STOP_LIMIT = OrderType.STOP_LIMIT
_TAKER = Liquidity.TAKER
_MAKER = Liquidity.MAKER


class Account(Protocol):
    """What the venue knows of the account when an order is about to fill."""

    def reducible(self, terms: SubmitOrder) -> Decimal:
        """How much a reduce-only order may still fill."""
        ...

    def affordable(self, terms: SubmitOrder, quantity: Decimal, price: Decimal) -> bool:
        """Whether the account can pay for, or deliver, this fill."""
        ...


class Reports(Protocol):
    """Where the venue tells what happened."""

    def __call__(self, report: OrderReport) -> object:
        """Take one report."""
        ...


class SimulatedVenue:
    """Matches orders against the market of `markets`.

    Set `account` and `report` before the first command (the execution engine does).
    """

    def __init__(
        self, markets: Markets, timers: Timers, settings: SimulationSettings | None = None
    ) -> None:
        self.markets = markets
        self.settings = settings or SimulationSettings()
        self.account: Account
        self.report: Reports
        self.event = 0
        self._timers = timers
        self._orders: dict[str, RestingOrder] = {}
        self._numbered = 0
        self._trades = 0
        self._latency = self.settings.latency_ns
        self._at_close = self.settings.fill_timing is FillTiming.CLOSE
        self._slippage = self.settings.slippage_bps / _BPS
        self._judged_as_filled = not self._latency and not self._slippage

    def send(self, approved: Approved) -> None:
        """Take a command; with latency it arrives later, as an engine timer."""
        command = approved.command
        if self._latency:
            self._timers.schedule(approved.ts + self._latency, partial(self._arrive, command))
        elif isinstance(command, SubmitOrder):
            self._submit(command, approved.ts)
        else:
            self._arrive(command, approved.ts)

    def _arrive(self, command: SubmitOrder | ModifyOrder | CancelOrder, now: int) -> None:
        if isinstance(command, SubmitOrder):
            self._submit(command, now)
        elif isinstance(command, CancelOrder):
            self._cancel(command, now)
        else:
            self._modify(command, now)

    def _submit(self, terms: SubmitOrder, now: int) -> None:  # noqa: PLR0912 - perf: orders
        self._numbered += 1
        state = self.markets.states[terms.symbol]
        order = RestingOrder(terms, f"v-{self._numbered:06d}", self._numbered, self.event, now)
        if terms.limit_price is not None:
            order.limit = float(terms.limit_price)
        if terms.trigger_price is not None:
            order.trigger = float(terms.trigger_price)
        if terms.post_only and self._would_take(order, state):
            self.report(OrderRejected(terms.order_id, POST_ONLY, now, now))
            return
        if terms.order_type is _MARKET and state.last and not state.on_bars and not terms.expires:
            order.admitted = True
            self.report(OrderAccepted(terms.order_id, order.venue_order_id, now, now))
            self.fill(order, state, market_price(state, terms.side), _TAKER, now)
            return
        self._orders[terms.order_id] = order
        if not terms.post_only or (state.last and not state.on_bars):
            self.admit(order, now)
        if 0 < terms.expires < now:
            self._expire(order, now)
        elif terms.expires:
            self._timers.schedule(terms.expires, partial(self._expire, order))
        if order.alive:
            self._meet(order, state, now)
            if order.alive:
                state.rearm()

    def admit(self, order: RestingOrder, now: int) -> None:
        """Say, once, that an order works; a post-only one that waits must first see its market."""
        if not order.admitted:
            order.admitted = True
            self.report(OrderAccepted(order.terms.order_id, order.venue_order_id, now, now))

    def reject(self, order: RestingOrder, now: int) -> None:
        """Turn away a post-only order that would take; one that worked already ends canceled."""
        if order.admitted:
            self.cancel_out(order, now, POST_ONLY)
            return
        self.forget(order)
        self.report(OrderRejected(order.terms.order_id, POST_ONLY, now, now))

    def _would_take(self, order: RestingOrder, state: SymbolState) -> bool:
        return order.terms.post_only and not state.on_bars and marketable(order, state)

    def _meet(self, order: RestingOrder, state: SymbolState, now: int) -> None:
        """An order's first look at the market as it stands."""
        kind = order.terms.order_type
        if kind is _MARKET and state.last and (self._at_close or not state.on_bars):
            self.fill(order, state, market_price(state, order.terms.side), _TAKER, now)
        elif state.on_bars or not state.last:
            self._wait(order, state)
        elif kind is _LIMIT:
            self._meet_limit(order, state, now)
        elif kind is _TRAILING_STOP:
            self.rest(order, state)
        else:
            self._meet_stop(order, state, now)

    def _wait(self, order: RestingOrder, state: SymbolState) -> None:
        """Until the next bar, or the first price; on bars, what can rest already does."""
        terms = order.terms
        stops = terms.order_type in _STOPS or terms.order_type is _TRAILING_STOP
        rests = terms.tif not in IMMEDIATE and terms.order_type is not _MARKET
        if state.on_bars and (stops or rests):
            self.rest(order, state)
            if stops:
                return
        order.fresh = True
        state.resting.fresh.append(order)

    def _meet_limit(self, order: RestingOrder, state: SymbolState, now: int) -> None:
        if marketable(order, state):
            self._fill_at_market(order, state, now)
        elif order.terms.tif in IMMEDIATE:
            self.cancel_out(order, now, "nothing to take at the limit")
        else:
            self.rest(order, state)

    def _meet_stop(self, order: RestingOrder, state: SymbolState, now: int) -> None:
        reference = stop_reference(state, order.terms.side)
        buys = order.terms.side is _BUY
        if reference >= order.trigger if buys else reference <= order.trigger:
            self._trigger(order, state, now)
        else:
            self.rest(order, state)

    def rest(self, order: RestingOrder, state: SymbolState) -> None:
        """Put an order into its queue."""
        resting = state.resting
        order.queued = True
        if order.terms.order_type is _TRAILING_STOP:
            trail(order, state.instrument, stop_reference(state, order.terms.side))
            resting.trailing.append(order)
        elif order.terms.order_type in _STOPS and not order.triggered:
            resting.add_stop(order)
        else:
            resting.add_limit(order)

    def _cancel(self, command: CancelOrder, now: int) -> None:
        order = self._orders.get(command.order_id)
        if order is None:
            self.report(CancelRejected(command.order_id, "no such working order", now, now))
        else:
            self.cancel_out(order, now, "")

    def _modify(self, command: ModifyOrder, now: int) -> None:
        order = self._orders.get(command.order_id)
        if order is None:
            reason = "no such working order"
            self.report(ModifyRejected(command.order_id, command.version, reason, now, now))
            return
        state = self.markets.states[order.terms.symbol]
        changed = modified(order, command, self.event, now)
        if self._would_take(changed, state):
            self.report(ModifyRejected(command.order_id, command.version, POST_ONLY, now, now))
            return
        state.resting.remove(order)
        self._orders[command.order_id] = changed
        if changed.terms.expires:
            self._timers.schedule(changed.terms.expires, partial(self._expire, changed))
        self.report(
            OrderModified(
                command.order_id,
                command.version,
                command.quantity,
                command.limit_price,
                command.trigger_price,
                now,
                now,
            )
        )
        if order.triggered and not state.on_bars:
            self._meet_limit(changed, state, now)
        else:
            self._meet(changed, state, now)
        state.rearm()

    def _expire(self, order: RestingOrder, now: int) -> None:
        if order.alive:
            self.forget(order)
            self.report(OrderExpired(order.terms.order_id, now, now))

    def cancel_out(self, order: RestingOrder, now: int, reason: str) -> None:
        """Take an order out of the market and say so."""
        self.forget(order)
        self.report(OrderCanceled(order.terms.order_id, reason, now, now))

    def forget(self, order: RestingOrder) -> None:
        """Take an order out of the market."""
        terms = order.terms
        self._orders.pop(terms.order_id, None)
        state = self.markets.states[terms.symbol]
        state.resting.remove(order)
        state.rearm()

    def on_trade(self, state: SymbolState, now: int) -> None:
        """Match after a trade that touched `state.low` or `state.high`."""
        price = state.last
        resting = state.resting
        if resting.fresh:
            self._meet_fresh(state, now)
        if resting.trailing:
            self._move_trailing(state, now)
        self._wake_stops(state, price, price, now)
        if not state.quoted:
            self._fill_limits(state, price, price, now)
        self.settle(state)

    def on_quote(self, state: SymbolState, now: int) -> None:
        """Match after bid and ask moved."""
        resting = state.resting
        if resting.fresh and state.last:
            self._meet_fresh(state, now)
        if not state.traded:
            if resting.trailing:
                self._move_trailing(state, now)
            self._wake_stops(state, state.ask, state.bid, now)
        self._fill_limits(state, state.ask, state.bid, now)
        self.settle(state)

    def settle(self, state: SymbolState) -> None:
        """Bring the nearest prices up to what rests after matching."""
        state.resting.refresh()
        state.rearm()

    def _meet_fresh(self, state: SymbolState, now: int) -> None:
        for order in state.resting.take_fresh():
            order.fresh = False
            if self._would_take(order, state):
                self.reject(order, now)
            else:
                self.admit(order, now)
                self._meet(order, state, now)

    def _wake_stops(self, state: SymbolState, up: float, down: float, now: int) -> None:
        resting = state.resting
        for order in resting.touched_stops(_BUY, up) if up >= resting.buy_stop else ():
            if order.alive:
                self._trigger(order, state, now)
        for order in resting.touched_stops(_SELL, down) if down <= resting.sell_stop else ():
            if order.alive:
                self._trigger(order, state, now)

    def _trigger(self, order: RestingOrder, state: SymbolState, now: int) -> None:
        order.triggered = True
        self.report(OrderTriggered(order.terms.order_id, now, now))
        if not order.alive:
            return
        if order.terms.order_type is _STOP_LIMIT:
            self._meet_limit(order, state, now)
        else:
            self._fill_at_market(order, state, now)

    def _fill_limits(self, state: SymbolState, ask: float, bid: float, now: int) -> None:
        resting = state.resting
        for order in resting.touched_limits(_BUY, ask) if ask <= resting.buy_limit else ():
            if order.alive:
                self.fill(order, state, order.limit, _MAKER, now)
        for order in resting.touched_limits(_SELL, bid) if bid >= resting.sell_limit else ():
            if order.alive:
                self.fill(order, state, order.limit, _MAKER, now)

    def _move_trailing(self, state: SymbolState, now: int) -> None:
        for order in tuple(state.resting.trailing):
            if not order.alive:
                continue
            side = order.terms.side
            price = stop_reference(state, side)
            if price >= order.trigger if side is _BUY else price <= order.trigger:
                state.resting.trailing.remove(order)
                self._trigger(order, state, now)
            else:
                trail(order, state.instrument, price)

    def _fill_at_market(self, order: RestingOrder, state: SymbolState, now: int) -> None:
        self.fill(order, state, market_price(state, order.terms.side), _TAKER, now)

    def fill(
        self,
        order: RestingOrder,
        state: SymbolState,
        price: float,
        liquidity: Liquidity,
        now: int,
    ) -> None:
        """Fill an order whole, at a market price; what the account cannot carry is turned away."""
        terms = order.terms
        order.alive = False
        self._orders.pop(terms.order_id, None)
        quantity = terms.quantity
        if terms.reduce_only:
            quantity = min(quantity, self.account.reducible(terms))
            if not quantity:
                self.report(OrderCanceled(terms.order_id, "no position to reduce", now, now))
                return
        booked = booked_price(terms, state, price, liquidity, self._slippage)
        judged = self._judged_as_filled and order.event == self.event and not order.triggered
        if not judged and not self.account.affordable(terms, quantity, booked):
            reason = f"not enough funds for {plain(quantity)} at {plain(booked)}"
            self.report(OrderCanceled(terms.order_id, reason, now, now))
            return
        instrument = state.instrument
        rate = instrument.maker_fee if liquidity is _MAKER else instrument.taker_fee
        fee = instrument.fee(instrument.notional(quantity, booked), rate) if rate else ZERO
        self._trades += 1
        self.report(
            OrderFilled(
                terms.order_id,
                order.venue_order_id,
                f"t-{self._trades:06d}",
                quantity,
                booked,
                fee,
                instrument.settle,
                liquidity,
                now,
                now,
            )
        )
        if quantity < terms.quantity:
            self.report(OrderCanceled(terms.order_id, "cut to the position", now, now))
