"""Seeded strategies that do everything a strategy may do with orders, and do it often.

Their choices come from a generator that is part of their state, so that a recovered run goes on
with the choices the killed one would have made. Must never look at anything but its own desk.
"""

import random
from decimal import Decimal
from typing import Any, ClassVar

from alphaforge import Fill, Strategy, Trade
from alphaforge.engine.portfolio import Position
from alphaforge.model.orders import Order

CENT = Decimal("0.01")
LOT = Decimal("0.0001")


class Restless(Strategy):
    """Places, modifies and cancels by a timer; answers some fills.

    Attributes:
        seed: Of its choices.
        symbols: Joined by commas.
        every: Seconds between two decisions.
        most: Working orders it has at once.
    """

    seed: int = 1
    symbols: str = "BTC/USDT"
    every: float = 0.5
    most: int = 6

    quiet: ClassVar[bool] = False
    """Set by the simulator when all must come to rest."""

    def on_start(self) -> None:
        self.names = self.symbols.split(",")
        self.random = random.Random(self.seed)
        self.decided = 0
        self.seen = 0
        self.watched: list[Order] = []
        for symbol in self.names:
            self.subscribe_trades(symbol)
        self.timer("decide", self.every)

    def on_trade(self, trade: Trade) -> None:
        self.seen += 1

    def on_timer(self, name: str) -> None:
        if Restless.quiet:
            return
        self.decided += 1
        symbol = self.random.choice(self.names)
        last = self.last(symbol)
        if last is None:
            return
        working = self.orders(symbol)
        if len(working) >= self.most:
            self.cancel(self.random.choice(working))
            return
        act = self.random.random()
        if working and act < 0.18:
            self.cancel(self.random.choice(working))
        elif working and act < 0.36:
            self._modify(self.random.choice(working), last)
        elif act < 0.38:
            self.cancel_all(symbol)
        elif act < 0.41:
            self.close(symbol)
        elif act < 0.90:
            self._place(symbol, last)

    def on_fill(self, fill: Fill) -> None:
        if Restless.quiet:
            return
        if self.random.random() < 0.15 and len(self.orders(fill.symbol)) < self.most:
            self._place(fill.symbol, float(fill.price))

    def on_order(self, order: Order) -> None:
        if Restless.quiet:
            return
        if order.is_open and self.random.random() < 0.02:
            self.cancel(order)

    def on_position(self, position: Position) -> None:
        self.seen += 1

    def _near(self, last: float, width: float) -> Decimal:
        """A price around the last one."""
        exact = Decimal(repr(last)) * Decimal(round(1e6 * (1 + self.random.gauss(0.0, width))))
        return (exact / 1_000_000).quantize(CENT)

    def _amount(self) -> Decimal:
        return LOT * self.random.randint(50, 900)

    def _place(self, symbol: str, last: float) -> None:
        draw = self.random.random
        verb = self.buy if draw() < 0.5 else self.sell
        sign = 1 if verb == self.buy else -1
        kind, amount = draw(), self._amount()
        self.watched = [order for order in self.watched if order.is_open][-5:]
        if kind < 0.20:
            made = verb(symbol, amount)
        elif kind < 0.77:
            made = self._limited(verb, symbol, amount, last)
        elif kind < 0.92:
            made = self._stop(verb, symbol, amount, last, sign)
        else:
            made = self._bracket(verb, symbol, amount, last, sign)
        self.watched.append(made)

    def _limited(self, verb: Any, symbol: str, amount: Decimal, last: float) -> Order:
        """Mostly plain; else immediate, all or nothing, passive, or for a while only."""
        kind, limit = self.random.random(), self._near(last, 0.002)
        if kind < 0.14:
            return verb(symbol, amount, limit=limit, tif="IOC")
        if kind < 0.23:
            return verb(symbol, amount, limit=limit, tif="FOK")
        if kind < 0.35:
            return verb(symbol, amount, limit=limit, post_only=True)
        if kind < 0.47:
            expires = self.now + self.random.randint(1, 15) * 1_000_000_000
            return verb(symbol, amount, limit=limit, expires=expires)
        return verb(symbol, amount, limit=limit)

    def _stop(self, verb: Any, symbol: str, amount: Decimal, last: float, sign: int) -> Order:
        far = sign * Decimal(self.random.randint(1, 40)) / 10_000
        if self.random.random() < 0.3:
            return verb(symbol, amount, trail=f"{far.copy_abs() * 100}%")
        trigger = (Decimal(repr(last)) * (1 + far)).quantize(CENT)
        if self.random.random() < 0.6:
            return verb(symbol, amount, stop=trigger)
        worst = (trigger * (1 + sign * Decimal("0.002"))).quantize(CENT)
        return verb(symbol, amount, stop=trigger, limit=worst)

    def _bracket(self, verb: Any, symbol: str, amount: Decimal, last: float, sign: int) -> Order:
        price = Decimal(repr(last))
        far = Decimal(self.random.randint(5, 40)) / 10_000
        profit = (price * (1 + sign * far)).quantize(CENT)
        loss = (price * (1 - sign * far)).quantize(CENT)
        limit = self._near(last, 0.001) if self.random.random() < 0.5 else None
        return verb(symbol, amount, limit=limit, take_profit=profit, stop_loss=loss)

    def _modify(self, order: Order, last: float) -> None:
        draw = self.random.random()
        if order.trigger_price is not None:
            sign = 1 if order.side == "BUY" else -1
            away = Decimal(repr(last)) * (1 + sign * Decimal(self.random.randint(1, 50)) / 10_000)
            self.modify(order, stop=away.quantize(CENT))
        elif order.limit_price is None or draw < 0.4:
            self.modify(order, quantity=order.filled + self._amount())
        elif draw < 0.8:
            self.modify(order, limit=self._near(last, 0.002))
        else:
            self.modify(order, quantity=self._amount(), limit=self._near(last, 0.002))


class Saving(Restless):
    """The same, saving and loading its state by its own hand."""

    KEPT: ClassVar[tuple[str, ...]] = ("decided", "seen")

    def on_save(self) -> dict[str, Any]:
        state = self.random.getstate()
        return {
            "names": self.names,
            "random": [state[0], list(state[1]), state[2]],
            "watched": [],
            **{name: getattr(self, name) for name in self.KEPT},
        }

    def on_load(self, state: dict[str, Any]) -> None:
        self.names = list(state["names"])
        self.random = random.Random()
        version, numbers, gauss = state["random"]
        self.random.setstate((version, tuple(numbers), gauss))
        self.watched = []
        for name in self.KEPT:
            setattr(self, name, state[name])
