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

    def alert(self, code: str, message: str, strategy: str = "", symbol: str = "") -> None:
        """Say something a person should know."""
        ...


class Bracket(msgspec.Struct, gc=False, eq=False):
    """An entry with its legs; a leg is None where the strategy asked for none, or it has ended."""

    entry: Order
    profit: Order | None = None
    loss: Order | None = None
    closed: Decimal = ZERO

    @property
    def legs(self) -> list[Order]:
        """The legs there are."""
        return [leg for leg in (self.profit, self.loss) if leg is not None]


class Brackets:
    """All brackets of an account.

    Attributes:
        by_order: Each bracket by the ids of its working orders; empty: nothing to follow.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self.by_order: dict[str, Bracket] = {}

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
        if bracket.profit is None and entry.take_profit is not None and not bracket.closed:
            bracket.profit = self._leg(bracket, OrderType.LIMIT, entry.take_profit, quantity)
        elif bracket.profit is not None:
            self._orders.modify(bracket.profit, EXACT.add(quantity, bracket.profit.filled))
        if bracket.loss is None and entry.stop_loss is not None and not bracket.closed:
            bracket.loss = self._leg(bracket, OrderType.STOP_MARKET, entry.stop_loss, quantity)
        elif bracket.loss is not None:
            self._orders.modify(bracket.loss, EXACT.add(quantity, bracket.loss.filled))
        if bracket.profit is None and bracket.loss is None:
            self.by_order.pop(entry.order_id, None)

    def _leg(
        self, bracket: Bracket, kind: OrderType, price: Decimal, quantity: Decimal
    ) -> Order | None:
        entry = bracket.entry
        leg = Order(
            symbol=entry.symbol,
            side=OrderSide.SELL if entry.side is OrderSide.BUY else OrderSide.BUY,
            order_type=kind,
            quantity=quantity,
            leaves=quantity,
            limit_price=price if kind is OrderType.LIMIT else None,
            trigger_price=price if kind is OrderType.STOP_MARKET else None,
            reduce_only=True,
            tag="take-profit" if kind is OrderType.LIMIT else "stop-loss",
            strategy=entry.strategy,
            parent_id=entry.order_id,
        )
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
        if bracket.profit is None and bracket.loss is None:
            self.by_order.pop(bracket.entry.order_id, None)

    def _drop_when_flat(self, order: Order) -> None:
        """An order outside the bracket brought the strategy to flat: nothing is left to protect."""
        if not self.by_order:
            return
        instrument = self._orders.instrument(order.symbol)
        if self._orders.portfolio.position(order.strategy, instrument).quantity:
            return
        for bracket in {id(each): each for each in self.by_order.values()}.values():
            entry = bracket.entry
            if entry.symbol == order.symbol and entry.strategy == order.strategy:
                self._drop(bracket)

    def _drop(self, bracket: Bracket) -> None:
        for leg in (bracket.profit, bracket.loss):
            if leg is not None and leg.is_open:
                self._orders.cancel(leg)
