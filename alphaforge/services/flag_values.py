"""Texts that flags and settings share: balances, playing speeds, durations.

Each reader raises `WrongValueError` saying what was expected; must never know a command.
"""

import re
from decimal import Decimal

from alphaforge.model.numbers import NAN, decimal_of
from alphaforge.services.values import WrongValueError, shown

_UNIT_NS = {
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
}
_DURATION = re.compile(r"([0-9]*\.?[0-9]+)\s*(ms|s|m|h|d)?")
_CASH = "balances like 10000 USDT, 0.1 BTC"


def read_cash(text: str) -> dict[str, Decimal]:
    """`"10000 USDT, 0.1 BTC"` → amounts by currency, in the order written.

    A bare number is under the empty name: the caller knows the currency of the first symbol.
    """
    balances: dict[str, Decimal] = {}
    for part in text.split(","):
        words = part.split()
        if not 1 <= len(words) <= 2:  # noqa: PLR2004 - an amount and perhaps a currency
            raise WrongValueError(f"expected {_CASH}, got {shown(text)}")
        amount = decimal_of(words[0].replace("_", ""))
        currency = words[1].upper() if len(words) > 1 else ""
        if amount is NAN or (currency and not currency.isalnum()):
            raise WrongValueError(f"expected {_CASH}, got {shown(text)}")
        if amount < 0:
            raise WrongValueError(f"must not be negative: {part.strip()}")
        if currency in balances:
            raise WrongValueError(f"{currency or 'a bare number'} is given twice")
        balances[currency] = amount
    return balances


def read_speed(text: str) -> float | None:
    """Playing speed of a recording: a number above 0, or None for `max` (no waiting)."""
    word = text.strip().lower()
    if word == "max":
        return None
    number = decimal_of(word)
    if number is NAN or number <= 0:
        raise WrongValueError(f"expected a number above 0, or max, got {shown(text)}")
    return float(number)


def read_duration_ns(text: str) -> int:
    """`60s`, `1.5m`, `250ms`, `2h`, `1d` in nanoseconds; a bare number is in seconds."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise WrongValueError(f"expected a duration like 60s, 5m or 2h, got {shown(text)}")
    duration = int(Decimal(found[1]) * _UNIT_NS[found[2] or "s"])
    if duration <= 0:
        raise WrongValueError(f"must be longer than nothing, got {shown(text)}")
    return duration
