"""What an operator says to the run itself: pause, resume, stop, and its strategies one by one.

A strategy that is changed is made anew on the side first: an error in its file or its parameters
leaves the running one alone. Must send no order.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from alphaforge.client.records import OrderRow
from alphaforge.client.requests import Accepted, StrategyPatch, Who
from alphaforge.engine.strategies import Runner, RunState
from alphaforge.errors import NotFoundError, RiskRefusedError, StrategyError, UsageError
from alphaforge.model.commands import RestartStrategy, SetRiskState, StartStrategy, StopStrategy
from alphaforge.model.enums import AlertLevel, RiskState
from alphaforge.model.events import Alert, CancelRequested
from alphaforge.model.step import Step
from alphaforge.services.control import loading
from alphaforge.services.control.asked import reason_of, strategy_of
from alphaforge.services.control.kill import KillSwitch
from alphaforge.services.control.loading import ended_after
from alphaforge.services.control.writes import Door, OrderRowOf, who_is
from alphaforge.services.strategy_files import LoadedStrategy, frame_error, load_strategy
from alphaforge.services.strategy_parameters import configure, parameters_of

_NOT_MADE = "strategy-not-made"


class Steering:
    """Steers one run for whoever asks."""

    def __init__(self, door: Door, kill: KillSwitch, row: OrderRowOf) -> None:
        self._door = door
        self._host = door.host
        self._engine = door.host.engine
        self._kill = kill
        self._row = row

    # The run ----------------------------------------------------------------------------------

    def pause(self, asked: Who, way: str) -> Accepted:
        """From now on only what brings positions down."""
        if self._kill.is_used:
            return Accepted(message="the kill switch was used: nothing new passes")
        if self._engine.execution.gate.state is RiskState.HALTED:
            return Accepted(message="trading is HALTED already: nothing new passes")
        self._set(RiskState.REDUCING, asked, way)
        return Accepted(message="paused: only orders that bring positions down pass")

    def resume(self, asked: Who, way: str) -> Accepted:
        """Trade again; raises `RiskRefusedError` after a kill until somebody arms it again."""
        if self._kill.is_used:
            raise RiskRefusedError(
                "the kill switch was used", remedy="first type: alphaforge risk arm"
            )
        self._set(RiskState.ACTIVE, asked, way)
        return Accepted(message="trading is ACTIVE")

    def _set(self, state: RiskState, asked: Who, way: str) -> None:
        who = who_is(way, asked.who)
        reason, told = f"by {who}", reason_of(asked.reason)
        if told:
            is_kill = told.startswith("kill")  # words that a restart would believe
            reason = f"{reason}: {told}" if is_kill else told
        self._door.put(SetRiskState(state, self._host.now(), reason, who))

    def arm(self, asked: Who, way: str) -> Accepted:
        """Take a kill back."""
        self._door.check()
        return Accepted(message=self._kill.arm(way, asked.who))

    def stop(self, asked: Who, way: str) -> Accepted:
        """End the run in order: strategies stop, resting orders stay at the venue."""
        self._door.check()
        open_orders = len(self._engine.execution.working())
        self._tell(f"{who_is(way, asked.who)} asked the run to stop")
        self._host.stopped_by = who_is(way, asked.who)
        self._host.stop()
        stays = f"; {open_orders} orders stay where they rest" if open_orders else ""
        return Accepted(message=f"run {self._host.run.run_id} is stopping{stays}")

    def reconcile(self, asked: Who, way: str) -> Accepted:
        """Have every venue asked whether what we know is what it knows."""
        self._door.check()
        if self._engine.execution.claims is None:
            return Accepted(message="orders are simulated here: there is no venue to ask")
        self._tell(f"{who_is(way, asked.who)} asked for a reconciliation")
        self._host.reconcile()
        return Accepted(message="the venues are being asked")

    def _tell(self, message: str) -> None:
        """Say what leaves no command in the journal."""
        self._host.alert(Alert(AlertLevel.INFO, "operator", message, self._host.now()))

    # Strategies -------------------------------------------------------------------------------

    def start_strategy(self, name: str, asked: Who, way: str) -> Accepted:
        """Start one that does not run; it starts anew, with nothing remembered."""
        runner = self._runner(name)
        if runner.state is RunState.RUNNING:
            return Accepted(message=f"{name} runs already")
        self._check_may_start()
        step = self._door.put(StartStrategy(name, self._host.now(), who_is(way, asked.who)))
        self._check_runs(runner)
        return self._accepted(f"{name} runs", step)

    def stop_strategy(self, name: str, asked: Who, way: str) -> Accepted:
        """Stop one: its working orders are canceled, its position stays."""
        runner = self._runner(name)
        if runner.state is not RunState.RUNNING:
            return Accepted(message=f"{name} does not run: it is {runner.state}")
        step = self._door.put(StopStrategy(name, self._host.now(), who_is(way, asked.who)))
        return self._accepted(f"{name} is stopped; its position stays", step)

    def patch_strategy(self, name: str, asked: StrategyPatch, way: str) -> Accepted:
        """Start one anew with other parameters; raises before anything is stopped."""
        runner = self._runner(name)
        if not asked.parameters:
            raise UsageError("no parameter was given", remedy="give some: fast=5")
        cls = type(runner.strategy)
        now = self._parameters(runner)
        known = {key: value for key, value in now.items() if key in parameters_of(cls)}
        values = _all_values(cls, {**known, **asked.parameters})
        return self._remake(runner, values, "", who_is(way, asked.who))

    def reload_strategy(self, name: str, asked: Who, way: str) -> Accepted:
        """Start one anew from its file as it is now; raises before anything is stopped."""
        runner = self._runner(name)
        loaded = self._load(name)
        known, now = loaded.parameters, self._parameters(runner)
        values = _all_values(loaded.cls, {key: now[key] for key in now if key in known})
        return self._remake(runner, values, loaded.source, who_is(way, asked.who))

    def _remake(self, runner: Runner, values: Mapping[str, Any], source: str, who: str) -> Accepted:
        """Make it on the side, then have the engine do it."""
        name, maker = runner.name, self._engine.strategies.maker
        self._check_may_start()
        if maker is None:
            raise UsageError("strategies of this run cannot be changed", remedy="start another run")
        parameters = msgspec.json.encode(values, enc_hook=str).decode()
        with ended_after(name, loading.LOAD_SECONDS):
            maker(name, parameters, source or runner.source)()
        command = RestartStrategy(name, parameters, source, self._host.now(), who)
        step = self._door.put(command)
        for alert in step.alerts:
            if alert.code == _NOT_MADE and alert.strategy == name:
                raise StrategyError(alert.message, remedy="correct it, then reload it")
        self._check_runs(runner)
        return self._accepted(f"{name} was made anew and runs", step)

    def _load(self, name: str) -> LoadedStrategy:
        run = self._host.run
        source = next((each for each in run.strategies if each.name == name), None)
        if source is None:
            raise NotFoundError(f"the run does not say which file {name} is from")
        classes: dict[str, str] = run.settings.get("classes", {})
        cls = classes.get(name, "")
        with ended_after(name, loading.LOAD_SECONDS):
            return load_strategy(f"{source.path}:{cls}" if cls else source.path)

    def _parameters(self, runner: Runner) -> dict[str, Any]:
        """Every parameter of a strategy as it was last made."""
        if runner.parameters:
            return msgspec.json.decode(runner.parameters, type=dict[str, Any])
        return dict(self._host.run.parameters.get(runner.name, {}))

    def _runner(self, name: str) -> Runner:
        self._door.check()
        return self._engine.strategies.runners[strategy_of(self._engine, name)]

    def _check_may_start(self) -> None:
        if self._kill.is_used:
            raise RiskRefusedError(
                "the kill switch was used: no strategy starts",
                remedy="first type: alphaforge risk arm",
            )

    def _check_runs(self, runner: Runner) -> None:
        """Raise `StrategyError` with the user's own line if its start failed."""
        error = runner.error
        if runner.state is not RunState.FAILED or error is None:
            return
        if isinstance(error, StrategyError):
            raise error
        source = next(each for each in self._host.run.strategies if each.name == runner.name)
        told = frame_error(error, Path(source.path))
        raise StrategyError(
            f"{runner.name} failed at its start: {told.message}",
            remedy=told.remedy,
            path=told.path,
            line=told.line,
        )

    def _accepted(self, message: str, step: Step) -> Accepted:
        asked = [each.order_id for each in step.events if isinstance(each, CancelRequested)]
        found = [self._row(order_id) for order_id in asked]
        rows: tuple[OrderRow, ...] = tuple(row for row in found if row is not None)
        canceled = f", {len(asked)} of its orders canceled" if asked else ""
        return Accepted(message=message + canceled, orders=rows)


def _all_values(cls: type, given: Mapping[str, object]) -> dict[str, object]:
    """Every parameter of a class: the given ones by their annotations, the others' defaults."""
    values = configure(cls, given)
    return {
        name: values.get(name, parameter.default) for name, parameter in parameters_of(cls).items()
    }
