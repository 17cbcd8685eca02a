"""What a run decided, in the place of the gate, while its events are fed to an engine again.

The books follow the journal whatever is asked now: a request that was made then gets the verdict
of then, one that was not is dropped, and one that nobody makes any more is made in its strategy's
place. Every such difference is told. Must never let anything pass that the journal does not hold.
"""

from bisect import insort
from collections import Counter
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

from msgspec.structs import asdict, force_setattr

from alphaforge.engine.execution import ExecutionEngine
from alphaforge.engine.lifecycle import begin
from alphaforge.engine.risk.gate import Judged, RiskGate
from alphaforge.engine.same_terms import is_same_order
from alphaforge.engine.working import OrderNumbers, terms_as_asked
from alphaforge.errors import InternalError
from alphaforge.model.commands import Approved, CancelOrder, ModifyOrder, Refused, SubmitOrder
from alphaforge.model.events import (
    CancelRequested,
    HeldModified,
    ModifyRequested,
    OrderAdopted,
    OrderDenied,
    OrderHeld,
    OrderReleased,
    OrderSubmitted,
    RequestDenied,
)
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import ZERO, plain
from alphaforge.model.orders import Order
from alphaforge.model.step import Step

Decision: TypeAlias = (
    OrderSubmitted | OrderHeld | OrderDenied | CancelRequested | ModifyRequested | RequestDenied
)
DECISIONS: Final = (
    OrderSubmitted,
    OrderHeld,
    OrderDenied,
    CancelRequested,
    ModifyRequested,
    RequestDenied,
)

_ENTERING: Final = (OrderSubmitted, OrderHeld, OrderAdopted)

NOTHING: Final = "nothing"
"""What was asked where nothing was."""

_NOT_THEN: Final = ("it was not asked for when this event was first processed",)

_Name: TypeAlias = tuple[type, str, int]
"""What a decision is about: its kind, the order, and a modification's version."""

Differ: TypeAlias = Callable[[str, str, str], None]
"""Told of a difference: the strategy, what it did then, what it does now."""


class JournaledNumbers(OrderNumbers):
    """Gives each strategy the numbers it got then, whoever else asks for more or for less."""

    __slots__ = ("_before", "_own", "_owners", "_unused")

    def __init__(self, taken: int) -> None:
        super().__init__(taken)
        self._before: int = taken
        self._own: dict[str, list[int]] = {}
        self._owners: dict[int, str] = {}
        self._unused: list[str] = []

    def begin(self, decisions: Sequence[Decision]) -> None:
        """Take up the numbers of one event."""
        self._before = self.taken
        self._own, self._owners, self._unused = {}, {}, []
        for decision in decisions:
            if isinstance(decision, OrderSubmitted | OrderHeld | OrderDenied):
                number, strategy = _number(decision.order_id), decision.terms.strategy
                self._owners[number] = strategy
                insort(self._own.setdefault(strategy, []), number)

    def next(self, strategy: str) -> int:
        """The strategy's next number of then; one that nobody had for what it did not order."""
        number, own = self.taken + 1, self._own.get(strategy)
        if own and not (number < own[0] and number not in self._owners):
            number = own.pop(0)
        else:
            while number in self._owners:
                number += 1
            self._unused.append(strategy)
        self.taken = max(self.taken, number)
        return number

    def finish(self, differing: Collection[str]) -> None:
        """End an event; what strategies that did something else than then took is given back.

        Others may take a number without an order: by a callback that failed after it had ordered.
        """
        last = max([self._before, *self._owners])
        between = last - self._before - len(self._owners)
        unused = sum(strategy not in differing for strategy in self._unused)
        self.taken: int = last + max(unused - between, 0)


class JournaledGate(RiskGate):
    """Answers with the journal; judges too, for the price and to keep what the gate remembers."""

    def __init__(self, real: RiskGate, execution: ExecutionEngine, differ: Differ) -> None:
        """Stand in for `real`, with all its parts."""
        vars(self).update(vars(real))
        self._real = real
        self._execution = execution
        self._differ = differ
        self._decisions: list[Decision] = []
        self._left: list[Decision] = []
        self._entered: list[str] = []
        self._approved: dict[tuple[str, int], Approved] = {}
        self._given: Decision | None = None
        self._released: dict[str, OrderReleased] = {}
        self._modified: dict[tuple[str, int], HeldModified] = {}
        self._is_held = False

    def begin(self, step: Step) -> list[Decision]:
        """Take up what one event led to; gives its decisions."""
        self._decisions = [each for each in step.events if isinstance(each, DECISIONS)]
        self._left = self._decisions[:]
        self._entered = [each.order_id for each in step.events if isinstance(each, _ENTERING)]
        self._released = {e.order_id: e for e in step.events if isinstance(e, OrderReleased)}
        modified = (each for each in step.events if isinstance(each, HeldModified))
        self._modified = {(each.order_id, each.version): each for each in modified}
        self._approved = {_key(each.command): each for each in step.outgoing}
        return self._decisions

    def finish(self, made: Step) -> None:
        """Make up for what nobody asked for, and take back what should not have been counted."""
        decisions, left = self._decisions, self._left
        events = [each for each in made.events if isinstance(each, DECISIONS)]
        unasked = Counter(map(_name, left))
        unasked.subtract(Counter(map(_name, events)) - _difference(decisions, left))
        for decision in left:
            if unasked[_name(decision)] > 0:
                unasked[_name(decision)] -= 1
                self._make_up(decision)
        self._release_as_then()
        self._take_back(events)
        if left:
            self._reorder()
        self._decisions, self._left = [], []

    def _take_back(self, events: list[Decision]) -> None:
        """Tell of the requests that were decided now although they were not made then."""
        extra = _difference(events, self._decisions)
        for event in events:
            if extra[_name(event)] > 0:
                extra[_name(event)] -= 1
                if isinstance(event, OrderDenied):
                    self._execution.counts.denied -= 1
                self._differ(self._strategy_of(event), NOTHING, told(event))

    def _release_as_then(self) -> None:
        """What left then has left, whatever moved its trigger now."""
        emulation = self._execution.emulation
        for order_id in tuple(self._released):
            if emulation is not None:
                with _nothing_held(self._execution):
                    emulation.release_as_then(order_id)
        self._released = {}

    def _reorder(self) -> None:
        """Have the new orders in the order of then: it is the one they are all canceled in."""
        orders = self._execution.orders
        for order_id in self._entered:
            if order_id in orders:
                orders[order_id] = orders.pop(order_id)

    def end(self) -> None:
        """Give the real gate its place back, with what was remembered meanwhile."""
        for name in vars(self._real):
            setattr(self._real, name, getattr(self, name))
        self._execution.gate = self._real

    # Verdicts ---------------------------------------------------------------------------------

    def holds(self, order: Order, instrument: Instrument) -> bool:
        """Whether the order that was judged last was held then."""
        del order, instrument
        return self._is_held

    def release(self, terms: SubmitOrder, now: int) -> Approved | None:
        """What a held order became then; None if it did not leave with this event."""
        del now
        released = self._released.pop(terms.order_id, None)
        return self._let_out(released.terms, released.ts_local) if released is not None else None

    def submit(self, order: Order, now: int) -> Judged:
        """The verdict of then; an order that was not made then is refused."""
        judged = super().submit(order, now)
        given = self._given is not None
        decided = self._decided((OrderSubmitted, OrderHeld, OrderDenied), order.order_id)
        self._is_held = isinstance(decided, OrderHeld)
        if decided is None:
            self._differ(order.strategy, NOTHING, f"orders {_terms_told(terms_as_asked(order))}")
            return _refused(order, _NOT_THEN, now)
        if isinstance(decided, OrderDenied):
            if not given and repr(decided.terms) != repr(terms_as_asked(order)):
                asked = f"orders {_terms_told(terms_as_asked(order))}"
                self._differ(order.strategy, told(decided), asked)
            return _refused(order, decided.reasons, now)
        if not isinstance(decided, OrderSubmitted | OrderHeld):
            return _refused(order, _NOT_THEN, now)
        terms = decided.terms
        state = self._markets.states[terms.symbol]
        if not given and not is_same_order(order, terms, state.instrument):
            asked = f"orders {_terms_told(terms_as_asked(order))}"
            self._differ(order.strategy, told(decided), asked)
            for name, value in asdict(terms).items():
                force_setattr(order, name, value)
        approved = self._let_out(terms, decided.ts_local)
        if isinstance(judged.verdict, Approved):
            return Judged(approved, judged.price)
        return Judged(approved, self._price(terms, state) or ZERO)

    def modify(self, order: Order, request: ModifyOrder, now: int) -> Judged:
        """The verdict of then, with the terms of then."""
        judged = super().modify(order, request, now)
        given = self._given is not None
        decided = self._decided((ModifyRequested, RequestDenied), order.order_id, request.version)
        if decided is None:
            self._differ(order.strategy, NOTHING, f"modifies {order.order_id}")
            return _refused(order, _NOT_THEN, now)
        if isinstance(decided, RequestDenied):
            return _refused(order, decided.reasons, now)
        approved = self._asked_then(order, request.version)
        if isinstance(judged.verdict, Approved):
            if not given and judged.verdict.command != approved.command:
                self._differ(order.strategy, told(decided), f"modifies {order.order_id} otherwise")
            return Judged(approved, judged.price)
        return Judged(approved, order.limit_price or order.trigger_price or ZERO)

    def _asked_then(self, order: Order, version: int) -> Approved:
        """The new terms of then; those of an order that was held never left."""
        known = self._approved.get((order.order_id, version))
        if known is not None:
            return known
        then = self._modified[order.order_id, version]
        terms = then.quantity, then.limit_price, then.trigger_price
        command = ModifyOrder(order.order_id, version, *terms, *order.names)
        return self._let_out(command, then.ts_local)

    def cancel(self, order: Order, now: int) -> Approved | None:
        """The cancel, if it was asked for then."""
        if self._decided((CancelRequested,), order.order_id) is None:
            self._differ(order.strategy, NOTHING, f"cancels {order.order_id}")
            return None
        return super().cancel(order, now)

    # The journal ------------------------------------------------------------------------------

    def _decided(
        self, kinds: tuple[type[Decision], ...], order_id: str, version: int = 0
    ) -> Decision | None:
        """The decision about a request that nobody asked for yet."""
        given, self._given = self._given, None
        if given is not None:
            return given
        for index, decision in enumerate(self._left):
            if isinstance(decision, kinds) and decision.order_id == order_id:
                if isinstance(decision, ModifyRequested) and decision.version != version:
                    continue
                return self._left.pop(index)
        return None

    def _make_up(self, decision: Decision) -> None:
        """Ask in a strategy's place for what it asked then."""
        self._differ(self._strategy_of(decision), told(decision), NOTHING)
        with _nothing_held(self._execution):
            self._given = decision
            self._ask(decision)
            self._given = None

    def _ask(self, decision: Decision) -> None:
        execution = self._execution
        if isinstance(decision, OrderSubmitted | OrderHeld):
            execution.submit(begin(decision.terms, decision.ts_local).order)
        elif isinstance(decision, OrderDenied):
            order = begin(decision.terms, decision.ts_local).order
            execution.deny(order, "; ".join(decision.reasons))
        elif (working := execution.orders.get(decision.order_id)) is not None:
            self._ask_about(working.life.order, decision)

    def _ask_about(self, order: Order, decision: Decision) -> None:
        if isinstance(decision, CancelRequested):
            self._execution.cancel(order)
        elif isinstance(decision, ModifyRequested):
            command = self._asked_then(order, decision.version).command
            if isinstance(command, ModifyOrder):
                terms = (command.quantity, command.limit_price, command.trigger_price)
                self._execution.modify(order, *terms)

    def _strategy_of(self, decision: Decision) -> str:
        if isinstance(decision, OrderSubmitted | OrderHeld | OrderDenied):
            return decision.terms.strategy
        execution, order_id = self._execution, decision.order_id
        working = execution.orders.get(order_id) or execution.closed.get(order_id)
        return working.life.order.strategy if working is not None else ""


@contextmanager
def _nothing_held(execution: ExecutionEngine) -> Generator[None]:
    """Let requests of then pass what holds orders back: they were made earlier in the event."""
    claims = execution.claims
    if claims is None:
        raise InternalError("only an engine whose orders go over a wire is recovered")
    doubtful, execution.doubtful = execution.doubtful, set()
    held, claims.state.venue_states = claims.state.venue_states, {}
    try:
        yield
    finally:
        execution.doubtful |= doubtful
        claims.state.venue_states = held


def told(decision: Decision) -> str:
    """A decision in words."""
    if isinstance(decision, OrderSubmitted | OrderHeld):
        return f"orders {_terms_told(decision.terms)}"
    if isinstance(decision, OrderDenied):
        return f"orders {_terms_told(decision.terms)} (denied)"
    verb = "cancels" if isinstance(decision, CancelRequested) else "modifies"
    denied = " (denied)" if isinstance(decision, RequestDenied) else ""
    return f"{verb} {decision.order_id}{denied}"


def _terms_told(terms: SubmitOrder) -> str:
    quantity = plain(terms.quantity) if terms.quantity.is_finite() else "not a number"
    prices = [
        f"{name} {plain(price)}"
        for name, price in (("limit", terms.limit_price), ("stop", terms.trigger_price))
        if price is not None and price.is_finite()
    ]
    return " ".join([terms.side, quantity, terms.symbol, terms.order_type, *prices])


def _refused(order: Order, reasons: tuple[str, ...], now: int) -> Judged:
    return Judged(Refused(order.order_id, reasons, now), ZERO)


def _name(decision: Decision) -> _Name:
    version = decision.version if isinstance(decision, ModifyRequested) else 0
    return decision.__class__, decision.order_id, version


def _difference(these: Sequence[Decision], those: Sequence[Decision]) -> Counter[_Name]:
    """How many of each there are more among these."""
    return Counter(map(_name, these)) - Counter(map(_name, those))


def _key(command: SubmitOrder | ModifyOrder | CancelOrder) -> tuple[str, int]:
    """An approved command by order and version; 0 for the order itself, -1 for its cancel."""
    if isinstance(command, CancelOrder):
        return command.order_id, -1
    return command.order_id, command.version if isinstance(command, ModifyOrder) else 0


def _number(order_id: str) -> int:
    return int(order_id.rpartition("-")[2])
