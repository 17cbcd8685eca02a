"""Ctrl-C at any moment of a backtest: over in a second, 130, and a torn run is never "finished"."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alphaforge.marketdata.generate import generate

BUSY = """
from alphaforge import Strategy

class Busy(Strategy):
    symbol: str = "BTC/USDT"
    timeframe: str = "1m"

    def on_start(self):
        self.subscribe_bars(self.symbol, self.timeframe)
        self.seen = 0

    def on_bar(self, bar):
        self.seen += 1
        if self.seen == 100:
            open("begun", "w").close()
        {extra}
        if not self.orders(self.symbol) and not self.close(self.symbol):
            self.buy(self.symbol, "0.01")
"""

PROGRAM = """
import resource, signal, sys
from alphaforge.cli.main import main

most = int(sys.argv[1])
if most:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
sys.exit(main(["backtest", "busy.py", "--data", "bars.csv"]))
"""


def started(folder: Path, extra: str, rows: int, file_bytes: int = 0) -> subprocess.Popen[str]:
    """A backtest in a process of its own, which may write files of so many bytes (0 = any)."""
    generate(folder / "bars.csv", kind="bars", rows=rows, seed=1)
    (folder / "busy.py").write_text(BUSY.format(extra=extra))
    environment = {
        **os.environ,
        "ALPHAFORGE__STORE__URL": f"sqlite:///{folder}/runs.db",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }

    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(file_bytes)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_disk_that_is_full_ends_the_run_and_it_is_not_called_finished(tmp_path: Path) -> None:
    process = started(tmp_path, "pass", rows=8_000, file_bytes=400_000)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, ""), err
    assert "runs.db" in err
    assert "Traceback" not in err
    connection = sqlite3.connect(tmp_path / "runs.db")
    (status,) = connection.execute("SELECT status FROM runs").fetchone()
    connection.close()
    assert status != "finished"


@pytest.mark.slow
@pytest.mark.parametrize(
    "extra", ["", "while self.seen > 100: pass"], ids=["busy", "a callback that never returns"]
)
def test_ctrl_c_ends_within_a_second_and_marks_the_run_as_interrupted(
    tmp_path: Path, extra: str
) -> None:
    process = started(tmp_path, extra or "pass", rows=50_000)
    while not (tmp_path / "begun").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)  # a file cannot be waited for otherwise
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 8.0  # half a second; far more where tests fill both cores
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    connection = sqlite3.connect(tmp_path / "runs.db")
    status, summary = connection.execute("SELECT status, summary FROM runs").fetchone()
    orders, events = (
        connection.execute(f"SELECT count(DISTINCT order_id) FROM {table}").fetchone()[0]
        for table in ("orders", "order_events")
    )
    connection.close()
    assert status == "interrupted"
    assert json.loads(summary or "null") is None
    assert orders == events > 0
