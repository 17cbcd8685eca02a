"""Binance spot's trading calls: orders, cancels, cancel-replace and one-cancels-other lists.

Each reads everything it was sent before it asks the exchange for anything, so that a refusal of
the reading has no effect. Must never turn a refusal into another code than the venue's own.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from alphaforge.sandbox.dialects.binance_answers import (
    Shape,
    acknowledged,
    canceled,
    filled,
    queried,
    reported,
    resulted,
)
from alphaforge.sandbox.dialects.binance_ask import Answer, Ask
from alphaforge.sandbox.dialects.binance_errors import (
    CONFLICT,
    BinanceError,
    cancel_refused,
    is_missing,
    refused,
)
from alphaforge.sandbox.dialects.binance_new_order import Legs, OrderReader, answer_kind
from alphaforge.sandbox.dialects.binance_params import Params
from alphaforge.sandbox.dialects.binance_words import Symbols, made_id, ms
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.terms import (
    Execution,
    NewOrder,
    Order,
    OrderChanged,
    OrderList,
    Refusal,
    RefusedError,
    Told,
)

_FULL_TYPES = ("MARKET", "LIMIT")
_MODES = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
_RESTRICTIONS = {"ONLY_NEW": False, "ONLY_PARTIALLY_FILLED": True}
_BOTH_EMPTY = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
_WRONG_PRICES = "The relationship of the prices for the orders is not correct."
_LIST_EMPTY = "Param 'listClientOrderId' or 'orderListId' must be sent, but both were empty/null!"
_RULES = frozenset(
    {
        Refusal.BAD_REQUEST,
        Refusal.PRICE_STEP,
        Refusal.PRICE_RANGE,
        Refusal.QUANTITY_STEP,
        Refusal.QUANTITY_RANGE,
        Refusal.MIN_VALUE,
    }
)
"""What a cancel-replace is checked for before it cancels anything."""

Got = TypeVar("Got")


@dataclass(frozen=True)
class Target:
    """Which order is meant, and what the request about it calls itself.

    Attributes:
        wants_filled: `cancelRestrictions`: only an order that has (or has not) been filled in
            part; None = any.
    """

    symbol: str
    order_id: int
    client_order_id: str
    cancel_id: str = ""
    wants_filled: bool | None = None


class Trading:
    """Everything that changes an account's orders."""

    def __init__(self, floor: Floor, symbols: Symbols) -> None:
        self._floor = floor
        self._symbols = symbols
        self._reader = OrderReader(symbols)
        self._fills: list[Execution] | None = None

    def hear(self, told: Told) -> None:
        """Take note of what is executed while an order is being placed, for its answer."""
        if self._fills is None or not isinstance(told, OrderChanged):
            return
        if told.execution is not None:
            self._fills.append(told.execution)

    # Orders -----------------------------------------------------------------------------------

    def place(self, ask: Ask) -> Answer:
        """`POST /api/v3/order`, `order.place`."""
        new, kind = self._read(ask.params)
        ask.params.finish()
        return self._place(ask, new, kind)

    def test(self, ask: Ask) -> Answer:
        """`POST /api/v3/order/test`, `order.test`."""
        new, _ = self._read(ask.params)
        ask.params.is_set("computeCommissionRates")
        ask.params.finish()
        try:
            self._floor.exchange.test(ask.account, new, ask.now)
        except RefusedError as error:
            raise refused(error, new) from error
        return {}

    def _read(self, params: Params) -> tuple[NewOrder, str]:
        new = self._reader.order(params)
        default = "FULL" if params.text("type") in _FULL_TYPES else "ACK"
        return new, answer_kind(params, default)

    def _place(self, ask: Ask, new: NewOrder, kind: str) -> Shape:
        try:
            with self._taking_note() as fills:
                order = self._floor.exchange.place(ask.account, new, ask.now)
        except RefusedError as error:
            raise refused(error, new) from error
        return _answer(order, fills, kind, ask.now)

    @contextmanager
    def _taking_note(self) -> Generator[list[Execution]]:
        self._fills = fills = []
        try:
            yield fills
        finally:
            self._fills = None

    def amend(self, ask: Ask) -> Answer:
        """`PUT /api/v3/order/amend/keepPriority`: less quantity, same place in the queue."""
        params = ask.params
        target = self._target(params)
        params.client_id("newClientOrderId")
        quantity = params.number("newQty")
        params.finish()
        if quantity is None:
            raise is_missing("newQty")
        exchange = self._floor.exchange
        standing = _found(lambda: self._find(ask, target), refused)
        if not 0 < quantity < standing.quantity:
            raise BinanceError(-2038, "The requested action would change no state; rejecting.")
        order = _found(
            lambda: exchange.amend(
                ask.account,
                standing.symbol,
                ask.now,
                order_id=standing.order_id,
                quantity=quantity,
            ),
            cancel_refused,
        )
        return {"transactTime": ms(ask.now), "executionId": 0, "amendedOrder": queried(order)}

    # Cancels ----------------------------------------------------------------------------------

    def cancel(self, ask: Ask) -> Answer:
        """`DELETE /api/v3/order`, `order.cancel`."""
        target = self._target(ask.params)
        ask.params.finish()
        return self._cancel(ask, target)

    def cancel_all(self, ask: Ask) -> Answer:
        """`DELETE /api/v3/openOrders`, `openOrders.cancelAll`; a list is told as one."""
        symbol = self._symbols.listing(ask.params.needed("symbol")).symbol
        ask.params.finish()
        exchange = self._floor.exchange
        orders = exchange.cancel_all(ask.account, symbol, ask.now)
        if not orders:
            raise BinanceError(-2011, "Unknown order sent.")
        singles = [self._canceled(order, ask) for order in orders if not order.list_id]
        lists = dict.fromkeys(order.list_id for order in orders if order.list_id)
        found = [exchange.order_list(ask.account, number) for number in lists]
        return [*singles, *(self._canceled_list(one, ask) for one in found)]

    def _cancel(self, ask: Ask, target: Target) -> Shape:
        if target.wants_filled is not None:
            order = _found(lambda: self._find(ask, target), cancel_refused)
            if order.is_open and bool(order.filled) is not target.wants_filled:
                text = "Order was not canceled due to cancel restrictions."
                raise BinanceError(-2011, text)
        order = _found(
            lambda: self._floor.exchange.cancel(
                ask.account,
                target.symbol,
                ask.now,
                order_id=target.order_id,
                client_order_id=target.client_order_id,
                cancel_client_id=target.cancel_id,
            ),
            cancel_refused,
        )
        if order.list_id:
            found = self._floor.exchange.order_list(ask.account, order.list_id)
            return self._canceled_list(found, ask)
        return self._canceled(order, ask, target.cancel_id)

    def _find(self, ask: Ask, target: Target) -> Order:
        return self._floor.exchange.order(
            ask.account,
            target.symbol,
            order_id=target.order_id,
            client_order_id=target.client_order_id,
        )

    def _canceled(self, order: Order, ask: Ask, name: str = "") -> Shape:
        return canceled(order, name or cancel_name(order), ask.now)

    def _canceled_list(self, found: OrderList, ask: Ask) -> Shape:
        return reported(found, [self._canceled(order, ask) for order in found.orders])

    # Cancel-replace ---------------------------------------------------------------------------

    def replace(self, ask: Ask) -> Answer:
        """`POST /api/v3/order/cancelReplace`, `order.cancelReplace`."""
        params = ask.params
        new, kind = self._read(params)
        mode = params.needed("cancelReplaceMode")
        params.text("orderRateLimitExceededMode")
        if mode not in _MODES:
            raise BinanceError(-1102, f"Invalid cancelReplaceMode: {mode}.")
        names = ("cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId")
        target = self._target(params, *names)
        params.finish()
        self._check_rules(ask, new)
        cancel_result, cancel_answer = _tried(lambda: self._cancel(ask, target))
        if cancel_result == "FAILURE" and mode == "STOP_ON_FAILURE":
            data = _data(cancel_result, cancel_answer, "NOT_ATTEMPTED", None)
            raise BinanceError(-2022, "Order cancel-replace failed.", data=data)
        new_result, new_answer = _tried(lambda: self._place(ask, new, kind))
        data = _data(cancel_result, cancel_answer, new_result, new_answer)
        if cancel_result == new_result == "SUCCESS":
            return data
        if cancel_result == new_result:
            raise BinanceError(-2022, "Order cancel-replace failed.", data=data)
        text = "Order cancel-replace partially failed."
        raise BinanceError(-2021, text, status=CONFLICT, data=data)

    def _check_rules(self, ask: Ask, new: NewOrder) -> None:
        try:
            self._floor.exchange.test(ask.account, new, ask.now)
        except RefusedError as error:
            if error.refusal in _RULES:
                raise refused(error, new) from error

    # Lists ------------------------------------------------------------------------------------

    def place_list(self, ask: Ask) -> Answer:
        """`POST /api/v3/orderList/oco`, `orderList.place.oco`."""
        return self._place_list(ask, self._reader.list_by_place(ask.params))

    def place_oco(self, ask: Ask) -> Answer:
        """`POST /api/v3/order/oco`, the older writing."""
        return self._place_list(ask, self._reader.list_by_kind(ask.params))

    def _place_list(self, ask: Ask, legs: Legs) -> Shape:
        kind = answer_kind(ask.params, "RESULT")
        ask.params.finish()
        name = legs.client_list_id or made_id("list", legs.limit.symbol, ask.now)
        exchange = self._floor.exchange
        try:
            with self._taking_note() as fills:
                placed = exchange.place_oco(ask.account, legs.limit, legs.stop, name, ask.now)
        except RefusedError as error:
            # Whatever else can be wrong with a list was found while it was read.
            if error.refusal is Refusal.BAD_REQUEST:
                raise BinanceError(-2010, _WRONG_PRICES) from error
            raise refused(error, legs.limit) from error
        return reported(placed, [_answer(order, fills, kind, ask.now) for order in placed.orders])

    def cancel_list(self, ask: Ask) -> Answer:
        """`DELETE /api/v3/orderList`, `orderList.cancel`."""
        params = ask.params
        symbol = self._symbols.listing(params.needed("symbol")).symbol
        number, name = params.integer("orderListId"), params.client_id("listClientOrderId")
        params.client_id("newClientOrderId")
        params.finish()
        found = self.find_list(ask, symbol, number, name)
        if found is None or not any(order.is_open for order in found.orders):
            raise BinanceError(-2011, "Unknown order list sent.")
        gone = self._floor.exchange.cancel_list(ask.account, found.list_id, ask.now)
        return self._canceled_list(gone, ask)

    def find_list(self, ask: Ask, symbol: str, number: int | None, name: str) -> OrderList | None:
        """The list of that number, or the latest of that name; None if there is none."""
        if number is None and not name:
            raise BinanceError(-1102, _LIST_EMPTY)
        exchange = self._floor.exchange
        orders = exchange.orders(ask.account, symbol) if symbol else _every(self._floor, ask)
        for list_id in sorted({order.list_id for order in orders if order.list_id}, reverse=True):
            found = exchange.order_list(ask.account, list_id)
            if list_id == number or (number is None and found.client_list_id == name):
                return found
        return None

    def _target(
        self,
        params: Params,
        order_id: str = "orderId",
        client_id: str = "origClientOrderId",
        own: str = "newClientOrderId",
    ) -> Target:
        symbol = self._symbols.listing(params.needed("symbol")).symbol
        number, name = params.integer(order_id), params.text(client_id)
        if number is None and not name:
            raise BinanceError(-1102, _BOTH_EMPTY)
        restriction = None
        if "cancelRestrictions" in params:
            error = BinanceError(-1145, "Invalid cancelRestrictions")
            restriction = params.choice("cancelRestrictions", _RESTRICTIONS, error)
        return Target(symbol, number or 0, name, params.client_id(own), restriction)


def _answer(order: Order, fills: Sequence[Execution], kind: str, now: int) -> Shape:
    if kind == "ACK":
        return acknowledged(order, now)
    if kind == "RESULT":
        return resulted(order, now)
    return filled(order, [fill for fill in fills if fill.order_id == order.order_id], now)


def cancel_name(order: Order) -> str:
    """What a cancel of an order calls itself that came without a name."""
    return made_id("cancel", order.order_id)


def _every(floor: Floor, ask: Ask) -> list[Order]:
    exchange = floor.exchange
    return [order for name in exchange.listings for order in exchange.orders(ask.account, name)]


def _found(act: Callable[[], Got], told: Callable[[RefusedError], BinanceError]) -> Got:
    try:
        return act()
    except RefusedError as error:
        raise told(error) from error


def _tried(act: Callable[[], Shape]) -> tuple[str, Shape]:
    try:
        return "SUCCESS", act()
    except BinanceError as error:
        return "FAILURE", error.told()


def _data(
    cancel_result: str, cancel_answer: Shape, new_result: str, new_answer: Shape | None
) -> Shape:
    return {
        "cancelResult": cancel_result,
        "newOrderResult": new_result,
        "cancelResponse": cancel_answer,
        "newOrderResponse": new_answer,
    }
