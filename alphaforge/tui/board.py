"""The base of the screens: which panels it holds, which data each shows, who has the focus.

A panel is fed when what it shows changed and it is in sight; one that is hidden is fed when it
comes back. Must hold no figure.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Final, NamedTuple, Protocol, cast

from textual.app import ComposeResult
from textual.containers import Container

from alphaforge.client.messages import CHANNELS
from alphaforge.tui.asks import app_of
from alphaforge.tui.link import Feed
from alphaforge.tui.moves import Way, copied_cell, copied_row, move_within
from alphaforge.tui.state import AppState
from alphaforge.tui.widgets.candles import CandleChart
from alphaforge.tui.widgets.ladder import Ladder
from alphaforge.tui.widgets.panel import Panel
from alphaforge.tui.widgets.table import RowTable

EVERYTHING: Final = frozenset({*CHANNELS, "book", "tape", "bars", "choice"})
"""Every name of a change; `choice` is what the person chose: symbol, time frame, theme."""

LETTERS: Final = "asdfghjklqwertyuiop"
"""Labels of `f`."""


class HasFeed(Protocol):
    """The app, as far as a screen needs it."""

    @property
    def feed(self) -> Feed:
        """The way to ask the engine."""
        ...


class Feeding(NamedTuple):
    """One panel and what it shows.

    Attributes:
        needs: Channels (and `book`, `tape`, `bars`, `choice`) at whose change it is fed.
        show: Feeds it.
        is_market: Old market data fades it by itself.
    """

    panel: Panel
    needs: frozenset[str]
    show: Callable[[], None]
    is_market: bool = False


class Board(Container):
    """One screen of the app.

    Attributes:
        name_of: Its name in the key table.
        MAIN: Ids of the panels that `tab` brings to the front where there is room for one only.
    """

    name_of: ClassVar[str] = ""
    MAIN: ClassVar[tuple[str, ...]] = ()
    DEFAULT_CSS = "Board { width: 1fr; height: 1fr; }"

    def __init__(self, state: AppState) -> None:
        super().__init__(id=f"board-{self.name_of}", classes="board")
        self.state = state
        self.feedings: tuple[Feeding, ...] = tuple(self.make())
        self._waiting: dict[Panel, bool] = {each.panel: True for each in self.feedings}
        self._was_old: dict[Panel, str] = {}

    @property
    def feed(self) -> Feed:
        """The app's way to ask the engine."""
        return cast("HasFeed", app_of(self)).feed

    def make(self) -> Iterable[Feeding]:
        """Its panels, in the order they are placed."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The panels."""
        for feeding in self.feedings:
            yield feeding.panel

    def on_mount(self) -> None:
        """Where there is room for one panel only it is the first."""
        self.bring_to_front(self.main_panels()[0] if self.MAIN else self.panels()[0])

    def shown(self) -> None:
        """It has come into sight: what is no channel may be asked for."""

    def opens(self) -> bool:
        """Whether the screen itself took `enter`."""
        return False

    # --- data -----------------------------------------------------------------------------------

    def take(self, changes: frozenset[str] | set[str]) -> None:
        """Feed every panel in sight that shows something of this, or waited while hidden."""
        for feeding in self.feedings:
            panel = feeding.panel
            wanted = self._waiting[panel] or not changes.isdisjoint(feeding.needs)
            if not wanted:
                continue
            in_sight = panel.display and bool(panel.size.area)
            self._waiting[panel] = not in_sight
            if in_sight:
                feeding.show()

    def tell_age(self) -> None:
        """Say which panels show old data; called with every frame, it draws only changes."""
        lost = not self.state.status.is_live
        market = self.state.staleness(self.state.market())
        for feeding in self.feedings:
            old = market if feeding.is_market else ""
            reason = old if old.startswith("STALE") else "STALE" if lost else ""
            if self._was_old.get(feeding.panel, "") != reason:
                self._was_old[feeding.panel] = reason
                feeding.panel.fade(reason)
            if feeding.panel.id == "chart":
                _show_age(feeding.panel, "" if reason else market)

    def tick(self) -> None:
        """Once a second: ages that are shown moved on though no row changed."""
        for table in self.tables():
            if table.display and table.size.area:
                table.touch()

    # --- focus ----------------------------------------------------------------------------------

    def panels(self) -> list[Panel]:
        """All of them, in order."""
        return [feeding.panel for feeding in self.feedings]

    def tables(self) -> list[RowTable[object]]:
        """Those that hold rows."""
        return [panel for panel in self.panels() if isinstance(panel, RowTable)]

    def in_sight(self) -> list[Panel]:
        """Those that can be seen."""
        return [panel for panel in self.panels() if panel.display]

    def main_panels(self) -> list[Panel]:
        """Those that can fill the place of a single one."""
        by_id = {panel.id: panel for panel in self.panels()}
        return [by_id[name] for name in self.MAIN if name in by_id]

    def focused(self) -> Panel | None:
        """The panel that keys go to."""
        return next((panel for panel in self.panels() if panel.has_focus), None)

    def focus_first(self) -> None:
        """Give the focus to a panel in sight, the one that had it if it still can."""
        seen = self.in_sight()
        if self.focused() not in seen and seen:
            best = next((panel for panel in seen if panel.id == self.first_focus()), seen[0])
            best.focus()

    def first_focus(self) -> str:
        """Id of the panel that has the focus at first."""
        return ""

    def bring_to_front(self, panel: Panel) -> None:
        """Make it the one that fills the place of a single panel."""
        for each in self.panels():
            each.set_class(each is panel, "-main")

    def do_next_panel(self) -> None:
        """The next panel gets the focus; in the narrow layout it comes to the front too."""
        self._step(1)

    def do_previous_panel(self) -> None:
        """The one before."""
        self._step(-1)

    def _step(self, by: int) -> None:
        if self.has_class("-zoomed"):
            ring: Sequence[Panel] = self.panels()
        elif self.state.size_class == "narrow":
            ring = self._narrow_ring()
        else:
            ring = self.in_sight()
        now = self.focused()
        at = ring.index(now) + by if now in ring else 0
        chosen = ring[at % len(ring)]
        if self.has_class("-zoomed"):
            self._zoom(chosen)
        elif chosen in self.main_panels():
            self.bring_to_front(chosen)
        self.call_after_refresh(chosen.focus)

    def _narrow_ring(self) -> list[Panel]:
        main = self.main_panels()
        return main + [panel for panel in self.in_sight() if panel not in main]

    def show_jumps(self, *, on: bool) -> dict[str, Panel]:
        """Label the panels in sight, or take the labels away: letter → panel."""
        labels = dict(zip(LETTERS, self.in_sight(), strict=False))
        for letter, panel in labels.items():
            plain = panel.title.removeprefix(f"[{letter}] ")
            panel.title = f"[{letter}] {plain}" if on else plain
            panel.redraw()
        return labels

    def go_to(self, panel: Panel) -> None:
        """Give it the focus, in front if there is room for one only."""
        if panel in self.main_panels():
            self.bring_to_front(panel)
        self.call_after_refresh(panel.focus)

    def do_zoom(self) -> None:
        """The panel with the focus fills the screen, or every panel is there again."""
        if self.has_class("-zoomed"):
            self.do_unzoom()
        elif (panel := self.focused()) is not None:
            self._zoom(panel)

    def do_unzoom(self) -> None:
        """Every panel again."""
        self.remove_class("-zoomed")
        for panel in self.panels():
            panel.remove_class("-zoom")

    def _zoom(self, panel: Panel) -> None:
        for each in self.panels():
            each.set_class(each is panel, "-zoom")
        self.add_class("-zoomed")

    def back(self) -> bool:
        """Undo what `escape` undoes here; whether there was anything."""
        table = self.focused()
        if isinstance(table, RowTable) and table.query_text:
            table.filter("")
            return True
        if (chart := self.chart_in_sight()) is not None and chart.view.cursor is not None:
            chart.hide_cursor()
            return True
        if self.has_class("-zoomed"):
            self.do_unzoom()
            return True
        return False

    # --- keys that every panel understands --------------------------------------------------------

    def do_down(self) -> None:
        """One row on."""
        self._move(Way.DOWN)

    def do_up(self) -> None:
        """One row back."""
        self._move(Way.UP)

    def do_left(self) -> None:
        """One column back."""
        self._move(Way.LEFT)

    def do_right(self) -> None:
        """One column on."""
        self._move(Way.RIGHT)

    def do_top(self) -> None:
        """To the first."""
        self._move(Way.TOP)

    def do_bottom(self) -> None:
        """To the last."""
        self._move(Way.BOTTOM)

    def do_half_down(self) -> None:
        """Half a page on."""
        self._move(Way.HALF_DOWN)

    def do_half_up(self) -> None:
        """Half a page back."""
        self._move(Way.HALF_UP)

    def _move(self, way: Way) -> None:
        panel = self.focused()
        if panel is not None:
            move_within(panel, way)

    def do_next_match(self) -> None:
        """The next row that passes the filter: only such rows are shown."""
        self._move(Way.DOWN)

    def do_previous_match(self) -> None:
        """The one before."""
        self._move(Way.UP)

    def do_sort(self) -> None:
        """Sort the table with the focus by its next column."""
        panel = self.focused()
        if isinstance(panel, RowTable):
            panel.sort_next()

    def do_turn_sort(self) -> None:
        """Sort it the other way round."""
        panel = self.focused()
        if isinstance(panel, RowTable) and panel.sorted_by is not None:
            panel.sort_by(panel.sorted_by, descending=not panel.is_descending)

    def do_closer(self) -> None:
        """Wider candles; finer prices where the ladder has the focus."""
        self._zoom_in(1)

    def do_wider(self) -> None:
        """Narrower candles; coarser prices."""
        self._zoom_in(-1)

    def _zoom_in(self, steps: int) -> None:
        panel = self.focused()
        if isinstance(panel, Ladder):
            panel.zoom(steps)
        elif (chart := self.chart_in_sight()) is not None:
            chart.zoom(steps)

    def do_crosshair(self) -> None:
        """Show the cross-hair and give the chart the focus, or take it away."""
        chart = self.chart_in_sight()
        if chart is None:
            return
        if chart.view.cursor is None:
            chart.move_cursor(0)
            chart.focus()
        else:
            chart.hide_cursor()

    def chart_in_sight(self) -> CandleChart | None:
        """The screen's chart; None without one."""
        charts = (panel for panel in self.in_sight() if isinstance(panel, CandleChart))
        return next(charts, None)

    def cell_to_copy(self) -> str:
        """What `y` copies; empty for nothing."""
        panel = self.focused()
        return copied_cell(panel) if panel is not None else ""

    def row_to_copy(self) -> str:
        """What `Y` copies; empty for nothing."""
        panel = self.focused()
        return copied_row(panel) if panel is not None else ""

    # --- what is under the cursor -----------------------------------------------------------------

    def selected_symbol(self) -> str:
        """Of the row under the cursor, else the one shown."""
        row = self.selected_row()
        found = getattr(row, "symbol", "")
        return found if isinstance(found, str) and found else self.state.symbol

    def selected_key(self, table_id: str) -> str | None:
        """Of a table of this screen, by its id."""
        for table in self.tables():
            if table.id == table_id:
                return table.selected_key
        return None

    def chosen_row(self) -> object:
        """What is under the cursor, to be acted on; None where it only slipped under it."""
        row = self.selected_row()
        slipped = any(each.selected_row is row and each.has_slipped for each in self.tables())
        return None if slipped else row

    def selected_row(self) -> object:
        """What is under the cursor; None for nothing."""
        panel = self.focused()
        return cast("RowTable[object]", panel).selected_row if isinstance(panel, RowTable) else None


def _show_age(panel: Panel, age: str) -> None:
    """`~3s` behind the hint of a chart whose price is not fresh."""
    plain = panel.hint.partition(_AGE_MARK)[0]
    hint = f"{plain}{_AGE_MARK}{age.removeprefix('~')}" if age else plain
    if hint != panel.hint:
        panel.hint = hint
        panel.redraw()


_AGE_MARK: Final = " · ~"
