"""What a fault is, in data: its kinds and fields, and what becomes of whatever one strikes.

Values only; `faults.py` decides who is struck. Must never hold behaviour.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import msgspec

ANY = "*"


class FaultKind(StrEnum):
    """What goes wrong; docs/sandbox.md has an example of each."""

    # Requests.
    LATENCY = "latency"
    DROP = "drop"
    HANG = "hang"
    ERROR = "error"
    THROTTLE = "throttle"
    BAN = "ban"
    MAINTENANCE = "maintenance"
    REVOKED = "revoked"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    DEEP = "deep"
    HTML = "html"
    UNKNOWN_FIELDS = "unknown_fields"
    UNKNOWN_VALUES = "unknown_values"
    NUMBERS = "numbers"
    ERROR_IN_200 = "error_in_200"
    PAGE_MISSING = "page_missing"
    PAGE_REPEATED = "page_repeated"
    STALE = "stale"
    # Streams.
    PUSH_DROP = "push_drop"
    PUSH_DUPLICATE = "push_duplicate"
    PUSH_REORDER = "push_reorder"
    PUSH_DELAY = "push_delay"
    GAP = "gap"
    HUGE = "huge"
    HALF_OPEN = "half_open"
    CUT = "cut"
    STORM = "storm"
    SILENT = "silent"
    CONNECTION_LIMIT = "connection_limit"
    # The exchange.
    CLOCK_SKEW = "clock_skew"
    HALT = "halt"
    RESUME = "resume"
    DELIST = "delist"
    FILTERS = "filters"
    PARTIAL_FILL = "partial_fill"
    LATE_REJECT = "late_reject"
    HAND_TRADE = "hand_trade"
    DEPOSIT = "deposit"
    REMOVE_KEY = "remove_key"


class Moment(StrEnum):
    """Whether a request is struck before it has its effect, or after."""

    BEFORE = "before"
    AFTER = "after"


class Stream(StrEnum):
    """What a pushed frame is about; the last four are of one account."""

    TRADES = "trades"
    BOOK = "book"
    TOP = "top"
    TICKER = "ticker"
    BARS = "bars"
    OTHER = "other"
    ORDERS = "orders"
    FILLS = "fills"
    BALANCES = "balances"
    POSITIONS = "positions"

    @property
    def is_private(self) -> bool:
        """Whether it belongs to one account."""
        return self in _PRIVATE


_PRIVATE = frozenset({Stream.ORDERS, Stream.FILLS, Stream.BALANCES, Stream.POSITIONS})


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong. Which attributes a kind reads is told in docs/sandbox.md.

    Attributes:
        call: What of: a `Call` value (`create`, `cancel`, ...), `*` = any.
        dialect: `binance`, `bybit`, ...; `*` = any.
        symbol: Only what is about this symbol (`BTC/USDT`; the venue's own writing does too).
        stream: Of a pushed frame: a `Stream` value; `*` = any.
        private: Only private (true) or only public (false) requests, frames and sockets.
        at: Seconds after it was added (a script: after the start) from which on it strikes.
        lasts: Seconds from `at`; None = for ever.
        times: How often it strikes at most; None = no limit.
        probability: Of each one it could strike.
        when: Whether a request is struck before or after its effect.
        seconds: A delay, an age, a skew (may be negative), by kind.
        low, high: Seconds: uniform latency, if `high` is given.
        p50, p99: Seconds: lognormal latency with these percentiles, if `p99` is given.
        status, code, message: Of an error answer; empty code = the venue's own for the status.
        retry_after: Seconds told in the answer; None = not told.
        body: Written as it is instead of the dialect's error shape.
        fields: `numbers`, `unknown_values`: names of fields; empty = every one that fits.
        value: `numbers`: `number`, `exponent`, `NaN`, `empty` or `null`.
        fraction: `partial_fill`: of what rests of the order.
        after_fill: `late_reject`: wait for the order's first fill.
        limit: `connection_limit`: WebSockets at once.
        size: `huge`: bytes.
        account, currency, amount, side, quantity, price: Of what is done to the exchange.
        rules: `filters`: names of `Listing` attributes and their new values, as text.
        key: `remove_key`: the API key; empty = every key.
    """

    kind: FaultKind
    call: str = ANY
    dialect: str = ANY
    symbol: str = ANY
    stream: str = ANY
    private: bool | None = None
    at: float = 0.0
    lasts: float | None = None
    times: int | None = None
    probability: float = 1.0
    when: Moment = Moment.BEFORE
    seconds: float = 1.0
    low: float = 0.0
    high: float | None = None
    p50: float = 0.05
    p99: float | None = None
    status: int = 503
    code: str = ""
    message: str = ""
    retry_after: int | None = None
    body: str | None = None
    fields: tuple[str, ...] = ()
    value: str = "number"
    fraction: Decimal = Decimal("0.5")
    after_fill: bool = False
    limit: int = 1
    size: int = 67_108_864
    account: str = "main"
    currency: str = "USDT"
    amount: Decimal = Decimal(0)
    side: str = "BUY"
    quantity: Decimal = Decimal(0)
    price: Decimal | None = None
    rules: dict[str, str] = {}
    key: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request.

    Attributes:
        delay: Seconds to wait before anything else.
        before: Instead of the effect and its answer.
        after: The effect happens, and then this instead of its answer.
        changes: What is done to the true answer, in order.
        age: Seconds: a read is answered as of so long ago.
    """

    delay: float = 0.0
    before: Fault | None = None
    after: Fault | None = None
    changes: tuple[Fault, ...] = ()
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Pushing:
    """What becomes of one pushed frame.

    Attributes:
        copies: How often it is sent: 0 = lost, 2 = doubled.
        delay: Seconds to wait first; later frames of the socket wait behind it.
        hold: Sent only after the next frame.
        padding: Bytes of a frame of spaces to send before it; 0 = none.
        cut: The socket is closed instead.
        half_open: From here on the socket stays open and silent, pongs included.
    """

    copies: int = 1
    delay: float = 0.0
    hold: bool = False
    padding: int = 0
    cut: bool = False
    half_open: bool = False


class Opening(StrEnum):
    """What becomes of a new WebSocket."""

    TAKEN = "taken"
    DROPPED = "dropped"
    REFUSED = "refused"


WELL = Fate()
PLAIN = Pushing()

BLOWS = frozenset(
    {
        FaultKind.DROP,
        FaultKind.HANG,
        FaultKind.ERROR,
        FaultKind.THROTTLE,
        FaultKind.BAN,
        FaultKind.MAINTENANCE,
        FaultKind.REVOKED,
        FaultKind.HTML,
        FaultKind.ERROR_IN_200,
    }
)
CHANGES = frozenset(
    {
        FaultKind.EMPTY,
        FaultKind.TRUNCATED,
        FaultKind.MALFORMED,
        FaultKind.DEEP,
        FaultKind.UNKNOWN_FIELDS,
        FaultKind.UNKNOWN_VALUES,
        FaultKind.NUMBERS,
        FaultKind.PAGE_MISSING,
        FaultKind.PAGE_REPEATED,
    }
)
REQUESTS = BLOWS | CHANGES | {FaultKind.LATENCY, FaultKind.STALE}
PUSHES = frozenset(
    {
        FaultKind.PUSH_DROP,
        FaultKind.PUSH_DUPLICATE,
        FaultKind.PUSH_REORDER,
        FaultKind.PUSH_DELAY,
        FaultKind.GAP,
        FaultKind.HUGE,
        FaultKind.HALF_OPEN,
        FaultKind.CUT,
        FaultKind.SILENT,
    }
)
OPENINGS = frozenset({FaultKind.STORM, FaultKind.CONNECTION_LIMIT})
TO_ORDERS = frozenset({FaultKind.PARTIAL_FILL, FaultKind.LATE_REJECT})
ONLY_ON_TRADES = frozenset({FaultKind.PAGE_MISSING, FaultKind.PAGE_REPEATED})
EFFECTS = frozenset({"create", "cancel", "replace"})
TO_SOCKETS = frozenset({FaultKind.CUT, FaultKind.HALF_OPEN})
"""Strike every open socket at once, or the one that would push a frame of the named stream."""

ACTS = (frozenset(FaultKind) - REQUESTS - PUSHES - OPENINGS - TO_ORDERS) | TO_SOCKETS
"""What is done to the exchange once, at its time."""
