"""`[from, to)` of a recording: what is traded, and what the rows before it give as history."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from alphaforge.cli.main import main
from alphaforge.model.market import Bar, BarOpen, Trade
from alphaforge.research.window import Window

NOTES = """
import json
from alphaforge import Strategy

class Notes(Strategy):
    symbol: str = "BTC/USDT"
    timeframe: str = "1s"
    history: int = 0
    into: str = "notes.jsonl"

    def on_start(self):
        self.subscribe_bars(self.symbol, self.timeframe, history=self.history)
        self.notes = open(self.into, "w")

    def on_bar(self, bar):
        row = [bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.historical]
        self.notes.write(json.dumps(row) + "\\n")
        if bar.historical:
            self.buy(self.symbol, "0.01")

    def on_stop(self):
        self.notes.close()
"""
SECOND = 1_000_000_000


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[object]]]:
    """Backtest with the given flags; the bars that the strategy saw."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALPHAFORGE__STORE__URL", f"sqlite:///{tmp_path}/runs.db")
    (tmp_path / "notes.py").write_text(NOTES)

    def run(*flags: str) -> list[list[object]]:
        assert main(["backtest", "notes.py", *flags]) == 0
        lines = (tmp_path / "notes.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    return run


@pytest.mark.parametrize("kind", ["5s", "50-tick"])
def test_history_of_ticks_is_what_the_strategy_would_have_seen(
    noted: Callable[..., list[list[object]]], kind: str, data_file: Callable[[str], Path]
) -> None:
    data = ("--data", str(data_file("binance_spot_btcusdt_20240808.jsonl.gz")))
    whole = noted(*data, "--timeframe", kind)
    begin = 1_723_161_330 * SECOND
    part = noted(*data, "--timeframe", kind, "--from", str(begin), "--set", "history=10")
    past = [bar for bar in part if bar[-1]]
    assert [bar[:-1] for bar in past] == [bar[:-1] for bar in whole if bar[0] <= begin][-10:]
    assert len(past) == 10
    live = [bar[0] for bar in part if not bar[-1]]
    assert begin < min(live)
    if kind == "5s":  # bars of a count begin to count anew
        assert max(live) == whole[-1][0]


def test_orders_of_history_are_denied(
    noted: Callable[..., list[list[object]]],
    data_file: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = ("--data", str(data_file("binance_spot_btcusdt_20240808.jsonl.gz")))
    noted(*data, "--from", "2024-08-08T23:56", "--set", "history=3", "--json")
    assert json.loads(capsys.readouterr().out)["orders"] == 0
    main(["export", "orders"])
    lines = capsys.readouterr().out.splitlines()[1:]
    assert len(lines) == 3
    assert all("DENIED" in line and "historical" in line for line in lines)


def test_a_bar_belongs_to_its_open_time_and_everything_else_to_its_own() -> None:
    minute = 60
    batch = [
        Trade("A", 59, 1.0, 1.0),
        Trade("A", 60, 1.0, 1.0),
        Bar("A", "1m", 60, 0, 1.0, 1.0, 1.0, 1.0),
        BarOpen("A", 60, 1.0),
        Bar("A", "1m", 120, 60, 1.0, 1.0, 1.0, 1.0),
        BarOpen("A", 120, 1.0),
        Trade("A", 121, 1.0, 1.0),
    ]
    before: list[object] = []
    kept = list(Window(minute, 2 * minute).inside([batch, batch], before.append))
    assert kept == [[batch[1], batch[3], batch[4]]]
    assert before == [batch[0], batch[2]]
