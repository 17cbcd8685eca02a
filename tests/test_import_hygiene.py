"""What each door loads, seen from outside: the layer check cannot see a deferred import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

SCREEN = {"textual"}
HEAVY = {"ccxt", "sqlalchemy", "aiohttp", "numpy", "textual"}
OUTSIDE_WORLD = {
    *("asyncio", "socket", "ssl", "logging", "sqlite3", "multiprocessing"),
    *("ccxt", "sqlalchemy", "aiosqlite", "aiohttp", "textual", "rich", "typer"),
}


def loaded_by(
    arguments: list[str], folder: Path
) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """Top-level modules that a fresh interpreter imports, as its own import timer lists them."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    rows = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {row.rsplit("|", 1)[1].strip().split(".")[0] for row in rows}, ended


def test_importing_the_package_loads_nothing_of_it(tmp_path: Path) -> None:
    script = (
        "import sys, alphaforge; print([m for m in sys.modules if m.startswith('alphaforge.')])"
    )
    loaded, ended = loaded_by(["-c", script], tmp_path)
    assert ended.stdout.strip() == "[]", ended.stderr
    assert "alphaforge" in loaded
    assert not loaded & (OUTSIDE_WORLD | {"msgspec", "numpy"})


@pytest.mark.parametrize(
    "module",
    ["alphaforge.engine.core", "alphaforge.engine.strategy", "alphaforge.indicators"],
)
def test_the_engine_loads_nothing_that_touches_the_world(module: str, tmp_path: Path) -> None:
    # What numpy and msgspec load themselves (logging, for one) is no doing of the engine.
    allowed, _ = loaded_by(["-c", "import msgspec, numpy"], tmp_path)
    loaded, ended = loaded_by(["-c", f"import {module}"], tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "alphaforge" in loaded
    assert not (loaded & OUTSIDE_WORLD) - allowed


def test_every_public_name_is_found_where_the_table_says() -> None:
    script = (
        "import alphaforge\n"
        "for name in alphaforge.__all__:\n"
        "    home = getattr(getattr(alphaforge, name), '__module__', 'alphaforge')\n"
        "    assert home.startswith('alphaforge'), (name, home)\n"
        "assert set(dir(alphaforge)) == set(alphaforge.__all__)\n"
        "assert set(alphaforge._HOMES) == set(alphaforge.__all__) - {'__version__'}\n"
    )
    _, ended = loaded_by(["-c", script], REPOSITORY)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_loads_no_heavy_library(arguments: list[str], tmp_path: Path) -> None:
    loaded, ended = loaded_by(["-m", "alphaforge", *arguments], tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()
    assert "alphaforge" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "list"],
        ["config", "show"],
        ["strategy", "check", str(REPOSITORY / "strategies" / "sma_cross.py")],
        ["export", "fills"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_headless_verb_loads_no_screen(arguments: list[str], tmp_path: Path) -> None:
    loaded, ended = loaded_by(["-m", "alphaforge", *arguments], tmp_path)
    assert ended.returncode in {0, 7}, ended.stderr  # 7: a fresh folder holds no run
    assert not loaded & SCREEN
