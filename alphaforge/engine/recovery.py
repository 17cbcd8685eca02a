"""Brings an engine to where a process died, by feeding it the end of its journal again.

Strategies are called as they were then, but what they ask for decides nothing: the journal does
(`journaled_gate`). One that asks for something else than then is stopped, because its memory is not
what it was; the others go on. Nothing leaves while this runs. Must never skip a row.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

import msgspec

from alphaforge.engine.core import Engine, EngineEvent
from alphaforge.engine.interruption import HUNG
from alphaforge.engine.journaled_gate import NOTHING, JournaledGate, JournaledNumbers
from alphaforge.engine.strategies import RunState
from alphaforge.engine.working import OrderNumbers
from alphaforge.errors import InternalError, StrategyError
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.model.step import EMPTY_STEP, Step

Row: TypeAlias = tuple[int, EngineEvent, Step | None]
"""An event's number, the event, and the journaled Step; None where it led to nothing."""

DIFFERENCE: Final = "recovery-difference"
"""Code of the alert of a strategy that was stopped because it did something else than then."""

_FAILED: Final = ("strategy-error", HUNG)


class Difference(NamedTuple):
    """A strategy that did not repeat itself, at its first difference.

    Attributes:
        sequence: Number of the event.
        then: What it did when the event was first processed; `nothing` if it did nothing.
        now: What it does now.
    """

    sequence: int
    strategy: str
    then: str
    now: str


class Recovered(msgspec.Struct, frozen=True):
    """What a recovery found.

    Attributes:
        events: Rows folded.
        steps: Non-empty Steps that were equal.
        differences: The strategies that were stopped, and why.
        alerts: One per difference; they are in no Step, so whoever recovers must tell them.
        unexplained: Numbers of events whose order events or fills came out otherwise although
            every strategy repeated itself: a fault of the program, or a journal of another version.
    """

    events: int
    steps: int
    differences: tuple[Difference, ...] = ()
    alerts: tuple[Alert, ...] = ()
    unexplained: tuple[int, ...] = ()


def recover(engine: Engine, rows: Iterable[Row]) -> Recovered:
    """Feed rows to a wire engine that is new, or restored from a snapshot of the row before.

    Gaps in the numbers are followed. Afterwards the engine is as the one that wrote the journal
    was: nothing is recorded and nothing is outgoing. The orders of a stopped strategy still work:
    they follow the journal to its end; `StopStrategy` takes them out once the venue can be told.
    """
    if engine.execution.claims is None:
        raise InternalError("only an engine whose orders go over a wire is recovered")
    recovery = _Recovery(engine)
    process = engine.process
    events = 0
    try:
        for sequence, event, step in rows:
            events += 1
            engine.sequence = sequence - 1
            if step is not None:
                recovery.repeat(event, step)
            elif (made := process(event)) is not EMPTY_STEP:
                recovery.settle(made, EMPTY_STEP)
    finally:
        recovery.end()
    return recovery.result(events)


class _Recovery:
    """The state of one recovery."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._manager = engine.strategies
        self._shared = engine.shared
        execution = engine.execution
        self._gate = JournaledGate(execution.gate, execution, self._differ)
        self._numbers = JournaledNumbers(execution.numbers.taken)
        execution.gate, execution.numbers = self._gate, self._numbers
        self._signals_made = engine.shared.signals_made
        self._equal = 0
        self._differences: list[Difference] = []
        self._alerts: list[Alert] = []
        self._unexplained: list[int] = []
        self._stopped: set[tuple[str, int]] = set()
        self._differing: set[str] = set()

    def repeat(self, event: EngineEvent, step: Step) -> None:
        """Process an event that led to something."""
        self._numbers.begin(self._gate.begin(step))
        if any(alert.code == HUNG for alert in step.alerts):
            with self._manager.stop_instead_of(step):
                made = self._engine.process(event)
        else:
            made = self._engine.process(event)
        self.settle(made, step)

    def settle(self, made: Step, step: Step) -> None:
        """Compare what came of an event with the journal, and make the books follow it."""
        if made == step:
            self._equal += 1
        self._gate.finish(made)
        self._compare_failures(made, step)
        if step.signals:
            self._signals_made = max(
                int(each.signal_id.rpartition("-")[2]) for each in step.signals
            )
        if not self._stopped and (made.events, made.fills) != (step.events, step.fills):
            self._unexplained.append(self._engine.sequence)
        if made.signals != step.signals:
            self._shared.signals_made = self._signals_made
        self._numbers.finish(self._differing)
        self._numbers.begin(())
        self._differing.clear()
        record = self._engine.execution.record
        record.clear()
        self._engine.execution.mixed = False

    def end(self) -> None:
        """Give the engine its own gate and counter back."""
        self._gate.end()
        self._engine.execution.numbers = OrderNumbers(self._numbers.taken)

    def result(self, events: int) -> Recovered:
        """What was found."""
        return Recovered(
            events,
            self._equal,
            tuple(self._differences),
            tuple(self._alerts),
            tuple(self._unexplained),
        )

    def _compare_failures(self, made: Step, step: Step) -> None:
        """A strategy that failed then must not go on, and one that fails now is not what it was."""
        then = {alert.strategy: alert.message for alert in step.alerts if alert.code in _FAILED}
        now = {alert.strategy: alert.message for alert in made.alerts if alert.code in _FAILED}
        for strategy, message in then.items():
            if strategy not in now:
                self._differ(strategy, message, NOTHING)
        for strategy, message in now.items():
            if strategy not in then:
                self._differ(strategy, NOTHING, message)

    def _differ(self, strategy: str, then: str, now: str) -> None:
        """Stop a strategy at its first difference."""
        self._differing.add(strategy)
        runner = self._manager.runners.get(strategy)
        run = (strategy, runner.starts if runner is not None else 0)
        if run in self._stopped:
            return
        self._stopped.add(run)
        sequence = self._engine.sequence
        self._differences.append(Difference(sequence, strategy, then, now))
        message = (
            f"strategy {strategy} did not repeat itself at event {sequence}: then {then}, now {now}"
        )
        if runner is not None and runner.state is RunState.RUNNING:
            self._manager.halt(strategy, StrategyError(message))
            message += "; it was stopped"
        level, ts = AlertLevel.ERROR, self._engine.timers.now
        self._alerts.append(Alert(level, DIFFERENCE, message, ts, strategy=strategy))
