"""What a fault does to a true answer on its way out: bytes in, bytes out.

Works on any JSON, so that it holds for every dialect. An answer that is no JSON is left alone by
the kinds that need it. Must never change an answer in a way its kind does not tell.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation

import msgspec

from alphaforge.sandbox.fault_terms import Fault, FaultKind

DEPTH = 2000
"""Nested lists of a `deep` answer: twice what Python's own parser follows."""

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"

_UNKNOWN_FIELD = "someNewField"
_UNKNOWN_VALUE = "SOME_NEW_VALUE"
_ENUM_FIELDS = frozenset(
    {"status", "type", "side", "timeInForce", "orderStatus", "orderType", "orderListStatus"}
)
_LIST_KEYS = ("list", "result", "data")


def changed(body: bytes, fault: Fault) -> bytes:
    """The answer as this fault leaves it."""
    if fault.kind is FaultKind.EMPTY:
        return b""
    if fault.kind is FaultKind.TRUNCATED:
        return body[: max(1, len(body) // 2)]
    if fault.kind is FaultKind.MALFORMED:
        return body.replace(b":", b";", 1) if b":" in body else b"{" + body
    if fault.kind is FaultKind.DEEP:
        return b"[" * DEPTH + b"]" * DEPTH
    try:
        answer: object = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    return msgspec.json.encode(_CHANGES[fault.kind](answer, fault))


def _unknown_fields(answer: object, fault: Fault) -> object:
    del fault
    return _each_object(answer, lambda found: {**found, _UNKNOWN_FIELD: {"nested": [1, None]}})


def _unknown_values(answer: object, fault: Fault) -> object:
    names = frozenset(fault.fields) or _ENUM_FIELDS
    return _each_object(
        answer,
        lambda found: {
            name: _UNKNOWN_VALUE if name in names and isinstance(value, str) else value
            for name, value in found.items()
        },
    )


def _numbers(answer: object, fault: Fault) -> object:
    names = frozenset(fault.fields)

    def told(found: dict[str, object]) -> dict[str, object]:
        return {
            name: _number(value, fault.value) if not names or name in names else value
            for name, value in found.items()
        }

    return _each_object(answer, told)


def _number(value: object, way: str) -> object:
    """A number that is told as text, told in another way; anything else as it is."""
    if not isinstance(value, str) or not value:
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    ways: dict[str, object] = {
        "exponent": f"{number:e}",
        "NaN": "NaN",
        "empty": "",
        "null": None,
    }
    return ways.get(way, float(number))


def _page_missing(answer: object, fault: Fault) -> object:
    del fault
    return _each_page(answer, lambda page: page[:-2] + page[-1:] if len(page) > 1 else [])


def _page_repeated(answer: object, fault: Fault) -> object:
    del fault
    return _each_page(answer, lambda page: page + page[-1:])


def _each_page(answer: object, change: Callable[[list[object]], list[object]]) -> object:
    """The answer's list, changed: the answer itself, or under one of the usual names."""
    if isinstance(answer, list):
        return change(list(_items(answer)))  # pyright: ignore[reportUnknownArgumentType] - any list
    if isinstance(answer, dict):
        found = _object(answer)  # pyright: ignore[reportUnknownArgumentType] - any object
        return {
            name: _each_page(value, change) if name in _LIST_KEYS else value
            for name, value in found.items()
        }
    return answer


def _each_object(
    answer: object, change: Callable[[dict[str, object]], dict[str, object]]
) -> object:
    """Every object of the answer, changed from the inside out."""
    if isinstance(answer, list):
        return [_each_object(each, change) for each in _items(answer)]  # pyright: ignore[reportUnknownArgumentType] - any list
    if isinstance(answer, dict):
        found = _object(answer)  # pyright: ignore[reportUnknownArgumentType] - any object
        return change({name: _each_object(value, change) for name, value in found.items()})
    return answer


def _items(found: Iterable[object]) -> Iterable[object]:
    return found


def _object(found: dict[str, object]) -> dict[str, object]:
    return found


_CHANGES: dict[FaultKind, Callable[[object, Fault], object]] = {
    FaultKind.UNKNOWN_FIELDS: _unknown_fields,
    FaultKind.UNKNOWN_VALUES: _unknown_values,
    FaultKind.NUMBERS: _numbers,
    FaultKind.PAGE_MISSING: _page_missing,
    FaultKind.PAGE_REPEATED: _page_repeated,
}
