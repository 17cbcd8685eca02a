"""`alphaforge runs`: what has run, from what, how it ended; and taking a run away."""

import hashlib
import sqlite3
from pathlib import Path

import pytest

from alphaforge.marketdata.generate import generate

FLIP = """
from alphaforge import Strategy

class Flip(Strategy):
    symbol: str = "BTC/USDT"
    timeframe: str = "1m"
    size: str = "0.01"

    def on_start(self):
        self.subscribe_bars(self.symbol, self.timeframe)

    def on_bar(self, bar):
        if not self.orders(self.symbol) and not self.close(self.symbol):
            self.buy(self.symbol, self.size)
"""


@pytest.fixture
def ids(run, folder: Path) -> list[str]:
    """Two runs, oldest first."""
    generate(folder / "bars.csv", kind="bars", rows=50, seed=3)
    (folder / "flip.py").write_text(FLIP)
    call = ("backtest", "flip.py", "--data", "bars.csv", "--json", "--seed", "9", "--set")
    return [run(*call, f"size={size}").json["run_id"] for size in ("0.01", "0.02")]


def test_list_shows_runs_newest_first(run, ids) -> None:
    lines = run("runs", "list").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ids[::-1]
    assert "finished" in lines[0]
    listed = run("runs", "list", "--json", "--limit", "1").json["runs"]
    assert [each["run_id"] for each in listed] == ids[1:]
    assert listed[0]["fills"] > 0
    assert isinstance(listed[0]["net_pnl"], str)


def test_list_of_nothing_is_empty_and_says_what_to_do(run) -> None:
    ended = run("runs", "list")
    assert (ended.code, ended.out) == (0, "")
    assert "alphaforge backtest" in ended.err
    assert run("runs", "list", "--json").json == {"schema": 1, "runs": []}


def test_show_says_from_what_a_run_was_made(run, folder, ids) -> None:
    facts = run("runs", "show", ids[0], "--json").json
    assert facts["run_id"] == ids[0]
    assert facts["seed"] == 9
    assert facts["mode"] == "backtest"
    assert facts["status"] == "finished"
    assert facts["parameters"]["flip"] == {"symbol": "BTC/USDT", "timeframe": "1m", "size": "0.01"}
    assert (
        facts["data"][0]["fingerprint"]
        == hashlib.sha256((folder / "bars.csv").read_bytes()).hexdigest()
    )
    assert facts["instruments"][0]["source"] == "data"
    assert facts["strategies"][0]["source"] == FLIP
    assert facts["summary"]["run_id"] == ids[0]
    assert facts["started"].endswith("Z")


def test_show_says_where_instrument_rules_came_from(run, folder, ids) -> None:
    (folder / "alphaforge.toml").write_text('[instruments."BTC/USDT"]\nprice_step = "0.5"\n')
    run("backtest", "flip.py", "--data", "bars.csv")
    lines = dict(line.split("\t") for line in run("runs", "show").out.splitlines())
    assert lines["instruments.BTC/USDT.source"] == "config"
    assert lines["instruments.BTC/USDT.price_step"] == "0.5"
    assert lines["parameters.flip.size"] == "0.01"
    assert "strategies.flip.source" not in lines


def test_an_unknown_run_is_not_found_and_the_nearest_are_named(run, ids) -> None:
    ended = run("runs", "show", ids[1][:-1] + "_")
    assert ended.code == 7
    assert ids[1] in ended.err
    assert run("runs", "rm", "nothing", "--yes").code == 7


def test_rm_takes_a_run_and_every_row_of_it(run, folder, ids) -> None:
    assert run("runs", "rm", ids[0], "--yes").code == 0
    assert [each["run_id"] for each in run("runs", "list", "--json").json["runs"]] == ids[1:]
    connection = sqlite3.connect(folder / "data" / "alphaforge.db")
    tables = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    with_runs = [
        name
        for name in tables
        if "run_id" in [column[1] for column in connection.execute(f"PRAGMA table_info({name})")]
    ]
    left = {
        row[0] for name in with_runs for row in connection.execute(f"SELECT run_id FROM {name}")
    }
    connection.close()
    assert len(with_runs) > 5
    assert left == {ids[1]}


def test_rm_asks_and_where_nobody_can_answer_it_wants_to_be_told(run, ids) -> None:
    ended = run("runs", "rm", ids[0])
    assert ended.code == 2
    assert "--yes" in ended.err
    assert len(run("runs", "list", "--json").json["runs"]) == 2


@pytest.mark.parametrize(("answer", "code", "left"), [(False, 1, 2), (True, 0, 1)])
def test_rm_on_a_terminal_asks_and_does_what_it_is_told(
    run, ids, monkeypatch: pytest.MonkeyPatch, answer: bool, code: int, left: int
) -> None:
    asked: list[str] = []

    def confirm(text: str, *, err: bool) -> bool:
        asked.append(text)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", confirm)
    assert run("runs", "rm", ids[0]).code == code
    assert ids[0] in asked[0]
    assert len(run("runs", "list", "--json").json["runs"]) == left


def killed(folder: Path, run_id: str) -> None:
    """As a process that was killed leaves its run."""
    with sqlite3.connect(next(folder.rglob("alphaforge.db"))) as database:
        database.execute("UPDATE runs SET status = 'running' WHERE run_id = ?", (run_id,))


def test_a_killed_run_is_closed_once_and_only_by_name(run, folder, ids) -> None:
    killed(folder, ids[0])
    assert run("runs", "close", ids[0], "--json").json == {"schema": 1, "closed": ids[0]}
    facts = run("runs", "show", ids[0], "--json").json
    assert (facts["status"], facts["error"]) == ("failed", "killed, and closed by hand")
    again = run("runs", "close", ids[0])
    assert (again.code, "is failed already" in again.err) == (2, True)


def test_a_run_whose_process_lives_is_neither_closed_nor_rebuilt(
    run, folder, ids, monkeypatch
) -> None:
    from alphaforge.services.lease import FileLease

    monkeypatch.setenv("ALPHAFORGE_STATE_DIR", str(folder / "state"))
    facts = run("runs", "show", ids[0], "--json").json
    killed(folder, ids[0])
    lease = FileLease.acquire(facts["venue"], facts["account"], steady_ns=lambda: 0)
    for verb in ("close", "rebuild"):
        ended = run("runs", verb, ids[0])
        assert (ended.code, "is running: process" in ended.err) == (2, True)
    lease.release()


def test_views_that_were_deleted_are_folded_again(run, folder) -> None:
    (folder / "flip.py").write_text(FLIP)
    generate(folder / "trades.csv", kind="trades", rows=400, seed=3)
    call = ("run", "flip.py", "--mode", "paper", "--data", "trades.csv", "--speed", "max")
    run_id = run(*call, "--headless", "--json", "--set", "timeframe=1s").json["run_id"]
    fills = run("export", "fills", "--run", run_id).out
    assert len(fills.splitlines()) > 2
    with sqlite3.connect(next(folder.rglob("alphaforge.db"))) as database:
        for table in ("fills", "orders", "positions"):
            database.execute(f"DELETE FROM {table}")
    assert len(run("export", "fills", "--run", run_id).out.splitlines()) == 1
    assert run("runs", "rebuild", run_id).code == 0
    assert run("export", "fills", "--run", run_id).out == fills
