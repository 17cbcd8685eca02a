"""`alphaforge run` from outside: recorded data, the synthetic market, bad input, exit codes."""

import json
import sqlite3
from decimal import Decimal

import pytest

from tests.services.running import SMA_CROSS, strategy_file, trades_csv

SMA = str(SMA_CROSS)
FIRST_RUN = ["--set", "timeframe=1s", "--set", "fast=5", "--set", "slow=20"]

ZIGZAG = [(n / 4, 100 + (n % 40 if n % 80 < 40 else 40 - n % 40), 0.01) for n in range(400)]


def rows(folder, query: str) -> list[tuple]:
    connection = sqlite3.connect(folder / "data" / "alphaforge.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_the_recorded_futures_day_is_seen_whole_and_adds_up(run, folder, data_file):
    data = data_file("binance_usdm_btcusdt_20240808.jsonl.gz")
    ended = run(
        *("run", SMA, "--mode", "paper", "--data", str(data), "--speed", "max", "--headless"),
        *(*FIRST_RUN, "--json"),
    )
    found = ended.json
    assert ended.code == 0
    assert (found["trades_seen"], found["bars"], found["late"]) == (21_313, 344, 7)
    assert (found["venue"], found["schema"]) == ("binanceusdm", 1)
    ends = ("filled", "canceled", "expired", "rejected", "absent", "open")
    assert found["orders_submitted"] == sum(found[f"orders_{end}"] for end in ends) > 0
    fees = [Decimal(fee) for (fee,) in rows(folder, "SELECT fee FROM fills")]
    assert (sum(fees), len(fees)) == (Decimal(found["fees"]), found["fills"])
    (held,) = rows(folder, "SELECT quantity, cost FROM positions")
    marked = (
        Decimal(found["cash"]["USDT"]) + Decimal(held[0]) * Decimal("61659.8") - Decimal(held[1])
    )
    assert Decimal(found["equity"]) == marked


def test_for_ends_a_recording_by_engine_time(run, folder):
    data = trades_csv(folder, ZIGZAG)
    ended = run("run", SMA, "--data", str(data), "--speed", "max", "--for", "10s", "--json")
    assert (ended.code, ended.json["trades_seen"]) == (0, 40)


def test_a_person_gets_the_summary_as_lines(run, folder):
    ended = run("run", SMA, "--data", str(trades_csv(folder, ZIGZAG)), "--speed", "max", *FIRST_RUN)
    assert ended.code == 0
    lines = dict(line.split("\t") for line in ended.out.splitlines())
    assert (lines["trades seen"], lines["bars"], lines["start equity"]) == ("400", "99", "10000")
    assert "recorded market" in ended.err


def test_the_synthetic_market_is_said_to_be_synthetic(run):
    ended = run("run", SMA, "--for", "300ms", "--speed", "50", "--seed", "3", *FIRST_RUN, "--json")
    assert ended.code == 0
    assert "synthetic market: random numbers (seed 3), no real prices" in ended.err
    assert ended.json["trades_seen"] > 10


def test_a_bad_line_is_named_and_skipped(run, folder):
    data = trades_csv(folder, ZIGZAG)
    lines = data.read_text().splitlines()
    lines[200] = "1700000050000000000,abc,0.01"
    data.write_text("\n".join(lines))
    ended = run("run", SMA, "--data", str(data), "--speed", "max", "--json")
    assert (ended.code, ended.json["trades_seen"]) == (0, 399)
    assert "trades.csv, line 201, column price" in ended.err


def test_strict_stops_at_a_bad_line(run, folder):
    data = trades_csv(folder, ZIGZAG)
    data.write_text(data.read_text() + "1700000150000000000,abc,0.01\n")
    ended = run("run", SMA, "--data", str(data), "--speed", "max", "--strict", "--json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.error["line"] == 402


def test_denied_orders_are_explained(run, folder):
    data = trades_csv(folder, ZIGZAG)
    ended = run("run", SMA, "--data", str(data), "--speed", "max", "--cash", "0.5", *FIRST_RUN)
    assert ended.code == 0
    assert "the first: BUY BTC/USDT:" in ended.err


def test_a_failing_strategy_still_gives_a_summary_and_exit_1(run, folder):
    bot = strategy_file(
        folder,
        "def on_start(self):\n    self.subscribe_trades('BTC/USDT')\n\n"
        "def on_trade(self, trade):\n    raise RuntimeError('boom')",
    )
    data = trades_csv(folder, ZIGZAG)
    ended = run(
        "run", str(bot), "--data", str(data), "--symbol", "BTC/USDT", "--speed", "max", "--json"
    )
    assert (ended.code, ended.json["trades_seen"]) == (1, 1)
    assert "boom" in ended.err
    assert "bot.py" in ended.err
    assert rows(folder, "SELECT status FROM runs") == [("failed",)]


BAD_INPUT = {
    "a missing strategy file": (["nowhere.py"], 7, "nowhere.py"),
    "a missing data file": ([SMA, "--data", "nowhere.csv"], 7, "nowhere.csv"),
    "an unknown parameter": ([SMA, "--set", "fats=5"], 2, "fast"),
    "a wrongly typed parameter": ([SMA, "--set", "fast=abc"], 2, "whole number"),
    "a duration without a unit it knows": ([SMA, "--for", "3 weeks"], 2, "--for"),
    "a speed of nothing": ([SMA, "--speed", "0"], 2, "above 0"),
    "a mode that is not released yet": ([SMA, "--mode", "live"], 6, "not released yet"),
    "a simulator's flag over a wire": ([SMA, "--mode", "sandbox", "--speed", "2"], 2, "--speed"),
    "a mode that does not exist": ([SMA, "--mode", "papr"], 2, "paper"),
    "a venue that does not exist": ([SMA, "--venue", "krakn"], 3, "krakn"),
    "cash that is no amount": ([SMA, "--cash", "lots"], 2, "balances"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_an_error_with_what_to_type_and_no_run(run, folder, case):
    arguments, code, hint = BAD_INPUT[case]
    ended = run("run", *arguments, "--json")
    assert (ended.code, ended.out) == (code, "")
    assert hint in json.dumps(ended.error)
    assert not (folder / "data" / "alphaforge.db").exists()


def test_an_empty_data_file_is_named(run, folder):
    (folder / "empty.csv").write_text("")
    ended = run("run", SMA, "--data", "empty.csv", "--json")
    assert (ended.code, ended.error["path"]) == (1, "empty.csv")


def test_an_unknown_symbol_lists_those_there_are(run, folder):
    data = trades_csv(folder, ZIGZAG)
    ended = run("run", SMA, "--data", str(data), "--symbol", "A/B", "--set", "symbol=C/D", "--json")
    assert ended.code == 2
    assert "A/B" in ended.error["fix"]


def test_a_database_that_cannot_be_written_is_an_error(run, folder):
    (folder / "data").write_text("a file where the folder should be")
    ended = run("run", SMA, "--data", str(trades_csv(folder, ZIGZAG)), "--speed", "max", "--json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.error["code"].startswith("AF-J")
