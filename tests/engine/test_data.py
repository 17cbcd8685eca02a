"""What is not sane is counted by reason and has no effect; what is sane moves prices and clocks."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.data import REMEMBERED_TRADE_IDS, DataEngine
from alphaforge.engine.markets import Markets
from alphaforge.errors import UsageError
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, BarOpen, BookDelta, BookSnapshot, Quote, Trade, VenueTime

START = 1_723_075_200_000_000_000
SECOND = 1_000_000_000
NAN, INF = float("nan"), float("inf")


def strict(*symbols: str) -> DataEngine:
    """A data engine that knows these symbols and no other, as inside `Engine`."""
    instruments = {name: Instrument(symbol=name) for name in symbols or ("A",)}
    return DataEngine(Markets(instruments, unknown=None))


def seen_by(data: DataEngine, symbol: str = "A") -> tuple[object, ...]:
    """Everything an event may change, apart from the count of rejections."""
    state = data.markets.states[symbol]
    return (
        state.last,
        state.bid,
        state.ask,
        state.traded,
        state.quoted,
        state.on_bars,
        state.trade_ts,
        state.quote_ts,
        state.bar_ts,
        state.bar_open_ts,
        state.clock.ts,
        dict(state.trade_ids),
        data.trades,
        data.quotes,
        data.bars_built,
    )


def trade(price: float = 100.0, size: float = 1.0, ts: int = START, trade_id: str = "") -> Trade:
    return Trade("A", ts, price, size, None, trade_id)


BAD_TRADES = [
    ("trade: price not above zero", trade(price=0.0)),
    ("trade: price not above zero", trade(price=-1.0)),
    ("trade: size not above zero", trade(size=0.0)),
    ("trade: size not above zero", trade(size=-0.5)),
    ("trade: not a number", trade(price=NAN)),
    ("trade: not a number", trade(size=NAN)),
    ("trade: infinite or too large", trade(price=INF)),
    ("trade: infinite or too large", trade(size=INF)),
    ("trade: infinite or too large", trade(price=1e300)),
    ("trade: infinite or too large", trade(size=1e21)),
    ("trade: price not above zero", trade(price=-INF)),
    ("trade: out of order", trade(ts=START - 1)),
    ("trade: duplicate id", trade(ts=START + 5 * SECOND, trade_id="1")),
    ("trade: unknown symbol", Trade("Z", START, 1.0, 1.0)),
]
BAD_QUOTES = [
    ("quote: price not above zero", Quote("A", START, 0.0, 1.0)),
    ("quote: price not above zero", Quote("A", START, -1.0, 1.0)),
    ("quote: not a number", Quote("A", START, NAN, 1.0)),
    ("quote: not a number", Quote("A", START, 1.0, NAN)),
    ("quote: infinite or too large", Quote("A", START, 1.0, INF)),
    ("quote: infinite or too large", Quote("A", START, 1.0, 1e300)),
    ("quote: crossed", Quote("A", START + 9 * SECOND, 101.0, 100.0)),
    ("quote: size below zero or not a number", Quote("A", START, 1.0, 2.0, -1.0, 1.0)),
    ("quote: size below zero or not a number", Quote("A", START, 1.0, 2.0, 1.0, NAN)),
    ("quote: size below zero or not a number", Quote("A", START, 1.0, 2.0, INF, 1.0)),
    ("quote: out of order", Quote("A", START - 1, 1.0, 2.0)),
    ("quote: unknown symbol", Quote("Z", START, 1.0, 2.0)),
]


def bar(  # prices as in a row of a file
    o: float, h: float, low: float, c: float, *, ts_open: int = START, volume: float = 1.0
) -> Bar:
    return Bar("A", "1s", ts_open + SECOND, ts_open, o, h, low, c, volume)


BAD_BARS = [
    ("bar: prices not in order or not above zero", bar(10, 9, 8, 9)),
    ("bar: prices not in order or not above zero", bar(10, 12, 11, 12)),
    ("bar: prices not in order or not above zero", bar(10, 12, 9, 13)),
    ("bar: prices not in order or not above zero", bar(10, 12, 9, 8)),
    ("bar: prices not in order or not above zero", bar(0, 12, 0, 8)),
    ("bar: prices not in order or not above zero", bar(NAN, 12, 9, 10)),
    ("bar: prices not in order or not above zero", bar(10, NAN, 9, 10)),
    ("bar: prices not in order or not above zero", bar(10, 12, NAN, 10)),
    ("bar: prices not in order or not above zero", bar(10, 12, 9, NAN)),
    ("bar: prices not in order or not above zero", bar(10, INF, 9, 10)),
    ("bar: volume below zero or not a number", bar(10, 12, 9, 10, volume=-1.0)),
    ("bar: volume below zero or not a number", bar(10, 12, 9, 10, volume=NAN)),
    ("bar: volume below zero or not a number", bar(10, 12, 9, 10, volume=INF)),
    ("bar: out of order", bar(10, 12, 9, 10, ts_open=START - SECOND - 1)),
    ("bar: out of order", Bar("A", "1s", START, START, 10, 12, 9, 10)),
    ("bar: unknown symbol", Bar("Z", "1s", START + SECOND, START, 10, 12, 9, 10)),
]


def ids_of(cases: list[tuple[str, object]]) -> list[str]:
    return [f"{number}-{reason}" for number, (reason, _) in enumerate(cases)]


def warmed() -> DataEngine:
    """An engine that has seen one of everything at START."""
    data = strict()
    assert data.process_trade(trade(trade_id="1"))
    assert data.process_quote(Quote("A", START, 99.0, 101.0))
    return data


@pytest.mark.parametrize(("reason", "event"), BAD_TRADES, ids=ids_of(BAD_TRADES))
def test_a_bad_trade_is_counted_by_reason_and_has_no_effect(reason: str, event: Trade) -> None:
    data = warmed()
    data.on_trade(lambda _: pytest.fail("a rejected trade was passed on"))
    before = seen_by(data)
    assert not data.process_trade(event)
    assert data.rejected == {reason: 1}
    assert seen_by(data) == before


@pytest.mark.parametrize(("reason", "event"), BAD_QUOTES, ids=ids_of(BAD_QUOTES))
def test_a_bad_quote_is_counted_by_reason_and_has_no_effect(reason: str, event: Quote) -> None:
    data = warmed()
    data.on_quote(lambda _: pytest.fail("a rejected quote was passed on"))
    before = seen_by(data)
    assert not data.process_quote(event)
    assert data.rejected == {reason: 1}
    assert seen_by(data) == before


@pytest.mark.parametrize(("reason", "event"), BAD_BARS, ids=ids_of(BAD_BARS))
def test_a_bad_bar_is_counted_by_reason_and_has_no_effect(reason: str, event: Bar) -> None:
    data = strict()
    assert data.process_bar(bar(10, 12, 9, 10, ts_open=START - SECOND))
    data.on_bar(lambda _: pytest.fail("a rejected bar was passed on"))
    before = seen_by(data)
    assert not data.process_bar(event)
    assert data.rejected == {reason: 1}
    assert seen_by(data) == before


@pytest.mark.parametrize("price", [0.0, -1.0, NAN, INF])
def test_the_open_of_a_bar_is_judged_too(price: float) -> None:
    data = strict()
    assert data.accept_open(BarOpen("A", START, price)) is None
    assert data.accept_open(BarOpen("A", START, 10.0)) is not None
    assert data.accept_open(BarOpen("A", START, 10.0)) is None
    assert data.accept_open(BarOpen("Z", START, 10.0)) is None
    assert data.rejected == {
        "bar: price not a number above zero": 1,
        "bar: out of order": 1,
        "bar: unknown symbol": 1,
    }


@given(price=st.floats(), size=st.floats(), ts=st.integers(START - SECOND, START + SECOND))
def test_no_float_at_all_gets_past_the_rules(price: float, size: float, ts: int) -> None:
    data = warmed()
    accepted = data.process_trade(trade(price, size, ts))
    sane = all(0 < each < 1e21 for each in (price, size)) and ts >= START
    assert accepted == sane
    assert data.last("A") == (price if sane else 100.0)
    assert sum(data.rejected.values()) == (not sane)


@given(st.lists(st.floats(), min_size=4, max_size=4))
def test_no_bar_with_a_price_outside_its_range_gets_past_the_rules(prices: list[float]) -> None:
    o, h, low, c = prices
    sane = all(0 < each < 1e21 for each in prices) and low <= min(o, c) <= max(o, c) <= h
    assert strict().process_bar(bar(o, h, low, c)) == sane


def test_order_is_judged_per_symbol_and_kind_of_stream() -> None:
    data = strict("A", "B")
    assert data.process_trade(trade(ts=START + SECOND))
    assert data.process_trade(Trade("B", START, 1.0, 1.0))
    assert data.process_quote(Quote("A", START, 99.0, 101.0))
    assert data.process_trade(trade(ts=START + SECOND))
    assert not data.process_trade(trade(ts=START))
    assert data.rejected == {"trade: out of order": 1}


def test_a_quote_whose_bid_is_its_ask_is_locked_and_not_crossed() -> None:
    assert strict().process_quote(Quote("A", START, 100.0, 100.0))


def test_a_trade_id_is_known_for_ten_thousand_trades_and_then_free_again() -> None:
    data = strict()
    ids = [str(number) for number in range(REMEMBERED_TRADE_IDS)]
    for number, trade_id in enumerate(ids):
        assert data.process_trade(trade(ts=START + number, trade_id=trade_id))
    now = START + len(ids)
    assert not data.process_trade(trade(ts=now, trade_id="0"))
    assert data.process_trade(trade(ts=now, trade_id="one more"))
    assert data.process_trade(trade(ts=now, trade_id="0"))
    assert not data.process_trade(trade(ts=now, trade_id="0"))
    assert not data.process_trade(trade(ts=now, trade_id="2"))
    assert data.rejected == {"trade: duplicate id": 3}


def test_ids_stay_known_however_long_the_run_and_memory_stays_bounded() -> None:
    data = strict()
    for number in range(4 * REMEMBERED_TRADE_IDS):
        data.process_trade(trade(ts=START + number, trade_id=str(number)))
    assert len(data.markets.states["A"].trade_ids) <= 3 * REMEMBERED_TRADE_IDS
    now = START + 4 * REMEMBERED_TRADE_IDS
    for age in (1, 2, REMEMBERED_TRADE_IDS):
        assert not data.process_trade(trade(ts=now, trade_id=str(4 * REMEMBERED_TRADE_IDS - age)))


def test_ids_are_of_one_symbol_and_trades_without_one_are_never_duplicates() -> None:
    data = strict("A", "B")
    assert data.process_trade(trade(trade_id="1"))
    assert data.process_trade(Trade("B", START, 1.0, 1.0, None, "1"))
    assert data.process_trade(trade())
    assert data.process_trade(trade())


def test_a_rejected_event_does_not_move_the_clock() -> None:
    data = warmed()
    bars: list[Bar] = []
    data.on_bar(bars.append)
    data.subscribe_bars("A", "1s")
    data.process_trade(trade())
    data.process_trade(trade(price=NAN, ts=START + 5 * SECOND))
    data.process_quote(Quote("A", START + 5 * SECOND, 2.0, 1.0))
    data.process_trade(trade(trade_id="1", ts=START + 5 * SECOND))
    assert bars == []
    data.accept_time(VenueTime("sim", START + 5 * SECOND))
    assert len(bars) == 1


LEVELS = ((99.0, 1.0),), ((101.0, 2.0),)


def test_a_book_stands_in_for_quotes_until_there_are_quotes() -> None:
    data = strict()
    state = data.markets.states["A"]
    assert data.process_book(BookSnapshot("A", START, *LEVELS, 10))
    assert (state.bid, state.ask, state.quoted) == (99.0, 101.0, 1)
    assert data.process_book(BookDelta("A", START, ((100.0, 1.0),), (), 11, 11, 10))
    assert (state.bid, state.ask) == (100.0, 101.0)
    assert data.process_quote(Quote("A", START, 90.0, 110.0))
    assert data.process_book(BookDelta("A", START, ((100.5, 1.0),), (), 12, 12, 11))
    assert (state.bid, state.ask, state.quoted) == (90.0, 110.0, 2)


def test_a_book_message_that_does_not_follow_changes_no_price() -> None:
    data = strict()
    assert data.process_book(BookSnapshot("A", START, *LEVELS, 10))
    assert not data.process_book(BookDelta("A", START + 1, ((100.0, 1.0),), (), 15, 16, 14))
    assert not data.process_book(BookSnapshot("Z", START, *LEVELS, 10))
    assert data.rejected["book: unknown symbol"] == 1


def test_without_trades_the_middle_stands_for_the_last_price() -> None:
    data = strict()
    data.process_quote(Quote("A", START, 99.0, 102.0))
    assert data.last("A") == 100.5
    data.process_trade(trade(price=101.0))
    data.process_quote(Quote("A", START + 1, 90.0, 91.0))
    assert data.last("A") == 101.0


def test_a_script_uses_the_data_engine_alone() -> None:
    data = DataEngine()
    prices: list[float] = []
    spreads: list[float] = []
    closes: list[float] = []
    data.on_trade(lambda each: prices.append(each.price))
    data.on_quote(lambda each: spreads.append(each.ask - each.bid))
    data.on_bar(lambda each: closes.append(each.close))
    data.subscribe_bars("BTC/USDT", "1s")
    for second in range(3):
        ts = START + second * SECOND
        data.process_trade(Trade(symbol="BTC/USDT", ts=ts, price=100.0 + second, size=0.5))
        data.process_quote(Quote("BTC/USDT", ts, 99.0, 101.0))
    assert prices == [100.0, 101.0, 102.0]
    assert spreads == [2.0] * 3
    assert closes == [100.0, 101.0]
    assert data.last("BTC/USDT") == 102.0
    assert data.last("ETH/USDT") is None


def test_handlers_hear_of_a_trade_after_the_price_moved_and_of_its_bars_after_that() -> None:
    data = DataEngine()
    heard: list[tuple[str, float | None]] = []
    data.on_bar(lambda _: heard.append(("bar", data.last("A"))))
    data.on_trade(lambda _: heard.append(("trade", data.last("A"))))
    data.subscribe_bars("A", "1-tick")
    data.process_trade(trade(price=7.0))
    assert heard == [("trade", 7.0), ("bar", 7.0)]


@pytest.mark.parametrize("make", [DataEngine, strict])
def test_statistics_count_what_was_taken_and_what_was_not(make: Callable[[], DataEngine]) -> None:
    data = make()
    data.subscribe_bars("A", "2-tick")
    for price in (1.0, 2.0, NAN, 3.0, 0.0):
        data.process_trade(trade(price=price))
    data.process_quote(Quote("A", START, 2.0, 1.0))
    data.process_quote(Quote("A", START, 1.0, 2.0))
    statistics = data.statistics()
    rate = statistics.pop("trades_per_second")
    assert isinstance(rate, float)
    assert rate > 0
    assert statistics == {
        "trades_processed": 3,
        "trades_rejected": 2,
        "quotes_processed": 1,
        "bars_built": 1,
        "late": 0,
        "rejected_by_reason": {
            "trade: not a number": 1,
            "trade: price not above zero": 1,
            "quote: crossed": 1,
        },
    }


def test_without_statistics_nothing_is_measured() -> None:
    data = DataEngine(statistics=False)
    data.process_trade(trade())
    assert data.statistics()["trades_per_second"] == 0.0


def test_bars_of_an_unknown_symbol_or_kind_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no symbol `Z`"):
        strict().subscribe_bars("Z", "1m")
    with pytest.raises(UsageError, match="no kind of bar"):
        strict().subscribe_bars("A", "1x")
