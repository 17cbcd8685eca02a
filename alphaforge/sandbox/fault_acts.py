"""What faults do to the exchange itself: halts, new rules, hand trades, rejects, a wrong clock.

Everything goes through the exchange's own calls, so its books stay whole whatever happens. A fault
that finds nothing to strike (the order has ended, the money is not there) is told in `missed`.
Must never act while the exchange is in the middle of telling something.
"""

from collections import deque
from collections.abc import Callable
from decimal import ROUND_UP, Decimal
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.api_keys import ApiKeys
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.fault_terms import ANY, TO_SOCKETS, Fault, FaultKind
from alphaforge.sandbox.faults import Faults
from alphaforge.sandbox.rule_changes import with_rules
from alphaforge.sandbox.sockets import Sockets
from alphaforge.sandbox.terms import (
    Change,
    Kind,
    Listing,
    MarketStatus,
    NewOrder,
    Order,
    OrderChanged,
    RefusedError,
    Tif,
    Told,
)

COUNTERPARTY = "@fault"
"""Who trades with an order that a fault fills."""

LATE_REASON = "rejected after it was accepted (fault)"
_MISSED_KEPT = 100
_NS = 1_000_000_000
_WHOLE_BOOK = 5_000


class SkewedClock(Protocol):
    """A clock that a fault may set wrong."""

    skew_ns: int


class Acts:
    """Does what the faults of one exchange say is due.

    Attributes:
        missed: Faults that found nothing to strike, in words, newest last.
    """

    def __init__(
        self,
        exchange: Exchange,
        faults: Faults,
        keys: ApiKeys,
        sockets: Sockets,
        clock: SkewedClock,
        *,
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        """`soon` calls something right after the exchange has told what it is telling."""
        self.missed: deque[str] = deque(maxlen=_MISSED_KEPT)
        self._exchange = exchange
        self._faults = faults
        self._keys = keys
        self._sockets = sockets
        self._clock = clock
        self._soon = soon
        self._waiting: list[tuple[int, Fault, Order]] = []
        exchange.open_account(COUNTERPARTY, {})
        exchange.listeners.append(self._hear)

    def play(self, now: int) -> None:
        """Do what is due at `now` (ns of the exchange's clock)."""
        for fault in self._faults.due():
            self.act(fault, now)
        if not self._waiting:
            return
        due = [each for each in self._waiting if each[0] <= now]
        self._waiting = [each for each in self._waiting if each[0] > now]
        for _, fault, order in due:
            self._reject(fault, order, now)

    def act(self, fault: Fault, now: int) -> str:
        """Do to the exchange what this fault says, one of `ACTS`; why not, or empty."""
        return self._try(fault, lambda: self._act(fault, now))

    def _try(self, fault: Fault, do: Callable[[], None]) -> str:
        try:
            do()
        except RefusedError as error:
            self.missed.append(f"{fault.kind}: {error}")
            return str(error)
        return ""

    def _act(self, fault: Fault, now: int) -> None:
        if fault.kind in TO_SOCKETS:
            self._sockets.strike(fault)
        elif fault.kind is FaultKind.CLOCK_SKEW:
            self._clock.skew_ns = round(fault.seconds * _NS)
        elif fault.kind is FaultKind.DEPOSIT:
            self._exchange.deposit(fault.account, fault.currency, fault.amount, now)
        elif fault.kind is FaultKind.HAND_TRADE:
            self._exchange.place(fault.account, _hand_order(fault), now)
        elif fault.kind is FaultKind.REMOVE_KEY:
            for key in [each.key for each in self._keys if fault.key in {"", each.key}]:
                self._keys.remove(key)
        else:
            self._new_rules(fault, now)

    def _new_rules(self, fault: Fault, now: int) -> None:
        for listing in tuple(self._exchange.listings.values()):
            if fault.symbol in {ANY, listing.symbol}:
                self._exchange.set_listing(_changed(listing, fault), now)

    # Orders -----------------------------------------------------------------------------------

    def _hear(self, told: Told) -> None:
        if not isinstance(told, OrderChanged) or told.order.account.startswith("@"):
            return
        if told.change not in {Change.NEW, Change.TRADE} or not self._faults:
            return
        filled = told.change is Change.TRADE
        for fault in self._faults.on_order(told.order.symbol, filled=filled):
            if fault.kind is FaultKind.LATE_REJECT:
                self._waiting.append((told.ts + round(fault.seconds * _NS), fault, told.order))
            else:
                self._soon(partial(self._fill_part, fault, told.order, told.ts))

    def _reject(self, fault: Fault, order: Order, now: int) -> None:
        def do() -> None:
            self._exchange.reject_open(order.account, order.order_id, LATE_REASON, now)

        self._try(fault, do)

    def _fill_part(self, fault: Fault, order: Order, now: int) -> None:
        current = self._exchange.order(order.account, order.symbol, order_id=order.order_id)
        if not current.leaves or current.limit_price is None:
            self.missed.append(f"{fault.kind}: order {order.order_id} does not rest")
            return
        self._try(fault, lambda: self._fill(current, fault.fraction, now))

    def _fill(self, order: Order, fraction: Decimal, now: int) -> None:
        """Trade with an order that rests, and with all that stands before it.

        It came last to its price, so what stands before it is everything better and the rest of
        its level.
        """
        assert order.limit_price is not None  # noqa: S101 - asked for by the caller
        depth = self._exchange.depth(order.symbol, _WHOLE_BOOK)
        is_buy = order.side is OrderSide.BUY
        before = Decimal(0)
        for price, size in depth.bids if is_buy else depth.asks:
            if (price < order.limit_price) if is_buy else (price > order.limit_price):
                break
            before += size
        step = self._exchange.listings[order.symbol].quantity_step
        part = (order.leaves * fraction / step).to_integral_value(ROUND_UP) * step
        taking = NewOrder(
            symbol=order.symbol,
            side=OrderSide.SELL if is_buy else OrderSide.BUY,
            kind=Kind.LIMIT,
            quantity=before - order.leaves + part,
            limit_price=order.limit_price,
            tif=Tif.IOC,
        )
        self._exchange.place(COUNTERPARTY, taking, now)


def _hand_order(fault: Fault) -> NewOrder:
    return NewOrder(
        symbol=fault.symbol,
        side=OrderSide(fault.side),
        kind=Kind.MARKET if fault.price is None else Kind.LIMIT,
        quantity=fault.quantity,
        limit_price=fault.price,
    )


def _changed(listing: Listing, fault: Fault) -> Listing:
    statuses = {
        FaultKind.HALT: MarketStatus.HALTED,
        FaultKind.RESUME: MarketStatus.TRADING,
        FaultKind.DELIST: MarketStatus.DELISTED,
    }
    if fault.kind in statuses:
        return replace(listing, status=statuses[fault.kind])
    return with_rules(listing, fault.rules)
