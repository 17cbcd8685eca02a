"""How long `alphaforge run` takes until it trades on the built-in exchange, which it starts too.

From the start of a process to its word that the venue and the books agree, in an empty folder.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from threading import Timer

from benchmarks.harness import Harness, Row

BEST_OF = 5
PATIENCE_SECONDS = 40.0
STRATEGY = Path(__file__).resolve().parents[1] / "strategies" / "sma_cross.py"
_TRADES = ": trading"


def run(harness: Harness) -> dict[str, Row]:
    """Measure `run_start_s`; `cpu_s` is what both processes take of the processor, to their end."""
    tries = [_start() for _ in range(harness.tries(BEST_OF))]
    cpu = min(spent for _, spent in tries)
    extra = {"worst": round(max(seconds for seconds, _ in tries), 2), "cpu_s": round(cpu, 2)}
    return {"run_start_s": Row(min(tries)[0], "s", len(tries), extra=extra)}


def _start() -> tuple[float, float]:
    """Wall seconds until it trades, and processor seconds of the whole run."""
    command = [sys.executable, "-m", "alphaforge", "run", str(STRATEGY), "--headless"]
    path, before = os.pathsep.join(["", *sys.path]), _children_cpu()
    with tempfile.TemporaryDirectory() as folder:
        # With a state folder of its own no other run of this machine is in its way.
        environment = {**os.environ, "PYTHONPATH": path, "ALPHAFORGE_STATE_DIR": folder}
        began = time.perf_counter()
        with subprocess.Popen(
            [*command, "--for", "100ms", "--json"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        ) as process:
            giving_up = Timer(PATIENCE_SECONDS, process.kill)
            giving_up.daemon = True
            giving_up.start()
            seconds = _until_it_trades(process.stderr or ()) - began
            giving_up.cancel()
    return seconds, _children_cpu() - before


def _until_it_trades(lines: Iterable[str]) -> float:
    """When it said so; reads on to its end, so that it can say more."""
    trades, said = 0.0, list[str]()
    for line in lines:
        said.append(line)
        if line.rstrip().endswith(_TRADES):
            trades = time.perf_counter()
    if not trades:
        raise RuntimeError(f"benchmark: it did not come to trade: {''.join(said)}")
    return trades


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
