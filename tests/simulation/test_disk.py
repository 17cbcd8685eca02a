"""The simulated disk loses what a real one would: in a kill no commit, in a power cut a tail."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphaforge.errors import StoreError
from alphaforge.model.commands import StartSession
from alphaforge.store.database import Durability
from alphaforge.store.records import RunRecord
from alphaforge.store.writer import Writer
from tests.simulation.disk import Disk, SimulatedJournal, Template, working_folder
from tests.simulation.faults import KINDS, Faults
from tests.simulation.loop import VirtualLoop

RUN = RunRecord(run_id="r", mode="live", venue="fake", account="main")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = working_folder()
    yield made
    shutil.rmtree(made)


class Rig:
    """One disk in its own virtual loop, with a run begun."""

    def __init__(self, folder: Path, name: str, durability: Durability, seed: int = 1) -> None:
        self.loop = VirtualLoop(seed)
        self.disk = Disk(
            Template(folder).copy(name), self.loop, Faults(seed, without=KINDS), seed, durability
        )
        self.journal: SimulatedJournal = self.disk.journal()
        self.writer: Writer = self.loop.run_until_complete(self._begin())

    async def _begin(self) -> Writer:
        writer = await self.journal.open()
        await self.journal.ask(lambda each: each.begin_run(RUN))
        return writer

    def append(self, first: int, last: int, *, commit: bool = True) -> None:
        """Append inputs of these numbers, each committed on its own."""
        for number in range(first, last + 1):
            place = self.writer.append_input("r", number, StartSession(number))
            if commit:
                self.loop.run_until_complete(self.journal.commit(place))

    def kept(self) -> list[int]:
        """The numbers that another process finds in the file."""
        rows = self.disk.reader.execute("SELECT sequence FROM inputs ORDER BY sequence")
        return [row[0] for row in rows]

    def end(self) -> None:
        self.disk.dispose()
        self.loop.close()


def test_a_kill_keeps_every_commit_and_nothing_else(folder: Path) -> None:
    rig = Rig(folder, "kill", "process")
    rig.append(1, 20)
    rig.append(21, 25, commit=False)
    rig.disk.kill()
    assert rig.kept() == list(range(1, 21))
    rig.end()


@pytest.mark.parametrize("seed", range(12))
def test_a_power_cut_keeps_a_prefix(folder: Path, seed: int) -> None:
    rig = Rig(folder, f"cut-{seed}", "process", seed)
    rig.append(1, 30)
    rig.disk.power_cut()
    kept = rig.kept()
    assert kept == list(range(1, len(kept) + 1))
    rig.end()


def test_power_cuts_do_lose_something(folder: Path) -> None:
    lost = 0
    for seed in range(12):
        rig = Rig(folder, f"loss-{seed}", "process", seed)
        rig.append(1, 30)
        rig.disk.power_cut()
        lost += 30 - len(rig.kept())
        rig.end()
    assert lost > 30


def test_with_durability_power_a_cut_takes_nothing(folder: Path) -> None:
    rig = Rig(folder, "safe", "power")
    rig.append(1, 30)
    rig.disk.power_cut()
    assert rig.kept() == list(range(1, 31))
    rig.end()


def test_on_a_full_disk_a_commit_fails_and_succeeds_later(folder: Path) -> None:
    rig = Rig(folder, "full", "process")
    rig.disk.full = True
    with pytest.raises(StoreError, match="full"):
        rig.append(1, 1)
    assert isinstance(rig.journal.failure, StoreError)
    rig.disk.full = False
    rig.append(2, 2)
    assert rig.kept() == [1, 2]
    rig.end()


def test_a_dead_journal_writes_nothing_more(folder: Path) -> None:
    rig = Rig(folder, "dead", "process")
    rig.append(1, 3)
    rig.writer.append_input("r", 4, StartSession(4))
    rig.disk.kill()
    rig.loop.run_until_complete(asyncio.sleep(5))
    assert rig.kept() == [1, 2, 3]
    rig.end()
