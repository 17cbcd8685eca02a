"""Indicators a strategy feeds one price or bar at a time, each O(1) and equal to TA-Lib's.

Every one has `update(...)`, `update_bar(bar)`, `value` (NaN until `ready`), `ready` and `reset()`.
An indicator must never look at the time, the order book or another indicator's state, and must
never be shared by two strategies.
"""

from alphaforge.engine.indicators.adx import ADX
from alphaforge.engine.indicators.atr import ATR
from alphaforge.engine.indicators.bollinger import Bollinger
from alphaforge.engine.indicators.donchian import Donchian
from alphaforge.engine.indicators.ema import EMA
from alphaforge.engine.indicators.macd import MACD
from alphaforge.engine.indicators.obv import OBV
from alphaforge.engine.indicators.parameters import IndicatorParameterError
from alphaforge.engine.indicators.protocols import BarLike, Indicator
from alphaforge.engine.indicators.rsi import RSI
from alphaforge.engine.indicators.sma import SMA
from alphaforge.engine.indicators.stochastic import Stochastic
from alphaforge.engine.indicators.vwap import VWAP
from alphaforge.engine.indicators.wma import WMA

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
    "BarLike",
    "Bollinger",
    "Donchian",
    "Indicator",
    "IndicatorParameterError",
    "Stochastic",
]
