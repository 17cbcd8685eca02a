"""What the control API knows of the run it belongs to: the seam between sessions and the API.

A session makes a `Host` and tells it of every Step, alert and market event; the API reads the
engine between events and asks through `put`. All of it lives in the one loop of the engine. Must
hold no view and no rule: it only passes on.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, TypeAlias

from alphaforge.engine.core import Engine
from alphaforge.model.commands import OperatorCommand
from alphaforge.model.events import Alert
from alphaforge.model.market import MarketEvent
from alphaforge.model.step import Step
from alphaforge.store.records import RunRecord
from alphaforge.venues.base import Venue, VenueHealth

MOST_WAITING_EVENTS = 200_000
"""Market events kept for the next look; beyond that the oldest half is dropped and counted."""


class VenueView(NamedTuple):
    """One venue of the run as its session sees it.

    Attributes:
        state: `CONNECTING`, `RECONCILING`, `READY` or `SIMULATED`.
        reason: Why.
        since: Engine time (ns) of the last change of state; 0 before the first.
        health: Of its adapter; None where orders and market are simulated here.
        venue: The adapter, for bars from before the run; None likewise.
    """

    name: str
    account: str
    state: str
    reason: str
    since: int
    health: VenueHealth | None
    venue: Venue | None


class Host:
    """One running engine, for those who look on and steer.

    Attributes:
        run: As it is in the store.
        state: `STARTING`, `RECONCILING`, `TRADING` or `STOPPING`.
        progress: Share of a recording read; None for a market without an end.
        on_step, on_alert: Who looks at every Step that is not empty, and at alerts that sessions
            raise beside the engine; called in order, must be quick and must not raise.
        market: Events since the last `take_market`; None until somebody wants them.
        dropped: Market events nobody took in time.
        reconcile: Has every venue asked whether what we know is what it knows; nothing where
            orders are simulated.
        watch_book: Has a symbol's book streamed from now on, where a stream must be asked for.
        store_url: The run's database; empty if it has none.
        stopped_by: Who asks for the end; set before `stop` is called.
    """

    def __init__(
        self,
        engine: Engine,
        run: RunRecord,
        now: Callable[[], int],
        put: Callable[[OperatorCommand], Step],
        venues: Callable[[], tuple[VenueView, ...]],
        stop: Callable[[], None],
    ) -> None:
        """`now` is the engine's clock; `put` the door; `stop` ends the run in order."""
        self.engine = engine
        self.run = run
        self.now = now
        self.put = put
        self.venues = venues
        self.stop = stop
        self.state = "STARTING"
        self.progress: float | None = None
        self.on_step: list[Callable[[Step], None]] = []
        self.on_alert: list[Callable[[Alert], None]] = []
        self.market: list[MarketEvent] | None = None
        self.dropped = 0
        self.reconcile: Callable[[], None] = lambda: None
        self.watch_book: Callable[[str], None] = lambda _: None
        self.store_url = ""
        self.stopped_by = ""

    def saw(self, step: Step) -> None:
        """A Step that is not empty (its alerts included)."""
        for look in self.on_step:
            look(step)

    def alert(self, alert: Alert) -> None:
        """An alert of the session itself: in no Step."""
        for look in self.on_alert:
            look(alert)

    def saw_market(self, events: list[MarketEvent]) -> None:
        """Market events that were just processed, in order."""
        waiting = self.market
        if waiting is None:
            return
        waiting.extend(events)
        if len(waiting) > MOST_WAITING_EVENTS:
            half = len(waiting) // 2
            self.dropped += half
            del waiting[:half]

    def saw_one(self, event: MarketEvent) -> None:
        """The same for one event."""
        if self.market is not None:
            self.saw_market([event])

    def take_market(self) -> list[MarketEvent]:
        """Everything since the last call; from the first call on they are kept."""
        taken, self.market = self.market or [], []
        return taken


Serve: TypeAlias = Callable[[Host], AbstractAsyncContextManager[None]]
"""Shows a run to clients while the block lasts."""


@asynccontextmanager
async def nobody_looks(host: Host) -> AsyncGenerator[None]:
    """A run that shows itself to nobody: a recording played at full speed, a test."""
    del host
    yield
