"""A key of an exchange: what it consists of, and what can not be one.

Must never show itself: not in a repr, not in an error, not in a log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from alphaforge.errors import CredentialsError, UsageError

FIELDS: Final = ("api_key", "secret", "password", "uid")
"""What an exchange may ask for; the first two always, the others where it gave them."""

MAIN_ACCOUNT: Final = "main"
ACCOUNT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

_LONGEST: Final = 10_000
_SHOWN: Final = 4
_LONG_ENOUGH_TO_SHOW: Final = 12


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What signs requests of one account.

    Attributes:
        api_key: The key's public half; the wallet's address where an exchange has no keys.
        secret: Its secret half: text, or a private key as PEM.
        password: The passphrase some exchanges give with a key; empty elsewhere.
        uid: The user's number some exchanges ask for; empty elsewhere.
        where: The place it was found in, in words; no part of the key.
    """

    api_key: str
    secret: str
    password: str = ""
    uid: str = ""
    where: str = field(default="", compare=False)

    def __repr__(self) -> str:
        return f"<a key {self.ending}>"

    @property
    def ending(self) -> str:
        """The last four characters of the key's public half, `…x7Qz`; of a short one none."""
        is_long = len(self.api_key) >= _LONG_ENOUGH_TO_SHOW
        return "…" + (self.api_key[-_SHOWN:] if is_long else "")

    def fields(self) -> dict[str, str]:
        """Field → text, empty ones left out: for the places it is kept in."""
        values = {name: str(getattr(self, name)) for name in FIELDS}
        return {name: value for name, value in values.items() if value}


def check_account(name: str) -> str:
    """The name of an account again, if it can be one; raises `UsageError`."""
    if ACCOUNT_NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name!r:.40} is no name of an account", remedy="use letters, digits, - and _"
        )
    return name


def read_credentials(fields: Mapping[str, object], where: str) -> Credentials:
    """A key from its fields by name, spaces around them taken off.

    Raises `CredentialsError` that says which field is missing or cannot be, never what it holds.
    """
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise CredentialsError(
            f"{where}: a key has {', '.join(FIELDS)}, and nothing called {unknown[0]!r:.40}",
            remedy="correct that name",
        )
    texts: dict[str, str] = {}
    for name in FIELDS:
        value = fields.get(name, "")
        if not isinstance(value, str):
            raise CredentialsError(f"{where}: the {name} of a key is text")
        texts[name] = value.strip()
        _check(name, texts[name], where)
    return Credentials(**texts, where=where)


def _check(name: str, text: str, where: str) -> None:
    if not text and name in {"api_key", "secret"}:
        raise CredentialsError(
            f"{where}: the {name} is missing",
            remedy="a key has two halves: copy both from the exchange's page",
        )
    has_lines = name == "secret" and text.startswith("-----BEGIN")
    body = text.replace("\n", "").replace("\r", "") if has_lines else text
    if len(text) > _LONGEST or not body.isprintable() or not body.isascii():
        raise CredentialsError(
            f"{where}: the {name} holds a character that no key has, or is too long",
            remedy="copy it again from the exchange's page, without line ends",
        )
