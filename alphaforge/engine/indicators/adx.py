"""The average directional index of Wilder, New Concepts in Technical Trading Systems, 1978.

Must follow TA-Lib to the bar: its sums start with one range less than Wilder's tables.
"""

from math import nan

from alphaforge.engine.indicators.parameters import check_period
from alphaforge.engine.indicators.protocols import BarLike
from alphaforge.engine.indicators.true_range import true_range


class ADX:
    """How strongly the price trends, 0 to 100, whatever the direction.

    Ready with bar number 2 × `period`; `plus_di` and `minus_di` are numbers from bar `period` + 1
    on. Where the smoothed range is 0 both are 0; where both are 0 the bar has no direction and
    counts as 0 in the index.

    Attributes:
        period: Bars in each average, from 2.
        value: The index; NaN until ready.
        plus_di: Share of upward movement in the range, 0 to 100.
        minus_di: Share of downward movement in the range, 0 to 100.
        ready: True from bar number 2 × `period` on.
    """

    __slots__ = (
        "_close",
        "_high",
        "_low",
        "_minus",
        "_plus",
        "_range",
        "_seen",
        "_sum",
        "minus_di",
        "period",
        "plus_di",
        "ready",
        "value",
    )

    def __init__(self, period: int = 14) -> None:
        self.period = check_period("ADX", "period", period, minimum=2)
        self.reset()

    def reset(self) -> None:
        """Forget every bar."""
        self.value = self.plus_di = self.minus_di = nan
        self.ready = False
        self._seen = 0
        self._high = self._low = self._close = nan
        self._plus = self._minus = self._range = 0.0
        self._sum = 0.0

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        rise = high - self._high
        fall = self._low - low
        moved = true_range(high, low, self._close)
        self._high, self._low, self._close = high, low, close
        self._seen += 1
        if self._seen == 1:
            return
        if self._seen > self.period:  # until then the sums only grow
            self._plus -= self._plus / self.period
            self._minus -= self._minus / self.period
            self._range -= self._range / self.period
        if fall > 0 and rise < fall:
            self._minus += fall
        elif rise > 0 and rise > fall:
            self._plus += rise
        self._range += moved
        if self._seen > self.period:
            self._index()

    def update_bar(self, bar: BarLike) -> None:
        """Take the high, low and close of a bar."""
        self.update(bar.high, bar.low, bar.close)

    def _index(self) -> None:
        moves = self._range > 0
        self.plus_di = plus = 100.0 * (self._plus / self._range) if moves else 0.0
        self.minus_di = minus = 100.0 * (self._minus / self._range) if moves else 0.0
        both = plus + minus
        index = 100.0 * (abs(minus - plus) / both) if both > 0 else 0.0
        if self.ready:
            self.value = (self.value * (self.period - 1) + index) / self.period
            return
        self._sum += index
        if self._seen == 2 * self.period:
            self.value = self._sum / self.period
            self.ready = True
