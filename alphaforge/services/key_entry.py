"""What an exchange's key consists of, and how one that was typed or piped in is read.

Never from the arguments of a command: they stay in the shell's history and in the process list.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from alphaforge.errors import CredentialsError
from alphaforge.services.credentials import FIELDS, Credentials, read_credentials
from alphaforge.services.values import as_table
from alphaforge.venues.ccxt_loading import load_exchange

LONGEST_INPUT: Final = 50_000
"""Characters of a piped key; more is no key."""

_ALIASES: Final = {
    "apiKey": "api_key",
    "key": "api_key",
    "walletAddress": "api_key",
    "privateKey": "secret",
    "passphrase": "password",
}


class KeyField(NamedTuple):
    """One thing to be typed.

    Attributes:
        name: Of `Credentials`.
        words: As the exchange's page calls it.
    """

    name: str
    words: str


def key_fields(ccxt_id: str) -> tuple[KeyField, ...]:
    """What an exchange gives with a key, in the order it is asked for; imports its class."""
    made: object = load_exchange(ccxt_id)()
    required = as_table(cast("object", getattr(made, "requiredCredentials", None))) or {}
    has_wallet = required.get("privateKey") is True and required.get("secret") is not True
    fields = [
        KeyField("api_key", "wallet address" if has_wallet else "API key"),
        KeyField("secret", "private key" if has_wallet else "secret"),
    ]
    if required.get("password") is True:
        fields.append(KeyField("password", "passphrase"))
    if required.get("uid") is True:
        fields.append(KeyField("uid", "user id"))
    return tuple(fields)


def read_key_text(text: str, fields: tuple[KeyField, ...], title: str) -> Credentials:
    """A piped key: one JSON object, or one line for each field.

    Raises `CredentialsError` that says what is missing, never what was there.
    """
    where = "standard input"
    if len(text) > LONGEST_INPUT or not text.strip():
        raise CredentialsError(f"{where} holds no key", remedy=_form(fields))
    if text.lstrip().startswith("{"):
        content = _object(text, fields)
    else:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) != len(fields):
            raise CredentialsError(
                f"a key of {title} is {len(fields)} lines, {where} has {len(lines)}",
                remedy=_form(fields),
            )
        content = {field.name: line for field, line in zip(fields, lines, strict=True)}
    return check_fields(read_credentials(content, where), fields, title)


def check_fields(key: Credentials, fields: tuple[KeyField, ...], title: str) -> Credentials:
    """The key again, when nothing is missing that its exchange gives with one."""
    for field in fields:
        if field.name not in key.fields():
            raise CredentialsError(
                f"a key of {title} has a {field.words} too", remedy=_form(fields)
            )
    return key


def _object(text: str, fields: tuple[KeyField, ...]) -> Mapping[str, object]:
    try:
        found: object = json.loads(text)
    except ValueError:
        found = None
    table = as_table(found)
    if table is None:
        raise CredentialsError("standard input is no JSON object", remedy=_form(fields)) from None
    return {_ALIASES.get(name, name): value for name, value in table.items()}


def _form(fields: tuple[KeyField, ...]) -> str:
    names = {field.name for field in fields}
    example = ", ".join(f'"{name}": "..."' for name in FIELDS if name in names)
    words = ", ".join(field.words for field in fields)
    return f"pipe in {{{example}}}, or one line each: {words}"
