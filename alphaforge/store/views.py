"""From Steps to the rows people query: orders, their events, fills, positions, alerts, signals.

The same fold makes them live and rebuilds them from the journal, so both are equal. An order is
folded by the engine's own lifecycle; a position is a fold of fills, exact to the last digit. Must
decide nothing and must touch no database: what it no longer holds it asks its `recall` for.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias

import msgspec

from alphaforge.engine.base_fees import in_settle, moved
from alphaforge.engine.lifecycle import OrderLife, begin
from alphaforge.engine.portfolio import Position
from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.events import (
    Alert,
    FundingPaid,
    OrderAdopted,
    OrderDenied,
    OrderEvent,
    OrderHeld,
    OrderSubmitted,
    Signal,
)
from alphaforge.model.instrument import Instrument, default_instrument
from alphaforge.model.numbers import EXACT, plain
from alphaforge.model.orders import Fill
from alphaforge.model.step import Step
from alphaforge.store.records import RunRecord

Row: TypeAlias = dict[str, Any]
"""Column name → value, as the tables take it."""

Recall: TypeAlias = Callable[[str], Sequence[OrderEvent]]
"""The committed events of an order, oldest first; empty for one never seen."""

KEEP_CLOSED = 10_000
"""Closed orders kept at hand for late fills; older ones are folded again from their events."""

_BEGINNINGS = OrderSubmitted | OrderAdopted | OrderDenied | OrderHeld
"""Events that state an order's terms."""

_json = msgspec.json.Encoder()


class ViewRows:
    """Rows that some Steps led to; an order or position stands in it once, as it is now."""

    __slots__ = (
        "alerts",
        "changed_orders",
        "changed_positions",
        "fills",
        "new_orders",
        "new_positions",
        "order_events",
        "signals",
    )

    def __init__(self) -> None:
        self.new_orders: list[Row] = []
        self.changed_orders: list[Row] = []
        self.order_events: list[Row] = []
        self.fills: list[Row] = []
        self.new_positions: list[Row] = []
        self.changed_positions: list[Row] = []
        self.alerts: list[Row] = []
        self.signals: list[Row] = []


class Projector:
    """Folds one run's Steps, given in order, into view rows.

    `positions` are those a resumed run already has; a new run has none.
    """

    def __init__(self, run: RunRecord, recall: Recall, positions: Sequence[Position] = ()) -> None:
        self._run = run
        self._recall = recall
        self._instruments = {each.symbol: each for each in run.instruments}
        self._positions = {(each.strategy, each.symbol): each for each in positions}
        self._lives: dict[str, OrderLife] = {}
        self._closed: dict[str, None] = {}
        self._born: set[str | tuple[str, str]] = set()
        self._touched: dict[str, None] = {}
        self._moved: dict[tuple[str, str], int] = {}
        self._rows = ViewRows()

    def add(self, step: Step) -> None:
        """Fold one Step in; if `recall` raises, nothing has changed."""
        self._fetch_missing(step.events)
        run_id, sequence, rows = self._run.run_id, step.sequence, self._rows
        for position, event in enumerate(step.events):
            rows.order_events.append(event_row(run_id, sequence, position, event))
            self._fold(event)
        for position, fill in enumerate(step.fills):
            rows.fills.append(fill_row(run_id, sequence, position, fill))
            self._book(fill)
        for paid in step.funding:
            self._pay(paid)
        for position, alert in enumerate(step.alerts):
            rows.alerts.append(alert_row(run_id, sequence, position, alert))
        for position, signal in enumerate(step.signals):
            rows.signals.append(signal_row(run_id, sequence, position, signal))

    def take(self) -> ViewRows:
        """The rows since the last `take`; orders and positions as they stand now."""
        rows, self._rows = self._rows, ViewRows()
        for order_id in self._touched:
            known = rows.new_orders if order_id in self._born else rows.changed_orders
            known.append(self._order_row(self._lives[order_id]))
        for key, ts in self._moved.items():
            known = rows.new_positions if key in self._born else rows.changed_positions
            known.append(position_row(self._run, self._positions[key], ts))
        self._touched.clear()
        self._born.clear()
        self._moved.clear()
        return rows

    def forget(self) -> None:
        """Let go of the longest closed orders; only when all that was taken is committed."""
        excess = max(len(self._closed) - KEEP_CLOSED, 0)
        for order_id in list(islice(self._closed, excess)):
            del self._closed[order_id]
            del self._lives[order_id]

    def _fold(self, event: OrderEvent) -> None:
        order_id = event.order_id
        life = self._lives.get(order_id)
        if life is None and isinstance(event, _BEGINNINGS):
            life = self._lives[order_id] = begin(event.terms, event.ts_local)
            self._born.add(order_id)
        if life is None:  # nobody ever said what its terms are
            return
        life.apply(event)
        self._touched[order_id] = None
        if life.order.is_open:
            self._closed.pop(order_id, None)
        else:
            self._closed[order_id] = None

    def _fetch_missing(self, events: Sequence[OrderEvent]) -> None:
        """Take up again the orders that are not at hand and that no event here begins."""
        begun: set[str] = set()
        for event in events:
            order_id = event.order_id
            if order_id in self._lives or order_id in begun:
                continue
            begun.add(order_id)
            if not isinstance(event, _BEGINNINGS):
                life = refold(self._recall(order_id))
                if life is not None:
                    self._lives[order_id] = life

    def _order_row(self, life: OrderLife) -> Row:
        return order_row(self._run, self._instruments, life)

    def _position(self, strategy: str, symbol: str) -> Position:
        found = self._positions.get((strategy, symbol))
        if found is None:
            instrument = self._instruments.get(symbol) or default_instrument(
                symbol, self._run.venue
            )
            found = self._positions[strategy, symbol] = Position(instrument, strategy)
            self._born.add((strategy, symbol))
        return found

    def _book(self, fill: Fill) -> None:
        book(self._position(fill.strategy, fill.symbol), fill)
        self._moved[fill.strategy, fill.symbol] = fill.ts

    def _pay(self, paid: FundingPaid) -> None:
        position = self._position(paid.strategy, paid.symbol)
        position.funding = EXACT.add(position.funding, paid.amount)
        self._moved[paid.strategy, paid.symbol] = paid.ts_local


def refold(events: Sequence[OrderEvent]) -> OrderLife | None:
    """An order's life from its events; None unless the first one states its terms."""
    first = events[0] if events else None
    if not isinstance(first, _BEGINNINGS):
        return None
    life = begin(first.terms, first.ts_local)
    for event in events:
        life.apply(event)
    return life


def book(position: Position, fill: Fill) -> None:
    """Move a position by a fill.

    Realized profit is what the closed part brought minus its share of the cost, so the cost left
    is cost + signed value + realized; minus realized where inverse, whose profit is counted the
    other way round.
    """
    instrument, before = position.instrument, position.quantity
    signed = fill.quantity.copy_negate() if fill.side is OrderSide.SELL else fill.quantity
    part = moved(instrument, before, signed, fill.fee, fill.fee_currency)
    value = instrument.notional(part, fill.price)
    inverse = instrument.kind is InstrumentKind.INVERSE
    gain = -fill.realized_pnl if inverse else fill.realized_pnl
    position.quantity = EXACT.add(before, part)
    position.cost = EXACT.add(EXACT.add(position.cost, value), gain)
    position.realized_pnl = EXACT.add(position.realized_pnl, fill.realized_pnl)
    fee = in_settle(instrument, fill.fee, fill.fee_currency, fill.price)
    position.fees = EXACT.add(position.fees, fee)
    position.fills += 1
    turned = before and position.quantity and (before > 0) is not (position.quantity > 0)
    if not before or turned:
        position.ts_open = fill.ts


def order_row(run: RunRecord, instruments: dict[str, Instrument], life: OrderLife) -> Row:
    """The `orders` row of an order as it stands."""
    order = life.order
    instrument = instruments.get(order.symbol)
    return {
        "run_id": run.run_id,
        "order_id": order.order_id,
        "ts": order.ts,
        "venue": run.venue if instrument is None else instrument.venue,
        "account": run.account,
        "symbol": order.symbol,
        "strategy": order.strategy,
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "quantity": plain(order.quantity),
        "limit_price": _plain_or_none(order.limit_price),
        "trigger_price": _plain_or_none(order.trigger_price),
        "tif": order.tif.value,
        "status": order.status.value,
        "filled": plain(order.filled),
        "average_price": _plain_or_none(order.average_price),
        "reason": order.reason,
        "leaves": plain(order.leaves),
        "in_doubt": order.in_doubt,
        "ts_last": order.ts_last,
    }


def event_row(run_id: str, sequence: int, position: int, event: OrderEvent) -> Row:
    """The `order_events` row of an event."""
    return {
        "run_id": run_id,
        "order_id": event.order_id,
        "sequence": sequence,
        "position": position,
        "ts": event.ts_local,
        "kind": event.__struct_config__.tag,
        "payload": _json.encode(event).decode(),
    }


def fill_row(run_id: str, sequence: int, position: int, fill: Fill) -> Row:
    """The `fills` row of a fill."""
    return {
        "run_id": run_id,
        "sequence": sequence,
        "position": position,
        "ts": fill.ts,
        "venue": fill.venue,
        "account": fill.account,
        "symbol": fill.symbol,
        "strategy": fill.strategy,
        "order_id": fill.order_id,
        "venue_order_id": fill.venue_order_id,
        "trade_id": fill.trade_id,
        "side": fill.side.value,
        "quantity": plain(fill.quantity),
        "price": plain(fill.price),
        "value": plain(fill.value),
        "fee": plain(fill.fee),
        "fee_currency": fill.fee_currency,
        "liquidity": fill.liquidity.value,
        "realized_pnl": plain(fill.realized_pnl),
    }


def position_row(run: RunRecord, position: Position, ts: int) -> Row:
    """The `positions` row of a position as it stands; `ts` is its last change."""
    return {
        "run_id": run.run_id,
        "strategy": position.strategy,
        "symbol": position.symbol,
        "ts": ts,
        "venue": position.instrument.venue,
        "account": run.account,
        "side": position.side.value,
        "quantity": plain(position.quantity),
        "cost": plain(position.cost),
        "average_price": _plain_or_none(position.average_price),
        "realized_pnl": plain(position.realized_pnl),
        "fees": plain(position.fees),
        "funding": plain(position.funding),
        "fills": position.fills,
        "ts_open": position.ts_open,
    }


def alert_row(run_id: str, sequence: int, position: int, alert: Alert) -> Row:
    """The `alerts` row of an alert."""
    return {
        "run_id": run_id,
        "sequence": sequence,
        "position": position,
        "ts": alert.ts_local,
        "level": alert.level.value,
        "code": alert.code,
        "message": alert.message,
        "strategy": alert.strategy,
        "symbol": alert.symbol,
        "detail": alert.detail,
    }


def signal_row(run_id: str, sequence: int, position: int, signal: Signal) -> Row:
    """The `signals` row of a signal."""
    return {
        "run_id": run_id,
        "sequence": sequence,
        "position": position,
        "ts": signal.ts_local,
        "signal_id": signal.signal_id,
        "strategy": signal.strategy,
        "symbol": signal.symbol,
        "direction": signal.direction,
        "confidence": signal.confidence,
        "reason": signal.reason,
        "order_id": signal.order_id,
    }


def _plain_or_none(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
