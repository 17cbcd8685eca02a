"""What is shown where no engine, or more than one, runs: what to type, or a list to choose from.

It looks again every second. Must never start an engine.
"""

from collections.abc import Mapping
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult

from alphaforge import __version__
from alphaforge.client import engines
from alphaforge.client.records import EngineRecord
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.options import AppOptions, glyphs_of, theme_of
from alphaforge.tui.text import clock
from alphaforge.tui.theme import DEFAULT_THEME, THEMES, css_variables, register_themes
from alphaforge.tui.widgets.columns import Cell, Column
from alphaforge.tui.widgets.lines import LinesPanel, Words
from alphaforge.tui.widgets.table import RowTable
from alphaforge.tui.words import mode_badge

_AGAIN_SECONDS = 1.0


def record_columns() -> tuple[Column[EngineRecord], ...]:
    """Of the engines that run."""

    def mode(row: EngineRecord) -> Cell:
        return Cell(mode_badge(row.mode).text, "accent")

    return (
        Column("run", "run", lambda row: Cell(row.run_id), 20, 26),
        Column("mode", "mode", mode, 8),
        Column("venue", "venue", lambda row: Cell(row.venue), 8, 16),
        Column(
            "strategies", "strategies", lambda row: Cell(", ".join(row.strategies)), 12, 40,
            "left", 1,
        ),
        Column("started", "started", lambda row: Cell(clock(row.started), "dim"), 8, None, "left",
               2),
        Column("pid", "pid", lambda row: Cell(str(row.pid), "dim"), 7, None, "right", 3),
        Column("version", "version", lambda row: Cell(row.version, "dim"), 8, None, "left", 4),
        Column("project", "project", lambda row: Cell(row.project, "dim"), 12, 60, "left", 5),
    )  # fmt: skip


class Welcome(App[object]):
    """Returns the `EngineRecord` that was chosen; None for leaving."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #said { height: 12; }
    #engines { height: 1fr; }
    """
    AUTO_FOCUS: ClassVar[str | None] = "#engines"

    def __init__(self, options: AppOptions, environ: Mapping[str, str]) -> None:
        super().__init__()
        register_themes(self)
        self._environ = environ
        self._wanted_theme = theme_of(options, environ)
        self.glyph_set = glyphs_of(options, environ)
        self.up_down = options.updown
        self._found: dict[str, EngineRecord] = {}
        self._problem = ""
        self._table: RowTable[EngineRecord] = RowTable(
            "ENGINES", record_columns(), empty="none runs yet; looking …", id="engines"
        )

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Variables of style sheets before a theme of ours is set."""
        return css_variables(THEMES[DEFAULT_THEME])

    def compose(self) -> ComposeResult:
        """What to type, and what runs."""
        yield LinesPanel(f"alphaforge {__version__}", id="said")
        yield self._table

    def on_mount(self) -> None:
        """Look now, and again every second."""
        self.theme = self._wanted_theme
        self.look()
        self.set_interval(_AGAIN_SECONDS, self.look)

    def look(self) -> None:
        """What runs now; the first to come up where none did is taken at once."""
        before = bool(self._found)
        try:
            running = engines.running(self._environ)
            self._problem = ""
        except AlphaForgeError as error:
            running, self._problem = [], f"{error} — {error.remedy}"
        self._found = {each.run_id: each for each in running}
        table = self._table
        table.hint = str(len(running))
        table.set_rows(self._found)
        self.query_one(LinesPanel).set_lines(self._said())
        if len(running) == 1 and not before and self.is_running:
            self.exit(running[0])

    def _said(self) -> list[list[Words]]:
        if self._problem:
            return [[], [Words(f" {self._problem}", "error")], [], [Words(" q leaves", "dim")]]
        if self._found:
            said = f" {len(self._found)} engines run: j k choose, enter opens, q leaves"
            return [[], [Words(said)]]
        return [
            [],
            [Words(" no engine is running", bold=True)],
            [],
            [Words(" start one, here or in another terminal:", "dim")],
            [],
            [Words("   alphaforge run strategies/sma_cross.py", "accent")],
            [Words("     play money on the built-in exchange, no network, no key", "dim")],
            [Words("   alphaforge run strategies/sma_cross.py --detach", "accent")],
            [Words("     the same in the background; alphaforge stop ends it", "dim")],
            [],
            [Words(" it is opened as soon as it runs · q leaves", "dim")],
        ]

    def on_key(self, event: events.Key) -> None:
        """Choose, open, leave."""
        table = self._table
        if event.key in {"q", "escape", "ctrl+c", "ctrl+q"}:
            self.exit(None)
        elif event.key in {"j", "down"}:
            table.move(1)
        elif event.key in {"k", "up"}:
            table.move(-1)
        elif event.key == "enter":
            self._open(table.selected_key)

    def on_row_table_activated(self, message: RowTable.Activated) -> None:
        """A second click opens."""
        self._open(message.key)

    def _open(self, key: str | None) -> None:
        if key is not None and key in self._found:
            self.exit(self._found[key])
