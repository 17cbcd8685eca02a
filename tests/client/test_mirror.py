"""A mirror holds what the engine told it, whole or named as old: gaps, late joins, watches."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.client.errors import ControlError
from alphaforge.client.market_records import BarRow, BookRow, TapeRow
from alphaforge.client.messages import (
    CHANNELS,
    BarsMessage,
    Beat,
    BookMessage,
    ErrorMessage,
    TapeMessage,
    Watch,
)
from alphaforge.client.mirror import MOST_TAPE, Mirror, decode_message
from alphaforge.client.records import LogRow, RiskRow, SummaryRow
from tests.client.rows import TS, difference, row, snapshot

CHANNEL = "risk"


def risk(used: int) -> RiskRow:
    return row(RiskRow, name="max_open_orders", used=str(used))


CHANGES = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9), max_size=3),
        st.sets(st.sampled_from("abcd"), max_size=2),
    ),
    min_size=1,
    max_size=20,
)
Change = tuple[dict[str, int], set[str]]


def told(changes: list[Change]) -> list[dict[str, RiskRow]]:
    """The engine's own rows after each change, the first being none."""
    states: list[dict[str, RiskRow]] = [{}]
    for fresh, gone in changes:
        rows = {key: value for key, value in states[-1].items() if key not in gone}
        states.append(rows | {key: risk(used) for key, used in fresh.items()})
    return states


def message_of(seq: int, change: Change):
    fresh, gone = change
    return difference(CHANNEL, seq, {key: risk(used) for key, used in fresh.items()}, tuple(gone))


@given(CHANGES, st.data())
def test_one_that_lost_messages_holds_the_same_rows_as_one_that_heard_all(
    changes: list[Change], data: st.DataObject
) -> None:
    states = told(changes)
    mirror = Mirror()
    mirror.apply(snapshot(CHANNEL, 0, {}))
    for seq, change in enumerate(changes, 1):
        if data.draw(st.booleans(), label=f"{seq} is lost"):
            continue
        ask = mirror.apply(message_of(seq, change))
        assert ask in {None, CHANNEL}
        if ask == CHANNEL and data.draw(st.booleans(), label=f"answered at {seq}"):
            mirror.apply(snapshot(CHANNEL, seq, states[seq]))
        if CHANNEL not in mirror.waiting:
            held = mirror.tables[CHANNEL].seq
            assert mirror.risk == states[held]
    mirror.apply(snapshot(CHANNEL, len(changes), states[-1]))
    assert (mirror.risk, CHANNEL in mirror.waiting) == (states[-1], False)


@given(CHANGES, st.data())
def test_a_snapshot_after_differences_is_not_overtaken_by_what_it_holds(
    changes: list[Change], data: st.DataObject
) -> None:
    states = told(changes)
    joined = data.draw(st.integers(0, len(changes)), label="snapshot of")
    mirror = Mirror()
    mirror.apply(snapshot(CHANNEL, joined, states[joined]))
    for seq, change in enumerate(changes, 1):
        assert mirror.apply(message_of(seq, change)) is None
    assert mirror.risk == states[-1]


def test_a_gap_is_asked_for_once_and_the_old_rows_stay_until_the_answer() -> None:
    mirror = Mirror()
    mirror.apply(snapshot(CHANNEL, 1, {"a": risk(1)}))
    assert mirror.apply(difference(CHANNEL, 3, {"a": risk(3)})) == CHANNEL
    assert mirror.apply(difference(CHANNEL, 4, {"a": risk(4)})) is None
    assert (mirror.risk["a"].used, CHANNEL in mirror.waiting) == ("1", True)
    mirror.apply(snapshot(CHANNEL, 4, {"a": risk(4)}))
    assert mirror.apply(difference(CHANNEL, 5, {}, ("a",))) is None
    assert (mirror.risk, CHANNEL in mirror.waiting) == ({}, False)


def test_a_channel_nobody_introduced_is_asked_for() -> None:
    assert Mirror().apply(difference("orders", 7, {})) == "orders"


def test_it_is_whole_when_every_channel_was_told_and_old_once_the_stream_is_lost() -> None:
    mirror = Mirror()
    assert mirror.waiting == set(CHANNELS)
    for channel in CHANNELS:
        mirror.apply(snapshot(channel, 0, {}))
    assert mirror.is_whole
    mirror.lost()
    assert mirror.waiting == set(CHANNELS)
    assert mirror.apply(difference("orders", 1, {})) == "orders"


def test_changes_are_named_once() -> None:
    mirror = Mirror()
    mirror.apply(snapshot("portfolio", 3, {"run": row(SummaryRow, equity="10000")}))
    mirror.apply(Beat(ts="2026-11-20T09:15:01.000000000Z"))
    assert mirror.summary is not None
    assert (mirror.summary.equity, mirror.now[:19]) == ("10000", "2026-11-20T09:15:01")
    assert (mirror.take_changes(), mirror.take_changes()) == ({"portfolio"}, set())


def test_a_held_table_is_the_same_object_after_a_snapshot() -> None:
    mirror = Mirror()
    log = mirror.log
    mirror.apply(snapshot("log", 1, {"1": row(LogRow, message="began")}))
    assert [line.message for line in log.values()] == ["began"]


def test_a_row_of_another_version_is_an_error_that_says_so() -> None:
    mirror = Mirror()
    message = snapshot("risk", 1, {"a": Beat(ts=TS)})
    with pytest.raises(ControlError, match="cannot read") as caught:
        mirror.apply(message)
    assert "version" in caught.value.remedy


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"type":"new"}', b"\xff", "nonsense"])
def test_a_frame_that_is_no_message_is_an_error_that_says_so(text: bytes | str) -> None:
    with pytest.raises(ControlError, match="cannot read"):
        decode_message(text)


def test_what_was_encoded_is_decoded() -> None:
    sent = difference("orders", 4, {}, ("o-000001",))
    assert decode_message(msgspec.json.encode(sent)) == sent


def book(symbol: str, price: str) -> BookMessage:
    return BookMessage(book=BookRow(symbol=symbol, ts=TS, bids=((price, "1"),), asks=()))


def trades(symbol: str, *prices: int) -> TapeMessage:
    rows = tuple(TapeRow(ts=TS, price=str(price), size="1", side="BUY") for price in prices)
    return TapeMessage(symbol=symbol, trades=rows)


def bars(symbol: str, first: int, *closes: float, **indicators: tuple[float | None, ...]):
    rows = tuple(
        row(BarRow, ts_open=f"2026-11-20T09:{first + at:02d}:00.000000000Z", close=close)
        for at, close in enumerate(closes)
    )
    return BarsMessage(symbol=symbol, kind="1m", bars=rows, indicators=indicators)


def test_what_is_still_on_its_way_for_another_symbol_is_not_shown() -> None:
    mirror = Mirror()
    mirror.watching(Watch(symbol="BTC/USDT"))
    mirror.apply(book("BTC/USDT", "100"))
    mirror.watching(Watch(symbol="ETH/USDT"))
    mirror.take_changes()
    for late in (book("BTC/USDT", "101"), trades("BTC/USDT", 1), bars("BTC/USDT", 0, 1.0)):
        mirror.apply(late)
    assert (mirror.book, len(mirror.tape), mirror.bars) == (None, 0, [])
    assert not mirror.changed
    mirror.apply(book("ETH/USDT", "5"))
    assert mirror.book is not None


def test_the_tape_keeps_the_latest_trades() -> None:
    mirror = Mirror()
    mirror.apply(trades("BTC/USDT", *range(MOST_TAPE)))
    mirror.apply(trades("BTC/USDT", 7, 8))
    assert (len(mirror.tape), mirror.tape[-1].price, mirror.tape[0].price) == (MOST_TAPE, "8", "2")


def test_a_candle_replaces_the_unfinished_one_and_its_indicators_stay_aligned() -> None:
    mirror = Mirror()
    mirror.apply(bars("BTC/USDT", 0, 1.0, 2.0, 3.0, ema=(None, 1.5, 2.5)))
    mirror.apply(bars("BTC/USDT", 2, 3.5, 4.0, ema=(2.75, 3.5), rsi=(50.0, 60.0)))
    assert [bar.close for bar in mirror.bars] == [1.0, 2.0, 3.5, 4.0]
    assert mirror.bars_indicators == {
        "ema": [None, 1.5, 2.75, 3.5],
        "rsi": [None, None, 50.0, 60.0],
    }


MINUTES = st.tuples(
    st.integers(0, 30), st.lists(st.floats(1, 9), min_size=1, max_size=8), st.booleans()
)


@given(st.lists(MINUTES, max_size=8))
def test_candles_are_always_in_order_each_once_with_a_value_for_every_indicator(
    messages: list[tuple[int, list[float], bool]],
) -> None:
    mirror, latest = Mirror(), dict[str, float]()
    for first, closes, has_indicator in messages:
        values = {"ema": tuple(closes)} if has_indicator else {}
        message = bars("BTC/USDT", first, *closes, **values)
        mirror.apply(message)
        latest |= {bar.ts_open: bar.close for bar in message.bars}
    assert {bar.ts_open: bar.close for bar in mirror.bars} == latest
    assert [bar.ts_open for bar in mirror.bars] == sorted(latest)
    for series in mirror.bars_indicators.values():
        assert len(series) == len(mirror.bars)


def test_a_complaint_of_the_engine_is_kept() -> None:
    mirror = Mirror()
    mirror.apply(ErrorMessage(code="AF-N000", message="there is no symbol X"))
    assert mirror.error is not None
    assert mirror.error.message == "there is no symbol X"
