"""Times of data files as integer nanoseconds UTC: epoch numbers by magnitude, ISO text, dates.

Exact: nanoseconds are counted in integers, also from `1626992741.06217`. Raises `ValueError` for
what is no time and never guesses at day-month order.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS

EXPECTED = "a time: epoch s, ms, us or ns, or ISO text such as 2024-08-08T23:54:15Z"

TimeParser = Callable[[str], int]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the naive zero that naive UTC times are counted from
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_SMALLEST_MS, _SMALLEST_US, _SMALLEST_NS = 10**11, 10**14, 10**17
_MAGNITUDES = {
    SECOND_NS: (0, _SMALLEST_MS),
    1_000_000: (_SMALLEST_MS, _SMALLEST_US),
    1_000: (_SMALLEST_US, _SMALLEST_NS),
    1: (_SMALLEST_NS, 1 << 63),
}
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_FRACTION = re.compile(r"[.,](\d+)")
_NAME_UNITS = (("d", DAY_NS), ("h", HOUR_NS), ("m", MINUTE_NS), ("s", SECOND_NS))


def epoch_scale(number: int) -> int:
    """Nanoseconds per unit of an epoch number: the unit follows from its magnitude."""
    size = abs(number)
    if size < _SMALLEST_MS:
        return SECOND_NS
    if size < _SMALLEST_US:
        return 1_000_000
    return 1_000 if size < _SMALLEST_NS else 1


def time_ns(text: str) -> int:
    """Read any time a data file may hold.

    Raises:
        ValueError: It is no time; dates written with slashes are ISO order only.
    """
    text = text.strip().strip('"')
    if text.lstrip("-").isdigit():
        if _DATE.fullmatch(text):
            return _iso_ns(text)
        return int(text) * epoch_scale(int(text))
    whole, dot, fraction = text.partition(".")
    if dot and whole.lstrip("-").isdigit() and fraction.isdigit():
        return _decimal_epoch_ns(int(whole), fraction)
    return _iso_ns(text)


def _decimal_epoch_ns(whole: int, fraction: str) -> int:
    scale = epoch_scale(whole)
    return whole * scale + int(fraction[:9].ljust(9, "0")) * scale // SECOND_NS


def _iso_ns(text: str) -> int:
    text = text.removesuffix(" UTC").replace("/", "-")
    fraction = _FRACTION.search(text)
    if fraction is not None:
        text = text[: fraction.start()] + text[fraction.end() :]
    moment = datetime.fromisoformat(text)
    seconds = _whole_seconds(moment)
    return seconds * SECOND_NS + (int(fraction[1][:9].ljust(9, "0")) if fraction else 0)


def _whole_seconds(moment: datetime) -> int:
    span = moment - (_EPOCH if moment.tzinfo is None else _EPOCH_UTC)
    return span.days * 86_400 + span.seconds


def parser_for(sample: str) -> TimeParser:
    """The quickest parser for cells like `sample`; every one falls back on `time_ns`."""
    sample = sample.strip()
    if not sample.isdigit() or _DATE.fullmatch(sample):
        return time_ns
    scale = epoch_scale(int(sample))
    low, high = _MAGNITUDES[scale]

    def epoch(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            return time_ns(text)
        return number * scale if low <= number < high else time_ns(text)

    return epoch if scale != SECOND_NS else time_ns


def zoned_parser(zone: str) -> TimeParser:
    """A parser of wall-clock text without a zone, `20131008 09:30`, in `zone`."""
    place = ZoneInfo(zone)

    def wall_clock(text: str) -> int:
        moment = datetime.fromisoformat(text.strip()).replace(tzinfo=place)
        return _whole_seconds(moment) * SECOND_NS

    return wall_clock


def since_midnight_parser(date: str, zone: str) -> TimeParser:
    """A parser of milliseconds (decimals allowed) since local midnight of `date`, YYYYMMDD.

    They are a wall clock: on a day whose clock is changed, noon is still noon.
    """
    place = ZoneInfo(zone)
    midnight = datetime.fromisoformat(date).replace(tzinfo=place)
    start = _whole_seconds(midnight) * SECOND_NS
    tomorrow = (midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=place)
    plain_day = _whole_seconds(tomorrow) * SECOND_NS - start == DAY_NS

    def offset(text: str) -> int:
        try:
            elapsed = int(text) * 1_000_000
        except ValueError:
            elapsed = round(float(text) * 1_000_000)
        if plain_day:
            return start + elapsed
        wall = midnight.replace(tzinfo=None) + timedelta(microseconds=elapsed // 1000)
        return _whole_seconds(wall.replace(tzinfo=place)) * SECOND_NS + elapsed % SECOND_NS

    return offset


def timeframe_name(nanoseconds: int) -> str:
    """`60_000_000_000` → `1m`, 5400 s → `90m`; the largest unit that fits evenly."""
    for unit, size in _NAME_UNITS:
        if nanoseconds >= size and nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return f"{nanoseconds // 1_000_000}ms"
