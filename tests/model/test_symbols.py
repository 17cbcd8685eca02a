import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model import symbols


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ("BTCUSDT", "BTC/USDT"),
        ("btcusdt", "BTC/USDT"),
        ("BTC/USDT", "btc-usdt"),
        ("BTCUSDT", "BTC/USDT:USDT"),
        ("BTCUSD_PERP", "BTC/USD:BTC"),
        ("BTCUSDT", "BTC/USDT@kraken"),
        ("BTC", "BTC/USD"),
        ("spy", "SPY"),
    ],
)
def test_a_symbol_takes_the_wanted_spelling_whatever_its_case_and_separators(own, wanted):
    assert symbols.match(own, ["ETH/USDT", wanted]) == wanted


def test_the_exact_letters_win_over_a_match_without_the_settle_currency():
    assert symbols.match("BTCUSDT", ["BTC/USDT:USDT", "BTC/USDT"]) == "BTC/USDT"


def test_an_ambiguous_match_is_no_match():
    assert symbols.match("BTCUSDT", ["BTC/USDT:USDT", "BTC/USDT:BTC"]) is None
    assert symbols.match("BTC", ["BTC/USD", "BTC/USDT"]) is None


def test_another_market_is_never_taken_for_the_wanted_one():
    assert symbols.match("ETHUSDT", ["BTC/USDT"]) is None
    assert symbols.match("BTCUSD", ["BTC/USDT"]) is None


@pytest.mark.parametrize(
    ("own", "spelled"),
    [
        ("btcusdt", "BTC/USDT"),
        ("BTCUSD_PERP", "BTC/USD"),
        ("ETH-EUR", "ETH/EUR"),
        ("ETHBTC", "ETH/BTC"),
        ("aapl", "AAPL"),
        ("BTC", "BTC"),
        ("eth/usd", "ETH/USD"),
    ],
)
def test_a_symbol_nobody_asked_for_is_split_at_its_quote_currency(own, spelled):
    assert symbols.spelled(own) == spelled


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=6),
    st.sampled_from(symbols.QUOTE_CURRENCIES),
    st.sampled_from(["", "/", "-", "_"]),
)
def test_every_way_to_join_base_and_quote_matches_the_slashed_symbol(base, quote, separator):
    joined = f"{base}{separator}{quote}".lower()
    assert symbols.match(joined, [f"{base}/{quote}"]) == f"{base}/{quote}"


@pytest.mark.parametrize(
    ("name", "crypto"),
    [("btcusd", True), ("btcusdt", True), ("ethbtc", True), ("spy", False), ("aapl", False)],
)
def test_lean_names_of_six_letters_ending_in_a_currency_are_crypto(name, crypto):
    assert symbols.is_crypto_name(name) is crypto
