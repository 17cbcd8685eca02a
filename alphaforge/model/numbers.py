"""Exact numbers: text, ints and floats to Decimal and back, and rounding to a grid.

Money never passes through float arithmetic: a float is read by its shortest text.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeAlias

Number: TypeAlias = str | int | float | Decimal

ZERO = Decimal(0)
ONE = Decimal(1)
NAN = Decimal("NaN")
CURRENCY_STEP = Decimal("1e-8")
"""Fees, and the cost share of a partial close, are rounded half-even to this, once, at booking."""

EXACT = Context(prec=60)
"""Wide enough that no product of a price, a quantity and a rate is ever rounded."""

TOO_LARGE = Decimal("1e21")
"""No price or quantity of an order reaches this; below it no product is too wide for `EXACT`."""


def decimal_of(value: Number) -> Decimal:
    """Read a number exactly: text and Decimal as written, a float by its shortest text.

    Anything that is no number (also a bool, NaN or infinite input) gives `NAN`, which no order
    passes the risk gate with: a bad number is denied with a reason, it never raises in a strategy.
    numpy's floats are floats.
    """
    if value.__class__ is str:
        return _read_text(value)
    return _read(value)


@lru_cache(maxsize=4096)
def _read_text(text: str) -> Decimal:
    """Strategies write the same few quantities over and over."""
    return _read(text)


def _read(value: Number) -> Decimal:
    if isinstance(value, bool):
        return NAN
    try:
        number = Decimal(float.__repr__(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        return NAN
    return number if number.is_finite() else NAN


def plain(number: Decimal) -> str:
    """Write without exponent and without trailing zeros: `0.10` → `0.1`, `1E+2` → `100`."""
    if not number:
        return "0"
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@lru_cache(maxsize=1024)
def decimal_step(step: Decimal) -> Decimal | None:
    """1, 0.1, 0.01, … in its shortest form, by which rounding is a plain `quantize`; else None.

    The form matters: `quantize` looks at the exponent alone, so `0.10` would round to cents.
    """
    shortest = step.normalize(EXACT)
    sign, digits, exponent = shortest.as_tuple()
    fits = digits == (1,) and not sign and isinstance(exponent, int) and exponent <= 0
    return shortest if fits else None


def _to_grid(number: Decimal, step: Decimal, rounding: str) -> Decimal:
    unit = decimal_step(step)
    if unit is not None:
        return number.quantize(unit, rounding, EXACT)
    count = EXACT.divide(number, step).to_integral_value(rounding)
    return EXACT.multiply(count, step)


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """Round towards minus infinity onto the grid of `step`."""
    return _to_grid(number, step, ROUND_FLOOR)


def ceil_to(number: Decimal, step: Decimal) -> Decimal:
    """Round towards plus infinity onto the grid of `step`."""
    return _to_grid(number, step, ROUND_CEILING)


def nearest_to(number: Decimal, step: Decimal) -> Decimal:
    """Round half-even onto the grid of `step`."""
    return _to_grid(number, step, ROUND_HALF_EVEN)


def decimals_in(text: str) -> int:
    """How many decimals a number written in full needs, after dropping trailing zeros.

    `"61659.70"` → 1, `"100"` → 0, `"1e-8"` → 8. Raises `InvalidOperation` for what is no number.
    """
    exponent = Decimal(text).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
