"""When all is calm: our books against the exchange's own, to the last digit.

Compared are the engine in memory, the views in the database and the fills as they are exported.
Returns sentences, one per difference; must never round and never forgive.
"""

import sqlite3
from collections.abc import Container, Iterator
from decimal import Decimal

from alphaforge.engine.core import Engine
from alphaforge.engine.timers import FAR
from alphaforge.model.claims import OrderStatusReport, VenueStatus
from alphaforge.model.enums import OrderStatus, PendingRequest
from alphaforge.model.orders import Order
from alphaforge.services.doubts import last_request
from tests.fake_venue.exchange import Exchange
from tests.simulation.invariants import Books

ZERO = Decimal(0)

SAYS_THE_SAME: dict[VenueStatus, tuple[OrderStatus, ...]] = {
    VenueStatus.OPEN: (
        OrderStatus.ACCEPTED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.TRIGGERED,
    ),
    VenueStatus.FILLED: (OrderStatus.FILLED,),
    VenueStatus.CANCELED: (OrderStatus.CANCELED,),
    VenueStatus.EXPIRED: (OrderStatus.EXPIRED,),
    VenueStatus.REJECTED: (OrderStatus.REJECTED,),
}


def unsettled(engine: Engine, asked_before: int = FAR) -> list[str]:
    """Orders of which something is still not known that was asked before an engine time."""
    return _woken(engine) + [
        f"{order.order_id} ({order.client_order_id}) is {order.status}, "
        f"in doubt: {order.in_doubt}, pending: {order.pending}"
        for order in (
            working.life.order
            for working in engine.execution.orders.values()
            if last_request(working.life) < asked_before
        )
        if order.in_doubt
        or order.status is OrderStatus.SUBMITTED
        or order.pending is not PendingRequest.NONE
    ]


def _woken(engine: Engine) -> list[str]:
    """Stops whose trigger was reached and that have not left; behind a resting limit they may."""
    emulation = engine.execution.emulation
    waiting = emulation.waiting if emulation is not None else {}
    return [
        f"{order_id} waits since its trigger: {each.why}"
        for order_id, each in waiting.items()
        if "same holding" not in each.why
    ]


def orders_of(engine: Engine) -> list[Order]:
    """Every order the engine still knows."""
    execution = engine.execution
    rows = [*execution.orders.values(), *execution.closed.values()]
    return [row.life.order for row in rows]


def orders_differ(
    engine: Engine, exchange: Exchange, account: str, left: Container[str] = ()
) -> Iterator[str]:
    """Order by order, by our client id or the venue's own; `left`: client ids that were sent."""
    known = {order.client_order_id: order for order in orders_of(engine) if order.client_order_id}
    named = {order.venue_order_id: order for order in orders_of(engine) if order.venue_order_id}
    for report in exchange.books(account).orders:
        ours = known.pop(report.client_order_id, None) or named.get(report.venue_order_id)
        name = report.client_order_id or report.venue_order_id
        if ours is None:
            if report.status is VenueStatus.OPEN or report.filled:
                yield f"{name}: {report.status} at the venue with {report.filled}, unknown here"
            continue
        yield from _order_differs(name, ours, report)
    for client_id, order in known.items():
        dead = (OrderStatus.ABSENT, OrderStatus.REJECTED, OrderStatus.DENIED)
        if order.emulated and client_id not in left:
            continue  # held here: the venue is not to have it
        if order.status not in dead and order.order_id.startswith("o-"):
            yield f"{client_id}: {order.status} here, and the venue never had it"


def _order_differs(name: str, ours: Order, theirs: OrderStatusReport) -> Iterator[str]:
    if ours.filled != theirs.filled:
        yield f"{name}: {ours.filled} filled here, {theirs.filled} there"
    busted = theirs.status is VenueStatus.CANCELED and theirs.reason == "trade busted"
    if ours.status not in SAYS_THE_SAME[theirs.status] and not busted:
        yield f"{name}: {ours.status} here, {theirs.status} there"
    if theirs.status is not VenueStatus.OPEN:
        return
    terms = (ours.quantity, ours.limit_price, ours.trigger_price)
    if terms != (theirs.quantity, theirs.limit_price, theirs.trigger_price):
        yield (
            f"{name}: terms {terms} here, "
            f"{(theirs.quantity, theirs.limit_price, theirs.trigger_price)} there"
        )


def trades_differ(books: Books, exchange: Exchange, account: str, where: str) -> Iterator[str]:
    """Trade by trade, with every number."""
    ours = books.standing()
    for trade in exchange.books(account).trades:
        fill = ours.pop((trade.symbol, trade.trade_id, str(trade.side)), None)
        if fill is None:
            yield f"{where}: trade {trade.trade_id} of {trade.symbol} is missing"
            continue
        told = (trade.quantity, trade.price, trade.fee, trade.fee_currency)
        if (fill.quantity, fill.price, fill.fee, fill.fee_currency) != told:
            yield f"{where}: trade {trade.trade_id}: {fill}, the venue says {told}"
    for symbol, trade_id, side in ours:
        yield f"{where}: {side} {trade_id} of {symbol} never happened at the venue"


def money_differs(
    cash: dict[str, Decimal], exchange: Exchange, account: str, where: str
) -> Iterator[str]:
    """Currency by currency, exact."""
    theirs = exchange.ledger(account)
    for currency in sorted({*cash, *theirs}):
        mine, yours = cash.get(currency, ZERO), theirs.get(currency, ZERO)
        if mine != yours:
            yield f"{where}: {mine} {currency} here, {yours} there: {mine - yours} too much"


def views_differ(database: sqlite3.Connection, books: Books) -> Iterator[str]:
    """I15: the rows of `fills` are those of the journal: as many, with the same numbers."""
    query = "SELECT symbol, trade_id, side, quantity, price, fee FROM fills"
    rows = [(*row[:3], *(Decimal(number) for number in row[3:])) for row in database.execute(query)]
    told = [
        (fill.symbol, fill.trade_id, str(fill.side), fill.quantity, fill.price, fill.fee)
        for fill in books.trades.values()
    ]
    if len(rows) != len(told):
        yield f"I15: {len(rows)} rows of fills, {len(told)} in the journal"
    for row in sorted(set(rows) ^ set(told)):
        yield f"I15: fill {row} stands in one of journal and view only"
