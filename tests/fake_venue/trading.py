"""How orders trade and end at the fake exchange, and what time brings by itself.

The half of the exchange that nobody asks: the clock, the matching with the seeded market, fees,
locks and pushes. `exchange.py` is the half that answers requests. Must never look at who asks.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_DOWN, Decimal
from heapq import heappop, heappush
from typing import TypeAlias

from msgspec.structs import replace

from alphaforge.model.claims import FillReport, OrderStatusReport, VenueStatus
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import Liquidity, OrderSide, OrderType, TimeInForce
from alphaforge.model.market import MarketEvent
from alphaforge.venues.base import NS_PER_SECOND
from tests.fake_venue.account import ZERO, Account, Order, effects
from tests.fake_venue.market import Market
from tests.fake_venue.terms import Listing, Quirks

CENT = Decimal("1e-8")
IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)

CANCEL_DUE, EXPIRY_DUE = "cancel", "expire"

Asked: TypeAlias = tuple[Decimal, Decimal | None, Decimal | None]
"""Quantity, limit and trigger price of an amendment."""


class Trading:
    """Accounts, markets and what happens between them; see `Exchange`."""

    def __init__(
        self,
        listings: Iterable[Listing],
        accounts: Mapping[str, Mapping[str, Decimal]],
        *,
        seed: int = 0,
        start: int = 0,
        tick_ns: int = NS_PER_SECOND // 4,
        quirks: Quirks | None = None,
    ) -> None:
        self.listings = {listing.instrument.symbol: listing for listing in listings}
        self.accounts = {name: Account(name, dict(has)) for name, has in accounts.items()}
        self.quirks = quirks or Quirks()
        self.now = start
        self.halted: set[str] = set()
        self.printed: list[MarketEvent] = []
        self.taken: list[Callable[[str, OrderStatusReport], None]] = []
        self._tick_ns = tick_ns
        self._tick_due = start + tick_ns
        self._markets = {name: Market(one, seed) for name, one in self.listings.items()}
        self._resting: dict[str, dict[str, tuple[Account, Order]]] = {s: {} for s in self.listings}
        self._agenda: list[tuple[int, int, str, str, str]] = []
        self._numbered = 0
        for market in self._markets.values():
            self.printed += market.told(start)

    def advance(self, now: int) -> None:
        """Let the market, expiries and slow cancels come up to `now`, in the order of time."""
        if now < self.now:
            raise ValueError(f"time runs backwards: {now} after {self.now}")
        while True:
            agenda_due = self._agenda[0][0] if self._agenda else now + 1
            if min(agenda_due, self._tick_due) > now:
                break
            if agenda_due <= self._tick_due:
                self._keep_appointment()
            else:
                self._tick()
        self.now = now

    def next_due(self) -> int:
        """When something happens next by itself."""
        return min(self._agenda[0][0], self._tick_due) if self._agenda else self._tick_due

    def _number(self) -> int:
        self._numbered += 1
        return self._numbered

    def _draft(self, terms: SubmitOrder) -> Order:
        return Order(
            number=(number := self._number()),
            terms=terms,
            venue_order_id=f"v{number}",
            quantity=terms.quantity,
            limit_price=terms.limit_price,
            trigger_price=terms.trigger_price,
        )

    def _enter(self, owner: Account, order: Order) -> None:
        terms = order.terms
        owner.orders.append(order)
        owner.by_venue[order.venue_order_id] = owner.open[order.venue_order_id] = order
        if terms.client_order_id:
            owner.by_client[terms.client_order_id] = order
        self._resting[terms.symbol][order.venue_order_id] = (owner, order)
        if terms.order_type is not OrderType.MARKET:
            owner.lock(order, *self._need(order))
        if terms.tif is TimeInForce.GTD:
            self._appoint(terms.expires, EXPIRY_DUE, owner, order)
        self._told(owner, order)
        for heard in self.taken:
            heard(owner.name, order.history[-1])

    def _need(
        self,
        order: Order,
        asked: Asked | None = None,
    ) -> tuple[str, Decimal]:
        """What must be free, at worst: with `asked` as the new quantity and prices."""
        terms, listing = order.terms, self.listings[order.terms.symbol]
        rules = listing.instrument
        quantity, limit, trigger = asked or (order.quantity, order.limit_price, order.trigger_price)
        leaves = quantity - order.filled
        in_base = listing.fee_currency == rules.base
        cost = 1 + max(rules.maker_fee, rules.taker_fee, ZERO)
        if terms.side is OrderSide.SELL:
            return rules.base, leaves * (cost if in_base else 1)
        price = limit or trigger or self._markets[terms.symbol].best(terms.side)
        return rules.quote, leaves * price * (1 if in_base else cost)

    def _meet_market(self, owner: Account, order: Order) -> None:
        """An order that is new, amended or awake takes what it can reach."""
        terms, market = order.terms, self._markets[order.terms.symbol]
        if order.asleep and not self._wakes(order, market.last):
            return
        if order.asleep:
            order.triggered = True
            self._told(owner, order)
        there = market.takeable(terms.side, order.limit_price)
        thin = there < order.leaves
        if thin and terms.tif is TimeInForce.FOK:
            self._end(owner, order, self.quirks.immediate_ends_as, "not all of it was there")
            return
        if thin and terms.order_type is OrderType.MARKET and self.quirks.rejects_market_when_thin:
            self._end(owner, order, VenueStatus.REJECTED, "too little in the book")
            return
        self._take(owner, order, market)
        self._end_the_rest(owner, order)

    def _take(self, owner: Account, order: Order, market: Market) -> None:
        side = order.terms.side
        while affordable := self._affordable(owner, order, market):
            level = market.take(side, order.limit_price, affordable)
            if level is None:
                return
            self._fill(owner, order, *level, Liquidity.TAKER)

    def _affordable(self, owner: Account, order: Order, market: Market) -> Decimal:
        """What of the leaves the account can pay for; only market orders can lack money."""
        if order.limit_price is not None:
            return order.leaves
        listing = self.listings[order.terms.symbol]
        rules = listing.instrument
        rate = max(rules.taker_fee, ZERO)
        in_base = listing.fee_currency == rules.base
        if order.terms.side is OrderSide.SELL:
            free = owner.free(rules.base) + order.locked[1]
            wanted = free / (1 + rate) if in_base else free
        else:
            price = market.next_price(order.terms.side)
            free = owner.free(rules.quote) + order.locked[1]
            wanted = free / (price if in_base else price * (1 + rate))
        steps = int(min(wanted, order.leaves) / rules.quantity_step)
        return steps * rules.quantity_step

    def _end_the_rest(self, owner: Account, order: Order) -> None:
        if order.status is not VenueStatus.OPEN:
            return
        if order.terms.order_type in (OrderType.MARKET, OrderType.STOP_MARKET):
            rejects = self.quirks.late_reject_with_fills
            status = VenueStatus.REJECTED if rejects else VenueStatus.CANCELED
            self._end(owner, order, status, "no more could be had")
        elif order.terms.tif in IMMEDIATE:
            self._end(owner, order, self.quirks.immediate_ends_as, "not all of it was there")

    def _fill(
        self, owner: Account, order: Order, price: Decimal, quantity: Decimal, how: Liquidity
    ) -> None:
        terms = order.terms
        fee, currency = self._fee(owner, terms, quantity * price, quantity, how)
        trade = FillReport(
            symbol=terms.symbol,
            trade_id=f"t{self._number()}",
            venue_order_id=order.venue_order_id,
            side=terms.side,
            quantity=quantity,
            price=price,
            fee=fee,
            fee_currency=currency,
            liquidity=how,
            ts=self.now,
            client_order_id=terms.client_order_id,
            account=owner.name,
        )
        owner.trades.append(trade)
        for name, change in effects(trade, self.listings[terms.symbol].instrument):
            owner.book(self.now, name, change)
        order.filled += quantity
        owner.pushed.append(self._told_trade(trade, self.quirks.pushes_name_client_id))
        if order.leaves:
            if terms.order_type is not OrderType.MARKET:
                owner.lock(order, *self._need(order))
            self._told(owner, order)
        else:
            self._end(owner, order, VenueStatus.FILLED, "")

    def _fee(
        self, owner: Account, terms: SubmitOrder, value: Decimal, quantity: Decimal, how: Liquidity
    ) -> tuple[Decimal, str]:
        """Rounded towards zero, so that many small fills never cost more than one large one."""
        listing = self.listings[terms.symbol]
        rules = listing.instrument
        rate = rules.maker_fee if how is Liquidity.MAKER else rules.taker_fee
        if listing.fee_currency == rules.base:
            return (quantity * rate).quantize(CENT, ROUND_DOWN), rules.base
        if listing.fee_currency not in {"", rules.quote}:
            fee = (value * rate / listing.fee_price).quantize(CENT, ROUND_DOWN)
            if owner.free(listing.fee_currency) >= fee:
                return fee, listing.fee_currency
        return (value * rate).quantize(CENT, ROUND_DOWN), rules.quote

    def _unfill(self, owner: Account, order: Order, trade: FillReport) -> None:
        order.filled -= trade.quantity
        if order.status is VenueStatus.OPEN:
            currency, amount = self._need(order)
            if amount <= owner.free(currency) + order.locked[1]:
                owner.lock(order, currency, amount)
                self._told(owner, order)
            else:
                self._end(owner, order, VenueStatus.CANCELED, "trade busted")
            return
        if order.status is VenueStatus.FILLED:
            order.status, order.reason = VenueStatus.CANCELED, "trade busted"
        self._told(owner, order)
        owner.ended.remove(order)
        owner.ended.append(order)

    def _end(self, owner: Account, order: Order, status: VenueStatus, reason: str) -> None:
        order.status, order.reason = status, reason
        owner.lock(order, order.locked[0], ZERO)
        del owner.open[order.venue_order_id]
        del self._resting[order.terms.symbol][order.venue_order_id]
        owner.ended.append(order)
        self._told(owner, order)

    def _told(self, owner: Account, order: Order) -> None:
        report = order.report(owner.name, self.now)
        order.history.append(report)
        if not self.quirks.pushes_name_client_id:
            report = replace(report, client_order_id="")
        owner.pushed.append(report)

    def _told_trade(self, trade: FillReport, named: bool) -> FillReport:
        return trade if named else replace(trade, client_order_id="")

    def _appoint(self, due: int, what: str, owner: Account, order: Order) -> None:
        heappush(self._agenda, (due, self._number(), what, owner.name, order.venue_order_id))

    def _keep_appointment(self) -> None:
        self.now, _, what, name, venue_id = heappop(self._agenda)
        owner = self.accounts[name]
        order = owner.open.get(venue_id)
        if order is None:
            return
        if what == CANCEL_DUE:
            self._end(owner, order, VenueStatus.CANCELED, "canceled by request")
        else:
            self._end(owner, order, VenueStatus.EXPIRED, "")

    def _tick(self) -> None:
        self.now = self._tick_due
        self._tick_due += self._tick_ns
        for symbol, market in self._markets.items():
            if symbol in self.halted:
                continue
            self.printed += market.move(self.now)
            for owner, order in list(self._resting[symbol].values()):
                self._pass(owner, order, market)

    def _pass(self, owner: Account, order: Order, market: Market) -> None:
        if order.asleep:
            if self._wakes(order, market.last):
                self._meet_market(owner, order)
        elif order.limit_price is not None:
            given = market.given(order.terms.side, order.limit_price)
            if given:
                self._fill(
                    owner, order, order.limit_price, min(given, order.leaves), Liquidity.MAKER
                )

    @staticmethod
    def _wakes(order: Order, last: Decimal) -> bool:
        trigger = order.trigger_price
        assert trigger is not None
        return last >= trigger if order.terms.side is OrderSide.BUY else last <= trigger
