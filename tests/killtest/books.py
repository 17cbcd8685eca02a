"""At rest: the database beside the venue's own books, to the last digit.

Orders by client order id, fills by trade id, positions, cash. Returns sentences that begin with
`lost`, `doubled` or `unknown`; must never round and never forgive.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from alphaforge.model.claims import OrderStatusReport, VenueStatus
from alphaforge.model.enums import OrderSide, OrderStatus
from tests.fake_venue.terms import Books
from tests.simulation.compare import SAYS_THE_SAME

ZERO = Decimal(0)

A_PUSH_NS = 500_000_000
"""An order that expires by itself so shortly before a process ends, or later, expires unheard."""

TERMS = ("leaves", "limit_price", "trigger_price")
NEVER_THERE = {OrderStatus.ABSENT, OrderStatus.REJECTED, OrderStatus.DENIED}


def differences(store: Path, books: Books) -> list[str]:
    """Everything in which a store and the venue's books of its account differ."""
    with closing(sqlite3.connect(store)) as database:
        database.row_factory = sqlite3.Row
        return [
            *_orders(database, books),
            *_fills(database, books),
            *_positions(database, books),
            *_cash(database, books),
        ]


def _rows(database: sqlite3.Connection, query: str) -> list[Any]:
    return database.execute(query).fetchall()


def _orders(database: sqlite3.Connection, books: Books) -> Iterator[str]:
    """Each order as its last run saw it: one run's resting orders are the next one's `external`."""
    joined = "FROM orders o JOIN runs r USING (run_id)"
    query = f"SELECT o.*, r.ended AS run_ended {joined} ORDER BY r.started, o.order_id"
    ours: dict[str, Any] = {}
    homes: Counter[tuple[str, str]] = Counter()
    for row in _rows(database, query):
        if row["client_order_id"]:
            ours[row["client_order_id"]] = row
            homes[row["run_id"], row["client_order_id"]] += 1
        elif row["status"] != OrderStatus.DENIED:
            yield f"unknown: {row['order_id']} of {row['run_id']} has no client order id"
    yield from (f"doubled: {name} has {count} rows" for name, count in homes.items() if count > 1)
    filled = _filled(database)
    for theirs in books.orders:
        row = ours.pop(theirs.client_order_id, None)
        if row is None:
            yield f"lost: {theirs.client_order_id} is at the venue and not in the store"
        else:
            yield from _order(row, theirs, filled[theirs.client_order_id])
    for name, row in ours.items():
        if row["status"] not in NEVER_THERE or row["in_doubt"]:
            yield f"unknown: {name} is {row['status']} here, the venue never had it"


def _order(row: Any, theirs: OrderStatusReport, filled: Decimal) -> Iterator[str]:
    name = theirs.client_order_id
    if filled != theirs.filled:
        yield f"lost: {name} has {filled} filled here, {theirs.filled} at the venue"
    if row["in_doubt"]:
        yield f"unknown: {name} is in doubt ({row['status']}), {theirs.status} at the venue"
    came_later = theirs.status is VenueStatus.EXPIRED and theirs.ts > row["run_ended"] - A_PUSH_NS
    if came_later and row["leaves"] != "0":
        return
    if row["status"] not in SAYS_THE_SAME[theirs.status]:
        yield f"unknown: {name} is {row['status']} here, {theirs.status} at the venue"
    if theirs.status is not VenueStatus.OPEN:
        return
    assert theirs.quantity is not None
    assert theirs.filled is not None
    terms = [row[term] and Decimal(row[term]) for term in TERMS]
    told = [theirs.quantity - theirs.filled, theirs.limit_price, theirs.trigger_price]
    if terms != told:
        yield f"unknown: {name} has terms {terms} here, {told} at the venue"


def _filled(database: sqlite3.Connection) -> defaultdict[str, Decimal]:
    """Quantity by client order id, over all runs."""
    joined = "FROM fills f JOIN orders o USING (run_id, order_id)"
    query = f"SELECT o.client_order_id, f.quantity {joined}"
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for client_id, quantity in _rows(database, query):
        filled[client_id] += Decimal(quantity)
    return filled


def _fills(database: sqlite3.Connection, books: Books) -> Iterator[str]:
    ours: dict[tuple[str, str, str], Any] = {}
    for row in _rows(database, "SELECT * FROM fills"):
        key = (row["symbol"], row["trade_id"], row["side"])
        if key in ours:
            yield f"doubled: trade {key} is booked twice"
        ours[key] = row
    for trade in books.trades:
        row = ours.pop((trade.symbol, trade.trade_id, str(trade.side)), None)
        if row is None:
            yield f"lost: trade {trade.trade_id} of {trade.client_order_id} is not booked"
            continue
        told = (trade.quantity, trade.price, trade.fee)
        booked = tuple(Decimal(row[name]) for name in ("quantity", "price", "fee"))
        if booked != told or row["fee_currency"] != trade.fee_currency:
            yield f"lost: trade {trade.trade_id} is {booked} here, {told} at the venue"
    yield from (f"doubled: trade {key} never happened at the venue" for key in ours)


def _positions(database: sqlite3.Connection, books: Books) -> Iterator[str]:
    """Over all strategies and runs; the venue's is the sum of its trades."""
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for trade in books.trades:
        held[trade.symbol] += trade.quantity if trade.side is OrderSide.BUY else -trade.quantity
    for symbol, quantity in _rows(database, "SELECT symbol, quantity FROM positions"):
        held[symbol] -= Decimal(quantity)
    for symbol, difference in held.items():
        if difference:
            yield f"lost: the position in {symbol} is {-difference} off the venue's"


def _cash(database: sqlite3.Connection, books: Books) -> Iterator[str]:
    """What the last run said at its end."""
    query = "SELECT summary FROM runs ORDER BY started DESC LIMIT 1"
    row = database.execute(query).fetchone()
    if row is None or row["summary"] is None:
        yield "unknown: the last run never ended"
        return
    cash = msgspec.json.decode(row["summary"])["cash"]
    for currency in sorted({*cash, *books.balances}):
        ours, theirs = Decimal(cash.get(currency, "0")), books.balances.get(currency, ZERO)
        if ours != theirs:
            yield f"lost: {ours} {currency} here, {theirs} at the venue"


def has_ended(store: Path, run_id: str) -> bool:
    """Whether a run is written as ended."""
    with closing(sqlite3.connect(store)) as database:
        query = "SELECT ended FROM runs WHERE run_id = ?"
        row = database.execute(query, (run_id,)).fetchone()
    return row is not None and row[0] is not None
