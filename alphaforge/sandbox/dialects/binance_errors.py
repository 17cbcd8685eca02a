"""Binance spot's errors: what the venue answers when it says no, word for word as documented.

Source: the venue's own "Error codes for Binance" and "Filters" pages. Must never invent a code for
a case the venue has one for.
"""

from collections.abc import Mapping

from alphaforge.sandbox.terms import Kind, NewOrder, Refusal, RefusedError

UNAUTHORIZED = 401
CONFLICT = 409
BAD_REQUEST = 400


class BinanceError(Exception):
    """A request is refused.

    Attributes:
        status: Of the HTTP answer, or of the WebSocket API's.
        data: Only with a cancel-replace that failed: what became of its two halves.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = BAD_REQUEST,
        data: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.data = data

    def told(self) -> dict[str, object]:
        """The object the venue writes: `code`, `msg` and, where there is any, `data`."""
        told: dict[str, object] = {"code": self.code, "msg": self.message}
        if self.data is not None:
            told["data"] = self.data
        return told


_TEXTS: Mapping[Refusal, tuple[int, str]] = {
    Refusal.BAD_REQUEST: (-1128, "Combination of optional parameters invalid."),
    Refusal.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Refusal.MARKET_CLOSED: (-2010, "Market is closed."),
    Refusal.UNKNOWN_ORDER: (-2013, "Order does not exist."),
    Refusal.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
    Refusal.INSUFFICIENT_FUNDS: (-2010, "Account has insufficient balance for requested action."),
    Refusal.PRICE_STEP: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.PRICE_RANGE: (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    Refusal.QUANTITY_STEP: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.QUANTITY_RANGE: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.MIN_VALUE: (-1013, "Filter failure: NOTIONAL"),
    Refusal.TOO_MANY_ORDERS: (-1013, "Filter failure: MAX_NUM_ORDERS"),
    Refusal.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    Refusal.WOULD_TRIGGER: (-2010, "Order would trigger immediately."),
    Refusal.NO_LIQUIDITY: (-2010, "Order would not be filled: the book is empty."),
    Refusal.REDUCE_ONLY: (-2010, "This action is disabled on this account."),
    Refusal.NOTHING_CHANGED: (-2038, "The requested action would change no state; rejecting."),
}
_UNKNOWN_TO_CANCEL = (-2011, "Unknown order sent.")


def refused(error: RefusedError, new: NewOrder | None = None) -> BinanceError:
    """What the venue says where the exchange has refused; `new` is the order it was about."""
    if error.refusal is Refusal.QUANTITY_RANGE and new is not None and new.kind is Kind.MARKET:
        return BinanceError(-1013, "Filter failure: MARKET_LOT_SIZE")
    code, text = _TEXTS[error.refusal]
    return BinanceError(code, text)


def cancel_refused(error: RefusedError) -> BinanceError:
    """The same for a cancel, where an order that is not open is "unknown"."""
    if error.refusal in {Refusal.UNKNOWN_ORDER, Refusal.BAD_REQUEST}:
        return BinanceError(*_UNKNOWN_TO_CANCEL)
    return refused(error)


def is_missing(name: str) -> BinanceError:
    """A parameter that must be there is not, or says nothing."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return BinanceError(-1102, text)


def is_not_needed(name: str) -> BinanceError:
    """A parameter that this kind of order does not take."""
    return BinanceError(-1106, f"Parameter '{name}' sent when not required.")


def has_illegal_characters(name: str, legal: str) -> BinanceError:
    """A parameter is not written as the venue wants it."""
    text = f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    return BinanceError(-1100, text)


def is_too_precise(name: str) -> BinanceError:
    """More decimals than the venue keeps for any currency."""
    return BinanceError(-1111, f"Parameter '{name}' has too much precision.")


def rejected_key() -> BinanceError:
    """The key is unknown, expired, of the other network, used from elsewhere, or may not do it."""
    text = "Invalid API-key, IP, or permissions for action."
    return BinanceError(-2015, text, status=UNAUTHORIZED)
