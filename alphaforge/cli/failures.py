"""How an error reaches the user: what happened, where, what to type next; or the same as JSON.

Must never decide an exit code: the error carries it.
"""

import json
import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from alphaforge.cli.invocation import has_color
from alphaforge.cli.printing import short_path
from alphaforge.errors import AlphaForgeError

SCHEMA = 1
"""Version of the JSON shape of errors."""


def show_failure(error: AlphaForgeError, stream: TextIO | None = None) -> None:
    """Write an error for a person, on stderr.

    A line of a settings, strategy or data file is shown, marked where the place is known.
    """
    out = stream or sys.stderr
    for part in _parts(error):
        print("\n".join(_block(part, out)), file=out)
    if len(_parts(error)) > 1:
        print(f"{error.message}; {error.remedy}" if error.remedy else error.message, file=out)


def show_failure_json(error: AlphaForgeError, stream: TextIO | None = None) -> None:
    """Write an error for a program, on stderr: one object on one line."""
    problems = [_facts(part) for part in _parts(error)]
    content = {"schema": SCHEMA, "error": {**_facts(error), "problems": problems}}
    print(json.dumps(content, ensure_ascii=False), file=stream or sys.stderr)


def internal_failure(error: BaseException) -> AlphaForgeError:
    """A fault of ours as an error the user can report."""
    from alphaforge.errors import InternalError

    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" ({frame.tb_frame.f_code.co_filename}:{frame.tb_lineno})" if frame else ""
    return InternalError(
        f"{type(error).__name__}: {error}{place}",
        remedy="this is a fault of AlphaForge: type it again with -v and report what it shows",
    )


def _parts(error: AlphaForgeError) -> tuple[AlphaForgeError, ...]:
    """The single errors of one that gathers several; else the error itself."""
    problems: tuple[AlphaForgeError, ...] = getattr(error, "problems", ())
    return problems or (error,)


def _facts(error: AlphaForgeError) -> dict[str, object]:
    path: object = getattr(error, "path", None)
    return {
        "code": error.code,
        "message": error.message,
        "exit_code": int(error.exit_code),
        "path": str(path) if path is not None else None,
        "line": getattr(error, "line", None),
        "column": getattr(error, "column", None) or None,
        "key": getattr(error, "key", None) or None,
        "expected": getattr(error, "expected", None) or None,
        "fix": error.remedy or None,
    }


def _block(error: AlphaForgeError, stream: TextIO) -> Iterator[str]:
    facts = _facts(error)
    subject = ", ".join(str(facts[name]) for name in ("key",) if facts[name])
    column = facts["column"]
    if isinstance(column, str):
        subject = f"column {column}"
    message = f"{subject}: {error.message}" if subject else error.message
    if facts["expected"]:
        message += f"; expected {facts['expected']}"
    yield f"{_paint('×', 31, stream)} {_paint(error.code, 1, stream)}  {message}"
    yield from (f"  {line}" for line in _place(facts, getattr(error, "shows_line", True)))
    if error.remedy:
        yield f"  {_paint('fix', 36, stream)}    {error.remedy}"


def _place(facts: dict[str, object], shows_line: bool) -> Iterator[str]:
    """`where`, then the line itself with a caret where its column is known."""
    if facts["path"] is None:
        return
    path, line, column = Path(str(facts["path"])), facts["line"], facts["column"]
    short = short_path(path)
    yield f"where  {short}:{line}" if line is not None else f"where  {short}"
    if not isinstance(line, int) or path.suffix not in {".py", ".toml"} or not shows_line:
        return
    source = linecache.getline(str(path), line).rstrip()
    if not source:
        return
    number = f"{line} │ "
    yield f"       {number}{source}"
    if isinstance(column, int):
        yield " " * (7 + len(number) + column - 1) + "^"


def _paint(text: str, code: int, stream: TextIO) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if has_color(stream) else text
