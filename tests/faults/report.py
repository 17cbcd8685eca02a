"""The matrix as people read it: a table of calls and outcomes, and what was wrong."""

from collections.abc import Sequence

from tests.faults.cells import ALL, Cell, Result
from tests.faults.expected import expected
from tests.faults.outcomes import CALLS, VARIANTS

_SHORT = {
    "asked again": "again",
    "taken as it is": "taken",
}


def faults_of(cell: Cell, result: Result) -> list[str]:
    """Everything in which a cell is not what it must be."""
    found = list(result.wrong)
    wanted = expected(cell.call, cell.variant.name)
    if not found and result.path != wanted:
        found.append(f"path: {result.path!r}, expected {wanted!r}")
    return found


def told(cell: Cell, result: Result) -> str:
    """A cell in a line."""
    found = faults_of(cell, result)
    state = "ok  " if not found else "FAIL"
    line = f"{state} {result.cell:<46} {result.seconds:5.1f} s  {result.path}"
    return "\n".join([line, *(f"       {each}" for each in found)])


def summed_up(results: dict[str, Result]) -> str:
    """What the whole run showed, in a few lines."""
    played = [cell for cell in ALL if cell.name in results]
    bad = [cell for cell in played if faults_of(cell, results[cell.name])]
    wrong = [each for cell in played for each in results[cell.name].wrong]
    counts = ", ".join(
        f"{sum(each.startswith(word) for each in wrong)} {word}"
        for word in ("lost", "doubled", "imagined", "stuck", "died")
    )
    pairs = {(cell.call, cell.variant.number) for cell in played}
    slowest = max((result.seconds for result in results.values()), default=0.0)
    return (
        f"{len(pairs)} cells in {len(played)} variants: {len(played) - len(bad)} as expected, "
        f"{len(bad)} not; {counts}; the slowest was calm again after {slowest:.1f} s"
    )


def markdown(results: dict[str, Result]) -> str:
    """The table for docs/reliability.md."""
    rows = [
        "| outcome | " + " | ".join(call.replace("_", " ") for call in CALLS) + " |",
        "|---" * (len(CALLS) + 1) + "|",
    ]
    for variant in VARIANTS:
        cells = [Cell(call, variant) for call in CALLS]
        words = [_word(cell, results.get(cell.name)) for cell in cells]
        rows.append(f"| {variant.number} {variant.name} | " + " | ".join(words) + " |")
    return "\n".join(rows)


def _word(cell: Cell, result: Result | None) -> str:
    if result is None:
        return "not played"
    if faults_of(cell, result):
        return "**FAIL**"
    path = result.path.partition(":")[0]
    return _SHORT.get(path, path)


def by_name(names: Sequence[str]) -> list[Cell]:
    """The cells whose name holds one of some texts; all of them without any."""
    return [cell for cell in ALL if not names or any(each in cell.name for each in names)]
