"""The built-in exchange: accounts, markets, orders. Pure, synchronous and deterministic.

Everything is a call with the time it happens at; the same calls give the same books and tell the
same events. A call either raises `RefusedError` and changes nothing, or is done completely when it
returns: money exact to the last digit, stops woken, listeners told. Must never read a clock, wait,
draw a random number or know a protocol.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from alphaforge.model.enums import InstrumentKind
from alphaforge.sandbox.amending import Amending, Amendment
from alphaforge.sandbox.asking import Questions
from alphaforge.sandbox.intake import Intake
from alphaforge.sandbox.lists import check_pair
from alphaforge.sandbox.market import Market
from alphaforge.sandbox.saved import Memory, check, restore, saved
from alphaforge.sandbox.terms import (
    Listing,
    MarketChanged,
    MarketStatus,
    NewOrder,
    Order,
    OrderList,
    Refusal,
    RefusedError,
    Standing,
)

_SPOT = InstrumentKind.SPOT


class Exchange(Questions):
    """All markets and accounts."""

    def __init__(self, listings: Sequence[Listing]) -> None:
        super().__init__()
        for listing in listings:
            self._list(listing)

    def _start(self) -> None:
        super()._start()
        self._intake = Intake(self._settlement, self._trading)
        self._amending = Amending(self._intake, self._trading)
        self._last_order_id = 0

    # Accounts ---------------------------------------------------------------------------------

    def open_account(self, name: str, balances: Mapping[str, Decimal]) -> None:
        """Open an account with this money; one of that name gets it added.

        A name that begins with `@` is an agent's: it pays no fees, needs no funds and leaves no
        history.
        """
        account = self._ledger.open(name)
        for currency, amount in balances.items():
            account.add(currency, amount)
        account.touched.clear()

    def deposit(self, account: str, currency: str, amount: Decimal, now: int) -> None:
        """Bring money in, or take it out if negative.

        Raises:
            RefusedError: INSUFFICIENT_FUNDS for more than is free, BAD_REQUEST without account.
        """
        owner = self._ledger.find(account)
        owner.require(currency, amount.copy_negate())
        self._teller.now = now
        owner.add(currency, amount)
        self._teller.money(owner)
        self._teller.deliver()

    def set_leverage(self, account: str, symbol: str, leverage: Decimal, now: int) -> None:
        """Change it, up to the listing's.

        Raises:
            RefusedError: BAD_REQUEST out of range or on spot, INSUFFICIENT_FUNDS for the margin
                that position and orders would then need.
        """
        market = self._market(symbol)
        listing, owner = market.listing, self._ledger.find(account)
        if listing.kind is _SPOT or not 1 <= leverage <= listing.leverage:
            raise RefusedError(Refusal.BAD_REQUEST, f"{symbol} has no leverage of {leverage}")
        self._teller.now = now
        self._settlement.set_leverage(owner, market, leverage)
        self._teller.money(owner)
        self._teller.deliver()

    # Orders -----------------------------------------------------------------------------------

    def place(self, account: str, new: NewOrder, now: int) -> Order:
        """Accept an order and do everything it does.

        Raises:
            RefusedError: Whatever is wrong with it; see `Refusal`.
        """
        market, order = self._checked(account, new, now)
        self._teller.now = now
        self._enter(order)
        self._trading.accept(order, market)
        if order.standing is Standing.OPEN:
            self._trading.work(order, market)
        self._done(market)
        return order

    def test(self, account: str, new: NewOrder, now: int) -> None:
        """Check an order as `place` would, and leave it at that.

        Raises:
            RefusedError: As `place`.
        """
        self._checked(account, new, now)

    def place_oco(
        self, account: str, limit: NewOrder, stop: NewOrder, client_list_id: str, now: int
    ) -> OrderList:
        """Accept a one-cancels-other list; its limit never takes.

        Raises:
            RefusedError: As `place` for either half; BAD_REQUEST for what is no such list.
        """
        owner, market = self._ledger.find(account), self._market(limit.symbol)
        check_pair(limit, stop, market.last)
        halves = [self._intake.prepare(owner, market, half, now) for half in (stop, limit)]
        if market.book.would_take(limit.side, limit.limit_price):
            raise RefusedError(Refusal.WOULD_TAKE, f"{limit.limit_price} would take")
        for half in halves:
            self._trading.require_funds(half, market)
        self._teller.now = now
        list_id = self._lists.last_id + 1
        for half in halves:
            self._enter(half)
            half.list_id = list_id
        made = OrderList(
            list_id=list_id,
            account=account,
            symbol=limit.symbol,
            client_list_id=client_list_id or f"list-{list_id}",
            orders=tuple(halves),
            created=now,
        )
        self._lists.add(made)
        for half in halves:
            self._trading.accept(half, market)
        self._trading.work(halves[1], market)
        self._done(market)
        return made

    def cancel(
        self,
        account: str,
        symbol: str,
        now: int,
        *,
        order_id: int = 0,
        client_order_id: str = "",
        cancel_client_id: str = "",
    ) -> Order:
        """Take an open order out of the market; of a list, both.

        Raises:
            RefusedError: UNKNOWN_ORDER, there is none or it has ended.
        """
        order = self._open(account, symbol, order_id, client_order_id)
        self._teller.now = now
        self._trading.end(order, Standing.CANCELED, cancel_client_id=cancel_client_id)
        self._done(self._market(symbol))
        return order

    def cancel_all(self, account: str, symbol: str, now: int) -> list[Order]:
        """Take every open order of a market out; returns them oldest first."""
        owner, market = self._ledger.find(account), self._market(symbol)
        orders = list(owner.of(symbol))
        self._teller.now = now
        for order in orders:
            self._trading.end(order, Standing.CANCELED)
        self._done(market)
        return orders

    def cancel_list(self, account: str, list_id: int, now: int) -> OrderList:
        """Take both orders of a list out.

        Raises:
            RefusedError: UNKNOWN_ORDER, there is no such list or it has ended.
        """
        found = self._lists.find(account, list_id)
        live = [order for order in found.orders if order.is_open]
        if not live:
            raise RefusedError(Refusal.UNKNOWN_ORDER, f"order list {list_id} has ended")
        self._teller.now = now
        self._trading.end(live[0], Standing.CANCELED)
        self._done(self._market(found.symbol))
        return found

    def amend(  # noqa: PLR0913 - an order by either id, and each term that can change
        self,
        account: str,
        symbol: str,
        now: int,
        *,
        order_id: int = 0,
        client_order_id: str = "",
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        trigger_price: Decimal | None = None,
    ) -> Order:
        """Change an open order's terms; its id stays.

        Its place in the queue stays too if nothing but its quantity shrinks.

        Args:
            account: Whose.
            symbol: Where.
            now: ns.
            order_id: Of the exchange; or
            client_order_id: Of the client.
            quantity: New total, filled part included.
            limit_price: New limit; the order trades at once if it reaches the other side.
            trigger_price: New trigger of a stop that sleeps.

        Raises:
            RefusedError: As `place`; UNKNOWN_ORDER, NOTHING_CHANGED.
        """
        order = self._open(account, symbol, order_id, client_order_id)
        market = self._market(symbol)
        self._teller.now = now
        self._amending.amend(order, market, Amendment(quantity, limit_price, trigger_price))
        self._done(market)
        return order

    def reject_open(self, account: str, order_id: int, reason: str, now: int) -> Order:
        """A fault: the exchange takes an accepted order back, what it filled stands.

        Raises:
            RefusedError: UNKNOWN_ORDER.
        """
        order = self._ledger.find(account).open.get(order_id)
        if order is None:
            raise RefusedError(Refusal.UNKNOWN_ORDER, f"{account} has no open order {order_id}")
        self._teller.now = now
        self._trading.end(order, Standing.REJECTED, reason)
        self._done(self._market(order.symbol))
        return order

    # The exchange itself ----------------------------------------------------------------------

    def set_listing(self, listing: Listing, now: int) -> None:
        """New rules or a new market; open orders stay, unless it is delisted: then they expire."""
        market = self._trading.markets.get(listing.symbol)
        self._teller.now = now
        if market is None:
            market = self._list(listing)
        market.listing = self.listings[listing.symbol] = listing
        self._teller.say(MarketChanged(listing=listing, ts=now))
        if listing.status is MarketStatus.DELISTED:
            for account in self._ledger.accounts.values():
                for order in list(account.of(listing.symbol)):
                    self._trading.end(order, Standing.EXPIRED, "delisted")
        self._refit(market)
        self._done(market)

    def save(self) -> bytes:
        """The whole state; listeners are not part of it."""
        return saved(self._memory(), self._last_order_id)

    def load(self, data: bytes) -> None:
        """Become the exchange that was saved, listings included; listeners stay.

        Raises:
            msgspec.DecodeError: The bytes are not a saved exchange; nothing has changed.
        """
        check(data)
        self._start()
        self._last_order_id = restore(self._memory(), data)
        self.listings.clear()
        for symbol, market in self._trading.markets.items():
            self.listings[symbol] = market.listing

    def _memory(self) -> Memory:
        return Memory(self._ledger, self._lists, self._trading, self._settlement)

    def _refit(self, market: Market) -> None:
        """Lock by the new fees; what an account has not got cannot be locked."""
        for account in self._ledger.accounts.values():
            for order in account.of(market.listing.symbol):
                self._settlement.relock(order, market)
            self._teller.money(account)

    def _list(self, listing: Listing) -> Market:
        self.listings[listing.symbol] = listing
        market = self._trading.markets[listing.symbol] = Market(listing)
        return market

    def _checked(self, account: str, new: NewOrder, now: int) -> tuple[Market, Order]:
        owner, market = self._ledger.find(account), self._market(new.symbol)
        order = self._intake.prepare(owner, market, new, now)
        self._trading.require_funds(order, market)
        return market, order

    def _enter(self, order: Order) -> None:
        """Give an order its id, and a client order id that nobody has used if it brought none."""
        self._last_order_id += 1
        order.order_id = self._last_order_id
        if not order.client_order_id:
            made, used = f"x-{order.order_id}", self._ledger.accounts[order.account].clients
            while made in used:
                made += "-"
            order.client_order_id = made

    def _open(self, account: str, symbol: str, order_id: int, client_order_id: str) -> Order:
        order = self.order(account, symbol, order_id=order_id, client_order_id=client_order_id)
        if not order.is_open:
            raise RefusedError(
                Refusal.UNKNOWN_ORDER, f"order {order.order_id} has ended: {order.standing}"
            )
        return order

    def _done(self, market: Market) -> None:
        """Finish a call: wake stops, tell of the book, deliver."""
        self._trading.wake(market)
        self._teller.book(market)
        self._teller.deliver()
