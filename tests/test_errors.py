"""Errors tell the operator where, why and what next, and survive the way to another process."""

import inspect
import pickle
from pathlib import Path

import pytest

from alphaforge import errors
from alphaforge.errors import AlphaForgeError, ConfigError, DataError, ExitCode, StrategyError

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, AlphaForgeError)
]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_survives_the_way_from_a_worker_process(kind: type[AlphaForgeError]) -> None:
    raised = kind("it broke", remedy="type this")
    arrived = pickle.loads(pickle.dumps(raised))
    assert type(arrived) is kind
    assert (str(arrived), arrived.remedy, arrived.code) == ("it broke", "type this", raised.code)


def test_every_class_has_its_own_code() -> None:
    codes = [kind.default_code for kind in TREE]
    assert len(set(codes)) == len(TREE)
    assert all(code.startswith("AF-") for code in codes)


def test_the_drawing_in_the_module_names_every_class_with_its_exit_code() -> None:
    drawing = {}
    for line in (errors.__doc__ or "").splitlines():
        words = line.strip(" │├└─").split()
        if words and words[0].endswith("Error"):
            drawing[words[0]] = int(words[2]) if words[1:2] == ["exit"] else ExitCode.VENUE
    inside = {kind.__name__: kind.exit_code for kind in TREE if kind is not AlphaForgeError}
    drawing.pop("AlphaForgeError")
    assert drawing == inside


def test_a_raise_may_give_a_narrower_code() -> None:
    assert ConfigError("no such key", code="AF-C012").code == "AF-C012"
    assert ConfigError("no such key").code == "AF-C000"


def test_a_data_error_says_file_line_column_and_what_was_expected() -> None:
    error = DataError(
        "'abc' is no price", path=Path("a.csv"), line=3, column="price", expected="a number > 0"
    )
    assert str(error) == "a.csv, line 3, column price: 'abc' is no price; expected a number > 0"


def test_what_is_not_known_about_a_place_is_left_out() -> None:
    assert str(DataError("is empty", path="a.csv")) == "a.csv: is empty"
    assert str(StrategyError("raised ValueError", line=12)) == "line 12: raised ValueError"
    assert str(ConfigError("no such key", path="x.toml", line=4, key="risk.state")) == (
        "x.toml, line 4, risk.state: no such key"
    )


def test_the_page_of_errors_has_every_code_with_its_exit_code() -> None:
    page = (Path(__file__).parents[1] / "docs" / "errors.md").read_text()
    rows = [row.split("|")[1:-1] for row in page.splitlines() if row.startswith("| ")]
    exits = {int(cells[0]) for cells in rows if cells[0].strip().isdigit()}
    assert exits == {int(code) for code in ExitCode}
    families = {cells[0].strip(" `"): int(cells[1]) for cells in rows if "AF-" in cells[0]}
    for kind in TREE:
        if kind is AlphaForgeError:
            continue
        assert kind.default_code in page
        assert families[f"{kind.default_code[:4]}000"] == kind.exit_code
