"""The chart: candles of one symbol as large as they can be, its ladder, tape and orders beside.

Must hold no figure.
"""

from collections.abc import Iterable
from typing import ClassVar

from alphaforge.tui.board import Feeding
from alphaforge.tui.market_board import MarketBoard
from alphaforge.tui.state import AppState
from alphaforge.tui.trade_panels import TradePanels


class ChartBoard(MarketBoard):
    """Chart; ladder, tape and orders of its symbol."""

    name_of: ClassVar[str] = "chart"
    MAIN: ClassVar[tuple[str, ...]] = ("chart", "depth", "tape", "orders", "watch")

    def __init__(self, state: AppState) -> None:
        self.trade = TradePanels(state)
        super().__init__(state)

    def make(self) -> Iterable[Feeding]:
        """The chart first: it has the most room."""
        market = self.market
        return (
            market.chart(),
            market.depth(),
            market.tape(),
            self.trade.orders_of_symbol(),
            market.watch(),
        )

    def first_focus(self) -> str:
        """The chart."""
        return "chart"
