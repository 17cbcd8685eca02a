"""The rules a listing sets for an order: its grid, its range, its least value, whether it trades.

Pure checks on values; they raise, and change nothing. Must never know money or the book.
"""

from decimal import Decimal

from alphaforge.model.enums import InstrumentKind
from alphaforge.model.numbers import EXACT, TOO_LARGE, ZERO
from alphaforge.sandbox.terms import (
    Kind,
    Listing,
    MarketStatus,
    NewOrder,
    Refusal,
    RefusedError,
    Tif,
)

_SPOT = InstrumentKind.SPOT
_INVERSE = InstrumentKind.INVERSE
_LIMIT = Kind.LIMIT


def check_trading(listing: Listing) -> None:
    """Refuse when the market does not trade.

    Raises:
        RefusedError: MARKET_CLOSED.
    """
    if listing.status is not MarketStatus.TRADING:
        raise RefusedError(Refusal.MARKET_CLOSED, f"{listing.symbol} is {listing.status}")


def check_shape(listing: Listing, new: NewOrder) -> None:
    """Refuse fields that do not go together.

    Raises:
        RefusedError: BAD_REQUEST.
    """
    for problem, is_there in _problems(listing, new):
        if is_there:
            raise RefusedError(Refusal.BAD_REQUEST, problem)


def _problems(listing: Listing, new: NewOrder) -> tuple[tuple[str, bool], ...]:
    is_limit, by_value = new.kind is _LIMIT, new.value is not None
    is_stop = new.trigger_price is not None or new.trail is not None
    trail = ZERO if new.trail is None else new.trail
    return (
        ("an order needs either a quantity or a value", by_value is (new.quantity is not None)),
        ("a limit order needs a price", is_limit and new.limit_price is None),
        ("a market order takes no price", not is_limit and new.limit_price is not None),
        ("only a plain market order on spot goes by value", by_value and (is_limit or is_stop)),
        ("only a spot order goes by value", by_value and listing.kind is not _SPOT),
        ("only a limit order can be post-only", new.post_only and not is_limit),
        ("a post-only order stays", new.post_only and new.tif is not Tif.GTC),
        ("a trailing stop's trigger follows", bool(new.trail and new.trigger_price)),
        ("a trail is a fraction between 0 and 1", new.trail is not None and not 0 < trail < 1),
        ("spot has no positions to reduce", new.reduce_only and listing.kind is _SPOT),
        ("only a limit order that stays can hide", _hides_badly(new)),
    )


def _hides_badly(new: NewOrder) -> bool:
    if new.visible is None:
        return False
    is_there = new.visible > 0 and new.quantity is not None and new.visible <= new.quantity
    return not is_there or new.kind is not _LIMIT or new.tif is not Tif.GTC


def price_on_grid(listing: Listing, price: Decimal | None, name: str) -> Decimal | None:
    """A price in the step's own digits.

    Raises:
        RefusedError: PRICE_STEP.
    """
    if price is None:
        return None
    step = listing.price_step
    if not price.is_finite() or not 0 < price < TOO_LARGE or EXACT.remainder(price, step):
        raise RefusedError(
            Refusal.PRICE_STEP, f"{name} {price} of {listing.symbol} is no multiple of {step}"
        )
    return price.quantize(step, context=EXACT)


def quantity_on_grid(listing: Listing, quantity: Decimal) -> Decimal:
    """A quantity in the step's own digits and within the listing's bounds.

    Raises:
        RefusedError: QUANTITY_STEP or QUANTITY_RANGE.
    """
    if not quantity.is_finite() or quantity >= TOO_LARGE or quantity <= 0:
        raise RefusedError(Refusal.QUANTITY_RANGE, f"quantity {quantity} is out of range")
    if not listing.min_quantity <= quantity <= listing.max_quantity:
        raise RefusedError(
            Refusal.QUANTITY_RANGE,
            f"quantity {quantity} of {listing.symbol} is not within {listing.min_quantity} and"
            f" {listing.max_quantity}",
        )
    if EXACT.remainder(quantity, listing.quantity_step):
        raise RefusedError(
            Refusal.QUANTITY_STEP,
            f"quantity {quantity} of {listing.symbol} is no multiple of {listing.quantity_step}",
        )
    return quantity.quantize(listing.quantity_step, context=EXACT)


def check_range(listing: Listing, price: Decimal | None, last: Decimal) -> None:
    """Refuse a limit too far from the last trade.

    Raises:
        RefusedError: PRICE_RANGE.
    """
    if price is None:
        return
    up, down = listing.price_up, listing.price_down
    if (up and price > EXACT.multiply(last, up)) or (down and price < EXACT.multiply(last, down)):
        raise RefusedError(
            Refusal.PRICE_RANGE, f"price {price} of {listing.symbol} is too far from {last}"
        )


def check_value(listing: Listing, quantity: Decimal, price: Decimal) -> None:
    """Refuse an order of too little value: price × quantity × multiplier (inverse: contracts).

    Raises:
        RefusedError: MIN_VALUE.
    """
    value = EXACT.multiply(quantity, listing.multiplier)
    if listing.kind is not _INVERSE:
        value = EXACT.multiply(value, price)
    if value < listing.min_value:
        raise RefusedError(
            Refusal.MIN_VALUE, f"value {value} of {listing.symbol} is below {listing.min_value}"
        )
