"""What an indicator is, and the four numbers of a bar it may read.

Structural types only: an indicator inherits nothing, and this package must never import the model,
so that an indicator also works on a bar of the user's own making.
"""

from typing import Protocol


class BarLike(Protocol):
    """Anything with the prices and the volume of one bar; `alphaforge.model.market.Bar` is one."""

    @property
    def high(self) -> float:
        """The highest price."""
        ...

    @property
    def low(self) -> float:
        """The lowest price."""
        ...

    @property
    def close(self) -> float:
        """The last price."""
        ...

    @property
    def volume(self) -> float:
        """The traded size, in the unit of the data."""
        ...


class Indicator(Protocol):
    """What every indicator of this package offers beside its own `update`.

    Attributes:
        value: The main output; NaN until `ready`.
        ready: True from the first update after which every output is a number.
    """

    value: float
    ready: bool

    def update_bar(self, bar: BarLike) -> None:
        """Take the fields of the bar the indicator needs, as one update."""
        ...

    def reset(self) -> None:
        """Forget everything, as if newly made with the same parameters."""
        ...
