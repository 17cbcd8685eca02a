"""What the venue pushes arrives whole and once, whatever happens to the sockets it comes over."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from msgspec.structs import replace

from alphaforge.model.claims import FillReport, OrderStatusReport, VenueStatus
from alphaforge.model.commands import Approved, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.model.market import BookDelta, BookSnapshot, Quote, Trade
from alphaforge.sandbox.fault_terms import FaultKind, Stream
from alphaforge.sandbox.tls import Certificates
from alphaforge.venues import ccxt_polling, ccxt_streams
from alphaforge.venues.base import NS_PER_SECOND, StreamGap, VenueMessage, Watch
from alphaforge.venues.ccxt_profiles import profile_of
from alphaforge.venues.ccxt_venue import CcxtVenue
from tests.venues.local import ACCOUNT, LocalExchange, local_exchange

SYMBOL = "BTC/USDT"
LOW, HIGH = Decimal(50_000), Decimal(70_000)
SIZE = Decimal("0.0002")
BOTH = pytest.mark.parametrize("ccxt_id", ["binance", "bybit"])
PATIENCE_S = 15


class Reader:
    """Takes in everything, in the background."""

    def __init__(self, venue: CcxtVenue) -> None:
        self.venue = venue
        self.heard: list[VenueMessage] = []
        self._more = asyncio.Event()
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.venue.stream():
            self.heard.append(message)
            self._more.set()

    def of(self, kind: type[VenueMessage]) -> list[VenueMessage]:
        return [each for each in self.heard if isinstance(each, kind)]

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def streaming(
    made: Certificates, ccxt_id: str, *, streams: frozenset[str] | None = None
) -> AsyncGenerator[tuple[LocalExchange, CcxtVenue]]:
    async with local_exchange(made) as local:
        profile = profile_of(ccxt_id)
        if streams is not None:
            profile = replace(profile, streams=streams)
        venue = CcxtVenue(local.access(ccxt_id), profile, name="there", wanted=[SYMBOL])
        await venue.connect()
        try:
            yield local, venue
        finally:
            await venue.close()


def trade_by_hand(local: LocalExchange, times: int) -> None:
    for number in range(times):
        side, price = (OrderSide.SELL, LOW) if number % 2 else (OrderSide.BUY, HIGH)
        local.by_hand(side, price, SIZE, SYMBOL)


async def submit(venue: CcxtVenue, number: int = 1) -> str:
    name = f"af0123456789abcd000001{number:010x}"
    terms = SubmitOrder(
        "", SYMBOL, "", OrderSide.BUY, OrderType.LIMIT, SIZE, LOW, client_order_id=name
    )
    now = await venue.time()
    await venue.submit(Approved(terms, now), now + 5 * NS_PER_SECOND)
    return name


@BOTH
async def test_nobody_reads_for_a_while_and_no_fill_or_end_is_lost(
    made: Certificates, ccxt_id: str
) -> None:
    async with streaming(made, ccxt_id) as (local, venue):
        trade_by_hand(local, 40)
        mine = local.exchange.executions(ACCOUNT, SYMBOL)
        ended = [each for each in local.exchange.orders(ACCOUNT, SYMBOL) if not each.is_open]
        reader = Reader(venue)
        await reader.until(lambda: len(reader.of(FillReport)) >= len(mine))
        fills = [each for each in reader.heard if isinstance(each, FillReport)]
        assert len({each.trade_id for each in fills}) == len(mine) == len(fills)
        assert sum(each.quantity for each in fills) == sum(each.quantity for each in mine)

        def told() -> int:
            reports = [each for each in reader.heard if isinstance(each, OrderStatusReport)]
            return len({r.venue_order_id for r in reports if r.status is VenueStatus.FILLED})

        await reader.until(lambda: told() == len(ended) == 40)


@BOTH
async def test_frames_that_come_twice_print_nothing_twice(made: Certificates, ccxt_id: str) -> None:
    async with streaming(made, ccxt_id) as (local, venue):
        local.fault(FaultKind.PUSH_DUPLICATE, stream=Stream.TRADES)
        reader = Reader(venue)
        await reader.until(lambda: len(reader.of(Trade)) > 20)
        ids = [each.trade_id for each in reader.heard if isinstance(each, Trade)]
        assert len(set(ids)) == len(ids)


@BOTH
async def test_after_a_cut_one_gap_is_told_and_books_come_whole_again(
    made: Certificates, ccxt_id: str
) -> None:
    async with streaming(made, ccxt_id) as (local, venue):
        reader = Reader(venue)
        venue.watch(SYMBOL, Watch.BOOK)
        await reader.until(lambda: bool(reader.of(BookDelta)))
        reader.heard.clear()
        local.fault(FaultKind.CUT)
        await reader.until(lambda: bool(reader.of(StreamGap) and reader.of(BookSnapshot)))
        await reader.until(lambda: bool(reader.of(Quote) and reader.of(Trade)))
        assert len(reader.of(StreamGap)) == 1
        assert venue.health.reconnects > 0
        trade_by_hand(local, 2)
        await reader.until(lambda: len(reader.of(FillReport)) >= 2)
        assert venue.health.streams == venue.health.streams_wanted


@BOTH
async def test_a_private_stream_that_falls_silent_is_found_by_what_it_does_not_tell(
    made: Certificates, ccxt_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ccxt_streams, "EXPECTED_SECONDS", 0.3)
    async with streaming(made, ccxt_id) as (local, venue):
        reader = Reader(venue)
        local.fault(FaultKind.SILENT, private=True)
        await submit(venue)
        await reader.until(lambda: bool(reader.of(Quote)))
        assert not reader.of(OrderStatusReport)
        await reader.until(lambda: bool(reader.of(StreamGap)))
        local.well_again()
        local.fault(FaultKind.CUT, private=True)
        await reader.until(lambda: len(reader.of(StreamGap)) > 1)
        await submit(venue, 2)
        await reader.until(lambda: bool(reader.of(OrderStatusReport)))


@BOTH
async def test_a_socket_that_answers_no_heartbeat_is_given_up(
    made: Certificates, ccxt_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ccxt_streams, "SILENCE_SECONDS", 0.5)
    async with streaming(made, ccxt_id) as (local, venue):
        reader = Reader(venue)
        await reader.until(lambda: bool(reader.of(Quote)))
        local.fault(FaultKind.HALF_OPEN, private=False)
        await reader.until(lambda: bool(reader.of(StreamGap)))
        assert "nothing came" in str(reader.of(StreamGap)[0])


async def test_a_user_stream_that_the_venue_ends_is_subscribed_again(made: Certificates) -> None:
    async with streaming(made, "binance") as (local, venue):
        reader = Reader(venue)
        feeds = venue._feeds
        assert feeds is not None
        assert feeds._private is not None
        (socket,) = feeds._private._tap.sockets.values()
        client = socket.client
        client.on_message_callback(client, {"event": {"e": "eventStreamTerminated", "E": 1}})
        await reader.until(lambda: bool(reader.of(StreamGap)))
        trade_by_hand(local, 2)
        await reader.until(lambda: len(reader.of(FillReport)) >= 2)


@BOTH
async def test_what_is_not_streamed_is_polled_and_says_the_same(
    made: Certificates, ccxt_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BUSY_SECONDS", "QUIET_SECONDS", "MARKET_SECONDS"):
        monkeypatch.setattr(ccxt_polling, name, 0.1)
    async with streaming(made, ccxt_id, streams=frozenset({"none"})) as (local, venue):
        assert venue.health.streams_wanted == 0
        reader = Reader(venue)
        name = await submit(venue)
        trade_by_hand(local, 4)
        mine = local.exchange.executions(ACCOUNT, SYMBOL)
        await reader.until(lambda: len(reader.of(FillReport)) >= len(mine))
        fills = [each for each in reader.heard if isinstance(each, FillReport)]
        assert len({each.trade_id for each in fills}) == len(fills) == len(mine)
        await reader.until(lambda: bool(reader.of(OrderStatusReport)))
        reports = [each for each in reader.heard if isinstance(each, OrderStatusReport)]
        assert name in {each.client_order_id for each in reports}
        await reader.until(lambda: bool(reader.of(Trade) and reader.of(Quote)))


@BOTH
async def test_while_the_private_stream_is_away_questions_do_its_work(
    made: Certificates, ccxt_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BUSY_SECONDS", "QUIET_SECONDS"):
        monkeypatch.setattr(ccxt_polling, name, 0.1)
    async with streaming(made, ccxt_id) as (local, venue):
        reader = Reader(venue)
        local.fault(FaultKind.CONNECTION_LIMIT, limit=0)
        local.fault(FaultKind.CUT, private=True)
        feeds = venue._feeds
        assert feeds is not None
        await reader.until(feeds._is_private_down)
        trade_by_hand(local, 2)
        await reader.until(lambda: len(reader.of(FillReport)) >= 2)


@BOTH
async def test_closing_leaves_no_task_and_no_socket_behind(
    made: Certificates, ccxt_id: str
) -> None:
    async with local_exchange(made) as local:
        before = set(asyncio.all_tasks())
        loop = asyncio.get_running_loop()
        venue = CcxtVenue(local.access(ccxt_id), profile_of(ccxt_id), name="x", wanted=[SYMBOL])
        await venue.connect()
        reader = Reader(venue)
        await reader.until(lambda: bool(reader.of(Quote)))
        local.fault(FaultKind.CUT)
        await reader.until(lambda: bool(reader.of(StreamGap)))
        began = loop.time()
        await venue.close()
        assert loop.time() - began < 2
        await reader.task
        mine = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() - before if task is not mine]
        # What is left is the exchange's side of connections that have just been closed.
        if left:
            await asyncio.wait(left, timeout=5)
        assert asyncio.all_tasks() - before - {mine} == set()
