"""The synthetic market: seeded, lively, on its grid; and the files generated from it."""

import gzip
import os
import subprocess
import sys
from decimal import Decimal
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import DataError, UsageError
from alphaforge.marketdata import open_dataset
from alphaforge.marketdata.generate import csv_lines, generate
from alphaforge.marketdata.synthetic import SyntheticMarket
from alphaforge.model.market import Bar, BarOpen, Quote, Trade

SECOND = 10**9


def first(market, count=2000):
    return list(islice(market.events(), count))


def test_the_same_seed_is_the_same_market_and_another_seed_is_not():
    assert first(SyntheticMarket(seed=3)) == first(SyntheticMarket(seed=3))
    assert first(SyntheticMarket(seed=3)) != first(SyntheticMarket(seed=4))


def test_the_market_does_not_depend_on_the_process():
    code = (
        "from itertools import islice; from alphaforge.marketdata.synthetic import *;"
        "print(list(islice(SyntheticMarket(('A/B', 'C/D'), 1).events(), 50)))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_a_symbol_is_the_same_whoever_else_is_there():
    alone = first(SyntheticMarket(("ETH/USDT",), 7), 300)
    together = [
        event
        for event in first(SyntheticMarket(("BTC/USDT", "ETH/USDT"), 7))
        if event.symbol == "ETH/USDT"
    ]
    assert together[:300] == alone


@given(st.integers(0, 10_000), st.sampled_from(["BTC/USDT", "XRP/USDT", "FOO/EUR", "SPY"]))
def test_events_are_in_order_uncrossed_and_on_the_grid(seed, symbol):
    market = SyntheticMarket((symbol,), seed)
    rules = market.instruments[symbol]
    events = first(market, 200)
    assert all(before.ts < after.ts for before, after in pairwise(events))
    for event in events:
        if isinstance(event, Quote):
            assert 0 < event.bid < event.ask
            prices, sizes = (event.bid, event.ask), (event.bid_size, event.ask_size)
        else:
            prices, sizes = (event.price,), (event.size,)
        assert all(Decimal(repr(price)) % rules.price_step == 0 for price in prices)
        assert all(size > 0 for size in sizes)
        assert all(Decimal(repr(size)) % rules.quantity_step == 0 for size in sizes)


def test_a_trade_prints_at_the_quote_before_it():
    for before, event in pairwise(first(SyntheticMarket())):
        if isinstance(event, Trade):
            assert isinstance(before, Quote)
            assert event.price == (before.ask if event.side == "BUY" else before.bid)


def closes_by_second(market, seconds):
    closes = {}
    for event in market.events():
        if event.ts >= market.start_ns + seconds * SECOND:
            return closes
        if isinstance(event, Trade):
            closes[(event.ts - market.start_ns) // SECOND] = event.price
    return closes


@pytest.mark.parametrize("seed", range(12))
def test_a_5_over_20_cross_on_seconds_buys_within_20_seconds_and_sells_within_two_minutes(seed):
    market = SyntheticMarket(seed=seed)
    closes = [bar.close for bar in market.history("BTC/USDT", "1s", 20)]
    held, trades = False, []
    for second, close in sorted(closes_by_second(market, 120).items()):
        closes.append(close)
        above = sum(closes[-5:]) / 5 > sum(closes[-20:]) / 20
        if above != held:
            held = above
            trades.append(second)
    assert trades[0] < 19
    assert len(trades) >= 2


def test_several_trades_come_every_second():
    events = [event for event in first(SyntheticMarket(), 4000) if isinstance(event, Trade)]
    seconds = (events[-1].ts - events[0].ts) / SECOND
    assert 3 < len(events) / seconds < 6


@pytest.mark.parametrize("kind", ["1s", "5m", "1h", "1d", "1m@quote"])
def test_history_ends_at_the_start_and_joins_without_holes(kind):
    market = SyntheticMarket(start_ns=1_704_067_261 * SECOND)
    bars = market.history("BTC/USDT", kind, 50)
    assert len(bars) == 50
    assert all(bar.historical and bar.kind == kind for bar in bars)
    assert all(before.ts == after.ts_open for before, after in pairwise(bars))
    assert bars[-1].ts <= market.start_ns < bars[-1].ts + bars[-1].ts - bars[-1].ts_open
    assert all(bar.low <= min(bar.open, bar.close) for bar in bars)
    assert all(bar.high >= max(bar.open, bar.close) for bar in bars)


@pytest.mark.parametrize("kind", ["100-tick", "10-volume", "", "m", "1x"])
def test_bars_that_are_not_of_time_have_no_past(kind):
    assert SyntheticMarket().history("BTC/USDT", kind, 5) == ()


@pytest.mark.parametrize(("kind", "made"), [("trades", {Trade}), ("bars", {Bar, BarOpen})])
def test_a_generated_file_is_read_back_whole(tmp_path, kind, made):
    path = tmp_path / "made.csv.gz"
    assert generate(path, symbol="ETH/USDT", kind=kind, rows=3000, seed=5) == 3000
    dataset = open_dataset(path, symbol="ETH/USDT")
    events = [event for batch in dataset.batches() for event in batch]
    assert {type(event) for event in events} == made
    assert (dataset.report.rows, dataset.report.bad_count) == (3000, 0)
    assert len(events) == 3000 * len(made)


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    one, two = tmp_path / "one.csv.gz", tmp_path / "two.csv.gz"
    for path in (one, two):
        generate(path, rows=500, seed=9)
    assert one.read_bytes() == two.read_bytes()
    assert gzip.decompress(one.read_bytes()).decode() == "".join(csv_lines(rows=500, seed=9))


def test_progress_is_told_and_no_draft_is_left(tmp_path):
    seen = []
    generate(tmp_path / "a.csv", rows=25_000, progress=seen.append)
    assert seen == [10_000, 20_000, 25_000]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_what_cannot_be_generated_or_written_is_said(tmp_path):
    with pytest.raises(UsageError, match="quotes"):
        generate(tmp_path / "a.csv", kind="quotes")
    with pytest.raises(UsageError, match="-1"):
        generate(tmp_path / "a.csv", rows=-1)
    with pytest.raises(DataError, match="cannot be written"):
        generate(tmp_path / "nowhere" / "a.csv", rows=1)
