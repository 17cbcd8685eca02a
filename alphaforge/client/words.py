"""The words of one typed line, taken apart: places in order, options by name.

Every complaint is a `UsageError` that shows how the verb is typed. Must know no verb.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from alphaforge.errors import UsageError
from alphaforge.model.numbers import decimal_of, plain

FLAGS: Final = frozenset({"--post-only", "--reduce-only", "--dry-run", "--all", "--flatten"})
"""Options without a value."""

_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?")
_LONGEST_NUMBER: Final = 60
_LONGEST_SHOWN: Final = 40
_HIGHEST_DIGITS: Final = 9


class Words:
    """What follows a verb.

    Attributes:
        usage: How the verb is typed, for errors.
        places: Words that are no options, not yet taken.
        options: Their values; `1` for those without.
    """

    def __init__(self, usage: str, known: Sequence[str], words: Sequence[str]) -> None:
        """`known` options; `@P` is `--limit P` where that is known. Raises `UsageError`."""
        self.usage = usage
        self.places: list[str] = []
        self.options: dict[str, str] = {}
        waiting = list(words)
        while waiting:
            word = waiting.pop(0)
            if word.startswith("--"):
                self._take_option(known, word, waiting)
            elif word.startswith("@") and "--limit" in known:
                self._set("--limit", word[1:])
            else:
                self.places.append(word)

    def _take_option(self, known: Sequence[str], word: str, waiting: list[str]) -> None:
        name, has_value, value = word.partition("=")
        if name not in known:
            raise self.wrong(f"there is no option {shown(name)} here", near(name, known))
        if name in FLAGS:
            if has_value:
                raise self.wrong(f"{name} takes no value")
            value = "1"
        elif not has_value:
            if not waiting:
                raise self.wrong(f"{name} wants a value")
            value = waiting.pop(0)
        self._set(name, value)

    def _set(self, name: str, value: str) -> None:
        if name in self.options:
            raise self.wrong(f"{name} was said twice")
        self.options[name] = value

    def take(self, what: str) -> str:
        """The next place as a name; raises `UsageError` if there is none."""
        if not self.places:
            raise self.wrong(f"{what} is missing")
        return self.name(what, self.places.pop(0))

    def take_if_any(self, what: str) -> str:
        """The next place as a name, or nothing."""
        return self.take(what) if self.places else ""

    def end(self) -> None:
        """Raise `UsageError` if anything is left."""
        if self.places:
            raise self.wrong(f"{shown(self.places[0])} is too much")

    def has(self, option: str) -> bool:
        """Whether an option was given."""
        return option in self.options

    def text(self, option: str, default: str = "") -> str:
        """An option's value as a name."""
        value = self.options.get(option)
        return default if value is None else self.name(option, value)

    def price(self, option: str) -> str | None:
        """An option's value as a number; None without it."""
        value = self.options.get(option)
        return None if value is None else self.number(option, value)

    def number(self, what: str, text: str) -> str:
        """More than zero, in plain decimals."""
        if len(text) > _LONGEST_NUMBER or not text.isascii() or not _NUMBER.fullmatch(text):
            raise self.wrong(f"{what} is no number: {shown(text)}")
        number = decimal_of(text)
        if number <= 0:
            raise self.wrong(f"{what} must be more than zero")
        return plain(number)

    def count(self, what: str, text: str) -> int:
        """A whole number from 1."""
        is_number = text.isascii() and text.isdigit() and len(text) <= _HIGHEST_DIGITS
        if not is_number or int(text) == 0:
            raise self.wrong(f"{what} is no whole number from 1: {shown(text)}")
        return int(text)

    def name(self, what: str, text: str) -> str:
        """Something that names something: not empty, and nothing a terminal would act on."""
        if not text or not text.isprintable() or text.startswith(("-", "@")):
            raise self.wrong(f"{what} is no name: {shown(text)}")
        return text

    def wrong(self, message: str, guess: str = "") -> UsageError:
        """The error of this verb; without a guess it shows how it is typed."""
        return UsageError(message, remedy=guess or f"type: {self.usage}")


def near(word: str, known: Iterable[str]) -> str:
    """`did you mean NAME?`, or nothing."""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)
    return f"did you mean {by_lower[found[0]]}?" if found else ""


def shown(text: str) -> str:
    """What was typed, short, with nothing in it that a terminal would act on."""
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return repr(cut) if not cut.isprintable() or not cut.strip() else cut
