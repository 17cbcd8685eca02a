"""Accounts: their money, what of it is locked, their orders and their trades.

Money is kept as total and locks; what is free follows from them, so that releasing a lock can
never lose or make a digit. Must never know a market or a rule of trading.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal

from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.sandbox.positions import Position
from alphaforge.sandbox.terms import Balance, Execution, Order, Refusal, RefusedError

FEES = "@fees"
"""Takes every fee, pays every rebate."""

CLEARING = "@clearing"
"""The other side of every realized profit and loss, and of losses beyond an account's money."""

KEPT = 50_000
"""Ended orders and executions of an account that are remembered."""

AGENT_MARK = "@"
"""Accounts so named are the exchange's own: no fees, no limits, money without end."""


class Account:
    """One participant.

    Attributes:
        is_agent: Never refused for funds, pays no fees, leaves no history.
        totals: Per currency, locked or not; an agent's may be negative.
        positions: By symbol, flat ones included.
        open: Open orders by id, oldest first.
        orders: All that are remembered, by id, oldest first.
        clients: The latest order of each client order id.
        touched: Currencies whose balance changed since `take_touched`.
    """

    __slots__ = (
        "_ended",
        "_locks",
        "_margins",
        "clients",
        "executions",
        "is_agent",
        "locked",
        "margin",
        "name",
        "open",
        "orders",
        "positions",
        "totals",
        "touched",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_agent = name.startswith(AGENT_MARK)
        self.totals: dict[str, Decimal] = {}
        self.locked: dict[str, Decimal] = {}
        self.margin: dict[str, Decimal] = {}
        self.positions: dict[str, Position] = {}
        self.open: dict[int, Order] = {}
        self.orders: dict[int, Order] = {}
        self.clients: dict[str, Order] = {}
        self.executions: deque[Execution] = deque(maxlen=KEPT)
        self.touched: set[str] = set()
        self._ended: deque[int] = deque()
        self._locks: dict[int, tuple[str, Decimal]] = {}
        self._margins: dict[str, tuple[str, Decimal]] = {}

    def add(self, currency: str, amount: Decimal) -> None:
        """Money comes, or goes if negative."""
        self.totals[currency] = EXACT.add(self.totals.get(currency, ZERO), amount)
        self.touched.add(currency)

    def lock(self, key: int, currency: str, amount: Decimal) -> None:
        """Hold this much for an order (its id) or a list (its id negated); 0 releases it.

        A key keeps its currency until it is released.
        """
        before = self._locks.get(key, (currency, ZERO))[1]
        if amount == before:
            return
        if amount:
            self._locks[key] = (currency, amount)
        else:
            del self._locks[key]
        change = EXACT.subtract(amount, before)
        self.locked[currency] = EXACT.add(self.locked.get(currency, ZERO), change)
        self.touched.add(currency)

    def locked_by(self, key: int) -> Decimal:
        """What an order or list holds now."""
        return self._locks.get(key, ("", ZERO))[1]

    def set_margin(self, symbol: str, currency: str, amount: Decimal) -> None:
        """Hold this much for a perpetual's position and orders.

        Unlike a lock it is shown and counted only as far as there is money for it: losses go
        before it.
        """
        before = self.margin_of(symbol)
        if amount == before:
            return
        self._margins[symbol] = (currency, amount)
        change = EXACT.subtract(amount, before)
        self.margin[currency] = EXACT.add(self.margin.get(currency, ZERO), change)
        self.touched.add(currency)

    def margin_of(self, symbol: str) -> Decimal:
        """What a perpetual needs now."""
        return self._margins.get(symbol, ("", ZERO))[1]

    def unlocked(self, currency: str) -> Decimal:
        """Total less what orders hold, margin not counted: what losses can reach."""
        return EXACT.subtract(self.totals.get(currency, ZERO), self.locked.get(currency, ZERO))

    def free(self, currency: str) -> Decimal:
        """What a new order can use; an agent's may be negative and stops nothing."""
        left = self.totals.get(currency, ZERO)
        for held in (self.locked.get(currency), self.margin.get(currency)):
            if held:
                left = EXACT.subtract(left, held)
        return left if left > 0 or self.is_agent else ZERO

    def balance(self, currency: str) -> Balance:
        """Free and locked, which add up to the total."""
        total = self.totals.get(currency, ZERO)
        free = self.free(currency)
        return Balance(free, EXACT.subtract(total, free) if free != total else ZERO)

    def require(self, currency: str, amount: Decimal) -> None:
        """Refuse what the account has not got.

        Raises:
            RefusedError: INSUFFICIENT_FUNDS.
        """
        if amount > 0 and not self.is_agent and amount > self.free(currency):
            raise RefusedError(
                Refusal.INSUFFICIENT_FUNDS,
                f"{self.name} has {self.free(currency)} {currency} free, {amount} is needed",
            )

    def take_touched(self) -> dict[str, Balance]:
        """Balances that changed since the last time, by currency name."""
        changed = {currency: self.balance(currency) for currency in sorted(self.touched)}
        self.touched.clear()
        return changed

    def begin(self, order: Order) -> None:
        """Remember a new open order."""
        self.open[order.order_id] = order
        self.orders[order.order_id] = order
        self.clients[order.client_order_id] = order

    def finish(self, order: Order) -> None:
        """An order ended: forget it if an agent's, else forget the oldest of too many."""
        del self.open[order.order_id]
        if self.is_agent:
            self._forget(order.order_id)
            return
        self._ended.append(order.order_id)
        if len(self._ended) > KEPT:
            self._forget(self._ended.popleft())

    def of(self, symbol: str) -> Iterator[Order]:
        """Its open orders in one market, oldest first."""
        return (order for order in self.open.values() if order.symbol == symbol)

    def _forget(self, order_id: int) -> None:
        order = self.orders.pop(order_id)
        if self.clients.get(order.client_order_id) is order:
            del self.clients[order.client_order_id]

    def restore(self, orders: list[Order], ended: list[int]) -> None:
        """Take saved orders back: all that are remembered, and which of them ended, in order."""
        for order in orders:
            self.orders[order.order_id] = order
            self.clients[order.client_order_id] = order
            if order.is_open:
                self.open[order.order_id] = order
        self._ended.extend(ended)

    @property
    def ended(self) -> list[int]:
        """Ids of remembered orders that ended, in that order."""
        return list(self._ended)


class Ledger:
    """All accounts."""

    __slots__ = ("accounts",)

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        for name in (FEES, CLEARING):
            self.open(name)

    def open(self, name: str) -> Account:
        """A new account without money, or the one of that name."""
        account = self.accounts.get(name)
        if account is None:
            account = self.accounts[name] = Account(name)
        return account

    def find(self, name: str) -> Account:
        """The account of a name.

        Raises:
            RefusedError: BAD_REQUEST, there is none.
        """
        account = self.accounts.get(name)
        if account is None:
            raise RefusedError(Refusal.BAD_REQUEST, f"there is no account {name}")
        return account

    def move(self, source: str, target: Account, currency: str, amount: Decimal) -> None:
        """From one of the exchange's own accounts to somebody, or back if negative."""
        if amount:
            self.accounts[source].add(currency, amount.copy_negate())
            target.add(currency, amount)
