"""`alphaforge explain CODE`: what an error code means, read off the error tree."""

import inspect
from typing import Annotated

import typer

from alphaforge import errors
from alphaforge.cli.invocation import invocation_of
from alphaforge.cli.printing import print_json, print_table
from alphaforge.errors import AlphaForgeError, NotFoundError


def explain(
    ctx: typer.Context,
    code: Annotated[str | None, typer.Argument(help="As an error shows it: AF-C000.")] = None,
) -> None:
    """Say what an error code means; without one, list them all.

    alphaforge explain AF-C000
    """
    as_json = invocation_of(ctx).as_json
    if code is None:
        kinds = [_facts(kind) for kind in error_kinds()]
        if as_json:
            print_json({"codes": kinds})
        else:
            columns = ("code", "exit_code", "meaning")
            print_table(columns, [[kind[column] for column in columns] for kind in kinds])
        return
    facts = {**_facts(_kind_of(code)), "code": code.upper()}
    if as_json:
        print_json(facts)
        return
    print(f"{facts['code']}  {facts['name']}, exit code {facts['exit_code']}")
    print(facts["meaning"])
    print(f"what to do: {facts['remedy']}")


def error_kinds() -> list[type[AlphaForgeError]]:
    """Every class of the error tree, parents before children."""
    found: list[type[AlphaForgeError]] = []
    waiting: list[type[AlphaForgeError]] = [AlphaForgeError]
    while waiting:
        kind = waiting.pop(0)
        if kind.__module__ == errors.__name__:
            found.append(kind)
            waiting = [*kind.__subclasses__(), *waiting]
    return found[1:]


def _kind_of(code: str) -> type[AlphaForgeError]:
    """The class of a code: its own, else the one of its hundred, else of its letter."""
    by_code = {kind.default_code: kind for kind in error_kinds()}
    wanted = code.upper()
    for candidate in (wanted, f"{wanted[:5]}00", f"{wanted[:4]}000"):
        if candidate in by_code:
            return by_code[candidate]
    raise NotFoundError(f"there is no error code {code}", remedy="type: alphaforge explain")


def _facts(kind: type[AlphaForgeError]) -> dict[str, object]:
    meaning = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return {
        "code": kind.default_code,
        "name": kind.__name__,
        "exit_code": int(kind.exit_code),
        "meaning": meaning,
        "remedy": _remedy(kind),
    }


def _remedy(kind: type[AlphaForgeError]) -> str:
    """What the tree at the top of `errors.py` says to do, of the class or its parent."""
    for candidate in kind.__mro__:
        for line in (errors.__doc__ or "").splitlines():
            if f" {candidate.__name__} " in line and ": " in line:
                return line.rpartition(": ")[2]
    return "read the message: it says what to type next"
