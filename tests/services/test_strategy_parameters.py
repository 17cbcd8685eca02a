"""Annotated attributes with a default are parameters; texts become values by their annotation."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import ConfigError, StrategyError, UsageError
from alphaforge.services.config import ConfigProblemsError, Configuration, load_configuration
from alphaforge.services.strategy_files import LoadedStrategy, load_strategies
from alphaforge.services.strategy_parameters import (
    apply_parameters,
    assign_settings,
    configure,
    parameters_of,
)
from alphaforge.services.strategy_settings import resolve_parameters


class Base:
    symbol: str = "BTC/USDT"
    """What it trades."""
    limit: int = 1  # highest count


class Bot(Base):
    CONSTANT: ClassVar[int] = 3
    _hidden: int = 4
    plain = 5
    later: int

    fast: int = 10
    rate: float = 0.5
    on: bool = True
    size: Decimal = Decimal("0.1")
    venue: str | None = None
    side: Literal["long", "short"] = "long"
    names: list[str] = ["a"]  # noqa: RUF012 - what a user may write
    state: dict[str, int] | None = None
    limit: int = 2


class Other:
    slow: int = 1


def test_parameters_are_the_annotated_attributes_with_a_default_bases_first() -> None:
    found = parameters_of(Bot)
    expected = ["symbol", "limit", "fast", "rate", "on", "size", "venue", "side", "names", "state"]
    assert list(found) == expected
    assert found["limit"].default == 2
    assert [found["symbol"].doc, found["fast"].doc] == ["What it trades.", ""]
    assert parameters_of(Base)["limit"].doc == "highest count"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("fast", "5", 5),
        ("rate", "2", 2.0),
        ("on", "false", False),
        ("on", "1", True),
        ("size", "0.10", Decimal("0.10")),
        ("symbol", "5", "5"),
        ("venue", "none", None),
        ("venue", "kraken", "kraken"),
        ("side", "SHORT", "short"),
        ("names", "a, b", ["a", "b"]),
        ("fast", 6, 6),
        ("rate", 3, 3.0),
        ("size", 0.1, Decimal("0.1")),
        ("symbol", 0.01, "0.01"),
        ("names", ["x"], ["x"]),
    ],
)
def test_a_value_is_read_by_its_annotation(name: str, text: object, value: object) -> None:
    read = configure(Bot, {name: text})[name]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("fast", "5.0", "whole number"),
        ("fast", "", "whole number"),
        ("fast", True, "whole number"),
        ("rate", "nan", "number"),
        ("rate", "fast", "number"),
        ("on", "maybe", "true or false"),
        ("size", "inf", "decimal number"),
        ("side", "both", "one of long, short"),
        ("symbol", True, "text"),
        ("names", 3, "list of text"),
        ("state", "x", "cannot be set by text"),
    ],
)
def test_a_wrong_value_names_parameter_value_and_what_was_expected(
    name: str, value: object, expected: str
) -> None:
    with pytest.raises(UsageError, match=f"parameter {name} of Bot: ") as caught:
        configure(Bot, {name: value})
    assert expected in caught.value.message
    assert name == "state" or str(value) in caught.value.message


def test_an_unknown_parameter_names_the_nearest_and_lists_them_all() -> None:
    with pytest.raises(UsageError, match="Bot has no parameter fats") as caught:
        configure(Bot, {"fats": 1})
    assert "did you mean fast?" in caught.value.remedy
    assert "symbol, limit, fast" in caught.value.remedy


def test_applying_sets_given_values_over_defaults() -> None:
    bot = Bot()
    apply_parameters(bot, {"fast": 3})
    assert (bot.fast, bot.limit) == (3, 2)
    assert bot.names == Bot.names
    assert bot.names is not Bot.names


def test_a_default_that_does_not_fit_is_an_error_with_its_line() -> None:
    class Wrong:
        slow: int = 1
        fast: int = "10"  # pyright: ignore[reportAssignmentType] - the mistake under test

    with pytest.raises(StrategyError, match="default of parameter fast") as caught:
        parameters_of(Wrong)
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert lines[(caught.value.line or 0) - 1].strip().startswith('fast: int = "10"')


def test_an_annotation_that_names_nothing_is_an_error_where_it_is_a_parameters() -> None:
    annotations = {"average": "Nowhere", "fast": "int"}
    fine = type("Fine", (), {"__annotations__": annotations, "fast": 1})
    assert parameters_of(fine)["fast"].type is int
    wrong = type("Wrong", (), {"__annotations__": annotations, "average": None})
    with pytest.raises(StrategyError, match="annotation of parameter average"):
        parameters_of(wrong)


def test_a_default_is_what_its_annotation_says() -> None:
    class Loose:
        size: Decimal = "0.10"  # pyright: ignore[reportAssignmentType] - as users write it
        rate: float = 1

    defaults = [parameter.default for parameter in parameters_of(Loose).values()]
    assert [repr(default) for default in defaults] == ["Decimal('0.10')", "1.0"]


@given(st.integers(), st.decimals(allow_nan=False, allow_infinity=False), st.booleans())
def test_what_is_written_is_what_is_read(count: int, size: Decimal, on: bool) -> None:
    texts = {"fast": str(count), "size": str(size), "on": str(on)}
    assert configure(Bot, texts) == {"fast": count, "size": size, "on": on}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["fast=1"], {"bot": {"fast": "1"}, "bot-2": {"fast": "1"}, "other": {}}),
        (["bot-2.fast=1"], {"bot": {}, "bot-2": {"fast": "1"}, "other": {}}),
        (["slow=a=b"], {"bot": {}, "bot-2": {}, "other": {"slow": "a=b"}}),
        (["slow=1", "slow="], {"bot": {}, "bot-2": {}, "other": {"slow": ""}}),
    ],
)
def test_settings_reach_the_strategies_they_name(
    texts: list[str], expected: Mapping[str, Mapping[str, str]]
) -> None:
    assert assign_settings(texts, {"bot": Bot, "bot-2": Bot, "other": Other}) == expected


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("fast", "--set fast is no assignment", "--set fast=5"),
        ("=5", "is no assignment", "--set fast=5"),
        ("bto.fast=1", "there is no strategy bto", "did you mean bot.fast?"),
        ("fsat=1", "has no parameter fsat", "did you mean fast?"),
        ("bot.slow=1", "Bot has no parameter slow", "fast"),
    ],
)
def test_a_setting_that_reaches_nobody_is_refused(text: str, message: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        assign_settings([text], {"bot": Bot, "other": Other})
    assert remedy in caught.value.remedy


BOT = """\
from alphaforge import Strategy


class Bot(Strategy):
    timeframe: str = "1m"
    fast: int = 1
    slow: int = 2
    size: str = "1"
"""
Load = Callable[[str], tuple[list[LoadedStrategy], Configuration]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_two(settings: str) -> tuple[list[LoadedStrategy], Configuration]:
        bot, file = tmp_path / "bot.py", tmp_path / "alphaforge.toml"
        bot.write_text(BOT)
        file.write_text(settings)
        configuration = load_configuration(file=file, environ={"HOME": str(tmp_path)})
        return load_strategies([str(bot), str(bot)]), configuration

    return load_two


def test_values_come_from_the_settings_then_the_data_then_the_command(load: Load) -> None:
    (one, two), configuration = load(
        '[strategies.bot]\ntimeframe = "1s"\nfast = 3\nslow = 3\nsize = 0.5\n'
        "[strategies.bot-2]\nslow = 4\n"
    )
    above = {"timeframe": "1d"}
    values = resolve_parameters(one, configuration, {"fast": "5"}, above)
    assert values == {"timeframe": "1d", "fast": 5, "slow": 3, "size": "0.5"}
    assert resolve_parameters(two, configuration, {})["slow"] == 4


def test_a_wrong_parameter_in_the_settings_is_a_config_error_with_its_line(load: Load) -> None:
    (one, _two), configuration = load("[strategies.bot]\nfast = 3\nsolw = 4\n")
    with pytest.raises(ConfigError, match="no parameter solw") as caught:
        resolve_parameters(one, configuration, {})
    assert (caught.value.line, caught.value.key) == (3, "strategies.bot.solw")
    assert "did you mean slow?" in caught.value.remedy


def test_several_wrong_parameters_are_told_at_once(load: Load) -> None:
    (one, _two), configuration = load('[strategies.bot]\nfast = "x"\nsolw = 4\n')
    with pytest.raises(ConfigProblemsError) as caught:
        resolve_parameters(one, configuration, {})
    assert [problem.line for problem in caught.value.problems] == [2, 3]
