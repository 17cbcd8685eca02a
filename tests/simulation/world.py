"""One seed's world: exchange, network, disk, clocks, misfortunes, and the program that lives in it.

START HERE. `run_seed` is a whole life: a phase of faults with the program killed and started again,
a calm phase in which every doubt must clear, then the books of both sides compared. One integer
decides everything. Must never let a failure pass: what is raised ends in the verdict.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Collection
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from alphaforge.engine.core import Engine
from alphaforge.engine.timers import FAR
from alphaforge.errors import StoreError
from alphaforge.model.claims import VenueState, VenueStateChanged, VenueStatus
from alphaforge.model.enums import RiskState
from alphaforge.model.events import Alert, OrderAdopted
from alphaforge.model.market import Quote, Trade, VenueTime
from alphaforge.model.reports import OrderFilled
from alphaforge.model.step import Step
from alphaforge.store.records import RunRecord
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.terms import CAPABILITIES, Listing, Quirks, spot
from tests.simulation import compare
from tests.simulation.beliefs import Beliefs
from tests.simulation.clock import SECOND, START_NS, SimulatedClock
from tests.simulation.disk import Disk, Template
from tests.simulation.faults import Faults, Struck
from tests.simulation.invariants import Violation, Watch
from tests.simulation.loop import LoopError, Process, VirtualLoop
from tests.simulation.misfortunes import Misfortunes
from tests.simulation.network import Network
from tests.simulation.program import Program, StrategyPlan, cash_of
from tests.simulation.strategies import Restless

ACCOUNT: Final = "main"
VENUE: Final = "fake"
CALM_SECONDS: Final = 60.0
"""How long after the last fault every doubt must have cleared at the latest."""

NEVER: Final = (
    "strategy-error",
    "strategy-hung",
    "recovery-difference",
    "overfill",
    "never-left",
)
"""Alerts that nothing simulated gives cause for."""

PATIENT: Final = 8
"""Of so many seeds one waits for the reconciliation of the minute, instead of asking for one."""

DOUBT_SECONDS: Final = 40.0
"""Within so long every known doubt clears without a reconciliation: it is asked about by itself."""

MINUTES_SECONDS: Final = 65.0
"""Within so long there is a reconciliation without a cause."""

LEASE_TAKEN: Final = 0.4
"""Chance that a process which stood still for longer than its lease finds it taken."""

LEASE_FILE_LOST: Final = 0.3
"""Chance that a power cut takes the lease's file: the journal knows the epochs that were used."""

QUIET_AFTER: Final = 5.0
"""Seconds into the calm after which strategies ask for nothing more."""


class Verdict(msgspec.Struct):
    """What became of a seed.

    Attributes:
        violation: What was wrong; empty if nothing.
        at: Virtual second of it, or of the end.
        wall: Seconds of real time.
        certain_after: Virtual seconds from each start of the program to READY.
    """

    seed: int
    violation: str = ""
    at: float = 0.0
    wall: float = 0.0
    faults: Counter[str] = msgspec.field(default_factory=Counter[str])
    struck: list[Struck] = msgspec.field(default_factory=list[Struck])
    counts: Counter[str] = msgspec.field(default_factory=Counter[str])
    certain_after: list[float] = msgspec.field(default_factory=list[float])
    trace: list[str] = msgspec.field(default_factory=list[str])


class Options(msgspec.Struct, frozen=True):
    """How a seed is run: what the shrinker leaves out, and whether everything is written down."""

    without: Collection[str] = ()
    spared: Collection[tuple[str, int]] = ()
    keep_trace: bool = False


class World:
    """Everything of one seed.

    Attributes:
        program: What runs now; None between two processes.
    """

    def __init__(self, seed: int, template: Template, options: Options) -> None:
        Violation.raised.clear()
        self.seed = seed
        self.random = random.Random(f"world-{seed}")
        self.options = options
        self.verdict = Verdict(seed)
        self.loop = VirtualLoop(seed)
        self.faults = Faults(seed, without=options.without, spared=options.spared)
        self.clock = SimulatedClock(self.loop)
        durability = "power" if self.random.random() < 0.25 else "process"
        self.disk = Disk(template.copy(f"seed-{seed}"), self.loop, self.faults, seed, durability)
        self.exchange = self._exchange()
        self.network = Network(self.loop, self.exchange, ACCOUNT, self.faults, seed)
        currencies = {
            symbol: (listing.instrument.base, listing.instrument.quote)
            for symbol, listing in self.exchange.listings.items()
        }
        self.watch = Watch(self.network, self.disk, currencies)
        self.beliefs = Beliefs(self.network, self.watch)
        self.misfortunes = Misfortunes(
            self.loop, self.faults, self.network, self, (self.disk, self.clock), seed
        )
        self.network.on_moment = self.misfortunes.passes
        self.disk.on_commit = lambda: self.misfortunes.passes("commit")
        self.strategies = self._strategies()
        self.snapshot_every = self.random.choice((60, 200, 600, 50_000))
        self.epoch = 0
        self._lease_draw = random.Random(f"lease-{seed}")
        # Also shorter than the venue lets a request live: each of two checks must be seen alone.
        self.lease_ns = self._lease_draw.choice((5 * SECOND, 5 * SECOND // 2))
        self.runs = 0
        self.program: Program | None = None
        self.processes: list[Process] = []
        self.quiet = False
        self._started_at = 0.0
        self._ready_at = 0.0
        self._over: asyncio.Future[None] = self.loop.create_future()

    def _exchange(self) -> Exchange:
        draw = self.random
        listings: list[Listing] = [spot("BTC/USDT", "60000", venue=VENUE)]
        if draw.random() < 0.4:
            listings.append(spot("ETH/USDT", "3000", venue=VENUE))
        fee = draw.choice(("", "", "BNB", "base"))
        listings = [
            replace(each, fee_currency=each.instrument.base if fee == "base" else fee, depth=900)
            for each in listings
        ]
        lacks = _lacking(self.seed)
        listings = [
            replace(each, instrument=replace(each.instrument, **lacks)) for each in listings
        ]
        quirks = Quirks(
            trades_name_client_id=draw.random() < 0.6,
            pushes_name_client_id=draw.random() < 0.7,
            ended_orders_are_unknown_to_cancel=draw.random() < 0.5,
            late_reject_with_fills=draw.random() < 0.3,
            rejects_market_when_thin=draw.random() < 0.2,
            immediate_ends_as=draw.choice((VenueStatus.CANCELED, VenueStatus.EXPIRED)),
            slow_cancel_ns=draw.choice((0, 0, 200_000_000, 2_000_000_000)),
            request_rate=draw.choice((0, 0, 8)),
        )
        money = {"USDT": Decimal(200_000), "BTC": Decimal(3), "ETH": Decimal(60), "BNB": Decimal(5)}
        bound = SECOND
        start = START_NS - bound
        return Exchange(listings, {ACCOUNT: money}, seed=self.seed, start=start, quirks=quirks)

    def _strategies(self) -> list[StrategyPlan]:
        draw = self.random
        symbols = list(self.exchange.listings)
        plans: list[StrategyPlan] = []
        for number in range(draw.choice((1, 1, 2, 3))):
            chosen = symbols if draw.random() < 0.4 else [draw.choice(symbols)]
            plans.append(
                StrategyPlan(
                    f"restless-{number + 1}",
                    {
                        "seed": self.seed * 10 + number,
                        "symbols": ",".join(chosen),
                        "every": draw.choice((0.15, 0.3, 0.7)),
                        "most": draw.choice((4, 8, 12)),
                    },
                    saving=draw.random() < 0.3,
                )
            )
        return plans

    # The computer -----------------------------------------------------------------------------

    def boot(self) -> None:
        """Start the program, again or for the first time."""
        process = Process(f"{self.seed}/{len(self.processes) + 1}")
        self.processes.append(process)
        self._started_at = self.loop.time()
        self.say(f"process {process.name} starts")
        self.program = program = Program(self, process)
        task = self.loop.spawn(process, program.run())
        task.add_done_callback(lambda done: self._ended(process, done))

    def _ended(self, process: Process, task: "asyncio.Task[None]") -> None:
        """The program came to its end by itself: on a full disk it may, otherwise it must not."""
        if not process.alive:
            return
        error = None if task.cancelled() else task.exception()
        self.loop.kill(process)
        self.program = None
        self.watch.rewritten()
        if isinstance(error, BaseExceptionGroup):
            error = _innermost(error)
        if Violation.raised:
            self.fail(str(Violation.raised[0]))
        elif isinstance(error, StoreError):
            self.verdict.counts["ended on a full disk"] += 1
            self.say(f"process ends: {error}")
            self._boot_later()
        elif error is not None:
            self.fail(f"the session ended: {type(error).__name__}: {error}", error)
        elif self.quiet:
            if not self._over.done():
                self._over.set_result(None)
        else:
            self.fail("the session ended without being asked to")

    def _boot_later(self) -> None:
        self.loop.outside(self.random.uniform(0.05, 2.0), self._boot_if_down)

    def _boot_if_down(self) -> None:
        if self.program is None:
            self.boot()

    def die(self, *, power: bool) -> None:
        program = self.program
        if program is None:
            return
        self.program = None
        self.loop.kill(program.process)
        self.network.disconnect(self.network.receiver)
        if power:
            if self._lease_draw.random() < LEASE_FILE_LOST:
                self.epoch = 0
            lost = self.disk.power_cut()
            self.verdict.counts["bytes lost in power cuts"] += lost
            self.say(f"power cut: {lost} bytes of the log are lost")
        else:
            self.disk.kill()
            self.say("SIGKILL")
        self.verdict.counts["power cuts" if power else "kills"] += 1
        self.watch.rewritten(power=power)
        self._boot_later()

    def freeze(self, seconds: float) -> None:
        program = self.program
        if program is None or program.process.stopped:
            return
        self.say(f"SIGSTOP for {seconds:.1f} s")
        self.loop.pause(program.process)
        self.loop.outside(seconds, self._thaw, program.process, seconds)

    def _thaw(self, process: Process, seconds: float) -> None:
        program = self.program
        if process.stopped and program is not None and program.process is process:
            if seconds * SECOND > self.lease_ns:
                self.beliefs.stood_still()
                if self._lease_draw.random() < LEASE_TAKEN:
                    self._take_lease(process)
            self.loop.resume(process)

    def _take_lease(self, process: Process) -> None:
        """Another process took over while this one stood still, and dies soon after it."""
        program = self.program
        if program is None or program.process is not process or program.lease is None:
            return
        program.lease.lost = True
        self.watch.lease_held = False
        self.verdict.counts["leases lost"] += 1
        self.say("the lease is lost")
        self.loop.outside(self._lease_draw.uniform(0.5, 3.0), self._die_as, process)

    def _die_as(self, process: Process) -> None:
        if self.program is not None and self.program.process is process:
            self.die(power=False)

    def halt_trading(self, seconds: float) -> None:
        if self.program is not None and self.program.set_risk_state(RiskState.HALTED):
            self.loop.outside(seconds, self._resume_trading)

    def _resume_trading(self) -> None:
        if self.program is None or not self.program.set_risk_state(RiskState.ACTIVE):
            self.loop.outside(1.0, self._resume_trading)

    # Watching ---------------------------------------------------------------------------------

    def took_up(self, program: Program, engine: Engine, run: RunRecord) -> None:
        """A process knows what its journal knows, and goes on."""
        if program.process.alive:
            self.say(f"{run.run_id} is taken up at event {engine.sequence}")
            self.watch.recovered(engine, run.run_id, cash_of(run))
            self.watch.lease_held = True
            self.beliefs.recovered(engine)

    def alerted(self, alert: Alert) -> None:
        """What a person would be told."""
        self.verdict.counts[f"alert {alert.code}"] += 1
        if alert.code in NEVER:
            self.fail(f"alert {alert.code}: {alert.message} {alert.detail}")

    def stepped(self, program: Program, event: object, step: Step) -> None:
        """What the engine did with one event."""
        engine = program.engine
        if engine is None or not program.process.alive:
            return
        self.watch.stepped(engine, event, step)
        self.beliefs.stepped(engine, event, step)
        if isinstance(event, VenueStateChanged):
            self._venue_is(event)
        self._count(program, step)
        if self.options.keep_trace:
            if step.sequence or not isinstance(event, Quote | Trade | VenueTime):
                self.say(f"#{engine.sequence} {short(event)}")
            for each in (*step.events, *step.fills, *step.outgoing, *step.alerts):
                self.say(f"      {short(each)}")
        self.misfortunes.passes("step")

    def _venue_is(self, event: VenueStateChanged) -> None:
        self.say(f"venue {event.state}: {event.reason}")
        if event.state is not VenueState.READY:
            return
        if self._started_at >= 0:
            self.verdict.certain_after.append(self.loop.time() - self._started_at)
            self._started_at = -1.0
        self._ready_at = self.loop.time()
        self.misfortunes.began = True

    def _count(self, program: Program, step: Step) -> None:
        counts = self.verdict.counts
        for each in step.events:
            if isinstance(each, OrderAdopted):
                counts["adopted"] += 1
            elif isinstance(each, OrderFilled) and program.was_canceled(each.order_id):
                counts["fills after cancel"] += 1
        counts["fills"] += len(step.fills)

    def say(self, line: str) -> None:
        """Keep a line for a person who looks for what happened."""
        if self.options.keep_trace:
            self.verdict.trace.append(f"{self.loop.time():9.4f}  {line}")

    def fail(self, why: str, error: BaseException | None = None) -> None:
        """The first thing that was wrong is the verdict."""
        if self.verdict.violation:
            return
        self.verdict.violation = why
        self.verdict.at = self.loop.time()
        self.say(f"VIOLATION {why}")
        if error is not None and self.options.keep_trace:
            import traceback

            self.verdict.trace += traceback.format_exception(error)
        self.loop.stop()

    # A life -----------------------------------------------------------------------------------

    def live(self) -> None:
        """Run to the end; the verdict says how it was."""
        began = time.perf_counter()
        Restless.quiet = False
        self.loop.outside(0.0, self._tick)
        self.loop.outside(0.0, self.boot)
        self.misfortunes.start()
        life = self.loop.create_task(self._life())
        try:
            self.loop.run_until_complete(life)
        except Violation as error:
            self.fail(str(error))
        except LoopError as error:
            self.fail(f"the loop: {error}")
        except TimeoutError:
            self.fail("the session did not end a minute after it was asked to")
        except RuntimeError as error:
            if not self.verdict.violation:
                breaches = [each for each in self.loop.failures if isinstance(each, Violation)]
                self.fail(str(breaches[0] if breaches else error), error)
        finally:
            self._account(began)
            self._clear_away(life)

    def _tick(self) -> None:
        self.network.tick()
        self.loop.outside(0.1, self._tick)

    async def _life(self) -> None:
        await self._until_it_trades()
        self.faults.active = True
        await asyncio.sleep(self.random.uniform(30.0, 60.0))
        self._calm()
        await self._settle()
        program = self.program
        if program is None or program.engine is None:
            self.fail("the program is not running at the end of the calm phase")
            return
        self.network.frozen = True
        await asyncio.sleep(1.0)
        self._compare(program.engine)
        program.stop()
        await asyncio.wait_for(asyncio.shield(self._over), 60.0)
        self._compare_files()

    async def _until_it_trades(self) -> None:
        """Most seeds let the program begin in peace: what it begins with can then be broken."""
        if self.random.random() < 0.15:
            return
        self.faults.active = False
        while not self.misfortunes.began:  # noqa: ASYNC110 - virtual time costs nothing
            await asyncio.sleep(0.5)
        await asyncio.sleep(self.random.random())

    def _calm(self) -> None:
        """Nothing strikes any more, and what was broken works again."""
        self.faults.active = False
        self.disk.full = False
        self.network.cut_until = min(self.network.cut_until, self.loop.time())
        for symbol in self.exchange.listings:
            self.exchange.resume(symbol)
        for process in self.processes:
            if process.stopped:
                self.loop.resume(process)
        self.say("calm")

    async def _settle(self) -> None:
        """Every doubt must clear; the strategies become quiet so that there is an end."""
        began = self.loop.time()
        await asyncio.sleep(QUIET_AFTER)
        self.quiet = Restless.quiet = True
        if self.seed % PATIENT == 0:
            await self._wait_for_the_minute()
            return
        left, asked, checks = ["nobody looked"], 0.0, 0
        # What was lost without a gap shows only when everything is compared, as every minute; the
        # first comparison may have begun before the calm.
        while (left or checks < 3) and self.loop.time() < began + CALM_SECONDS:
            if self.program is not None and self._ready_at >= asked:
                checks, asked = checks + 1, self.loop.time()
                self.program.check()
            await asyncio.sleep(1.0)
            left = self._unsettled()
        if left or checks < 3:
            self.fail(f"not certain {CALM_SECONDS:.0f} s after the last fault: {left[0]}")

    async def _wait_for_the_minute(self) -> None:
        """Nobody asks: what was lost without a gap must show by itself."""
        await asyncio.sleep(DOUBT_SECONDS)
        left = self._unsettled(CAPABILITIES.proof_ns)
        if left:
            self.fail(f"in doubt {DOUBT_SECONDS:.0f} s after the last fault: {left[0]}")
            return
        await asyncio.sleep(MINUTES_SECONDS - DOUBT_SECONDS)
        for _ in range(round(CALM_SECONDS)):
            await asyncio.sleep(1.0)
            left = self._unsettled()
            if not left:
                return
        waited = MINUTES_SECONDS + CALM_SECONDS
        self.fail(f"not certain {waited:.0f} s after the last fault: {left[0]}")

    def _unsettled(self, younger_ns: int = 0) -> list[str]:
        """What is not certain; what was asked for less than so long ago may be on its way."""
        program = self.program
        if program is None or program.engine is None or not program.is_certain:
            return ["the program is not certain of the venue"]
        engine = program.engine
        return compare.unsettled(engine, engine.timers.now - younger_ns if younger_ns else FAR)

    def _compare(self, engine: Engine) -> None:
        """Our books in memory against the exchange's."""
        exchange = self.exchange
        wrong = [
            *compare.trades_differ(self.watch.books, exchange, ACCOUNT, "in memory"),
            *compare.money_differs(engine.portfolio.cash, exchange, ACCOUNT, "in memory"),
            *compare.orders_differ(engine, exchange, ACCOUNT, self.watch.left),
        ]
        if wrong:
            self.fail(f"books differ ({len(wrong)}): {'; '.join(wrong[:4])}")

    def _compare_files(self) -> None:
        """What the database and its exports say, once the program has ended."""
        self.watch.committed.restart()
        self.watch.committed.read_on()
        from_file = self.watch.fresh_books()
        wrong = [
            *compare.trades_differ(from_file, self.exchange, ACCOUNT, "in the journal"),
            *compare.money_differs(from_file.cash, self.exchange, ACCOUNT, "in the journal"),
            *compare.views_differ(self.disk.reader, from_file),
        ]
        if wrong:
            self.fail(f"files differ ({len(wrong)}): {'; '.join(wrong[:4])}")

    def _account(self, began: float) -> None:
        verdict, owner = self.verdict, self.exchange.accounts[ACCOUNT]
        verdict.at = verdict.at or self.loop.time()
        verdict.wall = time.perf_counter() - began
        verdict.faults = self.faults.counts
        verdict.struck = self.faults.struck
        verdict.counts["orders at the venue"] = len(owner.orders)
        verdict.counts["trades at the venue"] = len(owner.trades)
        verdict.counts["orders proved absent"] = len(self.watch.proved_absent)
        verdict.counts["Steps checked"] = self.watch.checks
        verdict.counts["callbacks"] = self.loop.turns
        verdict.counts["virtual seconds"] = round(self.loop.time())

    def _clear_away(self, life: "asyncio.Task[None]") -> None:
        for process in self.processes:
            self.loop.kill(process)
            self.loop.bury(process)
        remains = Process("remains")
        remains.tasks = [each for each in asyncio.all_tasks(self.loop) if not each.done()]
        self.loop.bury(remains)
        if life.done() and not life.cancelled():
            error = life.exception()
            if error is not None and not self.verdict.violation:
                self.verdict.violation = f"{type(error).__name__}: {error}"
        self.disk.dispose()
        self.loop.close()


def _lacking(seed: int) -> dict[str, tuple[str, ...]]:
    """What the venue has not, and the engine does in its place; a trailing stop it never has."""
    stops, draw = ("STOP_MARKET", "STOP_LIMIT"), random.Random(f"lacks-{seed}")
    missing, other = draw.choice(
        (((), ()), (stops, ()), (stops, ("MODIFY",)), (("BRACKET",), ("MODIFY",)))
    )
    if "STOP_MARKET" in missing:
        missing = (*missing, "BRACKET")
    missing = ("TRAILING_STOP", *missing)
    return {"unsupported": (*missing, *other), "emulated": missing}


def short(value: object) -> str:
    """A struct without the fields that stand at their defaults, and without machine times."""
    if not isinstance(value, msgspec.Struct):
        return str(value)
    shown: list[str] = []
    for field in msgspec.structs.fields(value):
        content = getattr(value, field.name)
        if content == field.default or field.name in {"ts_local", "account", "venue"}:
            continue
        if field.name in {"ts", "asked_at"}:
            content = f"{(content - START_NS) / SECOND:.4f}"
        shown.append(f"{field.name}={short(content)}")
    return f"{type(value).__name__}({', '.join(shown)})"


def _innermost(group: BaseException) -> BaseException:
    """Of several errors at once, a violation, else the first that is no group."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        inner = found.exceptions
        found = next((each for each in inner if isinstance(each, Violation)), inner[0])
    return found


def run_seed(seed: int, template: Template, options: Options | None = None) -> Verdict:
    """Live one seed's life."""
    world = World(seed, template, options or Options())
    world.live()
    return world.verdict
