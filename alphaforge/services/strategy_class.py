"""Looks at a strategy class before it runs: can it be made, will its callbacks be called.

Must never call anything of it.
"""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

from alphaforge.engine.strategy import Strategy
from alphaforge.errors import StrategyError
from alphaforge.services.strategy_parameters import place_of
from alphaforge.services.suggestions import nearest


def strategies_in(module: ModuleType) -> list[type[Strategy]]:
    """The strategies a module defines, in order; those that only others build on are left out."""
    own = [
        cls
        for cls in vars(module).values()
        if inspect.isclass(cls) and issubclass(cls, Strategy) and cls.__module__ == module.__name__
    ]
    return [
        cls
        for cls in own
        if not cls.__name__.startswith("_")
        and not any(other is not cls and issubclass(other, cls) for other in own)
    ]


def check_class(cls: type, path: Path) -> None:
    """Raise `StrategyError` for what would fail later or, worse, silently never run.

    Abstract methods, a constructor that wants arguments, a callback that is `async`, a
    generator or takes the wrong number of arguments, a parameter that hides a verb.
    """
    checks = (_constructor_problems, _callback_problems, _hidden_verbs)
    for problem in (problem for check in checks for problem in check(cls)):
        message, remedy, line = problem
        raise StrategyError(message, remedy=remedy, path=path, line=line)


def callbacks_of(cls: type) -> list[str]:
    """The callbacks a strategy has of its own, in the order of its life."""
    return [name for name in Strategy.CALLBACKS if _own_function(cls, name) is not None]


def doubtful_callbacks(cls: type) -> dict[str, str]:
    """Methods that look like callbacks and are none → the callback that was perhaps meant."""
    names = [
        name for name in vars(cls) if name.startswith("on_") and name not in Strategy.CALLBACKS
    ]
    return {name: nearest(name, Strategy.CALLBACKS) for name in names}


_Problem = tuple[str, str, int | None]


def _constructor_problems(cls: type) -> Iterator[_Problem]:
    abstract = sorted(getattr(cls, "__abstractmethods__", ()))
    if abstract:
        yield (
            f"{cls.__name__} is abstract: it lacks {', '.join(abstract)}",
            f"write def {abstract[0]} in {cls.__name__}",
            None,
        )
    constructor = cast("Callable[..., object]", vars(cls).get("__init__"))
    needed = _required(constructor) if constructor is not None else []
    if needed:
        yield (
            f"the constructor of {cls.__name__} wants {', '.join(needed)}",
            "make them parameters: annotated attributes with a default, as in `fast: int = 10`",
            constructor.__code__.co_firstlineno,
        )


def _callback_problems(cls: type) -> Iterator[_Problem]:
    for name in callbacks_of(cls):
        function = _own_function(cls, name)
        assert function is not None  # noqa: S101 - for the type checker
        line = function.__code__.co_firstlineno
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            yield f"the callback {name} is async, and callbacks are not", "drop async", line
        elif inspect.isgeneratorfunction(function):
            yield f"the callback {name} has a yield and would never run", "drop yield", line
        else:
            base = cast("Callable[..., object] | None", getattr(Strategy, name, None))
            count = len(_required(base)) if base is not None else None
            if count is not None and not _takes(function, count):
                names = ", ".join(["self", *_required(cast("Callable[..., object]", base))])
                yield (
                    f"the callback {name} does not take what it is given",
                    f"write: def {name}({names})",
                    line,
                )


def _hidden_verbs(cls: type) -> Iterator[_Problem]:
    """Attributes like `cash = 5`, after which `self.cash(...)` is a number."""
    for name, value in vars(cls).items():
        if name.startswith("_") or callable(value) or not hasattr(Strategy, name):
            continue
        if not isinstance(value, property | classmethod | staticmethod):
            _path, line = place_of(cls, name)
            yield f"the attribute {name} hides Strategy.{name}", "give it another name", line


def _own_function(cls: type, name: str) -> Callable[..., object] | None:
    """The function a class or a base of the user's gives a callback; None for the framework's."""
    for base in cls.__mro__:
        if base.__module__.startswith(("alphaforge.", "builtins")):
            continue
        found = vars(base).get(name)
        if inspect.isfunction(found):
            return found
    return None


def _required(function: Callable[..., object]) -> list[str]:
    """Names of the arguments without a default, without self."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    plain = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        parameter.name
        for parameter in parameters
        if parameter.default is inspect.Parameter.empty and parameter.kind not in plain
    ]


def _takes(function: Callable[..., object], count: int) -> bool:
    """Whether a method can be called with `count` positional arguments."""
    try:
        inspect.signature(function).bind(*range(count + 1))
    except TypeError:
        return False
    return True
