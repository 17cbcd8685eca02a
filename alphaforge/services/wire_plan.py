"""What a run over a wire is made of, and what it needs of the outside. Must hold no behaviour."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from alphaforge.engine.core import Engine
from alphaforge.model.events import Alert
from alphaforge.model.instrument import Instrument
from alphaforge.services.clock import Clock
from alphaforge.services.control.host import Serve, nobody_looks
from alphaforge.services.gateway import Lease
from alphaforge.services.journal_writer import JournalWriter
from alphaforge.services.summary import Status
from alphaforge.store.records import RunRecord
from alphaforge.venues.base import Venue


class WirePlan(Protocol):
    """A run to be begun, or gone on with.

    Attributes:
        mode: `sandbox` or `live`; also the mode of the run that is looked for to go on with.
    """

    @property
    def mode(self) -> str: ...  # noqa: D102 - told above

    def begin(
        self, cash: Mapping[str, Decimal], instruments: Sequence[Instrument], started: int
    ) -> RunRecord:
        """The record of a new run, whose account begins with these balances.

        Its engine settings hold a fresh `client_tag`.
        """
        ...

    def build(self, run: RunRecord) -> Engine:
        """The engine a run began with, from its record alone: strategies registered, not started.

        Raises `StrategyError` where that cannot be done any more.
        """
        ...

    def continues(self, run: RunRecord) -> bool:
        """Whether this plan is that run: the same strategies with the same parameters."""
        ...


class Ports(NamedTuple):
    """Everything outside: the same session runs over real ones and over a simulator's.

    Attributes:
        venues: Each with its own account; no two of one name. The first is the one whose clock
            counts, and the one the run is found by.
        acquire: Takes the lease of every account for a run id, with an epoch above the one given.
        callback_seconds: How long a strategy's callback may take until it is interrupted; 0 = for
            ever.
        serve: Shows the run to clients while it lasts.
        store_url: Of the journal, for reading beside it; empty if there is nothing to read.
    """

    venues: tuple[Venue, ...]
    clock: Clock
    journal: JournalWriter
    acquire: Callable[[str, int], Lease]
    callback_seconds: float = 0.0
    serve: Serve = nobody_looks
    store_url: str = ""


class WireWatcher(Protocol):
    """Who looks on."""

    def began(self, run: RunRecord) -> None:
        """The run is in the store."""
        ...

    def certain(self, seconds: float) -> None:
        """So long after the start, what is known of the venue is what it knows."""
        ...

    def status(self, status: Status) -> None:
        """How it stands, a few times a second."""
        ...

    def alert(self, alert: Alert) -> None:
        """Something a person should know."""
        ...
