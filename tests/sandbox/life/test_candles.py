"""Bars: a fold of the tape and nothing else, with a past that meets the first price."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.candles import INTERVALS, PAST_NS, Candle, Candles
from alphaforge.sandbox.listings import default_listings
from alphaforge.sandbox.terms import Listing, MarketChanged, Print

SECOND = 1_000_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
START = 1_704_067_200 * SECOND  # Monday, 2024-01-01
ODD_START = START + 2 * DAY + 7 * HOUR + 13 * MINUTE + 5 * SECOND + 1_234
(BTC,) = default_listings(("BTC/USDT",))


def printed(ts: int, price: str, quantity: str = "0.01", symbol: str = "BTC/USDT") -> Print:
    return Print(
        symbol=symbol, trade_id=1, price=Decimal(price), quantity=Decimal(quantity),
        side=OrderSide.BUY, ts=ts,
    )  # fmt: skip


def fed(start: int, *prints: Print, listing: Listing = BTC) -> Candles:
    candles = Candles((listing,), start)
    for each in prints:
        candles.hear(each)
    return candles


def brute_force(
    prints: list[Print], opens: int, length: int, close: Decimal, multiplier: Decimal
) -> Candle:
    """What the bar that opens at `opens` must be, after a bar that closed at `close`."""
    inside = [each for each in prints if opens <= each.ts < opens + length]
    prices = [each.price for each in inside] or [close]
    return Candle(
        ts_open=opens,
        ts_close=opens + length,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=sum((each.quantity for each in inside), Decimal(0)),
        quote_volume=sum((each.price * each.quantity * multiplier for each in inside), Decimal(0)),
        count=len(inside),
    )


GAPS = st.lists(
    st.tuples(
        st.integers(0, 90_000).map(lambda ms: ms * 1_000_000),
        st.integers(5_990_000, 6_010_000).map(lambda cents: Decimal(cents) / 100),
        st.integers(1, 10_000_000).map(lambda units: Decimal(units) / 100_000),
    ),
    min_size=1,
    max_size=60,
)


@given(gaps=GAPS, interval=st.sampled_from(sorted(INTERVALS)), multiplier=st.sampled_from((1, 10)))
def test_bars_are_the_fold_of_the_tape(
    gaps: list[tuple[int, Decimal, Decimal]], interval: str, multiplier: int
) -> None:
    listing = Listing(
        symbol="X/USDT:USDT", base="X", quote="USDT", settle="USDT", price_step=Decimal("0.01"),
        quantity_step=Decimal("0.00001"), min_quantity=Decimal("0.00001"),
        multiplier=Decimal(multiplier), first_price=Decimal(60_000),
    )  # fmt: skip
    ts, prints = START, list[Print]()
    for gap, price, quantity in gaps:
        ts += gap
        prints.append(printed(ts, str(price), str(quantity), "X/USDT:USDT"))
    candles = fed(START, *prints, listing=listing)
    length = INTERVALS[interval]
    bars = candles.bars("X/USDT:USDT", interval, START, ts, 10_000)
    close, opens = listing.first_price, START
    for bar in bars:
        assert bar == brute_force(prints, opens, length, close, listing.multiplier)
        close, opens = bar.close, opens + length
    assert opens > ts


@pytest.mark.parametrize("interval", sorted(INTERVALS))
def test_the_past_ends_at_the_first_price_and_each_bar_opens_where_the_last_closed(
    interval: str,
) -> None:
    bars = fed(ODD_START).bars("BTC/USDT", interval, None, ODD_START, 50)
    assert len(bars) == 50
    assert bars[-1].ts_open <= ODD_START < bars[-1].ts_close
    assert bars[-1].close == BTC.first_price
    for before, after in pairwise(bars):
        assert before.ts_close == after.ts_open
        assert before.close == after.open
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.low % BTC.price_step == bar.high % BTC.price_step == 0
        assert bar.volume % BTC.quantity_step == 0


def test_the_past_is_the_same_for_the_same_seed() -> None:
    first, again = (Candles((BTC,), ODD_START, seed=4) for _ in range(2))
    other = Candles((BTC,), ODD_START, seed=5)
    asked = ("BTC/USDT", "5m", None, ODD_START, 100)
    assert first.bars(*asked) == again.bars(*asked)
    assert first.bars(*asked) != other.bars(*asked)


def test_the_past_begins_somewhere() -> None:
    candles = fed(START)
    from_nothing = candles.bars("BTC/USDT", "1d", 0, START, 10)
    assert len(from_nothing) == 10
    assert from_nothing[0].ts_open == START - PAST_NS
    assert len(candles.bars("BTC/USDT", "1w", None, START, 1_000)) < 150
    assert candles.bars("BTC/USDT", "1h", None, START - 2 * PAST_NS, 10) == []


def test_the_past_can_end_at_another_price_than_the_listings() -> None:
    candles = Candles((BTC,), ODD_START, first_prices={"BTC/USDT": Decimal("61234.56")})
    assert candles.current("BTC/USDT", "1h").close == Decimal("61234.56")


def test_the_same_past_opens_at_the_same_prices_in_every_interval() -> None:
    candles = fed(START)
    hours = {bar.ts_open: bar.open for bar in candles.bars("BTC/USDT", "1h", None, START, 48)}
    for bar in candles.bars("BTC/USDT", "15m", None, START, 190):
        if bar.ts_open in hours:
            assert hours[bar.ts_open] == bar.open


def test_the_bar_that_the_start_falls_into_goes_on_from_the_past() -> None:
    candles = fed(ODD_START, printed(ODD_START + 1, "60100"))
    before = fed(ODD_START).current("BTC/USDT", "1h")
    after = candles.current("BTC/USDT", "1h")
    assert (after.open, after.close, after.high) == (before.open, Decimal(60100), Decimal(60100))
    assert after.volume == before.volume + Decimal("0.01")
    assert after.count == before.count + 1


def test_bars_are_counted_from_the_start_asked_for_or_back_from_the_end() -> None:
    candles = fed(START, printed(START, "60000"), printed(START + 9 * SECOND, "60001"))
    end = START + 9 * SECOND
    first = candles.bars("BTC/USDT", "1s", START + 1, end, 3)
    last = candles.bars("BTC/USDT", "1s", None, end, 3)
    assert [bar.ts_open - START for bar in first] == [1 * SECOND, 2 * SECOND, 3 * SECOND]
    assert [bar.ts_open - START for bar in last] == [7 * SECOND, 8 * SECOND, 9 * SECOND]


def test_an_empty_second_is_a_flat_bar() -> None:
    candles = fed(START, printed(START, "60000"), printed(START + 2 * SECOND, "60007"))
    empty = candles.bars("BTC/USDT", "1s", START, START + 4 * SECOND, 10)[1]
    assert (empty.open, empty.high, empty.low, empty.close) == (Decimal(60000),) * 4
    assert (empty.volume, empty.count) == (0, 0)
    assert candles.current("BTC/USDT", "1s", START + 4 * SECOND).open == Decimal(60007)


def test_weeks_begin_on_monday() -> None:
    (bar,) = fed(ODD_START).bars("BTC/USDT", "1w", None, ODD_START, 1)
    assert bar.ts_open == START


def test_old_seconds_are_forgotten_and_not_made_up() -> None:
    candles = Candles((BTC,), START)
    for second in range(4_000):
        candles.hear(printed(START + second * SECOND, "60000"))
    bars = candles.bars("BTC/USDT", "1s", START, START + 4_000 * SECOND, 4_001)
    assert bars[0].ts_open > START
    assert bars[-1].ts_open == START + 4_000 * SECOND
    assert len(bars) == 1_002


@given(
    gaps=st.lists(
        st.tuples(st.integers(0, 7 * HOUR), st.integers(59_000, 61_000)), min_size=1, max_size=20
    )
)
def test_a_days_statistics_are_those_of_its_bars(gaps: list[tuple[int, int]]) -> None:
    candles, ts = Candles((BTC,), ODD_START), ODD_START
    for gap, price in gaps:
        ts += gap
        candles.hear(printed(ts, str(price)))
        day = candles.day("BTC/USDT", ts)
        bars = candles.bars("BTC/USDT", "5m", None, ts, 289)
        assert (day.open, day.last) == (bars[0].open, bars[-1].close)
        assert (day.high, day.low) == (max(b.high for b in bars), min(b.low for b in bars))
        assert day.volume == sum(bar.volume for bar in bars)
        assert day.quote_volume == sum(bar.quote_volume for bar in bars)
        assert day.count == sum(bar.count for bar in bars)
        assert ts - DAY - 5 * MINUTE <= day.ts_open <= ts - DAY


def test_a_market_that_is_listed_later_has_a_past_too() -> None:
    candles = fed(START)
    (eth,) = default_listings(("ETH/USDT",))
    candles.hear(MarketChanged(listing=eth, ts=ODD_START))
    candles.hear(printed(ODD_START + SECOND, "3001", symbol="ETH/USDT"))
    bars = candles.bars("ETH/USDT", "1m", None, ODD_START + SECOND, 10)
    assert len(bars) == 10
    assert bars[-1].close == 3001


def test_other_news_of_a_market_leave_its_bars_alone() -> None:
    candles = fed(START, printed(START, "60010"))
    candles.hear(MarketChanged(listing=BTC, ts=START + SECOND))
    assert candles.current("BTC/USDT", "1m").close == Decimal(60010)
