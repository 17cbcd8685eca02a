"""Our books beside the exchange's own, after all has settled: sentences about what differs.

Read are the engine in memory and the database's own fills. Must never round and never forgive.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from alphaforge.model.enums import OrderStatus
from alphaforge.model.orders import Order as OurOrder
from alphaforge.sandbox.terms import Execution, Order, Standing
from tests.faults.stage import Stage
from tests.simulation.compare import orders_of, unsettled
from tests.venues.local import ACCOUNT

SAME = {
    Standing.OPEN: {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.TRIGGERED},
    Standing.FILLED: {OrderStatus.FILLED},
    Standing.CANCELED: {OrderStatus.CANCELED},
    Standing.EXPIRED: {OrderStatus.EXPIRED},
    Standing.REJECTED: {OrderStatus.REJECTED},
}
NEVER_THERE = {OrderStatus.ABSENT, OrderStatus.REJECTED, OrderStatus.DENIED}


def differences(stage: Stage, *, is_over: bool = False) -> list[str]:
    """Everything that differs; the database, too, once the session `is_over`."""
    found = [f"doubt: {each}" for each in unsettled(stage.engine)]
    found += _orders_differ(stage)
    found += _money_differs(stage)
    if is_over:
        found += _stored_fills_differ(stage)
    return found


def _orders_differ(stage: Stage) -> Iterator[str]:
    ours = {each.client_order_id: each for each in orders_of(stage.engine)}
    seen = Counter(each.client_order_id for each in _theirs(stage) if each.client_order_id)
    yield from (f"doubled: {name} is {n} orders there" for name, n in seen.items() if n > 1)
    for order in _theirs(stage):
        mine = ours.pop(order.client_order_id, None)
        if mine is None:
            yield f"lost: {order.client_order_id or order.order_id} is {order.standing} there"
        else:
            yield from _order_differs(mine, order)
    for name, order in ours.items():
        if order.status not in NEVER_THERE:
            yield f"imagined: {name} is {order.status} here, and was never there"


def _theirs(stage: Stage) -> list[Order]:
    return stage.local.exchange.orders(ACCOUNT, stage.symbol)


def _order_differs(ours: OurOrder, theirs: Order) -> Iterator[str]:
    name = theirs.client_order_id
    if ours.status not in SAME[theirs.standing]:
        yield f"status: {name} is {ours.status} here, {theirs.standing} there"
    if ours.filled != theirs.filled:
        yield f"filled: {name} {ours.filled} here, {theirs.filled} there"
    terms = (ours.quantity, ours.limit_price), (theirs.quantity, theirs.limit_price)
    if theirs.standing is Standing.OPEN and terms[0] != terms[1]:
        yield f"terms: {name} {terms[0]} here, {terms[1]} there"


def _money_differs(stage: Stage) -> Iterator[str]:
    portfolio, exchange = stage.engine.portfolio, stage.local.exchange
    for currency, balance in exchange.balances(ACCOUNT).items():
        ours = portfolio.balance(currency)
        if ours != balance.total and (ours or balance.total) and _is_ours(stage, currency):
            yield f"balance: {ours} {currency} here, {balance.total} there"
    for position in exchange.positions(ACCOUNT):
        net = portfolio.net(position.symbol)
        if net != position.quantity:
            yield f"position: {net} {position.symbol} here, {position.quantity} there"


def _is_ours(stage: Stage, currency: str) -> bool:
    """Whether the run trades in it: nothing else is booked here."""
    pair, _, settle = stage.symbol.partition(":")
    return currency in ({settle} if settle else set(pair.split("/")))


def _stored_fills_differ(stage: Stage) -> Iterator[str]:
    query = "SELECT trade_id, side, quantity, price, fee, fee_currency FROM fills"
    with closing(sqlite3.connect(stage.store)) as database:
        rows = database.execute(query).fetchall()
    ours = Counter((row[1], *(Decimal(text) for text in row[2:5]), row[5]) for row in rows)
    theirs = Counter(_row(each) for each in stage.local.exchange.executions(ACCOUNT))
    yield from (f"lost: fill {row} is not stored" for row in theirs - ours)
    yield from (f"imagined: fill {row} is stored" for row in ours - theirs)
    ids = Counter((row[0], row[1]) for row in rows)
    yield from (f"doubled: fill {key} is stored {n} times" for key, n in ids.items() if n > 1)


def _row(trade: Execution) -> tuple[str, Decimal, Decimal, Decimal, str]:
    return str(trade.side), trade.quantity, trade.price, trade.fee, trade.fee_currency


def life_of(store: Path, order_id: str) -> list[str]:
    """The kinds of an order's events, in order."""
    query = "SELECT kind FROM order_events WHERE order_id = ? ORDER BY sequence, position"
    with closing(sqlite3.connect(store)) as database:
        return [kind for (kind,) in database.execute(query, (order_id,))]
