"""The base of screens with a chart: panning to its beginning asks for earlier candles.

Must hold no figure.
"""

from functools import partial
from typing import Final
from urllib.parse import urlencode

from alphaforge.client.market_records import BarRow
from alphaforge.client.pages import Page
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.asks import app_of
from alphaforge.tui.board import Board
from alphaforge.tui.link import problem_of
from alphaforge.tui.market_panels import MarketPanels
from alphaforge.tui.state import AppState
from alphaforge.tui.text import safe_text
from alphaforge.tui.widgets.candles import CandleChart

_EARLIER: Final = 500


class MarketBoard(Board):
    """A screen that shows the market.

    Attributes:
        market: Its panels that do.
    """

    def __init__(self, state: AppState) -> None:
        self.market = MarketPanels(state)
        super().__init__(state)

    def on_candle_chart_near_end(self, message: CandleChart.NearEnd) -> None:
        """The oldest candle is in sight: ask for earlier ones, once at a time."""
        if not self.market.is_asking and not self.market.has_all:
            self.market.is_asking = True
            self.run_worker(partial(self._fetch_earlier, message.chart, message.before))

    async def _fetch_earlier(self, chart: CandleChart, before: str) -> None:
        symbol, kind = self.state.symbol, self.state.kind
        wanted = {"symbol": symbol, "kind": kind, "limit": _EARLIER, "before": before}
        rows: list[BarRow] = []
        try:
            page = await self.feed.get_as(f"/api/bars?{urlencode(wanted)}", Page[BarRow])
            rows = page.rows
        except AlphaForgeError as error:
            app_of(self).notify(safe_text(problem_of(error)), severity="warning", markup=False)
        self.market.is_asking = False
        if (symbol, kind) == (self.state.symbol, self.state.kind):
            self.market.take_earlier(rows)
            self.market.show_chart(chart)
