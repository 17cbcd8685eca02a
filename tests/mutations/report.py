"""Says which mutants were caught, by what and how soon. Must never leave a survivor out."""

import re
from collections.abc import Sequence
from typing import Final

from tests.mutations.mutant import Mutant
from tests.mutations.running import Result

_INVARIANT: Final = re.compile(r"(I\d+[a-z]?)\b")
_CRASHES: Final = (
    "AssertionError",
    "AttributeError",
    "ImportError",
    "IndexError",
    "NameError",
    "SyntaxError",
    "TypeError",
    "UnboundLocalError",
)
"""A mutant that dies of one of these within its first seeds is a bad one: nobody would ship it."""

NEVER_LONG: Final = 60


def caught_by(violation: str) -> str:
    """A violation in few words: its invariant, or what it begins with."""
    if not violation:
        return ""
    found = _INVARIANT.match(violation)
    if found is not None:
        return found[1]
    if violation.startswith("alert "):
        return violation.split(":", maxsplit=1)[0]
    words = re.sub(r" \(\d+\)", "", violation).split(":")
    return ":".join(words[: 2 if words[0] in ("the session ended", "the simulation ended") else 1])[
        :NEVER_LONG
    ]


def is_crash(result: Result) -> bool:
    """Whether it died of an exception that shows a bad mutant rather than a broken rule."""
    return any(f": {name}" in result.violation for name in _CRASHES)


def figures(results: Sequence[Result]) -> dict[str, object]:
    """The score as plain values."""
    caught = [each for each in results if each.caught_at is not None]
    return {
        "mutants": len(results),
        "caught": len(caught),
        "score": f"{len(caught)} of {len(results)}",
        "survivors": [each.mutant for each in results if each.caught_at is None],
        "crashes": [each.mutant for each in results if is_crash(each)],
        "seeds": sum(each.seeds for each in results),
        "wall_s": round(sum(each.wall for each in results), 1),
    }


def table(mutants: Sequence[Mutant], results: Sequence[Result]) -> list[str]:
    """Markdown, in the order of the list; then the survivors with why."""
    found = {each.mutant: each for each in results}
    lines = [
        "| mutant | what it breaks | caught by | seeds it took | seconds |",
        "|---|---|---|---:|---:|",
    ]
    for mutant in mutants:
        result = found.get(mutant.name)
        if result is None:
            continue
        by = caught_by(result.violation) or "**survived**"
        lines.append(
            f"| {mutant.name} | {mutant.breaks} | {by} | {result.seeds} | {result.wall:.0f} |"
        )
    survivors = [
        mutant
        for mutant in mutants
        if mutant.name in found and found[mutant.name].caught_at is None
    ]
    if survivors:
        lines += ["", "Survivors:", ""]
        lines += [f"- {each.name}: {each.survives or 'not explained'}" for each in survivors]
    return lines
