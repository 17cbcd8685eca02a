"""What goes wrong on the way to the fake venue is told as it is; its books say what happened."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path

import pytest

from alphaforge.errors import OutcomeUnknownError, VenueError, VenueUnavailableError
from alphaforge.model.claims import FillReport, OrderStatusReport, VenueStatus
from alphaforge.model.commands import Approved, CancelOrder, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.venues.base import NS_PER_SECOND, ReplyError, StreamGap, VenueMessage
from tests.fake_venue.admin import Admin, serving
from tests.fake_venue.client import SocketVenue
from tests.fake_venue.wire import Faults

FUNDS = {"BTC": Decimal(2), "USDT": Decimal(100_000)}
SYMBOL = "BTC/USDT"


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Generator[Admin]:
    with serving(Path(tmp_path_factory.mktemp("venue")) / "s") as admin:
        yield admin


@pytest.fixture
def account(admin: Admin, request: pytest.FixtureRequest) -> str:
    """An account of this test's own."""
    name: str = request.node.name
    admin.open_account(name, FUNDS)
    return name


@asynccontextmanager
async def connected(
    admin: Admin, account: str, timeout_s: float = 0.3
) -> AsyncGenerator[SocketVenue]:
    venue = SocketVenue(admin.path, account, timeout_s=timeout_s)
    await venue.connect()
    try:
        yield venue
    finally:
        await venue.close()


def resting(client_id: str = "c1") -> SubmitOrder:
    return SubmitOrder(
        "",
        SYMBOL,
        "",
        OrderSide.BUY,
        OrderType.LIMIT,
        Decimal("0.001"),
        limit_price=Decimal(50_000),
        client_order_id=client_id,
    )


async def submit(venue: SocketVenue, terms: SubmitOrder) -> OrderStatusReport | None:
    now = await venue.time()
    return await venue.submit(Approved(terms, now), now + 5 * NS_PER_SECOND)


def ids(admin: Admin, account: str) -> list[str]:
    return [one.client_order_id for one in admin.books(account).orders]


async def told_of_a_gap(stream: AsyncIterator[VenueMessage]) -> None:
    async with asyncio.timeout(10):
        async for message in stream:
            if isinstance(message, StreamGap):
                return


@pytest.mark.parametrize(
    ("faults", "exists"),
    [
        (Faults(drop_reply=1), True),
        (Faults(cut_after=1), True),
        (Faults(cut_before=1), False),
        (Faults(delay=1, delay_max_ms=10_000), None),
    ],
    ids=["no reply", "cut after the effect", "cut before the effect", "slow"],
)
async def test_a_request_without_an_answer_is_unknown_and_may_have_happened(
    admin: Admin, account: str, faults: Faults, exists: bool | None
) -> None:
    async with connected(admin, account) as venue:
        admin.faults(account, faults)
        with pytest.raises(OutcomeUnknownError):
            await submit(venue, resting())
    if exists is not None:
        assert ids(admin, account) == (["c1"] if exists else [])


@pytest.mark.parametrize(
    ("faults", "exist"), [(Faults(error_before=1), []), (Faults(error_after=1), ["c1"])]
)
async def test_a_server_error_proves_nothing(
    admin: Admin, account: str, faults: Faults, exist: list[str]
) -> None:
    async with connected(admin, account) as venue:
        admin.faults(account, faults)
        with pytest.raises(ReplyError) as raised:
            await submit(venue, resting())
        assert raised.value.reply == "server"
        assert raised.value.reply not in venue.capabilities.refusals
    assert ids(admin, account) == exist


async def test_unknown_order_to_a_cancel_may_be_a_lie(admin: Admin, account: str) -> None:
    async with connected(admin, account) as venue:
        await submit(venue, resting())
        admin.faults(account, Faults(unknown_order=1))
        with pytest.raises(ReplyError) as raised:
            await venue.cancel(Approved(CancelOrder("", SYMBOL, "c1"), 1), 1 << 61)
        assert raised.value.reply == "unknown-order"
        assert (await venue.order(SYMBOL, "c1", "")).status is VenueStatus.OPEN


async def test_nothing_is_sent_while_there_is_no_connection(admin: Admin, account: str) -> None:
    venue = SocketVenue(admin.path.with_name("nobody"), account)
    with pytest.raises(VenueUnavailableError):
        await venue.connect()
    with pytest.raises(VenueUnavailableError):
        await venue.submit(Approved(resting(), 1), 2)


async def test_after_a_cut_the_connection_comes_back_by_itself(admin: Admin, account: str) -> None:
    async with connected(admin, account) as venue, asyncio.timeout(10):
        admin.faults(account, Faults(cut_before=1))
        with pytest.raises(OutcomeUnknownError):
            await venue.balances()
        with pytest.raises(VenueUnavailableError):
            await submit(venue, resting())
        admin.faults(account, Faults())
        await told_of_a_gap(venue.stream())
        await submit(venue, resting())
    assert ids(admin, account) == ["c1"]


async def test_pushes_that_come_twice_or_late_lose_nothing(admin: Admin, account: str) -> None:
    admin.faults(account, Faults(duplicate_push=0.5, reorder_push=0.5))
    seen: set[str] = set()
    async with connected(admin, account, timeout_s=5) as venue, asyncio.timeout(20):
        for number in range(20):
            terms = SubmitOrder(
                "", SYMBOL, "", OrderSide.BUY, OrderType.MARKET, Decimal("0.0003"),
                client_order_id=f"c{number}",
            )  # fmt: skip
            await submit(venue, terms)
        trades = {one.trade_id for one in admin.books(account).trades}
        async for message in venue.stream():
            if isinstance(message, FillReport):
                seen.add(message.trade_id)
            if seen == trades:
                break
    assert len(trades) >= 20


async def test_lost_pushes_are_told_as_a_gap(admin: Admin, account: str) -> None:
    admin.faults(account, Faults(drop_push=0.5))
    async with connected(admin, account) as venue, asyncio.timeout(20):
        async for message in venue.stream():
            if isinstance(message, StreamGap):
                assert "missing" in message.reason
                break


async def test_a_stale_read_is_as_old_as_it_may_be_and_no_older(admin: Admin, account: str) -> None:
    async with connected(admin, account) as venue:
        await submit(venue, resting())
        admin.faults(account, Faults(stale=1, stale_max_ms=200))
        asked, answers = 0, 0
        booked = admin.books(account).orders[0].ts
        while await venue.time() < booked + 200_000_000:
            asked += 1
            with suppress(ReplyError):
                await venue.order(SYMBOL, "c1", "")
                answers += 1
        assert asked > answers
        assert (await venue.order(SYMBOL, "c1", "")).status is VenueStatus.OPEN


async def test_the_exchange_is_taken_up_where_it_was_left(tmp_path: Path) -> None:
    state, path = tmp_path / "state", tmp_path / "s"
    with serving(path, "--state", str(state)) as admin:
        async with connected(admin, "main") as venue:
            await submit(venue, resting())
        before = admin.books("main")
    with serving(path, "--state", str(state)) as admin:
        assert admin.books("main") == before
        async with connected(admin, "main") as venue:
            with pytest.raises(ReplyError) as raised:
                await submit(venue, resting())
            assert raised.value.reply == "duplicate"


async def test_a_venue_that_dies_and_returns_is_found_again(tmp_path: Path) -> None:
    state, path = tmp_path / "state", tmp_path / "s"
    with serving(path, "--state", str(state)):
        venue = SocketVenue(path, "main")
        await venue.connect()
        stream = venue.stream()
        await anext(stream)
    with pytest.raises(VenueError):
        await venue.balances()
    with serving(path, "--state", str(state)) as admin:
        await told_of_a_gap(stream)
        await submit(venue, resting())
        assert ids(admin, "main") == ["c1"]
    await venue.close()


async def test_requests_may_overlap_on_one_connection(admin: Admin, account: str) -> None:
    admin.faults(account, Faults(delay=1, delay_max_ms=50))
    async with connected(admin, account, timeout_s=5) as venue, asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(submit(venue, resting(f"c{number}")))
    assert sorted(ids(admin, account)) == sorted(f"c{number}" for number in range(50))
