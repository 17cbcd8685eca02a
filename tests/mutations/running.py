"""Makes mutants and has the simulator run on them, several side by side.

Everything is copied once at the start: what is changed in the work tree meanwhile does not count.
A seed on which the unbroken package fails proves nothing about a mutant and is left out.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from tests.mutations.lives import CAUGHT, Life
from tests.mutations.mutant import Mutant

ROOT: Final = Path(__file__).resolve().parents[2]
PARTS: Final = ("alphaforge", "tests/simulation", "tests/fake_venue", "tests/mutations")
"""What a mutant's folder holds."""

HASHED: Final = ("alphaforge", "tests/simulation", "tests/fake_venue")

SECONDS_A_SEED: Final = 120.0
"""Of real time; a seed takes about one: what takes longer than this hangs."""


class Result(msgspec.Struct):
    """What became of a mutant.

    Attributes:
        mutant: Its name.
        package: Hash of what it was made of and run by.
        edits: Hash of what was broken.
        seeds: How many were run, the one that caught it included.
        caught_at: That seed; None if none did.
        violation: By what it was caught.
        wall: Real seconds.
    """

    mutant: str
    package: str
    edits: str
    seeds: int = 0
    caught_at: int | None = None
    violation: str = ""
    wall: float = 0.0

    def answers(self, package: str, mutant: Mutant, cap: int) -> bool:
        """Whether this is still what a run would find."""
        same = self.package == package and self.edits == digest_of(mutant)
        return same and (self.caught_at is not None or self.seeds >= cap)


class Control(msgspec.Struct):
    """The unbroken package on the same seeds.

    Attributes:
        failing: Seeds on which it has a violation, and which.
    """

    package: str
    seeds: int = 0
    failing: dict[int, str] = {}


def digest_of(mutant: Mutant) -> str:
    """Of what a mutant breaks."""
    return hashlib.sha256(msgspec.json.encode(mutant.edits)).hexdigest()[:16]


class Base:
    """A copy of everything that mutants are made of.

    Attributes:
        package: Its hash.
    """

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self._folder = folder
        for part in PARTS:
            copy(root / part, folder / part)
        self.package = self._hash()

    def _hash(self) -> str:
        found = hashlib.sha256()
        for part in HASHED:
            for path in sorted((self._folder / part).rglob("*.py")):
                found.update(f"{path.relative_to(self._folder)}\n".encode())
                found.update(path.read_bytes())
        return found.hexdigest()[:16]

    @contextmanager
    def mutated(self, mutant: Mutant | None) -> Generator[Path]:
        """A folder in which the package is broken; unbroken for None."""
        with tempfile.TemporaryDirectory(prefix="mutant-") as name:
            folder = Path(name)
            copy(self._folder, folder)
            if mutant is not None:
                mutant.apply(folder / "alphaforge")
            yield folder


def copy(source: Path, target: Path) -> None:
    """A folder with what Python compiled of it."""
    shutil.copytree(source, target, dirs_exist_ok=True)


def lives(folder: Path, *options: str) -> Iterator[Life]:
    """What the simulator says about each seed in a mutant's folder, as it comes.

    A process that ends or hangs within a seed is a violation of that seed (numbered -1).
    """
    command = [sys.executable, "-m", "tests.mutations.lives", *options]
    command += ["--seconds", str(SECONDS_A_SEED)]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            yield msgspec.json.decode(line, type=Life)
        if process.wait() not in (0, CAUGHT):
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines() or ["no word"]
            hung = any("Timeout" in each for each in last)
            yield Life(-1, "it hangs" if hung else f"the process ended: {last[-1]}", 0.0)


def run_control(base: Base, cap: int) -> Control:
    """Find the seeds on which the package fails as it is."""
    control = Control(base.package)
    with base.mutated(None) as folder:
        for life in lives(folder, "--count", str(cap), "--go-on"):
            if life.seed < 0:
                raise RuntimeError(f"the simulator does not run: {life.violation}")
            control.seeds += 1
            if life.violation:
                control.failing[life.seed] = life.violation
    return control


def run_mutant(base: Base, mutant: Mutant, control: Control, cap: int) -> Result:
    """Live seeds until one catches it, at most `cap`."""
    began = time.monotonic()
    result = Result(mutant.name, base.package, digest_of(mutant))
    skip = ",".join(map(str, sorted(control.failing)))
    with base.mutated(mutant) as folder:
        last = -1
        for life in lives(folder, "--count", str(cap), "--skip", skip):
            result.seeds += 1
            if life.violation:
                result.caught_at = life.seed if life.seed >= 0 else last + 1
                result.violation = life.violation
            last = life.seed
    if result.caught_at is None:
        # The seeds left out were run on the package as it is and count as run.
        result.seeds += sum(seed < cap for seed in control.failing)
    result.wall = round(time.monotonic() - began, 1)
    return result
