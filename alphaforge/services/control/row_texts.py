"""Numbers and times as the control API writes them: plain decimals and ISO times, as text.

The same words as `export` writes, so that a screen and a file never differ in a digit. Must hold
no arithmetic on money.
"""

from decimal import Decimal
from functools import lru_cache
from math import isfinite

from alphaforge.model.numbers import decimal_step, plain
from alphaforge.store.export import iso_time

NEVER = None
"""A time that has not come."""


def time_text(ns: int) -> str | None:
    """ISO-8601 UTC with nine decimals; None for 0, which stands for never."""
    return iso_time(ns) if ns else NEVER


def money_text(number: Decimal | None) -> str | None:
    """A plain decimal; None for none, and for what is no number."""
    return plain(number) if number is not None and number.is_finite() else None


def float_text(number: float) -> str:
    """A price or size of the market by its shortest text, never with an exponent; no number: 0."""
    text = repr(number)
    if "e" in text:
        return plain(Decimal(text))
    return text.removesuffix(".0") if isfinite(number) else "0"


@lru_cache(maxsize=1024)
def decimals_of(step: Decimal) -> int:
    """Decimals that a grid of this step needs: 0.10 → 1, 5 → 0, 0.25 → 2."""
    unit = decimal_step(step)
    exponent = (unit if unit is not None else step.normalize()).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def ratio_pct(part: Decimal | float, whole: Decimal | float) -> float | None:
    """`part` in percent of `whole`, for reading; None where there is no whole."""
    return float(part) / float(whole) * 100.0 if whole else None
