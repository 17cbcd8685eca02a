"""Which venue trades a symbol: what the symbol says, the narrowest pattern, the default."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import ConfigError, NotFoundError
from alphaforge.services.routing import Router

CODES = st.sampled_from(["BTC", "ETH", "ETHW", "SOL", "DOGE", "XRP"])
QUOTES = st.sampled_from(["USDT", "USDC", "EUR", "BTC"])
PAIRS = st.tuples(CODES, QUOTES)
VENUES = st.sampled_from(["a", "b", "c"])
PATTERNS = st.builds(
    lambda base, quote, settle: f"{base}/{quote}{settle}",
    CODES | st.just("*"),
    QUOTES | st.just("*"),
    st.sampled_from(["", ":USDT", ":*"]),
) | st.sampled_from(["*", "ETH*", "*USDT", "*:USDT"])
ROUTES = st.dictionaries(PATTERNS, VENUES, max_size=8)


@pytest.mark.parametrize(
    ("routing", "symbol", "venue"),
    [
        ({}, "BTC/USDT", "default"),
        ({"BTC/USDT": "a"}, "BTC/USDT", "a"),
        ({"BTC/USDT": "a"}, "btc-usdt", "a"),
        ({"btcusdt": "a"}, "BTC/USDT", "a"),
        ({"btc_usdt": "a"}, "BTCUSDT", "a"),
        ({"BTC/USDT": "a"}, "ETH/USDT", "default"),
        ({"ETH/*": "a"}, "ETH/USDT", "a"),
        ({"ETH/*": "a"}, "ethusdt", "a"),
        ({"ETH/*": "a"}, "ETHW/USDT", "default"),
        ({"eth-*": "a"}, "ETH/EUR", "a"),
        ({"*/EUR": "a", "ETH/EUR": "b"}, "ETH/EUR", "b"),
        ({"ETH/*": "a", "*": "b"}, "ETH/USDT", "a"),
        ({"ETH/*": "a", "*": "b"}, "BTC/USDT", "b"),
        ({"BTC/USDT": "spot", "*": "b"}, "BTC/USDT:USDT", "spot"),
        ({"BTC/USDT": "spot", "BTC/USDT:USDT": "swap"}, "BTC/USDT:USDT", "swap"),
        ({"BTC/USDT": "spot", "BTC/USDT:USDT": "swap"}, "BTC/USDT", "spot"),
        ({"BTC/USDT:USDT": "swap"}, "BTC/USDT", "default"),
        ({"*:USDT": "swap"}, "SOL/USDT:USDT", "swap"),
        ({"BTC/*": "a", "*/EUR": "b"}, "BTC/EUR", "a"),
        ({"BTC/USDT": "a"}, "BTC/USDT@kraken", "kraken"),
        ({"BTC-PERP": "a"}, "BTC_PERP", "a"),
        ({"SPY": "a"}, "spy", "a"),
    ],
)
def test_a_symbol_goes_where_it_says_or_where_the_narrowest_line_says(
    routing: dict[str, str], symbol: str, venue: str
) -> None:
    assert Router(routing, "default").venue_of(symbol) == venue


@given(ROUTES, PAIRS, st.sampled_from(["", ":USDT", ":BTC"]), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_means_nothing(routing, pair, settle, random) -> None:
    lines = [*routing.items()]
    random.shuffle(lines)
    symbol = "/".join(pair) + settle
    assert Router(routing, "d").venue_of(symbol) == Router(dict(lines), "d").venue_of(symbol)


@given(ROUTES, PAIRS, st.sampled_from(["{}/{}", "{}-{}", "{}_{}", "{}{}"]), st.booleans())
def test_how_a_symbol_is_spelled_means_nothing(routing, pair, form: str, lower: bool) -> None:
    written = form.format(*pair)
    router = Router(routing, "d")
    assert router.venue_of(written.lower() if lower else written) == router.venue_of("/".join(pair))


@given(ROUTES, PAIRS, VENUES)
def test_an_exact_line_beats_every_pattern(routing, pair, venue: str) -> None:
    symbol = "/".join(pair)
    assert Router({**routing, symbol: venue}, "d").venue_of(symbol) == venue


@given(ROUTES, PAIRS, VENUES)
def test_a_venue_in_the_symbol_beats_every_line(routing, pair, venue: str) -> None:
    assert Router(routing, "d").venue_of("/".join(pair) + f"@{venue}") == venue


@given(ROUTES, PAIRS)
def test_a_symbol_is_always_routed_to_a_venue_some_line_names_or_the_default(routing, pair) -> None:
    assert Router(routing, "d").venue_of("/".join(pair)) in {*routing.values(), "d"}


@given(st.text(max_size=8), st.text(max_size=8))
def test_no_pattern_and_no_symbol_breaks_it(pattern: str, symbol: str) -> None:
    name = symbol.replace("@", "")
    assert Router({pattern: "a"}, "d").venue_of(name) in {"a", "d"}


def test_two_lines_for_the_same_symbols_must_agree() -> None:
    assert Router({"BTC/USDT": "a", "btcusdt": "a"}, "d").venue_of("BTC/USDT") == "a"
    with pytest.raises(ConfigError, match="BTC/USDT is routed both to a and to b"):
        Router({"BTC/USDT": "a", "btc-usdt": "b"}, "d")


@pytest.mark.parametrize("symbol", ["BTC/USDT@binanec", "ETH/USDT", "SOL/USDT"])
def test_a_venue_that_does_not_exist_is_named_with_the_nearest(symbol: str) -> None:
    router = Router({"ETH/*": "binanse"}, "binanca", known=("binance", "okx"))
    with pytest.raises(NotFoundError, match=symbol) as caught:
        router.venue_of(symbol)
    assert caught.value.remedy == "did you mean binance?"


def test_a_symbol_that_ends_in_an_at_names_no_venue() -> None:
    with pytest.raises(NotFoundError, match="BTC/USDT@ names no venue"):
        Router({}, "d").venue_of("BTC/USDT@")


def test_an_unlike_name_lists_the_venues_there_are() -> None:
    with pytest.raises(NotFoundError) as caught:
        Router({}, "d", known=("okx", "binance")).venue_of("BTC/USDT@zzzz")
    assert caught.value.remedy == "configured are: binance, okx"
