"""The size gates: fails when a function, a file or the import graph has grown past the house rules.

Run as `python scripts/measure.py [FOLDER]`. Prints one line of figures, then each violation. What
may be larger stands in `measure.toml` beside this file, with its reason; an entry that is no
longer needed is a violation too. Reads source text only and must never import what it measures.
"""

import ast
import statistics
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = "alphaforge"
FOLDERS = (PACKAGE, "benchmarks", "scripts", "strategies", "tests")
MAX_FUNCTION_LINES = 60
MAX_STATEMENTS = 40
MAX_NESTING = 3
MAX_FILE_LINES = 400
MAX_TEST_FILE_LINES = 600
MAX_MEDIAN_FUNCTION_LINES = 10

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef
_DEEPENING = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


@dataclass
class Findings:
    """What one walk over the sources found; `violations` maps `path` or `path::name` to texts."""

    file_lines: list[int] = field(default_factory=list)
    function_lines: list[int] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    imports: dict[str, set[str]] = field(default_factory=dict)

    def blame(self, where: str, what: str) -> None:
        """Record one violation."""
        self.violations.setdefault(where, []).append(what)


def named_functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Every function of a tree with its dotted name, `Engine.process` or `outer.inner`."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, _FUNCTIONS):
            yield prefix + child.name, child
            yield from named_functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from named_functions(child, f"{prefix}{child.name}.")
        else:
            yield from named_functions(child, prefix)


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes below a function that do not belong to a function or class inside it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def statement_count(function: Function) -> int:
    """The function's own statements, its docstring left out."""
    documented = ast.get_docstring(function, clean=False) is not None
    return sum(isinstance(node, ast.stmt) for node in own_nodes(function)) - documented


def nesting(node: ast.AST, depth: int = 0) -> int:
    """The deepest level of if/for/while/with/try/match; an `elif` does not deepen."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deeper = isinstance(child, _DEEPENING) and not is_elif
        deepest = max(deepest, nesting(child, depth + deeper))
    return deepest


def check_function(where: str, function: Function, findings: Findings) -> int:
    """Hold one function against the three gates; returns its length in lines."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    measured = (
        (lines, MAX_FUNCTION_LINES, "lines"),
        (statement_count(function), MAX_STATEMENTS, "statements"),
        (nesting(function), MAX_NESTING, "levels of nesting"),
    )
    for value, limit, unit in measured:
        if value > limit:
            findings.blame(where, f"{value} {unit}, at most {limit}")
    return lines


def imported_modules(tree: ast.AST, modules: set[str]) -> set[str]:
    """Modules of the package imported anywhere in a file: in functions and for types as well."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            submodules = names & modules
            found |= submodules
            if submodules != names:
                found.add(node.module)
    return found & modules


def module_name(path: Path) -> str:
    """`alphaforge/engine/__init__.py` is `alphaforge.engine`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_cycle(imports: dict[str, set[str]]) -> list[str]:
    """One cycle of the graph as a path that ends where it began; empty when there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as found:
        return list(reversed(found.args[1]))
    return []


def measure(root: Path) -> Findings:
    """Walk all sources below `root`; exceptions are not applied yet."""
    findings = Findings()
    paths = sorted(path for name in FOLDERS for path in (root / name).rglob("*.py"))
    modules = {module_name(path.relative_to(root)) for path in paths}
    for path in paths:
        relative = path.relative_to(root)
        where, in_tests = relative.as_posix(), relative.parts[0] == "tests"
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, where)
        lines, limit = text.count("\n"), MAX_TEST_FILE_LINES if in_tests else MAX_FILE_LINES
        if lines > limit:
            findings.blame(where, f"{lines} lines, at most {limit}")
        lengths = [
            check_function(f"{where}::{name}", function, findings)
            for name, function in named_functions(tree)
        ]
        if relative.parts[0] == PACKAGE:
            findings.file_lines.append(lines)
            findings.function_lines += lengths
            findings.imports[module_name(relative)] = imported_modules(tree, modules)
    check_whole(findings)
    return findings


def check_whole(findings: Findings) -> None:
    """The gates on the package as a whole: its import graph and its typical function."""
    if cycle := import_cycle(findings.imports):
        findings.blame(PACKAGE, f"import cycle {' -> '.join(cycle)}")
    median = statistics.median(findings.function_lines or [0])
    if median > MAX_MEDIAN_FUNCTION_LINES:
        findings.blame(
            PACKAGE, f"median function {median} lines, at most {MAX_MEDIAN_FUNCTION_LINES}"
        )


def apply_exceptions(findings: Findings, exceptions: dict[str, str]) -> list[str]:
    """The violations that remain, plus entries without a reason or without a violation."""
    remaining = [
        f"{where}: {text}"
        for where, texts in sorted(findings.violations.items())
        for text in texts
        if where not in exceptions
    ]
    for where, reason in sorted(exceptions.items()):
        if where not in findings.violations:
            remaining.append(f"{where}: its entry in measure.toml is no longer needed")
        if not reason.strip():
            remaining.append(f"{where}: its entry in measure.toml gives no reason")
    return remaining


def spread(values: list[int]) -> str:
    """`median·p90·max` of a list, zeros when it is empty."""
    ordered = sorted(values) or [0]
    ninth = ordered[min(len(ordered) - 1, len(ordered) * 9 // 10)]
    return f"{statistics.median(ordered):g}·{ninth}·{ordered[-1]}"


def main(root: Path) -> int:
    """Print the figures and every violation; 1 when there is one."""
    listed = root / "scripts" / "measure.toml"
    exceptions = tomllib.loads(listed.read_text(encoding="utf-8"))["exceptions"]
    findings = measure(root)
    violations = apply_exceptions(findings, exceptions)
    print(
        f"measure: {len(findings.file_lines)} files of {spread(findings.file_lines)} lines, "
        f"{len(findings.function_lines)} functions of {spread(findings.function_lines)} lines "
        f"(median·p90·max), {len(exceptions)} exceptions, {len(violations)} violations"
    )
    for violation in violations:
        print(f"  {violation}")
    return 1 if violations else 0


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    sys.exit(main(folder))
