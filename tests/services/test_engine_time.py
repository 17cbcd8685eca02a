"""Engine time: steady, anchored once, put right by the venue and by nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.services.engine_time import EngineTime

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND


class HandClocks:
    """A wall clock and a steady one, moved by hand."""

    def __init__(self) -> None:
        self.wall = START
        self.steady = 5 * SECOND

    def wall_ns(self) -> int:
        return self.wall

    def steady_ns(self) -> int:
        return self.steady

    def passes(self, ns: int) -> None:
        """Time passes on both."""
        self.wall += ns
        self.steady += ns


def test_it_begins_at_the_wall_clock_and_goes_on_with_the_steady_one():
    clocks = HandClocks()
    time = EngineTime(clocks)
    assert time.now() == START
    clocks.passes(3 * SECOND)
    assert time.now() == START + 3 * SECOND


@pytest.mark.parametrize("jump", [3_600 * SECOND, -3_600 * SECOND])
def test_a_jump_of_the_wall_clock_moves_nothing(jump: int):
    clocks = HandClocks()
    time = EngineTime(clocks)
    clocks.wall += jump
    clocks.passes(SECOND)
    assert time.now() == START + SECOND


def test_within_the_bound_the_venues_clock_changes_nothing():
    time = EngineTime(HandClocks())
    assert time.follow(START + SECOND, START, SECOND) == 0
    assert time.follow(START - SECOND, START, SECOND) == 0
    assert time.now() == START


@pytest.mark.parametrize("ahead", [2 * SECOND, -2 * SECOND, 3_600 * SECOND])
def test_beyond_the_bound_the_venues_clock_is_believed(ahead: int):
    time = EngineTime(HandClocks())
    assert time.follow(START - ahead, START, SECOND) == ahead
    assert time.now() == START - ahead


def test_what_a_slow_answer_cannot_know_is_no_difference():
    clocks = HandClocks()
    time = EngineTime(clocks)
    clocks.passes(10 * SECOND)  # the answer was ten seconds on its way
    assert time.follow(START, START, SECOND) == 0
    assert time.follow(START - 2 * SECOND, START, SECOND) == 7 * SECOND


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**11), st.integers(0, 10**10))
def test_afterwards_both_clocks_are_as_near_as_could_be_known(skew: int, trip: int, bound: int):
    clocks = HandClocks()
    time = EngineTime(clocks)
    asked = time.now()
    clocks.passes(trip)
    venue_now = START + skew + trip // 2
    time.follow(venue_now, asked, bound)
    true_now = START + skew + trip
    assert abs(time.now() - true_now) <= bound + trip + 1


@given(st.lists(st.integers(0, 10**12), max_size=20))
def test_it_never_runs_backwards_by_itself(steps: list[int]):
    clocks = HandClocks()
    time, last = EngineTime(clocks), START
    for step in steps:
        clocks.steady += step
        clocks.wall -= step
        assert time.now() >= last
        last = time.now()
