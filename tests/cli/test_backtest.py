"""`alphaforge backtest`: what it answers, what it keeps, and what it says to bad input."""

import csv
import gzip
import io
import json
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from alphaforge.marketdata.generate import generate

KEYS = [
    *("schema", "run_id", "events", "seconds", "events_per_second", "orders", "fills", "trades"),
    *("win_rate_pct", "fees", "net_pnl", "final_equity", "return_pct", "max_drawdown_pct"),
    *("sharpe", "sortino", "profit_factor", "exposure_pct", "buy_and_hold_pct"),
]

CROSS = """
from alphaforge import Bar, Strategy
from alphaforge.indicators import SMA

class Cross(Strategy):
    symbol: str = "BTC/USDT"
    timeframe: str = "1m"
    fast: int = 5
    slow: int = 20

    def on_start(self):
        self.a, self.b = SMA(self.fast), SMA(self.slow)
        self.subscribe_bars(self.symbol, self.timeframe)

    def on_bar(self, bar):
        self.a.update(bar.close)
        self.b.update(bar.close)
        held = self.position(self.symbol).quantity
        if not self.b.ready or self.orders(self.symbol):
            return
        if self.a.value > self.b.value and not held:
            self.buy(self.symbol, "0.01")
        elif self.a.value < self.b.value and held:
            self.close(self.symbol)
"""

ONE_BUY = """
from alphaforge import Strategy

class OneBuy(Strategy):
    symbol: str = "BTC/USDT"
    timeframe: str = "1m"
    history: int = 0
    past: int = 0

    def on_start(self):
        self.warm = []
        self.subscribe_bars(self.symbol, self.timeframe, history=self.history)

    def on_bar(self, bar):
        if bar.historical:
            self.warm.append(bar.close)
        elif not self.position(self.symbol).quantity and not self.orders(self.symbol):
            self.buy(self.symbol, "0.001", tag="x")
            assert len(self.warm) == self.past, self.warm
"""

BARS = """\
timestamp,open,high,low,close,volume
2024-01-01T00:00:00Z,100.00,101.00,99.00,100.50,1.001
2024-01-01T00:01:00Z,101.00,102.00,100.00,101.50,1
2024-01-01T00:02:00Z,102.00,103.00,101.00,102.50,1
2024-01-01T00:03:00Z,103.00,104.00,102.00,103.50,1
"""


@pytest.fixture
def cross(folder: Path) -> str:
    (folder / "cross.py").write_text(CROSS)
    return "cross.py"


@pytest.fixture
def one_buy(folder: Path) -> str:
    (folder / "one_buy.py").write_text(ONE_BUY)
    (folder / "four.csv").write_text(BARS)
    return "one_buy.py"


@pytest.fixture
def bars(folder: Path) -> str:
    generate(folder / "bars.csv", kind="bars", rows=3_000, seed=7)
    return "bars.csv"


def fills(run: Callable, *more: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run("export", "fills", *more).out)))


def test_json_has_the_public_keys_in_order_and_money_as_text(run, cross, bars) -> None:
    ended = run("backtest", cross, "--data", bars, "--json")
    assert ended.code == 0
    answer = ended.json
    assert list(answer) == KEYS
    assert answer["events"] == 6_000
    assert answer["fills"] == len(fills(run)) > 20
    for key in ("fees", "net_pnl", "final_equity"):
        assert isinstance(answer[key], str)
        assert Decimal(answer[key]).is_finite()
    for key in ("win_rate_pct", "return_pct", "max_drawdown_pct", "exposure_pct"):
        assert isinstance(answer[key], float)


def test_what_is_undefined_is_null(run, one_buy) -> None:
    answer = run("backtest", one_buy, "--data", "four.csv", "--json").json
    assert answer["trades"] == 0
    undefined = ("win_rate_pct", "sharpe", "sortino", "profit_factor")
    assert [answer[key] for key in undefined] == [None] * 4


def test_fees_and_equity_are_those_of_the_exported_fills(run, cross, bars) -> None:
    answer = run("backtest", cross, "--data", bars, "--json").json
    rows = fills(run)
    assert Decimal(answer["fees"]) == sum(Decimal(row["fee"]) for row in rows)
    cash = held = Decimal(0)
    for row in rows:
        sign = 1 if row["side"] == "BUY" else -1
        cash -= sign * Decimal(row["value"]) + Decimal(row["fee"])
        held += sign * Decimal(row["quantity"])
    with Path(bars).open() as stream:
        last = Decimal(list(csv.DictReader(stream))[-1]["close"])
    assert Decimal(answer["final_equity"]) == 10_000 + cash + held * last
    samples = list(csv.DictReader(io.StringIO(run("export", "equity").out)))
    assert samples[-1]["equity"] == answer["final_equity"]
    assert Decimal(samples[0]["equity"]) == 10_000
    assert len(samples) >= 3_000


def test_the_same_command_twice_gives_the_same_fills(run, cross, bars) -> None:
    texts = []
    for _ in range(2):
        run_id = run("backtest", cross, "--data", bars, "--json").json["run_id"]
        texts.append(run("export", "fills", "--run", run_id).out.replace(run_id, "ID"))
    assert texts[0] == texts[1]
    assert texts[0].count("\n") > 20


def test_paper_at_full_speed_gives_the_same_fills(run, folder, data_file) -> None:
    path = str(data_file("binance_spot_btcusdt_20240808.jsonl.gz"))
    (folder / "cross.py").write_text(CROSS)
    common = ("cross.py", "--data", path, "--set", "timeframe=1s", "--json")
    paper = run("run", *common, "--mode", "paper", "--speed", "max", "--headless").json
    on_paper = fills(run)
    backtest = run("backtest", *common).json
    apart = ("run_id", "account")
    texts = [
        [{name: row[name] for name in row if name not in apart} for row in rows]
        for rows in (on_paper, fills(run))
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) > 10
    assert (backtest["fees"], backtest["final_equity"]) == (paper["fees"], paper["equity"])


def test_a_person_gets_a_table_and_the_way_to_the_fills(run, cross, bars) -> None:
    ended = run("backtest", cross, "--data", bars)
    figures = dict(line.split("\t") for line in ended.out.splitlines())
    assert list(figures) == KEYS[1:]
    assert figures["net_pnl"].endswith(" USDT")
    assert f"alphaforge export fills --run {figures['run_id']}" in ended.err
    assert ended.err.count("backtest ") <= 10


def test_market_orders_fill_at_the_next_open_or_at_the_close(run, one_buy) -> None:
    run("backtest", one_buy, "--data", "four.csv")
    at_open = fills(run)[0]
    assert (at_open["price"], at_open["ts"]) == ("101", "2024-01-01T00:01:00.000000000Z")
    run("backtest", one_buy, "--data", "four.csv", "--fill", "close")
    at_close = fills(run)[0]
    assert (at_close["price"], at_close["ts"]) == ("100.5", "2024-01-01T00:01:00.000000000Z")


def test_flags_set_the_account_and_its_costs(run, one_buy) -> None:
    flags = ("--cash", "5000", "--taker-bps", "25", "--slippage-bps", "100", "--json")
    answer = run("backtest", one_buy, "--data", "four.csv", *flags).json
    row = fills(run)[0]
    assert row["price"] == "102.1"  # 101 + 1 %, on the grid of 0.1, against the order
    assert Decimal(row["fee"]) == Decimal("0.001") * Decimal("102.1") * Decimal("0.0025")
    gain = Decimal("0.001") * (Decimal("103.5") - Decimal("102.1"))
    assert Decimal(answer["final_equity"]) == 5_000 + gain - Decimal(row["fee"])


def test_rows_before_from_are_history_and_to_is_excluded(run, one_buy) -> None:
    window = ("--from", "2024-01-01T00:02", "--to", "2024-01-01T00:04", "--json")
    more = ("--set", "history=5", "--set", "past=2")
    ended = run("backtest", one_buy, "--data", "four.csv", *window, *more)
    assert ended.code == 0, ended.err
    assert ended.json["events"] == 4
    assert fills(run)[0]["price"] == "103"
    asked = ("--from", "2024-01-01T00:02", "--set", "history=1", "--set", "past=1")
    assert run("backtest", one_buy, "--data", "four.csv", *asked).code == 0
    short = ("--from", "2024-01-01T00:00", "--to", "2024-01-01T00:02", "--json")
    assert run("backtest", one_buy, "--data", "four.csv", *short).json["events"] == 4


def test_history_of_a_higher_timeframe_is_built_from_the_rows_before(run, one_buy) -> None:
    window = ("--from", "2024-01-01T00:02", "--timeframe", "2m")
    ended = run("backtest", one_buy, "--data", "four.csv", *window, "--set", "history=9", "--set",
                "past=1")  # fmt: skip
    assert ended.code == 0, ended.err


def test_without_from_there_is_no_history(run, one_buy) -> None:
    assert run("backtest", one_buy, "--data", "four.csv", "--set", "history=9").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere.py", "--data", "four.csv"), 7, "there is no strategy file"),
        (("one_buy.py",), 2, "which data?"),
        (("one_buy.py", "--data", "nowhere.csv"), 7, "nowhere.csv"),
        (("one_buy.py", "--data", "four.csv", "--set", "histori=5"), 2, "histori"),
        (("one_buy.py", "--data", "four.csv", "--set", "history=many"), 2, "history"),
        (("one_buy.py", "--data", "four.csv", "--fill", "never"), 2, "next-open"),
        (("one_buy.py", "--data", "four.csv", "--cash", "lots"), 2, "balances like"),
        (("one_buy.py", "--data", "four.csv", "--leverage", "x"), 2, "leverage"),
        (("one_buy.py", "--data", "four.csv", "--from", "soon"), 2, "--from soon is no time"),
        (("one_buy.py", "--data", "four.csv", "--from", "2030", "--to", "2029"), 2, "--from"),
        (("one_buy.py", "--data", "four.csv", "--from", "2030-01-01"), 2, "no row of the data"),
        (("one_buy.py", "--data", "four.csv", "--report", "x.html"), 2, "--report cannot"),
        (("one_buy.py", "--data", "four.csv", "--timeframe", "1s"), 2, "1s"),
    ],
)
def test_bad_input_is_told_in_one_sentence(run, one_buy, arguments, code, words) -> None:
    ended = run("backtest", *arguments)
    assert ended.code == code, ended.err
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_bars_finer_than_the_data_name_both(run, one_buy) -> None:
    ended = run("backtest", one_buy, "--data", "four.csv", "--timeframe", "1s")
    assert "wants 1s bars" in ended.err
    assert "the data are 1m bars" in ended.err


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("x = 1\n", 1, "has no Strategy"),
        ("import not_there\n", 1, "not_there"),
        (CROSS + "\nclass Other(Strategy):\n    pass\n", 1, "Cross, Other"),
        (CROSS.replace("def on_bar", "async def on_bar"), 1, "async"),
        (CROSS.replace('"BTC/USDT"', '"ETH/USDT"') + "    symbol = None\n", 1, ""),
        (CROSS.replace("SMA(self.slow)", "SMA(self.slow).nonsense"), 1, "nonsense"),
        (CROSS.replace("self.a.update", "1 / 0; self.a.update"), 1, "ZeroDivisionError"),
    ],
)
def test_a_broken_strategy_shows_the_users_own_line(
    run, folder, bars, source: str, code: int, words: str
) -> None:
    (folder / "bad.py").write_text(source)
    ended = run("backtest", "bad.py", "--data", bars)
    assert ended.code == code, ended.err
    assert words in ended.err
    assert "bad.py" in ended.err
    assert "alphaforge/engine" not in ended.err


def test_a_callback_that_raises_is_told_with_file_and_line_and_the_run_is_kept_as_failed(
    run, folder, bars
) -> None:
    (folder / "bad.py").write_text(CROSS.replace("held = ", "held = 1 / 0 if self.b.ready else "))
    ended = run("backtest", "bad.py", "--data", bars, "--json")
    assert ended.code == 1
    assert ended.out == ""
    error = json.loads(ended.err.splitlines()[-1])["error"]
    line = CROSS[: CROSS.index("held = ")].count("\n") + 1
    assert (error["line"], Path(error["path"]).name) == (line, "bad.py")
    assert "ZeroDivisionError" in error["message"]
    record = run("runs", "show", "--json").json
    assert (record["status"], record["summary"]) == ("failed", None)
    assert "ZeroDivisionError" in record["error"]


def test_one_broken_instance_is_told_and_the_others_go_on(run, folder) -> None:
    (folder / "both.py").write_text(
        CROSS.replace("held = ", "assert self.symbol != 'ETH/EUR'\n        held = ")
    )
    for name, seed in (("btc.csv", 7), ("eth.csv", 8)):
        generate(folder / name, kind="bars", rows=500, seed=seed)
    data = ("--data", "btc.csv", "--data", "eth.csv")
    names = ("--symbol", "BTC/USDT", "--symbol", "ETH/EUR")
    ended = run("backtest", "both.py", *data, *names, "--json")
    assert ended.code == 0, ended.err
    assert ended.json["events"] == 2_000
    assert "strategy both-2 was stopped: " in ended.err
    assert "both.py, line 18: AssertionError" in ended.err
    assert {row["strategy"] for row in fills(run)} == {"both"}


def test_an_unknown_symbol_names_those_the_data_have(run, folder, bars) -> None:
    source = ONE_BUY.replace("self.subscribe_bars(self.symbol", 'self.subscribe_bars("ETH/USDT"')
    (folder / "other.py").write_text(source)
    ended = run("backtest", "other.py", "--data", bars)
    assert ended.code == 2
    assert "ETH/USDT" in ended.err
    assert "BTC/USDT" in ended.err


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", 1, "is empty"),
        ("timestamp,open,high,low,close,volume\n", 1, "holds no row"),
        ("a,b,c\n1,2,3\n", 1, "expected"),
    ],
)
def test_a_data_file_that_is_none_is_refused(run, one_buy, folder, content, code, words) -> None:
    (folder / "bad.csv").write_text(content)
    ended = run("backtest", one_buy, "--data", "bad.csv")
    assert ended.code == code, ended.err
    assert words in ended.err
    assert "bad.csv" in ended.err


def test_one_bad_line_is_counted_and_told_with_its_line(run, one_buy, folder) -> None:
    (folder / "bad.csv").write_text(BARS.replace("102.00,103.00", "102.00,many"))
    ended = run("backtest", one_buy, "--data", "bad.csv", "--json")
    assert ended.code == 0
    assert ended.json["events"] == 6
    assert "skipped: bad.csv, line 4, column high" in ended.err
    assert "line 4" in ended.err
    strict = run("backtest", one_buy, "--data", "bad.csv", "--strict")
    assert strict.code == 1
    assert "bad.csv:4" in strict.err
    assert "column high" in strict.err


def test_a_truncated_gzip_gives_its_whole_lines_and_says_so(run, cross, folder) -> None:
    generate(folder / "whole.csv", kind="bars", rows=3_000, seed=7)
    packed = gzip.compress((folder / "whole.csv").read_bytes())
    (folder / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    ended = run("backtest", cross, "--data", "cut.csv.gz", "--json")
    assert ended.code == 0, ended.err
    assert 0 < ended.json["events"] < 6_000
    assert "cut.csv.gz is not whole" in ended.err
    assert "cut.csv.gz" in ended.err
    assert run("backtest", cross, "--data", "cut.csv.gz", "--strict").code == 1


def test_bad_quantities_are_denied_with_the_numbers(run, folder) -> None:
    (folder / "four.csv").write_text(BARS)
    (folder / "odd.py").write_text(
        """
from alphaforge import Strategy

class Odd(Strategy):
    symbol: str = "BTC/USDT"
    timeframe: str = "1m"

    def on_start(self):
        self.subscribe_bars(self.symbol, self.timeframe)
        self.asked = False

    def on_bar(self, bar):
        if not self.asked:
            self.asked = True
            for quantity in (0, "-1", float("nan"), "many", "0.4"):
                self.buy(self.symbol, quantity)
            self.buy(self.symbol, "1.7")
            self.buy("DOGE/USDT", 1)
"""
    )
    (folder / "alphaforge.toml").write_text(
        '[instruments."BTC/USDT"]\nquantity_step = "0.5"\nmin_quantity = "0.5"\n'
    )
    assert run("backtest", "odd.py", "--data", "four.csv", "--json").json["fills"] == 1
    rows = list(csv.DictReader(io.StringIO(run("export", "orders").out)))
    assert [row["status"] for row in rows] == [*["DENIED"] * 5, "FILLED", "DENIED"]
    assert rows[5]["quantity"] == "1.5"
    assert all(row["reason"] for row in rows if row["status"] == "DENIED")
    assert "0.5" in rows[4]["reason"]
    assert "DOGE/USDT" in rows[6]["reason"]


def test_a_database_that_cannot_be_used_is_said_before_anything_runs(run, one_buy, folder) -> None:
    (folder / "alphaforge.toml").write_text('[store]\nurl = "sqlite:///notes.db"\n')
    (folder / "notes.db").write_text("this is no database, it is a note to myself\n" * 50)
    ended = run("backtest", one_buy, "--data", "four.csv")
    assert ended.code == 1
    assert "is not a database" in ended.err


def test_a_database_of_a_newer_program_is_refused(run, one_buy, folder) -> None:
    run("backtest", one_buy, "--data", "four.csv")
    connection = sqlite3.connect(folder / "data" / "alphaforge.db")
    with connection:
        connection.execute("UPDATE meta SET value = '9999' WHERE key = 'schema_version'")
    connection.close()
    ended = run("backtest", one_buy, "--data", "four.csv")
    assert ended.code == 1
    assert "9999" in ended.err
