"""Several leases as one: all or none, lost together, under an epoch that none of them ever saw."""

import pytest

from alphaforge.errors import LeaseHeldError
from alphaforge.services.lease_group import LeaseGroup


class Held:
    """One account's lease."""

    def __init__(self, epoch: int, gaps: int = 0) -> None:
        self.epoch = epoch
        self.gaps = gaps
        self.held = True
        self.asked = 0

    def holds(self) -> bool:
        self.asked += 1
        return self.held

    def release(self) -> None:
        self.held = False


def test_the_group_has_the_greatest_epoch_and_the_gaps_of_all() -> None:
    group = LeaseGroup([Held(3, 1), Held(9, 0), Held(4, 2)])
    assert (group.epoch, group.gaps) == (9, 3)


def test_each_lease_is_taken_for_the_run_above_the_epoch_it_must_beat() -> None:
    asked: list[tuple[str, int]] = []

    def take(run_id: str, at_least: int) -> Held:
        asked.append((run_id, at_least))
        return Held(at_least + len(asked))

    group = LeaseGroup.acquire([take, take], "run-1", 7)
    assert asked == [("run-1", 7), ("run-1", 7)]
    assert group.epoch == 9


def test_where_one_cannot_be_had_those_before_it_are_given_back() -> None:
    first = Held(1)

    def refuse(run_id: str, at_least: int) -> Held:
        raise LeaseHeldError("another process trades it")

    never_asked = pytest.fail
    with pytest.raises(LeaseHeldError):
        LeaseGroup.acquire([lambda *_: first, refuse, lambda *_: never_asked("asked")], "", 0)
    assert not first.held


def test_what_one_has_lost_all_have_lost_and_yet_each_is_asked() -> None:
    leases = [Held(1), Held(2), Held(3)]
    group = LeaseGroup(leases)
    assert group.holds()
    leases[0].held = False
    assert not group.holds()
    assert [each.asked for each in leases] == [2, 2, 2]


def test_all_are_given_back_together() -> None:
    leases = [Held(1), Held(2)]
    LeaseGroup(leases).release()
    assert [each.held for each in leases] == [False, False]
