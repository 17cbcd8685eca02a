"""A damaged journal is named and never skipped, and the account is taken up anew from the venue."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fake_venue.admin import serving
from tests.killtest.process import REPOSITORY, Life

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Life]]:
    """Starts the engine on one store and one venue; every one it started is dead afterwards."""
    lives: list[Life] = []
    arguments = [
        "--socket", str(tmp_path / "venue.sock"), "--account", "main", "--seed", "5",
        "--store", str(tmp_path / "data" / "alphaforge.db"), "--state", str(tmp_path / "leases"),
    ]  # fmt: skip
    (tmp_path / "data").mkdir()

    def begin() -> Life:
        lives.append(Life(arguments, tmp_path / f"errors-{len(lives)}.txt"))
        return lives[-1]

    with serving(tmp_path / "venue.sock", "--seed", "4"):
        yield begin
        for life in lives:
            life.bury()


def alphaforge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "ALPHAFORGE_STATE_DIR": str(folder)}
    command = [sys.executable, "-m", "alphaforge", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def flip_a_bit(store: Path, table: str) -> int:
    """Change one bit of a row in the middle; its sequence."""
    with sqlite3.connect(store) as database:
        rows = database.execute(f"SELECT sequence, payload FROM {table}").fetchall()
        sequence, payload = rows[len(rows) // 2]
        changed = bytes([*payload[:-1], payload[-1] ^ 1])
        database.execute(f"UPDATE {table} SET payload = ? WHERE sequence = ?", (changed, sequence))
        database.execute("DELETE FROM snapshots")
    return sequence


def test_a_flipped_bit_stops_the_start_and_a_closed_run_begins_anew(tmp_path: Path, start):
    first = start()
    assert first.is_certain(30), first.errors
    assert first.hear(lambda line: line.get("status", {}).get("fills", 0) > 3, 30)
    first.send(signal.SIGKILL)
    assert first.is_dead(10)
    sequence = flip_a_bit(tmp_path / "data" / "alphaforge.db", "decisions")

    second = start()
    assert second.is_dead(30)
    assert f"the journal of run {first.run_id} is damaged at sequence {sequence}" in second.errors
    assert "of decisions" in second.errors

    closed = alphaforge(tmp_path, "runs", "close", first.run_id)
    assert closed.returncode == 0, closed.stderr
    third = start()
    assert third.is_certain(60), third.errors
    assert third.run_id not in {"", first.run_id}
    told = alphaforge(tmp_path, "reconcile", "--json")
    assert json.loads(told.stdout)["differences"] == []
