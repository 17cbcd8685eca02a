"""The virtual loop keeps asyncio's promises and no others, the same way for the same seed."""

import asyncio

import pytest

from tests.simulation.loop import LoopError, Process, VirtualLoop


def orders_of(seed: int) -> list[str]:
    """Names of ten tasks in the order in which the seed lets them run."""
    loop, seen = VirtualLoop(seed), list[str]()

    async def one(name: str) -> None:
        await asyncio.sleep(0)
        seen.append(name)

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(10):
                tasks.create_task(one(str(number)))

    run(loop, main())
    return seen


def run(loop: VirtualLoop, coroutine: object) -> None:
    try:
        loop.run_until_complete(coroutine)  # type: ignore[arg-type]
    finally:
        loop.close()


def test_an_hour_passes_at_once() -> None:
    loop = VirtualLoop(1)
    run(loop, asyncio.sleep(3600))
    assert loop.time() == pytest.approx(3600)


def test_the_same_seed_gives_the_same_order_and_others_give_others() -> None:
    assert orders_of(7) == orders_of(7)
    assert len({tuple(orders_of(seed)) for seed in range(20)}) > 10


def test_what_waits_in_one_queue_is_served_in_turn() -> None:
    loop, seen = VirtualLoop(3), list[int]()

    async def main() -> None:
        lines: asyncio.Queue[int] = asyncio.Queue()
        for number in range(50):
            lines.put_nowait(number)
        for _ in range(50):
            seen.append(await lines.get())

    run(loop, main())
    assert seen == list(range(50))


def test_waiting_for_what_never_comes_is_an_error() -> None:
    loop = VirtualLoop(1)
    with pytest.raises(LoopError, match="nothing will ever happen"):
        run(loop, loop.create_future())  # type: ignore[arg-type]


def test_never_waiting_is_an_error() -> None:
    async def spin() -> None:
        while True:  # noqa: ASYNC110 - the busy wait is what is tested
            await asyncio.sleep(0)

    with pytest.raises(LoopError, match="no time passed"):
        run(VirtualLoop(1), spin())


def test_a_killed_process_runs_no_finally_and_the_world_goes_on() -> None:
    loop, seen, process = VirtualLoop(1), list[str](), Process("one")

    async def child() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            seen.append("finally of a child")

    async def program() -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(child())
        finally:
            seen.append("finally of the program")

    task = loop.spawn(process, program())
    loop.outside(5.0, loop.kill, process)
    loop.outside(7.0, seen.append, "the world")
    loop.run_until_complete(asyncio.sleep(20))
    assert seen == ["the world"]
    assert not task.done()
    loop.bury(process)
    loop.close()


def test_a_stopped_process_does_later_what_became_due() -> None:
    loop, seen, process = VirtualLoop(1), list[float](), Process("one")

    async def program() -> None:
        await asyncio.sleep(3)
        seen.append(loop.time())

    loop.spawn(process, program())
    loop.outside(1.0, loop.pause, process)
    loop.outside(60.0, loop.resume, process)
    run(loop, asyncio.sleep(100))
    assert seen == [pytest.approx(60.0)]
