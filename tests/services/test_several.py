"""Asking several questions at a time: never more than so many, and each once."""

import asyncio

import pytest

from alphaforge.errors import StoreError
from alphaforge.services.several import AT_ONCE, ask_each


def test_each_is_asked_once_in_order_and_never_more_than_so_many_at_a_time():
    async def main() -> None:
        asked: list[int] = []
        under_way, most = 0, 0

        async def ask(item: int) -> None:
            nonlocal under_way, most
            asked.append(item)
            under_way += 1
            most = max(most, under_way)
            for _ in range(item % 3 + 1):
                await asyncio.sleep(0)
            under_way -= 1

        await ask_each(range(50), ask)
        assert asked == [*range(50)]
        assert (most, under_way) == (AT_ONCE, 0)

    asyncio.run(main())


def test_what_is_moot_is_not_begun_but_the_first_are_asked():
    async def main() -> None:
        asked: list[int] = []

        async def ask(item: int) -> None:
            asked.append(item)
            await asyncio.sleep(0)

        await ask_each(range(50), ask, lambda: True)
        assert asked == [*range(AT_ONCE)]

    asyncio.run(main())


def test_an_error_comes_out_and_ends_the_others():
    async def main() -> None:
        ended: list[int] = []

        async def ask(item: int) -> None:
            if item == 1:
                raise StoreError("the disk is full")
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(item)

        with pytest.raises(ExceptionGroup) as caught:
            await ask_each(range(5), ask)
        assert caught.group_contains(StoreError)
        assert sorted(ended) == [0, 2, 3, 4]

    asyncio.run(main())


def test_nothing_to_ask_is_done_at_once():
    async def main() -> None:
        async def ask(item: int) -> None:
            raise AssertionError(item)

        await ask_each([], ask)

    asyncio.run(main())
