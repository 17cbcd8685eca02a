"""The rules of the house hold: layers, sizes, locks and versions; each size check can fail."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import alphaforge

REPOSITORY = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)", re.MULTILINE)


def text_of(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def project() -> dict[str, object]:
    return tomllib.loads(text_of("pyproject.toml"))["project"]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def measure(root: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "scripts/measure.py", str(root))


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """A project that measure.py is content with."""
    for folder in ("alphaforge", "scripts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "alphaforge" / "fine.py").write_text("def f(): return 1\n" * 5)
    (tmp_path / "scripts" / "measure.toml").write_text("[exceptions]\n")
    return tmp_path


def test_every_layer_contract_is_kept() -> None:
    ended = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo")
    assert ended.returncode == 0, ended.stdout
    assert "0 broken" in ended.stdout


def test_the_source_is_within_the_size_gates() -> None:
    ended = measure(REPOSITORY)
    assert ended.returncode == 0, ended.stdout


def test_a_tree_within_the_gates_passes(small_tree: Path) -> None:
    assert measure(small_tree).returncode == 0


LONG = "def f():\n" + "    x = [\n" + "        1,\n" * 60 + "    ]\n    return x\n"
MANY = "def f():\n" + "    x = 1\n" * 41
DEEP = (
    "def f(a):\n" + "".join("    " * n + "if a:\n" for n in range(1, 5)) + "    " * 5 + "return 1\n"
)
ELIF = "def f(a):\n    if a == 1:\n        return 1\n" + "".join(
    f"    elif a == {n}:\n        return {n}\n" for n in range(2, 7)
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (LONG, "64 lines, at most 60"),
        (MANY, "41 statements, at most 40"),
        (DEEP, "4 levels of nesting, at most 3"),
        ("x = 1\n" * 401, "401 lines, at most 400"),
    ],
    ids=["long function", "many statements", "deep nesting", "long file"],
)
def test_what_has_grown_too_far_is_named(small_tree: Path, source: str, expected: str) -> None:
    (small_tree / "alphaforge" / "grown.py").write_text(source)
    ended = measure(small_tree)
    assert ended.returncode == 1
    assert "alphaforge/grown.py" in ended.stdout
    assert expected in ended.stdout


def test_a_chain_of_elif_is_not_deep(small_tree: Path) -> None:
    (small_tree / "alphaforge" / "chain.py").write_text(ELIF)
    assert measure(small_tree).returncode == 0


@pytest.mark.parametrize(
    "hidden",
    [
        "def f():\n    from alphaforge.right import y\n    return y\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import alphaforge.right\n",
    ],
    ids=["inside a function", "for types only"],
)
def test_a_hidden_import_cycle_is_found(small_tree: Path, hidden: str) -> None:
    (small_tree / "alphaforge" / "left.py").write_text(hidden)
    (small_tree / "alphaforge" / "right.py").write_text("from alphaforge.left import f\n")
    ended = measure(small_tree)
    assert ended.returncode == 1
    assert "import cycle alphaforge." in ended.stdout


def test_an_exception_excuses_only_while_it_is_needed(small_tree: Path) -> None:
    grown = small_tree / "alphaforge" / "grown.py"
    grown.write_text(MANY)
    listed = small_tree / "scripts" / "measure.toml"
    listed.write_text('[exceptions]\n"alphaforge/grown.py::f" = "a table read as one piece"\n')
    assert measure(small_tree).returncode == 0
    grown.write_text("def f(): return 1\n")
    ended = measure(small_tree)
    assert ended.returncode == 1
    assert "no longer needed" in ended.stdout


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pins_and_hashes_and_no_address(lock: str) -> None:
    text = text_of(lock)
    assert "://" not in text
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert blocks
    for block in blocks:
        assert PIN.match(block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def test_the_tests_run_on_the_versions_that_users_get() -> None:
    ours, theirs = (set(PIN.findall(text_of(lock))) for lock in LOCKS)
    assert ours
    assert ours <= theirs


def test_every_direct_dependency_is_locked_and_bounded() -> None:
    locked = {name for name, _ in PIN.findall(text_of("requirements.lock"))}
    dependencies = project()["dependencies"]
    assert isinstance(dependencies, list)
    for requirement in dependencies:
        name = re.split(r"[\[<>=]", requirement)[0]
        assert name in locked
        assert re.search(r"==|>=.*<", requirement), requirement


def test_package_project_and_changelog_agree_on_the_version() -> None:
    version = project()["version"]
    headings = re.findall(r"^## \[(.+?)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    assert alphaforge.__version__ == version
    assert headings[0] == "Unreleased"
    assert headings[1:2] in ([], [version])  # before the first release there is only Unreleased
