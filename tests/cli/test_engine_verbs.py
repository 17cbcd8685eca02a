"""A detached engine, and every verb on it: from its start to its end, and what is left of it."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from alphaforge.cli.detaching import engine_arguments
from alphaforge.cli.main import main
from alphaforge.client import engines
from alphaforge.client.connection import Connection
from alphaforge.client.messages import Watch
from alphaforge.client.mirror import Mirror
from alphaforge.client.pages import newest
from alphaforge.client.records import OrderRow
from alphaforge.client.requests import Accepted, OrderRequest
from tests.cli.conftest import Ended
from tests.services.running import SMA_CROSS

REPOSITORY = Path(__file__).resolve().parents[2]
SETTINGS = """
[risk]
max_order_quantity = 2
max_order_value = 20000
max_position_value = 50000
max_open_orders = 50
price_collar_pct = 50
"""


class Place(NamedTuple):
    """Where an engine runs: its folder, and the environment it is reached by."""

    folder: Path
    environ: dict[str, str]

    def type(self, *words: str, code: int = 0) -> Ended:
        ended = self.attempt(*words)
        assert ended.code == code, ended.err
        return ended

    def attempt(self, *words: str) -> Ended:
        """In this process, where everything is loaded already."""
        out, err = StringIO(), StringIO()
        with (
            patch.dict(os.environ, self.environ, clear=True),
            chdir(self.folder),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main(list(words))
        return Ended(code, out.getvalue(), err.getvalue())

    def start(self, *words: str) -> dict[str, Any]:
        """A detached paper engine, with a price for its symbol."""
        market = ("--mode", "paper", "--venue", "synthetic", "--detach")
        started = self.json("run", str(SMA_CROSS), *market, *words)
        for _ in range(500):
            if not self.attempt("order", "buy", "BTC/USDT", "0.01", "--dry-run").code:
                return started
        raise AssertionError("there is no price")

    def json(self, *words: str, code: int = 0) -> Any:
        return self.type(*words, "--json", code=code).json


def place(folder: Path, runtime: str) -> Place:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ALPHAFORGE_")}
    (folder / "alphaforge.toml").write_text(SETTINGS)
    return Place(
        folder,
        {
            **kept,
            "PYTHONPATH": str(REPOSITORY),
            "ALPHAFORGE_RUNTIME_DIR": f"{runtime}/run",
            "ALPHAFORGE_STATE_DIR": f"{runtime}/state",
            "XDG_CONFIG_HOME": str(folder),
            "NO_COLOR": "1",
        },
    )


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A paper engine on the synthetic market whose strategy hardly ever trades."""
    with TemporaryDirectory(prefix="af-") as runtime:
        here = place(tmp_path_factory.mktemp("engine"), runtime)
        quiet = ("--set", "fast=500", "--set", "slow=1000")
        started = here.start(*quiet)
        try:
            yield here
        finally:
            if started["run_id"] in {each.run_id for each in engines.running(here.environ)}:
                os.kill(started["pid"], signal.SIGKILL)


def test_the_status_of_a_detached_engine_is_told(engine: Place) -> None:
    found = engine.json("status")
    assert (found["mode"], found["state"], found["risk_state"]) == ("paper", "TRADING", "ACTIVE")
    assert Path(f"/proc/{found['pid']}/cwd").readlink() == engine.folder
    lines = engine.type("status", "--plain").out.splitlines()
    assert f"run: {found['run_id']}" in lines
    assert all(": " in line for line in lines)


def test_an_engine_lives_in_a_session_of_its_own(engine: Place) -> None:
    pid = engine.json("status")["pid"]
    assert os.getsid(pid) == pid


def test_a_persons_order_goes_its_whole_way(engine: Place) -> None:
    bought = engine.json("order", "buy", "btcusdt", "0.01", "--tag", "test")["orders"][0]
    assert (bought["symbol"], bought["status"], bought["strategy"]) == (
        "BTC/USDT", "FILLED", "manual",
    )  # fmt: skip
    filled = engine.json("fills")["fills"]
    (fill,) = [each for each in filled if each["order_id"] == bought["order_id"]]
    assert (fill["quantity"], fill["liquidity"]) == ("0.01", "TAKER")
    held = engine.json("positions", "--strategy", "manual")["positions"]
    assert [each["symbol"] for each in held] == ["BTC/USDT"]
    assert "BTC" in engine.json("balance")["cash"]


def test_a_limit_order_rests_is_changed_and_canceled(engine: Place) -> None:
    price = float(engine.json("order", "buy", "BTC/USDT", "0.01", "--dry-run")["price"])
    order = engine.json("order", "buy", "BTC/USDT", "0.01", "--limit", f"{price * 0.8:.1f}")
    order_id = order["orders"][0]["order_id"]
    assert order_id in {each["order_id"] for each in engine.json("orders")["orders"]}
    changed = engine.json("order", "modify", order_id, "--limit", f"{price * 0.7:.1f}")
    assert changed["orders"][0]["limit"] == f"{price * 0.7:.1f}".removesuffix(".0")
    canceled = engine.json("order", "cancel", order_id)["orders"][0]
    assert canceled["status"] == "CANCELED"
    assert order_id not in {each["order_id"] for each in engine.json("orders")["orders"]}
    assert order_id in {each["order_id"] for each in engine.json("orders", "--all")["orders"]}


def test_a_dry_run_shows_each_limit_and_changes_nothing(engine: Place) -> None:
    before = engine.json("status")["orders_submitted"]
    denied = engine.json("order", "buy", "BTC/USDT", "3", "--dry-run", code=6)
    failed = {each["name"] for each in denied["checks"] if not each["passed"]}
    assert {"max_order_quantity", "max_order_value"} <= failed
    assert engine.json("status")["orders_submitted"] == before


def test_why_tells_the_checks_with_their_numbers_and_what_a_fill_did(engine: Place) -> None:
    order_id = engine.json("order", "buy", "BTC/USDT", "0.02")["orders"][0]["order_id"]
    life = engine.json("why", order_id)
    kinds = [line["what"] for line in life["lines"]]
    assert kinds[:3] == ["operator", "decision", "check"]
    assert {"sent", "venue", "fill"} <= set(kinds)
    told = [line["text"] for line in life["lines"]]
    assert "max_order_quantity: 0.02 of 2" in told
    assert any(text.startswith("max_open_orders: ") and " of 50" in text for text in told)
    assert any("position" in text and "→" in text for text in told)
    assert [fill["order_id"] for fill in life["fills"]] == [order_id]
    words = engine.type("why", order_id.removeprefix("o-").lstrip("0"))
    assert "manual's BUY of 0.02 BTC/USDT is FILLED" in words.err


def test_why_of_a_denied_order_gives_every_reason(engine: Place) -> None:
    refused = engine.type("order", "buy", "BTC/USDT", "3", "--limit", "30000", code=6)
    order_id = next(word for word in refused.err.split() if word.startswith("o-"))
    life = engine.json("why", order_id)
    assert life["order"]["status"] == "DENIED"
    assert any("above max_order_quantity 2" in line["text"] for line in life["lines"])


def test_why_of_an_order_that_is_not_there_exits_7(engine: Place) -> None:
    ended = engine.type("why", "o-999999", code=7)
    assert "there is no order" in ended.err


def test_pause_and_resume_say_who_asked(engine: Place) -> None:
    engine.type("pause")
    assert engine.json("status")["risk_state"] == "REDUCING"
    engine.type("resume")
    found = engine.json("status")
    assert (found["risk_state"], "cli" in found["risk_reason"]) == ("ACTIVE", True)
    assert engine.json("alerts", "list")["alerts"]


def test_the_limits_are_shown_with_what_is_used(engine: Place) -> None:
    limits = {each["name"]: each for each in engine.json("risk", "show")["limits"]}
    assert limits["max_order_quantity"]["limit"] == "2"


def test_the_log_is_shown_and_narrowed(engine: Place) -> None:
    assert "begins: sma_cross" in engine.type("logs").out
    assert engine.type("logs", "--grep", "no such words").out == ""
    assert engine.type("logs", "--level", "nope", code=2).err


def test_profit_by_symbol_is_the_sum_of_what_was_booked(engine: Place) -> None:
    engine.type("order", "buy", "BTC/USDT", "0.01")
    engine.type("pause")
    fills = len(engine.json("fills", "--limit", "1000")["fills"])
    for _ in range(100):  # the sums are of the store, which commits a moment later
        groups = engine.json("pnl", "--by", "symbol")["groups"]
        if [each["fills"] for each in groups] == [fills]:
            break
    engine.type("resume")
    assert [(each["key"], each["fills"]) for each in groups] == [("BTC/USDT", fills)]


async def test_a_mirror_of_a_running_engine_shows_an_order_from_its_decision_to_its_fill(
    engine: Place,
) -> None:
    (record,) = engines.running(engine.environ)
    mirror, order_id = Mirror(), ""
    async with asyncio.timeout(30), Connection(record) as connection:
        stream = connection.stream("all", Watch(symbol="BTC/USDT", kind="1m"))
        mirror.watching(Watch(symbol="BTC/USDT", kind="1m"))
        async for message in stream:
            again = mirror.apply(message)
            if again is not None:
                await stream.resend(again)
            if mirror.is_whole and not order_id:
                request = OrderRequest(symbol="BTC/USDT", side="BUY", quantity="0.01", who="test")
                answer = await connection.post("/api/orders", request, Accepted)
                order_id = answer.orders[0].order_id
            if (
                order_id
                and mirror.bars
                and any(each.order_id == order_id for each in mirror.fills.values())
            ):
                break
        await stream.close()
        orders = await newest(connection, "/api/live/orders", OrderRow, None)
    assert mirror.orders[order_id].status == "FILLED"
    assert mirror.summary is not None
    assert mirror.summary.run_id == record.run_id
    assert {order.order_id for order in orders} == set(mirror.orders)
    assert mirror.market["BTC/USDT"].last is not None


def test_an_engine_that_cannot_start_shows_why_and_its_exit_code(engine: Place) -> None:
    ended = engine.type("run", "nope.py", "--detach", code=7)
    assert "there is no strategy file" in ended.err
    assert "exit code 7" in ended.err


def test_an_engines_own_command_line_is_the_one_typed_without_a_terminal() -> None:
    typed = ["--config", "x.toml", "run", "a.py", "--detach", "--set", "n=1"]
    assert engine_arguments(typed) == [
        "--config", "x.toml", "run", "a.py", "--set", "n=1", "--headless"
    ]  # fmt: skip


def test_after_a_stop_the_lists_come_from_the_store(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="af-") as runtime:
        here = place(tmp_path, runtime)
        run_id = here.start()["run_id"]
        order_id = here.json("order", "buy", "BTC/USDT", "0.01")["orders"][0]["order_id"]
        here.json("order", "flatten")
        while_running = here.json("fills")["fills"]
        stopped = here.json("stop")
        assert stopped["message"] == f"run {run_id} has ended"
        assert here.type("status", code=8).err
        stored = here.json("fills", "--run", run_id)["fills"]
        assert stored[: len(while_running)] == while_running
        orders = here.json("orders", "--all", "--run", run_id)["orders"]
        assert order_id in {each["order_id"] for each in orders}
        trips = here.json("positions", "--closed", "--run", run_id)["closed_positions"]
        assert [each["quantity"] for each in trips if each["strategy"] == "manual"] == ["0.01"]
        assert here.json("pnl", "--run", run_id)["currency"] == "USDT"
        assert here.json("why", order_id, "--run", run_id)["order"]["status"] == "FILLED"
        assert "ends" in here.type("logs", "--run", run_id).out
        assert here.type("orders", "--run", "nope", code=7).err


def test_over_a_wire_an_order_is_answered_reconciled_and_killed(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="af-") as runtime:
        here = place(tmp_path, runtime)
        started = here.json("run", str(SMA_CROSS), "--detach", "--set", "fast=500", "--set",
                            "slow=1000")  # fmt: skip
        try:
            resting = here.json("order", "buy", "BTC/USDT", "0.01", "--limit", "45000")["orders"][0]
            assert (resting["status"], bool(resting["venue_order_id"])) == ("ACCEPTED", True)
            report = here.json("reconcile")
            assert (report["reason"], report["run_id"]) == ("asked", started["run_id"])
            life = here.json("why", resting["order_id"])
            (answer,) = [line for line in life["lines"] if line["what"] == "venue"]
            assert answer["after_ms"] > 0
            killed = here.json("kill", "--flatten", "--yes")
            assert (killed["state"], killed["orders_open"]) == ("done", 0)
            order = here.json("orders", "--all")["orders"][0]
            assert order["status"] == "CANCELED"
            assert here.attempt("order", "buy", "BTC/USDT", "0.01").code == 6
        finally:
            here.attempt("stop")
