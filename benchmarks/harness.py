"""Runs pieces of work several times and keeps the best, and measures the machine's floor beside.

The floor is what Python itself takes for a tick: build one five-field object, call one empty
method. A figure in floors compares between machines. Processor time throughout, except where a
row says wall. Must know nothing of what it measures.
"""

import gc
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from time import process_time_ns
from typing import NamedTuple

import msgspec

FLOOR_TICKS = 200_000
QUICK_SHARE = 500
"""`--quick` does one in so many of everything: it shows that a row runs, not how fast."""

Work = Callable[[], object]


class Row(NamedTuple):
    """One figure.

    Attributes:
        value: In `unit`, the best of `best_of` tries.
        ns_per_item: The same as nanoseconds an item, where that makes sense; it becomes `floors`.
        extra: Further figures, by name.
    """

    value: float
    unit: str
    best_of: int
    ns_per_item: float | None = None
    extra: Mapping[str, float | int] = {}


class FloorTick(msgspec.Struct, gc=False):
    """The object of the floor: as many fields as a trade needs."""

    symbol: str
    ts: int
    price: float
    size: float
    ts_local: int


class FloorCallback:
    """The callee of the floor."""

    def on_tick(self, tick: FloorTick) -> None:
        """Do nothing."""


class Harness:
    """Best-of measuring, with the floor measured before every single try.

    Attributes:
        floor_ns: The lowest floor so far, ns a tick.
        quick: Whether this is a trial run with tiny sizes.
    """

    def __init__(self, *, quick: bool = False) -> None:
        self.quick = quick
        self.floor_ns = float("inf")
        rng = random.Random(7)
        count = self.size(FLOOR_TICKS)
        times = [1_723_075_200_000_000_000 + number * 259_200_000 for number in range(count)]
        prices = [60_000.0 + rng.gauss(0, 50) for _ in range(count)]
        sizes = [rng.random() for _ in range(count)]
        self._columns = (times, prices, sizes)

    def size(self, full: int) -> int:
        """How many items of `full` to do."""
        return max(full // QUICK_SHARE, 20) if self.quick else full

    def tries(self, full: int) -> int:
        """How often to do it."""
        return 1 if self.quick else full

    def best_ns(self, prepare: Callable[[], Work], best_of: int) -> int:
        """Least processor time of some work, ns; `prepare` makes it anew and is not timed."""
        return self.best_ns_each((prepare,), best_of)[0]

    def best_ns_each(self, prepares: Sequence[Callable[[], Work]], best_of: int) -> list[int]:
        """The same for several, taken in turns: for figures that are compared with each other."""
        best = [1 << 62] * len(prepares)
        for _ in range(best_of):
            for place, prepare in enumerate(prepares):
                self.measure_floor()
                best[place] = min(best[place], cpu_ns(prepare()))
        return best

    def measure_floor(self) -> None:
        """Measure the floor once; the lowest counts."""
        spent = cpu_ns(self._floor)
        self.floor_ns = min(self.floor_ns, spent / len(self._columns[0]))

    def _floor(self) -> None:
        on_tick, symbol = FloorCallback().on_tick, "BTC/USDT"
        for ts, price, size in zip(*self._columns, strict=True):
            on_tick(FloorTick(symbol, ts, price, size, ts))


@contextmanager
def collection_paused() -> Generator[None]:
    """No garbage collection inside, as in a backtest's loop: the engine makes no cycles."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def cpu_ns(work: Work) -> int:
    """Processor time of one call, ns."""
    with collection_paused():
        started = process_time_ns()
        work()
        return process_time_ns() - started


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
