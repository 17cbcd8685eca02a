"""What time it is for those who play a market: never before what others saw, never a flood.

`Life` and `Recorded` are driven by a clock that may be set back, jump ahead or be asked late. Must
never read one.
"""

from alphaforge.sandbox.terms import Told

LONGEST_GAP_NS = 60_000_000_000
"""Time that nobody asked about for longer than this is skipped: the machine slept."""


class Pacing:
    """Where play began and how far it has come.

    Attributes:
        origin: The exchange's time at which play began, ns; moved along where time was skipped.
        played: The last time play was asked for.
    """

    def __init__(self, start_ns: int) -> None:
        self.origin = self.played = start_ns
        self._heard = 0

    def hear(self, told: Told) -> None:
        """Remember when the exchange last told something."""
        self._heard = max(self._heard, told.ts)

    def follow(self, now: int) -> None:
        """Go on to `now`; a clock set back, or a machine that slept, neither stops nor floods."""
        gap = now - self.played
        if gap < 0 or gap > LONGEST_GAP_NS:
            self.origin += gap
            self._heard = min(self._heard, now)
        self.played = now

    def stamp(self, at: int) -> int:
        """The time to give to what is due at `at`: not after now, and never before what was told.

        Where play lags behind the clock, what was told lies after `played`.
        """
        return max(self._heard, min(self.played, at))
