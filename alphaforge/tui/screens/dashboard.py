"""The dashboard: everything at a glance, in three layouts that style sheets make.

Must hold no figure.
"""

from collections.abc import Iterable
from typing import ClassVar

from alphaforge.tui.board import Feeding
from alphaforge.tui.market_board import MarketBoard
from alphaforge.tui.state import AppState
from alphaforge.tui.trade_panels import TradePanels


class Dashboard(MarketBoard):
    """Watch list, chart, ladder, tape; positions, orders, fills; strategies, risk, log."""

    name_of: ClassVar[str] = "dashboard"
    MAIN: ClassVar[tuple[str, ...]] = (
        "chart", "depth", "tape", "watch", "orders", "fills", "strategies", "risk", "log",
    )  # fmt: skip

    def __init__(self, state: AppState) -> None:
        self.trade = TradePanels(state)
        super().__init__(state)

    def make(self) -> Iterable[Feeding]:
        """In the order the grid places them, row by row."""
        market, trade = self.market, self.trade
        return (
            market.watch(), market.chart(), market.depth(), market.tape(),
            trade.fills(), trade.positions(), trade.strategies(),
            trade.log(), trade.orders(), trade.risk(),
        )  # fmt: skip

    def first_focus(self) -> str:
        """Positions: what is at stake."""
        return "positions"
