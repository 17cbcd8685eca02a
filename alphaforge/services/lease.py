"""One engine at a time for each account that trades over a wire: a locked file with an epoch in it.

The kernel holds the lock for as long as the process lives and frees it on death, however it died.
The epoch in the file only ever grows: it is part of every client order id, so that no two processes
ever use the same id. A machine-wide promise: two hosts on one account are told apart by the run in
their ids, not here. Must never be released for another process, nor be believed after a pause.
"""

import fcntl
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from alphaforge.errors import ConfigError, LeaseHeldError
from alphaforge.services.lease_file import (
    HIGHEST_EPOCH,
    SUFFIX,
    Holder,
    LeaseFile,
    file_name,
    lease_directory,
)

LEASE_SECONDS: Final = 5.0
"""How long a lease is believed without looking at the file again."""

_NS: Final = 1_000_000_000
_TRIES: Final = 50
_WAIT_SECONDS: Final = 0.01


class LeaseRequest(NamedTuple):
    """Whose lease is wanted, and what others are told about who has it.

    Attributes:
        at_least: The greatest epoch known from elsewhere (the store); the new one is above it.
        store: URL of the database, without a password.
    """

    venue: str
    account: str
    run_id: str = ""
    at_least: int = 0
    store: str = ""


class FileLease:
    """A lease on an account, held until `release` or the end of the process.

    Attributes:
        epoch: Of this process's turn: no other process ever had or gets it.
        gaps: How often more than the lease's time passed in which nobody asked: the process was
            stopped, or the loop stood still. Whoever sends compares it with the number it knows,
            and asks the venue before it sends again.
        stopped_for_ns: How long the last of these took.
        damage: What was wrong with the file when it was taken, for an alert; empty if nothing.
    """

    def __init__(
        self,
        file: "LeaseFile",
        holder: Holder,
        damage: str,
        steady_ns: Callable[[], int],
        seconds: float,
    ) -> None:
        """Made by `acquire`."""
        self.epoch = holder.epoch
        self.gaps = 0
        self.stopped_for_ns = 0
        self.damage = damage
        self._file = file
        self._holder = holder
        self._steady_ns = steady_ns
        self._lease_ns = int(seconds * _NS)
        self._seen = self._verified = steady_ns()
        self._is_lost = False

    @classmethod
    def acquire(  # noqa: PLR0913 - keyword-only but for the two names that say whose it is
        cls,
        venue: str,
        account: str,
        *,
        steady_ns: Callable[[], int],
        run_id: str = "",
        at_least: int = 0,
        store: str = "",
        directory: Path | None = None,
        seconds: float = LEASE_SECONDS,
    ) -> "FileLease":
        """Take the lease of an account; what the file says is on the disk before this returns.

        Args:
            venue: Name of the venue.
            account: Name of the account there.
            steady_ns: A time that only ever grows, ns; it must go on while the process is stopped.
            run_id: Told to whoever is refused.
            at_least: See `LeaseRequest`.
            store: See `LeaseRequest`.
            directory: Where leases lie; None is `leases` in the state folder.
            seconds: How long it is believed without looking at the file again.

        Raises:
            LeaseHeldError: Another process has it.
            ConfigError: The folder or file is not safe (a link, another's), not writable, or on a
                file system without working locks; or every epoch was used.
        """
        request = LeaseRequest(venue, account, run_id, at_least, store)
        file = LeaseFile(directory or lease_directory(), file_name(venue, account))
        try:
            holder, damage = _take(file, request)
        except BaseException:
            file.close()
            raise
        return cls(file, holder, damage, steady_ns, seconds)

    def holds(self) -> bool:
        """Whether this process may still send; once False, for ever.

        Looks at the file only if that was too long ago. A True after a pause is counted in `gaps`.
        """
        now = self._steady_ns()
        if now - self._seen < self._lease_ns and now - self._verified < self._lease_ns:
            self._seen = now
            return not self._is_lost
        return self._verify(now)

    def heartbeat(self) -> bool:
        """Look at the file now; to be called about once a second, so that quiet is no gap."""
        return self._verify(self._steady_ns())

    def release(self) -> None:
        """Give it back; the epoch stays in the file. A second call changes nothing."""
        if self._file.is_open:
            if self.heartbeat():
                self._file.write(msgspec.structs.replace(self._holder, pid=0))
            self._file.close()
        self._is_lost = True

    def _verify(self, now: int) -> bool:
        if now - self._seen >= self._lease_ns:
            self.gaps += 1
            self.stopped_for_ns = now - self._seen
        self._seen = self._verified = now
        if not self._is_lost:
            self._is_lost = not self._is_still_ours()
        return not self._is_lost

    def _is_still_ours(self) -> bool:
        try:
            if not self._file.is_in_place():
                return False
            written, _ = self._file.read()
        except OSError:
            return False
        return written is not None and (written.epoch, written.pid) == (self.epoch, os.getpid())


def read_holder(venue: str, account: str, directory: Path | None = None) -> Holder | None:
    """Who holds the lease of an account now; None if nobody does.

    A holder without a `pid` has only just taken it.

    Raises `ConfigError` if the folder or file is not safe to look into.
    """
    folder = directory or lease_directory()
    name = file_name(venue, account)
    return _holder_of(LeaseFile(folder, name)) if (folder / name).exists() else None


def holders(directory: Path | None = None) -> list[Holder]:
    """Everybody who holds a lease on this machine, in the order of the files' names."""
    folder = directory or lease_directory()
    if not folder.is_dir():
        return []
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(SUFFIX))
    found = (_holder_of(LeaseFile(folder, name)) for name in names)
    return [holder for holder in found if holder is not None]


def _take(file: "LeaseFile", request: LeaseRequest) -> tuple[Holder, str]:
    """Lock the file and write a higher epoch into it; also what was wrong with it.

    A refusal is told once a living holder can be named: for a moment the lock is also held by
    somebody who only looks, or who has not written yet who he is.
    """
    for _ in range(_TRIES):
        if file.lock(fcntl.LOCK_EX):
            if file.is_in_place():
                return _write_epoch(file, request)
            file.reopen()
            continue
        found, _ = file.read()
        if found is not None and _is_alive(found):
            raise _held(request, found)
        time.sleep(_WAIT_SECONDS)
    raise _held(request, Holder())


def _write_epoch(file: "LeaseFile", request: LeaseRequest) -> tuple[Holder, str]:
    file.check_lock()
    before, damage = file.read()
    epoch = max(before.epoch if before is not None else 0, request.at_least) + 1
    if epoch > HIGHEST_EPOCH:
        raise ConfigError(
            f"every epoch of {request.account} at {request.venue} was used", path=file.path
        )
    holder = Holder(
        venue=request.venue,
        account=request.account,
        epoch=epoch,
        pid=os.getpid(),
        host=socket.gethostname(),
        run_id=request.run_id,
        store=request.store,
    )
    file.write(holder)
    return holder, f"{damage}; this process goes on with epoch {epoch}" if damage else ""


def _is_alive(holder: Holder) -> bool:
    if not holder.pid:
        return False
    if holder.host != socket.gethostname():
        return True
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _held(request: LeaseRequest, holder: Holder) -> LeaseHeldError:
    account = f"{request.account} at {request.venue}"
    if not holder.pid:
        return LeaseHeldError(
            f"another process trades {account} and does not say which",
            remedy="find the other alphaforge run on this machine and end it",
        )
    run = f", run {holder.run_id}" if holder.run_id else ""
    return LeaseHeldError(
        f"process {holder.pid} on {holder.host}{run} trades {account} already, "
        f"since {_utc(holder.since_ns)}",
        remedy=f"end it first: kill -INT {holder.pid}",
    )


def _utc(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(ns // _NS))


def _holder_of(file: "LeaseFile") -> Holder | None:
    """Whoever holds a file's lock now; without a name for as long as he has not written it."""
    try:
        if file.lock(fcntl.LOCK_SH):
            return None
        found, _ = file.read()
        return found if found is not None and _is_alive(found) else Holder()
    finally:
        file.close()
