"""The volume-weighted average price since the last reset.

It knows no session: the strategy calls `reset()` when one begins.
"""

from math import nan

from alphaforge.engine.indicators.protocols import BarLike


class VWAP:
    """Σ price × volume / Σ volume over everything since the start or the last reset.

    Ready as soon as some volume was seen. An update with volume 0 changes nothing. Both sums carry
    the rounding error of each addition along (Neumaier 1974), so a long session does not drift.

    Attributes:
        value: The average price; NaN until ready.
        ready: True from the first update with volume above 0.
    """

    __slots__ = ("_lost_value", "_lost_volume", "_value", "_volume", "ready", "value")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin a new session."""
        self.value = nan
        self.ready = False
        self._value = 0.0
        self._lost_value = 0.0
        self._volume = 0.0
        self._lost_volume = 0.0

    def update(self, price: float, volume: float) -> None:
        """Take one trade or bar; volume is zero or more, in the unit of the data."""
        if volume <= 0:
            return
        traded = price * volume
        total = self._value
        self._value = grown = total + traded
        self._lost_value += (
            (total - grown) + traded if total >= traded else (traded - grown) + total
        )
        total = self._volume
        self._volume = grown = total + volume
        self._lost_volume += (
            (total - grown) + volume if total >= volume else (volume - grown) + total
        )
        self.value = (self._value + self._lost_value) / (self._volume + self._lost_volume)
        self.ready = True

    def update_bar(self, bar: BarLike) -> None:
        """Take the typical price of a bar, (high + low + close) / 3, with its volume."""
        self.update((bar.high + bar.low + bar.close) / 3.0, bar.volume)
