"""Times of the control API: ISO text to nanoseconds and back, and how old something is in words.

Integers all the way: no nanosecond is lost. Must never read a clock.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

SECOND_NS: Final = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_NINE_DIGITS: Final = 9

_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


def ns_of(iso: str) -> int:
    """`2026-11-20T09:15:00.123456789Z` as nanoseconds UTC.

    Raises `ValueError` for any other spelling: the API has one.
    """
    found = _ISO.fullmatch(iso)
    if found is None:
        raise ValueError(f"{iso!r} is no time of the control API")
    fraction = (found[2] or "").ljust(_NINE_DIGITS, "0")
    return _second_of(found[1]) * SECOND_NS + int(fraction)


def iso_of(ns: int) -> str:
    """Nanoseconds UTC as text with nine decimals and a `Z`."""
    seconds, nanoseconds = divmod(ns, SECOND_NS)
    return f"{_text_of(seconds)}.{nanoseconds:09d}Z"


def age_text(ns: int) -> str:
    """How long ago in at most five cells: `7s`, `4m`, `6h12`, `3d04`; below a second `0s`.

    A negative age (two clocks that differ) is `0s` too.
    """
    seconds = max(0, ns) // SECOND_NS
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h{seconds % _HOUR // _MINUTE:02d}"
    return f"{seconds // _DAY}d{seconds % _DAY // _HOUR:02d}"


@lru_cache(maxsize=1024)
def _second_of(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return span.days * _DAY + span.seconds


@lru_cache(maxsize=1024)
def _text_of(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
