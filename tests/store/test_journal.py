"""What is journaled comes back as it was, and what was damaged is named and never read."""

import random
import sqlite3
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import JournalCorruptError
from alphaforge.model.commands import CancelAll, SetRiskState, StartSession, StopStrategy
from alphaforge.model.enums import OrderSide, RiskState
from alphaforge.model.market import (
    Bar,
    BookDelta,
    FundingRate,
    HistoryBars,
    Quote,
    Trade,
    VenueTime,
)
from alphaforge.model.reports import OrderFilled, OutcomeUnknown, TradeBusted
from alphaforge.store import intake
from alphaforge.store.journal import (
    Chain,
    decode_block,
    encode,
    encode_block,
    kind_of,
    read_inputs,
    read_steps,
)
from alphaforge.store.reads import open_reader
from alphaforge.store.writer import Writer
from tests.store.stories import START, Desk, day, record

RUN = record().run_id

money = st.decimals(allow_nan=False, allow_infinity=False, places=8)
times = st.integers(0, 2**62)
names = st.text(max_size=8)

market_events = st.one_of(
    st.builds(
        Trade, names, times, st.floats(1e-8, 1e9), st.floats(1e-8, 1e9),
        st.sampled_from([None, OrderSide.BUY, OrderSide.SELL]), names, times,
    ),
    st.builds(Quote, names, times, st.floats(1, 9), st.floats(9, 19), ts_local=times),
    st.builds(
        BookDelta, names, times,
        st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9))).map(tuple), st.just(()),
        previous_id=st.one_of(st.none(), times),
    ),
    st.builds(FundingRate, names, times, money),
    st.builds(VenueTime, names, times),
    st.builds(
        lambda bar: HistoryBars(bar.symbol, bar.kind, bar.ts, (bar, bar)),
        st.builds(Bar, names, names, times, times, *([st.floats(0, 9)] * 4)),
    ),
)  # fmt: skip
inputs = st.one_of(
    market_events,
    st.builds(StartSession, times),
    st.builds(StopStrategy, names, times),
    st.builds(SetRiskState, st.sampled_from(RiskState), times, names),
    st.builds(CancelAll, times, names, names),
    st.builds(
        OrderFilled, names, names, names, money, money, money, names, ts=times, ts_local=times
    ),
    st.builds(OutcomeUnknown, names, names, ts=times, ts_local=times),
    st.builds(TradeBusted, names, names, times, times),
)


def row_of(chain: Chain, sequence: int, event) -> tuple[int, int, str, bytes, int]:
    payload, kind, ts = encode(event), kind_of(event), event.ts_local
    return sequence, ts, kind, payload, chain.add(sequence, f"{ts}|{kind}", payload)


@given(st.lists(inputs, max_size=8))
def test_every_input_comes_back_equal_and_of_its_own_type(events):
    written = Chain(RUN, "inputs")
    rows = [row_of(written, number, event) for number, event in enumerate(events)]
    back = [event for _, event in read_inputs(Chain(RUN, "inputs"), rows)]
    assert back == events
    assert [type(event) for event in back] == [type(event) for event in events]


def test_every_step_comes_back_equal():
    for step in day(Desk()):
        payload = encode(step)
        checksum = Chain(RUN, "decisions").add(step.sequence, str(step.ts), payload)
        row = (step.sequence, step.ts, payload, checksum)
        assert list(read_steps(Chain(RUN, "decisions"), [row])) == [step]


def test_a_decimal_keeps_every_digit_it_was_written_with():
    report = FundingRate("BTC/USDT", START, Decimal("0.00010000"))
    row = row_of(Chain(RUN, "inputs"), 1, report)
    [(_, back)] = read_inputs(Chain(RUN, "inputs"), [row])
    assert str(back.rate) == "0.00010000"


@given(st.lists(market_events, max_size=20), st.data())
def test_a_block_holds_its_events_with_their_own_sequence_numbers(events, data):
    gaps = data.draw(st.lists(st.integers(1, 2**40), min_size=len(events), max_size=len(events)))
    sequences = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    items = list(zip(sequences, events, strict=True))
    assert list(decode_block(encode_block(items))) == items


@given(st.data())
def test_any_flipped_bit_of_a_row_is_named(data):
    events = [StartSession(START + number) for number in range(5)]
    chain = Chain(RUN, "inputs")
    rows = [row_of(chain, number, event) for number, event in enumerate(events)]
    victim = data.draw(st.integers(0, 4))
    sequence, ts, kind, payload, checksum = rows[victim]
    bit = data.draw(st.integers(0, len(payload) * 8 - 1))
    damaged = bytearray(payload)
    damaged[bit // 8] ^= 1 << bit % 8
    rows[victim] = (sequence, ts, kind, bytes(damaged), checksum)
    read = read_inputs(Chain(RUN, "inputs"), rows)
    assert [next(read)[0] for _ in range(victim)] == list(range(victim))
    with pytest.raises(JournalCorruptError) as caught:
        next(read)
    error = caught.value
    assert (error.run_id, error.table, error.sequence) == (RUN, "inputs", victim)
    assert f"run {RUN}" in str(error)
    assert f"sequence {victim} of inputs" in str(error)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda rows: rows[:2] + rows[3:], id="a row is gone"),
        pytest.param(lambda rows: [*rows[:2], rows[3], rows[2], rows[4]], id="two rows swapped"),
        pytest.param(lambda rows: [*rows[:3], (9, *rows[3][1:]), rows[4]], id="a changed sequence"),
        pytest.param(lambda rows: [*rows[:3], (3, 1, *rows[3][2:]), rows[4]], id="a changed time"),
    ],
)
def test_rows_that_are_not_the_chain_that_was_written_are_refused(spoil):
    chain = Chain(RUN, "inputs")
    rows = [row_of(chain, number, StartSession(START + number)) for number in range(5)]
    with pytest.raises(JournalCorruptError):
        list(read_inputs(Chain(RUN, "inputs"), spoil(rows)))


def test_a_row_of_another_run_is_refused():
    row = row_of(Chain("other", "inputs"), 1, StartSession(START))
    with pytest.raises(JournalCorruptError):
        list(read_inputs(Chain(RUN, "inputs"), [row]))


def fill_journal(writer: Writer, monkeypatch) -> None:
    """Thirty events in each table of the journal."""
    monkeypatch.setattr(intake, "BLOCK_EVENTS", 3)
    writer.begin_run(record())
    desk = Desk()
    for sequence in range(1, 31):
        writer.record_market(RUN, sequence, Trade("BTC/USDT", START + sequence, 61000.5, 0.1))
        writer.append_input(RUN, sequence, StartSession(START + sequence))
        writer.append_step(RUN, desk.deny(f"reason {sequence}"))
    writer.flush()


def flip(path, table: str, seed: int) -> int:
    """Flip one bit of one payload in the file, as a bad disk would; the row's sequence."""
    chance = random.Random(seed)
    connection = sqlite3.connect(path)
    rows = connection.execute(f"SELECT sequence, payload FROM {table} ORDER BY 1").fetchall()
    sequence, payload = chance.choice(rows)
    damaged = bytearray(payload)
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    change = f"UPDATE {table} SET payload = ? WHERE sequence = ?"
    connection.execute(change, (bytes(damaged), sequence))
    connection.commit()
    connection.close()
    return sequence


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("table", "read"),
    [("inputs", "inputs"), ("decisions", "decisions"), ("recording_blocks", "recordings")],
)
async def test_a_damaged_row_in_the_file_is_named_by_run_table_and_sequence(
    writer, url, path, monkeypatch, table, read, seed
):
    fill_journal(writer, monkeypatch)
    writer.close()
    sequence = flip(path, table, seed)
    async with open_reader(url) as reader:
        with pytest.raises(JournalCorruptError) as caught:
            _ = [chunk async for chunk in getattr(reader, read)(RUN)]
    assert (caught.value.run_id, caught.value.table) == (RUN, table)
    assert caught.value.sequence == sequence


def test_views_are_not_rebuilt_from_a_damaged_journal_and_the_old_ones_stay(
    writer, path, rows, monkeypatch
):
    fill_journal(writer, monkeypatch)
    flip(path, "decisions", 0)
    with pytest.raises(JournalCorruptError):
        writer.rebuild_views(RUN)
    assert len(rows("SELECT * FROM orders")) == 30
