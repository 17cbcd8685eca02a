"""An engine with puppet strategies: a test says what a strategy does, and ticks the market.

Nothing here may judge what the engine does.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from alphaforge import Strategy, Trade
from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine, Step
from alphaforge.engine.portfolio import Position
from alphaforge.model.commands import StartSession, StopSession
from alphaforge.model.enums import AccountType, InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.orders import Fill, Order
from alphaforge.model.settings import AccountSettings, EngineSettings, RiskSettings

SYMBOL = "BTC/USDT"
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND

SPOT = Instrument(
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    settle="USDT",
    price_step=Decimal("0.1"),
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.002"),
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.001"),
)
LINEAR = Instrument(
    symbol=SYMBOL,
    kind=InstrumentKind.LINEAR,
    base="BTC",
    quote="USDT",
    settle="USDT",
    price_step=Decimal("0.1"),
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    multiplier=Decimal("0.01"),
    taker_fee=Decimal("0.0005"),
)


class Puppet(Strategy):
    """Does what its test says, inside its next `on_trade`, and remembers every callback."""

    do: Callable[[Any], object] | None = None

    def on_start(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.answer: object = None
        self.subscribe_trades(SYMBOL)

    def on_trade(self, trade: Trade) -> None:
        act, self.do = self.do, None
        if act is not None:
            self.answer = act(self)

    def on_order(self, order: Order) -> None:
        self.heard.append(("on_order", order.status))

    def on_fill(self, fill: Fill) -> None:
        self.heard.append(("on_fill", fill))

    def on_position(self, position: Position) -> None:
        self.heard.append(("on_position", position.quantity))


def spending(cash: dict[str, str] | None, **account: Any) -> EngineSettings:
    """Settings of an account with these balances; None = unlimited."""
    balances = None if cash is None else {name: Decimal(text) for name, text in cash.items()}
    chosen = AccountSettings(cash=balances, reporting_currency="USDT", **account)
    return EngineSettings(account=chosen)


def limited(**limits: Any) -> EngineSettings:
    """Settings of an account with unlimited cash and these risk limits."""
    exact = {
        name: Decimal(str(value)) if not isinstance(value, str | int) else value
        for name, value in limits.items()
    }
    exact = {
        name: Decimal(value) if name.startswith(("max_order", "max_pos", "price")) else value
        for name, value in exact.items()
    }
    account = AccountSettings(reporting_currency="USDT", account_type=AccountType.MARGIN)
    return EngineSettings(account=account, risk=RiskSettings(**exact))


class Market:
    """One symbol, one or more puppets, and the time."""

    def __init__(
        self,
        settings: EngineSettings | None = None,
        instruments: Iterable[Instrument] = (SPOT,),
        strategies: dict[str, Callable[[], Strategy]] | None = None,
        *,
        wire: bool = False,
    ) -> None:
        settings = settings or spending(None)
        by_symbol = {each.symbol: each for each in instruments}
        self.engine = Engine(settings, by_symbol) if wire else simulate(settings, by_symbol)
        self.now = START
        self.steps: list[Step] = []
        for name, make in (strategies or {"puppet": Puppet}).items():
            self.engine.register(name, make)
        self.step = self.process(StartSession(self.now))

    def process(self, event: Any) -> Step:
        """Feed one event; the Step it led to."""
        step = self.engine.process(event)
        self.steps.append(step)
        return step

    def strategy(self, name: str = "puppet") -> Any:
        """The strategy object of that name."""
        return self.engine.strategies.runners[name].strategy

    def tick(self, price: float, size: float = 1.0, symbol: str = SYMBOL) -> Step:
        """One trade, a second after the last."""
        self.now += SECOND
        return self.process(Trade(symbol, self.now, price, size))

    def ask(self, verb: Callable[[Any], Any], price: float = 100.0, name: str = "puppet") -> Any:
        """Have a puppet do something in its next `on_trade`; what its verb gave back."""
        self.strategy(name).do = verb
        self.step = self.tick(price)
        return self.strategy(name).answer

    def stop(self) -> Step:
        """End the session."""
        return self.process(StopSession(self.now))


def reasons(order: Order) -> list[str]:
    """Why an order was denied."""
    return order.reason.split("; ") if order.reason else []
