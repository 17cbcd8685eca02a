"""How many requests a client may send: a weight per window, orders per window, and what follows.

Counts in fixed windows of the exchange's clock, as venues do. Over the budget: 429 until the
window ends. Who goes on regardless is banned: 418, longer each time. Must never refuse a request
that is within the budget.
"""

from dataclasses import dataclass
from enum import Enum

_NS = 1_000_000_000

PATIENCE = 20
"""Requests over the budget in one window until the client is banned."""

FIRST_BAN_S, LONGEST_BAN_S = 120, 259_200
"""Binance: from two minutes to three days."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one client may send; 0 = no limit.

    Attributes:
        weight: Per `window_s` seconds.
        orders: New orders per `orders_window_s` seconds.
    """

    weight: int = 6000
    window_s: int = 60
    orders: int = 100
    orders_window_s: int = 10


@dataclass(frozen=True, slots=True)
class Used:
    """How much of its budget a client has used, the request at hand included.

    Attributes:
        resets_at: When the weight's window ends, ns UTC of the exchange's clock.
    """

    weight: int
    orders: int
    budget: Budget
    resets_at: int


class Verdict(Enum):
    """What a request gets; the value is the answer's status."""

    TAKEN = 200
    THROTTLED = 429
    BANNED = 418


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict, the count behind it, and how many seconds to wait (0 where taken)."""

    verdict: Verdict
    used: Used
    retry_after: int = 0


@dataclass(slots=True)
class _Window:
    """A count and the window it belongs to."""

    index: int = -1
    count: int = 0

    def add(self, amount: int, now: int, seconds: int) -> int:
        index = now // (seconds * _NS)
        if index != self.index:
            self.index, self.count = index, 0
        self.count += amount
        return self.count


@dataclass(slots=True)
class _Client:
    weight: _Window
    orders: _Window
    over: _Window
    banned_until: int = 0
    bans: int = 0


class Limits:
    """The counts of every client of one dialect."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._clients: dict[str, _Client] = {}

    def charge(self, payer: str, now: int, *, weight: int, orders: int) -> Ruling:
        """Count a request of this weight with so many new orders, and rule on it.

        A refused request counts too, as at the venues.
        """
        client = self._clients.get(payer)
        if client is None:
            client = self._clients[payer] = _Client(_Window(), _Window(), _Window())
        budget = self.budget
        used = Used(
            client.weight.add(weight, now, budget.window_s),
            client.orders.add(orders, now, budget.orders_window_s),
            budget,
            _end(now, budget.window_s),
        )
        if now < client.banned_until:
            return Ruling(Verdict.BANNED, used, _seconds(client.banned_until - now))
        wait = self._wait(used, now, orders)
        if not wait:
            return Ruling(Verdict.TAKEN, used)
        if client.over.add(1, now, budget.window_s) <= PATIENCE:
            return Ruling(Verdict.THROTTLED, used, wait)
        ban = min(FIRST_BAN_S * 2**client.bans, LONGEST_BAN_S)
        client.bans += 1
        client.banned_until = now + ban * _NS
        return Ruling(Verdict.BANNED, used, ban)

    def _wait(self, used: Used, now: int, orders: int) -> int:
        """Seconds until the client is within its budget again; 0 if it is."""
        budget, wait = self.budget, 0
        if budget.weight and used.weight > budget.weight:
            wait = _seconds(used.resets_at - now)
        if orders and budget.orders and used.orders > budget.orders:
            wait = max(wait, _seconds(_end(now, budget.orders_window_s) - now))
        return wait


def _end(now: int, seconds: int) -> int:
    length = seconds * _NS
    return (now // length + 1) * length


def _seconds(ns: int) -> int:
    return -(-ns // _NS)
