"""Who asks the Binance dialect, and whether they may: keys, signatures and the time window.

HMAC-SHA256 over the text of the request as it was sent (REST) or over its sorted parameters
(WebSocket API). Must never say which part of a signature was wrong, nor log a secret.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from alphaforge.sandbox.api_keys import ApiKey, ApiKeys, Network
from alphaforge.sandbox.dialects.binance_errors import (
    UNAUTHORIZED,
    BinanceError,
    is_missing,
    rejected_key,
)
from alphaforge.sandbox.dialects.binance_params import Params

_NS_PER_MS = 1_000_000
_AHEAD_NS = 1000 * _NS_PER_MS
_DEFAULT_WINDOW_MS = 5000
_LONGEST_WINDOW_MS = 60_000
_KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]+")


class Security(Enum):
    """What a call wants of who asks."""

    NONE = auto()
    KEY = auto()
    USER_DATA = auto()
    TRADE = auto()


@dataclass(frozen=True)
class Visitor:
    """Where a request came from.

    Attributes:
        network: Of the host it was sent to; None for a client that came by address.
        address: Of the client.
    """

    network: Network | None
    address: str


def form_payload(query: str, body: str) -> str:
    """What REST signs: the query string and then the body, without the signature itself."""
    return _unsigned(query) + _unsigned(body)


def json_payload(params: Params) -> str:
    """What the WebSocket API signs: the parameters sorted by name, without the signature."""
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()) if _counts(name))


def sign(secret: str, payload: str) -> str:
    """HMAC-SHA256, hexadecimal."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def admit(
    keys: ApiKeys, security: Security, name: str, visitor: Visitor, now: int
) -> ApiKey | None:
    """The key, if it may do what is asked; None if nothing needs one. Raises -2014, -2015."""
    if security is Security.NONE:
        return None
    if not _KEY_PATTERN.fullmatch(name):
        raise BinanceError(-2014, "API-key format invalid.", status=UNAUTHORIZED)
    key = keys.find(name)
    if key is None or key.is_expired(now) or not key.allows_address(visitor.address):
        raise rejected_key()
    if visitor.network not in {None, key.network}:
        raise rejected_key()
    if security is Security.TRADE and not key.can_trade:
        raise rejected_key()
    return key


def check_signature(key: ApiKey, params: Params, payload: str, now: int) -> None:
    """Raises -1102, -1022, -1131 or -1021, in the venue's order: signature, then time."""
    signature = params.needed("signature")
    stamp = params.time("timestamp")
    if stamp is None:
        raise is_missing("timestamp")
    if not hmac.compare_digest(sign(key.secret, payload).encode(), signature.lower().encode()):
        raise BinanceError(-1022, "Signature for this request is not valid.")
    _check_window(stamp, params.number("recvWindow"), now)


def _check_window(stamp: int, window: Decimal | None, now: int) -> None:
    wide = _DEFAULT_WINDOW_MS if window is None else window
    if wide > _LONGEST_WINDOW_MS:
        raise BinanceError(-1131, f"recvWindow must be less than {_LONGEST_WINDOW_MS}.")
    if stamp > now + _AHEAD_NS:
        text = "Timestamp for this request was 1000ms ahead of the server's time."
        raise BinanceError(-1021, text)
    if now - stamp > wide * _NS_PER_MS:
        raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if _counts(part.partition("=")[0]))


def _counts(name: str) -> bool:
    return name != "signature"
