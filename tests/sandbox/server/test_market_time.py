"""The market goes on in pieces, and one that is too slow does not hold anybody up."""

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.sandbox.market_time import BUDGET_S, LOST_NS, PIECE_NS, MarketTime

START = 1_700_000_000_000_000_000


class Slow:
    """A market that takes so many seconds of the loop for each piece."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.spent = 0.0
        self.played: list[int] = []

    def play(self, now: int) -> None:
        self.played.append(now)
        self.spent += self.seconds

    def time(self) -> MarketTime:
        return MarketTime(self, START, lambda: self.spent)


@given(st.lists(st.integers(0, 50_000_000), min_size=1, max_size=20))
def test_a_market_that_keeps_up_is_always_at_the_clock(steps) -> None:
    market, now = Slow(0.0), START
    time = market.time()
    for step in steps:
        now += step
        time.play(now)
        assert (market.played[-1], time.behind_ns) == (now, 0)
    assert market.played == sorted(market.played)
    assert all(b - a <= PIECE_NS for a, b in zip(market.played, market.played[1:], strict=False))


def test_a_market_that_is_too_slow_takes_its_turn_and_no_more() -> None:
    market = Slow(BUDGET_S / 2)
    time = market.time()
    time.play(START + 10 * PIECE_NS)
    assert market.played == [START + PIECE_NS, START + 2 * PIECE_NS]
    assert time.behind_ns == 8 * PIECE_NS


def test_even_a_hopeless_market_gets_on() -> None:
    market = Slow(10 * BUDGET_S)
    time = market.time()
    for turn in range(1, 4):
        time.play(START + 10 * PIECE_NS)
        assert len(market.played) == turn


def test_a_clock_that_jumps_takes_the_market_along_at_once() -> None:
    market = Slow(0.0)
    time = market.time()
    for now in (START - 5_000_000_000, START + 2 * LOST_NS):
        time.play(now)
        assert (market.played[-1], time.behind_ns) == (now, 0)
    assert len(market.played) == 2
