"""What a venue over a wire says in its own words: by its ids and our client order ids.

A claim is what arrived, not what we conclude: `engine/claims.py` turns it into facts about orders
(`model/reports.py`), adopting orders nobody here knew. Pushed or asked for, in any order, late or
twice: the same claims lead to the same books. Times are integer ns UTC.
"""

from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

import msgspec

from alphaforge.model.enums import Liquidity, OrderSide, OrderType, TimeInForce


class VenueStatus(StrEnum):
    """Where the venue says an order stands (FIX 39 without quantities and requests)."""

    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


class OrderStatusReport(msgspec.Struct, frozen=True, gc=False, tag="order_status"):
    """How an order stands at the venue.

    Attributes:
        venue_order_id: The venue's; empty only where it has not given one yet.
        client_order_id: What we told it; empty where the venue does not repeat it, or the order
            is not of ours.
        quantity: Total, filled part included; None where the venue does not say.
        filled: Cumulative, of the venue's own count; None where it does not say.
        limit_price: None for none, or not said.
        trigger_price: None for none, or not said.
        triggered: A stop woke.
        reason: The venue's own words for an end that was not a fill.
        account: Empty, or whose it is: a claim about another account is refused.
        asked_at: Engine time (ns) at which it was asked for; 0 where the venue pushed it.
        ts: The venue's time of the state.
        ts_local: When it arrived.
    """

    symbol: str
    venue_order_id: str
    status: VenueStatus
    side: OrderSide
    ts: int
    ts_local: int = 0
    client_order_id: str = ""
    order_type: OrderType = OrderType.LIMIT
    quantity: Decimal | None = None
    filled: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    tif: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    triggered: bool = False
    reason: str = ""
    account: str = ""
    asked_at: int = 0


class FillReport(msgspec.Struct, frozen=True, gc=False, tag="fill_report"):
    """One execution of an order of the account, as the venue tells it.

    Attributes:
        trade_id: Unique per venue, account, symbol and side: the same again is the same trade.
        client_order_id: Empty where the venue does not repeat it.
        quantity: Base units or contracts, more than zero.
        fee: Paid if positive, received if negative.
        account: Empty, or whose it is.
        ts: The venue's time of the trade.
        ts_local: When it arrived.
    """

    symbol: str
    trade_id: str
    venue_order_id: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    ts: int
    ts_local: int = 0
    client_order_id: str = ""
    account: str = ""


class BustReport(msgspec.Struct, frozen=True, gc=False, tag="bust_report"):
    """The venue took a trade back."""

    symbol: str
    trade_id: str
    side: OrderSide
    ts: int
    ts_local: int = 0
    account: str = ""


class BalanceReport(msgspec.Struct, frozen=True, gc=False, tag="balance_report"):
    """All the account has of a currency, free and locked together."""

    currency: str
    total: Decimal


class PositionReport(msgspec.Struct, frozen=True, gc=False, tag="position_report"):
    """The account's signed quantity of a derivative."""

    symbol: str
    quantity: Decimal


class VenueState(StrEnum):
    """Whether what we know of a venue is what it knows; new orders leave in READY only."""

    READY = "READY"
    RECONCILING = "RECONCILING"
    DOWN = "DOWN"


class VenueStateChanged(msgspec.Struct, frozen=True, gc=False, tag="venue_state"):
    """We say where a venue stands; while it is not READY, new orders for it are denied.

    Attributes:
        cursor: Every trade of the account up to this time of the venue (ns) has been booked;
            0 = nothing is said. Kept in the journal: a restart asks from there.
    """

    venue: str
    state: VenueState
    reason: str
    ts_local: int
    cursor: int = 0


class BooksDiffer(msgspec.Struct, frozen=True, gc=False, tag="books_differ"):
    """A venue's balance or position is not ours, and stayed so when it was looked at again.

    Attributes:
        kind: `balance` or `position`.
        subject: The currency or symbol.
        ours, theirs: As text, with every digit.
        cause: In a few words, what it can come from.
    """

    venue: str
    kind: str
    subject: str
    ours: str
    theirs: str
    cause: str
    ts_local: int


Claim: TypeAlias = OrderStatusReport | FillReport | BustReport
"""What can arrive about orders."""
