"""The kill switch: at once what can be at once, on until it is proven, and never `done` before."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alphaforge.client.requests import KillRequest, OrderRequest
from alphaforge.engine.strategies import RunState
from alphaforge.errors import OutcomeUnknownError
from alphaforge.model.commands import Flatten, SetRiskState, StartStrategy
from alphaforge.model.enums import RiskState
from alphaforge.model.settings import RiskSettings
from alphaforge.services.clock import SystemClock
from alphaforge.services.control.kill import KillSwitch
from alphaforge.services.control.wire_host import wire_host
from alphaforge.services.control.writes import Door, OrderDesk
from alphaforge.services.stopping import StopRequest
from alphaforge.store.records import RunRecord
from tests.engine.driving import SYMBOL, Puppet
from tests.services.control.api_rig import Run, served
from tests.services.wire_rig import CASH, VENUE, WireRig, late, lost_after, lost_before, played

DONE = {"strategies": "done", "orders": "done", "positions": "done", "proof": "done"}


def switch(run: Run) -> KillSwitch:
    return KillSwitch(Door(run.host), SystemClock(), lambda used: None)


def bought(run: Run | None = None, **terms: Any) -> Run:
    """A run that holds 1 BTC of `manual`, with an order of its strategy that rests."""
    run = run or Run(strategies={"puppet": Puppet, "other": Puppet})
    run.tick(100.0)
    order = {"symbol": SYMBOL, "side": "buy", "quantity": "1", **terms}
    desk = OrderDesk(Door(run.host), run.hub.order_row)
    desk.place(OrderRequest(**order), "")
    desk.place(OrderRequest(**{**order, "limit": "50", "strategy": "puppet"}), "")
    return run


# Where orders are simulated -----------------------------------------------------------------------


def test_everything_stops_at_once_and_is_proven_at_once() -> None:
    run = bought()
    kill = switch(run)
    record = kill.use(KillRequest(flatten=True, reason="enough", who="cli"), "socket:1")
    assert (record.state, record.steps, record.problems) == ("done", DONE, ())
    assert (record.who, record.reason) == ("socket:1 cli", "enough")
    engine = run.engine
    assert engine.execution.gate.state is RiskState.HALTED
    assert {each.state for each in engine.strategies.runners.values()} == {RunState.STOPPED}
    assert not engine.execution.orders
    assert engine.portfolio.net(SYMBOL) == 0
    states = [each for each in run.commands if isinstance(each, SetRiskState)]
    assert [each.state for each in states] == [RiskState.REDUCING, RiskState.HALTED]
    assert all(each.who == "socket:1 cli" for each in states)


def test_without_flatten_positions_stay_and_are_no_part_of_the_proof() -> None:
    run = bought()
    record = switch(run).use(KillRequest(), "")
    assert (record.state, record.positions_open) == ("done", 1)
    assert "positions" not in record.steps
    assert run.engine.portfolio.net(SYMBOL) == 1


def test_twice_is_no_more_than_once() -> None:
    run = bought()
    kill = switch(run)
    kill.use(KillRequest(flatten=True), "")
    commands = len(run.commands)
    assert kill.use(KillRequest(flatten=True), "").state == "done"
    assert kill.use(KillRequest(), "").state == "done"
    assert len(run.commands) == commands


def test_a_later_call_may_add_that_positions_are_closed() -> None:
    run = bought()
    kill = switch(run)
    kill.use(KillRequest(), "")
    record = kill.use(KillRequest(flatten=True), "")
    assert (record.state, record.steps, record.positions_open) == ("done", DONE, 0)
    assert run.engine.execution.gate.state is RiskState.HALTED


def test_what_a_strategy_orders_on_its_way_out_does_not_open_anything() -> None:
    class Stubborn(Puppet):
        def on_stop(self) -> None:
            self.buy(SYMBOL, "5")

    run = bought(Run(strategies={"puppet": Puppet, "stubborn": Stubborn}))
    record = switch(run).use(KillRequest(flatten=True), "")
    assert (record.state, run.engine.portfolio.net(SYMBOL)) == ("done", 0)
    assert run.engine.execution.counts.denied == 1


def test_positions_of_strategies_that_offset_each_other_are_all_closed() -> None:
    margin = {"USDT": "100000", "BTC": "10"}
    run = Run(cash=margin, strategies={"long": Puppet, "short": Puppet})
    run.tick(100.0)
    desk = OrderDesk(Door(run.host), run.hub.order_row)
    for strategy, side, quantity in (("long", "buy", "2"), ("short", "sell", "1")):
        desk.place(OrderRequest(symbol=SYMBOL, side=side, quantity=quantity, strategy=strategy), "")
    record = switch(run).use(KillRequest(flatten=True), "")
    assert (record.problems, record.state) == ((), "done")
    held = {key: each.quantity for key, each in run.engine.portfolio.positions.items()}
    assert set(held.values()) == {0}


def test_a_rest_that_no_order_is_small_enough_for_is_named_and_hinders_nothing() -> None:
    run = bought()
    position = run.engine.portfolio.positions["manual", SYMBOL]
    position.quantity = Decimal("0.0005")
    record = switch(run).use(KillRequest(flatten=True), "")
    assert record.state == "done"
    assert record.problems == ("0.0005 BTC/USDT of manual is left: no order can be so small",)


def test_a_halted_run_is_killed_without_anything_passing_but_what_closes() -> None:
    run = bought()
    run.put(SetRiskState(RiskState.HALTED, run.now))
    record = switch(run).use(KillRequest(flatten=True), "")
    assert (record.state, run.engine.portfolio.net(SYMBOL)) == ("done", 0)
    assert run.engine.execution.gate.state is RiskState.HALTED


async def test_after_a_kill_nothing_passes_until_it_is_armed_and_resumed(tmp_path: Path) -> None:
    run = bought()
    async with served(tmp_path, run) as engine:
        post = engine.client.post
        _, record = await post("/api/kill", flatten=True, reason="test", who="tui")
        assert record["state"] == "done"
        order = {"symbol": SYMBOL, "side": "buy", "quantity": "1"}
        denied, _ = await post("/api/orders", **order)
        refused, problem = await post("/api/resume")
        _, summary = await engine.client.get("/api/live/summary")
        _, health = await engine.client.get("/api/health")
        armed, _ = await post("/api/risk/arm", who="cli")
        still, _ = await post("/api/orders", **order)
        resumed, _ = await post("/api/resume")
        placed, _ = await post("/api/orders", **order)
        _, again = await engine.client.get("/api/kill")
    assert (denied, refused, problem["exit_code"]) == (422, 422, 6)
    assert (summary["killed"], summary["risk_state"]) == (True, "HALTED")
    assert health["status"] == "killed"
    assert (armed, still, resumed, placed, again["state"]) == (200, 422, 200, 200, "none")


async def test_a_strategy_that_is_started_past_us_after_a_kill_is_stopped_again(
    tmp_path: Path,
) -> None:
    class Watched(Puppet):
        def on_start(self) -> None:
            self.started = True

        def on_stop(self) -> None:
            stopped.set()

    stopped = asyncio.Event()
    run = Run(strategies={"puppet": Watched})
    async with asyncio.timeout(10), served(tmp_path, run) as engine:
        await engine.client.post("/api/kill")
        stopped.clear()
        run.process(StartStrategy("puppet", run.now))
        await stopped.wait()


def test_a_run_that_was_killed_before_a_crash_is_still_killed_after_it() -> None:
    run = bought()
    run.put(SetRiskState(RiskState.HALTED, run.now))
    told: list[bool] = []
    kill = KillSwitch(Door(run.host), SystemClock(), told.append)
    assert (kill.is_used, told) == (True, [True])
    assert not switch(Run(risk=RiskSettings(state=RiskState.HALTED))).is_used


# Over a wire --------------------------------------------------------------------------------------


class Killing:
    """A wire engine on a scripted venue, with its kill switch at work."""

    def __init__(self, rig: WireRig, kill: KillSwitch, host: Any) -> None:
        self.rig = rig
        self.kill = kill
        self.host = host
        self.commands: list[Any] = []

    def use(self, **terms: Any) -> None:
        self.kill.use(KillRequest(**terms), "socket:1")

    @property
    def state(self) -> str:
        return self.kill.record().state

    def problems(self) -> str:
        return "; ".join(self.kill.record().problems)

    async def until_done(self, seconds: float = 60.0) -> None:
        """In virtual time."""
        for _ in range(int(seconds * 20)):
            if self.state == "done":
                return
            await asyncio.sleep(0.05)
        raise AssertionError(self.kill.record())


def killing(tmp_path: Path, scenario: Callable[[Killing], Awaitable[None]], **options: Any) -> None:
    async def wired(rig: WireRig) -> None:
        record = RunRecord(run_id="run-1", mode="live", venue=VENUE, account="main")
        link: Any = SimpleNamespace(venue=rig.venue, reconciler=rig.reconciler)
        host = wire_host(rig.engine, record, rig.door, {VENUE: link}, StopRequest())
        look = rig.door.on_step

        def seen(step: Any) -> None:
            look(step)
            host.saw(step)

        rig.door.on_step = seen
        host.state = "TRADING"
        kill = KillSwitch(Door(host), rig.clock, lambda used: None)
        own = Killing(rig, kill, host)
        put = host.put

        def noted(command: Any) -> Any:
            own.commands.append(command)
            return put(command)

        host.put = noted
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(kill.run())
            await asyncio.sleep(3)
            await scenario(own)
            running.cancel()

    played(tmp_path, wired, reconciling=True, **options)


def test_it_is_done_when_the_venue_has_confirmed_it_and_not_before(tmp_path: Path) -> None:
    async def scenario(own: Killing) -> None:
        rig = own.rig
        rig.take("0.01")
        resting = rig.buy()
        await rig.settle()
        asked = len(rig.venue.called("balances"))
        own.use(flatten=True)
        assert own.state == "running"
        await own.until_done()
        assert len(rig.venue.called("balances")) > asked
        assert not resting.is_open
        assert rig.engine.portfolio.net(SYMBOL) == 0
        open_orders = await rig.venue.open_orders()
        assert not open_orders
        assert own.kill.record().steps == DONE

    killing(tmp_path, scenario)


def test_with_the_venue_away_it_stays_running_and_names_it_and_goes_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    async def scenario(own: Killing) -> None:
        rig = own.rig
        rig.take("0.01")
        rig.buy()
        await rig.settle()
        away = OutcomeUnknownError("the venue does not answer")
        for call in ("cancel", "submit", "open_orders", "trades", "order", "balances", "time"):
            rig.venue.always(call, away)
        own.use(flatten=True)
        await asyncio.sleep(40)
        assert own.state == "running"
        assert VENUE in own.problems()
        assert rig.engine.portfolio.net(SYMBOL) != 0
        rig.venue.be_true()
        for call in ("cancel", "submit", "open_orders", "trades", "order", "balances", "time"):
            rig.venue.always(call, None)
        await own.until_done(120)
        assert rig.engine.portfolio.net(SYMBOL) == 0

    killing(tmp_path, scenario)


def test_an_order_in_doubt_is_waited_for_and_named(tmp_path: Path) -> None:
    async def scenario(own: Killing) -> None:
        rig = own.rig
        rig.venue.then("submit", lost_after)
        for call in ("order", "cancel"):
            rig.venue.always(call, OutcomeUnknownError("no answer"))
        order = rig.buy()
        await rig.settle()
        assert order.in_doubt
        own.use()
        await asyncio.sleep(0.2)
        record = own.kill.record()
        assert (record.state, record.orders_in_doubt) == ("running", 1)
        assert f"1 in doubt: {order.order_id}" in own.problems()
        for call in ("order", "cancel"):
            rig.venue.always(call, None)
        await own.until_done()
        assert not order.is_open

    killing(tmp_path, scenario, streaming=False)


def test_a_market_too_thin_to_close_into_is_named_and_tried_again(tmp_path: Path) -> None:
    async def scenario(own: Killing) -> None:
        own.rig.take("0.5")
        await own.rig.settle()
        own.use(flatten=True)
        await asyncio.sleep(10)
        record = own.kill.record()
        assert (record.state, record.positions_open) == ("running", 1)
        assert "ended CANCELED: no more could be had; another follows" in own.problems()
        assert sum(isinstance(each, Flatten) for each in own.commands) > 2

    killing(tmp_path, scenario)


def test_a_cancel_that_was_lost_is_sent_again(tmp_path: Path) -> None:
    async def scenario(own: Killing) -> None:
        rig = own.rig
        order = rig.buy()
        await rig.settle()
        rig.venue.then("cancel", lost_before())
        own.use()
        await own.until_done(120)
        assert not order.is_open
        assert not await rig.venue.open_orders()

    killing(tmp_path, scenario)


def test_a_closing_order_whose_answer_is_late_is_not_sent_twice(tmp_path: Path) -> None:
    async def scenario(own: Killing) -> None:
        rig = own.rig
        rig.take("0.01")
        await rig.settle()
        rig.venue.then("submit", late(4.0))
        own.use(flatten=True)
        await own.until_done(120)
        submitted = rig.venue.called("submit")
        assert len(submitted) == 2
        assert rig.engine.portfolio.net(SYMBOL) == 0
        assert sum(isinstance(each, Flatten) for each in own.commands) == 1

    killing(tmp_path, scenario)


def test_an_engine_without_anything_open_still_asks_its_venue(tmp_path: Path) -> None:
    async def scenario(own: Killing) -> None:
        asked = len(own.rig.venue.called("open_orders"))
        own.use()
        assert own.state == "running"
        await own.until_done()
        assert len(own.rig.venue.called("open_orders")) > asked

    killing(tmp_path, scenario)


def test_an_order_nobody_knew_is_found_and_canceled_before_it_is_done(tmp_path: Path) -> None:
    async def scenario(own: Killing) -> None:
        own.rig.foreign()
        own.use()
        await own.until_done()
        assert not await own.rig.venue.open_orders()

    killing(tmp_path, scenario, streaming=False)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_lost_on_the_way_done_is_never_said_before_it_is_true(
    seed: int, tmp_path: Path
) -> None:
    dice = random.Random(seed)
    acts: list[Any] = [lost_before, lambda: lost_after, lambda: late(dice.uniform(0, 6))]

    async def scenario(own: Killing) -> None:
        rig = own.rig
        for call in ("submit", "cancel", "order", "open_orders", "trades"):
            rig.venue.then(call, *(dice.choice(acts)() for _ in range(dice.randrange(4))))
        for _ in range(dice.randrange(1, 4)):
            dice.choice((rig.take, rig.buy, rig.sell))("0.002")
            await asyncio.sleep(dice.choice((0, 0.01, 2)))
        closes = dice.random() < 0.7
        own.use(flatten=closes)
        for _ in range(6_000):
            if own.state == "done":
                break
            await asyncio.sleep(0.05)
        rig.venue.be_true()
        assert own.state == "done", own.kill.record()
        assert not await rig.venue.open_orders()
        if closes:
            held = {each.currency: each.total for each in await rig.venue.balances()}
            assert held["BTC"] == CASH["BTC"]
        assert not rig.engine.execution.doubtful
        assert rig.engine.execution.gate.state is RiskState.HALTED

    killing(tmp_path, scenario, seed=seed)
