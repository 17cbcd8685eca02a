"""The panels that show the market: watch list, chart, ladder, tape; and what feeds each.

One set belongs to one screen. Must hold no figure.
"""

from collections.abc import Sequence

from alphaforge.client.market_records import BarRow
from alphaforge.tui.board import Feeding
from alphaforge.tui.chart_data import indicators_of, lines_of, marks_of, names_of
from alphaforge.tui.state import AppState
from alphaforge.tui.text import decimal_of
from alphaforge.tui.widgets.candle_frame import Mark
from alphaforge.tui.widgets.candles import CandleChart
from alphaforge.tui.widgets.ladder import Ladder, OwnOrder
from alphaforge.tui.widgets.tape import Tape
from alphaforge.tui.widgets.watch import WatchList


class MarketPanels:
    """Panels of a screen that show the market.

    Attributes:
        is_asking: Earlier candles are on their way.
        has_all: There are no earlier ones.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self.is_asking = self.has_all = False
        self._charted = ("", "", "")
        self._earlier: tuple[BarRow, ...] = ()
        self._laddered = self._taped = ""
        self._last = 0.0
        self._own: list[OwnOrder] = []
        self._marked_for = ("", 0, "")
        self._marked: tuple[Mark, ...] = ()

    def watch(self) -> Feeding:
        """Every symbol of the run."""
        state = self._state
        watch = WatchList("WATCH", id="watch")

        def show() -> None:
            if state.mirror.now:
                watch.set_markets(state.mirror.market, state.mirror.now)

        return Feeding(watch, frozenset({"market"}), show)

    def chart(self) -> Feeding:
        """Candles of the chosen symbol, with our orders and fills."""
        chart = CandleChart("CHART", id="chart")
        needs = frozenset({"bars", "choice", "trades", "orders", "positions"})
        return Feeding(chart, needs, lambda: self.show_chart(chart), is_market=True)

    def show_chart(self, chart: CandleChart) -> None:
        """Everything it draws, in one go."""
        state = self._state
        chosen = (state.record.run_id, state.symbol, state.kind)
        if chosen != self._charted:
            self._charted = chosen
            self._earlier, self.has_all = (), False
            chart.reset()
        view = chart.view
        view.marks, view.lines = self._marks(), tuple(lines_of(state))
        chart.hint = f"{names_of(state)} · +/- zoom · h/l pan".removeprefix(" · ")
        chart.title = f"{state.symbol} {state.kind}" if state.symbol else "CHART"
        chart.set_bars(
            self._bars(), indicators_of(state), price_decimals=state.price_decimals(state.symbol)
        )

    def _bars(self) -> Sequence[BarRow]:
        """Candles of the stream, and before them those that were asked for."""
        bars = self._state.mirror.bars
        if not self._earlier or not bars:
            return bars
        first = bars[0].ts_open
        return [*(bar for bar in self._earlier if bar.ts_open < first), *bars]

    def take_earlier(self, rows: Sequence[BarRow]) -> None:
        """Candles before those there are; none: there are no earlier ones."""
        self.has_all = not rows
        known = {bar.ts_open for bar in rows}
        self._earlier = (*rows, *(bar for bar in self._earlier if bar.ts_open not in known))

    def depth(self) -> Feeding:
        """The book of the chosen symbol."""
        ladder = Ladder("DEPTH", id="depth")
        needs = frozenset({"book", "choice", "orders", "market"})
        return Feeding(ladder, needs, lambda: self._show_ladder(ladder), is_market=True)

    def tape(self) -> Feeding:
        """Public trades of the chosen symbol."""
        tape = Tape("TAPE", id="tape")
        needs = frozenset({"tape", "choice"})
        return Feeding(tape, needs, lambda: self._show_tape(tape), is_market=True)

    def _marks(self) -> tuple[Mark, ...]:
        """Our fills of the symbol, looked through again only when there are more."""
        fills = self._state.mirror.fills
        known = (self._state.symbol, len(fills), next(reversed(fills), ""))
        if known != self._marked_for:
            self._marked_for, self._marked = known, tuple(marks_of(self._state))
        return self._marked

    def _show_ladder(self, ladder: Ladder) -> None:
        state = self._state
        market = state.market()
        if market is None:
            return
        if state.symbol != self._laddered:
            self._laddered, self._last, self._own = state.symbol, 0.0, []
            ladder.set_symbol(market.price_decimals, market.size_decimals)
            ladder.hint = market.venue
        last = float(decimal_of(market.last) or 0)
        if last and last != self._last:
            ladder.set_last(last, (last > self._last) - (last < self._last) if self._last else 0)
            self._last = last
        own = _own(state)
        if own != self._own:
            self._own = own
            ladder.set_own(own)
        if state.mirror.book is not None:
            ladder.set_book(state.mirror.book)

    def _show_tape(self, tape: Tape) -> None:
        state = self._state
        market = state.market()
        if market is None:
            return
        if state.symbol != self._taped:
            self._taped = state.symbol
            tape.set_symbol(market.price_decimals, market.size_decimals)
            tape.hint = state.symbol
        tape.set_trades(state.mirror.tape, state.mirror.skipped)


def _own(state: AppState) -> list[OwnOrder]:
    """Our working orders at their limit, else at their trigger."""
    found: list[OwnOrder] = []
    for row in state.orders_of(state.symbol):
        price = decimal_of(row.limit if row.limit is not None else row.stop)
        if price is not None:
            found.append(OwnOrder(is_buy=row.side == "BUY", price=float(price), leaves=row.leaves))
    return found
