"""Changes of open orders: what may be amended, checked as a new order would be.

The id is kept. Must never change anything but through `Trading.amend`, once all is checked.
"""

from copy import copy
from decimal import Decimal
from typing import NamedTuple

from alphaforge.sandbox import filters
from alphaforge.sandbox.intake import Intake
from alphaforge.sandbox.market import Market
from alphaforge.sandbox.terms import Kind, Order, Refusal, RefusedError, Standing
from alphaforge.sandbox.trading import Trading


class Amendment(NamedTuple):
    """New terms; None leaves one as it is. `quantity` is the new total, filled part included."""

    quantity: Decimal | None
    limit_price: Decimal | None
    trigger_price: Decimal | None


class Amending:
    """Amends open orders."""

    __slots__ = ("_intake", "_trading")

    def __init__(self, intake: Intake, trading: Trading) -> None:
        self._intake = intake
        self._trading = trading

    def amend(self, order: Order, market: Market, terms: Amendment) -> None:
        """Give an open order new terms.

        Raises:
            RefusedError: As for a new order; NOTHING_CHANGED if it has these terms already.
        """
        filters.check_trading(market.listing)
        wanted = self._wanted(order, market, terms)
        limit = wanted.limit_price
        if limit != order.limit_price:
            filters.check_range(market.listing, limit, market.last)
        worth = limit or wanted.trigger_price or market.last
        if not wanted.reduce_only:
            filters.check_value(market.listing, wanted.quantity, worth)
        self._intake.check_market(wanted, market)
        self._trading.require_funds(wanted, market, order)
        self._trading.amend(order, market, wanted)

    def _wanted(self, order: Order, market: Market, terms: Amendment) -> Order:
        """A copy of the order with the new terms, on the grid."""
        _check_terms(order, terms)
        listing = market.listing
        wanted = copy(order)
        if terms.quantity is not None:
            wanted.quantity = self._quantity(order, market, terms.quantity)
        if terms.limit_price is not None:
            wanted.limit_price = filters.price_on_grid(listing, terms.limit_price, "price")
        if terms.trigger_price is not None:
            wanted.trigger_price = filters.price_on_grid(listing, terms.trigger_price, "trigger")
        if _terms(wanted) == _terms(order):
            raise RefusedError(Refusal.NOTHING_CHANGED, f"order {order.order_id} has these terms")
        return wanted

    def _quantity(self, order: Order, market: Market, quantity: Decimal) -> Decimal:
        on_grid = filters.quantity_on_grid(market.listing, quantity)
        if order.reduce_only and order.standing is Standing.OPEN:
            on_grid = min(on_grid, order.filled + self._intake.closable(order, market))
        if on_grid <= order.filled:
            raise RefusedError(
                Refusal.QUANTITY_RANGE,
                f"quantity {quantity} of order {order.order_id} is not above the filled"
                f" {order.filled}",
            )
        return on_grid


def _terms(order: Order) -> tuple[Decimal, Decimal | None, Decimal | None]:
    return order.quantity, order.limit_price, order.trigger_price


def _check_terms(order: Order, terms: Amendment) -> None:
    """Refuse terms that this order cannot have.

    Raises:
        RefusedError: BAD_REQUEST.
    """
    pending = order.standing is Standing.PENDING
    if terms.trigger_price is not None and (not pending or order.trail is not None):
        raise RefusedError(Refusal.BAD_REQUEST, "only a sleeping stop's fixed trigger can change")
    if terms.limit_price is not None and order.kind is not Kind.LIMIT:
        raise RefusedError(Refusal.BAD_REQUEST, "a market order takes no price")
    if order.list_id:
        raise RefusedError(Refusal.BAD_REQUEST, "an order of a list cannot be amended")
