"""Where keys come from, the strongest first: the environment, the system's keyring, a secrets file.

Settings files are no such place: a key found there is refused. Must never print, log or send one.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from alphaforge.errors import CredentialsError, NotFoundError
from alphaforge.services.credentials import MAIN_ACCOUNT, Credentials
from alphaforge.services.secret_file import SecretFile
from alphaforge.services.secret_keyring import WHERE as KEYRING_WORDS
from alphaforge.services.secret_keyring import SystemKeyring, open_keyring
from alphaforge.services.secret_variables import (
    accounts_in_variables,
    from_variables,
    variable_name,
)


class Place(StrEnum):
    """Where a key can be, the strongest first."""

    ENVIRONMENT = "environment"
    KEYRING = "keyring"
    FILE = "file"


class StoredKey(NamedTuple):
    """One key that exists, as a list may show it.

    Attributes:
        ending: Of its public half; the secret half is never shown.
        is_used: False where a stronger place has a key for the same account.
    """

    venue: str
    account: str
    place: Place
    ending: str
    is_used: bool


class Secrets:
    """The three places of whoever runs this."""

    def __init__(
        self, environ: Mapping[str, str] | None = None, keyring: SystemKeyring | None = None
    ) -> None:
        """Take the variables of the process and the keyring of the system, if not given."""
        self._environ = os.environ if environ is None else environ
        self._file = SecretFile(self._environ)
        self._keyring = open_keyring() if keyring is None else keyring

    def find(self, venue: str, account: str) -> Credentials | None:
        """The key of an account from the strongest place that has one; None where none has.

        Raises `CredentialsError` where a place holds half a key or cannot be trusted: a weaker
        place is not asked then, its key may be of another account.
        """
        for place in Place:
            found = self._find_in(place, venue, account)
            if found is not None:
                return found
        return None

    def keys(self, known: Iterable[str]) -> Iterator[StoredKey]:
        """Every key there is, by venue and account; `known` are names of venues as spelled."""
        places: dict[tuple[str, str], list[Place]] = {}
        for place in Place:
            for owner in self._accounts(place, known):
                places.setdefault(owner, []).append(place)
        for (venue, account), held in sorted(places.items()):
            for place in held:
                found = self._find_in(place, venue, account)
                ending = found.ending if found is not None else "…"
                yield StoredKey(venue, account, place, ending, is_used=place is held[0])

    def keep(self, venue: str, account: str, credentials: Credentials, place: Place | None) -> str:
        """Keep a key; None: in the keyring where there is one, else in the file. Says where.

        Raises `CredentialsError` where that place does not exist or cannot be written.
        """
        if place is Place.KEYRING and self._keyring is None:
            raise CredentialsError(
                "there is no system keyring to be used here",
                remedy='pip install "alphaforge[keyring]", or keep it in a file: --file',
            )
        if place is not Place.FILE and self._keyring is not None:
            self._keyring.keep(venue, account, credentials)
            return KEYRING_WORDS
        self._file.keep(venue, account, credentials)
        return f"file {self._file.path}"

    def remove(self, venue: str, account: str) -> list[Place]:
        """Take a key out of keyring and file; says of which.

        Raises `NotFoundError` where neither has one: the environment is not ours to change.
        """
        removed: list[Place] = []
        if self._keyring is not None and self._keyring.remove(venue, account):
            removed.append(Place.KEYRING)
        if self._file.remove(venue, account):
            removed.append(Place.FILE)
        if not removed:
            name = variable_name(venue, account, "api_key")
            is_set = bool(self._environ.get(name))
            raise NotFoundError(
                f"no key of {venue}, account {account}, is kept in the keyring or the file",
                remedy=f"unset {name}" if is_set else "see them: alphaforge keys list",
            )
        return removed

    def _find_in(self, place: Place, venue: str, account: str) -> Credentials | None:
        if place is Place.ENVIRONMENT:
            return from_variables(self._environ, venue, account)
        if place is Place.KEYRING:
            return None if self._keyring is None else self._keyring.find(venue, account)
        return self._file.find(venue, account)

    def _accounts(self, place: Place, known: Iterable[str]) -> Iterable[tuple[str, str]]:
        if place is Place.ENVIRONMENT:
            return accounts_in_variables(self._environ, known)
        if place is Place.KEYRING:
            return [] if self._keyring is None else self._keyring.accounts()
        return self._file.accounts()


def credentials_of(
    venue: str, account: str = MAIN_ACCOUNT, secrets: Secrets | None = None
) -> Credentials:
    """The key of an account; raises `CredentialsError` that says how to set one."""
    found = (secrets or Secrets()).find(venue, account)
    if found is None:
        flag = "" if account == MAIN_ACCOUNT else f" --account {account}"
        names = " and ".join(variable_name(venue, account, each) for each in ("api_key", "secret"))
        raise CredentialsError(
            f"there is no key for {venue}, account {account}",
            remedy=f"type: alphaforge keys set {venue}{flag}, or set {names}",
        )
    return found
