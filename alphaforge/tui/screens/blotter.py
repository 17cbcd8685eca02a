"""The blotter: every order and fill of the run in tabs, with the details of the chosen one beside.

Must hold no figure.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from alphaforge.client.answers import TripRow
from alphaforge.client.pages import Page
from alphaforge.client.records import FillRow, OrderRow
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.blotter_details import fill_details, order_details, trip_columns, trip_details
from alphaforge.tui.board import Board, Feeding
from alphaforge.tui.link import problem_of
from alphaforge.tui.state import AppState
from alphaforge.tui.tables import fill_columns, order_columns
from alphaforge.tui.widgets.columns import Column
from alphaforge.tui.widgets.lines import LinesPanel
from alphaforge.tui.widgets.table import RowTable

TABS: Final = ("Open", "All", "Fills", "Closed")
_CLOSED: Final = "/api/live/closed-positions"
_MOST_CLOSED: Final = 500


class Blotter(Board):
    """One table whose rows and columns follow the tab, and details.

    Attributes:
        tab: One of `TABS`.
    """

    name_of: ClassVar[str] = "blotter"
    MAIN: ClassVar[tuple[str, ...]] = ("blotter", "details")

    def __init__(self, state: AppState) -> None:
        self.tab = TABS[0]
        self._columns: dict[str, tuple[Column[Any], ...]] = {
            "Open": tuple(order_columns(state)),
            "All": tuple(order_columns(state)),
            "Fills": tuple(fill_columns(state)),
            "Closed": trip_columns(),
        }
        self._hidden: dict[str, set[str]] = {name: set() for name in TABS}
        self._trips: dict[str, TripRow] = {}
        self._table: RowTable[Any] = RowTable("", self._columns["Open"], id="blotter")
        self._details = LinesPanel("DETAILS", empty="no row is chosen", id="details")
        super().__init__(state)

    def make(self) -> Iterable[Feeding]:
        """Table, details."""
        return (
            Feeding(self._table, frozenset({"orders", "trades", "choice"}), self._show),
            Feeding(self._details, frozenset({"orders", "choice"}), self._show_details),
        )

    def first_focus(self) -> str:
        """The table."""
        return "blotter"

    def shown(self) -> None:
        """Where nothing works but something did, the orders that ended are what one comes for."""
        if self.tab == "Open" and self.state.mirror.orders and not self.rows():
            self._turn(1)

    # --- tabs -------------------------------------------------------------------------------------

    def do_next_tab(self) -> None:
        """The tab to the right."""
        self._turn(1)

    def do_previous_tab(self) -> None:
        """The tab to the left."""
        self._turn(-1)

    def _turn(self, by: int) -> None:
        self.tab = TABS[(TABS.index(self.tab) + by) % len(TABS)]
        self._table.set_rows({})  # rows of another kind than the columns cannot be drawn
        self._table.sort_by(None)
        self._table.set_columns(self.shown_columns())
        self._table.filter("")
        self._show()
        if self.tab == "Closed":
            self.run_worker(self.fetch_closed, exclusive=True)

    async def fetch_closed(self) -> None:
        """Closed positions are no channel: they are asked for."""
        try:
            page = await self.feed.get_as(_CLOSED, Page[TripRow], limit=_MOST_CLOSED)
        except AlphaForgeError as error:
            self._table.tell(warning=problem_of(error))
            return
        self._trips = {str(row.number): row for row in reversed(page.rows)}
        self._show()

    # --- columns ----------------------------------------------------------------------------------

    def all_columns(self) -> tuple[Column[Any], ...]:
        """Of the tab, hidden ones too: what the column picker offers."""
        return self._columns[self.tab]

    def shown_columns(self) -> tuple[Column[Any], ...]:
        """Of the tab, without those that were taken away."""
        hidden = self._hidden[self.tab]
        return tuple(column for column in self._columns[self.tab] if column.key not in hidden)

    def choose_columns(self, keys: Iterable[str]) -> None:
        """Show these and no others; the last one cannot be taken away."""
        wanted = set(keys)
        every = {column.key for column in self._columns[self.tab]}
        if wanted & every:
            self._hidden[self.tab] = every - wanted
            self._table.set_columns(self.shown_columns())

    # --- data -------------------------------------------------------------------------------------

    def rows(self) -> Mapping[str, OrderRow | FillRow | TripRow]:
        """Of the tab, the newest first."""
        mirror = self.state.mirror
        if self.tab == "Open":
            return {key: row for key, row in reversed(mirror.orders.items()) if row.is_open}
        if self.tab == "All":
            return dict(reversed(mirror.orders.items()))
        if self.tab == "Fills":
            return dict(reversed(mirror.fills.items()))
        return self._trips

    def _show(self) -> None:
        rows = self.rows()
        self._table.title = f"{self.tab.upper()} {len(rows)}"
        others = " ".join(name for name in TABS if name != self.tab)
        self._table.hint = f"{others} · [ ] turns · / filters"
        self._table.empty = _EMPTY[self.tab]
        self._table.set_rows(rows)
        self._show_details()

    def on_row_table_selected(self, message: RowTable.Selected) -> None:
        """Another row: its details."""
        del message
        self._show_details()

    def selected_row(self) -> object:
        """Of the table, wherever the focus is."""
        return self._table.selected_row

    def _show_details(self) -> None:
        row: object = self._table.selected_row
        if isinstance(row, OrderRow):
            self._details.hint = "enter = its whole life"
            self._details.set_lines(list(order_details(row, self.state)))
        elif isinstance(row, FillRow):
            self._details.hint = ""
            self._details.set_lines(list(fill_details(row, self.state)))
        elif isinstance(row, TripRow):
            self._details.set_lines(list(trip_details(row)))
        else:
            self._details.hint = ""
            self._details.set_lines([])


_EMPTY: Final = {
    "Open": "no working orders · b buys, s sells",
    "All": "no orders yet",
    "Fills": "no fills yet",
    "Closed": "no position was closed yet",
}
