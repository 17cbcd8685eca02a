"""What happens to an order once it is accepted: it trades, rests, sleeps, wakes and ends.

Price-time priority; everything that one order sets off (the other half of its list, stops its
prices wake, reduce-only orders without a position) is done before the call returns, in one fixed
order. Must never refuse: whatever can be refused was, before the order came here.
"""

from decimal import Decimal

from alphaforge.model.enums import InstrumentKind, Liquidity, OrderSide
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.sandbox.ledger import Account, Ledger
from alphaforge.sandbox.lists import Lists
from alphaforge.sandbox.market import Market
from alphaforge.sandbox.positions import value_of
from alphaforge.sandbox.settlement import Settlement, with_fee
from alphaforge.sandbox.telling import Teller
from alphaforge.sandbox.terms import (
    Change,
    Kind,
    Order,
    Print,
    RefusedError,
    SelfTrade,
    Standing,
    Tif,
)

_BUY = OrderSide.BUY
_SPOT, _LINEAR = InstrumentKind.SPOT, InstrumentKind.LINEAR
_OPEN, _PENDING = Standing.OPEN, Standing.PENDING
_EXPIRED, _REJECTED = Standing.EXPIRED, Standing.REJECTED
_LIMIT, _GTC, _FOK = Kind.LIMIT, Tif.GTC, Tif.FOK
_MAKER, _TAKER = Liquidity.MAKER, Liquidity.TAKER
_SELF_ALLOWED = SelfTrade.NONE
_NEW, _TRADE = Change.NEW, Change.TRADE

_CHANGE_OF_END = {
    Standing.CANCELED: Change.CANCELED,
    Standing.EXPIRED: Change.EXPIRED,
    Standing.EXPIRED_IN_MATCH: Change.SELF_TRADE,
    Standing.REJECTED: Change.REJECTED,
}


class Trading:
    """The life of accepted orders in every market."""

    __slots__ = ("_ledger", "_lists", "_settlement", "_teller", "markets")

    def __init__(
        self, ledger: Ledger, lists: Lists, settlement: Settlement, teller: Teller
    ) -> None:
        self.markets: dict[str, Market] = {}
        self._ledger = ledger
        self._lists = lists
        self._settlement = settlement
        self._teller = teller

    def accept(self, order: Order, market: Market) -> None:
        """Remember a checked order, lock what it needs, tell of it."""
        account = self._ledger.accounts[order.account]
        account.begin(order)
        self._settlement.relock(order, market)
        self._teller.order(_NEW, order)
        self._teller.money(account)
        if order.standing is _PENDING:
            market.stops.add(order)

    def amend(self, order: Order, market: Market, wanted: Order) -> None:
        """Give an open order the checked quantity and prices of `wanted`.

        Its place in the queue stays if only the quantity shrinks.
        """
        ladder = market.book.side(order.side)
        is_asleep = order.standing is _PENDING
        stays = wanted.limit_price == order.limit_price and wanted.quantity < order.quantity
        if is_asleep:
            market.stops.remove(order)
        elif not stays:
            ladder.leave(order)
        order.quantity = wanted.quantity
        order.limit_price = wanted.limit_price
        order.trigger_price = wanted.trigger_price
        self._settlement.relock(order, market)
        self._teller.order(Change.REPLACED, order)
        self._teller.money(self._ledger.accounts[order.account])
        if is_asleep:
            market.stops.add(order)
        elif stays:
            ladder.shrink(order)
        else:
            self.work(order, market)

    def work(self, order: Order, market: Market) -> None:
        """Trade an open order against the book; rest what stays, expire what does not."""
        if order.tif is _FOK:
            leaves = order.quantity - order.filled
            if market.book.sweep(order, leaves).quantity < leaves:
                self.end(order, _EXPIRED, "cannot be filled at once and in full")
                return
        self._match(order, market)
        if order.standing is not _OPEN:
            return
        if order.kind is _LIMIT and order.tif is _GTC:
            market.book.side(order.side).enter(order)
        else:
            if order.value is not None:
                order.quantity = order.filled
            self.end(order, _EXPIRED, "no more liquidity")

    def end(
        self, order: Order, standing: Standing, reason: str = "", cancel_client_id: str = ""
    ) -> None:
        """Take an open order out of the market, and the other half of its list with it."""
        if self._take_out(order, standing, reason, cancel_client_id) and order.list_id:
            halves = Standing.CANCELED if standing is Standing.CANCELED else _EXPIRED
            self._end_other(order, halves, cancel_client_id)

    def _take_out(
        self, order: Order, standing: Standing, reason: str, cancel_client_id: str
    ) -> bool:
        """End one order; False if it had ended before."""
        if order.standing is not _OPEN and order.standing is not _PENDING:
            return False
        market = self.markets[order.symbol]
        market.book.side(order.side).leave(order)
        market.stops.remove(order)
        order.standing = standing
        order.reason = reason
        account = self._ledger.accounts[order.account]
        account.finish(order)
        self._settlement.relock(order, market)
        self._teller.order(_CHANGE_OF_END[standing], order, cancel_client_id=cancel_client_id)
        self._teller.money(account)
        return True

    def wake(self, market: Market) -> None:
        """Wake the stops that the last trades reached, and those that these wake, until quiet."""
        traded = market.traded
        while traded:
            price = traded.popleft()
            if not len(market.stops):
                continue
            for order in market.stops.follow(price, market.listing.price_step):
                self._settlement.relock(order, market)
                self._teller.money(self._ledger.accounts[order.account])
            order = market.stops.due(price)
            while order is not None:
                self._fire(order, market)
                order = market.stops.due(price)

    def _match(self, order: Order, market: Market) -> None:
        ladder = market.book.against(order.side)
        while order.standing is _OPEN:
            queue = ladder.best()
            if queue is None or not ladder.reaches(queue.price, order.limit_price):
                return
            maker = queue.first
            if order.self_trade is not _SELF_ALLOWED and maker.account == order.account:
                self._prevent(order, maker)
            else:
                self._trade(order, maker, market)

    def _prevent(self, taker: Order, maker: Order) -> None:
        reason = "would have traded with the same account"
        if taker.self_trade is not SelfTrade.EXPIRE_TAKER:
            self.end(maker, Standing.EXPIRED_IN_MATCH, reason)
        if taker.self_trade is not SelfTrade.EXPIRE_MAKER:
            self.end(taker, Standing.EXPIRED_IN_MATCH, reason)

    def _trade(self, taker: Order, maker: Order, market: Market) -> None:
        price = maker.limit_price
        assert price is not None, "only an order with a limit rests"  # noqa: S101 - a law
        leaves = taker.quantity - taker.filled
        market.trade_id += 1
        deal = Print(
            symbol=taker.symbol,
            trade_id=market.trade_id,
            price=price,
            quantity=leaves if leaves < maker.shown else maker.shown,
            side=taker.side,
            ts=self._teller.now,
        )
        taken = self._settlement.book(taker, market, deal, _TAKER)
        made = self._settlement.book(maker, market, deal, _MAKER)
        market.book.side(maker.side).fill(maker, deal.quantity)
        market.last = price
        market.prints.append(deal)
        market.traded.append(price)
        for order, execution in ((taker, taken), (maker, made)):
            account = self._ledger.accounts[order.account]
            if order.standing is not _OPEN:
                account.finish(order)
            self._teller.order(_TRADE, order, execution)
            self._teller.money(account)
        self._teller.say(deal)
        for order in (taker, maker):
            self._follow_up(order, market)

    def _follow_up(self, order: Order, market: Market) -> None:
        """What a trade of an order does to others of its account."""
        if order.list_id:
            self._end_other(order, _EXPIRED, "")
        account = self._ledger.accounts[order.account]
        if market.listing.kind is not _SPOT:
            self._teller.position(account, market)
            self._trim(account, market)

    def _trim(self, account: Account, market: Market) -> None:
        """Cut an account's reduce-only orders to its position, end those without one."""
        position = account.positions[market.listing.symbol]
        for order in list(account.of(market.listing.symbol)):
            if not order.reduce_only or order.standing is not _OPEN:
                continue
            closable = position.closable(order.side)
            if not closable:
                self.end(order, _EXPIRED, "no position to reduce")
            elif order.quantity - order.filled > closable:
                order.quantity = order.filled + closable
                market.book.side(order.side).shrink(order)
                self._teller.order(Change.REPLACED, order)

    def _end_other(self, order: Order, standing: Standing, cancel_client_id: str) -> None:
        other = self._lists.other(order)
        if other is not None:
            self._take_out(other, standing, "the other order of its list", cancel_client_id)

    def _fire(self, order: Order, market: Market) -> None:
        """A stop's trigger was reached: it becomes what it was to be, if that can be paid."""
        order.triggered = True
        if order.list_id:
            self._end_other(order, _EXPIRED, "")
        order.standing = _OPEN
        self._teller.order(Change.TRIGGERED, order)
        if market.listing.kind is _SPOT:
            self._settlement.relock(order, market)
        reason = self._obstacle(order, market)
        if reason:
            self.end(order, _REJECTED, reason)
        elif order.reduce_only and not self._reduces(order, market):
            self.end(order, _EXPIRED, "no position to reduce")
        else:
            self._settlement.relock(order, market)
            self._teller.money(self._ledger.accounts[order.account])
            self.work(order, market)

    def _obstacle(self, order: Order, market: Market) -> str:
        """Why a woken stop cannot go to the market; empty if it can."""
        if order.post_only and market.book.would_take(order.side, order.limit_price):
            return "would have taken"
        try:
            self.require_funds(order, market, order)
        except RefusedError as refused:
            return str(refused)
        return ""

    def _reduces(self, order: Order, market: Market) -> bool:
        """Cut a reduce-only order to the position; False if there is nothing to reduce."""
        closable = self._settlement.closable(order, market)
        if closable and order.quantity - order.filled > closable:
            order.quantity = order.filled + closable
        return closable > ZERO

    def require_funds(self, order: Order, market: Market, replacing: Order | None = None) -> None:
        """Refuse an order that its account cannot pay, at the prices the book has now.

        Args:
            order: As it is about to be placed, amended or woken.
            market: Its market.
            replacing: The order whose lock it takes over.

        Raises:
            RefusedError: INSUFFICIENT_FUNDS.
        """
        if order.kind is _LIMIT or order.standing is _PENDING:
            self._settlement.require(order, market, replacing)
            return
        account, listing = self._ledger.accounts[order.account], market.listing
        if account.is_agent:
            return
        leaves: Decimal = order.quantity - order.filled
        if listing.kind is not _SPOT:
            value = value_of(listing, leaves, market.last)
            if listing.kind is _LINEAR:
                value = EXACT.multiply(market.book.sweep(order, leaves).value, listing.multiplier)
            self._settlement.require_margin(order, market, value, replacing)
        elif order.side is _BUY:
            value = market.book.sweep(order, leaves).value
            account.require(listing.quote, with_fee(value, listing))
        else:
            account.require(listing.base, leaves)
