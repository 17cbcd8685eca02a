"""A small exchange to trade on in tests: two markets, terse orders, and everything it tells.

Prices are around 100 with a step of 0.01, quantities have a step of 0.001.
"""

from decimal import Decimal

from msgspec.structs import replace

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.terms import Kind, Listing, NewOrder, Order, OrderChanged, Told

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"

LISTING = Listing(
    symbol=SPOT,
    base="BTC",
    quote="USDT",
    settle="USDT",
    price_step=D("0.01"),
    quantity_step=D("0.001"),
    min_quantity=D("0.001"),
    min_value=D(1),
    max_orders=20,
)
PERPETUAL = replace(LISTING, symbol=PERP, kind=InstrumentKind.LINEAR, leverage=D(10))


class Desk:
    """An exchange with the accounts `ann`, `bob` (10,000 USDT and 10 BTC each) and `@maker`."""

    def __init__(self, *listings: Listing) -> None:
        self.exchange = Exchange(listings or (LISTING, PERPETUAL))
        self.told: list[Told] = []
        self.exchange.listeners.append(self.told.append)
        self.now = 0
        for name in ("ann", "bob", "@maker"):
            self.exchange.open_account(name, {"USDT": D(10_000), "BTC": D(10)})

    def tick(self) -> int:
        self.now += 1
        return self.now

    def place(self, account: str, side: OrderSide, quantity: object, price: object = None, **more):
        """A limit order at a price, else a market order; `more` are fields of NewOrder."""
        return self.exchange.place(account, order(side, quantity, price, **more), self.tick())

    def cancel(self, placed: Order) -> Order:
        return self.exchange.cancel(
            placed.account, placed.symbol, self.tick(), order_id=placed.order_id
        )

    def amend(self, placed: Order, **terms: str) -> Order:
        numbers = {name: D(text) for name, text in terms.items()}
        return self.exchange.amend(
            placed.account, placed.symbol, self.tick(), order_id=placed.order_id, **numbers
        )

    def trade_at(self, price: object, symbol: str = SPOT) -> None:
        """Two agents trade at a price, on an empty book."""
        self.place("@maker", SELL, "0.1", price, symbol=symbol)
        self.place("@maker", BUY, "0.1", price, symbol=symbol)

    def free(self, account: str, currency: str) -> Decimal:
        balance = self.exchange.balances(account).get(currency)
        return balance.free if balance else D(0)

    def locked(self, account: str, currency: str) -> Decimal:
        balance = self.exchange.balances(account).get(currency)
        return balance.locked if balance else D(0)

    def total(self, account: str, currency: str) -> Decimal:
        return self.free(account, currency) + self.locked(account, currency)

    def changes(self, placed: Order) -> list[str]:
        """What was told of an order, in words."""
        return [
            told.change.value
            for told in self.told
            if isinstance(told, OrderChanged) and told.order.order_id == placed.order_id
        ]


def order(side: OrderSide, quantity: object, price: object = None, **more) -> NewOrder:
    fields = {"symbol": SPOT, **more}
    for name in ("value", "trigger_price", "trail", "visible"):
        if name in fields:
            fields[name] = D(str(fields[name]))
    return NewOrder(
        side=side,
        kind=Kind.MARKET if price is None else Kind.LIMIT,
        quantity=None if quantity is None else D(str(quantity)),
        limit_price=None if price is None else D(str(price)),
        **fields,
    )
