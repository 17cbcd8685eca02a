"""Keys in a file that only its owner can read: `secrets.toml` beside the user's settings.

One table per account, `[venue.account]`. A file that others can read, that is a link or another
user's is refused, not mended: what it holds may have been read. Must never be in a project's folder
and must never print what it holds.
"""

import errno
import fcntl
import os
import stat
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alphaforge.errors import CredentialsError
from alphaforge.services.config_keys import toml_text
from alphaforge.services.config_origin import dotted
from alphaforge.services.credentials import Credentials, read_credentials
from alphaforge.services.values import as_table

FILE_NAME: Final = "secrets.toml"

_HEADER = "# Keys of exchanges, written by `alphaforge keys set`. Nobody else may read this file.\n"
_LONGEST: Final = 1_000_000
_MODE: Final = 0o600
_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022

_Tables = dict[str, dict[str, dict[str, object]]]


class SecretFile:
    """The file of whoever runs this.

    Attributes:
        path: Where it is, whether it exists or not.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        """`alphaforge/secrets.toml` in $XDG_CONFIG_HOME, else in ~/.config."""
        home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")) / ".config")
        self.path = Path(home).expanduser() / "alphaforge" / FILE_NAME

    def find(self, venue: str, account: str) -> Credentials | None:
        """The key of an account, or None; raises `CredentialsError` if the file is not safe."""
        fields = self._read().get(venue, {}).get(account)
        return None if fields is None else read_credentials(fields, f"file {self.path}")

    def accounts(self) -> list[tuple[str, str]]:
        """Venue and account of every key in it, sorted."""
        return sorted((venue, account) for venue, each in self._read().items() for account in each)

    def keep(self, venue: str, account: str, credentials: Credentials) -> None:
        """Write a key; an older one of the account is gone."""
        with self._locked_folder() as folder:
            tables = self._read()
            tables.setdefault(venue, {})[account] = dict(credentials.fields())
            self._write(folder, tables)

    def remove(self, venue: str, account: str) -> bool:
        """Take a key out; False where there was none."""
        if account not in self._read().get(venue, {}):
            return False
        with self._locked_folder() as folder:
            tables = self._read()
            tables.get(venue, {}).pop(account, None)
            self._write(folder, tables)
        return True

    def _read(self) -> _Tables:
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return {}
        except OSError as error:
            reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
            raise self._unsafe(f"it can not be read: {reason}") from error
        try:
            self._check(os.fstat(fd))
            content = os.read(fd, _LONGEST)
        finally:
            os.close(fd)
        return self._parse(content)

    def _check(self, facts: os.stat_result) -> None:
        """Refuse what others could have read or written."""
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise self._unsafe("it is no plain file, or has a second name")
        if facts.st_uid != os.geteuid():
            raise self._unsafe("it belongs to another user")
        if stat.S_IMODE(facts.st_mode) & _OTHERS:
            mode = stat.S_IMODE(facts.st_mode)
            raise CredentialsError(
                f"{self.path} can be read by others: its mode is {mode:04o}",
                remedy=f"chmod 600 {self.path}; if others use this machine, change its keys too",
            )

    def _parse(self, content: bytes) -> _Tables:
        """Venue → account → fields; what is wrong is told without a word of the content."""
        try:
            return _tables(tomllib.loads(content.decode()))
        except ValueError:
            raise CredentialsError(
                f"{self.path} is not a secrets file",
                remedy='it holds tables: [binance.main] with api_key = "..." and secret = "..."',
            ) from None

    def _write(self, folder: int, tables: _Tables) -> None:
        """Replace the file in one step: whoever reads finds the old or the new one, whole."""
        parts = [_HEADER]
        for venue, accounts in sorted(tables.items()):
            for account, fields in sorted(accounts.items()):
                lines = (f"{dotted((name,))} = {toml_text(text)}" for name, text in fields.items())
                parts.append("\n".join((f"[{dotted((venue, account))}]", *lines, "")))
        draft = f".{FILE_NAME}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._told():
            fd = os.open(draft, flags, _MODE, dir_fd=folder)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                os.fchmod(fd, _MODE)
                file.write("\n".join(parts))
                file.flush()
                os.fsync(fd)
            os.replace(draft, FILE_NAME, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    @contextmanager
    def _locked_folder(self) -> Generator[int]:
        """The folder, made if need be, locked against a second writer."""
        path = self.path.parent
        with self._told():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            facts = os.fstat(fd)
            if facts.st_uid != os.geteuid() or facts.st_mode & _OTHERS_WRITE:
                raise CredentialsError(
                    f"others can write into the folder {path}", remedy=f"chmod 700 {path}"
                )
            with self._told():
                fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise CredentialsError(
                f"the key can not be written to {self.path}: {error.strerror}",
                remedy="keep it in the environment: see docs/exchanges.md",
            ) from error

    def _unsafe(self, reason: str) -> CredentialsError:
        return CredentialsError(
            f"{self.path} is not used: {reason}", remedy="move it away and set its keys again"
        )


def _tables(content: Mapping[str, object]) -> _Tables:
    """The content as venue → account → fields; raises `ValueError` if it is something else."""
    tables: _Tables = {}
    for venue, accounts in content.items():
        for account, fields in _table(accounts).items():
            tables.setdefault(venue, {})[account] = dict(_table(fields))
    return tables


def _table(value: object) -> Mapping[str, object]:
    table = as_table(value)
    if table is None:
        raise ValueError
    return table
