"""Whatever a server answers, the client names a venue error: never a crash, never a wrong value."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import OutcomeUnknownError, VenueUnavailableError
from alphaforge.model.claims import FillReport, OrderStatusReport, VenueStatus
from alphaforge.model.commands import Approved, SubmitOrder
from alphaforge.model.enums import Liquidity, OrderSide, OrderType
from alphaforge.model.market import Trade
from alphaforge.venues.base import ReplyError, StreamGap
from tests.fake_venue.client import SocketVenue
from tests.fake_venue.wire import Push, Reply, Told, line, sane

Answer = Callable[[int], bytes]
CLIENT_ID = "af0123456789abcd00000100000000001"
DEEP = b"[" * 10_000 + b"]" * 10_000
OURS = OrderStatusReport(
    "BTC/USDT",
    "v1",
    VenueStatus.OPEN,
    OrderSide.BUY,
    1,
    client_order_id=CLIENT_ID,
    quantity=Decimal(1),
    filled=Decimal(0),
    account="main",
)
FILL = FillReport(
    "BTC/USDT",
    "t1",
    "v1",
    OrderSide.BUY,
    Decimal(1),
    Decimal(60_000),
    Decimal(0),
    "USDT",
    Liquidity.MAKER,
    1,
    account="main",
)
ORDER = Approved(
    SubmitOrder(
        "", "BTC/USDT", "", OrderSide.BUY, OrderType.MARKET, Decimal(1), client_order_id=CLIENT_ID
    ),
    1,
)


class Liar:
    """A server that takes subscriptions and answers all else with what it is told to."""

    def __init__(self) -> None:
        self.answer: Answer = lambda _: b""
        self.then: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while text := await reader.readline():
                asked = msgspec.json.decode(text)
                if asked["method"] == "subscribe":
                    pushed, self.then = self.then, []
                    writer.write(line(Reply(asked["id"])) + b"".join(pushed))
                else:
                    writer.write(self.answer(asked["id"]))
        except OSError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def lying(
    path: Path, answer: Answer = lambda _: b"", then: tuple[bytes, ...] = ()
) -> AsyncGenerator[SocketVenue]:
    liar = Liar()
    liar.answer, liar.then = answer, list(then)
    server = await asyncio.start_unix_server(liar.talk, path / "s")
    venue = SocketVenue(path / "s", "main", timeout_s=0.2)
    await venue.connect()
    try:
        yield venue
    finally:
        await venue.close()
        server.close()


def result(text: bytes) -> Answer:
    return lambda number: b'{"type":"reply","id":%d,"result":%b}\n' % (number, text)


def of(value: object) -> Answer:
    return result(msgspec.json.encode(value))


def but(report: msgspec.Struct, **changed: object) -> msgspec.Struct:
    return msgspec.structs.replace(report, **changed)


GARBAGE: dict[str, Answer] = {
    "bytes": lambda _: b"\xff\x00\xfe garbage\n",
    "html": lambda _: b"<html>502 Bad Gateway</html>\n",
    "nothing but an end of line": lambda _: b"\n",
    "truncated": lambda number: b'{"type":"reply","id":%d,"resu\n' % number,
    "deep": lambda _: DEEP + b"\n",
    "a deep result": result(DEEP),
    "a deep unknown field": lambda number: (
        b'{"type":"reply","id":%d,"x":%b,"result":null}\n' % (number, DEEP)
    ),
    "a list": lambda _: b"[]\n",
    "another type": lambda number: b'{"type":"ack","id":%d}\n' % number,
    "an id that is no number": lambda _: b'{"type":"reply","id":"1"}\n',
    "an id nobody asked with": lambda _: b'{"type":"reply","id":999,"result":null}\n',
    "too long": lambda _: b"x" * (1 << 22) + b"\n",
    "an empty list": result(b"[]"),
    "null": result(b"null"),
    "an empty object": result(b"{}"),
    "an empty text": result(b'""'),
    "an unknown status": result(msgspec.json.encode(OURS).replace(b"OPEN", b"PENDING")),
    "a number that is none": result(msgspec.json.encode(OURS).replace(b'"1"', b'"NaN"')),
    "an infinite number": result(msgspec.json.encode(OURS).replace(b'"1"', b'"Infinity"')),
    "a huge number": result(msgspec.json.encode(OURS).replace(b'"1"', b'"1e999999999"')),
    "a quantity of nothing": of(but(OURS, quantity=Decimal(0))),
    "a negative fill": of(but(OURS, filled=Decimal(-1))),
    "a time before time": of(but(OURS, ts=-1)),
    "a time after time": result(
        msgspec.json.encode(OURS).replace(b'"ts":1', b'"ts":1' + b"0" * 30)
    ),
    "another account's order": of(but(OURS, account="other")),
    "another order": of(but(OURS, client_order_id="af")),
    "another symbol": of(but(OURS, symbol="ETH/USDT")),
    "a refusal with a wait without end": lambda number: (
        b'{"type":"reply","id":%d,"refusal":["",""],"x":1}\n' % number
    ),
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_an_answer_that_can_not_be_read_leaves_the_outcome_unknown(
    tmp_path: Path, kind: str
) -> None:
    async with lying(tmp_path, GARBAGE[kind]) as venue:
        with pytest.raises(OutcomeUnknownError):
            await venue.submit(ORDER, 2)


@pytest.mark.parametrize("kind", [kind for kind in GARBAGE if kind != "an empty list"])
@pytest.mark.parametrize("read", ["open_orders", "trades", "balances", "instruments", "time"])
async def test_a_read_that_can_not_be_read_is_an_error(
    tmp_path: Path, kind: str, read: str
) -> None:
    async with lying(tmp_path, GARBAGE[kind]) as venue:
        with pytest.raises((OutcomeUnknownError, VenueUnavailableError)):
            await (venue.trades(0) if read == "trades" else getattr(venue, read)())


async def test_an_answer_that_can_be_read_is_taken(tmp_path: Path) -> None:
    async with lying(tmp_path, of(OURS)) as venue:
        assert await venue.submit(ORDER, 2) == OURS


async def test_another_accounts_orders_and_trades_are_never_listed(tmp_path: Path) -> None:
    async with lying(tmp_path, of([OURS, but(OURS, account="other")])) as venue:
        with pytest.raises(OutcomeUnknownError, match="another account"):
            await venue.open_orders()
    async with lying(tmp_path, of([but(FILL, account="other")])) as venue:
        with pytest.raises(OutcomeUnknownError, match="another account"):
            await venue.trades(0)


@pytest.mark.parametrize("number", ["quantity", "price"])
async def test_a_trade_of_nothing_is_no_trade(tmp_path: Path, number: str) -> None:
    for value in (Decimal(0), Decimal(-1), Decimal("sNaN")):
        async with lying(tmp_path, of([but(FILL, **{number: value})])) as venue:
            with pytest.raises(OutcomeUnknownError):
                await venue.trades(0)


async def test_a_refusal_carries_the_venues_own_words(tmp_path: Path) -> None:
    no = b'{"type":"reply","id":%d,"refusal":{"reply":"[/b]","message":"x","retry_after_ns":5}}\n'
    async with lying(tmp_path, lambda number: no % number) as venue:
        with pytest.raises(ReplyError) as raised:
            await venue.submit(ORDER, 2)
    assert (raised.value.reply, raised.value.retry_after_ns) == ("[/b]", 5)


PRINT = line(Push(1, Trade("BTC/USDT", 1, 1.0, 1.0)))
BAD_PUSHES = {
    "garbage": b"\xff\xfe\n",
    "deep": DEEP + b"\n",
    "truncated": b'{"type":"push","sequence":1,"mess\n',
    "unknown": b'{"type":"push","sequence":1,"message":{"type":"news"}}\n',
    "no number": PRINT.replace(b'"price":1.0', b'"price":1e999'),
    "null": line(Push(1, Trade("BTC/USDT", 1, float("nan"), 1.0))),
    "negative": line(Push(1, Trade("BTC/USDT", 1, -1.0, 1.0))),
    "another account": line(Push(1, msgspec.structs.replace(FILL, account="other"))),
    "not a number": line(Push(1, msgspec.structs.replace(FILL, fee=Decimal("NaN")))),
}


@pytest.mark.parametrize("kind", BAD_PUSHES)
async def test_a_push_that_can_not_be_read_costs_the_connection_and_is_told(
    tmp_path: Path, kind: str
) -> None:
    async with lying(tmp_path, then=(BAD_PUSHES[kind],)) as venue, asyncio.timeout(5):
        assert isinstance(await anext(venue.stream()), StreamGap)


async def test_a_missing_number_is_told_before_what_follows(tmp_path: Path) -> None:
    told = [Trade("BTC/USDT", ts, 1.0, 1.0) for ts in (1, 2, 3)]
    frames = [line(Push(number, one)) for number, one in zip((1, 2, 4), told, strict=True)]
    async with lying(tmp_path, then=tuple(frames)) as venue, asyncio.timeout(5):
        stream = venue.stream()
        heard = [await anext(stream) for _ in range(4)]
    assert heard[:2] == told[:2]
    assert heard[2] == StreamGap("1 messages are missing")
    assert heard[3] == told[2]


NUMBERS = st.decimals(allow_nan=True) | st.sampled_from([Decimal(1), Decimal("1e999999999")])
FILLS = st.builds(
    msgspec.structs.replace,
    st.just(FILL),
    quantity=NUMBERS,
    price=NUMBERS,
    fee=NUMBERS,
    ts=st.integers() | st.just(1),
)


@given(FILLS)
def test_no_value_passes_that_an_exchange_can_not_mean(report: Told) -> None:
    assert isinstance(report, FillReport)
    numbers = (report.quantity, report.price, report.fee)
    fits = all(number.is_finite() and number.copy_abs() < Decimal("1e21") for number in numbers)
    fits = fits and report.quantity > 0 and report.price > 0 and 0 <= report.ts < 2**62
    assert sane(report) == fits
