"""What happened, kept until the call that did it is done, then told in order.

Listeners are called synchronously when the books are consistent; what a listener does to the
exchange is told after what it was being told. Must never change anything.
"""

from collections import deque
from collections.abc import Callable
from copy import copy

from alphaforge.sandbox.ledger import Account
from alphaforge.sandbox.market import Market
from alphaforge.sandbox.terms import (
    BalancesChanged,
    BookChanged,
    Change,
    Execution,
    Order,
    OrderChanged,
    PositionChanged,
    Told,
    TopChanged,
)

Listener = Callable[[Told], None]


class Teller:
    """Collects and tells.

    Attributes:
        listeners: Who is told, in this order.
        now: Time of the call that is being worked on, ns.
    """

    __slots__ = ("_is_telling", "_waiting", "listeners", "now")

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.now = 0
        self._waiting: deque[Told] = deque()
        self._is_telling = False

    def say(self, told: Told) -> None:
        """Keep something until `deliver`."""
        if self.listeners:
            self._waiting.append(told)

    def order(
        self,
        change: Change,
        order: Order,
        execution: Execution | None = None,
        cancel_client_id: str = "",
    ) -> None:
        """An order changed: it is told as it stands now."""
        order.updated = self.now
        if self.listeners:
            self._waiting.append(
                OrderChanged(
                    change=change,
                    order=copy(order),
                    execution=execution,
                    cancel_client_id=cancel_client_id,
                    ts=self.now,
                )
            )

    def money(self, account: Account) -> None:
        """Balances of an account, if they changed; agents' are of no interest."""
        if account.is_agent or not self.listeners:
            account.touched.clear()
        elif account.touched:
            balances = account.take_touched()
            self._waiting.append(
                BalancesChanged(account=account.name, balances=balances, ts=self.now)
            )

    def position(self, account: Account, market: Market) -> None:
        """An account's position changed; agents' are of no interest."""
        if self.listeners and not account.is_agent:
            position = account.positions[market.listing.symbol]
            view = position.view(market.listing, market.last)
            self._waiting.append(PositionChanged(account=account.name, position=view, ts=self.now))

    def book(self, market: Market) -> None:
        """Levels and top of a market, if they changed; each level takes one update id."""
        bids, asks = market.book.bids.changes(), market.book.asks.changes()
        if not bids and not asks:
            return
        first = market.update_id + 1
        market.update_id += len(bids) + len(asks)
        symbol = market.listing.symbol
        top = market.book.top()
        self.say(
            BookChanged(
                symbol=symbol,
                first_id=first,
                last_id=market.update_id,
                bids=bids,
                asks=asks,
                ts=self.now,
            )
        )
        if top != market.top:
            market.top = top
            self.say(
                TopChanged(
                    symbol=symbol, update_id=market.update_id, bid=top[0], ask=top[1], ts=self.now
                )
            )

    def deliver(self) -> None:
        """Tell everything; within a listener: leave it to the one who is telling."""
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._waiting:
                told = self._waiting.popleft()
                for listener in self.listeners:
                    listener(told)
        finally:
            self._is_telling = False
