"""The kill loop: start the process, let it trade, kill it, look at what it left, start it again.

START HERE. `KillTest.run` plays worlds (an account and a store) of two runs each; a run lives
through several rounds, each ended by SIGKILL, then comes to rest, stops in order and is compared
with the venue. Must never forgive: whatever is not as it should be stands in `Tally.found`.
"""

import signal
import sqlite3
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

from tests.fake_venue.admin import Admin
from tests.fake_venue.wire import Faults
from tests.killtest import books as at_rest
from tests.killtest.audit import Auditor
from tests.killtest.engine import LEASE_SECONDS
from tests.killtest.points import Phase, Point, of_phases
from tests.killtest.process import Life, Line
from tests.killtest.report import Tally

SYMBOLS = ("BTC/USDT", "ETH/USDT")
FUNDS = {"BTC": Decimal(10), "ETH": Decimal(100), "USDT": Decimal(1_000_000)}

RUNS_PER_WORLD = 2
ROUNDS_PER_RUN = 10
CERTAIN_SECONDS = 30.0
LIVE_SECONDS = 4.0
"""How long an armed point may take to be reached."""

REST_SECONDS = 25.0
REFUSED_SECONDS = 1.0
CALM = 0.35
"""Share of the rounds without faults."""

WRONG_ALERTS = (
    "recovery",
    "recovery-difference",
    "books-differ",
    "strategy-error",
    "strategy-hung",
)
USUAL_ALERTS = ("unprotected", "adopted")


class Deck:
    """Deals the points of some phases in a shuffled order, again and again."""

    def __init__(self, rng: Random, *phases: Phase) -> None:
        self._rng = rng
        self._all = of_phases(*phases)
        self._left: list[Point] = []

    def deal(self) -> tuple[str, Point]:
        """`name:n`, and the point."""
        if not self._left:
            self._left = list(self._all)
            self._rng.shuffle(self._left)
        point = self._left.pop()
        return f"{point.name}:{self._rng.randint(1, point.most)}", point


class World:
    """One account at the venue and one store; its processes come and go.

    Attributes:
        run_id: Of the run that goes on; empty until a process of it was certain.
    """

    def __init__(self, folder: Path, admin: Admin, name: str, tally: Tally) -> None:
        self.run_id = ""
        self.admin = admin
        self.account = name
        self.tally = tally
        self._folder = folder / name
        self._folder.mkdir()
        self.store = self._folder / "store.db"
        self.auditor = Auditor(self.store, self._folder)
        self._told: set[str] = set()
        self._started: list[Life] = []
        admin.open_account(name, FUNDS)

    def start(self, armed: str = "") -> Life:
        """A process of this world."""
        arguments = [
            *("--socket", str(self.admin.path), "--account", self.account),
            *("--store", str(self.store), "--state", str(self._folder / "state")),
        ]
        life = Life(arguments, self._folder / f"stderr-{len(self._started) + 1}", armed)
        self._started.append(life)
        return life

    def end(self) -> None:
        """Leave no process behind, whatever happened here."""
        for life in self._started:
            life.send(signal.SIGKILL)

    def certain(self, life: Life) -> bool:
        """Whether a process comes to know what the venue knows, and takes the same run up."""
        if not life.is_certain(CERTAIN_SECONDS):
            if not life.killed_at and not life.is_dead(0.05):
                self.blame("unknown", f"not certain after {CERTAIN_SECONDS} s: {life.heard[-3:]}")
            return False
        if self.run_id:
            self.tally.certain.append(life.certain_after)
            self.tally.of_own.append(life.of_own)
        if self.run_id and life.run_id != self.run_id and not self._was_stopping():
            self.blame("lost", f"run {self.run_id} did not go on: {life.run_id} took its place")
        if not self.run_id:
            self.tally.runs += 1
            for symbol in SYMBOLS:
                self.admin.resume(symbol)
        self.run_id = life.run_id
        return True

    def _was_stopping(self) -> bool:
        """Whether the run before had been asked to stop: nobody goes on with it then."""
        with sqlite3.connect(self.store) as database:
            query = "SELECT count(*) FROM inputs WHERE run_id = ? AND kind = 'stop_session'"
            return bool(database.execute(query, (self.run_id,)).fetchone()[0])

    def buried(self, life: Life, expected: Sequence[int] = (-signal.SIGKILL,)) -> None:
        """Make sure that a process is dead; then look at everything it left."""
        code = life.bury()
        if code not in expected:
            self.blame("ended", f"by itself with {code}: {life.errors}")
        for line in life.heard:
            self._look(line)
        for found in self.auditor.read_on():
            self.blame(*found.split(": ", 1))
        for found in self.auditor.check_intents(self.admin.books(self.account)):
            self.blame(*found.split(": ", 1))

    def blame(self, kind: str, text: str) -> None:
        """Something is wrong; said once."""
        if f"{kind}: {text}" not in self._told:
            self._told.add(f"{kind}: {text}")
            self.tally.found.append(f"{kind}: {text} [{self.account}, life {len(self._started)}]")

    def _look(self, line: Line) -> None:
        if "recovered" in line:
            self.tally.folded.append(line["recovered"])
            if line["differences"] or line["unexplained"]:
                self.blame("unknown", f"recovery came out otherwise: {line}")
        code = line.get("alert")
        if code is not None:
            self.tally.alerts[code] += 1
            if code in WRONG_ALERTS:
                self.blame("unknown", f"alert {code}: {line['message']} {line['detail'][-800:]}")
            elif code not in USUAL_ALERTS:
                self.tally.odd.append(f"{code}: {line['message']} [{self.account}]")


class KillTest:
    """A whole test against one venue process."""

    def __init__(self, admin: Admin, folder: Path, seed: int) -> None:
        self.tally = Tally(seed=seed)
        self._admin = admin
        self._folder = folder
        self._rng = rng = Random(f"killtest-{seed}")
        self._begin = Deck(rng, "begin", "start")
        self._recover = Deck(rng, "recover", "start")
        self._live = Deck(rng, "live")
        self._stop = Deck(rng, "stop")

    def run(self, rounds: int, rounds_per_run: int = ROUNDS_PER_RUN) -> Tally:
        """So many rounds, and what they found."""
        began = time.monotonic()
        worlds = 0
        while self.tally.rounds < rounds:
            worlds += 1
            world = World(self._folder, self._admin, f"account-{worlds}", self.tally)
            try:
                self._play_world(world, rounds, rounds_per_run)
            finally:
                world.end()
        self.tally.seconds = time.monotonic() - began
        return self.tally

    def _play_world(self, world: World, rounds: int, rounds_per_run: int) -> None:
        for _ in range(RUNS_PER_WORLD):
            if self.tally.rounds < rounds:
                self._play_run(world, min(rounds - self.tally.rounds, rounds_per_run))
        self.tally.orders += len(world.auditor.journal.intents)
        self.tally.trades += len(self._admin.books(world.account).trades)
        self.tally.journal_rows += world.auditor.journal.rows

    def _play_run(self, world: World, rounds: int) -> None:
        world.run_id = ""
        until = self.tally.rounds + rounds - 1
        self._at_point(world, self._begin)
        while self.tally.rounds < until or not world.run_id:
            self._draw_faults(world)
            if not world.run_id:
                self._at_point(world, self._live)
                continue
            draw = self._rng.random()
            if draw < 0.78:
                self._at_point(world, self._recover if draw < 0.32 else self._live)
            elif draw < 0.86:
                self._at_random(world)
            elif draw < 0.94:
                self._while_starting(world)
            else:
                self._stopped_and_continued(world)
        self._to_its_end(world)

    def _draw_faults(self, world: World) -> None:
        draw = self._rng.random
        if draw() < CALM:
            self._admin.faults(world.account, Faults(delay=0.2, delay_max_ms=10))
            return
        self._admin.faults(
            world.account,
            Faults(
                delay=draw() * 0.3,
                delay_max_ms=60,
                drop_reply=draw() * 0.03,
                cut_before=draw() * 0.008,
                cut_after=draw() * 0.008,
                error_before=draw() * 0.04,
                error_after=draw() * 0.04,
                unknown_order=draw() * 0.06,
                stale=draw() * 0.3,
                stale_max_ms=80,
                drop_push=draw() * 0.01,
                duplicate_push=draw() * 0.05,
                reorder_push=draw() * 0.05,
            ),
        )

    # One round each ---------------------------------------------------------------------------

    def _at_point(self, world: World, deck: Deck) -> None:
        """Killed at a named point, or at random where the process never comes by."""
        armed, point = deck.deal()
        if point.only == "AbsenceProved":
            self._admin.faults(world.account, Faults(error_before=0.3))
        life = world.start(armed)
        if world.certain(life):
            life.is_dead(LIVE_SECONDS if point.phase == "live" else self._rng.uniform(0.1, 0.5))
        self._count(life, point)
        world.buried(life)

    def _count(self, life: Life, point: Point) -> None:
        self.tally.rounds += 1
        if life.killed_at:
            self.tally.hit[life.killed_at] += 1
        else:
            self.tally.passed[point.name] += 1

    def _at_random(self, world: World) -> None:
        life = world.start()
        if world.certain(life):
            life.is_dead(self._rng.uniform(0.05, 1.2))
        self.tally.rounds += 1
        self.tally.random["trading"] += 1
        world.buried(life)

    def _while_starting(self, world: World) -> None:
        """Killed in the midst of its start, and once more in the next one's."""
        for _ in range(2):
            life = world.start()
            life.is_dead(self._rng.uniform(0.2, 1.1))
            self.tally.rounds += 1
            self.tally.random["starting"] += 1
            world.buried(life)

    def _stopped_and_continued(self, world: World) -> None:
        """Stands still for longer than its lease while another process tries to take its place."""
        life = world.start()
        if world.certain(life):
            life.is_dead(self._rng.uniform(0.2, 0.6))
            life.send(signal.SIGSTOP)
            stopped = time.monotonic()
            self._refused(world, life.pid)
            life.is_dead(max(0.0, stopped + LEASE_SECONDS + 0.4 - time.monotonic()))
            life.send(signal.SIGCONT)
            life.is_dead(self._rng.uniform(1.4, 2.0))
            world.buried(life)
            if any(line.get("status", {}).get("gaps") for line in life.heard):
                self.tally.stops_noticed += 1
            else:
                world.blame("unnoticed", f"it stood still for {LEASE_SECONDS} s")
        else:
            world.buried(life)
        self.tally.rounds += 1
        self.tally.random["stopped"] += 1

    def _refused(self, world: World, holder: int) -> None:
        second = world.start()
        second.hear(lambda line: "refused" in line, 10)
        took = time.monotonic() - second.began
        told = [line for line in second.heard if "refused" in line]
        code = second.bury()
        if not told or str(holder) not in told[0]["refused"].split():
            world.blame("not refused", f"a second process ended with {code}: {second.heard}")
        elif told[0]["seconds"] > REFUSED_SECONDS:
            world.blame("refused late", f"after {told[0]['seconds']:.2f} s")
        if told:
            self.tally.refused.append((told[0]["seconds"], took))

    # To rest ----------------------------------------------------------------------------------

    def _to_its_end(self, world: World) -> None:
        """Killed while stopping; then, unless that was its end, stopped in order; then compared."""
        armed, point = self._stop.deal()
        life = world.start(armed)
        certain = world.certain(life)
        if certain:
            self._rest(world, life)
            life.send(signal.SIGTERM)
            life.is_dead(LIVE_SECONDS)
        self._count(life, point)
        world.buried(life)
        if not at_rest.has_ended(world.auditor.copied(), world.run_id):
            life = world.start()
            if world.certain(life):
                self._rest(world, life)
                life.send(signal.SIGTERM)
                if not life.is_dead(10):
                    world.blame("ended", f"not 10 s after SIGTERM: {life.heard[-2:]}")
            world.buried(life, (0,))
        books = self._admin.books(world.account)
        for found in at_rest.differences(world.auditor.copied(), books):
            world.blame(*found.split(": ", 1))
        self.tally.compared += 1

    def _rest(self, world: World, life: Life) -> None:
        """Faults end, strategies stop, every doubt clears, then the market stands still."""
        life.is_dead(0.3)
        self._admin.faults(world.account, Faults())
        life.send(signal.SIGUSR1)
        life.is_dead(0.7)
        for symbol in SYMBOLS:
            self._admin.halt(symbol)
        life.is_dead(0.5)
        settled = all(life.hear(_is_settled, REST_SECONDS) for _ in range(2))
        if not settled and not life.killed_at:
            statuses = [line["status"] for line in life.heard if "status" in line]
            world.blame("unknown", f"not settled after {REST_SECONDS} s: {statuses[-1:]}")


def _is_settled(line: Line) -> bool:
    status = line.get("status")
    return status is not None and status["ready"] and not status["unsettled"]
