"""Whether the venues have confirmed that our books are theirs, asked after a certain moment.

A reconciliation counts only if it began after the last thing that changed. Where orders are
simulated here there is nobody to ask, and our books are all there is. Must draw no conclusion
from silence.
"""

from typing import Final

from alphaforge.engine.working import Counts
from alphaforge.model.step import Step
from alphaforge.services.control.host import Host, VenueView

READY: Final = "READY"

AGAIN_NS: Final = 5_000_000_000
"""Without an answer for so long (engine time) a venue is asked once more."""

_DIFFER: Final = "books-differ"


class Proof:
    """Asks every venue of a run, and knows when all have answered.

    Attributes:
        differences: What differed at a venue since `begin`, in words.
    """

    def __init__(self, host: Host) -> None:
        self.differences: list[str] = []
        self._host = host
        self._asked_at = 0
        self._counted: tuple[int, ...] = ()
        self._stood: dict[str, int] = {}

    def begin(self) -> None:
        """Forget what was asked so far."""
        self.differences = []
        self._asked_at = 0

    def saw(self, step: Step) -> None:
        """A Step: it may say that books differ."""
        self.differences += [each.message for each in step.alerts if each.code == _DIFFER]

    def away(self) -> list[str]:
        """Venues that are not READY, in words."""
        return [
            f"{view.name} is {view.state}: {view.reason or 'it does not answer'}"
            for view in self._over_a_wire()
            if view.state != READY
        ]

    def missing(self, counts: Counts) -> list[str]:
        """What is not confirmed yet, in words; asks for it where nobody has.

        `counts` are the engine's: when they move, what was confirmed before is worth nothing.
        """
        views = self._over_a_wire()
        if not views:
            return []
        counted, now = (counts.submitted, counts.fills, counts.open), self._host.now()
        if counted != self._counted or now >= self._asked_at + AGAIN_NS:
            self._asked_at, self._counted = now, counted
            self._stood = {view.name: self._cursor(view) for view in views}
            self._host.reconcile()
        return self.away() + [
            f"{view.name} has not confirmed it yet"
            for view in views
            if view.state == READY and not self._has_confirmed(view)
        ]

    def _has_confirmed(self, view: VenueView) -> bool:
        """Whether a reconciliation that began after we asked has ended."""
        if view.venue is None:
            return False
        # A reconciliation moves the cursor to its own beginning less these two.
        capabilities = view.venue.capabilities
        behind = capabilities.read_lag_ns + capabilities.clock_bound_ns
        cursor = self._cursor(view)
        return cursor > self._stood.get(view.name, 0) and cursor + behind >= self._asked_at

    def _cursor(self, view: VenueView) -> int:
        """Up to where everything of a venue is known."""
        claims = self._host.engine.execution.claims
        return claims.state.cursors.get(view.name, 0) if claims is not None else 0

    def _over_a_wire(self) -> tuple[VenueView, ...]:
        if self._host.engine.execution.claims is None:
            return ()
        return self._host.venues()
