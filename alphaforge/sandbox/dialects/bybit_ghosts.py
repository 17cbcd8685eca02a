"""Orders that Bybit takes and then refuses: acknowledged with an id, told as rejected afterwards.

A post-only order that would take, and a market order that meets nobody, get an id and a retCode of
0 there, and their end over the private stream. The exchange has no trace of them. Must
never hold anything that traded.
"""

from collections import deque

from alphaforge.model.numbers import ZERO
from alphaforge.sandbox.terms import NewOrder, Order, Standing

KEPT = 500
"""Of each account, as many as Bybit lets be asked for."""

_FIRST_ID = 1 << 40


class Ghosts:
    """The refused orders of every account; a restart forgets them, as Bybit's does."""

    def __init__(self) -> None:
        self._last_id = _FIRST_ID
        self._kept: dict[str, deque[Order]] = {}

    def add(self, account: str, new: NewOrder, reason: str, now: int) -> Order:
        """Remember one; `reason` in Bybit's words."""
        self._last_id += 1
        order = Order(
            order_id=self._last_id,
            account=account,
            symbol=new.symbol,
            side=new.side,
            kind=new.kind,
            client_order_id=new.client_order_id,
            quantity=ZERO if new.quantity is None else new.quantity,
            limit_price=new.limit_price,
            tif=new.tif,
            post_only=new.post_only,
            reduce_only=new.reduce_only,
            self_trade=new.self_trade,
            standing=Standing.REJECTED,
            reason=reason,
            created=now,
            updated=now,
        )
        self._kept.setdefault(account, deque(maxlen=KEPT)).append(order)
        return order

    def of(self, account: str, symbol: str) -> list[Order]:
        """An account's, oldest first."""
        return [each for each in self._kept.get(account, ()) if each.symbol == symbol]

    def find(self, account: str, symbol: str, order_id: int, link_id: str) -> Order | None:
        """By id, or without one by the client's; the latest."""
        for each in reversed(self.of(account, symbol)):
            named = each.order_id == order_id if order_id else each.client_order_id == link_id
            if named:
                return each
        return None
