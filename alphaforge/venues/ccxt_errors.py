"""What an error of ccxt means: answered, never sent, or unknown. One table for every venue.

ccxt's exception classes are no oracle: some of its "rejected" are time-outs of the venue, and some
of its "network" errors are answers. So the venue's own code is read out of what it wrote, and the
engine's allow-lists (`Capabilities`) decide what it proves. Classes are known by their names, so
that ccxt need not be loaded. Must never call a request unsent that may have left, and never
repeat a key or a signature.
"""

import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import cast

import msgspec

from alphaforge.errors import OutcomeUnknownError, VenueError, VenueUnavailableError
from alphaforge.venues.base import ReplyError
from alphaforge.venues.ccxt_profile import LOCAL, NOT_FOUND, Profile

_NS_PER_SECOND = 1_000_000_000
_NS_PER_MS = 1_000_000
_LONGEST_TEXT = 400
_LONGEST_RETRY_NS = 7 * 86_400 * _NS_PER_SECOND

_NEVER_CONNECTED = frozenset(
    {
        "ClientConnectorError",
        "ClientConnectorDNSError",
        "ClientConnectorSSLError",
        "ClientConnectorCertificateError",
        "ClientProxyConnectionError",
        "ClientHttpProxyError",
        "ConnectionTimeoutError",
        "ConnectionRefusedError",
        "gaierror",
    }
)
"""Causes with which no connection was made, so that no byte of the request left."""

_CCXT_REFUSES = frozenset({"ExchangeError"})
"""Roots of what ccxt raises by itself for a request that it will not send."""

_THROTTLED_STATUSES = frozenset({418, 429})
_FIRST_SERVER_ERROR = 500
_FIRST_ERROR = 400

_SECRETS = (
    re.compile(r"\?[^\s\"']*"),
    re.compile(
        r"(?i)(api[-_]?key|signature|sign|secret|passphrase|password|token|apiSign)"
        r"([\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+"
    ),
    re.compile(r"[A-Za-z0-9+/_=-]{41,}"),
)


def read_error(
    error: BaseException,
    *,
    status: int | None,
    headers: Mapping[str, str],
    sent: bool,
    profile: Profile,
    body: str = "",
) -> VenueError:
    """What to raise for an error of ccxt.

    Args:
        error: As ccxt raised it, with its cause.
        status: Of the HTTP answer; None where none came, or over a WebSocket.
        headers: Of the answer.
        sent: Whether anything of the request may have been handed to a connection.
        profile: The venue's.
        body: The answer as it came; what ccxt's message repeats of it will do if not given.

    Returns:
        `ReplyError` where the venue answered in its own words, `VenueUnavailableError` where no
        byte can have left, else `OutcomeUnknownError`.
    """
    said = _words(error, profile)
    if status is None:
        return _unanswered(error, sent, profile, body, said)
    if status in _THROTTLED_STATUSES:
        return ReplyError(f"HTTP-{status}", said, retry_after_ns=_retry_after(headers, str(error)))
    if status >= _FIRST_SERVER_ERROR:
        return OutcomeUnknownError(f"HTTP {status}: {said}")
    code = _code(error, body, profile)
    if not code and status < _FIRST_ERROR and "OrderNotFound" in _names(error):
        code = NOT_FOUND
    if not code or code in profile.unknown_codes:
        return OutcomeUnknownError(f"{code or 'not in words of the venue'}, HTTP {status}: {said}")
    return ReplyError(code, said, retry_after_ns=_retry_after(headers, str(error)))


def _unanswered(
    error: BaseException, sent: bool, profile: Profile, body: str, said: str
) -> VenueError:
    """No HTTP answer came: it never left, ccxt would not send it, or a stream answered.

    That no connection came about proves nothing once something was sent: a broken one is made
    again for what may be repeated.
    """
    if not sent:
        cause = _never_connected(error)
        if cause is not None:
            why = said if cause is error else f"{_words(cause, profile)}: {said}"
            return VenueUnavailableError(f"{profile.title} was not reached: {why}")
        if _CCXT_REFUSES & _names(error):
            return ReplyError(LOCAL, f"nothing was sent: {said}")
        return VenueUnavailableError(f"nothing was sent to {profile.title}: {said}")
    if not {"NetworkError", "ExchangeNotAvailable", "RequestTimeout"} & _names(error):
        code = _code(error, body, profile)
        if code and code not in profile.unknown_codes:
            return ReplyError(code, said)
    return OutcomeUnknownError(f"no answer from {profile.title}: {said}")


def _names(error: BaseException) -> frozenset[str]:
    return frozenset(each.__name__ for each in type(error).__mro__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__


def _never_connected(error: BaseException) -> BaseException | None:
    """What says that no connection was made: no such name, refused, a certificate not trusted."""
    return next((each for each in _causes(error) if _NEVER_CONNECTED & _names(each)), None)


# The venue's words ----------------------------------------------------------------------------


def _words(error: BaseException, profile: Profile) -> str:
    """The error's text without what must not be repeated; the class where it has none."""
    text = str(error).strip().removeprefix(profile.ccxt_id).strip()
    for pattern in _SECRETS:
        text = pattern.sub(_hidden, text)
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}…"
    name = type(error).__name__
    return f"{text} ({name})" if text else name


def _hidden(found: re.Match[str]) -> str:
    """Keeps the name of what is hidden, where it has one."""
    return f"{found[1]}{found[2]}…" if found.re.groups else "…"


def _code(error: BaseException, body: str, profile: Profile) -> str:
    """The venue's code, refined by its words; empty where there is none."""
    text = f"{error} {body}"
    code = _code_in(body, profile) or _code_in(str(error), profile)
    for wanted, words, refined in profile.codes_by_text:
        if wanted == code and words in text:
            return refined
    return code


def _code_in(text: str, profile: Profile) -> str:
    """The first code that one of the venue's paths leads to in a JSON text."""
    answer = _json_in(text)
    for path in profile.code_paths:
        code = _follow(answer, path)
        if code and code not in {"0", "200", "200000", "00000"}:
            return code
    return ""


def _json_in(text: str) -> object:
    """The JSON object or list that a text ends with; None if there is none."""
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    if not starts:
        return None
    try:
        return msgspec.json.decode(text[min(starts) :].encode())
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def _follow(answer: object, path: tuple[str | int, ...]) -> str:
    """What stands at a path, if it is a short text or an integer."""
    here = answer
    for step in path:
        if isinstance(step, str):
            here = cast("dict[str, object]", here).get(step) if isinstance(here, dict) else None
        else:
            row = cast("list[object]", here) if isinstance(here, list) else []
            here = row[step] if step < len(row) else None
    if isinstance(here, int) and not isinstance(here, bool):
        return str(here)
    return here if isinstance(here, str) else ""


# Waiting --------------------------------------------------------------------------------------


def _retry_after(headers: Mapping[str, str], text: str) -> int:
    """How long the venue wants us to wait, ns; 0 where it does not say."""
    given = {name.lower(): value for name, value in headers.items()}
    seconds = _number(given.get("retry-after", ""))
    if seconds:
        return min(int(seconds * _NS_PER_SECOND), _LONGEST_RETRY_NS)
    banned = re.search(r"banned until (\d{13})", text)
    asked = _http_date_ms(given.get("date", ""))
    if banned is None or not asked:
        return 0
    return min(max(int(banned[1]) - asked, 0) * _NS_PER_MS, _LONGEST_RETRY_NS)


def _number(text: str) -> float:
    """A number of seconds; 0 for anything else (a date is not one)."""
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip()) else 0.0


def _http_date_ms(text: str) -> int:
    """The time of an HTTP `Date` header, which stands for the venue's clock; 0 if not readable."""
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return 0
