"""Makes the exchange's markets live: calls every agent when it is due, in a fixed order.

The same seed and the same `now`s, taken to whole steps, give the same market to the last digit.
Speed makes a market's own time go faster than the exchange's: everything happens as at speed 1,
so many times as often. Must never read a clock; whoever drives it says what time it is.
"""

from heapq import heappop, heappush
from itertools import count

from alphaforge.sandbox.agents import Agent, Market, crowd
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.pacing import LONGEST_GAP_NS, Pacing
from alphaforge.sandbox.prices import path_of
from alphaforge.sandbox.terms import Listing, MarketChanged, Told

STEP_NS = 10_000_000
"""Agents act on a grid of so much of the exchange's time."""
_PACE = 0.4
"""Makers look at most so much as often as at speed 1 in the exchange's time, times 1 / 0.4."""


class Life:
    """Everything the other participants do.

    Attributes:
        next_at: When something is due next, ns of the exchange's time.
        markets: By symbol; `refused` there counts what the exchange did not take.
    """

    def __init__(self, exchange: Exchange, seed: int, speed: float, start_ns: int) -> None:
        """Open the agents' accounts and fill every book, so that nobody meets an empty one.

        Args:
            exchange: Where it happens; a market goes on from its last price.
            seed: Of everything random.
            speed: Market seconds per second of the exchange, more than 0.
            start_ns: Now.

        Raises:
            ValueError: A speed that is not more than 0.
        """
        if not speed > 0:
            raise ValueError(f"speed must be more than 0, it is {speed}")
        self._exchange, self._seed, self._speed = exchange, seed, speed
        self._per_step = max(1, round(STEP_NS * speed))
        self._pacing = Pacing(start_ns)
        self._numbers = count()
        self._due: list[tuple[int, int, Agent]] = []
        self._new: list[Listing] = []
        self.markets: dict[str, Market] = {}
        for listing in exchange.listings.values():
            self._join(listing, start_ns, 0)
        self._act_until(0, start_ns)
        self.next_at = self._next()
        exchange.listeners.append(self._hear)

    def play(self, now: int) -> None:
        """Let everything happen that is due by `now`."""
        pacing = self._pacing
        pacing.follow(now)
        while self._new:
            listing = self._new.pop(0)
            if listing.symbol not in self.markets:
                self._join(listing, now, self._elapsed(now))
        last = (now - pacing.origin) // STEP_NS
        while self._due and (step := self._step_of(self._due[0][0])) <= last:
            at = pacing.origin + step * STEP_NS
            self._act_until(step * self._per_step, pacing.stamp(at))
        self.next_at = self._next()

    def _hear(self, told: Told) -> None:
        self._pacing.hear(told)
        if isinstance(told, MarketChanged) and told.listing.symbol not in self.markets:
            self._new.append(told.listing)

    def _join(self, listing: Listing, now: int, elapsed: int) -> None:
        """Bring everyone to a market, without what they left there in an earlier life."""
        symbol = listing.symbol
        first = float(self._exchange.last(symbol))
        market = Market(
            self._exchange,
            symbol,
            path_of(listing, self._seed, first),
            pace=max(1.0, self._speed * _PACE),
            opened=elapsed,
        )
        self.markets[symbol] = market
        for account, agent in crowd(market, self._seed):
            self._exchange.open_account(account, {})
            if self._exchange.open_orders(account, symbol):
                self._exchange.cancel_all(account, symbol, now)
            heappush(self._due, (elapsed, next(self._numbers), agent))

    def _act_until(self, elapsed: int, now: int) -> None:
        due = self._due
        while due and due[0][0] <= elapsed:
            _, _, agent = heappop(due)
            again = max(agent.act(now, elapsed), elapsed + 1)
            heappush(due, (again, next(self._numbers), agent))

    def _elapsed(self, now: int) -> int:
        return (now - self._pacing.origin) // STEP_NS * self._per_step

    def _step_of(self, elapsed: int) -> int:
        return -(-elapsed // self._per_step)

    def _next(self) -> int:
        if not self._due:
            return self._pacing.played + LONGEST_GAP_NS
        return self._pacing.origin + self._step_of(self._due[0][0]) * STEP_NS
