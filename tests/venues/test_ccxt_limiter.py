"""The request budget: spent in order of urgency, never overdrawn, never waited for too long."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import VenueUnavailableError
from alphaforge.venues.base import VenueHealth
from alphaforge.venues.ccxt_limiter import BURST_SECONDS, KEPT, Limiter, Priority

FAR = 1e9


class Steady:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def limiter(per_second: float = 10.0) -> tuple[Limiter, Steady]:
    clock = Steady()
    return Limiter(per_second, clock), clock


async def spend(limiter: Limiter, priority: Priority) -> int:
    """How many requests of weight one get in at once."""
    passed = 0
    while passed < 20_000:
        try:
            await limiter.admit(1, priority, deadline=0.0)
        except VenueUnavailableError:
            return passed
        passed += 1
    raise AssertionError("without a limit")


async def begun(*requests: Awaitable[None]) -> list[asyncio.Future[None]]:
    tasks = [asyncio.ensure_future(each) for each in requests]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


@pytest.mark.parametrize("priority", list(Priority))
async def test_each_may_spend_what_is_not_kept_for_the_more_urgent(priority: Priority) -> None:
    budget, _ = limiter()
    most = 10.0 * BURST_SECONDS * (1 - KEPT[priority])
    assert await spend(budget, priority) == int(most + 1e-9)


async def test_a_cancel_finds_room_when_everything_else_is_spent() -> None:
    budget, _ = limiter()
    for priority in (Priority.DATA, Priority.QUERY, Priority.ORDER):
        await spend(budget, priority)
    assert await spend(budget, Priority.CANCEL) == int(10 * BURST_SECONDS * KEPT[Priority.ORDER])


async def test_it_comes_back_evenly_and_never_above_its_size() -> None:
    budget, clock = limiter()
    await spend(budget, Priority.CANCEL)
    clock.now += 2.5
    assert await spend(budget, Priority.CANCEL) == 25
    clock.now += 3600
    assert await spend(budget, Priority.CANCEL) == 10 * BURST_SECONDS


async def test_the_more_urgent_go_first_however_late_they_come() -> None:
    budget, clock = limiter(1000.0)
    await spend(budget, Priority.CANCEL)
    order: list[Priority] = []

    async def ask(priority: Priority) -> None:
        await budget.admit(1, priority, asyncio.get_running_loop().time() + 5)
        order.append(priority)

    tasks = await begun(*(ask(each) for each in (Priority.DATA, Priority.ORDER, Priority.CANCEL)))
    clock.now += BURST_SECONDS
    async with asyncio.timeout(5):
        for task in tasks:
            await task
    assert order == [Priority.CANCEL, Priority.ORDER, Priority.DATA]


async def test_whoever_waits_too_long_is_let_go_and_spends_nothing() -> None:
    budget, _ = limiter()
    await spend(budget, Priority.CANCEL)
    with pytest.raises(VenueUnavailableError, match="no room"):
        await budget.admit(1, Priority.CANCEL, asyncio.get_running_loop().time() + 0.01)


async def test_after_too_many_requests_only_cancels_leave() -> None:
    health = VenueHealth()
    clock = Steady()
    budget = Limiter(10.0, clock, health)
    budget.pause(30)
    assert health.paused_until > 0
    for priority in (Priority.ORDER, Priority.QUERY, Priority.DATA):
        assert await spend(budget, priority) == 0
    assert await spend(budget, Priority.CANCEL) > 0
    clock.now += 30
    assert await spend(budget, Priority.ORDER) > 0
    assert health.paused_until == 0


async def test_shut_out_nothing_leaves_and_the_reason_is_told() -> None:
    budget, clock = limiter()
    budget.ban(120)
    for priority in Priority:
        with pytest.raises(VenueUnavailableError, match="shut us out for another 120 s"):
            await budget.admit(1, priority, 0.0)
    clock.now += 120
    assert await spend(budget, Priority.ORDER) > 0


async def test_what_the_venue_says_is_used_counts() -> None:
    budget, _ = limiter()
    budget.told(used=4500, limit=6000)
    assert (budget.health.used_weight, budget.health.weight_limit) == (4500, 6000)
    assert await spend(budget, Priority.DATA) == 0
    assert await spend(budget, Priority.CANCEL) == 25


async def test_a_request_heavier_than_its_share_leaves_when_all_is_there() -> None:
    budget, clock = limiter()
    await budget.admit(10_000, Priority.DATA, 0.0)
    with pytest.raises(VenueUnavailableError):
        await budget.admit(1, Priority.CANCEL, 0.0)
    clock.now += BURST_SECONDS
    await budget.admit(1, Priority.CANCEL, 0.0)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Priority)), st.floats(0.1, 20), st.floats(0, 3)),
        max_size=60,
    )
)
def test_never_more_is_spent_than_has_come_in(steps: list[tuple[Priority, float, float]]) -> None:
    async def spent() -> None:
        budget, clock = limiter()
        start, total = clock.now, 0.0
        for priority, weight, pause in steps:
            clock.now += pause
            try:
                await budget.admit(weight, priority, deadline=0.0)
            except VenueUnavailableError:
                continue
            total += weight
            assert total <= 10 * (BURST_SECONDS + clock.now - start) + 1e-6

    run(spent)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        await work()

    asyncio.run(all_of_it())
