"""Brackets: an entry's profit and loss legs, of which one cancels the other.

When an entry fills, its legs are submitted as reduce-only orders for what is filled so far; when
more fills they grow; when one leg fills the other shrinks by as much; when a strategy is flat its
legs go. Must never decide prices: they are the strategy's.
"""

from decimal import Decimal
from typing import Protocol

import msgspec

from alphaforge.engine.portfolio import Portfolio
from alphaforge.model.enums import InstrumentKind, OrderSide, OrderStatus, OrderType
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, ZERO, Number
from alphaforge.model.orders import Fill, Order


class Orders(Protocol):
    """What brackets need of the order management."""

    @property
    def portfolio(self) -> Portfolio:
        """The account's positions."""
        ...

    def submit(self, order: Order) -> Order:
        """Send an order through the gate."""
        ...

    def cancel(self, order: Order) -> None:
        """Ask for an order's end."""
        ...

    def modify(
        self,
        order: Order,
        quantity: Number | None = None,
        limit: Number | None = None,
        stop: Number | None = None,
    ) -> None:
        """Ask for new terms."""
        ...

    def instrument(self, symbol: str) -> Instrument:
        """Rules of a symbol."""
        ...

    def holds(self, order: Order) -> bool:
        """Whether an order, once submitted, waits here for its trigger."""
        ...

    def has_triggered(self, order: Order) -> bool:
        """Whether the trigger of an order that was held here was reached."""
        ...

    def why_not_now(self, order: Order) -> str:
        """Why nothing of the kind may leave at this moment; empty if it may be tried."""
        ...

    def alert(self, code: str, message: str, strategy: str = "", symbol: str = "") -> None:
        """Say something a person should know."""
        ...


PROFIT, LOSS = "take-profit", "stop-loss"
"""Tags of the legs."""


class Bracket(msgspec.Struct, gc=False, eq=False):
    """An entry with its legs.

    Attributes:
        profit: None where the strategy asked for none, or it has ended.
        loss: The same.
        closed: What its legs have filled.
        wanting: Legs that wait until they may leave: their tags.
    """

    entry: Order
    profit: Order | None = None
    loss: Order | None = None
    closed: Decimal = ZERO
    wanting: tuple[str, ...] = ()

    @property
    def legs(self) -> list[Order]:
        """The legs there are."""
        return [leg for leg in (self.profit, self.loss) if leg is not None]


class Brackets:
    """All brackets of an account.

    Attributes:
        by_order: Each bracket by the ids of its working orders; empty: nothing to follow.
        waiting: How many brackets have a leg that could not be sent yet.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self.by_order: dict[str, Bracket] = {}
        self.waiting = 0

    def load(self, by_order: dict[str, Bracket]) -> None:
        """Take up brackets as they were."""
        self.by_order.update(by_order)
        self.waiting = sum(bool(each.wanting) for each in self._all())

    def _all(self) -> list[Bracket]:
        return list({id(each): each for each in self.by_order.values()}.values())

    def after(self, order: Order, fill: Fill | None) -> None:
        """Follow an order that filled or ended."""
        bracket = self.by_order.get(order.order_id)
        if bracket is None:
            if fill is not None and order.take_profit is None and order.stop_loss is None:
                self._drop_when_flat(order)
                return
            if fill is None:
                return
            bracket = self.by_order[order.order_id] = Bracket(order)
        if order is bracket.entry:
            if fill is not None:
                self._grow(bracket, fill.quantity)
            elif bracket.wanting:
                self._send_wanting(bracket)
        else:
            self._leg_moved(bracket, order, fill)

    def _grow(self, bracket: Bracket, more: Decimal) -> None:
        """Bring the legs up to what the entry holds, which is so much more."""
        entry, profit, loss = bracket.entry, bracket.profit, bracket.loss
        quantity = EXACT.subtract(entry.filled, bracket.closed)
        is_new = not bracket.closed
        if profit is not None:
            self._orders.modify(profit, EXACT.add(quantity, profit.filled))
        elif entry.take_profit is not None and is_new and self._wants_profit(bracket):
            bracket.profit = self._leg(bracket, OrderType.LIMIT, entry.take_profit, quantity)
        if loss is not None:
            self._grow_loss(bracket, loss, quantity, more)
        elif LOSS not in bracket.wanting and entry.stop_loss is not None and is_new:
            bracket.loss = self._leg(bracket, OrderType.STOP_MARKET, entry.stop_loss, quantity)
        self._let_go_if_over(bracket)

    def _grow_loss(self, bracket: Bracket, loss: Order, quantity: Decimal, more: Decimal) -> None:
        """The stop grows; one that has left for the market is joined by a second one."""
        if not loss.emulated or loss.is_held:
            self._orders.modify(loss, EXACT.add(quantity, loss.filled))
        elif bracket.entry.stop_loss is not None:
            self._leg(bracket, OrderType.STOP_MARKET, bracket.entry.stop_loss, more)

    def _wants_profit(self, bracket: Bracket) -> bool:
        """Whether a take-profit is to be made now: not while it waits, nor beside a woken stop."""
        if PROFIT in bracket.wanting:
            return False  # it is made for all of it when it can be
        return bracket.loss is None or not self._orders.has_triggered(bracket.loss)

    def _let_go_if_over(self, bracket: Bracket) -> None:
        if bracket.profit is None and bracket.loss is None and not bracket.wanting:
            self.by_order.pop(bracket.entry.order_id, None)

    def send_waiting(self) -> None:
        """Send the legs that could not leave when their entry filled, if they can now."""
        for bracket in self._all():
            if bracket.wanting:
                self._send_wanting(bracket)

    def _send_wanting(self, bracket: Bracket) -> None:
        entry, tags = bracket.entry, bracket.wanting
        quantity = EXACT.subtract(entry.filled, bracket.closed)
        if self._orders.why_not_now(_leg_of(entry, OrderType.LIMIT, ZERO, entry.filled)):
            return
        if self._waits_for_entry(entry):
            return
        bracket.wanting = ()
        self.waiting -= 1
        if quantity > 0 and self._is_held(entry):
            if PROFIT in tags and entry.take_profit is not None and self._wants_profit(bracket):
                bracket.profit = self._leg(bracket, OrderType.LIMIT, entry.take_profit, quantity)
            if LOSS in tags and entry.stop_loss is not None:
                bracket.loss = self._leg(bracket, OrderType.STOP_MARKET, entry.stop_loss, quantity)
        self._let_go_if_over(bracket)

    def _waits_for_entry(self, entry: Order) -> bool:
        """Whether the take-profit is made once, at its entry's end: it could not grow with it."""
        return entry.is_open and "MODIFY" in self._orders.instrument(entry.symbol).unsupported

    def _is_held(self, entry: Order) -> bool:
        """Whether the strategy holds anything that its legs could protect."""
        instrument = self._orders.instrument(entry.symbol)
        return bool(self._orders.portfolio.position(entry.strategy, instrument).quantity)

    def _want(self, bracket: Bracket, tag: str) -> None:
        if not bracket.wanting:
            self.waiting += 1
        bracket.wanting = (*bracket.wanting, tag)

    def _wait(self, bracket: Bracket, tag: str, why: str) -> None:
        self._want(bracket, tag)
        entry = bracket.entry
        message = f"the {tag} of {entry.order_id} waits until it can be sent: {why}"
        self._orders.alert("unprotected", message, entry.strategy, entry.symbol)

    def _leg(
        self, bracket: Bracket, kind: OrderType, price: Decimal, quantity: Decimal
    ) -> Order | None:
        entry, leg = bracket.entry, _leg_of(bracket.entry, kind, price, quantity)
        if leg.tag == PROFIT and self._waits_for_entry(entry):
            self._want(bracket, PROFIT)
            return None
        why_not = "" if self._orders.holds(leg) else self._orders.why_not_now(leg)
        if why_not:
            self._wait(bracket, leg.tag, why_not)
            return None
        self._orders.submit(leg)
        if leg.status is OrderStatus.DENIED:
            message = f"the {leg.tag} of {entry.order_id} was denied: {leg.reason}"
            self._orders.alert("unprotected", message, entry.strategy, entry.symbol)
        if not leg.is_open:
            bracket.closed = EXACT.add(bracket.closed, leg.filled)
            return None
        self.by_order[leg.order_id] = bracket
        return leg

    def _leg_moved(self, bracket: Bracket, leg: Order, fill: Fill | None) -> None:
        """A leg filled or ended: the other follows."""
        other = bracket.loss if leg is bracket.profit else bracket.profit
        if fill is not None:
            bracket.closed = EXACT.add(bracket.closed, fill.quantity)
        if not leg.is_open:
            self.by_order.pop(leg.order_id, None)
            if leg is bracket.profit:
                bracket.profit = None
            elif leg is bracket.loss:
                bracket.loss = None
        rest = EXACT.subtract(bracket.entry.filled, bracket.closed)
        if other is not None and other.is_open and fill is not None:
            if rest > 0:
                self._orders.modify(other, EXACT.add(rest, other.filled))
            else:
                self._orders.cancel(other)
        self._let_go_if_over(bracket)

    def rival(self, order: Order) -> Order | None:
        """Of a spot bracket, the take-profit that locks what its woken stop is to sell."""
        bracket = self._bracket_of(order)
        if bracket is None or order is bracket.profit:
            return None
        profit, instrument = bracket.profit, self._orders.instrument(order.symbol)
        is_spot = instrument.kind is InstrumentKind.SPOT
        return profit if is_spot and profit is not None and profit.is_open else None

    def open_entry(self, order: Order) -> Order | None:
        """The entry that still works, of the bracket whose stop an order is."""
        bracket = self._bracket_of(order)
        return bracket.entry if bracket is not None and bracket.entry.is_open else None

    def _bracket_of(self, leg: Order) -> Bracket | None:
        """The bracket of a leg, which may be in the making: its entry knows it already."""
        return self.by_order.get(leg.order_id) or self.by_order.get(leg.parent_id)

    def _drop_when_flat(self, order: Order) -> None:
        """An order outside the bracket brought the strategy to flat: nothing is left to protect."""
        if not self.by_order:
            return
        if self._is_held(order):
            return
        for bracket in self._all():
            entry = bracket.entry
            if entry.symbol == order.symbol and entry.strategy == order.strategy:
                self._drop(bracket)

    def _drop(self, bracket: Bracket) -> None:
        for leg in (bracket.profit, bracket.loss):
            if leg is not None and leg.is_open:
                self._orders.cancel(leg)


def _leg_of(entry: Order, kind: OrderType, price: Decimal, quantity: Decimal) -> Order:
    """The order that takes an entry's position off again."""
    return Order(
        symbol=entry.symbol,
        side=OrderSide.SELL if entry.side is OrderSide.BUY else OrderSide.BUY,
        order_type=kind,
        quantity=quantity,
        leaves=quantity,
        limit_price=price if kind is OrderType.LIMIT else None,
        trigger_price=price if kind is OrderType.STOP_MARKET else None,
        reduce_only=True,
        tag=PROFIT if kind is OrderType.LIMIT else LOSS,
        strategy=entry.strategy,
        parent_id=entry.order_id,
    )
