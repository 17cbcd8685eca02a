"""Which misfortunes a seed has, how strong they are, and every single one that struck.

Each kind draws from a stream of its own, so that leaving one kind or one event out (the shrinker)
disturbs the others as little as possible. Nothing here knows what a fault does.
"""

import random
from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

KINDS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "drop_request": (0.02, 0.20),
        "drop_reply": (0.02, 0.25),
        "delay_request": (0.05, 0.35),
        "late_request": (0.03, 0.30),
        "delay_reply": (0.02, 0.20),
        "duplicate_request": (0.02, 0.30),
        "server_before": (0.01, 0.15),
        "server_after": (0.02, 0.20),
        "throttled": (0.01, 0.10),
        "garbage": (0.01, 0.08),
        "stale_read": (0.05, 0.60),
        "read_fails": (0.02, 0.15),
        "partial_listing": (0.05, 0.40),
        "false_unknown_cancel": (0.05, 0.40),
        "false_unknown_read": (0.05, 0.50),
        "lost_push": (0.01, 0.12),
        "duplicate_push": (0.05, 0.40),
        "delay_push": (0.05, 0.40),
        "stream_gap": (0.002, 0.02),
        "partition": (0.01, 0.08),
        "late_commit": (0.05, 0.40),
        "disk_full": (0.005, 0.04),
        "kill": (0.01, 0.12),
        "power_cut": (0.005, 0.06),
        "stop_cont": (0.004, 0.03),
        "halt_trading": (0.01, 0.06),
        "clock_jump": (0.02, 0.20),
        "bust": (0.01, 0.10),
        "external_order": (0.02, 0.20),
        "foreign_claim": (0.01, 0.10),
        "halt": (0.01, 0.05),
    }
)
"""Every kind, and between which chances per occasion its strength is drawn.

Network kinds have an occasion per message, the others one per second of virtual time.
"""


class Struck(msgspec.Struct, frozen=True, gc=False):
    """One fault that happened: the `ordinal`-th occasion of its kind that the seed said yes to."""

    kind: str
    ordinal: int
    at: float
    note: str


class Faults:
    """The swarm: per seed a subset of the kinds, each with its own strength and stream.

    Attributes:
        on: Strength of each kind that this seed has.
        active: False in the calm phase: nothing strikes any more.
        counts: How often each kind struck.
        struck: Every single one.
    """

    def __init__(
        self,
        seed: int,
        *,
        without: Collection[str] = (),
        spared: Collection[tuple[str, int]] = (),
    ) -> None:
        draw = random.Random(f"swarm-{seed}")
        share = draw.choice((0.3, 0.5, 0.7, 0.9))
        drawn = {
            kind: draw.uniform(low, high) if draw.random() < share else 0.0
            for kind, (low, high) in KINDS.items()
        }
        self.on = {kind: p for kind, p in drawn.items() if p and kind not in without}
        self.active = True
        self.counts: Counter[str] = Counter()
        self.struck: list[Struck] = []
        self._spared = frozenset(spared)
        self._streams = {kind: random.Random(f"{kind}-{seed}") for kind in self.on}
        self._ordinals: Counter[str] = Counter()

    def hits(self, kind: str, at: float, note: str = "") -> bool:
        """Whether this occasion is struck; a struck one is counted and remembered."""
        chance = self.on.get(kind)
        if chance is None or not self.active or self._streams[kind].random() >= chance:
            return False
        ordinal = self._ordinals[kind] = self._ordinals[kind] + 1
        if (kind, ordinal) in self._spared:
            return False
        self.counts[kind] += 1
        self.struck.append(Struck(kind, ordinal, at, note))
        return True

    def seconds(self, kind: str, low: float, high: float) -> float:
        """How long a fault that struck lasts: small ones often, `high` seldom."""
        return low * (high / low) ** self._streams[kind].random()

    def pick(self, kind: str, count: int) -> int:
        """Which of so many ways a fault that struck takes."""
        return int(self._streams[kind].random() * count)
