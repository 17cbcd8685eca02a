"""Runs as processes of their own, reached by TCP and by socket, and what their journals say."""

import asyncio
import os
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

import msgspec
import pytest

from alphaforge.client import engines
from alphaforge.client.connection import Connection
from alphaforge.client.errors import ControlError, EngineLostError
from alphaforge.client.mirror import Mirror
from alphaforge.client.records import EngineRecord
from alphaforge.client.requests import (
    Accepted,
    KillRecord,
    KillRequest,
    OrderRequest,
    Who,
    WhyRecord,
)
from alphaforge.model.commands import PlaceOrder
from alphaforge.store.reads import open_reader

REPOSITORY = Path(__file__).parents[3]
STRATEGY = REPOSITORY / "strategies" / "sma_cross.py"


@contextmanager
def detached(folder: Path, *words: str) -> Generator[EngineRecord]:
    """A detached engine whose strategy hardly ever trades, also on TCP."""
    with TemporaryDirectory(prefix="af-") as runtime:
        environ = {
            **{name: value for name, value in os.environ.items() if "ALPHAFORGE" not in name},
            "PYTHONPATH": str(REPOSITORY),
            "ALPHAFORGE_RUNTIME_DIR": runtime,
            "ALPHAFORGE_STATE_DIR": f"{runtime}/state",
            "ALPHAFORGE__API__TCP": "127.0.0.1:0",
            "XDG_CONFIG_HOME": str(folder),
        }
        quiet = ("--set", "fast=500", "--set", "slow=1000", "--detach")
        command = [sys.executable, "-m", "alphaforge", "--json", "run", str(STRATEGY), *words]
        ended = run(
            [*command, *quiet], cwd=folder, env=environ, capture_output=True, check=True, timeout=90
        )
        started = msgspec.json.decode(ended.stdout)
        try:
            yield engines.record_of(started["run_id"], environ)
        finally:
            with suppress(ProcessLookupError):
                os.kill(started["pid"], signal.SIGKILL)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineRecord]:
    """On the synthetic market."""
    with detached(tmp_path, "--mode", "paper", "--venue", "synthetic") as record:
        yield record


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[EngineRecord]:
    """Over a wire, on the built-in exchange."""
    with detached(tmp_path, "--mode", "sandbox", "--venue", "local") as record:
        yield record


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a process as Linux does")
async def test_a_run_is_steered_by_tcp_and_its_journal_says_who_it_was(
    engine: EngineRecord,
) -> None:
    order = OrderRequest(symbol="BTC/USDT", side="buy", quantity="0.01", who="test", client_id="a")
    async with (
        asyncio.timeout(60),
        Connection.tcp(engine.tcp, engine.read_token) as reader,
        Connection.tcp(engine.tcp, engine.trade_token) as trader,
    ):
        stream, mirror = reader.stream("market"), Mirror()
        async for message in stream:
            mirror.apply(message)
            if any(row.last is not None for row in mirror.market.values()):
                break
        with pytest.raises(ControlError, match="needs the scope trade"):
            await reader.post("/api/orders", order, Accepted)
        placed = await trader.post("/api/orders", order, Accepted)
        again = await trader.post("/api/orders", order, Accepted)
        assert [row.status for row in placed.orders] == ["FILLED"]
        assert again.orders[0].order_id == placed.orders[0].order_id
        why = await reader.get_as("/api/orders/1/why", WhyRecord)
        assert {"operator", "decision", "fill"} <= {line.what for line in why.lines}
        runs = msgspec.json.decode(await reader.get("/api/runs"))
        assert [row["status"] for row in runs["rows"]] == ["running"]
        await trader.post("/api/stop", Who(who="test"), Accepted)
        with pytest.raises(EngineLostError):
            async for _ in stream:
                pass
    await _until_ended(engine)
    async with open_reader(engine.store) as store:
        stored = await store.run(engine.run_id)
        inputs = [event async for page in store.inputs(engine.run_id) for _, event in page]
    assert stored.status == "finished"
    (command,) = [event for event in inputs if isinstance(event, PlaceOrder)]
    assert (command.who, command.order.tag) == ("tcp:trade test", "client:a")


async def _until_ended(engine: EngineRecord) -> None:
    """The process is gone, whatever it is whose child."""
    descriptor = os.pidfd_open(engine.pid)
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_reader(descriptor, lambda: gone.set_result(None))
    try:
        async with asyncio.timeout(20):
            await gone
    finally:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


async def test_a_kill_is_proven_by_the_built_in_exchange(wired: EngineRecord) -> None:
    async with asyncio.timeout(60), Connection(wired) as trader:
        stream, mirror = trader.stream("all"), Mirror()
        async for message in stream:
            mirror.apply(message)
            state = mirror.summary.state if mirror.summary is not None else ""
            if state == "TRADING" and any(row.last for row in mirror.market.values()):
                break
        order = OrderRequest(symbol="BTC/USDT", side="buy", quantity="0.01")
        await trader.post("/api/orders", order, Accepted)
        resting = OrderRequest(symbol="BTC/USDT", side="buy", quantity="0.01", limit="50000")
        placed = await trader.post("/api/orders", resting, Accepted)
        async for message in stream:
            mirror.apply(message)
            row = mirror.orders.get(placed.orders[0].order_id)
            if mirror.positions and row is not None and row.status == "ACCEPTED":
                break
        begun = await trader.post("/api/kill", KillRequest(flatten=True), KillRecord)
        assert begun.state == "running"
        async for message in stream:
            mirror.apply(message)
            if mirror.summary is not None and mirror.summary.risk_state == "HALTED":
                break
        found = await trader.get_as("/api/kill", KillRecord)
        assert (found.state, found.problems) == ("done", ())
        assert set(found.steps.values()) == {"done"}
        assert (found.orders_open, found.positions_open, found.strategies_running) == (0, 0, 0)
        await trader.post("/api/stop", Who(), Accepted)
