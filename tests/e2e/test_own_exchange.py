"""`run` with an exchange of its own: no network, no key, and its books equal to the last digit."""

import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.rig import (
    TRADING,
    Folder,
    Program,
    amounts,
    children_of,
    is_alive,
    our_fills,
    our_open_orders,
    their_fills,
    their_open_orders,
    until,
    wallet,
)

pytestmark = pytest.mark.slow

RUN = ("run", "busy.py", "--mode", "sandbox", "--venue", "local", "--headless", "--json")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "here")


@pytest.fixture
def trading(folder: Folder) -> Iterator[Program]:
    """A run that has begun to trade and goes on."""
    with folder.running(*RUN) as program:
        program.until(TRADING)
        yield program


def assert_books_are_equal(folder: Folder, summary: dict, venue: str) -> None:
    """Fills, money and working orders of the latest run are the exchange's own."""
    books, fills = folder.books(summary["run_id"], venue), folder.rows("fills")
    assert our_fills(fills) == their_fills(books)
    assert len(fills) == summary["fills"] == len(books["executions"])
    assert amounts(summary["cash"]) == wallet(books)
    assert our_open_orders(folder.rows("orders")) == their_open_orders(books)
    assert summary["orders_open"] == len(books["open_orders"])


def test_a_run_without_network_or_key_trades_and_its_books_equal_the_exchanges(
    folder: Folder,
) -> None:
    ended = folder.run(*RUN, "--for", "4s")
    assert ended.code == 0, ended.err
    summary = ended.json
    assert (summary["mode"], summary["venue"]) == ("sandbox", "local")
    assert summary["fills"] > 5
    assert summary["orders_open"] > 0
    assert summary["orders_in_doubt"] == summary["orders_rejected"] == 0
    assert_books_are_equal(folder, summary, "local")
    said = {name: Decimal(summary[name]) for name in ("realized_pnl", "unrealized_pnl", "fees")}
    gain = said["realized_pnl"] + said["unrealized_pnl"] - said["fees"]
    assert Decimal(summary["equity"]) == Decimal(summary["start_equity"]) + gain


def test_ctrl_c_ends_the_run_in_order_and_its_exchange_with_it(
    folder: Folder, trading: Program
) -> None:
    (exchange,) = children_of(trading.process.pid)
    trading.send(signal.SIGINT)
    ended = trading.ended()
    assert ended.code == 130, ended.err
    assert not is_alive(exchange)
    assert_books_are_equal(folder, ended.json, "local")


def test_ctrl_c_before_a_venue_has_answered_ends_at_once(folder: Folder) -> None:
    with folder.running(*RUN) as program:
        until(lambda: bool(children_of(program.process.pid)), "an exchange")
        (exchange,) = children_of(program.process.pid)
        program.send(signal.SIGINT)
        ended = program.ended()
    assert ended.code == 130
    assert "Traceback" not in ended.err
    assert not is_alive(exchange)


def test_the_exchange_ends_with_a_killed_run_and_both_go_on_under_its_id_with_equal_books(
    folder: Folder,
) -> None:
    with folder.running(*RUN) as program:
        program.until(TRADING)
        state = folder.path / "data" / "local" / "local.state"
        until(lambda: b"rests" in _journal(folder), "orders in the journal")
        until(state.exists, "the exchange's state")
        (exchange,) = children_of(program.process.pid)
        program.send(signal.SIGKILL)
        program.ended()
        until(lambda: not is_alive(exchange), "the end of the exchange")
        run_id = _run_id(program)
    ended = folder.run(*RUN, "--for", "4s")
    assert ended.code == 0, ended.err
    assert ended.json["run_id"] == run_id
    assert ended.json["orders_in_doubt"] == 0
    assert_books_are_equal(folder, ended.json, "local")
    (run,) = folder.here("runs", "list", "--json").json["runs"]
    assert run["run_id"] == run_id


def _journal(folder: Folder) -> bytes:
    files = folder.path.glob("data/alphaforge.db*")
    return b"".join(each.read_bytes() for each in files)


def _run_id(program: Program) -> str:
    """The run that a program said it began."""
    words = program.ended().err.split("run ")[1]
    return words.split(":")[0]
