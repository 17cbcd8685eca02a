"""The relative strength index of Wilder, New Concepts in Technical Trading Systems, 1978.

Must agree with TA-Lib also where it is a matter of taste: no movement at all gives 0, not 50.
"""

from math import nan

from alphaforge.engine.indicators.parameters import check_period
from alphaforge.engine.indicators.protocols import BarLike


class RSI:
    """Which share of the recent movement was upwards, 0 to 100.

    100 × gain / (gain + loss), both averaged over the first `period` changes and then smoothed as
    Wilder does: average = (average × (period − 1) + new) / period. Ready with price number
    `period` + 1. A price that has never moved gives 0, as TA-Lib.

    Attributes:
        period: Price changes in the average, from 2.
        value: The index; NaN until ready.
        ready: True from price number `period` + 1 on.
    """

    __slots__ = ("_changes", "_gain", "_loss", "_previous", "period", "ready", "value")

    def __init__(self, period: int = 14) -> None:
        self.period = check_period("RSI", "period", period, minimum=2)
        self.reset()

    def reset(self) -> None:
        """Forget every price."""
        self.value = nan
        self.ready = False
        self._previous = nan
        self._changes = -1
        self._gain = 0.0
        self._loss = 0.0

    def update(self, price: float) -> None:
        """Take the next price."""
        change = price - self._previous  # NaN on the first price: neither a gain nor a loss
        self._previous = price
        gain = change if change > 0 else 0.0
        loss = -change if change < 0 else 0.0
        if not self.ready:
            self._seed(gain, loss)
            return
        period = self.period
        self._gain = gain = (self._gain * (period - 1) + gain) / period
        self._loss = loss = (self._loss * (period - 1) + loss) / period
        movement = gain + loss
        self.value = 100.0 * (gain / movement) if movement > 0 else 0.0

    def update_bar(self, bar: BarLike) -> None:
        """Take the close of a bar."""
        self.update(bar.close)

    def _seed(self, gain: float, loss: float) -> None:
        self._changes += 1
        self._gain += gain
        self._loss += loss
        if self._changes < self.period:
            return
        self._gain /= self.period
        self._loss /= self.period
        movement = self._gain + self._loss
        self.value = 100.0 * (self._gain / movement) if movement > 0 else 0.0
        self.ready = True
