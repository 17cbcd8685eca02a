"""Balances, speeds and durations as people type them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.services.flag_values import read_cash, read_duration_ns, read_speed
from alphaforge.services.values import WrongValueError


@pytest.mark.parametrize(
    ("text", "balances"),
    [
        ("10000", {"": Decimal(10_000)}),
        ("10000 USDT, 0.1 BTC", {"USDT": Decimal(10_000), "BTC": Decimal("0.1")}),
        (" 10_000 usdt,5 ", {"USDT": Decimal(10_000), "": Decimal(5)}),
        ("0", {"": Decimal(0)}),
    ],
)
def test_balances_are_amounts_by_currency(text: str, balances: dict[str, Decimal]) -> None:
    assert read_cash(text) == balances


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "balances like"),
        ("USDT 5", "balances like"),
        ("5 USDT 6", "balances like"),
        ("5 US$", "balances like"),
        ("nan", "balances like"),
        ("5,", "balances like"),
        ("-5", "must not be negative"),
        ("5 BTC, 6 btc", "BTC is given twice"),
        ("5, 6", "a bare number is given twice"),
    ],
)
def test_what_is_no_balance_is_refused(text: str, expected: str) -> None:
    with pytest.raises(WrongValueError, match=expected):
        read_cash(text)


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("0.5", 0.5), ("MAX", None), ("60", 60.0)])
def test_a_speed_is_a_number_or_max(text: str, speed: float | None) -> None:
    assert read_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf", ""])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(WrongValueError, match="above 0, or max"):
        read_speed(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60", 60), ("60s", 60), ("1.5m", 90), ("2 h", 7200), ("1D", 86_400), (".5s", 0.5)],
)
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert read_duration_ns(text) == seconds * 1_000_000_000


@given(st.integers(1, 10**9))
def test_milliseconds_are_exact(count: int) -> None:
    assert read_duration_ns(f"{count}ms") == count * 1_000_000


@pytest.mark.parametrize("text", ["", "s", "-5s", "5 weeks", "0s", "1e3", "0.0000000001s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(WrongValueError, match=r"duration|longer than nothing"):
        read_duration_ns(text)
