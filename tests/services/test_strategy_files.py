"""A strategy file is loaded by path, and whatever is wrong with it is told by its own line."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from alphaforge.errors import NotFoundError, StrategyError
from alphaforge.services.strategy_class import callbacks_of, doubtful_callbacks
from alphaforge.services.strategy_files import (
    StrategySyntaxError,
    build_strategy,
    load_strategies,
    load_strategy,
)

Write = Callable[..., Path]
GOOD = """\
from alphaforge import Strategy


class Good(Strategy):
    fast: int = 10

    def on_bar(self, bar):
        pass
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str, name: str = "bot.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def test_a_file_becomes_a_class_with_its_source_and_digest(write: Write) -> None:
    path = write(GOOD)
    strategy = load_strategy(str(path))
    assert (strategy.name, strategy.path, strategy.cls.__name__) == ("bot", path, "Good")
    assert strategy.source == GOOD
    assert strategy.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert list(strategy.parameters) == ["fast"]
    assert callbacks_of(strategy.cls) == ["on_bar"]


def test_a_new_instance_has_every_parameter_of_its_own(write: Write) -> None:
    strategy = load_strategy(
        str(write(GOOD.replace("fast: int = 10", "fast: int = 10\n    names: list[str] = ['a']")))
    )
    one, two = build_strategy(strategy, {"fast": 3}), build_strategy(strategy, {})
    assert (vars(one)["fast"], vars(two)["fast"]) == (3, 10)
    vars(one)["names"].append("b")
    assert vars(two)["names"] == ["a"]


def test_the_second_instance_of_a_stem_is_numbered(write: Write) -> None:
    one, other = write(GOOD), write(GOOD, "elsewhere/bot.py")
    names = [strategy.name for strategy in load_strategies([str(one), str(one), str(other)])]
    assert names == ["bot", "bot-2", "bot-3"]


def test_a_missing_file_names_the_nearest_ones(write: Write, tmp_path: Path) -> None:
    write(GOOD, "sma_cross.py")
    with pytest.raises(NotFoundError, match=r"sma_crss\.py") as caught:
        load_strategy(str(tmp_path / "sma_crss.py"))
    assert "sma_cross.py" in caught.value.remedy


def test_a_missing_file_like_no_other_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        load_strategy(str(tmp_path / "zzzz.py"))
    assert "strategy new zzzz" in caught.value.remedy


def test_a_folder_is_no_strategy(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is a folder"):
        load_strategy(str(tmp_path))


def test_a_file_that_is_no_python_is_refused(write: Write) -> None:
    with pytest.raises(StrategyError, match="no Python file"):
        load_strategy(str(write(GOOD, "bot.txt")))


def test_bytes_that_are_no_text_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "bot.py"
    path.write_bytes(b"x = 1\ny = '\xff'\n")
    with pytest.raises(StrategyError, match="UTF-8") as caught:
        load_strategy(str(path))
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("x = 1\n", "subclasses alphaforge.Strategy"),
        ("class Bot:\n    def on_bar(self, bar): ...\n", "class Bot(Strategy)"),
        ("from alphaforge import Strategy\n", "subclasses alphaforge.Strategy"),
        ("from other import Good\n", "bot.py:Good"),
    ],
)
def test_a_file_without_a_strategy_says_what_to_write(write: Write, text: str, remedy: str) -> None:
    write(GOOD, "other.py")
    with pytest.raises(StrategyError, match="has no Strategy") as caught:
        load_strategy(str(write(text)))
    assert remedy in caught.value.remedy


def test_several_strategies_are_named_and_one_can_be_chosen(write: Write) -> None:
    path = write(GOOD + "\n\nclass Other(Strategy):\n    pass\n")
    with pytest.raises(StrategyError, match="2 strategies: Good, Other") as caught:
        load_strategy(str(path))
    assert "bot.py:Good" in caught.value.remedy
    assert load_strategy(f"{path}:Other").cls.__name__ == "Other"


def test_a_base_in_the_same_file_is_not_a_second_strategy(write: Write) -> None:
    path = write(
        GOOD + "\n\nclass Better(Good):\n    pass\n\n\nclass _Hidden(Strategy):\n    ...\n"
    )
    assert load_strategy(str(path)).cls.__name__ == "Better"
    assert load_strategy(f"{path}:Good").cls.__name__ == "Good"


@pytest.mark.parametrize(
    ("name", "message", "remedy"),
    [
        ("Godo", "no class Godo", "it has: Good"),
        ("Plain", "Plain is no Strategy", "class Plain(Strategy)"),
    ],
)
def test_a_wrong_class_name_is_refused(write: Write, name: str, message: str, remedy: str) -> None:
    path = write(GOOD + "\n\nclass Plain:\n    pass\n")
    with pytest.raises(StrategyError, match=message) as caught:
        load_strategy(f"{path}:{name}")
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("import os\nimport nosuchmodule\n", 2, "No module named 'nosuchmodule'"),
        ("def f():\n    return 1 / 0\n\n\nf()\n", 2, "ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        ("from alphaforge import Stratgy\n", 1, "Stratgy"),
        ("raise ValueError\n", 1, "ValueError"),
    ],
)
def test_an_exception_while_loading_shows_the_users_own_line(
    write: Write, text: str, line: int, message: str
) -> None:
    path = write(text)
    with pytest.raises(StrategyError) as caught:
        load_strategy(str(path))
    error = caught.value
    assert (str(error.path), error.line) == (str(path), line)
    assert message in error.message
    assert text.splitlines()[line - 1].strip() in error.message


def test_an_exception_in_a_neighbour_shows_the_neighbours_line(write: Write) -> None:
    neighbour = write("x = 1\nraise RuntimeError('no luck')\n", "signals.py")
    with pytest.raises(StrategyError, match="no luck") as caught:
        load_strategy(str(write("import signals\n" + GOOD)))
    assert (str(caught.value.path), caught.value.line) == (str(neighbour), 2)


def test_a_missing_module_says_to_install_it(write: Write) -> None:
    with pytest.raises(StrategyError) as caught:
        load_strategy(str(write("import nosuchmodule.part\n")))
    assert "install nosuchmodule " in caught.value.remedy


def test_a_syntax_error_has_its_line_and_column(write: Write) -> None:
    with pytest.raises(StrategySyntaxError, match="SyntaxError") as caught:
        load_strategy(str(write("x = 1\ny = = 2\n")))
    assert (caught.value.line, caught.value.column) == (2, 5)


def test_an_exception_in_the_constructor_shows_the_users_own_line(write: Write) -> None:
    path = write(GOOD + "\n    def __init__(self):\n        raise KeyError('oops')\n")
    with pytest.raises(StrategyError, match="oops") as caught:
        build_strategy(load_strategy(str(path)), {})
    assert caught.value.line == 11


@pytest.mark.parametrize(
    ("body", "message", "remedy"),
    [
        ("async def on_bar(self, bar): ...", "on_bar is async", "drop async"),
        ("async def on_stop(self): yield", "on_stop is async", "drop async"),
        ("def on_trade(self, trade): yield", "on_trade has a yield", "drop yield"),
        ("def on_bar(self): ...", "on_bar does not take", "def on_bar(self, bar)"),
        ("def on_bar(self, bar, more): ...", "on_bar does not take", "def on_bar(self, bar)"),
        ("cash: int = 5", "cash hides Strategy.cash", "another name"),
        ("now = 5", "now hides Strategy.now", "another name"),
        ("def __init__(self, fast): ...", "constructor of Bot wants fast", "fast: int = 10"),
    ],
)
def test_what_would_never_run_is_refused_with_its_line(
    write: Write, body: str, message: str, remedy: str
) -> None:
    path = write(f"from alphaforge import Strategy\n\n\nclass Bot(Strategy):\n    {body}\n")
    with pytest.raises(StrategyError, match=message) as caught:
        load_strategy(str(path))
    assert caught.value.line == 5
    assert remedy in caught.value.remedy


def test_an_abstract_strategy_is_refused(write: Write) -> None:
    text = (
        "from abc import ABC, abstractmethod\nfrom alphaforge import Strategy\n\n\n"
        "class Bot(Strategy, ABC):\n    @abstractmethod\n    def price(self): ...\n"
    )
    with pytest.raises(StrategyError, match="Bot is abstract: it lacks price"):
        load_strategy(str(write(text)))


def test_a_callback_with_optional_or_any_arguments_is_right(write: Write) -> None:
    text = "from alphaforge import Strategy\n\n\nclass Bot(Strategy):\n"
    text += "    def on_bar(self, *args): ...\n    def on_trade(self, trade, extra=None): ...\n"
    assert callbacks_of(load_strategy(str(write(text))).cls) == ["on_trade", "on_bar"]


def test_a_misspelled_callback_is_doubtful(write: Write) -> None:
    cls = load_strategy(str(write(GOOD.replace("on_bar", "on_bars")))).cls
    assert doubtful_callbacks(cls) == {"on_bars": "on_bar"}


def test_two_files_may_each_have_a_neighbour_of_the_same_name(write: Write) -> None:
    for folder, value in (("one", 1), ("two", 2)):
        write(f"VALUE = {value}\n", f"{folder}/signals.py")
        write(f"from signals import VALUE\n{GOOD}\n    value: int = VALUE\n", f"{folder}/bot.py")
    before = list(sys.path)
    root = write(GOOD).parent
    loaded = load_strategies([str(root / "one" / "bot.py"), str(root / "two" / "bot.py")])
    assert [strategy.parameters["value"].default for strategy in loaded] == [1, 2]
    assert sys.path == before
    assert "signals" not in sys.modules


def test_annotations_may_be_postponed(write: Write) -> None:
    path = write("from __future__ import annotations\n\n" + GOOD)
    assert load_strategy(str(path)).parameters["fast"].type is int


def test_what_a_file_prints_while_it_is_loaded_is_talk(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "print('loading')\n" + GOOD + "\n    def __init__(self):\n        print('building')\n"
    build_strategy(load_strategy(str(write(text))), {})
    assert capsys.readouterr() == ("", "loading\nbuilding\n")


def test_a_changed_file_is_read_again(write: Write) -> None:
    load_strategy(str(write(GOOD)))
    path = write(GOOD.replace("10", "11"))
    assert load_strategy(str(path)).parameters["fast"].default == 11


def test_a_constructor_that_ends_the_program_ends_only_itself(write: Write) -> None:
    path = write(GOOD + "\n    def __init__(self):\n        raise SystemExit(3)\n")
    loaded = load_strategy(str(path))
    with pytest.raises(StrategyError, match="SystemExit"):
        build_strategy(loaded, {})
