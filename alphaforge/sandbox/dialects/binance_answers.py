"""The shapes of Binance spot's answers about orders, lists, trades and balances.

Pure: the exchange's values in, dicts as the venue writes them out. Numbers are text with every
digit the exchange booked.
"""

from collections.abc import Iterable, Sequence

from alphaforge.model.enums import Liquidity, OrderSide
from alphaforge.model.numbers import EXACT
from alphaforge.sandbox.dialects.binance_words import (
    list_number,
    ms,
    number,
    order_type,
    status,
    trailing_delta,
    wire_symbol,
)
from alphaforge.sandbox.terms import Balance, Execution, Order, OrderList, Standing

Shape = dict[str, object]


def acknowledged(order: Order, now: int) -> Shape:
    """`newOrderRespType=ACK`."""
    return {
        "symbol": wire_symbol(order.symbol),
        "orderId": order.order_id,
        "orderListId": list_number(order),
        "clientOrderId": order.client_order_id,
        "transactTime": ms(now),
    }


def resulted(order: Order, now: int) -> Shape:
    """`newOrderRespType=RESULT`."""
    return {
        **acknowledged(order, now),
        **_amounts(order),
        **_terms(order),
        **_conditional(order),
        "workingTime": _working_time(order),
        "selfTradePreventionMode": order.self_trade.value,
    }


def filled(order: Order, executions: Iterable[Execution], now: int) -> Shape:
    """`newOrderRespType=FULL`."""
    return {**resulted(order, now), "fills": [_fill(each) for each in executions]}


def queried(order: Order) -> Shape:
    """An order as it is asked for."""
    return {
        "symbol": wire_symbol(order.symbol),
        "orderId": order.order_id,
        "orderListId": list_number(order),
        "clientOrderId": order.client_order_id,
        **_amounts(order),
        **_terms(order),
        "stopPrice": number(order.trigger_price),
        "icebergQty": number(order.visible),
        **_trailing(order),
        "time": ms(order.created),
        "updateTime": ms(order.updated),
        "isWorking": is_working(order),
        "workingTime": _working_time(order),
        "selfTradePreventionMode": order.self_trade.value,
    }


def canceled(order: Order, cancel_id: str, now: int) -> Shape:
    """A cancel's answer: `clientOrderId` is the cancel's own name."""
    return {
        "symbol": wire_symbol(order.symbol),
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": list_number(order),
        "clientOrderId": cancel_id,
        "transactTime": ms(now),
        **_amounts(order),
        **_terms(order),
        **_conditional(order),
        "selfTradePreventionMode": order.self_trade.value,
    }


def listed(found: OrderList) -> Shape:
    """A one-cancels-other list as it is asked for."""
    is_open = any(order.is_open for order in found.orders)
    return {
        "orderListId": found.list_id,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED" if is_open else "ALL_DONE",
        "listOrderStatus": "EXECUTING" if is_open else "ALL_DONE",
        "listClientOrderId": found.client_list_id,
        "transactionTime": ms(max(found.created, *(order.updated for order in found.orders))),
        "symbol": wire_symbol(found.symbol),
        "orders": [
            {
                "symbol": wire_symbol(order.symbol),
                "orderId": order.order_id,
                "clientOrderId": order.client_order_id,
            }
            for order in found.orders
        ],
    }


def reported(found: OrderList, reports: Sequence[Shape]) -> Shape:
    """A list that was just placed or canceled, with what became of its orders."""
    return {**listed(found), "orderReports": list(reports)}


def traded(execution: Execution) -> Shape:
    """An execution as `myTrades` tells it."""
    return {
        "symbol": wire_symbol(execution.symbol),
        "id": execution.trade_id,
        "orderId": execution.order_id,
        "orderListId": -1,
        "price": number(execution.price),
        "qty": number(execution.quantity),
        "quoteQty": number(EXACT.multiply(execution.price, execution.quantity)),
        "commission": number(execution.fee),
        "commissionAsset": execution.fee_currency,
        "time": ms(execution.ts),
        "isBuyer": execution.side is OrderSide.BUY,
        "isMaker": execution.liquidity is Liquidity.MAKER,
        "isBestMatch": True,
    }


def balance(currency: str, held: Balance) -> Shape:
    """Of one currency, in `account`."""
    return {"asset": currency, "free": number(held.free), "locked": number(held.locked)}


def is_working(order: Order) -> bool:
    """Whether it is, or was, on the book or matched."""
    return order.standing is not Standing.PENDING


def _working_time(order: Order) -> int:
    return ms(order.created) if is_working(order) else -1


def _amounts(order: Order) -> Shape:
    return {
        "price": number(order.limit_price),
        "origQty": number(order.quantity),
        "executedQty": number(order.filled),
        "origQuoteOrderQty": number(order.value),
        "cummulativeQuoteQty": number(order.filled_value),
    }


def _terms(order: Order) -> Shape:
    return {
        "status": status(order),
        "timeInForce": order.tif.value,
        "type": order_type(order),
        "side": order.side.value,
    }


def _conditional(order: Order) -> Shape:
    """What only some orders have, and only they show."""
    shape: Shape = {}
    if order.trigger_price is not None:
        shape["stopPrice"] = number(order.trigger_price)
    if order.visible is not None:
        shape["icebergQty"] = number(order.visible)
    return {**shape, **_trailing(order)}


def _trailing(order: Order) -> Shape:
    delta = trailing_delta(order)
    if delta is None:
        return {}
    return {"trailingDelta": delta, "trailingTime": ms(order.created)}


def _fill(execution: Execution) -> Shape:
    return {
        "price": number(execution.price),
        "qty": number(execution.quantity),
        "commission": number(execution.fee),
        "commissionAsset": execution.fee_currency,
        "tradeId": execution.trade_id,
    }
