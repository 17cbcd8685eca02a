"""What can be set: every key with its type, range, default and meaning, read off the structs.

The validator, the JSON schema, `config schema --format markdown` and docs/configuration.md all come
from here, so they cannot disagree. Must never read a file or the environment.
"""

import inspect
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from alphaforge.model.numbers import plain
from alphaforge.services.config_sections import Settings
from alphaforge.services.values import describe

ANY_NAME = "*"
"""Stands for a name of the user's own in a key: `venues.*.kind`."""


class Range(NamedTuple):
    """What a number may be; None = no bound.

    Attributes:
        minimum: Smallest value allowed.
        above: Value it must exceed.
        maximum: Largest value allowed.
    """

    minimum: Decimal | None = None
    above: Decimal | None = None
    maximum: Decimal | None = None

    def problem(self, value: Decimal) -> str:
        """What is wrong with a value, in words; empty when it is inside."""
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {plain(self.minimum)}"
        if self.above is not None and value <= self.above:
            return f"must be above {plain(self.above)}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {plain(self.maximum)}"
        return ""

    def __str__(self) -> str:
        low = f"≥ {plain(self.minimum)}" if self.minimum is not None else ""
        low = f"> {plain(self.above)}" if self.above is not None else low
        high = f"≤ {plain(self.maximum)}" if self.maximum is not None else ""
        return ", ".join(part for part in (low, high) if part)


class Key(NamedTuple):
    """One key of alphaforge.toml.

    Attributes:
        name: Dotted; `*` stands for a name of the user's own.
        annotation: Its type.
        default: Its value when nothing says otherwise; None = not stated.
        bounds: What a number may be.
        meaning: One line from the struct's docstring, with the unit.
    """

    name: str
    annotation: object
    default: object
    bounds: Range
    meaning: str

    @property
    def section(self) -> str:
        """Everything before the last dot."""
        return self.name.rpartition(".")[0]

    @property
    def type_text(self) -> str:
        """The type in a user's words; `X or none` of an optional key is X: left out means none."""
        return describe(self.annotation).removesuffix(" or none")

    @property
    def default_text(self) -> str:
        """The default as TOML writes it; `not set` for None."""
        return "not set" if self.default is None else toml_text(self.default)


_NOT_NEGATIVE = Range(minimum=Decimal(0))
_POSITIVE = Range(above=Decimal(0))
_SEED = Range(minimum=Decimal(0), maximum=Decimal(2**32 - 1))
_FEE = Range(minimum=Decimal(-100), maximum=Decimal(1000))
_SIMULATED = {
    "leverage": Range(minimum=Decimal(1), maximum=Decimal(1000)),
    "maker_bps": _FEE,
    "taker_bps": _FEE,
    "slippage_bps": Range(minimum=Decimal(0), maximum=Decimal(1000)),
    "latency_ms": Range(minimum=Decimal(0), maximum=Decimal(3_600_000)),
}
_RISK = ("max_order_quantity", "max_order_value", "max_position_value", "max_open_orders")
RANGES: dict[str, Range] = {
    "engine.seed": _SEED,
    "engine.callback_seconds": Range(minimum=Decimal(0), maximum=Decimal(3600)),
    "venues.*.recv_window_ms": Range(minimum=Decimal(1), maximum=Decimal(60_000)),
    "venues.*.weight_share": Range(above=Decimal(0), maximum=Decimal(1)),
    "venues.*.seed": _SEED,
    "venues.*.speed": Range(minimum=Decimal(1), maximum=Decimal(1000)),
    "instruments.*.price_step": _POSITIVE,
    "instruments.*.quantity_step": _POSITIVE,
    "instruments.*.min_quantity": _NOT_NEGATIVE,
    "instruments.*.min_value": _NOT_NEGATIVE,
    "instruments.*.multiplier": _POSITIVE,
    "instruments.*.maker_bps": _FEE,
    "instruments.*.taker_bps": _FEE,
    **{f"paper.{name}": bounds for name, bounds in _SIMULATED.items()},
    **{f"backtest.{name}": bounds for name, bounds in _SIMULATED.items()},
    "backtest.periods_per_year": Range(minimum=Decimal(1), maximum=Decimal(100_000)),
    **{f"risk.{name}": _NOT_NEGATIVE for name in _RISK},
    "risk.price_collar_pct": Range(minimum=Decimal(0), maximum=Decimal(1000)),
    "risk.sizing.fraction": Range(minimum=Decimal(0), maximum=Decimal(1)),
    "risk.sizing.max_value": _NOT_NEGATIVE,
    "tui.fps": Range(minimum=Decimal(0), maximum=Decimal(30)),
    "tui.confirm_over": _NOT_NEGATIVE,
}
_NO_RANGE = Range()


def toml_text(value: object) -> str:
    """A value as TOML writes it; a Decimal in quotes only where a bare number would lose digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return toml_text(str(value.value))
    if isinstance(value, Decimal):
        text = plain(value)
        return text if Decimal(repr(float(text))) == value else f'"{text}"'
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if isinstance(value, tuple | list):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType] - any item
        return "[" + ", ".join(toml_text(item) for item in items) + "]"
    return str(value)


def struct_of(annotation: object) -> type[msgspec.Struct] | None:
    """The annotation itself when it is a section, else None."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    return None


def named_type(annotation: object) -> object | None:
    """`X` of `dict[str, X]`, the tables whose names are the user's; None for anything else."""
    return get_args(annotation)[1] if get_origin(annotation) is dict else None


@cache
def field_types(struct: type[msgspec.Struct]) -> dict[str, object]:
    """Key → annotation of a section, in the order they are declared."""
    return get_type_hints(struct, include_extras=True)


@cache
def all_keys() -> tuple[Key, ...]:
    """Every key there is, in the order of the file."""
    return tuple(_walk(Settings, ""))


def _walk(struct: type[msgspec.Struct], prefix: str) -> Iterator[Key]:
    meanings = _meanings(struct)
    defaults = struct()
    for name, annotation in field_types(struct).items():
        full = prefix + name
        section, named = struct_of(annotation), named_type(annotation)
        inner = struct_of(named)
        if section is not None:
            yield from _walk(section, f"{full}.")
        elif inner is not None:
            yield from _walk(inner, f"{full}.{ANY_NAME}.")
        elif named is not None:
            name_pattern = f"{full}.{ANY_NAME}" + (f".{ANY_NAME}" if named is not str else "")
            leaf = named if named is str else object
            yield Key(name_pattern, leaf, None, _NO_RANGE, meanings[name])
        else:
            bounds = RANGES.get(full, _NO_RANGE)
            yield Key(full, annotation, getattr(defaults, name), bounds, meanings[name])


def _meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Key → its `Attributes:` text, of the struct and its bases."""
    found: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        current = ""
        text = inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")[2]
        for line in text.splitlines():
            name, colon, meaning = line.strip().partition(": ")
            if colon and line.startswith("    ") and not line.startswith("     "):
                current = name
                found[current] = meaning
            elif current and line.strip():
                found[current] += f" {line.strip()}"
    return found


def section_meaning(name: str) -> str:
    """The first line of the docstring of a section (`risk.sizing`, `venues.*`)."""
    current: object = Settings
    for part in name.split("."):
        struct = struct_of(current)
        current = field_types(struct)[part] if struct is not None else named_type(current)
    target = struct_of(current)
    return inspect.cleandoc(target.__doc__ or "").splitlines()[0] if target is not None else ""
