"""Sums over executions that Bybit tells with every order and execution, kept as they happen.

Cumulative fees of an order, what was left of it after each execution, what an execution closed.
Built from the exchange's executions, so a restart loses nothing. Must never be asked for what the
exchange itself knows.
"""

from decimal import Decimal
from typing import TypeVar

import msgspec

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.sandbox.dialects.bybit_names import total
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.terms import Execution

KEPT = 50_000
"""Orders and executions whose sums are remembered: as many as the exchange remembers itself."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Fees(msgspec.Struct, frozen=True):
    """An order's fees so far."""

    total: Decimal = ZERO
    currency: str = ""


class Mark(msgspec.Struct, frozen=True):
    """What stood after one execution.

    Attributes:
        filled: Of its order, this execution included.
        closed: Contracts of an open position that it closed; 0 for spot.
    """

    filled: Decimal
    closed: Decimal


class Holding(msgspec.Struct):
    """A position as executions made it.

    Attributes:
        realized: Since it was last flat, before fees.
        opened, changed: ns: its first execution, its latest.
    """

    quantity: Decimal = ZERO
    realized: Decimal = ZERO
    opened: int = 0
    changed: int = 0


class Tallies:
    """The sums of every account that was ever asked about, as far back as the exchange goes."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._fees: dict[int, Fees] = {}
        self._filled: dict[int, Decimal] = {}
        self._marks: dict[tuple[int, int], Mark] = {}
        self._holdings: dict[tuple[str, str], Holding] = {}
        self._known: set[str] = set()

    def hear(self, execution: Execution) -> None:
        """Count one, once; of an account nobody asked about nothing is kept."""
        if execution.account in self._known:
            self._count(execution)

    def fees(self, account: str, order_id: int) -> Fees:
        """Of an order; none if it has not traded."""
        self._learn(account)
        return self._fees.get(order_id, Fees())

    def mark(self, execution: Execution) -> Mark:
        """What stood after it."""
        self._learn(execution.account)
        known = self._marks.get((execution.order_id, execution.trade_id))
        return known or Mark(execution.quantity, ZERO)

    def holding(self, account: str, symbol: str) -> Holding:
        """A position's sums and times; all zero if it never was."""
        self._learn(account)
        return self._holdings.get((account, symbol), Holding())

    def _learn(self, account: str) -> None:
        if account in self._known:
            return
        self._known.add(account)
        executions = self._exchange.executions(account)
        for position in self._exchange.positions(account):
            own = (each for each in executions if each.symbol == position.symbol)
            # What the exchange has forgotten made up the rest of the position.
            forgotten = EXACT.subtract(position.quantity, total(map(_signed, own)))
            self._holdings[account, position.symbol] = Holding(forgotten)
        for execution in executions:
            self._count(execution)

    def _count(self, execution: Execution) -> None:
        order_id = execution.order_id
        key = (order_id, execution.trade_id)
        if key in self._marks:
            return
        filled = EXACT.add(self._filled.get(order_id, ZERO), execution.quantity)
        fees = self._fees.get(order_id, Fees())
        paid = EXACT.add(fees.total, execution.fee)
        keep(self._filled, order_id, filled)
        keep(self._fees, order_id, Fees(paid, execution.fee_currency))
        keep(self._marks, key, Mark(filled, self._close(execution)))

    def _close(self, execution: Execution) -> Decimal:
        listing = self._exchange.listings[execution.symbol]
        if listing.kind is InstrumentKind.SPOT:
            return ZERO
        key = (execution.account, execution.symbol)
        holding = self._holdings.setdefault(key, Holding())
        holding.opened = holding.opened or execution.ts
        holding.changed = execution.ts
        signed, before = _signed(execution), holding.quantity
        closed = min(abs(before), execution.quantity) if before * signed < 0 else ZERO
        holding.quantity = EXACT.add(before, signed)
        is_over = not holding.quantity or holding.quantity * before < 0
        gained = EXACT.add(holding.realized, execution.realized_pnl)
        holding.realized = ZERO if is_over else gained
        return closed


def keep(table: dict[Key, Value], key: Key, value: Value) -> None:
    """Put it last, and drop the first of too many."""
    table.pop(key, None)
    table[key] = value
    if len(table) > KEPT:
        del table[next(iter(table))]


def _signed(execution: Execution) -> Decimal:
    is_buy = execution.side is OrderSide.BUY
    return execution.quantity if is_buy else execution.quantity.copy_negate()
