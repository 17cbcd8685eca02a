"""What a kill test found, and how it is told."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from tests.killtest.points import POINTS

KINDS = ("lost", "doubled", "unknown")


class Tally(msgspec.Struct):
    """Counts of a whole test.

    Attributes:
        rounds: Lives of the process that ended by SIGKILL.
        hit: By crash point.
        passed: Points that were armed and not reached; the process was killed at random then.
        random: Kills by a moment drawn outside, by kind.
        odd: Alerts that are neither usual nor wrong, in full.
        certain: Seconds from each restart of a killed run to certain, imports and faults included.
        of_own: Of these, seconds after the imports.
        folded: Events per recovery.
        refused: Seconds in which a second process was refused, without and with its own start.
        found: Everything that is wrong; the first word says of which kind.
    """

    seed: int = 0
    rounds: int = 0
    runs: int = 0
    compared: int = 0
    hit: Counter[str] = msgspec.field(default_factory=Counter[str])
    passed: Counter[str] = msgspec.field(default_factory=Counter[str])
    random: Counter[str] = msgspec.field(default_factory=Counter[str])
    alerts: Counter[str] = msgspec.field(default_factory=Counter[str])
    orders: int = 0
    trades: int = 0
    journal_rows: int = 0
    stops_noticed: int = 0
    odd: list[str] = msgspec.field(default_factory=list[str])
    of_own: list[float] = msgspec.field(default_factory=list[float])
    certain: list[float] = msgspec.field(default_factory=list[float])
    folded: list[int] = msgspec.field(default_factory=list[int])
    refused: list[tuple[float, float]] = msgspec.field(default_factory=list[tuple[float, float]])
    found: list[str] = msgspec.field(default_factory=list[str])
    seconds: float = 0.0

    def count(self, kind: str) -> int:
        """How much was found of a kind."""
        return sum(each.partition(":")[0] == kind for each in self.found)

    @property
    def others(self) -> int:
        """What is wrong and is none of the three."""
        return len(self.found) - sum(self.count(kind) for kind in KINDS)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share does not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def as_json(tally: Tally) -> dict[str, Any]:
    """Everything, with the figures that follow from it."""
    figures = {
        "points_hit": len(tally.hit),
        "points": len(POINTS),
        "certain_p50": percentile(tally.certain, 0.5),
        "certain_p99": percentile(tally.certain, 0.99),
        "certain_max": max(tally.certain, default=0.0),
        "of_own_p50": percentile(tally.of_own, 0.5),
        "of_own_p99": percentile(tally.of_own, 0.99),
        **{kind: tally.count(kind) for kind in KINDS},
        "others": tally.others,
    }
    return figures | msgspec.to_builtins(tally)


def as_text(tally: Tally) -> str:
    """For a person."""
    starts, folded = tally.certain, tally.folded
    own = [each[0] for each in tally.refused]
    kills, points = sum(tally.hit.values()), f"{len(tally.hit)} of {len(POINTS)} named points"
    p50, p99 = percentile(starts, 0.5), percentile(starts, 0.99)
    own50, own99 = percentile(tally.of_own, 0.5), percentile(tally.of_own, 0.99)
    lines = [
        f"{tally.rounds} rounds, seed {tally.seed}, {tally.seconds:.0f} s",
        f"killed {kills} times at {points}, {sum(tally.random.values())} times at random",
        f"random: {dict(tally.random)}, {sum(tally.passed.values())} points were not reached",
        f"{tally.runs} runs, {tally.compared} compared at rest; {tally.journal_rows} rows proved",
        f"{tally.orders} orders, {tally.trades} trades",
        f"restart to certain: p50 {p50:.2f} s, p99 {p99:.2f} s, max {max(starts, default=0):.2f} s",
        f"of that after imports: p50 {own50:.2f} s, p99 {own99:.2f} s",
        f"events folded: p50 {percentile(folded, 0.5):.0f}, max {max(folded, default=0)}",
        f"a second process was refused {len(own)} times, after {max(own, default=0):.3f} s at most",
        f"{tally.stops_noticed} stops longer than the lease were noticed",
        f"alerts: {dict(tally.alerts)}",
    ]
    lines += [f"  {count:3} × {name}" for name, count in sorted(tally.hit.items())]
    lines += [f"  not reached: {name}" for name in sorted(set(tally.passed) - set(tally.hit))]
    lines += [f"  odd: {each}" for each in tally.odd[:20]]
    lines += [f"WRONG {each}" for each in tally.found[:50]]
    told = ", ".join(f"{tally.count(kind)} {kind}" for kind in KINDS)
    return "\n".join([*lines, f"{told}, {tally.others} otherwise wrong"])
