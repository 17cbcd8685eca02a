"""What a client of a faulty stream receives, and when it receives nothing any more."""

import asyncio

import aiohttp
import pytest

from alphaforge.sandbox.fault_terms import Stream
from alphaforge.sandbox.sockets import QUEUE_CHARACTERS, QUEUE_FRAMES


async def heard(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[str]:
    return [await socket.receive_str() for _ in range(count)]


async def has_ended(socket: aiohttp.ClientWebSocketResponse) -> bool:
    ended = {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    return (await socket.receive()).type in ended


async def test_without_faults_everything_arrives_in_order(place) -> None:
    socket = await place.stream()
    for number in range(100):
        place.tiny.say(str(number))
    assert await heard(socket, 100) == [str(number) for number in range(100)]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"kind": "push_drop", "times": 1}, ["1", "2"]),
        ({"kind": "push_duplicate", "times": 1}, ["0", "0", "1", "2"]),
        ({"kind": "push_reorder", "times": 1}, ["1", "0", "2"]),
        ({"kind": "push_delay", "seconds": 0.02}, ["0", "1", "2"]),
        ({"kind": "huge", "size": 70_000, "times": 1}, [" " * 70_000, "0", "1", "2"]),
        ({"kind": "gap"}, ["0", "1", "2"]),
    ],
    ids=lambda told: told["kind"] if isinstance(told, dict) else "",
)
async def test_frames_of_a_faulty_stream(place, told, expected) -> None:
    socket = await place.stream()
    place.fault(**told)
    for number in range(3):
        place.tiny.say(str(number))
    assert await heard(socket, len(expected)) == expected


async def test_a_gap_loses_a_change_of_the_book_and_nothing_else(place) -> None:
    socket = await place.stream()
    place.fault(kind="gap", times=1)
    for number in range(3):
        place.tiny.say(f"trade {number}")
        place.tiny.say(f"book {number}", Stream.BOOK)
    assert await heard(socket, 5) == ["trade 0", "trade 1", "book 1", "trade 2", "book 2"]


@pytest.mark.parametrize(
    ("private", "expected"), [(True, ["public", "end"]), (False, ["private", "end"])]
)
async def test_the_private_side_may_be_silent_while_the_public_one_lives(
    place, private: bool, expected: list[str]
) -> None:
    socket = await place.stream()
    number = place.fault(kind="silent", private=private)
    place.tiny.say("public", Stream.BOOK)
    place.tiny.say("private", Stream.ORDERS)
    place.floor.faults.clear(number)
    place.tiny.say("end")
    assert await heard(socket, 2) == expected


async def test_a_cut_ends_the_socket_without_a_word(place) -> None:
    public, private = await place.stream(), await place.stream("/tiny/private")
    place.fault(kind="cut", private=True)
    assert await has_ended(private)
    assert private.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
    place.tiny.say("alive")
    assert await public.receive_str() == "alive"


async def test_a_cut_may_wait_for_a_frame(place) -> None:
    socket = await place.stream()
    place.fault(kind="cut", stream="fills", times=1)
    place.tiny.say("a trade")
    place.tiny.say("a fill", Stream.FILLS)
    assert await socket.receive_str() == "a trade"
    assert await has_ended(socket)
    again = await place.stream()
    place.tiny.say("alive")
    assert await again.receive_str() == "alive"


async def test_a_half_open_socket_stays_and_says_nothing(place) -> None:
    half, whole = await place.stream("/tiny/private"), await place.stream()
    place.fault(kind="half_open", private=True)
    await place.ticks.until(lambda: any(talk.socket.is_mute for talk in place.tiny.talks))
    await half.ping(b"?")
    await half.send_str("anybody?")
    place.tiny.say("alive")
    assert await whole.receive_str() == "alive"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await half.receive()
    assert len(place.tiny.talks) == 2


async def test_pings_are_answered(place) -> None:
    socket = await place.stream()
    await socket.ping(b"there?")
    message = await socket.receive()
    assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"there?")


async def test_a_storm_takes_every_connection_and_drops_it(place) -> None:
    place.fault(kind="storm", times=3)
    for _ in range(3):
        assert await has_ended(await place.http.ws_connect(f"{place.url}/tiny/ws"))
    await place.stream()


async def test_more_connections_than_allowed_are_refused(place) -> None:
    place.fault(kind="connection_limit", limit=1)
    first = await place.stream()
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await place.stream()
    assert caught.value.status == 429
    await first.close()
    await place.ticks.until(lambda: not place.tiny.talks)
    await place.stream()


async def test_a_client_that_does_not_read_is_cut_off_and_memory_stays_bounded(place) -> None:
    socket = await place.stream()
    frame = "x" * 1000
    for _ in range(QUEUE_FRAMES + 1):
        place.tiny.say(frame)
    await place.ticks.until(lambda: not place.tiny.talks)
    assert not len(place.floor.sockets)
    await socket.close()


async def test_a_client_that_does_not_read_is_cut_off_by_what_waits_not_only_by_how_many(
    place,
) -> None:
    socket = await place.stream()
    frame = "x" * 1_000_000
    for _ in range(QUEUE_CHARACTERS // len(frame) + 2):
        place.tiny.say(frame)
    await place.ticks.until(lambda: not place.tiny.talks)
    assert not len(place.floor.sockets)
    await socket.close()


async def test_a_client_that_takes_nothing_is_cut_off_however_little_waits(
    place, monkeypatch
) -> None:
    monkeypatch.setattr("alphaforge.sandbox.sockets.STALL_S", 0.05)
    socket = await place.stream()
    transport = socket._response.connection.transport
    transport.pause_reading()
    place.fault(kind="huge", size=30_000_000, times=1)  # more than a system's buffers hold
    place.tiny.say("after it")
    await place.ticks.until(lambda: not place.tiny.talks)
    assert not len(place.floor.sockets)
    transport.abort()


async def test_a_huge_frame_alone_cuts_nobody_off(place) -> None:
    socket = await place.http.ws_connect(f"{place.url}/tiny/ws", max_msg_size=0)
    await socket.send_str("hello")
    assert (await socket.receive_str()) == "echo hello"
    place.fault(kind="huge", size=2 * QUEUE_CHARACTERS, times=1)
    for text in ("0", "1"):
        place.tiny.say(text)
    got = [len(await socket.receive_str()) for _ in range(3)]
    assert got == [2 * QUEUE_CHARACTERS, 1, 1]


async def test_a_socket_the_client_closes_is_forgotten(place) -> None:
    socket = await place.stream()
    await socket.close()
    await place.ticks.until(lambda: not place.tiny.talks)
    assert not len(place.floor.sockets)
    place.tiny.say("to nobody")
