"""One symbol's order book by price level, kept from snapshots and numbered deltas.

Best prices are plain attributes, read on every event; levels are a dict of sizes and a list of
prices a side, sorted so that the best is last and changes near it move little memory. A book that
lost a message says so (`valid`) and waits for a snapshot: it must never guess, and never raise
for what a feed sends.
"""

from bisect import bisect_left, insort
from collections import deque
from math import inf
from typing import Final

from alphaforge.model.market import BookDelta, BookSnapshot, Level

MAX_WAITING: Final = 1_000
"""Deltas kept while there is no snapshot to apply them to; then the oldest is dropped."""


class _Side:
    """Levels of one side under sortable keys: a bid's price, an ask's price negated.

    Keys ascend from the worst price to the best, so the best is `keys[-1]`. Negating a float is
    exact, and equal price text gives equal floats, so a level is found again by its price.
    """

    __slots__ = ("keys", "refused", "sign", "sizes")

    def __init__(self, sign: float) -> None:
        self.sign = sign
        self.refused = 0
        self.keys: list[float] = []
        self.sizes: dict[float, float] = {}

    def load(self, levels: tuple[Level, ...]) -> None:
        """Forget what was there; of a price given twice the last size counts."""
        self.keys = []
        self.sizes = {}
        self.update(levels)

    def update(self, levels: tuple[Level, ...]) -> None:
        """Set each level's size; a size of 0 removes it, also one that is not there."""
        keys, sizes, sign = self.keys, self.sizes, self.sign
        for price, size in levels:
            key = price * sign
            if key in sizes:
                if size > 0.0:
                    sizes[key] = size
                else:
                    del sizes[key]
                    del keys[bisect_left(keys, key)]
            elif size > 0.0:
                if 0.0 < price < inf:
                    insort(keys, key)
                    sizes[key] = size
                else:
                    self.refused += 1

    def best(self, count: int) -> list[Level]:
        """At most `count` levels, the best first."""
        keys, sizes, sign = self.keys, self.sizes, self.sign
        chosen = keys[: -count - 1 : -1] if count > 0 else []
        return [(key * sign, sizes[key]) for key in chosen]


SIDE: Final = _Side
"""For `engine/saved_values.py` alone: what it must make anew to bring a book back."""


class OrderBook:
    """The levels of one symbol, best price first, and whether they can be trusted.

    A snapshot starts the book. Deltas that arrive before one, or after a gap, wait (at most
    `MAX_WAITING`) and are tried when a snapshot comes: what it already holds is dropped, the first
    one applied must reach across it, every later one must follow on the one before. This is how
    Binance tells clients to keep a book: first `U <= lastUpdateId + 1 <= u` for spot, where the
    ids of two messages are adjacent; for derivatives, whose messages name their predecessor, first
    `pu <= lastUpdateId < u` (which includes the documented `U <= lastUpdateId <= u`: no update
    lies between `pu` and `U`). A book or a delta with an id of 0 comes from a venue that does not
    number its messages: such deltas are taken in order of arrival.

    Each delta is counted once as applied or stale, or is still waiting, or was dropped because
    too many waited.

    Attributes:
        symbol: The instrument.
        bid: Best bid; 0.0 while there is none.
        ask: Best ask; 0.0 while there is none.
        bid_size: Size at the best bid; 0.0 while there is none.
        ask_size: Size at the best ask; 0.0 while there is none.
        last_id: The venue's id of the last update taken in.
        valid: In sequence since a snapshot, and not crossed. While False the prices are the last
            known ones, of no use for trading.
    """

    __slots__ = (
        "_applied",
        "_asks",
        "_before_snapshot",
        "_bids",
        "_crossed",
        "_dropped",
        "_gaps",
        "_in_sequence",
        "_stale",
        "_straddled",
        "_waiting",
        "ask",
        "ask_size",
        "bid",
        "bid_size",
        "last_id",
        "symbol",
        "valid",
    )

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.bid = self.ask = self.bid_size = self.ask_size = 0.0
        self.last_id = 0
        self.valid = False
        self._bids, self._asks = _Side(1.0), _Side(-1.0)
        self._in_sequence = False
        self._straddled = False
        self._waiting: deque[BookDelta] = deque()
        self._applied = self._stale = self._gaps = self._crossed = 0
        self._before_snapshot = self._dropped = 0

    @property
    def levels(self) -> tuple[int, int]:
        """How many bid and ask levels there are."""
        return len(self._bids.keys), len(self._asks.keys)

    def depth(self, count: int) -> tuple[list[Level], list[Level]]:
        """The best `count` (bids, asks), best first; fewer where there are fewer."""
        return self._bids.best(count), self._asks.best(count)

    def statistics(self) -> dict[str, int]:
        """Counts since the start.

        `applied` and `stale` (already in the book) deltas; `gaps`: times a message was missing;
        `crossed`: updates that left the best bid at or above the best ask; `before_snapshot`:
        deltas that had to wait for a snapshot; `dropped`: waiting deltas lost because too many
        waited; `refused_levels`: levels whose price is no number above zero.
        """
        return {
            "applied": self._applied,
            "stale": self._stale,
            "gaps": self._gaps,
            "crossed": self._crossed,
            "before_snapshot": self._before_snapshot,
            "dropped": self._dropped,
            "refused_levels": self._bids.refused + self._asks.refused,
        }

    def apply_snapshot(self, snapshot: BookSnapshot) -> None:
        """Replace the book, whatever was there, then try the deltas that waited for it."""
        self._bids.load(snapshot.bids)
        self._asks.load(snapshot.asks)
        self.last_id = snapshot.last_id
        self._in_sequence = True
        self._straddled = False
        self._refresh()
        waiting, self._waiting = self._waiting, deque()
        for delta in waiting:
            if not self._in_sequence:
                self._waiting.append(delta)
            elif not delta.last_id:
                self._stale += 1
            else:
                self._take(delta)

    def apply_delta(self, delta: BookDelta) -> bool:
        """Apply a change; False when it is stale, or waits for a snapshot."""
        if self._in_sequence:
            return self._take(delta)
        self._before_snapshot += 1
        self._wait(delta)
        return False

    def _take(self, delta: BookDelta) -> bool:
        last_id = delta.last_id
        if last_id:
            if last_id <= self.last_id:
                self._stale += 1
                return False
            if not self._follows(delta):
                self._gaps += 1
                self._in_sequence = self.valid = False
                self._wait(delta)
                return False
            self.last_id = last_id
            self._straddled = True
        if delta.bids:
            self._bids.update(delta.bids)
        if delta.asks:
            self._asks.update(delta.asks)
        self._applied += 1
        self._refresh()
        return True

    def _follows(self, delta: BookDelta) -> bool:
        """Whether nothing is missing between the book and a delta that is newer than it."""
        known, previous = self.last_id, delta.previous_id
        if not known:
            return True
        if self._straddled:
            return previous == known if previous is not None else delta.first_id == known + 1
        return previous <= known if previous is not None else delta.first_id <= known + 1

    def _wait(self, delta: BookDelta) -> None:
        if len(self._waiting) == MAX_WAITING:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(delta)

    def _refresh(self) -> None:
        """Cache the best prices, and judge whether they make sense."""
        bids, asks = self._bids, self._asks
        if bids.keys:
            key = bids.keys[-1]
            self.bid, self.bid_size = key, bids.sizes[key]
        else:
            self.bid = self.bid_size = 0.0
        if asks.keys:
            key = asks.keys[-1]
            self.ask, self.ask_size = -key, asks.sizes[key]
        else:
            self.ask = self.ask_size = 0.0
        self.valid = not (bids.keys and asks.keys and self.bid >= self.ask)
        if not self.valid:
            self._crossed += 1
