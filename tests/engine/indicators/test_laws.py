"""What holds for indicators on any prices, beyond what TA-Lib says or can compute."""

import csv
import io
import math
import zipfile
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    IndicatorParameterError,
    Stochastic,
)
from alphaforge.errors import AlphaForgeError

# Each with the fields of a bar that one update takes, in order.
ALL = {
    "SMA": (lambda: SMA(3), ("close",)),
    "EMA": (lambda: EMA(3), ("close",)),
    "WMA": (lambda: WMA(3), ("close",)),
    "RSI": (lambda: RSI(3), ("close",)),
    "MACD": (lambda: MACD(2, 4, 2), ("close",)),
    "Bollinger": (lambda: Bollinger(3), ("close",)),
    "ATR": (lambda: ATR(3), ("high", "low", "close")),
    "Donchian": (lambda: Donchian(3), ("high", "low")),
    "Stochastic": (lambda: Stochastic(3, 2, 2), ("high", "low", "close")),
    "ADX": (lambda: ADX(3), ("high", "low", "close")),
    "OBV": (OBV, ("close", "volume")),
}
OUTPUTS = (
    *("value", "ready", "signal", "histogram", "upper", "middle", "lower"),
    *("k", "d", "plus_di", "minus_di"),
)

price = st.floats(1e-3, 1e6)


def bar(low: float, middle: float, high: float) -> SimpleNamespace:
    low, middle, high = sorted((low, middle, high))
    return SimpleNamespace(high=high, low=low, close=middle, volume=high - low)


bars = st.lists(st.builds(bar, price, price, price), max_size=30)


def outputs(indicator) -> list[float]:
    """Every output, with NaN as text, so that two can be compared."""
    found = [getattr(indicator, name, 0.0) for name in OUTPUTS]
    return ["NaN" if math.isnan(number) else number for number in found]


@pytest.mark.parametrize("name", ALL)
@given(history=bars, again=bars)
def test_a_reset_indicator_is_a_new_one_and_a_bar_is_the_same_as_its_fields(name, history, again):
    make, fields = ALL[name]
    used, fresh = make(), make()
    for each in history:
        used.update_bar(each)
    used.reset()
    for each in again:
        used.update_bar(each)
        fresh.update(*(getattr(each, field) for field in fields))
        assert outputs(used) == outputs(fresh)
    assert outputs(used) == outputs(fresh)


@given(
    st.lists(st.floats(-1e18, 1e18), max_size=30),
    st.lists(st.floats(0.5, 2.0), min_size=7, max_size=7),
)
def test_what_left_the_window_leaves_no_trace_however_large_it_was(before, window):
    sma, wma, bands = SMA(7), WMA(7), Bollinger(7)
    for number in [*before, *window]:
        for indicator in (sma, wma, bands):
            indicator.update(number)
    ranks = np.arange(1, 8)
    assert sma.value == pytest.approx(math.fsum(window) / 7, rel=1e-14)
    assert wma.value == pytest.approx(float(np.dot(ranks, window)) / 28, rel=1e-14)
    assert bands.middle == pytest.approx(math.fsum(window) / 7, rel=1e-14)
    assert bands.upper - bands.middle == pytest.approx(2 * np.std(window), rel=1e-9, abs=1e-14)


def test_after_a_million_updates_averages_and_bands_are_those_of_the_last_window():
    rng = np.random.default_rng(7)
    walk = (60_000 + np.cumsum(rng.normal(0, 5, 1_000_000))).tolist()
    sma, bands = SMA(100), Bollinger(100)
    for index, number in enumerate(walk, start=1):
        sma.update(number)
        bands.update(number)
        if index % 99_991 == 0 or index == len(walk):
            window = walk[index - 100 : index]
            mean = math.fsum(window) / 100
            deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in window) / 100)
            assert sma.value == pytest.approx(mean, rel=1e-14)
            assert bands.middle == pytest.approx(mean, rel=1e-14)
            assert bands.upper - bands.lower == pytest.approx(4 * deviation, rel=1e-10)


def test_bands_of_large_and_quiet_prices_keep_their_width():
    bands = Bollinger(4, 1.0)
    for number in (1e8, 1e8 + 0.001, 1e8, 1e8 + 0.001):
        bands.update(number)
    assert bands.upper - bands.middle == pytest.approx(0.0005, rel=1e-4)


@pytest.mark.parametrize("number", [0.1, 1e-9, 61_659.7, 1e15])
def test_constant_prices_give_equal_bands_no_range_and_no_direction(number):
    bands, rsi, atr, adx, stochastic = Bollinger(7), RSI(7), ATR(7), ADX(7), Stochastic(7)
    for _ in range(40):
        bands.update(number)
        rsi.update(number)
        for indicator in (atr, adx, stochastic):
            indicator.update(number, number, number)
    assert bands.upper == bands.middle == bands.lower == number
    assert (rsi.value, atr.value, stochastic.k, stochastic.d) == (0, 0, 0, 0)
    assert (adx.value, adx.plus_di, adx.minus_di) == (0, 0, 0)


def test_a_trend_that_ends_in_silence_keeps_its_direction_as_nothing_contradicts_it():
    adx = ADX(2)
    for number in range(1, 20):
        adx.update(number + 0.5, number, number + 0.5)
    for _ in range(200):
        adx.update(19.5, 19.5, 19.5)
    assert adx.value == pytest.approx(100)
    assert adx.minus_di == 0


def test_bars_that_all_have_the_same_range_have_no_direction():
    adx = ADX(2)
    for _ in range(9):
        adx.update(11.0, 10.0, 10.5)
    assert (adx.value, adx.plus_di, adx.minus_di) == (0, 0, 0)


@given(st.lists(price, min_size=20, max_size=60))
def test_a_mirrored_market_has_the_complementary_strength(walk):
    rsi, mirrored = RSI(5), RSI(5)
    for number in walk:
        rsi.update(number)
        mirrored.update(2e6 - number)
    if any(a != b for a, b in pairwise(walk[-6:])):
        assert rsi.value + mirrored.value == pytest.approx(100, abs=1e-4)


@given(bars)
def test_percentages_stay_between_0_and_100_and_channels_hold_their_bar(history):
    rsi, adx, stochastic, channel = RSI(3), ADX(3), Stochastic(3, 2, 2), Donchian(3)
    for each in history:
        for indicator in (rsi, adx, stochastic, channel):
            indicator.update_bar(each)
        percents = (rsi.value, adx.value, adx.plus_di, adx.minus_di, stochastic.k, stochastic.d)
        assert all(math.isnan(p) or -1e-9 <= p <= 100 + 1e-9 for p in percents)
        if channel.ready:
            assert channel.lower <= each.low <= each.high <= channel.upper
            assert channel.lower <= channel.middle <= channel.upper


@given(st.integers(1, 9), st.lists(st.tuples(price, price), max_size=50))
def test_the_channel_is_what_a_walk_over_the_window_finds(period, history):
    channel = Donchian(period)
    for index, (high, low) in enumerate(history, start=1):
        channel.update(high, low)
        window = history[max(0, index - period) : index]
        assert channel.ready == (index >= period)
        if channel.ready:
            assert channel.upper == max(h for h, _ in window)
            assert channel.lower == min(low for _, low in window)


@pytest.mark.parametrize("make", [SMA, EMA, WMA, Donchian])
def test_with_period_one_the_value_is_the_last_price(make):
    indicator = make(1)
    for number in (5.0, 7.0, 6.0):
        indicator.update(*([number, number] if make is Donchian else [number]))
        assert indicator.value == number
        assert indicator.ready


def test_the_average_price_weighs_by_volume_and_ignores_an_update_without_any():
    vwap = VWAP()
    vwap.update(99.0, 0.0)
    assert not vwap.ready
    assert math.isnan(vwap.value)
    vwap.update(10.0, 1.0)
    vwap.update(20.0, 3.0)
    vwap.update(99.0, 0.0)
    assert vwap.ready
    assert vwap.value == 17.5
    vwap.reset()
    assert not vwap.ready
    vwap.update_bar(SimpleNamespace(high=12.0, low=6.0, close=9.0, volume=2.0))
    assert vwap.value == 9.0


def test_small_trades_after_a_huge_one_are_not_rounded_away():
    vwap = VWAP()
    vwap.update(1.0, 1e16)
    for _ in range(10_001):
        vwap.update(2e12, 1.0)
    exact = Fraction(10**16 + 10_001 * 2 * 10**12, 10**16 + 10_001)
    assert vwap.value == pytest.approx(float(exact), rel=1e-15)
    vwap.reset()
    vwap.update(1.0, 1e16)
    for _ in range(10_001):
        vwap.update(1.0, 1.0)
    assert vwap.value == 1.0
    vwap.update(0.0, 1e16)
    assert vwap.value == pytest.approx((10**16 + 10_001) / (2 * 10**16 + 10_001), rel=1e-15)


def test_the_average_price_of_a_recorded_day_is_that_of_its_exact_sums(data_file):
    vwap, value, volume = VWAP(), 0, 0
    with zipfile.ZipFile(data_file("spy_tick_20131008_trade.zip")) as archive:
        text = io.TextIOWrapper(archive.open(archive.namelist()[0]), encoding="ascii")
        for row in csv.reader(text):
            ten_thousandths, size = int(row[1]), int(row[2])
            vwap.update(ten_thousandths / 10_000, float(size))
            value += ten_thousandths * size
            volume += size
    assert volume == 178_346_557
    assert vwap.value == pytest.approx(value / volume / 10_000, rel=1e-15)
    assert round(vwap.value, 6) == 166.395717


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: SMA(0), "SMA: period must be from 1 to 100000, got 0"),
        (lambda: EMA(-3), "EMA: period must be from 1 to 100000, got -3"),
        (lambda: WMA(100_001), "WMA: period must be from 1 to 100000, got 100001"),
        (lambda: SMA(2.0), "SMA: period must be a whole number, got 2.0"),
        (lambda: SMA(True), "SMA: period must be a whole number, got True"),
        (lambda: SMA("20"), "SMA: period must be a whole number, got '20'"),
        (lambda: RSI(1), "RSI: period must be from 2"),
        (lambda: ADX(1), "ADX: period must be from 2"),
        (lambda: ATR(0), "ATR: period"),
        (lambda: Donchian(0), "Donchian: period"),
        (lambda: Stochastic(3, 0, 3), "Stochastic: k_period"),
        (lambda: Stochastic(3, 3, 0), "Stochastic: d_period"),
        (lambda: MACD(12, 26, 0), "MACD: signal_period"),
        (lambda: MACD(26, 26), "MACD: fast_period 26 must be below slow_period 26"),
        (lambda: Bollinger(1), "Bollinger: period must be from 2"),
        (lambda: Bollinger(20, 0), "Bollinger: deviations must be finite and above 0, got 0"),
        (lambda: Bollinger(20, math.nan), "Bollinger: deviations"),
        (lambda: Bollinger(20, "2"), "Bollinger: deviations must be a number, got '2'"),
    ],
)
def test_a_parameter_without_meaning_is_refused_by_name(make, named):
    with pytest.raises(IndicatorParameterError) as caught:
        make()
    assert named in str(caught.value)
    assert caught.value.remedy
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, AlphaForgeError)
