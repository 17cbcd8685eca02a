"""Reading and signing what a client sends: nothing is lost, rounded or guessed."""

from decimal import Decimal
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.sandbox.dialects.binance_errors import BinanceError
from alphaforge.sandbox.dialects.binance_params import Params
from alphaforge.sandbox.dialects.binance_signing import form_payload, json_payload
from alphaforge.sandbox.dialects.binance_words import number

NAMES = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
VALUES = st.text(max_size=20)
PRICES = st.decimals(Decimal(0), Decimal(10**9), places=8)


@given(st.dictionaries(NAMES, VALUES))
def test_a_form_is_read_back_as_it_was_written(sent):
    params = Params.of_form(urlencode(sent))
    assert {name: params.text(name) for name in sent} == sent
    params.finish()


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES), st.text("0123456789abcdef"))
def test_the_signature_itself_is_not_signed(query, body, signature):
    signed = urlencode({**body, "signature": signature})
    assert form_payload(urlencode(query), signed) == urlencode(query) + urlencode(body)


@given(st.dictionaries(NAMES, st.integers() | st.booleans() | st.text("abc/12", max_size=9)))
def test_json_parameters_are_signed_sorted_and_as_they_are_written(sent):
    raw = msgspec.json.decode(msgspec.json.encode(sent), type=dict[str, msgspec.Raw])
    texts = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in sent.items()
    }
    assert json_payload(Params.of_json(raw)) == "&".join(
        f"{name}={texts[name]}" for name in sorted(texts)
    )


@given(PRICES)
def test_a_number_is_written_and_read_without_losing_a_digit(price):
    assert Params({"price": number(price)}).number("price") == price


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**12))
def test_a_number_with_more_digits_is_told_with_all_of_them(amount):
    assert Decimal(number(amount)) == amount


@pytest.mark.parametrize("text", ["1,5", "1.", ".5", "+1", "1e3", "NaN", "Infinity", " 1", "٣"])
def test_what_is_no_plain_number_is_refused(text):
    with pytest.raises(BinanceError) as caught:
        Params({"price": text}).number("price")
    assert caught.value.code == -1100


@pytest.mark.parametrize(
    ("stamp", "ns"), [("1700000000000", 17 * 10**17), ("1700000000000000", 17 * 10**17)]
)
def test_times_are_taken_in_milliseconds_and_in_microseconds(stamp, ns):
    assert Params({"startTime": stamp}).time("startTime") == ns
