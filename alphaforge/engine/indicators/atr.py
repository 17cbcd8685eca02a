"""The average true range of Wilder, New Concepts in Technical Trading Systems, 1978.

Must start as TA-Lib: the first bar has no close before it and counts for nothing but its close.
"""

from math import nan

from alphaforge.engine.indicators.parameters import check_period
from alphaforge.engine.indicators.protocols import BarLike
from alphaforge.engine.indicators.true_range import true_range


class ATR:
    """How far the price usually moves in one bar, in price units.

    The plain mean of the first `period` true ranges, then Wilder's smoothing: (average ×
    (period − 1) + new) / period. Ready with bar number `period` + 1.

    Attributes:
        period: Bars in the average, from 1.
        value: The average; NaN until ready; 0 when nothing moves.
        ready: True from bar number `period` + 1 on.
    """

    __slots__ = ("_close", "_ranges", "_sum", "period", "ready", "value")

    def __init__(self, period: int = 14) -> None:
        self.period = check_period("ATR", "period", period)
        self.reset()

    def reset(self) -> None:
        """Forget every bar."""
        self.value = nan
        self.ready = False
        self._close = nan
        self._ranges = -1
        self._sum = 0.0

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        moved = true_range(high, low, self._close)
        self._close = close
        if self.ready:
            self.value = (self.value * (self.period - 1) + moved) / self.period
        else:
            self._seed(moved)

    def update_bar(self, bar: BarLike) -> None:
        """Take the high, low and close of a bar."""
        self.update(bar.high, bar.low, bar.close)

    def _seed(self, moved: float) -> None:
        self._ranges += 1
        if self._ranges == 0:
            return
        self._sum += moved
        if self._ranges == self.period:
            self.value = self._sum / self.period
            self.ready = True
