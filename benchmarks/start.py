"""Rows of starting up: `--help` against a bare typer app, and a strategy from file to running.

Processes are timed by the processor time of children, with the bytecode of everything on disk, as
after a first start.
"""

import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from alphaforge.engine.build import simulate
from alphaforge.model.commands import StartSession
from alphaforge.services.strategy_files import build_strategy, load_strategy
from benchmarks.harness import Harness, Row
from benchmarks.market import SYMBOL, instrument

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "strategies" / "sma_cross.py"
PROCESSES = 15
STARTS = 30

BARE_TYPER = """
import typer

app = typer.Typer()

@app.command()
def hello(name: str = "you") -> None:
    '''Say hello.'''

app()
"""
ENGINE_START = "from alphaforge.engine.build import simulate; simulate()"


def help_ratio(harness: Harness) -> dict[str, Row]:
    """Processor time of `alphaforge --help` over that of a bare typer app's."""
    best_of = harness.tries(PROCESSES)
    commands = (
        (sys.executable, "-m", "alphaforge", "--help"),
        (sys.executable, "-c", BARE_TYPER, "--help"),
        (sys.executable, "-c", ENGINE_START),
    )
    best = [float("inf")] * len(commands)
    with tempfile.TemporaryDirectory() as bytecode:
        for command in commands:
            _child_ms(command, bytecode)
        for _ in range(best_of):
            harness.measure_floor()
            for place, command in enumerate(commands):
                best[place] = min(best[place], _child_ms(command, bytecode))
    ours, bare, engine = best
    extra = {
        "help_ms": round(ours, 1),
        "typer_help_ms": round(bare, 1),
        "engine_start_ms": round(engine, 1),
        "engine_start_ratio": round(engine / bare, 2),
    }
    return {"help_ratio": Row(ours / bare, "x", best_of, extra=extra)}


def strategy_start_ms(harness: Harness) -> dict[str, Row]:
    """Read `strategies/sma_cross.py`, build an engine around it and start it; imports are done."""
    best_of = harness.tries(STARTS)
    ns = harness.best_ns(lambda: _start, best_of)
    return {"strategy_start_ms": Row(ns / 1e6, "ms", best_of)}


def _start() -> None:
    loaded = load_strategy(str(SAMPLE))
    values = {name: parameter.default for name, parameter in loaded.parameters.items()}
    engine = simulate(None, {SYMBOL: instrument()})
    runner = engine.register(loaded.name, partial(build_strategy, loaded, values))
    engine.process(StartSession(1))
    if runner.error is not None:
        raise runner.error


def _child_ms(command: tuple[str, ...], bytecode: str) -> float:
    """Processor time of a process, ms; `bytecode` is the folder where compiled modules are kept."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        env=environment,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent * 1_000
