"""The indicators under the name a strategy imports: `from alphaforge.indicators import SMA`.

A public address only; must never hold code of its own.
"""

from alphaforge.engine.indicators import (
    ADX,
    ATR,
    EMA,
    MACD,
    OBV,
    RSI,
    SMA,
    VWAP,
    WMA,
    Bollinger,
    Donchian,
    Stochastic,
)

__all__ = [
    "ADX",
    "ATR",
    "EMA",
    "MACD",
    "OBV",
    "RSI",
    "SMA",
    "VWAP",
    "WMA",
    "Bollinger",
    "Donchian",
    "Stochastic",
]
