"""Reads what a Bybit client asks for as an order of the exchange.

What this exchange has not got (attached stops, hedge mode, borrowing) is refused with its reason.
Must never place an order that is not exactly the one asked for.
"""

import re
from decimal import Decimal
from typing import TypeVar

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.sandbox.dialects.bybit_asked import Asked
from alphaforge.sandbox.dialects.bybit_errors import PARAMS, BybitError
from alphaforge.sandbox.dialects.bybit_names import SIDES
from alphaforge.sandbox.dialects.bybit_shapes import (
    PLAIN_ORDER,
    SMP_WORDS,
    STOP_ORDER,
    TPSL_ORDER,
)
from alphaforge.sandbox.terms import Kind, Listing, NewOrder, SelfTrade, Tif

T = TypeVar("T")

_LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
_SIDES = {word: side for side, word in SIDES.items()}
_KINDS = {"Market": Kind.MARKET, "Limit": Kind.LIMIT}
_TIFS = {"": Tif.GTC, "GTC": Tif.GTC, "IOC": Tif.IOC, "FOK": Tif.FOK, "PostOnly": Tif.GTC}
_SELF_TRADES = {"": SelfTrade.NONE} | {word: rule for rule, word in SMP_WORDS.items()}
_FILTERS = {"", PLAIN_ORDER, STOP_ORDER, TPSL_ORDER}
_UNITS = {"", "baseCoin", "quoteCoin"}
_ABOVE = {"1": True, "2": False}
_NOT_HERE = ("takeProfit", "stopLoss", "slippageTolerance", "orderIv", "bboSideType")


def read_order(asked: Asked, listing: Listing, last: Decimal) -> NewOrder:
    """The order asked for; `last` tells a spot stop, which has no direction, its own.

    Raises:
        BybitError: 10001 or one of spot's own codes: something is missing, unknown or not had here.
    """
    _check_had_here(asked)
    is_spot = listing.kind is InstrumentKind.SPOT
    kind = _word(_KINDS, asked.text("orderType"), "orderType invalid")
    side = _word(_SIDES, asked.text("side"), "Side invalid")
    tif_word = asked.text("timeInForce")
    tif = _word(_TIFS, tif_word, "timeInForce invalid")
    is_limit = kind is Kind.LIMIT
    quantity = asked.number("qty")
    if quantity is None:
        raise BybitError(PARAMS, "params error: qty is required")
    by_value = is_spot and not is_limit and _is_in_quote(asked, side)
    trigger = asked.price("triggerPrice")
    return NewOrder(
        symbol=listing.symbol,
        side=side,
        kind=kind,
        quantity=None if by_value else quantity,
        value=quantity if by_value else None,
        limit_price=_limit(asked) if is_limit else None,
        trigger_price=trigger,
        trigger_above=None if trigger is None else _is_above(asked, listing, trigger, last),
        tif=tif if is_limit or tif is Tif.FOK else Tif.GTC,
        post_only=is_limit and tif_word == "PostOnly",
        reduce_only=not is_spot and (asked.flag("reduceOnly") or asked.flag("closeOnTrigger")),
        client_order_id=read_link_id(asked),
        self_trade=_word(_SELF_TRADES, asked.text("smpType"), "smpType invalid"),
    )


def read_link_id(asked: Asked) -> str:
    """The client's own id, or empty; raises 10001 for one that Bybit does not take."""
    link_id = asked.text("orderLinkId")
    if link_id and not _LINK_ID.fullmatch(link_id):
        raise BybitError(PARAMS, "params error: OrderLinkId invalid")
    return link_id


def read_filter(asked: Asked, listing: Listing, trigger: Decimal | None) -> str:
    """The store a new order goes to; raises 170202 and 170203 where it and the trigger disagree."""
    told = asked.text("orderFilter")
    if told not in _FILTERS:
        raise BybitError(170202, "Invalid orderFilter parameter.")
    if listing.kind is not InstrumentKind.SPOT:
        return PLAIN_ORDER if trigger is None else STOP_ORDER
    is_plain = told in {"", PLAIN_ORDER}
    if is_plain and trigger is not None:
        raise BybitError(170202, "Invalid orderFilter parameter.")
    if not is_plain and trigger is None:
        raise BybitError(170203, "Please enter the TP/SL price.")
    return told or PLAIN_ORDER


def _word(table: dict[str, T], text: str, problem: str) -> T:
    if text not in table:
        raise BybitError(PARAMS, f"params error: {problem}")
    return table[text]


def _check_had_here(asked: Asked) -> None:
    for name in _NOT_HERE:
        if asked.text(name) not in {"", "0"}:
            raise BybitError(PARAMS, f"params error: {name} is not supported by this exchange")
    if asked.text("positionIdx") not in {"", "0"}:
        raise BybitError(PARAMS, "position idx not match position mode")
    if asked.flag("isLeverage"):
        raise BybitError(PARAMS, "params error: isLeverage: this exchange lends nothing")


def _limit(asked: Asked) -> Decimal:
    price = asked.price("price")
    if price is None:
        raise BybitError(PARAMS, "params error: price is required")
    return price


def _is_in_quote(asked: Asked, side: OrderSide) -> bool:
    """Without a unit a market buy's quantity is what to spend, a sell's what to sell."""
    unit = asked.text("marketUnit")
    if unit not in _UNITS:
        raise BybitError(PARAMS, "params error: marketUnit invalid")
    return unit == "quoteCoin" or (not unit and side is OrderSide.BUY)


def _is_above(asked: Asked, listing: Listing, trigger: Decimal, last: Decimal) -> bool:
    if listing.kind is InstrumentKind.SPOT:
        return trigger >= last
    return _word(_ABOVE, asked.text("triggerDirection"), "TriggerDirection invalid")
