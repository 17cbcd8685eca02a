"""The slow stochastic oscillator (Lane), as TA-Lib's STOCH with simple averages.

Must give 0, as TA-Lib, where the window has no range; other programs give 50 or 100 there.
"""

from math import nan
from typing import Final

from alphaforge.engine.indicators.extremes import RollingMax, RollingMin
from alphaforge.engine.indicators.parameters import check_period
from alphaforge.engine.indicators.protocols import BarLike
from alphaforge.engine.indicators.sma import SMA

_ROUNDING: Final = 1e-14  # a range no wider than this share of |high| + |low| is none (TA-Lib 0.8)


class Stochastic:
    """Where the close stands in the range of the last `period` bars, 0 to 100, smoothed twice.

    Raw = 100 × (close − lowest low) / (highest high − lowest low), 0 when there is no range beyond
    rounding (2e-14 of the price, as TA-Lib 0.8); k is the mean of the last `k_period` raw numbers,
    d the mean of the last `d_period` k. Ready with bar number `period` + `k_period` + `d_period`
    − 2, both at once. `k_period` 1 is the fast form.

    Attributes:
        period: Bars in the range, from 1.
        k_period: Raw numbers in k, from 1.
        d_period: Values of k in d, from 1.
        value: k; NaN until ready.
        k: The smoothed position; NaN until ready.
        d: Its average; NaN until ready.
        ready: True from that bar on.
    """

    __slots__ = (
        "_d",
        "_highs",
        "_k",
        "_lows",
        "_seen",
        "d",
        "d_period",
        "k",
        "k_period",
        "period",
        "ready",
        "value",
    )

    def __init__(self, period: int = 14, k_period: int = 3, d_period: int = 3) -> None:
        self.period = check_period("Stochastic", "period", period)
        self.k_period = check_period("Stochastic", "k_period", k_period)
        self.d_period = check_period("Stochastic", "d_period", d_period)
        self.reset()

    def reset(self) -> None:
        """Forget every bar."""
        self.value = self.k = self.d = nan
        self.ready = False
        self._highs = RollingMax(self.period)
        self._lows = RollingMin(self.period)
        self._k = SMA(self.k_period)
        self._d = SMA(self.d_period)
        self._seen = 0

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        highest = self._highs.update(high)
        lowest = self._lows.update(low)
        self._seen += 1
        if self._seen < self.period:
            return
        span = highest - lowest
        ranges = span > _ROUNDING * (abs(highest) + abs(lowest))
        self._k.update((close - lowest) / (span / 100.0) if ranges else 0.0)
        if not self._k.ready:
            return
        self._d.update(self._k.value)
        if self._d.ready:
            self.value = self.k = self._k.value
            self.d = self._d.value
            self.ready = True

    def update_bar(self, bar: BarLike) -> None:
        """Take the high, low and close of a bar."""
        self.update(bar.high, bar.low, bar.close)
