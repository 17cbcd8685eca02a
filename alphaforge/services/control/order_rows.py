"""Orders and fills of a run as rows: those that work, and the newest that ended.

Handles of ended orders are kept by listening beside the strategies' manager, since an engine that
simulates forgets an order the moment it ends. Rows are made again only for orders that changed, or
whose market moved. Must never change an order, nor what its strategy hears.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from alphaforge.client.records import FillRow, OrderRow
from alphaforge.engine.core import Engine
from alphaforge.engine.lifecycle import begin
from alphaforge.engine.markets import SymbolState
from alphaforge.engine.portfolio import Position
from alphaforge.engine.working import Listener
from alphaforge.model.enums import OrderSide, OrderStatus, OrderType
from alphaforge.model.events import OrderDenied, OrderSubmitted
from alphaforge.model.numbers import plain
from alphaforge.model.orders import Fill, Order
from alphaforge.model.step import Step
from alphaforge.services.control.order_sizes import OrderSizes
from alphaforge.services.control.row_texts import money_text, time_text
from alphaforge.store.export import iso_time

KEEP_ENDED: Final = 500
"""Ended orders and fills that a snapshot holds; older ones are in the store."""

MOST_CHANGED: Final = 2_000
"""Changed orders noted while nobody looks, before those no longer at hand are forgotten."""

_BUY = OrderSide.BUY
_LIMITS = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_WOKEN = frozenset({OrderStatus.TRIGGERED, OrderStatus.PARTIALLY_FILLED})


class OrderTap:
    """Hears what the strategies' manager hears, passes it on, and keeps who ended.

    Attributes:
        ended: Handles by id, oldest first, at most `KEEP_ENDED`.
        let_go: Ids that fell out since somebody last took them out.
        forgotten: How many ever fell out.
    """

    __slots__ = ("_behind", "_oldest", "ended", "forgotten", "let_go")

    def __init__(self, behind: Listener) -> None:
        """`behind` is who listened so far, and goes on to."""
        self._behind = behind
        self.ended: dict[str, Order] = {}
        self._oldest: deque[str] = deque()
        self.let_go: set[str] = set()
        self.forgotten = 0

    @property
    def hears_orders(self) -> bool:
        """Whether a strategy wants every change."""
        return self._behind.hears_orders

    @hears_orders.setter
    def hears_orders(self, value: bool) -> None:
        self._behind.hears_orders = value

    def adopted(self, order: Order) -> None:
        """See `Listener`."""
        self._behind.adopted(order)

    def order_changed(self, order: Order) -> None:
        """See `Listener`."""
        if not order.is_open:
            self.keep(order)
        self._behind.order_changed(order)

    def filled(self, fill: Fill, order: Order, position: Position) -> None:
        """See `Listener`."""
        if not order.is_open:
            self.keep(order)
        self._behind.filled(fill, order, position)

    def keep(self, order: Order) -> None:
        """Keep the handle of an order that ended, letting go of the oldest."""
        ended, order_id = self.ended, order.order_id
        if order_id in ended:
            return
        ended[order_id] = order
        waiting = self._oldest
        waiting.append(order_id)
        if len(waiting) > KEEP_ENDED:
            oldest = waiting.popleft()
            del ended[oldest]
            self.let_go.add(oldest)
            self.forgotten += 1


class OrderRows:
    """Rows of orders, kept up to date by the Steps.

    Attributes:
        rows: By order id; brought up to date by `refresh`.
        fresh: Ids of rows that changed or went since whoever publishes them last cleared it.
        moved: Likewise, where only the distance to the market changed.
        sizes: The largest of those that work.
        submitted: Orders ever submitted, by strategy.
    """

    def __init__(self, engine: Engine) -> None:
        execution = engine.execution
        behind = execution.listener
        self._engine = engine
        self._tap = OrderTap(behind if behind is not None else engine.strategies)
        execution.listener = self._tap  # pyright: ignore[reportAttributeAccessIssue] - its `hears_orders` is a property, which passes it on
        for working in execution.closed.values():
            self._tap.keep(working.life.order)
        self.rows: dict[str, OrderRow] = {}
        self.fresh: set[str] = set()
        self.moved: set[str] = set()
        self.submitted: dict[str, int] = {}
        self._changed: set[str] = set(execution.orders) | set(self._tap.ended)
        self._stops: dict[tuple[str, str], dict[str, Order]] = {}
        self.sizes = OrderSizes()
        self._round: Iterator[str] = iter(())

    @property
    def truncated(self) -> bool:
        """Whether older orders exist that are not among the rows."""
        return self._tap.forgotten > 0

    def saw(self, step: Step) -> None:
        """Note which orders a Step speaks of."""
        changed = self._changed
        for event in step.events:
            if type(event) is OrderSubmitted:
                terms = event.terms
                changed.add(terms.order_id)
                self.submitted[terms.strategy] = self.submitted.get(terms.strategy, 0) + 1
                continue
            changed.add(event.order_id)
            if type(event) is OrderDenied and event.order_id not in self._tap.ended:
                # Denied before anybody listened: by the Step in which its strategy started.
                life = begin(event.terms, event.ts_local)
                life.apply(event)
                self._tap.keep(life.order)

    def tidy(self) -> None:
        """While nobody looks: an order without a handle needs no row, unless it has one."""
        self.fresh.clear()
        self.moved.clear()
        if len(self._changed) + len(self._tap.let_go) < MOST_CHANGED:
            return
        known = self._engine.execution.orders.keys() | self._tap.ended.keys() | self.rows.keys()
        self._changed &= known
        self._tap.let_go &= self.rows.keys()

    def order(self, order_id: str) -> Order | None:
        """The live handle of an order that works or ended lately."""
        working = self._engine.execution.orders.get(order_id)
        if working is not None:
            return working.life.order
        return self._tap.ended.get(order_id)

    def refresh(self) -> Iterator[str]:
        """Bring rows up to date one by one; yields the id of each that changed or went.

        The caller may stop for a while between two of them, or for good: what is left is done the
        next time. Each is noted in `fresh`, too.
        """
        for order_id in self._refresh():
            self.fresh.add(order_id)
            yield order_id

    def _refresh(self) -> Iterator[str]:
        for order_id in tuple(self._tap.let_go):
            self._tap.let_go.discard(order_id)
            if order_id not in self._engine.execution.orders:
                self._drop(order_id)
                yield order_id
        while self._changed:
            order_id = self._changed.pop()
            order = self.order(order_id)
            if order is None:
                self._drop(order_id)
            else:
                self._build(order)
            yield order_id

    def remeasure(self, most: int) -> None:
        """Where the market moved, say anew how far away orders are; at most so many at a time.

        Goes round all working orders, call after call.
        """
        markets, orders = self._engine.markets.states, self._engine.execution.orders
        for _ in range(most):
            order_id = next(self._round, None)
            if order_id is None:
                self._round = iter(tuple(orders))
                return
            working, row = orders.get(order_id), self.rows.get(order_id)
            if working is None or row is None or order_id in self._changed:
                continue
            order = working.life.order
            distance = distance_bp(order, markets.get(order.symbol))
            if distance != row.distance_bp:
                row.distance_bp = distance
                self.moved.add(order_id)

    def row(self, order_id: str) -> OrderRow | None:
        """One order as it stands now; None for one that is not at hand."""
        order = self.order(order_id)
        if order is None:
            return None
        state = self._engine.markets.states.get(order.symbol)
        return order_row(order, state, self._engine.portfolio.account)

    def stops(self, strategy: str, symbol: str) -> Iterable[Order]:
        """Working stops of a strategy and symbol."""
        return self._stops.get((strategy, symbol), {}).values()

    def _drop(self, order_id: str) -> None:
        row = self.rows.pop(order_id, None)
        self.sizes.drop(order_id)
        if row is not None:
            self._stops.get((row.strategy, row.symbol), {}).pop(order_id, None)

    def _build(self, order: Order) -> OrderRow:
        state = self._engine.markets.states.get(order.symbol)
        row = order_row(order, state, self._engine.portfolio.account)
        self.rows[order.order_id] = row
        self.sizes.note(order, state)
        if order.trigger_price is not None:
            stops = self._stops.setdefault((order.strategy, order.symbol), {})
            if order.is_open:
                stops[order.order_id] = order
            else:
                stops.pop(order.order_id, None)
        return row


def order_row(order: Order, state: SymbolState | None, account: str) -> OrderRow:
    """One order as it stands; `account` is the run's, for an instrument that names none."""
    instrument = state.instrument if state is not None else None
    return OrderRow(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        ts=iso_time(order.ts),
        ts_last=iso_time(order.ts_last or order.ts),
        symbol=order.symbol,
        venue=instrument.venue if instrument is not None else "",
        account=(instrument.account if instrument is not None else "") or account,
        strategy=order.strategy,
        side=order.side.value,
        type=order.order_type.value,
        quantity=_quantity_text(order.quantity),
        filled=plain(order.filled),
        leaves=_quantity_text(order.leaves),
        limit=money_text(order.limit_price),
        stop=money_text(order.trigger_price),
        trail=_trail_text(order),
        take_profit=money_text(order.take_profit),
        stop_loss=money_text(order.stop_loss),
        tif=order.tif.value,
        expires=time_text(order.expires),
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        status=order.status.value,
        is_open=order.is_open,
        pending=order.pending.value,
        in_doubt=order.in_doubt,
        emulated=order.emulated,
        average_price=money_text(order.average_price),
        distance_bp=distance_bp(order, state),
        reason=order.reason,
        tag=order.tag,
        parent_id=order.parent_id,
        signal_id=order.signal_id,
    )


def _quantity_text(quantity: Decimal) -> str:
    """A quantity; 0 for what a strategy gave that is no number (its order was denied)."""
    return plain(quantity) if quantity.is_finite() else "0"


def _trail_text(order: Order) -> str | None:
    if order.trail_pct is not None:
        return f"{_quantity_text(order.trail_pct)}%"
    return money_text(order.trail)


def distance_bp(order: Order, state: SymbolState | None) -> float | None:
    """How far the market still is from a working order's price; see `OrderRow`.

    A limit is compared with the price it would trade at (a buy with the ask), a stop that sleeps
    with the same, which is what wakes it; without quotes, with the last price. One decimal.
    """
    if state is None or not order.is_open:
        return None
    rests = order.order_type in _LIMITS and (order.trigger_price is None or order.status in _WOKEN)
    price = order.limit_price if rests else order.trigger_price
    is_buy = order.side is _BUY
    market = (state.ask if is_buy else state.bid) or state.last
    if price is None or not market:
        return None
    above = (float(price) - market) / market * 10_000.0
    return round(above if is_buy is not rests else -above, 1)


class FillRows:
    """The newest fills of a run, numbered from its first.

    Attributes:
        rows: Oldest first, at most `KEEP_ENDED`.
        last: Number of the newest; 0 before the first.
    """

    def __init__(self) -> None:
        self.rows: deque[FillRow] = deque(maxlen=KEEP_ENDED)
        self.last = 0
        self._fills: deque[Fill] = deque(maxlen=KEEP_ENDED)

    @property
    def truncated(self) -> bool:
        """Whether older fills exist that are not here."""
        return self.last > KEEP_ENDED

    def saw(self, step: Step) -> None:
        """Take the fills of a Step."""
        self._fills.extend(step.fills)
        self.last += len(step.fills)

    def seed(self, rows: Iterable[FillRow], last: int) -> None:
        """Put fills of before this process first: the newest, numbered, and the last number."""
        seen = [*self.rows]
        for row in seen:
            row.number += last
        self.rows.clear()
        self.rows.extend((*rows, *seen))
        self.last += last

    def refresh(self) -> list[FillRow]:
        """Make rows of what came since the last call; returns them."""
        fills = tuple(self._fills)
        self._fills.clear()
        first = self.last - len(fills) + 1
        new = [fill_row(number, fill) for number, fill in enumerate(fills, first)]
        self.rows.extend(new)
        return new


def fill_row(number: int, fill: Fill) -> FillRow:
    """One execution, in the words of `export fills`."""
    return FillRow(
        number=number,
        ts=iso_time(fill.ts),
        venue=fill.venue,
        account=fill.account,
        symbol=fill.symbol,
        strategy=fill.strategy,
        order_id=fill.order_id,
        venue_order_id=fill.venue_order_id,
        trade_id=fill.trade_id,
        side=fill.side.value,
        quantity=plain(fill.quantity),
        price=plain(fill.price),
        value=plain(fill.value),
        fee=plain(fill.fee),
        fee_currency=fill.fee_currency,
        liquidity=fill.liquidity.value,
        realized_pnl=plain(fill.realized_pnl),
    )
