"""Asking an engine again and again until something has happened, or for long enough.

Must never give up silently: whoever waits is told how it stood last.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

import typer

LOOK_SECONDS: Final = 0.1

Wait = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for the answer.")
]

Found = TypeVar("Found")


async def until(
    look: Callable[[], Awaitable[Found]], is_over: Callable[[Found], bool], seconds: float
) -> Found:
    """What `look` gives as soon as it is over, or gave last when the time is."""
    waited = 0.0
    while True:
        found = await look()
        if is_over(found) or waited >= seconds:
            return found
        await asyncio.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
