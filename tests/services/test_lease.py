"""One engine per account: real processes fight for the lease, die, stand still, find it gone."""

import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import ConfigError, ExitCode, LeaseHeldError
from alphaforge.services import lease, lease_file
from alphaforge.services.lease import FileLease, holders, read_holder
from alphaforge.services.lease_file import HIGHEST_EPOCH, LeaseFile, file_name, lease_directory

SECOND = 1_000_000_000
NOBODY = 2**22 + 1  # above the highest process id there is
ROOT = Path(__file__).resolve().parents[2]

HOLD = """
import os, sys, time
os.umask(0)
from pathlib import Path
from alphaforge.errors import LeaseHeldError
from alphaforge.services.lease import FileLease

sys.stdin.readline() if sys.argv[2] == "wait" else None
began = time.monotonic()
try:
    lease = FileLease.acquire("binance", "main", run_id="run-1", directory=Path(sys.argv[1]),
                              steady_ns=time.monotonic_ns, seconds=0.2)
except LeaseHeldError as error:
    print("refused", f"{time.monotonic() - began:.3f}", error, flush=True)
    sys.exit(5)
print("holds", os.getpid(), lease.epoch, flush=True)
for line in sys.stdin:
    print(lease.holds(), lease.gaps, lease.stopped_for_ns > 200_000_000, flush=True)
"""


class Hand:
    """A steady clock moved by hand."""

    def __init__(self) -> None:
        self.now = 100 * SECOND

    def __call__(self) -> int:
        return self.now


def take(folder: Path, *, steady_ns: Callable[[], int] | None = None, **more: object) -> FileLease:
    return FileLease.acquire(
        "binance", "main", steady_ns=steady_ns or Hand(), directory=folder, **more
    )


def started(folder: Path, mode: str = "now") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), mode],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def ask(process: subprocess.Popen[str]) -> list[str]:
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().split()


def path_in(folder: Path) -> Path:
    return folder / file_name("binance", "main")


# Who wins -------------------------------------------------------------------------------------


def test_of_fifty_simultaneous_starts_one_wins_and_names_itself_to_the_others(tmp_path):
    processes = [started(tmp_path, "wait") for _ in range(50)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    lines = [process.stdout.readline() for process in processes]
    won = [line.split() for line in lines if line.startswith("holds")]
    refused = [line for line in lines if line.startswith("refused")]
    assert (len(won), len(refused)) == (1, 49)
    assert won[0][2] == "1"
    assert all(f"process {won[0][1]} on" in line and "run run-1" in line for line in refused)
    assert all(float(line.split()[1]) < 1 for line in refused)
    for process in processes:
        process.communicate()
    assert sorted({process.returncode for process in processes}) == [0, ExitCode.VENUE]


def test_a_killed_process_frees_the_lease_at_once_and_its_epoch_is_never_used_again(tmp_path):
    with started(tmp_path) as process:
        assert process.stdout.readline().split()[2] == "1"
        with pytest.raises(LeaseHeldError, match=f"process {process.pid} on"):
            take(tmp_path)
        assert read_holder("binance", "main", tmp_path).pid == process.pid
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert read_holder("binance", "main", tmp_path) is None
    assert take(tmp_path).epoch == 2


def test_the_refusal_names_the_run_and_what_to_type(tmp_path):
    taken = take(tmp_path, run_id="20240808-1")
    with pytest.raises(
        LeaseHeldError, match=r"run 20240808-1 trades main at binance .* UTC$"
    ) as told:
        take(tmp_path)
    assert told.value.remedy == f"end it first: kill -INT {os.getpid()}"
    assert told.value.exit_code is ExitCode.VENUE
    taken.release()


def test_another_account_is_another_lease(tmp_path):
    first = take(tmp_path)
    second = FileLease.acquire("binance", "other", steady_ns=Hand(), directory=tmp_path)
    assert [holder.account for holder in holders(tmp_path)] == ["main", "other"]
    first.release()
    assert [holder.account for holder in holders(tmp_path)] == ["other"]
    second.release()


@given(st.lists(st.text(min_size=1, max_size=12), min_size=4, max_size=4))
def test_no_two_accounts_share_a_file(names):
    one, other = tuple(names[:2]), tuple(names[2:])
    assert (file_name(*one) == file_name(*other)) == (one == other)
    assert "/" not in file_name(*one)


def looked_at(folder: Path) -> int:
    """The file of a killed process, locked by somebody who only looks."""
    dead = {"venue": "binance", "account": "main", "epoch": 7, "pid": NOBODY}
    path_in(folder).write_text(json.dumps({**dead, "host": socket.gethostname()}) + "\n")
    fd = os.open(path_in(folder), os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def test_somebody_who_only_looks_keeps_nobody_from_starting(tmp_path, monkeypatch):
    fd = looked_at(tmp_path)
    monkeypatch.setattr(lease.time, "sleep", lambda seconds: os.close(fd))
    assert take(tmp_path).epoch == 8


def test_who_holds_the_lock_without_a_name_is_waited_for_and_then_believed(tmp_path, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(lease.time, "sleep", waits.append)
    fd = looked_at(tmp_path)
    with pytest.raises(LeaseHeldError, match="does not say which"):
        take(tmp_path)
    assert 0.1 < sum(waits) < 1
    os.close(fd)


def test_a_file_that_was_replaced_while_it_was_being_locked_is_not_the_lease(tmp_path, monkeypatch):
    lock, left = LeaseFile.lock, [1]

    def lock_and_lose(file: LeaseFile, kind: int) -> bool:
        if left:
            left.pop()
            path_in(tmp_path).unlink()
        return lock(file, kind)

    monkeypatch.setattr(LeaseFile, "lock", lock_and_lose)
    taken = take(tmp_path)
    assert read_holder("binance", "main", tmp_path).epoch == taken.epoch
    assert taken.heartbeat()


# Epochs ---------------------------------------------------------------------------------------


@given(
    floors=st.lists(st.integers(0, 1000), min_size=1, max_size=6), spoilt=st.sets(st.integers(0, 5))
)
def test_epochs_only_ever_grow(tmp_path_factory, floors, spoilt):
    folder = tmp_path_factory.mktemp("leases")
    last = 0
    for number, floor in enumerate(floors):
        known = max(floor, last) if number in spoilt else floor  # the store knows the last one
        if number in spoilt and path_in(folder).exists():
            path_in(folder).write_bytes(b"\x00{garbage\xff")
        taken = take(folder, at_least=known)
        assert taken.epoch > max(last, floor)
        last = taken.epoch
        taken.release()


def test_a_damaged_file_is_said_and_the_epoch_of_the_store_counts(tmp_path):
    path_in(tmp_path).write_text('{"epoch": 4')
    taken = take(tmp_path, at_least=17)
    assert taken.epoch == 18
    assert taken.damage.endswith("main.lease was damaged; this process goes on with epoch 18")
    taken.release()
    assert take(tmp_path).damage == ""


@pytest.mark.parametrize(
    "content", [{"epoch": HIGHEST_EPOCH + 1}, {"epoch": -1}, {"epoch": 9, "pid": 2**40}]
)
def test_numbers_that_can_not_be_are_not_believed(tmp_path, content):
    path_in(tmp_path).write_text(json.dumps(content) + "\n")
    taken = take(tmp_path, at_least=3)
    assert (taken.epoch, f"its epoch is {content['epoch']}" in taken.damage) == (4, True)
    taken.release()


def test_when_every_epoch_was_used_the_start_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="every epoch"):
        take(tmp_path, at_least=HIGHEST_EPOCH)
    assert take(tmp_path, at_least=HIGHEST_EPOCH - 1).epoch == HIGHEST_EPOCH


def test_what_the_file_says_of_the_holder_is_read_back(tmp_path):
    taken = take(tmp_path, run_id="r", store="sqlite:///x.db")
    holder = read_holder("binance", "main", tmp_path)
    said = (holder.venue, holder.account, holder.epoch, holder.pid, holder.run_id, holder.store)
    assert said == ("binance", "main", 1, os.getpid(), "r", "sqlite:///x.db")
    assert holder.since_ns == path_in(tmp_path).stat().st_mtime_ns
    taken.release()
    assert json.loads(path_in(tmp_path).read_text())["pid"] == 0
    assert (taken.holds(), read_holder("binance", "main", tmp_path)) == (False, None)


def test_looking_makes_no_file(tmp_path):
    assert read_holder("binance", "main", tmp_path / "none") is None
    assert holders(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


# Pauses ---------------------------------------------------------------------------------------


def test_a_pause_longer_than_the_lease_is_counted_once_and_the_lease_still_holds(tmp_path):
    clock = Hand()
    taken = take(tmp_path, steady_ns=clock)
    clock.now += 5 * SECOND - 1
    assert (taken.holds(), taken.gaps) == (True, 0)
    clock.now += 60 * SECOND
    assert (taken.holds(), taken.gaps, taken.stopped_for_ns) == (True, 1, 60 * SECOND)
    assert (taken.holds(), taken.gaps) == (True, 1)


def test_heartbeats_and_sends_keep_quiet_times_from_looking_like_pauses(tmp_path):
    clock = Hand()
    taken = take(tmp_path, steady_ns=clock)
    for beat in (taken.heartbeat, taken.holds) * 10:
        clock.now += 4 * SECOND
        assert beat()
    assert taken.gaps == 0


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def rewrite(path: Path) -> None:
    path.write_text(path.read_text().replace('"epoch":1', '"epoch":2'))


@pytest.mark.parametrize("spoil", [remove, replace, rewrite])
def test_a_lease_file_that_is_not_ours_any_more_is_noticed_after_a_pause_and_for_ever(
    tmp_path, spoil
):
    clock = Hand()
    taken = take(tmp_path, steady_ns=clock)
    before = path_in(tmp_path).read_bytes()
    spoil(path_in(tmp_path))
    clock.now += 6 * SECOND
    assert (taken.holds(), taken.gaps) == (False, 1)
    path_in(tmp_path).write_bytes(before)
    assert (taken.holds(), taken.heartbeat()) == (False, False)


def test_sends_without_a_pause_notice_a_replaced_file_too(tmp_path):
    clock = Hand()
    taken = take(tmp_path, steady_ns=clock)
    replace(path_in(tmp_path))
    answers = []
    for _ in range(6):
        clock.now += SECOND
        answers.append(taken.holds())
    assert answers == [True] * 4 + [False] * 2


def test_a_process_stopped_for_longer_than_its_lease_learns_it_before_it_sends(tmp_path):
    with started(tmp_path) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        time.sleep(0.3)  # the length of the pause is what is tested
        process.send_signal(signal.SIGCONT)
        assert ask(process) == ["True", "1", "True"]
        process.communicate()


def test_a_process_that_was_stopped_while_its_file_was_replaced_may_not_send(tmp_path):
    with started(tmp_path) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        path_in(tmp_path).unlink()
        other = take(tmp_path, at_least=1)
        time.sleep(0.3)  # longer than its lease
        process.send_signal(signal.SIGCONT)
        assert ask(process)[0] == "False"
        assert other.heartbeat()
        process.communicate()


# Safety of the file ---------------------------------------------------------------------------


def test_folder_and_file_are_for_the_owner_alone_whatever_the_umask(tmp_path):
    with started(tmp_path / "state" / "leases") as process:  # its umask is 000
        process.stdout.readline()
        modes = [
            stat.S_IMODE(path.stat().st_mode)
            for path in (
                tmp_path / "state",
                tmp_path / "state" / "leases",
                path_in(tmp_path / "state" / "leases"),
            )
        ]
        process.communicate()
    assert modes == [0o700, 0o700, 0o600]


def test_rights_that_others_had_are_taken_away(tmp_path):
    tmp_path.chmod(0o777)
    path_in(tmp_path).touch()
    path_in(tmp_path).chmod(0o666)
    take(tmp_path).release()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, path_in(tmp_path))] == [
        0o700,
        0o600,
    ]


def test_a_link_in_the_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "other").touch()
    path_in(tmp_path).symlink_to(tmp_path / "other")
    with pytest.raises(ConfigError, match="it is a link"):
        take(tmp_path)


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "leases").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="it is a link"):
        take(tmp_path / "leases")


def test_a_file_of_another_user_is_refused(tmp_path, monkeypatch):
    take(tmp_path).release()
    monkeypatch.setattr(lease_file.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        take(tmp_path)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    path_in(tmp_path).mkdir()
    with pytest.raises(ConfigError):
        take(tmp_path)


def test_a_file_system_whose_locks_keep_nobody_out_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lease_file.fcntl, "flock", lambda fd, kind: None)
    with pytest.raises(ConfigError, match="no working file locks") as told:
        take(tmp_path)
    assert "ALPHAFORGE_STATE_DIR" in told.value.remedy


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"ALPHAFORGE_STATE_DIR": "/s", "XDG_STATE_HOME": "/x"}, "/s/leases"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/alphaforge/leases"),
        ({"HOME": "/h"}, "/h/.local/state/alphaforge/leases"),
    ],
)
def test_leases_lie_in_the_state_folder(environ, expected):
    assert lease_directory(environ) == Path(expected)


def test_the_state_folder_of_the_environment_is_where_a_lease_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("ALPHAFORGE_STATE_DIR", str(tmp_path))
    taken = FileLease.acquire("binance", "main", steady_ns=Hand())
    assert [holder.pid for holder in holders()] == [os.getpid()]
    assert path_in(tmp_path / "leases").exists()
    taken.release()
