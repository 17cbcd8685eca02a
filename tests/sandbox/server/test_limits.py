"""How many requests a client may send, and what becomes of one that goes on."""

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.sandbox.limits import FIRST_BAN_S, PATIENCE, Budget, Limits, Verdict

START = 1_700_000_040_000_000_000  # a whole minute
SECOND = 1_000_000_000


def test_a_client_within_its_budget_is_never_refused() -> None:
    limits = Limits(Budget(weight=10))
    verdicts = [limits.charge("a", START, weight=5, orders=0).verdict for _ in range(2)]
    assert verdicts == [Verdict.TAKEN, Verdict.TAKEN]


def test_over_the_weight_it_is_throttled_until_the_window_ends() -> None:
    limits = Limits(Budget(weight=10))
    limits.charge("a", START, weight=10, orders=0)
    ruling = limits.charge("a", START + 20 * SECOND, weight=1, orders=0)
    assert (ruling.verdict, ruling.retry_after, ruling.used.weight) == (Verdict.THROTTLED, 40, 11)
    later = START + 60 * SECOND
    assert limits.charge("a", later, weight=1, orders=0).verdict is Verdict.TAKEN


def test_orders_have_a_window_of_their_own_and_cancels_go_through_it() -> None:
    limits = Limits(Budget(weight=0, orders=1))
    assert limits.charge("a", START, weight=1, orders=1).verdict is Verdict.TAKEN
    assert limits.charge("a", START, weight=1, orders=1).verdict is Verdict.THROTTLED
    assert limits.charge("a", START, weight=1, orders=0).verdict is Verdict.TAKEN
    assert limits.charge("a", START + 10 * SECOND, weight=1, orders=1).retry_after == 0


def test_who_goes_on_is_banned_longer_each_time() -> None:
    limits = Limits(Budget(weight=1))
    for _ in range(PATIENCE + 1):
        ruling = limits.charge("a", START, weight=1, orders=0)
    assert ruling.verdict is Verdict.THROTTLED
    ruling = limits.charge("a", START, weight=1, orders=0)
    assert (ruling.verdict, ruling.retry_after) == (Verdict.BANNED, FIRST_BAN_S)
    inside = START + 60 * SECOND
    assert limits.charge("a", inside, weight=1, orders=0).verdict is Verdict.BANNED
    after = START + FIRST_BAN_S * SECOND
    for _ in range(PATIENCE + 2):
        ruling = limits.charge("a", after, weight=1, orders=0)
    assert (ruling.verdict, ruling.retry_after) == (Verdict.BANNED, 2 * FIRST_BAN_S)


def test_one_client_does_not_use_up_another_ones_budget() -> None:
    limits = Limits(Budget(weight=1))
    limits.charge("a", START, weight=5, orders=0)
    assert limits.charge("b", START, weight=1, orders=0).verdict is Verdict.TAKEN


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 30)), max_size=60))
def test_what_is_taken_in_one_window_is_never_more_than_the_budget(asked) -> None:
    limits, now, taken = Limits(Budget(weight=20, window_s=60)), START, {}
    for weight, wait in asked:
        now += wait * SECOND
        window = now // (60 * SECOND)
        before = taken.get(window, 0)
        ruling = limits.charge("a", now, weight=weight, orders=0)
        if ruling.verdict is Verdict.TAKEN:
            taken[window] = before + weight
    assert all(total <= 20 for total in taken.values())
