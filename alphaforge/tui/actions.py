"""What each key does, apart from moving about: one short method per action of the key table.

A request goes out as its own task and its answer is told as a toast; a dialog is loaded when it
is opened. Must never act on anything the person did not choose.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from textual.app import App
from textual.screen import ModalScreen

from alphaforge.client.records import OrderRow, PositionRow, StrategyRow
from alphaforge.tui import orders_desk
from alphaforge.tui.board import Board
from alphaforge.tui.debug import DebugOverlay
from alphaforge.tui.filter_bar import FilterBar
from alphaforge.tui.link import Asker, Feed, OneRun
from alphaforge.tui.news import Notice
from alphaforge.tui.options import AppOptions
from alphaforge.tui.orders_desk import Outcome
from alphaforge.tui.state import AppState
from alphaforge.tui.text import safe_text
from alphaforge.tui.widgets.ladder import Ladder

_DIALOGS: Final = "alphaforge.tui.dialogs"
_TOAST_SECONDS: Final = 4.0
_MOST_TOASTS: Final = 3
_WARNING_SECONDS: Final = 8.0

Requested = Callable[[], Coroutine[Any, Any, Outcome]]


class Actions(App[object]):
    """The methods that keys call; `ForgeApp` is the only one of it."""

    options: AppOptions
    feed: Feed
    view: AppState
    board: Board
    filter_bar: FilterBar
    overlay: DebugOverlay

    @property
    def engine(self) -> Asker:
        """The way to ask the run whose rows are on the screen now, and no run after it."""
        return OneRun(self.feed, self.view.shown_run)

    def start(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Have something done beside the frames."""
        raise NotImplementedError

    async def show_board(self, name: str) -> None:
        """Show another screen."""
        raise NotImplementedError

    def tell_terminal(self, sequence: str) -> None:
        """Say something to the terminal itself."""
        raise NotImplementedError

    # --- words to the person ----------------------------------------------------------------------

    def say(self, words: str, *, failed: bool = False) -> None:
        """A toast, never more than a few; text from outside is made safe, never read as markup."""
        if len(self._notifications) >= _MOST_TOASTS:
            self.clear_notifications()
        self.notify(
            safe_text(words),
            severity="warning" if failed else "information",
            timeout=_WARNING_SECONDS if failed else _TOAST_SECONDS,
            markup=False,
        )

    def tell_news(self, notices: list[Notice]) -> None:
        """Toasts for what happened; the loud ones ring and notify the desktop."""
        for notice in notices:
            self.say(notice.text, failed=notice.is_bad)
            if notice.sequence:
                self.bell()
                self.tell_terminal(notice.sequence)

    def ask(self, request: Requested) -> None:
        """Send a request, and tell what came of it."""

        async def asked() -> None:
            outcome = await request()
            self.say(outcome, failed=outcome.failed)

        self.start(asked)

    def confirm(self, title: str, lines: tuple[str, ...], request: Requested) -> None:
        """Ask whether to do it; only a yes sends the request."""
        self.open_dialog("confirm", title=title, lines=lines, on_yes=lambda: self.ask(request))

    def open_dialog(self, name: str, **context: Any) -> None:
        """Open `alphaforge.tui.dialogs.NAME`: its `dialog(app, **context)` makes the screen."""
        module = f"{_DIALOGS}.{name}"
        if find_spec(_DIALOGS) is None or find_spec(module) is None:
            self.say(f"there is no dialog {name} in this build", failed=True)
            return
        screen: ModalScreen[object] = import_module(module).dialog(self, **context)
        self.push_screen(screen)

    # --- screens and finding ----------------------------------------------------------------------

    def do_screen(self, name: str) -> None:
        """Another screen."""
        self.start(partial(self.show_board, name))

    def do_help(self) -> None:
        """All keys."""
        self.open_dialog("help")

    def do_palette(self) -> None:
        """Everything that can be done."""
        self.open_dialog("palette")

    def do_command(self) -> None:
        """The command line."""
        self.open_dialog("command")

    def do_back(self) -> None:
        """Undo one thing; never quits."""
        self.board.back()

    def do_filter(self) -> None:
        """Filter the rows of the panel with the focus."""
        self.filter_bar.open(self.board)

    def do_copy_cell(self) -> None:
        """Copy the cell (OSC 52)."""
        self._copy(self.board.cell_to_copy())

    def do_copy_row(self) -> None:
        """Copy the row as JSON (OSC 52)."""
        self._copy(self.board.row_to_copy())

    def _copy(self, text: str) -> None:
        if text:
            self.copy_to_clipboard(text)
            self.say(f"copied: {text[:60]}")

    def do_open(self) -> None:
        """Details of the row: an order's life, a symbol's chart, a strategy."""
        if self.board.opens():
            return
        row = self._row()
        if isinstance(row, OrderRow):
            self.open_dialog("order", order_id=row.order_id)
        elif isinstance(row, StrategyRow) and self.board.name_of != "strategies":
            self.do_screen("strategies")
        elif symbol := str(getattr(row, "symbol", "")):
            self.choose(symbol)
            if self.board.chart_in_sight() is None and symbol == self.view.symbol:
                self.do_screen("chart")

    def choose(self, symbol: str) -> None:
        """Show this symbol's chart, ladder and tape."""
        if symbol not in self.view.mirror.market:
            self.say(f"no market of {symbol} here", failed=True)
            return
        self.view.symbol = symbol
        self.watch_again()

    def watch_again(self) -> None:
        """Ask for the data of what was chosen, and show that it was."""
        self.start(partial(self.feed.watch, self.view.watch()))
        self.board.take({"choice", "bars", "book", "tape", "orders", "trades"})

    # --- trade ------------------------------------------------------------------------------------

    def _row(self) -> object:
        return self.board.selected_row()

    def _miss(self, row: object, words: str) -> None:
        """There is nothing to act on, unless that was told already."""
        if row is not None or self._row() is None:
            self.say(words, failed=True)

    def _chosen(self) -> object:
        """The row to act on; None, and told, while another slips under the cursor."""
        row = self.board.chosen_row()
        if row is None and self._row() is not None:
            self.say("that row has just gone: look which one is under the cursor", failed=True)
        return row

    def do_buy(self) -> None:
        """The buy ticket."""
        self.open_dialog("ticket", side="BUY", symbol=self.board.selected_symbol())

    def do_sell(self) -> None:
        """The sell ticket."""
        self.open_dialog("ticket", side="SELL", symbol=self.board.selected_symbol())

    def do_modify(self) -> None:
        """Change the order under the cursor."""
        row = self._chosen()
        if isinstance(row, OrderRow) and row.is_open:
            self.open_dialog("modify", order_id=row.order_id)
        else:
            self._miss(row, "no working order under the cursor")

    def do_cancel(self) -> None:
        """Cancel the order under the cursor: the safe direction, so nothing is asked."""
        row = self._chosen()
        if isinstance(row, OrderRow) and row.is_open:
            engine = self.engine
            self.ask(lambda: orders_desk.cancel(engine, row))
        else:
            self._miss(row, "no working order under the cursor")

    def do_cancel_all(self) -> None:
        """Cancel every order of the symbol, after a yes."""
        symbol = self.board.selected_symbol()
        count = len(self.view.orders_of(symbol))
        if not count:
            self.say(f"no working order of {symbol or 'any symbol'}", failed=True)
            return
        engine = self.engine
        self.confirm(
            f"Cancel {count} orders",
            (f"every working order of {symbol}: {count}", f"on {self._where()}"),
            lambda: orders_desk.cancel_all(engine, symbol),
        )

    def do_flatten(self) -> None:
        """Close the position under the cursor, after a yes."""
        row = self._chosen()
        if not isinstance(row, PositionRow):
            self._miss(row, "no position under the cursor")
            return
        engine = self.engine
        self.confirm(
            f"Close {row.symbol}",
            (
                f"{row.side} {row.quantity} of {row.strategy}, by a market order",
                f"value {row.value or 'not known'} {row.currency} on {self._where()}",
            ),
            lambda: orders_desk.flatten(engine, row),
        )

    def do_toggle(self) -> None:
        """Start or stop the strategy under the cursor; with real money after a yes."""
        panel = self.board.focused()
        if isinstance(panel, Ladder):
            panel.recenter()
            return
        row = self._chosen()
        if not isinstance(row, StrategyRow):
            return
        engine = self.engine
        if not self.view.can_trade:
            self.say("not done: read-only, or the engine is lost", failed=True)
        elif self.view.mode == "live" and row.state != "RUNNING":
            lines = (f"symbols {', '.join(row.symbols) or 'not known yet'}", f"file {row.file}")
            self.confirm(f"Start {row.name}", lines, lambda: orders_desk.turn(engine, row))
        else:
            self.ask(lambda: orders_desk.turn(engine, row))

    def do_reload(self) -> None:
        """Read the strategy's file again."""
        row = self._chosen()
        if isinstance(row, StrategyRow):
            engine = self.engine
            self.ask(lambda: orders_desk.reload(engine, row))

    def do_parameters(self) -> None:
        """Edit the strategy's parameters."""
        row = self._row()
        if isinstance(row, StrategyRow):
            self.open_dialog("parameters", strategy=row.name)

    def do_acknowledge(self) -> None:
        """Every alert so far is read."""
        if any(not row.acknowledged for row in self.view.mirror.alerts.values()):
            engine = self.engine
            self.ask(lambda: orders_desk.acknowledge(engine))

    def do_kill(self) -> None:
        """The kill switch: a typed word stands before it."""
        self.open_dialog("kill")

    def _where(self) -> str:
        return f"{self.view.record.venue} ({self.view.mode.upper()})"

    def do_columns(self) -> None:
        """Choose the columns of the table."""
        self.open_dialog("columns", board=self.board)

    def do_export(self) -> None:
        """Write the rows shown to a file."""
        self.open_dialog("export")

    # --- view -------------------------------------------------------------------------------------

    def do_timeframe(self) -> None:
        """The next time frame of the candles."""
        self.view.kind = self.view.next_kind()
        self.watch_again()

    def do_indicators(self) -> None:
        """The strategies' lines, on and off."""
        self.view.shows_indicators = not self.view.shows_indicators
        self.board.take({"choice"})

    def do_theme(self) -> None:
        """Choose the colours."""
        self.open_dialog("theme")

    def do_freeze(self) -> None:
        """The screen stands still, and goes on."""
        self.view.is_frozen = not self.view.is_frozen
        self.view.frozen_at, self.view.frozen_run = self.view.now_ns(), self.view.record.run_id

    def do_debug(self) -> None:
        """What the app itself costs."""
        self.overlay.display = not self.overlay.display

    def do_quit(self) -> None:
        """Leave the app: an engine started for it is asked about, others just go on."""
        if self.options.owns_engine and self.view.status.is_live:
            self.open_dialog("quit")
        else:
            self.exit(0)
