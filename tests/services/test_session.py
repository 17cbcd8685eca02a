"""A run from start to end: what it feeds, when it stops, what it leaves in the store."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from alphaforge.errors import StoreError, UsageError
from alphaforge.model.market import Trade
from alphaforge.services import writer_thread
from alphaforge.services.stopping import Reason, StopRequest, StuckError
from alphaforge.store.database import Durability
from alphaforge.store.records import RunStatus
from alphaforge.store.writer import Writer
from tests.services.running import (
    SECOND,
    SMA_CROSS,
    START,
    FakeClock,
    Notes,
    plan_in,
    play,
    strategy_file,
    trades_csv,
    url_in,
)

BUYER = """
symbol: str = "BTC/USDT"

def on_start(self):
    self.subscribe_trades(self.symbol)

def on_trade(self, trade):
    if not self.position(self.symbol).quantity and not self.orders():
        self.buy(self.symbol, "0.5")
"""

RISING = [(0.5 + n, 100 + n, 0.5) for n in range(130)]


def stored(folder: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(url_in(folder).removeprefix("sqlite:///"))
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def test_a_recording_is_traded_to_its_end_and_everything_is_stored(tmp_path):
    plan = plan_in(tmp_path, [strategy_file(tmp_path, BUYER)], [trades_csv(tmp_path, RISING)])
    outcome = await play(plan)
    summary = outcome.summary
    assert (outcome.status, outcome.error) == (RunStatus.FINISHED, None)
    assert (summary["trades_seen"], summary["fills"], summary["orders_filled"]) == (130, 1, 1)
    assert stored(tmp_path, "SELECT status, error FROM runs") == [("finished", "")]
    assert stored(tmp_path, "SELECT kind FROM inputs ORDER BY sequence") == [
        ("start_session",),
        ("stop_session",),
    ]
    fees = stored(tmp_path, "SELECT fee FROM fills")
    assert sum(Decimal(fee) for (fee,) in fees) == Decimal(summary["fees"])
    assert stored(tmp_path, "SELECT quantity FROM positions") == [("0.5",)]


async def test_a_recording_is_journaled_by_reference_only(tmp_path):
    data = trades_csv(tmp_path, RISING)
    plan = plan_in(tmp_path, [strategy_file(tmp_path, BUYER)], [data])
    await play(plan)
    assert stored(tmp_path, "SELECT count(*) FROM recording_blocks") == [(0,)]
    assert [source.path for source in plan.record.data] == [str(data)]
    assert len(plan.record.data[0].fingerprint) == 64


async def test_the_summary_adds_up_exactly(tmp_path):
    plan = plan_in(
        tmp_path,
        [strategy_file(tmp_path, BUYER)],
        [trades_csv(tmp_path, RISING)],
        cash="1000 USDT, 0.1 BTC",
    )
    summary = (await play(plan)).summary
    money = {
        name: Decimal(str(summary[name]))
        for name in ("equity", "start_equity", "realized_pnl", "unrealized_pnl", "fees")
    }
    assert money["start_equity"] == Decimal(1010)  # 0.1 BTC at the first price ever seen, 100
    assert money["equity"] == (
        money["start_equity"] + money["realized_pnl"] + money["unrealized_pnl"] - money["fees"]
    )
    cash = {currency: Decimal(amount) for currency, amount in summary["cash"].items()}
    assert money["equity"] == cash["USDT"] + cash["BTC"] * 229


async def test_the_summary_has_exactly_the_public_keys_in_the_public_order(tmp_path):
    plan = plan_in(tmp_path, [strategy_file(tmp_path, BUYER)], [trades_csv(tmp_path, RISING)])
    keys = """
        run_id mode venue strategies seconds trades_seen orders_submitted orders_filled
        orders_canceled orders_expired orders_rejected orders_absent orders_open orders_in_doubt
        orders_denied fills fees realized_pnl unrealized_pnl equity latency_us_p50 latency_us_p99
        bars late rejected_by_reason start_equity cash fees_by_currency
    """
    assert list((await play(plan)).summary) == keys.split()


async def test_equity_is_sampled_at_start_fill_each_minute_and_end(tmp_path):
    plan = plan_in(tmp_path, [strategy_file(tmp_path, BUYER)], [trades_csv(tmp_path, RISING)])
    await play(plan)
    samples = stored(tmp_path, "SELECT ts, equity FROM equity ORDER BY sequence, position")
    minute = START // (60 * SECOND) * 60 * SECOND + 60 * SECOND
    assert [ts for ts, _ in samples] == [
        START + SECOND // 2,  # the start, and the fill in the first event
        START + SECOND // 2,
        minute,
        minute + 60 * SECOND,
        START + 129 * SECOND + SECOND // 2,
    ]
    assert samples[0][1] == "10000"
    assert Decimal(str(samples[-1][1])) == Decimal(10_000) + Decimal("0.5") * 129 - Decimal("0.05")


async def test_for_counts_engine_time_on_a_recording(tmp_path):
    plan = plan_in(tmp_path, [strategy_file(tmp_path, BUYER)], [trades_csv(tmp_path, RISING)])
    outcome = await play(plan._replace(duration_ns=10 * SECOND))
    assert outcome.summary["trades_seen"] == 10
    stopped = stored(tmp_path, "SELECT ts FROM inputs WHERE kind = 'stop_session'")
    assert stopped == [(START + SECOND // 2 + 10 * SECOND,)]


async def test_a_speed_paces_engine_time(tmp_path):
    clock = FakeClock()
    data = trades_csv(tmp_path, RISING)
    plan = plan_in(tmp_path, [strategy_file(tmp_path, BUYER)], [data], speed="10", clock=clock)
    notes = Notes()
    outcome = await play(plan, clock, notes=notes)
    assert outcome.summary["trades_seen"] == 130
    assert outcome.summary["seconds"] == pytest.approx(12.9, abs=0.1)
    first = notes.statuses[0]
    assert first.trades == 3  # after a quarter of a second, at ten times the speed


async def test_the_synthetic_market_serves_history_and_is_recorded(tmp_path):
    clock = FakeClock()
    plan = plan_in(
        tmp_path, [SMA_CROSS], sets=["timeframe=1s", "fast=5", "slow=20"], speed="1", clock=clock
    )
    plan = plan._replace(duration_ns=20 * SECOND)
    outcome = await play(plan, clock)
    assert int(str(outcome.summary["fills"])) >= 1
    assert outcome.summary["seconds"] == pytest.approx(20, abs=0.2)
    kinds = [kind for (kind,) in stored(tmp_path, "SELECT kind FROM inputs ORDER BY sequence")]
    assert kinds == ["start_session", "history_bars", "stop_session"]
    recorded = stored(
        tmp_path, "SELECT min(sequence), max(last_sequence), sum(count) FROM recording_blocks"
    )
    (stop,) = stored(tmp_path, "SELECT sequence FROM inputs WHERE kind = 'stop_session'")
    assert recorded == [(3, int(str(stop[0])) - 1, int(str(stop[0])) - 3)]


async def test_each_strategy_gets_as_much_past_as_it_asked_for_and_once(tmp_path):
    body = """
symbol: str = "BTC/USDT"
past: int = 3

def on_start(self):
    self.seen = 0
    self.subscribe_bars(self.symbol, "1s", history=self.past)

def on_bar(self, bar):
    self.seen += bar.historical
    self.log(self.seen)
"""
    files = [strategy_file(tmp_path, body, name) for name in ("bot", "other", "none")]
    clock, notes = FakeClock(), Notes()
    sets = ["other.past=5", "none.past=0"]
    plan = plan_in(tmp_path, files, sets=sets, speed="1", clock=clock)
    await play(plan._replace(duration_ns=SECOND // 2), clock, notes=notes)
    said = [(alert.strategy, alert.message) for alert in notes.alerts]
    expected = [("bot", str(n)) for n in (1, 2, 3)] + [("other", str(n)) for n in (1, 2, 3, 4, 5)]
    assert said == expected


async def test_a_symbol_that_does_not_exist_is_a_usage_error_and_leaves_no_run(tmp_path):
    plan = plan_in(
        tmp_path,
        [strategy_file(tmp_path, BUYER)],
        [trades_csv(tmp_path, RISING)],
        sets=["symbol=DOGE/EUR"],
        symbols=["BTC/USDT"],
    )
    with pytest.raises(UsageError, match="DOGE/EUR"):
        await play(plan)
    assert not (tmp_path / "runs.db").exists()


async def test_the_only_strategy_failing_ends_the_run_with_the_users_line(tmp_path):
    body = BUYER + '    if trade.price > 110:\n        raise ValueError("too dear")\n'
    notes = Notes()
    plan = plan_in(tmp_path, [strategy_file(tmp_path, body)], [trades_csv(tmp_path, RISING)])
    outcome = await play(plan, notes=notes)
    assert outcome.status is RunStatus.FAILED
    assert "too dear" in str(outcome.error)
    assert "bot.py, line 14" in str(outcome.error)
    assert outcome.summary["trades_seen"] == 12  # nobody is left to trade for
    assert [alert.code for alert in notes.alerts] == ["strategy-error"]
    ((status, error),) = stored(tmp_path, "SELECT status, error FROM runs")
    assert (status, "too dear" in str(error)) == ("failed", True)


async def test_one_of_two_strategies_failing_leaves_the_other_trading(tmp_path):
    bad = strategy_file(tmp_path, BUYER + "    raise ValueError\n", "bad")
    good = strategy_file(tmp_path, BUYER, "good")
    notes = Notes()
    plan = plan_in(tmp_path, [bad, good], [trades_csv(tmp_path, RISING)])
    outcome = await play(plan, notes=notes)
    assert (outcome.status, outcome.error) == (RunStatus.FINISHED, None)
    assert outcome.summary["trades_seen"] == 130
    assert [alert.strategy for alert in notes.alerts] == ["bad"]


async def test_on_stop_may_still_trade(tmp_path):
    body = BUYER + "\ndef on_stop(self):\n    self.close(self.symbol)\n"
    plan = plan_in(tmp_path, [strategy_file(tmp_path, body)], [trades_csv(tmp_path, RISING)])
    summary = (await play(plan)).summary
    assert (summary["fills"], summary["unrealized_pnl"]) == (2, "0")


async def test_an_interruption_runs_on_stop_and_keeps_every_fill(tmp_path):
    clock, stop = FakeClock(), StopRequest()

    class Impatient(Notes):
        def status(self, status):
            super().status(status)
            stop.ask(Reason.INTERRUPTED)

    body = BUYER + '\ndef on_stop(self):\n    self.log("bye")\n'
    data = trades_csv(tmp_path, RISING)
    plan = plan_in(tmp_path, [strategy_file(tmp_path, body)], [data], speed="1", clock=clock)
    notes = Impatient()
    outcome = await play(plan, clock, stop, notes)
    assert outcome.status is RunStatus.INTERRUPTED
    assert [alert.message for alert in notes.alerts] == ["bye"]
    assert outcome.summary["trades_seen"] == 1
    assert stored(tmp_path, "SELECT count(*) FROM fills") == [(1,)]
    assert stored(tmp_path, "SELECT status FROM runs") == [("interrupted",)]


async def test_a_stop_asked_for_before_the_market_began_still_ends_in_order(tmp_path):
    stop = StopRequest()
    stop.ask(Reason.INTERRUPTED)
    plan = plan_in(tmp_path, [strategy_file(tmp_path, BUYER)], [trades_csv(tmp_path, RISING)])
    outcome = await play(plan, stop=stop)
    assert (outcome.status, outcome.summary["trades_seen"]) == (RunStatus.INTERRUPTED, 0)
    assert stored(tmp_path, "SELECT count(*) FROM inputs") == [(2,)]


async def test_a_callback_that_had_to_be_interrupted_is_not_called_again(tmp_path):
    body = (
        BUYER + "    if trade.price > 110:\n        raise STUCK\n\ndef on_stop(self):\n    1 / 0\n"
    )
    file = strategy_file(tmp_path, body)
    plan = plan_in(tmp_path, [file], [trades_csv(tmp_path, RISING)])
    strategy = plan.assembly.engine.strategies.runners["bot"].strategy
    type(strategy).on_trade.__globals__["STUCK"] = StuckError
    notes = Notes()
    outcome = await play(plan, notes=notes)
    assert (outcome.status, notes.alerts) == (RunStatus.INTERRUPTED, [])
    assert stored(tmp_path, "SELECT kind FROM inputs") == [("start_session",)]
    assert stored(tmp_path, "SELECT count(*) FROM fills") == [(1,)]


async def test_a_journal_that_cannot_be_written_stops_the_run(tmp_path, monkeypatch):
    def refuse(writer):
        raise StoreError("the disk is full")

    clock = FakeClock()
    plan = plan_in(tmp_path, [SMA_CROSS], speed="1", clock=clock)

    class Saboteur(Notes):
        def began(self, run):
            monkeypatch.setattr(Writer, "flush", refuse)

    with pytest.raises(StoreError, match="disk is full"):
        await play(plan, clock, notes=Saboteur())


async def test_a_fault_of_the_engine_marks_the_run_as_failed(tmp_path, monkeypatch):
    plan = plan_in(tmp_path, [strategy_file(tmp_path, BUYER)], [trades_csv(tmp_path, RISING)])

    process = plan.assembly.engine.process

    def broken(event):
        if isinstance(event, Trade):
            raise ZeroDivisionError("a fault of ours")
        return process(event)

    monkeypatch.setattr(plan.assembly.engine, "process", broken)
    with pytest.raises(ZeroDivisionError):
        await play(plan)
    assert stored(tmp_path, "SELECT status, error FROM runs") == [
        ("failed", "ZeroDivisionError('a fault of ours')")
    ]


async def test_several_symbols_make_one_instance_each(tmp_path, data_file):
    data = data_file("bitstamp_btc_eth_ltc_usd_1d.csv")
    plan = plan_in(
        tmp_path, [SMA_CROSS], [data], symbols=["BTC/USD", "ETH/USD"], sets=["sma_cross.fast=3"]
    )
    assert plan.assembly.parameters == {
        "sma_cross": _sma("BTC/USD", "1d", 3),
        "sma_cross-2": _sma("ETH/USD", "1d", 3),
    }
    outcome = await play(plan)
    traded = stored(tmp_path, "SELECT DISTINCT strategy, symbol FROM fills ORDER BY 1")
    assert traded == [("sma_cross", "BTC/USD"), ("sma_cross-2", "ETH/USD")]
    assert outcome.summary["strategies"] == ["sma_cross", "sma_cross-2"]


def _sma(symbol: str, timeframe: str, fast: int) -> dict[str, object]:
    return {
        "symbol": symbol,
        "timeframe": timeframe,
        "fast": fast,
        "slow": 30,
        "quantity": "0.01",
    }


@pytest.mark.parametrize("durability", ["process", "power"])
async def test_a_run_commits_as_the_store_s_durability_says(tmp_path, monkeypatch, durability):
    opened: list[str] = []

    def open_writer(url: str, *, durability: Durability) -> Writer:
        opened.append(durability)
        return Writer(url, durability=durability)

    monkeypatch.setattr(writer_thread, "Writer", open_writer)
    data = trades_csv(tmp_path, [(1, 100, 1)])
    settings = f'durability = "{durability}"\n'  # goes on with [store]
    await play(plan_in(tmp_path, [SMA_CROSS], [data], settings=settings))
    assert opened == [durability]
