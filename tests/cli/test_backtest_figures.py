"""The figures of a backtest, computed again from what it exports and from nothing else."""

import csv
import io
import math
import statistics
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import pytest

SWING = """
from alphaforge import Strategy

class Swing(Strategy):
    symbol: str = "BTC/USD"
    timeframe: str = "1d"

    def on_start(self):
        self.subscribe_bars(self.symbol, self.timeframe)
        self.seen = 0

    def on_bar(self, bar):
        self.seen += 1
        if self.seen % 7 == 3:
            self.buy(self.symbol, "0.1")
        elif self.seen % 7 == 6:
            self.sell(self.symbol, "0.15" if self.seen % 2 else "0.1")
        elif self.seen % 35 == 0:
            self.close(self.symbol)
"""


@pytest.fixture
def swing(run, folder, data_file):
    """The answer of one backtest with shorts and reversals on 1,246 days, its fills and equity."""
    (folder / "swing.py").write_text(SWING)
    data = str(data_file("btcusd_1d_2017_2020.csv"))
    ended = run("backtest", "swing.py", "--data", data, "--account", "margin", "--json")
    assert ended.code == 0, ended.err
    sheets = (run("export", sheet).out for sheet in ("fills", "equity"))
    return ended.json, *(list(csv.DictReader(io.StringIO(text))) for text in sheets)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp()


def test_returns_and_drawdown_are_those_of_the_equity(swing) -> None:
    answer, _, samples = swing
    equity = [float(row["equity"]) for row in samples]
    assert answer["return_pct"] == pytest.approx((equity[-1] / 10_000 - 1) * 100)
    peak, deepest = 10_000.0, 0.0
    for value in equity:
        peak = max(peak, value)
        deepest = max(deepest, (peak - value) / peak)
    assert answer["max_drawdown_pct"] == pytest.approx(deepest * 100)
    assert Decimal(answer["net_pnl"]) == Decimal(answer["final_equity"]) - 10_000


def test_sharpe_and_sortino_are_of_utc_day_returns(swing) -> None:
    answer, _, samples = swing
    # A bar from midnight to midnight ends in the day it is of.
    days: dict[int, float] = {}
    for row in samples[1:]:
        days[int((seconds(row["ts"]) - 1) // 86_400)] = float(row["equity"])
    closes = [10_000.0, *(days[day] for day in sorted(days))]
    returns = [after / before - 1 for before, after in pairwise(closes)]
    assert len(returns) > 1_200
    mean = statistics.fmean(returns)
    sharpe = mean / statistics.stdev(returns) * math.sqrt(365)
    downside = math.sqrt(statistics.fmean(min(value, 0.0) ** 2 for value in returns))
    assert answer["sharpe"] == pytest.approx(sharpe, rel=1e-6)
    assert answer["sortino"] == pytest.approx(mean / downside * math.sqrt(365), rel=1e-6)


def test_trades_are_round_trips_and_exposure_is_the_time_in_one(swing) -> None:
    answer, fills, samples = swing
    held = Decimal(0)
    cost = Decimal(0)  # of the round trip: cash out, fees included
    nets: list[Decimal] = []
    in_market, since = 0.0, 0.0
    for row in fills:
        signed = Decimal(row["quantity"]) * (1 if row["side"] == "BUY" else -1)
        price, fee, ts = Decimal(row["price"]), Decimal(row["fee"]), seconds(row["ts"])
        after = held + signed
        crosses = held * after < 0
        if not held:
            since = ts
        part = -held if crosses else signed
        cost += part * price + fee * part / signed
        if not after or crosses:
            nets.append(-cost)
            cost = (signed - part) * price + fee * (signed - part) / signed
        if not after:
            in_market += ts - since
        held = after
    if held:
        in_market += seconds(samples[-1]["ts"]) - since
    span = seconds(samples[-1]["ts"]) - seconds(samples[0]["ts"])
    wins = [net for net in nets if net > 0]
    losses = [net for net in nets if net < 0]
    assert answer["trades"] == len(nets) > 30
    assert answer["win_rate_pct"] == pytest.approx(100 * len(wins) / len(nets))
    assert answer["profit_factor"] == pytest.approx(float(sum(wins) / -sum(losses)))
    assert answer["exposure_pct"] == pytest.approx(100 * in_market / span)


def test_buy_and_hold_is_from_the_first_price_to_the_last(swing, data_file) -> None:
    answer, _, _ = swing
    with data_file("btcusd_1d_2017_2020.csv").open(encoding="utf-8-sig") as stream:
        rows = [
            {key.lower(): value for key, value in row.items()} for row in csv.DictReader(stream)
        ]
    first, last = float(rows[0]["open"]), float(rows[-1]["close"])
    assert answer["buy_and_hold_pct"] == pytest.approx((last / first - 1) * 100)
