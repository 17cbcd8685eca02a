"""From what a client asks for to an order that can be accepted, or to a refusal.

Every check is here and none changes anything, so that a refused call leaves no trace. In the order
in which Binance answers: rules of the listing, then trigger and post-only, then funds.
"""

from decimal import Decimal

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.numbers import CURRENCY_STEP, EXACT, ZERO, floor_to
from alphaforge.sandbox import filters
from alphaforge.sandbox.ledger import Account
from alphaforge.sandbox.market import Market
from alphaforge.sandbox.settlement import Settlement
from alphaforge.sandbox.stops import is_reached, trailed
from alphaforge.sandbox.terms import (
    Kind,
    NewOrder,
    Order,
    Refusal,
    RefusedError,
    SelfTrade,
    Standing,
)
from alphaforge.sandbox.trading import Trading

_SPOT = InstrumentKind.SPOT
_BUY = OrderSide.BUY


class Intake:
    """Checks new orders."""

    __slots__ = ("_settlement", "_trading")

    def __init__(self, settlement: Settlement, trading: Trading) -> None:
        self._settlement = settlement
        self._trading = trading

    def prepare(self, account: Account, market: Market, new: NewOrder, now: int) -> Order:
        """An order that could be accepted now but for funds; without an id yet.

        Raises:
            RefusedError: Whatever is wrong with it.
        """
        listing = market.listing
        filters.check_trading(listing)
        filters.check_shape(listing, new)
        order = _order(account, market, new, now)
        if new.value is not None:
            order.quantity = self._quantity_of(order, market, new.value)
        order.quantity = filters.quantity_on_grid(listing, order.quantity)
        if order.reduce_only and order.standing is Standing.OPEN:
            self._cut(account, order, market)
        limit, trigger = order.limit_price, order.trigger_price
        filters.check_range(listing, limit, market.last)
        if not order.reduce_only and new.value is None:
            worth = market.last if limit is None else limit
            if limit is None and trigger is not None:
                worth = trigger
            filters.check_value(listing, order.quantity, worth)
        _check_account(account, order, listing.max_orders)
        self.check_market(order, market)
        return order

    def check_market(self, order: Order, market: Market) -> None:
        """Refuse what the market stands against.

        Raises:
            RefusedError: WOULD_TRIGGER, WOULD_TAKE or NO_LIQUIDITY.
        """
        trigger = order.trigger_price
        if order.standing is Standing.PENDING:
            if trigger and is_reached(trigger, market.last, above=order.trigger_above):
                raise RefusedError(
                    Refusal.WOULD_TRIGGER, f"the last price {market.last} is past {trigger}"
                )
        elif order.post_only:
            if market.book.would_take(order.side, order.limit_price):
                raise RefusedError(Refusal.WOULD_TAKE, f"{order.limit_price} would take")
        elif order.kind is Kind.MARKET:
            sweep = market.book.sweep(order, order.quantity)
            if not sweep.quantity and not sweep.met_own and not _clears_own(order, market):
                raise RefusedError(Refusal.NO_LIQUIDITY, f"nobody to trade {order.symbol} with")

    def _quantity_of(self, order: Order, market: Market, value: Decimal) -> Decimal:
        """What a market order by value trades, floored to the step.

        One step more than there is if the book cannot give the value, so that the order expires
        instead of being filled.

        Raises:
            RefusedError: BAD_REQUEST, MIN_VALUE or NO_LIQUIDITY.
        """
        listing = market.listing
        if not value.is_finite() or value <= 0:
            raise RefusedError(Refusal.BAD_REQUEST, f"value {value} is out of range")
        sweep = market.book.sweep(order, None, value)
        if not sweep.quantity and not sweep.met_own:
            raise RefusedError(Refusal.NO_LIQUIDITY, f"nobody to trade {order.symbol} with")
        quantity = floor_to(sweep.quantity, listing.quantity_step)
        if value < listing.min_value or not quantity:
            raise RefusedError(
                Refusal.MIN_VALUE, f"value {value} of {listing.symbol} is too little"
            )
        is_short = EXACT.subtract(value, sweep.value) > CURRENCY_STEP
        return EXACT.add(quantity, listing.quantity_step) if is_short else quantity

    def closable(self, order: Order, market: Market) -> Decimal:
        """Contracts of its account's position that an order could close."""
        return self._settlement.closable(order, market)

    def _cut(self, account: Account, order: Order, market: Market) -> None:
        """A reduce-only order never asks for more than the position.

        Raises:
            RefusedError: REDUCE_ONLY, there is nothing to reduce.
        """
        closable = self.closable(order, market)
        if not closable:
            raise RefusedError(
                Refusal.REDUCE_ONLY, f"{account.name} has no {order.symbol} for it to reduce"
            )
        order.quantity = min(order.quantity, closable)

    def require_funds(self, order: Order, market: Market) -> None:
        """Refuse an order its account cannot pay.

        Raises:
            RefusedError: INSUFFICIENT_FUNDS.
        """
        self._trading.require_funds(order, market)


def _clears_own(order: Order, market: Market) -> bool:
    """Whether only own orders stand there and self-trade prevention is to take them out."""
    ladder = market.book.against(order.side)
    return order.self_trade is not SelfTrade.NONE and ladder.best() is not None


def _order(account: Account, market: Market, new: NewOrder, now: int) -> Order:
    """The order as asked for, prices on the grid, trigger worked out.

    Raises:
        RefusedError: PRICE_STEP.
    """
    listing = market.listing
    limit = filters.price_on_grid(listing, new.limit_price, "price")
    trigger = filters.price_on_grid(listing, new.trigger_price, "trigger")
    above = new.side is _BUY if new.trigger_above is None else new.trigger_above
    if new.trail is not None:
        trigger = trailed(market.last, new.trail, listing.price_step, above=above)
    return Order(
        order_id=0,
        account=account.name,
        symbol=new.symbol,
        side=new.side,
        kind=new.kind,
        client_order_id=new.client_order_id,
        quantity=ZERO if new.quantity is None else new.quantity,
        value=new.value,
        limit_price=limit,
        trigger_price=trigger,
        trigger_above=above and trigger is not None,
        trail=new.trail,
        tif=new.tif,
        post_only=new.post_only,
        reduce_only=new.reduce_only,
        self_trade=new.self_trade,
        visible=new.visible,
        standing=Standing.OPEN if trigger is None else Standing.PENDING,
        created=now,
        updated=now,
    )


def _check_account(account: Account, order: Order, max_orders: int) -> None:
    """Refuse a client order id in use, and more open orders than the listing allows.

    Raises:
        RefusedError: DUPLICATE_CLIENT_ID or TOO_MANY_ORDERS.
    """
    used = account.clients.get(order.client_order_id) if order.client_order_id else None
    if used is not None and used.is_open:
        raise RefusedError(
            Refusal.DUPLICATE_CLIENT_ID, f"{order.client_order_id} is an open order's"
        )
    if account.is_agent or not max_orders or len(account.open) < max_orders:
        return
    if sum(1 for _ in account.of(order.symbol)) >= max_orders:
        raise RefusedError(
            Refusal.TOO_MANY_ORDERS, f"{account.name} has {max_orders} orders in {order.symbol}"
        )
