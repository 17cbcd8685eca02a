"""An engine fed by hand and served on real sockets, with clients that speak to it.

Nothing here may judge what the API does.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientSession, TCPConnector, UnixConnector

from alphaforge.client import engines
from alphaforge.client.records import EngineRecord
from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine
from alphaforge.engine.strategy import Strategy
from alphaforge.model.commands import OperatorCommand, StartSession
from alphaforge.model.market import MarketEvent, Trade
from alphaforge.model.settings import AccountSettings, EngineSettings, RiskSettings
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.services.clock import SystemClock
from alphaforge.services.config_sections import ApiSection
from alphaforge.services.control.host import Host, VenueView
from alphaforge.services.control.publisher import Hub
from alphaforge.services.control.serve import Serving, serve
from alphaforge.store.records import RunRecord, StrategySource
from tests.engine.driving import SPOT, SYMBOL, Puppet

SECOND = 1_000_000_000
START = 1_700_000_040 * SECOND
RUN = "20261120-091500-abc"

RECORD = EngineRecord(
    run_id=RUN,
    pid=1,
    version="0",
    mode="paper",
    venue="sim",
    account="paper",
    strategies=(),
    started="",
    project="",
    store="",
    socket="",
)


class Run:
    """One engine with puppets, its host and its hub.

    Attributes:
        commands: Every command that came through the host's door.
        stops: How often the run was asked to end.
    """

    def __init__(
        self,
        *,
        cash: dict[str, str] | None = None,
        risk: RiskSettings | None = None,
        strategies: dict[str, Callable[[], Strategy]] | None = None,
        record: RunRecord | None = None,
        engine: Engine | None = None,
    ) -> None:
        balances = {name: Decimal(text) for name, text in (cash or {"USDT": "100000"}).items()}
        account = AccountSettings(cash=balances, reporting_currency="USDT")
        settings = EngineSettings(account=account, risk=risk or RiskSettings())
        strategies = {"puppet": Puppet} if strategies is None else strategies
        self.engine = engine or simulate(settings, {SYMBOL: SPOT})
        for name, make in strategies.items():
            self.engine.register(name, make)
        self.record = record or RunRecord(
            run_id=RUN,
            mode="paper",
            venue="sim",
            account="paper",
            strategies=tuple(StrategySource(name, f"{name}.py", "", "") for name in strategies),
            started=START,
        )
        self.commands: list[OperatorCommand] = []
        self.stops = 0
        self.now = START
        self.host = Host(
            self.engine,
            self.record,
            lambda: max(self.now, self.engine.timers.now),
            self.put,
            lambda: (VenueView("sim", "paper", "SIMULATED", "", 0, None, None),),
            self._stop,
        )
        self.host.state = "TRADING"
        self.hub = Hub(self.host, SystemClock())
        self.process(StartSession(START))

    def _stop(self) -> None:
        self.stops += 1

    def put(self, command: OperatorCommand) -> Step:
        self.commands.append(command)
        return self.process(command)

    def process(self, event: Any) -> Step:
        step = self.engine.process(event)
        if step is not EMPTY_STEP:
            self.host.saw(step)
        return step

    def feed(self, event: MarketEvent) -> Step:
        """What a session does with a market event."""
        step = self.process(event)
        self.host.saw_one(event)
        return step

    def tick(self, price: float, size: float = 1.0) -> Step:
        """One trade, a second after the last."""
        self.now += SECOND
        return self.feed(Trade(SYMBOL, self.now, price, size))

    def strategy(self, name: str = "puppet") -> Any:
        return self.engine.strategies.runners[name].strategy


class Client:
    """Speaks HTTP to one engine, by its socket or by TCP."""

    def __init__(self, session: ClientSession, base: str) -> None:
        self.session = session
        self.base = base

    async def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and decoded answer."""
        data = None if body is None else msgspec.json.encode(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = self.base + path
        async with self.session.request(method, url, data=data, headers=named) as response:
            content = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, msgspec.json.decode(content) if is_json else content.decode()

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, **body: object) -> tuple[int, Any]:
        return await self.ask("POST", path, body)

    async def patch(self, path: str, **body: object) -> tuple[int, Any]:
        return await self.ask("PATCH", path, body)


class Served:
    """An engine that is served.

    Attributes:
        client: By the Unix socket.
        record: As it is on disk.
    """

    def __init__(self, run: Run, api: Any, client: Client, record: EngineRecord) -> None:
        self.run = run
        self.api = api
        self.client = client
        self.record = record

    @asynccontextmanager
    async def by_tcp(self, token: str = "") -> AsyncGenerator[Client]:
        """A client of the TCP port."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with ClientSession(connector=TCPConnector(), headers=headers) as session:
            yield Client(session, f"http://{self.record.tcp}")


@asynccontextmanager
async def served(
    folder: Path, run: Run | None = None, *, environ: dict[str, str] | None = None, **api: Any
) -> AsyncGenerator[Served]:
    """An engine on real sockets below a folder; `api` are keys of `[api]`."""
    run = run or Run()
    variables = {engines.RUNTIME_VARIABLE: str(folder), **(environ or {})}
    settings = Serving(SystemClock(), folder, "sqlite://", ApiSection(**api), environ=variables)
    async with serve(run.host, run.hub, settings) as served_api:
        record = engines.record_of(RUN, variables)
        async with ClientSession(connector=UnixConnector(record.socket)) as session:
            yield Served(run, served_api, Client(session, "http://localhost"), record)
