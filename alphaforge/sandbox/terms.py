"""The built-in exchange's own words: listings, orders, executions, and what it tells of them.

Values only, in the exchange's terms and not in any dialect's: `dialects/` turn them into what a
venue writes on the wire. Money, prices and quantities are exact Decimals; times are integer ns UTC
of the exchange's clock. Must never hold behaviour.
"""

from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

import msgspec

from alphaforge.model.enums import InstrumentKind, Liquidity, OrderSide
from alphaforge.model.numbers import ONE, ZERO


class MarketStatus(StrEnum):
    """Whether a listing trades."""

    TRADING = "TRADING"
    HALTED = "HALTED"
    DELISTED = "DELISTED"


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One market of the exchange and its rules.

    Attributes:
        symbol: Unified: `BTC/USDT`, `BTC/USDT:USDT` for a linear perpetual.
        settle: What fees of a perpetual, its margin and its profit are in; spot: the quote.
        price_step, quantity_step: The grid.
        min_quantity, max_quantity: Of one order, and of what rests of it.
        min_value: Smallest price × quantity × multiplier; 0 = none.
        multiplier: Base units per contract; 1 for spot.
        price_up, price_down: A limit may be at most last × up and at least last × down; 0 = off.
        max_orders: Most open orders of one account; 0 = no limit.
        fee_in_received: Spot: the fee is paid in what was bought (base of a buy, quote of a sell);
            otherwise always in the quote.
        leverage: Of a perpetual: position value allowed per unit of margin.
        first_price: Where the market begins.
    """

    symbol: str
    kind: InstrumentKind = InstrumentKind.SPOT
    base: str
    quote: str
    settle: str
    price_step: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal = Decimal(9000)
    min_value: Decimal = Decimal(5)
    multiplier: Decimal = ONE
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    price_up: Decimal = Decimal(5)
    price_down: Decimal = Decimal("0.2")
    max_orders: int = 200
    fee_in_received: bool = False
    leverage: Decimal = Decimal(10)
    first_price: Decimal = Decimal(100)
    status: MarketStatus = MarketStatus.TRADING


class Kind(StrEnum):
    """What an order is. A stop is a MARKET or LIMIT order with a trigger."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"


class Tif(StrEnum):
    """How long it stays."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class SelfTrade(StrEnum):
    """What happens when two orders of one account (or trade group) would meet."""

    NONE = "NONE"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


class Standing(StrEnum):
    """Where an order stands."""

    PENDING = "PENDING"  # a trigger that has not been met, or the half of a list that waits
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"  # IOC/FOK rest, reduce-only without a position, a delisting
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"  # self-trade prevention
    REJECTED = "REJECTED"  # a stop that fired without funds, or a fault


class Refusal(StrEnum):
    """Why the exchange says no; a dialect has a code and words for each."""

    BAD_REQUEST = "BAD_REQUEST"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    MARKET_CLOSED = "MARKET_CLOSED"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENT_ID"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    PRICE_STEP = "PRICE_STEP"
    PRICE_RANGE = "PRICE_RANGE"
    QUANTITY_STEP = "QUANTITY_STEP"
    QUANTITY_RANGE = "QUANTITY_RANGE"
    MIN_VALUE = "MIN_VALUE"
    TOO_MANY_ORDERS = "TOO_MANY_ORDERS"
    WOULD_TAKE = "WOULD_TAKE"
    WOULD_TRIGGER = "WOULD_TRIGGER"
    NO_LIQUIDITY = "NO_LIQUIDITY"
    REDUCE_ONLY = "REDUCE_ONLY"
    NOTHING_CHANGED = "NOTHING_CHANGED"


class RefusedError(Exception):
    """The exchange says no, and nothing has changed."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for.

    Attributes:
        quantity: Base units or contracts; None for a market order by value.
        value: A spot market order's quote to spend or to get (`quoteOrderQty`).
        limit_price: Of a LIMIT order.
        trigger_price: Of a stop; with `trail` it is worked out from the market.
        trigger_above: It wakes at or above the trigger (None: a buy above, a sell below).
        trail: Distance a trailing trigger keeps, as a fraction of the price (0.015 = 150 bps).
        client_order_id: Unique among the account's open orders; empty: the exchange makes one.
        visible: Iceberg's shown part; None = all.
    """

    symbol: str
    side: OrderSide
    kind: Kind
    quantity: Decimal | None = None
    value: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trigger_above: bool | None = None
    trail: Decimal | None = None
    tif: Tif = Tif.GTC
    post_only: bool = False
    reduce_only: bool = False
    client_order_id: str = ""
    self_trade: SelfTrade = SelfTrade.NONE
    visible: Decimal | None = None


class Order(msgspec.Struct, kw_only=True):
    """An order as it stands; the exchange changes it in place, everyone else reads.

    Attributes:
        order_id: Counted by the exchange, per exchange from 1.
        list_id: Of the one-cancels-other list it belongs to; 0 = none.
        quantity: As accepted; of a market order by value: what it has filled so far, in the end.
        filled: Cumulative.
        filled_value: Σ price × quantity of its executions (quote; of contracts × multiplier).
        triggered: A stop woke.
        shown: What of it stands in the visible book now; 0 unless it rests there.
        standing: See `Standing`.
        reason: In words, for an end that was not asked for.
        created, updated: ns.
    """

    order_id: int
    account: str
    symbol: str
    side: OrderSide
    kind: Kind
    client_order_id: str
    quantity: Decimal
    value: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trigger_above: bool = False
    trail: Decimal | None = None
    tif: Tif = Tif.GTC
    post_only: bool = False
    reduce_only: bool = False
    self_trade: SelfTrade = SelfTrade.NONE
    visible: Decimal | None = None
    list_id: int = 0
    filled: Decimal = ZERO
    filled_value: Decimal = ZERO
    triggered: bool = False
    shown: Decimal = ZERO
    standing: Standing = Standing.OPEN
    reason: str = ""
    created: int = 0
    updated: int = 0

    @property
    def leaves(self) -> Decimal:
        """What may still fill; 0 once it has ended."""
        return self.quantity - self.filled if self.is_open else ZERO

    @property
    def is_open(self) -> bool:
        """Whether anything can still happen to it."""
        return self.standing in {Standing.PENDING, Standing.OPEN}


class OrderList(msgspec.Struct, frozen=True, kw_only=True):
    """A one-cancels-other list: a limit and a stop of one side and quantity."""

    list_id: int
    account: str
    symbol: str
    client_list_id: str
    orders: tuple[Order, ...]
    created: int


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One account's side of a trade.

    Attributes:
        trade_id: Of the symbol's tape, counted from 1.
        fee: Paid if positive.
        realized_pnl: Of a perpetual, by average cost; 0 for spot.
    """

    trade_id: int
    order_id: int
    client_order_id: str
    account: str
    symbol: str
    side: OrderSide
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    ts: int
    realized_pnl: Decimal = ZERO


class Print(msgspec.Struct, frozen=True, kw_only=True):
    """A trade on the public tape.

    Attributes:
        side: The aggressor's.
    """

    symbol: str
    trade_id: int
    price: Decimal
    quantity: Decimal
    side: OrderSide
    ts: int


class Balance(msgspec.Struct, frozen=True):
    """Of one currency."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """A perpetual's position of an account, one-way mode.

    Attributes:
        quantity: Signed contracts; 0 when flat.
        entry_price: Average; 0 when flat.
        realized_pnl: Since the account was opened, gross of fees, in settle.
    """

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    leverage: Decimal


Level: TypeAlias = tuple[Decimal, Decimal]
"""Price and size."""


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """The visible book: levels best first, at the update id it stands at."""

    symbol: str
    update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    ts: int


class Change(StrEnum):
    """What an order event tells (FIX 150)."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"  # amended in place, id kept
    TRIGGERED = "TRIGGERED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    SELF_TRADE = "SELF_TRADE"


class OrderChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to an order: it as it stands then (a copy), and the execution if any.

    Attributes:
        cancel_client_id: What a cancel request called itself; empty if it did not.
    """

    change: Change
    order: Order
    execution: Execution | None = None
    cancel_client_id: str = ""
    ts: int


class BalancesChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An account's balances of some currencies, as they are now."""

    account: str
    balances: dict[str, Balance]
    ts: int


class PositionChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An account's position, as it is now."""

    account: str
    position: PositionView
    ts: int


class BookChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Levels that changed, with their new visible sizes (0 = gone); one per call, ids gapless."""

    symbol: str
    first_id: int
    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    ts: int


class TopChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Best bid and ask; None where a side is empty."""

    symbol: str
    update_id: int
    bid: Level | None
    ask: Level | None
    ts: int


class MarketChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A listing's status or rules are new."""

    listing: Listing
    ts: int


Told: TypeAlias = (
    OrderChanged
    | BalancesChanged
    | PositionChanged
    | Print
    | BookChanged
    | TopChanged
    | MarketChanged
)
"""What the exchange tells its listeners, in the order in which it happened."""
