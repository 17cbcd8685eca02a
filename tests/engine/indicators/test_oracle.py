"""Every indicator that TA-Lib has, against TA-Lib: the same first bar, the same numbers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import talib
from hypothesis import example, given
from hypothesis import strategies as st

from alphaforge.engine.indicators import (
    ADX,
    ATR,
    EMA,
    MACD,
    OBV,
    RSI,
    SMA,
    WMA,
    Bollinger,
    Donchian,
    Stochastic,
)

FILES = ("btcusd_1d_2017_2020.csv", "spy_1m_intraday.csv")


class Case(NamedTuple):
    """How to make one indicator, what to feed it, and what TA-Lib says."""

    make: Callable
    inputs: str  # the first letters of the columns
    outputs: tuple[str, ...]
    oracle: Callable
    unit: str = "price"


def prices(make, oracle, unit="price"):
    return Case(make, "c", ("value",), lambda b: (oracle(b.close),), unit)


CASES = {
    "SMA(2)": prices(lambda: SMA(2), lambda c: talib.SMA(c, 2)),
    "SMA(20)": prices(lambda: SMA(20), lambda c: talib.SMA(c, 20)),
    "EMA(2)": prices(lambda: EMA(2), lambda c: talib.EMA(c, 2)),
    "EMA(50)": prices(lambda: EMA(50), lambda c: talib.EMA(c, 50)),
    "WMA(2)": prices(lambda: WMA(2), lambda c: talib.WMA(c, 2)),
    "WMA(20)": prices(lambda: WMA(20), lambda c: talib.WMA(c, 20)),
    "RSI(2)": prices(lambda: RSI(2), lambda c: talib.RSI(c, 2), "percent"),
    "RSI(14)": prices(lambda: RSI(14), lambda c: talib.RSI(c, 14), "percent"),
    "MACD(12,26,9)": Case(
        MACD, "c", ("value", "signal", "histogram"), lambda b: talib.MACD(b.close)
    ),
    "MACD(2,7,1)": Case(
        lambda: MACD(2, 7, 1),
        "c",
        ("value", "signal", "histogram"),
        lambda b: talib.MACD(b.close, 2, 7, 1),
    ),
    "Bollinger(20,2)": Case(
        Bollinger,
        "c",
        ("upper", "middle", "lower"),
        lambda b: talib.BBANDS(b.close, 20, 2, 2),
    ),
    "Bollinger(5,1.5)": Case(
        lambda: Bollinger(5, 1.5),
        "c",
        ("upper", "middle", "lower"),
        lambda b: talib.BBANDS(b.close, 5, 1.5, 1.5),
    ),
    "ATR(1)": Case(
        lambda: ATR(1), "hlc", ("value",), lambda b: (talib.ATR(b.high, b.low, b.close, 1),)
    ),
    "ATR(14)": Case(ATR, "hlc", ("value",), lambda b: (talib.ATR(b.high, b.low, b.close, 14),)),
    "Donchian(20)": Case(
        Donchian,
        "hl",
        ("upper", "lower", "middle"),
        lambda b: (talib.MAX(b.high, 20), talib.MIN(b.low, 20), talib.MIDPRICE(b.high, b.low, 20)),
    ),
    "Stochastic(14,3,3)": Case(
        Stochastic,
        "hlc",
        ("k", "d"),
        lambda b: talib.STOCH(b.high, b.low, b.close, 14, 3, 0, 3, 0),
        "percent",
    ),
    "Stochastic(5,1,4)": Case(
        lambda: Stochastic(5, 1, 4),
        "hlc",
        ("k", "d"),
        lambda b: talib.STOCH(b.high, b.low, b.close, 5, 1, 0, 4, 0),
        "percent",
    ),
    "ADX(2)": Case(
        lambda: ADX(2),
        "hlc",
        ("value", "plus_di", "minus_di"),
        lambda b: tuple(f(*b[:3], 2) for f in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI)),
        "percent",
    ),
    "ADX(14)": Case(
        ADX,
        "hlc",
        ("value", "plus_di", "minus_di"),
        lambda b: tuple(f(*b[:3], 14) for f in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI)),
        "percent",
    ),
    "OBV": Case(OBV, "cv", ("value",), lambda b: (talib.OBV(b.close, b.volume),), "volume"),
}


def run(case: Case, bars) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What the indicator says after each bar, by output, and whether it was ready."""
    indicator = case.make()
    by_letter = {"h": bars.high, "l": bars.low, "c": bars.close, "v": bars.volume}
    inputs = [by_letter[letter].tolist() for letter in case.inputs]
    told, ready = {name: [] for name in case.outputs}, []
    for row in zip(*inputs, strict=True):
        indicator.update(*row)
        ready.append(indicator.ready)
        for name, column in told.items():
            column.append(getattr(indicator, name))
    return {name: np.array(column) for name, column in told.items()}, np.array(ready)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", CASES)
def test_over_recorded_bars_every_output_equals_talib_from_the_same_bar_on(name, file, recorded):
    bars = recorded(file)
    told, ready = run(CASES[name], bars)
    for output, expected in zip(CASES[name].outputs, CASES[name].oracle(bars), strict=True):
        np.testing.assert_array_equal(np.isnan(told[output]), np.isnan(expected))
        np.testing.assert_allclose(told[output], expected, rtol=1e-9, atol=1e-9, err_msg=output)
    assert ready.any()


@pytest.mark.parametrize("name", CASES)
def test_ready_means_that_every_output_is_a_number_and_the_value_was_none_before(name, recorded):
    told, ready = run(CASES[name], recorded(FILES[0]))
    numbers = np.all([~np.isnan(column) for column in told.values()], axis=0)
    np.testing.assert_array_equal(ready, numbers)


@st.composite
def walks(draw):
    """Bars of a random walk at some magnitude: steps may be nought for a long while."""
    scale = draw(st.sampled_from([1e-6, 1.0, 6e4, 1e12]))
    calm = st.lists(st.just(0.0), min_size=1, max_size=40)
    lively = st.lists(st.floats(-0.05, 0.05), min_size=1, max_size=40)
    steps = [s for part in draw(st.lists(st.one_of(calm, lively), max_size=5)) for s in part]
    close = scale * np.cumprod(1 + np.array([0.0, *steps]))
    opened = np.concatenate([close[:1], close[:-1]])
    wick = draw(st.sampled_from([0.0, 0.01]))
    high, low = np.maximum(close, opened) * (1 + wick), np.minimum(close, opened) * (1 - wick)
    volume = np.round(np.abs(np.sin(np.arange(len(close)))) * 1000)
    return high, low, close, volume


CONSTANT = tuple(np.full(80, number) for number in (100.0, 100.0, 100.0, 5.0))


@pytest.mark.parametrize("name", CASES)
def test_over_random_walks_the_first_bar_and_the_numbers_are_those_of_talib(name, columns):
    case = CASES[name]

    @given(walks())
    @example(CONSTANT)
    def law(walk):
        bars = columns(*walk)
        told, _ = run(case, bars)
        # Both sides round in units of 1e-16 of the largest number they hold.
        size = {"percent": 100.0, "volume": 1e6}.get(case.unit, float(np.max(np.abs(walk[:2]))))
        slack = 1e-9 * size
        for output, expected in zip(case.outputs, case.oracle(bars), strict=True):
            np.testing.assert_array_equal(np.isnan(told[output]), np.isnan(expected))
            np.testing.assert_allclose(told[output], expected, rtol=1e-9, atol=slack)

    law()
