"""What the hub publishes: whole at first, then differences, the same for every client."""

import asyncio
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaforge.client.messages import (
    CHANNELS,
    BarsMessage,
    Beat,
    BookMessage,
    Difference,
    Snapshot,
    TapeMessage,
    Watch,
)
from alphaforge.client.mirror import Mirror
from alphaforge.engine.strategy import Strategy
from alphaforge.errors import NotFoundError, UsageError
from alphaforge.model.commands import CancelAll
from alphaforge.model.market import Bar, Trade
from alphaforge.services.control.frames import MOST_ORDERS
from alphaforge.services.control.host import VenueView
from alphaforge.services.control.subscription import MOST_WAITING
from tests.services.control.engine_rig import (
    MESSAGES,
    SECOND,
    START,
    Applier,
    Rig,
    quote,
    trade,
    waiting,
)

SYMBOLS = ("BTC/USDT", "ETH/USDT")


class Restless(Strategy):
    """Does something different on every trade: orders of all kinds, signals, words."""

    def on_start(self) -> None:
        for symbol in SYMBOLS:
            self.subscribe_trades(symbol)
        self.seen = 0

    def on_trade(self, trade: Trade) -> None:
        self.seen += 1
        what = self.seen % 7
        if what == 0:
            self.buy(trade.symbol, "0.01")
        elif what == 1:
            self.buy(trade.symbol, "0.01", limit=trade.price * 0.9)
        elif what == 2 and self.position(trade.symbol).quantity:
            self.sell(trade.symbol, "0.01", stop=trade.price * 0.5, reduce_only=True)
        elif what == 3:
            self.cancel_all(trade.symbol)
        elif what == 4:
            self.signal(trade.symbol, "LONG", 0.5, "because")
        elif what == 5:
            self.close(trade.symbol)
        else:
            self.log(f"trade {self.seen}")


async def test_the_first_messages_are_a_snapshot_of_every_channel_asked_for() -> None:
    rig = Rig({"restless": Restless})
    subscription = rig.hub.subscribe(("orders", "portfolio"))
    assert not subscription.has_waiting
    await rig.turn()
    messages = await waiting(subscription)
    assert [type(each) for each in messages] == [Snapshot, Snapshot]
    assert [each.channel for each in messages if isinstance(each, Snapshot)] == [
        "orders",
        "portfolio",
    ]


async def test_a_row_is_sent_again_only_if_it_changed() -> None:
    rig = Rig()
    rig.feed([trade(0, 100.0), trade(0, 50.0, symbol="ETH/USDT")])
    applier, subscription = Applier(), rig.hub.subscribe(("market",))
    await rig.turn()
    await applier.drain(subscription)
    rig.feed([trade(0.1, 101.0)])
    await rig.turn()
    (message,) = await waiting(subscription)
    assert isinstance(message, Difference)
    assert list(message.set) == ["BTC/USDT"]


async def test_a_client_hears_that_the_engine_lives_when_nothing_changes() -> None:
    rig = Rig()
    subscription = rig.hub.subscribe(("orders",))
    await rig.turn()
    await waiting(subscription)
    heard: list[object] = []
    for _ in range(20):
        await rig.turn()
        heard += await waiting(subscription)
    assert heard
    assert all(isinstance(each, Beat) for each in heard)
    assert 3 <= len(heard) <= 4


async def test_a_client_that_does_not_keep_up_begins_anew_and_nobody_waits_for_it() -> None:
    rig = Rig({"restless": Restless})
    quick, slow = rig.hub.subscribe(CHANNELS), rig.hub.subscribe(CHANNELS)
    appliers = Applier(), Applier()
    await rig.turn()
    await appliers[0].drain(quick)
    await appliers[1].drain(slow)
    for number in range(MOST_WAITING):
        rig.feed([trade(number, 100.0 + number % 5)])
        await rig.turn()
        await appliers[0].drain(quick)
    assert slow.resyncs == 1
    assert quick.resyncs == 0
    await appliers[1].drain(slow)
    assert appliers[1].tables == appliers[0].tables


async def test_a_snapshot_asked_for_again_is_followed_without_a_gap() -> None:
    rig = Rig({"restless": Restless})
    subscription, applier = rig.hub.subscribe(("orders", "log")), Applier()
    await rig.turn()
    await applier.drain(subscription)
    for number in range(8):
        rig.feed([trade(number, 100.0)])
        await rig.turn()
    subscription.resend("orders")
    await applier.drain(subscription)
    rig.feed([trade(9, 100.0)])
    await rig.turn()
    await applier.drain(subscription)
    late, other = Applier(), rig.hub.subscribe(("orders", "log"))
    await late.drain(other)
    assert applier.tables == late.tables


async def test_a_channel_that_was_not_asked_for_cannot_be_asked_for_again() -> None:
    subscription = Rig().hub.subscribe(("orders",))
    with pytest.raises(NotFoundError, match="does not carry"):
        subscription.resend("log")


async def test_who_leaves_is_told_nothing_more_and_the_reading_ends() -> None:
    rig = Rig()
    subscription = rig.hub.subscribe(("orders",))
    subscription.close()
    assert [payload async for payload in subscription] == []
    assert rig.hub.clients == 0
    assert not rig.hub.is_warm


async def test_without_anybody_attached_no_row_is_made() -> None:
    rig = Rig({"restless": Restless})
    rig.feed([trade(number, 100.0) for number in range(50)])
    await rig.turn()
    assert not rig.hub.views.orders.rows


class Rester(Strategy):
    """Rests more orders than anybody can read."""

    def on_start(self) -> None:
        for number in range(MOST_ORDERS + 20):
            self.buy("BTC/USDT", "0.001", limit=f"{1 + number % 7}.5")
        self.subscribe_trades("BTC/USDT")

    def on_trade(self, trade: Trade) -> None:
        self.buy(trade.symbol, "0.001", limit="2")


async def test_of_very_many_working_orders_the_newest_are_held_by_old_and_new_clients() -> None:
    rig = Rig({"rester": Rester})
    first, early = rig.hub.subscribe(("orders",)), Applier()
    await rig.turn()
    await early.drain(first)
    for number in range(30):
        rig.feed([trade(number, 100.0 + number)])
        await rig.turn(0.5)
        await early.drain(first)
    second, late = rig.hub.subscribe(("orders",)), Applier()
    snapshot = MESSAGES.decode(await anext(second))
    late.apply(snapshot)
    assert late.tables == early.tables
    assert isinstance(snapshot, Snapshot)
    assert snapshot.truncated
    assert len(late.tables["orders"]) == MOST_ORDERS
    assert f"o-{MOST_ORDERS + 50:06d}" in late.tables["orders"]
    assert len(rig.rows("orders")) == MOST_ORDERS + 50


async def test_a_run_that_nobody_looks_at_remembers_a_bounded_number_of_orders() -> None:
    rig = Rig({"restless": Restless})
    for start in range(0, 12_000, 3_000):
        rig.feed(trade(number, 100.0) for number in range(start, start + 3_000))
        await rig.turn()
    orders = rig.hub.views.orders
    assert sum(orders.submitted.values()) > 5_000
    assert len(orders._changed) + len(orders._tap.let_go) + len(orders._tap.ended) < 4_000


async def test_a_view_that_fails_is_told_and_the_next_turn_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    rig.hub.subscribe(("orders",))
    turns, twice = iter(range(9)), asyncio.Event()

    def fail() -> None:
        if next(turns):
            twice.set()
        raise ZeroDivisionError("a view")

    monkeypatch.setattr(rig.hub.views.orders, "refresh", fail)
    running = asyncio.ensure_future(rig.hub.run())
    async with asyncio.timeout(5):
        await twice.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert rig.hub.faults
    assert "ZeroDivisionError" in rig.hub.views.news.log[0].message


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("trades"), st.integers(1, 12)),
        st.tuples(st.just("turn"), st.integers(1, 15)),
        st.tuples(st.just("cancel"), st.just(0)),
        st.tuples(st.just("acknowledge"), st.integers(1, 3)),
        st.tuples(st.just("resend"), st.integers(0, len(CHANNELS) - 1)),
        st.tuples(st.just("leave"), st.just(0)),
    ),
    max_size=40,
)


@given(ACTIONS)
@settings(max_examples=60)
def test_whoever_comes_whenever_holds_the_same_rows(actions: list[tuple[str, int]]) -> None:
    """Attached from the start, resynchronised on the way, or attached at the very end."""
    asyncio.run(_play(actions))


class Play:
    """A run with a client from the start and one that asks for snapshots again."""

    def __init__(self) -> None:
        self.rig = Rig({"restless": Restless})
        self.at = 0
        self.attach()

    def attach(self) -> None:
        first, asking = self.rig.hub.subscribe(CHANNELS), self.rig.hub.subscribe(CHANNELS)
        self.asking = asking
        self.appliers = {first: Applier(), asking: Applier()}

    async def act(self, what: str, number: int) -> None:
        if what == "turn":
            await self.rig.turn(number / 10)
        else:
            getattr(self, what)(number)
        for subscription, applier in self.appliers.items():
            await applier.drain(subscription)

    def trades(self, count: int) -> None:
        numbers = range(self.at, self.at + count)
        self.rig.feed(trade(each, 100.0 + each % 9, symbol=SYMBOLS[each % 2]) for each in numbers)
        self.at += count

    def cancel(self, _: int) -> None:
        self.rig.put(CancelAll(self.rig.engine.timers.now))

    def acknowledge(self, number: int) -> None:
        self.rig.hub.views.news.acknowledge(number)

    def resend(self, place: int) -> None:
        self.asking.resend(CHANNELS[place])

    def leave(self, _: int) -> None:
        """Everybody leaves, and two come back."""
        for each in self.appliers:
            each.close()
        self.attach()


async def _play(actions: list[tuple[str, int]]) -> None:
    play = Play()
    for what, number in actions:
        await play.act(what, number)
    late, mirror = play.rig.hub.subscribe(CHANNELS), Mirror()
    await play.rig.turn(1.0)
    for subscription, applier in play.appliers.items():
        await applier.drain(subscription)
    newest = Applier()
    for message in await waiting(late):
        newest.apply(message)
        assert mirror.apply(message) is None
    first, second = (each.tables for each in play.appliers.values())
    assert first == second == newest.tables
    assert {name: set(table.rows) for name, table in mirror.tables.items()} == {
        name: set(table) for name, table in first.items()
    }
    for channel in CHANNELS:
        shown = {bytes(msgspec.json.encode(row)) for row in play.rig.rows(channel)}
        assert shown == set(first[channel].values()), channel


async def test_the_summary_of_a_late_client_is_the_engine_to_the_last_digit() -> None:
    rig = Rig({"restless": Restless})
    rig.feed(trade(number, 100.1 + number % 13) for number in range(200))
    await rig.turn()
    applier, subscription = Applier(), rig.hub.subscribe(CHANNELS)
    await rig.turn()
    await applier.drain(subscription)
    account, row = rig.engine.valuation.account(), applier.row("portfolio", "run")
    assert Decimal(str(row["equity"])) == account.equity
    assert Decimal(str(row["unrealized_pnl"])) == account.unrealized_pnl
    assert row["fills"] == rig.engine.execution.counts.fills == len(applier.tables["trades"])


# Watching -----------------------------------------------------------------------------------------


async def test_a_watched_symbol_sends_book_tape_and_candles_and_then_what_is_new() -> None:
    rig = Rig()
    rig.feed([quote(0, 99.0, 101.0), *(trade(number, 100.0 + number) for number in range(5))])
    subscription = rig.hub.subscribe(("market",))
    subscription.watch(Watch(symbol="BTC/USDT", depth=5, kind="1s", count=3))
    await rig.turn()
    await waiting(subscription)
    await rig.turn()
    messages = await waiting(subscription)
    book = next(each for each in messages if isinstance(each, BookMessage))
    tape = next(each for each in messages if isinstance(each, TapeMessage))
    bars = next(each for each in messages if isinstance(each, BarsMessage))
    assert book.book.bids == (("99", "1.5"),)
    assert [each.price for each in tape.trades] == ["100", "101", "102", "103", "104"]
    assert [each.close for each in bars.bars] == [102.0, 103.0, 104.0]
    rig.feed([trade(4.5, 103.5), trade(5, 110.0)])
    await rig.turn()
    fresh = [each for each in await waiting(subscription) if not hasattr(each, "channel")]
    assert [type(each) for each in fresh] == [TapeMessage, BarsMessage]
    (bars,) = (each for each in fresh if isinstance(each, BarsMessage))
    assert [each.close for each in bars.bars] == [103.5, 110.0]
    assert [each.incomplete for each in bars.bars] == [False, True]


async def test_a_flood_of_trades_is_shown_in_part_and_the_rest_is_counted() -> None:
    rig = Rig()
    subscription = rig.hub.subscribe(("market",))
    subscription.watch(Watch(symbol="BTC/USDT", depth=0, kind=""))
    for _ in range(3):
        await rig.turn()
        await waiting(subscription)
    rig.feed(trade(number / 1000, 100.0) for number in range(900))
    await rig.turn()
    (tape,) = (each for each in await waiting(subscription) if isinstance(each, TapeMessage))
    assert len(tape.trades) + tape.skipped == 900
    assert tape.skipped == 850


@pytest.mark.parametrize(
    ("watch", "error"),
    [
        (Watch(symbol="DOGE/USDT"), NotFoundError),
        (Watch(symbol="BTC/USDT", kind="7x"), UsageError),
        (Watch(symbol="BTC/USDT", kind="100-tick"), UsageError),
        (Watch(symbol="BTC/USDT", depth=51), UsageError),
        (Watch(symbol="BTC/USDT", count=0), UsageError),
    ],
)
async def test_what_cannot_be_watched_is_refused(watch: Watch, error: type[Exception]) -> None:
    subscription = Rig().hub.subscribe(("market",))
    with pytest.raises(error):
        subscription.watch(watch)


async def test_text_that_no_encoding_can_write_does_not_stop_the_log() -> None:
    rig = Rig()
    subscription, applier = rig.hub.subscribe(("log",)), Applier()
    rig.hub.log("INFO", "strategy", "broken \udcff text")
    await rig.turn()
    await applier.drain(subscription)
    assert applier.row("log", "1")["message"] == "broken ? text"


class Archive:
    """A venue that knows five minutes from before the run, or nothing but trouble."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def bars(self, symbol: str, kind: str, count: int) -> list[Bar]:
        del count
        if self._error is not None:
            raise self._error
        minute = 60 * SECOND
        starts = range(START - 5 * minute, START, minute)
        return [
            Bar(symbol, kind, start + minute, start, 9.0, 9.0, 9.0, 9.0, 1.0) for start in starts
        ]


async def _bars_of(rig: Rig, enough: int) -> BarsMessage:
    """The first message of candles with so many of them."""
    subscription = rig.hub.subscribe(("market",))
    subscription.watch(Watch(symbol="BTC/USDT", depth=0, kind="1m"))
    running = asyncio.ensure_future(rig.hub.run())
    try:
        async with asyncio.timeout(5):
            told = (MESSAGES.decode(payload) async for payload in subscription)
            bars = (each async for each in told if isinstance(each, BarsMessage))
            return await anext(each async for each in bars if len(each.bars) >= enough)
    finally:
        running.cancel()


async def test_candles_from_before_the_run_follow_when_the_venue_has_answered() -> None:
    rig = Rig()
    rig.venues = (VenueView("sim", "paper", "READY", "", 0, None, Archive()),)  # type: ignore[arg-type]  # a venue that knows bars
    rig.feed([trade(1, 10.0), trade(61, 11.0)])
    message = await _bars_of(rig, 7)
    assert [each.close for each in message.bars] == [9.0] * 5 + [10.0, 11.0]
    assert [each.incomplete for each in message.bars] == [False] * 5 + [True, True]


async def test_a_venue_that_breaks_its_word_costs_the_chart_nothing_but_its_past() -> None:
    rig = Rig()
    broken = Archive(ZeroDivisionError("a bug in an adapter"))
    rig.venues = (VenueView("sim", "paper", "READY", "", 0, None, broken),)  # type: ignore[arg-type]  # the same
    rig.feed([trade(1, 10.0), trade(61, 11.0)])
    message = await _bars_of(rig, 2)
    assert [each.close for each in message.bars] == [10.0, 11.0]
    assert rig.hub.faults <= 1
