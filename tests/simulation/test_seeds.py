"""The short run of the simulator: 200 lives, no invariant broken, the same twice."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.disk import Template, working_folder
from tests.simulation.report import one_line
from tests.simulation.world import Options, run_seed

SEEDS = 200
CHUNKS = 8
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def template() -> Iterator[Template]:
    folder = working_folder()
    yield Template(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_seed_breaks_an_invariant(chunk: int, template: Template) -> None:
    verdicts = [run_seed(seed, template) for seed in range(chunk, SEEDS, CHUNKS)]
    broken = [one_line(verdict) for verdict in verdicts if verdict.violation]
    assert not broken, "\n".join(broken)
    assert sum(verdict.counts["trades at the venue"] for verdict in verdicts) > 0
    assert sum(sum(verdict.faults.values()) for verdict in verdicts) > 100


def test_a_seed_is_the_same_life_twice(template: Template) -> None:
    first, second = (run_seed(11, template, Options(keep_trace=True)) for _ in range(2))
    assert len(first.trace) > 100
    assert first.trace == second.trace


PRINT_TRACE = """
import hashlib, shutil
from tests.simulation.disk import Template, working_folder
from tests.simulation.world import Options, run_seed
folder = working_folder()
try:
    verdict = run_seed(5, Template(folder), Options(keep_trace=True))
finally:
    shutil.rmtree(folder)
print(len(verdict.trace), hashlib.sha256("\\n".join(verdict.trace).encode()).hexdigest())
"""


def test_a_seed_is_the_same_life_whatever_strings_hash_to() -> None:
    told = set()
    for hash_seed in ("1", "2"):
        ended = subprocess.run(
            [sys.executable, "-c", PRINT_TRACE],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        told.add(ended.stdout)
    assert len(told) == 1
    assert int(told.pop().split()[0]) > 100
