"""What can be asked of the exchange: balances, orders, trades, books. Nothing here changes it.

Orders and lists that are handed out are the exchange's own, as they stand and will go on to
change; a listener gets copies.
"""

from collections.abc import Sequence
from decimal import Decimal

from alphaforge.sandbox.ledger import Ledger
from alphaforge.sandbox.lists import Lists
from alphaforge.sandbox.market import Market
from alphaforge.sandbox.settlement import Settlement
from alphaforge.sandbox.telling import Listener, Teller
from alphaforge.sandbox.terms import (
    Balance,
    Depth,
    Execution,
    Level,
    Listing,
    Order,
    OrderList,
    PositionView,
    Print,
    Refusal,
    RefusedError,
)
from alphaforge.sandbox.trading import Trading


class Questions:
    """The exchange as seen by those who only ask.

    Attributes:
        listings: Rules by symbol, as they are now.
        listeners: Told of everything, in order, synchronously, when the books are consistent.
    """

    def __init__(self) -> None:
        self.listings: dict[str, Listing] = {}
        self._teller = Teller()
        self.listeners: list[Listener] = self._teller.listeners
        self._start()

    def _start(self) -> None:
        """Empty books; whoever listens stays."""
        self._ledger = Ledger()
        self._lists = Lists()
        self._settlement = Settlement(self._ledger, self._lists)
        self._trading = Trading(self._ledger, self._lists, self._settlement, self._teller)

    @property
    def accounts(self) -> tuple[str, ...]:
        """Names, the exchange's own included, in the order in which they were opened."""
        return tuple(self._ledger.accounts)

    def balances(self, account: str) -> dict[str, Balance]:
        """Of every currency the account ever had, by name."""
        owner = self._ledger.find(account)
        return {currency: owner.balance(currency) for currency in sorted(owner.totals)}

    def positions(self, account: str) -> list[PositionView]:
        """Of every perpetual the account ever traded, flat ones included, by symbol."""
        held = self._ledger.find(account).positions
        markets = self._trading.markets
        return [
            held[symbol].view(markets[symbol].listing, markets[symbol].last)
            for symbol in sorted(held)
        ]

    def leverage(self, account: str, symbol: str) -> Decimal:
        """Position value an account may have per unit of margin."""
        market = self._market(symbol)
        return self._settlement.position(self._ledger.find(account), market.listing).leverage

    def order(
        self, account: str, symbol: str, *, order_id: int = 0, client_order_id: str = ""
    ) -> Order:
        """An order by either id; the latest of its client order id.

        Raises:
            RefusedError: UNKNOWN_ORDER.
        """
        self._market(symbol)
        owner = self._ledger.find(account)
        found = owner.orders.get(order_id) if order_id else owner.clients.get(client_order_id)
        if found is None or found.symbol != symbol:
            named = order_id or client_order_id
            raise RefusedError(Refusal.UNKNOWN_ORDER, f"{account} has no order {named} in {symbol}")
        return found

    def open_orders(self, account: str, symbol: str = "") -> list[Order]:
        """Open orders, oldest first."""
        owner = self._ledger.find(account)
        return list(owner.of(symbol) if symbol else owner.open.values())

    def orders(self, account: str, symbol: str) -> list[Order]:
        """Every order that is remembered, oldest first."""
        owner = self._ledger.find(account)
        return [order for order in owner.orders.values() if order.symbol == symbol]

    def order_list(self, account: str, list_id: int) -> OrderList:
        """A one-cancels-other list.

        Raises:
            RefusedError: UNKNOWN_ORDER.
        """
        return self._lists.find(account, list_id)

    def order_lists(self, account: str) -> list[OrderList]:
        """Every list of an account that is remembered, oldest first."""
        return [each for each in self._lists.all() if each.account == account]

    def executions(self, account: str, symbol: str = "") -> list[Execution]:
        """An account's trades, oldest first."""
        done = self._ledger.find(account).executions
        return [each for each in done if not symbol or each.symbol == symbol]

    def prints(self, symbol: str) -> Sequence[Print]:
        """The last of a market's tape, oldest first."""
        return self._market(symbol).prints

    def depth(self, symbol: str, limit: int) -> Depth:
        """The best `limit` visible levels of each side; its time is the last call's."""
        market = self._market(symbol)
        bids, asks = market.book.depth(limit)
        return Depth(
            symbol=symbol, update_id=market.update_id, bids=bids, asks=asks, ts=self._teller.now
        )

    def top(self, symbol: str) -> tuple[Level | None, Level | None]:
        """Best bid and ask; None where a side is empty."""
        return self._market(symbol).book.top()

    def last(self, symbol: str) -> Decimal:
        """Price of the last trade; the listing's first price before there is one."""
        return self._market(symbol).last

    def _market(self, symbol: str) -> Market:
        market = self._trading.markets.get(symbol)
        if market is None:
            raise RefusedError(Refusal.UNKNOWN_SYMBOL, f"{symbol} is not listed")
        return market
