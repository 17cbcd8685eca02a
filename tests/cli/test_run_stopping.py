"""Ctrl-C and SIGTERM at any moment: the run ends within a second and nothing committed is lost."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alphaforge.errors import ExitCode
from tests.services.running import SMA_CROSS, strategy_file

REPOSITORY = Path(__file__).resolve().parents[2]

SECONDS = 8.0
"""How long an end may take here: one second on a quiet machine, more on a shared one."""

STUCK = """
def on_start(self):
    self.subscribe_quotes("BTC/USDT")

def on_quote(self, quote):
    print("stuck", flush=True)
    while True:
        pass
"""

STUBBORN = """
def on_start(self):
    print("stuck", flush=True)
    while True:
        try:
            while True:
                pass
        except BaseException:
            print("ignored", flush=True)
"""


@contextmanager
def started(
    folder: Path, *arguments: str, callback_seconds: str = "0"
) -> Iterator[subprocess.Popen[str]]:
    """A run; without a watchdog, which would end a hanging callback before a signal does."""
    environ = {name: value for name, value in os.environ.items() if "ALPHAFORGE" not in name}
    process = subprocess.Popen(
        [sys.executable, "-m", "alphaforge", "run", "--mode", "paper", *arguments],
        cwd=folder,
        env={
            **environ,
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            "ALPHAFORGE__ENGINE__CALLBACK_SECONDS": callback_seconds,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(process: subprocess.Popen[str], text: str, stream: str = "stderr") -> None:
    """Read a stream up to a line that holds a text."""
    pipe = getattr(process, stream)
    for line in pipe:
        if text in line:
            return
    pytest.fail(f"the run ended without saying {text!r}")


def stop(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[str, str, float]:
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    return out, err, time.monotonic() - began


def statuses(folder: Path) -> list[tuple[object, ...]]:
    path = folder / "data" / "alphaforge.db"
    if not path.exists():
        return []
    connection = sqlite3.connect(path)
    try:
        return connection.execute(
            "SELECT status, (SELECT count(*) FROM fills) FROM runs"
        ).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_its_summary(tmp_path, number):
    sets = ("--set", "timeframe=1s", "--set", "fast=2", "--set", "slow=5", "--speed", "20")
    with started(tmp_path, str(SMA_CROSS), *sets, "--json") as process:
        until(process, "synthetic market")
        out, err, seconds = stop(process, number)
    assert process.returncode == ExitCode.INTERRUPTED, err
    assert seconds < SECONDS
    assert statuses(tmp_path) == [("interrupted", json.loads(out)["fills"])]


def test_the_second_signal_ends_a_run_that_nothing_else_ends(tmp_path):
    with started(tmp_path, str(strategy_file(tmp_path, STUBBORN))) as process:
        until(process, "stuck", "stdout")
        process.send_signal(signal.SIGINT)
        until(process, "ignored", "stdout")
        _, err, seconds = stop(process)
    assert process.returncode == ExitCode.INTERRUPTED
    assert seconds < SECONDS
    assert "stopped at once" in err


def test_a_callback_that_never_returns_is_interrupted(tmp_path):
    bot = strategy_file(tmp_path, STUCK)
    with started(tmp_path, str(bot), "--symbol", "BTC/USDT", "--json") as process:
        until(process, "stuck", "stdout")
        out, err, seconds = stop(process)
    assert process.returncode == ExitCode.INTERRUPTED, err
    assert seconds < SECONDS
    assert json.loads(out)["orders_submitted"] == 0
    assert statuses(tmp_path) == [("interrupted", 0)]


def test_a_run_whose_only_callback_never_returns_ends_by_itself_with_its_line(tmp_path):
    bot = strategy_file(tmp_path, STUBBORN)
    with started(tmp_path, str(bot), "--symbol", "BTC/USDT", callback_seconds="0.3") as process:
        out, err = process.communicate(timeout=20)
    assert process.returncode == ExitCode.FAILED, err
    assert "ignored" in out
    assert "on_start did not return within 0.3 s" in err
    assert statuses(tmp_path) == [("failed", 0)]


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.5, 1.0, 1.6, 2.2])
def test_a_signal_at_any_moment_of_a_recorded_run_ends_it(tmp_path, data_file, delay):
    data = data_file("binance_usdm_btcusdt_20240808.jsonl.gz")
    arguments = (str(SMA_CROSS), "--data", str(data), "--speed", "max", "--set", "timeframe=1s")
    with started(tmp_path, *arguments, "--json") as process:
        time.sleep(delay)  # the moment is what is varied; nothing is waited for
        out, err, seconds = stop(process)
    assert "Traceback" not in err
    assert seconds < SECONDS
    # A signal while the interpreter itself is ending kills a process that has said everything.
    has_ended = process.returncode in {ExitCode.OK, -signal.SIGINT}
    assert has_ended or process.returncode == ExitCode.INTERRUPTED
    if out or has_ended:
        found = json.loads(out)
        expected = "finished" if has_ended else "interrupted"
        assert statuses(tmp_path) == [(expected, found["fills"])]
    else:
        assert statuses(tmp_path) == []
