"""Requests that must wait for room come in by what they are, not by when they came."""

import asyncio

import pytest

from alphaforge.errors import VenueUnavailableError
from alphaforge.venues.ccxt_limiter import Priority
from alphaforge.venues.ccxt_slots import Slots

FAR = 10.0


async def entering(slots: Slots, order: list[str], priority: Priority, name: str) -> None:
    await slots.enter(priority, asyncio.get_running_loop().time() + FAR)
    order.append(name)


async def filled(most: int) -> Slots:
    """All the room that orders may have is taken."""
    slots = Slots(most)
    while True:
        try:
            await slots.enter(Priority.ORDER, asyncio.get_running_loop().time())
        except VenueUnavailableError:
            return slots


async def test_cancels_and_questions_find_room_that_orders_may_not_take() -> None:
    slots, now = await filled(10), asyncio.get_running_loop().time()
    assert slots.taken == 6
    await slots.enter(Priority.QUERY, now)
    await slots.enter(Priority.QUERY, now)
    with pytest.raises(VenueUnavailableError):
        await slots.enter(Priority.QUERY, now)
    await slots.enter(Priority.CANCEL, now)
    await slots.enter(Priority.CANCEL, now)
    assert slots.taken == 10


async def test_who_waits_comes_in_by_urgency_and_then_by_age() -> None:
    slots, order = await filled(10), list[str]()
    async with asyncio.TaskGroup() as tasks:
        for name, priority in (
            ("data", Priority.DATA),
            ("order 1", Priority.ORDER),
            ("order 2", Priority.ORDER),
            ("cancel", Priority.CANCEL),
        ):
            await slots.enter(Priority.CANCEL, FAR + asyncio.get_running_loop().time())
            tasks.create_task(entering(slots, order, priority, name))
        await asyncio.sleep(0)
        assert order == []
        for _ in range(10):
            slots.leave()
            await asyncio.sleep(0)
    assert order == ["cancel", "order 1", "order 2", "data"]


async def test_who_gives_up_takes_no_room_with_it() -> None:
    slots, order = await filled(10), list[str]()
    waiting = asyncio.create_task(entering(slots, order, Priority.ORDER, "gone"))
    await asyncio.sleep(0)
    slots.leave()  # its turn comes, and it is cancelled before it knows
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert slots.taken == 5


async def test_no_room_in_time_means_that_nothing_was_sent() -> None:
    slots = await filled(10)
    with pytest.raises(VenueUnavailableError, match="is slow: 6 requests"):
        await slots.enter(Priority.ORDER, asyncio.get_running_loop().time() + 0.01)
