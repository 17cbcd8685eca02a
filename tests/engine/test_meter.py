"""The latency histogram and the sampling stopwatch: how far their figures may be trusted."""

from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alphaforge.engine import meter as meter_module
from alphaforge.engine.meter import LatencyMeter, MeterParameterError, Stopwatch, now_ns

durations = st.lists(
    st.one_of(st.integers(0, 200), st.integers(0, 10**6), st.integers(0, 2**42 - 1)), min_size=1
)


def test_a_meter_without_durations_says_zero():
    assert LatencyMeter().statistics() == {
        "count": 0,
        "mean_ns": 0.0,
        "p50_ns": 0,
        "p99_ns": 0,
        "max_ns": 0,
    }


@given(durations, st.floats(0, 100))
@example([2**42 - 1, 1], 0)
@example([63, 64, 65], 50)
@example([(33 << 20) - 1, 1 << 41], 50)
@example([32 << 20, 1 << 41], 50)
def test_a_percentile_is_within_two_per_cent_of_the_sorted_durations(recorded, q):
    meter = LatencyMeter()
    for ns in recorded:
        meter.record(ns)
    exact = sorted(recorded)[max(1, ceil(len(recorded) * q / 100)) - 1]
    assert abs(meter.percentile(q) - exact) <= 0.02 * exact


@given(durations)
def test_count_total_mean_and_maximum_are_exact(recorded):
    meter = LatencyMeter()
    for ns in recorded:
        meter.record(ns)
    assert (meter.count, meter.total, meter.max) == (len(recorded), sum(recorded), max(recorded))
    assert meter.mean == sum(recorded) / len(recorded)
    assert meter.percentile(100) == max(recorded)


@given(durations)
def test_a_higher_percentile_is_never_shorter(recorded):
    meter = LatencyMeter()
    for ns in recorded:
        meter.record(ns)
    marks = [meter.percentile(q) for q in (0, 10, 50, 90, 99, 99.9, 100)]
    assert marks == sorted(marks)


def test_every_duration_below_64_ns_is_exact():
    for ns in range(64):
        meter = LatencyMeter()
        meter.record(ns)
        meter.record(10_000)
        assert meter.percentile(50) == ns


def test_hours_are_counted_and_their_maximum_is_exact():
    meter = LatencyMeter()
    day = 24 * 3600 * 10**9
    meter.record(day)
    meter.record(10)
    meter.record(2 * day)
    assert (meter.count, meter.max, meter.total) == (3, 2 * day, 3 * day + 10)
    assert meter.percentile(50) <= day


def test_a_negative_duration_counts_as_none():
    meter = LatencyMeter()
    meter.record(-5)
    assert (meter.count, meter.total, meter.max, meter.percentile(50)) == (1, 0, 0, 0)


def test_recording_never_grows_the_histogram():
    meter = LatencyMeter()
    size = len(meter._counts)
    for bits in range(80):
        meter.record((1 << bits) - 1)
        meter.record(1 << bits)
    assert len(meter._counts) == size
    assert sum(meter._counts) == meter.count == 160


def test_a_reset_meter_is_a_new_one():
    meter = LatencyMeter()
    meter.record(1000)
    meter.reset()
    assert meter.statistics() == LatencyMeter().statistics()


@pytest.mark.parametrize("q", [-0.1, 100.1, float("nan")])
def test_a_percentile_outside_0_to_100_is_refused_with_its_number(q):
    with pytest.raises(MeterParameterError, match=str(q)):
        LatencyMeter().percentile(q)


def test_the_clock_never_goes_back():
    readings = [now_ns() for _ in range(1000)]
    assert readings == sorted(readings)


@pytest.fixture
def clock(monkeypatch):
    """A clock that shows what the test put into it."""
    shown = {"ns": 1_000}
    monkeypatch.setattr(meter_module, "now_ns", lambda: shown["ns"])
    return shown


def call(watch: Stopwatch, clock: dict[str, int], lasts: int) -> None:
    started = watch.start()
    clock["ns"] += lasts
    if started:
        watch.stop(started)


def test_a_stopwatch_measures_the_first_call_and_then_every_so_many_th(clock):
    watch = Stopwatch(every=3)
    measured = [bool(watch.start()) for _ in range(7)]
    assert measured == [True, False, False, True, False, False, True]


def test_a_stopwatch_counts_every_call_and_estimates_their_total(clock):
    watch = Stopwatch(every=3)
    for _ in range(30):
        call(watch, clock, lasts=50)
    assert watch.statistics() == {
        "calls": 30,
        "sampled_calls": 10,
        "total_ns": 1500,
        "p50_ns": 50,
        "p99_ns": 50,
        "max_ns": 50,
    }


def test_nested_calls_are_measured_each_by_its_own_start(clock):
    watch = Stopwatch(every=1)
    outer = watch.start()
    clock["ns"] += 10
    call(watch, clock, lasts=5)
    watch.stop(outer)
    assert watch.meter.total == 20


def test_a_stopwatch_without_calls_says_zero_and_a_reset_one_starts_anew(clock):
    watch = Stopwatch(every=2)
    call(watch, clock, lasts=9)
    watch.reset()
    assert watch.statistics() == Stopwatch(every=2).statistics()
    assert watch.start() > 0


def test_a_stride_below_one_is_refused():
    with pytest.raises(MeterParameterError, match="every must be from 1"):
        Stopwatch(every=0)
