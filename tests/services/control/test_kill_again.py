"""A kill outlives the process that began it, and what is found after it is done."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from alphaforge.client.requests import KillRequest, Who
from alphaforge.engine.client_ids import MANUAL_PLACE, client_order_id
from alphaforge.errors import RiskRefusedError
from alphaforge.model.commands import SetRiskState
from alphaforge.model.enums import RiskState
from alphaforge.services.clock import SystemClock
from alphaforge.services.control.kill import KillSwitch
from alphaforge.services.control.steering import Steering
from alphaforge.services.control.writes import Door
from tests.engine.driving import SYMBOL
from tests.services.control.api_rig import Run
from tests.services.control.test_kill import Killing, bought, killing, switch
from tests.services.wire_rig import TAG


def died(run: Run, last: type = SetRiskState) -> None:
    """Have a kill's process die right after its first command of a kind: a new one finds this."""
    put = run.host.put

    def dying(command: Any) -> Any:
        step = put(command)
        if isinstance(command, last):
            raise KeyboardInterrupt
        return step

    run.host.put = dying
    with pytest.raises(KeyboardInterrupt):
        switch(run).use(KillRequest(flatten=True, reason="a test"), "socket:1")
    run.host.put = put


async def finished(kill: KillSwitch) -> None:
    """Let it work until it is done."""
    async with asyncio.timeout(10):
        task = asyncio.create_task(kill.run())
        while kill.record().state != "done":  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        task.cancel()


async def test_a_kill_whose_process_died_is_gone_on_with_and_closes_what_it_should() -> None:
    run = bought()
    died(run)
    told: list[bool] = []
    kill = KillSwitch(Door(run.host), SystemClock(), told.append)
    assert (told, kill.is_used, kill.record().state) == ([True], True, "running")
    assert (kill.record().flatten, kill.record().reason) == (True, "a test")
    await finished(kill)
    assert run.engine.portfolio.net(SYMBOL) == 0
    assert not run.engine.execution.working()
    assert run.engine.execution.gate.state is RiskState.HALTED


def test_it_is_not_resumed_before_it_is_armed_though_it_was_only_begun() -> None:
    run = bought()
    died(run)
    door = Door(run.host)
    kill = KillSwitch(door, SystemClock(), lambda used: None)
    steering = Steering(door, kill, run.hub.order_row)
    with pytest.raises(RiskRefusedError, match="kill switch"):
        steering.resume(Who(), "socket:1")


def test_one_that_was_armed_before_the_restart_is_not_killed_after_it() -> None:
    run = bought()
    kill = switch(run)
    kill.use(KillRequest(), "")
    kill.arm("socket:1", "")
    assert not switch(run).is_used


def test_a_pause_in_the_words_of_a_kill_is_none_after_a_restart() -> None:
    run = bought()
    door = Door(run.host)
    steering = Steering(door, switch(run), run.hub.order_row)
    steering.pause(Who(reason="kill: no"), "socket:1")
    assert not switch(run).is_used


def test_a_pause_during_a_kill_does_not_make_a_restart_forget_it() -> None:
    run = bought()
    died(run)
    door = Door(run.host)
    kill = switch(run)
    Steering(door, kill, run.hub.order_row).pause(Who(), "socket:1")
    assert switch(run).is_used


def test_one_that_was_proven_stays_so_over_a_restart() -> None:
    run = bought()
    switch(run).use(KillRequest(flatten=True), "")
    again = switch(run)
    assert (again.is_used, again.record().state, again.record().flatten) == (True, "done", True)


def found_after(tmp_path: Path, client_order_id: str) -> list[Any]:
    """What is open at the venue a while after an order was found there that a kill did not know."""
    still: list[Any] = []

    async def scenario(own: Killing) -> None:
        own.use()
        await own.until_done()
        own.rig.foreign(client_order_id)
        own.host.reconcile()
        for _ in range(1_200):
            await asyncio.sleep(0.05)
            if own.rig.engine.execution.counts.submitted:
                break
        await asyncio.sleep(10)
        await own.until_done()
        assert set(own.kill.record().steps.values()) == {"done"}
        still.extend(await own.rig.venue.open_orders())

    killing(tmp_path, scenario, streaming=False)
    return still


def test_an_order_of_ours_that_is_found_after_it_was_done_is_canceled_too(tmp_path: Path) -> None:
    assert found_after(tmp_path, manual_order("o-000099")) == []


def test_who_goes_on_by_hand_after_a_kill_keeps_their_orders(tmp_path: Path) -> None:
    assert len(found_after(tmp_path, "")) == 1


def manual_order(order_id: str) -> str:
    """The id of an order that a process of this run sent before it died."""
    return client_order_id(TAG, 1, MANUAL_PLACE, order_id)
