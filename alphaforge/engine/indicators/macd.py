"""Moving average convergence and divergence (Appel), with the seeding of TA-Lib.

TA-Lib starts both averages on the same bar, so the fast one ignores the first prices. An ordinary
fast EMA would differ for hundreds of bars.
"""

from math import nan

from alphaforge.engine.indicators.ema import EMA
from alphaforge.engine.indicators.parameters import IndicatorParameterError, check_period
from alphaforge.engine.indicators.protocols import BarLike


class MACD:
    """The fast average minus the slow one, and an average of that difference.

    Ready with price number `slow_period` + `signal_period` − 1, all outputs at once, as TA-Lib.

    Attributes:
        fast_period: Length of the fast EMA, from 1, below `slow_period`.
        slow_period: Length of the slow EMA.
        signal_period: Length of the EMA over the difference, from 1.
        value: The MACD line, fast minus slow, in price units; NaN until ready.
        signal: The EMA of the line; NaN until ready.
        histogram: `value` minus `signal`; NaN until ready.
        ready: True from that price on.
    """

    __slots__ = (
        "_fast",
        "_signal",
        "_skip",
        "_slow",
        "fast_period",
        "histogram",
        "ready",
        "signal",
        "signal_period",
        "slow_period",
        "value",
    )

    def __init__(
        self, fast_period: int = 12, slow_period: int = 26, signal_period: int = 9
    ) -> None:
        self.fast_period = check_period("MACD", "fast_period", fast_period)
        self.slow_period = check_period("MACD", "slow_period", slow_period)
        self.signal_period = check_period("MACD", "signal_period", signal_period)
        if fast_period >= slow_period:
            raise IndicatorParameterError(
                f"MACD: fast_period {fast_period} must be below slow_period {slow_period}",
                remedy="give the shorter period first",
            )
        self.reset()

    def reset(self) -> None:
        """Forget every price."""
        self.value = self.signal = self.histogram = nan
        self.ready = False
        self._fast = EMA(self.fast_period)
        self._slow = EMA(self.slow_period)
        self._signal = EMA(self.signal_period)
        self._skip = self.slow_period - self.fast_period

    def update(self, price: float) -> None:
        """Take the next price."""
        self._slow.update(price)
        if self._skip:
            self._skip -= 1
            return
        self._fast.update(price)
        if not self._slow.ready:
            return
        line = self._fast.value - self._slow.value
        signal = self._signal
        signal.update(line)
        if signal.ready:
            self.value = line
            self.signal = signal.value
            self.histogram = line - signal.value
            self.ready = True

    def update_bar(self, bar: BarLike) -> None:
        """Take the close of a bar."""
        self.update(bar.close)
