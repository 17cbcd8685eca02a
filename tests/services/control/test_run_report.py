"""A stored run's report: its curve is thinned, never bent; drawdowns and months are exact."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.client.times import iso_of
from alphaforge.services.control.run_report import MOST_POINTS, EquityFold

SECOND = 1_000_000_000


def at(year: int, month: int, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * SECOND


def folded(samples: list[tuple[int, float]]) -> EquityFold:
    fold = EquityFold()
    for ts, equity in samples:
        fold.add(ts, equity)
    return fold


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=4_500))
def test_the_choice_is_of_the_samples_in_order_with_the_last(values: list[float]) -> None:
    samples = [(n * SECOND, value) for n, value in enumerate(values)]
    points = folded(samples).points()
    assert 1 <= len(points) <= MOST_POINTS
    by_time = {iso_of(ts): value for ts, value in samples}
    assert all(by_time[point.ts] == point.equity for point in points)
    assert [point.ts for point in points] == sorted(point.ts for point in points)
    assert points[-1].ts == iso_of(samples[-1][0])


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=200))
def test_a_drawdown_is_below_the_highest_so_far(values: list[float]) -> None:
    points = folded([(n * SECOND, value) for n, value in enumerate(values)]).points()
    highest = 0.0
    for point in points:
        highest = max(highest, point.equity)
        assert point.drawdown_pct == (point.equity / highest - 1) * 100
        assert point.drawdown_pct <= 0


def test_months_multiply_to_the_year_and_missing_ones_are_none() -> None:
    rows = folded(
        [(at(2024, 11), 100.0), (at(2024, 11, 30), 110.0), (at(2025, 1, 31), 99.0),
         (at(2025, 3, 31), 198.0)]
    ).years()  # fmt: skip
    assert [row.year for row in rows] == [2024, 2025]
    assert rows[0].months[10] is not None
    assert round(rows[0].months[10], 9) == 10.0
    assert rows[0].months[11] is None
    assert [None if month is None else round(month, 9) for month in rows[1].months[:3]] == [
        -10.0, None, 100.0,
    ]  # fmt: skip
    assert rows[1].whole is not None
    assert round(rows[1].whole, 9) == 80.0


def test_a_run_without_samples_has_no_points() -> None:
    fold = EquityFold()
    assert fold.points() == ()
    assert fold.years() == ()
