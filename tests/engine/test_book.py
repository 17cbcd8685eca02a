"""The order book: sequence rules, levels against a plain dict, and a recorded futures feed."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.book import MAX_WAITING, OrderBook
from alphaforge.model.market import BookDelta, BookSnapshot, Level

BIDS = ((100.0, 1.0), (99.0, 2.0))
ASKS = ((101.0, 3.0), (102.0, 4.0))
USDM = "binance_usdm_btcusdt_20240808.jsonl.gz"


def snapshot(
    last_id: int = 10, bids: tuple[Level, ...] = BIDS, asks: tuple[Level, ...] = ASKS
) -> BookSnapshot:
    return BookSnapshot("X", 1, bids, asks, last_id)


def delta(
    first_id: int,
    last_id: int,
    previous_id: int | None = None,
    bids: tuple[Level, ...] = (),
    asks: tuple[Level, ...] = (),
) -> BookDelta:
    return BookDelta("X", 1, bids, asks, first_id, last_id, previous_id)


def started(last_id: int = 10) -> OrderBook:
    book = OrderBook("X")
    book.apply_snapshot(snapshot(last_id))
    return book


def top(book: OrderBook) -> tuple[float, float, float, float]:
    return book.bid, book.bid_size, book.ask, book.ask_size


def test_a_new_book_is_empty_and_not_valid() -> None:
    book = OrderBook("X")
    assert top(book) == (0.0, 0.0, 0.0, 0.0)
    assert book.levels == (0, 0)
    assert book.depth(5) == ([], [])
    assert not book.valid


def test_a_snapshot_starts_the_book_best_price_first() -> None:
    book = OrderBook("X")
    book.apply_snapshot(snapshot(bids=tuple(reversed(BIDS)), asks=tuple(reversed(ASKS))))
    assert book.valid
    assert book.last_id == 10
    assert top(book) == (100.0, 1.0, 101.0, 3.0)
    assert book.depth(9) == (list(BIDS), list(ASKS))
    assert book.depth(1) == ([BIDS[0]], [ASKS[0]])
    assert book.depth(0) == ([], [])


def test_a_delta_sets_adds_and_removes_levels() -> None:
    book = started()
    changes = delta(11, 12, bids=((100.0, 0.0), (99.5, 7.0)), asks=((101.0, 5.0), (200.0, 0.0)))
    assert book.apply_delta(changes)
    assert top(book) == (99.5, 7.0, 101.0, 5.0)
    assert book.levels == (2, 2)


def test_removing_every_level_leaves_an_empty_side() -> None:
    book = started()
    assert book.apply_delta(delta(11, 11, asks=((101.0, 0.0), (102.0, 0.0))))
    assert top(book) == (100.0, 1.0, 0.0, 0.0)
    assert book.valid


def test_deltas_before_a_snapshot_wait_for_it() -> None:
    book = OrderBook("X")
    for first in (8, 10, 12):
        assert not book.apply_delta(delta(first, first + 1, bids=((99.0 + first / 100, 1.0),)))
    assert not book.valid
    book.apply_snapshot(snapshot(10))
    assert book.valid
    assert book.last_id == 13
    assert book.levels == (4, 2)
    counts = book.statistics()
    assert (counts["before_snapshot"], counts["stale"], counts["applied"]) == (3, 1, 2)


def test_the_oldest_of_too_many_waiting_deltas_is_dropped() -> None:
    book = OrderBook("X")
    for number in range(1, MAX_WAITING + 3):
        book.apply_delta(delta(number, number))
    assert book.statistics()["dropped"] == 2
    book.apply_snapshot(snapshot(2))
    assert book.valid
    assert book.last_id == MAX_WAITING + 2


@pytest.mark.parametrize(
    ("first_id", "last_id", "previous_id", "counted"),
    [
        (8, 10, None, "stale"),
        (10, 12, None, "applied"),
        (11, 11, None, "applied"),
        (12, 14, None, "gaps"),
        (9, 10, 8, "stale"),
        (9, 12, 8, "applied"),
        (10, 12, 8, "applied"),
        (12, 14, 10, "applied"),  # previous to last reaches across the snapshot: nothing between
        (12, 14, 11, "gaps"),
    ],
)
def test_the_first_delta_must_reach_across_the_snapshot(
    first_id: int, last_id: int, previous_id: int | None, counted: str
) -> None:
    book = started(10)
    assert book.apply_delta(delta(first_id, last_id, previous_id)) is (counted == "applied")
    assert book.statistics()[counted] == 1
    assert book.valid is (counted != "gaps")


@pytest.mark.parametrize(
    ("first_id", "last_id", "previous_id", "counted"),
    [
        (13, 15, None, "applied"),
        (14, 15, None, "gaps"),
        (12, 15, None, "gaps"),
        (11, 12, None, "stale"),
        (20, 25, 12, "applied"),
        (13, 15, 11, "gaps"),
        (20, 25, 19, "gaps"),
    ],
)
def test_a_later_delta_must_follow_on_the_one_before(
    first_id: int, last_id: int, previous_id: int | None, counted: str
) -> None:
    book = started(10)
    assert book.apply_delta(delta(10, 12))
    assert book.apply_delta(delta(first_id, last_id, previous_id)) is (counted == "applied")
    assert book.statistics()[counted] == (2 if counted == "applied" else 1)


def test_after_a_gap_the_book_waits_for_a_snapshot_and_catches_up() -> None:
    book = started(10)
    assert not book.apply_delta(delta(13, 14, bids=((100.5, 1.0),)))
    assert not book.apply_delta(delta(15, 16, bids=((100.6, 1.0),)))
    assert not book.valid
    assert book.bid == 100.0
    book.apply_snapshot(snapshot(13))
    assert book.valid
    assert (book.bid, book.last_id) == (100.6, 16)
    assert book.statistics()["gaps"] == 1


def test_a_snapshot_too_old_for_what_waits_leaves_it_waiting() -> None:
    book = OrderBook("X")
    for number in (20, 21, 22):
        book.apply_delta(delta(number, number))
    book.apply_snapshot(snapshot(10))
    assert not book.valid
    assert book.statistics()["gaps"] == 1
    book.apply_snapshot(snapshot(20))
    assert book.valid
    assert book.last_id == 22
    assert book.statistics()["applied"] == 2


def test_a_new_snapshot_replaces_the_book_and_must_be_reached_across_again() -> None:
    book = started(10)
    assert book.apply_delta(delta(11, 12, bids=((100.5, 1.0),)))
    book.apply_snapshot(snapshot(20))
    assert book.depth(9) == (list(BIDS), list(ASKS))
    assert book.apply_delta(delta(19, 22, previous_id=18))
    assert book.valid
    assert book.last_id == 22


def test_a_crossed_book_is_counted_and_not_valid_until_it_uncrosses() -> None:
    book = started()
    assert book.apply_delta(delta(11, 11, bids=((101.0, 1.0),)))
    assert not book.valid
    assert book.statistics()["crossed"] == 1
    assert book.apply_delta(delta(12, 12, bids=((101.0, 0.0),)))
    assert book.valid
    assert book.statistics()["crossed"] == 1


def test_unnumbered_deltas_are_taken_in_order_of_arrival() -> None:
    book = OrderBook("X")
    assert not book.apply_delta(delta(0, 0, bids=((100.5, 1.0),)))
    book.apply_snapshot(snapshot(0))
    assert book.bid == 100.0  # the snapshot came later and holds what the change did
    assert book.apply_delta(delta(0, 0, bids=((100.7, 1.0),)))
    assert book.bid == 100.7
    assert book.valid


@pytest.mark.parametrize("price", [float("nan"), float("inf"), float("-inf"), 0.0, -1.0])
def test_a_level_whose_price_is_no_number_above_zero_is_refused(price: float) -> None:
    book = started()
    assert book.apply_delta(delta(11, 11, bids=((price, 1.0),), asks=((price, 1.0),)))
    assert top(book) == (100.0, 1.0, 101.0, 3.0)
    assert book.levels == (2, 2)
    assert book.statistics()["refused_levels"] == 2


# Few prices, so that levels are met again; sizes of 0 remove.
SIZES = st.sampled_from([0.0, 0.001, 1.0, 2.5])
LEVELS = st.lists(st.tuples(st.integers(1, 60).map(lambda n: n / 10), SIZES), max_size=12)


def in_plain_words(levels: dict[float, float], changes: list[Level]) -> None:
    for price, size in changes:
        if size:
            levels[price] = size
        else:
            levels.pop(price, None)


@given(LEVELS, LEVELS, st.lists(st.tuples(LEVELS, LEVELS), max_size=20))
def test_the_book_equals_a_dict_of_levels(
    bids: list[Level], asks: list[Level], changes: list[tuple[list[Level], list[Level]]]
) -> None:
    book = OrderBook("X")
    book.apply_snapshot(snapshot(1, tuple(bids), tuple(asks)))
    plain_bids: dict[float, float] = {}
    plain_asks: dict[float, float] = {}
    in_plain_words(plain_bids, bids)
    in_plain_words(plain_asks, asks)
    crossings = 0
    for number, (more_bids, more_asks) in enumerate([([], []), *changes], start=1):
        if number > 1:
            assert book.apply_delta(
                delta(number, number, bids=tuple(more_bids), asks=tuple(more_asks))
            )
        in_plain_words(plain_bids, more_bids)
        in_plain_words(plain_asks, more_asks)
        ordered_bids = sorted(plain_bids.items(), reverse=True)
        ordered_asks = sorted(plain_asks.items())
        assert book.depth(100) == (ordered_bids, ordered_asks)
        assert book.depth(2) == (ordered_bids[:2], ordered_asks[:2])
        assert (book.bid, book.bid_size) == (ordered_bids or [(0.0, 0.0)])[0]
        assert (book.ask, book.ask_size) == (ordered_asks or [(0.0, 0.0)])[0]
        assert book.levels == (len(plain_bids), len(plain_asks))
        crossed = bool(plain_bids and plain_asks and max(plain_bids) >= min(plain_asks))
        crossings += crossed
        assert book.valid is not crossed
    assert book.statistics()["crossed"] == crossings


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=30),
    st.sets(st.integers(0, 29)),
    st.integers(0, 30),
    st.booleans(),
    st.integers(1, 90),  # 0 would say that the venue numbers nothing
)
def test_every_delta_is_counted_once_and_a_valid_book_missed_nothing(
    lengths: list[int], lost: set[int], snapshot_at: int, named: bool, snapshot_id: int
) -> None:
    """Update id n puts size n at price n, so a valid book holds exactly the ids up to last_id."""
    book = OrderBook("X")
    received, start = 0, 1
    total = sum(lengths)
    held = min(snapshot_id, total)
    whole = snapshot(held, tuple((float(n), float(n)) for n in range(1, held + 1)), ())
    for index, length in enumerate(lengths):
        if index == snapshot_at:
            book.apply_snapshot(whole)
        ids = range(start, start + length)
        if index not in lost:
            received += 1
            book.apply_delta(
                delta(
                    ids[0],
                    ids[-1],
                    start - 1 if named else None,
                    bids=tuple((float(n), float(n)) for n in ids),
                )
            )
        start += length
        if book.valid:
            assert book.levels == (book.last_id, 0)
            assert book.bid == float(book.last_id)
    counts = book.statistics()
    assert received == counts["applied"] + counts["stale"] + len(book._waiting)


def messages(path: Path) -> list[BookSnapshot | BookDelta]:
    """The book messages of a raw futures log; a snapshot is a REST answer without a stream."""
    found: list[BookSnapshot | BookDelta] = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            local, text = line.split(" ", 1)
            if "@depth" not in text[:60] and not text.startswith('{"lastUpdateId"'):
                continue
            whole = json.loads(text)
            if "stream" in whole:
                data = whole["data"]
                found.append(
                    BookDelta(
                        data["s"],
                        data["E"] * 1_000_000,
                        levels_of(data["b"]),
                        levels_of(data["a"]),
                        data["U"],
                        data["u"],
                        data["pu"],
                        int(local),
                    )
                )
            else:
                bids, asks = levels_of(whole["bids"]), levels_of(whole["asks"])
                found.append(BookSnapshot("BTCUSDT", int(local), bids, asks, whole["lastUpdateId"]))
    return found


def levels_of(rows: list[list[str]]) -> tuple[Level, ...]:
    return tuple((float(price), float(size)) for price, size in rows)


@pytest.fixture(scope="module")
def recorded(data_file: Callable[[str], Path]) -> list[BookSnapshot | BookDelta]:
    return messages(data_file(USDM))


def play(events: list[BookSnapshot | BookDelta]) -> OrderBook:
    book = OrderBook("BTCUSDT")
    for event in events:
        if isinstance(event, BookSnapshot):
            book.apply_snapshot(event)
        else:
            book.apply_delta(event)
    return book


def test_a_recorded_feed_has_no_gap_and_never_crosses(
    recorded: list[BookSnapshot | BookDelta],
) -> None:
    assert sum(isinstance(event, BookSnapshot) for event in recorded) == 1
    assert not isinstance(recorded[0], BookSnapshot)
    book = play(recorded)
    counts = book.statistics()
    assert counts["applied"] + counts["stale"] == len(recorded) - 1
    assert (counts["gaps"], counts["crossed"], counts["refused_levels"]) == (0, 0, 0)
    assert book.valid
    assert top(book) == (61659.70, 1.486, 61659.80, 0.981)


def test_one_lost_message_of_a_recorded_feed_is_one_gap(
    recorded: list[BookSnapshot | BookDelta],
) -> None:
    book = play(recorded[:1000] + recorded[1001:2000])
    assert book.statistics()["gaps"] == 1
    assert not book.valid
