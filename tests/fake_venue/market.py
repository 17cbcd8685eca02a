"""The seeded market of one symbol: a mid price on a grid, a thin book around it, public prints.

It knows no orders: it says what could be taken from its book and what a tick would give to an
order that rests. All draws come from one generator of its own, so a seed is a market.
"""

from decimal import Decimal
from random import Random

from alphaforge.model.enums import OrderSide
from alphaforge.model.market import Quote, Trade
from tests.fake_venue.terms import Listing

LEVELS = 5
PRINT_CHANCE = 0.8


class Market:
    """Prices and sizes are whole steps inside, Decimals outside."""

    def __init__(self, listing: Listing, seed: int) -> None:
        rules = listing.instrument
        self.symbol = rules.symbol
        self._listing = listing
        self._price_step = rules.price_step
        self._quantity_step = rules.quantity_step
        self._rng = Random(f"{seed}/{rules.symbol}")
        self._start = self._mid = int(listing.price / rules.price_step)
        self._sizes = {OrderSide.BUY: 0, OrderSide.SELL: 0}
        self._levels: dict[OrderSide, list[list[int]]] = {}
        self._print: tuple[OrderSide, int, int] | None = None
        self._printed = 0
        self.last = listing.price
        self._draw()

    def best(self, side: OrderSide) -> Decimal:
        """What an order of this side would pay or get first."""
        return self._best(side) * self._price_step

    def move(self, ts: int) -> list[Quote | Trade]:
        """One tick: a new mid, a new book, mostly a print."""
        listing = self._listing
        step = self._rng.randint(-listing.swing, listing.swing)
        if 2 * self._mid < self._start or self._mid > 2 * self._start:
            step = abs(step) if self._mid < self._start else -abs(step)
        self._mid = max(self._mid + step, LEVELS + listing.half_spread + 1)
        self._draw()
        return [*self.told(ts), *self._printed_trade(ts)]

    def told(self, ts: int) -> list[Quote]:
        """The best bid and ask as they stand."""
        bid, ask = self.best(OrderSide.SELL), self.best(OrderSide.BUY)
        sizes = [
            float(self._sizes[side] * self._quantity_step)
            for side in (OrderSide.SELL, OrderSide.BUY)
        ]
        return [Quote(self.symbol, ts, float(bid), float(ask), sizes[0], sizes[1])]

    def takeable(self, side: OrderSide, limit: Decimal | None) -> Decimal:
        """How much an order of this side could take at once, at its limit or better."""
        steps = sum(size for price, size in self._book(side) if self._within(side, price, limit))
        return steps * self._quantity_step

    def take(
        self, side: OrderSide, limit: Decimal | None, wanted: Decimal
    ) -> tuple[Decimal, Decimal] | None:
        """Take (price, quantity) from the best level; None where nothing is left within reach."""
        for level in self._book(side):
            if level[1] and self._within(side, level[0], limit):
                steps = min(level[1], int(wanted / self._quantity_step))
                level[1] -= steps
                return level[0] * self._price_step, steps * self._quantity_step
        return None

    def next_price(self, side: OrderSide) -> Decimal:
        """What the next quantity would cost or bring; the best price where nothing is left."""
        left = [price for price, size in self._book(side) if size]
        return left[0] * self._price_step if left else self.best(side)

    def given(self, side: OrderSide, limit: Decimal) -> Decimal:
        """How much this tick gives to an order that rests at `limit`: all, a part or nothing."""
        price = int(limit / self._price_step)
        sign = 1 if side is OrderSide.BUY else -1
        if sign * (price - self._best(side)) >= 0:
            size = self._sizes[side]
        elif self._print is None or self._print[0] is side or sign * (price - self._print[1]) < 0:
            return Decimal(0)
        else:
            size = self._print[2]
        return self._rng.randint(1, size) * self._quantity_step

    def _best(self, side: OrderSide) -> int:
        half = self._listing.half_spread
        return self._mid + half if side is OrderSide.BUY else self._mid - half

    def _draw(self) -> None:
        for side in (OrderSide.BUY, OrderSide.SELL):
            self._sizes[side] = self._rng.randint(1, self._listing.depth)
        self._levels.clear()
        self._print = None
        if self._rng.random() < PRINT_CHANCE:
            side = OrderSide.BUY if self._rng.random() < 0.5 else OrderSide.SELL
            self._print = (side, self._best(side), self._rng.randint(1, self._listing.depth))

    def _printed_trade(self, ts: int) -> list[Trade]:
        if self._print is None:
            return []
        side, price, size = self._print
        self._printed += 1
        self.last = price * self._price_step
        number = f"p{self._printed}"
        quantity = float(size * self._quantity_step)
        return [Trade(self.symbol, ts, float(self.last), quantity, side, number)]

    def _book(self, side: OrderSide) -> list[list[int]]:
        if side not in self._levels:
            sign = 1 if side is OrderSide.BUY else -1
            best, size = self._best(side), self._sizes[side]
            self._levels[side] = [[best + sign * n, size * (n + 1)] for n in range(LEVELS)]
        return self._levels[side]

    def _within(self, side: OrderSide, price: int, limit: Decimal | None) -> bool:
        if limit is None:
            return True
        worst = int(limit / self._price_step)
        return price <= worst if side is OrderSide.BUY else price >= worst
