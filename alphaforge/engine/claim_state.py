"""What is remembered to read a venue's words, and what reading them needs of the orders.

Must hold no rule: those are in `engine/claims.py`.
"""

from decimal import Decimal
from typing import Protocol

import msgspec

from alphaforge.engine.working import WorkingOrder
from alphaforge.model.claims import FillReport, OrderStatusReport, VenueState
from alphaforge.model.commands import ModifyOrder
from alphaforge.model.enums import OrderSide
from alphaforge.model.events import OrderAdopted, OrderEvent

KEEP_CLOSED = 10_000
"""Ended orders kept for late claims; one about an older order is booked as external."""

TOLD_AGAIN_NS = 60_000_000_000
"""Trades from so much before the cursor may be told again: what is forgotten must be older."""

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

    def send_waiting(self) -> None:
        """Something that was held back may be able to leave now."""
        ...

    def venue_of(self, symbol: str) -> str:
        """The venue of a symbol; empty for one that is not traded here."""
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
        since: Trades of a venue before this are part of what the run began with.
        opened: Venues that were READY once: what is adopted later has all its fills told.
        prior: What had been filled of an adopted order before the run began.
        told: Alerts that are given once, by code and subject.
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
    since: dict[str, int] = {}
    opened: list[str] = []
    prior: dict[str, Decimal] = {}
    told: list[tuple[str, str]] = []
