"""The simulator sees what it is there to see, and makes what it saw small."""

import shutil
from collections.abc import Iterator

import pytest

from alphaforge.model.commands import Approved
from alphaforge.services.gateway import OrderGateway
from tests.simulation.disk import Template, working_folder
from tests.simulation.faults import KINDS, Faults
from tests.simulation.shrink import Shrinker, kind_of
from tests.simulation.world import Options, run_seed


@pytest.fixture(scope="module")
def template() -> Iterator[Template]:
    folder = working_folder()
    yield Template(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that sends before the intent is committed."""

    async def leave(self: OrderGateway, approved: tuple[Approved, ...], place: int) -> None:
        for each in approved:
            self._tasks.create_task(self._carry(each))

    monkeypatch.setattr(OrderGateway, "_leave", leave)


@pytest.mark.usefixtures("hasty")
def test_an_order_that_leaves_before_its_intent_is_caught(template: Template) -> None:
    verdict = run_seed(0, template)
    assert verdict.violation.startswith("I5")
    assert verdict.at < 60


@pytest.mark.usefixtures("hasty")
def test_a_fault_of_the_program_alone_needs_no_misfortune(template: Template) -> None:
    said: list[str] = []
    verdict = Shrinker(0, template, said.append, Options()).shrink()
    assert verdict is not None
    assert kind_of(verdict.violation) == "I5"
    assert said == ["kinds of faults that are needed: none", "single faults that are needed: 0"]
    assert verdict.trace


def test_a_life_that_goes_well_can_not_be_shrunk(template: Template) -> None:
    assert Shrinker(0, template, print, Options(without=KINDS)).shrink() is None


def test_a_kind_left_out_does_not_move_the_others() -> None:
    whole, part = Faults(3), Faults(3, without=("delay_push",))
    kinds = [kind for kind in whole.on if kind != "delay_push"]
    assert kinds
    occasions = [(kind, at) for at in range(200) for kind in kinds]
    assert [whole.hits(kind, at) for kind, at in occasions] == [
        part.hits(kind, at) for kind, at in occasions
    ]


def test_a_spared_fault_does_not_strike_and_the_next_one_does() -> None:
    seed = next(seed for seed in range(50) if Faults(seed).on.get("stale_read", 0) > 0.2)
    whole = Faults(seed)
    spared = Faults(seed, spared=(("stale_read", 1),))
    for at in range(100):
        whole.hits("stale_read", at)
        spared.hits("stale_read", at)
    assert len(whole.struck) > 2
    assert spared.struck == whole.struck[1:]
