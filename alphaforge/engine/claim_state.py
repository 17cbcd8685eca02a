"""What is remembered to read a venue's words, and what reading them needs of the orders.

Must hold no rule: those are in `engine/claims.py`.
"""

from typing import Protocol

import msgspec

from alphaforge.engine.working import WorkingOrder
from alphaforge.model.claims import FillReport, OrderStatusReport, VenueState
from alphaforge.model.commands import ModifyOrder
from alphaforge.model.enums import OrderSide
from alphaforge.model.events import OrderAdopted, OrderEvent

TradeKey = tuple[str, str, OrderSide]
"""Symbol, trade id and side: an order that met one of our own has one trade with two sides."""


class Orders(Protocol):
    """What claims need of the order management."""

    orders: dict[str, WorkingOrder]
    closed: dict[str, WorkingOrder]

    @property
    def now(self) -> int:
        """Engine time."""
        ...

    def apply(self, report: OrderEvent) -> None:
        """Take one fact."""
        ...

    def adopt(self, event: OrderAdopted) -> bool:
        """Take up an order that nobody knew; False for a symbol that is not traded here."""
        ...

    def alert(self, code: str, message: str, strategy: str = "", symbol: str = "") -> None:
        """Say something a person should know."""
        ...


class ClaimState(msgspec.Struct):
    """What a snapshot keeps of the claims.

    Attributes:
        epoch: Of the process that took the run up last.
        adopted: How many orders were adopted.
        client_ids, venue_ids: The order id by either, the latter by (symbol, id).
        traded: The order id by trade.
        busted: Trades taken back before we heard of them.
        waiting: Claims whose order is not known yet.
        modifications: Terms asked for, by order, without an answer.
        terms_ts: The venue's time of the last terms it showed, by order.
        venue_states: Venues that are not ready, and why.
        cursors: Up to where the trades of each venue are booked.
    """

    epoch: int = 0
    adopted: int = 0
    client_ids: dict[str, str] = {}
    venue_ids: dict[tuple[str, str], str] = {}
    traded: dict[TradeKey, str] = {}
    busted: list[TradeKey] = []
    waiting: list[OrderStatusReport | FillReport] = []
    modifications: dict[str, tuple[ModifyOrder, ...]] = {}
    terms_ts: dict[str, int] = {}
    venue_states: dict[str, tuple[VenueState, str]] = {}
    cursors: dict[str, int] = {}
