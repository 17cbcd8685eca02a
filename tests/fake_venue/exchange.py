"""A small exact exchange of its own: the independent book our engine's books are compared with.

Synchronous and deterministic: time is an argument (`now`, ns of the exchange's clock, never
backwards), prices and partial fills come from the seed. Orders trade with the seeded market, never
with each other. Everything is logged, so that any read can be answered as of an earlier time.
Must share no code with the engine but model values, and must never lie: lies are made by whoever
stands between it and us.
"""

from bisect import bisect_right
from decimal import Decimal
from operator import attrgetter

from alphaforge.model.claims import (
    BustReport,
    Claim,
    FillReport,
    OrderStatusReport,
    VenueStatus,
)
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType, TimeInForce
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import MarketEvent
from alphaforge.venues.base import NS_PER_SECOND, ReplyError
from tests.fake_venue import terms as words
from tests.fake_venue.account import ZERO, Account, Order, effects
from tests.fake_venue.terms import Books
from tests.fake_venue.trading import CANCEL_DUE, IMMEDIATE, Asked, Trading

STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT)
HUGE = Decimal("1e12")


class Exchange(Trading):
    """Several accounts on several spot symbols.

    `listings` are what is traded; `accounts` maps names to starting balances. The market ticks
    every `tick_ns` from `start` on. A request to an account nobody opened is a `KeyError`.
    """

    def submit(
        self, account: str, terms: SubmitOrder, now: int, expires_at: int = 0
    ) -> OrderStatusReport:
        """Take an order of ours or, without a client id or with a foreign one, of anybody's.

        Raises `ReplyError`; after any of them but `duplicate` no such order exists.
        """
        owner = self._admit(account, now, expires_at)
        if terms.client_order_id and terms.client_order_id in owner.by_client:
            raise ReplyError(words.DUPLICATE, f"client order id {terms.client_order_id} exists")
        self._check_terms(terms)
        order = self._draft(terms)
        self._check_market(owner, order)
        self._enter(owner, order)
        self._meet_market(owner, order)
        return order.report(account, self.now)

    def modify(
        self, account: str, command: ModifyOrder, now: int, expires_at: int = 0
    ) -> OrderStatusReport:
        """Amend in place; down to what is filled or below, the order is closed as filled."""
        owner = self._admit(account, now, expires_at)
        order = self._working(owner, command.client_order_id, command.venue_order_id)
        quantity = order.quantity if command.quantity is None else command.quantity
        limit = order.limit_price if command.limit_price is None else command.limit_price
        trigger = order.trigger_price if command.trigger_price is None else command.trigger_price
        if order.filled > ZERO and ZERO < quantity <= order.filled:
            order.quantity = order.filled
            self._end(owner, order, VenueStatus.FILLED, "")
            return order.report(account, self.now)
        self._check_amendment(owner, order, (quantity, limit, trigger))
        order.quantity, order.limit_price, order.trigger_price = quantity, limit, trigger
        owner.lock(order, *self._need(order))
        self._told(owner, order)
        self._meet_market(owner, order)
        return order.report(account, self.now)

    def cancel(
        self, account: str, command: CancelOrder, now: int, expires_at: int = 0
    ) -> OrderStatusReport:
        """End an order, at once or, with the quirk, later: the answer then still says OPEN."""
        owner = self._admit(account, now, expires_at)
        order = self._working(owner, command.client_order_id, command.venue_order_id)
        if self.quirks.slow_cancel_ns:
            due = self.now + self.quirks.slow_cancel_ns
            self._appoint(due, CANCEL_DUE, owner, order)
        else:
            self._end(owner, order, VenueStatus.CANCELED, "canceled by request")
        return order.report(account, self.now)

    def halt(self, symbol: str) -> None:
        """New orders and amendments are answered `halted`; what rests stays."""
        self.halted.add(symbol)

    def resume(self, symbol: str) -> None:
        """Trading goes on."""
        self.halted.discard(symbol)

    def deposit(self, account: str, currency: str, amount: Decimal, now: int) -> None:
        """Money arrives, or leaves if negative; `insufficient` if it is not free."""
        self.advance(now)
        owner = self.accounts[account]
        if owner.free(currency) + amount < 0:
            raise ReplyError(words.INSUFFICIENT, f"less than {-amount} {currency} is free")
        owner.transfers.append((currency, amount))
        owner.book(now, currency, amount)

    def bust(self, trade_id: str, now: int) -> BustReport:
        """Take a trade back: money, filled quantity and push.

        An order that was full ends as CANCELED with what is left of its fills; one that is open
        gets its quantity back to fill. Raises `ReplyError` `insufficient` if the money is not free
        any more, `unknown-order` for a trade there is not or that is busted.
        """
        self.advance(now)
        owner, trade = self._trade(trade_id)
        changes = effects(trade, self.listings[trade.symbol].instrument)
        order = owner.by_venue[trade.venue_order_id]
        for currency in {currency: None for currency, _ in changes}:
            change = sum((part for name, part in changes if name == currency), ZERO)
            if owner.free(currency) < change:
                raise ReplyError(words.INSUFFICIENT, f"too little {currency} is free to bust")
        for currency, change in changes:
            owner.book(now, currency, -change)
        owner.busted[trade_id] = now
        report = BustReport(trade.symbol, trade_id, trade.side, now, account=owner.name)
        owner.pushed.append(report)
        self._unfill(owner, order, trade)
        return report

    def instruments(self) -> list[Instrument]:
        """What is listed."""
        return [listing.instrument for listing in self.listings.values()]

    def order(
        self,
        account: str,
        symbol: str,
        client_id: str,
        venue_id: str,
        as_of: int | None = None,
    ) -> OrderStatusReport:
        """How one order stood; `ReplyError` `unknown-order` if there was none then."""
        at = self.now if as_of is None else as_of
        owner = self.accounts[account]
        order = owner.by_venue.get(venue_id) or owner.by_client.get(client_id)
        report = _as_of(order, at) if order else None
        forgets = self.quirks.forgets_ended_ns
        if report and forgets and report.status is not VenueStatus.OPEN:
            report = report if at - report.ts < forgets else None
        if report is None or report.symbol != symbol:
            raise ReplyError(words.UNKNOWN_ORDER, f"no order {client_id or venue_id} in {symbol}")
        return report

    def open_orders(self, account: str, as_of: int | None = None) -> list[OrderStatusReport]:
        """Every order that was open."""
        at = self.now if as_of is None else as_of
        owner = self.accounts[account]
        candidates = list(owner.open.values())
        for order in reversed(owner.ended):
            if order.history[-1].ts <= at:
                break
            candidates.append(order)
        candidates.sort(key=attrgetter("number"))
        stood = (_as_of(order, at) for order in candidates)
        return [one for one in stood if one and one.status is VenueStatus.OPEN]

    def trades(self, account: str, since: int = 0, as_of: int | None = None) -> list[FillReport]:
        """Trades from `since` on that stood then, in the order made."""
        at = self.now if as_of is None else as_of
        owner = self.accounts[account]
        first = bisect_right(owner.trades, since - 1, key=attrgetter("ts"))
        found: list[FillReport] = []
        for trade in owner.trades[first:]:
            if trade.ts > at:
                break
            if owner.busted.get(trade.trade_id, at + 1) > at:
                found.append(self._told_trade(trade, self.quirks.trades_name_client_id))
        return found

    def balances(self, account: str, as_of: int | None = None) -> dict[str, Decimal]:
        """Totals by currency."""
        return self.accounts[account].totals_as_of(self.now if as_of is None else as_of)

    def pushes(self, account: str, index: int = 0) -> list[Claim]:
        """Private messages from a place of the log on."""
        return self.accounts[account].pushed[index:]

    def prints(self, index: int = 0) -> list[MarketEvent]:
        """Public messages from a place of the log on."""
        return self.printed[index:]

    def position(self, account: str, symbol: str) -> Decimal:
        """Net base quantity of all trades that stand, without start, transfers and fees."""
        owner = self.accounts[account]
        quantities = [
            trade.quantity if trade.side is OrderSide.BUY else -trade.quantity
            for trade in owner.trades
            if trade.symbol == symbol and trade.trade_id not in owner.busted
        ]
        return sum(quantities, ZERO)

    def ledger(self, account: str) -> dict[str, Decimal]:
        """Balances summed afresh from the trades; asserts that they are the running ones."""
        rules = {symbol: listing.instrument for symbol, listing in self.listings.items()}
        return self.accounts[account].ledger(rules)

    def books(self, account: str) -> Books:
        """Everything, with client order ids whatever the quirks are."""
        owner = self.accounts[account]
        stand = [trade for trade in owner.trades if trade.trade_id not in owner.busted]
        orders = [order.history[-1] for order in owner.orders]
        return Books(orders, stand, list(owner.busted), self.ledger(account))

    def _admit(self, account: str, now: int, expires_at: int) -> Account:
        self.advance(now)
        owner = self.accounts[account]
        if expires_at and now > expires_at:
            raise ReplyError(words.EXPIRED, f"arrived {now - expires_at} ns too late")
        if self.quirks.request_rate:
            while owner.requests and owner.requests[0] <= now - NS_PER_SECOND:
                owner.requests.popleft()
            if len(owner.requests) >= self.quirks.request_rate:
                wait = owner.requests[0] + NS_PER_SECOND - now
                raise ReplyError(words.THROTTLED, "too many requests", retry_after_ns=wait)
            owner.requests.append(now)
        return owner

    def _check_terms(self, terms: SubmitOrder) -> None:
        if terms.symbol not in self.listings:
            raise ReplyError(words.BAD_SYMBOL, f"no symbol {terms.symbol}")
        if terms.symbol in self.halted:
            raise ReplyError(words.HALTED, f"{terms.symbol} is halted")
        limited, stop = terms.order_type in LIMITED, terms.order_type in STOPS
        fits = (
            terms.order_type is not OrderType.TRAILING_STOP
            and limited == (terms.limit_price is not None)
            and stop == (terms.trigger_price is not None)
            and not (terms.post_only and terms.order_type is not OrderType.LIMIT)
            and not (terms.post_only and terms.tif in IMMEDIATE)
            and (terms.tif is TimeInForce.GTD) == (terms.expires > self.now)
        )
        if not fits:
            raise ReplyError(words.BAD_ORDER, f"these terms do not go together: {terms}")
        self._check_numbers(terms.symbol, terms.quantity, terms.limit_price, terms.trigger_price)

    def _check_numbers(
        self, symbol: str, quantity: Decimal, limit: Decimal | None, trigger: Decimal | None
    ) -> None:
        rules = self.listings[symbol].instrument
        prices = [price for price in (limit, trigger) if price is not None]
        bad = not _on_grid(quantity, rules.quantity_step) or quantity < rules.min_quantity
        bad = bad or any(not _on_grid(price, rules.price_step) for price in prices)
        if bad:
            raise ReplyError(words.BAD_ORDER, f"off the grid: {quantity} at {limit}, {trigger}")
        if quantity * (prices[0] if prices else self._markets[symbol].last) < rules.min_value:
            raise ReplyError(words.BAD_ORDER, f"worth less than {rules.min_value} {rules.quote}")

    def _check_market(self, owner: Account, order: Order) -> None:
        terms, market = order.terms, self._markets[order.terms.symbol]
        if terms.post_only and market.takeable(terms.side, terms.limit_price):
            raise ReplyError(words.POST_ONLY, "a post-only order would take")
        currency, amount = self._need(order)
        if amount > owner.free(currency):
            raise ReplyError(words.INSUFFICIENT, f"needs {amount} {currency}")

    def _check_amendment(self, owner: Account, order: Order, asked: Asked) -> None:
        quantity, limit, trigger = asked
        terms = order.terms
        if terms.symbol in self.halted:
            raise ReplyError(words.HALTED, f"{terms.symbol} is halted")
        wakes = trigger != order.trigger_price and (
            terms.order_type not in STOPS or not order.asleep
        )
        if wakes or (limit is not None and terms.order_type not in LIMITED):
            raise ReplyError(words.BAD_ORDER, "the order has no such price to change")
        self._check_numbers(terms.symbol, quantity, limit, trigger)
        if terms.post_only and self._markets[terms.symbol].takeable(terms.side, limit):
            raise ReplyError(words.POST_ONLY, "a post-only order would take")
        currency, amount = self._need(order, (quantity, limit, trigger))
        if amount > owner.free(currency) + order.locked[1]:
            raise ReplyError(words.INSUFFICIENT, f"needs {amount} {currency}")

    def _working(self, owner: Account, client_id: str, venue_id: str) -> Order:
        order = owner.by_venue.get(venue_id) or owner.by_client.get(client_id)
        if order is None:
            raise ReplyError(words.UNKNOWN_ORDER, f"no order {client_id or venue_id}")
        if order.status is not VenueStatus.OPEN:
            unknown = self.quirks.ended_orders_are_unknown_to_cancel
            code = words.UNKNOWN_ORDER if unknown else words.TOO_LATE
            raise ReplyError(code, f"order {order.venue_order_id} is not open")
        return order

    def _trade(self, trade_id: str) -> tuple[Account, FillReport]:
        for owner in self.accounts.values():
            for trade in owner.trades:
                if trade.trade_id == trade_id and trade_id not in owner.busted:
                    return owner, trade
        raise ReplyError(words.UNKNOWN_ORDER, f"no trade {trade_id} that stands")


def _as_of(order: Order, at: int) -> OrderStatusReport | None:
    """How an order stood, None before there was one."""
    stood = bisect_right(order.history, at, key=attrgetter("ts"))
    return order.history[stood - 1] if stood else None


def _on_grid(number: Decimal, step: Decimal) -> bool:
    return number.is_finite() and ZERO < number < HUGE and not number % step
