"""Measures how long things take; the one module of the engine that may read a clock.

Measuring is not deciding: nothing read here may enter a Step, a command, an order or anything a
replay compares. A meter may be left out and every Step stays the same.
"""

from math import ceil
from time import perf_counter_ns as now_ns
from typing import Final

from alphaforge.errors import AlphaForgeError

__all__ = ["LatencyMeter", "MeterParameterError", "Stopwatch", "now_ns"]

_FRACTION_BITS: Final = 5  # 32 buckets per doubling: a bucket's middle is within 1.6 % of its ends
_EXACT_BITS: Final = _FRACTION_BITS + 1  # times of so few bits have a bucket each
_LONGEST_BITS: Final = 42  # 73 minutes; longer times share the last bucket
_LONGEST: Final = (1 << _LONGEST_BITS) - 1
_BUCKETS: Final = (_LONGEST_BITS - _EXACT_BITS + 2) << _FRACTION_BITS


class MeterParameterError(AlphaForgeError, ValueError):
    """A meter was asked for a percentile or a stride that does not exist."""

    default_code = "AF-A110"


class LatencyMeter:
    """A histogram of durations in nanoseconds, of fixed size, whose buckets grow with them.

    Recording is O(1) and keeps nothing. Percentiles are within 2 % of a recorded duration (exact
    below 64 ns), up to 73 minutes; count, total, max and mean are exact.

    Attributes:
        count: Durations recorded.
        total: Their sum, in ns.
        max: The longest, in ns; 0 when there is none.
    """

    __slots__ = ("_counts", "count", "max", "total")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget every duration."""
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.total = 0
        self.max = 0

    def record(self, ns: int) -> None:
        """Count one duration; a negative one, which no steady clock gives, counts as 0."""
        # Comparisons, since each call of min() or max() would cost as much as all the rest.
        if ns < 0:
            ns = 0
        if ns > self.max:
            self.max = ns
        self.count += 1
        self.total += ns
        if ns > _LONGEST:
            ns = _LONGEST
        shift = ns.bit_length() - _EXACT_BITS
        if shift > 0:
            ns = (shift << _FRACTION_BITS) + (ns >> shift)
        self._counts[ns] += 1

    @property
    def mean(self) -> float:
        """The mean in ns; 0.0 when there is none."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, q: float) -> int:
        """The shortest duration that at least q percent of the recorded ones do not exceed, in ns.

        Args:
            q: 0 to 100; 50 is the median, 100 the maximum.

        Returns:
            The middle of that duration's bucket, never above `max`; 0 when there is none.

        Raises:
            MeterParameterError: q is outside 0 to 100.
        """
        if not 0 <= q <= 100:  # noqa: PLR2004 - a percentage
            raise MeterParameterError(
                f"meter: a percentile is from 0 to 100, got {q!r}", remedy="99 is the 99th"
            )
        rank = max(1, ceil(self.count * q / 100))
        if rank >= self.count:
            return self.max
        seen = 0
        bucket = -1
        while seen < rank:
            bucket += 1
            seen += self._counts[bucket]
        return min(_middle(bucket), self.max)

    def statistics(self) -> dict[str, int | float]:
        """`count`, and `mean_ns`, `p50_ns`, `p99_ns`, `max_ns`; all 0 when there is none."""
        return {
            "count": self.count,
            "mean_ns": self.mean,
            "p50_ns": self.percentile(50),
            "p99_ns": self.percentile(99),
            "max_ns": self.max,
        }


class Stopwatch:
    """Times some of many calls: counts all, measures every so-many-th, estimates the whole.

        started = watch.start()
        callback(event)
        if started:
            watch.stop(started)

    Calls whose cost depends on their turn (every 16th is dear) mislead a stride of the same length:
    take a prime one. Calls may nest, since the start is the caller's.

    Args:
        every: The stride: 1 measures every call, 17 one in seventeen, the first always.

    Attributes:
        calls: Calls started.
        meter: The durations of the measured ones.

    Raises:
        MeterParameterError: The stride is below 1.
    """

    __slots__ = ("_due", "_every", "calls", "meter")

    def __init__(self, every: int = 17) -> None:
        if every < 1:
            raise MeterParameterError(
                f"stopwatch: every must be from 1, got {every!r}", remedy="1 measures every call"
            )
        self._every = every
        self.meter = LatencyMeter()
        self.reset()

    def reset(self) -> None:
        """Forget every call; the next one is measured."""
        self.calls = 0
        self._due = 1
        self.meter.reset()

    def start(self) -> int:
        """Count a call; the clock in ns if this one is to be measured, else 0."""
        self.calls = calls = self.calls + 1
        if calls != self._due:
            return 0
        self._due = calls + self._every
        return now_ns()

    def stop(self, started: int) -> None:
        """End a measured call, with what `start` gave for it."""
        self.meter.record(now_ns() - started)

    def statistics(self) -> dict[str, int | float]:
        """What the calls cost.

        Returns:
            `calls`; `sampled_calls`; `total_ns`, estimated as the sampled mean times all calls;
            `p50_ns`, `p99_ns` and `max_ns` of the sampled ones.
        """
        meter = self.meter
        return {
            "calls": self.calls,
            "sampled_calls": meter.count,
            "total_ns": round(meter.mean * self.calls),
            "p50_ns": meter.percentile(50),
            "p99_ns": meter.percentile(99),
            "max_ns": meter.max,
        }


def _middle(bucket: int) -> int:
    """The middle of the durations that share a bucket."""
    shift = (bucket >> _FRACTION_BITS) - 1
    if shift <= 0:
        return bucket
    low = (bucket - (shift << _FRACTION_BITS)) << shift
    return low + (1 << shift) // 2
