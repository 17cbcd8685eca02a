"""Money of orders and executions: what is locked for the one, what moves with the other.

Every digit that leaves one account arrives at another, fees and a perpetual's profit included.
Must never decide whether an order trades.
"""

from decimal import ROUND_HALF_EVEN, Decimal

from msgspec.structs import replace

from alphaforge.model.enums import InstrumentKind, Liquidity, OrderSide
from alphaforge.model.numbers import CURRENCY_STEP, EXACT, ZERO
from alphaforge.sandbox.ledger import CLEARING, FEES, Account, Ledger
from alphaforge.sandbox.lists import Lists
from alphaforge.sandbox.market import Market
from alphaforge.sandbox.positions import Position, fee_cover, value_of
from alphaforge.sandbox.terms import Execution, Kind, Listing, Order, Print, Standing

_BUY = OrderSide.BUY
_SPOT = InstrumentKind.SPOT
_INVERSE = InstrumentKind.INVERSE
_MAKER = Liquidity.MAKER
_PENDING = Standing.PENDING
_OPEN = Standing.OPEN
_LIMIT = Kind.LIMIT


def spot_need(listing: Listing, order: Order) -> tuple[str, Decimal]:
    """What a spot order that rests or sleeps has to have locked.

    A sell: what it would sell. A buy: leaves × limit (of a stop without one: its trigger), and the
    fee on it, rounded up, unless fees come off what is bought. A market order locks nothing.
    """
    leaves = order.quantity - order.filled
    if order.side is not _BUY:
        return listing.base, leaves
    price = order.limit_price if order.limit_price is not None else order.trigger_price
    value = EXACT.multiply(leaves, price) if price is not None else ZERO
    return listing.quote, with_fee(value, listing)


def _lock(listing: Listing, order: Order) -> tuple[str, Decimal]:
    """`spot_need` of an order that rests or sleeps, nothing for any other."""
    if (order.standing is _OPEN and order.kind is _LIMIT) or order.standing is _PENDING:
        return spot_need(listing, order)
    return listing.quote if order.side is _BUY else listing.base, ZERO


def with_fee(value: Decimal, listing: Listing) -> Decimal:
    """What a spot buy of a value costs at most."""
    if listing.fee_in_received:
        return value
    return EXACT.add(value, fee_cover(value, listing))


class Settlement:
    """Locks and moves money for orders of every market."""

    __slots__ = ("_ledger", "_lists")

    def __init__(self, ledger: Ledger, lists: Lists) -> None:
        self._ledger = ledger
        self._lists = lists

    def relock(self, order: Order, market: Market) -> None:
        """Make what is locked what the order (with its list, its market's orders) needs now."""
        account = self._ledger.accounts[order.account]
        if account.is_agent:
            return
        if market.listing.kind is not _SPOT:
            self.remargin(account, market)
            return
        listing = market.listing
        currency, amount = _lock(listing, order)
        if order.list_id:
            for each in self._lists.siblings(order):
                amount = max(amount, _lock(listing, each)[1])
        account.lock(-order.list_id or order.order_id, currency, amount)

    def require(self, order: Order, market: Market, replacing: Order | None = None) -> None:
        """Refuse an order that rests, sleeps or takes at its limit, without the funds for it.

        Raises:
            RefusedError: INSUFFICIENT_FUNDS.
        """
        account = self._ledger.accounts[order.account]
        if account.is_agent:
            return
        listing = market.listing
        if listing.kind is _SPOT:
            currency, amount = spot_need(listing, order)
            held = ZERO if replacing is None else self._held(account, replacing, amount)
            account.require(currency, EXACT.subtract(amount, held))
        elif order.standing is not _PENDING and order.limit_price is not None:
            value = value_of(listing, order.quantity - order.filled, order.limit_price)
            self.require_margin(order, market, value, replacing)

    def require_margin(
        self, order: Order, market: Market, value: Decimal, replacing: Order | None = None
    ) -> None:
        """Refuse an order on a perpetual whose value the account has no margin for.

        Raises:
            RefusedError: INSUFFICIENT_FUNDS.
        """
        account = self._ledger.accounts[order.account]
        if account.is_agent or order.reduce_only:
            return
        listing = market.listing
        buys, sells = _exposure(account, listing, replacing)
        if order.side is _BUY:
            buys = EXACT.add(buys, value)
        else:
            sells = EXACT.add(sells, value)
        needed = self.position(account, listing).margin(listing, buys, sells)
        account.require(listing.settle, EXACT.subtract(needed, account.margin_of(listing.symbol)))

    def position(self, account: Account, listing: Listing) -> Position:
        """An account's position in a perpetual; a flat one to look at if it never had one."""
        position = account.positions.get(listing.symbol)
        return Position(listing.leverage) if position is None else position

    def _kept_position(self, account: Account, listing: Listing) -> Position:
        """An account's position to change, from now on one of those it has had."""
        return account.positions.setdefault(listing.symbol, Position(listing.leverage))

    def remargin(self, account: Account, market: Market) -> None:
        """Hold the margin that an account's position and orders in a perpetual need now."""
        if account.is_agent:
            return
        listing = market.listing
        buys, sells = _exposure(account, listing, None)
        margin = self.position(account, listing).margin(listing, buys, sells)
        account.set_margin(listing.symbol, listing.settle, margin)

    def set_leverage(self, account: Account, market: Market, leverage: Decimal) -> None:
        """Change an account's leverage in a perpetual.

        Raises:
            RefusedError: INSUFFICIENT_FUNDS for the margin needed then.
        """
        listing = market.listing
        wanted = replace(self.position(account, listing), leverage=leverage)
        needed = wanted.margin(listing, *_exposure(account, listing, None))
        more = EXACT.subtract(needed, account.margin_of(listing.symbol))
        account.require(listing.settle, more)
        self._kept_position(account, listing).leverage = leverage
        self.remargin(account, market)

    def closable(self, order: Order, market: Market) -> Decimal:
        """Contracts of its account's position that an order could close; 0 if it would open."""
        account = self._ledger.accounts[order.account]
        return self.position(account, market.listing).closable(order.side)

    def book(self, order: Order, market: Market, deal: Print, liquidity: Liquidity) -> Execution:
        """Book one account's side of a trade: fill the order, move the money, release the lock."""
        listing = market.listing
        account = self._ledger.accounts[order.account]
        order.filled += deal.quantity
        if order.filled == order.quantity:
            order.standing = Standing.FILLED
        value = value_of(listing, deal.quantity, deal.price)
        face = EXACT.multiply(deal.quantity, listing.multiplier)
        quoted = face if listing.kind is _INVERSE else value
        order.filled_value = EXACT.add(order.filled_value, quoted)
        rate = ZERO
        if not account.is_agent:
            rate = listing.maker_fee if liquidity is _MAKER else listing.taker_fee
        if listing.kind is _SPOT:
            profit = ZERO
            currency, fee = self._exchange(order, market, deal, value, rate)
        else:
            position = self._kept_position(account, listing)
            profit = position.trade(listing, order.side, deal.quantity, deal.price)
            currency, fee = listing.settle, _fee(value, rate)
            self._settle(account, order, market, profit, fee)
        execution = Execution(
            trade_id=deal.trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            account=order.account,
            symbol=order.symbol,
            side=order.side,
            price=deal.price,
            quantity=deal.quantity,
            fee=fee,
            fee_currency=currency,
            liquidity=liquidity,
            ts=deal.ts,
            realized_pnl=profit,
        )
        if not account.is_agent:
            account.executions.append(execution)
        return execution

    def _exchange(
        self, order: Order, market: Market, deal: Print, value: Decimal, rate: Decimal
    ) -> tuple[str, Decimal]:
        """Spot: base for quote; returns the fee and its currency.

        Fees are rounded execution by execution, so an account that spends all it has may lack the
        last digit of one; it pays what it has.
        """
        account, listing = self._ledger.accounts[order.account], market.listing
        is_buy = order.side is _BUY
        account.add(listing.base, deal.quantity if is_buy else deal.quantity.copy_negate())
        account.add(listing.quote, value.copy_negate() if is_buy else value)
        self.relock(order, market)
        in_base = is_buy and listing.fee_in_received
        currency = listing.base if in_base else listing.quote
        fee = _fee(deal.quantity if in_base else value, rate)
        if fee > 0:
            fee = min(fee, max(account.unlocked(currency), ZERO))
        self._ledger.move(FEES, account, currency, fee.copy_negate())
        return currency, fee

    def _settle(
        self, account: Account, order: Order, market: Market, profit: Decimal, fee: Decimal
    ) -> None:
        """Perpetual: profit from clearing, fee to the fees; clearing bears what is not there.

        There is no liquidation: a loss takes at most the money that no spot order holds.
        """
        currency = market.listing.settle
        self._ledger.move(CLEARING, account, currency, profit)
        self._ledger.move(FEES, account, currency, fee.copy_negate())
        if account.is_agent:
            return
        missing = account.unlocked(currency).copy_negate()
        if missing > 0:
            self._ledger.move(CLEARING, account, currency, missing)
        self.relock(order, market)

    def _held(self, account: Account, replacing: Order, amount: Decimal) -> Decimal:
        """What is locked already for an order to be amended; a list's lock is its dearest half."""
        return min(amount, account.locked_by(-replacing.list_id or replacing.order_id))


def _fee(amount: Decimal, rate: Decimal) -> Decimal:
    """Half-even to 8 decimals, once per execution."""
    if not rate:
        return ZERO
    return EXACT.multiply(amount, rate).quantize(CURRENCY_STEP, ROUND_HALF_EVEN, EXACT)


def _exposure(account: Account, listing: Listing, without: Order | None) -> tuple[Decimal, Decimal]:
    """Values of an account's open buys and sells at their limits.

    What sleeps or only reduces counts for nothing.
    """
    buys = sells = ZERO
    for order in account.of(listing.symbol):
        price = order.limit_price
        if order is without or order.reduce_only or price is None or order.standing is _PENDING:
            continue
        value = value_of(listing, order.quantity - order.filled, price)
        if order.side is _BUY:
            buys = EXACT.add(buys, value)
        else:
            sells = EXACT.add(sells, value)
    return buys, sells
