"""Bars of every kind equal a plain one-trade-at-a-time aggregator and conserve volume exactly."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine import bars as bars_module
from alphaforge.engine.bars import BarBuilder, parse_kind
from alphaforge.engine.data import DataEngine
from alphaforge.engine.markets import Markets
from alphaforge.errors import UsageError
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, Quote, Trade, VenueTime

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
START = 20_000 * DAY
PRICE_STEP = Decimal("0.01")


class Print(NamedTuple):
    """A trade in whole steps: the reference counts, it never rounds."""

    symbol: str
    ts: int
    ticks: int
    lots: int

    def trade(self, step: Decimal) -> Trade:
        return Trade(self.symbol, self.ts, float(self.ticks * PRICE_STEP), float(self.lots * step))


class Heap:
    """The reference's bar in the making: nothing but a list of prints."""

    def __init__(self, symbol: str, kind: str, step: Decimal) -> None:
        self.symbol, self.kind, self.step = symbol, parse_kind(kind), step
        self.prints: list[Print] = []

    def bucket(self, ts: int) -> int:
        return ts // self.kind.interval_ns * self.kind.interval_ns

    @property
    def end(self) -> int:
        return self.bucket(self.prints[0].ts) + self.kind.interval_ns

    def total(self) -> Fraction:
        if self.kind.basis == "tick":
            return Fraction(len(self.prints))
        worth = PRICE_STEP if self.kind.basis == "value" else 1
        counts = (
            each.lots * (each.ticks if self.kind.basis == "value" else 1) for each in self.prints
        )
        return sum(counts) * Fraction(self.step) * Fraction(worth)

    def take(self, ts: int, ts_open: int) -> Bar:
        prices = [float(each.ticks * PRICE_STEP) for each in self.prints]
        lots = sum(each.lots for each in self.prints)
        bar = Bar(
            self.symbol,
            self.kind.text,
            ts,
            ts_open,
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
            float(lots * self.step),
            len(prices),
        )
        self.prints = []
        return bar


class Reference:
    """What contract §2 says about bars, one trade after the other."""

    def __init__(self, wanted: Sequence[tuple[str, str]], step: Decimal) -> None:
        self.clock = 0
        self.late = 0
        self.bars: list[Bar] = []
        self.heaps = [Heap(symbol, kind, step) for symbol, kind in wanted]

    def take(self, one: Print) -> None:
        self.clock = max(self.clock, one.ts)
        due = [
            heap
            for heap in self.heaps
            if heap.kind.interval_ns and heap.prints and heap.end <= self.clock
        ]
        due.sort(key=lambda heap: (heap.end, heap.symbol, heap.kind.interval_ns))
        self.bars += [heap.take(heap.end, heap.end - heap.kind.interval_ns) for heap in due]
        late = False
        for heap in self.heaps:
            if heap.symbol != one.symbol:
                continue
            if heap.kind.interval_ns and heap.bucket(one.ts) < heap.bucket(self.clock):
                late = True
                continue
            heap.prints.append(one)
            if heap.kind.threshold and heap.total() >= Fraction(heap.kind.threshold):
                self.bars.append(heap.take(one.ts, heap.prints[0].ts))
        self.late += late


def engine_of(symbols: Sequence[str], step: Decimal = Decimal("0.001")) -> DataEngine:
    return DataEngine(
        Markets(
            {
                name: Instrument(symbol=name, price_step=PRICE_STEP, quantity_step=step)
                for name in symbols
            }
        )
    )


def collected(data: DataEngine, wanted: Sequence[tuple[str, str]]) -> list[Bar]:
    bars: list[Bar] = []
    data.on_bar(bars.append)
    for symbol, kind in wanted:
        data.subscribe_bars(symbol, kind)
    return bars


STEPS_NS = (0, 1, 400_000_000, SECOND - 1, SECOND, 3 * SECOND, 61 * SECOND, 7 * MINUTE)


@st.composite
def markets(draw: st.DrawFn, symbols: Sequence[str] = ("A", "B", "C")) -> list[Print]:
    """Trades of several symbols: each in its own time order, all mixed, so that some are late."""
    times = dict.fromkeys(symbols, START + draw(st.integers(0, 90)) * SECOND)
    prints: list[Print] = []
    for _ in range(draw(st.integers(0, 60))):
        symbol = draw(st.sampled_from(symbols))
        times[symbol] += draw(st.sampled_from(STEPS_NS))
        ticks, lots = draw(st.integers(1, 40)), draw(st.integers(1, 30))
        prints.append(Print(symbol, times[symbol], ticks, lots))
    return prints


KINDS = (
    "1s",
    "5s",
    "1m",
    "3-tick",
    "1-tick",
    "0.004-volume",
    "0.0105-volume",
    "0.01-value",
    "1-value",
)
wanted_bars = st.lists(
    st.tuples(st.sampled_from(("A", "B", "C")), st.sampled_from(KINDS)), unique=True, max_size=12
)


@pytest.mark.parametrize("compact_rows", [1, 4, 65_536])
@given(
    prints=markets(),
    wanted=wanted_bars,
    step=st.sampled_from(("0.001", "0.0010", "1", "0.003", "0.25", "10")).map(Decimal),
)
def test_bars_equal_a_plain_aggregator(
    compact_rows: int, prints: list[Print], wanted: list[tuple[str, str]], step: Decimal
) -> None:
    data = engine_of(("A", "B", "C"), step)
    bars = collected(data, wanted)
    reference = Reference(sorted(wanted, key=lambda each: each[0]), step)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bars_module, "COMPACT_ROWS", compact_rows)
        for one in prints:
            assert data.process_trade(one.trade(step))
            reference.take(one)
            assert bars == reference.bars
    assert data.late == reference.late
    assert data.bars_built == len(bars)
    assert data.unfinished == sum(bool(heap.prints) for heap in reference.heaps)


@given(prints=markets(("A",)), kind=st.sampled_from(KINDS))
def test_volume_is_conserved_to_the_last_lot(prints: list[Print], kind: str) -> None:
    data = engine_of(("A",))
    bars = collected(data, [("A", kind)])
    for one in prints:
        data.process_trade(one.trade(Decimal("0.001")))
    finished = sum(round(bar.volume * 1000) for bar in bars)
    assert finished + open_lots(data.builders[0]) == sum(one.lots for one in prints)
    assert sum(bar.trade_count for bar in bars) <= len(prints)


def open_lots(builder: BarBuilder) -> int:
    """What the one bar in the making holds; it is never delivered, so nobody else can see it."""
    (each,) = (*builder._time, *builder._thresholds)
    return builder._lots - each.lots


def by_symbol(bar: Bar) -> tuple[str, int]:
    return bar.symbol, bar.ts


@given(prints=markets(("A", "B")), higher=st.sampled_from(("2m", "5m", "15m")))
def test_bars_of_bars_equal_bars_of_their_trades(prints: list[Print], higher: str) -> None:
    prints.sort(key=lambda one: one.ts)
    direct = engine_of(("A", "B"))
    bars = collected(direct, [(symbol, kind) for symbol in ("A", "B") for kind in ("1m", higher)])
    for one in prints:
        direct.process_trade(one.trade(Decimal("0.001")))
    direct.accept_time(VenueTime("sim", START + DAY))
    derived = engine_of(("A", "B"))
    found = collected(derived, [("A", higher), ("B", higher)])
    for bar in [bar for bar in bars if bar.kind == "1m"]:
        assert derived.process_bar(bar)
    derived.accept_time(VenueTime("sim", START + DAY))
    wanted = sorted((bar for bar in bars if bar.kind == higher), key=by_symbol)
    assert sorted((bar for bar in found if bar.kind == higher), key=by_symbol) == wanted


def test_a_symbol_with_a_gap_gets_its_bar_of_bars_though_another_moved_the_clock() -> None:
    data = engine_of(("A", "B"))
    bars = collected(data, [("A", "5m")])
    for symbol, minute in (("A", 0), ("B", 4), ("A", 5), ("A", 10)):
        ts = START + minute * MINUTE
        data.process_bar(Bar(symbol, "1m", ts + MINUTE, ts, 1.0, 1.0, 1.0, 1.0, 0.001, 1))
    derived = [(bar.ts_open - START) // MINUTE for bar in bars if bar.kind == "5m"]
    assert derived == [0, 5]


def test_a_late_lower_bar_is_counted_and_not_added() -> None:
    data = engine_of(("A", "B"))
    bars = collected(data, [("A", "5m")])
    for symbol, minute in (("A", 0), ("B", 5), ("A", 1), ("A", 6), ("A", 10)):
        ts = START + minute * MINUTE
        data.process_bar(Bar(symbol, "1m", ts + MINUTE, ts, 1.0, 1.0, 1.0, 1.0, 0.001, 1))
    assert [bar.volume for bar in bars if bar.kind == "5m"] == [0.001, 0.001]
    assert data.late == 1


def test_the_value_of_an_inverse_contract_is_its_face_at_any_price() -> None:
    inverse = Instrument(
        symbol="BTC/USD:BTC",
        kind=InstrumentKind.INVERSE,
        multiplier=Decimal(100),
        quantity_step=Decimal(1),
        price_step=Decimal("0.1"),
    )
    data = DataEngine(Markets({inverse.symbol: inverse}))
    bars = collected(data, [(inverse.symbol, "1000-value")])
    for number in range(4):
        data.process_trade(Trade(inverse.symbol, START + number, 61_659.7, 4.0))
    assert [bar.volume for bar in bars] == [12.0]


def test_time_bars_are_aligned_to_the_epoch_and_leave_their_end_out() -> None:
    data = engine_of(("A",))
    bars = collected(data, [("A", "5m"), ("A", "1d")])
    for ts in (START + 1, START + 5 * MINUTE - 1, START + 5 * MINUTE, START + DAY):
        data.process_trade(Print("A", ts, 100, 1).trade(Decimal("0.001")))
    assert [(bar.kind, bar.ts_open, bar.ts, bar.trade_count) for bar in bars] == [
        ("5m", START, START + 5 * MINUTE, 2),
        ("5m", START + 5 * MINUTE, START + 10 * MINUTE, 1),
        ("1d", START, START + DAY, 3),
    ]


def test_a_time_bar_closes_with_its_venues_clock_whichever_symbol_moves_it() -> None:
    data = engine_of(("A", "B"))
    bars = collected(data, [("A", "1s")])
    data.process_trade(Print("A", START, 100, 1).trade(Decimal("0.001")))
    data.process_trade(Print("B", START + SECOND - 1, 100, 1).trade(Decimal("0.001")))
    assert bars == []
    data.process_quote(Quote("B", START + SECOND, 1.0, 2.0))
    assert [bar.ts for bar in bars] == [START + SECOND]


def test_another_venues_clock_closes_nothing() -> None:
    data = DataEngine(
        Markets({name: Instrument(symbol=name, venue=name) for name in ("here", "there")})
    )
    bars = collected(data, [("here", "1s")])
    data.process_trade(Trade("here", START, 1.0, 1.0))
    data.process_trade(Trade("there", START + DAY, 1.0, 1.0))
    data.accept_time(VenueTime("there", START + 2 * DAY))
    data.accept_time(VenueTime("nowhere", START + 2 * DAY))
    assert bars == []


def test_seconds_without_a_trade_have_no_bar() -> None:
    data = engine_of(("A",))
    bars = collected(data, [("A", "1s")])
    for second in (0, 1, 7):
        data.process_trade(Print("A", START + second * SECOND, 100, 1).trade(Decimal("0.001")))
    data.accept_time(VenueTime("sim", START + MINUTE))
    assert [(bar.ts_open - START) // SECOND for bar in bars] == [0, 1, 7]


def test_a_late_trade_is_counted_and_only_added_where_its_bucket_is_open() -> None:
    data = engine_of(("A", "B"))
    seen: list[Trade] = []
    data.on_trade(seen.append)
    bars = collected(data, [("A", "1s"), ("A", "1m"), ("A", "3-tick")])
    data.process_trade(Print("A", START, 100, 1).trade(Decimal("0.001")))
    data.process_trade(Print("B", START + 2 * SECOND, 100, 1).trade(Decimal("0.001")))
    late = Print("A", START + 1, 500, 4).trade(Decimal("0.001"))
    data.process_trade(late)
    data.process_trade(Print("A", START + 2 * SECOND, 100, 2).trade(Decimal("0.001")))
    data.accept_time(VenueTime("sim", START + MINUTE))
    assert {(bar.kind, bar.ts_open - START): (bar.high, bar.volume) for bar in bars} == {
        ("1s", 0): (1.0, 0.001),
        ("1s", 2 * SECOND): (1.0, 0.002),
        ("1m", 0): (5.0, 0.007),
        ("3-tick", 0): (5.0, 0.007),
    }
    assert data.late == 1
    assert late in seen
    assert data.last("A") == 1.0


def test_a_threshold_bar_takes_its_last_trade_whole_and_carries_nothing_over() -> None:
    data = engine_of(("A",))
    bars = collected(data, [("A", "0.010-volume")])
    for number, lots in enumerate((4, 50, 9, 1)):
        data.process_trade(Print("A", START + number, 100, lots).trade(Decimal("0.001")))
    assert [(bar.ts_open - START, bar.ts - START, bar.volume) for bar in bars] == [
        (0, 1, 0.054),
        (2, 3, 0.01),
    ]


def test_a_threshold_between_two_steps_is_reached_by_the_step_after_it() -> None:
    data = engine_of(("A",), Decimal(1))
    bars = collected(data, [("A", "1.5-volume")])
    for number in range(4):
        data.process_trade(Print("A", START + number, 100, 1).trade(Decimal(1)))
    assert [bar.volume for bar in bars] == [2.0, 2.0]


def test_the_unfinished_bar_is_counted_and_not_delivered() -> None:
    data = engine_of(("A",))
    bars = collected(data, [("A", "1m"), ("A", "2-tick")])
    data.process_trade(Print("A", START, 100, 1).trade(Decimal("0.001")))
    assert (bars, data.unfinished) == ([], 2)


def test_bars_of_quotes_are_of_the_middle_and_without_volume() -> None:
    data = engine_of(("A",))
    bars = collected(data, [("A", "1m@quote"), ("A", "1m")])
    for second, (bid, ask) in enumerate(((1.0, 2.0), (3.0, 4.0), (1.0, 1.5))):
        data.process_quote(Quote("A", START + second * SECOND, bid, ask))
    data.accept_time(VenueTime("sim", START + MINUTE))
    (bar,) = bars
    assert (bar.kind, bar.open, bar.high, bar.low, bar.close) == ("1m@quote", 1.5, 3.5, 1.25, 1.25)
    assert (bar.volume, bar.trade_count, bar.ts_open) == (0.0, 3, START)


def test_a_late_quote_is_not_added_to_the_next_bar_of_quotes() -> None:
    data = engine_of(("A", "B"))
    bars = collected(data, [("A", "1m@quote")])
    data.process_quote(Quote("A", START, 1.0, 1.0))
    data.process_trade(Trade("B", START + MINUTE, 1.0, 1.0))
    data.process_quote(Quote("A", START + 1, 9.0, 9.0))
    data.process_quote(Quote("A", START + MINUTE, 2.0, 2.0))
    data.accept_time(VenueTime("sim", START + 2 * MINUTE))
    assert [(bar.open, bar.high) for bar in bars] == [(1.0, 1.0), (2.0, 2.0)]


def test_what_was_lost_marks_the_open_bars_and_no_later_one() -> None:
    data = engine_of(("A",))
    bars = collected(data, [("A", "1s"), ("A", "2-tick")])
    data.process_trade(Print("A", START, 100, 1).trade(Decimal("0.001")))
    data.builders[0].mark_gap()
    for second in (1, 2, 3):
        data.process_trade(Print("A", START + second * SECOND, 100, 1).trade(Decimal("0.001")))
    assert [(bar.kind, bar.complete) for bar in bars] == [
        ("1s", False),
        ("2-tick", False),
        ("1s", True),
        ("1s", True),
        ("2-tick", True),
    ]


def test_a_kind_asked_for_twice_is_built_once() -> None:
    data = engine_of(("A",))
    bars = collected(data, [("A", "1-tick"), ("A", "1-tick")])
    data.process_trade(Print("A", START, 100, 1).trade(Decimal("0.001")))
    assert len(bars) == 1


def test_a_kind_asked_for_in_the_middle_starts_there() -> None:
    data = engine_of(("A",))
    bars = collected(data, [("A", "1m")])
    data.process_trade(Print("A", START, 100, 1).trade(Decimal("0.001")))
    data.subscribe_bars("A", "1s")
    data.subscribe_bars("A", "2-tick")
    data.process_trade(Print("A", START, 300, 2).trade(Decimal("0.001")))
    data.process_trade(Print("A", START + SECOND, 200, 3).trade(Decimal("0.001")))
    assert [(bar.kind, bar.open, bar.volume) for bar in bars] == [
        ("1s", 3.0, 0.002),
        ("2-tick", 3.0, 0.005),
    ]


@pytest.mark.parametrize(
    ("text", "basis", "size"),
    [
        ("1s", "time", SECOND),
        ("15m", "time", 15 * MINUTE),
        ("1d", "time", DAY),
        ("100-tick", "tick", 100),
        ("0.5-volume", "volume", Decimal("0.5")),
        ("1000000-value", "value", 1_000_000),
    ],
)
def test_a_kind_is_read(text: str, basis: str, size: object) -> None:
    kind = parse_kind(text)
    assert (kind.basis, kind.interval_ns or kind.threshold) == (basis, size)


@pytest.mark.parametrize(
    "text", ["", "1", "0s", "1x", "m", "-1m", "0-tick", "1.5-tick", "5-tick@quote", "1M", "1 m"]
)
def test_what_is_no_kind_is_an_error_that_names_the_forms(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_kind(text)
    assert "100-tick" in raised.value.remedy
