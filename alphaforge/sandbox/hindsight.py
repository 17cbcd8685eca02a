"""The exchange as it was some seconds ago, for reads that are told to be stale.

Kept only while a fault asks for it: whole saved states, a few a second. A read is never older than
the moment hindsight began. Must never hand out the exchange that trades.
"""

from collections import deque

from alphaforge.sandbox.exchange import Exchange

EVERY_NS = 200_000_000
KEPT_NS = 120 * 1_000_000_000
_NS = 1_000_000_000


class Hindsight:
    """Saved states of one exchange, oldest first."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._kept: deque[tuple[int, bytes]] = deque()

    @property
    def latest(self) -> int:
        """When it last looked, ns; 0 = never."""
        return self._kept[-1][0] if self._kept else 0

    def keep(self, now: int) -> None:
        """Save the state, unless that was done a moment ago."""
        if self._kept and now - self._kept[-1][0] < EVERY_NS:
            return
        self._kept.append((now, self._exchange.save()))
        while now - self._kept[0][0] > KEPT_NS:
            self._kept.popleft()

    def forget(self) -> None:
        """Nobody asks any more."""
        self._kept.clear()

    def as_of(self, now: int, age: float) -> Exchange:
        """A copy as it was `age` seconds before `now`, or when hindsight began."""
        if not self._kept:
            self.keep(now)
        wanted = now - round(age * _NS)
        state = self._kept[0][1]
        for ts, each in self._kept:
            if ts > wanted:
                break
            state = each
        then = Exchange(list(self._exchange.listings.values()))
        then.load(state)
        return then
