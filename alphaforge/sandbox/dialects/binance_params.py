"""The parameters of one request to the Binance dialect, over REST or the WebSocket API, as text.

Reading is strict, as the venue's is: what is missing, doubled, ill-written or not known to the
call is refused by name before anything happens. Must never turn text into a float.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar
from urllib.parse import unquote_plus

import msgspec

from alphaforge.sandbox.dialects.binance_errors import (
    BinanceError,
    has_illegal_characters,
    is_missing,
    is_too_precise,
)

_NUMBER = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = r"^[0-9]{1,20}$"
_CLIENT_ID = r"^[a-zA-Z0-9-_]{1,36}$"
_CLIENT_ID_PATTERN = re.compile(r"[a-zA-Z0-9_-]{1,36}")
_DECIMALS = 8
_MICROSECONDS = 10**15
_NS_PER_MS = 1_000_000
_NS_PER_US = 1_000

_ALWAYS = frozenset({"timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits"})

Choice = TypeVar("Choice")


class Params:
    """What was sent, and what of it has been read."""

    def __init__(self, sent: Mapping[str, str]) -> None:
        self._sent = dict(sent)
        self._read: set[str] = set(_ALWAYS)

    def __contains__(self, name: str) -> bool:
        return name in self._sent

    @classmethod
    def of_form(cls, *texts: str) -> "Params":
        """From a query string and a form body; raises -1101 for a name that comes twice."""
        sent: dict[str, str] = {}
        for part in "&".join(text for text in texts if text).split("&"):
            name, _, value = part.partition("=")
            if not part:
                continue
            if name in sent:
                raise BinanceError(-1101, "Duplicate values for a parameter detected.")
            sent[name] = unquote_plus(value)
        return cls(sent)

    @classmethod
    def of_json(cls, sent: Mapping[str, msgspec.Raw]) -> "Params":
        """From the WebSocket API: numbers keep the digits they were written with."""
        return cls({name: _text_of(raw) for name, raw in sent.items()})

    def items(self) -> Iterable[tuple[str, str]]:
        """Every name and its text, for the signature."""
        return self._sent.items()

    def text(self, name: str, default: str = "") -> str:
        """As written; `default` where it was not sent."""
        self._read.add(name)
        return self._sent.get(name, default)

    def needed(self, name: str) -> str:
        """As written; raises -1102 where it is missing or empty."""
        found = self.text(name)
        if not found:
            raise is_missing(name)
        return found

    def number(self, name: str) -> Decimal | None:
        """A decimal of at most 8 places, None where it was not sent; raises -1100, -1111."""
        if name not in self._sent:
            return None
        written = self.needed(name)
        if not re.fullmatch(_NUMBER[1:-1], written):
            raise has_illegal_characters(name, _NUMBER)
        if len(written.partition(".")[2].rstrip("0")) > _DECIMALS:
            raise is_too_precise(name)
        return Decimal(written)

    def integer(self, name: str) -> int | None:
        """A whole number, None where it was not sent; raises -1100."""
        if name not in self._sent:
            return None
        written = self.needed(name)
        if not re.fullmatch(_INTEGER[1:-1], written):
            raise has_illegal_characters(name, _INTEGER)
        return int(written)

    def limit(self, default: int, most: int) -> int:
        """`limit`: how many answers; more than `most` are cut, none is the default."""
        asked = self.integer("limit")
        return default if not asked else min(asked, most)

    def time(self, name: str) -> int | None:
        """A time, ms (or µs) on the wire, as ns; None where it was not sent."""
        stamp = self.integer(name)
        if stamp is None:
            return None
        return stamp * (_NS_PER_US if stamp >= _MICROSECONDS else _NS_PER_MS)

    def client_id(self, name: str) -> str:
        """A client order id, empty where it was not sent; raises -1100."""
        if name not in self._sent:
            return ""
        written = self.needed(name)
        if not _CLIENT_ID_PATTERN.fullmatch(written):
            raise has_illegal_characters(name, _CLIENT_ID)
        return written

    def is_set(self, name: str) -> bool:
        """Whether `name` is `true`."""
        return self.text(name).lower() == "true"

    def names(self, name: str) -> list[str] | None:
        """A JSON list of text, `["A","B"]`; None where it was not sent; raises -1100."""
        if name not in self._sent:
            return None
        try:
            return msgspec.json.decode(self.needed(name), type=list[str])
        except msgspec.DecodeError as error:
            raise has_illegal_characters(name, '^\\["[A-Z0-9-_.]{1,20}"\\]$') from error

    def choice(self, name: str, among: Mapping[str, Choice], error: BinanceError) -> Choice:
        """One of the given words, which must be there; raises `error` for another word."""
        found = among.get(self.needed(name))
        if found is None:
            raise error
        return found

    def finish(self) -> None:
        """Every parameter must have been read by now; raises -1104."""
        unread = self._sent.keys() - self._read
        if unread:
            read, sent = len(self._sent) - len(unread), len(self._sent)
            text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent"
            raise BinanceError(-1104, f"{text} '{sent}'.")


def _text_of(raw: msgspec.Raw) -> str:
    text = bytes(raw).decode()
    return msgspec.json.decode(raw, type=str) if text.startswith('"') else text
