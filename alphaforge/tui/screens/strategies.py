"""The strategies: state and figures of each; parameters, signals and the error of the chosen one.

Must hold no figure.
"""

from collections.abc import Iterable
from itertools import islice
from typing import ClassVar, Final

from alphaforge.client.records import SignalRow, StrategyRow
from alphaforge.tui.board import Board, Feeding
from alphaforge.tui.state import AppState
from alphaforge.tui.tables import microseconds, signal_columns
from alphaforge.tui.text import NONE, direction, number, signed
from alphaforge.tui.trade_panels import TradePanels
from alphaforge.tui.widgets.lines import LinesPanel, Words
from alphaforge.tui.widgets.table import RowTable
from alphaforge.tui.words import direction_tone, strategy_word

_LABEL: Final = 14
_SIGNALS: Final = 200


class StrategiesBoard(Board):
    """Table, details, signals, positions of the run."""

    name_of: ClassVar[str] = "strategies"
    MAIN: ClassVar[tuple[str, ...]] = ("strategies", "details", "signals")

    def __init__(self, state: AppState) -> None:
        self._trade = TradePanels(state)
        self._details = LinesPanel("STRATEGY", empty="no strategy is chosen", id="details")
        self._signals: RowTable[SignalRow] = RowTable(
            "SIGNALS", signal_columns(), empty="no signals yet", id="signals"
        )
        super().__init__(state)

    def make(self) -> Iterable[Feeding]:
        """Table, details, signals, positions."""
        return (
            self._trade.strategies(),
            Feeding(self._details, frozenset({"strategies", "choice"}), self._show_details),
            Feeding(self._signals, frozenset({"signals", "choice"}), self._show_signals),
            self._trade.positions(),
        )

    def first_focus(self) -> str:
        """The table."""
        return "strategies"

    def selected_row(self) -> object:
        """The chosen strategy, wherever the focus is."""
        focused = super().selected_row()
        return focused if focused is not None and self._has_other_rows() else self._chosen()

    def _has_other_rows(self) -> bool:
        focused = self.focused()
        return isinstance(focused, RowTable) and focused.id == "positions"

    def _chosen(self) -> StrategyRow | None:
        key = self.selected_key("strategies")
        return None if key is None else self.state.mirror.strategies.get(key)

    def on_row_table_selected(self, message: RowTable.Selected) -> None:
        """Another strategy: its details."""
        if message.table.id == "strategies":
            self._show_details()
            self._show_signals()

    def _show_details(self) -> None:
        row = self._chosen()
        self._details.title = row.name if row is not None else "STRATEGY"
        self._details.hint = "R reload · e edit" if row is not None else ""
        folder = f"{self.state.record.project}/"
        self._details.set_lines([] if row is None else list(_details(row, folder)))

    def _show_signals(self) -> None:
        row = self._chosen()
        rows = (
            (key, signal)
            for key, signal in reversed(self.state.mirror.signals.items())
            if row is None or signal.strategy == row.name
        )
        shown = dict(islice(rows, _SIGNALS))
        self._signals.hint = str(len(shown))
        self._signals.set_rows(shown)


def _details(row: StrategyRow, folder: str) -> Iterable[list[Words]]:
    """What is known of one strategy, the error first; files by their place in the project."""
    state = strategy_word(row.state)
    yield [
        Words(f" {state.text} ", state.tone, bold=True),
        Words(row.doc.partition("\n")[0], "dim"),
    ]
    if row.error:
        yield []
        for line in row.error.splitlines():
            yield [Words(f" {line}", "error")]
    yield []
    yield _line("file", row.file.removeprefix(folder))
    yield _line("symbols", ", ".join(row.symbols) or NONE)
    yield _line("starts", str(row.starts))
    yield []
    yield [Words(" parameters", "accent", bold=True)]
    for name, value in row.parameters.items():
        yield _line(name, value)
    if row.indicators:
        yield []
        yield [Words(" indicators", "accent", bold=True)]
        for name, value in row.indicators.items():
            yield _line(name, number(value, 4) if value is not None else "not ready")
    yield []
    yield [Words(f" money, {row.currency}", "accent", bold=True)]
    yield from _money(row)
    yield []
    yield _line("orders", f"{row.orders}, {row.orders_open} working")
    yield _line("fills", f"{row.fills}, {row.trades} round trips")
    won = NONE if row.win_rate_pct is None else f"{row.win_rate_pct:.0f}%"
    yield _line("won", won)
    timing = f"p50 {microseconds(row.callback_us_p50)}  p99 {microseconds(row.callback_us_p99)}"
    yield _line("callbacks", timing)


def _money(row: StrategyRow) -> Iterable[list[Words]]:
    for name, value in (
        ("realized", row.realized_pnl),
        ("unrealized", row.unrealized_pnl),
        ("net", row.net_pnl),
        ("today", row.day_pnl),
    ):
        tone = direction_tone(direction(value))
        yield [Words(f" {name}", "dim", width=_LABEL), Words(f" {signed(value)}", tone)]
    yield _line("fees", number(row.fees, 2))


def _line(name: str, value: str) -> list[Words]:
    return [Words(f" {name}", "dim", width=_LABEL), Words(f" {value}")]
