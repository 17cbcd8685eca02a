"""The recorded Binance feed logs: nothing lost, books that can be followed, venue times."""

import gzip
import json
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest

from alphaforge.errors import ConfigError, DataError
from alphaforge.marketdata import open_dataset
from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import BookDelta, BookSnapshot, Quote, Trade, VenueTime

USDM = "binance_usdm_btcusdt_20240808.jsonl.gz"
SPOT = "binance_spot_btcusdt_20240808.jsonl.gz"
SPOT_WITHOUT_SNAPSHOT = "binance_spot_btcusdt_20240809.jsonl.gz"
COINM = "binance_cm_btcusd_perp_20240808.jsonl.gz"
INVERSE = Instrument(
    symbol="BTC/USD:BTC",
    kind=InstrumentKind.INVERSE,
    base="BTC",
    quote="USD",
    settle="BTC",
    price_step=Decimal("0.1"),
    quantity_step=Decimal(1),
    min_quantity=Decimal(1),
    multiplier=Decimal(100),
    source="config",
)


class Book:
    """A book that trusts nothing: it follows the venue's ids and counts what does not fit."""

    def __init__(self):
        self.last_id = None
        self.gaps = self.crossed = 0
        self.sides = ({}, {})

    def apply(self, event):
        if isinstance(event, BookSnapshot):
            self.last_id, self.joined = event.last_id, False
            self.sides = (dict(event.bids), dict(event.asks))
        elif event.last_id > self.last_id:
            self.gaps += not self.follows(event)
            self.last_id, self.joined = event.last_id, True
            self.change(self.sides[0], event.bids)
            self.change(self.sides[1], event.asks)
            self.crossed += max(self.sides[0]) >= min(self.sides[1])

    def follows(self, event):
        if not self.joined:
            return event.first_id <= self.last_id + 1
        if event.previous_id is not None:
            return event.previous_id == self.last_id
        return event.first_id == self.last_id + 1

    def change(self, side, levels):
        for price, size in levels:
            side[price] = size
            if not size:
                del side[price]

    def top(self):
        bid, ask = max(self.sides[0]), min(self.sides[1])
        return (bid, self.sides[0][bid]), (ask, self.sides[1][ask])


def all_events(dataset):
    return [event for batch in dataset.batches() for event in batch]


def book_of(events):
    book = Book()
    for event in events:
        if isinstance(event, BookSnapshot | BookDelta):
            book.apply(event)
    return book


@pytest.fixture(scope="module")
def usdm(data_file):
    dataset = open_dataset(data_file(USDM), wanted=["BTC/USDT"])
    return dataset, all_events(dataset)


def test_every_recorded_trade_comes_out_once_and_as_written(usdm, data_file):
    dataset, events = usdm
    trades = [event for event in events if isinstance(event, Trade)]
    written = []
    with gzip.open(data_file(USDM), "rt") as lines:
        for line in lines:
            stamp, _, body = line.partition(" ")
            message = json.loads(body).get("data", {})
            if message.get("e") == "trade":
                written.append((int(stamp), message))
    assert len(trades) == len(written) == 21_313
    for trade, (stamp, message) in zip(trades, written, strict=True):
        assert trade.ts_local == stamp
        assert trade.ts == message["E"] * 1_000_000
        assert (trade.price, trade.size) == (float(message["p"]), float(message["q"]))
        assert trade.trade_id == str(message["t"])
        assert trade.side is (OrderSide.SELL if message["m"] else OrderSide.BUY)
    assert dataset.report.rows == 93_954
    assert dataset.report.bad_count == dataset.report.gaps == 0


def test_the_book_follows_without_a_gap_and_is_never_crossed(usdm):
    book = book_of(usdm[1])
    assert (book.gaps, book.crossed) == (0, 0)
    assert book.top() == ((61659.70, 1.486), (61659.80, 0.981))


def test_differences_before_the_snapshot_are_joined_to_it_or_only_move_the_clock(usdm):
    kinds = [
        type(event) for event in usdm[1] if isinstance(event, BookSnapshot | BookDelta | VenueTime)
    ]
    snapshot = kinds.index(BookSnapshot)
    assert set(kinds[:snapshot]) == {VenueTime}
    assert set(kinds[snapshot + 1 :]) == {BookDelta}


def test_344_seconds_hold_a_trade_and_7_trades_are_late_by_the_venues_clock(usdm):
    clock, late, seconds = 0, 0, set()
    for event in usdm[1]:
        clock = max(clock, event.ts)
        if isinstance(event, Trade):
            seconds.add(event.ts // 10**9)
            late += event.ts // 10**9 < clock // 10**9
    assert (len(seconds), late) == (344, 7)


def test_the_usdm_log_is_a_linear_perpetual_with_the_venues_grid(usdm):
    dataset, events = usdm
    rules = dataset.instruments["BTC/USDT"]
    assert dataset.format == "binance-raw"
    assert dataset.kinds == {"trades", "quotes", "book"}
    assert (rules.venue, rules.kind, rules.settle) == (
        "binanceusdm",
        InstrumentKind.LINEAR,
        "USDT",
    )
    assert (rules.price_step, rules.quantity_step) == (Decimal("0.1"), Decimal("0.001"))
    assert rules.min_quantity == rules.quantity_step
    assert rules.source == "data"
    assert Counter(map(type, events))[Quote] == 66_089


def test_events_come_in_order_of_receipt_and_every_pass_is_the_same(usdm):
    dataset, events = usdm
    assert all(before.ts_local <= after.ts_local for before, after in pairwise(events))
    assert all_events(dataset) == events


def test_the_spot_book_follows_and_quotes_without_a_time_take_the_venues_clock(data_file):
    dataset = open_dataset(data_file(SPOT), wanted=["btc-usdt"])
    events = all_events(dataset)
    book = book_of(events)
    assert (book.gaps, book.crossed) == (0, 0)
    assert dataset.symbols == ("btc-usdt",)
    assert dataset.instruments["btc-usdt"].venue == "binance"
    assert dataset.instruments["btc-usdt"].kind is InstrumentKind.SPOT
    assert dataset.instruments["btc-usdt"].quote == "USDT"
    clock = 0
    for event in events:
        if isinstance(event, Quote):
            assert event.ts == clock
        clock = max(clock, event.ts)


def test_without_a_snapshot_the_differences_come_as_they_are_with_a_note(data_file):
    dataset = open_dataset(data_file(SPOT_WITHOUT_SNAPSHOT), wanted=["BTC/USDT"])
    kinds = Counter(type(event) for event in all_events(dataset))
    assert kinds == {BookDelta: 3044, Quote: 45_134, Trade: 10_147}
    assert "no book snapshot" in dataset.report.notes[0]


def test_an_inverse_stream_without_a_definition_is_refused_and_says_what_to_add(data_file):
    with pytest.raises(ConfigError) as caught:
        open_dataset(data_file(COINM), wanted=["BTC/USD:BTC"])
    assert '[instruments."BTC/USD:BTC"]' in caught.value.remedy
    assert caught.value.exit_code == 3


def test_an_inverse_stream_is_never_traded_by_a_spot_definition(data_file):
    spot = Instrument(symbol="BTC/USD:BTC", base="BTC", quote="USD", settle="USD")
    with pytest.raises(ConfigError, match="SPOT"):
        open_dataset(data_file(COINM), instruments={spot.symbol: spot})


@pytest.mark.parametrize("wanted", ["BTC/USD:BTC", "BTCUSD_PERP", "BTC/USD"])
def test_an_inverse_stream_with_a_definition_is_read(data_file, wanted):
    known = {INVERSE.symbol: INVERSE}
    dataset = open_dataset(data_file(COINM), wanted=[wanted], instruments=known)
    rules = dataset.instruments[wanted]
    assert (rules.symbol, rules.venue, rules.multiplier) == (wanted, "binancecoinm", 100)
    assert len(all_events(dataset)) > 40_000


def test_the_inverse_book_follows_without_a_gap(data_file):
    dataset = open_dataset(data_file(COINM), instruments={INVERSE.symbol: INVERSE})
    book = book_of(all_events(dataset))
    assert (book.gaps, book.crossed) == (0, 0)


def line(stamp, message, stream="btcusdt@trade"):
    return f"{stamp} {json.dumps({'stream': stream, 'data': message})}\n"


def trade(number, ms, **changed):
    made = {"e": "trade", "E": ms, "T": ms, "s": "BTCUSDT", "t": number, "p": "100.50"}
    return made | {"q": "2.0", "m": False} | changed


START = 1_700_000_000_000


def log(tmp_path, *lines):
    path = tmp_path / "feed.jsonl"
    path.write_text("".join(lines))
    return path


def test_bad_lines_are_counted_with_their_place_and_the_rest_is_read(tmp_path):
    path = log(
        tmp_path,
        line(START * 10**6, trade(1, START)),
        "not a message\n",
        line(START * 10**6 + 1, trade(2, START, p="abc")),
        "1700000000000000002 {broken\n",
        "1700000000000000003 [1, 2]\n",
        line(START * 10**6 + 4, trade(3, START)),
    )
    dataset = open_dataset(path, wanted=["BTC/USDT"])
    assert [event.trade_id for event in all_events(dataset)] == ["1", "3"]
    report = dataset.report
    assert (report.rows, report.bad_count) == (2, 4)
    assert [row.line for row in report.bad] == [2, 3, 4, 5]
    assert report.bad[1].column == "data.p"
    with pytest.raises(DataError) as caught:
        open_dataset(path, strict=True)
    assert caught.value.line == 2


def test_other_streams_move_the_clock_and_nothing_else(tmp_path):
    mark = {"e": "markPriceUpdate", "E": START + 5, "s": "BTCUSDT", "p": "1", "P": "2", "a": {}}
    path = log(
        tmp_path,
        line(START * 10**6, trade(1, START)),
        line(START * 10**6 + 1, mark, "btcusdt@markPrice"),
    )
    dataset = open_dataset(path, wanted=["BTC/USDT"])
    last = all_events(dataset)[-1]
    assert isinstance(last, VenueTime)
    assert last.ts == (START + 5) * 10**6
    assert dataset.report.bad_count == 0


def test_aggregate_trades_are_trades_only_where_there_are_no_others(tmp_path):
    aggregate = {"e": "aggTrade", "E": START, "s": "BTCUSDT", "a": 7, "p": "1.5", "q": "1"}
    one = line(START * 10**6, aggregate, "btcusdt@aggTrade")
    alone = all_events(open_dataset(log(tmp_path, one), wanted=["BTC/USDT"]))
    assert [(event.trade_id, event.price) for event in alone] == [("7", 1.5)]
    both = log(tmp_path, one, line(START * 10**6, trade(1, START)))
    events = all_events(open_dataset(both, wanted=["BTC/USDT"]))
    assert [event.trade_id for event in events if isinstance(event, Trade)] == ["1"]


def test_a_break_in_the_sequence_of_differences_is_counted(tmp_path):
    def depth(first, last):
        message = {"e": "depthUpdate", "E": START, "s": "BTCUSDT", "U": first, "u": last}
        return line(START * 10**6, message | {"b": [["1", "1"]], "a": []}, "btcusdt@depth")

    dataset = open_dataset(log(tmp_path, depth(1, 2), depth(3, 4), depth(6, 7)))
    all_events(dataset)
    assert dataset.report.gaps == 1
