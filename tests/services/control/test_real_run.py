"""A real paper run with clients that come at different times, and a run that goes on."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from alphaforge.client.messages import CHANNELS
from alphaforge.services.clock import SystemClock
from alphaforge.services.control.host import Host
from alphaforge.services.control.past import read_past
from alphaforge.services.control.publisher import Hub, Subscription
from alphaforge.services.control.views import Moment
from alphaforge.store.reads import open_reader
from alphaforge.store.records import Selection
from tests.services.control.engine_rig import MESSAGES, Applier, HandClock, table_of
from tests.services.running import SMA_CROSS, START, FakeClock, plan_in, play, trades_csv


class Looking:
    """Clients of a run: one from the start, one from its middle, one from the end."""

    def __init__(self) -> None:
        self.tables: list[dict[str, dict[str, bytes]]] = []
        self.hub: Hub | None = None

    @asynccontextmanager
    async def serve(self, host: Host) -> AsyncGenerator[None]:
        hub = self.hub = Hub(host, HandClock())
        appliers = {hub.subscribe(CHANNELS): Applier()}
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(self._look(hub, appliers))
            yield
            looking.cancel()
        appliers[hub.subscribe(CHANNELS)] = Applier()
        await hub.turn()
        for subscription, applier in appliers.items():
            await applier.drain(subscription)
        self.tables = [each.tables for each in appliers.values()]

    async def _look(self, hub: Hub, appliers: dict[Subscription, Applier]) -> None:
        while True:
            await hub.turn()
            fills = hub.views.fills.last
            if fills > 10 and len(appliers) == 1:
                appliers[hub.subscribe(CHANNELS)] = Applier()
            for subscription, applier in appliers.items():
                await applier.drain(subscription)
            await asyncio.sleep(0)


def wave(folder: Path) -> Path:
    """A market that goes up and down, so that averages cross."""
    swing = [100.0 + min(at % 80, 80 - at % 80) for at in range(3_000)]
    return trades_csv(folder, [(at / 2, price, 0.01) for at, price in enumerate(swing)])


async def test_clients_of_a_real_run_hold_the_same_rows_whenever_they_came(tmp_path: Path) -> None:
    looking, clock = Looking(), FakeClock()
    plan = plan_in(
        tmp_path,
        [SMA_CROSS],
        [wave(tmp_path)],
        sets=["timeframe=1s", "fast=3", "slow=9"],
        symbols=["BTC/USDT"],
        speed="200",
        clock=clock,
    )
    outcome = await play(plan._replace(serve=looking.serve), clock)
    first, middle, last = looking.tables
    assert first == middle == last
    assert len(first["trades"]) > 20
    summary = msgspec.json.decode(first["portfolio"]["run"])
    for field in ("equity", "fees", "realized_pnl", "unrealized_pnl", "fills", "orders_submitted"):
        assert summary[field] == outcome.summary[field], field


async def test_what_is_behind_a_run_is_read_from_its_store(tmp_path: Path) -> None:
    looking, clock = Looking(), FakeClock()
    plan = plan_in(
        tmp_path,
        [SMA_CROSS],
        [wave(tmp_path)],
        sets=["timeframe=1s", "fast=3", "slow=9"],
        symbols=["BTC/USDT"],
        clock=clock,
    )
    await play(plan._replace(serve=looking.serve), clock)
    assert looking.hub is not None
    host = looking.hub.views.host
    past = await read_past(plan.store_url, Moment(host))
    shown = looking.hub.rows("trades")
    assert len(shown) > 20
    assert past.fills == tuple(shown)
    assert past.orders == looking.hub.views.orders.submitted
    async with open_reader(plan.store_url) as reader:
        pages = [page async for page in reader.equity(Selection(run_id=host.run.run_id))]
    samples = [row.equity for page in pages for row in page]
    assert past.peak == max(samples)
    assert [Decimal(point.equity) for _, point in past.curve] == samples[: len(past.curve)]
    assert past.curve[0][0] >= START


async def test_a_hub_of_a_run_that_goes_on_shows_what_came_before(tmp_path: Path) -> None:
    looking, clock = Looking(), FakeClock()
    plan = plan_in(
        tmp_path,
        [SMA_CROSS],
        [wave(tmp_path)],
        sets=["timeframe=1s", "fast=3", "slow=9"],
        symbols=["BTC/USDT"],
        clock=clock,
    )
    await play(plan._replace(serve=looking.serve), clock)
    assert looking.hub is not None
    host, shown = looking.hub.views.host, looking.hub.rows("trades")
    again = Hub(host, SystemClock())
    subscription, applier = again.subscribe(("trades", "strategies", "pnl")), Applier()
    running = asyncio.ensure_future(again.run())
    async with asyncio.timeout(10):
        for _ in range(3):
            applier.apply(MESSAGES.decode(await anext(subscription)))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    fills = applier.tables["trades"]
    assert [msgspec.json.decode(raw) for raw in fills.values()] == table_of(shown)
    strategy = applier.row("strategies", "sma_cross")
    assert strategy["orders"] == host.engine.execution.counts.submitted
    assert len(applier.tables["pnl"]) > 10
