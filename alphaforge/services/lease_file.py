"""The file a lease is kept in: opened safely, locked, read, written through to the disk.

What is a link, or another user's, or on a file system without working locks is refused. Must never
decide who may trade: `lease` does.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from alphaforge.errors import ConfigError

HIGHEST_EPOCH: Final = 0xFFFFFF
"""What the six hexadecimal digits of a client order id can hold."""

_HIGHEST_PID: Final = 2**31 - 1

STATE_VARIABLE: Final = "ALPHAFORGE_STATE_DIR"

SUFFIX: Final = ".lease"
_LONGEST_CONTENT: Final = 65_536
_NO_FLOCK: Final = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who took a lease, as its file says.

    Attributes:
        pid: 0 once it was given back, or while nothing readable is written.
        store: URL of its database, without a password.
        since_ns: When it was taken, ns UTC: the file's own time.
    """

    venue: str = ""
    account: str = ""
    epoch: int = 0
    pid: int = 0
    host: str = ""
    run_id: str = ""
    store: str = ""
    since_ns: int = 0


def lease_directory(environ: Mapping[str, str] | None = None) -> Path:
    """`leases` in $ALPHAFORGE_STATE_DIR, else in `alphaforge` of $XDG_STATE_HOME or its default."""
    variables = os.environ if environ is None else environ
    chosen = variables.get(STATE_VARIABLE, "")
    if chosen:
        return Path(chosen).expanduser().absolute() / "leases"
    home = variables.get("XDG_STATE_HOME") or str(
        Path(variables.get("HOME", "~")).expanduser() / ".local" / "state"
    )
    return Path(home) / "alphaforge" / "leases"


def file_name(venue: str, account: str) -> str:
    """Safe for a file, and no two accounts share one: the first `-` ends the venue's name."""
    return f"{quote(venue, safe='').replace('-', '%2D')}-{quote(account, safe='')}{SUFFIX}"


class LeaseFile:
    """One file: opened without following links, locked, read, written through to the disk."""

    def __init__(self, folder: Path, name: str) -> None:
        """Open it, made if need be; raises `ConfigError` if it or its folder is not safe."""
        self.path = folder / name
        with _told(folder):
            self._folder = _open_folder(folder)
        try:
            self._fd = self._open()
        except BaseException:
            os.close(self._folder)
            raise
        self.is_open = True

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with _told(self.path):
            fd = os.open(self.path.name, flags, 0o600, dir_fd=self._folder)
            try:
                _check_owner(fd, self.path, stat.S_ISREG, 0o600)
            except BaseException:
                os.close(fd)
                raise
        return fd

    def reopen(self) -> None:
        """Open what lies at the path now."""
        os.close(self._fd)
        self._fd = self._open()

    def close(self) -> None:
        """Free the lock."""
        if self.is_open:
            self.is_open = False
            os.close(self._fd)
            os.close(self._folder)

    def lock(self, kind: int) -> bool:
        """Lock it without waiting; False if another process has it."""
        try:
            fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in _NO_FLOCK:
                raise _no_locks(self.path) from error
            raise _unusable(self.path, error) from error
        return True

    def check_lock(self) -> None:
        """Hold the file system to it: a lock that does not keep out a second opener is none."""
        second = self._open()
        try:
            fcntl.flock(second, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        finally:
            os.close(second)
        raise _no_locks(self.path)

    def is_in_place(self) -> bool:
        """Whether the path still leads to the file that is open here."""
        own = os.fstat(self._fd)
        try:
            there = self.path.lstat()
        except FileNotFoundError:
            return False
        return (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino)

    def read(self) -> tuple[Holder | None, str]:
        """What it says, None if nothing readable; and what is wrong with it, empty if nothing."""
        content = os.pread(self._fd, _LONGEST_CONTENT, 0)
        if not content:
            return None, ""
        try:
            found = msgspec.json.decode(content.partition(b"\n")[0], type=Holder)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None, f"{self.path} was damaged"
        if not (0 <= found.epoch <= HIGHEST_EPOCH and 0 <= found.pid <= _HIGHEST_PID):
            problem = f"its epoch is {found.epoch}, its process {found.pid}"
            return None, f"{self.path} was damaged: {problem}"
        since = os.fstat(self._fd).st_mtime_ns
        return msgspec.structs.replace(found, since_ns=since), ""

    def write(self, holder: Holder) -> None:
        """Put it into the file, and on the disk before this returns."""
        content = msgspec.json.encode(msgspec.structs.replace(holder, since_ns=0)) + b"\n"
        with _told(self.path):
            os.pwrite(self._fd, content, 0)
            os.ftruncate(self._fd, len(content))
            os.fsync(self._fd)
            os.fsync(self._folder)


def _open_folder(folder: Path) -> int:
    """Open the folder of the leases, made if need be; nobody else may look into it."""
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check_owner(fd, folder, stat.S_ISDIR, 0o700)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _check_owner(fd: int, path: Path, is_kind: Callable[[int], bool], mode: int) -> None:
    """Refuse what is another's or no file (or folder); take rights of others away."""
    facts = os.fstat(fd)
    if not is_kind(facts.st_mode) or facts.st_uid != os.geteuid():
        raise ConfigError(
            "this belongs to another user, or is not what it should be",
            path=path,
            remedy=f"remove it, or name a folder of your own in {STATE_VARIABLE}",
        )
    if stat.S_IMODE(facts.st_mode) != mode:
        os.fchmod(fd, mode)


@contextmanager
def _told(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> ConfigError:
    reason = "it is a link" if error.errno in {errno.ELOOP, errno.ENOTDIR} else error.strerror
    return ConfigError(
        f"the lease can not be kept here: {reason}",
        path=path,
        remedy=f"name a folder of your own on a local disk in {STATE_VARIABLE}",
    )


def _no_locks(path: Path) -> ConfigError:
    return ConfigError(
        "this file system has no working file locks: two engines could trade one account",
        path=path,
        remedy=f"name a folder on a local disk in {STATE_VARIABLE}",
    )
