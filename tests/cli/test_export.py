"""`alphaforge export`: rows of runs, streamed, filtered, in three formats."""

import csv
import io
import json
from pathlib import Path

import pytest

from alphaforge.marketdata.generate import generate

FILL_COLUMNS = (
    "run_id,ts,venue,account,symbol,strategy,order_id,venue_order_id,trade_id,side,quantity,price,"
    "value,fee,fee_currency,liquidity,realized_pnl"
)
ORDER_COLUMNS = (
    "run_id,ts,venue,account,symbol,strategy,order_id,client_order_id,venue_order_id,side,type,"
    "quantity,limit,stop,tif,status,filled,average_price,reason"
)
EQUITY_COLUMNS = "run_id,ts,equity,cash,unrealized_pnl"

FLIP = """
from alphaforge import Strategy

class Flip(Strategy):
    symbol: str = "BTC/USDT"
    timeframe: str = "1m"

    def on_start(self):
        self.subscribe_bars(self.symbol, self.timeframe)

    def on_bar(self, bar):
        if self.orders(self.symbol):
            return
        if not self.close(self.symbol):
            self.buy(self.symbol, "0.01")
"""

IDLE = "from alphaforge import Strategy\n\nclass Idle(Strategy):\n    pass\n"


@pytest.fixture
def traded(run, folder: Path) -> str:
    """The id of a run with fills; its data are 2,400 synthetic minutes from 2024-01-01."""
    generate(folder / "bars.csv", kind="bars", rows=2_400, seed=3)
    (folder / "flip.py").write_text(FLIP)
    return run("backtest", "flip.py", "--data", "bars.csv", "--json").json["run_id"]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("sheet", "columns"),
    [("fills", FILL_COLUMNS), ("orders", ORDER_COLUMNS), ("equity", EQUITY_COLUMNS)],
)
def test_columns_are_the_public_ones_in_order(run, traded, sheet: str, columns: str) -> None:
    ended = run("export", sheet)
    assert ended.code == 0
    assert ended.out.partition("\n")[0] == columns
    assert ended.out.count("\n") > 2_000
    assert "\r" not in ended.out


def test_positions_are_those_of_the_fills(run, traded) -> None:
    held = sum(
        (1 if row["side"] == "BUY" else -1) * int(float(row["quantity"]) * 100)
        for row in rows(run("export", "fills").out)
    )
    found = rows(run("export", "positions").out)
    assert [row["symbol"] for row in found] == ["BTC/USDT"]
    assert int(float(found[0]["quantity"]) * 100) == held
    assert int(found[0]["fills"]) == len(rows(run("export", "fills").out))


def test_json_and_json_lines_hold_the_same_rows(run, traded) -> None:
    as_list = json.loads(run("export", "fills", "--format", "json").out)
    as_lines = [
        json.loads(line) for line in run("export", "fills", "--format", "jsonl").out.splitlines()
    ]
    assert as_list == as_lines
    assert json.loads(run("export", "fills", "--json").out) == {"schema": 1, "fills": as_list}
    assert [list(row.values()) for row in as_list] == [
        list(row.values()) for row in rows(run("export", "fills").out)
    ]


def test_since_and_until_are_engine_time_and_until_is_excluded(run, traded) -> None:
    ts = [row["ts"] for row in rows(run("export", "fills").out)]
    cut = ("--since", ts[10], "--until", ts[20])
    assert [row["ts"] for row in rows(run("export", "fills", *cut).out)] == ts[10:20]
    assert rows(run("export", "fills", "--since", "7d").out) == []
    assert run("export", "fills", "--since", "yesterday").code == 2


def test_symbols_match_without_case_and_separators_and_strategies_by_name(run, traded) -> None:
    whole = run("export", "fills").out
    assert run("export", "fills", "--symbol", "btc-usdt", "--strategy", "flip").out == whole
    none = run("export", "fills", "--symbol", "ETH/USDT")
    assert (none.code, none.out) == (0, FILL_COLUMNS + "\n")
    assert "has no symbol ETH/USDT; it has BTC/USDT" in none.err
    other = run("export", "fills", "--strategy", "flop")
    assert (other.out, "it has flip" in other.err) == (FILL_COLUMNS + "\n", True)


def test_all_gives_every_run_oldest_first_and_run_names_one(run, folder, traded) -> None:
    second = run("backtest", "flip.py", "--data", "bars.csv", "--json").json["run_id"]
    seen = [row["run_id"] for row in rows(run("export", "fills", "--all").out)]
    assert list(dict.fromkeys(seen)) == [traded, second]
    assert {row["run_id"] for row in rows(run("export", "fills").out)} == {second}
    named = rows(run("export", "fills", "--run", traded).out)
    assert {row["run_id"] for row in named} == {traded}
    assert run("export", "fills", "--all", "--run", traded).code == 2


def test_no_fill_is_a_header_only(run, folder, traded) -> None:
    (folder / "idle.py").write_text(IDLE)
    run("backtest", "idle.py", "--data", "bars.csv", "--symbol", "BTC/USDT")
    assert run("export", "fills").out == FILL_COLUMNS + "\n"
    assert run("export", "fills", "--format", "jsonl").out == ""
    assert json.loads(run("export", "fills", "--format", "json").out) == []
    assert run("export", "fills", "--json").json["fills"] == []


def test_a_file_appears_whole_and_its_ending_names_the_format(run, folder, traded) -> None:
    assert run("export", "fills", "-o", "fills.csv").out == ""
    assert (folder / "fills.csv").read_text() == run("export", "fills").out
    run("export", "fills", "-o", "fills.jsonl")
    json.loads((folder / "fills.jsonl").read_text().splitlines()[0])
    assert sorted(path.name for path in folder.glob("*fills*")) == ["fills.csv", "fills.jsonl"]
    ended = run("export", "fills", "-o", "nowhere/fills.csv")
    assert ended.code == 1
    assert "nowhere/fills.csv" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fills", "--format", "parquet"), "csv, json or jsonl"),
        (("fills", "--format", "xlsx"), "csv, json or jsonl"),
        (("ledger",), "fills, orders, equity, positions"),
        (("filsl",), "did you mean fills?"),
    ],
)
def test_what_does_not_exist_is_a_usage_error_naming_what_does(run, arguments, words) -> None:
    ended = run("export", *arguments)
    assert ended.code == 2
    assert words in ended.err


def test_without_a_run_there_is_nothing_to_find(run) -> None:
    ended = run("export", "fills")
    assert (ended.code, ended.out) == (7, "")
    assert "backtest" in ended.err


def test_an_unknown_run_names_the_nearest(run, traded) -> None:
    ended = run("export", "fills", "--run", traded[:-1] + "_")
    assert ended.code == 7
    assert traded in ended.err
