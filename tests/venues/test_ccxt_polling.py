"""What is asked while streams are down, and what is left to the streams while they are up."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from alphaforge.model.claims import FillReport
from alphaforge.model.enums import Liquidity, OrderSide
from alphaforge.venues.base import VenueHealth
from alphaforge.venues.ccxt_outbox import Outbox
from alphaforge.venues.ccxt_polling import OVERLAP_NS, Account, PrivatePoller

START = 1_700_000_000_000_000_000
HOUR = 3_600_000_000_000
PACE = 0.001
"""A thousandth of the real pauses."""


def fill(number: int, ts: int) -> FillReport:
    return FillReport(
        "BTC/USDT", f"t{number}", f"v{number}", OrderSide.BUY, Decimal(1), Decimal(100),
        Decimal(0), "USDT", Liquidity.TAKER, ts, ts, "",
    )  # fmt: skip


class Venue:
    """Keeps trades for ever, and remembers from when on it was asked for them."""

    def __init__(self) -> None:
        self.now = START
        self.kept: list[FillReport] = []
        self.asked_from: list[int] = []
        self.asked = asyncio.Event()
        self.is_down = False
        self.looked = asyncio.Event()

    async def open_orders(self) -> list:
        return []

    async def trades(self, since: int) -> list[FillReport]:
        self.asked_from.append(since)
        self.asked.set()
        return [each for each in self.kept if each.ts >= since]

    async def order(self, symbol: str, client_id: str, venue_id: str) -> None:
        raise AssertionError("no order was open")

    def poller(self, outbox: Outbox) -> PrivatePoller:
        account = Account(self.open_orders, self.trades, self.order, lambda: self.now)
        return PrivatePoller(account, outbox, self._needs, PACE)

    def _needs(self) -> bool:
        self.looked.set()
        return self.is_down


async def told_after(prepare: Callable[[Venue], None]) -> tuple[Venue, list[str]]:
    """What reaches the engine once the streams go down, after a time in which they were up."""
    venue, outbox = Venue(), Outbox(VenueHealth())
    poller = venue.poller(outbox)
    await poller.begin()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(poller.run())
        await venue.looked.wait()
        prepare(venue)
        venue.looked.clear()
        await venue.looked.wait()
        venue.looked.clear()
        await venue.looked.wait()
        venue.asked.clear()
        venue.is_down = True
        await venue.asked.wait()
        venue.asked.clear()
        await venue.asked.wait()
        running.cancel()
    outbox.close()
    told = [each.trade_id async for each in outbox.read() if isinstance(each, FillReport)]
    return venue, told


async def test_trades_of_the_time_with_streams_are_not_told_again_when_they_are_lost() -> None:
    def an_hour_passes(venue: Venue) -> None:
        venue.kept = [fill(1, venue.now + 1)]
        venue.now += HOUR

    venue, told = await told_after(an_hour_passes)
    assert told == []
    assert venue.asked_from[1] == START + HOUR - OVERLAP_NS


async def test_a_trade_of_the_last_minute_is_asked_for_because_the_stream_may_have_missed_it() -> (
    None
):
    def a_minute_passes(venue: Venue) -> None:
        venue.now += HOUR
        venue.kept = [fill(1, venue.now - OVERLAP_NS + 1)]

    _, told = await told_after(a_minute_passes)
    assert told == ["t1"], "once, however often it is asked"
