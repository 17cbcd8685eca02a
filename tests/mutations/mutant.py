"""What a mutant is, and how it is made of a copy of the package.

Must never write where it was imported from: a mutant lives in a folder of its own.
"""

from pathlib import Path

import msgspec


class MutantError(Exception):
    """A mutant's text stands in its file more than once, or not at all."""


class Edit(msgspec.Struct, frozen=True):
    """One place of the package, changed.

    Attributes:
        file: Inside the package `alphaforge`.
        old: Text that stands there exactly once.
        new: What stands there in the mutant.
    """

    file: str
    old: str
    new: str

    def change(self, package: Path) -> str:
        """The changed text of the file.

        Raises `MutantError` where the old text does not stand exactly once.
        """
        text = (package / self.file).read_text()
        count = text.count(self.old)
        if count != 1:
            raise MutantError(f"{self.file} holds {count} times, not once: {self.old!r}")
        return text.replace(self.old, self.new)


class Mutant(msgspec.Struct, frozen=True):
    """The package with one thing broken that somebody tired could break.

    Attributes:
        name: Short and unique.
        breaks: What is wrong with it, in one sentence.
        edits: What is changed, one after another.
        survives: Why the simulator does not see it, where that is known; empty: it must be caught.
    """

    name: str
    breaks: str
    edits: tuple[Edit, ...]
    survives: str = ""

    def apply(self, package: Path) -> None:
        """Break a copy of the package."""
        for edit in self.edits:
            (package / edit.file).write_text(edit.change(package))


def broken(
    name: str, breaks: str, file: str, old: str, new: str, *more: Edit, survives: str = ""
) -> Mutant:
    """A mutant of one edit, or of that one and `more`."""
    return Mutant(name, breaks, (Edit(file, old, new), *more), survives)
