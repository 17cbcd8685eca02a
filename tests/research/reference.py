"""A second, deliberately simple simulation of fills, written from the public rules alone.

It shares nothing with the engine: no resting books, no gate, no floats, one loop over everything
that waits. A sell is a buy in the mirrored market (every price negated), so each rule stands here
once. Slow on purpose; must never import the engine.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

WIDE = Context(prec=80)
CENT = Decimal("0.00000001")


class BarRow(NamedTuple):
    """A bar; `begin` and `end` in ns."""

    begin: int
    end: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass
class Ask:
    """An order as asked for; `side` is +1 to buy, -1 to sell."""

    key: str
    side: int
    quantity: Decimal
    limit: Decimal | None = None
    stop: Decimal | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    expires: int = 0
    post_only: bool = False
    tif: str = "GTC"


@dataclass
class Cancel:
    """The end of the order with this key, if it still works."""

    key: str


@dataclass
class Change:
    """A new limit for the order with this key, if it still works."""

    key: str
    limit: Decimal


class Done(NamedTuple):
    """A fill."""

    ts: int
    side: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    liquidity: str


@dataclass
class Waiting:
    """An order at the market, in the mirrored world: every price times `side`."""

    ask: Ask
    limit: Decimal | None
    stop: Decimal | None
    rival: "Waiting | None" = None
    fresh: bool = True
    over: bool = False


@dataclass
class Account:
    """Fills, and what they did to the two balances of a spot account."""

    quote: Decimal
    maker: Decimal
    taker: Decimal
    cash_only: bool = False
    by_a_hair: bool = False
    base: Decimal = Decimal(0)
    fills: list[Done] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)

    def place(self, ask: Ask) -> Waiting:
        prices = (None if p is None else p * ask.side for p in (ask.limit, ask.stop))
        self.waiting.append(Waiting(ask, *prices))
        return self.waiting[-1]

    def fill(self, order: Waiting, ts: int, mirrored: Decimal, liquidity: str) -> list[Waiting]:
        """Book the whole order; its rival ends; the legs of its bracket begin."""
        ask, price = order.ask, mirrored * order.ask.side
        value = WIDE.multiply(ask.quantity, price)
        rate = self.maker if liquidity == "MAKER" else self.taker
        fee = WIDE.multiply(value, rate).quantize(CENT, ROUND_HALF_EVEN, WIDE)
        self.quote = WIDE.subtract(self.quote, WIDE.add(value * ask.side, fee))
        self.base = WIDE.add(self.base, ask.quantity * ask.side)
        self.fills.append(Done(ts, ask.side, ask.quantity, price, fee, liquidity))
        self.end(order)
        if order.rival is not None:
            self.end(order.rival)
        legs = []
        if ask.stop_loss is not None:
            legs.append(self.place(Ask("", -ask.side, ask.quantity, stop=ask.stop_loss)))
        if ask.take_profit is not None:
            legs.append(self.place(Ask("", -ask.side, ask.quantity, limit=ask.take_profit)))
        if len(legs) == 2:
            legs[0].rival, legs[1].rival = legs[1], legs[0]
        return legs

    def end(self, order: Waiting) -> None:
        order.over = True
        self.waiting = [each for each in self.waiting if not each.over]

    def expire(self, now: int) -> None:
        for order in self.waiting[:]:
            if order.ask.expires and order.ask.expires <= now:
                self.end(order)

    def decide(self, action: "Ask | Cancel | Change", price: Decimal) -> Waiting | None:
        """Carry out what was decided; the order that must now meet the market, if one must."""
        if isinstance(action, Ask):
            if action.side < 0:
                poor = action.quantity > self.base
            else:
                share = action.quantity * price / max(self.quote, CENT)
                poor = share > 1
                self.by_a_hair |= Decimal("0.95") < share < Decimal("1.05")
            return None if self.cash_only and poor else self.place(action)
        found = [order for order in self.waiting if order.ask.key == action.key]
        for order in found:
            if isinstance(action, Cancel):
                self.end(order)
                return None
            order.limit, order.fresh = action.limit * order.ask.side, True
        return found[0] if found else None


Script = Mapping[int, Sequence[Ask | Cancel | Change]]


def on_bars(bars: Iterable[BarRow], script: Script, account: Account, *, at_close: bool) -> None:
    """Run a script whose entry i is decided when bar i has ended."""
    for i, bar in enumerate(bars):
        account.expire(bar.begin)
        for order in [each for each in account.waiting if each.limit is each.stop is None]:
            account.fill(order, bar.begin, bar.open * order.ask.side, "TAKER")
        account.expire(bar.end)
        # In the list a stop leg stands before its rival, so the stop wins.
        for order in account.waiting[:]:
            hit = None if order.over else meet_bar(order, bar)
            order.fresh = False
            if hit is not None:
                account.fill(order, bar.end, *hit)
        for action in script.get(i, ()):
            order = account.decide(action, bar.close)
            if order is not None and at_close and order.limit is order.stop is None:
                account.fill(order, bar.end, bar.close * order.ask.side, "TAKER")


def meet_bar(order: Waiting, bar: BarRow) -> tuple[Decimal, str] | None:
    """Price and liquidity at which a waiting order fills inside a bar, if it does."""
    path = [price * order.ask.side for price in path_of(bar)]
    limit, stop = order.limit, order.stop
    if stop is not None:
        woken = rest_after(path, stop)
        if woken is None:
            return None
        order.stop = None
        if limit is None or woken[0] <= limit:
            return woken[0], "TAKER"
        return (limit, "MAKER") if min(woken) <= limit else None
    if limit is None or min(path) > limit:
        return None
    return min(path[0], limit), "TAKER" if order.fresh and path[0] <= limit else "MAKER"


def path_of(bar: BarRow) -> list[Decimal]:
    up_first = bar.high - bar.open < bar.open - bar.low  # equally near: open by the rules
    turns = (bar.high, bar.low) if up_first else (bar.low, bar.high)
    return [bar.open, *turns, bar.close]


def rest_after(path: list[Decimal], stop: Decimal) -> list[Decimal] | None:
    """Of a path, what comes once `stop` is reached, beginning with the price there."""
    for i, price in enumerate(path):
        if price >= stop:
            return [price, *path[1:]] if i == 0 else [stop, *path[i:]]
    return None
