"""Run statistics: examples by hand, numpy as an independent witness, and what is undefined."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alphaforge.engine.performance import (
    DAY_NS,
    EquityCurve,
    PerformanceMonitor,
    PerformanceReport,
    change_pct,
    daily_returns,
    drawdowns,
    max_drawdown_pct,
    profit_factor,
    sharpe,
    sortino,
    win_rate_pct,
)
from alphaforge.engine.portfolio import ClosedPosition
from alphaforge.model.enums import PositionSide

HOUR = DAY_NS // 24
MINUTE = HOUR // 60
DAY0 = 18_262 * DAY_NS  # 2020-01-01


def curve_of(
    *samples: tuple[int, str], start: str = "100", begin: int | None = None
) -> EquityCurve:
    curve = EquityCurve(Decimal(start))
    if begin is not None:
        curve.begin(begin)
    for ts, equity in samples:
        curve.append(ts, Decimal(equity))
    return curve


def trip(realized: str, fees: str = "0", ts_open: int = 0, ts_close: int = 1) -> ClosedPosition:
    return ClosedPosition(
        "X",
        "s",
        PositionSide.LONG,
        Decimal(1),
        Decimal(realized),
        Decimal(fees),
        ts_open,
        ts_close,
    )


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def test_daily_returns_take_the_last_sample_of_each_day_and_start_from_the_start_equity() -> None:
    curve = curve_of(
        (DAY0 + HOUR, "50"),
        (DAY0 + 2 * HOUR, "110"),
        (DAY0 + DAY_NS + HOUR, "99"),
        (DAY0 + 5 * DAY_NS + HOUR, "148.5"),
    )
    assert curve.daily() == [110.0, 99.0, 148.5]
    assert daily_returns(curve) == pytest.approx([0.1, -0.1, 0.5])


def test_a_sample_at_midnight_closes_the_day_that_ends() -> None:
    minutes = [(DAY0 + n * MINUTE, str(100 + n)) for n in range(1, 1441)]
    assert curve_of(*minutes, begin=DAY0).daily() == [1540.0]
    daily = [(DAY0 + n * DAY_NS, str(100 + n)) for n in (1, 2, 3)]
    assert curve_of(*daily, begin=DAY0).daily() == [101.0, 102.0, 103.0]
    assert curve_of(*daily).daily() == [101.0, 102.0, 103.0]


def test_a_sample_in_the_instant_the_run_began_belongs_to_the_first_day() -> None:
    curve = curve_of((DAY0, "99"), (DAY0 + HOUR, "120"), begin=DAY0)
    assert curve.daily() == [120.0]


def test_a_run_begins_once() -> None:
    curve = curve_of(begin=DAY0)
    curve.begin(DAY0 + 3 * DAY_NS)
    curve.append(DAY0 + DAY_NS, Decimal(110))
    curve.append(DAY0 + 2 * DAY_NS, Decimal(121))
    assert curve.ts_start == DAY0
    assert curve.daily() == [110.0, 121.0]
    assert len(curve) == 2


def test_of_samples_at_one_time_the_last_counts_for_the_day_and_all_for_the_drawdown() -> None:
    curve = curve_of((DAY0 + 1, "80"), (DAY0 + 1, "90"))
    assert curve.daily() == [90.0]
    assert max_drawdown_pct(100.0, curve.equity) == pytest.approx(20.0)


def test_a_curve_that_touches_zero_has_no_daily_returns() -> None:
    curve = curve_of((DAY0 + 1, "0"), (DAY0 + DAY_NS + 1, "10"))
    assert daily_returns(curve) is None
    assert daily_returns(curve_of((DAY0 + 1, "10"), start="0")) is None
    assert sharpe(None) is None
    assert sortino(None) is None


def test_drawdown_is_measured_from_the_highest_equity_so_far_and_the_start_counts() -> None:
    assert drawdowns(100.0, [90.0, 120.0, 60.0, 150.0]) == pytest.approx([0.1, 0.0, 0.5, 0.0])
    assert max_drawdown_pct(100.0, [90.0, 120.0, 60.0, 150.0]) == pytest.approx(50.0)
    assert max_drawdown_pct(100.0, [101.0, 102.0]) == 0.0
    assert max_drawdown_pct(100.0, []) == 0.0
    assert max_drawdown_pct(100.0, [-50.0]) == pytest.approx(150.0)
    assert max_drawdown_pct(0.0, [1.0]) is None


def test_the_sharpe_ratio_by_hand() -> None:
    # mean 0.02, deviations ±0.01 around it: variance (0.0001 + 0 + 0.0001) / 2
    assert sharpe([0.01, 0.02, 0.03], 365) == pytest.approx(0.02 / 0.01 * 365**0.5)
    assert sharpe([0.01, 0.02, 0.03], 252) == pytest.approx(2.0 * 252**0.5)


def test_the_sortino_ratio_by_hand() -> None:
    # mean 0.01; squared losses 0.0004 over four returns: downside deviation 0.01
    assert sortino([0.03, -0.02, 0.03, 0.0], 365) == pytest.approx(365**0.5)


@pytest.mark.parametrize("returns", [[], [0.1], [-0.1], [0.0, 0.0], [0.02, 0.02, 0.02]])
def test_ratios_of_one_day_or_of_equal_returns_are_undefined(returns: list[float]) -> None:
    assert sharpe(returns) is None
    assert sortino(returns) is None


def test_equal_returns_that_differ_by_rounding_are_no_risk() -> None:
    samples = [(DAY0 + n * DAY_NS + 1, repr(100 * 1.01 ** (n + 1))) for n in range(30)]
    returns = daily_returns(curve_of(*samples))
    assert returns is not None
    assert len(set(returns)) > 1
    assert sharpe(returns) is None


def test_only_losses_still_have_both_ratios() -> None:
    assert sharpe([-0.01, -0.03]) == pytest.approx(-0.02 / (0.0002**0.5) * 365**0.5)
    assert sortino([-0.01, -0.03]) == pytest.approx(-0.02 / (0.0005**0.5) * 365**0.5)


def test_a_win_is_more_than_zero_after_fees() -> None:
    assert win_rate_pct(decimals("1", "0", "-1", "2")) == 50.0
    assert win_rate_pct([]) is None
    assert win_rate_pct([trip("1", fees="1").net_pnl]) == 0.0


def test_the_profit_factor_is_undefined_without_a_loss() -> None:
    assert profit_factor(decimals("3", "-2", "1", "0")) == 2.0
    assert profit_factor(decimals("-2")) == 0.0
    assert profit_factor(decimals("3", "0")) is None
    assert profit_factor([]) is None


def test_a_change_from_nothing_is_undefined() -> None:
    assert change_pct(200.0, 250.0) == pytest.approx(25.0)
    assert change_pct(0.0, 1.0) is None


def test_a_report_by_hand() -> None:
    monitor = PerformanceMonitor(Decimal(1000))
    monitor.begin(DAY0)
    monitor.sample(DAY0 + 6 * HOUR, Decimal(999), in_market=True)
    monitor.sample(DAY0 + DAY_NS, Decimal(1100), in_market=True)
    monitor.sample(DAY0 + DAY_NS + 6 * HOUR, Decimal(1045), in_market=False)
    monitor.sample(DAY0 + 2 * DAY_NS, Decimal("1045.10"), in_market=False)
    trips = [trip("61", "1"), trip("-14.4", "0.5")]
    report = monitor.report(trips, Decimal("1.5"), 100.0, 90.0)
    assert report.trades == 2
    assert report.win_rate_pct == 50.0
    assert report.fees == Decimal("1.5")
    assert report.net_pnl == Decimal("45.10")
    assert report.final_equity == Decimal("1045.10")
    assert report.return_pct == pytest.approx(4.51)
    assert report.max_drawdown_pct == pytest.approx(5.0)
    assert report.profit_factor == pytest.approx(60 / 14.9)
    assert report.exposure_pct == pytest.approx(50.0)
    assert report.buy_and_hold_pct == pytest.approx(-10.0)
    returns = np.array([0.1, 1045.10 / 1100 - 1])
    assert report.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * 365**0.5)
    assert report == monitor.report(trips, Decimal("1.5"), 100.0, 90.0)


def test_a_run_in_which_nothing_happened_has_no_ratios() -> None:
    report = PerformanceMonitor(Decimal(1000)).report([], Decimal(0), None, None)
    assert report == PerformanceReport(
        trades=0,
        win_rate_pct=None,
        fees=Decimal(0),
        net_pnl=Decimal(0),
        final_equity=Decimal(1000),
        return_pct=0.0,
        max_drawdown_pct=0.0,
        sharpe=None,
        sortino=None,
        profit_factor=None,
        exposure_pct=None,
        buy_and_hold_pct=None,
    )


def test_one_day_of_minutes_has_no_sharpe() -> None:
    monitor = PerformanceMonitor(Decimal(100))
    monitor.begin(DAY0)
    for n in range(1, 1441):
        monitor.sample(DAY0 + n * MINUTE, Decimal(100 + n % 7), in_market=True)
    report = monitor.report([], Decimal(0), 1.0, 1.0)
    assert report.sharpe is None
    assert report.sortino is None
    assert report.exposure_pct == pytest.approx(100 * 1439 / 1440)


def test_the_report_has_the_statistics_of_the_backtest_output_in_its_order() -> None:
    assert [field.name for field in msgspec.structs.fields(PerformanceReport)] == [
        "trades",
        "win_rate_pct",
        "fees",
        "net_pnl",
        "final_equity",
        "return_pct",
        "max_drawdown_pct",
        "sharpe",
        "sortino",
        "profit_factor",
        "exposure_pct",
        "buy_and_hold_pct",
    ]


EQUITIES = st.lists(st.decimals("0.01", "1000000", places=2), min_size=1, max_size=40)
RETURNS = st.lists(st.floats(-0.9, 0.9), min_size=2, max_size=60)


@given(EQUITIES)
def test_drawdown_equals_numpys_running_maximum(equities: list[Decimal]) -> None:
    values = np.array([100.0, *map(float, equities)])
    peaks = np.maximum.accumulate(values)
    expected = 100 * ((peaks - values) / peaks).max()
    assert max_drawdown_pct(100.0, map(float, equities)) == pytest.approx(expected)


@given(RETURNS)
def test_the_ratios_equal_numpys(returns: list[float]) -> None:
    values = np.array(returns)
    spread = values.std(ddof=1)
    downside = np.sqrt(np.mean(np.minimum(values, 0.0) ** 2))
    assume(spread > 1e-9)
    expected = values.mean() / spread * np.sqrt(365)
    assert sharpe(returns) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    if downside > 1e-9:
        expected = values.mean() / downside * np.sqrt(365)
        assert sortino(returns) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(
    st.lists(
        st.tuples(st.integers(0, 30 * 24), st.decimals("1", "1000", places=2)),
        min_size=1,
        max_size=60,
    )
)
def test_daily_returns_equal_a_grouping_by_date(samples: list[tuple[int, Decimal]]) -> None:
    """Half an hour past the hour, so that no sample lies on midnight: the date is the day."""
    ordered = sorted(samples, key=lambda sample: sample[0])
    curve = curve_of(*((DAY0 + h * HOUR + HOUR // 2, str(e)) for h, e in ordered))
    hours = np.array([hour for hour, _ in ordered])
    starts = np.datetime64("2020-01-01") + hours.astype("timedelta64[h]")
    days = starts.astype("M8[D]")
    last_of_day = {day: float(e) for day, (_, e) in zip(days, ordered, strict=True)}
    equity = np.array([100.0, *last_of_day.values()])
    assert daily_returns(curve) == pytest.approx(list(equity[1:] / equity[:-1] - 1.0))


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=40))
def test_exposure_is_the_union_of_round_trips_and_what_is_still_open(
    steps: list[tuple[int, bool]],
) -> None:
    """Instants in which a position was open, counted one by one."""
    monitor = PerformanceMonitor(Decimal(1))
    monitor.begin(1_000)
    now, held, open_before = 1_000, 0, False
    for step, in_market in steps:
        held += sum(open_before for _ in range(step))
        now += step
        open_before = in_market
        monitor.sample(now, Decimal(1), in_market)
    exposure = monitor.report([], Decimal(0), None, None).exposure_pct
    if now == 1_000:
        assert exposure is None
    else:
        assert exposure == pytest.approx(100 * held / (now - 1_000))


@given(st.lists(st.decimals("-1000", "1000", places=8), max_size=30))
def test_round_trip_ratios_equal_numpys(nets: list[Decimal]) -> None:
    values = np.array([float(net) for net in nets])
    won, lost = values[values > 0].sum(), -values[values < 0].sum()
    expected_factor = None if not lost else pytest.approx(won / lost)
    expected_rate = None if not nets else pytest.approx(100 * np.mean(values > 0))
    assert profit_factor(nets) == expected_factor
    assert win_rate_pct(nets) == expected_rate
