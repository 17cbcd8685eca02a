"""The true range of Wilder 1978, shared by ATR and ADX."""


def true_range(high: float, low: float, previous_close: float) -> float:
    """How far the price moved since the close before, in price units.

    The greatest of high − low, |high − previous close| and |low − previous close|.
    """
    top = high if high > previous_close else previous_close
    bottom = low if low < previous_close else previous_close
    return top - bottom
