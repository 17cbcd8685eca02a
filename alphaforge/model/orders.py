"""An order as its strategy sees it, and a fill as it was booked.

`Order` is the strategy's live read-only handle: one object for the order's whole life. Only the
engine's lifecycle writes to it, through msgspec's `force_setattr`; everyone else reads.
"""

from decimal import Decimal

import msgspec

from alphaforge.model.enums import (
    Liquidity,
    OrderSide,
    OrderStatus,
    OrderType,
    PendingRequest,
    TimeInForce,
)
from alphaforge.model.numbers import ZERO, Number, decimal_of


class Order(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A live, read-only handle of one order.

    Attributes:
        symbol: The instrument.
        side: BUY or SELL.
        order_type: How it meets the market.
        quantity: Ordered, base units or contracts; on the grid once approved.
        limit_price: Worst acceptable price; None for market and stop-market orders.
        trigger_price: Price that wakes a stop; None for a trailing one, whose venue moves it.
        trail: Trailing distance in price, or None.
        trail_pct: Trailing distance in percent of the best price, or None.
        tif: Time in force.
        expires: Engine time (ns) at which it expires; 0 = never.
        post_only: Rejected instead of taking liquidity.
        reduce_only: May not open or turn a position; cut to the position.
        take_profit: Price of the profit leg of a bracket, or None.
        stop_loss: Trigger of the loss leg of a bracket, or None.
        tag: The strategy's own note.
        strategy: Who ordered.
        parent_id: For a bracket's leg, the entry's order id.
        signal_id: The signal it came from, or empty.
        order_id: Ours, run-local and deterministic (`o-000001`); empty until submitted.
        client_order_id: What a venue over the wire is told; empty where simulated.
        venue_order_id: The venue's; empty until it accepted.
        status: Where it stands.
        is_open: Whether it can still fill.
        pending: What was asked and not answered.
        in_doubt: True while its outcome at the venue is not known.
        filled: Quantity done.
        leaves: Quantity that may still fill; 0 once closed.
        average_price: Volume-weighted over its fills; None before the first.
        reason: Why it was denied, rejected or canceled; of a held one, why it is held.
        ts: Engine time (ns) of the decision that sends it; while it is held, of the one to hold it.
        ts_last: Engine time (ns) of the last change.
        emulated: Its venue has no such orders: the engine waits for the trigger in its place, and
            only while it runs.
        denial: Why its last cancel or modification was refused here; empty if none was.
    """

    symbol: str
    side: OrderSide
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trail: Decimal | None = None
    trail_pct: Decimal | None = None
    tif: TimeInForce = TimeInForce.GTC
    expires: int = 0
    post_only: bool = False
    reduce_only: bool = False
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    tag: str = ""
    strategy: str = ""
    parent_id: str = ""
    signal_id: str = ""
    order_id: str = ""
    client_order_id: str = ""
    venue_order_id: str = ""
    status: OrderStatus = OrderStatus.INITIALIZED
    is_open: bool = True
    pending: PendingRequest = PendingRequest.NONE
    in_doubt: bool = False
    filled: Decimal = ZERO
    leaves: Decimal = ZERO
    average_price: Decimal | None = None
    reason: str = ""
    ts: int = 0
    ts_last: int = 0
    emulated: bool = False
    denial: str = ""

    @property
    def is_held(self) -> bool:
        """Whether it waits here for its trigger, and nothing has left."""
        return self.emulated and self.is_open and self.status is OrderStatus.INITIALIZED

    @property
    def names(self) -> tuple[str, str, str]:
        """What a venue over a wire knows it by: symbol, our client id, the venue's id."""
        return self.symbol, self.client_order_id, self.venue_order_id

    @classmethod
    def market(
        cls, symbol: str, side: OrderSide, quantity: Number, *, strategy: str = ""
    ) -> "Order":
        """Describe an order at the best price now."""
        amount = decimal_of(quantity)
        return cls(
            symbol=symbol,
            side=side,
            order_type=OrderType.MARKET,
            quantity=amount,
            leaves=amount,
            strategy=strategy,
        )

    @classmethod
    def limit(
        cls, symbol: str, side: OrderSide, quantity: Number, price: Number, *, strategy: str = ""
    ) -> "Order":
        """Describe an order at `price` or better."""
        amount = decimal_of(quantity)
        return cls(
            symbol=symbol,
            side=side,
            order_type=OrderType.LIMIT,
            quantity=amount,
            leaves=amount,
            limit_price=decimal_of(price),
            strategy=strategy,
        )

    @classmethod
    def stop(
        cls, symbol: str, side: OrderSide, quantity: Number, trigger: Number, *, strategy: str = ""
    ) -> "Order":
        """Describe a market order that wakes when the market reaches `trigger`."""
        amount = decimal_of(quantity)
        return cls(
            symbol=symbol,
            side=side,
            order_type=OrderType.STOP_MARKET,
            quantity=amount,
            leaves=amount,
            trigger_price=decimal_of(trigger),
            strategy=strategy,
        )

    @classmethod
    def stop_limit(
        cls,
        symbol: str,
        side: OrderSide,
        quantity: Number,
        trigger: Number,
        price: Number,
        *,
        strategy: str = "",
    ) -> "Order":
        """Describe a limit order at `price` that wakes when the market reaches `trigger`."""
        amount = decimal_of(quantity)
        return cls(
            symbol=symbol,
            side=side,
            order_type=OrderType.STOP_LIMIT,
            quantity=amount,
            leaves=amount,
            trigger_price=decimal_of(trigger),
            limit_price=decimal_of(price),
            strategy=strategy,
        )


class Fill(msgspec.Struct, frozen=True, gc=False, tag="fill"):
    """One execution of our order, as booked: the row of `export fills`.

    Attributes:
        quantity: Base units or contracts, more than zero.
        value: price × quantity × multiplier, in quote (inverse: in settle), exact.
        fee: Paid if positive, received if negative.
        realized_pnl: Of the part of the position it closed, by average cost, gross of fees, in
            the settle currency; 0 where it opened.
        ts: Engine time, ns UTC.
    """

    ts: int
    venue: str
    account: str
    symbol: str
    strategy: str
    order_id: str
    venue_order_id: str
    trade_id: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    value: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    realized_pnl: Decimal
