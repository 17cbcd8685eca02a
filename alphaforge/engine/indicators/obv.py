"""On-balance volume (Granville 1963): a running sum of signed volume."""

from math import nan

from alphaforge.engine.indicators.protocols import BarLike


class OBV:
    """The volume of rising updates minus the volume of falling ones.

    Starts with the volume of the first update, as TA-Lib, so only its changes mean anything. An
    unchanged close adds nothing. A plain float sum: exact while volumes are whole numbers and the
    total stays below 2^53.

    Attributes:
        value: The sum, in the unit of the volume; NaN until ready.
        ready: True from the first update on.
    """

    __slots__ = ("_close", "ready", "value")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.value = nan
        self.ready = False
        self._close = nan

    def update(self, close: float, volume: float) -> None:
        """Take the next close and the volume that led to it."""
        if not self.ready:
            self.value = volume
            self.ready = True
        elif close > self._close:
            self.value += volume
        elif close < self._close:
            self.value -= volume
        self._close = close

    def update_bar(self, bar: BarLike) -> None:
        """Take the close and volume of a bar."""
        self.update(bar.close, bar.volume)
