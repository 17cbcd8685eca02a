"""What the engine decided and noticed: its own order events, alerts and signals."""

from decimal import Decimal
from typing import TypeAlias

import msgspec

from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import AlertLevel
from alphaforge.model.reports import OrderReport


class OrderSubmitted(msgspec.Struct, frozen=True, gc=False, tag="submitted"):
    """The order passed the gate and is on its way, with the terms that were approved."""

    terms: SubmitOrder
    ts_local: int

    @property
    def order_id(self) -> str:
        """The order it speaks of."""
        return self.terms.order_id


class OrderAdopted(msgspec.Struct, frozen=True, gc=False, tag="adopted"):
    """An order at the venue that nobody here knew; it counts from now on.

    Another program's, a person's, or one of ours whose intent a power cut took from the journal.

    Attributes:
        terms: As far as the venue said; `strategy` is whose it is, `external` if nobody's.
    """

    terms: SubmitOrder
    venue_order_id: str
    ts_local: int

    @property
    def order_id(self) -> str:
        """The order it speaks of."""
        return self.terms.order_id


class OrderDenied(msgspec.Struct, frozen=True, gc=False, tag="denied"):
    """The risk gate refused a new order: its terms as asked, and every reason."""

    terms: SubmitOrder
    reasons: tuple[str, ...]
    ts_local: int

    @property
    def order_id(self) -> str:
        """The order it speaks of."""
        return self.terms.order_id


class OrderHeld(msgspec.Struct, frozen=True, gc=False, tag="held"):
    """The order passed the gate and waits here for its trigger: its venue has no such orders.

    Nothing has left. It counts as a working order all the same.
    """

    terms: SubmitOrder
    ts_local: int

    @property
    def order_id(self) -> str:
        """The order it speaks of."""
        return self.terms.order_id


class HeldModified(msgspec.Struct, frozen=True, gc=False, tag="held_modified"):
    """A held order has new terms; None leaves one as it is. Nothing of it has left."""

    order_id: str
    version: int
    quantity: Decimal | None
    limit_price: Decimal | None
    trigger_price: Decimal | None
    ts_local: int


class OrderReleased(msgspec.Struct, frozen=True, gc=False, tag="released"):
    """The trigger of a held order was reached: it is on its way, as a market or limit order.

    Attributes:
        terms: What the venue is told.
    """

    terms: SubmitOrder
    ts_local: int

    @property
    def order_id(self) -> str:
        """The order it speaks of."""
        return self.terms.order_id


class RequestDenied(msgspec.Struct, frozen=True, gc=False, tag="request_denied"):
    """A cancel or modification was refused here and never left: the order stands as it stood."""

    order_id: str
    reasons: tuple[str, ...]
    ts_local: int


class CancelRequested(msgspec.Struct, frozen=True, gc=False, tag="cancel_requested"):
    """A cancel of a working order is on its way."""

    order_id: str
    ts_local: int


class ModifyRequested(msgspec.Struct, frozen=True, gc=False, tag="modify_requested"):
    """New terms of a working order are on their way."""

    order_id: str
    version: int
    ts_local: int


OrderEvent: TypeAlias = (
    OrderSubmitted
    | OrderAdopted
    | OrderDenied
    | OrderHeld
    | HeldModified
    | OrderReleased
    | RequestDenied
    | CancelRequested
    | ModifyRequested
    | OrderReport
)
"""Everything that can change an order."""


class Alert(msgspec.Struct, frozen=True, gc=False, tag="alert"):
    """Something a person should know.

    Attributes:
        code: Stable and greppable: `strategy-error`, `overfill`, …
        message: What happened, where and why, in one sentence.
        detail: A traceback of the user's own frames, or empty.
    """

    level: AlertLevel
    code: str
    message: str
    ts_local: int
    strategy: str = ""
    symbol: str = ""
    detail: str = ""


class Signal(msgspec.Struct, frozen=True, gc=False, tag="signal"):
    """A strategy's opinion, and the order it led to if it was sized by `[risk.sizing]`.

    Attributes:
        direction: `LONG`, `SHORT` or `FLAT`.
        confidence: 0 to 1.
        order_id: The linked order, or empty.
    """

    signal_id: str
    strategy: str
    symbol: str
    direction: str
    confidence: float
    reason: str
    order_id: str
    ts_local: int


class FundingPaid(msgspec.Struct, frozen=True, gc=False, tag="funding_paid"):
    """Cash that funding moved on one strategy's position: positive = received."""

    symbol: str
    strategy: str
    amount: Decimal
    currency: str
    ts_local: int
