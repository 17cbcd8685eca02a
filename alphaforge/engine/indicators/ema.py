"""The exponential moving average, seeded as TA-Lib seeds it.

Must stay the cheapest indicator of all: many strategies call it on every tick.
"""

from math import nan

from alphaforge.engine.indicators.parameters import check_period
from alphaforge.engine.indicators.protocols import BarLike


class EMA:
    """An average in which the newest price weighs 2 / (period + 1).

    Ready with price number `period`, whose value is the plain mean of the first `period` prices
    (TA-Lib's default seed); from then on `value += weight * (price - value)`.

    Attributes:
        period: The nominal length, from 1; with 1 the value is the last price.
        value: The average; NaN until ready.
        ready: True from price number `period` on.
    """

    __slots__ = ("_seen", "_sum", "_weight", "period", "ready", "value")

    def __init__(self, period: int) -> None:
        self.period = check_period("EMA", "period", period)
        self._weight = 2.0 / (self.period + 1)
        self.reset()

    def reset(self) -> None:
        """Forget every price."""
        self.value = nan
        self.ready = False
        self._seen = 0
        self._sum = 0.0

    def update(self, price: float) -> None:
        """Take the next price."""
        if self.ready:
            value = self.value
            self.value = value + self._weight * (price - value)
        else:
            self._seed(price)

    def update_bar(self, bar: BarLike) -> None:
        """Take the close of a bar."""
        self.update(bar.close)

    def _seed(self, price: float) -> None:
        self._seen += 1
        self._sum += price
        if self._seen == self.period:
            self.value = self._sum / self.period
            self.ready = True
