"""Brackets: an entry's profit and loss legs, of which one cancels the other.

When an entry fills, its legs are submitted as reduce-only orders for what is filled so far; when
more fills they grow; when one leg fills the other shrinks by as much; when a strategy is flat its
legs go. Must never decide prices: they are the strategy's.
"""

from decimal import Decimal
from typing import Protocol

import msgspec

from alphaforge.engine.portfolio import Portfolio
from alphaforge.model.enums import OrderSide, OrderStatus, OrderType
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
        wanting: Legs that wait until something may leave again: their tags.
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
                self._grow(bracket)
        else:
            self._leg_moved(bracket, order, fill)

    def _grow(self, bracket: Bracket) -> None:
        """Bring the legs up to what the entry holds."""
        entry = bracket.entry
        quantity = EXACT.subtract(entry.filled, bracket.closed)
        if bracket.wanting:
            return  # they are made for all of it when they can be
        if bracket.profit is None and entry.take_profit is not None and not bracket.closed:
            bracket.profit = self._leg(bracket, OrderType.LIMIT, entry.take_profit, quantity)
        elif bracket.profit is not None:
            self._orders.modify(bracket.profit, EXACT.add(quantity, bracket.profit.filled))
        if bracket.loss is None and entry.stop_loss is not None and not bracket.closed:
            bracket.loss = self._leg(bracket, OrderType.STOP_MARKET, entry.stop_loss, quantity)
        elif bracket.loss is not None:
            self._orders.modify(bracket.loss, EXACT.add(quantity, bracket.loss.filled))
        self._let_go_if_over(bracket)

    def _let_go_if_over(self, bracket: Bracket) -> None:
        if bracket.profit is None and bracket.loss is None and not bracket.wanting:
            self.by_order.pop(bracket.entry.order_id, None)

    def send_waiting(self) -> None:
        """Send the legs that could not leave when their entry filled, if they can now."""
        for bracket in self._all():
            entry = bracket.entry
            any_leg = _leg_of(entry, OrderType.LIMIT, ZERO, entry.filled)
            if bracket.wanting and not self._orders.why_not_now(any_leg):
                self._send_wanting(bracket)

    def _send_wanting(self, bracket: Bracket) -> None:
        entry, tags = bracket.entry, bracket.wanting
        bracket.wanting = ()
        self.waiting -= 1
        quantity = EXACT.subtract(entry.filled, bracket.closed)
        if quantity > 0 and self._is_held(entry):
            if PROFIT in tags and entry.take_profit is not None:
                bracket.profit = self._leg(bracket, OrderType.LIMIT, entry.take_profit, quantity)
            if LOSS in tags and entry.stop_loss is not None:
                bracket.loss = self._leg(bracket, OrderType.STOP_MARKET, entry.stop_loss, quantity)
        self._let_go_if_over(bracket)

    def _is_held(self, entry: Order) -> bool:
        """Whether the strategy holds anything that its legs could protect."""
        instrument = self._orders.instrument(entry.symbol)
        return bool(self._orders.portfolio.position(entry.strategy, instrument).quantity)

    def _wait(self, bracket: Bracket, tag: str, why: str) -> None:
        if not bracket.wanting:
            self.waiting += 1
        bracket.wanting = (*bracket.wanting, tag)
        entry = bracket.entry
        message = f"the {tag} of {entry.order_id} waits until it can be sent: {why}"
        self._orders.alert("unprotected", message, entry.strategy, entry.symbol)

    def _leg(
        self, bracket: Bracket, kind: OrderType, price: Decimal, quantity: Decimal
    ) -> Order | None:
        entry, leg = bracket.entry, _leg_of(bracket.entry, kind, price, quantity)
        why_not = self._orders.why_not_now(leg)
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
            else:
                bracket.loss = None
        rest = EXACT.subtract(bracket.entry.filled, bracket.closed)
        if other is not None and other.is_open and fill is not None:
            if rest > 0:
                self._orders.modify(other, EXACT.add(rest, other.filled))
            else:
                self._orders.cancel(other)
        self._let_go_if_over(bracket)

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
