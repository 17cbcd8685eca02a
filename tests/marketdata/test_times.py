from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.marketdata import times

NOON = 1_577_880_000  # 2020-01-01T12:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        str(NOON),
        f"{NOON}.0",
        f"{NOON}000",
        f"{NOON}000000",
        f"{NOON}000000000",
        "2020-01-01 12:00:00",
        "2020-01-01T12:00:00Z",
        "2020-01-01T12:00",
        "2020-01-01 12:00:00 UTC",
        "2020-01-01T13:00:00+01:00",
        "2020/01/01 12:00",
        "20200101 12:00",
    ],
)
def test_every_way_to_write_a_time_is_the_same_nanosecond(text):
    assert times.time_ns(text) == NOON * 10**9


def test_fractions_are_exact_to_the_nanosecond():
    assert times.time_ns("2020-01-01 12:00:00.123456789") == NOON * 10**9 + 123_456_789
    assert times.time_ns("1626992741.06217") == 1_626_992_741_062_170_000


def test_eight_digits_are_a_date():
    assert times.time_ns("20200101") == (NOON - 43_200) * 10**9


@pytest.mark.parametrize("text", ["", "yesterday", "12/31/2020", "12:30", "nan"])
def test_what_is_no_time_is_a_value_error(text):
    with pytest.raises(ValueError):
        times.time_ns(text)


def test_a_file_that_changes_its_unit_is_read_by_each_row():
    parse = times.parser_for(f"{NOON}000")
    assert parse(f"{NOON}000") == parse(f"{NOON}000000") == NOON * 10**9


@given(st.integers(10**17, 4 * 10**18), st.sampled_from([1, 1_000, 1_000_000]))
def test_the_quick_parser_agrees_with_the_plain_one(ns, scale):
    text = str(ns // scale)
    assert times.parser_for(text)(text) == times.time_ns(text) == ns // scale * scale


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - no zone is UTC
def test_iso_text_without_a_zone_is_utc(moment):
    expected = int(moment.replace(tzinfo=UTC, microsecond=0).timestamp()) * 10**9
    assert times.time_ns(moment.isoformat()) == expected + moment.microsecond * 1000


def test_milliseconds_since_a_new_york_midnight():
    parse = times.since_midnight_parser("20131008", "America/New_York")
    assert parse("34200000") == times.time_ns("2013-10-08T13:30:00Z")
    assert parse("34200000.5") == parse("34200000") + 500_000


def test_noon_is_noon_on_the_day_the_clock_is_changed():
    parse = times.since_midnight_parser("20130310", "America/New_York")
    assert parse("43200000") == times.time_ns("2013-03-10T16:00:00Z")


@pytest.mark.parametrize(
    ("seconds", "name"), [(1, "1s"), (60, "1m"), (300, "5m"), (3600, "1h"), (86400, "1d")]
)
def test_timeframes_are_named_in_their_largest_unit(seconds, name):
    assert times.timeframe_name(seconds * 10**9) == name
