"""One recorded market inside the exchange: its levels stand in the book, its trades take from it.

Orders of others stand in the same queues. What the recording says of a level is kept by orders of
`@recorded`: what is added comes behind everyone who stands there, what was canceled is taken from
the back, so that only recorded trades bring an order of ours forward. A recorded trade at a price
means that nobody better was left, and takes from the queue at that price whoever is first. Must
never touch an order of anybody else but by trading with it.
"""

from collections.abc import Iterable
from decimal import Decimal
from heapq import nlargest, nsmallest

from alphaforge.model.enums import OrderSide
from alphaforge.model.market import BookDelta, BookSnapshot, Level, MarketEvent, Quote, Trade
from alphaforge.model.numbers import ZERO, decimal_of, nearest_to
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.terms import (
    Kind,
    MarketStatus,
    NewOrder,
    Order,
    RefusedError,
    SelfTrade,
    Tif,
)

BOOK = "@recorded"
TAKER = "@recorded-taker"

SHOWN = 100
"""Levels of each side that are brought into the exchange when its window is set."""
_FEWEST, _MOST = 50, 200
"""Outside of which the window is set anew."""

_OTHER = {OrderSide.BUY: OrderSide.SELL, OrderSide.SELL: OrderSide.BUY}


class _Levels:
    """One side: what the recording says, what the exchange holds of it, and what is to be done.

    Attributes:
        sizes: By price, as recorded.
        queues: Our orders by price, first come first; only near the best price.
        touched: Prices whose orders may no longer be what `sizes` says.
        edge: The worst price that is brought into the exchange; None: all are.
    """

    def __init__(self, side: OrderSide) -> None:
        self.side = side
        self.sizes: dict[float, float] = {}
        self.queues: dict[float, list[Order]] = {}
        self.touched: set[float] = set()
        self.edge: float | None = None

    def update(self, levels: Iterable[Level]) -> None:
        """Take changed levels; size 0 removes one."""
        for price, size in levels:
            if size:
                self.sizes[price] = size
            else:
                self.sizes.pop(price, None)
            self.touched.add(price)

    def replace(self, levels: Iterable[Level]) -> None:
        """Take the whole side."""
        self.touched |= self.sizes.keys()
        self.sizes.clear()
        self.update(levels)

    def is_better(self, price: float, than: float) -> bool:
        """Whether a price trades before another on this side."""
        return price > than if self.side is OrderSide.BUY else price < than

    def forget_crossed(self, levels: Iterable[Level]) -> None:
        """Fresh levels of the other side say that ours which they cross are gone."""
        fresh = [price for price, size in levels if size]
        if not fresh or not self.sizes:
            return
        limit = max(fresh) if self.side is OrderSide.SELL else min(fresh)
        for price in [price for price in self.sizes if not self.is_better(limit, price)]:
            del self.sizes[price]
            self.touched.add(price)

    def set_window(self) -> None:
        """Choose which levels are brought into the exchange, if too few or too many are."""
        inside = sum(map(self._is_inside, self.sizes))
        if inside <= _MOST and (inside >= _FEWEST or inside == len(self.sizes)):
            return
        pick = nlargest if self.side is OrderSide.BUY else nsmallest
        best = pick(SHOWN, self.sizes)
        self.edge = best[-1]
        # Not what is there already: what somebody took of it stays taken.
        self.touched.update(price for price in best if price not in self.queues)
        self.touched.update(price for price in self.queues if not self._is_inside(price))

    def wanted(self, price: float) -> float:
        """The size that the exchange should hold."""
        return self.sizes.get(price, 0.0) if self._is_inside(price) else 0.0

    def _is_inside(self, price: float) -> bool:
        return self.edge is None or not self.is_better(self.edge, price)


class RecordedMarket:
    """Brings one recorded symbol into the exchange."""

    def __init__(self, exchange: Exchange, symbol: str) -> None:
        self._exchange, self._symbol = exchange, symbol
        self._sides = {side: _Levels(side) for side in OrderSide}
        self._has_book = self._has_quotes = False

    def hear(self, event: MarketEvent, now: int) -> None:
        """Let one recorded event happen at the exchange's time `now`.

        A book wins over quotes, quotes over what trades alone tell of the book.
        """
        if isinstance(event, Trade):
            self._trade(event, now)
        elif isinstance(event, BookSnapshot):
            self._has_book = True
            self._replace(event.bids, event.asks, now)
        elif isinstance(event, BookDelta) and self._has_book:
            bids, asks = self._sides[OrderSide.BUY], self._sides[OrderSide.SELL]
            bids.forget_crossed(event.asks)
            asks.forget_crossed(event.bids)
            bids.update(event.bids)
            asks.update(event.asks)
            self._show(now)
        elif isinstance(event, Quote) and not self._has_book:
            self._has_quotes = True
            self._replace(((event.bid, event.bid_size),), ((event.ask, event.ask_size),), now)

    def _replace(self, bids: Iterable[Level], asks: Iterable[Level], now: int) -> None:
        self._sides[OrderSide.BUY].replace(bids)
        self._sides[OrderSide.SELL].replace(asks)
        self._show(now)

    def _show(self, now: int) -> None:
        """Bring the exchange to what is recorded: first what goes, then what comes."""
        if self._exchange.listings[self._symbol].status is not MarketStatus.TRADING:
            return
        for levels in self._sides.values():
            levels.set_window()
            for price in sorted(levels.touched):
                self._shrink(levels, price, now)
        for levels in self._sides.values():
            for price in sorted(levels.touched, reverse=levels.side is OrderSide.BUY):
                self._grow(levels, price, now)
            levels.touched.clear()

    def _shrink(self, levels: _Levels, price: float, now: int) -> None:
        queue = [order for order in levels.queues.pop(price, ()) if order.is_open]
        excess = _total(queue) - self._quantity(levels.wanted(price))
        while queue and excess > 0:
            last = queue[-1]
            if last.leaves <= excess:
                excess -= queue.pop().leaves
                self._exchange.cancel(BOOK, self._symbol, now, order_id=last.order_id)
            else:
                self._exchange.amend(
                    BOOK, self._symbol, now, order_id=last.order_id, quantity=last.quantity - excess
                )
                excess = ZERO
        if queue:
            levels.queues[price] = queue

    def _grow(self, levels: _Levels, price: float, now: int) -> None:
        queue = levels.queues.get(price, [])
        missing = self._quantity(levels.wanted(price)) - _total(queue)
        if missing <= 0:
            return
        order = self._place(BOOK, levels.side, (self._price(price), missing), now)
        if order is not None and order.is_open:
            levels.queues[price] = [*queue, order]

    def _trade(self, trade: Trade, now: int) -> None:
        if self._exchange.listings[self._symbol].status is not MarketStatus.TRADING:
            return
        quantity, price = self._quantity(trade.size), self._price(trade.price)
        if not quantity:
            return
        side = trade.side or self._aggressor(price)
        if not self._has_book and not self._has_quotes:
            self._quote_around(trade, now)
        levels = self._sides[_OTHER[side]]
        for better in [at for at in levels.queues if levels.is_better(at, trade.price)]:
            self._take_back(levels, better, now)
        wanted = quantity + self._others_before(side, price)
        taker = self._place(TAKER, side, (price, wanted), now)
        missing = wanted if taker is None else taker.quantity - taker.filled
        if missing > 0:
            # The book knew of less than was traded: the tape still shows all of it.
            self._place(BOOK, levels.side, (price, missing), now)
            self._place(TAKER, side, (price, missing), now)

    def _take_back(self, levels: _Levels, price: float, now: int) -> None:
        """A trade beyond a level says it is gone, until the recording speaks of the book again."""
        levels.touched.add(price)
        for order in levels.queues.pop(price):
            if order.is_open:
                self._exchange.cancel(BOOK, self._symbol, now, order_id=order.order_id)

    def _others_before(self, side: OrderSide, price: Decimal) -> Decimal:
        """What others have standing at better prices than a trade: it went through them."""
        best = self._exchange.top(self._symbol)[side is OrderSide.BUY]
        if best is None or best[0] == price or (best[0] > price) is (side is OrderSide.BUY):
            return ZERO
        depth = self._exchange.depth(self._symbol, SHOWN)
        found = depth.asks if side is OrderSide.BUY else depth.bids
        return sum((size for at, size in found if (at < price) is (side is OrderSide.BUY)
                    and at != price), ZERO)  # fmt: skip

    def _quote_around(self, trade: Trade, now: int) -> None:
        """All that trades alone tell of the book: as much again, a step away on each side."""
        step = float(self._exchange.listings[self._symbol].price_step)
        bid, ask = trade.price - step, trade.price + step
        self._replace(((bid, trade.size),), ((ask, trade.size),), now)

    def _aggressor(self, price: Decimal) -> OrderSide:
        """Where the feed does not say: who trades at the ask or above bought."""
        ask = self._exchange.top(self._symbol)[1]
        return OrderSide.BUY if ask is not None and price >= ask[0] else OrderSide.SELL

    def _place(
        self, account: str, side: OrderSide, level: tuple[Decimal, Decimal], now: int
    ) -> Order | None:
        """A resting order of the book, or a taking one; None where the rules do not let it."""
        price, quantity = level
        is_taker = account == TAKER
        order = NewOrder(
            symbol=self._symbol,
            side=side,
            kind=Kind.LIMIT,
            quantity=quantity,
            limit_price=price,
            tif=Tif.IOC if is_taker else Tif.GTC,
            self_trade=SelfTrade.NONE if is_taker else SelfTrade.EXPIRE_MAKER,
        )
        try:
            return self._exchange.place(account, order, now)
        except RefusedError:
            # A fault changed the rules under the recording: what breaks them is not there.
            return None

    def _price(self, price: float) -> Decimal:
        step = self._exchange.listings[self._symbol].price_step
        return max(step, nearest_to(decimal_of(price), step))

    def _quantity(self, size: float) -> Decimal:
        return nearest_to(decimal_of(size), self._exchange.listings[self._symbol].quantity_step)


def _total(queue: Iterable[Order]) -> Decimal:
    return sum((order.leaves for order in queue), ZERO)
