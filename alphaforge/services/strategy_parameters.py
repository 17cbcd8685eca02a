"""The parameters of a strategy class: what can be set, and reading `--set` and `[strategies.NAME]`.

An annotated attribute with a default is a parameter, on the class and its bases up to `Strategy`.
Must never call a callback: only the class is looked at, and instances are given attributes.
"""

import ast
import inspect
import io
import textwrap
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cache
from typing import ClassVar, NamedTuple, get_origin, get_type_hints

from alphaforge.errors import StrategyError, UsageError
from alphaforge.services.suggestions import nearest
from alphaforge.services.values import (
    WrongValueError,
    describe,
    is_readable,
    read_text,
    read_value,
    shown,
)


class Parameter(NamedTuple):
    """One parameter of a strategy.

    Attributes:
        name: The attribute.
        type: Its annotation.
        default: What it is when nobody says otherwise.
        doc: The text under the attribute or the comment behind it; empty when there is none.
    """

    name: str
    type: object
    default: object
    doc: str

    @property
    def type_text(self) -> str:
        """The type in a user's words."""
        return describe(self.type)


def parameters_of(cls: type) -> dict[str, Parameter]:
    """Every parameter by name: those of the bases first, each in the order it is written.

    Raises `StrategyError` for an annotation that names nothing, and for a default that does not
    fit its annotation.
    """
    return {parameter.name: parameter for parameter in _parameters(cls)}


@cache
def _parameters(cls: type) -> tuple[Parameter, ...]:
    found: dict[str, Parameter] = {}
    for base in reversed(_own_bases(cls)):
        documents = _documents(base)
        written: dict[str, object] = inspect.get_annotations(base)
        for name, text in written.items():
            if name.startswith("_") or name not in vars(base):
                continue
            annotation = _annotation(base, name, text)
            if not _is_constant(annotation):
                default = _fitting_default(cls, name, annotation)
                found[name] = Parameter(name, annotation, default, documents.get(name, ""))
    return tuple(found.values())


def configure(cls: type, values: Mapping[str, object]) -> dict[str, object]:
    """Convert given values by their annotations: `{"fast": "5"}` → `{"fast": 5}`.

    Only the given ones are returned. Text is read as it would be typed; other values as TOML
    gives them. Raises `UsageError` naming the parameter, the value and what was expected.
    """
    known = parameters_of(cls)
    return {name: _converted(cls, known, name, value) for name, value in values.items()}


def apply_parameters(strategy: object, values: Mapping[str, object]) -> None:
    """Set every parameter of a new instance, given or default; a list is never shared."""
    for name, parameter in parameters_of(type(strategy)).items():
        setattr(strategy, name, copy(values.get(name, parameter.default)))


def assign_settings(
    texts: Sequence[str], strategies: Mapping[str, type]
) -> dict[str, dict[str, str]]:
    """Sort `--set k=v` and `--set NAME.k=v` by strategy name.

    A plain `k=v` goes to every strategy that has `k`. Raises `UsageError` for what is no
    assignment, an unknown strategy name and a parameter that none has.
    """
    assigned: dict[str, dict[str, str]] = {name: {} for name in strategies}
    for text in texts:
        target, equals, value = text.partition("=")
        name, _, key = target.strip().rpartition(".")
        if not equals or not key:
            raise UsageError(
                f"--set {text} is no assignment",
                remedy="write --set name=value, as in --set fast=5",
            )
        for owner in _owners(name, key, strategies):
            assigned[owner][key] = value
    return assigned


def _owners(name: str, key: str, strategies: Mapping[str, type]) -> Iterable[str]:
    if name and name not in strategies:
        guess = nearest(name, strategies)
        names = ", ".join(strategies)
        remedy = f"did you mean {guess}.{key}?" if guess else f"strategies of this run: {names}"
        raise UsageError(f"--set {name}.{key}: there is no strategy {name}", remedy=remedy)
    candidates = {name: strategies[name]} if name else strategies
    owners = [own for own, cls in candidates.items() if key in parameters_of(cls)]
    if not owners:
        every = {parameter for cls in candidates.values() for parameter in parameters_of(cls)}
        raise _unknown(key, next(iter(candidates.values())).__name__, sorted(every))
    return owners


def _unknown(key: str, owner: str, known: Sequence[str]) -> UsageError:
    guess = nearest(key, known)
    remedy = f"did you mean {guess}? " if guess else ""
    listed = f"its parameters: {', '.join(known)}" if known else "it has no parameters"
    return UsageError(f"{owner} has no parameter {key}", remedy=remedy + listed)


def _converted(cls: type, known: Mapping[str, Parameter], name: str, value: object) -> object:
    parameter = known.get(name)
    if parameter is None:
        raise _unknown(name, cls.__name__, list(known))
    try:
        return _read(value, parameter.type)
    except WrongValueError as error:
        raise UsageError(
            f"parameter {name} of {cls.__name__}: {error}",
            remedy=f"write: {parameter.type_text}; the default is {shown(parameter.default)}",
        ) from error


def _read(value: object, annotation: object) -> object:
    if isinstance(value, str):
        return read_text(value, annotation)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and describe(annotation).startswith("text"):
        return str(value)
    return read_value(value, annotation)


def _own_bases(cls: type) -> list[type]:
    """The class and its bases, without the framework's and the language's."""
    foreign = ("alphaforge.", "builtins", "typing", "abc")
    return [base for base in cls.__mro__ if not base.__module__.startswith(foreign)]


def _annotation(base: type, name: str, written: object) -> object:
    """One annotation, resolved by itself: those that are no parameter's may name what they like."""
    alone = {"__annotations__": {name: written}, "__module__": base.__module__}
    try:
        return get_type_hints(type(base.__name__, (), alone), include_extras=True)[name]
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        path, line = place_of(base, name)
        raise StrategyError(
            f"the annotation of parameter {name} cannot be read: {error}",
            remedy="import the name it uses at the top of the file",
            path=path,
            line=line,
        ) from error


def _is_constant(annotation: object) -> bool:
    return annotation is ClassVar or get_origin(annotation) is ClassVar


def _fitting_default(cls: type, name: str, annotation: object) -> object:
    """The default as its annotation reads it: `size: Decimal = "0.1"` is a Decimal."""
    default: object = getattr(cls, name)
    if not is_readable(annotation):
        return default
    try:
        return read_value(default, annotation)
    except WrongValueError as error:
        path, line = place_of(cls, name)
        raise StrategyError(
            f"the default of parameter {name} does not fit its annotation: {error}",
            remedy=f"write: {describe(annotation)}, or change the annotation",
            path=path,
            line=line,
        ) from error


def place_of(cls: type, attribute: str) -> tuple[str | None, int | None]:
    """File and line where an attribute of a class or its bases is written."""
    for base in _own_bases(cls):
        tree, first = _tree(base)
        for node in tree.body if tree is not None else []:
            if attribute in _names(node):
                return inspect.getsourcefile(base), first + node.lineno - 1
    return None, None


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return [node.name] if is_function else []


def _source(base: type) -> tuple[str, int]:
    try:
        lines, first = inspect.getsourcelines(base)
    except (OSError, TypeError):  # typed into a shell, or made by a function
        return "", 1
    return textwrap.dedent("".join(lines)), max(first, 1)


def _tree(base: type) -> tuple[ast.ClassDef | None, int]:
    """The class's syntax tree and the line of the file on which it begins."""
    text, first = _source(base)
    body = ast.parse(text).body if text else []
    found = body[0] if body else None
    return (found if isinstance(found, ast.ClassDef) else None), first


def _documents(base: type) -> dict[str, str]:
    """Attribute → the text literal under it, else the comment behind it."""
    tree, _first = _tree(base)
    if tree is None:
        return {}
    comments = dict(_comments(_source(base)[0]))
    found: dict[str, str] = {}
    for node, below in zip(tree.body, [*tree.body[1:], None], strict=True):
        for name in _names(node):
            found[name] = _literal(below) or comments.get(node.end_lineno or 0, "")
    return found


def _literal(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return inspect.cleandoc(node.value.value) if isinstance(node.value.value, str) else ""
    return ""


def _comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ").strip()
