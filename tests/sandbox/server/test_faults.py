"""Who is struck by a fault: windows, counts, chance and side conditions."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.sandbox.fault_terms import PLAIN, WELL, Fault, FaultKind, Opening, Stream
from alphaforge.sandbox.faults import Faults, is_same
from alphaforge.sandbox.floor import Call

SECOND = 1_000_000_000


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        return self.now


def faults_of(*told: dict[str, object], seed: int = 0, clock=lambda: 0) -> Faults:
    faults = Faults(clock, seed)
    for each in told:
        faults.add(msgspec.convert(each, Fault))
    return faults


def test_without_faults_all_is_well() -> None:
    faults = faults_of()
    assert faults.on_request("binance", "create") is WELL
    assert faults.push(Stream.BOOK, "BTC/USDT") is PLAIN
    assert faults.on_open("binance", 1000) is Opening.TAKEN
    assert faults.due() == []


def test_a_fault_strikes_in_its_window_only() -> None:
    clock = Hands()
    faults = faults_of({"kind": "drop", "at": 2, "lasts": 3}, clock=clock)
    struck = []
    for second in range(7):
        clock.now = (5 + second) * SECOND
        struck.append(faults.on_request("binance", "create").before is not None)
    assert struck == [False, False, True, True, True, False, False]
    assert faults.listed() == []


def test_a_fault_strikes_so_many_times_and_is_counted() -> None:
    faults = faults_of({"kind": "error", "times": 2})
    fates = [faults.on_request("binance", "create").before for _ in range(4)]
    assert [each is not None for each in fates] == [True, True, False, False]
    assert faults.injected == {FaultKind.ERROR: 2}
    assert not faults.has(FaultKind.ERROR)


@pytest.mark.parametrize(
    ("side", "asked", "strikes"),
    [
        ({"call": "create"}, ("binance", "create", ""), True),
        ({"call": "create"}, ("binance", "cancel", ""), False),
        ({"dialect": "bybit"}, ("binance", "create", ""), False),
        ({"dialect": "bybit"}, ("bybit", "create", ""), True),
        ({"symbol": "BTC/USDT"}, ("binance", "create", "BTCUSDT"), True),
        ({"symbol": "BTC/USDT"}, ("binance", "create", "ETHUSDT"), False),
        ({"private": True}, ("binance", "create", ""), True),
        ({"private": False}, ("binance", "create", ""), False),
    ],
)
def test_side_conditions_say_which_requests(side, asked, strikes) -> None:
    faults = faults_of({"kind": "hang", **side})
    dialect, call, symbol = asked
    assert (faults.on_request(dialect, call, symbol, private=True) != WELL) is strikes


def test_one_request_has_one_end_but_may_be_slow_and_stale_too() -> None:
    faults = faults_of(
        {"kind": "latency", "seconds": 2},
        {"kind": "latency", "seconds": 1},
        {"kind": "stale", "seconds": 7},
        {"kind": "error", "when": "after"},
        {"kind": "drop"},
        {"kind": "truncated"},
    )
    fate = faults.on_request("binance", "query")
    assert (fate.delay, fate.age, fate.before) == (3, 7, None)
    assert fate.after is not None
    assert fate.after.kind is FaultKind.ERROR
    assert [each.kind for each in fate.changes] == [FaultKind.TRUNCATED]
    assert faults.injected[FaultKind.DROP] == 0


@pytest.mark.parametrize("call", ["create", "cancel", "replace"])
def test_what_has_an_effect_is_never_stale(call: str) -> None:
    assert faults_of({"kind": "stale"}).on_request("binance", call) == WELL


@pytest.mark.parametrize("kind", ["page_missing", "page_repeated"])
def test_only_pages_of_trades_have_a_paging_bug(kind: str) -> None:
    faults = faults_of({"kind": kind})
    struck = [call for call in Call if faults.on_request("binance", call) != WELL]
    assert struck == [Call.TRADES]


@given(st.integers(0, 2**32), st.floats(0.05, 0.95))
def test_chance_comes_again_with_the_seed(seed: int, probability: float) -> None:
    def run() -> list[bool]:
        faults = faults_of({"kind": "drop", "probability": probability}, seed=seed)
        return [faults.on_request("binance", "create").before is not None for _ in range(50)]

    assert run() == run()


def test_chance_is_about_as_likely_as_told() -> None:
    faults = faults_of({"kind": "drop", "probability": 0.3})
    struck = sum(faults.on_request("b", "create").before is not None for _ in range(10_000))
    assert struck == pytest.approx(3000, rel=0.05)


def test_lognormal_latency_has_the_percentiles_it_was_given() -> None:
    faults = faults_of({"kind": "latency", "p50": 0.05, "p99": 0.5})
    delays = sorted(faults.on_request("b", "create").delay for _ in range(20_000))
    assert delays[10_000] == pytest.approx(0.05, rel=0.05)
    assert delays[19_800] == pytest.approx(0.5, rel=0.1)
    assert all(math.isfinite(each) and each > 0 for each in delays)


@given(st.floats(0, 1), st.floats(0, 1))
def test_uniform_latency_stays_between_its_ends(low: float, width: float) -> None:
    faults = faults_of({"kind": "latency", "low": low, "high": low + width})
    assert all(low <= faults.on_request("b", "query").delay <= low + width for _ in range(20))


@pytest.mark.parametrize(
    ("told", "stream", "expected"),
    [
        ({"kind": "push_drop"}, Stream.TRADES, {"copies": 0}),
        ({"kind": "push_duplicate"}, Stream.FILLS, {"copies": 2}),
        ({"kind": "push_reorder"}, Stream.ORDERS, {"hold": True}),
        ({"kind": "push_delay", "seconds": 2}, Stream.ORDERS, {"delay": 2}),
        ({"kind": "gap"}, Stream.BOOK, {"copies": 0}),
        ({"kind": "huge", "size": 9}, Stream.BOOK, {"padding": 9}),
        ({"kind": "cut", "stream": "fills"}, Stream.FILLS, {"cut": True}),
        ({"kind": "half_open", "stream": "book"}, Stream.BOOK, {"half_open": True}),
        ({"kind": "silent", "private": True}, Stream.ORDERS, {"copies": 0}),
    ],
)
def test_what_becomes_of_a_frame(told, stream, expected) -> None:
    pushing = faults_of(told).push(stream, "btcusdt", "binance")
    assert {name: getattr(pushing, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("told", "stream"),
    [
        ({"kind": "gap"}, Stream.TRADES),
        ({"kind": "silent", "private": True}, Stream.TRADES),
        ({"kind": "silent", "private": False}, Stream.BALANCES),
        ({"kind": "push_drop", "stream": "book"}, Stream.TOP),
        ({"kind": "push_drop", "symbol": "ETH/USDT"}, Stream.BOOK),
        ({"kind": "cut"}, Stream.BOOK),  # strikes the sockets, not a frame
    ],
)
def test_what_a_frame_has_nothing_to_do_with(told, stream) -> None:
    assert faults_of(told).push(stream, "btcusdt", "binance") == PLAIN


def test_a_limit_on_connections_counts_those_that_are_open() -> None:
    faults = faults_of({"kind": "connection_limit", "limit": 2})
    opened = [faults.on_open("binance", sockets) for sockets in (0, 1, 2)]
    assert opened == [Opening.TAKEN, Opening.TAKEN, Opening.REFUSED]


def test_what_is_done_to_the_exchange_is_told_once_at_its_time() -> None:
    clock = Hands()
    faults = faults_of({"kind": "halt", "at": 1}, {"kind": "deposit", "at": 3}, clock=clock)
    told = []
    for second in range(5):
        clock.now = (5 + second) * SECOND
        told.append([each.kind for each in faults.due()])
    assert told == [[], ["halt"], [], ["deposit"], []]


def test_a_fault_can_be_taken_away() -> None:
    faults = faults_of({"kind": "drop"}, {"kind": "hang"})
    assert faults.clear(1) == 1
    assert [fault.kind for _, fault in faults.listed()] == [FaultKind.HANG]
    assert (faults.clear(), faults.clear()) == (1, 0)


@pytest.mark.parametrize(
    ("unified", "told", "same"),
    [
        ("BTC/USDT", "btcusdt", True),
        ("BTC/USDT", "BTC-USDT", True),
        ("BTC/USDT", "BTC/USDT", True),
        ("BTC/USDT:USDT", "BTCUSDT", True),
        ("BTC/USDT:USDT", "BTC/USDT:USDC", False),
        ("BTC/USDT", "BTCUSD", False),
    ],
)
def test_a_symbol_is_known_in_every_writing(unified, told, same) -> None:
    assert is_same(unified, told) is same
