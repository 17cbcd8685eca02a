"""Bollinger bands, with a deviation that does not cancel.

The usual E[x²] − E[x]² loses all its digits when prices are large and quiet. Here each part of the
window (a tail of the block before, a head of this one, as in `sma.py`) keeps its mean and its sum
of squared deviations (Welford 1962), and the parts are merged by Chan, Golub and LeVeque 1983: sums
of things that are never negative.
"""

from math import nan, sqrt

from alphaforge.engine.indicators.parameters import check_period, check_positive
from alphaforge.engine.indicators.protocols import BarLike


class Bollinger:
    """The mean of the last `period` prices, and bands some standard deviations around it.

    The deviation is that of the population (divided by `period`), as TA-Lib's BBANDS with a simple
    average. Ready with price number `period`. Constant prices give three equal lines.

    Attributes:
        period: Prices in the window, from 2.
        deviations: Half the distance of the bands, in standard deviations, above 0.
        value: The middle line; NaN until ready.
        middle: The same.
        upper: `middle` plus the deviations; NaN until ready.
        lower: `middle` minus the deviations; NaN until ready.
        ready: True from price number `period` on.
    """

    __slots__ = (
        "_block",
        "_mean",
        "_older_means",
        "_older_squares",
        "_squares",
        "deviations",
        "lower",
        "middle",
        "period",
        "ready",
        "upper",
        "value",
    )

    def __init__(self, period: int = 20, deviations: float = 2.0) -> None:
        self.period = check_period("Bollinger", "period", period, minimum=2)
        self.deviations = check_positive("Bollinger", "deviations", deviations)
        self.reset()

    def reset(self) -> None:
        """Forget every price."""
        self.value = self.middle = self.upper = self.lower = nan
        self.ready = False
        self._block: list[float] = []  # the prices of this block
        self._mean = 0.0
        self._squares = 0.0  # the sum of their squared deviations from that mean
        # The same two for each tail of the block before, the shortest first.
        self._older_means: list[float] = [0.0, *([nan] * (self.period - 1))]
        self._older_squares: list[float] = [0.0] * self.period

    def update(self, price: float) -> None:
        """Take the next price."""
        block, means, period = self._block, self._older_means, self.period
        block.append(price)
        newer = len(block)
        delta = price - self._mean
        self._mean = mean = self._mean + delta / newer
        self._squares = squares = self._squares + delta * (price - mean)
        gap = mean - means.pop()
        older_share = len(means) / period
        middle = mean - gap * older_share
        squares += self._older_squares.pop() + gap * gap * newer * older_share
        distance = self.deviations * sqrt(squares / period)
        self.value = self.middle = middle
        self.upper = middle + distance
        self.lower = middle - distance
        if not means:
            self._turn()

    def update_bar(self, bar: BarLike) -> None:
        """Take the close of a bar."""
        self.update(bar.close)

    def _turn(self) -> None:
        self.ready = True
        means, squared = [0.0], [0.0]
        mean = squares = 0.0
        for count, price in enumerate(self._block[:0:-1], start=1):
            delta = price - mean
            mean += delta / count
            squares += delta * (price - mean)
            means.append(mean)
            squared.append(squares)
        self._older_means, self._older_squares = means, squared
        self._block.clear()
        self._mean = self._squares = 0.0
