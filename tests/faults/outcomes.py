"""The nineteen outcomes of a request (57-75 of the fault catalogue), as faults of the exchange.

An outcome has one variant or several (429 with and without Retry-After); each is played on its
own. Must never depend on what a request is about, except where a venue's code does.
"""

from collections.abc import Callable
from typing import NamedTuple

from alphaforge.sandbox.fault_terms import Fault, FaultKind, Moment

CALLS = (
    "create",
    "cancel",
    "replace",
    "query",
    "open_orders",
    "trades",
    "balance",
    "positions",
    "markets",
)
EFFECTS = CALLS[:3]

DIALECTS = {"replace": "bybit", "positions": "bybit"}
"""Binance spot changes no order in place and has no positions."""

_BAD_PARAMETER = {"binance": "-1102", "bybit": "10001"}
_DUPLICATE = {
    "binance": ("-2010", "Duplicate order sent."),
    "bybit": ("110072", "OrderLinkedID is duplicate"),
}
_PAGE = "<html><head><title>403 Forbidden</title></head><body>Forbidden</body></html>"
_LAG_SECONDS = 0.2
"""As old as an answer may be at most: what the profile of these tests promises."""

STALE_SECONDS = 1.5
"""How long reads are stale."""


class Variant(NamedTuple):
    """One way to play an outcome.

    Attributes:
        number: Of the fault catalogue.
        name: Which outcome, and how.
        fault: For a call and a dialect.
    """

    number: int
    name: str
    fault: Callable[[str, str], Fault]


def _plain(number: int, name: str, kind: FaultKind, **terms: object) -> Variant:
    """The same whatever is asked; twice for a read, which is asked again."""

    def fault(call: str, dialect: str) -> Fault:
        del dialect
        return Fault(kind=kind, call=call, times=1 if call in EFFECTS else 2, **terms)  # type: ignore[arg-type]  # as a Fault takes them

    return Variant(number, name, fault)


def _bad_request(call: str, dialect: str) -> Fault:
    code = _BAD_PARAMETER[dialect]
    # Bybit says it with 200; the status is the outcome that is asked for here.
    return Fault(
        kind=FaultKind.ERROR, call=call, times=_times(call), status=400, code=code, message="bad"
    )


def _duplicate(call: str, dialect: str) -> Fault:
    code, message = _DUPLICATE[dialect]
    return Fault(
        kind=FaultKind.ERROR,
        call=call,
        times=_times(call),
        status=409,
        code=code,
        message=message,
        when=Moment.AFTER if call == "create" else Moment.BEFORE,
    )


def _stale(call: str, dialect: str) -> Fault:
    del dialect
    return Fault(kind=FaultKind.STALE, call=call, seconds=_LAG_SECONDS, lasts=STALE_SECONDS)


def _times(call: str) -> int:
    return 1 if call in EFFECTS else 2


_AFTER = {"when": Moment.AFTER}

VARIANTS = (
    Variant(57, "400", _bad_request),
    _plain(58, "401", FaultKind.REVOKED),
    _plain(59, "403, a page", FaultKind.ERROR, status=403, body=_PAGE),
    _plain(60, "404", FaultKind.ERROR, status=404, body='{"error":"Not Found"}'),
    Variant(61, "409 duplicate id", _duplicate),
    _plain(62, "418 ban, 2 s", FaultKind.BAN, retry_after=2),
    _plain(63, "429, Retry-After", FaultKind.THROTTLE, retry_after=1),
    _plain(63, "429, without", FaultKind.THROTTLE),
    _plain(64, "500 before the effect", FaultKind.ERROR, status=500),
    _plain(65, "500 after the effect", FaultKind.ERROR, status=500, **_AFTER),
    _plain(66, "502, a page", FaultKind.HTML, **_AFTER),
    _plain(67, "503", FaultKind.MAINTENANCE),
    _plain(68, "time-out before the effect", FaultKind.HANG),
    _plain(69, "time-out after the effect", FaultKind.HANG, **_AFTER),
    _plain(70, "200, an error inside", FaultKind.ERROR_IN_200),
    _plain(71, "200, empty", FaultKind.EMPTY),
    _plain(71, "200, cut off", FaultKind.TRUNCATED),
    _plain(71, "200, no JSON", FaultKind.MALFORMED),
    _plain(71, "200, 2,000 brackets", FaultKind.DEEP),
    _plain(72, "unknown fields", FaultKind.UNKNOWN_FIELDS),
    _plain(72, "unknown words", FaultKind.UNKNOWN_VALUES),
    _plain(73, "numbers for texts", FaultKind.NUMBERS, value="number"),
    _plain(73, "exponents", FaultKind.NUMBERS, value="exponent"),
    _plain(73, "NaN", FaultKind.NUMBERS, value="NaN"),
    _plain(73, "empty numbers", FaultKind.NUMBERS, value="empty"),
    _plain(73, "null numbers", FaultKind.NUMBERS, value="null"),
    _plain(74, "a row missing", FaultKind.PAGE_MISSING),
    _plain(74, "a row twice", FaultKind.PAGE_REPEATED),
    Variant(75, "as old as an answer may be", _stale),
)
"""In the order of the catalogue."""
