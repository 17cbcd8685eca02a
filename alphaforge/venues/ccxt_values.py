"""Reads single values out of what ccxt gives, which may be anything.

A value is either what it should be or a `MalformedError` that names the field: NaN, infinities,
negative quantities, texts without end and times out of this century never get past here. Must
never guess a value that is missing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import cast

from alphaforge.errors import OutcomeUnknownError
from alphaforge.model.enums import OrderSide
from alphaforge.model.numbers import NAN, TOO_LARGE, decimal_of

Raw = Mapping[str, object]

_NS_PER_MS = 1_000_000
_FIRST_MS = 1_230_768_000_000
_LAST_MS = 4_102_444_800_000
"""2009 and 2100: no exchange's time lies outside."""

_LONGEST_TEXT = 256
_MOST_DECIMALS = 30
_SHOWN = 60

_SIDES = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}

_NUMBERS = (str, int, float, Decimal)
_LARGEST_FLOAT = float(TOO_LARGE)
_EXPONENT = frozenset("eE")


class MalformedError(OutcomeUnknownError):
    """A message of a venue says something that can not be: nothing may be concluded from it.

    Attributes:
        field: Which one, by its unified name.
    """

    default_code = "AF-V301"

    def __init__(self, field: str, value: object, why: str) -> None:
        shown = repr(value)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        super().__init__(f"the venue's message can not be read: {field} is {shown}, {why}")
        self.field = field


def mapping(value: object, field: str) -> Raw:
    """A dict with text keys."""
    # The plain class first, here and below: asking for an abstract one costs ten times as much.
    if type(value) is not dict and not isinstance(value, Mapping):
        raise MalformedError(field, value, "not an object")
    return cast("Raw", value)


def inner(raw: Raw, field: str) -> Raw:
    """A dict inside a dict; empty where it is missing."""
    value = raw.get(field)
    return {} if value is None else mapping(value, field)


def rows(value: object, field: str) -> Sequence[object]:
    """A list, or what behaves like one (ccxt's books do)."""
    if type(value) is list:
        return cast("Sequence[object]", value)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise MalformedError(field, value, "not a list")
    return cast("Sequence[object]", value)


def text(raw: Raw, field: str) -> str:
    """A text; empty where it is missing. An integer is read as its digits (ids)."""
    value = raw.get(field)
    if value is None:
        return ""
    if type(value) is str and len(value) <= _LONGEST_TEXT and value.isprintable():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**_LONGEST_TEXT else "x" * _LONGEST_TEXT * 2
    if not isinstance(value, str):
        raise MalformedError(field, value, "not a text")
    if len(value) > _LONGEST_TEXT or not value.isprintable():
        raise MalformedError(field, value, "not a text of one short line")
    return value


def required_text(raw: Raw, field: str) -> str:
    """A text that must be there."""
    value = text(raw, field)
    if not value:
        raise MalformedError(field, raw.get(field), "missing")
    return value


def flag(raw: Raw, field: str) -> bool:
    """A truth value; False where it is missing."""
    value = raw.get(field)
    if value is not None and not isinstance(value, bool):
        raise MalformedError(field, value, "neither true nor false")
    return value is True


def number(raw: Raw, field: str) -> Decimal | None:
    """An exact number of any sign; None where it is missing."""
    value = raw.get(field)
    return None if value is None else number_of(value, field)


def number_of(value: object, field: str) -> Decimal:
    """An exact number of any sign: text as written, a float by its shortest text."""
    read = decimal_of(value) if isinstance(value, _NUMBERS) else NAN
    if not read.is_finite():
        raise MalformedError(field, value, "not a number")
    if abs(read) >= TOO_LARGE or _decimals(value, read) > _MOST_DECIMALS:
        raise MalformedError(field, value, "not a number of any size that trades")
    return read


def _decimals(value: object, read: Decimal) -> int:
    """At least how many decimals it has: a short text without an exponent has not more of them."""
    if type(value) is str and len(value) <= _MOST_DECIMALS and _EXPONENT.isdisjoint(value):
        return 0
    exponent = read.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def amount(raw: Raw, field: str) -> Decimal | None:
    """A number that is not negative; None where it is missing."""
    read = number(raw, field)
    if read is not None and read < 0:
        raise MalformedError(field, raw.get(field), "negative")
    return read


def some(raw: Raw, field: str) -> Decimal | None:
    """A number above zero; None where it is missing or zero, which venues write for "none"."""
    return amount(raw, field) or None


def required_some(raw: Raw, field: str) -> Decimal:
    """A number above zero that must be there."""
    read = some(raw, field)
    if read is None:
        raise MalformedError(field, raw.get(field), "not above zero")
    return read


def market_float(value: object, field: str) -> float:
    """A price or size of market data, not negative."""
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        raise MalformedError(field, value, "not a number")
    try:
        read = float(value)
    except (ValueError, OverflowError):
        read = math.nan
    if not 0 <= read < _LARGEST_FLOAT:
        raise MalformedError(field, value, "not a number that can be a price or size")
    return read


def plain_levels(
    window: Sequence[object], is_before: Callable[[float, float], bool]
) -> tuple[tuple[float, float], ...] | None:
    """A book's levels at once, or None where they are to be read one by one.

    It takes them if each is two floats as `market_price` and `market_float` want them, and in
    order: so ccxt keeps its books, of which hundreds of levels are read for every change.
    """
    try:
        prices, sizes = zip(*cast("Sequence[Sequence[object]]", window), strict=True)
    except (TypeError, ValueError):
        return None
    if {*map(type, prices), *map(type, sizes)} != {float}:
        return None
    # No NaN passes either comparison, so that of the prices only the ends are left to be looked at.
    in_order = all(map(is_before, prices, islice(prices, 1, None)))
    least, most = sorted((prices[0], prices[-1]))
    if not (in_order and least > 0 and most < _LARGEST_FLOAT):
        return None
    if not (sum(sizes) < _LARGEST_FLOAT and min(sizes) >= 0):
        return None
    levels = zip(prices, sizes, strict=True)
    return tuple(each for each in levels if each[1]) if 0.0 in sizes else tuple(levels)


def market_price(value: object, field: str) -> float:
    """A price of market data, above zero."""
    read = market_float(value, field)
    if not read:
        raise MalformedError(field, value, "not above zero")
    return read


def time_ns(raw: Raw, field: str) -> int:
    """A time in milliseconds, as ns; 0 where it is missing, for which venues also write 0 or -1."""
    value = raw.get(field)
    is_none = value is None or (isinstance(value, int | float) and value in {0, -1})
    return 0 if is_none else time_of(value, field)


def time_of(value: object, field: str) -> int:
    """Milliseconds since 1970 as ns."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedError(field, value, "not a time in milliseconds")
    if not _FIRST_MS <= value <= _LAST_MS:
        raise MalformedError(field, value, "not a time of this century")
    return value * _NS_PER_MS


def side(raw: Raw) -> OrderSide:
    """Buy or sell."""
    found = _SIDES.get(text(raw, "side").lower())
    if found is None:
        raise MalformedError("side", raw.get("side"), "neither buy nor sell")
    return found
