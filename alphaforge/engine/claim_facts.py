"""What a claim says, read without knowing anything else: terms, facts, likeness.

Pure functions of `engine/claims.py`; they must never look anything up.
"""

from decimal import Decimal

from msgspec.structs import replace

from alphaforge.model.claims import BustReport, FillReport, OrderStatusReport, VenueStatus
from alphaforge.model.commands import ModifyOrder, SubmitOrder
from alphaforge.model.enums import OrderType
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.model.orders import Order
from alphaforge.model.reports import OrderFilled, OrderModified, TradeBusted

EXTERNAL = "external"
"""The strategy of orders that nobody here asked for."""

ADOPTED = "x-"
"""How the ids of adopted orders begin; those of our own begin with `o-`."""

NO_TERMS = frozenset({VenueStatus.REJECTED})


def terms_of_status(claim: OrderStatusReport) -> SubmitOrder:
    """The terms of an order to be adopted, as far as the venue says; the owner is not known."""
    quantity = claim.quantity if claim.quantity is not None else claim.filled
    return SubmitOrder(
        "",
        claim.symbol,
        EXTERNAL,
        claim.side,
        claim.order_type,
        quantity if quantity is not None else ZERO,
        claim.limit_price,
        claim.trigger_price,
        tif=claim.tif,
        reduce_only=claim.reduce_only,
        client_order_id=claim.client_order_id,
    )


def terms_of_fill(claim: FillReport) -> SubmitOrder:
    """The terms that one of its trades proves; the rest has to be asked for."""
    return SubmitOrder(
        "",
        claim.symbol,
        EXTERNAL,
        claim.side,
        OrderType.LIMIT,
        claim.quantity,
        claim.price,
        client_order_id=claim.client_order_id,
    )


def fact_of(claim: FillReport, order: Order, now: int) -> OrderFilled:
    """The execution as a fact about an order of ours; `now`: engine time it arrived at."""
    return OrderFilled(
        order.order_id,
        claim.venue_order_id or order.venue_order_id,
        claim.trade_id,
        claim.quantity,
        claim.price,
        claim.fee,
        claim.fee_currency,
        claim.liquidity,
        claim.ts,
        now,
    )


def bust_of(claim: FillReport | BustReport, order_id: str, now: int) -> TradeBusted:
    """A trade taken back, as a fact about an order of ours."""
    return TradeBusted(order_id, claim.trade_id, claim.ts, now)


def is_same(told: OrderFilled, known: OrderFilled | None) -> bool:
    """Whether a trade that came again says what it said before."""
    return known is not None and (
        (told.quantity, told.price, told.fee, told.fee_currency)
        == (known.quantity, known.price, known.fee, known.fee_currency)
    )


def shows(claim: OrderStatusReport, request: ModifyOrder) -> bool:
    """Whether the venue's terms are the ones a request named."""
    return (
        (request.quantity is None or request.quantity == claim.quantity or _is_cut(claim, request))
        and (request.limit_price is None or request.limit_price == claim.limit_price)
        and (request.trigger_price is None or request.trigger_price == claim.trigger_price)
    )


def _is_cut(claim: OrderStatusReport, request: ModifyOrder) -> bool:
    """Replaced down to what was filled already: the venue closes it at that (FIX C.3)."""
    asked, filled = request.quantity, claim.filled
    return (
        claim.status is VenueStatus.FILLED
        and asked is not None
        and filled is not None
        and asked <= filled == claim.quantity
    )


def modified(request: ModifyOrder, claim: OrderStatusReport, now: int) -> OrderModified:
    """The request as carried out; the quantity is what the venue shows."""
    quantity = None if request.quantity is None else claim.quantity
    return OrderModified(
        request.order_id,
        request.version,
        quantity,
        request.limit_price,
        request.trigger_price,
        claim.ts,
        now,
    )


def differs(order: Order, claim: OrderStatusReport) -> bool:
    """Whether an order that works at the venue has other terms there; what is not said is equal."""
    return claim.status is VenueStatus.OPEN and not has_terms(order, claim)


def has_terms(order: Order, claim: OrderStatusReport) -> bool:
    """Whether the terms we hold are those that the venue shows; a price not said is equal."""
    return (
        claim.quantity == order.quantity
        and claim.limit_price in (None, order.limit_price)
        and claim.trigger_price in (None, order.trigger_price)
    )


def less(claim: OrderStatusReport, prior: Decimal) -> OrderStatusReport:
    """The same without what had been filled before the run began."""
    quantity, filled = claim.quantity, claim.filled
    return replace(
        claim,
        quantity=None if quantity is None else EXACT.subtract(quantity, prior),
        filled=None if filled is None else EXACT.subtract(filled, prior),
    )
