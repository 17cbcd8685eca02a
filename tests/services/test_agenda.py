"""When open questions are asked: soon, ever less often, and at once when an answer proves."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.services.agenda import FIRST_PAUSE_NS, LONGEST_PAUSE_NS, SHARE_NS, Agenda

SECOND = 1_000_000_000


def asked_at(proves_at: int, until: int) -> list[int]:
    """The times at which one question, seen at 0 and answered at once, is asked until then."""
    agenda, now = Agenda[str](), 0
    times: list[int] = []
    while now <= until:
        agenda.see(["one"], now)
        if agenda.due(now):
            times.append(now)
            agenda.asked("one", now, now, proves_at)
        found = agenda.next_at()
        assert found is not None
        now = max(found, now + 1)
    return times


def test_a_new_question_waits_for_the_stream_to_answer_it_first():
    agenda = Agenda[str]()
    agenda.see(["one"], SECOND)
    assert agenda.due(SECOND) == []
    assert agenda.next_at() == SECOND + FIRST_PAUSE_NS
    assert agenda.due(SECOND + FIRST_PAUSE_NS) == ["one"]
    assert not agenda.was_asked("one")


def test_it_is_asked_ever_less_often_and_never_more_seldom_than_that():
    times = asked_at(0, 60 * SECOND)
    pauses = [late - early for early, late in pairwise(times)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (FIRST_PAUSE_NS, LONGEST_PAUSE_NS)


@given(st.integers(min_value=1, max_value=100 * SECOND))
def test_it_is_asked_soon_after_an_answer_begins_to_prove_something(proves_at: int):
    times = asked_at(proves_at, 110 * SECOND)
    first = next(each for each in times if each >= proves_at)
    assert first - proves_at <= SECOND // 2


def test_questions_that_prove_something_at_almost_the_same_time_are_asked_together():
    agenda = Agenda[int]()
    agenda.see(range(10), 0)
    for each in range(10):
        for _ in range(10):  # until the pauses are longer than the time left
            agenda.asked(each, 0, 4 * SECOND, 8 * SECOND + 1 + each)
    together = agenda.next_at()
    assert together is not None
    assert 8 * SECOND + 10 <= together <= 8 * SECOND + SECOND // 2
    assert agenda.due(together) == [*range(10)]


def test_many_open_questions_share_their_rate_but_each_is_asked_when_it_proves():
    agenda, keys = Agenda[int](), range(500)
    agenda.see(keys, 0)
    for each in keys:
        agenda.asked(each, SECOND, SECOND, 8 * SECOND if each < 100 else 0)
    assert agenda.due(SECOND + LONGEST_PAUSE_NS) == []
    assert agenda.due(8 * SECOND) == [*range(100)]
    assert len(agenda.due(SECOND + 500 * SHARE_NS)) == 500


def test_what_is_settled_is_forgotten_and_begins_anew_when_it_is_open_again():
    agenda = Agenda[str]()
    agenda.see(["one", "two"], 0)
    agenda.asked("one", 0, 0)
    assert agenda.was_asked("one")
    agenda.see(["two"], SECOND)
    assert agenda.due(SECOND) == ["two"]
    agenda.see(["one"], SECOND)
    assert not agenda.was_asked("one")
    assert agenda.due(SECOND + FIRST_PAUSE_NS) == ["one"]


@given(st.lists(st.integers(min_value=0, max_value=60), min_size=1, max_size=20))
def test_whoever_waits_longest_comes_first(asked: list[int]):
    agenda, keys = Agenda[int](), range(len(asked))
    agenda.see(keys, 0)
    for key, second in zip(keys, asked, strict=True):
        agenda.asked(key, second * SECOND, second * SECOND)
    due = agenda.due(70 * SECOND)
    assert sorted(due) == [*keys]
    assert [asked[each] for each in due] == sorted(asked)


def test_nothing_open_has_no_next_time():
    agenda = Agenda[str]()
    agenda.see(["one"], 0)
    agenda.see([], 1)
    assert agenda.next_at() is None
    assert agenda.due(SECOND) == []
