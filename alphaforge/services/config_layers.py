"""What each single source says: a file, a profile in it, the environment, the flags.

Each layer is checked by itself, so that what is wrong is reported with its own file and line. Must
never put layers together: precedence is `config.py`'s.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from alphaforge.errors import ConfigError, UsageError
from alphaforge.services.config_check import (
    Problem,
    Values,
    annotation_of,
    check_table,
    is_secret,
    password_in,
    pattern_of,
    read_leaf,
    read_leaf_text,
    remedy_of,
)
from alphaforge.services.config_keys import all_keys
from alphaforge.services.config_origin import KeyPath, Origin, Source, TomlText, dotted
from alphaforge.services.suggestions import nearest
from alphaforge.services.values import WrongValueError, as_table

PREFIX = "ALPHAFORGE__"


class SecretInFileError(ConfigError):
    """A settings file holds a secret; its line must not be shown.

    Attributes:
        shows_line: Whether the line may be printed.
    """

    shows_line = False


class Layer(NamedTuple):
    """What one source says."""

    values: Values
    origins: dict[KeyPath, Origin]


def file_layer(
    text: TomlText, source: Source, content: Mapping[str, object], problems: list[ConfigError]
) -> Layer:
    """What a file says outside its profiles; adds what is wrong to `problems`."""
    sections = {name: value for name, value in content.items() if name != "env"}
    return _checked_layer(text, (), sections, Origin(source, text.path), problems)


def profile_layers(
    text: TomlText, content: Mapping[str, object], problems: list[ConfigError]
) -> Iterator[tuple[str, Layer]]:
    """Every profile of a file, also those that are not chosen: a typo shows before the day."""
    profiles = content.get("env", {})
    tables = as_table(profiles)
    if tables is None:
        tables = {"": profiles}
    for name, table in tables.items():
        prefix = ("env", name) if name else ("env",)
        sections = as_table(table)
        if sections is None:
            remedy = "write it as tables: [env.production.risk]"
            wrong = Problem(prefix, "this is a section", remedy)
            problems.append(_located(wrong, text))
            continue
        origin = Origin(Source.PROFILE, text.path, name=name)
        yield name, _checked_layer(text, prefix, sections, origin, problems)


def _checked_layer(
    text: TomlText,
    prefix: KeyPath,
    sections: Mapping[str, object],
    origin: Origin,
    problems: list[ConfigError],
) -> Layer:
    values, wrong = check_table(sections)
    wrong.extend(_passwords(values))
    problems.extend(_located(problem, text, prefix) for problem in wrong)
    origins = {path: origin._replace(line=text.line_of(prefix + path)) for path in values}
    return Layer(values, origins)


def _passwords(values: Values) -> Iterator[Problem]:
    if password_in(str(values.get(("store", "url"), ""))):
        yield Problem(
            ("store", "url"),
            "the URL holds a password",
            f"take it out of the file and set {PREFIX}STORE__URL in the environment",
            shows_line=False,
        )


def _located(problem: Problem, text: TomlText, prefix: KeyPath = ()) -> ConfigError:
    path = prefix + problem.path
    kind = ConfigError if problem.shows_line else SecretInFileError
    return kind(
        problem.message,
        remedy=problem.remedy,
        path=text.path,
        line=text.line_of(path),
        key=dotted(path),
    )


def environment_layer(
    variables: Mapping[str, str], below: list[Layer], problems: list[ConfigError]
) -> Layer:
    """What `ALPHAFORGE__SECTION__KEY` variables say; names of secrets are not settings.

    `below` are the layers whose spelling of venues, symbols and strategies is taken over.
    """
    layer = Layer({}, {})
    known = {path for lower in below for path in lower.values}
    for name in sorted(variables):
        if not name.startswith(PREFIX) or is_secret(name):
            continue
        path = _path_of_variable(name, known)
        annotation = annotation_of(path)
        if annotation is None:
            problems.append(_unknown_variable(name, path))
            continue
        try:
            layer.values[path] = read_leaf_text(variables[name], annotation, path)
        except WrongValueError as error:
            problems.append(
                ConfigError(
                    f"{name}: {error}", remedy=remedy_of(path, annotation), key=dotted(path)
                )
            )
        layer.origins[path] = Origin(Source.ENVIRONMENT, name=name)
    return layer


def _path_of_variable(name: str, known: set[KeyPath]) -> KeyPath:
    """`ALPHAFORGE__STRATEGIES__SMA_CROSS__FAST` → its path, names as the files spell them."""
    path = tuple(name.removeprefix(PREFIX).lower().split("__"))
    if pattern_of(path) == path:
        return path
    for other in sorted(known):
        if other[0] == path[0] and other[1].lower() == path[1]:
            return (*other[:2], *path[2:])
    return path


def _unknown_variable(name: str, path: KeyPath) -> ConfigError:
    known = [key.name for key in all_keys() if "*" not in key.name]
    guess = nearest(".".join(path), known)
    variable = PREFIX + guess.upper().replace(".", "__")
    remedy = f"did you mean {variable}?" if guess else "type: alphaforge config schema"
    return ConfigError(f"there is no key for {name}", remedy=remedy, key=dotted(path))


def flag_layer(overrides: Mapping[str, object]) -> Layer:
    """What flags say, by the key each sets; raises `UsageError` for the first wrong one."""
    layer = Layer({}, {})
    for key, value in overrides.items():
        path = tuple(key.split("."))
        annotation = annotation_of(path)
        if annotation is None:
            raise UsageError(f"there is no setting {key}")
        try:
            text = value if isinstance(value, str) else str(read_leaf(value, annotation))
            layer.values[path] = read_leaf_text(text, annotation, path)
        except WrongValueError as error:
            flag = "--" + path[-1].replace("_", "-")
            raise UsageError(f"{flag}: {error}", remedy=remedy_of(path, annotation)) from error
        layer.origins[path] = Origin(Source.FLAG, name="--" + path[-1].replace("_", "-"))
    return layer
