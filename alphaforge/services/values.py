"""Reads one value by its annotation: of a settings file, an environment variable, a `--set`.

Every refusal says what would have been right. Must never guess: a bool is no number, 5.0 is no
whole number, NaN and infinity are nothing.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, cast, get_args, get_origin

from alphaforge.model.numbers import NAN, decimal_of


class WrongValueError(ValueError):
    """A value does not fit its annotation; the text says what was expected."""


def as_table(value: object) -> Mapping[str, object] | None:
    """A parsed TOML or JSON value as a table; None when it is no table."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


class NumberText:
    """Marks a `str` that may also be written as a bare number: `cash = 10000`."""


_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


def is_readable(annotation: object) -> bool:
    """Whether values of this annotation can be read at all (`--set` reaches them)."""
    inner = plain_type(annotation)
    choices = _choices(inner)
    if choices or inner in _FROM_TEXT:
        return True
    item = _item_type(inner)
    if item is not None:
        return is_readable(item)
    return _optional_of(inner) is not None and is_readable(_optional_of(inner))


def describe(annotation: object) -> str:
    """The annotation in a user's words: `whole number`, `one of cash, margin`, `list of text`."""
    inner = plain_type(annotation)
    choices = _choices(inner)
    if choices:
        return "one of " + ", ".join(choices)
    optional = _optional_of(inner)
    if optional is not None:
        return f"{describe(optional)} or none"
    item = _item_type(inner)
    if item is not None:
        return f"list of {describe(item)}"
    if inner is str and is_number_text(annotation):
        return "text or number"
    return _WORDS.get(inner, getattr(inner, "__name__", str(inner)))


def plain_type(annotation: object) -> object:
    """The annotation without its `Annotated[...]` marks."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def is_number_text(annotation: object) -> bool:
    """Whether a `str` may also be written as a bare number."""
    return get_origin(annotation) is Annotated and NumberText in get_args(annotation)[1:]


def read_value(value: object, annotation: object) -> object:
    """Read what a TOML file or a Python caller gave.

    A Decimal may be text, an int or a float (by its shortest text); a choice is matched ignoring
    case. Raises `WrongValueError`.
    """
    inner = plain_type(annotation)
    choices = _choices(inner)
    if choices:
        return _choose(value, inner, choices)
    optional = _optional_of(inner)
    if optional is not None:
        return None if value is None else read_value(value, optional)
    item = _item_type(inner)
    if item is not None:
        return _items(value, annotation, item, read_value)
    if inner is str and is_number_text(annotation) and _is_number(value):
        return str(value)
    return _read_scalar(value, inner)


def read_text(text: str, annotation: object) -> object:
    """Read what was typed or exported: `5`, `true`, `a,b`, `none`. Raises `WrongValueError`."""
    inner = plain_type(annotation)
    choices = _choices(inner)
    if choices:
        return _choose(text, inner, choices)
    optional = _optional_of(inner)
    if optional is not None:
        return None if text.strip().lower() in {"", "none"} else read_text(text, optional)
    item = _item_type(inner)
    if item is not None:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return _items(parts, annotation, item, read_text)
    reader = _FROM_TEXT.get(inner)
    if reader is None:
        raise WrongValueError(f"cannot be set by text: it is a {describe(inner)}")
    return reader(text)


def _wrong(expected: str, value: object) -> WrongValueError:
    return WrongValueError(f"expected {expected}, got {shown(value)}")


def shown(value: object) -> str:
    """A value as an error shows it: text in quotes, cut when long."""
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - fits one line


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_scalar(value: object, wanted: object) -> object:
    if wanted is Decimal:
        return _decimal(value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if wanted is float and isinstance(value, float) and not math.isfinite(value):
        raise _wrong("number", value)
    fits = isinstance(wanted, type) and isinstance(value, wanted)
    if not fits or (isinstance(value, bool) and wanted is not bool):
        raise _wrong(describe(wanted), value)
    return value


def _decimal(value: object) -> Decimal:
    if isinstance(value, str | int | float | Decimal):
        number = decimal_of(value.strip() if isinstance(value, str) else value)
        if number is not NAN:
            return number
    raise _wrong("decimal number", value)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _wrong("whole number", text) from None


def _float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise _wrong("number", text) from None
    if not math.isfinite(number):
        raise _wrong("number", text)
    return number


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _wrong("true or false", text)


_FROM_TEXT: dict[object, Callable[[str], object]] = {
    str: str,
    int: _whole,
    float: _float,
    bool: _bool,
    Decimal: _decimal,
}
_WORDS: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Decimal: "decimal number",
}


def _choices(annotation: object) -> tuple[str, ...]:
    """The words of a Literal or an Enum; empty for anything else."""
    if get_origin(annotation) is Literal:
        return tuple(str(choice) for choice in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(member.value) for member in annotation)
    return ()


def _choose(value: object, annotation: object, choices: tuple[str, ...]) -> object:
    members = cast(
        "Iterable[object]", annotation if isinstance(annotation, type) else get_args(annotation)
    )
    word = str(value.value if isinstance(value, Enum) else value).strip()
    for choice, member in zip(choices, members, strict=True):
        if choice.lower() == word.lower() and not isinstance(value, bool):
            return member
    raise _wrong("one of " + ", ".join(choices), value)


def _optional_of(annotation: object) -> object | None:
    """`X` of `X | None`; None for anything else."""
    if get_origin(annotation) not in {Union, UnionType}:
        return None
    others = [part for part in get_args(annotation) if part is not NoneType]
    return others[0] if len(others) == 1 and len(get_args(annotation)) == 2 else None  # noqa: PLR2004


def _item_type(annotation: object) -> object | None:
    """`X` of `list[X]` and `tuple[X, ...]`; None for anything else."""
    arguments = get_args(annotation)
    if get_origin(annotation) is list:
        return arguments[0]
    if get_origin(annotation) is tuple and arguments[-1] is Ellipsis:
        return arguments[0]
    return None


def _items(
    value: object, annotation: object, item: object, read: Callable[..., object]
) -> list[object] | tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(describe(annotation), value)
    parts = cast("Iterable[object]", value)
    values = [read(part, item) for part in parts]
    return values if get_origin(plain_type(annotation)) is list else tuple(values)
