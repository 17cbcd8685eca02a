"""Bybit's private streams: an account's orders, executions, balances and positions as they change.

Everything is sent at once and in the order in which it happened. Must never send one account's
events to another's socket.
"""

from collections import defaultdict

import msgspec

from alphaforge.sandbox.dialects.bybit_errors import BybitError
from alphaforge.sandbox.dialects.bybit_names import CATEGORIES, category_of, milliseconds
from alphaforge.sandbox.dialects.bybit_shapes import Shapes
from alphaforge.sandbox.dialects.bybit_tallies import Tallies
from alphaforge.sandbox.dialects.bybit_wealth import Wealth
from alphaforge.sandbox.faults import Stream
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.ledger import AGENT_MARK
from alphaforge.sandbox.sockets import Socket
from alphaforge.sandbox.terms import (
    BalancesChanged,
    Change,
    Order,
    OrderChanged,
    PositionChanged,
    Told,
)

Json = dict[str, object]

_STREAMS = {
    "order": Stream.ORDERS,
    "execution": Stream.FILLS,
    "wallet": Stream.BALANCES,
    "position": Stream.POSITIONS,
}
_BY_CATEGORY = frozenset({"order", "execution", "position"})


class PrivateStreams:
    """Who watches which topic of which account."""

    def __init__(self, floor: Floor, shapes: Shapes, wealth: Wealth, tallies: Tallies) -> None:
        self._floor = floor
        self._exchange = floor.exchange
        self._shapes = shapes
        self._wealth = wealth
        self._tallies = tallies
        self._watchers: dict[str, dict[Socket, set[str]]] = defaultdict(dict)
        self._numbered = 0

    def check(self, topic: str) -> None:
        """Raises 10404 for a topic there is none of; `order.linear` and the like are topics too."""
        name, _, category = topic.partition(".")
        narrow = name in _BY_CATEGORY and category in CATEGORIES.values()
        if name not in _STREAMS or (category and not narrow):
            raise BybitError(10404, f"error:handler not found,topic:{topic}")

    def subscribe(self, account: str, socket: Socket, topic: str) -> None:
        """From here on; twice is once."""
        self._watchers[account].setdefault(socket, set()).add(topic)

    def unsubscribe(self, account: str, socket: Socket, topic: str) -> None:
        """No more; nothing if it was not watched."""
        self._watchers[account].get(socket, set()).discard(topic)

    def forget(self, account: str, socket: Socket) -> None:
        """The socket is gone."""
        self._watchers[account].pop(socket, None)

    # What happens -----------------------------------------------------------------------------

    def hear(self, told: Told) -> None:
        """Send what concerns an account that is watched; executions are counted in any case."""
        match told:
            case OrderChanged():
                self._hear_order(told)
            case BalancesChanged(account=account):
                if self._watchers.get(account):
                    wallet = self._wealth.wallet(self._exchange, account, list(told.balances))
                    self._send(account, "wallet", "", wallet, "")
            case PositionChanged(account=account, position=position):
                if self._watchers.get(account):
                    listing = self._exchange.listings[position.symbol]
                    row = self._wealth.position(self._exchange, account, listing, position)
                    category = category_of(listing)
                    self._send(account, "position", category, row, position.symbol)
            case _:
                return

    def _hear_order(self, told: OrderChanged) -> None:
        order, account = told.order, told.order.account
        if account.startswith(AGENT_MARK):
            return
        if told.change is Change.NEW:
            self._shapes.begin(order)
        if told.execution is not None:
            self._tallies.hear(told.execution)
        if not self._watchers.get(account):
            return
        category = category_of(self._exchange.listings[order.symbol])
        if told.execution is not None:
            row = self._shapes.execution(told.execution, order)
            self._send(account, "execution", category, row, order.symbol)
        if told.change is Change.TRIGGERED:
            row = self._shapes.order(order) | {"orderStatus": "Triggered"}
            self._send(account, "order", category, row, order.symbol)
            if not order.is_open or order.filled:
                return
        self.tell(order)

    def tell(self, order: Order) -> None:
        """Send an order as it stands."""
        category = category_of(self._exchange.listings[order.symbol])
        self._send(order.account, "order", category, self._shapes.order(order), order.symbol)

    def _send(self, account: str, name: str, category: str, row: Json, symbol: str) -> None:
        watchers = self._watchers.get(account)
        if not watchers:
            return
        self._numbered += 1
        now = milliseconds(self._floor.clock())
        for socket, topics in list(watchers.items()):
            for topic in topics & {name, f"{name}.{category}"}:
                frame: Json = {
                    "id": f"{account}-{self._numbered}",
                    "topic": topic,
                    "creationTime": now,
                    "data": [row],
                }
                socket.push(_STREAMS[name], msgspec.json.encode(frame).decode(), symbol)
