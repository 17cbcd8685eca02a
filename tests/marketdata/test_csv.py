"""CSV files as people have them: header words, wide tables, order, empty cells, bad rows."""

import gzip
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import ConfigError, DataError, UsageError
from alphaforge.marketdata import open_dataset
from alphaforge.model.enums import OrderSide
from alphaforge.model.market import Bar, BarOpen, Quote, Trade

MINUTE = 60 * 10**9
T0 = 1_577_880_000 * 10**9


def write(tmp_path, text, name="data.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def read(path, symbol="BTC/USDT", **options):
    dataset = open_dataset(path, symbol=symbol, **options)
    return dataset, [event for batch in dataset.batches() for event in batch]


def test_trades_with_side_and_id(tmp_path):
    path = write(
        tmp_path,
        "timestamp,price,size,side,id\n"
        f"{T0},100.50,2,buy,7\n{T0 + 1},100.25,0.010,SELL,8\n{T0 + 2},100,1,,9\n",
    )
    dataset, events = read(path)
    assert events == [
        Trade("BTC/USDT", T0, 100.5, 2.0, OrderSide.BUY, "7"),
        Trade("BTC/USDT", T0 + 1, 100.25, 0.01, OrderSide.SELL, "8"),
        Trade("BTC/USDT", T0 + 2, 100.0, 1.0, None, "9"),
    ]
    rules = dataset.instruments["BTC/USDT"]
    assert (rules.price_step, rules.quantity_step) == (Decimal("0.01"), Decimal("0.01"))
    assert (rules.min_quantity, rules.source) == (Decimal("0.01"), "data")
    assert (dataset.format, dataset.timeframe) == ("csv-trades", None)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("timestamp,price,size", f"{T0},1.5,2"),
        ("DateTime;Price;Quantity", "2020-01-01 12:00:00;1.5;2"),
        ("TIME\tPRICE\tAMOUNT", "2020-01-01T12:00:00Z\t1.5\t2"),
        ("price,qty,ts", f"1.5,2,{T0 // 10**6}"),
        ('"Date","Price","Size"', '"2020-01-01 12:00","1.5","2"'),
    ],
)
def test_header_words_in_any_case_order_and_separator(tmp_path, header, row):
    _, events = read(write(tmp_path, f"{header}\n{row}\n"))
    assert events == [Trade("BTC/USDT", T0, 1.5, 2.0)]


def test_quotes_with_and_without_sizes(tmp_path):
    path = write(tmp_path, f"ts,bid,ask,bid_size,ask_size\n{T0},1.5,1.6,10,20\n")
    assert read(path)[1] == [Quote("BTC/USDT", T0, 1.5, 1.6, 10.0, 20.0)]
    path = write(tmp_path, f"ts,bid,ask\n{T0},1.5,1.6\n")
    assert read(path)[1] == [Quote("BTC/USDT", T0, 1.5, 1.6)]


def test_a_bar_row_is_its_open_and_then_its_bar_at_the_end(tmp_path):
    path = write(
        tmp_path,
        "date,open,high,low,close,volume\n"
        "2020-01-01 12:00,1,4,0.5,2,10\n2020-01-01 12:01,2,3,1,2.5,20\n",
    )
    dataset, events = read(path)
    assert events == [
        BarOpen("BTC/USDT", T0, 1.0),
        Bar("BTC/USDT", "1m", T0 + MINUTE, T0, 1.0, 4.0, 0.5, 2.0, 10.0),
        BarOpen("BTC/USDT", T0 + MINUTE, 2.0),
        Bar("BTC/USDT", "1m", T0 + 2 * MINUTE, T0 + MINUTE, 2.0, 3.0, 1.0, 2.5, 20.0),
    ]
    assert (dataset.timeframe, dataset.kinds) == ("1m", {"bars"})


def test_a_gap_leaves_the_most_common_spacing_the_time_frame(tmp_path):
    rows = [f"{T0 // 10**9 + 300 * n},1,1,1,1,1\n" for n in (0, 1, 2, 7, 8, 9)]
    dataset, events = read(write(tmp_path, "ts,open,high,low,close,volume\n" + "".join(rows)))
    assert dataset.timeframe == "5m"
    assert {event.ts - event.ts_open for event in events if isinstance(event, Bar)} == {5 * MINUTE}


def test_a_wide_file_has_a_symbol_per_column_group_and_passes_over_empty_cells(tmp_path):
    path = write(
        tmp_path,
        ",BTC:open,BTC:high,BTC:low,BTC:close,BTC:volume,ETH:open,ETH:high,ETH:low,ETH:close\n"
        "2020-01-01,1,1,1,1,5,,,,\n2020-01-02,2,2,2,2,6,9,9,9,9\n",
    )
    dataset, events = read(path, symbol=None, wanted=["BTC/USD"])
    assert dataset.symbols == ("BTC/USD", "ETH")
    assert [type(event).__name__ + event.symbol[:3] for event in events] == [
        "BarOpenBTC", "BarBTC", "BarOpenBTC", "BarOpenETH", "BarBTC", "BarETH",
    ]  # fmt: skip
    assert (dataset.report.rows, dataset.report.empty, dataset.report.bad_count) == (2, 1, 0)


def test_at_equal_times_every_end_comes_before_every_open(data_file):
    path = data_file("bitstamp_btc_eth_ltc_usd_1d.csv")
    dataset, events = read(path, symbol=None, wanted=["BTC", "ETH", "LTC"])
    assert dataset.symbols == ("BTC", "ETH", "LTC")
    keys = [(event.ts_local, isinstance(event, BarOpen)) for event in events]
    assert keys == sorted(keys)
    opens = sum(isinstance(event, BarOpen) for event in events)
    assert opens * 2 == len(events)
    assert opens == 3 * dataset.report.rows - dataset.report.empty


def test_rows_of_several_symbols_one_symbol_after_the_other_are_sorted_by_time(tmp_path):
    rows = [
        f"{T0 + n * MINUTE},{own},1,1,1,1,1\n" for own in ("BTCUSDT", "ethusdt") for n in (0, 1)
    ]
    path = write(tmp_path, "ts,symbol,open,high,low,close,volume\n" + "".join(rows))
    dataset, events = read(path, symbol=None, wanted=["BTC/USDT"])
    assert dataset.symbols == ("BTC/USDT", "ETH/USDT")
    assert [event.symbol for event in events if isinstance(event, BarOpen)] == [
        "BTC/USDT", "ETH/USDT", "BTC/USDT", "ETH/USDT",
    ]  # fmt: skip


@given(st.lists(st.integers(0, 50), min_size=2, max_size=30))
def test_newest_first_is_the_same_file_turned_round(tmp_path_factory, offsets):
    folder = tmp_path_factory.mktemp("order")
    rows = [f"{T0 + ts},1,{n + 1}\n" for n, ts in enumerate([0, *sorted(offsets), 51])]
    oldest = read(write(folder, "ts,price,size\n" + "".join(rows), "a.csv"))[1]
    newest = read(write(folder, "ts,price,size\n" + "".join(reversed(rows)), "b.csv"))[1]
    assert oldest == newest


def test_one_late_row_stays_where_it_is_for_the_engine_to_judge(tmp_path):
    times = [T0, T0 + 2, T0 + 1, T0 + 3, T0 + 4]
    rows = [f"{ts},1,1\n" for ts in times]
    assert [
        event.ts for event in read(write(tmp_path, "ts,price,size\n" + "".join(rows)))[1]
    ] == times


def test_prices_of_nothing_and_nan_are_passed_on(tmp_path):
    path = write(tmp_path, f"ts,price,size\n{T0},0,1\n{T0 + 1},-5,1\n{T0 + 2},nan,1\n")
    dataset, events = read(path)
    assert len(events) == 3
    assert dataset.report.bad_count == 0


def test_one_bad_line_in_many_is_counted_with_its_place(tmp_path):
    rows = [f"{T0 + n},100.5,1,buy,{n}" for n in range(5000)]
    rows[2998] = f"{T0},oops,1,buy,1"
    rows[3998] = "x,100.5,1,buy,1"
    rows[4498] = f"{T0},1"
    rows[4598] = f"{T0},1,1,upwards,1"
    path = write(tmp_path, "\n".join(["timestamp,price,size,side,id", *rows, "", ""]))
    dataset, events = read(path)
    report = dataset.report
    assert (len(events), report.rows, report.bad_count) == (4996, 4996, 4)
    assert [(row.line, row.column) for row in report.bad] == [
        (3000, "price"), (4000, "timestamp"), (4500, "size"), (4600, "side"),
    ]  # fmt: skip
    assert report.bad[0].what == "'oops' cannot be read"
    assert report.bad[0].expected == "a number"


def test_strict_stops_at_a_bad_line_and_names_file_line_column_and_expected(tmp_path):
    path = write(tmp_path, f"timestamp,price,size\n{T0},1,1\n{T0},oops,1\n")
    with pytest.raises(DataError) as caught:
        read(path, strict=True)
    assert (
        str(caught.value)
        == f"{path}, line 3, column price: 'oops' cannot be read; expected a number"
    )


def test_a_bar_with_half_its_prices_and_a_row_without_a_symbol_are_bad(tmp_path):
    head = "ts,symbol,open,high,low,close,volume\n"
    rows = f"{T0},BTCUSD,1,1,1,1,1\n{T0 + 1},BTCUSD,1,,1,1,1\n{T0 + 2},,1,1,1,1,1\n"
    dataset, events = read(write(tmp_path, head + rows))
    assert len(events) == 2
    assert [(row.line, row.column) for row in dataset.report.bad] == [(3, "high"), (4, "symbol")]
    assert dataset.rows == 1


def test_every_pass_counts_anew(tmp_path):
    dataset, _ = read(write(tmp_path, f"timestamp,price,size\n{T0},1,1\n{T0},oops,1\n"))
    list(dataset.batches())
    assert (dataset.report.rows, dataset.report.bad_count) == (1, 1)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("price,size\n1,2\n", "timestamp"),
        ("timestamp,price\n1,2\n", "size"),
        ("timestamp,open,high,close\n1,2,3,4\n", "low"),
        ("timestamp,colour\n1,2\n", "header"),
        ("hello world\n", "header"),
        ("1,2,3\n4,5,6\n", "header"),
        ("{}\n", "header"),
    ],
)
def test_what_is_not_understood_names_what_was_expected(tmp_path, text, word):
    with pytest.raises(DataError) as caught:
        read(write(tmp_path, text))
    assert caught.value.line == 1
    assert word in caught.value.expected or word in caught.value.column


def test_a_file_of_bad_rows_only_is_an_error_that_names_the_first(tmp_path):
    with pytest.raises(DataError) as caught:
        read(write(tmp_path, "timestamp,price,size\na,b,c\n"))
    assert (caught.value.line, caught.value.column) == (2, "timestamp")


def test_a_header_alone_holds_no_row(tmp_path):
    with pytest.raises(DataError, match="no row"):
        read(write(tmp_path, "timestamp,price,size\n"))


def test_a_file_without_a_symbol_takes_the_first_wanted_or_asks_for_one(tmp_path):
    path = write(tmp_path, f"timestamp,price,size\n{T0},1,1\n")
    assert open_dataset(path, wanted=["ETH/EUR", "BTC/EUR"]).symbols == ("ETH/EUR",)
    with pytest.raises(UsageError) as caught:
        open_dataset(path)
    assert "--symbol" in caught.value.remedy


def test_symbol_renames_the_only_symbol_of_a_file(tmp_path):
    path = write(tmp_path, f"timestamp,symbol,price,size\n{T0},BTCUSDT,1,1\n")
    assert open_dataset(path, symbol="XBT/USD").symbols == ("XBT/USD",)


def test_the_same_gzipped_and_zipped_is_the_same(tmp_path):
    text = "timestamp,price,size\n" + "".join(f"{T0 + n},1.5,{n + 1}\n" for n in range(5000))
    plain = write(tmp_path, text)
    packed = tmp_path / "data.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("data.csv", text)
    assert read(plain)[1] == read(packed)[1] == read(archive)[1]


def test_a_truncated_gzip_gives_what_is_readable_and_a_bad_row(tmp_path):
    text = "timestamp,price,size\n" + "".join(f"{T0 + n},1.5,{n + 1}\n" for n in range(5000))
    packed = tmp_path / "data.csv.gz"
    packed.write_bytes(gzip.compress(text.encode())[:-2000])
    dataset, events = read(packed)
    assert 0 < len(events) < 5000
    assert [event.size for event in events] == [n + 1 for n in range(len(events))]
    assert dataset.report.truncated
    with pytest.raises(DataError, match="truncated"):
        read(packed, strict=True)


def test_what_the_first_pass_finds_is_kept_by_fingerprint(tmp_path):
    path = write(tmp_path, f"timestamp,price,size\n{T0},1.25,1\n{T0},oops,1\n")
    kept = tmp_path / "cache"
    first = open_dataset(path, symbol="A/B", cache_dir=kept)
    (entry,) = kept.iterdir()
    again = open_dataset(path, symbol="A/B", cache_dir=kept)
    assert first.fingerprint[:40] in entry.name
    assert (again.instruments, again.rows) == (first.instruments, first.rows)
    entry.write_text("damaged")
    assert open_dataset(path, symbol="A/B", cache_dir=kept).rows == first.rows


@pytest.mark.parametrize("name", ["BTCUSDT-trades-2024-01.csv", "x.csv"])
def test_binance_trades_without_a_header(tmp_path, name):
    path = write(tmp_path, f"5,100.5,2,201,{T0 // 10**6},True,True\n", name)
    dataset, events = read(path, symbol=None, wanted=["BTC/USDT"])
    assert events == [Trade("BTC/USDT", T0, 100.5, 2.0, OrderSide.SELL, "5")]
    assert dataset.format == "binance-trades"


def test_binance_agg_trades_in_microseconds(tmp_path):
    path = write(tmp_path, f"5,100.5,2,10,12,{T0 // 1000},False,True\n")
    dataset, events = read(path)
    assert events == [Trade("BTC/USDT", T0, 100.5, 2.0, OrderSide.BUY, "5")]
    assert dataset.format == "binance-aggTrades"


def test_binance_futures_dumps_with_a_header(tmp_path):
    header = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
    path = write(tmp_path, f"{header}\n5,100.5,2,10,12,{T0 // 10**6},true\n")
    assert read(path)[1] == [Trade("BTC/USDT", T0, 100.5, 2.0, OrderSide.SELL, "5")]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n",
    ],
)
def test_binance_klines_with_and_without_a_header(tmp_path, header):
    ms = T0 // 10**6
    rows = "".join(
        f"{ms + n * 60_000},1,4,0.5,2,10,{ms + n * 60_000 + 59_999},20,3,5,10,0\n" for n in (0, 1)
    )
    path = write(tmp_path, header + rows, "ETHUSDT-1m-2024-01.csv")
    dataset, events = read(path, symbol=None)
    assert dataset.symbols == ("ETH/USDT",)
    assert events[1] == Bar("ETH/USDT", "1m", T0 + MINUTE, T0, 1.0, 4.0, 0.5, 2.0, 10.0)
    assert len(events) == 4


def test_a_coin_margined_dump_needs_an_inverse_definition(tmp_path):
    path = write(tmp_path, f"1,100.5,2,201,{T0 // 10**6},True\n", "BTCUSD_PERP-trades-2024-01.csv")
    with pytest.raises(ConfigError, match="inverse"):
        open_dataset(path)


@pytest.mark.parametrize(
    ("name", "rows", "timeframe", "volume"),
    [
        ("binance_btcusdt_1d_2020.csv", 366, "1d", 6),
        ("bitstamp_btcusd_1m_20200101.csv", 1440, "1m", 8),
        ("btcusd_1d_2017_2020.csv", 1246, "1d", 6),
        ("spy_1m_intraday.csv", 1564, "1m", 0),
    ],
)
def test_recorded_bar_files_are_read_whole(data_file, name, rows, timeframe, volume):
    dataset, events = read(data_file(name))
    assert (dataset.rows, len(events), dataset.report.bad_count) == (rows, 2 * rows, 0)
    assert dataset.timeframe == timeframe
    assert dataset.instruments["BTC/USDT"].quantity_step == Decimal(1).scaleb(-volume)


@pytest.mark.parametrize(
    "name", ["rawfeed_okx.0.gz", "rawfeed_bitmex.ws.1.0.gz", "spy_factors.csv"]
)
def test_other_recorded_files_are_refused_with_the_formats_that_are_understood(data_file, name):
    with pytest.raises(DataError) as caught:
        open_dataset(data_file(name))
    assert "LEAN" in caught.value.remedy
    assert caught.value.line == 1
