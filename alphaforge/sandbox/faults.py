"""What is to go wrong, when and how often: who is struck by the faults there are.

A fault is one struct whether it comes from a TOML file or the admin route. The server asks for
every request (`on_request`), the sockets for every connection and frame (`on_open`, `push`), the
timer for what is done to the exchange itself (`due`). Chance is seeded, so the same faults strike
the same sequence of questions. Must never touch the exchange or a socket itself.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, log
from random import Random

from alphaforge.sandbox.fault_terms import (
    ACTS,
    ANY,
    BLOWS,
    CHANGES,
    EFFECTS,
    ONLY_ON_TRADES,
    OPENINGS,
    PLAIN,
    PUSHES,
    REQUESTS,
    TO_ORDERS,
    TO_SOCKETS,
    WELL,
    Fate,
    Moment,
    Opening,
)
from alphaforge.sandbox.fault_terms import Fault as Fault
from alphaforge.sandbox.fault_terms import FaultKind as FaultKind
from alphaforge.sandbox.fault_terms import Pushing as Pushing
from alphaforge.sandbox.fault_terms import Stream as Stream

_NS = 1_000_000_000
_Z99 = 2.3263478740408408
"""The standard normal's 99th percentile."""

_FLAGS = {
    FaultKind.PUSH_REORDER: "hold",
    FaultKind.CUT: "cut",
    FaultKind.HALF_OPEN: "half_open",
}


@dataclass(slots=True)
class _Standing:
    """A fault that was added."""

    number: int
    fault: Fault
    begins: int
    ends: int | None
    left: int | None

    def is_on(self, now: int) -> bool:
        if self.left == 0 or now < self.begins:
            return False
        return self.ends is None or now < self.ends


class Faults:
    """Every fault there is.

    Attributes:
        injected: How often each kind has struck.
    """

    def __init__(self, clock: Callable[[], int] = lambda: 0, seed: int = 0) -> None:
        """`clock` is ns, unskewed; without one every fault's window begins at once."""
        self.injected: Counter[FaultKind] = Counter()
        self._clock = clock
        self._random = Random(seed)  # noqa: S311 - faults that come again with the seed
        self._standing: list[_Standing] = []
        self._numbered = 0

    def __len__(self) -> int:
        return len(self._standing)

    def add(self, fault: Fault) -> int:
        """From here on (its `at` counts from now); its number."""
        self._numbered += 1
        begins = self._clock() + round(fault.at * _NS)
        ends = None if fault.lasts is None else begins + round(fault.lasts * _NS)
        self._standing.append(_Standing(self._numbered, fault, begins, ends, fault.times))
        return self._numbered

    def clear(self, number: int = 0) -> int:
        """Take one away, or all of them; how many that was. What was done stays done."""
        before = len(self._standing)
        kept = [each for each in self._standing if number and each.number != number]
        self._standing = kept
        return before - len(kept)

    def listed(self) -> list[tuple[int, Fault]]:
        """What may still strike, with its numbers."""
        return [(each.number, each.fault) for each in self._standing if not self._is_over(each)]

    def has(self, kind: FaultKind) -> bool:
        """Whether one of this kind may strike, now or later."""
        return any(each.fault.kind is kind and not self._is_over(each) for each in self._standing)

    # Requests ---------------------------------------------------------------------------------

    def on_request(
        self, dialect: str, call: str, symbol: str = "", *, private: bool = False
    ) -> Fate:
        """What becomes of a request; asked once for each, over REST or a WebSocket."""
        if not self._standing:
            return WELL
        delay, age = 0.0, 0.0
        blow: Fault | None = None
        changes: list[Fault] = []
        for each in self._struck(REQUESTS, dialect, symbol):
            fault = each.fault
            if not _fits_call(fault, call, private) or (blow and fault.kind in BLOWS):
                continue
            if not self._strikes(each):
                continue
            if fault.kind is FaultKind.LATENCY:
                delay += self._latency(fault)
            elif fault.kind is FaultKind.STALE:
                age = max(age, fault.seconds)
            elif fault.kind in CHANGES:
                changes.append(fault)
            else:
                blow = fault
        before = blow if blow and blow.when is Moment.BEFORE else None
        return Fate(delay, before, None if before else blow, tuple(changes), age)

    def _latency(self, fault: Fault) -> float:
        if fault.p99 is not None:
            sigma = log(fault.p99 / fault.p50) / _Z99
            return exp(self._random.gauss(log(fault.p50), sigma))
        if fault.high is not None:
            return self._random.uniform(fault.low, fault.high)
        return fault.seconds

    # Streams ----------------------------------------------------------------------------------

    def push(self, stream: Stream | str, symbol: str = "", dialect: str = ANY) -> Pushing:
        """What becomes of a frame that a dialect is about to push; asked once for each."""
        if not self._standing:
            return PLAIN
        told = Stream(stream)
        pushing = PLAIN
        for each in self._struck(PUSHES, dialect, symbol):
            if _fits_stream(each.fault, told) and self._strikes(each):
                pushing = self._also(pushing, each.fault)
        return pushing

    def _also(self, pushing: Pushing, fault: Fault) -> Pushing:
        match fault.kind:
            case FaultKind.PUSH_DUPLICATE:
                return replace(pushing, copies=2 * pushing.copies)
            case FaultKind.PUSH_DELAY:
                return replace(pushing, delay=pushing.delay + self._latency(fault))
            case FaultKind.HUGE:
                return replace(pushing, padding=fault.size)
            case FaultKind.PUSH_REORDER | FaultKind.CUT | FaultKind.HALF_OPEN:
                return replace(pushing, **{_FLAGS[fault.kind]: True})
            case _:
                return replace(pushing, copies=0)

    def on_open(self, dialect: str, sockets: int) -> Opening:
        """What becomes of a new WebSocket beside so many open ones."""
        for each in self._struck(OPENINGS, dialect, ""):
            fault = each.fault
            if fault.kind is FaultKind.CONNECTION_LIMIT and sockets < fault.limit:
                continue
            if self._strikes(each):
                storm = fault.kind is FaultKind.STORM
                return Opening.DROPPED if storm else Opening.REFUSED
        return Opening.TAKEN

    # The exchange -----------------------------------------------------------------------------

    def due(self) -> list[Fault]:
        """What is to be done to the exchange now; each is told once per strike."""
        if not self._standing:
            return []
        told: list[Fault] = []
        for each in self._struck(ACTS, ANY, ""):
            if each.fault.kind in TO_SOCKETS and each.fault.stream != ANY:
                continue
            each.left = 1 if each.left is None else each.left
            if self._strikes(each):
                told.append(each.fault)
        self._standing = [each for each in self._standing if not self._is_over(each)]
        return told

    def on_order(self, symbol: str, *, filled: bool) -> list[Fault]:
        """What is done to a client's order that has come to the book (`filled`: has traded)."""
        told: list[Fault] = []
        for each in self._struck(TO_ORDERS, ANY, symbol):
            waits = each.fault.kind is FaultKind.LATE_REJECT and each.fault.after_fill
            if waits is filled and self._strikes(each):
                told.append(each.fault)
        return told

    # Who is struck ----------------------------------------------------------------------------

    def _struck(self, kinds: frozenset[FaultKind], dialect: str, symbol: str) -> list[_Standing]:
        now = self._clock()
        return [
            each
            for each in self._standing
            if each.fault.kind in kinds
            and each.is_on(now)
            and (ANY in {each.fault.dialect, dialect} or each.fault.dialect == dialect)
            and (each.fault.symbol == ANY or not symbol or is_same(each.fault.symbol, symbol))
        ]

    def _strikes(self, each: _Standing) -> bool:
        """Draw the lot, count it, and say whether it strikes."""
        if each.fault.probability < 1 and self._random.random() >= each.fault.probability:
            return False
        if each.left is not None:
            each.left -= 1
        self.injected[each.fault.kind] += 1
        return True

    def _is_over(self, each: _Standing) -> bool:
        return each.left == 0 or (each.ends is not None and self._clock() >= each.ends)


def _fits_call(fault: Fault, call: str, private: bool) -> bool:
    if fault.private is not None and fault.private is not private:
        return False
    if fault.kind is FaultKind.STALE and call in EFFECTS:
        return False
    if fault.call == ANY:
        return fault.kind not in ONLY_ON_TRADES or call == "trades"
    return fault.call == call


def _fits_stream(fault: Fault, stream: Stream) -> bool:
    if fault.private is not None and fault.private is not stream.is_private:
        return False
    if fault.kind is FaultKind.GAP:
        return stream is Stream.BOOK
    if fault.kind in TO_SOCKETS:
        return fault.stream == stream
    return fault.stream in {ANY, stream}


def is_same(unified: str, told: str) -> bool:
    """Whether a symbol in any venue's writing is this one: `btcusdt`, `BTC-USDT`, `BTC/USDT`.

    The settlement part of a perpetual counts only where both have it.
    """
    if ":" in unified and ":" in told:
        return unified == told
    return _letters(unified) == _letters(told)


def _letters(symbol: str) -> str:
    return "".join(each for each in symbol.partition(":")[0].upper() if each.isalnum())
