"""One account of the fake exchange: money, what is locked, trades, orders and what was pushed.

Every change of money is logged with its time, so that balances can be read as of any earlier
time and recomputed from the trades alone.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from alphaforge.model.claims import Claim, FillReport, OrderStatusReport, VenueStatus
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.model.instrument import Instrument

ZERO = Decimal(0)


@dataclass(slots=True)
class Order:
    """One order at the exchange; `history` is how it stood, oldest first, never empty."""

    number: int
    terms: SubmitOrder
    venue_order_id: str
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    filled: Decimal = ZERO
    triggered: bool = False
    status: VenueStatus = VenueStatus.OPEN
    reason: str = ""
    locked: tuple[str, Decimal] = ("", ZERO)
    history: list[OrderStatusReport] = field(default_factory=list[OrderStatusReport])

    @property
    def leaves(self) -> Decimal:
        """What may still fill."""
        return self.quantity - self.filled

    @property
    def asleep(self) -> bool:
        """A stop that has not woken."""
        stops = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
        return self.terms.order_type in stops and not self.triggered

    def report(self, account: str, ts: int) -> OrderStatusReport:
        """How it stands now."""
        terms = self.terms
        return OrderStatusReport(
            symbol=terms.symbol,
            venue_order_id=self.venue_order_id,
            status=self.status,
            side=terms.side,
            ts=ts,
            client_order_id=terms.client_order_id,
            order_type=terms.order_type,
            quantity=self.quantity,
            filled=self.filled,
            limit_price=self.limit_price,
            trigger_price=self.trigger_price,
            tif=terms.tif,
            triggered=self.triggered,
            reason=self.reason,
            account=account,
        )


class Account:
    """Money and logs; never decides anything about an order."""

    def __init__(self, name: str, start: dict[str, Decimal]) -> None:
        self.name = name
        self.start = dict(start)
        self.totals = dict(start)
        self.locked: dict[str, Decimal] = {}
        self.money: list[tuple[int, str, Decimal]] = []
        self.transfers: list[tuple[str, Decimal]] = []
        self.trades: list[FillReport] = []
        self.busted: dict[str, int] = {}
        self.orders: list[Order] = []
        self.open: dict[str, Order] = {}
        self.ended: list[Order] = []
        self.by_client: dict[str, Order] = {}
        self.by_venue: dict[str, Order] = {}
        self.pushed: list[Claim] = []
        self.requests: deque[int] = deque()

    def free(self, currency: str) -> Decimal:
        """What a new order could use."""
        return self.totals.get(currency, ZERO) - self.locked.get(currency, ZERO)

    def lock(self, order: Order, currency: str, amount: Decimal) -> None:
        """Hold this much for an order, instead of what was held for it."""
        held, before = order.locked
        if before:
            self.locked[held] -= before
        if amount:
            self.locked[currency] = self.locked.get(currency, ZERO) + amount
        order.locked = (currency, amount)

    def book(self, ts: int, currency: str, change: Decimal) -> None:
        """Change a balance."""
        self.totals[currency] = self.totals.get(currency, ZERO) + change
        self.money.append((ts, currency, change))

    def totals_as_of(self, as_of: int) -> dict[str, Decimal]:
        """Balances as they were after everything up to and at `as_of`."""
        totals = dict(self.totals)
        for ts, currency, change in reversed(self.money):
            if ts <= as_of:
                break
            totals[currency] -= change
        return totals

    def ledger(self, rules: dict[str, Instrument]) -> dict[str, Decimal]:
        """Start, transfers and trades that stand, summed afresh; must equal the running totals."""
        totals = dict(self.start)
        for currency, change in self.transfers:
            totals[currency] = totals.get(currency, ZERO) + change
        for trade in self.trades:
            if trade.trade_id not in self.busted:
                for currency, change in effects(trade, rules[trade.symbol]):
                    totals[currency] = totals.get(currency, ZERO) + change
        for currency in {*totals, *self.totals}:
            ours, theirs = totals.get(currency, ZERO), self.totals.get(currency, ZERO)
            assert ours == theirs, f"{self.name} {currency}: ledger {ours}, balance {theirs}"
        return totals


def effects(trade: FillReport, rules: Instrument) -> list[tuple[str, Decimal]]:
    """What a trade does to the balances."""
    sign = 1 if trade.side is OrderSide.BUY else -1
    return [
        (rules.base, sign * trade.quantity),
        (rules.quote, -sign * trade.quantity * trade.price),
        (trade.fee_currency, -trade.fee),
    ]
