"""`alphaforge reconcile`: asks the engine that runs, shows what it found, says when none runs."""

import signal
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from alphaforge.store.records import Difference, ReconciliationRecord
from alphaforge.store.writer import Writer
from tests.fake_venue.admin import Admin, serving
from tests.killtest.process import Life
from tests.store.stories import record

RUN = record().run_id


def store_of(folder: Path) -> Path:
    (folder / "data").mkdir(exist_ok=True)
    return folder / "data" / "alphaforge.db"


@pytest.fixture
def compared(folder: Path) -> None:
    """A run that found a difference the last time it looked."""
    writer = Writer(f"sqlite:///{store_of(folder)}")
    writer.begin_run(record())
    found = Difference("balance", "USDT", "100.00000001", "90", "a withdrawal, maybe")
    writer.append_reconciliation(
        ReconciliationRecord(
            run_id=RUN, sequence=7, ts=1_000_000_000, reason="minute", seconds=0.25,
            orders_checked=3, differences=(found,),
        )
    )  # fmt: skip
    writer.close()


@pytest.fixture
def nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of its own: no lease is held in it."""
    monkeypatch.setenv("ALPHAFORGE_STATE_DIR", str(folder / "state"))
    return folder / "state"


def test_without_a_running_engine_it_exits_8_and_says_what_can_be_seen(run, nobody) -> None:
    ended = run("reconcile")
    assert ended.code == 8
    assert "no engine is running" in ended.err
    assert "alphaforge reconcile --last --explain" in ended.err


def test_the_last_difference_is_shown_with_both_figures_and_its_cause(
    run, nobody, compared
) -> None:
    ended = run("reconcile", "--last", "--explain")
    assert ended.code == 10
    assert "balance\tUSDT\t100.00000001\t90\ta withdrawal, maybe" in ended.out.splitlines()
    told = run("reconcile", "--last", "--json").json
    assert (told["reason"], told["orders_checked"], len(told["differences"])) == ("minute", 3, 1)


def test_a_run_with_simulated_orders_was_never_compared(run, nobody, folder) -> None:
    writer = Writer(f"sqlite:///{store_of(folder)}")
    writer.begin_run(record())
    writer.close()
    ended = run("reconcile", "--run", RUN)
    assert (ended.code, "its orders were simulated" in ended.err) == (7, True)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Admin]:
    with serving(tmp_path / "venue.sock", "--seed", "4") as admin:
        yield admin


@pytest.fixture
def engine(folder: Path, nobody: Path, venue: Admin, tmp_path: Path) -> Iterator[Life]:
    """An engine in a process of its own, certain of its venue."""
    arguments = [
        "--socket", str(tmp_path / "venue.sock"), "--account", "main", "--seed", "3",
        "--store", str(store_of(folder)), "--state", str(nobody / "leases"),
    ]  # fmt: skip
    life = Life(arguments, tmp_path / "errors.txt")
    assert life.hear(lambda line: "certain" in line, 30), life.errors
    yield life
    life.bury()


@pytest.mark.slow
def test_a_running_engine_compares_its_books_when_it_is_asked(run, folder, engine) -> None:
    told = run("reconcile", "--json").json
    assert told["reason"] == "asked"
    assert told["run_id"] == engine.run_id
    with sqlite3.connect(store_of(folder)) as database:
        kept = database.execute("SELECT count(*) FROM reconciliations").fetchone()[0]
    assert kept >= 2  # its start, and this one


@pytest.mark.slow
def test_money_that_moved_without_a_trade_is_a_difference_when_it_stays(run, venue, engine) -> None:
    engine.send(signal.SIGUSR1)  # its strategies rest, so that nothing else moves
    assert engine.hear(lambda line: not line.get("status", {}).get("unsettled", ["?"]), 30)
    venue.deposit("main", "USDT", Decimal(1000))
    assert run("reconcile").code == 0  # an answer may be old: once is no difference yet
    assert any(run("reconcile").code == 10 for _ in range(30))
    shown = run("reconcile", "--last", "--json").json["differences"][0]
    assert (shown["kind"], shown["subject"]) == ("balance", "USDT")
    assert Decimal(shown["theirs"]) - Decimal(shown["ours"]) == 1000
