"""An engine without a simulated venue, and a venue's words about its orders, made short.

Nothing here may judge what the engine does.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from alphaforge.engine.strategy import Strategy
from alphaforge.model.claims import (
    BustReport,
    FillReport,
    OrderStatusReport,
    VenueState,
    VenueStateChanged,
    VenueStatus,
)
from alphaforge.model.commands import Approved, BeginEpoch
from alphaforge.model.enums import Liquidity, OrderSide
from alphaforge.model.events import Alert
from alphaforge.model.instrument import Instrument
from alphaforge.model.orders import Order
from alphaforge.model.settings import AccountSettings, EngineSettings
from tests.engine.driving import SPOT, SYMBOL, Market, Puppet

TAG = "0f3c9a7b21d4e6"
EPOCH = 3
VENUE = "fake"
ACCOUNT = "main"
BTC = replace(SPOT, venue=VENUE)


class Wire(Market):
    """A wire engine of one account whose venue is READY; the puppets have traded nothing yet."""

    now: int

    def __init__(
        self,
        strategies: Iterable[str] = ("puppet",),
        *,
        ready: bool = True,
        instrument: Instrument = BTC,
    ) -> None:
        settings = EngineSettings(
            account=AccountSettings(
                name=ACCOUNT,
                cash={"USDT": Decimal(100_000), "BTC": Decimal(100)},
                reporting_currency="USDT",
            ),
            client_tag=TAG,
        )
        makers: dict[str, Callable[[], Strategy]] = dict.fromkeys(strategies, Puppet)
        super().__init__(settings, (instrument,), makers, wire=True)
        self.process(BeginEpoch(EPOCH, self.now))
        self.venue(VenueState.READY if ready else VenueState.RECONCILING, 1)
        self.tick(100)

    @property
    def execution(self) -> Any:
        return self.engine.execution

    @property
    def claims(self) -> Any:
        return self.engine.execution.claims

    def venue(self, state: VenueState, cursor: int = 0) -> None:
        """Say where the venue stands."""
        self.process(VenueStateChanged(VENUE, state, "a test", self.now, cursor))

    def buy(self, quantity: Any = 10, limit: Any = 100, name: str = "puppet") -> Order:
        """A limit order a strategy asks for."""
        return self.ask(lambda bot: bot.buy(SYMBOL, quantity, limit=limit), name=name)

    def sell(self, quantity: Any = 10, limit: Any = 100, name: str = "puppet") -> Order:
        """The other side."""
        return self.ask(lambda bot: bot.sell(SYMBOL, quantity, limit=limit), name=name)

    def cancel(self, order: Order) -> None:
        """Its strategy wants it gone."""
        self.ask(lambda bot: bot.cancel(order), name=order.strategy)

    def modify(self, order: Order, **terms: Any) -> None:
        """Its strategy wants other terms."""
        self.ask(lambda bot: bot.modify(order, **terms), name=order.strategy)

    def put(self, *events: Any) -> None:
        """Claims and reports as they arrive, a nanosecond apart."""
        for event in events:
            self.now += 1
            self.process(replace(event, ts_local=self.now))

    @property
    def outgoing(self) -> list[Approved]:
        """Everything that was to be sent so far."""
        return [each for step in self.steps for each in step.outgoing]

    @property
    def alerts(self) -> list[Alert]:
        """Everything a person was told so far."""
        return [each for step in self.steps for each in step.alerts]

    def codes(self) -> list[str]:
        """The codes of the alerts."""
        return [alert.code for alert in self.alerts]

    def order(self, order_id: str) -> Order:
        """An order by our id, wherever it stands."""
        return self.row(order_id).life.order

    def row(self, order_id: str) -> Any:
        """Its row, working or ended."""
        return self.execution.orders.get(order_id) or self.execution.closed[order_id]

    def adopted(self) -> list[Order]:
        """Orders that nobody here asked for, in the order taken up."""
        rows = [*self.execution.orders.values(), *self.execution.closed.values()]
        found = [row.life.order for row in rows if row.life.order.order_id.startswith("x-")]
        return sorted(found, key=lambda order: order.order_id)

    def held(self, strategy: str = "") -> Decimal:
        """What a strategy, or the account, bought or sold of the symbol."""
        if strategy:
            return self.execution.position(SYMBOL, strategy).quantity
        return self.engine.portfolio.net(SYMBOL)

    def cash(self, currency: str = "USDT") -> Decimal:
        """A balance."""
        return self.engine.portfolio.balance(currency)


def stands(
    order: Order | None = None,
    status: VenueStatus = VenueStatus.OPEN,
    *,
    venue_id: str = "v1",
    ts: int = 1_000,
    **said: Any,
) -> OrderStatusReport:
    """How an order stands, in the venue's words; without one of ours, a foreign buy of 10."""
    terms: dict[str, Any] = {
        "side": order.side if order else OrderSide.BUY,
        "client_order_id": order.client_order_id if order else "",
        "quantity": order.quantity if order else Decimal(10),
        "limit_price": order.limit_price if order else Decimal(100),
        "filled": Decimal(0),
        "account": ACCOUNT,
    }
    for name in ("quantity", "filled", "limit_price"):
        if said.get(name) is not None:
            said[name] = Decimal(str(said[name]))
    return OrderStatusReport(SYMBOL, venue_id, status, ts=ts, **terms | said)


def traded(
    order: Order | None = None,
    trade_id: str = "t1",
    quantity: Any = 4,
    *,
    venue_id: str = "v1",
    ts: int = 1_000,
    **said: Any,
) -> FillReport:
    """One execution, in the venue's words; without an order of ours, of a foreign buy."""
    terms: dict[str, Any] = {
        "side": order.side if order else OrderSide.BUY,
        "client_order_id": order.client_order_id if order else "",
        "price": Decimal(100),
        "fee": Decimal("0.5"),
        "fee_currency": "USDT",
        "liquidity": Liquidity.MAKER,
        "account": ACCOUNT,
    }
    terms |= said
    side = terms.pop("side")
    exact = Decimal(str(quantity))
    return FillReport(SYMBOL, trade_id, venue_id, side, exact, ts=ts, **terms)


def busted(trade_id: str = "t1", side: OrderSide = OrderSide.BUY) -> BustReport:
    """A trade taken back."""
    return BustReport(SYMBOL, trade_id, side, 2_000, account=ACCOUNT)
