"""Reads Binance's order parameters into the exchange's `NewOrder`, strictly.

Each type takes and wants its own parameters; what is missing is -1102 and what does not belong is
-1106, before the exchange is asked anything. Must never guess a term that was not sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.dialects.binance_errors import BinanceError, is_missing, is_not_needed
from alphaforge.sandbox.dialects.binance_params import Params
from alphaforge.sandbox.dialects.binance_words import (
    BASIS_POINTS,
    SELF_TRADES,
    SIDES,
    TIFS,
    Symbols,
)
from alphaforge.sandbox.terms import Kind, NewOrder, SelfTrade, Tif

INVALID_TYPE = (-1116, "Invalid orderType.")
INVALID_SIDE = (-1117, "Invalid side.")
INVALID_TIF = (-1115, "Invalid timeInForce.")
INVALID_SELF_TRADE = (-1013, "This symbol does not allow the specified self-trade prevention mode.")
INVALID_QUANTITY = (-1013, "Invalid quantity.")
INVALID_PRICE = (-1013, "Invalid price.")
INVALID_TRIGGER = (-1013, "Invalid stopPrice.")
INVALID_COMBINATION = (-1128, "Combination of optional parameters invalid.")
INVALID_LIST = (-2010, "Unsupported order combination.")

ANSWERS = ("ACK", "RESULT", "FULL")
_LABELS = ("strategyId", "strategyType")
_LEAST_DELTA, _MOST_DELTA = 10, 2000


@dataclass(frozen=True)
class TypeRules:
    """What an order type means.

    Attributes:
        is_loss: A stop in the losing direction; None for no stop.
    """

    kind: Kind
    is_loss: bool | None = None
    post_only: bool = False
    takes_value: bool = False

    @property
    def is_stop(self) -> bool:
        """Whether it waits for a trigger."""
        return self.is_loss is not None

    @property
    def wants_tif(self) -> bool:
        """Whether `timeInForce` must be sent."""
        return self.kind is Kind.LIMIT and not self.post_only


TYPES: Mapping[str, TypeRules] = {
    "LIMIT": TypeRules(Kind.LIMIT),
    "LIMIT_MAKER": TypeRules(Kind.LIMIT, post_only=True),
    "MARKET": TypeRules(Kind.MARKET, takes_value=True),
    "STOP_LOSS": TypeRules(Kind.MARKET, is_loss=True),
    "STOP_LOSS_LIMIT": TypeRules(Kind.LIMIT, is_loss=True),
    "TAKE_PROFIT": TypeRules(Kind.MARKET, is_loss=False),
    "TAKE_PROFIT_LIMIT": TypeRules(Kind.LIMIT, is_loss=False),
}


@dataclass(frozen=True)
class Names:
    """What the parameters of one order are called: a list's legs have prefixes.

    An empty name: the order has no such parameter, and one of that name is another's.
    """

    price: str = "price"
    trigger: str = "stopPrice"
    trail: str = "trailingDelta"
    tif: str = "timeInForce"
    visible: str = "icebergQty"
    client_id: str = "newClientOrderId"

    @classmethod
    def with_prefix(cls, prefix: str) -> "Names":
        """Of a leg: `abovePrice`, `aboveStopPrice`, ..."""
        return cls(
            price=f"{prefix}Price",
            trigger=f"{prefix}StopPrice",
            trail=f"{prefix}TrailingDelta",
            tif=f"{prefix}TimeInForce",
            visible=f"{prefix}IcebergQty",
            client_id=f"{prefix}ClientOrderId",
        )


PLAIN_NAMES = Names()


@dataclass(frozen=True)
class Terms:
    """What does not depend on the type."""

    symbol: str
    side: OrderSide
    quantity: Decimal | None
    value: Decimal | None
    self_trade: SelfTrade


@dataclass(frozen=True)
class Legs:
    """Both orders of a one-cancels-other list."""

    limit: NewOrder
    stop: NewOrder
    client_list_id: str


class OrderReader:
    """Reads orders and lists."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols

    def order(self, params: Params) -> NewOrder:
        """One order; raises `BinanceError`."""
        terms = self._terms(params)
        rules = params.choice("type", TYPES, BinanceError(*INVALID_TYPE))
        if terms.quantity is None and (terms.value is None or not rules.takes_value):
            raise is_missing("quantity")
        if terms.value is not None and not rules.takes_value:
            raise is_not_needed("quoteOrderQty")
        if terms.value is not None and terms.quantity is not None:
            raise is_not_needed("quantity")
        return _order(terms, rules, params, PLAIN_NAMES)

    def list_by_place(self, params: Params) -> Legs:
        """`POST /api/v3/orderList/oco`: what lies above and what lies below the market."""
        terms = self._terms(params)
        found: dict[bool, NewOrder] = {}
        for prefix in ("above", "below"):
            rules = params.choice(f"{prefix}Type", TYPES, BinanceError(*INVALID_TYPE))
            if not (rules.post_only or rules.is_loss):
                raise BinanceError(*INVALID_LIST)
            found[rules.is_stop] = _order(terms, rules, params, Names.with_prefix(prefix))
        return _legs(found, params)

    def list_by_kind(self, params: Params) -> Legs:
        """`POST /api/v3/order/oco`, the older writing: a limit, and a stop with a limit or not."""
        terms = self._terms(params)
        stop_type = "STOP_LOSS_LIMIT" if "stopLimitPrice" in params else "STOP_LOSS"
        found = {
            False: _order(terms, TYPES["LIMIT_MAKER"], params, _LIMIT_NAMES),
            True: _order(terms, TYPES[stop_type], params, _STOP_NAMES),
        }
        return _legs(found, params)

    def _terms(self, params: Params) -> Terms:
        symbol = self._symbols.listing(params.needed("symbol")).symbol
        for label in _LABELS:
            params.integer(label)
        self_trade = SelfTrade.EXPIRE_MAKER
        if "selfTradePreventionMode" in params:
            refused = BinanceError(*INVALID_SELF_TRADE)
            self_trade = params.choice("selfTradePreventionMode", SELF_TRADES, refused)
        return Terms(
            symbol,
            params.choice("side", SIDES, BinanceError(*INVALID_SIDE)),
            _positive(params, "quantity", INVALID_QUANTITY),
            _positive(params, "quoteOrderQty", INVALID_QUANTITY),
            self_trade,
        )


def answer_kind(params: Params, default: str) -> str:
    """`newOrderRespType`: how much the answer tells."""
    asked = params.text("newOrderRespType", default)
    if asked not in ANSWERS:
        raise BinanceError(-1161, "Invalid newOrderRespType.")
    return asked


def _legs(found: Mapping[bool, NewOrder], params: Params) -> Legs:
    if len(found) == 1:
        raise BinanceError(*INVALID_LIST)
    limit, stop = found[False], found[True]
    if limit.quantity is None:
        raise is_missing("quantity")
    return Legs(limit, stop, params.client_id("listClientOrderId"))


def _order(terms: Terms, rules: TypeRules, params: Params, names: Names) -> NewOrder:
    limit_price = _limit_price(rules, params, names)
    trigger, trail = _trigger(rules, params, names)
    return NewOrder(
        symbol=terms.symbol,
        side=terms.side,
        kind=rules.kind,
        quantity=terms.quantity,
        value=terms.value,
        limit_price=limit_price,
        trigger_price=trigger,
        trigger_above=_wakes_above(rules, terms.side),
        trail=trail,
        tif=_tif(rules, params, names),
        post_only=rules.post_only,
        client_order_id=params.client_id(names.client_id),
        self_trade=terms.self_trade,
        visible=_visible(rules, params, names),
    )


def _wakes_above(rules: TypeRules, side: OrderSide) -> bool | None:
    return (side is OrderSide.BUY) is rules.is_loss if rules.is_stop else None


def _limit_price(rules: TypeRules, params: Params, names: Names) -> Decimal | None:
    price = _positive(params, names.price, INVALID_PRICE)
    if rules.kind is Kind.MARKET and price is not None:
        raise is_not_needed(names.price)
    if rules.kind is Kind.LIMIT and price is None:
        raise is_missing(names.price)
    return price


def _trigger(
    rules: TypeRules, params: Params, names: Names
) -> tuple[Decimal | None, Decimal | None]:
    if not names.trigger:
        return None, None
    trigger = _positive(params, names.trigger, INVALID_TRIGGER)
    delta = params.integer(names.trail)
    if not rules.is_stop:
        for name, sent in ((names.trigger, trigger), (names.trail, delta)):
            if sent is not None:
                raise is_not_needed(name)
        return None, None
    if trigger is None and delta is None:
        raise is_missing(names.trigger)
    if delta is not None and not _LEAST_DELTA <= delta <= _MOST_DELTA:
        raise BinanceError(-1013, "Filter failure: TRAILING_DELTA")
    return trigger, None if delta is None else Decimal(delta) / BASIS_POINTS


def _tif(rules: TypeRules, params: Params, names: Names) -> Tif:
    if not names.tif or (names.tif not in params and not rules.wants_tif):
        return Tif.GTC
    if not rules.wants_tif:
        raise is_not_needed(names.tif)
    return params.choice(names.tif, TIFS, BinanceError(*INVALID_TIF))


def _visible(rules: TypeRules, params: Params, names: Names) -> Decimal | None:
    visible = params.number(names.visible)
    if not visible:
        return None
    if rules.kind is Kind.MARKET:
        raise is_not_needed(names.visible)
    return visible


def _positive(params: Params, name: str, error: tuple[int, str]) -> Decimal | None:
    found = params.number(name)
    if found is not None and found <= 0:
        raise BinanceError(*error)
    return found


_LIMIT_NAMES = Names(
    trigger="", trail="", tif="", visible="limitIcebergQty", client_id="limitClientOrderId"
)
_STOP_NAMES = Names(
    price="stopLimitPrice",
    tif="stopLimitTimeInForce",
    visible="stopIcebergQty",
    client_id="stopClientOrderId",
)
