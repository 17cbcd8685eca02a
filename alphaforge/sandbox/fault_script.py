"""Reads faults: a TOML file of `[[fault]]` tables, or one JSON object of the admin route.

A typo in a fault would be a test that tests nothing, so every unknown key, kind and word is an
error that names the nearest. Must never add a fault itself.
"""

import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path

import msgspec

from alphaforge.errors import ConfigError, NotFoundError
from alphaforge.sandbox.fault_terms import ANY, Fault, FaultKind, Stream
from alphaforge.sandbox.floor import Call
from alphaforge.sandbox.rule_changes import RULES, check_rules

NUMBER_WAYS = ("number", "exponent", "NaN", "empty", "null")
_KEYS = Fault.__struct_fields__
_TABLE = "fault"


def read_script(path: Path, dialects: Iterable[str]) -> tuple[Fault, ...]:
    """Every fault of a file, in its order.

    Raises `NotFoundError` where there is no file, `ConfigError` with the line of the table that
    is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFoundError(
            f"the faults file {path} cannot be read: {error.strerror}",
            remedy="give --faults a file of [[fault]] tables",
        ) from error
    try:
        whole = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}", path=path) from error
    for key in whole:
        if key != _TABLE:
            raise ConfigError(
                f"there is no {key} in a faults file",
                path=path,
                key=key,
                remedy="each fault is a table that begins with [[fault]]",
            )
    tables: object = whole.get(_TABLE, [])
    names, lines = tuple(dialects), _lines_of(text)
    return tuple(
        _read_at(table, names, path, lines[index] if index < len(lines) else None)
        for index, table in enumerate(tables if isinstance(tables, list) else [tables])  # pyright: ignore[reportUnknownArgumentType] - checked by read_fault
    )


def _read_at(table: object, dialects: tuple[str, ...], path: Path, line: int | None) -> Fault:
    try:
        return read_fault(table, dialects)
    except ConfigError as error:
        raise ConfigError(
            error.message, path=path, line=line, key=error.key, remedy=error.remedy
        ) from error


def read_fault(table: object, dialects: Iterable[str]) -> Fault:
    """One fault; raises `ConfigError` naming the key that is wrong, and the nearest right one."""
    if not isinstance(table, Mapping):
        raise ConfigError("a fault is a table of keys", key=_TABLE)
    for key in table:  # pyright: ignore[reportUnknownVariableType] - any mapping
        _known(str(key), _KEYS, "a fault has no key")  # pyright: ignore[reportUnknownArgumentType] - as above
    if "kind" not in table:
        raise ConfigError("a fault needs a kind", key="kind", remedy=f"one of {_list(FaultKind)}")
    for key, words in (
        ("kind", tuple(FaultKind)),
        ("call", (ANY, *Call)),
        ("stream", (ANY, *Stream)),
        ("dialect", (ANY, *dialects)),
        ("value", NUMBER_WAYS),
    ):
        if key in table:
            _known(str(table[key]), words, f"there is no {key}", key)  # pyright: ignore[reportUnknownArgumentType] - any value
    try:
        fault = msgspec.convert(table, Fault)
    except msgspec.ValidationError as error:
        raise ConfigError(f"a fault is wrong: {error}", key=_TABLE) from error
    _check(fault)
    return fault


def _check(fault: Fault) -> None:
    for name in fault.rules:
        _known(name, RULES, "a listing has no rule", "rules")
    try:
        check_rules(fault.rules)
    except ValueError as error:
        raise ConfigError(f"a rule is wrong: {error}", key="rules") from error
    rules = (
        ("probability", 0 < fault.probability <= 1, "more than 0 and at most 1"),
        ("status", 100 <= fault.status <= 599, "an HTTP status, 100 to 599"),  # noqa: PLR2004 - the range of statuses
        ("at", fault.at >= 0, "seconds, 0 or more"),
        ("lasts", fault.lasts is None or fault.lasts > 0, "seconds, more than 0"),
        ("times", fault.times is None or fault.times > 0, "1 or more"),
        ("p99", fault.p99 is None or fault.p99 >= fault.p50 > 0, "at least p50, which is over 0"),
        ("high", fault.high is None or fault.high >= fault.low >= 0, "at least low"),
        ("seconds", fault.seconds >= 0 or fault.kind is FaultKind.CLOCK_SKEW, "0 or more"),
        ("fraction", 0 < fault.fraction <= 1, "more than 0 and at most 1"),
        ("side", fault.side in {"BUY", "SELL"}, "BUY or SELL"),
        ("size", fault.size > 0, "bytes, more than 0"),
        (
            "symbol",
            fault.symbol != ANY or fault.kind not in {FaultKind.HAND_TRADE, FaultKind.FILTERS},
            f"named for a {fault.kind}",
        ),
        (
            "quantity",
            fault.quantity > 0 or fault.kind is not FaultKind.HAND_TRADE,
            "more than 0 for a hand_trade",
        ),
    )
    for key, holds, expected in rules:
        if not holds:
            raise ConfigError(f"{key} must be {expected}", key=key)


def _known(word: str, words: Iterable[str], message: str, key: str = "") -> None:
    known = [str(each) for each in words]
    if word in known:
        return
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]}?" if near else f"one of {_list(known)}"
    raise ConfigError(f"{message} {word}", key=key or word, remedy=remedy)


def _list(words: Iterable[str]) -> str:
    return ", ".join(str(each) for each in words)


def _lines_of(text: str) -> list[int]:
    """The line of each `[[fault]]`, counted from 1."""
    return [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if line.replace(" ", "").startswith(f"[[{_TABLE}]]")
    ]
