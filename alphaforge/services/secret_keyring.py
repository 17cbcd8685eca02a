"""Keys in the system's keyring, where the extra `keyring` is installed and the system has one.

A keyring cannot be listed, so the names of what is kept are kept there too. Must never be imported
before it is needed: asking for a keyring can open a window.
"""

import importlib
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, Protocol, cast

from alphaforge.errors import CredentialsError
from alphaforge.services.credentials import Credentials, read_credentials

WHERE: Final = "system keyring"

_SERVICE: Final = "alphaforge"
_INDEX: Final = "@index"


class _Keyring(Protocol):
    """The three functions of the package `keyring` that are used."""

    def get_password(self, service_name: str, username: str) -> str | None: ...
    def set_password(self, service_name: str, username: str, password: str) -> None: ...
    def delete_password(self, service_name: str, username: str) -> None: ...


class SystemKeyring:
    """The keyring of whoever runs this."""

    def __init__(self, keyring: _Keyring, error: type[Exception]) -> None:
        """Take the package and the error it raises; `open_keyring` finds both."""
        self._keyring = keyring
        self._error = error

    def find(self, venue: str, account: str) -> Credentials | None:
        """The key of an account, or None."""
        text = self._get(_entry(venue, account))
        return None if text is None else read_credentials(_table(text), WHERE)

    def accounts(self) -> list[tuple[str, str]]:
        """Venue and account of every key that is kept, sorted."""
        text = self._get(_INDEX)
        entries = [] if text is None else sorted(_table(text))
        return [(venue, account) for entry in entries for venue, _, account in [_parts(entry)]]

    def keep(self, venue: str, account: str, credentials: Credentials) -> None:
        """Keep a key; an older one of the account is gone."""
        entry = _entry(venue, account)
        self._set(entry, json.dumps(credentials.fields()))
        self._set_index({*self._index(), entry})

    def remove(self, venue: str, account: str) -> bool:
        """Take a key out; False where there was none."""
        entry = _entry(venue, account)
        self._set_index({*self._index()} - {entry})
        if self._get(entry) is None:
            return False
        with self._told():
            self._keyring.delete_password(_SERVICE, entry)
        return True

    def _index(self) -> list[str]:
        return [_entry(venue, account) for venue, account in self.accounts()]

    def _set_index(self, entries: set[str]) -> None:
        self._set(_INDEX, json.dumps(dict.fromkeys(sorted(entries), "")))

    def _get(self, entry: str) -> str | None:
        with self._told():
            return self._keyring.get_password(_SERVICE, entry)

    def _set(self, entry: str, text: str) -> None:
        with self._told():
            self._keyring.set_password(_SERVICE, entry, text)

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except self._error as error:
            raise CredentialsError(
                f"the system keyring can not be used: {type(error).__name__}",
                remedy="unlock it, or keep the key in a file: alphaforge keys set VENUE --file",
            ) from error


def open_keyring(load: Callable[[str], object] = importlib.import_module) -> SystemKeyring | None:
    """The system's keyring; None where the package or a keyring of the system is missing."""
    try:
        keyring = load("keyring")
        errors = load("keyring.errors")
    except ImportError:
        return None
    missing: type[Exception] = getattr(errors, "NoKeyringError")  # noqa: B009 - untyped package
    error: type[Exception] = getattr(errors, "KeyringError")  # noqa: B009 - untyped package
    found = cast("_Keyring", keyring)
    try:
        found.get_password(_SERVICE, _INDEX)
    except missing:
        return None
    except error:
        return SystemKeyring(found, error)
    return SystemKeyring(found, error)


def _entry(venue: str, account: str) -> str:
    return f"{venue}/{account}"


def _parts(entry: str) -> tuple[str, str, str]:
    return entry.rpartition("/")


def _table(text: str) -> dict[str, object]:
    """What is kept under one name; raises `CredentialsError` without showing it."""
    try:
        found: object = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CredentialsError(
            "what the system keyring holds for alphaforge is not what alphaforge wrote",
            remedy="type the key again: alphaforge keys set VENUE --keyring",
        ) from None
    return cast("dict[str, object]", found)
