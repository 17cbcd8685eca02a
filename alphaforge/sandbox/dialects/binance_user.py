"""What Binance tells an account as it happens: order reports, balances, lists, deposits.

Made from what the exchange tells, in its order, once for each account that listens. Must never
tell one account about another, nor leave a change of an order out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from alphaforge.model.enums import Liquidity
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.sandbox.dialects.binance_answers import Shape, is_working
from alphaforge.sandbox.dialects.binance_trading import cancel_name
from alphaforge.sandbox.dialects.binance_words import (
    Symbols,
    list_number,
    ms,
    number,
    order_type,
    status,
    trailing_delta,
    wire_symbol,
)
from alphaforge.sandbox.fault_terms import Stream
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.terms import (
    BalancesChanged,
    Change,
    Execution,
    Order,
    OrderChanged,
    OrderList,
    Told,
)

_EXECUTION_TYPES: Mapping[Change, str] = {
    Change.NEW: "NEW",
    Change.TRADE: "TRADE",
    Change.CANCELED: "CANCELED",
    Change.REPLACED: "REPLACED",
    Change.TRIGGERED: "NEW",
    Change.EXPIRED: "EXPIRED",
    Change.REJECTED: "REJECTED",
    Change.SELF_TRADE: "TRADE_PREVENTION",
}
_NO_TRADE = -1
_NO_REASON = "NONE"


@dataclass(frozen=True)
class News:
    """One event for one account."""

    stream: Stream
    symbol: str
    event: Shape


@dataclass
class _Watched:
    """What is remembered of an account while somebody listens.

    Attributes:
        totals: As last told.
        has_traded: An execution was told whose balances were not, yet.
    """

    totals: dict[str, Decimal]
    has_traded: bool = False
    ended: dict[int, set[int]] = field(default_factory=dict[int, set[int]])


class UserEvents:
    """Turns what the exchange tells into the events of each account that listens."""

    def __init__(self, floor: Floor, symbols: Symbols) -> None:
        self._floor = floor
        self._symbols = symbols
        self._watched: dict[str, _Watched] = {}
        self._reports = 0

    def watch(self, account: str) -> None:
        """Somebody listens to this account from here on."""
        if account not in self._watched:
            balances = self._floor.exchange.balances(account)
            totals = {currency: held.total for currency, held in balances.items()}
            self._watched[account] = _Watched(totals)

    def forget(self, account: str) -> None:
        """Nobody listens to it any more."""
        self._watched.pop(account, None)

    def news(self, told: Told) -> tuple[str, list[News]]:
        """Whose it is, and the events; none for what no listening account is to hear."""
        if isinstance(told, OrderChanged):
            account = told.order.account
        elif isinstance(told, BalancesChanged):
            account = told.account
        else:
            return "", []
        watched = self._watched.get(account)
        if watched is None:
            return account, []
        if isinstance(told, BalancesChanged):
            return account, self._balances(told, watched)
        return account, self._order(told, watched)

    # Orders -----------------------------------------------------------------------------------

    def _order(self, told: OrderChanged, watched: _Watched) -> list[News]:
        if told.execution is not None:
            watched.has_traded = True
        if not self._symbols.is_spot(told.order.symbol):
            return []
        stream = Stream.FILLS if told.execution is not None else Stream.ORDERS
        news = [News(stream, told.order.symbol, self._report(told))]
        return news + self._list(told, watched)

    def _report(self, told: OrderChanged) -> Shape:
        order, canceled = told.order, told.change is Change.CANCELED
        self._reports += 1
        name = told.cancel_client_id or cancel_name(order)
        return {
            "e": "executionReport",
            "E": ms(told.ts),
            "s": wire_symbol(order.symbol),
            "c": name if canceled else order.client_order_id,
            **_order_terms(order),
            "C": order.client_order_id if canceled else "",
            "x": _EXECUTION_TYPES[told.change],
            "X": status(order),
            "r": _reason(told),
            "i": order.order_id,
            **_execution(told.execution),
            "z": number(order.filled),
            "T": ms(told.ts),
            "I": self._reports,
            "w": order.is_open and is_working(order),
            "M": told.execution is not None,
            "O": ms(order.created),
            "Z": number(order.filled_value),
            "Q": number(order.value),
            "V": order.self_trade.value,
            **({"W": ms(order.created)} if is_working(order) else {}),
            **_trailing(order),
            **_prevented(told),
        }

    def _list(self, told: OrderChanged, watched: _Watched) -> list[News]:
        """`listStatus` once both halves are told as new, and once both are told as ended."""
        order = told.order
        if not order.list_id:
            return []
        found = self._floor.exchange.order_list(order.account, order.list_id)
        if told.change is Change.NEW and order.order_id == found.orders[-1].order_id:
            started = _list_status(found, "EXEC_STARTED", "EXECUTING", told.ts)
            return [News(Stream.ORDERS, order.symbol, started)]
        if order.is_open:
            return []
        ended = watched.ended.setdefault(order.list_id, set())
        ended.add(order.order_id)
        if len(ended) < len(found.orders):
            return []
        del watched.ended[order.list_id]
        done = _list_status(found, "ALL_DONE", "ALL_DONE", told.ts)
        return [News(Stream.ORDERS, order.symbol, done)]

    # Balances ---------------------------------------------------------------------------------

    def _balances(self, told: BalancesChanged, watched: _Watched) -> list[News]:
        """The position of what changed; before it, what came or went without a trade."""
        news: list[News] = []
        for currency, held in told.balances.items():
            delta = held.total - watched.totals.get(currency, ZERO)
            watched.totals[currency] = held.total
            if delta and not watched.has_traded:
                news.append(News(Stream.BALANCES, "", _deposit(currency, delta, told.ts)))
        watched.has_traded = False
        position: Shape = {
            "e": "outboundAccountPosition",
            "E": ms(told.ts),
            "u": ms(told.ts),
            "B": [
                {"a": currency, "f": number(held.free), "l": number(held.locked)}
                for currency, held in told.balances.items()
            ],
        }
        return [*news, News(Stream.BALANCES, "", position)]


def terminated(now: int) -> Shape:
    """The last event of a subscription whose key is gone."""
    return {"e": "eventStreamTerminated", "E": ms(now)}


def _order_terms(order: Order) -> Shape:
    return {
        "S": order.side.value,
        "o": order_type(order),
        "f": order.tif.value,
        "q": number(order.quantity),
        "p": number(order.limit_price),
        "P": number(order.trigger_price),
        "F": number(order.visible),
        "g": list_number(order),
    }


def _execution(execution: Execution | None) -> Shape:
    if execution is None:
        none = number(None)
        return {"l": none, "L": none, "Y": none, "n": "0", "N": None, "t": _NO_TRADE, "m": False}
    return {
        "l": number(execution.quantity),
        "L": number(execution.price),
        "Y": number(EXACT.multiply(execution.price, execution.quantity)),
        "n": number(execution.fee),
        "N": execution.fee_currency,
        "t": execution.trade_id,
        "m": execution.liquidity is Liquidity.MAKER,
    }


def _reason(told: OrderChanged) -> str:
    """A stop that woke is rejected for want of funds; what a fault rejects has no reason."""
    if told.change is not Change.REJECTED:
        return _NO_REASON
    return "INSUFFICIENT_BALANCES" if told.order.triggered else "UNKNOWN"


def _trailing(order: Order) -> Shape:
    delta = trailing_delta(order)
    return {} if delta is None else {"d": delta, "D": ms(order.created)}


def _prevented(told: OrderChanged) -> Shape:
    """Of an order that would have met another of its account."""
    if told.change is not Change.SELF_TRADE:
        return {}
    rest = number(told.order.quantity - told.order.filled)
    return {"v": told.order.order_id, "A": rest, "B": rest, "u": 1, "pl": rest}


def _list_status(found: OrderList, kind: str, standing: str, ts: int) -> Shape:
    return {
        "e": "listStatus",
        "E": ms(ts),
        "s": wire_symbol(found.symbol),
        "g": found.list_id,
        "c": "OCO",
        "l": kind,
        "L": standing,
        "r": _NO_REASON,
        "C": found.client_list_id,
        "T": ms(ts),
        "O": [
            {"s": wire_symbol(each.symbol), "i": each.order_id, "c": each.client_order_id}
            for each in found.orders
        ],
    }


def _deposit(currency: str, delta: Decimal, ts: int) -> Shape:
    amount = number(delta)
    return {"e": "balanceUpdate", "E": ms(ts), "a": currency, "d": amount, "T": ms(ts)}
