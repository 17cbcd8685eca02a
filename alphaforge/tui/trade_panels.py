"""The panels that show our side: positions, orders, fills, strategies, risk, log; what feeds each.

One set belongs to one screen. Must hold no figure.
"""

from itertools import islice
from typing import Final

from alphaforge.client.records import FillRow, OrderRow, PositionRow, StrategyRow
from alphaforge.tui.board import Feeding
from alphaforge.tui.risk_lines import below, gauges_of
from alphaforge.tui.state import AppState
from alphaforge.tui.tables import (
    fill_columns,
    order_columns,
    position_columns,
    strategy_columns,
)
from alphaforge.tui.widgets.lines import GaugePanel
from alphaforge.tui.widgets.log_view import LogView
from alphaforge.tui.widgets.table import RowTable

_SHOWN_FILLS: Final = 200
_ENDED_SHOWN: Final = 20


class TradePanels:
    """Panels of a screen that show our side."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    def positions(self) -> Feeding:
        """What is held."""
        state = self._state
        table: RowTable[PositionRow] = RowTable(
            "POSITIONS",
            position_columns(state),
            empty="no open positions · b buys, 4 shows the strategies",
            id="positions",
        )

        def show() -> None:
            table.hint = str(len(state.mirror.positions))
            table.set_rows(state.mirror.positions)

        return Feeding(table, frozenset({"positions"}), show)

    def orders(self) -> Feeding:
        """Working orders; the newest first, and the last ones that were refused below them."""
        state = self._state
        table: RowTable[OrderRow] = RowTable(
            "ORDERS", order_columns(state), empty="no working orders · b buys, s sells", id="orders"
        )

        def show() -> None:
            rows = state.mirror.orders
            working = {key: row for key, row in reversed(rows.items()) if row.is_open}
            ended = ((key, row) for key, row in reversed(rows.items()) if not row.is_open)
            table.hint = f"{len(working)} working"
            table.set_rows({**working, **dict(islice(ended, _ENDED_SHOWN))})

        return Feeding(table, frozenset({"orders"}), show)

    def orders_of_symbol(self) -> Feeding:
        """Working orders of the symbol the chart shows."""
        state = self._state
        table: RowTable[OrderRow] = RowTable(
            "ORDERS", order_columns(state), empty="no working orders here · b buys", id="orders"
        )

        def show() -> None:
            rows = {row.order_id: row for row in reversed(state.orders_of(state.symbol))}
            table.hint = f"{len(rows)} of {state.symbol}"
            table.set_rows(rows)

        return Feeding(table, frozenset({"orders", "choice"}), show)

    def fills(self) -> Feeding:
        """Our executions, the newest first."""
        state = self._state
        table: RowTable[FillRow] = RowTable(
            "FILLS", fill_columns(state), empty="no fills yet", id="fills"
        )

        def show() -> None:
            rows = state.mirror.fills
            table.hint = str(len(rows))
            table.set_rows(dict(islice(reversed(rows.items()), _SHOWN_FILLS)))

        return Feeding(table, frozenset({"trades"}), show)

    def strategies(self) -> Feeding:
        """State and P&L of each."""
        state = self._state
        table: RowTable[StrategyRow] = RowTable(
            "STRATEGIES",
            strategy_columns(state),
            empty="no strategy: alphaforge run FILE.py",
            id="strategies",
        )
        table.hint = "space start/stop"

        def show() -> None:
            table.set_rows(state.mirror.strategies)

        return Feeding(table, frozenset({"strategies"}), show)

    def risk(self) -> Feeding:
        """Limits and the newest alerts."""
        state = self._state
        panel = GaugePanel("RISK", empty="no limit is set ([risk]), no alerts", id="risk")

        def show() -> None:
            summary = state.summary
            panel.hint = summary.risk_reason if summary is not None else ""
            rows = list(state.mirror.risk.values())
            alerts = list(state.mirror.alerts.values())
            panel.set_gauges(gauges_of(rows), below(rows, alerts))

        return Feeding(panel, frozenset({"risk", "alerts", "portfolio"}), show)

    def log(self) -> Feeding:
        """The newest lines of the engine's log."""
        return log_feeding(LogView("LOG", id="log"), self._state)


def log_feeding(view: LogView, state: AppState) -> Feeding:
    """Feeds a log view; another run's log begins anew."""
    told = [state.record.run_id]

    def show() -> None:
        if told[0] != state.record.run_id:
            told[0] = state.record.run_id
            view.clear()
        view.add(state.mirror.log.values())

    return Feeding(view, frozenset({"log"}), show)
