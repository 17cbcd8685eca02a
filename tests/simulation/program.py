"""The program under test as one process runs it: the real session on simulated ports.

Must hold no logic of its own: what is here is what a start of the program puts together.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from alphaforge.engine.core import Engine
from alphaforge.engine.order_facts import CANCELED
from alphaforge.model.commands import SetRiskState
from alphaforge.model.enums import RiskState
from alphaforge.model.events import Alert
from alphaforge.model.instrument import Instrument
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.services import wire_session
from alphaforge.services.asking import ASKED
from alphaforge.services.door import Door
from alphaforge.services.engine_time import EngineTime
from alphaforge.services.run_journal import RunJournal
from alphaforge.services.snapshots import Snapshots
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.services.summary import Status
from alphaforge.services.wire_plan import Ports
from alphaforge.store.records import RunRecord
from tests.simulation.hostile import HostileVenue
from tests.simulation.loop import Process
from tests.simulation.strategies import Restless, Saving

if TYPE_CHECKING:
    from tests.simulation.world import World

STATUS_SECONDS, TIMER_SECONDS = 5.0, 0.1
"""Slower than in production where nothing depends on it: a fifth of a seed's time."""


class StrategyPlan(msgspec.Struct, frozen=True):
    """One strategy of the run: its name, its parameters, and whether it saves its own state."""

    name: str
    parameters: dict[str, Any]
    saving: bool = False

    def make(self) -> Restless:
        """A fresh, configured object."""
        made = Saving() if self.saving else Restless()
        for name, value in self.parameters.items():
            setattr(made, name, value)
        return made


class SimulatedLease:
    """The lease of one process: its holder is noticed to stand still, and may lose it meanwhile.

    Attributes:
        epoch: Greater than any before as far as its file knows, which may be lost.
        lost: Another process has taken it.
    """

    def __init__(self, world: "World", at_least: int) -> None:
        world.epoch = max(world.epoch, at_least) + 1
        self.epoch = world.epoch
        self.gaps = 0
        self.lost = False
        self._clock = world.clock
        self._lease_ns = world.lease_ns
        self._seen = world.clock.steady_ns()

    def holds(self) -> bool:
        now = self._clock.steady_ns()
        if now - self._seen > self._lease_ns:
            self.gaps += 1
        self._seen = now
        return not self.lost

    def release(self) -> None:
        """Nobody else waits for it here."""


class SimulatedPlan:
    """Begins runs and builds their engines."""

    mode = "live"

    def __init__(self, world: "World") -> None:
        self._world = world
        self.engine: Engine | None = None

    def begin(
        self, cash: Mapping[str, Decimal], instruments: Sequence[Instrument], started: int
    ) -> RunRecord:
        world = self._world
        world.runs += 1
        return RunRecord(
            run_id=f"sim-{world.runs}",
            mode=self.mode,
            venue="fake",
            account="main",
            settings={
                "client_tag": f"{world.random.getrandbits(56):014x}",
                "cash": {currency: str(amount) for currency, amount in cash.items()},
            },
            instruments=tuple(instruments),
            seed=world.seed,
            started=started,
        )

    def build(self, run: RunRecord) -> Engine:
        account = AccountSettings(name="main", cash=cash_of(run), reporting_currency="USDT")
        settings = EngineSettings(account=account, client_tag=run.settings["client_tag"])
        self.engine = engine = Engine(settings, {each.symbol: each for each in run.instruments})
        for plan in self._world.strategies:
            engine.register(plan.name, plan.make)
        return engine

    def continues(self, run: RunRecord) -> bool:
        return True


def cash_of(run: RunRecord) -> dict[str, Decimal]:
    """What a run's account began with."""
    return {currency: Decimal(text) for currency, text in run.settings["cash"].items()}


class Program:
    """One process.

    Attributes:
        engine: None until the run has been taken up.
    """

    def __init__(self, world: "World", process: Process) -> None:
        self.process = process
        self.engine: Engine | None = None
        self._world = world
        self.lease: SimulatedLease | None = None
        self._door: Door | None = None
        self._stop = StopRequest()
        self._plan = SimulatedPlan(world)

    async def run(self) -> None:
        world = self._world
        ports = Ports(
            venues=(HostileVenue(world.network, "fake"),),
            clock=world.clock,
            journal=world.disk.journal(),
            acquire=self._acquire,
        )
        # How often it takes a picture is the session's own business; here it must be often.
        wire_session.STATUS_SECONDS = STATUS_SECONDS
        wire_session.TIMER_SECONDS = TIMER_SECONDS
        wire_session.Snapshots = partial(Snapshots, every=world.snapshot_every)
        wire_session.Door = self._make_door
        await wire_session.run_wire_session(self._plan, ports, self._stop, self)

    def _acquire(self, run_id: str, at_least: int) -> SimulatedLease:
        del run_id
        self.lease = SimulatedLease(self._world, at_least)
        return self.lease

    def _make_door(self, engine: Engine, journal: RunJournal, time: EngineTime) -> Door:
        self._door = Door(engine, journal, time)
        return self._door

    def set_risk_state(self, state: RiskState) -> bool:
        """What an operator says; False while nobody listens."""
        if self._door is None or self.engine is None or self.process.stopped:
            return False
        self._door.put(SetRiskState(state, self._door.now, "an operator says so"))
        return True

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._stop.ask(Reason.END)

    def check(self) -> None:
        """What `alphaforge reconcile` does to a running engine."""
        self._world.loop.signal(self.process, ASKED)

    @property
    def is_certain(self) -> bool:
        """Whether the session takes the venue's books and ours for the same."""
        claims = self.engine.execution.claims if self.engine is not None else None
        return claims is not None and not claims.state.venue_states

    def was_canceled(self, order_id: str) -> bool:
        """Whether the engine had been told that the order is canceled."""
        if self.engine is None:
            return False
        execution = self.engine.execution
        working = execution.orders.get(order_id) or execution.closed.get(order_id)
        return working is not None and bool(working.life.facts & CANCELED)

    # The session's watcher --------------------------------------------------------------------

    def began(self, run: RunRecord) -> None:
        """The run is in the store and its engine stands where the journal ends."""
        engine = self._plan.engine
        assert engine is not None
        self._world.took_up(self, engine, run)
        self.engine = engine
        inner = engine.process

        def process(event: Any) -> Any:
            step = inner(event)
            self._world.stepped(self, event, step)
            return step

        engine.process = process  # looks on at the one door

    def certain(self, seconds: float) -> None:
        return

    def status(self, status: Status) -> None:
        return

    def alert(self, alert: Alert) -> None:
        self._world.alerted(alert)
