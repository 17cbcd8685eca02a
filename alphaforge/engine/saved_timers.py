"""What waits for its time, as a snapshot keeps it: strategies' timers and those of held orders.

Must never save a timer that it could not make again.
"""

import msgspec

from alphaforge.engine.core import Engine
from alphaforge.engine.timers import Action
from alphaforge.errors import InternalError


class TimerSaved(msgspec.Struct, array_like=True):
    """One waiting timer of a strategy; without a strategy, of a held order or its market."""

    due: int
    number: int
    strategy: str
    name: str
    every: int = 0
    run: int = 0


def save_timers(engine: Engine) -> list[TimerSaved]:
    """Every waiting timer, the next one first."""
    return [_saved(engine, *pending) for pending in engine.timers.pending()]


def load_timers(engine: Engine, registered: int, saved: list[TimerSaved]) -> None:
    """Wait for these timers and no others; `registered` numbers are taken."""
    pending = [(each.due, each.number, _action(engine, each)) for each in saved]
    engine.timers.load(registered, pending)


def _saved(engine: Engine, due: int, number: int, action: Action) -> TimerSaved:
    for runner in engine.strategies.runners.values():
        timer = runner.timer_of(action)
        if timer is not None:
            return TimerSaved(due, number, runner.name, *timer)
    emulation = engine.execution.emulation
    name = emulation.name_of(action) if emulation is not None else None
    if name is None:
        raise InternalError("something waits for its time that nothing here knows")
    return TimerSaved(due, number, "", name)


def _action(engine: Engine, saved: TimerSaved) -> Action:
    if saved.strategy:
        runner = engine.strategies.runners[saved.strategy]
        return runner.timer_action(saved.name, saved.every, saved.run)
    emulation = engine.execution.emulation
    if emulation is None:
        raise InternalError("a snapshot of a wire engine was put into another one")
    return emulation.action_of(saved.name)
