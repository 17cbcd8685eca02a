"""The linearly weighted moving average, without the drift of running sums.

The window is a tail of the block before and a head of this one, as in `sma.py`; nothing is ever
subtracted from a sum.
"""

from itertools import accumulate
from math import nan

from alphaforge.engine.indicators.parameters import check_period
from alphaforge.engine.indicators.protocols import BarLike


class WMA:
    """The mean of the last `period` prices, weighted 1 for the oldest to `period` for the newest.

    Ready with price number `period`, as TA-Lib's WMA.

    Attributes:
        period: Prices in the window, from 1.
        value: The weighted mean; NaN until ready.
        ready: True from price number `period` on.
    """

    __slots__ = ("_block", "_newer", "_older", "_ranked", "_weights", "period", "ready", "value")

    def __init__(self, period: int) -> None:
        self.period = check_period("WMA", "period", period)
        self._weights = self.period * (self.period + 1) / 2
        self.reset()

    def reset(self) -> None:
        """Forget every price."""
        self.value = nan
        self.ready = False
        self._block: list[float] = []  # the prices of this block
        self._newer = 0.0  # their sum
        self._ranked = 0.0  # their sum, the first weighted 1, the second 2, ...
        # Tails of the block before, each weighted 1, 2, ... from its oldest price on.
        self._older: list[float] = [0.0, *([nan] * (self.period - 1))]

    def update(self, price: float) -> None:
        """Take the next price."""
        block, older = self._block, self._older
        block.append(price)
        self._newer = newer = self._newer + price
        self._ranked = ranked = self._ranked + len(block) * price
        tail = older.pop()
        self.value = (tail + len(older) * newer + ranked) / self._weights
        if not older:
            self._turn()

    def update_bar(self, bar: BarLike) -> None:
        """Take the close of a bar."""
        self.update(bar.close)

    def _turn(self) -> None:
        self.ready = True
        # One price further back, every weight in the tail grows by one: sums of sums.
        self._older = list(accumulate(accumulate(self._block[:0:-1]), initial=0.0))
        self._block.clear()
        self._newer = self._ranked = 0.0
