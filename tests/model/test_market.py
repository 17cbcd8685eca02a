"""Market events are frozen values whose local time defaults to the venue's."""

from decimal import Decimal

import msgspec
import pytest

from alphaforge.model.enums import OrderSide
from alphaforge.model.market import (
    Bar,
    BarOpen,
    BookDelta,
    BookSnapshot,
    FundingRate,
    HistoryBars,
    MarketEvent,
    Quote,
    Trade,
    VenueTime,
)

LEVELS = ((100.0, 1.0),)


def one_of_each(ts: int, **more: int) -> list[MarketEvent]:
    return [
        Trade("BTC/USDT", ts, 100.0, 1.0, OrderSide.BUY, "7", **more),
        Quote("BTC/USDT", ts, 99.0, 101.0, **more),
        BookSnapshot("BTC/USDT", ts, LEVELS, LEVELS, 5, **more),
        BookDelta("BTC/USDT", ts, LEVELS, (), 6, 7, 5, **more),
        BarOpen("BTC/USDT", ts, 100.0, **more),
        Bar("BTC/USDT", "1m", ts, ts - 60, 1.0, 2.0, 0.5, 1.5, 10.0, 3, **more),
        HistoryBars("BTC/USDT", "1m", ts, (), **more),
        FundingRate("BTC/USDT", ts, Decimal("0.0001"), **more),
        VenueTime("sim", ts, **more),
    ]


@pytest.mark.parametrize("event", one_of_each(1_000), ids=lambda event: type(event).__name__)
def test_local_time_that_is_not_given_is_the_venues(event: MarketEvent) -> None:
    assert event.ts_local == event.ts == 1_000


@pytest.mark.parametrize(
    "event", one_of_each(1_000, ts_local=900), ids=lambda event: type(event).__name__
)
def test_local_time_that_is_given_stays_even_before_the_venues(event: MarketEvent) -> None:
    assert (event.ts, event.ts_local) == (1_000, 900)


@pytest.mark.parametrize("event", one_of_each(1_000), ids=lambda event: type(event).__name__)
def test_an_event_cannot_be_changed(event: MarketEvent) -> None:
    with pytest.raises(AttributeError):
        event.ts = 5


def test_every_event_comes_back_from_text_as_it_was() -> None:
    events = one_of_each(1_723_075_199_999_999_999, ts_local=1_723_075_200_000_000_001)
    text = msgspec.json.encode(events)
    assert msgspec.json.decode(text, type=list[MarketEvent]) == events


def test_a_trade_of_a_script_needs_no_side_and_no_id() -> None:
    trade = Trade(symbol="BTC/USDT", ts=1, price=2.0, size=0.5)
    assert (trade.side, trade.trade_id) == (None, "")


def test_the_middle_of_a_quote_is_half_way() -> None:
    assert Quote("BTC/USDT", 1, 99.0, 102.0).mid == 100.5
