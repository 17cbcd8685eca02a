from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.marketdata.facts import (
    FileFacts,
    SpacingCounter,
    SymbolFacts,
    count_decimals,
    count_scaled_decimals,
    instrument_of,
    save_facts,
    step_of,
)
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument


@pytest.mark.parametrize(
    ("text", "decimals"),
    [
        ("61659.70", 1),
        ("0.00000010", 7),
        ("100", 0),
        ("-2.50", 1),
        ("1e-8", 8),
        ("1.5E+2", 0),
        ("0", -1),
        ("0.000", -1),
        ("nan", -1),
        ("inf", -1),
        ("oops", -1),
        ("", -1),
        ("33.35399601000002", 8),
        ("123456789.12345678", 8),
    ],
)
def test_decimals_are_counted_without_trailing_zeros_and_float_noise(text, decimals):
    assert count_decimals(text) == decimals


@given(st.decimals(min_value=Decimal("0.00000001"), max_value=10**6, places=8))
def test_every_number_lies_on_the_step_that_its_decimals_give(number):
    assert number % step_of(count_decimals(f"{number:f}")) == 0


@pytest.mark.parametrize(("text", "decimals"), [("1674200", 2), ("1674201", 4), ("10000", 0)])
def test_prices_that_are_written_ten_thousandfold(text, decimals):
    assert count_scaled_decimals(text, 10_000) == decimals


def test_the_most_common_spacing_wins_and_the_smaller_of_equals():
    spacing = SpacingCounter()
    for ts in (0, 60, 120, 420, 720):
        spacing.add("A", ts)
    assert (spacing.most_common, spacing.order) == (60, "file")


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        ([("A", 1), ("A", 3), ("A", 2), ("A", 4)], "file"),
        ([("A", 3), ("A", 2), ("A", 1)], "reversed"),
        ([("A", 1), ("A", 2), ("B", 1), ("B", 2)], "grouped"),
        ([("A", 1), ("B", 1), ("A", 2), ("B", 2)], "file"),
    ],
)
def test_how_a_file_is_sorted(rows, order):
    spacing = SpacingCounter()
    for symbol, ts in rows:
        spacing.add(symbol, ts)
    assert spacing.order == order


def test_a_configured_instrument_wins_and_keeps_the_wanted_spelling():
    known = Instrument(symbol="BTC/USDT", price_step=Decimal("0.5"), source="config")
    facts = SymbolFacts(price_decimals=2, size_decimals=3, venue="binance")
    rules = instrument_of("BTCUSDT", "btc-usdt", facts, {"BTC/USDT": known})
    assert (rules.symbol, rules.price_step, rules.source) == ("btc-usdt", Decimal("0.5"), "config")
    assert rules.venue == "binance"


def test_a_joined_symbol_still_knows_its_currencies():
    facts = SymbolFacts(price_decimals=2, kind=InstrumentKind.LINEAR, venue="binanceusdm")
    rules = instrument_of("BTCUSDT", "btcusdt", facts, {})
    assert (rules.base, rules.quote, rules.settle) == ("BTC", "USDT", "USDT")
    assert rules.quantity_step == Decimal("1e-8")


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    save_facts(blocked / "cache", "x.json", FileFacts())
    assert blocked.read_bytes() == b""
