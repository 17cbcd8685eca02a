"""The app in a real terminal: odd bytes do not kill it, and every way out gives it back."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alphaforge.tui.guards import AGAIN, LEAVE

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_S = 40.0
GONE = ("\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l")
ENVIRON = {
    "TERM": "xterm-256color",
    "LANG": "C.UTF-8",
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "PYTHONPATH": str(REPOSITORY),
}


class Screen:
    """A child in a terminal of 120x40, and everything it has drawn."""

    def __init__(self, *arguments: str, environ: dict[str, str] | None = None) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.drawn = ""
        self.child = subprocess.Popen(
            [sys.executable, *arguments], stdin=slave, stdout=slave, stderr=slave, cwd=REPOSITORY,
            env=ENVIRON | (environ or {}), start_new_session=True,
        )  # fmt: skip

    def read(self, seconds: float = 0.2) -> str:
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            with contextlib.suppress(OSError):
                self.drawn += os.read(self.master, 1 << 16).decode(errors="replace")
        return self.drawn

    def until(self, text: str) -> None:
        for _ in range(int(PATIENCE_S / 0.2)):
            if text in self.read():
                return
            if self.child.poll() is not None:
                break
        raise AssertionError(f"never drawn: {text!r}; last {self.drawn[-800:]!r}")

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    def ended(self) -> int:
        for _ in range(int(PATIENCE_S / 0.2)):
            self.read()
            if self.child.poll() is not None:
                self.read()
                return self.child.returncode
        raise AssertionError("it does not end")

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)


@pytest.fixture
def started() -> Iterator[Callable[..., Screen]]:
    screens: list[Screen] = []

    def start(*arguments: str, environ: dict[str, str] | None = None) -> Screen:
        screen = Screen(*arguments, environ=environ)
        screens.append(screen)
        return screen

    yield start
    for screen in screens:
        screen.close()


def is_as_before(screen: Screen) -> bool:
    return termios.tcgetattr(screen.slave)[:4] == screen.before[:4]


def test_old_mouse_bytes_and_ctrl_z_do_not_kill_the_app(started: Callable[..., Screen]) -> None:
    screen = started("-m", "tests.tui.shown")
    screen.until("POSITIONS")
    screen.type(b"\x1b[M#\xb6*")
    screen.type(b"\x1b[M \xff\xfe\x1b[M")
    screen.type(b"\xb6*\xc3\x28\x80")
    screen.type(b"\x1a")
    screen.type(b"3")
    screen.until("DETAILS")
    screen.type(b"q")
    assert screen.ended() == 0
    assert all(part in screen.drawn for part in GONE)
    assert is_as_before(screen)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(
    started: Callable[..., Screen], number: signal.Signals
) -> None:
    screen = started("-m", "tests.tui.shown")
    screen.until("POSITIONS")
    screen.child.send_signal(number)
    assert screen.ended() == 128 + number
    assert all(part in screen.drawn for part in GONE)
    assert is_as_before(screen)


def test_an_app_that_was_stopped_asks_for_its_screen_and_the_mouse_again(
    started: Callable[..., Screen],
) -> None:
    screen = started("-m", "tests.tui.shown")
    screen.until("POSITIONS")
    screen.drawn = ""
    screen.child.send_signal(signal.SIGSTOP)
    screen.child.send_signal(signal.SIGCONT)
    screen.until(AGAIN)
    screen.until("POSITIONS")
    screen.type(b"q")
    assert screen.ended() == 0


def test_a_crash_gives_the_terminal_back_and_says_why(started: Callable[..., Screen]) -> None:
    screen = started("-m", "tests.tui.shown", "crash")
    screen.until("POSITIONS")
    screen.type(b"T")
    assert screen.ended() == 1
    assert "ZeroDivisionError" in screen.drawn
    assert all(part in screen.drawn for part in GONE)
    assert is_as_before(screen)


def test_a_terminal_that_is_hung_up_ends_the_app(started: Callable[..., Screen]) -> None:
    screen = started("-m", "tests.tui.shown")
    screen.until("POSITIONS")
    os.close(screen.slave)
    os.close(screen.master)
    screen.child.send_signal(signal.SIGHUP)
    assert screen.child.wait(timeout=PATIENCE_S) != 0


@pytest.mark.parametrize("code", ["tests.tui.shown", "welcome"])
def test_a_terminal_that_vanishes_without_a_signal_ends_the_app(
    started: Callable[..., Screen], tmp_path: Path, code: str
) -> None:
    welcome = "from alphaforge.tui.main import *; raise SystemExit(run_app(None, AppOptions()))"
    environ = {"ALPHAFORGE_RUNTIME_DIR": str(tmp_path)}
    if code == "welcome":
        screen = started("-c", welcome, environ=environ)
        screen.until("no engine is running")
    else:
        screen = started("-m", code)
        screen.until("POSITIONS")
    os.close(screen.slave)
    os.close(screen.master)
    assert screen.child.wait(timeout=PATIENCE_S) != 0


def test_without_an_engine_a_page_says_what_to_type_and_waits(
    started: Callable[..., Screen], tmp_path: Path
) -> None:
    code = "from alphaforge.tui.main import *; raise SystemExit(run_app(None, AppOptions()))"
    screen = started("-c", code, environ={"ALPHAFORGE_RUNTIME_DIR": str(tmp_path)})
    screen.until("no engine is running")
    screen.until("alphaforge run strategies/sma_cross.py")
    screen.type(b"q")
    assert screen.ended() == 0
    assert is_as_before(screen)


def test_what_is_written_at_the_end_undoes_all_that_was_asked() -> None:
    for mode in ("1000", "1003", "1006", "1015", "1004", "2004", "1049"):
        assert f"\x1b[?{mode}l" in LEAVE
    assert LEAVE.endswith("\x1b[?25h")
