"""What reading a file came to: rows, rows that could not be read (with their place), gaps.

A bad row is counted and the first ones are kept in full, so that one damaged line in a million is
told and not lost. Nothing here may print: whoever reads a file decides how its report is shown.
"""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from alphaforge.errors import DataError

KEPT_BAD_ROWS = 20
"""Bad rows kept in full; the rest is counted only."""

STRICT_REMEDY = "correct the file, or leave out --strict to go on without the bad row"
"""What to do about a bad row that `--strict` stopped at."""


class BadRow(msgspec.Struct, frozen=True):
    """One line that could not be read.

    Attributes:
        line: Counted from 1, with the header; in a zip, the line of the file inside.
        column: Name of the column at fault; empty when the whole line is meant.
        what: What is wrong, in words.
        expected: What would have been right; empty when there is nothing to say.
    """

    line: int
    column: str
    what: str
    expected: str

    def error(self, path: Path, remedy: str = "") -> DataError:
        """The same as an error that names file, line, column and what was expected."""
        return DataError(
            self.what,
            path=path,
            line=self.line,
            column=self.column,
            expected=self.expected,
            remedy=remedy,
        )


@dataclass
class ReadReport:
    """Filled while a file is read; a fresh pass begins a fresh count.

    Attributes:
        path: The file.
        strict: A bad row raises `DataError` instead of being counted.
        rows: Rows read well.
        bad_count: Rows that could not be read.
        bad: The first `KEPT_BAD_ROWS` of them.
        empty: Bar rows without any price for a symbol (before its listing), passed over.
        gaps: Breaks in the sequence of book differences, as the venue numbered them.
        truncated: The compressed file ends too early or is damaged; what was readable was read.
        notes: What else a person should know, one sentence each.
    """

    path: Path
    strict: bool = False
    rows: int = 0
    bad_count: int = 0
    bad: list[BadRow] = field(default_factory=list[BadRow])
    empty: int = 0
    gaps: int = 0
    truncated: bool = False
    notes: list[str] = field(default_factory=list[str])

    def reset(self) -> None:
        """Begin a new pass."""
        self.rows = self.bad_count = self.empty = self.gaps = 0
        self.bad, self.notes, self.truncated = [], [], False

    def add_bad(self, row: BadRow) -> None:
        """Count a bad row.

        Raises:
            DataError: When strict.
        """
        if self.strict:
            raise row.error(self.path, STRICT_REMEDY)
        self.bad_count += 1
        if len(self.bad) < KEPT_BAD_ROWS:
            self.bad.append(row)

    def note(self, text: str) -> None:
        """Add a sentence, once."""
        if text not in self.notes:
            self.notes.append(text)
