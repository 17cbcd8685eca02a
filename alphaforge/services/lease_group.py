"""The leases of every account a run trades, held and lost as one.

A run that may not trade one of its accounts any more trades none: half a run is a run nobody asked
for. Must never say that it holds what one of its parts has lost.
"""

from collections.abc import Callable, Sequence

from alphaforge.services.gateway import Lease

TakeOne = Callable[[str, int], Lease]
"""Takes one account's lease for a run id, with an epoch above the one given."""


class LeaseGroup:
    """Several leases under one epoch: the greatest of theirs, so that none ever saw it."""

    def __init__(self, leases: Sequence[Lease]) -> None:
        self._leases = tuple(leases)

    @classmethod
    def acquire(cls, takers: Sequence[TakeOne], run_id: str, at_least: int) -> "LeaseGroup":
        """Take all or none; raises the error of the first that cannot be had."""
        taken: list[Lease] = []
        try:
            for take in takers:
                taken.append(take(run_id, at_least))  # noqa: PERF401 - what was taken is given back
        except BaseException:
            for lease in taken:
                lease.release()
            raise
        return cls(taken)

    @property
    def epoch(self) -> int:
        """See `Lease`."""
        return max(lease.epoch for lease in self._leases)

    @property
    def gaps(self) -> int:
        """See `Lease`: of all together."""
        return sum(lease.gaps for lease in self._leases)

    def holds(self) -> bool:
        """Whether every one is still ours; each is asked, so that each knows that we live."""
        held = [lease.holds() for lease in self._leases]
        return all(held)

    def release(self) -> None:
        """Give them all back."""
        for lease in self._leases:
            lease.release()
