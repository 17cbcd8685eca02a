"""A whole engine with a host, fed by hand, for tests of what a run shows of itself."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import cast

import msgspec

from alphaforge.client.messages import Difference, ServerMessage, Snapshot
from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine
from alphaforge.engine.strategy import Strategy
from alphaforge.model.commands import OperatorCommand, StartSession
from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import MarketEvent, Quote, Trade
from alphaforge.model.settings import AccountSettings, EngineSettings, RiskSettings
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.services.control.host import Host, VenueView
from alphaforge.services.control.publisher import Hub, Subscription
from alphaforge.store.records import RunRecord, StrategySource

SECOND = 1_000_000_000
START = 1_700_000_040 * SECOND
"""A whole minute, 22:14 UTC."""

BTC = Instrument(
    symbol="BTC/USDT",
    base="BTC",
    quote="USDT",
    settle="USDT",
    price_step=Decimal("0.1"),
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
)
ETH = msgspec.structs.replace(BTC, symbol="ETH/USDT", base="ETH")
PERP = msgspec.structs.replace(BTC, symbol="XBT/USDT", kind=InstrumentKind.LINEAR)

MESSAGES: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def wall_ns(self) -> int:
        return self.now

    def steady_ns(self) -> int:
        return self.now

    async def wait(self, event: object, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        await asyncio.sleep(0)


class Rig:
    """An engine, its host, and its hub."""

    def __init__(
        self,
        strategies: dict[str, Callable[[], Strategy]] | None = None,
        *,
        instruments: Sequence[Instrument] = (BTC, ETH),
        risk: RiskSettings | None = None,
        cash: str = "100000",
        native_kinds: dict[str, str] | None = None,
        parameters: dict[str, dict[str, object]] | None = None,
    ) -> None:
        account = AccountSettings(cash={"USDT": Decimal(cash)}, reporting_currency="USDT")
        settings = EngineSettings(account=account, risk=risk or RiskSettings())
        self.engine: Engine = simulate(
            settings, {each.symbol: each for each in instruments}, native_kinds
        )
        for name, make in (strategies or {}).items():
            self.engine.register(name, make)
        self.run = RunRecord(
            run_id="20261120-091500-abc",
            mode="paper",
            venue="sim",
            account="paper",
            strategies=tuple(
                StrategySource(name, f"{name}.py", "", "") for name in strategies or {}
            ),
            parameters=parameters or {},
            started=START,
        )
        self.venues = (VenueView("sim", "paper", "SIMULATED", "", 0, None, None),)
        self.host = Host(
            self.engine,
            self.run,
            lambda: self.engine.timers.now,
            self.put,
            lambda: self.venues,
            lambda: None,
        )
        self.host.state = "TRADING"
        self.clock = HandClock()
        self.hub = Hub(self.host, self.clock)
        self.put(StartSession(START))

    def put(self, command: OperatorCommand) -> Step:
        step = self.engine.process(command)
        if step is not EMPTY_STEP:
            self.host.saw(step)
        return step

    def feed(self, events: Iterable[MarketEvent]) -> None:
        """What a session does with market events."""
        batch = list(events)
        for event in batch:
            step = self.engine.process(event)
            if step is not EMPTY_STEP:
                self.host.saw(step)
        self.host.saw_market(batch)

    def rows(self, channel: str) -> list[msgspec.Struct]:
        return self.hub.rows(channel)

    async def turn(self, seconds: float = 0.1) -> None:
        """One turn of the hub, so much later."""
        self.clock.now += int(seconds * SECOND)
        await self.hub.turn()


def trade(
    at: float, price: float, size: float = 1.0, symbol: str = "BTC/USDT", side: str = "BUY"
) -> Trade:
    """A trade so many seconds after the start."""
    return Trade(symbol, START + round(at * SECOND), price, size, OrderSide(side))


def quote(at: float, bid: float, ask: float, symbol: str = "BTC/USDT") -> Quote:
    return Quote(symbol, START + round(at * SECOND), bid, ask, 1.5, 2.5)


async def waiting(subscription: Subscription) -> list[ServerMessage]:
    """Everything that waits for a client now."""
    found: list[ServerMessage] = []
    while subscription.has_waiting:
        found.append(MESSAGES.decode(await anext(subscription)))
    return found


class Applier:
    """The least a client must do: rows by key and channel, numbers without a gap."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, bytes]] = {}
        self.seq: dict[str, int] = {}

    def apply(self, message: ServerMessage) -> None:
        if isinstance(message, Snapshot):
            rows = {key: bytes(raw) for key, raw in message.rows.items()}
            self.tables[message.channel], self.seq[message.channel] = rows, message.seq
        elif isinstance(message, Difference):
            assert message.seq == self.seq[message.channel] + 1, "a number is missing"
            self.seq[message.channel] = message.seq
            table = self.tables[message.channel]
            for key in message.gone:
                table.pop(key, None)
            table |= {key: bytes(raw) for key, raw in message.set.items()}

    async def drain(self, subscription: Subscription) -> None:
        for message in await waiting(subscription):
            self.apply(message)

    def row(self, channel: str, key: str) -> dict[str, object]:
        found: dict[str, object] = msgspec.json.decode(self.tables[channel][key])
        return found


def table_of(rows: Iterable[msgspec.Struct]) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", [msgspec.to_builtins(row) for row in rows])
