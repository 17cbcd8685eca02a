"""The strategies of the benchmarks: as a person would write them, indicators as plain arithmetic.

So that what is measured is the engine and an ordinary callback, not our indicator classes.
"""

from alphaforge.engine.strategy import Strategy
from alphaforge.model.market import Bar, Trade
from benchmarks.market import START_PRICE, SYMBOL

FOUR_KINDS = ("1m", "1000-tick", "500-volume", "30000000-value")


class QuietEma(Strategy):
    """Two exponential averages per tick, and a look which is higher; never an order."""

    symbol: str = SYMBOL
    fast: int = 100
    slow: int = 400
    quantity: str = "0.01"

    def on_start(self) -> None:
        """Start both averages at the walk's first price."""
        self.fast_average = self.slow_average = START_PRICE
        self.fast_weight, self.slow_weight = 2 / (self.fast + 1), 2 / (self.slow + 1)
        self.is_above = False
        self.subscribe()

    def subscribe(self) -> None:
        """Ask for trades."""
        self.subscribe_trades(self.symbol)

    def on_trade(self, trade: Trade) -> None:
        """Move both averages."""
        price = trade.price
        fast = self.fast_average = self.fast_average + self.fast_weight * (
            price - self.fast_average
        )
        slow = self.slow_average = self.slow_average + self.slow_weight * (
            price - self.slow_average
        )
        if (fast > slow) is not self.is_above:
            self.is_above = fast > slow


class EmaCross(QuietEma):
    """Long while the fast average is above: a market order at every crossing."""

    def on_trade(self, trade: Trade) -> None:
        """Move both averages; buy or sell when they cross."""
        price = trade.price
        fast = self.fast_average = self.fast_average + self.fast_weight * (
            price - self.fast_average
        )
        slow = self.slow_average = self.slow_average + self.slow_weight * (
            price - self.slow_average
        )
        if (fast > slow) is not self.is_above:
            self.is_above = fast > slow
            self.cross()

    def cross(self) -> None:
        """Turn to the side that the averages are on."""
        if self.is_above:
            self.buy(self.symbol, self.quantity)
        else:
            self.sell(self.symbol, self.quantity)


class EmaCrossFourKinds(EmaCross):
    """The same with four kinds of bar, which it counts."""

    def subscribe(self) -> None:
        """Ask for trades and four kinds of bar."""
        super().subscribe()
        self.bars = 0
        for kind in FOUR_KINDS:
            self.subscribe_bars(self.symbol, kind)

    def on_bar(self, bar: Bar) -> None:
        """Count it."""
        del bar
        self.bars += 1


class BarCross(EmaCross):
    """The crossing on recorded bars."""

    fast: int = 10
    slow: int = 40

    def subscribe(self) -> None:
        """Ask for the bars of the data."""
        self.subscribe_bars(self.symbol, "1m")

    def on_bar(self, bar: Bar) -> None:
        """Move both averages by the close; buy or sell when they cross."""
        price = bar.close
        fast = self.fast_average = self.fast_average + self.fast_weight * (
            price - self.fast_average
        )
        slow = self.slow_average = self.slow_average + self.slow_weight * (
            price - self.slow_average
        )
        if (fast > slow) is not self.is_above:
            self.is_above = fast > slow
            self.cross()


class EveryTick(Strategy):
    """A market order on every trade, buys and sells in turn."""

    symbol: str = SYMBOL
    quantity: str = "0.01"

    def on_start(self) -> None:
        """Ask for trades."""
        self.buys = False
        self.subscribe_trades(self.symbol)

    def on_trade(self, trade: Trade) -> None:
        """Order the other side of last time."""
        self.buys = not self.buys
        if self.buys:
            self.buy(trade.symbol, self.quantity)
        else:
            self.sell(trade.symbol, self.quantity)


class RestingGrid(Strategy):
    """A thousand limits far on both sides of the market, and no look at it."""

    symbol: str = SYMBOL
    count: int = 1_000

    def on_start(self) -> None:
        """Rest the limits."""
        for number in range(self.count):
            if number % 2:
                self.buy(self.symbol, "0.001", limit=30_000 - number)
            else:
                self.sell(self.symbol, "0.001", limit=90_000 + number)
