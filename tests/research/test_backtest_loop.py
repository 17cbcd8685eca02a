"""The loop of a backtest leaves the process as it found it, and its result to the data alone."""

import gc
import os
import subprocess
import sys
from decimal import getcontext
from pathlib import Path

import pytest

from alphaforge.cli.main import main
from alphaforge.marketdata.generate import generate

FLIP = """
import gc
from alphaforge import Strategy

class Flip(Strategy):
    symbol: str = "BTC/USDT"
    timeframe: str = "1m"
    broken: bool = False

    def on_start(self):
        self.subscribe_bars(self.symbol, self.timeframe)

    def on_bar(self, bar):
        assert not gc.isenabled()
        assert not self.broken
        if not self.orders(self.symbol) and not self.close(self.symbol):
            self.buy(self.symbol, "0.01")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALPHAFORGE__STORE__URL", f"sqlite:///{tmp_path}/runs.db")
    generate(tmp_path / "bars.csv", kind="bars", rows=300, seed=1)
    (tmp_path / "flip.py").write_text(FLIP)
    return tmp_path


@pytest.mark.parametrize(("flags", "code"), [((), 0), (("--set", "broken=true"), 1)])
def test_garbage_collection_rests_while_it_runs_and_is_back_afterwards(
    folder: Path, flags: tuple[str, ...], code: int
) -> None:
    context = repr(getcontext())
    assert main(["backtest", "flip.py", "--data", "bars.csv", *flags]) == code
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert repr(getcontext()) == context


def test_the_fills_do_not_depend_on_the_hash_seed(folder: Path) -> None:
    texts = []
    for seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        outputs = [
            subprocess.run(
                [sys.executable, "-m", "alphaforge", *arguments],
                check=True,
                capture_output=True,
                text=True,
                env=environment,
            ).stdout
            for arguments in (["backtest", "flip.py", "--data", "bars.csv"], ["export", "fills"])
        ]
        run_id = outputs[0].split()[1]
        texts.append(outputs[1].replace(run_id, "ID"))
    assert texts[0] == texts[1]
    assert texts[0].count("\n") > 100
