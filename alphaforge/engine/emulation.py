"""Holds the stops that a venue over a wire has not, until their trigger, and then sends them.

A held order passed the gate and counts as working; nothing of it has left. Its trigger follows the
rules of the simulated venue (contract §3): trades wake it, in a market with quotes only the
opposite quote. What is released keeps its order id and client id, so that a release which a crash
took from the journal is found at the venue and not made twice. Must never send anything else, and
never let a trigger pass that was reached: one that cannot leave yet waits, and says why.
"""

from functools import partial
from typing import Final, Protocol

import msgspec

from alphaforge.engine.fill_prices import stop_reference, trail
from alphaforge.engine.markets import Markets, SymbolState
from alphaforge.engine.resting import RestingOrder, modified
from alphaforge.engine.timers import Action, Timers
from alphaforge.engine.working import WorkingOrder
from alphaforge.model.commands import ModifyOrder, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderStatus, OrderType
from alphaforge.model.events import OrderEvent
from alphaforge.model.numbers import plain
from alphaforge.model.orders import Order
from alphaforge.model.reports import OrderExpired

_BUY, _SELL = OrderSide.BUY, OrderSide.SELL
_TRAILING_STOP = OrderType.TRAILING_STOP

QUIET_NS: Final = 60_000_000_000
"""A market that told nothing for so long cannot wake what is held for it: somebody is told."""

TRY_AGAIN_NS: Final = 1_000_000_000
"""How soon a woken stop that waits is looked at again without cause, and what is in its way asked
to end once more."""

_UNFILLED: Final = frozenset(
    {OrderStatus.REJECTED, OrderStatus.ABSENT, OrderStatus.CANCELED, OrderStatus.EXPIRED}
)


class Orders(Protocol):
    """What holding orders needs of the order management."""

    orders: dict[str, WorkingOrder]

    def apply(self, report: OrderEvent) -> None:
        """Take one fact."""
        ...

    def cancel(self, order: Order) -> None:
        """Ask for an order's end."""
        ...

    def release(self, working: WorkingOrder) -> None:
        """Send what a held order becomes."""
        ...

    def reached(self, order: Order) -> None:
        """A held order's trigger was reached: what it is there to end need not go on."""
        ...

    def why_wait(self, order: Order) -> str:
        """Why a held order whose trigger was reached may not leave now; empty if it may."""
        ...

    def rival(self, order: Order) -> Order | None:
        """The order that must be out of the market before a held one may leave."""
        ...

    def alert(self, code: str, message: str, strategy: str = "", symbol: str = "") -> None:
        """Say something a person should know."""
        ...


class Waiting(msgspec.Struct):
    """A held order whose trigger was reached and that cannot leave yet.

    Attributes:
        why: As last told.
        tried_at: Engine time (ns) at which the order in its way was last canceled; 0 = never.
    """

    why: str = ""
    tried_at: int = 0


class Watched(msgspec.Struct):
    """A symbol something is held for: how far its streams had come, and whether it was told."""

    seen: tuple[int, ...]
    told: bool = False


class SavedHeld(msgspec.Struct):
    """One held order; `waiting` is None until its trigger."""

    terms: SubmitOrder
    number: int
    best: float
    trigger: float
    waiting: Waiting | None


class EmulationState(msgspec.Struct):
    """What a snapshot keeps of the held orders."""

    numbered: int = 0
    held: list[SavedHeld] = []
    watched: dict[str, Watched] = {}


class Emulation:
    """The held orders of an account.

    Attributes:
        held: By order id; they rest in their symbol's `RestingBook` until their trigger.
        waiting: Those whose trigger was reached.
        event: Not used here: what matches is told the number of the event.
    """

    def __init__(self, orders: Orders, markets: Markets, timers: Timers) -> None:
        self.held: dict[str, RestingOrder] = {}
        self.waiting: dict[str, Waiting] = {}
        self.event = 0
        self._orders = orders
        self._markets = markets
        self._timers = timers
        self._numbered = 0
        self._watched: dict[str, Watched] = {}

    # What is asked ----------------------------------------------------------------------------

    def hold(self, terms: SubmitOrder) -> None:
        """Take an order up; one whose trigger is reached already leaves at once."""
        self._numbered += 1
        now = self._timers.now
        order = RestingOrder(terms, "", self._numbered, 0, now)
        if terms.trigger_price is not None:
            order.trigger = float(terms.trigger_price)
        self.held[terms.order_id] = order
        if terms.expires:
            self._timers.schedule(terms.expires, partial(self._expire, terms.order_id))
        self._watch(terms.symbol)
        self._meet(order)

    def change(self, command: ModifyOrder) -> None:
        """Take new terms; one whose trigger was reached already waits on."""
        order = self.held[command.order_id]
        state = self._markets.states[order.terms.symbol]
        state.resting.remove(order)
        changed = modified(order, command, 0, self._timers.now)
        self.held[command.order_id] = changed
        if command.order_id not in self.waiting:
            self._meet(changed)
        state.rearm()

    def has_triggered(self, order: Order) -> bool:
        """Whether an emulated order's trigger was reached, whether it has left or not."""
        return order.emulated and (not order.is_held or order.order_id in self.waiting)

    def moved(self, working: WorkingOrder, ended_as: OrderStatus | None) -> None:
        """Follow an emulated order that changed: what left or ended is held no longer.

        `ended_as` is where it had ended before this change; None if it was open.
        """
        order = working.life.order
        if order.order_id in self.held:
            if not order.is_held:
                self._forget(order.order_id)
        elif ended_as is None and order.status in _UNFILLED and not working.life.pending_cancel:
            message = (
                f"the trigger of {order.order_id} was reached, but its {order.side} order ended "
                f"{order.status} with {plain(order.filled)} of {plain(order.quantity)} filled: "
                f"{order.reason}"
            )
            self._orders.alert("unprotected", message, order.strategy, order.symbol)

    def _forget(self, order_id: str) -> None:
        order = self.held.pop(order_id)
        self.waiting.pop(order_id, None)
        state = self._markets.states[order.terms.symbol]
        state.resting.remove(order)
        state.rearm()

    # The market -------------------------------------------------------------------------------

    def on_trade(self, state: SymbolState, now: int) -> None:
        """A trade touched `state.low` or `state.high`."""
        del now
        self._look_at(state, state.last, state.last)

    def on_quote(self, state: SymbolState, now: int) -> None:
        """Bid and ask moved; they wake stops only where no trades are told."""
        del now
        if not state.traded:
            self._look_at(state, state.ask, state.bid)

    def _look_at(self, state: SymbolState, up: float, down: float) -> None:
        """Wake what is reached: `up` wakes buys, `down` sells; 0.0 is no price."""
        resting = state.resting
        for order in tuple(resting.trailing):
            self._move(order, state, up if order.terms.side is _BUY else down)
        touched: list[RestingOrder] = []
        if up and up >= resting.buy_stop:
            touched += resting.touched_stops(_BUY, up)
        if down and down <= resting.sell_stop:
            touched += resting.touched_stops(_SELL, down)
        for order in touched:
            if order.alive:
                self._reach(order)
        resting.refresh()
        state.rearm()

    def _move(self, order: RestingOrder, state: SymbolState, price: float) -> None:
        """Let a trailing stop follow, or wake it."""
        if not order.alive or not price:
            return
        if order.best and _is_reached(order, price):
            state.resting.trailing.remove(order)
            self._reach(order)
        else:
            trail(order, state.instrument, price)

    def _meet(self, order: RestingOrder) -> None:
        """An order's first look at the market as it stands."""
        state = self._markets.states[order.terms.symbol]
        price = stop_reference(state, order.terms.side)
        if order.terms.order_type is _TRAILING_STOP:
            if price:
                trail(order, state.instrument, price)
            state.resting.trailing.append(order)
        elif price and _is_reached(order, price):
            self._reach(order)
        else:
            state.resting.add_stop(order)
        state.rearm()

    def _reach(self, order: RestingOrder) -> None:
        """The trigger is reached, once and for all."""
        order.triggered = True
        order_id = order.terms.order_id
        self.waiting[order_id] = Waiting()
        self._orders.reached(self._orders.orders[order_id].life.order)
        self._try(order_id)

    # Release ----------------------------------------------------------------------------------

    def release_waiting(self) -> None:
        """Send what was held back, if it can leave now."""
        for order_id in tuple(self.waiting):
            if order_id in self.waiting:
                self._try(order_id)

    def release_as_then(self, order_id: str) -> None:
        """Send one because the journal says that it was: a recovery makes up for it."""
        if order_id in self.held:
            self._orders.release(self._orders.orders[order_id])

    def _try(self, order_id: str) -> None:
        working = self._orders.orders[order_id]
        order, waiting = working.life.order, self.waiting[order_id]
        why, rival = self._orders.why_wait(order), self._orders.rival(order)
        if why and why != waiting.why:
            waiting.why = why
            message = f"the trigger of {order_id} was reached, and it waits: {why}"
            self._orders.alert("trigger-waiting", message, order.strategy, order.symbol)
        if why or rival is not None:
            self._try_again(order_id, waiting, rival)
        else:
            self._orders.release(working)

    def _try_again(self, order_id: str, waiting: Waiting, rival: Order | None) -> None:
        """Look again soon; what is in the way is asked to end, again if that had no effect."""
        now = self._timers.now
        if not waiting.tried_at or now >= waiting.tried_at + TRY_AGAIN_NS:
            waiting.tried_at = now
            self._timers.schedule(now + TRY_AGAIN_NS, partial(self._retry, order_id))
            if rival is not None:
                self._orders.cancel(rival)

    def _retry(self, order_id: str, due: int) -> None:
        del due
        if order_id in self.waiting:
            self._try(order_id)

    # Time -------------------------------------------------------------------------------------

    def _expire(self, order_id: str, due: int) -> None:
        if order_id in self.held:
            self._orders.apply(OrderExpired(order_id, due, due))

    def _watch(self, symbol: str) -> None:
        """Look at a symbol's streams from time to time, while something is held for it."""
        if symbol not in self._watched:
            self._watched[symbol] = Watched(_progress(self._markets.states[symbol]))
            self._timers.schedule(self._timers.now + QUIET_NS, partial(self._look, symbol))

    def _look(self, symbol: str, due: int) -> None:
        held = [each for each in self.held.values() if each.terms.symbol == symbol]
        if not held:
            del self._watched[symbol]
            return
        watched, seen = self._watched[symbol], _progress(self._markets.states[symbol])
        if seen != watched.seen:
            watched.told = False
        elif not watched.told:
            watched.told = True
            message = (
                f"nothing was told of {symbol} for {QUIET_NS // 1_000_000_000} s: without a market "
                f"the {len(held)} orders held for it cannot trigger"
            )
            self._orders.alert("no-live-stream", message, symbol=symbol)
        watched.seen = seen
        self._timers.schedule(due + QUIET_NS, partial(self._look, symbol))

    # Snapshots --------------------------------------------------------------------------------

    def save(self) -> EmulationState:
        """Every held order, to be written at once: they go on changing."""
        held = [
            SavedHeld(
                each.terms,
                each.number,
                each.best,
                each.trigger,
                self.waiting.get(order_id),
            )
            for order_id, each in self.held.items()
        ]
        return EmulationState(self._numbered, held, self._watched)

    def load(self, state: EmulationState) -> None:
        """Take back what `save` gave; the markets stand as they did, the timers are not ours."""
        self._numbered, self._watched = state.numbered, state.watched
        for saved in state.held:
            terms = saved.terms
            market = self._markets.states[terms.symbol]
            order = RestingOrder(terms, "", saved.number, 0, 0, best=saved.best)
            order.trigger = saved.trigger
            self.held[terms.order_id] = order
            if saved.waiting is not None:
                order.triggered = True
                self.waiting[terms.order_id] = saved.waiting
            elif terms.order_type is _TRAILING_STOP:
                market.resting.trailing.append(order)
            else:
                market.resting.add_stop(order)
            market.rearm()

    def tell_of_end(self) -> None:
        """Say that what is held here protects nothing once the engine has ended."""
        if self.held:
            held = ", ".join(self.held)
            message = f"held here and not at a venue, they end with this engine: {held}"
            self._orders.alert("held-orders-end", message)

    def name_of(self, action: Action) -> str | None:
        """A timer of ours in words; None for another one."""
        for kind, act in self._acts().items():
            if isinstance(action, partial) and action.func == act:
                return f"{kind} {action.args[0]}"
        return None

    def action_of(self, name: str) -> Action:
        """The timer of that name."""
        kind, _, subject = name.partition(" ")
        return partial(self._acts()[kind], subject)

    def _acts(self) -> dict[str, "_Act"]:
        return {"expire": self._expire, "look": self._look, "retry": self._retry}


class _Act(Protocol):
    def __call__(self, subject: str, due: int, /) -> None: ...


def _is_reached(order: RestingOrder, price: float) -> bool:
    return price >= order.trigger if order.terms.side is _BUY else price <= order.trigger


def _progress(state: SymbolState) -> tuple[int, ...]:
    """How far a symbol's streams have come."""
    return state.trade_count, state.trade_ts, state.quote_ts, state.book_ts
