"""The same command twice gives the same bytes, whatever the process's hash seed is."""

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.running import SMA_CROSS

REPOSITORY = Path(__file__).resolve().parents[2]

RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-z]{3}")


def alphaforge(folder: Path, hash_seed: str, *arguments: str) -> str:
    environ = {name: value for name, value in os.environ.items() if "ALPHAFORGE" not in name}
    ended = subprocess.run(
        [sys.executable, "-m", "alphaforge", *arguments],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return ended.stdout


def outputs(folder: Path, hash_seed: str, data: Path) -> tuple[str, list[tuple[object, ...]]]:
    """What a fresh checkout exports after the recorded run, and every decision it journaled."""
    folder.mkdir()
    arguments = ("run", str(SMA_CROSS), str(SMA_CROSS), "--data", str(data), "--speed", "max")
    sets = ("--set", "timeframe=1s", "--set", "fast=5", "--set", "slow=20")
    alphaforge(folder, hash_seed, *arguments, *sets, "--set", "sma_cross-2.slow=30")
    fills = alphaforge(folder, hash_seed, "export", "fills", "--format", "csv")
    connection = sqlite3.connect(folder / "data" / "alphaforge.db")
    try:
        query = "SELECT sequence, payload FROM decisions ORDER BY sequence"
        decisions = connection.execute(query).fetchall()
    finally:
        connection.close()
    return RUN_ID.sub("RUN", fills), decisions


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_under_two_hash_seeds(tmp_path, data_file):
    data = data_file("binance_usdm_btcusdt_20240808.jsonl.gz")
    first = outputs(tmp_path / "first", "0", data)
    second = outputs(tmp_path / "second", "4242", data)
    assert first == second
    assert len(first[0].splitlines()) > 20
    assert len(first[1]) > 20
