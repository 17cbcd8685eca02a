"""What a session needs of whoever runs the store's writer: a thread in production, or a simulator.

So that the same session, door and gateway run over both. Must hold no code.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from alphaforge.store.writer import Writer

Answer = TypeVar("Answer")


class JournalWriter(Protocol):
    """Runs a `Writer`: appends come from the loop, commits happen where this one says.

    Attributes:
        failure: Why the last commit failed; None while all is well.
    """

    @property
    def failure(self) -> Exception | None: ...  # noqa: D102 - told above

    async def open(self) -> Writer:
        """Open the store; the writer's appends may be called from the loop from now on.

        Raises `StoreError` if the database cannot be used.
        """
        ...

    async def ask(self, work: Callable[[Writer], Answer]) -> Answer:
        """Have something done where the writer runs, and wait for it; raises what it raises."""
        ...

    def commit(self, place: int) -> Awaitable[None]:
        """Return once the append of that place is committed; a flush is asked for at once.

        Raises `StoreError` if the flush that should have held it failed.
        """
        ...

    async def close(self) -> None:
        """Commit what waits and let go; raises `StoreError` if it cannot be committed."""
        ...
