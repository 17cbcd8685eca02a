"""A run's recorded inputs, fed again, give the same Steps; a difference is found and named."""

import sqlite3
from pathlib import Path

import pytest

from alphaforge.errors import DifferenceError, StoreError
from alphaforge.services.replay import replay
from alphaforge.services.session import RunPlan
from alphaforge.store.writer import Writer
from tests.services.running import (
    SECOND,
    SMA_CROSS,
    FakeClock,
    plan_in,
    play,
    strategy_file,
    trades_csv,
    url_in,
)

ZIGZAG = [(n / 4, 100 + (n % 40 if n % 80 < 40 else 40 - n % 40), 0.01) for n in range(400)]

SETS = ["timeframe=1s", "fast=2", "slow=5"]


async def short_run(folder: Path) -> RunPlan:
    plan = plan_in(folder, [SMA_CROSS], [trades_csv(folder, ZIGZAG)], sets=SETS)
    outcome = await play(plan)
    assert int(str(outcome.summary["fills"])) > 3
    return plan


async def test_a_recorded_day_gives_the_same_steps_again(tmp_path, data_file):
    data = data_file("binance_usdm_btcusdt_20240808.jsonl.gz")
    plan = plan_in(tmp_path, [SMA_CROSS], [data], sets=["timeframe=1s", "fast=5", "slow=20"])
    await play(plan)
    report = await replay(url_in(tmp_path), plan.record.run_id)
    assert report == (plan.record.run_id, 93_958, 19, None)


async def test_a_synthetic_run_gives_the_same_steps_again(tmp_path):
    clock = FakeClock()
    market_maker = strategy_file(
        tmp_path,
        """
symbol: str = "ETH/USDT"

def on_start(self):
    self.subscribe_quotes(self.symbol)
    self.timer("requote", 3)

def on_timer(self, name):
    self.cancel_all()
    last = self.last(self.symbol)
    if last:
        self.buy(self.symbol, "0.1", limit=last * 0.9999)
        self.sell(self.symbol, "0.1", limit=last * 1.0001)
""",
    )
    plan = plan_in(
        tmp_path, [SMA_CROSS, market_maker], sets=SETS, speed="20", account="margin", clock=clock
    )
    outcome = await play(plan._replace(duration_ns=6 * SECOND), clock)
    assert int(str(outcome.summary["fills"])) > 5
    report = await replay(url_in(tmp_path), plan.record.run_id)
    assert report.difference is None
    assert report.steps > 20


async def test_bars_of_several_symbols_give_the_same_steps_again(tmp_path, data_file):
    data = data_file("bitstamp_btc_eth_ltc_usd_1d.csv")
    plan = plan_in(tmp_path, [SMA_CROSS], [data], symbols=["BTC/USD", "ETH/USD"])
    await play(plan)
    report = await replay(url_in(tmp_path), plan.record.run_id)
    assert (report.difference, report.steps > 10) == (None, True)


async def test_a_changed_strategy_file_is_replayed_as_it_was(tmp_path):
    bot = tmp_path / "bot.py"
    bot.write_bytes(SMA_CROSS.read_bytes())
    plan = plan_in(tmp_path, [bot], [trades_csv(tmp_path, ZIGZAG)], sets=SETS)
    await play(plan)
    bot.write_text("raise SystemExit('not what ran')")
    assert (await replay(url_in(tmp_path), plan.record.run_id)).difference is None


async def test_an_interrupted_write_is_replayed_as_far_as_it_came(tmp_path):
    plan = await short_run(tmp_path)
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("DELETE FROM inputs WHERE kind = 'stop_session'")
    connection.close()
    report = await replay(url_in(tmp_path), plan.record.run_id)
    assert report.difference is None
    assert report.steps > 3


async def test_another_decision_is_a_difference_at_its_sequence(tmp_path):
    plan = await short_run(tmp_path)
    name = plan.record.run_id
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute(
            "UPDATE runs SET parameters = json_set(parameters, '$.sma_cross.slow', 6)"
        )
    connection.close()
    report = await replay(url_in(tmp_path), name)
    assert report.difference is not None
    assert report.difference.sequence > 1
    assert report.difference.journaled != report.difference.replayed


async def test_a_recording_that_was_changed_is_refused(tmp_path):
    plan = await short_run(tmp_path)
    trades_csv(tmp_path, ZIGZAG[:-1])
    with pytest.raises(DifferenceError, match=r"trades\.csv"):
        await replay(url_in(tmp_path), plan.record.run_id)


async def test_a_run_without_inputs_says_so(tmp_path):
    plan = plan_in(tmp_path, [SMA_CROSS], [trades_csv(tmp_path, ZIGZAG)])
    writer = Writer(url_in(tmp_path))
    writer.begin_run(plan.record)
    writer.close()
    with pytest.raises(StoreError, match="keeps no inputs"):
        await replay(url_in(tmp_path), plan.record.run_id)
