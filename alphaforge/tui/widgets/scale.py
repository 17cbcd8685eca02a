"""Scales of charts: where a value stands among rows, and which values get a label.

Must know nothing of a screen, and must give finite places for any finite values.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_MARGIN: Final = 0.03
_FLAT: Final = 0.001
_TOO_EMPTY: Final = 0.55
_NO_SPAN: Final = 1e-12
_LEAST: Final = 1e-12
_HUGE: Final = 1e300


@dataclass(frozen=True)
class Scale:
    """`rows` rows between two values, the higher one above.

    Attributes:
        low, high: At the lower edge of the last row and the upper edge of the first.
    """

    low: float
    high: float
    rows: int

    def place(self, value: float, parts: int) -> int:
        """Which part of a row, counted from above, `value` falls into; each row has `parts`.

        Values outside fall into the first or the last one, `nan` into the last.
        """
        last = self.rows * parts - 1
        at = (self.high - value) / (self.high - self.low) * (last + 1)
        if 0 <= at <= last:
            return int(at)
        return 0 if at < 0 else last

    def row(self, value: float) -> int:
        """The row of `value`, 0 above."""
        return self.place(value, 1)

    def value(self, row: int) -> float:
        """The value in the middle of a row."""
        return self.high - (row + 0.5) * (self.high - self.low) / self.rows

    def holds(self, value: float) -> bool:
        """Whether `value` is between the edges."""
        return self.low <= value <= self.high


def scale_for(low: float, high: float, rows: int, before: Scale | None = None) -> Scale:
    """A scale for values between `low` and `high`, with a small margin.

    The scale `before` is kept where the values fit into it without leaving it too empty, so that
    a chart does not jump with each price.
    """
    rows = max(1, rows)
    span = high - low
    if before is not None and before.rows == rows and before.low <= low and high <= before.high:
        whole = before.high - before.low
        if span >= whole * _TOO_EMPTY:
            return before
    largest = max(abs(low), abs(high))
    is_flat = span <= max(largest * _NO_SPAN, _LEAST)
    margin = max(largest * _FLAT, _LEAST) if is_flat else span * _MARGIN
    return Scale(low - margin, high + margin, rows)


def nice_step(span: float, most: int) -> float:
    """The smallest 1, 2, 2.5 or 5 times a power of ten of which at most `most` fit into `span`."""
    rough = span / max(1, most)
    if not math.isfinite(rough) or rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next((step * power for step in _STEPS if step * power >= rough * 0.999), 10 * power)


def nice_values(scale: Scale, rows_apart: int) -> list[float]:
    """Round values within a scale, at least `rows_apart` rows apart, ascending."""
    step = nice_step(scale.high - scale.low, max(1, scale.rows // rows_apart))
    first = math.ceil(scale.low / step)
    last = math.floor(scale.high / step)
    return [number * step for number in range(first, min(last, first + scale.rows) + 1)]


def decimals_of(step: float) -> int:
    """Decimals that a label needs so that neighbours differ, 0 to 12."""
    for decimals in range(12):
        if abs(round(step, decimals) - step) < step * 1e-6:
            return decimals
    return 12


def extent(values: Iterable[float]) -> tuple[float, float] | None:
    """The smallest and largest value; None without any.

    What is no number or too large to be subtracted from another does not count.
    """
    finite = [value for value in values if -_HUGE < value < _HUGE]
    return (min(finite), max(finite)) if finite else None
