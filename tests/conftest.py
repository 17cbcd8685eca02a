"""What every test shares: where recorded data lies and how hard hypothesis tries.

Nothing here may build an engine, a store or a venue: a fixture that does belongs beside its tests.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parents[1]

# `ci` is derandomized, so a red run is red again; `dev` explores new cases on every run.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("ci", max_examples=150, derandomize=True, database=None, **_PATIENT)
settings.register_profile("dev", max_examples=40, **_PATIENT)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def _data_folder() -> Path:
    named = os.environ.get("ALPHAFORGE_TEST_DATA")
    return Path(named) if named else REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of recorded market data; skips where there is none."""
    folder = _data_folder()
    if not folder.is_dir():
        pytest.skip(f"recorded data: no folder {folder} (set ALPHAFORGE_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def data_file(data_dir: Path) -> Callable[[str], Path]:
    """`data_file("x.csv")` is the path of a recorded file; skips where that file is missing."""

    def find(name: str) -> Path:
        path = data_dir / name
        if not path.is_file():
            pytest.skip(f"recorded data: no file {name} in {data_dir}")
        return path

    return find
