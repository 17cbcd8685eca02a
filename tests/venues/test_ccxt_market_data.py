"""Rules, prints, quotes, books and bars, from recorded messages through the real ccxt."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.book import OrderBook
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.market import BookSnapshot, Quote
from alphaforge.venues.ccxt_map import (
    MalformedError,
    bars,
    book_delta,
    book_snapshot,
    book_top,
    instrument,
    quote,
    trade,
)
from alphaforge.venues.ccxt_markets import LIFE_NS, Markets, MarketsCache
from tests.venues import ccxt_rig

DataFile = Callable[[str], Path]
NOW = 1_700_000_000_000_000_000
FEES = {"maker": Decimal("0.0002"), "taker": Decimal("0.0005")}
MINUTE = 60_000_000_000


@pytest.fixture(scope="module")
def usdm(data_file: DataFile) -> ccxt_rig.Client:
    return ccxt_rig.binanceusdm(data_file("rawfeed_binance_futures.0.gz"))


@pytest.fixture(scope="module")
def okx(data_file: DataFile) -> ccxt_rig.Client:
    return ccxt_rig.okx(data_file("rawfeed_okx.0.gz"))


class TestRules:
    def test_a_linear_perpetual(self, usdm: ccxt_rig.Client) -> None:
        market = usdm.market("BTC/USDT:USDT")
        rules = instrument(market, venue="binanceusdm", symbol="btcusdt", **FEES)
        assert (rules.symbol, rules.venue, rules.source) == ("btcusdt", "binanceusdm", "venue")
        assert rules.kind is InstrumentKind.LINEAR
        assert (rules.base, rules.quote, rules.settle) == ("BTC", "USDT", "USDT")
        assert (rules.price_step, rules.quantity_step) == (Decimal("0.01"), Decimal("0.001"))
        assert (rules.min_quantity, rules.min_value) == (Decimal("0.001"), Decimal(5))
        assert (rules.multiplier, rules.taker_fee) == (1, Decimal("0.0005"))

    def test_a_spot_market(self, okx: ccxt_rig.Client) -> None:
        rules = instrument(okx.market("BTC/USDT"), venue="okx", symbol="BTC/USDT", **FEES)
        assert (rules.kind, rules.settle) == (InstrumentKind.SPOT, "USDT")
        assert (rules.price_step, rules.min_quantity) == (Decimal("0.1"), Decimal("0.00001"))
        assert (rules.min_value, rules.multiplier) == (0, 1)

    def test_an_inverse_perpetual_is_worth_a_fixed_amount_of_quote(
        self, okx: ccxt_rig.Client
    ) -> None:
        rules = instrument(okx.market("BTC/USD:BTC"), venue="okx", symbol="x", **FEES)
        assert (rules.kind, rules.settle) == (InstrumentKind.INVERSE, "BTC")
        assert (rules.multiplier, rules.quantity_step) == (Decimal(100), 1)
        assert rules.notional(Decimal(2), Decimal(50_000)) == Decimal("0.004")

    def test_a_contract_of_a_part_of_a_coin_has_a_multiplier(self, okx: ccxt_rig.Client) -> None:
        rules = instrument(okx.market("BTC/USDT:USDT"), venue="okx", symbol="x", **FEES)
        assert rules.multiplier == Decimal("0.01")
        assert rules.notional(Decimal(3), Decimal(50_000)) == Decimal(1500)

    def test_every_recorded_market_is_read_or_refused_with_its_reason(
        self, usdm: ccxt_rig.Client, okx: ccxt_rig.Client
    ) -> None:
        read = 0
        for market in (*usdm.markets.values(), *okx.markets.values()):
            try:
                rules = instrument(market, venue="v", symbol=market["symbol"], **FEES)
            except MalformedError as error:
                assert error.field in {"settle", "contractSize"}  # noqa: PT017 - many markets
            else:
                assert rules.price_step > 0 < rules.min_quantity >= rules.quantity_step > 0
                read += 1
        assert read > 700

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"option": True}, "type"),
            ({"contract": True, "linear": None}, "type"),
            ({"precision": {"amount": None, "price": "1"}}, "amount"),
            ({"precision": {"amount": "1", "price": "0"}}, "price"),
            ({"contractSize": "-1"}, "contractSize"),
            ({"settle": "EUR"}, "settle"),
            ({"limits": {"amount": {"min": "NaN"}}}, "min"),
        ],
    )
    def test_what_we_can_not_trade_is_refused(
        self, usdm: ccxt_rig.Client, changed: dict[str, object], field: str
    ) -> None:
        market = {**usdm.market("BTC/USDT:USDT"), **changed}
        with pytest.raises(MalformedError) as raised:
            instrument(market, venue="v", symbol="x", **FEES)
        assert raised.value.field == field

    def test_a_minimum_below_a_step_is_a_step(self, usdm: ccxt_rig.Client) -> None:
        market = {**usdm.market("BTC/USDT:USDT"), "limits": {}}
        rules = instrument(market, venue="v", symbol="x", **FEES)
        assert rules.min_quantity == rules.quantity_step


class TestRecordedStreams:
    def test_every_recorded_print_of_binance_futures_is_a_trade(
        self, usdm: ccxt_rig.Client, data_file: DataFile
    ) -> None:
        names, seen = ccxt_rig.names("binanceusdm", {"sushi": "SUSHI/USDT:USDT"}), 0
        for frame in ccxt_rig.recorded_frames(data_file("rawfeed_binance_futures.ws.1.0.gz")):
            raw = frame.get("data", {})
            if raw.get("e") == "aggTrade":
                market = usdm.safe_market(raw["s"], None, None, "swap")
                told = trade(usdm.parse_ws_trade(raw, market), names)
                assert told.price == float(raw["p"])
                assert told.size == float(raw["q"])
                assert told.side == ("SELL" if raw["m"] else "BUY")
                assert told.ts == raw["T"] * 1_000_000
                assert told.symbol in {"sushi", f"{market['symbol']}@binanceusdm"}
                seen += 1
        assert seen > 20

    def test_every_recorded_quote_of_binance_futures_is_one(
        self, usdm: ccxt_rig.Client, data_file: DataFile
    ) -> None:
        names, seen = ccxt_rig.names("binanceusdm"), 0
        for frame in ccxt_rig.recorded_frames(data_file("rawfeed_binance_futures.ws.1.0.gz")):
            raw = frame.get("data", {})
            if raw.get("e") == "bookTicker":
                told = quote(usdm.parse_ws_ticker(raw, "swap"), names, NOW)
                assert told is not None
                assert (told.bid, told.ask) == (float(raw["b"]), float(raw["a"]))
                assert (told.bid_size, told.ask_size) == (float(raw["B"]), float(raw["A"]))
                seen += 1
        assert seen > 500

    def test_every_recorded_print_of_kraken_futures_is_a_trade(self, data_file: DataFile) -> None:
        client, names, seen = (
            ccxt_rig.client("krakenfutures", []),
            ccxt_rig.names("krakenfutures"),
            0,
        )
        for frame in ccxt_rig.recorded_frames(data_file("rawfeed_kraken_futures.ws.1.0.gz")):
            feed = frame.get("feed", "")
            raws = [frame] if feed == "trade" and "uid" in frame else frame.get("trades", [])
            for raw in raws:
                market = {"symbol": "X/USD:X", "id": raw["product_id"]}
                told = trade(client.parse_ws_trade(raw, market), names)
                assert (told.price, told.size) == (raw["price"], raw["qty"])
                assert told.ts == raw["time"] * 1_000_000
                seen += 1
        assert seen > 100

    def test_prints_of_a_protocol_that_ccxt_no_longer_reads_are_never_half_read(
        self, data_file: DataFile
    ) -> None:
        client, refused = ccxt_rig.client("bybit", []), 0
        for frame in ccxt_rig.recorded_frames(data_file("rawfeed_bybit.ws.25.0.gz")):
            if frame.get("topic", "").startswith("trade"):
                parsed = client.parse_ws_trade(frame["data"][0])
                assert parsed["side"] == "sell"  # whatever it was
                with pytest.raises(MalformedError):
                    trade(parsed, ccxt_rig.names("bybit"))
                refused += 1
        assert refused > 50

    def test_a_recorded_book_is_a_snapshot_and_its_changes_make_the_same_book(
        self, usdm: ccxt_rig.Client, data_file: DataFile
    ) -> None:
        names, books = ccxt_rig.names("binanceusdm"), []
        for url, raw in ccxt_rig.recorded_answers(data_file("rawfeed_binance_futures.http.0.0.gz")):
            if "depth" in url and "SUSHIUSDT" in url:
                book = usdm.parse_order_book(raw, "SUSHI/USDT:USDT", raw["T"])
                books.append(book_snapshot({**book, "nonce": raw["lastUpdateId"]}, names, "X", NOW))
        assert len(books) > 0
        before = BookSnapshot("X", NOW, ((1.0, 2.0),), ((2.0, 5.0), (3.0, 1.0)), last_id=7)
        for after in books:
            rebuilt = OrderBook("X")
            rebuilt.apply_snapshot(before)
            assert rebuilt.apply_delta(book_delta(before, after))
            assert rebuilt.depth(2000) == (list(after.bids), list(after.asks))
            before = after


class TestQuotes:
    def test_a_ticker_without_a_time_takes_the_venues_clock(self) -> None:
        raw = {"symbol": "X", "bid": "1", "ask": "2", "timestamp": None}
        assert quote(raw, ccxt_rig.names("binance"), NOW) == Quote("X", NOW, 1.0, 2.0)

    @pytest.mark.parametrize("side", ["bid", "ask"])
    @pytest.mark.parametrize("nothing", [None, "0.00000000"])
    def test_an_empty_side_is_no_quote(self, side: str, nothing: str | None) -> None:
        raw = {"symbol": "X", "bid": "1", "ask": "2", side: nothing}
        assert quote(raw, ccxt_rig.names("binance"), NOW) is None

    @pytest.mark.parametrize(("bid", "ask"), [("3", "2"), ("-1", "2"), ("NaN", "2")])
    def test_a_quote_that_can_not_be_is_not_understood(self, bid: str, ask: str) -> None:
        with pytest.raises(MalformedError):
            quote({"symbol": "X", "bid": bid, "ask": ask}, ccxt_rig.names("binance"), NOW)


LEVELS = st.dictionaries(
    st.integers(1, 30).map(lambda tick: tick / 4), st.integers(1, 9).map(float), max_size=8
)


def snapshot(bids: dict[float, float], asks: dict[float, float], last_id: int) -> BookSnapshot:
    """A book whose asks are all above its bids."""
    return BookSnapshot(
        "X",
        NOW,
        tuple(sorted(bids.items(), reverse=True)),
        tuple(sorted((price + 100, size) for price, size in asks.items())),
        last_id=last_id,
    )


class TestBooks:
    @given(
        states=st.lists(st.tuples(LEVELS, LEVELS, st.integers(0, 3)), min_size=2, max_size=6),
        first_id=st.sampled_from([0, 5]),
    )
    def test_a_book_followed_by_its_changes_is_always_the_latest_book(
        self, states: list[tuple[Any, Any, int]], first_id: int
    ) -> None:
        book, last_id, before = OrderBook("X"), first_id, None
        for bids, asks, step in states:
            last_id += step
            after = snapshot(bids, asks, last_id)
            if before is None:
                book.apply_snapshot(after)
            else:
                book.apply_delta(book_delta(before, after))
            assert book.depth(99) == (list(after.bids), list(after.asks))
            before = after

    @given(first=st.tuples(LEVELS, LEVELS), second=st.tuples(LEVELS, LEVELS))
    def test_a_change_names_no_level_that_stayed(
        self, first: tuple[Any, Any], second: tuple[Any, Any]
    ) -> None:
        before, after = snapshot(*first, 5), snapshot(*second, 9)
        delta = book_delta(before, after)
        assert not set(before.bids) & set(after.bids) & set(delta.bids)
        assert not set(before.asks) & set(after.asks) & set(delta.asks)

    def test_a_book_that_was_begun_anew_has_no_changes_to_tell(self) -> None:
        with pytest.raises(MalformedError, match="nonce"):
            book_delta(snapshot({}, {}, 9), snapshot({}, {}, 8))

    def test_the_top_of_a_book_is_a_quote(self) -> None:
        top = book_top(snapshot({1.0: 2.0}, {3.0: 4.0}, 1))
        assert top == Quote("X", NOW, 1.0, 103.0, 2.0, 4.0)

    def test_half_a_book_has_no_top(self) -> None:
        assert book_top(snapshot({}, {3.0: 4.0}, 1)) is None

    @pytest.mark.parametrize(
        "book",
        [
            {"bids": [[2, 1]], "asks": [[1, 1]]},
            {"bids": [[2, 1]], "asks": [[2, 1]]},
            {"bids": [[1, 1], [2, 1]], "asks": []},
            {"bids": [], "asks": [[2, 1], [2, 1]]},
            {"bids": [[1, -1]], "asks": []},
            {"bids": [[float("nan"), 1]], "asks": []},
            {"bids": [[1]], "asks": []},
            {"bids": None, "asks": []},
            {"bids": "12", "asks": []},
        ],
    )
    def test_a_book_that_can_not_be_is_not_understood(self, book: dict[str, object]) -> None:
        with pytest.raises(MalformedError):
            book_snapshot(book, ccxt_rig.names("binance"), "X", NOW)


def row(minute: int, *, high: float = 3.0) -> list[float | int]:
    """A bar of ccxt's."""
    return [NOW // 1_000_000 + minute * 60_000, 2.0, high, 1.0, 2.5, 7.0]


class TestBars:
    def test_the_bar_that_is_not_over_is_left_out(self) -> None:
        told = bars([row(0), row(1), row(2)], "x", "1m", MINUTE, NOW + 2 * MINUTE)
        assert [each.ts_open for each in told] == [NOW, NOW + MINUTE]
        assert told[0].ts == NOW + MINUTE
        assert told[0].historical
        assert (told[0].symbol, told[0].kind, told[0].volume) == ("x", "1m", 7.0)

    @pytest.mark.parametrize(
        "raw",
        [
            [row(1), row(0)],
            [row(0), row(0)],
            [row(0, high=2.2)],
            [[1, 2, 3]],
            [None],
            [[row(0)[0], "a", 1, 1, 1, 1]],
            [[12, 2.0, 3.0, 1.0, 2.5, 7.0]],
        ],
    )
    def test_bars_that_can_not_be_are_not_understood(self, raw: list[object]) -> None:
        with pytest.raises(MalformedError):
            bars(raw, "x", "1m", MINUTE, NOW + 9 * MINUTE)


class TestMarketsOnDisk:
    def test_what_was_recorded_comes_back_with_its_info_for_a_day(
        self, usdm: ccxt_rig.Client, tmp_path: Path
    ) -> None:
        cache = MarketsCache(tmp_path / "new", "4.5.90")
        cache.save("binanceusdm", "live", Markets(usdm.markets, usdm.currencies), NOW)
        held = cache.load("binanceusdm", "live", NOW + LIFE_NS - 1)
        assert held is not None
        fresh = ccxt_rig.client("binanceusdm")
        fresh.set_markets(held.markets, held.currencies)
        assert fresh.market("BTC/USDT:USDT") == usdm.market("BTC/USDT:USDT")
        assert fresh.market("BTC/USDT:USDT")["info"]["orderTypes"]
        assert cache.load("binanceusdm", "live", NOW + LIFE_NS) is None
