"""Adds the verdicts of many seeds up and says what they show."""

from collections import Counter

import msgspec

from tests.simulation.world import Verdict


class Totals(msgspec.Struct):
    """Of all seeds together.

    Attributes:
        wall: Real seconds, of all workers together.
    """

    seeds: int = 0
    wall: float = 0.0
    violations: list[Verdict] = msgspec.field(default_factory=list[Verdict])
    faults: Counter[str] = msgspec.field(default_factory=Counter[str])
    counts: Counter[str] = msgspec.field(default_factory=Counter[str])
    certain_after: list[float] = msgspec.field(default_factory=list[float])

    def add(self, verdict: Verdict) -> None:
        """Count a seed in."""
        self.seeds += 1
        self.wall += verdict.wall
        self.faults.update(verdict.faults)
        self.counts.update(verdict.counts)
        self.certain_after += verdict.certain_after
        if verdict.violation:
            self.violations.append(verdict)

    def percentile(self, share: float) -> float:
        """Of the virtual seconds from a start of the program to certainty; 0 without any."""
        if not self.certain_after:
            return 0.0
        ordered = sorted(self.certain_after)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def figures(self, seconds: float, jobs: int) -> dict[str, object]:
        """Everything as plain values; `seconds` is the real time it took."""
        return {
            "seeds": self.seeds,
            "violations": len(self.violations),
            "failing_seeds": [each.seed for each in self.violations],
            "seeds_per_minute": round(60 * self.seeds / max(seconds, 1e-9)),
            "jobs": jobs,
            "faults": dict(sorted(self.faults.items())),
            "faults_in_all": sum(self.faults.values()),
            "counts": dict(sorted(self.counts.items())),
            "restart_to_certain_s": {
                "p50": round(self.percentile(0.50), 2),
                "p99": round(self.percentile(0.99), 2),
                "max": round(self.percentile(1.0), 2),
            },
        }


def lines_of(figures: dict[str, object]) -> list[str]:
    """The figures for a person."""
    lines: list[str] = []
    for name, value in figures.items():
        title = name.replace("_", " ")
        if isinstance(value, dict):
            lines.append(f"{title}:")
            lines += [f"    {key:28} {number:>12,}" for key, number in value.items()]
        else:
            lines.append(f"{title}: {value}")
    return lines


def one_line(verdict: Verdict) -> str:
    """How a failing seed is shown, and repeated."""
    return (
        f"seed {verdict.seed} at {verdict.at:.3f} s: {verdict.violation}\n"
        f"    again: python -m tests.simulation --seed {verdict.seed}"
    )
