"""A client's queue, the numbered table behind it, and the loop's lateness."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.client.messages import Difference, Snapshot, Watch
from alphaforge.services.control.channels import Table, encoded
from alphaforge.services.control.lag import BEAT_SECONDS, KEPT, LoopLag
from alphaforge.services.control.subscription import MOST_BYTES, WATCHED, Subscription
from tests.services.control.engine_rig import MESSAGES, Applier, HandClock


class Row(msgspec.Struct):
    text: str


class OneTable:
    """A hub of one channel."""

    def __init__(self) -> None:
        self.table = Table("log")
        self.is_warm = True
        self.left: list[Subscription] = []

    def snapshot(self, channel: str) -> bytes:
        assert channel == "log"
        return self.table.snapshot("now")

    def check_watch(self, watch: Watch) -> None:
        del watch

    def client(self) -> Subscription:
        return Subscription(self, ("log",), self.left.append)


async def read(subscription: Subscription) -> object:
    return MESSAGES.decode(await anext(subscription))


async def test_a_reader_waits_until_there_is_something() -> None:
    hub = OneTable()
    client = hub.client()
    assert isinstance(await read(client), Snapshot)
    reading = asyncio.ensure_future(read(client))
    await asyncio.sleep(0)
    assert not reading.done()
    hub.table.put("1", Row("a"))
    payload = hub.table.difference("now")
    assert payload is not None
    client.offer("log", payload, 1)
    async with asyncio.timeout(1):
        assert isinstance(await reading, Difference)


async def test_a_reader_that_waits_is_freed_when_its_subscription_is_closed() -> None:
    hub = OneTable()
    hub.is_warm = False
    client = hub.client()
    reading = asyncio.ensure_future(anext(client))
    await asyncio.sleep(0)
    client.close()
    async with asyncio.timeout(1):
        with pytest.raises(StopAsyncIteration):
            await reading
    assert hub.left == [client]


async def test_too_many_bytes_are_dropped_like_too_many_messages() -> None:
    client = OneTable().client()
    await read(client)
    client.offer("log", b"x" * (MOST_BYTES // 2), 1)
    assert client.resyncs == 0
    client.offer("log", b"x" * (MOST_BYTES // 2 + 1), 1)
    assert client.resyncs == 1
    assert isinstance(await read(client), Snapshot)


async def test_what_is_watched_is_told_whole_after_a_client_fell_behind() -> None:
    client = OneTable().client()
    await read(client)
    client.watch(Watch(symbol="BTC/USDT"))
    assert client.watching is not None
    client.watching.is_fresh = False
    client.offer("log", b"x" * (MOST_BYTES + 1), 1)
    assert client.watching.is_fresh
    assert not client.offer(WATCHED, b"{}", 1)
    await read(client)
    assert client.offer(WATCHED, b"{}", 1)
    client.watch(Watch(symbol=""))
    assert client.watching is None


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 9), st.integers(0, 3)),
        st.tuples(st.just("drop"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("all"), st.integers(0, 9), st.integers(0, 3)),
        st.tuples(st.just("publish"), st.just(0), st.just(0)),
        st.tuples(st.just("late"), st.just(0), st.just(0)),
    )
)


@given(CHANGES, st.sampled_from([0, 4]))
def test_a_snapshot_at_any_moment_and_what_follows_give_the_table(
    changes: list[tuple[str, int, int]], keep: int
) -> None:
    """Also a snapshot taken while a difference is being made."""
    table = Table("log", keep)
    appliers = [Applier()]
    appliers[0].apply(MESSAGES.decode(table.snapshot("now")))
    for what, key, value in [*changes, ("publish", 0, 0)]:
        if what == "put":
            table.put(str(key), Row("x" * value))
        elif what == "drop":
            table.drop(str(key))
        elif what == "all":
            table.put_all((str(each), Row("y" * value)) for each in range(key))
        elif what == "late":
            appliers.append(Applier())
            appliers[-1].apply(MESSAGES.decode(table.snapshot("now")))
        elif (payload := table.difference("now")) is not None:
            for each in appliers:
                each.apply(MESSAGES.decode(payload))
    final = Applier()
    final.apply(MESSAGES.decode(table.snapshot("now")))
    assert all(each.tables == final.tables for each in appliers)
    assert not keep or len(final.tables["log"]) <= max(keep, 9)


def test_nothing_is_published_where_nothing_changed() -> None:
    table = Table("log")
    table.put("1", Row("a"))
    assert table.difference("now") is not None
    table.put("1", Row("a"))
    table.drop("2")
    assert table.difference("now") is None
    assert table.seq == 1


@given(st.text(st.characters(codec=None), max_size=20))
def test_any_text_at_all_can_be_sent(text: str) -> None:
    row = msgspec.json.decode(encoded(Row(text)), type=Row)
    assert row.text == text.encode("utf-8", "replace").decode()


# The loop -----------------------------------------------------------------------------------------


def test_the_lateness_of_a_loop_is_that_of_its_last_minute() -> None:
    lag = LoopLag(HandClock())
    assert lag.p99_ms() is None
    for _ in range(KEPT):
        lag.note(50_000_000)
    assert lag.p99_ms() == 50.0
    for number in range(KEPT):
        lag.note(number * 1_000)
    lag.note(-5)
    assert lag.p99_ms() == 1.187


async def test_a_loop_that_was_held_is_late() -> None:
    clock = HandClock()
    lag = LoopLag(clock)
    running = asyncio.ensure_future(lag.run())
    await asyncio.sleep(0)
    clock.now += int((BEAT_SECONDS + 0.25) * 1e9)
    async with asyncio.timeout(5):
        while lag.p99_ms() is None:  # noqa: ASYNC110 - it beats by real time, and says so nowhere
            await asyncio.sleep(BEAT_SECONDS)
    running.cancel()
    assert lag.p99_ms() == pytest.approx(250.0)
