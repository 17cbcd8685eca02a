"""The simple moving average, without the drift of a running sum.

A running sum adds the new price and subtracts the old one, so every rounding error stays in it for
ever. Here nothing is ever subtracted: time is cut into blocks of `period` prices, and a window is a
tail of the block before plus a head of this one. When a block is full the sums of its tails are
laid out once, so an update costs amortised O(1). WMA, Bollinger and the rolling extremes are built
the same way.
"""

from itertools import accumulate
from math import nan

from alphaforge.engine.indicators.parameters import check_period
from alphaforge.engine.indicators.protocols import BarLike


class SMA:
    """The mean of the last `period` prices.

    Ready with price number `period`, as TA-Lib's SMA. Its error is that of summing one window, a
    few parts in 10^16 of the largest price in it, after any number of updates.

    Attributes:
        period: Prices in the window, from 1.
        value: The mean; NaN until ready.
        ready: True from price number `period` on.
    """

    __slots__ = ("_block", "_newer", "_older", "period", "ready", "value")

    def __init__(self, period: int) -> None:
        self.period = check_period("SMA", "period", period)
        self.reset()

    def reset(self) -> None:
        """Forget every price."""
        self.value = nan
        self.ready = False
        self._block: list[float] = []  # the prices of this block
        self._newer = 0.0  # their sum
        # Sums of the block before, its shortest tail first; NaN while there is no block before.
        self._older: list[float] = [0.0, *([nan] * (self.period - 1))]

    def update(self, price: float) -> None:
        """Take the next price."""
        self._block.append(price)
        self._newer = newer = self._newer + price
        older = self._older
        self.value = (older.pop() + newer) / self.period
        if not older:
            self._turn()

    def update_bar(self, bar: BarLike) -> None:
        """Take the close of a bar."""
        self.update(bar.close)

    def _turn(self) -> None:
        self.ready = True
        self._older = list(accumulate(self._block[:0:-1], initial=0.0))
        self._block.clear()
        self._newer = 0.0
