"""What the built-in exchange lists: sensible grids for known names, derived ones for the rest."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import UsageError
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.numbers import decimal_step
from alphaforge.sandbox.listings import DEFAULT_SYMBOLS, default_listings, quote_per_dollar

NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=8)


def test_bitcoin_is_listed_as_the_large_venues_list_it() -> None:
    (listing,) = default_listings(("BTC/USDT",))
    assert (listing.base, listing.quote, listing.settle) == ("BTC", "USDT", "USDT")
    assert listing.price_step == Decimal("0.01")
    assert listing.quantity_step == Decimal("0.00001")
    assert listing.min_value == 5
    assert (listing.maker_fee, listing.taker_fee) == (Decimal("0.001"), Decimal("0.001"))
    assert listing.fee_in_received is False


def test_a_settle_currency_makes_a_linear_perpetual() -> None:
    (listing,) = default_listings(("BTC/USDT:USDT",))
    assert listing.kind is InstrumentKind.LINEAR
    assert listing.quantity_step == Decimal("0.001")
    assert (listing.maker_fee, listing.taker_fee) == (Decimal("0.0002"), Decimal("0.00055"))


def test_a_cross_stands_at_the_ratio_of_its_legs() -> None:
    btc, eth, cross = default_listings(("BTC/USDT", "ETH/USDT", "ETH/BTC"))
    assert cross.first_price == eth.first_price / btc.first_price
    assert quote_per_dollar(cross) == pytest.approx(1 / float(btc.first_price), rel=0.05)


@given(base=NAMES, perpetual=st.booleans())
def test_any_name_gets_rules_that_fit_its_price(base: str, perpetual: bool) -> None:
    (listing,) = default_listings((f"{base}/USDT" + ":USDT" * perpetual,))
    assert decimal_step(listing.price_step) is not None
    assert decimal_step(listing.quantity_step) is not None
    assert listing.first_price % listing.price_step == 0
    assert listing.min_quantity % listing.quantity_step == 0
    assert listing.price_step / listing.first_price < Decimal("0.0002")
    assert listing.quantity_step * listing.first_price < listing.min_value
    assert listing.max_quantity * listing.first_price > 100_000


@pytest.mark.parametrize("symbol", ["BTCUSDT", "btc/usdt", "BTC/USDT:BTC", "/USDT", "BTC/", ""])
def test_what_it_cannot_list_is_said_with_how_to_spell_it(symbol: str) -> None:
    with pytest.raises(UsageError) as raised:
        default_listings((symbol,))
    assert symbol in str(raised.value)
    assert "BTC/USDT" in raised.value.remedy


def test_a_symbol_is_listed_once() -> None:
    with pytest.raises(UsageError, match="ETH/USDT is listed twice"):
        default_listings(("BTC/USDT", "ETH/USDT", "ETH/USDT"))


def test_the_default_symbols_are_spot_a_cross_and_perpetuals() -> None:
    kinds = [listing.kind for listing in default_listings()]
    assert len(kinds) == len(DEFAULT_SYMBOLS) == 8
    assert kinds.count(InstrumentKind.LINEAR) == 2
