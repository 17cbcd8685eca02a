"""Faults as a file: what is read, and what a typo is told."""

from decimal import Decimal

import pytest

from alphaforge.errors import ConfigError, NotFoundError
from alphaforge.sandbox.fault_script import read_fault, read_script
from alphaforge.sandbox.fault_terms import Fault, FaultKind, Moment

DIALECTS = ("binance", "bybit")

SCRIPT = """
[[fault]]
kind = "error"
call = "create"
when = "after"
status = 500
at = 2.5
times = 1

[[fault]]
kind = "deposit"
amount = 0.1
at = 3

[[fault]]
kind = "filters"
symbol = "BTC/USDT"
rules = { min_value = "50" }
"""


def test_a_file_is_faults_in_its_order(tmp_path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(SCRIPT)
    first, second, third = read_script(path, DIALECTS)
    assert (first.kind, first.when, first.at, first.times) == ("error", Moment.AFTER, 2.5, 1)
    assert second.amount == Decimal("0.1")
    assert third.rules == {"min_value": "50"}


def test_an_empty_file_is_no_faults(tmp_path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text("")
    assert read_script(path, DIALECTS) == ()


def test_no_file_is_an_error_of_its_own(tmp_path) -> None:
    with pytest.raises(NotFoundError):
        read_script(tmp_path / "nowhere.toml", DIALECTS)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[[fault]]\nkind = "drop"\n\n[[fault]]\nkind = "droop"', 4, "did you mean drop?"),
        ('[[fault]]\nkind = "drop"\ntime = 3', 1, "did you mean times?"),
        ('[[faults]]\nkind = "drop"', None, "[[fault]]"),
        ("[[fault]\n", None, ""),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_nearest_word(tmp_path, text, line, words) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_script(path, DIALECTS)
    assert caught.value.path == path
    assert caught.value.line == line
    assert words in caught.value.remedy


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ({"call": "create"}, "kind"),
        ({"kind": "drop", "call": "creat"}, "call"),
        ({"kind": "drop", "dialect": "kraken"}, "dialect"),
        ({"kind": "push_drop", "stream": "trade"}, "stream"),
        ({"kind": "numbers", "value": "nan"}, "value"),
        ({"kind": "drop", "probability": 0}, "probability"),
        ({"kind": "drop", "probability": 1.5}, "probability"),
        ({"kind": "error", "status": 1000}, "status"),
        ({"kind": "drop", "times": 0}, "times"),
        ({"kind": "drop", "at": -1}, "at"),
        ({"kind": "drop", "lasts": 0}, "lasts"),
        ({"kind": "latency", "p50": 1, "p99": 0.5}, "p99"),
        ({"kind": "latency", "low": 1, "high": 0.5}, "high"),
        ({"kind": "latency", "seconds": -1}, "seconds"),
        ({"kind": "partial_fill", "fraction": 2}, "fraction"),
        ({"kind": "hand_trade", "quantity": 1}, "symbol"),
        ({"kind": "hand_trade", "symbol": "BTC/USDT"}, "quantity"),
        ({"kind": "hand_trade", "symbol": "BTC/USDT", "quantity": 1, "side": "buy"}, "side"),
        ({"kind": "filters", "symbol": "BTC/USDT", "rules": {"min_valu": "1"}}, "rules"),
        ({"kind": "filters", "symbol": "BTC/USDT", "rules": {"min_value": "cheap"}}, "rules"),
        ({"kind": "filters", "symbol": "BTC/USDT", "rules": {"price_step": "0"}}, "rules"),
        ({"kind": "drop", "times": "twice"}, "fault"),
        ("drop", "fault"),
    ],
)
def test_a_fault_that_cannot_be_meant_is_refused(told, key) -> None:
    with pytest.raises(ConfigError) as caught:
        read_fault(told, DIALECTS)
    assert caught.value.key == key


@pytest.mark.parametrize("kind", sorted(FaultKind))
def test_every_kind_can_be_written_down(kind: str) -> None:
    fault = read_fault({"kind": kind, "symbol": "BTC/USDT", "quantity": 1}, DIALECTS)
    assert isinstance(fault, Fault)
