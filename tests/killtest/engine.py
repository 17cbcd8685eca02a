"""The process under test: the whole production stack against a fake venue's socket.

    python -m tests.killtest.engine --socket PATH --account NAME --store FILE --state DIR --seed N

Says what happens in JSON lines. `AF_CRASH` names where it dies (`points.py`). SIGUSR1 stops the
strategies and nothing else, SIGTERM stops the session in order. Must hold no part of the stack:
only what a start of the program puts together, with times short enough for a test.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from alphaforge.engine.recovery import Recovered
from alphaforge.errors import LeaseHeldError
from alphaforge.model.commands import StopStrategy
from alphaforge.model.events import Alert
from alphaforge.services import recovering, wire_session, writer_thread
from alphaforge.services.clock import SystemClock
from alphaforge.services.door import Door
from alphaforge.services.lease import FileLease
from alphaforge.services.snapshots import Snapshots
from alphaforge.services.stopping import StopRequest, stop_on_signals
from alphaforge.services.summary import Status
from alphaforge.services.wire_plan import Ports
from alphaforge.services.wire_session import run_wire_session
from alphaforge.services.writer_thread import WriterThread
from alphaforge.store.records import RunRecord
from tests.fake_venue.client import SocketVenue
from tests.fake_venue.terms import CAPABILITIES
from tests.killtest import points
from tests.killtest.plan import KillPlan
from tests.simulation.compare import unsettled

LEASE_SECONDS = 2.0
SNAPSHOT_EVENTS = 80
CHECKPOINT_COMMITS = 24
MILLISECOND = 1_000_000
SHORT = msgspec.structs.replace(
    CAPABILITIES,
    request_life_ns=1_000 * MILLISECOND,
    clock_bound_ns=50 * MILLISECOND,
    read_lag_ns=100 * MILLISECOND,
)
"""The venue keeps these: it expires requests, its clock is ours, and its reads lag less."""


def say(**what: Any) -> None:
    """One line, whole, whatever happens next."""
    os.write(1, msgspec.json.encode(what) + b"\n")


class Watcher:
    """Says what it is told."""

    def __init__(self, plan: KillPlan, trap: points.Trap | None, leases: "Leases") -> None:
        self._plan = plan
        self._trap = trap
        self._leases = leases
        self._began = time.monotonic()

    def began(self, run: RunRecord) -> None:
        """See `WireWatcher`."""
        say(began=run.run_id)

    def certain(self, seconds: float) -> None:
        """See `WireWatcher`."""
        say(certain=seconds, after_imports=time.monotonic() - self._began)
        if self._trap is not None:
            self._trap.armed = True

    def status(self, status: Status) -> None:
        """See `WireWatcher`; also how many orders are not settled."""
        engine = self._plan.engine
        assert engine is not None
        claims = engine.execution.claims
        assert claims is not None
        told = unsettled(engine)
        waiting = [str(each) for each in claims.state.waiting]
        ready = not claims.state.venue_states
        gaps = self._leases.last.gaps if self._leases.last is not None else 0
        say(
            status={
                "fills": status.fills,
                "ready": ready,
                "unsettled": [*told, *waiting],
                "gaps": gaps,
            }
        )

    def alert(self, alert: Alert) -> None:
        """See `WireWatcher`."""
        say(alert=alert.code, message=alert.message, detail=alert.detail)


class Leases:
    """Takes the account's lease; the last one taken is the one that is held."""

    def __init__(self, account: str, directory: Path, store: str) -> None:
        self.last: FileLease | None = None
        self._account = account
        self._directory = directory
        self._store = store

    def __call__(self, run_id: str, at_least: int) -> FileLease:
        self.last = FileLease.acquire(
            "fake",
            self._account,
            steady_ns=SystemClock().steady_ns,
            run_id=run_id,
            at_least=at_least,
            store=self._store,
            directory=self._directory,
            seconds=LEASE_SECONDS,
        )
        return self.last


class Doors:
    """Keeps hold of the session's door, which nobody else hands out."""

    def __init__(self) -> None:
        self.last: Door | None = None

    def __call__(self, *args: Any) -> Door:
        self.last = Door(*args)
        return self.last

    def rest(self) -> None:
        """Stop the strategies; everything else goes on."""
        door = self.last
        for name in door._engine.strategies.runners if door is not None else ():
            door.put(StopStrategy(name, door.now))


def told_recovery(*args: Any) -> Recovered:
    """Recover, and say what was found."""
    found = recover(*args)
    say(
        recovered=found.events,
        steps=found.steps,
        differences=[str(each) for each in found.differences],
        unexplained=list(found.unexplained),
    )
    return found


recover = recovering.recover


async def main(arguments: argparse.Namespace) -> None:
    """Run one session to its end."""
    doors = Doors()
    recovering.recover = told_recovery
    wire_session.Door = doors
    wire_session.Snapshots = partial(Snapshots, every=SNAPSHOT_EVENTS)
    writer_thread.CHECKPOINT_COMMITS = CHECKPOINT_COMMITS
    trap = points.install(os.environ.get(points.VARIABLE, ""))
    plan = KillPlan("fake", arguments.account, arguments.seed)
    url = f"sqlite:///{arguments.store}"
    leases = Leases(arguments.account, arguments.state, url)

    venue = SocketVenue(arguments.socket, arguments.account, timeout_s=0.6, capabilities=SHORT)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, doors.rest)
    stop = StopRequest()
    began = time.monotonic()
    try:
        with stop_on_signals(stop):
            ports = Ports((venue,), SystemClock(), WriterThread(url), leases)
            watcher = Watcher(plan, trap, leases)
            outcome = await run_wire_session(plan, ports, stop, watcher)
    except LeaseHeldError as error:
        say(refused=str(error), seconds=time.monotonic() - began)
        sys.exit(3)
    say(ended=str(outcome.status))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(parsed()))
