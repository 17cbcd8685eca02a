"""Balances and positions as Bybit writes them, over REST and over its private stream alike.

`walletBalance` is what the books say; `equity` counts open positions' profit too. What is locked
is told apart: for spot orders (`locked`), contract orders and positions (`total…IM`); their sum is
always exactly what is locked. Must never round what is in the books.
"""

from collections.abc import Sequence
from decimal import Decimal

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.numbers import CURRENCY_STEP, EXACT, ZERO, plain
from alphaforge.sandbox.dialects.bybit_names import category_of, market_id, ms_text, total
from alphaforge.sandbox.dialects.bybit_tallies import Tallies
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.positions import value_of
from alphaforge.sandbox.terms import Balance, Listing, Order, PositionView

Json = dict[str, object]

_DOLLARS = ("USDT", "USDC", "USD")
_MAINTENANCE = Decimal("0.005")
"""Share of a position's value; Bybit's lowest tier for BTC. Nothing is liquidated by it here."""


class Wealth:
    """Writes what accounts have."""

    def __init__(self, tallies: Tallies) -> None:
        self._tallies = tallies

    def wallet(self, exchange: Exchange, account: str, names: Sequence[str] = ()) -> Json:
        """The account with these coins; with every coin if none is named."""
        balances = exchange.balances(account)
        positions = exchange.positions(account)
        coins: list[Json] = []
        worth = free = profit = margin = ZERO
        for name, balance in balances.items():
            price = _in_dollars(exchange, name)
            of_coin = [each for each in positions if _settle(exchange, each) == name]
            gain = total(each.unrealized_pnl for each in of_coin)
            held = total(_margin(exchange, each) for each in of_coin)
            worth = EXACT.fma(balance.total, price, worth)
            free = EXACT.fma(balance.free, price, free)
            profit = EXACT.fma(gain, price, profit)
            margin = EXACT.fma(held, price, margin)
            if not names or name in names:
                orders = exchange.open_orders(account)
                coins.append(_coin(exchange, name, balance, orders, (price, gain, held)))
        equity = _cents(EXACT.add(worth, profit))
        return {
            "accountType": "UNIFIED",
            "accountLTV": "0",
            "accountIMRate": "",
            "accountMMRate": "",
            "totalEquity": equity,
            "totalWalletBalance": _cents(worth),
            "totalMarginBalance": equity,
            "totalAvailableBalance": _cents(free),
            "totalPerpUPL": _cents(profit),
            "totalInitialMargin": _cents(margin),
            "totalMaintenanceMargin": "0",
            "coin": coins,
        }

    def position(
        self, exchange: Exchange, account: str, listing: Listing, view: PositionView | None
    ) -> Json:
        """A position; None is one that never was."""
        leverage = exchange.leverage(account, listing.symbol)
        holding = self._tallies.holding(account, listing.symbol)
        quantity = ZERO if view is None else view.quantity
        mark = exchange.last(listing.symbol) if view is None else view.mark_price
        margin = ZERO if view is None else _margin(exchange, view)
        entry = ZERO if view is None else view.entry_price
        value = value_of(listing, abs(quantity), entry) if quantity else ZERO
        side = ("Buy" if quantity > 0 else "Sell") if quantity else ""
        return {
            "category": category_of(listing),
            "positionIdx": 0,
            "riskId": 1,
            "riskLimitValue": "2000000",
            "symbol": market_id(listing),
            "side": side,
            "size": plain(abs(quantity)),
            "avgPrice": plain(entry),
            "entryPrice": plain(entry),
            "positionValue": plain(value),
            "tradeMode": 0,
            "positionStatus": "Normal",
            "autoAddMargin": 0,
            "adlRankIndicator": 0,
            "leverage": plain(leverage),
            "positionBalance": plain(margin),
            "markPrice": plain(mark),
            "liqPrice": "",
            "bustPrice": "",
            "positionIM": plain(margin),
            "positionMM": _cents(EXACT.multiply(value, _MAINTENANCE)),
            "tpslMode": "Full",
            "takeProfit": "",
            "stopLoss": "",
            "trailingStop": "0",
            "sessionAvgPrice": "",
            "unrealisedPnl": "0" if view is None else plain(view.unrealized_pnl),
            "curRealisedPnl": plain(holding.realized),
            "cumRealisedPnl": "0" if view is None else plain(view.realized_pnl),
            "isReduceOnly": False,
            "mmrSysUpdatedTime": "",
            "leverageSysUpdatedTime": "",
            "createdTime": ms_text(holding.opened),
            "updatedTime": ms_text(holding.changed),
            "seq": 0,
        }


def _coin(
    exchange: Exchange,
    name: str,
    balance: Balance,
    orders: Sequence[Order],
    facts: tuple[Decimal, Decimal, Decimal],
) -> Json:
    price, gain, held = facts
    equity = EXACT.add(balance.total, gain)
    position = min(held, balance.locked)
    spot, contracts = _split(exchange, name, orders, EXACT.subtract(balance.locked, position))
    return {
        "coin": name,
        "equity": plain(equity),
        "usdValue": _cents(EXACT.multiply(equity, price)),
        "walletBalance": plain(balance.total),
        "locked": plain(spot),
        "free": "",
        "spotHedgingQty": "0",
        "borrowAmount": "0",
        "accruedInterest": "0",
        "totalOrderIM": plain(contracts),
        "totalPositionIM": plain(position),
        "totalPositionMM": "0",
        "unrealisedPnl": plain(gain),
        "cumRealisedPnl": "0",
        "bonus": "0",
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "collateralSwitch": True,
        "marginCollateral": True,
        "spotBorrow": "0",
    }


def _split(
    exchange: Exchange, name: str, orders: Sequence[Order], locked: Decimal
) -> tuple[Decimal, Decimal]:
    """Of what orders lock: spot's part and the contracts' part, which is what is left.

    Where only one of the two has orders all of it is that one's; fees kept ready for spot buys are
    counted with the contracts where both have.
    """
    spot, has_contracts = ZERO, False
    for order in orders:
        listing = exchange.listings[order.symbol]
        if listing.kind is not InstrumentKind.SPOT:
            has_contracts = has_contracts or listing.settle == name
        elif order.side is OrderSide.SELL and listing.base == name:
            spot = EXACT.add(spot, order.leaves)
        elif order.side is OrderSide.BUY and listing.quote == name:
            price = order.limit_price or order.trigger_price or exchange.last(order.symbol)
            spot = EXACT.fma(order.leaves, price, spot)
    if not has_contracts:
        return locked, ZERO
    spot = min(spot, locked)
    return spot, EXACT.subtract(locked, spot)


def _margin(exchange: Exchange, view: PositionView) -> Decimal:
    """Position value at its entry by leverage, to 8 decimals."""
    if not view.quantity:
        return ZERO
    listing = exchange.listings[view.symbol]
    value = value_of(listing, abs(view.quantity), view.entry_price)
    return EXACT.divide(value, view.leverage).quantize(CURRENCY_STEP)


def _settle(exchange: Exchange, view: PositionView) -> str:
    return exchange.listings[view.symbol].settle


def _in_dollars(exchange: Exchange, name: str) -> Decimal:
    """Last price in dollars; 0 for what has no market against one."""
    if name in _DOLLARS:
        return Decimal(1)
    for quote in _DOLLARS:
        if f"{name}/{quote}" in exchange.listings:
            return exchange.last(f"{name}/{quote}")
    return ZERO


def _cents(number: Decimal) -> str:
    return plain(number.quantize(CURRENCY_STEP, context=EXACT))
