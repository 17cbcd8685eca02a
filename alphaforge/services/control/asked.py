"""What an operator asks, in the engine's own terms: names found, numbers read, orders described.

A name that is not there is `NotFoundError` with the nearest one, a number that is none is
`UsageError`. Limits are the gate's business. Must change nothing.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec.structs import force_setattr

from alphaforge.client.requests import OrderRequest
from alphaforge.engine.client_ids import MANUAL
from alphaforge.engine.core import Engine
from alphaforge.errors import NotFoundError, UsageError
from alphaforge.model.enums import OrderSide, OrderType, TimeInForce
from alphaforge.model.numbers import decimal_of
from alphaforge.model.orders import Order
from alphaforge.model.symbols import match
from alphaforge.services.suggestions import did_you_mean

MOST_DIGITS: Final = 40
LONGEST_NOTE: Final = 64
"""Of a tag, a client id, a name: what a journal and a table can hold."""

LONGEST_REASON: Final = 200


def symbol_of(engine: Engine, given: str) -> str:
    """The symbol of the run that is meant, letter case and separators aside."""
    found = match(given, engine.markets.states) if given else None
    if found is None:
        raise _no("symbol", given, engine.markets.states)
    return found


def strategy_of(engine: Engine, given: str) -> str:
    """A strategy of the run."""
    if given not in engine.strategies.runners:
        raise _no("strategy", given, engine.strategies.runners)
    return given


def owner_of(engine: Engine, given: str) -> str:
    """Whose position something counts to: a strategy of the run, or `manual`."""
    return MANUAL if given in {"", MANUAL} else strategy_of(engine, given)


def holder_of(engine: Engine, given: str) -> str:
    """Whose orders or positions are meant; empty = everybody's.

    Whoever holds a position is known, too: an order of nobody here may have made it.
    """
    holders = {name for name, _ in engine.portfolio.positions}
    if not given or given in holders or given == MANUAL:
        return given
    return strategy_of(engine, given)


def order_id_of(given: str) -> str:
    """`12` and `o-12` are `o-000012`."""
    number = given.lower().removeprefix("o-")
    return f"o-{int(number):06d}" if number.isascii() and number.isdigit() else given


def note_of(name: str, given: str, longest: int = LONGEST_NOTE) -> str:
    """A short text of the operator's own: one line without control characters."""
    if len(given) > longest or not given.isprintable():
        raise UsageError(
            f"{name} is no short line of text",
            remedy=f"use at most {longest} characters, none of them invisible",
        )
    return given


def reason_of(given: str) -> str:
    """Why an operator does something, in their words."""
    return note_of("reason", given, LONGEST_REASON)


def number_of(name: str, given: str) -> Decimal:
    """A plain number; whether it is a sensible one is the gate's business."""
    number = decimal_of(given) if len(given) <= MOST_DIGITS else Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        raise UsageError(
            f"{name} {given[:MOST_DIGITS]!r} is no number", remedy="write it plainly: 0.25"
        )
    return number


def price_of(name: str, given: str | None) -> Decimal | None:
    """The same, where there may be none."""
    return None if given is None else number_of(name, given)


def order_of(engine: Engine, request: OrderRequest) -> Order:
    """The order a person described, not yet numbered and not yet judged."""
    quantity = number_of("quantity", request.quantity)
    order = Order(
        symbol=symbol_of(engine, request.symbol),
        side=_side(request.side),
        order_type=_type_of(request),
        quantity=quantity,
        leaves=quantity,
        limit_price=price_of("limit", request.limit),
        trigger_price=price_of("stop", request.stop),
        tif=_tif(request.tif),
        post_only=request.post_only,
        reduce_only=request.reduce_only,
        take_profit=price_of("take_profit", request.take_profit),
        stop_loss=price_of("stop_loss", request.stop_loss),
        tag=note_of("tag", request.tag),
        strategy=owner_of(engine, request.strategy),
    )
    if request.trail is not None:
        is_share = request.trail.endswith("%")
        distance = number_of("trail", request.trail.removesuffix("%"))
        force_setattr(order, "trail_pct" if is_share else "trail", distance)
    return order


def _side(given: str) -> OrderSide:
    try:
        return OrderSide(given.upper())
    except ValueError:
        raise UsageError(f"{given!r} is no side", remedy="write buy or sell") from None


def _tif(given: str) -> TimeInForce:
    try:
        return TimeInForce(given.upper())
    except ValueError:
        known = ", ".join(TimeInForce)
        raise UsageError(f"{given!r} is no time in force", remedy=f"there are: {known}") from None


def _type_of(request: OrderRequest) -> OrderType:
    if request.trail is not None:
        if request.limit is not None or request.stop is not None:
            raise UsageError(
                "a trailing stop has neither a limit nor a stop of its own",
                remedy="give trail alone, as an amount or in percent: 1%",
            )
        return OrderType.TRAILING_STOP
    if request.stop is not None:
        return OrderType.STOP_MARKET if request.limit is None else OrderType.STOP_LIMIT
    return OrderType.MARKET if request.limit is None else OrderType.LIMIT


def _no(what: str, given: str, known: Iterable[str]) -> NotFoundError:
    names = list(known)
    return NotFoundError(
        f"there is no {what} {given[:LONGEST_NOTE]!r} in this run",
        remedy=did_you_mean(given, names) or f"there are: {', '.join(names) or 'none'}",
    )


def no_order(given: str, known: Iterable[str]) -> NotFoundError:
    """The error for an order that nobody here knows."""
    near = did_you_mean(given, known)
    return NotFoundError(
        f"there is no order {given[:LONGEST_NOTE]!r} in this run",
        remedy=near or "see them: alphaforge orders --all",
    )
