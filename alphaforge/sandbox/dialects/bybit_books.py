"""Order books as Bybit streams them: one snapshot, then what changed, with ids in sequence.

A view per market and depth is shared by everybody who watches it, so that all see one sequence.
Must never send a level twice without a change, nor an id out of sequence.
"""

from decimal import Decimal

from alphaforge.model.numbers import plain
from alphaforge.sandbox.dialects.bybit_names import levels, market_id, milliseconds
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.terms import Depth, Level, Listing

Json = dict[str, object]

DEPTHS = frozenset({"1", "50", "200", "1000"})


class BookView:
    """The best levels of one market, as they were last told."""

    def __init__(self, listing: Listing, depth: int) -> None:
        self.topic = f"orderbook.{depth}.{market_id(listing)}"
        self._symbol = listing.symbol
        self._market = market_id(listing)
        self._depth = depth
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}
        self._u = 0
        self._seq = 0

    def snapshot(self, now: int) -> Json:
        """Everything as last told; the next change goes on from its `u`."""
        bids = sorted(self._bids.items(), reverse=True)
        return self._frame("snapshot", (levels(bids), levels(sorted(self._asks.items()))), now)

    def refresh(self, exchange: Exchange) -> None:
        """Take the book as it is, telling nobody: for a view that nobody watches."""
        self._take(exchange.depth(self._symbol, self._depth))

    def change(self, exchange: Exchange, now: int) -> Json | None:
        """What changed since it was last told; None if nothing did."""
        depth = exchange.depth(self._symbol, self._depth)
        bids, asks = _changes(self._bids, depth.bids), _changes(self._asks, depth.asks)
        if not bids and not asks:
            return None
        self._take(depth)
        return self._frame("delta", (bids, asks), now)

    def _take(self, depth: Depth) -> None:
        self._bids, self._asks = dict(depth.bids), dict(depth.asks)
        self._u += 1
        self._seq = depth.update_id

    def _frame(self, kind: str, sides: tuple[list[list[str]], list[list[str]]], now: int) -> Json:
        bids, asks = sides
        return {
            "topic": self.topic,
            "type": kind,
            "ts": milliseconds(now),
            "data": {"s": self._market, "b": bids, "a": asks, "u": self._u, "seq": self._seq},
            "cts": milliseconds(now),
        }


def _changes(before: dict[Decimal, Decimal], now: tuple[Level, ...]) -> list[list[str]]:
    kept = {price for price, _ in now}
    gone = [[plain(price), "0"] for price in before if price not in kept]
    return gone + [[plain(price), plain(size)] for price, size in now if before.get(price) != size]
