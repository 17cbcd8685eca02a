"""The other participants: market makers, a deep pocket behind them, trend followers and noise.

Each is seeded by its own name and symbol, sees only its own market, and trades through the same
exchange as everybody. Must never know who else trades, nor be allowed more than the exchange
allows: an order that is refused is simply not there, and counted.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Protocol
from zlib import crc32

from alphaforge.model.enums import OrderSide
from alphaforge.model.numbers import ZERO, decimal_of, floor_to
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.listings import quote_per_dollar
from alphaforge.sandbox.prices import Path
from alphaforge.sandbox.terms import (
    Kind,
    Listing,
    MarketStatus,
    NewOrder,
    Order,
    Refusal,
    RefusedError,
)

SECOND_NS = 1_000_000_000

_BASIS_POINT = 0.0001
_MIN_VALUE_MARGIN = 1.2
"""Orders are made at least so much larger than the smallest allowed: prices move."""
_SKEW = 0.3 * _BASIS_POINT
"""How far a maker with a full inventory moves its quotes against it."""
_BUSIEST = 2
"""Orders of a trader in one step of the exchange, however fast its time goes."""
_MEDIAN_TRADE = 900.0
"""Dollars."""
_LARGEST_TRADE = 20 * _MEDIAN_TRADE
_NOTICED = 0.5 * _BASIS_POINT
"""The smallest move that a trend follower follows."""
_MEMORY = 0.2
"""Weight of the newest price in what a trend follower takes for the average."""


class Agent(Protocol):
    """Someone who does something from time to time."""

    def act(self, now: int, elapsed: int) -> int:
        """Do what is due, and tell when to be called again.

        Args:
            now: The exchange's time, ns UTC.
            elapsed: The market's own time, ns since it began; `now` times the speed.

        Returns:
            When next, in the market's own time, after `elapsed`.
        """
        ...


@dataclass
class Market:
    """What an agent sees and may do.

    Attributes:
        exchange: Where it trades.
        symbol: What it trades.
        path: Where the price wants to be.
        pace: How much slower, in the market's own time, makers look again: more than 1 where time
            goes so fast that following every move would be all the machine does.
        opened: When agents came, in the market's own time; the path begins there.
        refused: How often the exchange said no, and why.
    """

    exchange: Exchange
    symbol: str
    path: Path
    pace: float = 1.0
    opened: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter[Refusal])

    @property
    def listing(self) -> Listing:
        """Its rules now."""
        return self.exchange.listings[self.symbol]

    def price(self, elapsed: int) -> float:
        """Where the price wants to be at a moment of the market's own time."""
        return self.path.at(elapsed - self.opened)

    @property
    def is_open(self) -> bool:
        """Whether there is anything to be done."""
        return self.listing.status is MarketStatus.TRADING

    def place(self, account: str, order: NewOrder, now: int) -> Order | None:
        """An order as the exchange accepted it; None where it did not."""
        try:
            return self.exchange.place(account, order, now)
        except RefusedError as refused:
            self.refused[refused.refusal] += 1
            return None

    def cancel(self, account: str, order: Order, now: int) -> None:
        """Take an order back; one that has ended in the meantime is as good."""
        try:
            self.exchange.cancel(account, self.symbol, now, order_id=order.order_id)
        except RefusedError as refused:
            self.refused[refused.refusal] += 1

    def quantity(self, dollars: float, price: float) -> Decimal:
        """So many dollars' worth, on the grid and within what one order may be."""
        listing = self.listing
        value = dollars * quote_per_dollar(listing)
        value = max(value, float(listing.min_value) * _MIN_VALUE_MARGIN)
        number = decimal_of(value / (price * float(listing.multiplier)))
        wanted = floor_to(number, listing.quantity_step)
        return min(max(wanted, listing.min_quantity), listing.max_quantity)


@dataclass(frozen=True)
class Ladder:
    """How a maker quotes: around every multiple of `spacing` is a rung that belongs to one maker.

    Attributes:
        makers: How many share the rungs, each every n-th.
        rungs: On each side, for each maker.
        spacing: Between rungs of all makers, basis points.
        half_spread: From the price to where the first rung may be, basis points.
        dollars: Median size of the first rung.
        growth: By how much of that each further rung is larger.
        seconds: Between two looks, on average.
    """

    makers: int
    rungs: int
    spacing: float
    half_spread: float
    dollars: float
    growth: float
    seconds: float


NEAR = Ladder(
    makers=3, rungs=9, spacing=0.5, half_spread=0.6, dollars=3_000, growth=0.35, seconds=0.25
)
FAR = Ladder(
    makers=1, rungs=6, spacing=15.0, half_spread=15.0, dollars=60_000, growth=1.0, seconds=1.0
)


class Maker:
    """Quotes both sides around the price, lets rungs that still fit stand, and refills the rest.

    A rung that the price has run over is placed on the far side of whoever rests there, and trades
    with him: nobody's stale order stops the market.
    """

    def __init__(
        self, market: Market, account: str, ladder: Ladder, number: int, seed: int
    ) -> None:
        self._market, self._account = market, account
        self._ladder, self._number = ladder, number
        self._random = _seeded(seed, market.symbol, account)
        self._quotes: dict[OrderSide, dict[int, Order]] = {OrderSide.BUY: {}, OrderSide.SELL: {}}
        self._unit: Decimal = ZERO
        self._step: Decimal = ZERO
        self._reach = (ladder.rungs + 1) * ladder.makers
        self._inventory = 0.0

    def act(self, now: int, elapsed: int) -> int:
        """See `Agent`."""
        if self._market.is_open:
            self._quote(now, self._market.price(elapsed))
        wait = self._ladder.seconds * self._random.uniform(0.8, 1.2) * self._market.pace
        return elapsed + int(wait * SECOND_NS)

    def _quote(self, now: int, price: float) -> None:
        self._fit(now, price)
        unit, ladder = float(self._unit), self._ladder
        # Bounded: an inventory is worked off by better prices, not by chasing.
        full = ladder.dollars * 10 * quote_per_dollar(self._market.listing)
        skew = _SKEW * max(-1.0, min(1.0, self._inventory * price / full))
        half = ladder.half_spread * _BASIS_POINT * self._random.uniform(0.8, 1.2)
        last_bid = math.floor(price * (1 - skew - half) / unit)
        first_ask = math.ceil(price * (1 - skew + half) / unit)
        bids = last_bid - (last_bid - self._number) % ladder.makers
        asks = first_ask + (self._number - first_ask) % ladder.makers
        self._withdraw_outside(now, OrderSide.BUY, (bids - self._reach, bids))
        self._withdraw_outside(now, OrderSide.SELL, (asks, asks + self._reach))
        for place in range(ladder.rungs):
            self._put(now, OrderSide.BUY, bids - place * ladder.makers, place)
            self._put(now, OrderSide.SELL, asks + place * ladder.makers, place)

    def _fit(self, now: int, price: float) -> None:
        """Keep rungs on the grid and their distance in proportion to the price."""
        step = self._market.listing.price_step
        wanted = price * self._ladder.spacing * _BASIS_POINT
        if step == self._step and 0.5 < wanted / float(self._unit) < 2.0:  # noqa: PLR2004 - twofold
            return
        unit = max(1, round(wanted / float(step))) * step
        if (unit, step) != (self._unit, self._step):
            for side, quotes in self._quotes.items():
                for rung in list(quotes):
                    self._withdraw(now, side, rung)
        self._step, self._unit = step, unit

    def _withdraw_outside(self, now: int, side: OrderSide, rungs: tuple[int, int]) -> None:
        """Forget what has ended, and take back what no longer fits."""
        first, last = rungs
        for rung, order in list(self._quotes[side].items()):
            if not first <= rung <= last or not order.is_open:
                self._withdraw(now, side, rung)

    def _withdraw(self, now: int, side: OrderSide, rung: int) -> None:
        order = self._quotes[side].pop(rung)
        if order.is_open:
            self._market.cancel(self._account, order, now)
        self._inventory += float(order.filled) * (1 if side is OrderSide.BUY else -1)

    def _put(self, now: int, side: OrderSide, rung: int, place: int) -> None:
        quotes = self._quotes[side]
        if rung in quotes or rung <= 0:
            return
        price = rung * self._unit + self._offset(side)
        dollars = self._ladder.dollars * (1 + self._ladder.growth * place)
        dollars *= self._random.lognormvariate(0.0, 0.4)
        order = self._market.place(
            self._account,
            NewOrder(
                symbol=self._market.symbol,
                side=side,
                kind=Kind.LIMIT,
                quantity=self._market.quantity(dollars, float(price)),
                limit_price=price,
            ),
            now,
        )
        if order is not None:
            quotes[rung] = order

    def _offset(self, side: OrderSide) -> Decimal:
        """Inwards by less than half a rung, so that prices are not all multiples of the same."""
        steps = int(self._unit / self._step * Decimal("0.5"))
        inwards = self._step * self._random.randrange(max(1, steps))
        return inwards if side is OrderSide.BUY else -inwards


class Noise:
    """Trades for no reason: market orders of log-normal size at exponential intervals."""

    def __init__(self, market: Market, account: str, per_second: float, seed: int) -> None:
        self._market, self._account, self._rate = market, account, per_second
        self._random = _seeded(seed, market.symbol, account)
        self._due = market.opened

    def act(self, now: int, elapsed: int) -> int:
        """See `Agent`."""
        count = 0
        while self._due <= elapsed:
            self._due += max(1, int(self._random.expovariate(self._rate) * SECOND_NS))
            count += 1
        if self._market.is_open:
            price = self._market.price(elapsed)
            for _ in range(min(count, _BUSIEST)):
                side = self._side(price)
                if side is not None:
                    self._trade(now, side, price)
        return self._due

    def _side(self, price: float) -> OrderSide | None:  # noqa: ARG002 - others look at it
        """Which way to trade; None: not at all."""
        return self._random.choice((OrderSide.BUY, OrderSide.SELL))

    def _trade(self, now: int, side: OrderSide, price: float) -> None:
        dollars = min(_MEDIAN_TRADE * self._random.lognormvariate(0.0, 1.0), _LARGEST_TRADE)
        order = NewOrder(
            symbol=self._market.symbol,
            side=side,
            kind=Kind.MARKET,
            quantity=self._market.quantity(dollars, price),
        )
        self._market.place(self._account, order, now)


class TrendFollower(Noise):
    """Trades as often as it finds a move, and in its direction."""

    def __init__(self, market: Market, account: str, per_second: float, seed: int) -> None:
        super().__init__(market, account, per_second, seed)
        self._average = market.price(market.opened)

    def _side(self, price: float) -> OrderSide | None:
        move = price / self._average - 1
        self._average += _MEMORY * (price - self._average)
        if abs(move) <= _NOTICED:
            return None
        return OrderSide.BUY if move > 0 else OrderSide.SELL


def crowd(market: Market, seed: int) -> tuple[tuple[str, Agent], ...]:
    """Everyone who trades a market, by account; who quotes comes before who trades."""
    symbol = market.symbol
    near = [f"@maker-{number + 1} {symbol}" for number in range(NEAR.makers)]
    deep, trend, noise = f"@deep {symbol}", f"@trend {symbol}", f"@noise {symbol}"
    return (
        (deep, Maker(market, deep, FAR, 0, seed)),
        *((name, Maker(market, name, NEAR, number, seed)) for number, name in enumerate(near)),
        (trend, TrendFollower(market, trend, 1.5, seed)),
        (noise, Noise(market, noise, 6.0, seed)),
    )


def _seeded(seed: int, symbol: str, account: str) -> Random:
    # crc32 and not hash(): the same in every process.
    return Random(f"{seed} {crc32(symbol.encode())} {account}")  # noqa: S311 - a market, no secret
