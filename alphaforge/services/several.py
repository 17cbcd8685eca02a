"""Asks several questions at a time. Must never start more than so many, nor leave one behind."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

AT_ONCE = 8
"""Questions under way together; new orders and cancels have the venue's other connections."""

Item = TypeVar("Item")


def never() -> bool:
    """Nothing makes the questions moot."""
    return False


async def ask_each(
    found: Iterable[Item],
    ask: Callable[[Item], Awaitable[None]],
    is_moot: Callable[[], bool] = never,
) -> None:
    """Ask about each, `AT_ONCE` at a time, beginning in their order.

    Once they are moot no other is begun, but the first `AT_ONCE` are asked in any case. What an
    `ask` raises ends the others and comes out of here in an exception group.
    """
    left = deque(found)

    async def in_turn() -> None:
        while left:
            await ask(left.popleft())
            if is_moot():
                return

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(AT_ONCE, len(left))):
            tasks.create_task(in_turn())
