"""Puts a strategy's parameter values together: `[strategies.NAME]` below, `--set` above.

Must never convert by itself: the annotations decide, in `strategy_parameters`.
"""

from collections.abc import Mapping

from alphaforge.errors import ConfigError, UsageError
from alphaforge.services.config import ConfigProblemsError, Configuration
from alphaforge.services.strategy_files import LoadedStrategy
from alphaforge.services.strategy_parameters import configure


def resolve_parameters(
    strategy: LoadedStrategy,
    configuration: Configuration,
    assigned: Mapping[str, object],
    above_file: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Every given value, converted; parameters nobody set are left to their defaults.

    Weakest first: `[strategies.STEM]`, `[strategies.NAME]` of a second instance, `above_file`
    (what the data or `--timeframe` implies), `assigned` (`--set`). Raises `ConfigError` with file
    and line for a value of the settings, `UsageError` for the rest.
    """
    values: dict[str, object] = {}
    problems: list[ConfigError] = []
    for section in dict.fromkeys((strategy.stem, strategy.name)):
        for key, value in configuration.settings.strategies.get(section, {}).items():
            try:
                values |= configure(strategy.cls, {key: value})
            except UsageError as error:
                path = ("strategies", section, key)
                problems.append(configuration.problem(path, error.message, error.remedy))
    if len(problems) > 1:
        raise ConfigProblemsError(problems)
    if problems:
        raise problems[0]
    return values | configure(strategy.cls, {**(above_file or {}), **assigned})
