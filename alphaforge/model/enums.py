"""The closed vocabularies of trading; the member's text is what is stored, exported and shown."""

from enum import StrEnum


class OrderSide(StrEnum):
    """Direction of an order, or of the aggressor of a public trade (FIX 54)."""

    BUY = "BUY"
    SELL = "SELL"


class PositionSide(StrEnum):
    """Direction of a position: the sign of its quantity in words."""

    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"


class OrderType(StrEnum):
    """How an order meets the market (FIX 40)."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"


class TimeInForce(StrEnum):
    """How long an order lives (FIX 59); post-only is a flag of its own, not one of these."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


class OrderStatus(StrEnum):
    """Where an order stands: a view of its facts, see `alphaforge.engine.lifecycle`."""

    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    TRIGGERED = "TRIGGERED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    ABSENT = "ABSENT"


class PendingRequest(StrEnum):
    """What was asked of the venue about a working order and is not answered yet."""

    NONE = "NONE"
    CANCEL = "CANCEL"
    MODIFY = "MODIFY"


class Liquidity(StrEnum):
    """Whether a fill rested in the book (MAKER) or took from it (TAKER) (FIX 851)."""

    MAKER = "MAKER"
    TAKER = "TAKER"


class InstrumentKind(StrEnum):
    """How notional and profit are counted.

    SPOT exchanges base for quote. LINEAR is margined and settled in the quote currency.
    INVERSE is sized in contracts worth a fixed amount of quote and settled in base.
    """

    SPOT = "SPOT"
    LINEAR = "LINEAR"
    INVERSE = "INVERSE"


class AccountType(StrEnum):
    """CASH can sell only what is held; MARGIN may go short, up to its leverage."""

    CASH = "CASH"
    MARGIN = "MARGIN"


class RiskState(StrEnum):
    """ACTIVE trades; REDUCING passes only what brings positions down; HALTED passes nothing new.

    Cancels pass in every state.
    """

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class AlertLevel(StrEnum):
    """How loudly an alert asks for a person."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class FillTiming(StrEnum):
    """When a market order decided on a bar meets the market, on bar data."""

    NEXT_OPEN = "next-open"
    CLOSE = "close"


OPEN_STATUSES = frozenset(
    {
        OrderStatus.INITIALIZED,
        OrderStatus.SUBMITTED,
        OrderStatus.ACCEPTED,
        OrderStatus.TRIGGERED,
        OrderStatus.PARTIALLY_FILLED,
    }
)
"""Statuses of an order that can still fill."""
