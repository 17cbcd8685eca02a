"""What every venue promises, whichever it is: subclass `VenueConformance` and give it a `rig`.

A new adapter is one subclass with one fixture, `rig`, that yields a `Rig` with a connected venue.
Asks only what `alphaforge/venues/base.py` says; must never know which venue it talks to.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Protocol, TypeVar

import pytest

from alphaforge.errors import OutcomeUnknownError, VenueUnavailableError
from alphaforge.model.claims import FillReport, OrderStatusReport, VenueStatus
from alphaforge.model.commands import Approved, CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType, TimeInForce
from alphaforge.model.market import BookDelta, BookSnapshot, Level, Quote
from alphaforge.model.market import Trade as Print
from alphaforge.venues.base import ReplyError, StreamGap, Venue, VenueMessage, Watch

T = TypeVar("T")
PATIENCE_S = 10


class Control(Protocol):
    """What a test does to the other side of the wire."""

    async def go_on(self) -> None:
        """Let market time pass, so that the stream has something to tell."""
        ...

    async def by_hand(self, terms: SubmitOrder) -> OrderStatusReport:
        """Somebody else places an order on the same account."""
        ...

    async def fall_silent(self) -> None:
        """From now on requests take effect and no answer comes; skips where it can not be had."""
        ...

    async def cut(self) -> None:
        """Lose the connections once; skips where it can not be had."""
        ...


@dataclass
class Rig:
    """A connected venue with funds on both sides of `symbol`.

    Attributes:
        quantity: What a market order fills at once.
        away: Limit prices by side at which an order rests without filling.
        through: Limit prices by side at which an order fills at once.
        has_books, has_bars: Whether it streams books, and keeps bars.
    """

    venue: Venue
    control: Control
    symbol: str
    quantity: Decimal
    away: dict[OrderSide, Decimal]
    through: dict[OrderSide, Decimal]
    has_books: bool = False
    has_bars: bool = False
    numbered: int = 0

    def order(self, side: OrderSide = OrderSide.BUY, **terms: object) -> SubmitOrder:
        """Market order terms under a new client order id, as the engine would name it."""
        self.numbered += 1
        given: dict[str, object] = {
            "client_order_id": f"af0123456789abcd000001{self.numbered:010x}",
            "order_type": OrderType.MARKET,
            "quantity": self.quantity,
            **terms,
        }
        return SubmitOrder(order_id="", symbol=self.symbol, strategy="", side=side, **given)

    def resting(self, side: OrderSide = OrderSide.BUY, **terms: object) -> SubmitOrder:
        """Terms of an order that rests."""
        return self.order(side, order_type=OrderType.LIMIT, limit_price=self.away[side], **terms)

    async def submit(self, terms: SubmitOrder, life_ns: int = 0) -> OrderStatusReport | None:
        """Send it, to take effect within `life_ns`, or what the venue has by default."""
        now = await self.venue.time()
        expires_at = now + (life_ns or self.venue.capabilities.request_life_ns)
        return await self.venue.submit(Approved(terms, now), expires_at)

    async def cancel(self, terms: SubmitOrder, life_ns: int = 0) -> OrderStatusReport | None:
        """Cancel by the client order id."""
        command = CancelOrder("", self.symbol, terms.client_order_id)
        now = await self.venue.time()
        expires_at = now + (life_ns or self.venue.capabilities.request_life_ns)
        return await self.venue.cancel(Approved(command, now), expires_at)

    async def modify(self, terms: SubmitOrder, **new: Decimal) -> OrderStatusReport | None:
        """Modify by the client order id."""
        ids = {"symbol": self.symbol, "client_order_id": terms.client_order_id}
        now = await self.venue.time()
        expires_at = now + self.venue.capabilities.request_life_ns
        return await self.venue.modify(Approved(ModifyOrder("", 1, **new, **ids), now), expires_at)

    async def can_modify(self) -> bool:
        """Whether orders can be changed there at all."""
        listed = {one.symbol: one for one in await self.venue.instruments()}
        return "MODIFY" not in listed[self.symbol].unsupported

    async def look_up(self, terms: SubmitOrder) -> OrderStatusReport:
        """How it stands, by the client order id."""
        return await self.venue.order(self.symbol, terms.client_order_id, "")

    async def total(self, currency: str) -> Decimal:
        """The balance of one currency."""
        found = {one.currency: one.total for one in await self.venue.balances()}
        return found[currency]


class Listener:
    """Reads the stream; `until` gives the first message that fits, old or new."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._stream = rig.venue.stream()
        self.heard: list[VenueMessage] = []

    async def until(self, kind: type[T], fits: Callable[[T], bool] = lambda _: True) -> T:
        """Lets the market go on until it comes."""
        for message in self.heard:
            if isinstance(message, kind) and fits(message):
                return message
        async with asyncio.timeout(PATIENCE_S):
            await self._rig.control.go_on()
            async for message in self._stream:
                self.heard.append(message)
                if isinstance(message, kind) and fits(message):
                    return message
                await self._rig.control.go_on()
        raise AssertionError(f"the stream ended without a {kind.__name__}")


async def refused(asking: Awaitable[object]) -> str:
    """The code with which the venue says no."""
    with pytest.raises(ReplyError) as raised:
        await asking
    return raised.value.reply


def apply(levels: dict[float, float], changes: Iterable[Level]) -> None:
    """Bring one side of a book up to date."""
    for price, size in changes:
        levels[price] = size
        if not size:
            del levels[price]


NEVER_SENT = "never sent"


async def late(asking: Awaitable[object]) -> str:
    """The code with which the venue says no, or that the request was not sent at all."""
    with pytest.raises((ReplyError, VenueUnavailableError)) as raised:
        await asking
    return raised.value.reply if isinstance(raised.value, ReplyError) else NEVER_SENT


class VenueConformance:
    """One test per promise."""

    async def test_the_symbol_is_listed_with_its_rules(self, rig: Rig) -> None:
        listed = {one.symbol: one for one in await rig.venue.instruments()}
        rules = listed[rig.symbol]
        assert rules.venue == rig.venue.name
        assert rules.price_step > 0
        assert rules.quantity_step > 0
        assert rules.base
        assert rules.quote

    async def test_the_clock_goes_on_and_never_back(self, rig: Rig) -> None:
        times = [await rig.venue.time() for _ in range(3)]
        assert times == sorted(times)
        assert times[0] > 10**18

    async def test_the_codes_that_prove_are_told_apart(self, rig: Rig) -> None:
        does = rig.venue.capabilities
        assert not does.refusals & (does.unknown_order | does.duplicates)
        assert not does.request_refusals & does.unknown_order
        assert does.throttled <= does.refusals
        assert does.proof_ns > does.request_life_ns

    async def test_the_market_is_streamed(self, rig: Rig) -> None:
        listener = Listener(rig)
        quote = await listener.until(Quote, lambda one: one.symbol == rig.symbol)
        assert 0 < quote.bid < quote.ask
        printed = await listener.until(Print, lambda one: one.symbol == rig.symbol)
        assert printed.price > 0
        assert printed.size > 0

    async def test_nothing_is_printed_twice(self, rig: Rig) -> None:
        listener = Listener(rig)
        first = await listener.until(Print)
        await listener.until(Print, lambda one: one.ts > first.ts)
        printed = [one for one in listener.heard if isinstance(one, Print)]
        assert len({(one.symbol, one.trade_id) for one in printed}) == len(printed)

    async def test_a_book_that_is_watched_comes_whole_and_then_its_changes(self, rig: Rig) -> None:
        if not rig.has_books:
            pytest.skip("it streams no books")
        listener = Listener(rig)
        rig.venue.watch(rig.symbol, Watch.BOOK)
        rig.venue.watch(rig.symbol, Watch.BOOK)
        seen: list[BookDelta] = []
        for _ in range(5):
            seen.append(await listener.until(BookDelta, lambda one: one not in seen))
        told = [one for one in listener.heard if isinstance(one, BookSnapshot | BookDelta)]
        assert [type(one) for one in told[:2]] == [BookSnapshot, BookDelta]
        bids, asks, at = dict(told[0].bids), dict(told[0].asks), told[0].last_id
        for change in told[1:]:
            assert isinstance(change, BookDelta)
            assert change.first_id == at + 1
            at = change.last_id
            apply(bids, change.bids)
            apply(asks, change.asks)
            assert max(bids) < min(asks)
            assert all(size > 0 for size in (*bids.values(), *asks.values()))

    async def test_bars_are_the_last_finished_ones_oldest_first(self, rig: Rig) -> None:
        assert list(await rig.venue.bars(rig.symbol, "100-tick", 5)) == []
        bars = await rig.venue.bars(rig.symbol, "1m", 5)
        if not rig.has_bars:
            assert list(bars) == []
            return
        now = await rig.venue.time()
        assert len(bars) == 5
        assert all(one.ts - one.ts_open == 60 * 10**9 for one in bars)
        assert all(b.ts == a.ts + 60 * 10**9 for a, b in pairwise(bars))
        assert now - 2 * 60 * 10**9 < bars[-1].ts <= now
        for one in bars:
            assert (one.symbol, one.kind, one.historical) == (rig.symbol, "1m", True)
            assert one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high

    async def test_its_health_says_that_its_streams_are_up(self, rig: Rig) -> None:
        health = rig.venue.health
        assert health.streams == health.streams_wanted
        assert health.latency_ns >= 0
        assert health.conflated == 0

    async def test_an_order_that_rests_is_open_under_our_id(self, rig: Rig) -> None:
        terms = rig.resting()
        await rig.submit(terms)
        report = await rig.look_up(terms)
        assert report.status is VenueStatus.OPEN
        assert (report.symbol, report.side) == (rig.symbol, OrderSide.BUY)
        assert (report.quantity, report.filled) == (rig.quantity, 0)
        assert report.limit_price == rig.away[OrderSide.BUY]
        assert report.venue_order_id
        assert await rig.venue.order(rig.symbol, "", report.venue_order_id) == report
        assert report in await rig.venue.open_orders()

    async def test_the_reply_to_an_order_is_about_that_order(self, rig: Rig) -> None:
        terms = rig.resting()
        reply = await rig.submit(terms)
        if reply is not None:
            assert reply.client_order_id in {"", terms.client_order_id}
            assert reply.status is VenueStatus.OPEN

    @pytest.mark.parametrize("side", list(OrderSide))
    async def test_a_market_order_fills_and_moves_the_balances(
        self, rig: Rig, side: OrderSide
    ) -> None:
        base, quote = rig.symbol.split("/")
        before = {name: await rig.total(name) for name in (base, quote)}
        since = await rig.venue.time()
        terms = rig.order(side)
        await rig.submit(terms)
        fill = await Listener(rig).until(FillReport)
        trades = await rig.venue.trades(since)
        venue_order_id = (await rig.look_up(terms)).venue_order_id
        assert fill.trade_id in {one.trade_id for one in trades}
        assert {one.venue_order_id for one in trades} == {venue_order_id}
        assert sum(one.quantity for one in trades) == rig.quantity
        sign = 1 if side is OrderSide.BUY else -1
        moved = {base: Decimal(0), quote: Decimal(0)}
        for one in trades:
            moved[base] += sign * one.quantity
            moved[quote] -= sign * one.quantity * one.price
            moved[one.fee_currency] -= one.fee
        for name, change in moved.items():
            assert await rig.total(name) - before[name] == change

    async def test_the_stream_tells_of_acceptance_fill_and_end(self, rig: Rig) -> None:
        listener = Listener(rig)
        terms = rig.order()
        await rig.submit(terms)
        venue_order_id = (await rig.look_up(terms)).venue_order_id
        done = await listener.until(
            OrderStatusReport,
            lambda one: (one.venue_order_id, one.status) == (venue_order_id, VenueStatus.FILLED),
        )
        assert done.filled == rig.quantity
        fills = [one for one in listener.heard if isinstance(one, FillReport)]
        assert sum(one.quantity for one in fills) == rig.quantity

    async def test_a_pushed_fill_and_a_listed_trade_are_the_same_trade(self, rig: Rig) -> None:
        since = await rig.venue.time()
        await rig.submit(rig.order())
        fill = await Listener(rig).until(FillReport)
        listed = {one.trade_id: one for one in await rig.venue.trades(since)}[fill.trade_id]
        for name in ("symbol", "venue_order_id", "side", "quantity", "price", "fee", "ts"):
            assert getattr(fill, name) == getattr(listed, name), name

    async def test_trades_are_asked_for_from_a_time_on_and_that_time_counts(self, rig: Rig) -> None:
        await rig.submit(rig.order())
        first = await rig.venue.trades(0)
        last = first[-1].ts
        assert await rig.venue.trades(last + 1) == []
        assert first[-1] in await rig.venue.trades(last)

    async def test_a_canceled_order_is_looked_up_as_canceled(self, rig: Rig) -> None:
        terms = rig.resting()
        await rig.submit(terms)
        await rig.cancel(terms)
        report = await rig.look_up(terms)
        assert report.status is VenueStatus.CANCELED
        assert report.filled == 0
        assert report.venue_order_id not in {
            one.venue_order_id for one in await rig.venue.open_orders()
        }

    async def test_a_modified_order_stands_with_its_new_terms(self, rig: Rig) -> None:
        terms = rig.resting()
        await rig.submit(terms)
        if not await rig.can_modify():
            code = await refused(rig.modify(terms, quantity=2 * rig.quantity))
            assert code in rig.venue.capabilities.request_refusals
            assert (await rig.look_up(terms)).quantity == rig.quantity
            return
        await rig.modify(terms, quantity=2 * rig.quantity)
        report = await rig.look_up(terms)
        assert report.status is VenueStatus.OPEN
        assert report.quantity == 2 * rig.quantity
        assert report.limit_price == rig.away[OrderSide.BUY]

    async def test_a_client_order_id_is_taken_once(self, rig: Rig) -> None:
        terms = rig.resting()
        await rig.submit(terms)
        code = await refused(rig.submit(terms))
        assert code in rig.venue.capabilities.duplicates
        await rig.cancel(terms)
        assert len([o for o in await rig.venue.open_orders() if o.client_order_id]) == 0

    async def test_an_order_that_arrives_too_late_does_not_exist(self, rig: Rig) -> None:
        terms = rig.resting()
        code = await late(rig.submit(terms, life_ns=-1_000_000_000))
        assert code in {NEVER_SENT, *rig.venue.capabilities.refusals}
        assert await refused(rig.look_up(terms)) in rig.venue.capabilities.unknown_order

    async def test_a_cancel_that_arrives_too_late_changes_nothing(self, rig: Rig) -> None:
        terms = rig.resting()
        await rig.submit(terms)
        code = await late(rig.cancel(terms, life_ns=-1_000_000_000))
        assert code in {NEVER_SENT, *rig.venue.capabilities.request_refusals}
        assert (await rig.look_up(terms)).status is VenueStatus.OPEN

    async def test_an_order_nobody_sent_is_unknown(self, rig: Rig) -> None:
        terms = rig.resting()
        assert await refused(rig.look_up(terms)) in rig.venue.capabilities.unknown_order

    async def test_a_cancel_of_what_is_not_open_proves_nothing(self, rig: Rig) -> None:
        terms = rig.resting()
        code = await refused(rig.cancel(terms))
        assert code not in rig.venue.capabilities.request_refusals
        await rig.submit(terms)
        await rig.cancel(terms)
        code = await refused(rig.cancel(terms))
        assert code not in rig.venue.capabilities.request_refusals

    async def test_a_modify_of_what_is_not_open_proves_nothing(self, rig: Rig) -> None:
        if not await rig.can_modify():
            return  # never sent: see above
        terms = rig.resting()
        code = await refused(rig.modify(terms, quantity=2 * rig.quantity))
        assert code not in rig.venue.capabilities.request_refusals
        await rig.submit(terms)
        await rig.cancel(terms)
        code = await refused(rig.modify(terms, quantity=2 * rig.quantity))
        assert code not in rig.venue.capabilities.request_refusals

    async def test_a_filled_order_is_looked_up_with_its_count(self, rig: Rig) -> None:
        side = OrderSide.SELL
        terms = rig.order(side, order_type=OrderType.LIMIT, limit_price=rig.through[side])
        await rig.submit(terms)
        report = await rig.look_up(terms)
        assert (report.status, report.filled) == (VenueStatus.FILLED, rig.quantity)
        assert report.side is side
        assert await rig.venue.open_orders() == []

    async def test_many_requests_at_once_are_each_answered_for_themselves(self, rig: Rig) -> None:
        orders = [rig.resting() for _ in range(10)]
        async with asyncio.TaskGroup() as group:
            for terms in orders:
                group.create_task(rig.submit(terms))
        found = {one.client_order_id for one in await rig.venue.open_orders()}
        assert found == {terms.client_order_id for terms in orders}

    async def test_more_than_the_account_has_is_refused_for_sure(self, rig: Rig) -> None:
        base, _ = rig.symbol.split("/")
        terms = rig.resting(OrderSide.SELL, quantity=10 * await rig.total(base))
        assert await refused(rig.submit(terms)) in rig.venue.capabilities.refusals
        assert await refused(rig.look_up(terms)) in rig.venue.capabilities.unknown_order

    async def test_a_post_only_order_that_would_take_is_not_there(self, rig: Rig) -> None:
        terms = rig.order(
            order_type=OrderType.LIMIT, limit_price=rig.through[OrderSide.BUY], post_only=True
        )
        since = await rig.venue.time()
        code = ""
        try:
            await rig.submit(terms)
        except ReplyError as error:
            code = error.reply
        if not code:  # some venues take it, and end it at once
            report = await rig.look_up(terms)
            assert report.status in {VenueStatus.CANCELED, VenueStatus.REJECTED}
            assert report.filled == 0
        assert code in {"", *rig.venue.capabilities.refusals}
        assert await rig.venue.trades(since) == []
        assert await rig.venue.open_orders() == []

    async def test_an_immediate_order_never_rests(self, rig: Rig) -> None:
        terms = rig.resting(tif=TimeInForce.IOC)
        await rig.submit(terms)
        report = await rig.look_up(terms)
        assert report.status in {VenueStatus.CANCELED, VenueStatus.EXPIRED}
        assert await rig.venue.open_orders() == []

    async def test_an_order_placed_by_hand_is_seen(self, rig: Rig) -> None:
        listener = Listener(rig)
        placed = await rig.control.by_hand(rig.resting(client_order_id=""))
        assert placed in await rig.venue.open_orders()
        pushed = await listener.until(OrderStatusReport)
        assert pushed.venue_order_id == placed.venue_order_id
        command = CancelOrder("", rig.symbol, "", placed.venue_order_id)
        now = await rig.venue.time()
        await rig.venue.cancel(Approved(command, now), now + 10**9)
        assert await rig.venue.open_orders() == []

    async def test_a_spot_account_has_no_positions(self, rig: Rig) -> None:
        assert list(await rig.venue.positions()) == []

    async def test_an_unanswered_request_is_an_unknown_outcome(self, rig: Rig) -> None:
        terms = rig.resting()
        now = await rig.venue.time()
        await rig.control.fall_silent()
        with pytest.raises(OutcomeUnknownError):
            await rig.venue.submit(Approved(terms, now), now + 10**10)

    async def test_a_lost_connection_is_told_and_the_stream_goes_on(self, rig: Rig) -> None:
        listener = Listener(rig)
        await listener.until(Quote)
        await rig.control.cut()
        await listener.until(StreamGap)
        before = len(listener.heard)
        terms = rig.resting()
        await rig.submit(terms)
        await listener.until(OrderStatusReport)
        assert len(listener.heard) > before

    async def test_whoever_waits_for_the_stream_is_let_go_by_close(self, rig: Rig) -> None:
        async def read_all() -> None:
            async for _ in rig.venue.stream():
                pass

        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            group.create_task(read_all())
            await asyncio.sleep(0)
            await rig.venue.close()

    async def test_after_close_nothing_is_sent_and_the_stream_ends(self, rig: Rig) -> None:
        stream = rig.venue.stream()
        await rig.venue.close()
        async with asyncio.timeout(PATIENCE_S):
            async for _ in stream:
                pass
        with pytest.raises(VenueUnavailableError):
            await rig.venue.submit(Approved(rig.resting(), 1), 2)
