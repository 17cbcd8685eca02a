"""The terminal app as a person meets it: start, keys, cost; in a terminal of 120x40.

The real program (`alphaforge attach`) in a pseudo terminal of its own, on an engine in a process
of its own that takes 50,000 trades a second of twenty symbols. Wall time where a person waits.
"""

import contextlib
import fcntl
import os
import pty
import random
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import Harness, Row, percentile

SIZE = (40, 120)
STARTS = 5
SECONDS = 20.0
QUICK_SECONDS = 1.0
KEYS = 96
PATIENCE_SECONDS = 60.0

NAMES = (
    "tui_first_text_ms",
    "tui_full_frame_ms",
    "tui_cpu_pct",
    "tui_key_p50_ms",
    "tui_key_p99_ms",
    "tui_rss_mb",
    "tui_kb_per_s",
    "tui_engine_lag_p99_ms",
)

_FIRST, _FULL = b"alphaforge", (b"POSITIONS", b"TAPE", b"live", b"KILL")
_LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
_READ_BYTES = 65_536
_CALM_SECONDS = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Measured(NamedTuple):
    """What one app cost over some seconds: percent of a core, bytes a second, resident MB."""

    cpu: float
    rate: float
    resident: float


class Terminal:
    """The app in a pseudo terminal, and everything it draws.

    Attributes:
        first_ms, full_ms: From the start of its process.
        first_cpu_ms: Of the first, what it took of the processor.
        drawn: Bytes so far.
    """

    def __init__(self, environ: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "alphaforge", "attach"],
            stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.drawn = 0
        self._recent = b""
        self.first_ms = (self.until(_FIRST) - began) * 1_000
        self.first_cpu_ms = self.cpu_seconds() * 1_000
        self.full_ms = (max(self.until(word, keep=True) for word in _FULL) - began) * 1_000

    def until(self, word: bytes, *, keep: bool = False) -> float:
        """Read until it has drawn a word; when that was. What was read before counts if kept."""
        give_up = time.perf_counter() + PATIENCE_SECONDS
        while word not in self._recent:
            if time.perf_counter() > give_up:
                raise RuntimeError(f"benchmark: the app drew no {word!r}: {self._recent[-2000:]!r}")
            self.read(0.5)
        now = time.perf_counter()
        if not keep:
            self._recent = self._recent[self._recent.index(word) :]
        return now

    def read(self, seconds: float) -> None:
        """What comes within so long, at most one piece."""
        if not select.select([self._master], [], [], seconds)[0]:
            return
        try:
            piece = os.read(self._master, _READ_BYTES)
        except OSError as error:
            raise RuntimeError("benchmark: the app ended") from error
        self.drawn += len(piece)
        self._recent = (self._recent + piece)[-4 * _READ_BYTES :]

    def read_for(self, seconds: float) -> None:
        """All that comes in a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def key_ms(self, letter: str) -> float:
        """From a typed letter to the bytes that draw it."""
        self._recent = b""
        began = time.perf_counter()
        self.type(letter)
        return (self.until(letter.encode()) - began) * 1_000

    def type(self, text: str) -> None:
        """Type it."""
        os.write(self._master, text.encode())

    def cpu_seconds(self) -> float:
        """Processor time of the app so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mb(self) -> float:
        """Memory that it holds now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1_024 / 1e6

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        with contextlib.suppress(RuntimeError):
            while self._process.poll() is None:
                self.read(0.05)
        self._process.wait()
        os.close(self._master)


def run(harness: Harness) -> dict[str, Row]:
    """Measure `NAMES`; the starts and the keys with one app, the engine's loop with none to two."""
    seconds = QUICK_SECONDS if harness.quick else SECONDS
    with _engine() as (environ, ask):
        ask()
        time.sleep(seconds)
        alone = ask()
        starts = [_start(environ) for _ in range(harness.tries(STARTS))]
        with _app(environ) as app:
            app.read_for(_CALM_SECONDS)
            ask()
            cost = _cost(app, seconds)
            with_one = ask()
            keys = _keys(app, harness.size(KEYS) if not harness.quick else 8)
            with _app(environ) as second:
                second.read_for(_CALM_SECONDS)
                ask()
                _both(app, second, seconds)
                with_two = ask()
    return {
        "tui_first_text_ms": Row(
            min(each.first_ms for each in starts), "ms", len(starts),
            extra={"cpu_ms": min(each.first_cpu_ms for each in starts)},
        ),
        "tui_full_frame_ms": Row(
            min(each.full_ms for each in starts), "ms", len(starts),
            extra={"worst": max(each.full_ms for each in starts)},
        ),
        "tui_cpu_pct": Row(cost.cpu, "%", 1),
        "tui_key_p50_ms": Row(percentile(keys, 0.5), "ms", 1),
        "tui_key_p99_ms": Row(percentile(keys, 0.99), "ms", 1, extra={"max": max(keys)}),
        "tui_rss_mb": Row(cost.resident, "MB", 1),
        "tui_kb_per_s": Row(cost.rate / 1_000, "kB/s", 1),
        "tui_engine_lag_p99_ms": Row(
            with_two, "ms", 1, extra={"without_apps": alone, "one_app": with_one}
        ),
    }  # fmt: skip


class Lag:
    """Asks the engine how late its loop was since the last time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self) -> float:
        """In milliseconds, 99th percentile."""
        if self._process.stdin is None:
            raise RuntimeError("benchmark: the engine has no stdin")
        self._process.stdin.write("lag\n")
        self._process.stdin.flush()
        return float(self.line())

    def line(self) -> str:
        """What it says next."""
        said = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not said:
            raise RuntimeError("benchmark: the engine ended")
        return said


@contextmanager
def _engine() -> Generator[tuple[dict[str, str], Lag]]:
    """A served engine in a process of its own, and the environment that finds it."""
    with tempfile.TemporaryDirectory() as runtime:
        path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), *sys.path])
        environ = {
            **os.environ, "ALPHAFORGE_RUNTIME_DIR": runtime, "PYTHONPATH": path,
            "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        for name in ("SSH_CONNECTION", "NO_COLOR", "PYTHONDONTWRITEBYTECODE"):
            environ.pop(name, None)
        command = [sys.executable, "-m", "benchmarks.tui_engine"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        ) as process:
            lag = Lag(process)
            try:
                lag.line()
                yield environ, lag
            finally:
                process.communicate()


@contextmanager
def _app(environ: dict[str, str]) -> Generator[Terminal]:
    app = Terminal(environ)
    try:
        yield app
    finally:
        app.close()


def _start(environ: dict[str, str]) -> Terminal:
    """An app that was started and ended again."""
    with _app(environ) as app:
        return app


def _cost(app: Terminal, seconds: float) -> Measured:
    drawn, spent, began = app.drawn, app.cpu_seconds(), time.perf_counter()
    app.read_for(seconds)
    passed = time.perf_counter() - began
    cpu = (app.cpu_seconds() - spent) / passed * 100
    return Measured(cpu, (app.drawn - drawn) / passed, app.resident_mb())


def _both(one: Terminal, other: Terminal, seconds: float) -> None:
    """Read what two apps draw, so that neither waits for its terminal."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        one.read(0.02)
        other.read(0.02)


def _keys(app: Terminal, count: int) -> list[float]:
    """Letters into the filter of a table, at any phase of the frames."""
    dice = random.Random(7)
    took: list[float] = []
    app.type("/")
    app.read_for(1.0)
    for number in range(count):
        took.append(app.key_ms(_LETTERS[number % len(_LETTERS)]))
        app.type("\x7f")
        app.read_for(0.1 + dice.random() * 0.2)
    app.type("\x1b")
    return took
