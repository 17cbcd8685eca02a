"""One strategy that does what a test says, in an engine with a simulated venue.

Times are counted in seconds from START. Nothing here asserts.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from alphaforge.engine.build import simulate
from alphaforge.engine.strategy import Strategy
from alphaforge.model.commands import StartSession, StartStrategy
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, BarOpen, BookSnapshot, MarketEvent, Quote, Trade
from alphaforge.model.orders import Fill, Order
from alphaforge.model.settings import AccountSettings, EngineSettings, SimulationSettings
from alphaforge.model.step import Step

SECOND = 1_000_000_000
START = 20_000 * 86_400 * SECOND
SYMBOL = "A/USDT"


def instrument(symbol: str = SYMBOL, **rules: Any) -> Instrument:
    """Cents and thousandths, maker 0, taker 10 bps."""
    terms: dict[str, Any] = {
        "base": symbol.partition("/")[0],
        "quote": "USDT",
        "settle": "USDT",
        "price_step": Decimal("0.01"),
        "quantity_step": Decimal("0.001"),
        "min_quantity": Decimal("0.001"),
    }
    return Instrument(symbol=symbol, **terms | rules)


class Puppet(Strategy):
    """Calls what a test hung on a callback, and keeps what it was told."""

    def __init__(self) -> None:
        self.hooks: dict[str, Callable[..., object]] = {}
        self.heard: list[tuple[str, Any]] = []

    def _hear(self, callback: str, what: Any) -> None:
        self.heard.append((callback, what))
        hook = self.hooks.get(callback)
        if hook is not None:
            hook(self, what)

    def on_start(self) -> None:
        self._hear("on_start", None)

    def on_trade(self, trade: Trade) -> None:
        self._hear("on_trade", trade)

    def on_quote(self, quote: Quote) -> None:
        self._hear("on_quote", quote)

    def on_bar(self, bar: Bar) -> None:
        self._hear("on_bar", bar)

    def on_fill(self, fill: Fill) -> None:
        self._hear("on_fill", fill)

    def on_order(self, order: Order) -> None:
        self._hear("on_order", order)

    def on_timer(self, name: str) -> None:
        self._hear("on_timer", name)


class Rig:
    """An engine, its puppet and everything its Steps said.

    `native` names the kind of bars the data consist of; `simulation` goes to the venue.
    """

    def __init__(
        self,
        native: str = "",
        hooks: Mapping[str, Callable[..., object]] | None = None,
        rules: Mapping[str, Any] | None = None,
        **simulation: Any,
    ) -> None:
        settings = EngineSettings(
            account=AccountSettings(reporting_currency="USDT"),
            simulation=SimulationSettings(**simulation),
        )
        terms = instrument(**{"kind": InstrumentKind.LINEAR, **(rules or {})})
        natives = {SYMBOL: native} if native else {}
        self.engine = simulate(settings, {SYMBOL: terms}, natives)
        self.puppet = Puppet()
        self.puppet.hooks.update(hooks or {})
        self.engine.register("puppet", lambda: self.puppet)
        self.now = START
        self.steps: list[Step] = []
        self.feed(StartSession(START))

    def feed(self, event: MarketEvent | Any) -> Step:
        """Process one event and keep its Step."""
        step = self.engine.process(event)
        self.steps.append(step)
        return step

    def do(self, verb: Callable[[Puppet], Any]) -> Any:
        """Let the strategy use a verb between two events; the engine acts on it at once."""
        made = verb(self.puppet)
        self.feed(StartStrategy("puppet", self.now))
        return made

    def buy(self, quantity: Any = 1, **terms: Any) -> Order:
        """Order between two events."""
        return self.do(lambda puppet: puppet.buy(SYMBOL, quantity, **terms))

    def sell(self, quantity: Any = 1, **terms: Any) -> Order:
        """Order between two events."""
        return self.do(lambda puppet: puppet.sell(SYMBOL, quantity, **terms))

    def at(self, second: float) -> int:
        """Engine time of a second."""
        return START + round(second * SECOND)

    def _moment(self, at: float | None) -> int:
        self.now = self.now + SECOND if at is None else self.at(at)
        return self.now

    def trade(self, price: float, at: float | None = None) -> Step:
        """A print, one second after the event before unless said otherwise."""
        return self.feed(Trade(SYMBOL, self._moment(at), price, 1.0))

    def quote(self, bid: float, ask: float, at: float | None = None) -> Step:
        """A new best bid and ask."""
        return self.feed(Quote(SYMBOL, self._moment(at), bid, ask))

    def book(self, bid: float, ask: float) -> Step:
        """A whole book of one level a side."""
        return self.feed(BookSnapshot(SYMBOL, self._moment(None), ((bid, 1.0),), ((ask, 1.0),), 1))

    def row(self, number: int, o: float, h: float, low: float, c: float) -> None:
        """A one-minute bar row, as the two inputs that it is."""
        begin = START + number * 60 * SECOND
        self.now = begin + 60 * SECOND
        self.feed(BarOpen(SYMBOL, begin, o))
        self.feed(Bar(SYMBOL, "1m", self.now, begin, o, h, low, c, 5.0, 3))

    @property
    def fills(self) -> list[Fill]:
        """All fills so far."""
        return [fill for step in self.steps for fill in step.fills]

    @property
    def prices(self) -> list[str]:
        """Prices of all fills so far, as booked."""
        return [str(fill.price.normalize()) for fill in self.fills]

    @property
    def position(self) -> Decimal:
        """What the puppet holds."""
        return self.puppet.position(SYMBOL).quantity
