"""What a run over the wire is made of beside its venue, for measuring: a plan, a lease, a watcher.

Must never measure anything.
"""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

from alphaforge.engine.core import Engine
from alphaforge.engine.strategy import Strategy
from alphaforge.model.events import Alert
from alphaforge.model.instrument import Instrument
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.services.summary import Status
from alphaforge.store.records import RunRecord
from benchmarks.market import RISK


class Plan:
    """One run over the wire: a strategy, a gate with every limit on."""

    mode = "sandbox"

    def __init__(self, strategy: type[Strategy]) -> None:
        self._strategy = strategy
        self._cash: dict[str, Decimal] = {}

    def begin(
        self, cash: Mapping[str, Decimal], instruments: Sequence[Instrument], started: int
    ) -> RunRecord:
        """See `WirePlan`."""
        self._cash = dict(cash)
        return RunRecord(
            run_id="20261120-091500-k3f",
            mode=self.mode,
            venue="local",
            account="main",
            instruments=tuple(instruments),
            started=started,
        )

    def build(self, run: RunRecord) -> Engine:
        """See `WirePlan`."""
        account = AccountSettings(name="main", cash=self._cash, reporting_currency="USDT")
        settings = EngineSettings(account=account, risk=RISK, client_tag="0123456789abcd")
        engine = Engine(settings, {each.symbol: each for each in run.instruments})
        engine.register("measured", self._strategy)
        return engine

    def continues(self, run: RunRecord) -> bool:
        """See `WirePlan`."""
        del run
        return False


class Lease:
    """A lease that nobody contests."""

    epoch = 1
    gaps = 0

    def holds(self) -> bool:
        """Always."""
        return True

    def release(self) -> None:
        """Nobody waits for it."""


def lease(run_id: str, at_least: int) -> Lease:
    """See `Ports`."""
    del run_id, at_least
    return Lease()


class Watcher:
    """Says when it trades."""

    def __init__(self) -> None:
        self.trades = asyncio.Event()

    def began(self, run: RunRecord) -> None:
        """See `WireWatcher`."""

    def certain(self, seconds: float) -> None:
        """See `WireWatcher`."""
        del seconds
        self.trades.set()

    def status(self, status: Status) -> None:
        """See `WireWatcher`."""

    def alert(self, alert: Alert) -> None:
        """See `WireWatcher`: nothing may go wrong here."""
        raise RuntimeError(f"benchmark: {alert}")
