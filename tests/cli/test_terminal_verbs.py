"""Verbs on a real terminal: what is drawn in place, the word a kill asks for, following a log."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphaforge.services.logs import LogFile, LogKeeper
from tests.cli.fake_engine import FakeEngine, fake_engine, killing, summary

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    with fake_engine() as serving:
        page = {"schema": 1, "rows": [], "next": None}
        for name in ("venues", "positions"):
            serving.will(f"GET /api/live/{name}", page)
        yield serving


class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, *words: str) -> None:
        self.text = ""
        self._side, other = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "alphaforge", *words],
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)

    def until(self, pattern: str) -> str:
        """Read until it is there."""
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self._side], [], [], 30)
            assert ready, self.text
            self._read()
        return self.text

    def type(self, keys: str) -> None:
        os.write(self._side, keys.encode())

    def end(self) -> int:
        """Its exit code, and all it wrote."""
        while self._read():
            pass
        os.close(self._side)
        return self.process.wait(30)

    def _read(self) -> bool:
        try:
            chunk = os.read(self._side, 65_536)
        except OSError:
            return False
        self.text += chunk.decode()
        return bool(chunk)


def test_a_watched_status_is_redrawn_in_place_and_its_last_frame_stays(engine) -> None:
    frames = [summary(mode="paper", state="TRADING", equity=str(value)) for value in (1, 2, 3)]
    engine.will("GET /api/live/summary", *frames)
    terminal = Terminal("status", "--watch")
    terminal.until(r"equity 3\.00")
    assert terminal.text.count("\x1b[3F") >= 2
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0
    assert "interrupted" not in terminal.text
    assert terminal.text.rindex("equity 3.00") > terminal.text.rindex("\x1b[3F")


def test_a_watched_status_ends_with_its_engine(engine) -> None:
    engine.will("GET /api/live/summary", summary())
    terminal = Terminal("status", "--watch")
    terminal.until("equity")
    engine.answers.clear()
    assert terminal.end() == 7
    assert "no GET /api/live/summary" in terminal.text


@pytest.mark.parametrize(("typed", "code"), [("KILL", 0), ("kill", 1), ("", 1)])
def test_only_the_typed_word_kills(engine, typed: str, code: int) -> None:
    engine.will("GET /api/live/summary", summary(orders_open=7, positions_open=5))
    engine.will("POST /api/kill", killing("done", flatten=True))
    terminal = Terminal("kill", "--flatten")
    terminal.until("type KILL to do it")
    assert "cancel 7 open orders" in terminal.text
    assert "close 5 positions" in terminal.text
    terminal.type(f"{typed}\n")
    assert terminal.end() == code
    assert len(engine.bodies("POST /api/kill")) == (code == 0)
    assert ("nothing was done" in terminal.text) == (code == 1)


def test_ctrl_c_leaves_a_kill_running_and_says_so(engine) -> None:
    engine.will("POST /api/kill", killing("running", orders_open=1))
    engine.will("GET /api/kill", killing("running", orders_open=1))
    terminal = Terminal("kill", "--yes")
    terminal.until("1 open")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "the kill goes on in the engine" in terminal.text


def test_a_followed_log_shows_what_comes_and_nothing_a_terminal_acts_on(engine, tmp_path) -> None:
    file = LogFile(tmp_path / "run.log")
    keeper = LogKeeper(lambda: 0, file)
    keeper.say("INFO", "engine", "before")
    engine.record.log = str(file.path)
    from alphaforge.client import engines

    engines.write(engine.record)
    terminal = Terminal("logs", "-f", "--level", "warning")
    keeper.say("INFO", "engine", "too quiet")
    for number in range(2_000):
        keeper.say("WARNING", "sma", f"line {number} \x1b[2J\x07", ts=number * 10**9)
        if select.select([terminal._side], [], [], 0.02)[0]:
            break
    terminal.until("line")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0
    file.close()
    assert "\x1b[2J" not in terminal.text
    assert "\x07" not in terminal.text
    assert "too quiet" not in terminal.text
