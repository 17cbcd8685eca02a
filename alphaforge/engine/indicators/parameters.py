"""The one check of what an indicator is made with.

Runs when an indicator is made, never per update; takes objects, since no type checker sees what a
user's script passes. Prices are not checked here: the data engine has
already refused what is not a finite number.
"""

from math import isfinite
from typing import Final

from alphaforge.errors import StrategyError

LONGEST_PERIOD: Final = 100_000  # as TA-Lib; a window is allocated whole when an indicator is made


class IndicatorParameterError(StrategyError, ValueError):
    """An indicator was asked for with a parameter that has no meaning."""

    default_code = "AF-S100"


def check_period(indicator: str, name: str, period: object, minimum: int = 1) -> int:
    """Give the period back if it is a whole number in [minimum, 100000].

    Args:
        indicator: The name of the class, for the message.
        name: The name of the parameter, for the message.
        period: A count of updates.
        minimum: The shortest period for which the formula is defined.

    Raises:
        IndicatorParameterError: It is no int (a bool is none either) or out of range.
    """
    if isinstance(period, bool) or not isinstance(period, int):
        raise IndicatorParameterError(
            f"{indicator}: {name} must be a whole number, got {period!r}",
            remedy=f"give {name} as an int from {minimum} to {LONGEST_PERIOD}",
        )
    if not minimum <= period <= LONGEST_PERIOD:
        raise IndicatorParameterError(
            f"{indicator}: {name} must be from {minimum} to {LONGEST_PERIOD}, got {period}",
            remedy=f"give {name} as an int from {minimum} to {LONGEST_PERIOD}",
        )
    return period


def check_positive(indicator: str, name: str, number: object) -> float:
    """Give the number back as a float if it is finite and above zero.

    Raises:
        IndicatorParameterError: It is zero, negative, infinite, NaN or no number.
    """
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise IndicatorParameterError(
            f"{indicator}: {name} must be a number, got {number!r}",
            remedy=f"give {name} as a number above 0",
        )
    if not (isfinite(number) and number > 0):
        raise IndicatorParameterError(
            f"{indicator}: {name} must be finite and above 0, got {number!r}",
            remedy=f"give {name} as a number above 0",
        )
    return float(number)
