"""What the fake exchange lists, how it behaves and what it says no with.

Values only: the exchange's rules live in `exchange.py`. Shares nothing with the engine but model
values, so that it is an independent book to be compared with.
"""

from decimal import Decimal

import msgspec

from alphaforge.model.claims import FillReport, OrderStatusReport, VenueStatus
from alphaforge.model.instrument import Instrument
from alphaforge.venues.base import Capabilities

INSUFFICIENT = "insufficient"
BAD_ORDER = "bad-order"
BAD_SYMBOL = "bad-symbol"
EXPIRED = "expired"
DUPLICATE = "duplicate"
UNKNOWN_ORDER = "unknown-order"
TOO_LATE = "too-late"
POST_ONLY = "post-only"
THROTTLED = "throttled"
HALTED = "halted"
SERVER = "server"
"""Said by the way to the exchange, before or after the effect: proves nothing."""

REFUSALS = frozenset(
    {INSUFFICIENT, BAD_ORDER, BAD_SYMBOL, EXPIRED, POST_ONLY, THROTTLED, HALTED},
)
"""Codes that prove that an order was not taken; `duplicate` proves that one with its id was."""

CAPABILITIES = Capabilities(
    refusals=REFUSALS,
    request_refusals=REFUSALS,
    unknown_order=frozenset({UNKNOWN_ORDER}),
    duplicates=frozenset({DUPLICATE}),
    throttled=frozenset({THROTTLED}),
)
"""What the fake exchange promises; `too-late` and `unknown-order` to a request prove nothing."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One spot symbol and its market.

    Attributes:
        instrument: Grid, minimums and fee rates; its methods are not used.
        price: Where the mid price starts.
        swing: Largest move of the mid in one tick, in price steps.
        half_spread: Price steps from the mid to the best bid and ask.
        depth: Largest size of the best level, in quantity steps.
        fee_currency: Empty = the quote; the base, or a third currency (fees fall back to the
            quote where the account has too little of it).
        fee_price: Quote per unit of a third fee currency.
    """

    instrument: Instrument
    price: Decimal
    swing: int = 8
    half_spread: int = 1
    depth: int = 60
    fee_currency: str = ""
    fee_price: Decimal = Decimal(300)


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """Where venues differ; the defaults are the tame one.

    Attributes:
        trades_name_client_id: The list of trades repeats client order ids.
        pushes_name_client_id: Pushed messages do.
        ended_orders_are_unknown_to_cancel: Cancel or modify of an ended order says
            `unknown-order`, not `too-late`.
        late_reject_with_fills: What is left of a market or woken stop order that found too little
            is REJECTED after its fills, not CANCELED.
        rejects_market_when_thin: A market order larger than the book is taken and REJECTED whole.
        immediate_ends_as: How the rest of an IOC or a killed FOK order ends.
        slow_cancel_ns: A cancel is acknowledged at once and works this much later.
        request_rate: Requests per account and second; 0 = no limit.
        forgets_ended_ns: Look-ups of orders ended this long ago say `unknown-order`; 0 = never.
    """

    trades_name_client_id: bool = True
    pushes_name_client_id: bool = True
    ended_orders_are_unknown_to_cancel: bool = False
    late_reject_with_fills: bool = False
    rejects_market_when_thin: bool = False
    immediate_ends_as: VenueStatus = VenueStatus.CANCELED
    slow_cancel_ns: int = 0
    request_rate: int = 0
    forgets_ended_ns: int = 0


class Books(msgspec.Struct, frozen=True):
    """All the exchange knows of an account, for comparing.

    Attributes:
        orders: How every order ever taken stands now, in the order taken.
        trades: Every trade that stands, in the order made.
        busted: Ids of the trades taken back.
        balances: Exact totals by currency.
    """

    orders: list[OrderStatusReport]
    trades: list[FillReport]
    busted: list[str]
    balances: dict[str, Decimal]


def spot(symbol: str, price: str, *, venue: str = "fake") -> Listing:
    """A plain spot listing: cents, 0.0001 of the base, 0.1 % taker and 0.05 % maker fee."""
    base, quote = symbol.split("/")
    instrument = Instrument(
        symbol=symbol,
        venue=venue,
        base=base,
        quote=quote,
        settle=quote,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.0001"),
        min_quantity=Decimal("0.0001"),
        min_value=Decimal(1),
        maker_fee=Decimal("0.0005"),
        taker_fee=Decimal("0.001"),
        source="venue",
    )
    return Listing(instrument=instrument, price=Decimal(price), swing=400, half_spread=50)
