"""What a strategy keeps on itself, as plain data and back, without its help.

Numbers, text, containers of them, indicators, seeded generators, market events and live handles
are understood; everything else is refused by name, never guessed at: a strategy that comes back
with half of its memory would trade on it. What is shared stays shared: an object met twice is
written once. Must never run a user's code, and never make an object of a class not listed here.
"""

import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

from alphaforge.engine import indicators
from alphaforge.engine.bars import Aggregator, BarBuilder
from alphaforge.engine.book import SIDE, OrderBook
from alphaforge.engine.indicators.extremes import RollingMax, RollingMin
from alphaforge.engine.portfolio import Position
from alphaforge.errors import AlphaForgeError
from alphaforge.model import enums
from alphaforge.model.events import Signal
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, BarOpen, BookDelta, BookSnapshot, Quote, Trade
from alphaforge.model.orders import Fill, Order

Node = Any
"""A value as plain data: itself, or a list whose first item says what the rest stands for."""

_ATOMS: Final = frozenset({float, str, bool, bytes, type(None)})
_WIDEST: Final = 1 << 63

_STRUCTS: Final[dict[str, type[msgspec.Struct]]] = {
    kind.__name__: kind
    for kind in (Bar, BarOpen, BookDelta, BookSnapshot, Fill, Instrument, Quote, Signal, Trade)
}
_ENUMS: Final[dict[str, type[StrEnum]]] = {
    name: kind
    for name, kind in vars(enums).items()
    if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum
}
_INDICATORS: Final = tuple(
    kind
    for kind in (getattr(indicators, name) for name in indicators.__all__)
    if hasattr(kind, "update") and "__slots__" in vars(kind)
)
_OBJECTS: Final[dict[str, type]] = {
    kind.__name__: kind
    for kind in (*_INDICATORS, RollingMax, RollingMin, BarBuilder, Aggregator, OrderBook, SIDE)
}
_FACTORIES: Final[dict[str, Callable[[], Any]]] = {
    kind.__name__: kind for kind in (int, float, str, bool, list, dict, set, tuple, Decimal, deque)
}
_KNOWN: Final = frozenset({*_STRUCTS.values(), *_ENUMS.values(), *_OBJECTS.values()})


class SnapshotError(AlphaForgeError):
    """There is no snapshot to be had, or this one cannot be used: recover from the run's start."""

    default_code = "AF-A120"


class SnapshotRefusedError(SnapshotError):
    """A strategy keeps what nobody but itself can save, or its `on_save` or `on_load` failed."""

    default_code = "AF-A121"


class Handles(Protocol):
    """Names for the engine's live objects that a strategy may hold."""

    def name_of(self, handle: Order | Position) -> list[Node] | None:
        """What finds it again; None for one that is not the engine's."""
        ...

    def find(self, name: list[Node]) -> Order | Position:
        """The same object in the engine that came back."""
        ...


class Writer:
    """Turns values into nodes; `objects` collects what may be shared."""

    def __init__(self, handles: Handles) -> None:
        self.objects: list[list[Node]] = []
        self._handles = handles
        self._known: dict[int, int] = {}
        self._kept: list[object] = []
        self._todo: list[tuple[list[Node], Any]] = []

    def attributes(self, owner: str, values: Iterable[tuple[str, Any]]) -> list[list[Node]]:
        """Each (name, value) with its node; raises naming `owner` and the attribute."""
        rows: list[list[Node]] = []
        for name, value in values:
            try:
                rows.append([name, self.node(value)])
                self._finish()
            except _UnknownKindError as unknown:
                raise SnapshotRefusedError(
                    f"{owner} keeps a `{unknown}` in `self.{name}`, which cannot be saved for it",
                    remedy="write `on_save` and `on_load`, or keep numbers, text, lists, dicts "
                    "and indicators only",
                ) from None
            except RecursionError:
                raise SnapshotRefusedError(
                    f"{owner} keeps tuples in `self.{name}` too deep to be saved",
                    remedy="keep lists, which may be as deep as you like",
                ) from None
        return rows

    def node(self, value: Any) -> Node:
        """One value; what it holds is written when `attributes` or `finish` comes to it."""
        kind = value.__class__
        if kind in _ATOMS:
            return value
        if kind is int or kind is Decimal:
            return _number(value)
        if kind is tuple or kind is frozenset:
            whole = kind is tuple
            return ["t", [*map(self.node, value)]] if whole else ["f", self._unordered(value)]
        if kind is Order or kind is Position:
            name = self._handles.name_of(value)
            if name is None:
                raise _UnknownKindError(kind.__name__)
            return ["h", *name]
        if kind in _KNOWN:
            return self._known_kind(value, kind)
        return ["r", self._shared(value, kind)]

    def _known_kind(self, value: Any, kind: type) -> Node:
        if isinstance(value, StrEnum):
            return ["e", kind.__name__, str(value)]
        if isinstance(value, msgspec.Struct):
            fields = [self.node(getattr(value, name)) for name in value.__struct_fields__]
            return ["s", kind.__name__, fields]
        return ["r", self._shared(value, kind)]

    def _shared(self, value: Any, kind: type) -> int:
        """The number of an object that may be met again; its content is written later."""
        number = self._known.get(id(value))
        if number is None:
            row = _head(value, kind)
            number = self._known[id(value)] = len(self.objects)
            self._kept.append(value)
            self.objects.append(row)
            self._todo.append((row, value))
        return number

    def _finish(self) -> None:
        """Write the content of every object that was met: a loop, so that no depth is too deep."""
        while self._todo:
            row, value = self._todo.pop()
            row.append(self._content(row[0], value))

    def _content(self, head: str, value: Any) -> Node:
        if head == "object":
            return [[name, self.node(each)] for name, each in own_attributes(value)]
        if head == "random":
            version, words, spare = value.getstate()
            return [version, list(words), spare]
        if head in ("dict", "defaultdict"):
            return [[self.node(key), self.node(each)] for key, each in value.items()]
        if head == "set":
            return self._unordered(value)
        if all(each.__class__ is float for each in value):
            return list(value)
        return [self.node(each) for each in value]

    def _unordered(self, values: Iterable[Any]) -> list[Node]:
        """Members of a set in an order that does not depend on their hashes."""
        return sorted((self.node(each) for each in values), key=repr)


class Reader:
    """Turns nodes back into values; objects that were shared are again."""

    def __init__(self, objects: list[list[Node]], handles: Handles) -> None:
        self._handles = handles
        self._objects = [_shell(row) for row in objects]
        for row, made in zip(objects, self._objects, strict=True):
            self._fill(row, made)

    def value(self, node: Node) -> Any:
        """The value that a node stands for."""
        if node.__class__ is not list:
            return node
        return self._read(node[0], node[1:])

    def _read(self, tag: str, rest: list[Node]) -> Any:
        if tag == "r":
            return self._objects[rest[0]]
        if tag == "h":
            return self._handles.find(rest)
        if tag in "tf":
            items = [self.value(each) for each in rest[0]]
            return tuple(items) if tag == "t" else frozenset(items)
        if tag in "id":
            return int(rest[0], 16) if tag == "i" else Decimal(rest[0])
        if tag == "e":
            return _ENUMS[rest[0]](rest[1])
        kind = _STRUCTS[rest[0]]
        values = [self.value(each) for each in rest[1]]
        return kind(**dict(zip(kind.__struct_fields__, values, strict=True)))

    def _fill(self, row: list[Node], made: Any) -> None:
        head, content = row[0], row[-1]
        if head == "object":
            for name, each in content:
                setattr(made, name, self.value(each))
        elif head == "random":
            made.setstate((content[0], tuple(content[1]), content[2]))
        elif head in ("dict", "defaultdict"):
            for key, each in content:
                made[self.value(key)] = self.value(each)
        elif head == "set":
            made.update(self.value(each) for each in content)
        else:
            made.extend(self.value(each) for each in content)


class _UnknownKindError(Exception):
    """A value of a kind that is not understood; its text is the kind's name."""


def _number(value: int | Decimal) -> Node:
    """The wire form has 64 bits for an int; sums of lots may need more."""
    if isinstance(value, Decimal):
        return ["d", str(value)]
    return value if -_WIDEST <= value < _WIDEST else ["i", hex(value)]


def own_attributes(thing: object) -> list[tuple[str, Any]]:
    """Name and value of everything kept on an object itself, in slots or not, by name."""
    found: dict[str, Any] = {}
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            private = slot.startswith("__") and not slot.endswith("__")
            name = f"_{kind.__name__.lstrip('_')}{slot}" if private else slot
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                found[name] = getattr(thing, name)
    found |= getattr(thing, "__dict__", {})
    return sorted(found.items())


def _head(value: Any, kind: type) -> list[Node]:
    """What must be known of an object before its content can be put into it."""
    if kind in (list, dict, set):
        return [kind.__name__]
    if kind is deque:
        return ["deque", value.maxlen]
    if kind is defaultdict:
        factory = value.default_factory
        name = getattr(factory, "__name__", "")
        if factory is None or _FACTORIES.get(name) is factory:
            return ["defaultdict", name if factory is not None else ""]
        raise _UnknownKindError(f"defaultdict of {name or factory}")
    if kind.__name__ in _OBJECTS and _OBJECTS[kind.__name__] is kind:
        return ["object", kind.__name__]
    if kind is _random():
        return ["random"]
    raise _UnknownKindError(kind.__name__)


def _shell(row: list[Node]) -> Any:
    """An empty object, so that others can refer to it before it is filled."""
    head = row[0]
    if head == "object":
        kind: Any = _OBJECTS[row[1]]
        return kind.__new__(kind)
    if head == "deque":
        return deque[Any](maxlen=row[1])
    if head == "defaultdict":
        return defaultdict[Any, Any](_FACTORIES[row[1]] if row[1] else None)
    if head == "random":
        return _random()(0)
    return _FACTORIES[head]()


def _random() -> Any:
    """The class of seeded generators, if anybody here imported it: this package draws nothing."""
    return getattr(sys.modules.get("random"), "Random", None)


def layout() -> list[str]:
    """What the written form depends on: the fields of every class above."""
    structs = [f"{name} {kind.__struct_fields__}" for name, kind in _STRUCTS.items()]
    slotted = [f"{name} {vars(kind).get('__slots__')}" for name, kind in _OBJECTS.items()]
    return [*structs, *slotted]
