"""Who asks the Bybit dialect, and whether they may: keys, signatures and the time window.

HMAC-SHA256, hexadecimal: over REST of timestamp + key + recv_window + (query string | body), over
a WebSocket of `GET/realtime` + expires. Source: Bybit v5, "Integration Guidance". Must never log a
secret, and never tell a stranger more than the venue does.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from alphaforge.sandbox.api_keys import ApiKey, ApiKeys, Network
from alphaforge.sandbox.dialects.bybit_errors import (
    ADDRESS,
    KEY,
    KEY_EXPIRED,
    PARAMS,
    PERMISSION,
    SIGN,
    TIME,
    BybitError,
)
from alphaforge.sandbox.dialects.bybit_names import milliseconds

_DEFAULT_WINDOW_MS = 5_000
_AHEAD_MS = 1_000


@dataclass(frozen=True)
class Visitor:
    """Where a request came from.

    Attributes:
        network: Of the host it was sent to; a client that came by address is on the test network.
        address: Of the client.
    """

    network: Network
    address: str


def sign(secret: str, payload: str) -> str:
    """HMAC-SHA256, hexadecimal."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def admit(keys: ApiKeys, name: str, visitor: Visitor, now: int) -> ApiKey:
    """The key of that name, if it may be used from there; raises 10003, 33004, 10010."""
    key = keys.find(name)
    if key is None or key.network is not visitor.network:
        raise BybitError(KEY, "API key is invalid.")
    if key.is_expired(now):
        raise BybitError(KEY_EXPIRED, "Your api key has expired.")
    if not key.allows_address(visitor.address):
        words = "Unmatched IP, please check your API key's bound IP addresses."
        raise BybitError(ADDRESS, words)
    return key


def check_request(
    keys: ApiKeys, headers: Mapping[str, str], payload: str, visitor: Visitor, now: int
) -> ApiKey:
    """The key of a signed REST request, in the venue's order: key, time, signature.

    Raises:
        BybitError: 10001 without the headers, 10003, 33004, 10010, 10002 or 10004.
    """
    name = headers.get("X-BAPI-API-KEY", "")
    stamp = headers.get("X-BAPI-TIMESTAMP", "")
    signature = headers.get("X-BAPI-SIGN", "")
    if not (name and stamp and signature):
        words = f"empty value: apiTimestamp[{stamp}] apiKey[{name}] apiSignature[{signature}]"
        raise BybitError(PARAMS, f"{words}: openapi sign params error!")
    window = headers.get("X-BAPI-RECV-WINDOW", "")
    key = admit(keys, name, visitor, now)
    check_time(stamp, window, now)
    expected = sign(key.secret, f"{stamp}{name}{window}{payload}")
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        raise BybitError(SIGN, "error sign! Please check your signature generation algorithm.")
    return key


def check_time(stamp: str, window: str, now: int) -> None:
    """Raises 10002 unless server time − window ≤ stamp < server time + 1 s (texts in ms)."""
    server = milliseconds(now)
    wide = int(window) if window.isascii() and window.isdigit() else _DEFAULT_WINDOW_MS
    asked = int(stamp) if stamp.isascii() and stamp.isdigit() else 0
    if not server - wide <= asked < server + _AHEAD_MS:
        words = "invalid request, please check your server timestamp or recv_window param. "
        facts = f"req_timestamp[{stamp}],server_timestamp[{server}],recv_window[{wide}]"
        raise BybitError(TIME, words + facts)


def check_socket(
    keys: ApiKeys, arguments: tuple[str, str, str], visitor: Visitor, now: int
) -> ApiKey:
    """The key of a WebSocket's `auth` (key, expires in ms, signature).

    Raises:
        BybitError: 10003, 33004, 10010, 10002 where it has expired, 10004.
    """
    name, expires, signature = arguments
    key = admit(keys, name, visitor, now)
    if not expires.isdigit() or int(expires) <= milliseconds(now):
        raise BybitError(TIME, "Request expired, please check your expires param.")
    expected = sign(key.secret, f"GET/realtime{expires}")
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        raise BybitError(SIGN, "Error sign, please check your signature generation algorithm.")
    return key


def check_trading(key: ApiKey) -> None:
    """Raises 10005 for a key that may only read."""
    if not key.can_trade:
        words = "Permission denied, please check your API key permissions."
        raise BybitError(PERMISSION, words)
