"""Our commands as calls of ccxt: what is sent, or why it can not be.

ccxt drops a Decimal in `params` without a word, so that a stop becomes a market order, and turns
a market order with a price into one by value; here every number is text and a market order has no
price. What a venue does not have natively is refused with its reason before anything is sent, and
never changed into something else.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeAlias, cast

import msgspec

from alphaforge.errors import InternalError
from alphaforge.model.claims import OrderStatusReport
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import InstrumentKind, OrderSide, OrderType, TimeInForce
from alphaforge.model.numbers import plain
from alphaforge.venues.base import ReplyError
from alphaforge.venues.ccxt_names import Names
from alphaforge.venues.ccxt_profile import UNSUPPORTED, Amend, is_ours

Params: TypeAlias = dict[str, str | bool]

_WITH_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_WITH_TRIGGER = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT})


class CreateCall(msgspec.Struct, frozen=True):
    """What `create_order` is called with.

    Attributes:
        symbol: The unified one.
        type: `market` or `limit`.
        side: `buy` or `sell`.
        amount: Base units or contracts.
        price: None for a market order, always.
        params: Text and flags, nothing else.
    """

    symbol: str
    type: str
    side: str
    amount: str
    price: str | None
    params: Params


class EditCall(msgspec.Struct, frozen=True):
    """What `edit_order` is called with; see `CreateCall`.

    Attributes:
        id: The venue's; None where `params` name the order by ours.
    """

    id: str | None
    symbol: str
    type: str
    side: str
    amount: str | None
    price: str | None
    params: Params


class CancelCall(msgspec.Struct, frozen=True):
    """What `cancel_order` is called with; see `EditCall`."""

    id: str | None
    symbol: str
    params: Params


class LookUpCall(msgspec.Struct, frozen=True):
    """One question about an order.

    Attributes:
        method: Of ccxt: takes (id, symbol, params), or (symbol, None, None, params) for a list.
        id: None where `params` name the order.
        is_list: The answer is a list in which the order is to be found by its ids.
    """

    method: str
    id: str | None
    symbol: str
    params: Params
    is_list: bool


def checked(params: Mapping[str, object]) -> Params:
    """The params, if every one is text or a flag. Raises `InternalError`: ccxt would drop it."""
    found: Params = {}
    for name, value in params.items():
        if not isinstance(value, str | bool):
            kind = type(value).__name__
            raise InternalError(f"param {name} of a request is a {kind}: ccxt would drop it")
        found[name] = value
    return found


def check_numbers(value: object) -> None:
    """Every number in a request is written out: ccxt drops a Decimal and rounds a float.

    Whole numbers as arguments are times and limits, and pass; inside `params` none does.
    """
    if value is None or isinstance(value, (str, int)):
        return
    if isinstance(value, Mapping):
        for name, each in cast("Mapping[str, object]", value).items():
            if isinstance(each, int) and not isinstance(each, bool):
                raise InternalError(f"the parameter {name} is a number: it must be a text")
            check_numbers(each)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for each in cast("Sequence[object]", value):
            check_numbers(each)
    else:
        raise InternalError(f"{value!r} would go to a venue as a {type(value).__name__}")


# New orders -----------------------------------------------------------------------------------


def create_call(command: SubmitOrder, names: Names) -> CreateCall:
    """What to send for a new order. Raises `ReplyError` with `UNSUPPORTED` for what cannot be."""
    symbol = names.unified(command.symbol)
    kind = kind_of(symbol)
    why = _why_not(command, names, kind)
    if why:
        _refuse(names, why)
    has_limit = command.order_type in _WITH_LIMIT
    params: dict[str, object] = {**_flags(command, kind), **_trigger(command, names, kind)}
    if command.client_order_id:
        params[names.profile.client_param] = names.to_wire(command.client_order_id)
    price = command.limit_price
    return CreateCall(
        symbol=symbol,
        type="limit" if has_limit else "market",
        side="buy" if command.side is OrderSide.BUY else "sell",
        amount=plain(command.quantity),
        price=plain(price) if has_limit and price is not None else None,
        params=checked(params),
    )


def kind_of(unified: str) -> InstrumentKind:
    """Spot, linear or inverse, by the settle currency in the symbol (`BTC/USD:BTC`)."""
    pair, colon, settle = unified.partition(":")
    if not colon:
        return InstrumentKind.SPOT
    base, _, _ = pair.partition("/")
    is_inverse = settle.partition("-")[0] == base
    return InstrumentKind.INVERSE if is_inverse else InstrumentKind.LINEAR


def _why_not(command: SubmitOrder, names: Names, kind: InstrumentKind) -> str:
    """What the venue does not have; empty if it can be sent."""
    order_type, has_limit = command.order_type, command.order_type in _WITH_LIMIT
    if order_type not in names.profile.order_types(kind):
        return f"no native {order_type} orders for {names.unified(command.symbol)}"
    if has_limit is (command.limit_price is None):
        return f"a {order_type} order {'without' if has_limit else 'with'} a limit price"
    if (order_type in _WITH_TRIGGER) is (command.trigger_price is None):
        return f"a {order_type} order whose trigger price does not go with its type"
    return _why_not_flags(command, names, kind) or _why_not_tif(command, names)


def _why_not_flags(command: SubmitOrder, names: Names, kind: InstrumentKind) -> str:
    profile, is_spot = names.profile, kind is InstrumentKind.SPOT
    if command.post_only and not profile.has_post_only:
        return "no native post-only orders"
    if command.post_only and command.order_type is not OrderType.LIMIT:
        return f"post-only goes with LIMIT orders alone, not {command.order_type}"
    if command.reduce_only and not is_spot and not profile.has_reduce_only:
        return "no native reduce-only orders"
    if profile.buys_by_cost and is_spot and _is_market_buy(command):
        return "a market buy states what to spend there, not what to get (use an IOC limit)"
    return ""


def _is_market_buy(command: SubmitOrder) -> bool:
    return command.order_type is OrderType.MARKET and command.side is OrderSide.BUY


def _why_not_tif(command: SubmitOrder, names: Names) -> str:
    tif = command.tif
    if command.order_type not in _WITH_LIMIT:
        # A market order never rests, whatever is said; all or nothing is another thing.
        return "no all-or-nothing market orders" if tif is TimeInForce.FOK else ""
    if tif not in names.profile.tifs:
        return f"no native time in force {tif}"
    if command.post_only and tif is not TimeInForce.GTC:
        return f"post-only does not go with {tif}"
    return ""


def _flags(command: SubmitOrder, kind: InstrumentKind) -> dict[str, object]:
    flags: dict[str, object] = {}
    if command.post_only:
        flags["postOnly"] = True
    elif command.order_type in _WITH_LIMIT:
        flags["timeInForce"] = command.tif.value
    # A spot account can not go short, so that reducing is all that a sale of it can do.
    if command.reduce_only and kind is not InstrumentKind.SPOT:
        flags["reduceOnly"] = True
    return flags


def _trigger(command: SubmitOrder, names: Names, kind: InstrumentKind) -> dict[str, object]:
    """A stop wakes as the price goes through it: a buy from below, a sell from above."""
    if command.trigger_price is None:
        return {}
    params: dict[str, object] = {"triggerPrice": plain(command.trigger_price)}
    if names.profile.trigger_directions and kind is not InstrumentKind.SPOT:
        params["triggerDirection"] = "ascending" if command.side is OrderSide.BUY else "descending"
    return params


def _refuse(names: Names, why: str) -> NoReturn:
    raise ReplyError(UNSUPPORTED, f"nothing was sent to {names.profile.title}: {why}")


# Working orders -------------------------------------------------------------------------------


def modify_call(command: ModifyOrder, names: Names, now: OrderStatusReport | None) -> EditCall:
    """What to send for new terms.

    `now` is how the order stands, which some venues want repeated; None where it is not known.
    Raises `ReplyError` with `UNSUPPORTED` for a venue that can not change an order in place: what
    it may offer instead cancels the order and makes another, which may half fail.
    """
    profile = names.profile
    if profile.amend is not Amend.IN_PLACE:
        _refuse(names, "an order can not be changed in place there: cancel it, send a new one")
    if profile.amend_needs_terms and now is None:
        _refuse(names, "the order's present terms must be repeated and are not known")
    params: dict[str, object] = {}
    if command.client_order_id and profile.amend_param:
        params[profile.amend_param] = names.to_wire(command.client_order_id)
    elif not command.venue_order_id:
        _refuse(names, "the order's id there is not known yet")
    if command.trigger_price is not None:
        params["triggerPrice"] = plain(command.trigger_price)
    is_needed = profile.amend_needs_terms
    quantity = command.quantity or (now.quantity if now and is_needed else None)
    price = command.limit_price or (now.limit_price if now and is_needed else None)
    return EditCall(
        id=command.venue_order_id or (now.venue_order_id if now else "") or None,
        symbol=names.unified(command.symbol),
        type="limit" if now is None or now.order_type in _WITH_LIMIT else "market",
        side="sell" if now is not None and now.side is OrderSide.SELL else "buy",
        amount=plain(quantity) if quantity is not None else None,
        price=plain(price) if price is not None else None,
        params=checked(params),
    )


def cancel_call(command: CancelOrder, names: Names) -> CancelCall:
    """What to send for a cancel: by the venue's id where it is known, else by ours."""
    profile, symbol = names.profile, names.unified(command.symbol)
    if command.venue_order_id:
        return CancelCall(command.venue_order_id, symbol, {})
    if not command.client_order_id or not profile.cancel_param:
        _refuse(names, "the order's id there is not known yet, and it cancels by no other")
    return CancelCall(
        None, symbol, checked({profile.cancel_param: names.to_wire(command.client_order_id)})
    )


def lookup_calls(
    names: Names, symbol: str, client_order_id: str, venue_order_id: str
) -> tuple[LookUpCall, ...]:
    """What to ask, in this order, until the order is found; `symbol` is ours.

    That nothing is found says something only where `profile.lookups.is_proof`. A list that is
    not asked for one order alone is to be searched for it by both ids.
    """
    unified = names.unified(symbol)
    calls: list[LookUpCall] = []
    for question in names.profile.lookups.questions:
        params: dict[str, object] = dict(question.params)
        id_there: str | None = None
        if question.is_foreign:
            if not venue_order_id or is_ours(client_order_id):
                continue
            id_there = venue_order_id
        elif client_order_id and question.client_param:
            params[question.client_param] = names.to_wire(client_order_id)
        elif venue_order_id and question.is_list and question.venue_param:
            params[question.venue_param] = venue_order_id
        elif venue_order_id and not question.is_list:
            id_there = venue_order_id
        elif not question.is_list:
            continue
        calls.append(
            LookUpCall(question.method, id_there, unified, checked(params), question.is_list)
        )
    return tuple(calls)
