"""The kill switch: stop strategies, cancel everything, close positions if asked, and prove it.

What it asks for is asked at once; the rest is a task that goes on without whoever asked, until
everything is proven or the engine ends. Used twice it does no more than once. Must never say
`done` of what no venue confirmed.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from alphaforge.client.requests import KillRecord, KillRequest
from alphaforge.engine.claim_facts import EXTERNAL
from alphaforge.engine.core import Engine
from alphaforge.errors import RiskRefusedError
from alphaforge.model.commands import CancelAll, Flatten, OperatorCancel, SetRiskState, StopStrategy
from alphaforge.model.enums import PendingRequest, RiskState
from alphaforge.model.events import OrderDenied, OrderSubmitted
from alphaforge.model.numbers import plain
from alphaforge.model.step import Step
from alphaforge.services.clock import Clock
from alphaforge.services.control.asked import reason_of
from alphaforge.services.control.kill_left import Left, left_of
from alphaforge.services.control.proof import Proof
from alphaforge.services.control.row_texts import time_text
from alphaforge.services.control.writes import Door, who_is

LOOK_SECONDS: Final = 0.25
"""Between two looks where nothing happens meanwhile."""

GUARD_SECONDS: Final = 1.0
"""Between two looks at a killed engine: whether a strategy was started past us."""

_IDLE_SECONDS: Final = 3_600.0

AGAIN_NS: Final = 2_000_000_000
"""Between two tries of the same thing, engine time."""

_REDUCING: Final = "trading is REDUCING"

KILL: Final = "kill: "
KILL_AND_CLOSE: Final = "kill and close: "
"""How the reason of a risk state begins that a kill set: a process that takes the run up again
goes on with what one that died had begun."""

PROVEN: Final = "proven"

STUCK_TRIES: Final = 3
"""Closing orders denied in a row after which a person is needed."""


class KillSwitch:
    """One engine's kill switch.

    Attributes:
        is_used: It was used and nobody armed the engine again.
    """

    def __init__(self, door: Door, clock: Clock, tell: Callable[[bool], object]) -> None:
        """`tell` is told whenever `is_used` changes."""
        self._door = door
        self._host = door.host
        self._engine = door.host.engine
        self._clock = clock
        self._proof = Proof(door.host)
        self.is_used = _was_killed(self._engine)
        self._tell = tell
        tell(self.is_used)
        begun, said = _begun_before(self._engine)
        # One that was proven is not begun anew: people trade past a killed engine.
        self._state = "done" if begun and said == PROVEN else "running" if begun else "none"
        self._flatten = begun == KILL_AND_CLOSE
        self._who, self._reason = ("kill", said) if begun else ("", "")
        self._started = self._host.now() if begun else 0
        self._tried: dict[str, int] = {}
        self._denials: dict[str, tuple[int, str]] = {}
        self._sent: dict[str, str] = {}
        self._problems: list[str] = []
        self._wake = asyncio.Event()
        self._host.on_step.append(self._saw)

    @property
    def is_running(self) -> bool:
        """Whether it is at work: used and not yet proven."""
        return self._state in {"running", "stuck"}

    def use(self, request: KillRequest, way: str) -> KillRecord:
        """Begin, or go on with what was begun; a later call may add that positions are closed."""
        who, reason = who_is(way, request.who), reason_of(request.reason)
        self._door.check()
        adds_flatten = request.flatten and not self._flatten
        if self._state == "none" or (self._state == "done" and (adds_flatten or self._has_left())):
            self._state, self._flatten = "running", request.flatten
            self._who, self._reason = who, reason
            self._started = self._host.now()
            self._forget()
            self._stop_all()
        elif self.is_running and adds_flatten:
            self._flatten = True
            self._forget()
            self._set(self._engine.execution.gate.state, "positions are closed too")
        self._mark(used=True)
        if self.is_running:
            self._advance()
        self._wake.set()
        return self.record()

    def arm(self, way: str, name: str) -> str:
        """Take it back; what may trade is still said by `resume`.

        Raises `RiskRefusedError` while it is at work; one that is stuck is a person's from then on.
        """
        if self._state == "running":
            raise RiskRefusedError(
                "the kill switch is still at work", remedy="see how far it is: alphaforge kill"
            )
        if not self.is_used:
            return "it was not killed"
        now, who = self._host.now(), who_is(way, name)
        self._door.put(SetRiskState(RiskState.HALTED, now, "armed again after a kill", who))
        self._state = "none"
        self._mark(used=False)
        return "armed again; nothing trades until: alphaforge resume"

    def _mark(self, *, used: bool) -> None:
        self.is_used = used
        self._tell(used)

    def record(self) -> KillRecord:
        """How far it is."""
        left = self._left()
        return KillRecord(
            state=self._state,
            flatten=self._flatten,
            who=self._who,
            reason=self._reason,
            started=time_text(self._started),
            steps=self._steps(left),
            strategies_running=len(left.strategies),
            orders_open=len(left.orders) + len(left.closing),
            orders_in_doubt=left.in_doubt,
            positions_open=len(left.positions),
            problems=tuple(dict.fromkeys(self._problems)),
        )

    async def run(self) -> None:
        """Go on with it until it is proven, whenever it was begun; until canceled."""
        while True:
            await self._clock.wait(self._wake, self._pause())
            self._wake.clear()
            if self.is_used and not self._door.is_closed:
                began = self._clock.steady_ns()
                self._go_on()
                # With thousands of orders a look is dear, and every answer to one wakes it.
                spent = (self._clock.steady_ns() - began) / 1e9
                await self._clock.wait(asyncio.Event(), max(spent * 4, 0.01))

    def _pause(self) -> float:
        if self.is_running:
            return LOOK_SECONDS
        return GUARD_SECONDS if self.is_used else _IDLE_SECONDS

    def _go_on(self) -> None:
        """One more look; a fault of ours is told and does not end the run."""
        try:
            if self._state == "done" and self._has_found_own():
                self._state = "running"
                self._forget()
            if self.is_running:
                self._advance()
            else:
                self._stop_strategies()
        except Exception as error:  # noqa: BLE001 - task boundary: the run, and its orders, go on
            self._problems.append(f"the kill switch failed: {type(error).__name__}: {error}")
            self._state = "stuck" if self.is_running else self._state

    # What it does -----------------------------------------------------------------------------

    def _stop_all(self) -> None:
        """First of all: nothing new is opened, no strategy goes on, nothing rests."""
        host, why = self._host, self._reason or "no reason given"
        halted = self._engine.execution.gate.state is RiskState.HALTED
        self._set(RiskState.HALTED if halted else RiskState.REDUCING, why)
        self._stop_strategies()
        self._tried = {each.order_id: host.now() for each in self._left().orders}
        self._door.put(CancelAll(host.now(), who=self._who))
        if halted and self._flatten:
            self._set(RiskState.REDUCING, why)

    def _set(self, state: RiskState, why: str) -> None:
        """Say what may trade, in words by which a later process knows what was begun."""
        reason = f"{KILL_AND_CLOSE if self._flatten else KILL}{why}"
        self._door.put(SetRiskState(state, self._host.now(), reason, self._who))

    def _stop_strategies(self) -> None:
        for name in self._left().strategies:
            self._door.put(StopStrategy(name, self._host.now(), self._who))

    def _advance(self) -> None:
        """One look: ask for what is still missing, and prove the rest."""
        self._problems = []
        if self._engine.execution.gate.state is RiskState.ACTIVE:
            self._set(RiskState.REDUCING, "the run went on")
        self._stop_strategies()
        left = self._left()
        self._cancel(left)
        if self._flatten:
            self._close(left)
        self._name_problems(self._left())
        if not self._has_left() and self._is_proven() and not self._proof.differences:
            self._finish()

    def _cancel(self, left: Left) -> None:
        """Cancel again what works on: the request was lost, or the order was found later.

        Not while it is in doubt: each further request would put off the proof that ends the doubt.
        """
        for order in left.orders:
            is_asked = order.in_doubt or order.pending is PendingRequest.CANCEL
            if not is_asked and self._may_try(order.order_id):
                command = OperatorCancel(order.order_id, self._host.now(), self._who)
                self._door.put(command)

    def _close(self, left: Left) -> None:
        """Closing orders, symbol by symbol: only where nothing works or is in doubt any more."""
        if self._engine.execution.gate.state is RiskState.HALTED:
            self._set(RiskState.REDUCING, "positions are closed")
        busy = {each.symbol for each in (*left.orders, *left.closing)} | self._doubtful_symbols()
        for symbol in dict.fromkeys(each.symbol for each in left.positions):
            if symbol in busy or not self._is_ready(symbol) or not self._may_try(symbol):
                continue
            step = self._door.put(Flatten(self._host.now(), symbol=symbol, who=self._who))
            if any(reason.startswith(_REDUCING) for reason in _reasons(symbol, step)):
                step = self._close_apart(symbol)
            self._note(symbol, step)

    def _close_apart(self, symbol: str) -> Step:
        """Close what strategies hold against each other: each order alone looks like opening.

        No strategy runs and nothing else is carried out in between.
        """
        why = f"{symbol} is held on both sides; only its closing orders pass"
        self._set(RiskState.ACTIVE, why)
        try:
            return self._door.put(Flatten(self._host.now(), symbol=symbol, who=self._who))
        finally:
            self._set(RiskState.REDUCING, "only what brings positions down")

    def _note(self, symbol: str, step: Step) -> None:
        """Remember what was sent, and what was denied."""
        for event in step.events:
            if isinstance(event, OrderSubmitted) and event.terms.symbol == symbol:
                self._sent[symbol] = event.order_id
        reasons = _reasons(symbol, step)
        if reasons:
            count = self._denials.get(symbol, (0, ""))[0] + 1
            self._denials[symbol] = (count, ", ".join(dict.fromkeys(reasons)))
        else:
            self._denials.pop(symbol, None)

    def _finish(self) -> None:
        self._set(RiskState.HALTED, PROVEN)
        self._state = "done"

    # What is left -----------------------------------------------------------------------------

    def _left(self) -> Left:
        return left_of(self._engine, closes=self._flatten)

    def _has_left(self) -> bool:
        left = self._left()
        works = left.strategies or left.orders or left.closing or left.in_doubt
        return bool(works or (self._flatten and left.positions))

    def _has_found_own(self) -> bool:
        """Whether an order of ours came to light after it was done; others' are not its business.

        Whoever killed an engine may go on by hand, past it: neither their orders nor what they
        hold is taken from them.
        """
        left = self._left()
        works = (*left.orders, *left.closing)
        return bool(left.in_doubt or any(each.strategy != EXTERNAL for each in works))

    def _is_proven(self) -> bool:
        """Whether every venue has confirmed it; asks them if nobody has yet."""
        missing = self._proof.missing(self._engine.execution.counts)
        self._problems += missing
        return not missing

    def _name_problems(self, left: Left) -> None:
        problems = self._problems
        problems += self._proof.away()
        if left.in_doubt:
            names = ", ".join(sorted(self._engine.execution.doubtful)[:5])
            problems.append(f"{left.in_doubt} in doubt: {names}: the venue is being asked")
        stuck = False
        for symbol, (count, reasons) in self._denials.items():
            problems.append(f"{symbol} cannot be closed: {reasons}")
            stuck |= count >= STUCK_TRIES
        problems += self._ended_early({each.symbol for each in left.positions})
        if self._flatten:
            problems += [
                f"{plain(each.quantity)} {each.symbol} of {each.strategy} is left: "
                "no order can be so small"
                for each in left.dust
            ]
        problems += self._proof.differences
        stuck |= bool(self._proof.differences)
        self._state = "stuck" if stuck else "running"

    def _ended_early(self, symbols: set[str]) -> list[str]:
        """Closing orders that ended although something is left, in words."""
        execution = self._engine.execution
        found: list[str] = []
        for symbol, order_id in self._sent.items():
            working = execution.orders.get(order_id) or execution.closed.get(order_id)
            order = working.life.order if working is not None else None
            if symbol in symbols and order is not None and not order.is_open:
                why = f": {order.reason}" if order.reason else ""
                found.append(f"{symbol}: {order_id} ended {order.status}{why}; another follows")
        return found

    def _steps(self, left: Left) -> dict[str, str]:
        if self._state == "none":
            return {}
        if self._state == "done":  # what is there now came afterwards, by somebody else
            names = ("strategies", "orders", *(["positions"] if self._flatten else []), "proof")
            return dict.fromkeys(names, "done")
        orders_left = bool(left.orders or left.in_doubt)
        positions_left = bool(left.positions or left.closing)
        steps = {
            "strategies": "running" if left.strategies else "done",
            "orders": "running" if orders_left else "done",
        }
        if self._flatten:
            waits = "waiting" if orders_left else "running"
            steps["positions"] = waits if positions_left else "done"
            if positions_left and self._denials and self._state == "stuck":
                steps["positions"] = "failed"
        is_rest_done = all(each == "done" for each in steps.values())
        steps["proof"] = "running" if is_rest_done else "waiting"
        return steps

    def _doubtful_symbols(self) -> set[str]:
        execution = self._engine.execution
        found = (execution.orders.get(order_id) for order_id in execution.doubtful)
        return {each.life.order.symbol for each in found if each is not None}

    def _is_ready(self, symbol: str) -> bool:
        claims = self._engine.execution.claims
        return claims is None or not claims.why_not(symbol)

    def _may_try(self, what: str) -> bool:
        """Whether the last try was long enough ago; counts this one."""
        now = self._host.now()
        if now < self._tried.get(what, 0) + AGAIN_NS:
            return False
        self._tried[what] = now
        return True

    def _forget(self) -> None:
        self._tried.clear()
        self._denials.clear()
        self._sent.clear()
        self._proof.begin()

    def _saw(self, step: Step) -> None:
        """Something happened: look at once."""
        if self.is_running:
            self._proof.saw(step)
        if self.is_used and not self._wake.is_set():
            self._wake.set()


def _begun_before(engine: Engine) -> tuple[str, str]:
    """How the reason of a kill that a process before this one began, begins and goes on."""
    reason = engine.execution.gate.reason
    begun = next((each for each in (KILL, KILL_AND_CLOSE) if reason.startswith(each)), "")
    return begun, reason.removeprefix(begun)


def _was_killed(engine: Engine) -> bool:
    """Whether a run that is taken up again was killed and not armed since."""
    gate, configured = engine.execution.gate, engine.execution.settings.risk.state
    if _begun_before(engine)[0]:
        return True
    unexplained = gate.state is RiskState.HALTED and not gate.reason
    return unexplained and configured is not RiskState.HALTED


def _reasons(symbol: str, step: Step) -> list[str]:
    """Why orders on a symbol were denied."""
    return [
        reason
        for event in step.events
        if isinstance(event, OrderDenied) and event.terms.symbol == symbol
        for reason in event.reasons
    ]
