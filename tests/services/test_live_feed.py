"""A venue's public streams as the feed of a paper run: all of the market, nothing of an account."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from alphaforge.engine.desk import HistoryRequest
from alphaforge.errors import OutcomeUnknownError
from alphaforge.model.claims import FillReport
from alphaforge.model.enums import Liquidity, OrderSide
from alphaforge.model.market import Trade
from alphaforge.services.engine_time import EngineTime
from alphaforge.services.live_feed import LiveFeed
from alphaforge.venues.base import StreamGap
from tests.services.running import START, FakeClock

SYMBOL = "BTC/USDT"


class Market:
    """A venue that streams what it was given."""

    name = "box"

    def __init__(self, *messages: Any) -> None:
        self.messages = messages
        self.bars_asked: list[tuple[str, str, int]] = []
        self.error: Exception | None = None

    async def stream(self) -> Any:
        for each in self.messages:
            yield each

    async def bars(self, *asked: Any) -> list[Any]:
        self.bars_asked.append(asked)
        if self.error is not None:
            raise self.error
        return ["a bar"]


def trade(price: float) -> Trade:
    return Trade(SYMBOL, START - 5, price, 1.0)


def fill() -> FillReport:
    return FillReport(
        symbol=SYMBOL,
        venue_order_id="7",
        side=OrderSide.BUY,
        ts=START,
        trade_id="1",
        quantity=Decimal(1),
        price=Decimal(1),
        fee=Decimal(0),
        fee_currency="USDT",
        liquidity=Liquidity.TAKER,
    )


def feed_of(market: Market) -> tuple[LiveFeed, FakeClock]:
    clock = FakeClock()
    venues: Any = {"box": market}
    return LiveFeed(venues, EngineTime(clock), lambda symbol: "box"), clock


async def test_what_arrives_is_stamped_and_handed_on_in_its_order() -> None:
    market: Any = Market(trade(1.0), trade(2.0))
    feed, clock = feed_of(market)
    clock.now += 7
    await feed.fill(market)
    (batch,) = list(feed.batches())
    assert [event.price for event in batch] == [1.0, 2.0]
    assert {event.ts_local for event in batch} == {START + 7}
    assert {event.ts for event in batch} == {START - 5}


async def test_while_it_streams_an_empty_batch_says_that_nothing_has_come() -> None:
    feed, _ = feed_of(Market())
    batches = feed.batches()
    assert [next(batches), next(batches)] == [[], []]


async def test_nothing_of_an_account_enters_and_a_gap_is_told() -> None:
    market: Any = Market(fill(), StreamGap("the socket was cut"), trade(1.0))
    feed, _ = feed_of(market)
    told: list[str] = []
    feed.tell = told.append
    await feed.fill(market)
    assert [type(event) for batch in feed.batches() for event in batch] == [Trade]
    assert told == ["the market of box was out of sight: the socket was cut"]


@pytest.mark.parametrize("fails", [False, True])
async def test_history_is_the_venues_or_none_and_said_so(fails: bool) -> None:
    market = Market()
    market.error = OutcomeUnknownError("no answer") if fails else None
    feed, _ = feed_of(market)
    told: list[str] = []
    feed.tell = told.append
    async with asyncio.timeout(5):
        bars = await feed.history(HistoryRequest(SYMBOL, "1m", 20))
    assert market.bars_asked == [(SYMBOL, "1m", 20)]
    assert bars == (() if fails else ("a bar",))
    assert told == (["no history of BTC/USDT 1m: no answer"] if fails else [])
