"""The highest or lowest of the last so many numbers, at amortised O(1).

Blocks as in `sma.py`, with max and min in place of the sum: a window is a tail of the block before
and a head of this one, and no update walks the window.
"""

from itertools import accumulate
from math import inf


class RollingMax:
    """The maximum of the last `period` numbers, or of all while there are fewer."""

    __slots__ = ("_block", "_newer", "_older")

    def __init__(self, period: int) -> None:
        self._block: list[float] = []
        self._newer = -inf
        self._older: list[float] = [-inf] * period

    def update(self, number: float) -> float:
        """Take the next number and give the maximum of the window that ends with it."""
        self._block.append(number)
        newer = self._newer
        if number > newer:
            self._newer = newer = number
        older = self._older.pop()
        if not self._older:
            self._older = list(accumulate(self._block[:0:-1], max, initial=-inf))
            self._block.clear()
            self._newer = -inf
        return newer if newer > older else older


class RollingMin:
    """The minimum of the last `period` numbers, or of all while there are fewer."""

    __slots__ = ("_block", "_newer", "_older")

    def __init__(self, period: int) -> None:
        self._block: list[float] = []
        self._newer = inf
        self._older: list[float] = [inf] * period

    def update(self, number: float) -> float:
        """Take the next number and give the minimum of the window that ends with it."""
        self._block.append(number)
        newer = self._newer
        if number < newer:
            self._newer = newer = number
        older = self._older.pop()
        if not self._older:
            self._older = list(accumulate(self._block[:0:-1], min, initial=inf))
            self._block.clear()
            self._newer = inf
        return newer if newer < older else older
