"""The exchange's own books, whole and exact: what a client's books are compared with.

Written once at the end of a run and on demand by the admin route. Amounts are text with every
digit. Must never round, convert or leave anything out.
"""

from collections.abc import Iterator

import msgspec

from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.terms import Balance, Execution, Order, PositionView


class AccountBooks(msgspec.Struct, frozen=True, kw_only=True):
    """One account's side of everything.

    Attributes:
        orders: Those it remembers, oldest first, open ones included.
        executions: Oldest first.
    """

    balances: dict[str, Balance]
    positions: list[PositionView]
    open_orders: list[Order]
    orders: list[Order]
    executions: list[Execution]


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """Every account of clients.

    Attributes:
        ts: When, ns UTC of the exchange's clock.
        fees: What the exchange has taken, by currency.
    """

    ts: int
    accounts: dict[str, AccountBooks]
    fees: dict[str, Balance]


FEES = "@fees"


def books(exchange: Exchange, now: int) -> Books:
    """The books as they are; the other participants' (`@...`) are left out."""
    return Books(
        ts=now,
        accounts={name: _account(exchange, name) for name in clients(exchange)},
        fees=exchange.balances(FEES),
    )


def clients(exchange: Exchange) -> Iterator[str]:
    """Names of the accounts that are not the exchange's own."""
    return (name for name in exchange.accounts if not name.startswith("@"))


def _account(exchange: Exchange, name: str) -> AccountBooks:
    return AccountBooks(
        balances=exchange.balances(name),
        positions=exchange.positions(name),
        open_orders=exchange.open_orders(name),
        orders=[each for symbol in exchange.listings for each in exchange.orders(name, symbol)],
        executions=exchange.executions(name),
    )


def books_json(exchange: Exchange, now: int) -> bytes:
    """The same as one JSON object."""
    return msgspec.json.encode(books(exchange, now))
