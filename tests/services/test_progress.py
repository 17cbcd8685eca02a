"""However often the stream is lost, and however much is in doubt, the venue becomes READY."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from alphaforge.model.enums import AlertLevel, OrderStatus
from alphaforge.model.reports import AbsenceProved
from alphaforge.services.agenda import FIRST_PAUSE_NS
from alphaforge.services.inquiry import OVERLAP_NS
from alphaforge.services.several import AT_ONCE
from alphaforge.venues.base import ReplyError
from tests.fake_venue.terms import CAPABILITIES, UNKNOWN_ORDER, Quirks
from tests.services.wire_rig import (
    PROOF,
    SECOND,
    Act,
    WireRig,
    late,
    lost_after,
    lost_before,
    played,
)

STRATEGIES = tuple(f"bot{i}" for i in range(20))
DOUBTS = 2 * len(STRATEGIES)
ENDLESS = replace(CAPABILITIES, request_life_ns=0)
"""A venue at which absence is never proved: what did not arrive stays in doubt."""


def in_doubt(rig: WireRig) -> int:
    return len(rig.engine.execution.doubtful)


async def many_doubts(rig: WireRig, act: Act | None = None) -> list[Any]:
    """A buy and a sale of each strategy, all without an answer."""
    await asyncio.sleep(1)
    for _ in range(DOUBTS):
        rig.venue.then("submit", act or lost_before())
    orders = [order for name in STRATEGIES for order in (rig.buy(name=name), rig.sell(name=name))]
    await rig.settle()
    assert in_doubt(rig) == DOUBTS
    return orders


def losing_the_stream(rig: WireRig, every: int, seconds: float) -> Act:
    """Look-ups that take so long, and of which each so many-th loses the stream."""
    asked = 0

    async def act(do: Callable[[], Awaitable[Any]]) -> Any:
        nonlocal asked
        asked += 1
        if asked % every == 0:
            rig.reconciler.need(f"gap {asked}")
        await asyncio.sleep(seconds)
        return await do()

    return act


@pytest.mark.parametrize("every", [AT_ONCE, 10, DOUBTS])
def test_a_venue_whose_stream_is_lost_again_and_again_becomes_ready(tmp_path: Path, every: int):
    async def scenario(rig: WireRig) -> None:
        await many_doubts(rig)
        rig.venue.always("order", losing_the_stream(rig, every, 0.5))
        rig.reconciler.need("gap")
        async with asyncio.timeout(60):
            await rig.reconciler.certain.wait()
        assert in_doubt(rig) == DOUBTS
        assert rig.reports[-1].orders_checked < DOUBTS

    played(tmp_path, scenario, reconciling=True, capabilities=ENDLESS, strategies=STRATEGIES)


def test_doubts_end_although_the_stream_is_lost_again_and_again(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        orders = await many_doubts(rig)
        rig.venue.always("order", losing_the_stream(rig, 10, 1.0))
        rig.reconciler.need("gap")
        await asyncio.sleep(4 * PROOF)
        assert {each.status for each in orders} == {OrderStatus.ABSENT}
        assert not rig.states

    played(tmp_path, scenario, reconciling=True, strategies=STRATEGIES)


def test_many_doubts_are_asked_about_several_at_a_time_and_never_more(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        under_way: list[int] = []
        now = 0

        async def slow(do: Callable[[], Awaitable[Any]]) -> Any:
            nonlocal now
            now += 1
            under_way.append(now)
            await asyncio.sleep(1)
            now -= 1
            return await do()

        orders = await many_doubts(rig, lost_after)
        rig.venue.always("order", slow)
        await asyncio.sleep(DOUBTS / AT_ONCE + 2)
        assert max(under_way) == AT_ONCE
        assert {each.status for each in orders} == {OrderStatus.ACCEPTED}

    played(tmp_path, scenario, reconciling=True, streaming=False, strategies=STRATEGIES)


def test_the_trades_are_read_once_for_all_that_is_proved_absent_together(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        orders = await many_doubts(rig)
        await asyncio.sleep(PROOF - 0.5)
        before = len(rig.venue.called("trades"))
        await asyncio.sleep(2)
        assert {each.status for each in orders} == {OrderStatus.ABSENT}
        assert len(rig.venue.called("trades")) - before == 1
        oldest = min(each.order_id for each in orders)
        read = rig.venue.called("trades")[-1]
        assert read <= min(each.ts_local for each in rig.told(AbsenceProved)) / SECOND
        assert oldest in {each.order_id for each in rig.told(AbsenceProved)}

    played(tmp_path, scenario, reconciling=True, strategies=STRATEGIES)


def test_what_was_just_asked_about_is_not_asked_again_at_once_whatever_happens(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await asyncio.sleep(1)
        rig.venue.then("submit", lost_before())
        rig.venue.always("order", ReplyError(UNKNOWN_ORDER, "no such order"))
        rig.buy()
        for _ in range(700):
            await asyncio.sleep(0.01)
            rig.sell()  # each is a Step with events
        assert 3 <= len(rig.venue.called("order")) <= 6

    played(tmp_path, scenario, reconciling=True)


def test_an_order_whose_request_is_under_way_is_not_asked_about(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        async def slow(do: Callable[[], Awaitable[Any]]) -> Any:
            await asyncio.sleep(4)
            return await do()

        await asyncio.sleep(1)
        rig.venue.then("submit", slow)
        order = rig.buy()
        await rig.settle()
        rig.reconciler.need("gap")
        await asyncio.sleep(2)
        assert not rig.states
        assert not rig.venue.called("order")
        await asyncio.sleep(3)
        assert order.status is OrderStatus.ACCEPTED

    played(tmp_path, scenario, reconciling=True)


def test_a_fill_that_the_stream_tells_a_little_later_is_not_asked_for(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await asyncio.sleep(1)
        before = len(rig.venue.called("trades"))
        order = rig.take()
        await rig.settle()
        assert order.in_doubt
        await asyncio.sleep(FIRST_PAUSE_NS / SECOND / 2)
        for message in list(rig.venue.exchange.pushes("main")):
            rig.reconciler.claim(message)
        assert order.status is OrderStatus.FILLED
        await asyncio.sleep(5)
        assert len(rig.venue.called("trades")) == before

    played(tmp_path, scenario, reconciling=True, streaming=False)


def test_trades_that_were_read_are_not_read_again_for_the_next_gap(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await asyncio.sleep(30)
        asked: list[int] = []
        real = rig.venue.exchange.trades

        def trades(account: str, since: int = 0, as_of: int | None = None) -> Any:
            asked.append(since)
            return real(account, since, as_of)

        rig.venue.exchange.trades = trades
        rig.venue.then("open_orders", lost_before(), lost_before())
        begun = rig.door.now
        rig.reconciler.need("gap")
        await asyncio.sleep(0.1)
        rig.reconciler.need("another gap")
        await asyncio.sleep(5)
        assert not rig.states
        first, second = asked
        blind = CAPABILITIES.read_lag_ns + CAPABILITIES.clock_bound_ns
        assert second > first + 20 * SECOND
        assert second >= begun - blind - OVERLAP_NS
        cursors = rig.engine.execution.claims.state.cursors  # type: ignore[union-attr]  # a wire engine has them
        assert cursors["fake"] > second

    played(tmp_path, scenario, reconciling=True)


def test_questions_that_fail_together_are_one_failure(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        async def broken(do: Callable[[], Awaitable[Any]]) -> Any:
            del do
            await asyncio.sleep(0.1)
            raise lost_before()

        told: list[str] = []

        def tell(level: AlertLevel, code: str, message: str) -> None:
            del level, message
            told.append(code)

        rig.reconciler.tell = tell
        await many_doubts(rig, lost_after)
        rig.venue.then("order", *[broken] * AT_ONCE)
        await asyncio.sleep(5)
        assert not told
        assert in_doubt(rig) == 0

    played(tmp_path, scenario, reconciling=True, streaming=False, strategies=STRATEGIES)


def test_a_claim_that_no_answer_settles_is_not_asked_about_without_end(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        async def of_another_account(do: Callable[[], Awaitable[Any]]) -> Any:
            return replace(await do(), account="somebody-else")

        await asyncio.sleep(1)
        rig.venue.then("submit", late(5))
        rig.buy()  # has no venue id yet: the trade may be its own
        rig.venue.always("order", of_another_account)
        rig.foreign(quantity=Decimal("0.001"), limit_price=Decimal(60_600))
        rig.venue.pump()
        await asyncio.sleep(4)
        assert 2 <= len(rig.venue.called("order")) <= 6

    nameless = Quirks(trades_name_client_id=False, pushes_name_client_id=False)
    played(tmp_path, scenario, reconciling=True, quirks=nameless)
