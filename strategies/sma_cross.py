"""The sample: a crossing of two moving averages, long or flat."""

from alphaforge import Bar, Strategy
from alphaforge.indicators import SMA


class SmaCross(Strategy):
    """Long while the fast average is above the slow one."""

    # Annotated attributes with a default are the parameters: `--set fast=5`, axes of a sweep.
    symbol: str = "BTC/USDT"
    timeframe: str = "1m"
    fast: int = 10
    slow: int = 30
    quantity: str = "0.01"

    def on_start(self) -> None:
        """Ask for bars, and for as many earlier ones as the slow average needs."""
        self.fast_average, self.slow_average = SMA(self.fast), SMA(self.slow)
        self.subscribe_bars(self.symbol, self.timeframe, history=self.slow)

    def on_bar(self, bar: Bar) -> None:
        """Buy when the fast average is above, close when it is below."""
        self.fast_average.update(bar.close)
        self.slow_average.update(bar.close)
        if bar.historical or not self.slow_average.ready or self.orders(self.symbol):
            return
        held = self.position(self.symbol).quantity
        if self.fast_average.value > self.slow_average.value and held == 0:
            self.buy(self.symbol, self.quantity)
        elif self.fast_average.value < self.slow_average.value and held > 0:
            self.close(self.symbol)
