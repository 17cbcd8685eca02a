"""Finds the name somebody meant; shared by every "did you mean"."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name most like `word`, ignoring case; empty when none is near."""
    by_lower = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[matches[0]] if matches else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean NAME?`, or empty when nothing is near."""
    name = nearest(word, known)
    return f"did you mean {name}?" if name else ""
