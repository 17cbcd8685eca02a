"""Keeps a picture of the engine now and then, so that coming back never takes longer than its tail.

Must never hold up an order: it is taken between events, after what was asked has been handed on.
"""

from collections.abc import Callable
from typing import Final

from alphaforge.engine.core import Engine
from alphaforge.engine.snapshot import SnapshotRefusedError, take
from alphaforge.engine.timers import FAR
from alphaforge.services.run_journal import RunJournal

EVERY_EVENTS: Final = 50_000
"""Events between two snapshots: about a quarter of a second to fold."""


class Snapshots:
    """Decides when to keep one of an engine.

    Attributes:
        tell: Hears, once, why none can be taken: coming back then begins at the run's start.
    """

    def __init__(self, engine: Engine, journal: RunJournal, every: int = EVERY_EVENTS) -> None:
        self.tell: Callable[[str], None] | None = None
        self._refusal = ""
        self._engine = engine
        self._journal = journal
        self._every = every
        self._due = engine.sequence + every

    def keep_if_due(self) -> None:
        """Take one if enough has happened since the last."""
        if self._engine.sequence >= self._due:
            self.keep()

    def end(self) -> None:
        """The run stops: its last events stay in the tail, where coming back sees them."""
        self._due = FAR

    def keep(self) -> None:
        """Take one now."""
        engine = self._engine
        self._due = engine.sequence + self._every
        try:
            payload = take(engine)
        except SnapshotRefusedError as error:
            self._refuse(str(error))
            return
        self._journal.snapshot(engine.sequence, engine.timers.now, payload)

    def _refuse(self, why: str) -> None:
        if self.tell is not None and not self._refusal:
            self.tell(f"no snapshot can be kept: {why}")
        self._refusal = why
