"""Buys a breakout above the recent high with a stop order, and trails out of it."""

from alphaforge import Bar, Order, Strategy
from alphaforge.indicators import ATR, Donchian


class Momentum(Strategy):
    """Enters on strength: a buy stop waits just above the highest high of the last bars.

    Each entry carries a stop-loss of `risk_atr` average ranges below it; once in, a close below
    the channel's middle ends the trade. The waiting stop follows the channel down, never up.
    """

    symbol: str = "BTC/USDT"
    timeframe: str = "1m"
    channel: int = 20  # bars whose highest high must be broken
    atr: int = 14  # bars of the average true range
    risk_atr: float = 2.0  # distance of the stop-loss, in average true ranges
    quantity: str = "0.01"

    def on_start(self) -> None:
        """Ask for bars, and for as many earlier ones as the channel needs."""
        self.highs = Donchian(self.channel)
        self.ranges = ATR(self.atr)
        self.entry: Order | None = None
        self.subscribe_bars(self.symbol, self.timeframe, history=self.channel)

    def on_bar(self, bar: Bar) -> None:
        """Wait for a breakout, or for the end of the trade."""
        self.highs.update(bar.high, bar.low)
        self.ranges.update(bar.high, bar.low, bar.close)
        if bar.historical or not (self.highs.ready and self.ranges.ready):
            return
        if self.position(self.symbol).quantity:
            self.leave_when_weak(bar)
        else:
            self.wait_for_strength()

    def leave_when_weak(self, bar: Bar) -> None:
        """A close below the middle of the channel ends the trade."""
        if bar.close < self.highs.middle:
            self.close(self.symbol)

    def wait_for_strength(self) -> None:
        """Keep one buy stop just above the channel."""
        breakout = self.highs.upper
        if self.entry is not None and self.entry.is_open:
            waiting_at = self.entry.trigger_price
            if waiting_at is not None and breakout < float(waiting_at):
                self.cancel(self.entry)
            return
        stop_loss = breakout - self.risk_atr * self.ranges.value
        if stop_loss > 0:
            self.entry = self.buy(
                self.symbol, self.quantity, stop=breakout, stop_loss=stop_loss, tag="breakout"
            )
