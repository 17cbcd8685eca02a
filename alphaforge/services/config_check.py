"""Holds a settings table against the structs: every unknown key, wrong type and range at once.

Must never read a file or the environment; it is given parsed content and says what is wrong.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import msgspec

from alphaforge.services.config_keys import (
    ANY_NAME,
    RANGES,
    field_types,
    named_type,
    struct_of,
)
from alphaforge.services.config_origin import KeyPath, dotted
from alphaforge.services.config_sections import Settings
from alphaforge.services.credentials import ACCOUNT_NAME
from alphaforge.services.flag_values import read_cash, read_speed
from alphaforge.services.suggestions import nearest
from alphaforge.services.values import (
    WrongValueError,
    as_table,
    describe,
    read_text,
    read_value,
    shown,
)

Values = dict[KeyPath, object]
"""Leaf by leaf what one layer says; an empty named table stands as its path with `{}`."""

_SECRET = re.compile(
    r"(^|[_-])(api_?key|secret|secret_?key|password|passphrase|private_?key|"
    r"(api|auth|access|bearer)_?token|credentials?)($|[_-])",
    re.IGNORECASE,
)
_HIGHEST_PORT = 65_535
_SECRECY = (
    "take it out of the file (and change it at the venue if the file was shared); secrets live in "
    "the environment, the system keyring or a secrets file of mode 0600"
)


class Problem(NamedTuple):
    """One thing wrong with one key."""

    path: KeyPath
    message: str
    remedy: str = ""
    shows_line: bool = True
    """False where the line itself must not reach a screen or a log."""


def is_secret(name: str) -> bool:
    """Whether a key's name says that its value is nobody's business."""
    return _SECRET.search(name) is not None


def check_table(content: Mapping[str, object]) -> tuple[Values, list[Problem]]:
    """What a parsed file says, leaf by leaf, and everything that is wrong with it."""
    values: Values = {}
    problems = list(_check_struct(content, Settings, (), values))
    return values, problems


def _check_struct(
    content: Mapping[str, object], struct: type[msgspec.Struct], path: KeyPath, values: Values
) -> Iterator[Problem]:
    fields = field_types(struct)
    for name, value in content.items():
        here = (*path, name)
        if is_secret(name):
            yield Problem(here, "this looks like a secret", _SECRECY, shows_line=False)
        elif name not in fields:
            yield unknown(here, fields)
        else:
            yield from _check_field(value, fields[name], here, values)


def _check_field(
    value: object, annotation: object, path: KeyPath, values: Values
) -> Iterator[Problem]:
    section, named = struct_of(annotation), named_type(annotation)
    if section is None and named is None:
        yield from _check_leaf(value, annotation, path, values)
        return
    content = as_table(value)
    if content is None:
        yield Problem(path, f"this is a section, got {shown(value)}", _header(path))
    elif section is not None:
        yield from _check_struct(content, section, path, values)
    elif named_type(named) is None and struct_of(named) is None:
        yield from _check_leaves(content, named, path, values)
    else:
        yield from _check_named(content, named, path, values)


def _header(path: KeyPath) -> str:
    return f"write it as a table: [{dotted(path)}]"


def _check_named(
    content: Mapping[str, object], annotation: object, path: KeyPath, values: Values
) -> Iterator[Problem]:
    """Tables whose names are the user's own: venues, instruments, strategies."""
    for name, value in content.items():
        here = (*path, name)
        if as_table(value) is not None:
            values[here] = {}
        yield from _check_field(value, annotation, here, values)


def _check_leaves(
    content: Mapping[str, object], annotation: object, path: KeyPath, values: Values
) -> Iterator[Problem]:
    """Keys whose names are the user's own: routes, the parameters of a strategy."""
    for name, value in content.items():
        here = (*path, name)
        if is_secret(name):
            yield Problem(here, "this looks like a secret", _SECRECY, shows_line=False)
        else:
            yield from _check_leaf(value, annotation, here, values)


def _check_leaf(
    value: object, annotation: object, path: KeyPath, values: Values
) -> Iterator[Problem]:
    try:
        checked = _checked(read_leaf(value, annotation), path)
    except WrongValueError as error:
        yield Problem(path, str(error), remedy_of(path, annotation))
    else:
        values[path] = checked


def read_leaf(value: object, annotation: object) -> object:
    """A TOML value by its annotation; a strategy's parameter is any scalar or list of them."""
    if annotation is not object:
        return read_value(value, annotation)
    if isinstance(value, str | int | float | list):
        return cast("object", value)
    raise WrongValueError(f"expected text, a number, true or false, got {shown(value)}")


def read_leaf_text(text: str, annotation: object, path: KeyPath) -> object:
    """An environment variable's or flag's text by its key's annotation, range and form."""
    value = text if annotation is object else read_text(text, annotation)
    return _checked(value, path)


def _checked(value: object, path: KeyPath) -> object:
    """The value again, when its range and form are right."""
    name = ".".join(pattern_of(path))
    bounds = RANGES.get(name)
    if bounds is not None and isinstance(value, int | Decimal):
        problem = bounds.problem(Decimal(value))
        if problem:
            raise WrongValueError(f"{problem}, got {value}")
    form = _FORMS.get(name)
    if form is not None and value is not None:
        form(str(value))
    return value


def pattern_of(path: KeyPath) -> KeyPath:
    """The path with the user's own names replaced by `*`."""
    if len(path) > 1 and path[0] in {"venues", "instruments", "strategies", "routing"}:
        return (path[0], ANY_NAME, *path[2:])
    return path


def annotation_of(path: KeyPath) -> object | None:
    """The type of a leaf key; None when there is no such key."""
    current: object = Settings
    for part in path:
        struct, named = struct_of(current), named_type(current)
        if struct is not None:
            current = field_types(struct).get(part)
        elif named is not None:
            current = named
        else:
            return None
    is_leaf = current is not None and struct_of(current) is None and named_type(current) is None
    return current if is_leaf else None


def unknown(path: KeyPath, known: Mapping[str, object]) -> Problem:
    """The problem of a key nobody knows, with the nearest one that exists."""
    guess = nearest(path[-1], known)
    remedy = f"did you mean {dotted((*path[:-1], guess))}?" if guess else ""
    if not remedy and known:
        remedy = "known here: " + ", ".join(known)
    elif not remedy:
        remedy = f"[{dotted(path[:-1])}] has no keys yet: take the line out"
    return Problem(path, "there is no such key", remedy)


def remedy_of(path: KeyPath, annotation: object) -> str:
    """What would be right: the type and the range."""
    bounds = RANGES.get(".".join(pattern_of(path)))
    words = describe(annotation).removesuffix(" or none") if annotation is not object else ""
    if words == "text or number":  # the message says what is meant by it
        return ""
    return "write: " + ", ".join(part for part in (words, str(bounds or "")) if part)


def _check_url(text: str) -> None:
    scheme, separator, _rest = text.partition("://")
    if not separator or not scheme:
        raise WrongValueError("expected a database URL like sqlite:///data/alphaforge.db")


def _check_account(text: str) -> None:
    if not ACCOUNT_NAME.fullmatch(text):
        raise WrongValueError(f"expected letters, digits, - and _, got {shown(text)}")


def _check_address(text: str) -> None:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= _HIGHEST_PORT:
        raise WrongValueError(f"expected HOST:PORT like 127.0.0.1:8443, got {shown(text)}")


_FORMS: dict[str, Callable[[str], object]] = {
    "venues.*.account": _check_account,
    "venues.*.address": _check_address,
    "venues.*.cash": read_cash,
    "paper.cash": read_cash,
    "backtest.cash": read_cash,
    "paper.speed": read_speed,
    "store.url": _check_url,
}


def password_in(url: str) -> str:
    """The password inside a database URL; empty when it has none."""
    return urlsplit(url).password or ""


def build(values: Values) -> Settings:
    """The settings from checked leaves; what is not said has its default."""
    built = _build(values, Settings)
    assert isinstance(built, Settings)  # noqa: S101 - for the type checker
    return built


def _build(values: Values, struct: type[msgspec.Struct]) -> msgspec.Struct:
    fields = field_types(struct)
    arguments: dict[str, object] = {}
    for name, part in _split(values).items():
        section, named = struct_of(fields[name]), named_type(fields[name])
        if section is not None:
            arguments[name] = _build(part, section)
        elif named is not None:
            inner = struct_of(named)
            arguments[name] = {
                own: _build(_without_marker(leaves), inner) if inner else _plain(leaves)
                for own, leaves in _split(part).items()
            }
        else:
            arguments[name] = part[()]
    return struct(**arguments)


def _plain(leaves: Values) -> object:
    """A route's text, or a strategy's parameters."""
    if () in leaves and leaves[()] != {}:
        return leaves[()]
    return {path[0]: value for path, value in _without_marker(leaves).items()}


def _without_marker(leaves: Values) -> Values:
    return {path: value for path, value in leaves.items() if path}


def _split(values: Values) -> dict[str, Values]:
    """The leaves by their first name, with that name taken off."""
    parts: dict[str, Values] = {}
    for path, value in values.items():
        rest = parts.setdefault(path[0], {})
        rest[path[1:]] = value
    return parts
