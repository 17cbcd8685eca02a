"""Which engines run on this machine, and which of them a command means.

Every engine leaves one record in the runtime directory while its socket listens. A record without
its process or its socket is stale: whoever finds it takes it away. Must never start, stop or
signal an engine.
"""

import errno
import os
import socket
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from alphaforge import __version__
from alphaforge.client.records import SCHEMA, EngineRecord
from alphaforge.errors import ConfigError, NoEngineError, NotFoundError, UsageError

RUNTIME_VARIABLE: Final = "ALPHAFORGE_RUNTIME_DIR"

LONGEST_SOCKET_PATH: Final = 100
"""Bytes of a socket's path that every system can bind (Linux 107, macOS 103)."""

_LARGEST_RECORD: Final = 65_536
_GONE: Final = frozenset({errno.ECONNREFUSED, errno.ENOENT})
_FREE_TEXT: Final = ("version", "mode", "venue", "account", "started", "project", "store", "socket")


def runtime_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Where engines leave their records: named by the environment, else in the system's temp.

    It need not exist.
    """
    variables = os.environ if environ is None else environ
    chosen = variables.get(RUNTIME_VARIABLE, "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    runtime = variables.get("XDG_RUNTIME_DIR", "")
    if runtime:
        return Path(runtime) / "alphaforge"
    return Path(tempfile.gettempdir()) / f"alphaforge-{os.getuid()}"


def prepare_directory(environ: Mapping[str, str] | None = None) -> Path:
    """The runtime directory, made if need be; raises `ConfigError` if others could get in."""
    folder = runtime_directory(environ)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unsafe(folder, error.strerror or str(error)) from error
    _check_owner(folder)
    return folder


def socket_path(run_id: str, environ: Mapping[str, str] | None = None) -> Path:
    """Where the engine of a run listens; raises `ConfigError` where no system could bind it."""
    path = runtime_directory(environ) / f"{run_id}.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise _unsafe(path, f"a socket's path has at most {LONGEST_SOCKET_PATH} bytes")
    return path


def write(record: EngineRecord, environ: Mapping[str, str] | None = None) -> Path:
    """Leave a record, whole or not at all: its path."""
    folder = prepare_directory(environ)
    path = folder / f"{record.run_id}.json"
    waiting = folder / f".{record.run_id}.{record.pid}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(waiting, flags, 0o600)
    try:
        os.fchmod(fd, 0o600)
        os.write(fd, msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    finally:
        os.close(fd)
    waiting.replace(path)
    return path


def remove(run_id: str, environ: Mapping[str, str] | None = None) -> None:
    """Take a record away; one that is not there is fine."""
    (runtime_directory(environ) / f"{run_id}.json").unlink(missing_ok=True)


def running(environ: Mapping[str, str] | None = None) -> list[EngineRecord]:
    """Every engine that runs, the newest first; stale records are removed on the way.

    Raises `ConfigError` if the runtime directory is not ours alone.
    """
    folder = runtime_directory(environ)
    if not folder.is_dir():
        return []
    _check_owner(folder)
    found: list[EngineRecord] = []
    for path in folder.glob("*.json"):
        record = _read(path)
        if record is None:
            continue
        if _is_alive(record):
            found.append(record)
        else:
            _remove_stale(path, record)
    return sorted(found, key=lambda record: (record.started, record.run_id), reverse=True)


def choose(
    records: Sequence[EngineRecord], run_id: str | None, project: Path | None
) -> EngineRecord:
    """The engine a command means: the named one, else the only one (of this project, if any is).

    Args:
        records: From `running`.
        run_id: `--run`: a run's id, or its beginning or end where that names one alone.
        project: Folder of the settings file; None where there is none.

    Raises:
        NoEngineError: None runs, or not that one.
        UsageError: Several could be meant; it is another version's, and says which to upgrade.
    """
    record = choose_any_version(records, run_id, project)
    check_version(record)
    return record


def choose_any_version(
    records: Sequence[EngineRecord], run_id: str | None, project: Path | None
) -> EngineRecord:
    """As `choose`, for what must work on an engine of another version too: stop and kill."""
    if not records:
        raise NoEngineError(
            "no engine is running", remedy="start one: alphaforge run STRATEGY.py --detach"
        )
    found = _meant(records, run_id, project)
    if len(found) == 1:
        return found[0]
    lines = "; ".join(_line(record) for record in found or records)
    if found:
        raise UsageError(
            f"{len(found)} engines are running: {lines}",
            remedy=f"say which one: --run {found[0].run_id}",
        )
    raise NoEngineError(
        f"run {run_id} is not running; what runs: {lines}",
        remedy=f"name one that runs: --run {records[0].run_id}",
    )


def find(records: Sequence[EngineRecord], run_id: str) -> EngineRecord | None:
    """The engine of that run, if it runs; raises `UsageError` where several could be meant."""
    found = _meant(records, run_id, None)
    if len(found) > 1:
        raise UsageError(
            f"{run_id} could be {' or '.join(each.run_id for each in found)}",
            remedy="type more of it",
        )
    return found[0] if found else None


def check_version(record: EngineRecord) -> None:
    """Raise `UsageError` unless the engine is of this program's version, and say which is older."""
    if record.version == __version__ and record.schema == SCHEMA:
        return
    engine = f"the engine of run {record.run_id} is version {record.version or 'unknown'}"
    if _is_older(record):
        remedy = (
            "upgrade the engine: alphaforge stop, then start it again with this version "
            f"(--run {record.run_id} if several run)"
        )
    else:
        remedy = f"upgrade this program to {record.version}, or use the one that started the engine"
    raise UsageError(f"{engine}, this program is {__version__}", remedy=remedy)


def record_of(run_id: str, environ: Mapping[str, str] | None = None) -> EngineRecord:
    """The record of one run, alive or not; raises `NotFoundError`."""
    record = _read(runtime_directory(environ) / f"{run_id}.json")
    if record is None:
        raise NotFoundError(
            f"no engine left a record of run {run_id}", remedy="see: alphaforge status"
        )
    return record


def _meant(
    records: Sequence[EngineRecord], run_id: str | None, project: Path | None
) -> list[EngineRecord]:
    if run_id is None:
        own = [each for each in records if project is not None and each.project == str(project)]
        return own or list(records)
    exact = [each for each in records if each.run_id == run_id]
    if exact or not run_id:
        return exact
    return [
        each for each in records if each.run_id.startswith(run_id) or each.run_id.endswith(run_id)
    ]


def _line(record: EngineRecord) -> str:
    names = ", ".join(record.strategies)
    return f"{record.run_id} ({names} on {record.venue}, {record.mode}, pid {record.pid})"


def _is_older(record: EngineRecord) -> bool:
    if record.schema != SCHEMA:
        return record.schema < SCHEMA
    return _numbers(record.version) < _numbers(__version__)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.partition("+")[0].split(".")
    return tuple(int(part) if part.isdigit() else 0 for part in parts)


def _read(path: Path) -> EngineRecord | None:
    """A record of ours; None for what is gone, foreign or unreadable."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
            return None
        content = os.read(fd, _LARGEST_RECORD)
    finally:
        os.close(fd)
    try:
        return msgspec.json.decode(content, type=EngineRecord)
    except msgspec.DecodeError:
        return _of_another_shape(content)


def _of_another_shape(content: bytes) -> EngineRecord | None:
    """A record that another version wrote: enough of it to name its engine."""
    try:
        known = msgspec.json.decode(content, type=dict[str, object])
    except msgspec.DecodeError:
        return None
    run_id, pid, schema = known.get("run_id"), known.get("pid"), known.get("schema")
    if not isinstance(run_id, str) or not isinstance(pid, int):
        return None
    texts = {name: str(known.get(name, "")) for name in _FREE_TEXT}
    number = schema if isinstance(schema, int) else 0
    return EngineRecord(schema=number, run_id=run_id, pid=pid, strategies=(), **texts)


def _is_alive(record: EngineRecord) -> bool:
    return _has_process(record.pid) and not _refuses(record.socket)


def _has_process(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _refuses(path: str) -> bool:
    """Whether nobody listens; one that is only busy or frozen does not count as that."""
    with socket.socket(socket.AF_UNIX) as knock:
        knock.setblocking(False)
        try:
            knock.connect(path)
        except OSError as error:
            return error.errno in _GONE
    return False


def _remove_stale(path: Path, record: EngineRecord) -> None:
    """Unless a new process of the same run has just left its own."""
    now = _read(path)
    if now is None or now.pid != record.pid:
        return
    path.unlink(missing_ok=True)
    if record.socket and Path(record.socket).parent == path.parent:
        Path(record.socket).unlink(missing_ok=True)


def _check_owner(folder: Path) -> None:
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise _unsafe(folder, "it is no folder")
    if facts.st_uid != os.getuid():
        raise _unsafe(folder, "it belongs to another user")
    if stat.S_IMODE(facts.st_mode) & 0o077:
        raise _unsafe(folder, "other users can look into it")


def _unsafe(path: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"engines cannot be reached here: {reason}",
        path=path,
        remedy=f"name a folder of your own with mode 0700 in {RUNTIME_VARIABLE}",
    )
