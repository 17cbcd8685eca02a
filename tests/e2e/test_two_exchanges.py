"""`strategies/arbitrage.py` on two exchanges with different prices: wallets apart, one may go."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import (
    REPOSITORY,
    TRADING,
    Folder,
    Program,
    amounts,
    children_of,
    our_fills,
    their_fills,
    trades_on,
    until,
    wallet,
)

pytestmark = pytest.mark.slow

VENUES = """
[venues.a]
kind = "local"
seed = 1
speed = 200
cash = "10000 USDT, 1 BTC"

[venues.b]
kind = "local"
seed = 2
speed = 200
cash = "10000 USDT, 1 BTC"

[strategies.arbitrage]
min_edge_bps = 1.0
max_moved = "0.5"
"""
ARBITRAGE = str(REPOSITORY / "strategies" / "arbitrage.py")
SANDBOX = ("--mode", "sandbox", "--headless", "--json")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "here")
    made.configure(VENUES)
    return made


def assert_wallets_are_apart(folder: Folder, summary: dict[str, Any]) -> None:
    """Each exchange's fills and money are what the run has booked at that venue."""
    fills, money = folder.rows("fills"), amounts(summary["cash"])
    for venue in ("a", "b"):
        books = folder.books(summary["run_id"], venue)
        ours = our_fills([row for row in fills if row["venue"] == venue])
        assert ours == their_fills(books)
        assert ours
        kept = {f"{name}@{venue}": amount for name, amount in wallet(books).items()}
        assert kept == {name: each for name, each in money.items() if name.endswith(f"@{venue}")}
    assert {name.partition("@")[2] for name in money} == {"a", "b"}
    assert summary["fills"] == len(fills)
    assert summary["orders_in_doubt"] == 0


def test_two_exchanges_with_different_prices_are_traded_with_a_wallet_each(folder: Folder) -> None:
    ended = folder.run("run", ARBITRAGE, *SANDBOX, "--for", "5s")
    assert ended.code == 0, ended.err
    assert_wallets_are_apart(folder, ended.json)
    tags = {row["strategy"] for row in folder.rows("orders")}
    assert tags == {"arbitrage"}


def test_an_exchange_that_stands_still_holds_its_own_instruments_alone_and_comes_back(
    folder: Folder,
) -> None:
    symbols = trades_on("BTC/USDT@a", "BTC/USDT@b")
    with folder.running("run", "busy.py", *SANDBOX, *symbols) as program:
        program.until(TRADING)
        until(lambda: min(fills_at(folder).values()) > 2, "fills on both exchanges")
        other = exchange_of(program, "b")
        os.kill(other, signal.SIGSTOP)
        at_first, before = fills_at(folder), denied_at(folder, "b")
        until(
            lambda: denied_at(folder, "b") > before + 1, "denials while the exchange stands still"
        )
        meanwhile = fills_at(folder)
        assert meanwhile["a"] > at_first["a"]
        os.kill(other, signal.SIGCONT)
        until(lambda: fills_at(folder)["b"] > meanwhile["b"] + 2, "fills after it came back")
        program.send(signal.SIGINT)
        ended = program.ended()
    assert ended.code == 130, ended.err
    assert_wallets_are_apart(folder, ended.json)


def exchange_of(program: Program, venue: str) -> int:
    """The process of one of the exchanges that a run has started."""
    for child in children_of(program.process.pid):
        if f"{venue}.state" in Path(f"/proc/{child}/cmdline").read_text():
            return child
    raise AssertionError(venue)


def fills_at(folder: Folder) -> Counter[str]:
    """How many fills are booked, by venue."""
    found = Counter({"a": 0, "b": 0})
    found.update(row["venue"] for row in folder.rows("fills"))
    return found


def denied_at(folder: Folder, venue: str) -> int:
    """How many orders for a venue never left."""
    rows = folder.rows("orders")
    return sum(row["status"] == "DENIED" and row["venue"] == venue for row in rows)
