"""What one call of the small parts of the engine costs: indicators, bus, meter, stopwatch.

Nanoseconds of processor time per call, with the loop and the call itself: what a strategy's
callback would pay. The market is a seeded random walk; the clock is read by the stopwatch only.
No rows of the table: `python -m benchmarks.parts` prints them by themselves.
"""

import random
from collections.abc import Callable, Sequence
from itertools import repeat
from time import process_time_ns
from typing import Any

from alphaforge.engine.bus import MessageBus
from alphaforge.engine.indicators import EMA, MACD, RSI, SMA, Bollinger
from alphaforge.engine.meter import LatencyMeter, Stopwatch

CALLS = 200_000
BEST_OF = 5


def run() -> dict[str, float]:
    """Measure each part alone, in nanoseconds per call."""
    rng = random.Random(7)
    prices = [60_000.0]
    while len(prices) < CALLS:
        prices.append(prices[-1] + rng.gauss(0, 5))
    durations = [rng.randrange(100, 100_000) for _ in range(CALLS)]
    return {
        "ema_update": _nanoseconds(EMA(100).update, prices),
        "sma_update": _nanoseconds(SMA(100).update, prices),
        "rsi_update": _nanoseconds(RSI(14).update, prices),
        "macd_update": _nanoseconds(MACD().update, prices),
        "bollinger_update": _nanoseconds(Bollinger(20).update, prices),
        "meter_record": _nanoseconds(LatencyMeter().record, durations),
        "stopwatch_sampled": _stopwatch_nanoseconds(),
        "bus_unheard": _publish_nanoseconds(MessageBus()),
        "bus_one_handler": _publish_nanoseconds(_heard_bus()),
    }


def _nanoseconds(call: Callable[[Any], object], arguments: Sequence[object]) -> float:
    best = 1 << 62
    for _ in range(BEST_OF):
        started = process_time_ns()
        for argument in arguments:
            call(argument)
        best = min(best, process_time_ns() - started)
    return best / len(arguments)


def _publish_nanoseconds(bus: MessageBus) -> float:
    publish, best = bus.publish, 1 << 62
    for _ in range(BEST_OF):
        started = process_time_ns()
        for _ in repeat(None, CALLS):
            publish("steps.filled", None)
        best = min(best, process_time_ns() - started)
    return best / CALLS


def _stopwatch_nanoseconds() -> float:
    watch, best = Stopwatch(), 1 << 62
    for _ in range(BEST_OF):
        started = process_time_ns()
        for _ in repeat(None, CALLS):
            begun = watch.start()
            if begun:
                watch.stop(begun)
        best = min(best, process_time_ns() - started)
    return best / CALLS


def _heard_bus() -> MessageBus:
    bus = MessageBus()
    bus.subscribe("steps.*", lambda _message: None)
    return bus


if __name__ == "__main__":
    for name, ns in run().items():
        print(f"{name:20} {ns:8.1f} ns")
