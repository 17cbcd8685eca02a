"""QuantConnect LEAN files: scales, zones, carried sides, and every row of a recorded day."""

import math
import zipfile
from decimal import Decimal

import pytest

from alphaforge.errors import DataError
from alphaforge.marketdata import open_dataset
from alphaforge.marketdata.times import time_ns
from alphaforge.model.market import Bar, BarOpen, Quote, Trade


def lean(tmp_path, inner, text, outer="file.zip"):
    path = tmp_path / outer
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inner, text)
    return path


def read(path, **options):
    dataset = open_dataset(path, **options)
    return dataset, [event for batch in dataset.batches() for event in batch]


def test_the_recorded_spy_day_comes_out_whole(data_file):
    dataset, trades = read(data_file("spy_tick_20131008_trade.zip"))
    assert len(trades) == 451_545
    volume = sum(int(trade.size) for trade in trades)
    assert volume == 178_346_557
    value = math.fsum(trade.price * trade.size for trade in trades)
    assert round(value / volume, 6) == 166.395717
    assert (max(t.price for t in trades), min(t.price for t in trades)) == (167.72, 165.16)
    assert trades[0].ts == time_ns("2013-10-08T08:00:17.034Z")
    rules = dataset.instruments["SPY"]
    assert (rules.price_step, rules.quantity_step, rules.min_quantity) == (Decimal("0.01"), 1, 1)
    assert (rules.base, rules.quote, dataset.format) == ("SPY", "USD", "lean-trade-tick")


def test_equity_prices_are_the_exact_quotient(tmp_path):
    text = "34200000,1674250,100,Q,0,0\n34200001,1674249,100,Q,0,1\n"
    _, trades = read(lean(tmp_path, "20131008_spy_Trade_Tick.csv", text))
    assert [trade.price for trade in trades] == [167.425, 167.4249]


def test_a_side_of_zero_is_unchanged_and_nothing_comes_before_both_are_known(tmp_path):
    text = "1000,0,0,494100,300,Q,1,0\n2000,491800,200,0,0,P,1,0\n3000,0,0,494000,100,P,1,0\n"
    dataset, quotes = read(lean(tmp_path, "20131007_aig_Quote_Tick.csv", text))
    midnight = time_ns("2013-10-07T04:00:00Z")
    assert quotes == [
        Quote("AIG", midnight + 2 * 10**9, 49.18, 49.41, 200.0, 300.0),
        Quote("AIG", midnight + 3 * 10**9, 49.18, 49.40, 200.0, 100.0),
    ]
    assert dataset.report.rows == 3


def test_crypto_bars_have_plain_prices_in_utc(data_file):
    dataset, events = read(data_file("coinbase_btcusd_1m_20180404_trade.zip"))
    assert dataset.symbols == ("BTC/USD",)
    assert dataset.timeframe == "1m"
    midnight = time_ns("2018-04-04")
    assert events[0] == BarOpen("BTC/USD", midnight, 7424.91)
    assert events[1].ts == midnight + 60 * 10**9
    assert (dataset.report.rows, len(events)) == (1007, 2014)


def test_quote_bars_are_bars_of_the_mid_with_no_volume(tmp_path):
    text = "0,10,12,9,11,5,10.5,12.5,9.5,11.5,7\n60000,,,,,,11,12,10,11,7\n"
    dataset, events = read(lean(tmp_path, "20180404_btcusd_minute_quote.csv", text))
    midnight = time_ns("2018-04-04")
    end = midnight + 60 * 10**9
    bars = [event for event in events if isinstance(event, Bar)]
    assert bars[0] == Bar("BTC/USD", "1m", end, midnight, 10.25, 12.25, 9.25, 11.25, 0.0)
    assert bars[1].close == 11.0
    assert dataset.format == "lean-quote-bars"


def test_equity_days_begin_at_new_york_midnight(data_file):
    dataset, events = read(data_file("spy_1d.zip"))
    assert (dataset.symbols, dataset.timeframe, dataset.report.rows) == (("SPY",), "1d", 5849)
    assert events[0] == BarOpen("SPY", time_ns("1998-01-02T05:00:00Z"), 97.31)
    assert events[-1].ts_open == time_ns("2021-03-31T04:00:00Z")


def test_a_name_that_tells_the_resolution_wins_over_sparse_rows(data_file):
    dataset, _ = read(data_file("coinbase_btcusd_1s_20161007_trade.zip"))
    assert dataset.timeframe == "1s"


@pytest.mark.parametrize(
    ("name", "symbol", "timeframe", "rows"),
    [
        ("bitfinex_btcusd_1h_201310.zip", "BTC/USD", "1h", 733),
        ("coinbase_btcusd_1d_trade.zip", "BTC/USD", "1d", 1318),
        ("bybit_btcusdt_1m_20221213_quote.zip", "BTC/USDT", "1m", 721),
        ("aapl_1d.zip", "AAPL", "1d", 5849),
    ],
)
def test_recorded_files_of_every_resolution(data_file, name, symbol, timeframe, rows):
    dataset, _ = read(data_file(name))
    assert (dataset.symbols, dataset.timeframe) == ((symbol,), timeframe)
    assert (dataset.report.rows, dataset.report.bad_count) == (rows, 0)


def test_crypto_ticks_have_three_columns(tmp_path):
    _, trades = read(lean(tmp_path, "20180404_btcusd_trade_tick.csv", "1500,7424.9,0.5\n"))
    assert trades == [Trade("BTC/USD", time_ns("2018-04-04T00:00:01.5Z"), 7424.9, 0.5)]


def test_a_number_of_columns_that_lean_does_not_have_is_refused(tmp_path):
    with pytest.raises(DataError, match="4 columns"):
        read(lean(tmp_path, "20180404_btcusd_minute_trade.csv", "0,1,2,3\n"))
