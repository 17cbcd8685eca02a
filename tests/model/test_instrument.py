"""An instrument rounds in the order's favour, counts value by its kind, and fees once."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.instrument import Instrument, default_instrument
from alphaforge.model.numbers import CURRENCY_STEP

BUY, SELL = OrderSide.BUY, OrderSide.SELL
D = Decimal

SPOT = Instrument(symbol="BTC/USDT", price_step=D("0.10"), quantity_step=D("0.001"))
LINEAR = Instrument(
    symbol="BTC/USDT:USDT", kind=InstrumentKind.LINEAR, multiplier=D("0.001"), price_step=D("0.1")
)
INVERSE = Instrument(
    symbol="BTC/USD:BTC",
    kind=InstrumentKind.INVERSE,
    multiplier=D(100),
    price_step=D("0.1"),
    quantity_step=D(1),
)

quantities = st.decimals(min_value=D("-1e6"), max_value=D("1e6"), places=8).filter(bool)
prices = st.decimals(min_value=D("0.01"), max_value=D("1e6"), places=2)


def test_a_buy_limit_goes_down_and_a_sell_limit_up() -> None:
    assert SPOT.limit_on_grid(D("100.19"), BUY) == D("100.1")
    assert SPOT.limit_on_grid(D("100.11"), SELL) == D("100.2")


def test_a_quantity_is_floored_and_a_trigger_goes_to_the_nearest() -> None:
    assert SPOT.quantity_floor(D("0.0019")) == D("0.001")
    assert SPOT.trigger_on_grid(D("100.14")) == D("100.1")
    assert SPOT.trigger_on_grid(D("100.16")) == D("100.2")


@pytest.mark.parametrize(
    ("price", "booked"), [(61659.7, "61659.7"), (0.30000000000000004, "0.3"), (100.25, "100.2")]
)
def test_a_market_price_is_booked_by_its_shortest_text_on_the_grid(
    price: float, booked: str
) -> None:
    assert SPOT.price_of(price) == D(booked)


@pytest.mark.parametrize("price", [np.float64(61659.0), 61659], ids=["numpy", "int"])
def test_a_price_out_of_a_numpy_column_or_an_int_is_booked_like_any_float(price: float) -> None:
    assert SPOT.price_of(price) == D(61659)


@pytest.mark.parametrize("step", ["0.10", "0.1000", "0.1"])
def test_a_step_means_the_same_however_many_zeros_it_is_written_with(step: str) -> None:
    written = Instrument(symbol="X", price_step=D(step), quantity_step=D(step))
    assert written.price_of(100.26) == D("100.3")
    assert written.quantity_floor(D("0.19")) == D("0.1")
    assert written.limit_on_grid(D("0.19"), SELL) == D("0.2")
    assert written.trigger_on_grid(D("0.14")) == D("0.1")


def test_steps_that_are_no_power_of_ten_make_a_grid_too() -> None:
    quarters = Instrument(symbol="ES", price_step=D("0.25"), quantity_step=D(10))
    assert quarters.price_of(4500.3) == D("4500.25")
    assert quarters.quantity_floor(D(19)) == D(10)


def test_the_value_of_spot_and_linear_is_exact() -> None:
    assert SPOT.notional(D("-0.003"), D("61659.7")) == D("-184.9791")
    assert LINEAR.notional(D(7), D("61659.7")) == D("431.6179")


def test_the_value_of_an_inverse_contract_is_in_base_rounded_once() -> None:
    assert INVERSE.notional(D(3), D("61659.7")) == D("0.00486541")
    assert INVERSE.notional(D(-3), D("61659.7")) == D("-0.00486541")


@given(quantity=quantities, price=prices)
def test_no_digit_of_a_spot_value_is_lost(quantity: Decimal, price: Decimal) -> None:
    assert Fraction(SPOT.notional(quantity, price)) == Fraction(quantity) * Fraction(price)


@given(quantity=quantities, price=prices)
def test_an_inverse_value_is_the_nearest_of_its_steps(quantity: Decimal, price: Decimal) -> None:
    exact = Fraction(quantity) * 100 / Fraction(price)
    assert abs(Fraction(INVERSE.notional(quantity, price)) - exact) <= Fraction(CURRENCY_STEP) / 2


@pytest.mark.parametrize("instrument", [SPOT, LINEAR, INVERSE])
@given(quantity=quantities, price=prices)
def test_value_is_odd_in_quantity(
    instrument: Instrument, quantity: Decimal, price: Decimal
) -> None:
    opposite = instrument.notional(quantity.copy_negate(), price)
    assert opposite == -instrument.notional(quantity, price)


@pytest.mark.parametrize(
    ("value", "rate", "fee"),
    [
        ("184.9791", "0.001", "0.1849791"),
        ("-184.9791", "0.001", "0.1849791"),
        ("0.000015", "0.001", "0.00000002"),  # 1.5 steps: half-even to 2
        ("0.000025", "0.001", "0.00000002"),  # 2.5 steps: half-even to 2
        ("100", "-0.0001", "-0.01"),
        ("100", "0", "0"),
    ],
)
def test_a_fee_is_rounded_half_even_to_eight_decimals(value: str, rate: str, fee: str) -> None:
    assert SPOT.fee(D(value), D(rate)) == D(fee)


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("BTC/USDT", "BTC", "USDT"),
        ("BTC/USDT:USDT", "BTC", "USDT"),
        ("BTC/USDT@kraken", "BTC", "USDT"),
        ("SPY", "SPY", "USD"),
    ],
)
def test_a_symbol_nobody_described_gets_default_rules(symbol: str, base: str, quote: str) -> None:
    made = default_instrument(symbol)
    assert (made.symbol, made.base, made.quote, made.settle) == (symbol, base, quote, quote)
    assert made.min_quantity == made.quantity_step == CURRENCY_STEP
    assert (made.venue, made.kind, made.source) == ("sim", InstrumentKind.SPOT, "default")
