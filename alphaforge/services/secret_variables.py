"""Keys in environment variables: `ALPHAFORGE_KEY__BINANCE__API_KEY` and its kin.

`ALPHAFORGE_KEY__VENUE__FIELD` is the key of the account `main`, any other account stands between:
`ALPHAFORGE_KEY__VENUE__ACCOUNT__FIELD`. Must never print a value.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from alphaforge.errors import CredentialsError
from alphaforge.services.credentials import (
    FIELDS,
    MAIN_ACCOUNT,
    Credentials,
    read_credentials,
)

PREFIX: Final = "ALPHAFORGE_KEY"


def variable_name(venue: str, account: str, field: str) -> str:
    """The variable of one field; what is neither letter nor digit in a name becomes one `_`."""
    accounts = [] if account == MAIN_ACCOUNT else [_word(account)]
    return "__".join([PREFIX, _word(venue), *accounts, field.upper()])


def _word(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")


def from_variables(environ: Mapping[str, str], venue: str, account: str) -> Credentials | None:
    """The key of an account; None where neither half is set.

    Raises `CredentialsError` naming the missing variable where only one half is.
    """
    names = {field: variable_name(venue, account, field) for field in FIELDS}
    values = {field: environ.get(name, "").strip() for field, name in names.items()}
    if not values["api_key"] and not values["secret"]:
        return None
    for missing, present in (("api_key", "secret"), ("secret", "api_key")):
        if not values[missing]:
            raise CredentialsError(
                f"{names[present]} is set, but {names[missing]} is not",
                remedy=f"set {names[missing]} too, or unset the other",
            )
    return read_credentials(values, f"environment {names['api_key']}")


def accounts_in_variables(
    environ: Mapping[str, str], known: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Venue and account of every key that is set, spelled as in `known` where it is there."""
    spelled = {_word(name): name for name in known}
    for name in sorted(environ):
        parts = name.split("__")
        is_key = parts[0] == PREFIX and parts[-1] == FIELDS[0].upper()
        if is_key and len(parts) in {3, 4} and environ[name].strip():
            account = parts[2].lower() if len(parts) > len(("", "", "")) else MAIN_ACCOUNT
            yield spelled.get(parts[1], parts[1].lower()), account
