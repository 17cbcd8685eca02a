"""The channel of Donchian: the highest high and the lowest low of some bars.

The bar just taken is part of the window, as in TA-Lib's MAX and MIN. A breakout strategy that wants
the channel before this bar reads it before it updates.
"""

from math import nan

from alphaforge.engine.indicators.extremes import RollingMax, RollingMin
from alphaforge.engine.indicators.parameters import check_period
from alphaforge.engine.indicators.protocols import BarLike


class Donchian:
    """The highest high, the lowest low and the middle of the last `period` bars.

    Attributes:
        period: Bars in the window, from 1.
        value: The middle, (upper + lower) / 2; NaN until ready.
        middle: The same.
        upper: The highest high; NaN until ready.
        lower: The lowest low; NaN until ready.
        ready: True from bar number `period` on.
    """

    __slots__ = ("_highs", "_lows", "_seen", "lower", "middle", "period", "ready", "upper", "value")

    def __init__(self, period: int = 20) -> None:
        self.period = check_period("Donchian", "period", period)
        self.reset()

    def reset(self) -> None:
        """Forget every bar."""
        self.value = self.middle = self.upper = self.lower = nan
        self.ready = False
        self._highs = RollingMax(self.period)
        self._lows = RollingMin(self.period)
        self._seen = 0

    def update(self, high: float, low: float) -> None:
        """Take the next bar."""
        upper = self._highs.update(high)
        lower = self._lows.update(low)
        if not self.ready:
            self._seen += 1
            if self._seen < self.period:
                return
            self.ready = True
        self.upper = upper
        self.lower = lower
        self.value = self.middle = (upper + lower) / 2.0

    def update_bar(self, bar: BarLike) -> None:
        """Take the high and low of a bar."""
        self.update(bar.high, bar.low)
