"""Facts about one order of 10, made short: what the lifecycle and confluence tests fold.

Nothing here may know how they are folded.
"""

from decimal import Decimal

from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import Liquidity, OrderSide, OrderType, PendingRequest
from alphaforge.model.events import (
    CancelRequested,
    HeldModified,
    ModifyRequested,
    OrderAdopted,
    OrderDenied,
    OrderHeld,
    OrderReleased,
    OrderSubmitted,
    RequestDenied,
)
from alphaforge.model.reports import (
    AbsenceProved,
    CancelRejected,
    DoubtResolved,
    ModifyRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderModified,
    OrderRejected,
    OrderTriggered,
    OutcomeUnknown,
    QuantityFilled,
    StateUnknown,
    TradeBusted,
)

ID = "o-000001"
TS = 1_000

TERMS = SubmitOrder(
    ID,
    "BTC/USDT",
    "ma",
    OrderSide.BUY,
    OrderType.STOP_LIMIT,
    Decimal(10),
    Decimal(100),
    Decimal(99),
)


def submitted() -> OrderSubmitted:
    return OrderSubmitted(TERMS, TS)


def held() -> OrderHeld:
    return OrderHeld(TERMS, TS)


def held_modified(version: int, quantity: str) -> HeldModified:
    return HeldModified(ID, version, Decimal(quantity), None, None, TS)


def released() -> OrderReleased:
    return OrderReleased(TERMS, TS)


def adopted() -> OrderAdopted:
    return OrderAdopted(TERMS, "v-000001", TS)


def denied() -> OrderDenied:
    return OrderDenied(TERMS, ("too large", "halted"), TS)


def request_denied() -> RequestDenied:
    return RequestDenied(ID, ("not now",), TS)


def cancel_requested() -> CancelRequested:
    return CancelRequested(ID, TS)


def modify_requested(version: int = 1) -> ModifyRequested:
    return ModifyRequested(ID, version, TS)


def accepted(venue_order_id: str = "v-000001") -> OrderAccepted:
    return OrderAccepted(ID, venue_order_id, TS, TS)


def rejected(reason: str = "no") -> OrderRejected:
    return OrderRejected(ID, reason, TS, TS)


def triggered() -> OrderTriggered:
    return OrderTriggered(ID, TS, TS)


def filled(
    trade_id: str = "t-1",
    quantity: str = "4",
    price: str = "100",
    venue_order_id: str = "v-000001",
) -> OrderFilled:
    return OrderFilled(
        ID,
        venue_order_id,
        trade_id,
        Decimal(quantity),
        Decimal(price),
        Decimal("0.1"),
        "USDT",
        Liquidity.TAKER,
        TS,
        TS,
    )


def canceled(reason: str = "asked") -> OrderCanceled:
    return OrderCanceled(ID, reason, TS, TS)


def expired() -> OrderExpired:
    return OrderExpired(ID, TS, TS)


def modified(
    version: int = 1,
    quantity: str | None = "8",
    limit: str | None = None,
    trigger: str | None = None,
) -> OrderModified:
    prices = [None if text is None else Decimal(text) for text in (quantity, limit, trigger)]
    return OrderModified(ID, version, *prices, TS, TS)


def cancel_rejected() -> CancelRejected:
    return CancelRejected(ID, "too late", TS, TS)


def modify_rejected(version: int = 1) -> ModifyRejected:
    return ModifyRejected(ID, version, "too late", TS, TS)


def unknown(request: PendingRequest = PendingRequest.NONE) -> OutcomeUnknown:
    return OutcomeUnknown(ID, "timed out", TS, TS, request)


def state_unknown() -> StateUnknown:
    return StateUnknown(ID, "restart", TS, TS)


def quantity_filled(quantity: str = "5") -> QuantityFilled:
    return QuantityFilled(ID, Decimal(quantity), TS, TS)


def resolved(quantity: str = "0") -> DoubtResolved:
    return DoubtResolved(ID, Decimal(quantity), TS, TS)


def absent() -> AbsenceProved:
    return AbsenceProved(ID, "never came", TS, TS)


def busted(trade_id: str = "t-1") -> TradeBusted:
    return TradeBusted(ID, trade_id, TS, TS)
