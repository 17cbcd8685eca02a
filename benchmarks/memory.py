"""The row of memory: the most a fresh process holds while `tick_ema` trades a million ticks.

The walk is drawn block by block, as a reader would deliver it: what is measured is the engine and
what it keeps. Run as `python -m benchmarks.memory COUNT` it is that process.
"""

import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import Harness, Row
from benchmarks.market import check, draw, feed_trades, start_engine
from benchmarks.strategies import EmaCross

TICKS = 1_000_000
ROOT = Path(__file__).resolve().parents[1]


def run(harness: Harness) -> dict[str, Row]:
    """Measure `peak_mb`, in MB of 1,000,000 bytes."""
    command = (sys.executable, "-m", "benchmarks.memory", str(harness.size(TICKS)))
    ended = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return {"peak_mb": Row(int(ended.stdout) / 1e6, "MB", 1)}


def peak_bytes() -> int:
    """The most memory this process has held.

    Linux counts a parent's pages into a child's `ru_maxrss`, so its own figure is preferred.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def trade(count: int) -> None:
    """Trade so many ticks, block by block."""
    engine = start_engine([EmaCross])
    for block in draw(count):
        feed_trades(engine, block)
    check(engine)


if __name__ == "__main__":
    trade(int(sys.argv[1]))
    print(peak_bytes())
