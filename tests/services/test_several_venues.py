"""One session over two venues: each order goes to its own, each wallet is its own, one may fail."""

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from alphaforge.engine.core import Engine
from alphaforge.errors import VenueUnavailableError
from alphaforge.model.events import Alert
from alphaforge.model.market import Quote
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.services.lease_group import LeaseGroup
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.services.summary import Status
from alphaforge.services.wallets import apart
from alphaforge.services.wire_plan import Ports
from alphaforge.services.wire_session import run_wire_session
from alphaforge.store.records import RunRecord, StrategySource
from strategies.arbitrage import Arbitrage
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.inline import InlineVenue
from tests.fake_venue.terms import spot
from tests.services.wire_rig import HandLease, InlineJournal
from tests.simulation.clock import START_NS, SimulatedClock
from tests.simulation.loop import VirtualLoop

CASH = {"USDT": Decimal(10_000), "BTC": Decimal(1)}
NEVER = 1 << 62


class TradedVenue(InlineVenue):
    """A venue whose exchange comes up to the clock before and after every request.

    Attributes:
        away: Nothing reaches it.
        sent: Symbols of the orders that came.
    """

    def __init__(self, name: str, price: str, clock: SimulatedClock) -> None:
        listing = spot("BTC/USDT", price, venue=name)
        named = msgspec.structs.replace(listing.instrument, symbol=f"BTC/USDT@{name}")
        listing = msgspec.structs.replace(listing, instrument=named)
        exchange = Exchange([listing], {"main": dict(CASH)}, start=START_NS, tick_ns=NEVER)
        super().__init__(exchange, "main", clock.wall_ns, name=name)
        self.away = False
        self.sent: list[str] = []

    def quote(self, bid: float, ask: float) -> None:
        """Push a best bid and ask."""
        self._waiting.append(Quote(f"BTC/USDT@{self.name}", self._clock(), bid, ask, 1.0, 1.0))
        self._arrived.set()

    async def submit(self, approved: Any, expires_at: int) -> Any:
        if self.away:
            raise VenueUnavailableError("not reached")
        self.sent.append(approved.command.symbol)
        answer = await super().submit(approved, expires_at)
        self.pump()
        return answer

    async def trades(self, since: int) -> Any:
        if self.away:
            raise VenueUnavailableError("not reached")
        return await super().trades(since)


class ArbitragePlan:
    """See `WirePlan`: arbitrage on both venues, from 1 basis point on."""

    mode = "sandbox"

    def begin(self, cash: Any, instruments: Any, started: int) -> RunRecord:
        account = AccountSettings(name="main", cash=dict(cash), reporting_currency="USDT")
        settings = EngineSettings(account=account, client_tag="0f3c9a7b21d4e6")
        return RunRecord(
            run_id="run-1",
            mode=self.mode,
            venue="a",
            account="main",
            strategies=(StrategySource("arbitrage", "", "", ""),),
            settings={"engine": msgspec.to_builtins(settings)},
            instruments=tuple(instruments),
            started=started,
        )

    def build(self, run: RunRecord) -> Engine:
        settings = msgspec.convert(run.settings["engine"], EngineSettings)
        engine = Engine(settings, {each.symbol: each for each in run.instruments})
        engine.register("arbitrage", partial(_configured, 1.0))
        return engine

    def continues(self, run: RunRecord) -> bool:
        return True


def _configured(edge_bps: float) -> Arbitrage:
    made = Arbitrage()
    made.min_edge_bps = edge_bps
    return made


class Looking:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.certain_at = asyncio.Event()
        self.alerts: list[Alert] = []

    def began(self, run: RunRecord) -> None:
        pass

    def certain(self, seconds: float) -> None:
        self.certain_at.set()

    def status(self, status: Status) -> None:
        pass

    def alert(self, alert: Alert) -> None:
        self.alerts.append(alert)


def played(
    folder: Path, scenario: Any, looking: Looking | None = None
) -> tuple[dict[str, Any], list[TradedVenue]]:
    """Run a session in virtual time while the scenario plays; its summary and the venues."""
    looking = looking or Looking()
    loop = VirtualLoop(1)
    clock = SimulatedClock(loop)
    venues = [TradedVenue("a", "60000", clock), TradedVenue("b", "60500", clock)]

    async def main() -> dict[str, Any]:
        stop = StopRequest()
        journal: Any = InlineJournal(f"sqlite:///{folder / 'runs.db'}", 0.001)
        takers = [lambda *_: HandLease(), lambda *_: HandLease()]
        ports = Ports(apart(venues), clock, journal, partial(LeaseGroup.acquire, takers))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(run_wire_session(ArbitragePlan(), ports, stop, looking))
            await looking.certain_at.wait()
            await scenario(venues)
            stop.ask(Reason.END)
        return running.result().summary

    try:
        return loop.run_until_complete(main()), venues
    finally:
        loop.close()


async def held(venue: TradedVenue) -> dict[str, Decimal]:
    return {f"{each.currency}@{venue.name}": each.total for each in await venue.balances()}


def test_it_buys_where_it_is_cheap_and_sells_where_it_is_dear_out_of_two_wallets(
    tmp_path: Path,
) -> None:
    money: dict[str, Decimal] = {}

    async def scenario(venues: list[TradedVenue]) -> None:
        cheap, dear = venues
        cheap.quote(59_999, 60_001)
        dear.quote(60_499, 60_501)
        await asyncio.sleep(1)
        for each in venues:
            money.update(await held(each))

    summary, (cheap, dear) = played(tmp_path, scenario)
    assert set(cheap.sent) == {"BTC/USDT@a"}
    assert set(dear.sent) == {"BTC/USDT@b"}
    assert summary["fills"] >= 2
    assert summary["orders_in_doubt"] == 0
    assert {name: Decimal(amount) for name, amount in summary["cash"].items()} == money
    assert money["USDT@a"] < 10_000 < money["USDT@b"]


def test_a_venue_that_is_away_keeps_no_order_from_the_other(tmp_path: Path) -> None:
    async def scenario(venues: list[TradedVenue]) -> None:
        cheap, dear = venues
        dear.away = True
        cheap.quote(59_999, 60_001)
        dear.quote(60_499, 60_501)
        await asyncio.sleep(30)
        dear.away = False
        await asyncio.sleep(30)

    summary, (cheap, dear) = played(tmp_path, scenario)
    assert cheap.sent
    assert summary["orders_in_doubt"] == 0
    bought = Decimal(summary["cash"]["BTC@a"]) - 1
    sold = 1 - Decimal(summary["cash"]["BTC@b"])
    assert bought >= 0
    assert sold >= 0
    assert len(dear.sent) == 0 or sold > 0


def test_that_a_venue_is_away_and_back_is_told_with_its_name(tmp_path: Path) -> None:
    looking = Looking()

    async def scenario(venues: list[TradedVenue]) -> None:
        venues[1].gap("the line was cut")
        await asyncio.sleep(10)

    played(tmp_path, scenario, looking)
    told = [(each.code, each.message) for each in looking.alerts]
    assert [code for code, _ in told] == ["venue-away", "venue-back"]
    assert told[0][1].startswith("b: the line was cut")
    assert told[1][1].startswith("b: ")


def test_a_machine_that_slept_follows_the_venues_clock_again(tmp_path: Path) -> None:
    looking = Looking()

    async def scenario(venues: list[TradedVenue]) -> None:
        real = venues[0].time

        async def later() -> int:
            return await real() + 60_000_000_000

        venues[0].time = later  # type: ignore[method-assign]  # as after a minute's sleep of ours
        await asyncio.sleep(30)

    played(tmp_path, scenario, looking)
    told = [each.message for each in looking.alerts if each.code == "clock"]
    assert len(told) == 1
    assert "60.0 s behind that of a" in told[0]
