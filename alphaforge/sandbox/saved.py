"""The whole exchange as bytes, and back: what follows is the same as if it had never stopped.

Only what cannot be worked out is written; locks and margins follow from the open orders, levels
from the orders that rest. Must never write a file.
"""

from decimal import Decimal

import msgspec

from alphaforge.sandbox.ledger import Account, Ledger
from alphaforge.sandbox.lists import Lists
from alphaforge.sandbox.market import Market
from alphaforge.sandbox.positions import Position
from alphaforge.sandbox.settlement import Settlement
from alphaforge.sandbox.terms import Execution, Listing, Order, OrderList, Print, Standing
from alphaforge.sandbox.trading import Trading


class Memory(msgspec.Struct, frozen=True):
    """The parts of an exchange that hold its state."""

    ledger: Ledger
    lists: Lists
    trading: Trading
    settlement: Settlement


class SavedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account."""

    name: str
    totals: dict[str, Decimal]
    positions: dict[str, Position]
    orders: list[Order]
    ended: list[int]
    executions: list[Execution]


class SavedMarket(msgspec.Struct, frozen=True, kw_only=True):
    """One market; `resting` names its orders in queue order, both sides."""

    listing: Listing
    last: Decimal
    prints: list[Print]
    trade_id: int
    update_id: int
    resting: list[int]


class SavedList(msgspec.Struct, frozen=True, kw_only=True):
    """One order list by the ids of its orders."""

    list_id: int
    account: str
    symbol: str
    client_list_id: str
    orders: tuple[int, ...]
    created: int


class SavedExchange(msgspec.Struct, frozen=True, kw_only=True):
    """Everything.

    Attributes:
        order_id, list_id: Last given out.
    """

    order_id: int
    list_id: int
    accounts: list[SavedAccount]
    markets: list[SavedMarket]
    lists: list[SavedList]


def saved(memory: Memory, order_id: int) -> bytes:
    """Everything, as msgpack."""
    return msgspec.msgpack.encode(
        SavedExchange(
            order_id=order_id,
            list_id=memory.lists.last_id,
            accounts=[_account(each) for each in memory.ledger.accounts.values()],
            markets=[_market(each) for each in memory.trading.markets.values()],
            lists=[_list(each) for each in memory.lists.all() if _is_known(memory, each)],
        )
    )


def check(data: bytes) -> None:
    """Read what was saved and forget it.

    Raises:
        msgspec.DecodeError: The bytes are not a saved exchange.
    """
    msgspec.msgpack.decode(data, type=SavedExchange)


def restore(memory: Memory, data: bytes) -> int:
    """Fill an empty exchange with what was saved; returns the last order id.

    Raises:
        msgspec.DecodeError: The bytes are not a saved exchange.
    """
    state = msgspec.msgpack.decode(data, type=SavedExchange)
    for account in state.accounts:
        _restore_account(memory.ledger, account)
    memory.lists.last_id = state.list_id
    for each in state.lists:
        _restore_list(memory, each)
    for each in state.markets:
        memory.trading.markets[each.listing.symbol] = Market(each.listing)
    orders = {
        order.order_id: order
        for account in memory.ledger.accounts.values()
        for order in account.open.values()
    }
    for each in state.markets:
        _restore_market(memory.trading.markets[each.listing.symbol], each, orders)
    for order in orders.values():
        market = memory.trading.markets[order.symbol]
        if order.standing is Standing.PENDING:
            market.stops.add(order)
        memory.settlement.relock(order, market)
    _restore_margins(memory)
    return state.order_id


def _account(account: Account) -> SavedAccount:
    return SavedAccount(
        name=account.name,
        totals=account.totals,
        positions=account.positions,
        orders=list(account.orders.values()),
        ended=account.ended,
        executions=list(account.executions),
    )


def _market(market: Market) -> SavedMarket:
    book = market.book
    return SavedMarket(
        listing=market.listing,
        last=market.last,
        prints=list(market.prints),
        trade_id=market.trade_id,
        update_id=market.update_id,
        resting=[
            order_id
            for side in (book.bids, book.asks)
            for queue in side
            for order_id in queue.orders
        ],
    )


def _is_known(memory: Memory, orders: OrderList) -> bool:
    """A list whose orders are forgotten is forgotten with them."""
    known = memory.ledger.accounts[orders.account].orders
    return all(order.order_id in known for order in orders.orders)


def _list(orders: OrderList) -> SavedList:
    return SavedList(
        list_id=orders.list_id,
        account=orders.account,
        symbol=orders.symbol,
        client_list_id=orders.client_list_id,
        orders=tuple(order.order_id for order in orders.orders),
        created=orders.created,
    )


def _restore_account(ledger: Ledger, saved_account: SavedAccount) -> None:
    account = ledger.open(saved_account.name)
    account.totals.update(saved_account.totals)
    account.positions.update(saved_account.positions)
    account.executions.extend(saved_account.executions)
    account.restore(saved_account.orders, saved_account.ended)


def _restore_list(memory: Memory, each: SavedList) -> None:
    known = memory.ledger.accounts[each.account].orders
    memory.lists.add(
        OrderList(
            list_id=each.list_id,
            account=each.account,
            symbol=each.symbol,
            client_list_id=each.client_list_id,
            orders=tuple(known[order_id] for order_id in each.orders),
            created=each.created,
        )
    )


def _restore_market(market: Market, each: SavedMarket, orders: dict[int, Order]) -> None:
    market.last = each.last
    market.prints.extend(each.prints)
    market.trade_id = each.trade_id
    market.update_id = each.update_id
    for order_id in each.resting:
        order = orders[order_id]
        market.book.side(order.side).restore(order)
    market.book.bids.changes()
    market.book.asks.changes()
    market.top = market.book.top()


def _restore_margins(memory: Memory) -> None:
    """Positions need margin also where nothing is open."""
    for account in memory.ledger.accounts.values():
        for symbol in account.positions:
            memory.settlement.remargin(account, memory.trading.markets[symbol])
        account.touched.clear()
