"""Each shipped strategy is backtested as a user does it, on made bars and recorded markets."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alphaforge.cli.main import main

STRATEGIES = Path(__file__).parents[2] / "strategies"
Json = dict[str, Any]
Backtest = Callable[..., Json]


@pytest.fixture
def backtest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Backtest:
    """`alphaforge backtest NAME ... --json` in a folder of its own; gives the JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(name: str, *arguments: str) -> Json:
        code = main(["backtest", str(STRATEGIES / f"{name}.py"), *arguments, "--json"])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    return run


@pytest.fixture
def made_bars(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    file = tmp_path / "bars.csv"
    code = main(
        ["data", "generate", "--kind", "bars", "--rows", "600", "--seed", "3", "-o", str(file)]
    )
    capsys.readouterr()
    assert code == 0
    return file


def test_the_average_cross_trades_round_trips_on_bars(backtest: Backtest, made_bars: Path) -> None:
    report = backtest("sma_cross", "--data", str(made_bars), "--set", "fast=5", "--set", "slow=20")
    assert report["orders"] == report["fills"] > 2
    assert report["trades"] >= 1
    assert Decimal(report["final_equity"]) == 10_000 + Decimal(report["net_pnl"])


def test_a_breakout_waits_with_a_stop_and_protects_its_entry(
    backtest: Backtest, made_bars: Path
) -> None:
    report = backtest("momentum", "--data", str(made_bars), "--set", "channel=10")
    assert report["trades"] >= 1
    assert report["orders"] > report["fills"] > 0
    assert Decimal(report["fees"]) > 0


def test_the_market_maker_earns_its_spread_as_a_maker(
    backtest: Backtest, data_file: Callable[[str], Path]
) -> None:
    recorded = data_file("binance_usdm_btcusdt_20240808.jsonl.gz")
    report = backtest("market_maker", "--data", str(recorded))
    assert report["fills"] > 2
    assert report["fees"] == "0"
    assert report["trades"] >= 1


def test_the_market_maker_without_a_short_account_asks_for_what_it_holds(
    backtest: Backtest, data_file: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = data_file("binance_spot_btcusdt_20240809.jsonl.gz")
    report = backtest("market_maker", "--data", str(recorded), "--set", "spread_bps=0.5")
    assert report["fills"] >= 1
    assert main(["export", "fills", "--format", "json"]) == 0
    fills = json.loads(capsys.readouterr().out)
    held = Decimal(0)
    for fill in fills:
        held += Decimal(fill["quantity"]) * (1 if fill["side"] == "BUY" else -1)
        assert held >= 0


@pytest.mark.parametrize("name", ["sma_cross", "momentum", "market_maker"])
def test_a_shipped_strategy_passes_its_own_check(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["strategy", "check", str(STRATEGIES / f"{name}.py")]) == 0
    captured = capsys.readouterr()
    assert f"{name}.py is right" in captured.err
    assert "quantity" in captured.out
